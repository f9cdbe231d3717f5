import Addresses
import Filters
import Fingerprints
import Mitigations
import Moments
import Testing

extension FilterBook {
    fileprivate mutating func rule(
        _ fingerprint: Fingerprint, note: FilterNote = said, seconds: UInt32 = 600, isDry: Bool = false,
        at now: Int64 = 0
    ) throws(FilterRefusal) -> Added {
        try add(FilterOrder(.rule(fingerprint, targets: []), note: note, seconds: seconds, isDry: isDry), at: time(now))
    }
}

@Suite struct `A rule in the filter's book` {
    @Test func `is compiled, and ends with its fingerprint`() throws {
        var book = FilterBook(key: 1)
        let added = try book.rule(fingerprint(expires: 30))
        #expect(added.actions == [.clearHits(1), .compileRules])
        let rules = book.kernelRules(at: time(0))
        #expect(rules.count == 1 && rules.first?.until == time(30).clock && rules.first?.isDry == false)
        #expect(book.expire(at: time(29)).actions.isEmpty)
        #expect(book.expire(at: time(30)).actions == [.compileRules])
        #expect(book.entry(id: 1)?.status == .ended)
        // Counters are not given to another at once.
        #expect(try book.rule(fingerprint(), at: 31).actions.first == .clearHits(1))
        #expect(try book.rule(fingerprint(123), at: 31).actions.first == .clearHits(2))
    }

    @Test func `is refused where it would do harm, or cannot be said`() throws {
        let book = FilterBook(key: 1)
        func code(_ fingerprint: Fingerprint, isDry: Bool = false) -> FilterRefusal.Code? {
            book.code(FilterOrder(.rule(fingerprint, targets: []), note: said, seconds: 60, isDry: isDry))
        }
        #expect(code(fingerprint(collateral: nil)) == .collateral)
        #expect(code(fingerprint(collateral: nil), isDry: true) == nil)
        #expect(code(fingerprint(collateral: 0.0011)) == .collateral)
        #expect(code(fingerprint(collateral: 0.5), isDry: true) == nil)
        #expect(code(fingerprint(collateral: 0.001)) == nil)
        #expect(code(fingerprint(expires: 0)) == .lifetime)
        var requests = fingerprint()
        requests.conditions = [.init(.method, "GET")]
        #expect(code(requests, isDry: true) == .fingerprint)
        var impossible = fingerprint()
        impossible.conditions = [.init(.protocol, "icmp"), .init(.sourcePort, "53")]
        #expect(code(impossible, isDry: true) == .fingerprint)
    }

