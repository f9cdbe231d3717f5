internal import Filters
package import Mitigations
package import Moments

/// Sources blocked against an attack, and floods answered with cookies, as one measure on record for each site and cause:
/// how many, since when, and what came. It files nothing itself, reads no clock, and knows no source.
///
/// The filter's tally of a site goes on from one attack to the next. A measure counts what came since the tally was last
/// looked at, by this office or by the one that filed the measure before it: so nothing is counted twice, nor lost at a
/// restart of either.
///
/// *Our bug*: none that it could tell. *Their fault*: a tally that stands lower than before began anew, with the machine
/// or with the filter's book; all of it is new. *Ignored, because it is fine*: a tally of a site that the office does not
/// know any more; its entries stand until their end, and are counted.
package struct TallyMeasures: Sendable {
    package typealias Owner = TallyTable.Owner

    /// Seconds from a site's first block to the start of an attack that it may be against: sources are proven under
    /// pressure, which detection may take for an attack a little later.
    package static let forerun = 60.0
    /// Measures that wait to be filed, while the register does not take them; then the oldest go.
    package static let limit = 2 * TallyTable.limit
    /// A tally's counters as they were looked at last.
    private struct Reading: Equatable {
        var dropped: FilterCount
        var beside: FilterCount

        init(_ tally: FilterTally) { (dropped, beside) = (tally.dropped, tally.beside) }

        init(_ tally: PacketTally?) {
            dropped = tally?.reading ?? FilterCount()
            beside = tally?.spareReading ?? FilterCount()
        }
    }

    private let machine: String
    package private(set) var items: [FiledMeasure] = []
    private var readings: [Owner: Reading] = [:]
    /// Whose tallies count from where they stand when they are looked at next.
    private var anew: Set<Owner> = []
    /// The filter's tallies have been looked at.
    private var hasLooked = false
    private var next = 0

    /// - Parameter open: measures on record that have not ended.
    package init(machine: String, resuming open: [Mitigation]) {
        self.machine = machine
        for measure in open.suffix(Self.limit)
        where measure.kind.cause != nil && (measure.status == .live || measure.status == .dry) {
            add(measure, isNews: false)
        }
    }

    /// Sites of which must be known what the record has last, before their tallies can be understood.
    package func unknown(among tallies: [FilterTally]) -> [Owner] {
        tallies.map(\.owner).filter { readings[$0] == nil }
    }

    /// - Parameter last: the latest measure of this kind on record; nil: there is none.
    package mutating func know(_ owner: Owner, last: Mitigation?) {
        readings[owner] = Reading(last?.packets)
        // What people ordered acts also where no attack is: what it did before anybody looked is on no record. A tally that
        // comes later begins with it.
        let goesOn = last.map { $0.status == .live || $0.status == .dry } ?? false
        if owner.cause != .proven, !goesOn, !hasLooked { anew.insert(owner) }
    }

    /// Takes in the tallies as they are.
    /// - Parameters:
    ///   - attacks: when the attack began that goes on at a site.
    ///   - isKnown: the filter has said its tallies; until then one that is not among them may be.
    /// - Returns: packets of proven sources dropped since the last time, by site.
    package mutating func observe(
        _ tallies: [FilterTally], attacks: [Owner: Moment], isKnown: Bool, interface: String, at now: Moment
    ) -> [String: UInt64] {
        var heldBack: [String: UInt64] = [:]
        var seen: Set<Owner> = []
        for tally in tallies {
            if anew.remove(tally.owner) != nil { readings[tally.owner] = Reading(tally) }
            guard let before = readings[tally.owner] else { continue }
            seen.insert(tally.owner)
            let dropped = tally.dropped.since(before.dropped).packets
            // By hand all sorts of traffic are blocked: it says nothing of requests.
            if dropped > 0, tally.owner.cause == .proven { heldBack[tally.owner.site, default: 0] += dropped }
            follow(tally, before, attack: attacks[tally.owner], isLive: tally.live > 0 || dropped > 0, interface, now)
            readings[tally.owner] = Reading(tally)
        }
        for place in items.indices where !items[place].isOver && !(items[place].owner.map(seen.contains) ?? false) {
            let until = items[place].measure.until
            // The kernel ends entries by itself then, whoever looks.
            if isKnown || until.map({ $0 <= now }) ?? false { items[place].end(.ended, at: min(now, until ?? now)) }
        }
        items.bound(to: Self.limit)
        if isKnown { hasLooked = true }
        return heldBack
    }

    private mutating func follow(
        _ tally: FilterTally, _ before: Reading, attack: Moment?, isLive: Bool, _ interface: String, _ now: Moment
    ) {
        var counted = before
        if let place = place(of: tally.owner) {
            count(tally, at: place)
            counted = Reading(tally)
            if items[place].isLeftOver(tally.owner.cause, attack: attack, at: now) {
                return items[place].end(.ended, at: now)
            }
            guard isNext(attack, at: place) else { return settle(place, tally, isLive: isLive, interface, now) }
            // What comes from here on is the next attack's.
            items[place].end(.ended, at: now)
        }
        // A flood is answered before its attack is on record; what people block is on an attack's record alone.
        guard tally.entries > 0 || Reading(tally) != counted, items.count < 2 * Self.limit,
            attack != nil || tally.owner.cause != .byHand
        else { return }
        var packets = PacketTally(
            isLive: isLive, machine: machine, interface: interface, attack: attack, reading: counted.dropped,
            spareReading: counted.beside)
        packets.count(tally)
        let owner = tally.owner
        add(
            Mitigation(
                id: 0, tenant: owner.tenant, scope: owner.site, kind: owner.cause.kind, status: isLive ? .live : .dry,
                since: now, until: tally.until, reason: owner.cause.reason, packets: packets), isNews: true)
        settle(items.count - 1, tally, isLive: isLive, interface, now)
    }

    /// Whether the attack that goes on is another one than that of the measure. One that has none gets it.
    private mutating func isNext(_ attack: Moment?, at place: Int) -> Bool {
        guard let attack, let own = items[place].measure.packets else { return false }
        if let former = own.attack { return former < attack }
        guard attack <= items[place].measure.since + Self.forerun else { return true }
        items[place].measure.packets?.attack = attack
        items[place].isNews = true
        return false
    }

    // ---- One measure.

    private mutating func add(_ measure: Mitigation, isNews: Bool) {
        items.append(FiledMeasure(number: next, measure: measure, isNews: isNews))
        next += 1
    }

    private func place(of owner: Owner) -> Int? { items.lastIndex { !$0.isOver && $0.owner == owner } }

    private mutating func count(_ tally: FilterTally, at place: Int) {
        let before = items[place].measure.packets
        items[place].measure.packets?.count(tally)
        if items[place].measure.packets != before { items[place].hasCounted = true }
    }

    /// Brings a measure up to what stands, or ends it with its last entry.
    private mutating func settle(
        _ place: Int, _ tally: FilterTally, isLive: Bool, _ interface: String, _ now: Moment
    ) {
        guard tally.entries > 0 else { return items[place].end(.ended, at: now) }
        var measure = items[place].measure
        // A block that drops does so until its end, whatever is wanted of the next ones.
        let drops = isLive || measure.status == .live
        measure.status = drops ? .live : .dry
        measure.packets?.isLive = drops
        measure.packets?.interface = interface
        if measure != items[place].measure { items[place].isNews = true }
        // An end that only comes later is filed with the counts.
        if measure.until != tally.until { items[place].hasCounted = true }
        measure.until = tally.until
        items[place].measure = measure
    }

    /// What is to be filed now.
    package func due(at now: Moment) -> [FiledMeasure] { items.due(at: now) }

    /// All that is not on record as it is, for those who stop.
    package var unfiled: [FiledMeasure] { items.unfiled }

    /// It is on record as it was given out.
    package mutating func filed(_ item: FiledMeasure, as id: Int64, under incident: Int64?, at now: Moment) {
        items.filed(item, as: id, under: incident, at: now)
    }
}

