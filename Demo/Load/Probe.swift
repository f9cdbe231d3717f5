/// Asks for one page again and again, a fixed number at a time: how much the origin can serve.
package final class Probe: Driver {
    package var place = 0
    /// Whole responses with status 200, and all others.
    package private(set) var served = 0
    package private(set) var failed = 0

    private let head: [UInt8]
    private let concurrency: Int
    private let end: UInt64
    private let source: Int
    private var under = 0
    private var firstAt: UInt64?
    private var lastAt: UInt64 = 0

    package init(
        path: String, authority: String, concurrency: Int, seconds: Double, on engine: Engine
    ) throws(TargetRefusal) {
        head = Array("GET \(path)".utf8) + Browsers.Fields(authority: authority).of(0, .page)
        self.concurrency = concurrency
        end = Clock.now() + UInt64(seconds * 1e9)
        source = try engine.addSource(nil, isVisitor: false)
    }

    /// Responses per second between the first and the last.
    package var rate: Double {
        guard let firstAt, lastAt > firstAt else { return 0 }
        return Double(served - 1) / (Double(lastAt - firstAt) / 1e9)
    }

    package func due() -> UInt64? { under < concurrency && Clock.now() < end ? 0 : nil }

    package func isDone(at now: UInt64) -> Bool { now >= end && under == 0 }

    package func fire(at now: UInt64, on engine: Engine) {
        for _ in under..<concurrency {
            under += 1
            engine.send(Order(source: source, job: 0, head: head, deadline: now + 10_000_000_000), of: self)
        }
    }

    package func finished(_ outcome: Outcome, at now: UInt64, on engine: Engine) {
        under -= 1
        guard outcome.ending == .complete, outcome.status == 200 else {
            failed += 1
            return
        }
        served += 1
        if firstAt == nil { firstAt = now }
        lastAt = now
    }
}
