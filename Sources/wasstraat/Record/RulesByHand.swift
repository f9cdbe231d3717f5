package import Mitigations

/// Rules that the operator added against an attack that they named, as the filter counts them: what they drop goes on that
/// attack's record, as that of detection's rules does. It asks nobody itself.
package struct RulesByHand: Sendable {
    /// Their attacks are not known here.
    package private(set) var rules: [RuleHandover.Rule] = []
    /// All rules that were listed, whosesoever they are.
    private var listed: Set<UInt64> = []

    package init() {}

    /// Whether the filter has a rule that was not listed yet.
    package func isNews(_ ids: some Sequence<UInt64>) -> Bool { ids.contains { !listed.contains($0) } }

    /// The rules that the filter has.
    package mutating func found(_ entries: [FilterEntry]) {
        listed = Set(entries.map(\.id))
        rules = entries.compactMap { entry in
            guard let held = entry.rule, !entry.note.author.isMachine, !entry.note.site.isEmpty else { return nil }
            var rule = RuleHandover.Rule(
                key: .init(held.fingerprint, held.targets), fingerprint: held.fingerprint, note: entry.note,
                isDry: held.isDry, id: entry.id, takenAt: held.since, isTakenDry: held.isDry)
            rule.endsAt = entry.until
            if let known = rules.first(where: { $0.id == entry.id && $0.key == rule.key }) {
                (rule.hits, rule.isLive, rule.isCounted) = (known.hits, known.isLive, known.isCounted)
            }
            return rule
        }
    }

    /// What the filter counts now; what it does not name is gone.
    package mutating func saw(_ counts: [(id: UInt64, isLive: Bool, hits: FilterCount)]) {
        let known = Dictionary(counts.map { ($0.id, $0) }, uniquingKeysWith: { one, _ in one })
        rules.removeAll { $0.id.flatMap { known[$0] } == nil }
        for place in rules.indices {
            guard let count = rules[place].id.flatMap({ known[$0] }) else { continue }
            (rules[place].hits, rules[place].isLive, rules[place].isCounted) = (count.hits, count.isLive, true)
        }
    }
}
