import Admission
import Sketches
import Testing

/// The fixed limit for each source, where a site has one.
@Suite struct SourceLimitTests {
    /// Requests refused for each of `sources`, when each sends ten, all taking turns, within one moment.
    private func refused(_ admission: inout SiteAdmission, sources: Int, at now: Instant) -> [Int] {
        var refused = Array(repeating: 0, count: sources)
        for round in 0..<10 {
            for source in 0..<sources {
                let arrival = Arrival(
                    ticket: UInt64(round * sources + source), source: UInt64(source) &* 0x9e37_79b9_7f4a_7c15,
                    network: UInt64(source) &* 0xbf58_476d_1ce4_e5b9, route: 1, isKnown: false)
                switch admission.arrived(arrival, at: now) {
                case .admit(let slot): admission.released(slot)
                case .wait: Issue.record("there is room for one at a time")
                case .refuse: refused[source] += 1
                }
            }
        }
        return refused
    }

    @Test(arguments: [10, 65, 500, 2_000])
    func `a limit that comes with a reload holds for every source, as one from the beginning does`(sources: Int) {
        let now = Instant(nanoseconds: 5_000_000_000)
        var limited = SiteAdmission.Rules()
        limited.sourceRate = 1
        limited.sourceBurst = 4
        var reloaded = SiteAdmission(rules: SiteAdmission.Rules(), at: Instant(nanoseconds: 1_000_000_000))
        #expect(refused(&reloaded, sources: sources, at: Instant(nanoseconds: 2_000_000_000)).allSatisfy { $0 == 0 })
        reloaded.rules = limited
        // Five of ten pass: the burst, and the first of the rate.
        #expect(refused(&reloaded, sources: sources, at: now).allSatisfy { $0 == 5 })
        var fromTheBeginning = SiteAdmission(rules: limited, at: Instant(nanoseconds: 1_000_000_000))
        #expect(refused(&fromTheBeginning, sources: sources, at: now).allSatisfy { $0 == 5 })
    }

    @Test func `a reload that changes the limit does not forget who has used it up`() {
        let now = Instant(nanoseconds: 5_000_000_000)
        var rules = SiteAdmission.Rules()
        rules.sourceRate = 1
        rules.sourceBurst = 4
        var admission = SiteAdmission(rules: rules, at: Instant(nanoseconds: 1_000_000_000))
        #expect(refused(&admission, sources: 100, at: now).allSatisfy { $0 == 5 })
        rules.sourceBurst = 6
        admission.rules = rules
        #expect(refused(&admission, sources: 100, at: now).allSatisfy { $0 == 8 })
    }
}
