internal import Addresses
internal import Exchange
internal import Fingerprints
package import Mitigations
package import Moments

/// Rules against attacks, as measures on record: who they are for, since when, and what they dropped. It files nothing
/// itself, and reads no clock.
///
/// A measure is of one rule against one attack. A rule that serves the next attack too is ended for the former; its
/// counter goes on, and the new measure counts from where it stands. After a restart of the office a measure goes on from
/// the counter that it was filed with, so that nothing is counted twice.
package struct RuleMeasures: Sendable {
    /// Measures that wait to be filed, while the register does not take them; then the oldest go.
    package static let limit = 2 * RuleHandover.limit

    private let machine: String
    package private(set) var items: [FiledMeasure] = []
    private var next = 0

    /// - Parameter open: measures on record that have not ended.
    package init(machine: String, resuming open: [Mitigation]) {
        self.machine = machine
        for measure in open.suffix(Self.limit) {
            guard case .packetRule = measure.kind, measure.status == .live || measure.status == .dry else { continue }
            add(FiledMeasure(number: next, measure: measure, isNews: false))
        }
    }

    /// What a rule matches, for people, and to know it again: "protocol=udp, source_port=53 → 198.51.100.7/32".
    package static func match(_ key: RuleHandover.Key) -> String {
        let conditions = key.conditions.map { "\($0.feature.rawValue)=\($0.value)" }.joined(separator: ", ")
        let text = conditions + " → " + key.targets.map(\.description).joined(separator: ", ")
        return text.utf8.count <= 4_096 ? text : String(text.prefix(1_000)) + "…"
    }

    /// Takes in the rules as they are.
    /// - Parameters:
    ///   - gone: rules that went since the last time.
    ///   - isKnown: the filter has said which rules it has; until then one that is not among them may be.
    package mutating func observe(
        _ rules: [RuleHandover.Rule], gone: [RuleHandover.Rule], isKnown: Bool, interface: String, at now: Moment
    ) {
        var seen: Set<Int> = []
        for rule in gone {
            guard let place = place(of: rule) else { continue }
            count(rule, at: place)
            items[place].end(rule.isUndone ? .undone : .ended, at: now)
        }
        for rule in rules {
            // One that was only found is there, and is counted with the filter's next word.
            let number = rule.isCounted ? take(rule, interface, at: now) : place(of: rule).map { items[$0].number }
            if let number { seen.insert(number) }
        }
        for place in items.indices where !items[place].isOver && !seen.contains(items[place].number) {
            let until = items[place].measure.until
            // The filter ends it by itself then, whoever looks.
            if isKnown || until.map({ $0 <= now }) ?? false { items[place].end(.ended, at: min(now, until ?? now)) }
        }
        items.bound(to: Self.limit)
    }

    /// - Returns: the number of the rule's measure; nil where it has none.
    private mutating func take(_ rule: RuleHandover.Rule, _ interface: String, at now: Moment) -> Int? {
        if let place = place(of: rule) {
            items[place].key = rule.key
            count(rule, at: place)
            if rule.isUndone {
                items[place].end(now >= rule.until ? .ended : .undone, at: now)
                return nil
            }
            change(place, rule, interface)
            return items[place].number
        }
        // An earlier office's rule whose attack nobody knows, or one that is gone already.
        guard let attack = rule.attack, !rule.isUndone, items.count < 2 * Self.limit else { return nil }
        let former = items.lastIndex { $0.key == rule.key && !$0.isOver }
        if let former {
            count(rule, at: former)
            items[former].end(.ended, at: now)
        }
        // What it counted before this attack is not this attack's.
        let isNew = former == nil && rule.takenAt.map { $0 >= attack.start } ?? false
        var tally = PacketTally(
            isLive: rule.isLive, machine: machine, interface: interface, attack: attack.start,
            match: Self.match(rule.key), reading: isNew ? FilterCount() : rule.hits)
        tally.count(rule.hits, isLive: rule.isLive)
        let measure = Mitigation(
            id: 0, tenant: attack.organisation, scope: attack.site, kind: .packetRule(rule.fingerprint.identifier),
            status: rule.isLive ? .live : .dry, since: isNew ? rule.takenAt ?? now : now, until: rule.until,
            reason: rule.note.reason, packets: tally)
        let number = next
        add(FiledMeasure(number: number, measure: measure, key: rule.key, isNews: true))
        return number
    }

    /// What is to be filed now.
    package func due(at now: Moment) -> [FiledMeasure] { items.due(at: now) }

    /// All that is not on record as it is, for those who stop.
    package var unfiled: [FiledMeasure] { items.unfiled }

    /// It is on record as it was given out.
    package mutating func filed(_ item: FiledMeasure, as id: Int64, under incident: Int64?, at now: Moment) {
        items.filed(item, as: id, under: incident, at: now)
    }

    // ---- One measure.

    private mutating func add(_ item: FiledMeasure) {
        items.append(item)
        next += 1
    }

    private func place(of rule: RuleHandover.Rule) -> Int? {
        let match = Self.match(rule.key)
        return items.lastIndex { item in
            guard !item.isOver, item.measure.tenant == rule.note.tenant else { return false }
            guard item.key.map({ $0 == rule.key }) ?? (item.measure.packets?.match == match) else { return false }
            // A rule that an earlier office left has no attack until that is seen again.
            guard let attack = rule.attack else { return true }
            return item.measure.scope == attack.site && item.measure.packets?.attack == attack.start
        }
    }

    private mutating func count(_ rule: RuleHandover.Rule, at place: Int) {
        let before = items[place].measure.packets
        items[place].measure.packets?.count(rule.hits, isLive: rule.isLive)
        if items[place].measure.packets != before { items[place].hasCounted = true }
    }

    private mutating func change(_ place: Int, _ rule: RuleHandover.Rule, _ interface: String) {
        var measure = items[place].measure
        measure.status = rule.isLive ? .live : .dry
        measure.kind = .packetRule(rule.fingerprint.identifier)
        measure.until = rule.until
        measure.packets?.interface = interface
        guard measure != items[place].measure else { return }
        items[place].measure = measure
        items[place].isNews = true
    }
}
