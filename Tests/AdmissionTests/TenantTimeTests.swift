import Admission
import Testing

/// Who has to stand back when a worker's time is short: simulated, with requests of 100 us.
@Suite struct TenantTimeTests {
    private static let step: UInt64 = 128_000_000
    private static let cost = 100_000
    /// A refusal's.
    private static let refusal = 15_000

    /// What sites ask for in a second, and what they got of it.
    private struct Demand {
        var known = 0
        var strangers = 0
    }

    /// Runs for some steps; returns the parts served in the second half, known and strangers, and how busy it was.
    private func run(
        _ time: inout TenantTime, steps: Int, _ demands: [Int: Demand]
    ) -> (known: [Int: Double], strangers: [Int: Double], busy: Float) {
        var served: [Int: Demand] = [:]
        var asked: [Int: Demand] = [:]
        var busy: Float = 0
        for step in 0..<steps {
            var used = 0
            let counts = step >= steps / 2
            for (place, demand) in demands.sorted(by: { $0.key < $1.key }) {
                for (perSecond, isKnown) in [(demand.known, true), (demand.strangers, false)] {
                    for _ in 0..<(perSecond * Int(Self.step) / 1_000_000_000) {
                        let passes = time.admits(place, isKnown: isKnown)
                        let cost = passes ? Self.cost : Self.refusal
                        used += cost
                        time.spent(time.isExact ? cost : 1, at: place)
                        guard counts else { continue }
                        if isKnown { asked[place, default: Demand()].known += 1 }
                        if !isKnown { asked[place, default: Demand()].strangers += 1 }
                        if passes, isKnown { served[place, default: Demand()].known += 1 }
                        if passes, !isKnown { served[place, default: Demand()].strangers += 1 }
                    }
                }
            }
            busy = min(1, Float(used) / Float(Self.step))
            time.step(Self.step, busy: busy)
        }
        func parts(_ count: (Demand) -> Int) -> [Int: Double] {
            asked.mapValues(count).filter { $0.value > 0 }.reduce(into: [:]) {
                $0[$1.key] = Double(served[$1.key].map(count) ?? 0) / Double($1.value)
            }
        }
        return (parts(\.known), parts(\.strangers), busy)
    }

    private static let five = Tenants((1...6).map { ("org\($0)", 1) })
    private static let quiet = Dictionary(uniqueKeysWithValues: (2...6).map { ($0, Demand(known: 50, strangers: 50)) })

    @Test func `one site's storm costs the others nothing, and its own known visitors nothing`() {
        var time = TenantTime(Self.five)
        var demands = Self.quiet
        demands[1] = Demand(known: 500, strangers: 30_000)
        let result = run(&time, steps: 200, demands)
        for place in 2...6 {
            #expect(result.known[place] == 1)
            #expect(result.strangers[place] == 1)
        }
        #expect(result.known[1] == 1)
        #expect(result.strangers[1] ?? 1 < 0.2)
        #expect(result.strangers[1] ?? 0 > 0)
        #expect(time.isHeldBack(1) && !time.isHeavy(2))
    }

    @Test func `what the others leave is the storm's, and with time to spare nobody is held back`() {
        var time = TenantTime(Self.five)
        var demands = Self.quiet
        demands[1] = Demand(strangers: 12_000)
        let short = run(&time, steps: 400, demands)
        // 0.05 of the worker is the others'; a third of what is asked fits beside the refusals of the rest.
        #expect((0.55...0.85).contains(short.strangers[1] ?? 0), "\(short.strangers[1] ?? 0)")
        demands[1] = Demand(strangers: 3_000)
        let calm = run(&time, steps: 400, demands)
        #expect(calm.strangers[1] == 1)
        #expect(!time.isShort)
    }

    @Test func `while a busy worker still has time, who has most comes last, and nothing is refused`() {
        var time = TenantTime(Self.five)
        var demands = Self.quiet
        demands[1] = Demand(strangers: 5_000)
        let result = run(&time, steps: 100, demands)
        #expect((0.4..<0.8).contains(result.busy))
        #expect(time.isHeavy(1) && !time.isHeldBack(1) && (2...6).allSatisfy { !time.isHeavy($0) })
        #expect(result.strangers.values.allSatisfy { $0 == 1 })
        demands[1] = Demand(strangers: 1_000)
        _ = run(&time, steps: 100, demands)
        #expect(!time.hasHeavy)
    }

    @Test func `who is alone is never held back, nor is an even crowd`() {
        var time = TenantTime(Self.five)
        let alone = run(&time, steps: 100, [1: Demand(strangers: 40_000)])
        #expect(alone.strangers[1] == 1 && alone.busy == 1)
        time = TenantTime(Self.five)
        let even = run(
            &time, steps: 100, Dictionary(uniqueKeysWithValues: (1...6).map { ($0, Demand(strangers: 4_000)) }))
        #expect(even.strangers.values.allSatisfy { $0 == 1 })
    }

    @Test func `an organisation's quiet site is apart from its stormy one, and a share counts`() {
        var time = TenantTime(Tenants([("a", 1), ("a", 1), ("b", 1)]))
        let result = run(
            &time, steps: 200,
            [1: Demand(strangers: 30_000), 2: Demand(strangers: 100), 3: Demand(strangers: 100)])
        #expect(result.strangers[2] == 1 && result.strangers[3] == 1)
        #expect(time.isHeavy(1))
        time = TenantTime(Tenants([("a", 8), ("b", 1), ("c", 1)]))
        let weighed = run(
            &time, steps: 200,
            [1: Demand(strangers: 6_000), 2: Demand(strangers: 6_000), 3: Demand(strangers: 100)])
        #expect(weighed.strangers[1] == 1)
        #expect(weighed.strangers[2] ?? 1 < 1)
    }

