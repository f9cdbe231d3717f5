package import Sketches

/// A ClientHello that asks for a key exchange.
package struct HandshakeArrival: Sendable {
    /// The caller's name for it, not 0.
    package var ticket: UInt64
    /// Keyed hashes of the subscriber, its network and its region.
    package var source: UInt64
    package var network: UInt64
    package var region: UInt64
    /// Hash of how the client speaks TLS.
    package var client: UInt64
    /// The source was here before.
    package var isKnown: Bool
    /// Hash of a session ticket that is truly ours; nil where there is none, or nobody looked.
    package var session: UInt64?

    package init(
        ticket: UInt64, source: UInt64, network: UInt64, region: UInt64, client: UInt64, isKnown: Bool, session: UInt64?
    ) {
        self.ticket = ticket
        self.source = source
        self.network = network
        self.region = region
        self.client = client
        self.isKnown = isKnown
        self.session = session
    }
}

/// Orders the key exchanges of one worker: each costs as much as some twenty requests, and whoever asks for one has spent
/// nothing yet.
///
/// There is no rate to set. All who ask are queued, and the worker takes as many as the time allows that it has left, half
/// of its time at least. While that suffices nobody waits longer than the round in which it came. When it does not: known
/// visitors first, by their source or by a ticket of ours that is not used too often; then who asks least, source and
/// network together; then by whether the client's way of speaking TLS is this site's visitors' or comes in excess. Those
/// for whom there is no room are refused before anything is computed.
///
/// The impossibles. *Our bug*: a ticket of 0, or one that is here already: the place would be given back wrongly, which
/// costs a handshake and nothing else. *Their fault*: any number of hellos from any number of sources; the memory is fixed,
/// 250 KiB. *Ignored, because it is fine*: leaving a place that was taken already.
package struct HandshakeBudget: Sendable {
    package struct Rules: Equatable, Sendable {
        /// Handshakes that may wait: at 0.3 ms each they are served in a third of a second.
        package var room = 1024
        /// Handshakes of one source lately beyond which it is treated like an unknown one, and uses of one ticket.
        package var knownLimit: Float = 63
        package var sessionLimit: Float = 15

        package init() {}
    }

    package enum Outcome: Equatable, Sendable {
        /// It has this place; the one with the other ticket has lost its own, and is refused.
        case waits(place: UInt16, evicted: UInt64?)
        /// - isHostile: the source asks without end, and its client is hardly seen but in excess.
        case refused(isHostile: Bool)
    }

    package struct Counts: Equatable, Sendable {
        /// Taken in a later round than the one in which they came.
        package var waited: UInt64 = 0
        package var waitedMicroseconds: UInt64 = 0
        package var refused: UInt64 = 0
        /// Refused, and known: there were too many of them.
        package var refusedKnown: UInt64 = 0

        package init() {}
    }

    /// Seconds in which a count fades to half, and between two steps of fading.
    private static let halfTime: Float = 5
    private static let step: Float = 1
    private static let fading: Float = 0.870_55
    /// Somebody waiting for so long at a stretch is pressure, and it lasts for so long after that; nanoseconds.
    private static let stretch: UInt64 = 250_000_000
    private static let lasting: UInt64 = 1_000_000_000
    /// How much more than one source a network may ask for, and a region, before it counts against their sources.
    private static let networkShare: Float = 8
    private static let regionShare: Float = 64
    private static let knownLevels = 7
    private static let steps = 4

    package let rules: Rules
    package private(set) var counts = Counts()
    private var queue: HandshakeQueue
    private var sources = RecentCounts(width: 16_384)
    private var networks = RecentCounts(width: 4096)
    private var regions = RecentCounts(width: 1024)
    private var sessions = RecentCounts(width: 4096)
    private var clients = FamiliarClients()
    private var steppedAt: Instant
    /// When the present stretch of rounds began that left somebody waiting; 0: none.
    private var backlogBegan: UInt64 = 0
    private var pressedUntil: UInt64 = 0

    package init(rules: Rules = Rules(), at now: Instant) {
        self.rules = rules
        queue = HandshakeQueue(room: rules.room)
        steppedAt = now
    }

    package var count: Int { queue.count }
    package var isEmpty: Bool { queue.count == 0 }

    /// Whether the one whose turn is next was here before.
    package var isNextKnown: Bool { queue.best.map { $0 < Self.knownLevels } ?? false }

    /// More is asked for than there is time for, not for a moment only.
    package func isPressed(at now: Instant) -> Bool { now.nanoseconds < pressedUntil }

    package mutating func arrived(_ arrival: HandshakeArrival, at now: Instant) -> Outcome {
        advance(to: now)
        // Those who waited have left.
        if isEmpty { backlogBegan = 0 }
        let (level, isHostile) = level(of: arrival, isCalm: !isPressed(at: now))
        var evicted: UInt64?
        if queue.isFull {
            guard let worst = queue.worst, level < worst, let last = queue.takeWorst() else {
                count(refusedAt: level)
                return .refused(isHostile: isHostile)
            }
            count(refusedAt: worst)
            evicted = last.ticket
        }
        return .waits(
            place: queue.add(arrival.ticket, level: level, since: now.nanoseconds), evicted: evicted)
    }

    /// Whose turn it is; it leaves the queue.
    package mutating func next(at now: Instant) -> UInt64? {
        guard let first = queue.takeFirst() else { return nil }
        if first.since < now.nanoseconds {
            counts.waited += 1
            counts.waitedMicroseconds += (now.nanoseconds - first.since) / 1000
        }
        return first.ticket
    }

    /// Gives its place up: it is gone, or waited too long.
    package mutating func left(_ place: UInt16, _ ticket: UInt64, isRefused: Bool) {
        guard queue.take(place, of: ticket) != nil, isRefused else { return }
        counts.refused += 1
    }

    /// The time for handshakes is used up, or nobody waits any more.
    package mutating func roundEnded(at now: Instant) {
        guard !isEmpty else {
            backlogBegan = 0
            return
        }
        if backlogBegan == 0 { backlogBegan = max(1, now.nanoseconds) }
        if now.nanoseconds >= backlogBegan + Self.stretch { pressedUntil = now.nanoseconds + Self.lasting }
    }

    // MARK: - Order

    private mutating func level(of arrival: HandshakeArrival, isCalm: Bool) -> (level: Int, isHostile: Bool) {
        let own = sources.add(arrival.source)
        let network = networks.add(arrival.network) / Self.networkShare
        let region = regions.add(arrival.region) / Self.regionShare
        let strangeness = clients.sight(arrival.client, isCalm: isCalm)
        if let session = arrival.session {
            // Not its source's count: hundreds of visitors may share an address, and each has a ticket of its own.
            let uses = sessions.add(session)
            if uses <= rules.sessionLimit { return (Self.band(uses), false) }
        }
        if arrival.isKnown, own <= rules.knownLimit { return (Self.band(own), false) }
        let band = Self.band(max(own, max(network, region)))
        let isHostile = !arrival.isKnown && arrival.session == nil && own > rules.knownLimit && strangeness == 3
        return (Self.knownLevels + band * Self.steps + strangeness, isHostile)
    }

    /// Doublings from 1 on: 0 for 1 and 2, then 3 to 6, 7 to 14 and so on, 7 at most.
    private static func band(_ count: Float) -> Int {
        let whole = UInt32(min(max(1, count), 1e6)) + 1
        return min(7, 30 - whole.leadingZeroBitCount)
    }

    private mutating func count(refusedAt level: Int) {
        counts.refused += 1
        if level < Self.knownLevels { counts.refusedKnown += 1 }
    }

    private mutating func advance(to now: Instant) {
        let elapsed = now.seconds(since: steppedAt)
        guard elapsed >= Self.step else { return }
        steppedAt = now
        var factor: Float = 1
        for _ in 0..<min(60, Int(elapsed / Self.step)) { factor *= Self.fading }
        sources.fade(by: factor)
        networks.fade(by: factor)
        regions.fade(by: factor)
        sessions.fade(by: factor)
        clients.step(min(elapsed, Self.halfTime), fading: factor, isCalm: !isPressed(at: now))
    }
}
