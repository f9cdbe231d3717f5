import Admission
import Sketches
import Testing

/// Those that the operator named, crawlers that are proven, and those that only say so.
@Suite struct StandingTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)
    private static func at(_ milliseconds: UInt64) -> Instant {
        Instant(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000)
    }

    private static func arrival(_ number: UInt64, _ standing: Standing, source: UInt64? = nil) -> Arrival {
        var arrival = Arrival(
            ticket: number, source: (source ?? number) &* 0x9e37_79b9_7f4a_7c15, network: number, route: 1,
            isKnown: false)
        arrival.standing = standing
        return arrival
    }

    /// A site whose limit is taken and whose queue is full, by requests of strangers.
    private static func full(_ change: (inout SiteAdmission.Rules) -> Void = { _ in }) -> SiteAdmission {
        var rules = SiteAdmission.Rules()
        rules.queueLength = 4
        change(&rules)
        var admission = SiteAdmission(rules: rules, at: start)
        for number in 0..<40 { _ = admission.arrived(arrival(UInt64(number), .none), at: start) }
        return admission
    }

    @Test(arguments: [Standing.allowed, .probe]) func `whom the operator named waits for nobody`(standing: Standing) {
        var admission = Self.full()
        guard case .refuse(.full) = admission.arrived(Self.arrival(100, .none), at: Self.start) else {
            Issue.record("the site is not full")
            return
        }
        guard case .admit(let slot) = admission.arrived(Self.arrival(101, standing), at: Self.start) else {
            Issue.record("the named one waits")
            return
        }
        #expect(slot.visitorClass == .known && slot.waited == 0)
        #expect(admission.waitingCount == 4)
        admission.released(slot)
    }

    @Test func `named ones exceed the limit by a little, and then come first of all that wait`() {
        var admission = Self.full()
        let before = admission.inFlightCount
        var held = 0
        for number in 0..<20 {
            if case .admit = admission.arrived(Self.arrival(200 + UInt64(number), .allowed), at: Self.start) {
                held += 1
            }
        }
        // A quarter of the limit of 10.
        #expect(held == 2 && admission.inFlightCount == before + 2)
        #expect(admission.standings.allowed == 20)
        // The room is full of them now: the strangers gave way.
        guard case .refuse = admission.arrived(Self.arrival(300, .none), at: Self.start) else {
            Issue.record("a stranger waits before them")
            return
        }
    }

    @Test func `without an origin that answers a named one is told so`() {
        var admission = Self.full()
        admission.setHealth(of: 0, to: false)
        guard case .refuse(.noOrigin) = admission.arrived(Self.arrival(1_000, .allowed), at: Self.start) else {
            Issue.record("it was sent to an origin that does not answer")
            return
        }
    }

    @Test func `a named source is not suspect for asking much, and no fixed limit holds for it`() {
        var rules = SiteAdmission.Rules()
        rules.sourceRate = 1
        var admission = SiteAdmission(rules: rules, at: Self.start)
        for number in 0..<200 {
            guard
                case .admit(let slot) = admission.arrived(
                    Self.arrival(UInt64(number), .allowed, source: 7), at: Self.start)
            else {
                Issue.record("request \(number) did not pass")
                return
            }
            admission.released(slot)
        }
        guard case .admit = admission.arrived(Self.arrival(500, .none, source: 8), at: Self.start),
            case .refuse(.overLimit) = admission.arrived(Self.arrival(501, .none, source: 8), at: Self.start)
        else {
            Issue.record("the fixed limit does not hold for others")
            return
        }
    }

    @Test func `a proven crawler goes before strangers, at its own pace`() {
        var admission = Self.full { $0.botRates = [2, 5] }
        // Ahead of all strangers that wait, but not beyond the limit.
        guard case .wait(let evicted?) = admission.arrived(Self.arrival(100, .bot(0)), at: Self.start) else {
            Issue.record("the crawler did not take a stranger's place in the queue")
            return
        }
        #expect(evicted < 40 && admission.standings.bots == 1)
        // Eight at once, at two a second; over its pace it is one of the strangers.
        for number in 0..<20 { _ = admission.arrived(Self.arrival(200 + UInt64(number), .bot(0)), at: Self.start) }
        #expect(admission.standings.bots == 8)
        _ = admission.arrived(Self.arrival(300, .bot(0)), at: Self.at(1_000))
        _ = admission.arrived(Self.arrival(301, .bot(0)), at: Self.at(1_000))
        _ = admission.arrived(Self.arrival(302, .bot(0)), at: Self.at(1_000))
        #expect(admission.standings.bots == 10)
        // Another crawler's pace is its own; one that the rules do not have has none.
        _ = admission.arrived(Self.arrival(400, .bot(1)), at: Self.at(1_000))
        _ = admission.arrived(Self.arrival(401, .bot(2)), at: Self.at(1_000))
        #expect(admission.standings.bots == 11)
    }

    @Test func `one that falsely says it is a crawler is suspect, and refused with 429 where there is no room`() {
        var admission = Self.full()
        guard case .refuse(.suspect) = admission.arrived(Self.arrival(100, .impostor), at: Self.start) else {
            Issue.record("the impostor is treated as a stranger")
            return
        }
        #expect(admission.lastClass == .suspect && admission.standings.impostors == 1)
        var calm = SiteAdmission(rules: SiteAdmission.Rules(), at: Self.start)
        guard case .admit = calm.arrived(Self.arrival(1, .impostor), at: Self.start) else {
            Issue.record("there is room for everybody")
            return
        }
    }

    @Test func `probers have one pace together`() {
        var admission = Self.full { $0.probeRate = 1 }
        for number in 0..<10 { _ = admission.arrived(Self.arrival(100 + UInt64(number), .probe), at: Self.start) }
        #expect(admission.standings.probes == 4)
    }
}
