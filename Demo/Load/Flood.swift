package import Addresses

/// A hacktivist flood: requests of given shapes at a fixed rate, each from a source taken at random, whatever becomes of
/// them. It keeps no cookie, checks no certificate and reads no page; where the order says so, a part of its sources does
/// all that, with the greeting of a browser.
package final class Flood: Driver {
    package var place = 0
    /// Requests that were due.
    package private(set) var offered = 0
    /// Responses by the first digit of their status, and what ended otherwise.
    package private(set) var statuses = Array(repeating: 0, count: 6)
    package private(set) var endings = Array(repeating: 0, count: Outcome.Ending.allCases.count)
    package let sources: Int
    /// The engine's indices of sources that are not browser-like, at most so many.
    package func plainSources(_ count: Int) -> Range<Int> {
        let start = first + min(recorded, sources - 1)
        return start..<min(start + count, first + sources)
    }
    /// When the first answer came that was not the page, and how often sources let themselves be sent on.
    package private(set) var hinderedAt: UInt64 = 0
    package private(set) var followed = 0
    /// Answers to browser-like sources, and those of them with status 200.
    package private(set) var browserAnswers = (all: 0, served: 0)
    /// How late the latest request was sent, at worst, in nanoseconds.
    package private(set) var lag: UInt64 = 0

    private let shapes: Shapes
    private let fields: Browsers.Fields
    private let recordedFields: Browsers.Fields
    private let authority: String
    /// The first sources that are browser-like, and all that have a recorded browser's fields.
    private let browserlike: Int
    private let recorded: Int
    private var later = LaterOrders()
    /// Orders under way of browser-like sources, by job.
    private var chains: [Int: (order: Order, hops: Int)] = [:]
    private var jobs = 0
    private let first: Int
    private let browsers: [Int]
    private let rate: Double
    private var end: UInt64
    private let patience: UInt64
    private var next: UInt64
    private var random: Seeded

    /// - Parameters:
    ///   - rate: requests per second over all sources.
    ///   - start: when it begins, in nanoseconds of `Clock`; `.max`: when `begin` says so.
    ///   - patience: seconds that one request may take.
    ///   - browserShare: the share of the sources that has a recorded browser's greeting, keeps cookies and follows.
    ///   - framedShare: in clear, the share of the others that speaks HTTP/2 without asking.
    package init(
        _ shapes: Shapes, from addresses: [Address], authority: String, rate: Double, start: UInt64, seconds: Double,
        seed: UInt64, patience: Int = 10, browserShare: Double = 0, framedShare: Double = 0, on engine: Engine
    ) throws(TargetRefusal) {
        precondition(!addresses.isEmpty && rate > 0)
        self.shapes = shapes
        self.rate = rate
        self.patience = UInt64(patience) * 1_000_000_000
        self.authority = authority
        fields = Browsers.Fields(authority: authority)
        recordedFields = Browsers.Fields(authority: authority, recorded: engine.browsers)
        let hasBrowsers = !engine.browsers.isEmpty
        browserlike = hasBrowsers ? Int(Double(addresses.count) * browserShare) : 0
        recorded =
            hasBrowsers && !engine.usesTLS
            ? browserlike + Int(Double(addresses.count - browserlike) * framedShare) : browserlike
        random = Seeded(seed)
        sources = addresses.count
        next = start
        end = start == .max ? 0 : start + UInt64(seconds * 1e9)
        var indices: [Int] = []
        var browsers: [Int] = []
        for (index, address) in addresses.enumerated() {
            let isRecorded = index < recorded
            browsers.append(random.below(isRecorded ? engine.browsers.count : Browsers.count))
            indices.append(
                try engine.addSource(
                    address, isVisitor: index < browserlike, browser: isRecorded ? browsers[index] : nil,
                    isFramedInClear: isRecorded))
        }
        first = indices[0]
        self.browsers = browsers
    }

    package func begin(at start: UInt64, seconds: Double) {
        next = start
        end = start + UInt64(seconds * 1e9)
    }

    package func due() -> UInt64? { next < end ? min(next, later.due ?? next) : nil }

    /// The last requests get half a second to reach the server; nobody waits for their answers.
    package func isDone(at now: UInt64) -> Bool { next >= end && now >= end + 500_000_000 }

    package func fire(at now: UInt64, on engine: Engine) {
        while let order = later.pop(at: now), next < end { engine.send(order, of: self) }
        while next <= now, next < end {
            lag = max(lag, now - next)
            let source = random.below(sources)
            let (line, body) = shapes.make(&random)
            let isRecorded = source < recorded
            var order = Order(
                source: first + source, job: -1,
                head: line + (isRecorded ? recordedFields : fields).of(browsers[source], .page),
                deadline: next + patience)
            if !body.isEmpty { order.carry(form: body) }
            if source < browserlike {
                // It reads the page, for where it may be sent.
                order.word = [UInt8(ascii: "<")]
                order.job = jobs
                chains[jobs] = (order, 0)
                jobs += 1
            }
            offered += 1
            next += random.gap(rate: rate)
            engine.send(order, of: self)
        }
    }

    package func finished(_ outcome: Outcome, at now: UInt64, on engine: Engine) {
        endings[Outcome.Ending.allCases.firstIndex(of: outcome.ending) ?? 0] += 1
        statuses[min(5, outcome.status / 100)] += 1
        // The engine's own bounds are no answer, and neither is a page that is not there.
        let isHindered = outcome.status != 200 && outcome.status != 404 && outcome.ending != .unsent
        if isHindered, hinderedAt == 0 { hinderedAt = now }
        guard outcome.job >= 0, let (order, hops) = chains.removeValue(forKey: outcome.job) else { return }
        browserAnswers.all += 1
        if outcome.status == 200 { browserAnswers.served += 1 }
        guard hops < Following.limit, let step = Following().step(after: outcome, to: order.head, authority: authority),
            now + step.pause < end
        else { return }
        followed += 1
        var again = order
        again.head = Following.head(order.head, to: step)
        if !step.keepsMethod { again.body = [] }
        again.deadline = now + step.pause + patience
        again.isReached = true
        chains[again.job] = (again, hops + 1)
        later.add(again, at: now + step.pause)
    }
}
