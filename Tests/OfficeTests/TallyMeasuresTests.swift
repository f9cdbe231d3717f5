import Mitigations
import Moments
import Testing
import wasstraat

/// What blocks dropped and cookies answered, as it goes on record, without a filter or a register.
struct TallyMeasuresTests {
    private static let noon = Moment(seconds: 1_795_435_200)

    @Test func `sources blocked against an attack are a measure of it, and it ends with the last block`() throws {
        let street = Street()
        street.look(entries: 2, dropped: 0, attack: nil, at: Self.noon)
        #expect(street.due(at: Self.noon).count == 1)
        // Proven under pressure; the attack is known a little later, and began before.
        #expect(street.look(entries: 2, dropped: 300, attack: Self.noon + -4, at: Self.noon + 5) == 300)
        let first = try #require(street.due(at: Self.noon + 5).first)
        #expect(first.measure.kind == .blockedSources && first.measure.status == .live)
        #expect(first.measure.tenant == "waterdam" && first.measure.scope == "a.example")
        #expect(first.measure.since == Self.noon && first.measure.packets?.attack == Self.noon + -4)
        #expect(first.measure.packets?.dropped == counted(300) && first.measure.packets?.machine == "here")
        street.file(at: Self.noon + 5)
        // Counts alone wait a while: each filing stands in the chain.
        #expect(street.look(entries: 7, dropped: 450, attack: Self.noon + -4, at: Self.noon + 6) == 150)
        #expect(street.due(at: Self.noon + 6).isEmpty)
        #expect(street.due(at: Self.noon + 16).first?.measure.packets?.dropped == counted(450))
        street.look(entries: 1, dropped: 460, attack: nil, at: Self.noon + 300)
        street.look(entries: 0, dropped: 470, attack: nil, at: Self.noon + 700)
        let last = try #require(street.due(at: Self.noon + 700).first?.measure)
        #expect(last.status == .ended && last.until == Self.noon + 700)
        #expect(last.packets?.dropped == counted(470) && last.packets?.sources == 7)
        street.file(at: Self.noon + 700)
        #expect(street.filed.count == 1 && street.measures.items.isEmpty)
        // Nothing stands: nothing begins.
        street.look(entries: 0, dropped: 470, attack: nil, at: Self.noon + 701)
        #expect(street.measures.items.isEmpty)
    }

    @Test func `dry blocks are only counted, and one that drops once is live until its end`() throws {
        let street = Street()
        street.isLive = false
        street.look(entries: 1, dropped: 0, beside: 20, attack: Self.noon, at: Self.noon + 1)
        let dry = try #require(street.due(at: Self.noon + 1).first?.measure)
        #expect(dry.status == .dry && dry.packets?.isLive == false)
        #expect(dry.packets?.spared == counted(20) && dry.packets?.dropped == counted(0))
        street.isLive = true
        street.look(entries: 2, dropped: 5, beside: 20, attack: Self.noon, at: Self.noon + 2)
        street.isLive = false
        street.look(entries: 2, dropped: 5, beside: 20, attack: Self.noon, at: Self.noon + 3)
        let live = try #require(street.due(at: Self.noon + 3).first?.measure)
        #expect(live.status == .live && live.packets?.dropped == counted(5) && live.packets?.spared == counted(20))
    }

    @Test func `after a restart of the office nothing is counted twice, nor lost`() throws {
        let street = Street()
        street.look(entries: 3, dropped: 100, attack: Self.noon, at: Self.noon + 1)
        street.file(at: Self.noon + 1)
        // Not on record yet when the office falls.
        street.look(entries: 3, dropped: 160, attack: Self.noon, at: Self.noon + 2)
        let next = Street(after: street)
        next.isKnown = false
        next.wait(at: Self.noon + 19)
        #expect(next.measures.items.count == 1 && next.due(at: Self.noon + 19).isEmpty)
        next.isKnown = true
        #expect(next.look(entries: 3, dropped: 200, attack: Self.noon, at: Self.noon + 20) == 100)
        next.file(at: Self.noon + 40)
        #expect(next.filed.count == 1 && next.filed[1]?.packets?.dropped == counted(200))
        // The machine was started anew: its counters too.
        next.look(entries: 3, dropped: 7, attack: Self.noon, at: Self.noon + 50)
        next.look(entries: 0, dropped: 7, attack: Self.noon, at: Self.noon + 51)
        next.file(at: Self.noon + 60)
        #expect(next.filed[1]?.packets?.dropped == counted(207) && next.filed[1]?.status == .ended)
        // Over on record: what comes in the next attack begins where that one stood.
        let third = Street(after: next)
        third.look(entries: 1, dropped: 9, attack: Self.noon + 9_000, at: Self.noon + 9_001)
        third.file(at: Self.noon + 9_001)
        #expect(third.filed.count == 2 && third.filed[2]?.packets?.dropped == counted(2))
    }

