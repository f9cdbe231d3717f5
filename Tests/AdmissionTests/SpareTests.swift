import Admission
import Sketches
import Testing

/// Places for requests that nobody waits for.
@Suite struct `A place to spare` {
    private static let start = Instant(nanoseconds: 1_000_000_000)

    private static func arrival(_ number: UInt64) -> Arrival {
        Arrival(
            ticket: number, source: number &* 0x9e37_79b9_7f4a_7c15, network: number, route: 1, isKnown: false)
    }

    private static func admission(_ change: (inout SiteAdmission.Rules) -> Void = { _ in }) -> SiteAdmission {
        var rules = SiteAdmission.Rules()
        change(&rules)
        return SiteAdmission(rules: rules, at: start)
    }

    /// Admits so many visitors.
    private static func fill(_ admission: inout SiteAdmission, _ count: Int) -> [Slot] {
        (0..<count).compactMap {
            if case .admit(let slot) = admission.arrived(arrival(UInt64($0)), at: start) { slot } else { nil }
        }
    }

    @Test func `counts at the limit, and is nobody's demand`() throws {
        var admission = Self.admission()
        let spare = admission.spare(7, at: Self.start)
        let slot = try #require(spare)
        #expect(admission.inFlightCount == 1 && admission.origins[0].inFlight == 1)
        #expect(admission.counts.allSatisfy { $0.requests == 0 && $0.admitted == 0 })
        #expect(slot.route == 7 && slot.isCalm && slot.waited == 0)
        admission.answered(slot, at: Instant(nanoseconds: 1_020_000_000))
        admission.released(slot)
        #expect(admission.inFlightCount == 0 && admission.origins[0].inFlight == 0)
    }

    @Test func `is none where visitors fill the limit, and is there again when one leaves`() {
        var admission = Self.admission()
        let slots = Self.fill(&admission, 10)
        #expect(slots.count == 10 && admission.spare(1, at: Self.start) == nil)
        for slot in slots { admission.released(slot) }
        #expect(admission.spare(1, at: Self.start) != nil)
    }

    @Test func `leaves half of all places`() {
        var admission = Self.admission()
        let slots = admission.origins[0].slots
        var taken = 0
        while admission.spare(1, at: Self.start) != nil { taken += 1 }
        #expect(taken > 0 && taken <= (slots + 1) / 2)
        // Room is left for visitors, and who has come leaves none beside him.
        #expect(Self.fill(&admission, slots - taken).count == slots - taken)
        #expect(admission.spare(1, at: Self.start) == nil)
    }

    @Test func `is none while somebody waits or the site was under pressure`() {
        var admission = Self.admission { $0.queueLength = 2 }
        let slots = Self.fill(&admission, 13)
        #expect(admission.isUnderPressure && admission.waitingCount == 2)
        for slot in slots { admission.released(slot) }
        #expect(admission.spare(1, at: Self.start) == nil)
        while admission.next(at: Self.start) != nil {}
        #expect(admission.waitingCount == 0 && admission.spare(1, at: Self.start) == nil)
        let later = Instant(nanoseconds: 20_000_000_000)
        _ = admission.tick(at: later)
        #expect(admission.spare(1, at: later) != nil)
    }

    @Test func `is none where no origin answers`() {
        var admission = Self.admission()
        admission.setHealth(of: 0, to: false)
        #expect(admission.spare(1, at: Self.start) == nil)
    }
}
