import Addresses
import FilterKit
import Filters
import Testing

/// The programs, run by the machine, say what the model says; the kernel's part is `make filter-proof`.
struct OracleTests {
    @Test(arguments: 0..<12)
    func `programs and model agree on hostile frames, and count the same`(seed: UInt64) throws {
        var random = Seeded(state: seed)
        var frames = HostileFrames(seed: seed)
        var plan = FilterPlan()
        plan.readsTunnels = seed % 2 == 0
        plan.malformed = FilterPlan.Conduct.allCases[Int(seed % 3)]
        plan.sampling = 16
        let rules = RandomRules.rules(Int(1 + seed * 11), at: 1 << 40, &random)
        var oracle = try Oracle(plan: plan, rules: rules, lists: 40, at: 1 << 40, &random)
        var dropped = 0
        for _ in 0..<4_000 {
            dropped += try oracle.judge(frames.next()) == .drop ? 1 : 0
        }
        try oracle.compareCounters()
        #expect(dropped > 100)
        #expect(oracle.machine.takeRecords(of: FilterMaps.samples).count > 100)
    }

    @Test func `budgets are taken alike while time goes on`() throws {
        var random = Seeded(state: 3)
        var frames = HostileFrames(seed: 3)
        var plan = FilterPlan()
        plan.sourceBudget = FilterPlan.Budget(packets: 4, bytes: 2_000, burst: 500)
        plan.destinationBudget = FilterPlan.Budget(packets: 1, bytes: 1_000, burst: 200, isDry: true)
        var oracle = try Oracle(plan: plan, rules: [], lists: 0, at: 1 << 40, &random)
        for _ in 0..<8_000 {
            _ = try oracle.judge(frames.next())
            oracle.machine.now += UInt64.random(in: 0...8_000_000, using: &random)
        }
        try oracle.compareCounters()
        for reason in [FilterReason.sourceBudget, .dryDestinationBudget, .passed] {
            #expect(oracle.model.count(reason).packets > 50, "\(reason)")
        }
    }

    @Test func `the sketch counts each packet in every row, by network of the source`() throws {
        var random = Seeded(state: 5)
        var frames = HostileFrames(seed: 5)
        var oracle = try Oracle(plan: FilterPlan(), rules: [], lists: 0, at: 1, &random)
        var expected: [Address: UInt32] = [:]
        for _ in 0..<3_000 {
            let frame = frames.nextSound()
            guard case .facts(let facts) = FrameFacts.read(frame.span.bytes, readsTunnels: false) else { continue }
            _ = try oracle.judge(frame)
            expected[facts.source.network, default: 0] += 1
        }
        let memory = try #require(oracle.machine[FilterMaps.sketch, 0])
        func number(_ table: Int, _ row: Int, _ column: Int) -> UInt32 {
            let place = table * FilterMaps.Sketch.tableSize + (row * FilterMaps.Sketch.columns + column) * 4
            return (0..<4).reduce(0) { $0 | UInt32(memory[place + $1]) << UInt32(8 * $1) }
        }
        for (network, count) in expected {
            let columns = FilterMaps.Sketch.columns(of: network, key: oracle.plan.key)
            let least = columns.enumerated().map { number(1, $0.offset, $0.element) }.min()!
            #expect(least >= count && least < count + 200)
        }
        // As the reader has it: what came between two readings, and nothing of another key's.
        let nothing = SketchCounts(key: oracle.plan.key)
        var counts = nothing
        counts.add(memory.span.bytes)
        let short: [UInt8] = [1, 2, 3]
        counts.add(short.span.bytes)
        for (network, count) in expected {
            #expect((count..<count + 200).contains(counts.packets(from: network, since: nothing)))
            #expect(counts.packets(from: network, since: counts) == 0)
            #expect(counts.packets(from: network, since: SketchCounts(key: 1)) == 0)
        }
        var twice = counts
        twice.add(memory.span.bytes)
        #expect(
            expected.keys.allSatisfy {
                twice.packets(from: $0, since: counts) == counts.packets(from: $0, since: nothing)
            })
        let all = (0..<FilterMaps.Sketch.columns).reduce(UInt32(0)) { $0 + number(1, 0, $1) }
        #expect(all == expected.values.reduce(0, +))
    }
}
