import Detection
import Fingerprints
import Moments
import Sketches
import Testing

/// A site's requests by simulated time: visitors with a few browsers, and floods.
private struct Asking {
    enum Flood: Sendable {
        /// A program that no visitor has, which draws search words.
        case tool
        /// The same for one page.
        case toolOnOnePage
        /// A visitor's browser in everything, with words that a machine draws.
        case browserLike
        /// The usual visitors, all for a page that was not there before.
        case crowd
        /// Fields in ever new orders, with drawn words.
        case shuffled
    }

    static let browsers = [
        "Host,User-Agent,Accept,Accept-Language,Accept-Encoding",
        "Host,sec-ch-ua,User-Agent,Accept,Accept-Encoding,Accept-Language",
        "Host,Accept,User-Agent,Accept-Language",
    ]
    static let tool = "Host,User-Agent,Accept-Encoding,Accept,Connection"
    var pages = ["/", "/nieuws/2024/17", "/contact", "/stijl.css", "/paspoort"]
    var words = ["paspoort", "verhuizen", "trouwen", "afval", "parkeren", "rijbewijs"]
    var random: SplitMix64
    var search = "/zoeken?q="
    var hasTool = false

    init(_ seed: UInt64) { random = SplitMix64(seed: seed) }

    private mutating func drawn(_ letters: String, _ lengths: ClosedRange<Int>) -> String {
        let count = lengths.lowerBound + Int(random.below(UInt32(lengths.count)))
        let all = Array(letters)
        return String((0..<count).map { _ in all[Int(random.below(UInt32(all.count)))] })
    }

    private func seen(_ target: String, _ names: String, weight: Double) -> RequestBatch.Seen {
        RequestBatch.Seen(
            RequestFeatures(
                method: "GET", target: Array(target.utf8), program: RequestRule.program(names)),
            names: names, ja4: "", weight: weight)
    }

    mutating func visitor(weight: Double) -> RequestBatch.Seen {
        let names = Self.browsers[Int(random.below(3))]
        if hasTool, random.below(20) == 0 { return seen("/api/stand", Self.tool, weight: weight) }
        if random.below(4) == 0 {
            return seen(search + words[Int(random.below(UInt32(words.count)))], names, weight: weight)
        }
        return seen(pages[Int(random.below(UInt32(pages.count)))], names, weight: weight)
    }

    mutating func attacker(_ flood: Flood, weight: Double) -> RequestBatch.Seen {
        let letters = "abcdefghijklmnopqrstuvwxyz"
        switch flood {
        case .tool: return seen(search + drawn(letters, 5...12), Self.tool, weight: weight)
        case .toolOnOnePage: return seen("/", Self.tool, weight: weight)
        case .browserLike:
            return seen(
                "/nieuws?id=" + drawn(letters + "0123456789", 16...16), Self.browsers[Int(random.below(3))],
                weight: weight)
        case .crowd: return seen("/actie", Self.browsers[Int(random.below(3))], weight: weight)
        case .shuffled:
            return seen(
                "/?x=" + drawn(letters + "0123456789", 20...20), "Host,X-" + drawn(letters, 9...9), weight: weight)
        }
    }

    /// A quarter of a second: so many requests a second of visitors and flood, of which a lane keeps 128 at most.
    mutating func batch(visitors: Double, flood: (Flood, Double)? = nil, pressed: Bool = false) -> RequestBatch {
        var batch = RequestBatch()
        batch.seconds = 0.25
        batch.isUnderPressure = pressed
        let all = visitors + (flood?.1 ?? 0)
        batch.seen = UInt64(all / 4)
        batch.known = UInt64(visitors / 8)
        let kept = min(Int(batch.seen), pressed ? 128 : 6)
        let weight = Double(batch.seen) / Double(max(1, kept))
        for _ in 0..<kept {
            if let flood, Double(random.below(1_000)) < 1_000 * flood.1 / all {
                batch.requests.append(attacker(flood.0, weight: weight))
            } else {
                batch.requests.append(visitor(weight: weight))
            }
        }
        return batch
    }
}

