/// Reads one JSON text (RFC 8259) from bytes that nobody vouches for. Strict: no comments, no second value, no lone
/// surrogate, no invalid UTF-8. Bounded: depth and members; the caller bounds the length.
package struct JSONReader {
    /// How much one text may hold.
    package struct Limits {
        var depth: Int
        /// Of one object.
        var members: Int
        /// Of one array.
        var elements: Int

        package init(depth: Int, members: Int, elements: Int) {
            self.depth = depth
            self.members = members
            self.elements = elements
        }

        /// A fingerprint is four deep and has at most eleven members, and 21 conditions, at one place.
        package static let fingerprint = Limits(depth: 8, members: 64, elements: 64)
    }

    private let bytes: [UInt8]
    private let limits: Limits
    private var place = 0

    private init(_ bytes: [UInt8], _ limits: Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    package static func read(_ bytes: [UInt8], within limits: Limits = .fingerprint) throws(ExchangeError) -> JSONValue
    {
        var reader = JSONReader(bytes, limits)
        let value = try reader.readValue(depth: 0)
        reader.skipSpace()
        guard reader.place == bytes.count else { throw reader.error("something follows the value") }
        return value
    }

    private func error(_ reason: String) -> ExchangeError {
        place >= bytes.count
            ? ExchangeError(.truncated, "ends at byte \(place): \(reason)")
            : ExchangeError(.notJSON, "at byte \(place): \(reason)")
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { place += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ text: String) throws(ExchangeError) {
        for byte in text.utf8 {
            guard take(byte) else { throw error("\"\(text)\" expected") }
        }
    }

    private mutating func readValue(depth: Int) throws(ExchangeError) -> JSONValue {
        guard depth < limits.depth else { throw error("deeper than \(limits.depth)") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try readObject(depth: depth)
        case UInt8(ascii: "["): return try readArray(depth: depth)
        case UInt8(ascii: "\""): return .string(try readString())
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        case UInt8(ascii: "t"):
            try expect("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .bool(false)
        default: return .number(try readNumber())
        }
    }

    private mutating func readObject(depth: Int) throws(ExchangeError) -> JSONValue {
        place += 1
        var members: [JSONValue.Member] = []
        var keys: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([]) }
        while members.count < limits.members {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("a key expected") }
            let key = try readString()
            guard keys.insert(key).inserted else {
                throw ExchangeError(.repeatedKey, "\"\(Text.shown(key))\" stands there twice")
            }
            skipSpace()
            try expect(":")
            members.append(JSONValue.Member(key, try readValue(depth: depth + 1)))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            try expect(",")
        }
        throw error("more than \(limits.members) members")
    }

    private mutating func readArray(depth: Int) throws(ExchangeError) -> JSONValue {
        place += 1
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        while values.count < limits.elements {
            values.append(try readValue(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(values) }
            try expect(",")
        }
        throw error("more than \(limits.elements) elements")
    }

    private mutating func readNumber() throws(ExchangeError) -> String {
        let start = place
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try readDigits() }
        if take(UInt8(ascii: ".")) { try readDigits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try readDigits()
        }
        return String(decoding: bytes[start..<place], as: UTF8.self)
    }

    private mutating func readDigits() throws(ExchangeError) {
        let start = place
        while let byte = next, (48...57).contains(byte) { place += 1 }
        guard place > start else { throw error("a value expected") }
    }

    private mutating func readString() throws(ExchangeError) -> String {
        place += 1
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw error("not UTF-8") }
                place += 1
                return string
            case UInt8(ascii: "\\"):
                place += 1
                try readEscape(into: &text)
            case 0..<32: throw error("a control character in a text")
            default:
                text.append(byte)
                place += 1
            }
        }
        throw error("a text without its end")
    }

    private mutating func readEscape(into text: inout [UInt8]) throws(ExchangeError) {
        guard let byte = next else { throw error("a text without its end") }
        if let meant = Self.meaning(byte) {
            place += 1
            return text.append(meant)
        }
        var code = UInt32(try readUnit())
        if (0xd800..<0xdc00).contains(code) {
            try expect("\\")
            let low = UInt32(try readUnit())
            guard (0xdc00..<0xe000).contains(low) else { throw error("half a surrogate pair") }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
        text += Array(String(Character(scalar)).utf8)
    }

    /// Of the escapes of one letter.
    private static func meaning(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "f"): 12
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "t"): 9
        default: nil
        }
    }

    /// "u" and four hexadecimal digits.
    private mutating func readUnit() throws(ExchangeError) -> UInt16 {
        try expect("u")
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Text.hexadecimal(byte) else {
                throw error("four hexadecimal digits expected")
            }
            unit = unit << 4 | UInt16(digit)
            place += 1
        }
        return unit
    }
}
