internal import Fingerprints
internal import Moments

/// The members of an object that has just these keys, with values read strictly: every value can be written one way
/// only, so that what was read and is written again is the same bytes.
struct Fields {
    private let members: [String: JSONValue]
    /// Before each key in messages: "evidence.".
    private let path: String

    init(
        _ value: JSONValue, at path: String, keys: [String], optional: [String] = []
    ) throws(ExchangeError) {
        guard case .object(let members) = value else { throw Self.wrong(path, "an object expected") }
        for member in members where !keys.contains(member.key) && !optional.contains(member.key) {
            throw ExchangeError(.unknownKey, "\"\(path)\(Text.shown(member.key))\" is no key of this form")
        }
        self.members = Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        self.path = path
        for key in keys where self.members[key] == nil {
            throw ExchangeError(.missingKey, "\"\(path)\(key)\" is not there")
        }
    }

    static func wrong(_ name: String, _ reason: String) -> ExchangeError {
        ExchangeError(.wrongValue, "\(name): \(reason)")
    }

    /// One of the keys that the object was made with; null for any other.
    subscript(key: String) -> JSONValue { members[key] ?? .null }

    func text(_ key: String, where isAllowed: (String) -> Bool) throws(ExchangeError) -> String {
        guard case .string(let text) = self[key], isAllowed(text) else {
            throw Self.wrong(path + key, "not a text that may stand here")
        }
        return text
    }

    func has(_ key: String) -> Bool { members[key] != nil }

    /// Null, or a text.
    func optionalText(_ key: String, where isAllowed: (String) -> Bool) throws(ExchangeError) -> String? {
        self[key] == .null ? nil : try text(key, where: isAllowed)
    }

    /// Null, or true or false.
    func optionalBool(_ key: String) throws(ExchangeError) -> Bool? {
        switch self[key] {
        case .null: return nil
        case .bool(let value): return value
        default: throw Self.wrong(path + key, "true, false or null expected")
        }
    }

    /// Null, or a share.
    func optionalShare(_ key: String) throws(ExchangeError) -> Double? {
        self[key] == .null ? nil : try share(key)
    }

    func bytes(_ key: String, count: Int) throws(ExchangeError) -> [UInt8] {
        guard case .string(let text) = self[key], let bytes = Text.bytes(hexadecimal: text, count: count) else {
            throw Self.wrong(path + key, "\(2 * count) small hexadecimal digits expected")
        }
        return bytes
    }

    func count(_ key: String) throws(ExchangeError) -> UInt64 {
        guard case .number(let text) = self[key], let value = UInt64(text), value <= Fingerprint.countLimit,
            text == String(value)
        else { throw Self.wrong(path + key, "a count up to 2^53 - 1 expected") }
        return value
    }

    /// A share from 0 to 1: "0", "1", or "0." and up to six digits, the last no zero.
    func share(_ key: String) throws(ExchangeError) -> Double {
        guard case .number(let text) = self[key] else { throw Self.wrong(path + key, "a number from 0 to 1 expected") }
        if text == "0" || text == "1" { return text == "0" ? 0 : 1 }
        let digits = text.dropFirst(2)
        guard text.hasPrefix("0."), (1...6).contains(digits.utf8.count), !digits.hasSuffix("0"),
            digits.utf8.allSatisfy({ (48...57).contains($0) }), let value = Double(text)
        else { throw Self.wrong(path + key, "a number from 0 to 1 with at most six decimals expected") }
        return value
    }

    func time(_ key: String) throws(ExchangeError) -> Moment {
        guard case .string(let text) = self[key], let moment = Moment(text), moment.text == text else {
            throw Self.wrong(path + key, "a time in UTC expected, as 2026-11-23T16:43:48Z")
        }
        return moment
    }
}
