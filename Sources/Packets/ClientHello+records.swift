package import Bytes

// The ClientHello as it comes over TCP: in TLS records, which may cut the message anywhere.
extension ClientHello {
    /// Records over which one message may be spread. Clients use one; those that hide the name from a middlebox use a
    /// few.
    package static let fragmentLimit = 32
    /// Bytes that may have to arrive before the message is whole or refused.
    package static let recordBytesLimit = lengthLimit + messageHeaderSize + fragmentLimit * recordHeaderSize

    private static let recordHeaderSize = 5
    private static let messageHeaderSize = 4
    /// Longest content of one record in clear (RFC 8446, section 5.1).
    private static let recordLimit = 1 << 14

    /// What the bytes so far amount to.
    package enum Reading: Equatable, Sendable {
        /// Nothing new can be said before so many bytes have come, counted from the start; more than were given.
        case more(Int)
        /// The message, and the length of the records that hold it.
        case hello(ClientHello, length: Int)
    }

    /// Reads the message from the start of a connection. It starts anew each time: wait for the bytes asked for.
    ///
    /// Only a message in several records is copied. Anything that is not TLS is refused at its first byte.
    package static func read(records bytes: RawSpan) throws(Malformed) -> Reading {
        guard let first = try recordEnd(bytes, from: 0) else { return .more(recordHeaderSize) }
        let size = try messageSize(bytes.extracting(recordHeaderSize..<min(first, bytes.byteCount)))
        guard bytes.byteCount >= first else { return .more(first) }
        if let size, recordHeaderSize + size == first {
            let body = bytes.extracting(recordHeaderSize + messageHeaderSize..<first)
            return .hello(try shifted(by: recordHeaderSize + messageHeaderSize, body), length: first)
        }
        return try readFragments(bytes)
    }

    private static func readFragments(_ bytes: RawSpan) throws(Malformed) -> Reading {
        var message: [UInt8] = []
        var offset = 0
        for _ in 0..<fragmentLimit {
            guard let end = try recordEnd(bytes, from: offset) else { return .more(offset + recordHeaderSize) }
            guard bytes.byteCount >= end else { return .more(end) }
            bytes.extracting(offset + recordHeaderSize..<end).withUnsafeBytes { message.append(contentsOf: $0) }
            offset = end
            guard let size = try messageSize(message.span.bytes), message.count >= size else { continue }
            // Nothing else may come before our answer, least of all in the same record.
            guard message.count == size else { throw Malformed(.contradictory, at: end) }
            let body = message.span.bytes.extracting(messageHeaderSize..<size)
            return .hello(try shifted(by: 0, body), length: end)
        }
        throw Malformed(.overBudget, at: offset)
    }

    /// Where the record at `offset` ends; nil while its header has not come.
    private static func recordEnd(_ bytes: RawSpan, from offset: Int) throws(Malformed) -> Int? {
        var reader = ByteReader(bytes)
        try reader.skip(offset)
        guard reader.remaining >= 1 else { return nil }
        guard try reader.readByte() == 22 else { throw Malformed(.invalid, at: offset) }
        guard reader.remaining >= 1 else { return nil }
        guard try reader.readByte() == 3 else { throw Malformed(.unsupported, at: offset + 1) }
        guard reader.remaining >= 3 else { return nil }
        try reader.skip(1)
        let length = Int(try reader.readUInt16())
        guard length > 0 else { throw Malformed(.invalid, at: offset + 3) }
        guard length <= recordLimit else { throw Malformed(.overBudget, at: offset + 3) }
        return offset + recordHeaderSize + length
    }

    /// Bytes of the message with its header, or nil while the header has not come.
    private static func messageSize(_ message: RawSpan) throws(Malformed) -> Int? {
        var reader = ByteReader(message)
        guard reader.remaining >= 1 else { return nil }
        guard try reader.readByte() == 1 else { throw Malformed(.invalid, at: recordHeaderSize) }
        guard reader.remaining >= 3 else { return nil }
        let length = try reader.readUInt24()
        guard length <= lengthLimit else { throw Malformed(.overBudget, at: recordHeaderSize + 1) }
        return messageHeaderSize + length
    }

    /// Reads the message, errors placed in the bytes around it.
    private static func shifted(by offset: Int, _ body: RawSpan) throws(Malformed) -> ClientHello {
        do throws(Malformed) {
            return try ClientHello(decoding: body)
        } catch {
            throw Malformed(error.reason, at: error.offset + offset)
        }
    }
}
