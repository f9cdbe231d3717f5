package import Detection
package import Incidents
package import Messages
package import Moments

/// A site as the record knows it.
package struct RecordedSite: Equatable, Sendable {
    package var name: String
    package var organisation: String
    /// The host name that visitors know.
    package var host: String
    package var service: ServiceKind

    package init(name: String, organisation: String, host: String, service: ServiceKind) {
        self.name = name
        self.organisation = organisation
        self.host = host
        self.service = service
    }
}

/// What is added up of one site between two ticks: the lanes' counters become one `SiteSecond`, seconds become points.
package struct SiteLedger: Sendable {
    /// Seconds kept from before an attack, so that its plot shows how it began.
    static let lookBack = 120

    let site: RecordedSite
    var watch: AttackWatch
    /// The last state of the site in each lane, and what of its counters is in seconds that are closed.
    private var lanes: [String: (started: UInt64, latest: SiteStatus, used: SiteCounts)] = [:]
    /// The same of lanes that an office before this one heard and this one has not heard yet.
    private var inherited: [String: Remainder.Lane] = [:]
    /// Until when that holds.
    private var inheritedUntil: Moment?
    /// What lanes counted while there was no office: of the minute and of the day, and of no second.
    private var unheard = SiteCounts()
    private var traffic = Traffic()
    private var wasUnderPressure = false
    private var heldBack: UInt64 = 0
    package private(set) var last: SitePoint?
    private(set) var requestsToday: UInt64 = 0
    /// Points of seconds that are not on record (yet), oldest first.
    private var recent: [SitePoint] = []
    private var minute: Minute?

    package init(_ site: RecordedSite, watch: AttackWatch) {
        self.site = site
        self.watch = watch
    }

    /// Sums over the lanes, for those who want to know how it is now.
    var now: (limit: Double, inFlight: Int, waiting: Int, healthy: Int, origins: Int, pressure: Bool, observing: Bool) {
        let states = lanes.values.map(\.latest)
        return (
            Double(states.reduce(0) { $0 &+ $1.limit }) / 100, Int(clamping: states.reduce(0) { $0 &+ $1.inFlight }),
            Int(clamping: states.reduce(0) { $0 &+ $1.waiting }),
            Int(clamping: states.map(\.healthyOrigins).min() ?? 0), Int(clamping: states.map(\.origins).max() ?? 0),
            states.contains { $0.isUnderPressure }, states.contains { $0.isObserving }
        )
    }

    package mutating func hear(_ status: SiteStatus, of lane: String, started: UInt64) {
        if status.isUnderPressure { wasUnderPressure = true }
        if let known = lanes[lane], known.started == started {
            lanes[lane] = (started, status, known.used)
        } else {
            // A lane that is new to us: what it counted before is not of this second. One that started anew counts from 0.
            let isRestart = lanes[lane] != nil
            let counts = SiteCounts(status)
            if let before = inherited.removeValue(forKey: lane) {
                unheard.add(before.started == started ? counts.since(before.used) : counts)
            }
            lanes[lane] = (started, status, isRestart ? SiteCounts() : counts)
        }
    }

    mutating func hear(_ heard: Traffic) { traffic.merge(heard) }

    mutating func hear(heldBack packets: UInt64) { heldBack &+= packets }

    /// Lanes that are gone say nothing any more.
    mutating func forget(lane: String) { lanes[lane] = nil }

    /// Closes a second.
    /// - Returns: requests to count, or nil where no lane reported; what detection makes of the second; points for the
    ///   record.
    package mutating func close(_ time: Moment) -> (requests: UInt64, events: [AttackEvent], points: [SitePoint])? {
        if let inheritedUntil, inheritedUntil < time { (inherited, self.inheritedUntil) = ([:], nil) }
        guard !lanes.isEmpty else { return nil }
        var second = SiteSecond(time: time)
        second.isUnderPressure = wasUnderPressure
        wasUnderPressure = false
        second.traffic = traffic
        traffic = Traffic()
        second.heldBack = heldBack
        heldBack = 0
        var counts = SiteCounts()
        for (lane, state) in lanes {
            let latest = SiteCounts(state.latest)
            counts.add(latest.since(state.used))
            if state.latest.isUnderPressure { wasUnderPressure = true }
            lanes[lane] = (state.started, state.latest, latest)
        }
        counts.fill(&second)
        let events = watch.observe(second)
        let point = SitePoint(counts, site: site.name, at: time, span: 1)
        last = point
        counts.add(unheard)
        unheard = SiteCounts()
        var points = add(counts, at: time)
        recent.append(point)
        if watch.attack != nil {
            // The look-back goes on record with the attack's first second, and then each second as it comes.
            points += recent
            recent.removeAll(keepingCapacity: true)
        } else if recent.count > Self.lookBack {
            recent.removeFirst(recent.count - Self.lookBack)
        }
        return (counts.requests, events, points)
    }

    /// Adds to the minute.
    /// - Returns: the point of the one before, where that is over now.
    private mutating func add(_ counts: SiteCounts, at time: Moment) -> [SitePoint] {
        let start = Moment(seconds: time.seconds / 60 * 60)
        var over: [SitePoint] = []
        if let sum = minute, sum.start != start {
            over.append(sum.point(site: site.name))
            minute = nil
        }
        minute = minute ?? Minute(start: start)
        minute?.counts.add(counts)
        return over
    }
}

