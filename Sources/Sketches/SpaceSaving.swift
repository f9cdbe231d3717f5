/// The heaviest keys of a stream in fixed memory: Space-Saving (Metwally, Agrawal and El Abbadi, 2005) in small sets, so
/// that a key costs one or two cache lines, with counts that decay over time.
///
/// A key that is not in its set takes the place of the set's lightest one and starts from that one's count, which is
/// then its possible error. `amount - error` is what the key has surely brought in, so an accusation made on that is
/// never false; an attacker's endless new keys push out each other, not the heavy ones. Without decay the error is at
/// most an eighth of what fell into the key's set, merged or not (Agarwal et al., "Mergeable summaries", 2012); decay is
/// computed to 2 %, and so is the bound then.
package struct SpaceSaving: Sendable {
    /// What is known of a key.
    package struct Estimate: Equatable, Sendable {
        /// At most this much came in, decayed.
        package var amount: Float
        /// What of it may belong to others.
        package var error: Float

        /// At least this much came in, decayed.
        @inlinable
        package var sure: Float { amount - error }
    }

    struct Entry {
        var tag: UInt32 = 0
        /// Seconds since the table's start, at which the counts below were right.
        var at: Float = 0
        var amount: Float = 0
        var error: Float = 0
    }

    static let ways = 8
    var entries: [Entry]
    let setMask: Int
    let start: Instant
    /// After this many seconds a count has fallen to 1/e.
    package let decay: Float

    /// - Parameters:
    ///   - capacity: keys kept at once; rounded up to a power of two, at least 64. Each takes 16 bytes.
    ///   - decay: seconds after which a count has fallen to 1/e.
    package init(capacity: Int, decay: Float, at now: Instant) {
        var sets = 8
        while sets * Self.ways < capacity { sets *= 2 }
        entries = Array(repeating: Entry(), count: sets * Self.ways)
        setMask = sets - 1
        start = now
        self.decay = decay
    }

    /// Adds `weight` to a key, given by its keyed hash, and says what is known of it now.
    package mutating func add(_ key: UInt64, weight: Float, at now: Instant) -> Estimate {
        let time = now.seconds(since: start)
        let tag = UInt32(truncatingIfNeeded: key >> 32) | 1
        let first = (Int(truncatingIfNeeded: key) & setMask) * Self.ways
        var lightest = first
        var least = Float.infinity
        for index in first..<first + Self.ways {
            if entries[index].tag == tag {
                let factor = fading(from: entries[index].at, to: time)
                entries[index].amount = entries[index].amount * factor + weight
                entries[index].error *= factor
                entries[index].at = time
                return Estimate(amount: entries[index].amount, error: entries[index].error)
            }
            let amount =
                entries[index].tag == 0 ? -1 : entries[index].amount * fading(from: entries[index].at, to: time)
            if amount < least {
                least = amount
                lightest = index
            }
        }
        let inherited = max(0, least)
        entries[lightest] = Entry(tag: tag, at: time, amount: inherited + weight, error: inherited)
        return Estimate(amount: inherited + weight, error: inherited)
    }

    /// What is known of a key, without adding to it; nil where it is not among the heavy ones.
    package func estimate(_ key: UInt64, at now: Instant) -> Estimate? {
        let time = now.seconds(since: start)
        let tag = UInt32(truncatingIfNeeded: key >> 32) | 1
        let first = (Int(truncatingIfNeeded: key) & setMask) * Self.ways
        for index in first..<first + Self.ways where entries[index].tag == tag {
            let factor = fading(from: entries[index].at, to: time)
            return Estimate(amount: entries[index].amount * factor, error: entries[index].error * factor)
        }
        return nil
    }

    /// exp(-dt/decay), as a rational that is right to 2 % up to two decays and goes to zero beyond: it is taken eight
    /// times a lookup.
    @inline(__always)
    func fading(from then: Float, to now: Float) -> Float {
        let x = max(0, now - then) / decay
        return 1 / (1 + x * (1 + x * (0.5 + x * (0.1667 + x * 0.0417))))
    }
}