    @Test func `what was blocked and has ended while no office looked is on record all the same`() throws {
        let street = Street()
        street.look(entries: 0, dropped: 12, attack: nil, at: Self.noon)
        let measure = try #require(street.due(at: Self.noon).first?.measure)
        #expect(measure.status == .ended && measure.packets?.dropped == counted(12))
        street.file(at: Self.noon)
        street.look(entries: 0, dropped: 12, attack: nil, at: Self.noon + 1)
        #expect(street.measures.items.isEmpty)
    }

    @Test func `the next attack has a measure of its own, and each packet one of both`() throws {
        let street = Street()
        street.look(entries: 3, dropped: 100, attack: Self.noon, at: Self.noon + 1)
        street.file(at: Self.noon + 1)
        street.look(entries: 3, dropped: 130, attack: Self.noon + 100, at: Self.noon + 101)
        street.look(entries: 3, dropped: 150, attack: Self.noon + 100, at: Self.noon + 102)
        street.file(at: Self.noon + 102)
        #expect(street.filed[1]?.status == .ended && street.filed[1]?.packets?.dropped == counted(130))
        #expect(street.filed[2]?.packets?.dropped == counted(20))
        #expect(street.filed[2]?.packets?.attack == Self.noon + 100 && street.filed[2]?.status == .live)
        // Blocks of before an attack that began much later were not against that.
        let other = Street()
        other.look(entries: 1, dropped: 4, attack: nil, at: Self.noon)
        other.look(entries: 1, dropped: 5, attack: Self.noon + 300, at: Self.noon + 302)
        other.look(entries: 1, dropped: 8, attack: Self.noon + 300, at: Self.noon + 303)
        other.file(at: Self.noon + 303)
        #expect(other.filed[1]?.packets?.attack == nil && other.filed[1]?.packets?.dropped == counted(5))
        #expect(other.filed[2]?.packets?.attack == Self.noon + 300 && other.filed[2]?.packets?.dropped == counted(3))
    }

    @Test func `what the operator blocked is a measure of its own kind, as is what cookies answered`() throws {
        let own = Street(cause: .byHand)
        own.look(entries: 1, dropped: 9, attack: Self.noon, at: Self.noon + 1)
        own.file(at: Self.noon + 1)
        #expect(own.filed[1]?.kind == .blockedByHand && own.filed[1]?.packets?.sources == 1)
        // The gateway's blocks for the same site do not go on with it.
        let next = Street(after: own, cause: .proven)
        next.look(entries: 4, dropped: 3, attack: Self.noon, at: Self.noon + 2)
        #expect(next.measures.items.map(\.measure.kind) == [.blockedByHand, .blockedSources])

        let flood = Street(cause: .flood)
        flood.wait(at: Self.noon)
        // False acknowledgements say nothing of an attack on the site behind.
        #expect(flood.look(entries: 1, dropped: 5, beside: 7_000, attack: Self.noon, at: Self.noon + 1) == 0)
        flood.file(at: Self.noon + 1)
        flood.look(entries: 1, dropped: 6, beside: 9_000, attack: Self.noon, at: Self.noon + 2)
        flood.file(at: Self.noon + 2)
        let restarted = Street(after: flood, cause: .flood)
        restarted.look(entries: 0, dropped: 6, beside: 9_100, attack: nil, at: Self.noon + 70)
        restarted.file(at: Self.noon + 70)
        let measure = try #require(restarted.filed[1])
        #expect(measure.kind == .synCookies && measure.status == .ended)
        #expect(measure.packets?.answered == counted(9_100) && measure.packets?.dropped == counted(6))
        #expect(measure.packets?.spared == FilterCount() && measure.packets?.sources == nil)
    }

