import Addresses
import Filters
import Fingerprints
import Glibc
import PacketFilter
import Synchronization

/// Point 3: how soon something is in force, and that nothing goes wrong while rules are swapped.
extension Proof {
    private static func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }

    /// Milliseconds of wall time.
    private static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let begin = Clock.nanoseconds
        try body()
        return Double(Clock.nanoseconds - begin) / 1_000_000
    }

    func addressInForce() throws -> Row {
        let world = try Bench.World(FilterPlan())
        var times: [Double] = []
        for index in 0..<1_001 {
            let address = Address(ipv4: 0xc612_0000 + UInt32(index))
            let entry = FilterMaps.Entry(until: .max)
            times.append(
                try Self.milliseconds { try world.maps[FilterMaps.blocked]!.set(entry, of: AddressKey(address)) })
        }
        let median = Self.median(times) * 1_000
        return Row("one address: map write", median <= 10, "\(Text.of(median)) us (bar 10)")
    }

    func rulesInForce() throws -> [Row] {
        try [(32, 25.0), (1_000, 400.0)].map { count, bar in
            let rules = try MeasuredRules(count).rules
            let world = try Bench.World(FilterPlan())
            let table = ProgramTable(world.maps[FilterMaps.slots]!)
            var kept: [KernelProgram] = []
            var times: [Double] = []
            for round in 0..<7 {
                let row = FilterMaps.Slot.rows[round % 2]
                times.append(
                    try Self.milliseconds {
                        let programs = FilterPrograms.rules(rules, plan: FilterPlan(), row: row)!
                        let loaded = try programs.map { try KernelProgram($0, name: "rules", maps: world.maps) }
                        for (place, program) in loaded.enumerated().reversed() {
                            let slot = place == 0 ? FilterMaps.Slot.rules : row.lowerBound + Int32(place - 1)
                            try table.place(program, in: slot)
                        }
                        kept += loaded
                    })
            }
            let median = Self.median(times)
            return Row("\(count) rules in force", median <= bar, "\(Text.of(median)) ms (bar \(Int(bar)))")
        }
    }

    /// Packets that both the old and the new set drop, and others that neither does, while sets are swapped all the time.
    func swapUnderLoad(_ packets: Int) throws -> Row {
        let sets = [try MeasuredRules(100, seed: 1), try MeasuredRules(100, seed: 2)]
        let target = try MeasuredRules.rule([(.protocol, "udp"), (.sourcePort, "5353")], counter: 200)
        let world = try Bench.World(FilterPlan(), rules: sets[0].rules + [target])
        let table = ProgramTable(world.maps[FilterMaps.slots]!)
        let isOver = Atomic(false)
        var swaps = 0
        let hit = Frames.udp(source: 0x0a63_0101, sourcePort: 5_353, destinationPort: 9, payload: 18)
        let other = Frames.udp(source: 0x0a63_0101, sourcePort: 7, destinationPort: 9, payload: 18)
        // One thread lets packets be judged, this one swaps.
        let thread = try Worker {
            var left = packets
            while left > 0 {
                let count = min(left / 2 + 1, 100_000)
                guard try world.root.run(hit, repeats: count).action == EBPF.Action.drop,
                    try world.root.run(other, repeats: count).action == EBPF.Action.pass
                else { throw MeasureError("a packet was judged wrongly") }
                left -= 2 * count
            }
            isOver.store(true, ordering: .releasing)
        }
        var kept: [KernelProgram] = []
        while !isOver.load(ordering: .acquiring), !thread.hasFailed {
            swaps += 1
            let row = FilterMaps.Slot.rows[swaps % 2]
            let programs = FilterPrograms.rules(sets[swaps % 2].rules + [target], plan: FilterPlan(), row: row)!
            let loaded = try programs.map { try KernelProgram($0, name: "rules", maps: world.maps) }
            for (place, program) in loaded.enumerated().reversed() {
                try table.place(program, in: place == 0 ? FilterMaps.Slot.rules : row.lowerBound + Int32(place - 1))
            }
            kept = loaded
        }
        try thread.join()
        withExtendedLifetime(kept) {}
        let passed = try world.maps[FilterMaps.counters]!.sums(of: FilterReason.passed.rawValue)[0]
        let dropped = try world.maps[FilterMaps.counters]!.sums(of: FilterReason.rule.rawValue)[0]
        let isRight = passed == dropped && passed + dropped >= UInt64(packets)
        return Row(
            "swap under load", isRight && swaps > 3,
            "\(passed + dropped) packets, \(swaps) swaps: \(passed) of one kind passed, \(dropped) of the other dropped"
        )
    }
}
