internal import Sketches

/// What is known of a visitor beside his history: by the operator's word, or by proof of who he is.
package enum Standing: Equatable, Sendable, BitwiseCopyable {
    case none
    /// On a list of the operator's.
    case allowed
    /// Our own prober, at its modest pace.
    case probe
    /// A crawler that is proven to be the one it says, by its number in `Rules.botRates`.
    case bot(UInt8)
    /// Says it is a crawler that it is proven not to be.
    case impostor

    /// Whom the operator named, or who is proven to be a crawler, is nobody's enemy, whatever he asks for.
    package var mayBeHostile: Bool { self == .none || self == .impostor }
}

/// Requests that went by their standing, since the start.
package struct StandingCounts: Equatable, Sendable {
    package var allowed: UInt64 = 0
    package var probes: UInt64 = 0
    /// Within their pace; a crawler beyond it is a visitor like any other.
    package var bots: UInt64 = 0
    package var impostors: UInt64 = 0

    package init() {}
}

/// Keeps crawlers and probers to their pace: one bucket for each crawler and one for all probers, over all sources.
struct StandingPace: Sendable {
    private struct Bucket: Sendable {
        var tokens: Float
        var at: Instant
    }

    /// Requests at once, as seconds of the pace.
    private static let burst: Float = 4
    private var buckets: [Bucket?] = []

    /// Whether a request goes before all that have no standing; counts it.
    mutating func passes(
        _ standing: Standing, _ rules: SiteAdmission.Rules, _ counts: inout StandingCounts, at now: Instant
    ) -> Bool {
        switch standing {
        case .none: return false
        case .allowed:
            counts.allowed += 1
            return true
        case .probe:
            guard takes(0, rate: rules.probeRate, at: now) else { return false }
            counts.probes += 1
            return true
        case .bot(let number):
            guard Int(number) < rules.botRates.count, takes(Int(number) + 1, rate: rules.botRates[Int(number)], at: now)
            else { return false }
            counts.bots += 1
            return true
        case .impostor:
            counts.impostors += 1
            return false
        }
    }

    /// Whether one more request fits.
    ///
    /// - Parameters:
    ///   - place: which bucket.
    ///   - rate: requests a second.
    private mutating func takes(_ place: Int, rate: Float, at now: Instant) -> Bool {
        while buckets.count <= place { buckets.append(nil) }
        let room = max(1, rate * Self.burst)
        var bucket = buckets[place] ?? Bucket(tokens: room, at: now)
        // Workers read the clock one after the other: it may lie a little behind.
        if now.nanoseconds > bucket.at.nanoseconds {
            bucket.tokens = min(room, bucket.tokens + rate * now.seconds(since: bucket.at))
            bucket.at = now
        }
        let fits = bucket.tokens >= 1
        if fits { bucket.tokens -= 1 }
        buckets[place] = bucket
        return fits
    }
}
