/// A field of a form, and what may be in it.
package struct Field: Sendable {
    package var name: String
    /// Bytes.
    package var limit: Int
    /// May be left empty.
    package var isOptional: Bool
    /// May hold line ends.
    package var hasLines: Bool
    /// Where not empty: one of these.
    package var choices: [String]

    init(_ name: String, _ limit: Int, isOptional: Bool = false, hasLines: Bool = false, choices: [String] = []) {
        self.name = name
        self.limit = limit
        self.isOptional = isOptional
        self.hasLines = hasLines
        self.choices = choices
    }
}

/// The fields of a form that was sent, checked: every field that the form has, once, and no other.
struct Form: Sendable {
    /// Bytes of a whole form.
    static let limit = 64 << 10
    /// The name of the field with the session's form key.
    static let keyField = "form-key"

    private var values: [String: String] = [:]

    /// - Parameter body: application/x-www-form-urlencoded.
    init(_ body: some Collection<UInt8>, fields: [Field]) throws {
        let fields = fields + [Field(Self.keyField, 64, isOptional: true)]
        guard body.count <= Self.limit else {
            throw Refusal(413, nl: "Het formulier is te groot.", en: "The form is too large.")
        }
        let pairs =
            body.isEmpty
            ? [] : body.split(separator: UInt8(ascii: "&"), maxSplits: 32, omittingEmptySubsequences: false)
        for pair in pairs {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, let name = Self.decoded(halves[0]), let value = Self.decoded(halves[1]) else {
                throw Refusal.invalid("Het formulier is niet goed verzonden.", "The form was not sent correctly.")
            }
            guard let field = fields.first(where: { $0.name == name }), values[name] == nil else {
                throw Refusal.invalid("Het formulier heeft een onbekend veld.", "The form has an unknown field.")
            }
            values[name] = try Self.checked(value, field)
        }
        for field in fields where !field.isOptional && values[field.name, default: ""].isEmpty {
            throw Refusal.invalid(
                "Het veld “\(field.name)” is niet ingevuld.", "The field “\(field.name)” has not been filled in.")
        }
    }

    /// Without any field.
    init() {}

    subscript(name: String) -> String { values[name, default: ""] }

    private static func checked(_ text: String, _ field: Field) throws -> String {
        var value = ""
        // Browsers send CR LF for a line end.
        for scalar in text.unicodeScalars where scalar != "\r" {
            let isControl = scalar.properties.generalCategory == .control
            guard !isControl || scalar == "\t" || (scalar == "\n" && field.hasLines) else {
                throw Refusal.invalid(
                    "Het veld “\(field.name)” heeft tekens die niet mogen.",
                    "The field “\(field.name)” has characters that are not allowed.")
            }
            value.unicodeScalars.append(scalar)
        }
        let blank: (Character) -> Bool = { $0.isWhitespace }
        if !["password", "current", "new", "repeat"].contains(field.name) {
            value = String(value.drop(while: blank))
            while let last = value.last, blank(last) { value.removeLast() }
        }
        guard value.utf8.count <= field.limit else {
            throw Refusal.invalid(
                "Het veld “\(field.name)” is te lang.", "The field “\(field.name)” is too long.")
        }
        guard value.isEmpty || field.choices.isEmpty || field.choices.contains(value) else {
            throw Refusal.invalid(
                "Het veld “\(field.name)” heeft een waarde die niet bestaat.",
                "The field “\(field.name)” has a value that does not exist.")
        }
        return value
    }

    /// Percent-encoding and "+" undone; nil where that is broken, or no UTF-8 comes out.
    static func decoded(_ text: some Collection<UInt8>) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = digit(rest.next()), let low = digit(rest.next()) else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        byte.flatMap { Character(UnicodeScalar($0)).hexDigitValue }.map { UInt8($0) }
    }
}
