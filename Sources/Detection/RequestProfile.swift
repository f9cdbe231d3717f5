package import Fingerprints
package import Moments

/// What a site's requests are like in calm: some of the last days', with their values masked, and how many came. Rules are
/// measured on it before they act. Memory is fixed.
///
/// Which requests are kept is drawn: one that came lately has the better chance, and after a week a request has a third of
/// the chance that it had.
package struct RequestProfile: Equatable, Sendable {
    /// Requests that are kept; a thousandth of them is four.
    package static let limit = 4_096
    /// Seconds in which the past loses all but a third of its weight.
    private static let memory = 604_800.0
    /// Of the rate, in seconds of calm.
    private static let rateMemory = 60.0

    package private(set) var samples: [RequestFeatures] = []
    /// Requests that are kept of this site: fewer where there are thousands of sites.
    private var capacity = limit
    /// Requests that the samples stand for, fading.
    private(set) var weight = 0.0
    /// Requests learnt, in all.
    package private(set) var requests: UInt64 = 0
    /// When learning began; nil: nothing is known.
    package private(set) var since: Moment?
    private(set) var fadedAt = Moment(milliseconds: 0)
    /// Requests a second in calm.
    package private(set) var rate = 0.0
    private(set) var rateSeconds = 0.0
    private var draw = Draw()

    package init() {}

    mutating func bound(to wanted: Int) {
        capacity = max(Self.least, min(Self.limit, wanted))
        // They lie in no order that means anything.
        if samples.count > capacity { samples.removeSubrange(capacity...) }
    }

    /// Puts back what was kept.
    mutating func restore(
        _ samples: [RequestFeatures], since: Moment?, fadedAt: Moment, requests: UInt64, weight: Double, rate: Double,
        rateSeconds: Double
    ) {
        (self.samples, self.since, self.fadedAt, self.requests) = (samples, since, fadedAt, requests)
        (self.weight, self.rate, self.rateSeconds) = (weight, rate, rateSeconds)
    }

    /// Learns a time of calm; where several lanes told of the same time, `seconds` is 0 for all but one.
    package mutating func learn(
        _ requests: [(features: RequestFeatures, weight: Double)], seen: UInt64, seconds: Double, at now: Moment
    ) {
        if since == nil { since = now }
        fade(to: now)
        self.requests = self.requests.saturatingAdd(seen)
        if rateSeconds + seconds > 0 { rate += (Double(seen) - rate * seconds) / (rateSeconds + seconds) }
        rateSeconds = min(rateSeconds + seconds, Self.rateMemory)
        for request in requests { keep(request.features.masked, request.weight) }
    }

    private mutating func fade(to now: Moment) {
        let seconds = now - fadedAt
        fadedAt = now
        guard weight > 0, seconds > 0 else { return }
        weight *= max(0, 1 - min(1, seconds / Self.memory))
    }

    private mutating func keep(_ features: RequestFeatures, _ heft: Double) {
        weight += heft
        guard samples.count >= capacity else { return samples.append(features) }
        let chance = heft * Double(samples.count) / weight
        guard Double(draw.next() >> 11) * 0x1p-53 < chance else { return }
        samples[Int(draw.below(UInt64(samples.count)))] = features
    }

    /// The share of normal requests that a rule would hit; nil where nothing is known.
    package func collateral(of rule: RequestRule) -> Double? {
        guard !samples.isEmpty else { return nil }
        return Double(samples.count { rule.matches($0) }) / Double(samples.count)
    }

    /// The share that comes from a program.
    func share(of client: RequestFeatures.Program) -> Double {
        samples.isEmpty ? 0 : Double(samples.count { $0.client == client }) / Double(samples.count)
    }

    /// Whether there is enough to act on: a day, or so many requests.
    package func isEnough(requests least: UInt64, at now: Moment) -> Bool {
        guard let since, samples.count >= Self.least else { return false }
        return requests >= least || now - since >= 86_400
    }

    /// Samples without which nothing can be said of anything.
    package static let least = 300
}
