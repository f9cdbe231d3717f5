import Addresses
import Messages
import Testing
import wasstraat

/// Proving crawlers, without a name server.
struct BotVerifierTests {
    private static let source = Address(ipv4: 0xcb00_7105)

    private static func verifier(_ change: (inout BotVerifier.Rules) -> Void = { _ in }) -> BotVerifier {
        var rules = BotVerifier.Rules()
        change(&rules)
        var verifier = BotVerifier(rules: rules)
        verifier.domains = ["zoek": ["bot.example", "search.example"], "ander": ["ander.example"]]
        return verifier
    }

    private static func claim(_ address: Address = source, _ bot: String = "zoek") -> BotClaims.Claim {
        BotClaims.Claim(address, bot: bot)
    }

    /// Asks for one claim and gives answers until nothing more is asked.
    private static func ask(
        _ verifier: inout BotVerifier, _ claim: BotClaims.Claim, at now: Int64 = 0,
        _ answer: (DNSMessage.Question) -> DNSMessage.Answer
    ) -> [DNSMessage.Question] {
        verifier.take(claim, at: now)
        var asked: [DNSMessage.Question] = []
        while let query = verifier.next(at: now) {
            asked.append(query.question)
            verifier.answered(query.id, answer(query.question), at: now)
        }
        return asked
    }

    @Test func `a name in the domain that has the address proves it`() {
        var verifier = Self.verifier()
        let asked = Self.ask(&verifier, Self.claim()) { question in
            switch question {
            case .names: .names(["crawl-5.bot.example"])
            case .addresses: .addresses([Address(ipv4: 1), Self.source])
            }
        }
        #expect(asked == [.names(of: Self.source), .addresses(of: "crawl-5.bot.example", isIPv4: true)])
        let verdicts = verifier.takeVerdicts(at: 1_000, wall: 1_000_000)
        #expect(verdicts.verdicts == [.init(Self.claim(), isTrue: true, until: 1_000_000 + 86_399)])
        #expect(verifier.counts.confirmed == 1 && !verifier.hasNews)
        // It is not asked for again while that holds.
        #expect(Self.ask(&verifier, Self.claim(), at: 86_000_000) { _ in .failure }.isEmpty)
        #expect(verifier.takeVerdicts(at: 86_400_001, wall: 0).verdicts.isEmpty)
        #expect(!Self.ask(&verifier, Self.claim(), at: 86_400_001) { _ in .failure }.isEmpty)
    }

    @Test func `a forged name that does not have the address proves nothing`() {
        var verifier = Self.verifier()
        let asked = Self.ask(&verifier, Self.claim()) { question in
            switch question {
            case .names: .names(["crawl-5.bot.example"])
            case .addresses: .addresses([Address(ipv4: 0x0808_0808)])
            }
        }
        #expect(asked.count == 2)
        #expect(verifier.takeVerdicts(at: 0, wall: 0).verdicts.map(\.isTrue) == [false])
    }

    @Test(arguments: [
        DNSMessage.Answer.nothing, .names(["www.evil.example"]), .names(["evilbot.example"]),
        .names(["bot.example.evil.example"]), .names([]),
    ])
    func `a name elsewhere, or none, refutes it without another question`(answer: DNSMessage.Answer) {
        var verifier = Self.verifier()
        #expect(Self.ask(&verifier, Self.claim()) { _ in answer }.count == 1)
        #expect(verifier.counts.refuted == 1)
        #expect(verifier.takeVerdicts(at: 0, wall: 0).verdicts.map(\.isTrue) == [false])
    }

    @Test func `a name server that does not answer says nothing for or against it`() {
        var verifier = Self.verifier()
        #expect(Self.ask(&verifier, Self.claim()) { _ in .failure }.count == 1)
        #expect(verifier.takeVerdicts(at: 0, wall: 0).verdicts.isEmpty && verifier.counts.unanswered == 1)
        // Not asked again at once, but later.
        #expect(Self.ask(&verifier, Self.claim(), at: 1_000) { _ in .failure }.isEmpty)
        #expect(Self.ask(&verifier, Self.claim(), at: 300_001) { _ in .failure }.count == 1)
    }

    /// What a name server says of a true claim.
    private static func proof(_ question: DNSMessage.Question) -> DNSMessage.Answer {
        switch question {
        case .names: .names(["crawl-5.bot.example"])
        case .addresses: .addresses([source])
        }
    }

    @Test func `one crawler that says it is another stays the one it is`() {
        var verifier = Self.verifier()
        _ = Self.ask(&verifier, Self.claim(), Self.proof)
        _ = Self.ask(&verifier, Self.claim(Self.source, "ander"), Self.proof)
        #expect(verifier.takeVerdicts(at: 0, wall: 0).verdicts.map(\.isTrue) == [true])
    }

