import Addresses
import Detection
import Fingerprints
import Mitigations
import Moments
import Settings
import Testing
import wasstraat

/// What rules against attacks dropped, as it goes on record, without a filter or a register.
struct RuleMeasuresTests {
    private static let noon = Moment(seconds: 1_795_435_200)

    @Test func `a rule is a measure of its attack, dry and live are told apart, and it ends with the rule`() throws {
        let street = Street()
        street.attack(at: Self.noon)
        street.count(0, isLive: false, at: Self.noon + 1)
        let first = try #require(street.due(at: Self.noon + 1).first)
        #expect(first.measure.status == .dry && first.measure.tenant == "waterdam")
        #expect(first.measure.scope == "198.51.100.7" && first.measure.reason.hasPrefix("attack on 198.51.100.7"))
        #expect(first.measure.packets?.match == "protocol=udp, source_port=53 → 198.51.100.7/32")
        #expect(first.measure.packets?.interface == "eth9" && first.measure.packets?.machine == "here")
        guard case .packetRule(let name) = first.measure.kind else { throw Unexpected() }
        #expect(name.count == 64)
        street.file(at: Self.noon + 1)
        // Counts alone wait a while: each filing stands in the chain.
        street.count(40, isLive: false, at: Self.noon + 2)
        #expect(street.due(at: Self.noon + 2).isEmpty)
        #expect(street.due(at: Self.noon + 12).first?.measure.packets?.spared == counted(40))
        street.file(at: Self.noon + 12)
        // What came while it changed is not claimed.
        street.count(50, isLive: true, at: Self.noon + 13)
        #expect(street.due(at: Self.noon + 13).first?.measure.status == .live)
        street.file(at: Self.noon + 13)
        street.count(950, isLive: true, at: Self.noon + 14)
        street.end(at: Self.noon + 400)
        let last = try #require(street.due(at: Self.noon + 400).first?.measure)
        #expect(last.status == .ended && last.until == Self.noon + 400)
        #expect(last.packets?.spared == counted(50) && last.packets?.dropped == counted(900))
        street.file(at: Self.noon + 400)
        #expect(street.measures.items.isEmpty && street.filed.count == 1)
    }

    @Test func `a rule that the operator names an attack for is a measure of that, and of nothing later`() throws {
        let street = Street()
        street.attack(at: Self.noon)
        var entry = try street.entry()
        entry.note = FilterNote(tenant: "waterdam", reason: "it helps", author: .operator, site: "198.51.100.0/24")
        var byHand = RulesByHand()
        #expect(byHand.isNews([9]))
        // The operator's without a site are on no record, nor are a machine's.
        var plain = entry
        plain.id = 10
        plain.note.site = ""
        byHand.found([entry, plain, try street.entry()])
        #expect(byHand.rules.map(\.id) == [9] && !byHand.isNews([9, 10]) && byHand.isNews([11]))
        var measures = RuleMeasures(machine: "here", resuming: [])
        func look(_ packets: UInt64, attack: Moment?, at now: Moment) {
            byHand.saw([(9, true, counted(packets)), (10, true, counted(1))])
            let rules = byHand.rules.map { rule in
                var rule = rule
                rule.attack = attack.map { .init(organisation: "waterdam", site: rule.note.site, start: $0) }
                return rule
            }
            measures.observe(
                attack == nil ? [] : rules, gone: [], isKnown: true, interface: "eth9", at: now)
        }
        look(70, attack: Self.noon, at: Self.noon + 20)
        look(90, attack: Self.noon, at: Self.noon + 21)
        let measure = try #require(measures.due(at: Self.noon + 21).first?.measure)
        #expect(measure.packets?.dropped == counted(90) && measure.packets?.attack == Self.noon)
        #expect(measure.scope == "198.51.100.0/24" && measure.until == entry.until && measure.reason == "it helps")
        look(500, attack: nil, at: Self.noon + 60)
        #expect(measures.items.first?.isOver == true)
        look(520, attack: Self.noon + 900, at: Self.noon + 905)
        let next = try #require(measures.items.last?.measure)
        #expect(next.packets?.dropped == counted(0) && next.packets?.reading == counted(520))
        // Taken away by the operator.
        byHand.saw([])
        #expect(byHand.rules.isEmpty)
    }

