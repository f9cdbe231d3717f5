package import Messages
package import Moments
internal import Synchronization

/// What the lanes say, for one reader on another thread: the recorder. The office puts news in and never waits; a reader
/// that does not keep up misses the oldest, which are counted.
package final class OfficeFeed: Sendable {
    package enum News: Equatable, Sendable {
        /// A lane's counters, every half second.
        case status(lane: String, LaneStatus, at: Moment)
        /// Who asked for what in the second before, every second.
        case traffic(lane: String, LaneTraffic, at: Moment)
    }

    /// News that may wait: a minute of five lanes.
    package static let limit = 900
    /// Bytes of the messages that may wait, as they came: a lane with thousands of sites sends megabytes a second.
    package static let byteLimit = 64 << 20

    private struct State {
        var waiting: [(news: News, size: Int)] = []
        var size = 0
        var missed = 0
    }

    private let state = Mutex(State())
    private let bell: AsyncStream<Void>.Continuation
    /// Has an element when there is something to take; for one reader. Ends with the office.
    package let bells: AsyncStream<Void>

    package init() {
        (bells, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// - Parameter size: bytes of the message, as it came.
    package func put(_ news: News, size: Int) {
        state.withLock { state in
            state.waiting.append((news, size))
            state.size += size
            var excess = 0
            while state.waiting.count - excess > Self.limit || state.size > Self.byteLimit {
                state.size -= state.waiting[excess].size
                excess += 1
            }
            state.waiting.removeFirst(excess)
            state.missed += excess
        }
        bell.yield()
    }

    /// Everything that waits, oldest first, and how many were missed since the last time.
    package func take() -> (news: [News], missed: Int) {
        state.withLock { state in
            defer { state = State() }
            return (state.waiting.map(\.news), state.missed)
        }
    }

    /// There is nothing more to come.
    package func end() { bell.finish() }
}