@Suite struct RequestWatchTests {
    private static let start = Moment(seconds: 1_780_000_000)

    /// A watch that has seen calm for so many seconds.
    private static func calm(
        _ asking: inout Asking, seconds: Double, rate: Double = 200, watch: RequestWatch = RequestWatch()
    ) -> (watch: RequestWatch, now: Moment) {
        var watch = watch
        var now = start
        for _ in 0..<Int(seconds * 4) {
            now = now + 0.25
            watch.observe(asking.batch(visitors: rate), at: now)
            _ = watch.turn(RequestWatch.Terms(), at: now)
        }
        return (watch, now)
    }

    private static func flood(
        _ watch: inout RequestWatch, _ asking: inout Asking, _ flood: Asking.Flood, rate: Double = 2_000,
        seconds: Double, from start: Moment, terms: RequestWatch.Terms
    ) -> [(at: Double, event: RequestWatch.Event)] {
        var events: [(at: Double, event: RequestWatch.Event)] = []
        for step in 1...Int(seconds * 4) {
            let at = Double(step) / 4
            watch.observe(asking.batch(visitors: 200, flood: (flood, rate), pressed: true), at: start + at)
            for event in watch.turn(terms, at: start + at) { events.append((at, event)) }
        }
        return events
    }

    private static func terms(history: UInt64 = 10_000) -> RequestWatch.Terms {
        var terms = RequestWatch.Terms()
        terms.history = history
        return terms
    }

    /// What of a flood, and of visitors, live rules match.
    private static func shares(
        _ watch: RequestWatch, _ asking: inout Asking, _ flood: Asking.Flood
    ) throws -> (flood: Double, visitors: Double) {
        let rules = try watch.rules.filter { $0.conduct == .live }.map {
            try #require(RequestRule($0.fingerprint.conditions))
        }
        var (hit, wrong) = (0, 0)
        for _ in 0..<4_000 {
            let (one, visitor) = (asking.attacker(flood, weight: 1), asking.visitor(weight: 1))
            if rules.contains(where: { $0.matches(one.features) }) { hit += 1 }
            if rules.contains(where: { $0.matches(visitor.features) }) { wrong += 1 }
        }
        return (Double(hit) / 4_000, Double(wrong) / 4_000)
    }

