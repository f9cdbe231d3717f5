internal import Addresses
internal import Load

/// Visitors over several phases of one siege: the same people, with the cookies that they keep.
enum VisitorsOrder {
    struct Phase: Encodable {
        struct Group: Encodable {
            var clicks: Int
            var success: Double?
            var p99Ms: Double?
            /// Clicks that succeeded after more than a tenth of a second, at most a hundred: when they began, in seconds from
            /// the phase's start, and how long they took.
            var slow: [[Double]]
        }
        var name: String
        var known: Group
        var unknown: Group
        var p50Ms: Double?
        var p95Ms: Double?
        var p99Ms: Double?
        var refused: Int
        var errors: Int
        var late: Int
        var sent: Int
        var followed: Int
        var lagMs: Double
        /// Seconds from the phase's start to the last failed click of a known visitor; absent: none failed.
        var knownFailedSeconds: Double?
    }

    struct Report: Encodable {
        var phases: [Phase]
        var opened: Int
        var resumed: Int
        var framed: Int
        var cpuSeconds: Double
    }

    static func run(_ order: LoadOrder) throws {
        guard let site = order.site, let phases = order.phases, !phases.isEmpty else { throw SiegeError("no phases") }
        let recorded = try order.recorded()
        let engine = try Engine(
            target: order.home(), tls: order.client(recorded), bounds: order.limits(), browsers: recorded)
        var plan = order.plan()
        let known = order.known ?? 0
        let unknown = order.unknown ?? 0
        var addresses: [Address]
        if let shared = order.shared {
            let few = plan.deal(shared, perNetwork: 1)
            addresses = (0..<known + unknown).map { few[$0 % few.count] }
        } else {
            addresses = plan.deal(known + unknown, perNetwork: order.perNetwork ?? 5)
            // Otherwise the known would have networks of their own.
            var random = Seeded((order.seed ?? 1) &+ 77)
            addresses.shuffle(using: &random)
        }
        let people = try People(
            known: Array(addresses[..<known]), unknown: Array(addresses[known...]), seed: order.seed ?? 1, on: engine)
        let visited = VisitedSite(site)
        let drivers = try phases.map { phase in
            guard let crowd = crowds[phase.crowd] else { throw SiegeError("no such crowd: \(phase.crowd)") }
            return Visitors(
                crowd, of: people, to: visited, authority: try order.name(), rate: phase.rate, start: phase.start,
                seconds: phase.seconds, following: Following(obeysRetryAfter: order.isProgram ?? false),
                recorded: recorded,
                newcomers: phase.newcomers.flatMap { $0.count == 2 && $0[0] <= $0[1] ? $0[0]..<$0[1] : nil })
        }
        engine.run(drivers, until: .max)
        let rows = zip(phases, drivers).map { Self.row($0, $1) }
        try say(
            Report(
                phases: rows, opened: engine.opened, resumed: engine.resumed, framed: engine.framed,
                cpuSeconds: processorSeconds()))
    }

    private static let crowds: [String: Visitors.Crowd] = ["meeting": .meeting, "mixed": .mixed, "flash": .flash]

    private static func group(_ group: Tally.Group, _ tally: Tally, _ start: UInt64) -> Phase.Group {
        let slow = tally.clicks.filter { $0.group == group && $0.succeeded && $0.microseconds > 100_000 }
        return Phase.Group(
            clicks: tally.count(group), success: tally.success(group), p99Ms: tally.percentiles([99], of: group)?[0],
            slow: slow.prefix(100).map {
                let seconds = Double($0.microseconds) / 1e6
                return [(Double($0.at) - Double(start)) / 1e9 - seconds, seconds]
            })
    }

    private static func row(_ phase: LoadOrder.Phase, _ driver: Visitors) -> Phase {
        let tally = driver.tally
        let times = tally.percentiles([50, 95, 99])
        let failed = driver.knownFailedAt
        return Phase(
            name: phase.name, known: group(.known, tally, phase.start), unknown: group(.unknown, tally, phase.start),
            p50Ms: times?[0], p95Ms: times?[1], p99Ms: times?[2],
            refused: tally.failures[Tally.Failure.refused.rawValue],
            errors: tally.failures[Tally.Failure.error.rawValue], late: tally.failures[Tally.Failure.late.rawValue],
            sent: driver.requests, followed: driver.followed, lagMs: Double(driver.lag) / 1e6,
            knownFailedSeconds: failed > phase.start ? Double(failed - phase.start) / 1e9 : nil)
    }
}

extension VisitedSite {
    init(_ site: LoadOrder.Site) {
        func page(_ page: LoadOrder.Site.Page) -> Page { Page(path: page.path, word: page.word) }
        self.init(
            pages: site.pages.map(page), style: site.style, image: site.image, search: page(site.search),
            searches: site.searches)
        searchShare = site.searchShare
        if let form = site.form {
            self.form = page(form)
            formShare = site.formShare ?? 0
        }
        if let file = site.file {
            self.file = page(file)
            fileShare = site.fileShare ?? 0
        }
    }
}