    @Test func `claims to be what is not configured are not asked for`() {
        var verifier = Self.verifier()
        #expect(Self.ask(&verifier, Self.claim(Self.source, "niemand")) { _ in .failure }.isEmpty)
    }

    @Test func `a flood of claims is asked for at a pace, and the rest is counted`() {
        var verifier = Self.verifier { ($0.waiting, $0.perSecond, $0.underWay) = (100, 10, 1_000) }
        for number in 0..<10_000 { verifier.take(Self.claim(Address(ipv4: UInt32(number))), at: 0) }
        #expect(verifier.counts.omitted == 9_900)
        var asked = 0
        for millisecond in stride(from: 0, through: 5_000, by: 10) {
            while verifier.next(at: Int64(millisecond)) != nil { asked += 1 }
        }
        // Ten at the beginning, and ten a second.
        #expect((50...61).contains(asked))
    }

    @Test func `few questions are under way at once`() {
        var verifier = Self.verifier { ($0.underWay, $0.perSecond) = (4, 1_000) }
        for number in 0..<10 { verifier.take(Self.claim(Address(ipv4: UInt32(number) << 8)), at: 0) }
        var queries: [BotVerifier.Query] = []
        while let query = verifier.next(at: 0) { queries.append(query) }
        #expect(queries.count == 4)
        verifier.answered(queries[0].id, .nothing, at: 0)
        #expect(verifier.next(at: 0) != nil && verifier.next(at: 0) == nil)
    }

    @Test func `one network does not take the places of all`() {
        var verifier = Self.verifier { ($0.underWay, $0.perSecond) = (100, 1_000) }
        for number in 0..<100 { verifier.take(Self.claim(Address(ipv4: 0x0a00_0000 + UInt32(number))), at: 0) }
        verifier.take(Self.claim(), at: 0)
        var queries: [BotVerifier.Query] = []
        while let query = verifier.next(at: 0) { queries.append(query) }
        #expect(queries.count == 5 && verifier.counts.omitted == 96)
        // Places are for others once an answer has come.
        verifier.answered(queries[0].id, .nothing, at: 0)
        verifier.take(Self.claim(Address(ipv4: 0x0a00_0063)), at: 0)
        #expect(verifier.next(at: 0) != nil)
    }

    @Test func `verdicts do not outlive the domains that they rest on`() {
        var verifier = Self.verifier()
        _ = Self.ask(&verifier, Self.claim(), Self.proof)
        #expect(verifier.takeVerdicts(at: 0, wall: 0).verdicts.count == 1)
        for bot in verifier.domains.keys { verifier.domains[bot] = ["elsewhere.example"] }
        #expect(verifier.hasNews && verifier.takeVerdicts(at: 0, wall: 0).verdicts.isEmpty)
    }

    @Test func `what is held is bounded, and false claims push out no true one`() {
        var verifier = Self.verifier {
            ($0.truths, $0.falsehoods, $0.silences, $0.perSecond) = (8, 16, 16, 1_000_000)
        }
        _ = Self.ask(&verifier, Self.claim()) {
            if case .names = $0 { .names(["a.bot.example"]) } else { .addresses([Self.source]) }
        }
        for number in 0..<1_000 {
            _ = Self.ask(&verifier, Self.claim(Address(ipv4: UInt32(number)))) { _ in .nothing }
        }
        for number in 1_000..<2_000 {
            _ = Self.ask(&verifier, Self.claim(Address(ipv4: UInt32(number)))) { _ in .failure }
        }
        let verdicts = verifier.takeVerdicts(at: 0, wall: 0).verdicts
        #expect(verdicts.count == 17 && verdicts.count(where: \.isTrue) == 1)
        // Once their time is over there is room for others.
        _ = Self.ask(&verifier, Self.claim(Address(ipv4: 77_777)), at: 3_600_001) { _ in .nothing }
        #expect(verifier.takeVerdicts(at: 3_600_001, wall: 0).verdicts.count == 2)
    }
}

/// The little of DNS that it takes, against bytes that nobody vouches for.
struct DNSMessageTests {
    private static let address = Address(ipv4: 0xcb00_7105)

    private static func answer(
        _ question: DNSMessage.Question, flags: UInt16 = 0x8180, id: UInt16 = 7, count: UInt8 = 1, _ records: [UInt8]
    ) throws -> [UInt8] {
        var bytes = try #require(DNSMessage.query(question, id: id))
        bytes[2] = UInt8(flags >> 8)
        bytes[3] = UInt8(flags & 255)
        bytes[7] = count
        return bytes + records
    }

    /// A record whose owner is the question's name.
    private static func record(_ kind: UInt8, _ data: [UInt8], owner: [UInt8] = [0xc0, 12]) -> [UInt8] {
        owner + [0, kind, 0, 1, 0, 0, 0, 60, 0, UInt8(data.count)] + data
    }