    @Test func `where known visitors alone are too many, they are held back too, and never all of them`() {
        var time = TenantTime(Self.five)
        var demands = Self.quiet
        demands[1] = Demand(known: 20_000)
        let result = run(&time, steps: 300, demands)
        #expect((0.02..<1).contains(result.known[1] ?? 0), "\(result.known[1] ?? 0)")
        #expect(result.busy < 1)
        #expect(result.known[2] == 1)
    }

    @Test func `a cap holds though nobody else wants the time, strangers first, until it is taken away`() {
        let two = Tenants([("a", 1), ("a", 1), ("b", 1)])
        var time = TenantTime(two, caps: two.together([40, 40, nil]))
        let demands = [
            1: Demand(known: 500, strangers: 5_000), 2: Demand(known: 50, strangers: 50), 3: Demand(strangers: 2_000),
        ]
        _ = run(&time, steps: 100, demands)
        let (began, neighbour) = (time.nanoseconds(at: 1) + time.nanoseconds(at: 2), time.nanoseconds(at: 3))
        let capped = run(&time, steps: 200, demands)
        let all = Double(200 * Self.step)
        let part = Double(time.nanoseconds(at: 1) + time.nanoseconds(at: 2) - began) / all
        #expect((0.3...0.42).contains(part), "\(part)")
        #expect(capped.known == [1: 1, 2: 1] && time.isCapped(1))
        // The stormy one of its two sites gives way, and the neighbour has all he asks for.
        #expect(capped.strangers[1] ?? 1 < 0.7 && capped.strangers[2] == 1 && !time.isHeldBack(2))
        #expect(capped.strangers[3] == 1 && Double(time.nanoseconds(at: 3) - neighbour) / all > 0.19)
        #expect(!time.isShort)
        time.change(to: two, moved: [0, 1, 2, 3])
        let free = run(&time, steps: 200, demands)
        #expect(free.strangers[1] == 1 && !time.isHeldBack(1))
    }

    @Test func `who is no longer too much for his cap is let go, however busy neighbours and siblings are`() {
        let two = Tenants([("a", 1), ("a", 1), ("b", 1)])
        for after in [
            [1: Demand(strangers: 100), 3: Demand(strangers: 8_300)],
            [1: Demand(strangers: 100), 2: Demand(strangers: 3_700), 3: Demand(strangers: 100)],
        ] {
            var time = TenantTime(two, caps: two.together([40, 40, nil]))
            _ = run(&time, steps: 60, [1: Demand(strangers: 8_000), 3: Demand(strangers: 100)])
            #expect(time.isCapped(1))
            let result = run(&time, steps: 200, after)
            #expect(result.strangers.values.allSatisfy { $0 == 1 } && !time.isHeldBack(1), "\(result)")
        }
    }

    @Test func `a reload keeps what is known of a site in its new place`() {
        var time = TenantTime(Self.five)
        var demands = Self.quiet
        demands[1] = Demand(strangers: 30_000)
        _ = run(&time, steps: 50, demands)
        #expect(time.isHeldBack(1))
        time.change(to: Tenants([("org2", 1), ("org1", 1)]), moved: [0, 2, 1, 0, 0, 0, 0])
        #expect(time.isHeldBack(2) && !time.isHeavy(1) && !time.isHeavy(0) && time.isShort && time.hasHeavy)
        time.change(to: Tenants([("org2", 1)]), moved: [0, 1, 0])
        #expect(!time.isShort)
    }
}

/// Heavy sites' work in turns.
@Suite struct TenantTurnsTests {
    @Test func `every site has its turn, by share, whatever its pieces cost and however many it has`() {
        var turns = TenantTurns()
        var got: [Int: Int] = [:]
        // Site 3 has a hundred times more work waiting, in pieces ten times longer.
        let cost = [1: 10_000, 2: 10_000, 3: 100_000, 4: 3_000]
        let share = [1: 1, 2: 2, 3: 1, 4: 1]
        for place in 1...4 {
            for _ in 0..<(place == 3 ? 100 : 1) { turns.add(UInt64(place), at: place, share: share[place] ?? 1) }
        }
        var time = 0
        while time < 1_000_000_000 {
            guard let (work, place) = turns.next() else { break }
            #expect(work == UInt64(place))
            turns.add(work, at: place, share: share[place] ?? 1)
            let took = cost[place] ?? 0
            turns.spent(took)
            time += took
            got[place, default: 0] += took
        }
        let parts = got.mapValues { Double($0) / Double(time) }
        #expect((0.18...0.22).contains(parts[1] ?? 0), "\(parts)")
        #expect((0.38...0.42).contains(parts[2] ?? 0), "\(parts)")
        #expect((0.18...0.22).contains(parts[3] ?? 0), "\(parts)")
        #expect((0.18...0.22).contains(parts[4] ?? 0), "\(parts)")
        #expect(turns.count == 103)
    }

    @Test func `nothing is lost or served twice`() {
        var turns = TenantTurns()
        var dice = Dice(seed: 7)
        var waiting = Set<UInt64>()
        var next: UInt64 = 0
        for _ in 0..<20_000 {
            if dice.below(3) > 0 {
                turns.add(next, at: dice.below(50), share: 1)
                waiting.insert(next)
                next += 1
            } else if let (work, _) = turns.next() {
                #expect(waiting.remove(work) != nil)
                turns.spent(dice.below(200_000))
            }
            #expect(turns.count == waiting.count)
        }
        #expect(Set(turns.takeAll()) == waiting && turns.isEmpty && turns.next() == nil)
    }
}