    @Test func `after a restart of the office nothing is counted twice, nor lost`() throws {
        let street = Street()
        street.attack(at: Self.noon)
        street.count(100, isLive: true, at: Self.noon + 1)
        street.file(at: Self.noon + 1)
        // Not on record yet when the office falls.
        street.count(160, isLive: true, at: Self.noon + 2)
        let next = Street(resuming: Array(street.filed.values))
        // The filter is not connected yet: nobody knows.
        next.look(at: Self.noon + 20)
        #expect(next.measures.due(at: Self.noon + 20).isEmpty && next.measures.items.count == 1)
        next.find(try street.entry(), at: Self.noon + 20)
        next.look(at: Self.noon + 20)
        #expect(next.measures.items.first?.isOver == false)
        next.count(200, isLive: true, at: Self.noon + 21)
        #expect(next.measures.items.count == 1)
        #expect(next.measures.items[0].measure.id == 1)
        #expect(next.measures.items[0].measure.packets?.dropped == counted(200))
        // Its attack is seen again: it stays the same measure.
        next.attack(at: Self.noon, now: Self.noon + 30)
        next.count(210, isLive: true, at: Self.noon + 31)
        #expect(next.measures.items.count == 1)
        // The machine was started anew: its counters too.
        next.count(7, isLive: true, at: Self.noon + 32)
        next.file(at: Self.noon + 60)
        #expect(next.filed[1]?.packets?.dropped == counted(217))
    }

    @Test func `what serves the next attack too is counted for each by itself`() throws {
        let street = Street()
        street.attack(at: Self.noon)
        street.count(100, isLive: true, at: Self.noon + 1)
        street.file(at: Self.noon + 1)
        street.attack(at: Self.noon + 100, now: Self.noon + 100)
        street.count(130, isLive: true, at: Self.noon + 101)
        street.count(150, isLive: true, at: Self.noon + 102)
        street.file(at: Self.noon + 102)
        #expect(street.filed.count == 2)
        #expect(street.filed[1]?.status == .ended && street.filed[1]?.packets?.dropped == counted(130))
        #expect(street.filed[2]?.packets?.dropped == counted(20))
        #expect(street.filed[2]?.packets?.attack == Self.noon + 100)
    }

    @Test func `what the operator takes away is undone, and what ends unseen has ended`() {
        let street = Street()
        street.attack(at: Self.noon)
        street.count(5, isLive: true, at: Self.noon + 1)
        street.file(at: Self.noon + 1)
        street.undo(at: Self.noon + 9)
        street.file(at: Self.noon + 9)
        #expect(street.filed[1]?.status == .undone && street.filed[1]?.until == Self.noon + 9)
        #expect(street.filed[1]?.packets?.dropped == counted(5))
        street.look(at: Self.noon + 10)
        #expect(street.measures.items.isEmpty)
        let open = Street()
        open.attack(at: Self.noon)
        open.count(5, isLive: true, at: Self.noon + 1)
        open.file(at: Self.noon + 1)
        let late = Street(resuming: Array(open.filed.values))
        late.look(at: Self.noon + 86_402)
        late.file(at: Self.noon + 86_402)
        #expect(late.filed[1]?.status == .ended && late.filed[1]?.packets?.dropped == counted(5))
        #expect(late.filed[1]?.until == open.filed[1]?.until)
    }

    @Test func `an operator's word outlasts a restart of the office`() throws {
        let street = Street()
        street.attack(at: Self.noon)
        var entry = try street.entry()
        entry.rule?.isDry = true
        let next = Street()
        next.find(entry, at: Self.noon + 10)
        next.see(at: Self.noon, now: Self.noon + 10)
        guard case .add(let order)? = next.ask(at: Self.noon + 11) else { throw Unexpected() }
        #expect(!order.isDry)
        let held = Street()
        entry.rule?.isHeld = true
        held.find(entry, at: Self.noon + 10)
        held.see(at: Self.noon, now: Self.noon + 10)
        #expect(held.ask(at: Self.noon + 11) == nil)
    }
}