    @Test func `of many may hit no more together than one percent`() throws {
        var book = FilterBook(key: 1)
        for port in 1...10 { _ = try book.rule(fingerprint(port, collateral: 0.0009)) }
        #expect(throws: FilterRefusal.self) {
            for port in 11...12 { _ = try book.rule(fingerprint(port, collateral: 0.0009)) }
        }
    }

    @Test func `suspends itself for what it surely hits, and for no single unlucky sample`() throws {
        var book = FilterBook(key: 1)
        _ = try book.rule(fingerprint())
        // Too few to say.
        #expect(book.observed(rule: 1, hits: 900, of: 999, at: time(1)) == [])
        #expect(book.observed(rule: 1, hits: 1, of: 1, at: time(1)) == [.compileRules])
        guard case .suspended(let why) = book.entry(id: 1)?.status else {
            Issue.record("not suspended")
            return
        }
        #expect(why.contains("90.1 %"))
        #expect(book.kernelRules(at: time(1)).first?.isDry == true)
        // A machine does not lift it; the operator does, and then it is measured anew.
        _ = try book.rule(fingerprint(), note: machine, seconds: 700)
        #expect(book.kernelRules(at: time(1)).first?.isDry == true)
        #expect(try book.conduct(rule: 1, isDry: false, at: time(1)) == [.compileRules])
        #expect(book.entry(id: 1)?.rule?.observed.samples == 0)
        #expect(book.observed(rule: 1, hits: 2, of: 1_500, at: time(2)) == [])
        #expect(book.entry(id: 1)?.status == .live)
    }

    @Test func `that the operator made dry goes live by no machine's word, and after a restart neither`() throws {
        var book = FilterBook(key: 1)
        _ = try book.rule(fingerprint(), note: machine)
        #expect(try book.conduct(rule: 1, isDry: true, by: .detection, at: time(1)) == [.compileRules])
        // A machine's own word it takes back itself.
        #expect(try book.rule(fingerprint(), note: machine).actions == [.compileRules])
        #expect(try book.conduct(rule: 1, isDry: true, at: time(2)) == [.compileRules])
        book = FilterBook.restored(from: book.stored(at: time(2)), at: time(3)).book
        #expect(try book.rule(fingerprint(), note: machine, seconds: 700).actions == [.compileRules])
        #expect(book.kernelRules(at: time(3)).first?.isDry == true)
        #expect(throws: FilterRefusal.self) {
            try book.conduct(rule: 1, isDry: false, by: .detection, at: time(3))
        }
        #expect(try book.conduct(rule: 1, isDry: false, at: time(4)) == [.compileRules])
        #expect(try book.conduct(rule: 1, isDry: true, by: .detection, at: time(5)) == [.compileRules])
        // The operator's own rules are no machine's at all.
        _ = try book.rule(fingerprint(123))
        #expect(throws: FilterRefusal.self) {
            try book.conduct(rule: 2, isDry: true, by: .detection, at: time(5))
        }
    }

    @Test(arguments: 0..<20) func `within its bound is left alone`(seed: UInt64) throws {
        var random = Seeded(seed)
        var book = FilterBook(key: 1)
        _ = try book.rule(fingerprint())
        for step in 0..<2_000 {
            // Half of the bound in truth.
            let hits = (0..<100).count { _ in UInt32.random(in: 0..<2_000, using: &random) == 0 }
            #expect(book.observed(rule: 1, hits: UInt64(hits), of: 100, at: time(Int64(step))) == [])
        }
    }

    @Test(arguments: 0..<20) func `above its bound is found soon`(seed: UInt64) throws {
        var random = Seeded(seed)
        var book = FilterBook(key: 1)
        _ = try book.rule(fingerprint())
        var samples = 0
        while book.entry(id: 1)?.status == .live, samples < 100_000 {
            let hits = (0..<100).count { _ in UInt32.random(in: 0..<100, using: &random) == 0 }
            _ = book.observed(rule: 1, hits: UInt64(hits), of: 100, at: time(0))
            samples += 100
        }
        #expect(samples < 10_000)
    }

    @Test func `goes live by what was measured here`() throws {
        var book = FilterBook(key: 1)
        _ = try book.rule(fingerprint(collateral: nil), isDry: true)
        #expect(throws: FilterRefusal.self) { try book.conduct(rule: 1, isDry: false, at: time(0)) }
        _ = book.observed(rule: 1, hits: 0, of: 5_000, at: time(0))
        #expect(throws: FilterRefusal.self) { try book.conduct(rule: 1, isDry: false, at: time(0)) }
        _ = book.observed(rule: 1, hits: 0, of: 10_000, at: time(0))
        #expect(try book.conduct(rule: 1, isDry: false, at: time(0)) == [.compileRules])
    }

    @Test func `the bound of all together holds for what was measured here`() throws {
        var book = FilterBook(key: 1)
        // None of 12,000: with little doubt less than 0.091 % each, so that eleven fit into one percent.
        for port in 1...12 {
            _ = try book.rule(fingerprint(port, collateral: nil), isDry: true)
            _ = book.observed(rule: UInt64(port), hits: 0, of: 12_000, at: time(0))
        }
        for id in 1...11 as ClosedRange<UInt64> {
            #expect(try book.conduct(rule: id, isDry: false, at: time(0)) == [.compileRules])
        }
        #expect(throws: FilterRefusal.self) { try book.conduct(rule: 12, isDry: false, at: time(0)) }
    }

    @Test func `one of many stops where all together surely hit too much`() throws {
        var book = FilterBook(key: 1)
        for port in 1...20 { _ = try book.rule(fingerprint(port, collateral: 0.0004)) }
        // 0.09 % each is within the bound of one; the third one hits a little more.
        for id in 1...20 as ClosedRange<UInt64> {
            _ = book.observed(rule: id, hits: id == 3 ? 125 : 118, of: FilterRule.Observation.mostSamples, at: time(0))
        }
        let suspended = book.rules.filter { $0.suspension != nil }
        #expect(suspended.contains { $0.id == 3 && $0.suspension?.contains("all rules together") == true })
        // No more of them than it takes.
        #expect((1...5).contains(suspended.count), "\(suspended.count)")
    }

    @Test func `is restored with what is left of its time, and what it was seen to hit`() throws {
        var book = FilterBook(key: 7)
        _ = try book.rule(fingerprint())
        _ = book.observed(rule: 1, hits: 3, of: 700, at: time(1))
        _ = try book.block("192.0.2.1", for: 100)
        _ = try book.block("192.0.2.2", for: 50)
        let stored = book.stored(at: time(10))
        let later = FilterBook.restored(from: stored, at: time(60))
        #expect(later.leftOut == 0 && later.book.key == 7)
        #expect(later.book.entries(.rule, count: 9) == book.entries(.rule, count: 9))
        #expect(later.book.entries(.blocked, count: 9).map(\.id) == [2])
        var again = later.book
        #expect(try again.block("192.0.2.3", at: 60).ids == [4])
        // A clock without a battery: time has stood still.
        let early = FilterBook.restored(from: stored, at: time(10 - 1_000_000))
        #expect(early.book.entries(.blocked, count: 9).map(\.until) == [100, 50].map { time($0 - 1_000_000).wall })
        #expect(early.book.entries(.rule, count: 9).map(\.until) == [time(600 - 1_000_000).wall])
    }
}