extension PacketTally {
    fileprivate mutating func count(_ tally: FilterTally) {
        guard tally.owner.cause != .flood else { return count(dropped: tally.dropped, answered: tally.beside) }
        count(dropped: tally.dropped, spared: tally.beside)
        sources = max(tally.entries, sources ?? 0)
    }
}

extension TallyTable.Cause {
    package var kind: Mitigation.Kind {
        switch self {
        case .proven: .blockedSources
        case .byHand: .blockedByHand
        case .flood: .synCookies
        }
    }

    fileprivate var reason: String {
        switch self {
        case .proven: "proven hostile: refused again and again under pressure, without a sign of a visitor"
        case .byHand: "blocked by the operator"
        case .flood: "a flood of SYN: answered with cookies, so that visitors' connections are taken"
        }
    }
}

extension Mitigation.Kind {
    /// nil: it has no tally.
    package var cause: TallyTable.Cause? { TallyTable.Cause.allCases.first { $0.kind == self } }
}

extension FiledMeasure {
    /// Seconds after an attack's end in which what was ordered against it still is.
    private static let aftermath = 120.0

    /// Of an order that outlasts its attack: proven sources are the attack's as long as they are held back.
    fileprivate mutating func isLeftOver(_ cause: TallyTable.Cause, attack: Moment?, at now: Moment) -> Bool {
        guard cause != .proven, measure.packets?.attack != nil, attack == nil else {
            attackSeenAt = now
            return false
        }
        let last = attackSeenAt ?? now
        attackSeenAt = last
        return now - last > Self.aftermath
    }

    fileprivate var owner: TallyTable.Owner? {
        measure.kind.cause.map { TallyTable.Owner(tenant: measure.tenant, site: measure.scope, cause: $0) }
    }
}
