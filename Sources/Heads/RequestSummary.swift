package import Addresses

/// What detection sees of a request in a log: plain values of fixed size, and places in the line it was read from.
package struct RequestSummary: Equatable, Sendable, BitwiseCopyable {
    /// When it was logged: nanoseconds since 1970-01-01T00:00:00Z.
    package var time: Int64 = 0
    /// Who asked. Where `isPseudonym`, no address but a number that stands for one (a log that keeps no addresses, or a
    /// name that the server looked up): its first half is that number.
    package var source = Address(high: 0, low: 0)
    package var isPseudonym = false
    package var method = Method.other
    package var methodName = Slice.empty
    /// Path and query as they were asked for, in whatever form; an absolute form without its scheme and host.
    package var target = Slice.empty
    /// Bytes of the target before its first "?".
    package var pathLength: UInt32 = 0
    /// Bytes of a query that the log does not show.
    package var hiddenQueryLength: UInt32 = 0
    /// The site, without a port, as it was written; empty where the log has none.
    package var host = Slice.empty
    /// What the agent says of itself; empty where it says nothing, or the log does not show it.
    package var agent = Slice.empty
    /// FNV-1a of the agent; 0 where it is empty.
    package var agentHash: UInt64 = 0
    package var hasReferer = false
    /// 9, 10, 11, 20, 30; 0 where the log does not say.
    package var version: UInt8 = 0
    /// 0 where the log does not say.
    package var status: UInt16 = 0
    /// Of the answer's content.
    package var bytes: UInt64 = 0

    package init() {}

    /// The place of the query, behind the "?"; empty where there is none.
    package var query: Slice {
        guard pathLength < target.count else { return .empty }
        return Slice(Int(target.start) + Int(pathLength) + 1, target.range.upperBound)
    }

    package var path: Slice { Slice(Int(target.start), Int(target.start) + Int(min(pathLength, target.count))) }

    /// FNV-1a, spread over all bits; never 0.
    package static func hash(_ bytes: Span<UInt8>, _ slice: Slice) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        let end = min(slice.range.upperBound, bytes.count)
        var index = Int(slice.start)
        while index < end {
            hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01b3
            index += 1
        }
        return spread(hash)
    }

    /// Spreads a number over all bits; never 0.
    @inlinable
    package static func spread(_ value: UInt64) -> UInt64 {
        var hash = value ^ value >> 32
        hash = hash &* 0xd6e8_feb8_6659_fd93
        hash ^= hash >> 32
        return hash == 0 ? 1 : hash
    }
}
