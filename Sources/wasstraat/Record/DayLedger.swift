internal import Incidents
internal import Moments

/// Adds up a site's day as it goes, so that nobody has to read all its checks again each minute.
struct DayLedger: Sendable {
    let site: String
    private let interval: Double
    private var record: DayRecord
    /// Seconds of the day that were looked at and known.
    private var known = 0.0
    /// Up to here the checks are in the record.
    private var done: Moment
    /// Checks that may still matter, in the order in which they came.
    private var samples: [Sample]

    /// - Parameters:
    ///   - samples: the day's checks so far; they are counted again, with what comes.
    ///   - requests: those of the day that are on record.
    init(site: String, day: Day, interval: Double, samples: [Sample], requests: UInt64) {
        self.site = site
        self.interval = interval
        self.samples = samples
        record = DayRecord(site: site, day: day, worst: .unknown, downSeconds: 0, known: 0, requests: requests)
        done = day.start
    }

    mutating func add(_ sample: Sample) { samples.append(sample) }

    mutating func count(_ requests: UInt64) { record.requests &+= requests }

    /// Brings the record up to a little before now: the checks after a moment decide about it too.
    /// - Returns: the day; at its end that one and the next.
    mutating func close(_ now: Moment) -> [DayRecord] {
        var records: [DayRecord] = []
        let settled = now + -4 * interval
        let midnight = (record.day + 1).start
        if settled >= midnight {
            advance(to: midnight)
            records.append(record)
            record = DayRecord(
                site: site, day: settled.day, worst: .unknown, downSeconds: 0, known: 0, requests: 0)
            known = 0
            done = settled.day.start
        }
        advance(to: settled)
        records.append(record)
        return records
    }

    private mutating func advance(to until: Moment) {
        guard until > done else { return }
        let availability = Availability(samples, in: done..<until, interval: interval)
        record.downSeconds += availability.seconds(.down)
        known += availability.known * (until - done)
        record.known = min(1, known / 86_400)
        for span in availability.spans { record.worst = Self.worse(record.worst, span.state) }
        done = until
        let edge = done + -4 * interval
        samples.removeAll { $0.at < edge }
    }

    private static func worse(_ left: ServiceState, _ right: ServiceState) -> ServiceState {
        let order: [ServiceState] = [.unknown, .maintenance, .up, .degraded, .down]
        return (order.firstIndex(of: left) ?? 0) >= (order.firstIndex(of: right) ?? 0) ? left : right
    }
}
