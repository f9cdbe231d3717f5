package import Addresses

/// A hacktivist flood: requests of given shapes at a fixed rate, each from a source taken at random, whatever becomes of
/// them. It keeps no cookie, checks no certificate and reads no page.
package final class Flood: Driver {
    package var place = 0
    /// Requests that were due.
    package private(set) var offered = 0
    /// Responses by the first digit of their status, and what ended otherwise.
    package private(set) var statuses = Array(repeating: 0, count: 6)
    package private(set) var endings = Array(repeating: 0, count: Outcome.Ending.allCases.count)
    package let sources: Int
    /// How late the latest request was sent, at worst, in nanoseconds.
    package private(set) var lag: UInt64 = 0

    private let shapes: Shapes
    private let fields: Browsers.Fields
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
    package init(
        _ shapes: Shapes, from addresses: [Address], authority: String, rate: Double, start: UInt64, seconds: Double,
        seed: UInt64, patience: Int = 10, on engine: Engine
    ) throws(TargetRefusal) {
        precondition(!addresses.isEmpty && rate > 0)
        self.shapes = shapes
        self.rate = rate
        self.patience = UInt64(patience) * 1_000_000_000
        fields = Browsers.Fields(authority: authority)
        random = Seeded(seed)
        sources = addresses.count
        next = start
        end = start == .max ? 0 : start + UInt64(seconds * 1e9)
        var indices: [Int] = []
        for address in addresses { indices.append(try engine.addSource(address, isVisitor: false)) }
        first = indices[0]
        var browsers: [Int] = []
        for _ in addresses { browsers.append(random.below(Browsers.count)) }
        self.browsers = browsers
    }

    package func begin(at start: UInt64, seconds: Double) {
        next = start
        end = start + UInt64(seconds * 1e9)
    }

    package func due() -> UInt64? { next < end ? next : nil }

    /// The last requests get half a second to reach the server; nobody waits for their answers.
    package func isDone(at now: UInt64) -> Bool { next >= end && now >= end + 500_000_000 }

    package func fire(at now: UInt64, on engine: Engine) {
        while next <= now, next < end {
            lag = max(lag, now - next)
            let source = random.below(sources)
            let (line, body) = shapes.make(&random)
            var order = Order(
                source: first + source, job: 0, head: line + fields.of(browsers[source], .page),
                deadline: next + patience)
            if !body.isEmpty {
                order.head += "Content-Type: application/x-www-form-urlencoded\r\n".utf8
                order.head += "Content-Length: \(body.count)\r\n".utf8
                order.body = body
            }
            offered += 1
            next += random.gap(rate: rate)
            engine.send(order, of: self)
        }
    }

    package func finished(_ outcome: Outcome, at now: UInt64, on engine: Engine) {
        endings[Outcome.Ending.allCases.firstIndex(of: outcome.ending) ?? 0] += 1
        statuses[min(5, outcome.status / 100)] += 1
    }
}
