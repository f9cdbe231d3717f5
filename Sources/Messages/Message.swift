package import Addresses
package import Bytes

/// A value that crosses a socket or lies in a file in our own binary form: written and read field by field, in the
/// order of its declaration, lengths first.
package protocol Message: Sendable {
    func write(to writer: inout ByteWriter)
    /// Throws where the bytes are cut off, exceed a budget, or hold a value that is none of ours.
    init(reading reader: inout ByteReader) throws(Malformed)
}

extension Message {
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Reads a value that fills the bytes exactly.
    package init(decoding bytes: RawSpan) throws(Malformed) {
        var reader = ByteReader(bytes)
        self = try Self(reading: &reader)
        guard reader.remaining == 0 else { throw reader.malformed(.invalid) }
    }
}

extension ByteWriter {
    package mutating func write(_ value: Bool) { write(UInt8(value ? 1 : 0)) }

    /// A byte string, its length first (32 bits).
    package mutating func writeBlob(_ bytes: [UInt8]) {
        write(UInt32(bytes.count))
        write(bytes)
    }

    package mutating func writeText(_ text: String) { writeBlob(Array(text.utf8)) }

    package mutating func write(_ address: Address) {
        write(address.high)
        write(address.low)
    }

    package mutating func write(_ prefix: Prefix) {
        write(prefix.address)
        write(UInt8(prefix.length))
    }

    package mutating func write(_ endpoint: Endpoint) {
        write(endpoint.address)
        write(endpoint.port)
    }

    /// A list, its count first (32 bits).
    package mutating func writeList<Element>(_ list: [Element], _ write: (Element, inout ByteWriter) -> Void) {
        self.write(UInt32(list.count))
        for element in list { write(element, &self) }
    }
}

extension ByteReader {
    package mutating func readBool() throws(Malformed) -> Bool {
        switch try readByte() {
        case 0: false
        case 1: true
        default: throw malformed(.invalid)
        }
    }

    /// A byte string of at most `limit` bytes.
    package mutating func readBlob(limit: Int = 1 << 20) throws(Malformed) -> [UInt8] {
        let count = Int(try readUInt32())
        guard count <= limit else { throw malformed(.overBudget) }
        return try readArray(count)
    }

    /// UTF-8 text of at most `limit` bytes.
    package mutating func readText(limit: Int = 4096) throws(Malformed) -> String {
        let bytes = try readBlob(limit: limit)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed(.invalid) }
        return text
    }

    package mutating func readAddress() throws(Malformed) -> Address {
        Address(high: try readUInt64(), low: try readUInt64())
    }

    /// An address block in the one form in which it is written: no bits after its length, no length over its version's.
    package mutating func readPrefix() throws(Malformed) -> Prefix {
        let address = try readAddress()
        let length = Int(try readByte())
        let prefix = Prefix(address, length: length)
        guard prefix.address == address, prefix.length == length else { throw malformed(.invalid) }
        return prefix
    }

    package mutating func readEndpoint() throws(Malformed) -> Endpoint {
        Endpoint(try readAddress(), port: try readUInt16())
    }

    /// A value out of a closed set.
    package mutating func readCase<Value: RawRepresentable<UInt8>>(
        _: Value.Type = Value.self
    ) throws(Malformed) -> Value {
        guard let value = Value(rawValue: try readByte()) else { throw malformed(.invalid) }
        return value
    }

    /// A list of at most `limit` elements.
    package mutating func readList<Element>(
        limit: Int = 4096, _ read: (inout ByteReader) throws(Malformed) -> Element
    ) throws(Malformed) -> [Element] {
        let count = Int(try readUInt32())
        guard count <= limit else { throw malformed(.overBudget) }
        var list: [Element] = []
        for _ in 0..<count { list.append(try read(&self)) }
        return list
    }
}
