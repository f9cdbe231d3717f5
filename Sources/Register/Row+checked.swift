internal import FoundationEssentials
internal import GRDB

// GRDB's subscripts trap on a value of another type. A damaged file can hold one, and damage is no reason to crash.
extension Row {
    /// The column as that type; throws where it holds something else.
    func value<Value: DatabaseValueConvertible>(_ index: Int) throws(RegisterError) -> Value {
        guard index < count, let value = Value.fromDatabaseValue(self[index] as DatabaseValue) else {
            throw RegisterError(.torn, "the register is damaged: column \(index) of a row holds something else")
        }
        return value
    }

    func optional<Value: DatabaseValueConvertible>(_ index: Int) throws(RegisterError) -> Value? {
        guard index < count, !(self[index] as DatabaseValue).isNull else { return nil }
        return try value(index) as Value
    }

    func bytes(_ index: Int) throws(RegisterError) -> [UInt8] { Array(try value(index) as Data) }

    /// A count that was stored as the same 64 bits, signed.
    func unsigned(_ index: Int) throws(RegisterError) -> UInt64 { UInt64(bitPattern: try value(index)) }

    func word<Word: RawRepresentable>(_ index: Int) throws(RegisterError) -> Word where Word.RawValue == String {
        let text: String = try value(index)
        guard let word = Word(rawValue: text) else {
            throw RegisterError(.torn, "the register is damaged: '\(text.prefix(40))' is no \(Word.self)")
        }
        return word
    }

    func json<Form: Decodable>(_ index: Int) throws(RegisterError) -> Form {
        try Form.read(json: Array((try value(index) as String).utf8))
    }
}

extension Decodable {
    static func read(json: [UInt8]) throws(RegisterError) -> Self {
        do { return try JSONDecoder().decode(Self.self, from: Data(json)) } catch {
            throw RegisterError(.torn, "the register is damaged: a stored \(Self.self) cannot be read")
        }
    }
}

extension Encodable {
    /// JSON with sorted keys: equal values give equal texts.
    func json() throws(RegisterError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return String(decoding: try encoder.encode(self), as: UTF8.self) } catch {
            throw RegisterError(.invalid, "a \(Self.self) holds a number that cannot be stored")
        }
    }
}