extension SiteLedger {
    /// Seconds added up to a minute.
    struct Minute: Codable, Sendable {
        let start: Moment
        var counts = SiteCounts()

        func point(site: String) -> SitePoint { SitePoint(counts, site: site, at: start, span: 60) }
    }

    /// What is left of a ledger at its end, for the next office's.
    package struct Remainder: Codable, Sendable {
        struct Lane: Codable, Sendable {
            var started: UInt64
            var used: SiteCounts
        }

        var lanes: [String: Lane]
        var minute: Minute?
    }

    /// Ends: what came since the last second was closed is of the minute and of the day, and of no second.
    /// - Returns: requests to count, points for the record, and what is left for the next office. The minute that is not
    ///   over is in both: its point is filed again once it is over.
    package mutating func end(_ now: Moment) -> (requests: UInt64, points: [SitePoint], remainder: Remainder) {
        var counts = unheard
        unheard = SiteCounts()
        for (lane, state) in lanes {
            let latest = SiteCounts(state.latest)
            counts.add(latest.since(state.used))
            lanes[lane] = (state.started, state.latest, latest)
        }
        // Where nobody said anything, there is nothing to be known of this minute.
        var points = lanes.isEmpty ? [] : add(counts, at: now)
        if let minute { points.append(minute.point(site: site.name)) }
        // Of a lane that this office has not heard it knows what the one before it knew.
        let heard = lanes.mapValues { Remainder.Lane(started: $0.started, used: $0.used) }
        return (
            counts.requests, points, Remainder(lanes: inherited.merging(heard) { _, newer in newer }, minute: minute)
        )
    }

    /// Goes on from what another office left.
    package mutating func inherit(_ remainder: Remainder, made: Moment) {
        inherited = remainder.lanes
        inheritedUntil = made + RecordRemainder.lifetime
        minute = remainder.minute
    }
}

extension SitePoint {
    init(_ counts: SiteCounts, site: String, at time: Moment, span: Int) {
        self.init(
            site: site, at: time, span: span, requests: counts.requests, admitted: counts.admitted,
            queued: counts.queued, refused: counts.refused, failed: counts.failed,
            median: Self.quantile(0.5, of: counts.firstByte), p95: Self.quantile(0.95, of: counts.firstByte))
    }

    /// The upper edge of the bucket that holds the quantile, in milliseconds; nil where nothing was counted.
    private static func quantile(_ share: Double, of buckets: [UInt64]) -> Double? {
        let total = buckets.reduce(0, &+)
        guard total > 0 else { return nil }
        var seen: UInt64 = 0
        for (index, count) in buckets.enumerated() {
            seen &+= count
            if Double(seen) >= share * Double(total) { return Double(UInt64(1) << UInt64(index)) }
        }
        return nil
    }
}
