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
        while true {
            index = Self.lineFeed(in: bytes, from: index, to: end)
            guard index < end else { break }
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

    /// The next line feed, or `end`: eight bytes at a time (a byte is zero after the exclusive-or exactly where it was a
    /// line feed; the subtraction borrows there first).
    private static func lineFeed(in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        let raw = bytes.bytes
        while index + 8 <= end {
            let word =
                raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
                ^ 0x0a0a_0a0a_0a0a_0a0a
            let zeros = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
            if zeros != 0 { return index + zeros.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < end, bytes[index] != Octets.lineFeed { index += 1 }
        return index
    }
}
