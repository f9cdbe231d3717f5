import Addresses
import Detection
import Fingerprints
import Mitigations
import Moments
import Settings
import Testing
import wasstraat

/// What the filter is told of attacks, without a filter.
struct RuleHandoverTests {
    private static let noon = Moment(seconds: 1_795_435_200)
    private static let target = [Prefix("198.51.100.7")!]

    private func attack(
        _ ports: [String] = ["53"], collateral: Double? = 0, bytes: Double? = nil, isOver: Bool = false
    ) -> DetectedAttack {
        var attack = DetectedAttack(site: "198.51.100.7", start: Self.noon, detected: Self.noon + 1)
        attack.isOver = isOver
        var traffic = DetectedTraffic(target: "198.51.100.7", sites: [])
        traffic.vectors = ports.map { port in
            DetectedTraffic.Vector(
                kind: "dns-reflection", packets: 1, bytes: 1, start: Self.noon, end: Self.noon + 1,
                fingerprint: Fingerprint(
                    conditions: [.init(.protocol, "udp"), .init(.sourcePort, port)], kind: "dns-reflection",
                    evidence: .init(
                        coverage: 1, collateral: collateral, attackCount: 100, baselineCount: 10, sources: 2,
                        from: Self.noon, until: Self.noon + 1,
                        bytes: bytes.map { .init(coverage: 1, collateral: $0, attackCount: 1, baselineCount: 1) }),
                    made: Self.noon + 1, expires: Self.noon + 864_000))
        }
        attack.traffic = traffic
        return attack
    }

    private func order(_ action: RuleHandover.Action?) throws -> FilterOrder {
        guard case .add(let order) = action else { throw Unexpected() }
        return order
    }

    @Test func `a fingerprint is handed over once, with its reason and an end`() throws {
        let handover = Handover()
        handover.observe(attack(), of: "waterdam", on: Self.target, rules: .dry, at: Self.noon)
        let asked = handover.orders(at: Self.noon)
        let order = try order(asked.first)
        #expect(asked.count == 1 && order.isDry && order.seconds == 86_400)
        #expect(order.note.tenant == "waterdam" && order.note.author == .detection)
        #expect(order.note.reason == "attack on 198.51.100.7 since \(Self.noon.text): dns-reflection")
        guard case .rule(let fingerprint, let targets) = order.what else { throw Unexpected() }
        #expect(fingerprint.conditions.count == 2 && targets == Self.target)
        for second in 1...60 {
            let now = Self.noon + Double(second)
            handover.observe(attack(), of: "waterdam", on: Self.target, rules: .dry, at: now)
            #expect(handover.next(at: now) == nil)
        }
        // An attack that lasts half a day outlives no rule of it; a longer end makes none dry or live.
        #expect(try self.order(handover.orders(at: Self.noon + 43_200).first).isDry)
        #expect(handover.next(at: Self.noon + 43_201) == nil)
    }

    @Test(
        arguments: [
            (0.0, nil, false), (0.001, nil, false), (0.0011, nil, true), (nil, nil, true), (.nan, nil, true),
            (0.0, 0.001, false), (0.0, 0.5, true),
        ] as [(Double?, Double?, Bool)])
    func `it may drop where it is known to hit no more than a thousandth`(
        collateral: Double?, bytes: Double?, isDry: Bool
    ) throws {
        let handover = Handover()
        handover.observe(
            attack(collateral: collateral, bytes: bytes), of: "a", on: Self.target, rules: .live, at: Self.noon)
        #expect(try order(handover.orders(at: Self.noon).first).isDry == isDry)
    }

    @Test func `it goes some minutes after its attack, and stays when that comes back`() {
        let handover = Handover()
        handover.observe(attack(), of: "a", on: Self.target, rules: .live, at: Self.noon)
        #expect(handover.orders(from: 7, at: Self.noon).count == 1)
        handover.observe(attack(isOver: true), of: "a", on: Self.target, rules: .live, at: Self.noon + 60)
        #expect(handover.next(at: Self.noon + 359) == nil)
        handover.observe(attack(), of: "a", on: Self.target, rules: .live, at: Self.noon + 359)
        #expect(handover.next(at: Self.noon + 1_000) == nil)
        handover.observe(attack(isOver: true), of: "a", on: Self.target, rules: .live, at: Self.noon + 1_000)
        #expect(handover.orders(at: Self.noon + 1_300) == [.remove(7)])
        #expect(handover.rules.isEmpty)
    }

