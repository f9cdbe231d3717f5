/// How much of each thing that costs a peer little and us more a connection may do: each first slowed, and closed when
/// the processor is needed elsewhere.
///
/// Each thing has an allowance at once and one for each second; being served, as honest clients are, gives more. Who goes
/// beyond is not read from until his debt is paid. Who then goes on, while others wait for the worker, is closed; on an
/// idle worker he only stays slow. Nanoseconds of a clock that only goes forward come in as arguments. A plain value of
/// fixed size.
package struct HTTP2Budget: Sendable {
    package enum Event: UInt8, Sendable, CaseIterable {
        /// RST_STREAM for a stream that had not been answered to its end.
        case reset
        case ping, settings, priority, windowUpdate
        /// DATA without content that does not end its stream.
        case emptyData
        case continuation
        /// A list beyond the limits, or a malformed request: work for nothing.
        case badHeaders
        /// A type nobody knows, a frame for a stream that is closed, GOAWAY again: noise.
        case noise
    }

    package enum Verdict: Equatable, Sendable {
        case go
        /// Read nothing more of this connection for so long; what was read is handled.
        case slow(nanoseconds: UInt64)
        /// GOAWAY with ENHANCE_YOUR_CALM, and close.
        case close
    }

    /// What may be done of one thing.
    private struct Allowance {
        /// At once, and again after a quiet time.
        var burst: UInt64
        var perSecond: UInt64
        /// For each stream that was answered to its end.
        var perAnswer: UInt64 = 0
        /// For each larger frame of DATA that was sent.
        var perData: UInt64 = 0

        /// In which time one more is allowed.
        var interval: UInt64 { 1_000_000_000 / perSecond }
        var grace: UInt64 { burst * interval }
    }

    private static func allowance(_ event: Event) -> Allowance {
        switch event {
        // A browser that leaves a page resets all its streams at once, a hundred of them; four such pages in a row. Calls
        // that are given up (gRPC's deadlines) go by the number of those answered. A rapid reset makes thousands a second.
        case .reset: Allowance(burst: 400, perSecond: 20, perAnswer: 1)
        // gRPC asks for the round trip with a PING for what it receives, a browser before it uses an old connection.
        case .ping: Allowance(burst: 100, perSecond: 10, perAnswer: 1, perData: 1)
        // One at the start; windows are changed a few times in a connection's life.
        case .settings: Allowance(burst: 20, perSecond: 1)
        // Older browsers build a tree of six and send one or two for each stream.
        case .priority: Allowance(burst: 200, perSecond: 20, perAnswer: 2)
        // One for the stream and one for the connection for each frame received, where a client keeps no count.
        case .windowUpdate: Allowance(burst: 500, perSecond: 50, perAnswer: 2, perData: 2)
        // Some writers flush without content before they end.
        case .emptyData: Allowance(burst: 100, perSecond: 10, perAnswer: 1)
        // A block within the limit needs two at most.
        case .continuation: Allowance(burst: 50, perSecond: 10, perAnswer: 2)
        // A page whose cookies have grown too long asks for all its parts with them.
        case .badHeaders: Allowance(burst: 100, perSecond: 2)
        // What was under way to a stream when we ended it: a window full of small frames.
        case .noise: Allowance(burst: 1000, perSecond: 50, perAnswer: 1)
        }
    }

    /// How short a wait is worth the timer, and how long one may be.
    package static var shortestWait: UInt64 { 100_000_000 }
    private static var longestWait: UInt64 { 10_000_000_000 }
    /// A smaller frame earns nothing: a window opened byte by byte would pay for itself.
    private static var largerData: Int { 1024 }

    /// For each event, when all that was done of it is paid off.
    private var paidAt = [9 of UInt64](repeating: 0)
    /// When the last slowing ends; 0 before the first.
    private var slowUntil: UInt64 = 0
    /// When it was worn down; 0: never.
    private var wornAt: UInt64 = 0

    package init() {}

    /// One of those things came. `isBusy`: others wait for this worker. `isOffender`: see ``HTTP2SourceBudget``.
    package mutating func spend(
        _ event: Event, at now: UInt64, isBusy: Bool, isOffender: Bool = false
    ) -> Verdict {
        let allowance = Self.allowance(event)
        let index = Int(event.rawValue)
        let grace = allowance.grace
        let paid = max(paidAt[index], now) + allowance.interval
        paidAt[index] = min(paid, now + grace + Self.longestWait)
        guard paid > now + grace else { return .go }
        if isBusy, isOffender || slowUntil > 0 && now >= slowUntil { return .close }
        let wait = min(max(paid - now - grace, Self.shortestWait), Self.longestWait)
        slowUntil = max(slowUntil, now + wait)
        return .slow(nanoseconds: slowUntil - now)
    }

    /// Whether a good part of what may be done at once was done of late and not earned: a connection that ends so counts
    /// as an offence of its source, which could otherwise go on with the next one. Of one that began worn down only what
    /// it did itself counts, beyond half of what it was left: else an offending source would stay one by whoever comes.
    package func isWorn(at now: UInt64) -> Bool {
        Event.allCases.contains { event in
            let allowance = Self.allowance(event)
            var bound = now + allowance.grace / 4
            if wornAt > 0 {
                let own = max(2, Self.left(event) / 2) * allowance.interval
                bound = max(bound, wornAt + Self.wornDown(event) + own)
            }
            return paidAt[Int(event.rawValue)] > bound
        }
    }

    /// What a new connection of an offender may do at once: a tenth of what others may; of resets, each of which costs the
    /// origin a request too, ten.
    private static func left(_ event: Event) -> UInt64 { event == .reset ? 10 : allowance(event).burst / 10 }

    private static func wornDown(_ event: Event) -> UInt64 {
        (allowance(event).burst - left(event)) * allowance(event).interval
    }

    /// Leaves a new connection of an offender little.
    package mutating func wearDown(at now: UInt64) {
        wornAt = now
        for event in Event.allCases { paidAt[Int(event.rawValue)] = now + Self.wornDown(event) }
    }

    /// A stream was answered to its end: what honest clients do most earns what they do beside it.
    package mutating func served() {
        for event in Event.allCases { earn(Self.allowance(event).perAnswer, event) }
    }

    /// A frame of DATA with so much content was sent, which honest clients answer with WINDOW_UPDATE, and some with PING.
    package mutating func sentData(_ length: Int) {
        guard length >= Self.largerData else { return }
        earn(Self.allowance(.windowUpdate).perData, .windowUpdate)
        earn(Self.allowance(.ping).perData, .ping)
    }

    private mutating func earn(_ count: UInt64, _ event: Event) {
        let index = Int(event.rawValue)
        let earned = count * Self.allowance(event).interval
        paidAt[index] = paidAt[index] > earned ? paidAt[index] - earned : 0
    }
}

/// What all connections of one source did: eight bytes to keep beside its other budgets.
///
/// Many people may share an address, so being an offender costs an honest visitor little: a tenth of a second at the start
/// of his connections, which may do less at once before they have earned it; one that goes beyond is closed on a busy worker
/// without being slowed first.
package struct HTTP2SourceBudget: Sendable, BitwiseCopyable {
    /// Connections that may be slowed before the source is known for it, and in which time each is forgotten.
    private static var patience: UInt64 { 10 }
    private static var forgetting: UInt64 { 10_000_000_000 }

    private var forgottenAt: UInt64 = 0

    package init() {}

    /// A connection of this source was slowed or closed, or ended worn.
    package mutating func offended(at now: UInt64) {
        forgottenAt = min(max(forgottenAt, now) + Self.forgetting, now + 2 * Self.patience * Self.forgetting)
    }

    /// Whether the source's connections have used up the patience of a single one: none is slowed first then.
    package func isOffender(at now: UInt64) -> Bool {
        forgottenAt > now + Self.patience * Self.forgetting
    }
}