private struct Unexpected: Error {}

private func counted(_ packets: UInt64) -> FilterCount { FilterCount(packets: packets, bytes: packets * 60) }

/// An office with its record, and the filter's answers.
private final class Street {
    private var handover = RuleHandover()
    private(set) var measures: RuleMeasures
    /// What a register would hold, by its ids.
    private(set) var filed: [Int64: Mitigation] = [:]
    private var nextID: Int64 = 1

    init(resuming open: [Mitigation] = []) {
        measures = RuleMeasures(machine: "here", resuming: open)
        for measure in open {
            filed[measure.id] = measure
            nextID = max(nextID, measure.id + 1)
        }
    }

    private static func detected(_ start: Moment, isOver: Bool = false) -> DetectedAttack {
        var attack = DetectedAttack(site: "198.51.100.7", start: start, detected: start)
        attack.isOver = isOver
        attack.traffic = DetectedTraffic(target: "198.51.100.7", sites: [])
        attack.traffic?.vectors = [
            DetectedTraffic.Vector(
                kind: "dns-reflection", packets: 1, bytes: 1, start: start, end: start + 1,
                fingerprint: Fingerprint(
                    conditions: [.init(.protocol, "udp"), .init(.sourcePort, "53")], kind: "dns-reflection",
                    evidence: .init(
                        coverage: 1, collateral: 0, attackCount: 100, baselineCount: 10, sources: 2, from: start,
                        until: start + 1), made: start + 1, expires: start + 864_000))
        ]
        return attack
    }

    private func tell(_ attack: DetectedAttack, _ now: Moment) {
        handover.observe(attack, of: "waterdam", on: [Prefix("198.51.100.7")!], rules: .live, at: now)
    }

    /// Sees an attack, and has the filter take its rule as number 9.
    func attack(at start: Moment, now: Moment? = nil) {
        see(at: start, now: now ?? start)
        if !handover.isKnown { handover.found([], at: now ?? start) }
        while let (key, action) = handover.next(at: now ?? start) {
            handover.done(key, action, id: 9, at: now ?? start)
        }
    }

    func see(at start: Moment, now: Moment) { tell(Self.detected(start), now) }

    func ask(at now: Moment) -> RuleHandover.Action? { handover.next(at: now)?.action }

    func entry() throws -> FilterEntry {
        let rule = try #require(handover.rules.first)
        return FilterEntry(
            FilterRule(
                id: 9, note: rule.note, since: rule.takenAt ?? rule.fingerprint.made, until: rule.until,
                fingerprint: rule.fingerprint, targets: rule.key.targets, counter: 0, isDry: false))
    }

    func find(_ entry: FilterEntry, at now: Moment) { handover.found([entry], at: now) }

    func count(_ packets: UInt64, isLive: Bool, at now: Moment) {
        _ = handover.saw([(9, isLive, counted(packets))], at: "eth9")
        look(at: now)
    }

    func undo(at now: Moment) {
        _ = handover.saw([], at: "eth9")
        look(at: now)
    }

    /// The attack is over, and its rule goes.
    func end(at now: Moment) {
        tell(Self.detected(handover.rules[0].attack?.start ?? now, isOver: true), now + -RuleHandover.aftermath)
        while let (key, action) = handover.next(at: now) { handover.done(key, action, id: 9, at: now) }
        look(at: now)
    }

    func look(at now: Moment) {
        measures.observe(
            handover.rules, gone: handover.takeGone(), isKnown: handover.isKnown, interface: handover.interface, at: now
        )
    }

    func due(at now: Moment) -> [FiledMeasure] { measures.due(at: now) }

    func file(at now: Moment) {
        for item in measures.due(at: now) {
            var measure = item.measure
            if measure.id == 0 {
                measure.id = nextID
                nextID += 1
            }
            filed[measure.id] = measure
            measures.filed(item, as: measure.id, under: nil, at: now)
        }
    }
}
