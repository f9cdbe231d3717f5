import Admission
import Testing

/// Five kinds of sites, nothing configured, under a flood that rates do not show: 10,000 sources that each ask as little as
/// a visitor, three in ten of them with a browser's fields and TLS, and with cookies.
@Suite(.serialized) struct ScoreTests {
    private static func report(_ simulation: SiteSimulation, _ name: String) {
        for party in SiteSimulation.Party.allCases where simulation.outcomes[party].requests > 0 {
            let outcome = simulation.outcomes[party]
            print(
                name, "\(party):", outcome.requests, "requests, success", outcome.success, "without a refusal",
                outcome.firstSuccess, "suspect", outcome.suspects, "pages", outcome.pages, "p50",
                outcome.percentile(0.5), "p99",
                outcome.percentile(0.99), "quiet p99", simulation.quiet[party].percentile(0.99))
        }
        print(name, "first effect after", simulation.firstEffect ?? -1, "s")
    }

    @Test(arguments: SiteKind.all, [20, 50])
    func `visitors are served through a flood`(kind: SiteKind, factor: Double) {
        var simulation = SiteSimulation(kind, flood: factor, seed: 1)
        simulation.run()
        Self.report(simulation, "\(kind.testDescription) \(Int(factor))x")
        let (known, new) = (simulation.outcomes[.known], simulation.outcomes[.new])
        #expect(known.success >= 0.999)
        #expect(known.percentile(0.99) <= 2 * simulation.quiet[.known].percentile(0.99))
        #expect(new.success >= 0.99)
        // Also of those who came while the room was full and nothing was known of the flood yet.
        #expect(new.firstSuccess >= 0.985)
        #expect(simulation.firstEffect ?? 100 <= 2)
    }

    /// What the score is good for: without it some one in ten of the first-time visitors' requests is refused in the same
    /// flood, with it fewer than one in sixty.
    @Test func `without the score first-time visitors stand behind the flood`() {
        var simulation = SiteSimulation(.search, flood: 20, isScored: false, seed: 1)
        simulation.run()
        Self.report(simulation, "search 20x without score")
        #expect(simulation.outcomes[.new].firstSuccess < 0.95)
    }

    /// The limit and the classes alone keep those who have been here before.
    @Test(arguments: SiteKind.all)
    func `without the score known visitors are served`(kind: SiteKind) {
        var simulation = SiteSimulation(kind, flood: 20, isScored: false, seed: 1)
        simulation.run()
        Self.report(simulation, "\(kind.testDescription) 20x without score")
        #expect(simulation.outcomes[.known].success >= 0.99)
        #expect(simulation.admission.unlike == 0)
    }

    /// Who comes for a new page with an unusual program differs in two things, as a flood does: such requests may be suspect,
    /// and get what is left. Nobody else is.
    @Test(arguments: [SiteKind.statics, .search, .downloads])
    func `in a crowd by a social network's links, usual browsers are not suspect`(kind: SiteKind) {
        var simulation = SiteSimulation(kind, crowd: 20, crowdComes: .fromElsewhere, seed: 1)
        simulation.run()
        Self.report(simulation, "\(kind.testDescription) crowd from elsewhere")
        let (known, new, crowd) = (
            simulation.outcomes[.known], simulation.outcomes[.new], simulation.outcomes[.crowd]
        )
        print(kind.testDescription, "usual suspects", new.usualSuspects, crowd.usualSuspects)
        #expect(known.success >= 0.999)
        #expect(new.usualSuspects == 0)
        #expect(crowd.usualSuspects == 0)
    }

    @Test(arguments: SiteKind.all)
    func `nobody in a crowd is suspect`(kind: SiteKind) {
        var simulation = SiteSimulation(kind, crowd: 20, seed: 1)
        simulation.run()
        Self.report(simulation, "\(kind.testDescription) crowd")
        // One in ten thousand at most, of all that came and came again.
        let all = simulation.admission.counts.reduce(0) { $0 + $1.requests }
        print("\(kind.testDescription) crowd: suspect", simulation.admission.unlike, "of", all)
        #expect(Double(simulation.admission.unlike) <= 0.0001 * Double(all))
        #expect(simulation.outcomes[.known].success >= 0.999)
        // All that the origin can take is served: refused is what exceeds it.
        print("\(kind.testDescription) crowd: origin busy", simulation.busyShare)
        #expect(simulation.busyShare >= 0.9)
    }
}
