import Admission
import Testing

/// The first demo in simulated time: visitors at 50 requests/s, a flood of searches at 1,000/s, an origin of four
/// slots.
@Suite struct FloodTests {
    static let mix: [(route: Simulation.Route, share: Double)] = [
        (Simulation.asset, 0.5), (Simulation.page, 0.4), (Simulation.search, 0.1),
    ]

    static func visitors(_ name: String, known: Bool, sources: Range<UInt64>, from: Double, until: Double)
        -> Simulation.Stream
    {
        Simulation.Stream(
            name: name, rate: 25, sources: sources, sourcesPerNetwork: 16, routes: mix, isKnown: known, from: from,
            until: until)
    }

    static func flood(sources: UInt64, from: Double, until: Double) -> Simulation.Stream {
        Simulation.Stream(
            name: "flood", rate: 1000, sources: 1_000_000..<1_000_000 + sources, sourcesPerNetwork: 5,
            routes: [(Simulation.search, 1)], from: from, until: until)
    }

    static func run(seed: UInt64, floodSources: UInt64) -> Simulation {
        var simulation = Simulation(
            [
                visitors("quiet", known: true, sources: 0..<500, from: 0, until: 30),
                visitors("quiet new", known: false, sources: 5000..<5500, from: 0, until: 30),
                visitors("known", known: true, sources: 0..<500, from: 30, until: 50),
                visitors("unknown", known: false, sources: 10_000..<10_500, from: 30, until: 50),
                flood(sources: floodSources, from: 30, until: 50),
            ], seed: seed)
        simulation.run(until: 55)
        return simulation
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func `visitors are served through a flood from 500 sources`(seed: UInt64) {
        let simulation = Self.run(seed: seed, floodSources: 500)
        let (quiet, known, unknown) = (
            simulation.outcomes["quiet"]!, simulation.outcomes["known"]!, simulation.outcomes["unknown"]!
        )
        print(
            "seed", seed, "known", known.success, "unknown", unknown.success, "p95 quiet", quiet.percentile(0.95),
            "p95",
            known.percentile(0.95), unknown.percentile(0.95), "p99", known.percentile(0.99), unknown.percentile(0.99),
            "limit",
            simulation.limits.suffix(100).min()!, simulation.limits.suffix(100).max()!)
        #expect(known.success >= 0.999)
        #expect(unknown.success >= 0.95)
        #expect(known.percentile(0.95) <= 2 * quiet.percentile(0.95))
        // Two a second each, on average, is little; who asks faster for a while may be proven.
        #expect(simulation.proven.keys.allSatisfy { $0 == "flood" })
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `the sources of a flood are proven hostile, and no visitor`(seed: UInt64) {
        let simulation = Self.run(seed: seed, floodSources: 25)
        #expect(simulation.proven.keys.sorted() == ["flood"])
        #expect(simulation.proven["flood"]?.count == 25)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `of ten thousand visitors behind twenty addresses in a flash crowd none is proven hostile`(seed: UInt64) {
        var simulation = Simulation(
            [
                Self.visitors("quiet", known: true, sources: 0..<500, from: 0, until: 30),
                // 50 a second from each address, by people who use one of eight programs.
                Simulation.Stream(
                    name: "crowd", rate: 1_000, sources: 20_000..<20_020, routes: [(Simulation.search, 1)], agents: 8,
                    from: 30, until: 60),
            ], seed: seed)
        simulation.run(until: 65)
        #expect(simulation.pressureSeen)
        #expect(simulation.proven.isEmpty)
        #expect(simulation.hostile.counts.spared == 20)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `in a flash crowd of people at home none is proven hostile`(seed: UInt64) {
        var simulation = Simulation(
            [
                Self.visitors("quiet", known: true, sources: 0..<500, from: 0, until: 30),
                Simulation.Stream(
                    name: "crowd", rate: 1_000, sources: 20_000..<25_000, sourcesPerNetwork: 16, routes: Self.mix,
                    from: 30, until: 60),
            ], seed: seed)
        simulation.run(until: 65)
        #expect(simulation.pressureSeen)
        #expect(simulation.proven.isEmpty)
    }
}
