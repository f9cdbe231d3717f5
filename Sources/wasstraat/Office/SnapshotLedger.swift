package import Messages

/// Keeps account of compiled configurations: which one was offered to the lane, which one it put in force, and what to
/// fall back on when it refuses.
///
/// A pure value; times are milliseconds. Their fault: a lane that does not confirm. Ignored: a confirmation of a
/// generation that is not the one offered, for a newer one is on its way.
package struct SnapshotLedger {
    /// For a lane to confirm; it reads certificates only.
    package static let confirmTime: Int64 = 10_000
    /// After the lane named an error, for a confirmation that was on its way already.
    package static let refusalTime: Int64 = 500

    package struct Offer {
        package var generation: UInt64
        var configuration: Snapshot
        var deadline: Int64
        /// What the lane said against it.
        package var reason: String?
    }

    package struct Refusal {
        package var generation: UInt64
        package var reason: String
        /// The configuration to go back to; nil where the refused one was in force already, or nothing ever was.
        package var fallback: Snapshot?
    }

    /// The generation of the newest snapshot.
    package private(set) var generation: UInt64
    /// The configuration that a lane has confirmed last.
    package private(set) var confirmed: Snapshot?
    package private(set) var offer: Offer?
    /// Whether the configuration of `offer` is `confirmed` itself, with other keys.
    private var isFallback = false

    package init(generation: UInt64) {
        self.generation = generation
    }

    /// A lane has this generation: the next one must be higher.
    package mutating func saw(_ other: UInt64) { generation = max(generation, other + 1) }

    package mutating func count() { generation += 1 }

    package mutating func offered(_ configuration: Snapshot, isFallback: Bool = false, at now: Int64) {
        offer = Offer(generation: generation, configuration: configuration, deadline: now + Self.confirmTime)
        self.isFallback = isFallback
    }

    /// The lane's process ended. A configuration that it had not confirmed may be the reason: back to the former one.
    package mutating func laneDied() -> Refusal? {
        guard let offer else { return nil }
        self.offer = nil
        guard let confirmed, !isFallback else { return nil }
        return Refusal(generation: offer.generation, reason: "the lane ended over it", fallback: confirmed)
    }

    /// - Returns: whether the lane confirmed what was offered last.
    package mutating func inForce(_ other: UInt64) -> Bool {
        guard let offer, offer.generation == other else { return false }
        confirmed = offer.configuration
        self.offer = nil
        return true
    }

    package mutating func laneComplained(_ text: String, at now: Int64) {
        guard offer != nil, offer?.reason == nil else { return }
        offer?.reason = text
        offer?.deadline = now + Self.refusalTime
    }

    /// Decides on an offer whose time is over.
    package mutating func refusal(at now: Int64) -> Refusal? {
        guard let offer, now >= offer.deadline else { return nil }
        self.offer = nil
        return Refusal(
            generation: offer.generation, reason: offer.reason ?? "it did not confirm in \(Self.confirmTime / 1_000) s",
            fallback: isFallback ? nil : confirmed)
    }
}
