internal import Detection
internal import Fingerprints
internal import Messages
internal import Moments
internal import Synchronization

/// What the lanes saw of requests, for one reader on another thread. The office's thread never waits; a reader that does
/// not keep up misses the oldest, which are counted.
package final class RequestFeed: Sendable {
    enum News: Sendable {
        /// Sites that the lane does not serve were taken out.
        case samples(RequestSamples, at: Moment)
        /// A fingerprint that came from outside, again and again while it is good.
        case take(Fingerprint, at: Moment)
        /// The operator's word on a rule, at one site or at all.
        case order(LiveRule.Order, rule: UInt64, site: String?)
    }

    static let limit = 256
    static let byteLimit = 32 << 20

    private struct State {
        var waiting: [(news: News, size: Int)] = []
        var size = 0
        var missed: UInt64 = 0
    }

    private let state = Mutex(State())
    private let bell: AsyncStream<Void>.Continuation
    let bells: AsyncStream<Void>

    init() { (bells, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func put(_ news: News, size: Int) {
        state.withLock { state in
            state.waiting.append((news, size))
            state.size += size
            var excess = 0
            while state.waiting.count - excess > Self.limit || state.size > Self.byteLimit {
                state.size -= state.waiting[excess].size
                excess += 1
            }
            state.waiting.removeFirst(excess)
            state.missed &+= UInt64(excess)
        }
        ring()
    }

    func ring() { bell.yield() }

    /// Everything that waits, oldest first, and what was missed since the start.
    func take() -> (news: [News], missed: UInt64) {
        state.withLock { state in
            defer {
                state.waiting = []
                state.size = 0
            }
            return (state.waiting.map(\.news), state.missed)
        }
    }
}