    @Test func `what is measured anew takes the place of what was`() {
        let handover = Handover()
        handover.observe(attack(["53"]), of: "a", on: Self.target, rules: .dry, at: Self.noon)
        #expect(handover.orders(from: 1, at: Self.noon).count == 1)
        handover.observe(attack(["123"]), of: "a", on: Self.target, rules: .dry, at: Self.noon + 10)
        #expect(handover.orders(from: 2, at: Self.noon + 10).count == 1)
        #expect(handover.orders(at: Self.noon + 310) == [.remove(1)])
        #expect(handover.rules.map(\.id) == [2])
    }

    @Test func `rules go live and dry with the operator's word and the evidence, and go when switched off`() throws {
        let handover = Handover()
        handover.observe(attack(), of: "a", on: Self.target, rules: .off, at: Self.noon)
        #expect(handover.rules.isEmpty)
        handover.observe(attack(), of: "a", on: Self.target, rules: .dry, at: Self.noon)
        #expect(try order(handover.orders(at: Self.noon).first).isDry)
        handover.observe(attack(), of: "a", on: Self.target, rules: .live, at: Self.noon + 5)
        #expect(try !order(handover.orders(at: Self.noon + 5).first).isDry)
        handover.observe(attack(collateral: 0.01), of: "a", on: Self.target, rules: .live, at: Self.noon + 10)
        #expect(handover.orders(at: Self.noon + 10) == [.conduct(1, isDry: true)])
        handover.withdraw(at: Self.noon + 11)
        #expect(handover.orders(at: Self.noon + 11) == [.remove(1)])
    }

    @Test func `what was refused is said again only where that can help`() throws {
        let handover = Handover()
        handover.observe(attack(), of: "a", on: Self.target, rules: .live, at: Self.noon)
        var (key, action) = try #require(handover.next(at: Self.noon))
        let live = action
        #expect(handover.refused(key, action, code: "kernel", reason: "no room", at: Self.noon))
        #expect(handover.next(at: Self.noon + 59) == nil)
        (key, action) = try #require(handover.next(at: Self.noon + 60))
        #expect(!handover.refused(key, action, code: "kernel", reason: "no room", at: Self.noon + 60))
        // It may not drop: then it counts.
        (key, action) = try #require(handover.next(at: Self.noon + 120))
        #expect(action == live)
        #expect(handover.refused(key, action, code: "collateral", reason: "too much", at: Self.noon + 120))
        (key, action) = try #require(handover.next(at: Self.noon + 120))
        #expect(try order(action).isDry)
        #expect(handover.refused(key, action, code: "fingerprint", reason: "unsayable", at: Self.noon + 120))
        #expect(handover.next(at: Self.noon + 4_000) == nil)
    }

    @Test func `what the operator undid stays undone while the attack lasts`() {
        let handover = Handover()
        handover.observe(attack(), of: "a", on: Self.target, rules: .dry, at: Self.noon)
        _ = handover.orders(from: 4, at: Self.noon)
        #expect(handover.saw([(4, false, FilterCount(packets: 9, bytes: 90))]).isEmpty)
        #expect(handover.rules.first?.hits.packets == 9)
        #expect(handover.saw([]).map(\.id) == [4])
        #expect(handover.saw([]).isEmpty)
        handover.observe(attack(), of: "a", on: Self.target, rules: .dry, at: Self.noon + 60)
        #expect(handover.next(at: Self.noon + 50_000) == nil)
        handover.observe(attack(isOver: true), of: "a", on: Self.target, rules: .dry, at: Self.noon + 50_000)
        #expect(handover.orders(at: Self.noon + 50_300).isEmpty && handover.rules.isEmpty)
    }

    private func held(_ id: UInt64, port: String, author: FilterNote.Author = .detection) throws -> FilterEntry {
        let vector = try #require(attack([port]).traffic?.vectors.first)
        return FilterEntry(
            FilterRule(
                id: id, note: FilterNote(tenant: "a", reason: "attack on 198.51.100.7 since then", author: author),
                since: Self.noon, until: Self.noon + 86_400, fingerprint: vector.fingerprint, targets: Self.target,
                counter: 0, isDry: true))
    }