    @Test func `what is ordered by hand is on an attack's record only while that goes on`() throws {
        let own = Street(cause: .byHand)
        own.look(entries: 1, dropped: 9, attack: nil, at: Self.noon)
        #expect(own.measures.items.isEmpty)
        own.look(entries: 1, dropped: 10, attack: Self.noon, at: Self.noon + 1)
        own.look(entries: 1, dropped: 30, attack: nil, at: Self.noon + 100)
        own.look(entries: 1, dropped: 90, attack: nil, at: Self.noon + 400)
        own.file(at: Self.noon + 400)
        #expect(own.filed[1]?.status == .ended && own.filed[1]?.packets?.dropped == counted(81))
        own.look(entries: 1, dropped: 5_000, attack: nil, at: Self.noon + 9_000)
        // Also where the office was away: what it did between the attacks is nobody's.
        let next = Street(after: own, cause: .byHand)
        next.look(entries: 1, dropped: 6_000, attack: Self.noon + 9_900, at: Self.noon + 10_000)
        #expect(next.look(entries: 1, dropped: 6_007, attack: Self.noon + 9_900, at: Self.noon + 10_001) == 0)
        next.file(at: Self.noon + 10_001)
        #expect(next.filed[2]?.packets?.dropped == counted(7) && next.filed.count == 2)
        // A flood that was never an attack on record is none in the end.
        let flood = Street(cause: .flood)
        flood.look(entries: 1, dropped: 0, beside: 70, attack: nil, at: Self.noon)
        #expect(flood.due(at: Self.noon).allSatisfy { $0.isNobodys && !$0.isOver })
        flood.look(entries: 0, dropped: 0, beside: 70, attack: nil, at: Self.noon + 70)
        #expect(flood.due(at: Self.noon + 70).allSatisfy { $0.isNobodys && $0.isOver })
    }

    @Test func `a filter that has forgotten, or does not come back, ends what stands`() throws {
        let street = Street()
        street.look(entries: 3, dropped: 100, attack: Self.noon, at: Self.noon + 1)
        street.file(at: Self.noon + 1)
        let next = Street(after: street)
        next.isKnown = false
        next.wait(at: Self.noon + 599)
        #expect(next.measures.items.first?.isOver == false)
        next.wait(at: Self.noon + 601)
        next.file(at: Self.noon + 601)
        #expect(next.filed[1]?.status == .ended && next.filed[1]?.until == street.until)
        let other = Street(after: street)
        other.wait(at: Self.noon + 20)
        #expect(other.measures.items.first?.isOver == true)
    }
}

private func counted(_ packets: UInt64) -> FilterCount { FilterCount(packets: packets, bytes: packets * 60) }

/// An office with its record, and a filter's tally of one site.
private final class Street {
    private let owner: TallyTable.Owner
    let until = Moment(seconds: 1_795_435_200 + 600)
    var isLive = true
    var isKnown = true
    private(set) var measures: TallyMeasures
    /// What a register would hold, by its ids.
    private(set) var filed: [Int64: Mitigation] = [:]

    init(after other: Street? = nil, cause: TallyTable.Cause = .proven) {
        owner = TallyTable.Owner(tenant: "waterdam", site: "a.example", cause: cause)
        filed = other?.filed ?? [:]
        measures = TallyMeasures(machine: "here", resuming: filed.sorted { $0.key < $1.key }.map(\.value))
    }

    /// - Returns: what the recorder is told of packets held back.
    @discardableResult func look(
        entries: UInt32, dropped: UInt64, beside: UInt64 = 0, attack: Moment?, at now: Moment
    ) -> UInt64 {
        let tally = FilterTally(
            number: 1, owner: owner, entries: entries, live: isLive ? entries : 0, until: until,
            dropped: counted(dropped), beside: counted(beside))
        for owner in measures.unknown(among: [tally]) {
            measures.know(owner, last: filed.sorted { $0.value.since < $1.value.since }.last?.value)
        }
        let attacks = attack.map { [owner: $0] } ?? [:]
        return measures.observe(
            [tally], attacks: attacks, isKnown: isKnown, interface: "eth9", at: now)["a.example"] ?? 0
    }

    /// The filter says nothing, or has no tally.
    func wait(at now: Moment) {
        _ = measures.observe([], attacks: [:], isKnown: isKnown, interface: "eth9", at: now)
    }

    func due(at now: Moment) -> [FiledMeasure] { measures.due(at: now) }

    func file(at now: Moment) {
        for item in measures.unfiled {
            let id = item.measure.id == 0 ? Int64(filed.count) + 1 : item.measure.id
            filed[id] = item.measure
            filed[id]?.id = id
            measures.filed(item, as: id, under: 1, at: now)
        }
    }
}
