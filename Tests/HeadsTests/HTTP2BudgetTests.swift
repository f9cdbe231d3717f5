import Heads
import Testing

private let second: UInt64 = 1_000_000_000

@Suite struct `A connection's budget` {
    private func isSlow(_ verdict: HTTP2Budget.Verdict) -> Bool {
        if case .slow = verdict { return true }
        return false
    }

    @Test func `lets a browser leave four pages of a hundred streams, and again a little later`() {
        var budget = HTTP2Budget()
        var now = second
        for _ in 0..<3 {
            for _ in 0..<400 { #expect(budget.spend(.reset, at: now, isBusy: true) == .go) }
            now += 20 * second
        }
    }

    @Test func `lets calls be given up as often as others are answered`() {
        var budget = HTTP2Budget()
        for step in 0..<100_000 {
            let now = second + UInt64(step) * 1_000_000
            budget.served()
            #expect(budget.spend(.reset, at: now, isBusy: true, isOffender: true) == .go)
        }
    }

    @Test func `lets windows and pings follow what is received`() {
        var budget = HTTP2Budget()
        for step in 0..<100_000 {
            let now = second + UInt64(step) * 10_000
            budget.sentData(16384)
            for event in [HTTP2Budget.Event.windowUpdate, .windowUpdate, .ping] {
                #expect(budget.spend(event, at: now, isBusy: true) == .go)
            }
        }
    }

    @Test func `does not let a window opened byte by byte pay for itself`() {
        var budget = HTTP2Budget()
        var slowed = 0
        for _ in 0..<2000 {
            budget.sentData(1)
            if isSlow(budget.spend(.windowUpdate, at: second, isBusy: false)) { slowed += 1 }
        }
        #expect(slowed == 1500)
    }

    @Test(arguments: HTTP2Budget.Event.allCases) func `slows a flood, and closes it only where others wait`(
        event: HTTP2Budget.Event
    ) {
        for isBusy in [true, false] {
            var budget = HTTP2Budget()
            var now = second
            var wait: UInt64 = 0
            var events = 0
            // As much as one reading holds: all of it is handled, and slowed.
            for _ in 0..<2000 {
                if case .slow(let nanoseconds) = budget.spend(event, at: now, isBusy: isBusy) { wait = nanoseconds }
                events += 1
            }
            #expect(wait >= second, "a long debt is a long wait")
            #expect(wait <= 10 * second)
            now += wait
            var verdict = HTTP2Budget.Verdict.go
            for _ in 0..<2000 where verdict == .go || !isBusy { verdict = budget.spend(event, at: now, isBusy: isBusy) }
            #expect(isBusy ? verdict == .close : isSlow(verdict))
        }
    }

    @Test func `holds a flood down however long it lasts`() {
        for event in HTTP2Budget.Event.allCases {
            var budget = HTTP2Budget()
            var now = second
            var count = 0
            while now < 301 * second {
                var wait: UInt64 = 0
                for _ in 0..<100 {
                    count += 1
                    if case .slow(let nanoseconds) = budget.spend(event, at: now, isBusy: false) { wait = nanoseconds }
                }
                now += wait
            }
            #expect(count < 300 * 60, "\(event): \(count) in five minutes")
        }
    }

    @Test func `does not close what was not slowed, but for a known offender`() {
        var budget = HTTP2Budget()
        for _ in 0..<5000 { #expect(budget.spend(.ping, at: second, isBusy: true) != .close) }
        var other = HTTP2Budget()
        let verdicts = (0..<101).map { _ in other.spend(.ping, at: second, isBusy: true, isOffender: true) }
        #expect(verdicts.last == .close && verdicts.dropLast().allSatisfy { $0 == .go })
    }

    @Test func `is worn by a quarter of a burst, and rests`() {
        var budget = HTTP2Budget()
        for _ in 0..<100 { #expect(budget.spend(.reset, at: second, isBusy: true) == .go) }
        #expect(!budget.isWorn(at: second))
        _ = budget.spend(.reset, at: second, isBusy: true)
        #expect(budget.isWorn(at: second))
        budget.served()
        #expect(!budget.isWorn(at: second))
    }

    @Test(arguments: HTTP2Budget.Event.allCases) func `leaves an offender's next connection little at once`(
        event: HTTP2Budget.Event
    ) {
        func burst(_ budget: HTTP2Budget) -> Int {
            var budget = budget
            return (0..<2000).filter { _ in budget.spend(event, at: second, isBusy: false) == .go }.count
        }
        var worn = HTTP2Budget()
        worn.wearDown(at: second)
        #expect(burst(worn) == (event == .reset ? 10 : burst(HTTP2Budget()) / 10))
    }

    @Test(arguments: HTTP2Budget.Event.allCases) func `holds nothing against an offender's honest next connection`(
        event: HTTP2Budget.Event
    ) {
        var budget = HTTP2Budget()
        budget.wearDown(at: second)
        #expect(!budget.isWorn(at: second))
        _ = budget.spend(event, at: second, isBusy: false)
        #expect(!budget.isWorn(at: second))
        // But one that goes on as the others did is counted.
        for _ in 0..<200 { _ = budget.spend(event, at: second, isBusy: false) }
        #expect(budget.isWorn(at: second))
    }

    @Test func `is a small thing`() {
        #expect(MemoryLayout<HTTP2Budget>.size <= 88)
        #expect(MemoryLayout<HTTP2SourceBudget>.size == 8)
    }
}

@Suite struct `A source's budget` {
    @Test func `knows an offender by its eleventh offence, and forgets`() {
        var source = HTTP2SourceBudget()
        for _ in 0..<10 { source.offended(at: second) }
        #expect(!source.isOffender(at: second))
        source.offended(at: second)
        #expect(source.isOffender(at: second))
        #expect(!source.isOffender(at: 12 * second))
        for _ in 0..<1000 { source.offended(at: 20 * second) }
        #expect(source.isOffender(at: 119 * second))
        #expect(!source.isOffender(at: 120 * second), "no offence is remembered for ever")
    }
}
