package import Detection
package import Fingerprints
package import Messages
package import Moments
internal import Synchronization

/// What the lanes saw of requests, for one reader on another thread. The office's thread never waits; a reader that does
/// not keep up misses the oldest, which are counted; what an operator said is the last to go, for it was answered as done.
package final class RequestFeed: Sendable {
    package enum News: Sendable {
        /// Sites that the lane does not serve were taken out.
        case samples(RequestSamples, at: Moment)
        /// A fingerprint that came from outside, again and again while it is good.
        case take(Fingerprint, at: Moment)
        /// The operator's word on a rule, at one site or at all.
        case order(LiveRule.Order, rule: UInt64, site: String?)

        fileprivate var isOrder: Bool { if case .order = self { true } else { false } }
    }

    package static let limit = 256
    static let byteLimit = 32 << 20

    private struct State {
        var waiting: [(news: News, size: Int)] = []
        var size = 0
        var missed: UInt64 = 0
    }

    private let state = Mutex(State())
    private let bell: AsyncStream<Void>.Continuation
    let bells: AsyncStream<Void>

    package init() { (bells, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    package func put(_ news: News, size: Int) {
        state.withLock { state in
            state.waiting.append((news, size))
            state.size += size
            while state.waiting.count > Self.limit || state.size > Self.byteLimit {
                let oldest = state.waiting.firstIndex { !$0.news.isOrder } ?? 0
                state.size -= state.waiting.remove(at: oldest).size
                state.missed &+= 1
            }
        }
        ring()
    }

    func ring() { bell.yield() }

    /// Everything that waits, oldest first, and what was missed since the start.
    package func take() -> (news: [News], missed: UInt64) {
        state.withLock { state in
            defer {
                state.waiting = []
                state.size = 0
            }
            return (state.waiting.map(\.news), state.missed)
        }
    }
}
