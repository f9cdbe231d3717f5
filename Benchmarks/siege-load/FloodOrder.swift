internal import Addresses
internal import Load

/// A flood, and after it the question when its sources are let in again.
enum FloodOrder {
    struct Report: Encodable {
        var offered: Int
        var reached: Int
        var sources: Int
        /// By the first digit of the status, from 0 (no answer) on.
        var statuses: [Int]
        var endings: [String: Int]
        var lagMs: Double
        var followed: Int
        var browserAnswers: Int
        var browserServed: Int
        var framed: Int
        var opened: Int
        var resumed: Int
        /// Seconds from the start to the first answer that was not the page.
        var firstEffectSeconds: Double?
        /// Seconds from the flood's end to the first round in which all sources that were asked got the page.
        var releasedSeconds: Double?
        var cpuSeconds: Double
    }

    /// Sources that are asked after the flood.
    private static let asked = 30

    static func run(_ order: LoadOrder) throws {
        let home = try order.home()
        let bounds = try order.limits()
        guard let rate = order.rate, rate <= Double(bounds.rate), let path = order.shapes, let text = readFile(path)
        else { throw SiegeError("a flood needs a rate within its bounds, and shapes") }
        let shapes = try Shapes(json: Array(text.utf8))
        let recorded = try order.recorded()
        let engine = try Engine(
            target: home, tls: order.client(recorded), bounds: bounds, idleSeconds: 30, browsers: recorded)
        var plan = order.plan()
        let flood = try Flood(
            shapes, from: plan.deal(order.sources ?? 500, perNetwork: order.perNetwork ?? 5),
            authority: order.name(), rate: rate, start: order.begin, seconds: order.seconds ?? 10,
            seed: (order.seed ?? 1) &+ 5, browserShare: order.browserShare ?? 0,
            framedShare: order.framedShare ?? 0, on: engine)
        engine.run([flood], until: order.end + 1_000_000_000)
        let reached = engine.reached(flood.place)
        var released: UInt64 = 0
        if let wait = order.releaseSeconds {
            let release = Release(
                of: flood.plainSources(asked), path: order.releasePath ?? "/", authority: try order.name(),
                start: Clock.now(), end: order.end + UInt64(wait * 1e9))
            engine.run([release], until: order.end + UInt64((wait + 1) * 1e9))
            released = release.releasedAt
        }
        func since(_ start: UInt64, _ moment: UInt64) -> Double? {
            moment > start ? Double(moment - start) / 1e9 : nil
        }
        let endings = Dictionary(
            uniqueKeysWithValues: zip(Outcome.Ending.allCases.map(\.rawValue), flood.endings))
        try say(
            Report(
                offered: flood.offered, reached: reached, sources: flood.sources, statuses: flood.statuses,
                endings: endings, lagMs: Double(flood.lag) / 1e6, followed: flood.followed,
                browserAnswers: flood.browserAnswers.all, browserServed: flood.browserAnswers.served,
                framed: engine.framed, opened: engine.opened, resumed: engine.resumed,
                firstEffectSeconds: since(order.begin, flood.hinderedAt),
                releasedSeconds: since(order.end, released), cpuSeconds: processorSeconds()))
    }
}
