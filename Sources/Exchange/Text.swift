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

    /// Whether a route could hold an address: digits other than the "0" that stands for a run of them in every route,
    /// or three groups of hexadecimal digits with colons between, as in IPv6.
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

    /// What a fingerprint is of: words of small letters and digits with "-" between, at most 64 bytes.
    static func isKind(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.split(separator: "-", omittingEmptySubsequences: false).allSatisfy { word in
                !word.isEmpty && word.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) }
            }
    }

    /// Names of headers (RFC 9110, section 5.6.2) with commas between: at most 64, of at most 64 bytes each.
    static func isHeaderNames(_ text: String) -> Bool {
        let names = text.split(separator: ",", maxSplits: 64, omittingEmptySubsequences: false)
        return names.count <= 64 && names.allSatisfy { (1...64).contains($0.utf8.count) && $0.utf8.allSatisfy(isToken) }
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// HTTP/2 settings (RFC 9113, section 6.5): "1:65536;2:0", at most 32; or a lane's number for them: 16 digits.
    static func isHTTP2Settings(_ text: String) -> Bool {
        if text.utf8.count == 16, text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) {
            return true
        }
        let settings = text.split(separator: ";", maxSplits: 32, omittingEmptySubsequences: false)
        return settings.count <= 32
            && settings.allSatisfy { setting in
                let parts = setting.split(separator: ":", omittingEmptySubsequences: false)
                return parts.count == 2 && isNumber(parts[0], upTo: UInt64(UInt16.max))
                    && isNumber(parts[1], upTo: UInt64(UInt32.max))
            }
    }

    private static func isNumber(_ digits: Substring, upTo most: UInt64) -> Bool {
        guard let number = UInt64(digits), number <= most else { return false }
        return digits == String(number)
    }

    /// Text to be shown to people: plain, of 1 to so many bytes.
    static func isPlain(_ text: String, upTo limit: Int) -> Bool {
        (1...limit).contains(text.utf8.count) && isPlain(text)
    }

    /// Four numbers below 256 with dots between, or groups of hexadecimal digits with two colons: what could be an
    /// address where other digits are allowed.
    static func looksLikeAddress(_ text: String) -> Bool {
        let words = text.split { !($0.isHexDigit || $0 == "." || $0 == ":") }
        return words.contains { word in
            word.utf8.count { $0 == UInt8(ascii: ":") } >= 2
                || word.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) != nil }
                    .split(separator: false).contains { $0.count >= 4 }
        }
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
