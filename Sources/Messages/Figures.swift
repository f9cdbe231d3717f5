package import Bytes

/// A message of nothing but counters.
package protocol Figures: Message {
    /// Every figure, in the order in which they are written.
    static var fields: [any WritableKeyPath<Self, UInt64> & Sendable] { get }

    init()
}

extension Figures {
    package mutating func add(_ other: Self) {
        for field in Self.fields { self[keyPath: field] &+= other[keyPath: field] }
    }

    package func write(to writer: inout ByteWriter) {
        for field in Self.fields { writer.write(self[keyPath: field]) }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        for field in Self.fields { self[keyPath: field] = try reader.readUInt64() }
    }
}
