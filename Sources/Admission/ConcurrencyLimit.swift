package import Sketches

/// How many requests one origin can hold at once before it gets slower, found from its own times to first byte.
///
/// After Netflix' Gradient2 (concurrency-limits): the limit shrinks with the ratio of the expected to the observed time
/// and grows by a little head-room. Three differences. Times are compared like with like: a window sums what its
/// requests took and what the same routes take when the origin is not busy, so that a shift from cheap to dear requests
/// does not look like a slow origin. There is no probe phase: a limit that shrank to its floor lets the route costs
/// learn the new normal (``RouteCosts``), after which it recovers. And a limit that is not used is left alone.
package struct ConcurrencyLimit: Sendable {
    /// Requests at once; the whole part counts.
    package private(set) var limit: Float
    package private(set) var inFlight = 0
    /// An origin that does not answer takes no part.
    package var isHealthy = true

    /// Fewer than two at once would make a slow network look like a slow origin.
    private static let floor: Float = 2
    private static let ceiling: Float = 4096
    /// Slower by less than this is not slower.
    private static let tolerance: Float = 1.1
    /// Milliseconds that noise of the network and of scheduling may add.
    private static let noise: Float = 1

    /// Answers that make a window of a tenth of a second worth judging.
    private static let enough = 8

    /// About where the origin was found slow: what is below it is found again quickly, what is beyond only carefully, as a
    /// sender does with its slow start threshold (RFC 5681, section 3.1).
    private var knee = Float.infinity
    /// Of the knee, by each slow window at a lower limit, and by each one that is not slow: a second of noise leaves more
    /// than half of it, and after five seconds without any it is 2.7 times higher, for an origin may have grown.
    private static let lowering: Float = 0.95
    private static let forgetting: Float = 1.02

    private var windowStart: Instant
    private var observed: Float = 0
    private var expected: Float = 0
    private var samples = 0
    private var peak = 0
    /// Requests in flight, summed over the moments at which one began, and how many began.
    private var held = 0
    private var begun = 0

    package init(initial: Float = 10, at now: Instant) {
        limit = initial
        windowStart = now
    }

    /// Slots that may be filled.
    package var slots: Int { isHealthy ? Int(limit) : 0 }

    package mutating func began() {
        inFlight += 1
        peak = max(peak, inFlight)
        held += inFlight
        begun += 1
    }

    package mutating func ended() {
        assert(inFlight > 0, "a slot was given back twice")
        inFlight = max(0, inFlight - 1)
    }

    /// Takes in one time to first byte, with what its route takes when the origin is not busy; both in milliseconds.
    package mutating func answered(after observed: Float, usually expected: Float, at now: Instant) {
        self.observed += observed
        self.expected += expected * Self.tolerance + Self.noise
        samples += 1
        closeWindow(at: now)
    }

    /// The origin broke off or did not answer in time.
    package mutating func failed() {
        limit = max(Self.floor, limit * 0.9)
    }

    private mutating func closeWindow(at now: Instant) {
        let age = now.seconds(since: windowStart)
        guard age >= 0.1 && samples >= Self.enough || age >= 1 && samples >= 3 else { return }
        // Above 1: slower than expected, more than noise and tolerance explain.
        let slowness = observed / expected
        let isUsed = Float(peak) >= limit * 0.75
        if isUsed, slowness > 1 {
            // What made it slow is what was in flight, which is less than the limit while slots are held in reserve.
            let busy = begun > 0 ? min(limit, Float(held) / Float(begun)) : limit
            let target = max(limit * 0.5, busy / slowness) + headRoom
            // A little too slow: half the way, for windows are noisy. Twice too slow is no noise.
            knee = knee.isFinite ? max(limit, knee * Self.lowering) : limit
            limit = max(Self.floor, slowness > 2 ? target : limit + 0.5 * (target - limit))
        } else if isUsed {
            // No sign of load at all: find the limit quickly; near it: carefully.
            let careful = limit + 0.5 * headRoom
            limit = min(Self.ceiling, slowness < 0.9 ? min(limit * 1.25 + 0.5, max(knee, careful)) : careful)
            knee *= Self.forgetting
        }
        windowStart = now
        observed = 0
        expected = 0
        samples = 0
        peak = inFlight
        held = 0
        begun = 0
    }

    /// What the limit may exceed the seen capacity by, so that it finds more when there is more.
    private var headRoom: Float { max(0.5, limit.squareRoot() * 0.25) }
}
