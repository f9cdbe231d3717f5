import Addresses
import Bytes
import Messages
import Mitigations
import Moments
import Testing

@Suite struct `A message about who may come` {
    private static func list(_ random: inout Seeded) -> AccessList {
        AccessList(
            random.list(upTo: 6) {
                AccessList.Entry(
                    AccessList.Kind.allCases.randomElement(using: &$0) ?? .deny, $0.prefix(), site: $0.text(upTo: 64),
                    until: $0.number())
            })
    }

    private static func claims(_ random: inout Seeded) -> [BotClaims.Claim] {
        random.list(upTo: 6) { BotClaims.Claim($0.address(), bot: $0.text(upTo: 64)) }
    }

    private static func busiest(_ random: inout Seeded) -> BusiestTraffic {
        func lines(_ random: inout Seeded) -> [BusiestTraffic.Line] {
            random.list(upTo: 4) { BusiestTraffic.Line($0.text(upTo: 80), requests: $0.number()) }
        }
        return BusiestTraffic(
            seconds: random.number(),
            sites: random.list(upTo: 3) {
                BusiestTraffic.Site(
                    name: $0.text(upTo: 64), sources: $0.number(), routes: lines(&$0), networks: lines(&$0),
                    programs: lines(&$0))
            })
    }

    @Test(arguments: 0..<10) func `round trips, and is refused when cut off`(seed: UInt64) {
        var random = Seeded(seed)
        check(Self.list(&random))
        check(BotClaims(Self.claims(&random)))
        check(
            BotVerdicts(
                Self.claims(&random).map { BotVerdicts.Verdict($0, isTrue: random.flag(), until: random.number()) }))
        check(Self.busiest(&random))
    }

    @Test func `is bounded`() {
        let prefix = Prefix(Address(ipv4: 1), length: 32)
        let entry = AccessList.Entry(.deny, prefix, site: "a", until: 1)
        let claim = BotClaims.Claim(Address(ipv4: 1), bot: "a")
        let verdict = BotVerdicts.Verdict(claim, isTrue: true, until: 1)
        let site = BusiestTraffic.Site(name: "a", sources: 1, routes: [], networks: [], programs: [])
        func refuses<Value: Message>(_: Value.Type, most: Value, more: Value) {
            #expect(throws: Never.self) { let _: Value = try decode(most.encoded()) }
            #expect(throws: Malformed.self) { let _: Value = try decode(more.encoded()) }
        }
        func many<Element>(_ element: Element, _ count: Int) -> [Element] { Array(repeating: element, count: count) }
        refuses(
            AccessList.self, most: AccessList(many(entry, AccessList.limit)),
            more: AccessList(many(entry, AccessList.limit + 1)))
        refuses(
            BotClaims.self, most: BotClaims(many(claim, BotClaims.limit)),
            more: BotClaims(many(claim, BotClaims.limit + 1)))
        refuses(
            BotVerdicts.self, most: BotVerdicts(many(verdict, BotVerdicts.limit)),
            more: BotVerdicts(many(verdict, BotVerdicts.limit + 1)))
        refuses(
            BusiestTraffic.self, most: BusiestTraffic(sites: many(site, BusiestTraffic.siteLimit)),
            more: BusiestTraffic(sites: many(site, BusiestTraffic.siteLimit + 1)))
    }

    @Test func `of another version is refused`() {
        func refuses<Value: Message>(_ value: Value) {
            var bytes = value.encoded()
            bytes[0] = 9
            #expect(throws: Malformed(.unsupported, at: 1)) { let _: Value = try decode(bytes) }
        }
        refuses(AccessList())
        refuses(BotClaims())
        refuses(BotVerdicts())
        refuses(BusiestTraffic())
    }

    @Test func `round trips as a book of orders, and one that contradicts itself is refused`() throws {
        var book = ControlBook()
        let now = Moment(milliseconds: 1_796_000_000_123)
        for (act, site) in [
            (ControlBook.Act.allow(Prefix(Address(ipv4: 0xc000_0207), length: 32)), "www"),
            (.deny(Prefix(Address(high: 0x2001_0db8 << 32, low: 0), length: 48)), ""), (.observe, "balie"),
            (.protect, "www"),
        ] {
            _ = try book.add(act, site: site, seconds: 90, reason: "één reden", author: "root", at: now)
        }
        check(book)
        check(ControlBook())
        let order = book.orders[0]
        for wrong in [[order, order], [book.orders[1], order]] {
            #expect(ControlBook(wrong, nextID: 9) == nil)
        }
        #expect(ControlBook([order], nextID: 1) == nil)
        var bytes = book.encoded()
        bytes[0] = 2
        #expect(throws: Malformed(.unsupported, at: 1)) { let _: ControlBook = try decode(bytes) }
    }
}
