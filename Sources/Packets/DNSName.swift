/// Names of DNS as conditions hold them, and their hash.
package enum DNSName {
    /// FNV-1a over the text in lower case, without a final dot; "." for the root. It need not resist collisions: a
    /// fingerprint's name is compared with what was asked, and a wrong hit is another name of the same attack.
    package static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 {
            hash = (hash ^ UInt64((65...90).contains(byte) ? byte | 0x20 : byte)) &* 0x100_0000_01b3
        }
        return hash
    }
}
