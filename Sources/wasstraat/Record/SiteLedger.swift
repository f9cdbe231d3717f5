internal import Detection
internal import Incidents
internal import Messages
internal import Moments

/// A site as the record knows it.
struct RecordedSite: Equatable, Sendable {
    var name: String
    var organisation: String
    /// The host name that visitors know.
    var host: String
    var service: ServiceKind
}

/// What is added up of one site between two ticks: the lanes' counters become one `SiteSecond`, seconds become points.
struct SiteLedger: Sendable {
    /// Seconds kept from before an attack, so that its plot shows how it began.
    static let lookBack = 120

    let site: RecordedSite
    var watch: AttackWatch
    /// The last state of the site in each lane, and what was used of it.
    private var lanes: [String: (started: UInt64, latest: SiteStatus, used: SiteStatus)] = [:]
    private var traffic = Traffic()
    private var wasUnderPressure = false
    private var heldBack: UInt64 = 0
    private(set) var last: SitePoint?
    private(set) var requestsToday: UInt64 = 0
    /// Points of seconds that are not on record (yet), oldest first.
    private var recent: [SitePoint] = []
    private var minute: SecondSum?

    init(_ site: RecordedSite, watch: AttackWatch) {
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

    mutating func hear(_ status: SiteStatus, of lane: String, started: UInt64) {
        if status.isUnderPressure { wasUnderPressure = true }
        if let known = lanes[lane], known.started == started {
            lanes[lane] = (started, status, known.used)
        } else {
            // A lane that is new to us: what it counted before is not of this second. One that started anew counts from 0.
            let isRestart = lanes[lane] != nil
            lanes[lane] = (started, status, isRestart ? SiteStatus() : status)
        }
    }

    mutating func hear(_ heard: Traffic) { traffic.merge(heard) }

    mutating func hear(heldBack packets: UInt64) { heldBack &+= packets }

    /// Lanes that are gone say nothing any more.
    mutating func forget(lane: String) { lanes[lane] = nil }

    /// Closes a second.
    /// - Returns: the second, or nil where no lane reported; what detection makes of it; points for the record.
    mutating func close(_ time: Moment) -> (second: SiteSecond, events: [AttackEvent], points: [SitePoint])? {
        guard !lanes.isEmpty else { return nil }
        var second = SiteSecond(time: time)
        second.isUnderPressure = wasUnderPressure
        wasUnderPressure = false
        second.traffic = traffic
        traffic = Traffic()
        second.heldBack = heldBack
        heldBack = 0
        for (lane, state) in lanes {
            second.add(state.latest, since: state.used)
            if state.latest.isUnderPressure { wasUnderPressure = true }
            lanes[lane] = (state.started, state.latest, state.latest)
        }
        let events = watch.observe(second)
        let point = SitePoint(second, site: site.name)
        last = point
        return (second, events, points(point, second))
    }

    private mutating func points(_ point: SitePoint, _ second: SiteSecond) -> [SitePoint] {
        var points: [SitePoint] = []
        let start = Moment(seconds: second.time.seconds / 60 * 60)
        if let sum = minute, sum.start != start {
            points.append(sum.point(site: site.name))
            minute = nil
        }
        minute = (minute ?? SecondSum(start: start)).adding(second)
        recent.append(point)
        if watch.attack != nil {
            // The look-back goes on record with the attack's first second, and then each second as it comes.
            points += recent
            recent.removeAll(keepingCapacity: true)
        } else if recent.count > Self.lookBack {
            recent.removeFirst(recent.count - Self.lookBack)
        }
        return points
    }
}

/// Seconds added up to a minute.
private struct SecondSum: Sendable {
    let start: Moment
    var sum: SiteSecond

    init(start: Moment) {
        self.start = start
        sum = SiteSecond(time: start)
    }

    func adding(_ second: SiteSecond) -> SecondSum {
        var result = self
        result.sum.requests &+= second.requests
        result.sum.admitted &+= second.admitted
        result.sum.queued &+= second.queued
        result.sum.refused &+= second.refused
        result.sum.failed &+= second.failed
        for index in result.sum.firstByte.indices { result.sum.firstByte[index] &+= second.firstByte[index] }
        return result
    }

    func point(site: String) -> SitePoint {
        var point = SitePoint(sum, site: site)
        point.span = 60
        return point
    }
}

extension SiteSecond {
    /// Adds what one lane counted between two of its reports.
    fileprivate mutating func add(_ latest: SiteStatus, since used: SiteStatus) {
        func gain(_ field: (SiteStatus) -> UInt64) -> UInt64 {
            let (after, before) = (field(latest), field(used))
            return after >= before ? after - before : after
        }
        requests &+= gain { $0.classes.reduce(0) { $0 &+ $1.requests } }
        admitted &+= gain { $0.classes.reduce(0) { $0 &+ $1.admitted } }
        queued &+= gain { $0.classes.reduce(0) { $0 &+ $1.queued } }
        refused &+= gain { $0.classes.reduce(0) { $0 &+ $1.refused } }
        failed &+= gain(\.originFailures)
        for index in firstByte.indices {
            firstByte[index] &+= gain { index < $0.firstByte.count ? $0.firstByte[index] : 0 }
        }
    }
}

extension SitePoint {
    init(_ second: SiteSecond, site: String) {
        self.init(
            site: site, at: second.time, span: 1, requests: second.requests, admitted: second.admitted,
            queued: second.queued, refused: second.refused, failed: second.failed,
            median: Self.quantile(0.5, of: second.firstByte), p95: Self.quantile(0.95, of: second.firstByte))
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
