/// The head of an origin's response, read strictly (RFC 9112, section 4): places in its bytes, and what follows.
package struct ResponseHead: Sendable {
    package var status = 0
    package var minorVersion = 1
    /// The reason phrase, which may be empty.
    package var reason = Slice.empty
    package var fields: [Field] = []
    package var framing = Framing.none
    /// Whether the origin lets the connection stand afterwards.
    package var keepsAlive = true
    package var hasConnectionOptions = false

    package init() {
        fields.reserveCapacity(128)
    }

    /// Reads the head in `bytes`, which begins at `start` and ends right after its empty line, as the answer to a
    /// request with `method`. Returns why it was refused, or nil.
    package mutating func read(
        _ bytes: Span<UInt8>, from start: Int, method: Method, fieldLimit: Int = 200
    ) -> Refusal? {
        fields.removeAll(keepingCapacity: true)
        hasConnectionOptions = false
        guard let end = RequestHead.lineEnd(bytes, from: start), end - start >= 12,
            bytes.holds("http/1.", in: Slice(start, start + 7)), Octets.isDigit(bytes[start + 7]),
            bytes[start + 7] <= UInt8(ascii: "1"), bytes[start + 8] == Octets.space
        else { return Refusal(.badStatusLine, at: start) }
        minorVersion = Int(bytes[start + 7] - 48)
        status = 0
        for index in start + 9..<start + 12 {
            guard Octets.isDigit(bytes[index]) else { return Refusal(.badStatusLine, at: index) }
            status = status * 10 + Int(bytes[index] - 48)
        }
        guard (100...599).contains(status), end == start + 12 || bytes[start + 12] == Octets.space else {
            return Refusal(.badStatusLine, at: start + 9)
        }
        reason = end > start + 13 ? Slice(start + 13, end) : .empty
        for index in reason.range where !Octets.isValue(bytes[index]) { return Refusal(.badStatusLine, at: index) }
        if let refusal = RequestHead.readFields(bytes, from: end + 2, limit: fieldLimit, into: &fields) {
            return refusal
        }
        return conclude(bytes, method)
    }

    private mutating func conclude(_ bytes: Span<UInt8>, _ method: Method) -> Refusal? {
        var length: UInt64?
        var isChunked = false
        var close = false
        var keep = false
        for field in fields where !field.isLookalike {
            switch field.id {
            case .contentLength:
                guard let number = RequestHead.number(bytes, field.value) else {
                    return Refusal(.badContentLength, at: Int(field.value.start))
                }
                guard length == nil || length == number else {
                    return Refusal(.duplicateContentLength, at: Int(field.value.start))
                }
                length = number
            case .transferEncoding:
                guard !isChunked, bytes.holds("chunked", in: field.value) else {
                    return Refusal(.badCoding, at: Int(field.value.start))
                }
                isChunked = true
            case .connection:
                bytes.members(of: field.value) { option in
                    if bytes.holds("close", in: option) {
                        close = true
                    } else if bytes.holds("keep-alive", in: option) {
                        keep = true
                    } else if !bytes.holds("upgrade", in: option) {
                        hasConnectionOptions = true
                    }
                    return true
                }
            default:
                break
            }
        }
        guard !isChunked || length == nil else { return Refusal(.lengthAndCoding, at: 0) }
        keepsAlive = minorVersion == 1 ? !close : keep && !close
        if method == .head || status < 200 || status == 204 || status == 304 {
            framing = .none
        } else if isChunked {
            framing = .chunked
        } else if let length {
            framing = length == 0 ? .none : .length(length)
        } else {
            framing = .untilClose
            keepsAlive = false
        }
        return nil
    }

    /// Whether Connection names this field as one that ends here.
    package func connectionNames(_ field: Field, _ bytes: Span<UInt8>) -> Bool {
        guard hasConnectionOptions else { return false }
        return bytes.connection(fields, names: field)
    }

    /// The first field of that name, or nil.
    package func first(_ id: FieldName) -> Field? {
        for field in fields where field.id == id && !field.isLookalike { return field }
        return nil
    }
}
