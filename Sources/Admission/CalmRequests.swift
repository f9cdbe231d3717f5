internal import Sketches

/// Requests of calm on their way into the profile: a sample of the present slice of time and one of the slice before. Only
/// what two slices without pressure have confirmed is learnt, so that the first wave of a flood, served before it is felt,
/// does not become usual.
struct CalmRequests: Sendable {
    private struct Slice: Sendable {
        var rows: [TraitRow] = []
        var count = 0
    }

    /// What a whole slice brought: rows drawn evenly from its requests, and requests per second.
    struct Settled {
        var rows: [TraitRow]
        var rate: Float
    }

    /// Length of a slice in seconds, and rows kept of it.
    private static let length: Float = 5
    private static let room = 512

    private var start: Instant
    private var present = Slice()
    private var previous: Slice?
    private var random: SplitMix64

    init(seed: UInt64, at now: Instant) {
        start = now
        random = SplitMix64(seed: seed)
        present.rows.reserveCapacity(Self.room)
    }

    mutating func add(_ row: TraitRow) {
        present.count += 1
        if present.rows.count < Self.room {
            present.rows.append(row)
        } else {
            // Each request of the slice stays with the same chance (Vitter's algorithm R).
            let place = Int(random.below(UInt32(truncatingIfNeeded: present.count)))
            if place < Self.room { present.rows[place] = row }
        }
    }

    /// Under pressure nothing is learnt.
    mutating func forget(at now: Instant) {
        present.rows.removeAll(keepingCapacity: true)
        present.count = 0
        previous = nil
        start = now
    }

    /// Ends the slice when it is over; returns the one before it, which may be learnt now.
    mutating func settle(at now: Instant) -> Settled? {
        let length = now.seconds(since: start)
        guard length >= Self.length else { return nil }
        let settled = previous.map { Settled(rows: $0.rows, rate: Float($0.count) / Self.length) }
        // A clock that stood still made one slice of many: as many requests, in a longer time.
        present.count = Int(Float(present.count) * Self.length / length)
        previous = present
        present = Slice()
        present.rows.reserveCapacity(Self.room)
        start = now
        return settled
    }
}