    @Test(arguments: [Asking.Flood.tool, .toolOnOnePage, .browserLike, .shuffled])
    fileprivate func `a rule is there within two seconds, and hits no visitor`(flood: Asking.Flood) throws {
        var asking = Asking(11)
        var (watch, now) = Self.calm(&asking, seconds: 240)
        let events = Self.flood(&watch, &asking, flood, seconds: 5, from: now, terms: Self.terms())
        let first = try #require(
            events.first { if case .changed(let rule) = $0.event { rule.conduct == .live } else { false } })
        let (hit, wrong) = try Self.shares(watch, &asking, flood)
        print(
            "requests: \(flood): live after \(first.at) s, covers \(hit), collateral \(wrong), "
                + "\(watch.rules.count) rules: \(watch.rules.first?.fingerprint.conditions ?? [])")
        #expect(first.at <= 2)
        #expect(hit >= 0.9)
        #expect(wrong <= 0.001)
        now = now + 5
    }

    @Test func `a crowd of the usual visitors makes no rule`() {
        var asking = Asking(12)
        var (watch, now) = Self.calm(&asking, seconds: 240)
        let events = Self.flood(&watch, &asking, .crowd, rate: 4_000, seconds: 10, from: now, terms: Self.terms())
        #expect(events.isEmpty)
        now = now + 10
    }

    @Test func `without enough history a rule counts, and marks once there is enough`() {
        var asking = Asking(13)
        var (watch, now) = Self.calm(&asking, seconds: 120)
        let learnt = watch.profile.requests
        _ = Self.flood(&watch, &asking, .tool, seconds: 3, from: now, terms: Self.terms(history: learnt + 1))
        #expect(!watch.rules.isEmpty)
        #expect(watch.rules.allSatisfy { $0.conduct == .dry })
        _ = watch.turn(Self.terms(history: learnt), at: now + 3.5)
        #expect(watch.rules.allSatisfy { $0.conduct == .live })
        // A day of it is enough too.
        _ = watch.turn(Self.terms(history: .max), at: now + 4)
        #expect(watch.rules.allSatisfy { $0.conduct == .dry })
    }

    @Test func `nothing is found where nothing is known, or where nobody waits`() {
        var asking = Asking(14)
        var fresh = RequestWatch()
        #expect(Self.flood(&fresh, &asking, .tool, seconds: 5, from: Self.start, terms: Self.terms()).isEmpty)
        var (watch, now) = Self.calm(&asking, seconds: 120)
        for _ in 0..<20 {
            now = now + 0.25
            watch.observe(asking.batch(visitors: 200, flood: (.tool, 2_000)), at: now)
            #expect(watch.turn(Self.terms(), at: now).isEmpty)
        }
    }

    @Test func `the first wave of a flood is not learnt`() {
        var asking = Asking(15)
        var (watch, now) = Self.calm(&asking, seconds: 120)
        let learnt = watch.profile
        // Eight seconds until somebody waits.
        for _ in 0..<32 {
            now = now + 0.25
            watch.observe(asking.batch(visitors: 0, flood: (.tool, 2_000)), at: now)
        }
        watch.observe(asking.batch(visitors: 0, flood: (.tool, 2_000), pressed: true), at: now + 0.25)
        for step in 1...80 { watch.observe(asking.batch(visitors: 200), at: now + Double(step) / 4 + 0.25) }
        #expect(watch.profile.requests > learnt.requests)
        #expect(!watch.profile.samples.contains { $0.program == RequestRule.program(Asking.tool) })
    }

    @Test func `a rule ends when it was not needed for its lifetime`() throws {
        var asking = Asking(16)
        var (watch, now) = Self.calm(&asking, seconds: 120)
        _ = Self.flood(&watch, &asking, .tool, seconds: 3, from: now, terms: Self.terms())
        let rule = try #require(watch.rules.first)
        now = now + 3
        watch.count(rule.id, hits: 50, known: 0, marked: 50, at: now)
        #expect(watch.rules[0].hits == 50)
        #expect(watch.turn(Self.terms(), at: now + (LiveRule.lifetime - 1)).isEmpty)
        let events = watch.turn(Self.terms(), at: now + (LiveRule.lifetime + 1))
        #expect(events.contains { if case .ended(let ended) = $0 { ended.id == rule.id } else { false } })
        #expect(watch.rules.isEmpty)
    }

    /// Three seconds into a flood of which a rule marks.
    private static func marking() -> (watch: RequestWatch, now: Moment) {
        var asking = Asking(17)
        var (watch, now) = calm(&asking, seconds: 120)
        _ = flood(&watch, &asking, .tool, seconds: 3, from: now, terms: terms())
        now = now + 3
        return (watch, now)
    }

    @Test func `a rule that matches known visitors only counts from then on`() throws {
        var (watch, now) = Self.marking()
        let rule = try #require(watch.rules.first)
        #expect(rule.conduct == .live)
        watch.count(rule.id, hits: 100, known: 4, marked: 96, at: now)
        #expect(watch.turn(Self.terms(), at: now).isEmpty)
        watch.count(rule.id, hits: 100, known: 4, marked: 96, at: now)
        _ = watch.turn(Self.terms(), at: now)
        #expect(watch.rules[0].isSuspended)
        #expect(watch.rules[0].conduct == .dry)
    }

    @Test func `a rule that the operator holds counts only, until they let it mark again`() throws {
        var (watch, now) = Self.marking()
        let rule = try #require(watch.rules.first)
        #expect(rule.conduct == .live)
        for (order, conduct) in [(LiveRule.Order.observe, LiveRule.Conduct.dry), (.protect, .live)] {
            let isFound = watch.follow(order, of: rule.id)
            #expect(isFound)
            let events = watch.turn(Self.terms(), at: now)
            #expect(watch.rules[0].conduct == conduct && events.count == 1)
        }
        let isOther = watch.follow(.observe, of: rule.id ^ 1)
        #expect(!isOther)
    }

    @Test func `what somebody took away does not come back`() throws {
        var asking = Asking(18)
        var (watch, now) = Self.calm(&asking, seconds: 120)
        _ = Self.flood(&watch, &asking, .toolOnOnePage, seconds: 3, from: now, terms: Self.terms())
        let rule = try #require(watch.rules.first)
        let isUndone = watch.follow(.undo, of: rule.id)
        #expect(isUndone)
        let isThere = watch.follow(.protect, of: rule.id)
        #expect(!isThere)
        _ = Self.flood(&watch, &asking, .toolOnOnePage, seconds: 3, from: now + 3, terms: Self.terms())
        #expect(watch.rules.filter { $0.id == rule.id }.allSatisfy { $0.isUndone && $0.conduct == .dry })
        var off = Self.terms()
        off.isOff = true
        _ = watch.turn(off, at: now + 7)
        #expect(watch.rules.isEmpty)
    }

    @Test(arguments: [(LiveRule.Order.undo, false), (.observe, false), (.undo, true)])
    func `what was said of a rule holds in the office that comes after, while the rule would be there`(
        order: LiveRule.Order, isLate: Bool
    ) throws {
        var asking = Asking(18)
        var (watch, now) = Self.calm(&asking, seconds: 120)
        var next = watch
        _ = Self.flood(&watch, &asking, .toolOnOnePage, seconds: 3, from: now, terms: Self.terms())
        let rule = try #require(watch.rules.first)
        let isFound = watch.follow(order, of: rule.id)
        let words = watch.words
        #expect(isFound && words.map(\.order) == [order])
        if isLate { now = watch.rules[0].until }
        next.recall(words, at: now + 3)
        #expect(next.words == (isLate ? [] : words))
        let flood = Self.flood(&next, &asking, .toolOnOnePage, seconds: 3, from: now + 3, terms: Self.terms())
        #expect(next.words.map(\.order) == (isLate ? [] : [order]))
        #expect(next.rules.allSatisfy { $0.conduct == (isLate ? .live : .dry) })
        // What was undone is not found again, in whatever words.
        let began = flood.filter { if case .began = $0.event { true } else { false } }
        #expect(began.count == (order == .undo && !isLate ? 0 : 1))
    }

    @Test func `endless programs cost a bounded number of rules`() throws {
        var asking = Asking(19)
        var (watch, now) = Self.calm(&asking, seconds: 120)
        let moment = now
        for number in 0..<500 {
            let fingerprint = Fingerprint(
                conditions: [.init(.headers, "Host,X-\(number)")],
                evidence: .init(
                    coverage: 1, collateral: 0, attackCount: 1, baselineCount: 1, sources: 0, from: moment,
                    until: moment), made: moment, expires: moment + 86_400)
            now = now + 0.1
            watch.take(fingerprint, needed: now, at: now)
            _ = watch.turn(Self.terms(), at: now)
        }
        #expect(watch.rules.count == RequestWatch.ruleLimit)
        #expect(watch.rules.contains { $0.fingerprint.conditions[0].value == "Host,X-499" })
    }

    // MARK: Across sites.

    @Test func `what one site learns protects another from the first second, and no page crosses`() throws {
        var asking = Asking(20)
        var other = Asking(21)
        (other.pages, other.search) = (["/", "/kaartjes", "/agenda/3"], "/vind?woord=")
        // A third site, whose own visitors use that program.
        var third = Asking(22)
        third.hasTool = true
        var street = RequestStreet()
        street.terms = Self.terms()
        for name in ["a", "b", "c"] { street.follow(name, profile: nil) }
        var now = Self.start
        for _ in 0..<960 {
            now = now + 0.25
            street.observe(asking.batch(visitors: 200), at: "a", now: now)
            street.observe(other.batch(visitors: 100), at: "b", now: now)
            street.observe(third.batch(visitors: 100), at: "c", now: now)
            _ = street.turn(now)
        }
        for _ in 0..<12 {
            now = now + 0.25
            street.observe(asking.batch(visitors: 200, flood: (.tool, 2_000), pressed: true), at: "a", now: now)
            street.observe(other.batch(visitors: 100), at: "b", now: now)
            street.observe(third.batch(visitors: 100), at: "c", now: now)
            _ = street.turn(now)
        }
        let there = try #require(street.sites["b"])
        #expect(there.rules.allSatisfy { $0.origin == .elsewhere && $0.conduct == .live })
        #expect(
            there.rules.flatMap(\.fingerprint.conditions).allSatisfy { [.ja4, .headers, .http2].contains($0.feature) })
        let (hit, wrong) = try Self.shares(there, &other, .tool)
        print("requests: elsewhere: covers \(hit), collateral \(wrong)")
        #expect(hit >= 0.9)
        #expect(wrong <= 0.001)
        // Measured on the third's own profile, it would hit its visitors: it counts and marks nobody.
        let measured = try #require(street.sites["c"]?.rules.first)
        #expect(measured.conduct == .dry)
        #expect(try #require(measured.fingerprint.evidence.collateral) > 0.001)
    }

    @Test func `a fingerprint from outside counts until a profile says that it may mark`() throws {
        var asking = Asking(23)
        var street = RequestStreet()
        street.terms = Self.terms()
        let (watch, now) = Self.calm(&asking, seconds: 240)
        street.follow("known", profile: watch.profile)
        street.follow("new", profile: nil)
        let fingerprint = Fingerprint(
            conditions: [.init(.headers, Asking.tool)],
            evidence: .init(
                coverage: 1, collateral: nil, attackCount: 9, baselineCount: 0, sources: 9, from: now, until: now),
            made: now, expires: now + 86_400)
        street.take(fingerprint, now: now)
        _ = street.turn(now)
        #expect(street.sites["known"]?.rules.first?.conduct == .live)
        #expect(street.sites["new"]?.rules.first?.conduct == .dry)
    }
}

