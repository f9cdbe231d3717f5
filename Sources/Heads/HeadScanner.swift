/// Finds the end of a head in bytes that come in pieces, looking at each byte once, and refuses a line that ends with a
/// bare line feed as soon as it is seen (RFC 9112, section 2.2: a source of request smuggling).
package struct HeadScanner: Sendable {
    package enum Finding: Equatable, Sendable {
        /// The head is not whole yet.
        case more
        /// The head is whole: it begins at `start`, after empty lines that are ignored, and ends before `end`.
        case head(start: Int, end: Int)
        case refused(Refusal)
    }

    /// Bytes seen already.
    package private(set) var scanned = 0
    /// Where the head's first line begins.
    private var start = 0

    package init() {}

    /// Looks at the bytes that are new. `bytes` holds all of the message so far, from its first byte.
    package mutating func scan(_ bytes: Span<UInt8>, limit: Int) -> Finding {
        let end = min(bytes.count, limit)
        var index = scanned
        while index < end {
            guard bytes[index] == Octets.lineFeed else {
                index += 1
                continue
            }
            guard index > 0, bytes[index - 1] == Octets.carriageReturn else {
                return .refused(Refusal(.bareLineFeed, at: index))
            }
            if index == start + 1 {
                // An empty line before the head: some clients send one after a body; more is noise.
                guard start < 4 else { return .refused(Refusal(.badMethod, at: start)) }
                start = index + 1
            } else if bytes[index - 2] == Octets.lineFeed {
                return .head(start: start, end: index + 1)
            }
            index += 1
        }
        scanned = end
        return bytes.count >= limit ? .refused(Refusal(.headTooLong, at: limit)) : .more
    }
}
