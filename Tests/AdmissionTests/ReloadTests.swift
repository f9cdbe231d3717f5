import Admission
import Sketches
import Testing

/// The rules change while requests are on their way.
@Suite struct `Rules that change` {
    private static let start = Instant(nanoseconds: 1_000_000_000)

    private static func admission(origins: Int = 1, queue: Int = 256) -> SiteAdmission {
        var rules = SiteAdmission.Rules()
        rules.origins = origins
        rules.queueLength = queue
        return SiteAdmission(rules: rules, at: start)
    }

    private static func arrival(_ number: UInt64) -> Arrival {
        Arrival(ticket: number, source: number, network: number, route: 1, isKnown: false)
    }

    /// Asks until the first request must wait; returns the slots given out.
    private static func fill(_ admission: inout SiteAdmission) -> [Slot] {
        var slots: [Slot] = []
        for number in 0..<100 as Range<UInt64> {
            guard case .admit(let slot) = admission.arrived(arrival(number), at: start) else { break }
            slots.append(slot)
        }
        return slots
    }

    @Test func `bring a longer or a shorter queue`() {
        var admission = Self.admission(queue: 2)
        #expect(!Self.fill(&admission).isEmpty)
        func wait(_ numbers: Range<UInt64>) -> Int {
            numbers.count { number in
                if case .wait(let evicted) = admission.arrived(Self.arrival(number), at: Self.start) {
                    return evicted == nil
                }
                return false
            }
        }
        #expect(wait(1000..<1010) == 1)
        admission.rules.queueLength = 6
        #expect(wait(2000..<2010) == 4)
        admission.rules.queueLength = 3
        // Those who wait are not sent away, but nobody is let in beside them.
        #expect(admission.waitingCount == 6)
        #expect(wait(3000..<3010) == 0)
        #expect(admission.waitingCount == 6)
    }

    @Test func `take an origin away, and its requests go to another`() {
        var admission = Self.admission(origins: 2)
        let slots = Self.fill(&admission)
        #expect(Set(slots.map(\.origin)) == [0, 1])
        admission.rules.origins = 1
        #expect(admission.origins.count == 1)
        let before = admission.origins[0].inFlight
        let moved = slots.map { $0.origin == 1 ? admission.move($0, to: 0, at: Self.start) : $0 }
        #expect(moved.allSatisfy { $0.origin == 0 })
        #expect(admission.origins[0].inFlight == slots.count)
        #expect(before < slots.count)
        for slot in moved { admission.released(slot) }
        #expect(admission.origins[0].inFlight == 0)
        #expect(admission.inFlightCount == 0)
    }

    @Test func `leave a request its place while its body comes in`() {
        var admission = Self.admission()
        let slots = Self.fill(&admission)
        let full = admission.inFlightCount
        admission.released(slots[0])
        guard case .some = admission.next(at: Self.start) else {
            Issue.record("the one that waits goes on")
            return
        }
        // Its body is whole: it goes on at once, and those who come wait for it.
        let later = Instant(nanoseconds: Self.start.nanoseconds + 2_000_000_000)
        let again = admission.resumed(slots[0], at: later)
        #expect(again.since == later)
        #expect(admission.inFlightCount == full + 1)
        #expect(admission.origins[0].inFlight == full + 1)
        guard case .wait = admission.arrived(Self.arrival(500), at: later) else {
            Issue.record("more than the limit are let in")
            return
        }
        admission.released(again)
        #expect(admission.next(at: later) == nil)
    }
}
