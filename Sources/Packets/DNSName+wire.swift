extension DNSName {
    /// The name in wire format at a place of a frame (RFC 1035, section 3.1) as text: lower case, "." for the root; nil where
    /// it is cut off, compressed, longer than 253 bytes, or holds what is no printable ASCII.
    package static func text(at offset: Int, in frame: RawSpan) -> String? {
        var text: [UInt8] = []
        var place = offset
        while place < frame.byteCount {
            let length = Int(frame.unsafeLoad(fromByteOffset: place, as: UInt8.self))
            guard length > 0 else { return text.isEmpty ? "." : String(decoding: text, as: UTF8.self) }
            guard length < 64, place + 1 + length <= frame.byteCount, text.count + length < 253 else { return nil }
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            for index in place + 1...place + length {
                // Within the frame: checked just above.
                let byte = frame.unsafeLoad(fromByteOffset: index, as: UInt8.self)
                guard byte > 32, byte < 127 else { return nil }
                text.append((65...90).contains(byte) ? byte | 0x20 : byte)
            }
            place += 1 + length
        }
        return nil
    }
}
