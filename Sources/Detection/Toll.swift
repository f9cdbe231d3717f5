internal import Fingerprints
internal import Sketches

/// What a stretch of seconds brought, in fixed memory.
struct Toll: Sendable {
    /// Seconds in it of which the profile explains less than came.
    var secondsOfExcess: UInt64 = 0
    var peakRate: UInt64 = 0
    var requests: UInt64 = 0
    /// Requests above what was usual, in the seconds of excess.
    var excess = 0.0
    var admitted: UInt64 = 0
    var queued: UInt64 = 0
    var refused: UInt64 = 0
    var failed: UInt64 = 0
    var sources = HyperLogLog()
    var networks = Heaviest()
    var routes = Heaviest()
    /// Of the seconds of excess alone.
    var contrast = Contrast()

    mutating func add(_ second: SiteSecond, usual: Double, isExcess: Bool) {
        peakRate = max(peakRate, second.requests)
        requests = requests.saturatingAdd(second.requests)
        admitted = admitted.saturatingAdd(second.admitted)
        queued = queued.saturatingAdd(second.queued)
        refused = refused.saturatingAdd(second.refused)
        failed = failed.saturatingAdd(second.failed)
        sources.merge(second.traffic.sources)
        networks.add(second.traffic.networks.map { ($0.key, $0.value) })
        routes.add(second.traffic.shapes.map { ($0.key.route, $0.value) })
        guard isExcess else { return }
        secondsOfExcess += 1
        excess += Double(second.requests) - usual
        contrast.shapes.add(second.traffic.shapes)
        contrast.requests += Double(second.requests)
        contrast.expected += usual
    }

    mutating func merge(_ other: Toll) {
        secondsOfExcess += other.secondsOfExcess
        peakRate = max(peakRate, other.peakRate)
        requests = requests.saturatingAdd(other.requests)
        excess += other.excess
        admitted = admitted.saturatingAdd(other.admitted)
        queued = queued.saturatingAdd(other.queued)
        refused = refused.saturatingAdd(other.refused)
        failed = failed.saturatingAdd(other.failed)
        sources.merge(other.sources)
        networks.add(other.networks.counts.map { ($0.key, $0.value) })
        routes.add(other.routes.counts.map { ($0.key, $0.value) })
        contrast.shapes.merge(other.contrast.shapes)
        contrast.requests += other.contrast.requests
        contrast.expected += other.contrast.expected
    }

    /// The heaviest names: the lightest go when there are too many, so a count is at most what the name brought.
    struct Heaviest: Sendable {
        private(set) var counts: [String: UInt64] = [:]
        private static let kept = 256

        init() {}

        init(_ counted: [DetectedAttack.Counted]) { add(counted.map { ($0.name, $0.count) }) }

        mutating func add(_ more: [(String, UInt64)]) {
            for (name, count) in more { counts[name] = counts[name, default: 0].saturatingAdd(count) }
            guard counts.count > 2 * Self.kept else { return }
            counts = Dictionary(sorted.prefix(Self.kept).map { ($0.key, $0.value) }, uniquingKeysWith: max)
        }

        func first(_ count: Int) -> [DetectedAttack.Counted] { sorted.prefix(count).map { .init($0.key, $0.value) } }

        private var sorted: [(key: String, value: UInt64)] {
            counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        }
    }
}
