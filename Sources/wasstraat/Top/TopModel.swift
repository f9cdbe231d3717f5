package import Messages

/// What `top` knows: the last words of the office, kept for ten seconds, so that rates and percentiles can be made.
package struct TopModel {
    /// Statuses kept, one a second; percentiles are taken over the time between the first and the last of them.
    static let window = 10

    struct Sample {
        /// Milliseconds of the monotonic clock.
        var at: Int64
        var status: LaneStatus
    }

    /// nil: no office answers.
    private(set) var lane: LaneState?
    private(set) var samples: [Sample] = []
    var filter = TopFilter()
    /// The rules on requests as they were last told.
    var rules = RequestRules()
    private(set) var traffic = BusiestTraffic()

    package init() {}

    var status: LaneStatus? { samples.last?.status }
    /// Whether rates can be told.
    var hasRates: Bool { samples.count > 1 }

    package mutating func officeGone() {
        lane = nil
        samples = []
        filter = TopFilter()
        rules = RequestRules()
        traffic = BusiestTraffic()
    }

    package mutating func received(_ busiest: BusiestTraffic) { traffic = busiest }

    package mutating func received(_ state: LaneState) {
        lane = state
        if !state.isUp { samples = [] }
    }

    package mutating func received(_ status: LaneStatus, at now: Int64) {
        // Another lane counts from zero again.
        if samples.last?.status.started != status.started { samples = [] }
        samples.append(Sample(at: now, status: status))
        samples.removeFirst(max(0, samples.count - Self.window))
    }

    /// Events a second between the last two statuses; nil while there is one only.
    func rate(_ count: (LaneStatus) -> UInt64) -> Double? {
        guard samples.count > 1 else { return nil }
        let (before, after) = (samples[samples.count - 2], samples[samples.count - 1])
        let seconds = Double(max(1, after.at - before.at)) / 1_000
        let (now, then) = (count(after.status), count(before.status))
        return now >= then ? Double(now - then) / seconds : 0
    }

    func rate(_ site: SiteStatus, _ count: (SiteStatus) -> UInt64) -> Double? {
        rate { status in status.sites.first { $0.name == site.name }.map(count) ?? 0 }
    }

    func rate(_ site: SiteStatus, _ visitors: Int, _ count: (ClassStatus) -> UInt64) -> Double? {
        rate(site) { count($0.classes[visitors]) }
    }

    /// Mean time, in milliseconds, that those admitted in the last second from the queue had waited per queued request.
    func meanWait(_ site: SiteStatus, _ visitors: Int) -> Double? {
        guard let waited = rate(site, visitors, \.waitedMicroseconds), let queued = rate(site, visitors, \.queued),
            queued > 0
        else { return nil }
        return waited / queued / 1_000
    }

    /// Time to first byte in milliseconds that the share `quantile` of the answers of the window stayed under; of all
    /// answers since the lane's start where the window has none; nil where there are none at all.
    package func firstByte(_ site: SiteStatus, quantile: Double) -> Double? {
        let oldest = samples.first?.status.sites.first { $0.name == site.name }
        var counts = site.firstByte
        if let oldest, samples.count > 1 {
            counts = zip(site.firstByte, oldest.firstByte).map { $0 >= $1 ? $0 - $1 : 0 }
            if counts.allSatisfy({ $0 == 0 }) { counts = site.firstByte }
        }
        return Self.quantile(quantile, of: counts)
    }

    /// A quantile out of a histogram whose buckets end at 1, 2, 4 … ms, with the values in a bucket taken as evenly
    /// spread; what lies over the last bound counts as that bound.
    package static func quantile(_ quantile: Double, of counts: [UInt64]) -> Double? {
        let total = counts.reduce(0) { $0 + Double($1) }
        guard total > 0 else { return nil }
        let wanted = quantile * total
        var before = 0.0
        for (index, count) in counts.enumerated() {
            let count = Double(count)
            if count > 0, before + count >= wanted {
                let low = index == 0 ? 0 : Double(1 << (index - 1))
                let high = index == counts.count - 1 ? low : Double(1 << index)
                return low + (high - low) * max(0, wanted - before) / count
            }
            before += count
        }
        return Double(1 << max(0, counts.count - 2))
    }

    /// Sites with those under pressure first, then the busiest, then by name.
    var sitesByUrgency: [SiteStatus] {
        let sites = (status?.sites ?? []).map { site in
            (site: site, requests: (0..<site.classes.count).reduce(0) { $0 + (rate(site, $1, \.requests) ?? 0) })
        }
        return sites.sorted { one, other in
            if one.site.isUnderPressure != other.site.isUnderPressure { return one.site.isUnderPressure }
            if one.requests != other.requests { return one.requests > other.requests }
            return one.site.name < other.site.name
        }.map(\.site)
    }
}
