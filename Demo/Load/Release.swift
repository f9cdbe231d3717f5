/// Asks for a page from sources of a flood that is over, once a second from each, until all get it again.
package final class Release: Driver {
    package var place = 0
    /// When every source had got its page, one after another in one round; 0: not yet.
    package private(set) var releasedAt: UInt64 = 0

    private let sources: Range<Int>
    private let head: [UInt8]
    private let end: UInt64
    private var next: UInt64
    private var round: (asked: Int, served: Int, answered: Int) = (0, 0, 0)

    /// - Parameters:
    ///   - sources: indices of the engine.
    ///   - end: when it gives up.
    package init(of sources: Range<Int>, path: String, authority: String, start: UInt64, end: UInt64) {
        self.sources = sources
        head = Array("GET \(path)".utf8) + Browsers.Fields(authority: authority).of(0, .page)
        self.end = end
        next = start
    }

    package func due() -> UInt64? { isOver ? nil : next }

    private var isOver: Bool { releasedAt != 0 || next >= end }

    package func isDone(at now: UInt64) -> Bool { isOver && (releasedAt != 0 || now >= end) }

    package func fire(at now: UInt64, on engine: Engine) {
        // A round that is not answered whole by now has not been.
        round = (sources.count, 0, 0)
        next = now + 1_000_000_000
        for source in sources {
            engine.send(Order(source: source, job: Int(next / 1_000_000), head: head, deadline: next), of: self)
        }
    }

    package func finished(_ outcome: Outcome, at now: UInt64, on engine: Engine) {
        guard outcome.job == Int(next / 1_000_000) else { return }
        round.answered += 1
        if outcome.status == 200 { round.served += 1 }
        if round.served == round.asked, releasedAt == 0 { releasedAt = now }
    }
}
