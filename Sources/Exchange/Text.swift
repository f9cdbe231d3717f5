/// What texts of a fingerprint may hold.
enum Text {
    /// A method: capitals, "-" and "_", 1-32.
    static func isMethod(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { (65...90).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }

    /// A JA4 fingerprint: ten of shape, then two hashes of twelve digits.
    static func isJA4(_ text: String) -> Bool {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.map(\.utf8.count) == [10, 12, 12] else { return false }
        return parts[0].utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) }
            && parts[1...].allSatisfy { isHexadecimal(String($0), count: 12) }
    }

    /// Whether a route could hold an address: digits other than the "0" that stands for a run of them in every route, or
    /// three groups of hexadecimal digits with colons between, as in IPv6.
    static func holdsAddress(_ route: String) -> Bool {
        var before: UInt8 = 0
        var colons = 0
        for byte in route.utf8 {
            if (48...57).contains(byte), byte != 48 || (48...57).contains(before) { return true }
            if byte == UInt8(ascii: ":") {
                colons += 1
                if colons == 2 { return true }
            } else if hexadecimal(byte | 0x20) == nil, byte != UInt8(ascii: ".") {
                colons = 0
            }
            before = byte
        }
        return false
    }

    /// Nothing that a terminal or a page would obey instead of showing: no control, format or private characters.
    static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy {
            switch $0.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
            default: true
            }
        }
    }

    /// A text from elsewhere as it may stand in a message: plain, at most 40 characters.
    static func shown(_ text: String) -> String {
        String(text.prefix(40).map { isPlain(String($0)) ? $0 : "?" })
    }

    static func isHexadecimal(_ text: String, count: Int) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 97...102: byte - 87
        case 65...70: byte - 55
        default: nil
        }
    }

    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// Bytes of small hexadecimal digits; nil for anything else.
    static func bytes(hexadecimal text: String, count: Int) -> [UInt8]? {
        guard isHexadecimal(text, count: 2 * count) else { return nil }
        let digits = text.utf8.compactMap { hexadecimal($0) }
        return (0..<count).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
    }
}