    @Test func `rules of an earlier office are taken up, or go when nobody sees their attack`() throws {
        let handover = Handover()
        let entries = try [held(3, port: "53"), held(5, port: "123"), held(6, port: "19", author: .operator)]
        handover.found(entries, at: Self.noon + 100)
        #expect(handover.rules.map(\.id) == [3, 5])
        handover.observe(attack(["53"]), of: "a", on: Self.target, rules: .dry, at: Self.noon + 120)
        #expect(handover.next(at: Self.noon + 999) == nil)
        #expect(handover.orders(at: Self.noon + 1_000) == [.remove(5)])
        // Another book: what it does not have is said again, and removed only where it is what it was.
        handover.found([], at: Self.noon + 1_100)
        #expect(handover.orders(from: 1, at: Self.noon + 1_100).count == 1)
        let key = try #require(handover.rules.first?.key)
        #expect(RuleHandover.isOurs(entries[0], key) && !RuleHandover.isOurs(entries[1], key))
        #expect(try !RuleHandover.isOurs(held(1, port: "53", author: .operator), key))
    }

    @Test func `says which attacks a live rule holds back, and no longer than it does`() {
        let handover = Handover()
        handover.observe(attack(), of: "a", on: Self.target, rules: .live, at: Self.noon)
        _ = handover.orders(from: 4, at: Self.noon)
        func saw(_ packets: UInt64, isLive: Bool = true, at second: Double) {
            _ = handover.saw([(4, isLive, FilterCount(packets: packets, bytes: 0))], now: Self.noon + second)
        }
        // What it counted before it was looked at first may be anybody's.
        saw(1_000_000, at: 1)
        #expect(handover.dropping(at: Self.noon + 1).isEmpty)
        saw(1_000_019, at: 2)
        #expect(handover.dropping(at: Self.noon + 2).isEmpty)
        saw(1_000_039, at: 3)
        #expect(handover.dropping(at: Self.noon + 3) == [.init(attack(), of: "a")])
        #expect(handover.dropping(at: Self.noon + 33).count == 1 && handover.dropping(at: Self.noon + 34).isEmpty)
        saw(2_000_000, isLive: false, at: 40)
        #expect(handover.dropping(at: Self.noon + 40).isEmpty)
    }

    @Test func `there is a bound`() {
        let handover = Handover()
        let many = (1...400).map { "\($0)" }
        handover.observe(attack(many), of: "a", on: Self.target, rules: .dry, at: Self.noon)
        #expect(handover.rules.count == RuleHandover.limit && handover.omitted == 144)
    }
}

private struct Unexpected: Error {}

/// One that can be asked inside an expectation.
private final class Handover {
    private var handover = RuleHandover()

    var rules: [RuleHandover.Rule] { handover.rules }
    var omitted: UInt64 { handover.omitted }

    func observe(
        _ attack: DetectedAttack, of organisation: String, on targets: [Prefix], rules: Settings.Filter.Rules,
        at now: Moment
    ) { handover.observe(attack, of: organisation, on: targets, rules: rules, at: now) }

    func withdraw(at now: Moment) { handover.withdraw(at: now) }

    func next(at now: Moment) -> (key: RuleHandover.Key, action: RuleHandover.Action)? { handover.next(at: now) }

    func refused(
        _ key: RuleHandover.Key, _ action: RuleHandover.Action, code: String, reason: String, at now: Moment
    ) -> Bool { handover.refused(key, action, code: code, reason: reason, at: now) }

    func saw(
        _ counts: [(id: UInt64, isLive: Bool, hits: FilterCount)], now: Moment? = nil
    ) -> [RuleHandover.Rule] { handover.saw(counts, now: now) }

    func dropping(at now: Moment) -> Set<RuleHandover.Attack> { handover.dropping(at: now) }

    func found(_ entries: [FilterEntry], at now: Moment) { handover.found(entries, at: now) }

    /// What it asks for, each answered with the next id.
    func orders(from id: UInt64 = 1, at now: Moment) -> [RuleHandover.Action] {
        var id = id
        var actions: [RuleHandover.Action] = []
        while actions.count < 300, let (key, action) = handover.next(at: now) {
            actions.append(action)
            handover.done(key, action, id: id, at: now)
            id += 1
        }
        return actions
    }
}