    private static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private func read(_ bytes: [UInt8], _ question: DNSMessage.Question) -> DNSMessage.Answer? {
        DNSMessage.answer(bytes.span.bytes, to: question, id: 7)
    }

    @Test func `asks under the reverse name of either version`() throws {
        let four = try #require(DNSMessage.query(.names(of: Self.address), id: 0x1234))
        #expect(
            four == [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + Self.name("5.113.0.203.in-addr.arpa") + [0, 12, 0, 1])
        let six = try #require(Address("2001:db8::5"))
        let text = "5" + String(repeating: ".0", count: 23) + ".8.b.d.0.1.0.0.2.ip6.arpa"
        #expect(DNSMessage.query(.names(of: six), id: 0)?.dropFirst(12) == (Self.name(text) + [0, 12, 0, 1])[...])
        let label = String(repeating: "a", count: 64)
        for wrong in [label, "a..b", "", String(repeating: "abcdefg.", count: 40) + "a"] {
            #expect(DNSMessage.query(.addresses(of: wrong, isIPv4: true), id: 0) == nil, "\(wrong)")
        }
    }

    @Test func `reads names, addresses and aliases`() throws {
        let names = DNSMessage.Question.names(of: Self.address)
        let one = try Self.answer(names, Self.record(12, Self.name("Crawl.Bot.example")))
        #expect(read(one, names) == .names(["crawl.bot.example"]))
        // An alias, as of a zone that is delegated by halves (RFC 2317), whose name goes on in the question's.
        let alias = Self.record(5, [1, UInt8(ascii: "x"), 0xc0, 12])
        let behind = Self.record(12, Self.name("a.bot.example"), owner: [1, UInt8(ascii: "x"), 0xc0, 12])
        #expect(read(try Self.answer(names, count: 2, alias + behind), names) == .names(["a.bot.example"]))
        let addresses = DNSMessage.Question.addresses(of: "a.bot.example", isIPv4: true)
        let both = Self.record(1, [203, 0, 113, 5]) + Self.record(1, [203, 0, 113, 6])
        #expect(
            read(try Self.answer(addresses, count: 2, both), addresses)
                == .addresses([Self.address, Address(ipv4: 0xcb00_7106)]))
        let six = DNSMessage.Question.addresses(of: "a.bot.example", isIPv4: false)
        let record = Self.record(28, [0x20, 1, 0x0d, 0xb8] + Array(repeating: 0, count: 11) + [5])
        #expect(read(try Self.answer(six, record), six) == .addresses([try #require(Address("2001:db8::5"))]))
    }

    @Test func `says what is not there, and what cannot be known`() throws {
        let names = DNSMessage.Question.names(of: Self.address)
        #expect(read(try Self.answer(names, count: 0, []), names) == .nothing)
        #expect(read(try Self.answer(names, flags: 0x8183, count: 0, []), names) == .nothing)
        // Refused, failed, cut off.
        for flags in [0x8182, 0x8185, 0x8380] as [UInt16] {
            #expect(read(try Self.answer(names, flags: flags, count: 0, []), names) == .failure)
        }
        // A name of something else is none of this address.
        let other = Self.record(12, Self.name("crawl.bot.example"), owner: Self.name("other.example"))
        #expect(read(try Self.answer(names, other), names) == .nothing)
    }

    @Test func `is no answer to what was not asked`() throws {
        let names = DNSMessage.Question.names(of: Self.address)
        let good = try Self.answer(names, Self.record(12, Self.name("crawl.bot.example")))
        let other = try Self.answer(.names(of: Address(ipv4: 1)), Self.record(12, Self.name("crawl.bot.example")))
        #expect(read(other, names) == nil)
        #expect(DNSMessage.answer(good.span.bytes, to: names, id: 8) == nil)
        var question = good
        question[2] = 1
        #expect(read(question, names) == nil)
    }

    @Test func `is refused when cut off, and harmless with any byte changed`() throws {
        let names = DNSMessage.Question.names(of: Self.address)
        let good = try Self.answer(
            names, count: 2,
            Self.record(12, [5] + Array("crawl".utf8) + [0xc0, 12]) + Self.record(12, Self.name("a.bot.example")))
        for length in 0..<good.count { #expect(read(Array(good[..<length]), names) == nil) }
        for index in good.indices {
            for value in 0...255 {
                var changed = good
                changed[index] = UInt8(value)
                _ = read(changed, names)
            }
        }
        // A name that points at itself, and one that points ahead.
        for pointer in [[0xc0, 0x0c], [0xff, 0xff]] as [[UInt8]] {
            var loop = try Self.answer(names, [])
            loop += Self.record(12, [0xc0, UInt8(loop.count + 12)]) + pointer
            #expect(read(loop, names) == nil)
        }
    }
}
