/// Reads untrusted bytes front to back; every read is checked against the end of the input.
///
/// It borrows the bytes (it cannot outlive them), copies nothing, and reports the place of what it refuses.
public struct ByteReader: ~Escapable {
    @usableFromInline let bytes: RawSpan
    /// Bytes read so far.
    public private(set) var offset = 0

    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) {
        self.bytes = bytes
    }

    /// Bytes not read yet.
    public var remaining: Int { bytes.byteCount - offset }

    /// The error for what was just read, at the present place.
    public func malformed(_ reason: Malformed.Reason) -> Malformed { Malformed(reason, at: offset) }

    /// Reads one byte.
    public mutating func readByte() throws(Malformed) -> UInt8 {
        guard remaining >= 1 else { throw malformed(.truncated) }
        defer { offset += 1 }
        return bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// Reads an integer in network byte order.
    public mutating func readUInt16() throws(Malformed) -> UInt16 {
        guard remaining >= 2 else { throw malformed(.truncated) }
        defer { offset += 2 }
        return UInt16(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// Reads a 24-bit integer in network byte order.
    public mutating func readUInt24() throws(Malformed) -> Int {
        guard remaining >= 3 else { throw malformed(.truncated) }
        let high = try readByte()
        let low = try readUInt16()
        return Int(high) << 16 | Int(low)
    }

    /// Reads an integer in network byte order.
    public mutating func readUInt32() throws(Malformed) -> UInt32 {
        guard remaining >= 4 else { throw malformed(.truncated) }
        defer { offset += 4 }
        return UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// Reads an integer in network byte order.
    public mutating func readUInt64() throws(Malformed) -> UInt64 {
        guard remaining >= 8 else { throw malformed(.truncated) }
        defer { offset += 8 }
        return UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Takes the next `count` bytes as a view of the input; nothing is copied.
    @_lifetime(copy self)
    public mutating func readBytes(_ count: Int) throws(Malformed) -> RawSpan {
        guard count >= 0, remaining >= count else { throw malformed(.truncated) }
        let part = bytes.extracting(offset..<offset + count)
        offset += count
        return part
    }

    /// Takes the next `count` bytes as a reader of their own, whose places still count from the start of the whole input.
    @_lifetime(copy self)
    public mutating func readPart(_ count: Int) throws(Malformed) -> ByteReader {
        guard count >= 0, remaining >= count else { throw malformed(.truncated) }
        var part = ByteReader(bytes.extracting(0..<offset + count))
        part.offset = offset
        offset += count
        return part
    }

    /// Copies the next `count` bytes out.
    public mutating func readArray(_ count: Int) throws(Malformed) -> [UInt8] {
        let part = try readBytes(count)
        return part.withUnsafeBytes { [UInt8]($0) }
    }

    /// Passes over `count` bytes.
    public mutating func skip(_ count: Int) throws(Malformed) {
        guard count >= 0, remaining >= count else { throw malformed(.truncated) }
        offset += count
    }
}