@Suite struct RequestProfileTests {
    private static func profile(_ count: Int) -> RequestProfile {
        var profile = RequestProfile()
        var now = Moment(seconds: 1_780_000_000)
        for number in 0..<count {
            now = now + 0.25
            var features = RequestFeatures(
                method: number % 9 == 0 ? "POST" : "GET", target: Array("/p\(number)?naam=Jansen\(number)".utf8),
                program: UInt64(number % 5), ja4: 3)
            features.isCut = number % 7 == 0
            profile.learn([(features, 2)], seen: 2, seconds: 0.25, at: now)
        }
        return profile
    }

    @Test func `it is the same after a restart, and holds no value`() throws {
        let profile = Self.profile(600)
        let bytes = profile.bytes
        let back = try RequestProfile(bytes: bytes)
        #expect(back.bytes == bytes)
        #expect(back.samples == profile.samples)
        #expect(back.requests == 1_200)
        #expect(!String(decoding: bytes, as: UTF8.self).contains("Jansen"))
        for length in stride(from: 0, to: bytes.count, by: 101) {
            #expect(throws: (any Error).self) { try RequestProfile(bytes: Array(bytes[..<length])) }
        }
    }

    @Test func `memory is bounded, and what came lately is in it`() {
        let profile = Self.profile(20_000)
        #expect(profile.samples.count == RequestProfile.limit)
        let places = profile.samples.compactMap { sample in
            Int(String(decoding: sample.target.dropFirst(2).prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self))
        }
        #expect(places.contains { $0 < 2_000 })
        #expect(places.contains { $0 > 18_000 })
        #expect(abs(profile.rate - 8) < 0.5)
    }
}
