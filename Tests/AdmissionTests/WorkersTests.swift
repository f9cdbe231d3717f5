import Admission
import Sketches
import Testing

/// Workers share a site's admission, and each reads the clock for itself.
@Suite struct WorkersTests {
    @Test func `a request may be fetched by a worker whose clock is behind`() throws {
        let queued = Instant(nanoseconds: 2_000_000_000)
        let fetched = Instant(nanoseconds: queued.nanoseconds - 1_000)
        var admission = SiteAdmission(rules: SiteAdmission.Rules(), at: Instant(nanoseconds: 1_000_000_000))
        var slots: [Slot] = []
        var waiting: [UInt64] = []
        for ticket in 0..<100 as Range<UInt64> where waiting.isEmpty {
            let arrival = Arrival(ticket: ticket, source: ticket, network: ticket, route: 1, isKnown: true)
            switch admission.arrived(arrival, at: queued) {
            case .admit(let slot): slots.append(slot)
            case .wait: waiting.append(ticket)
            case .refuse: Issue.record("refused")
            }
        }
        admission.released(try #require(slots.last))
        let found = admission.next(at: fetched)
        let next = try #require(found)
        #expect([next.ticket] == waiting)
        #expect(admission.counts.map(\.waitedMicroseconds) == [0, 0, 0])
    }
}
