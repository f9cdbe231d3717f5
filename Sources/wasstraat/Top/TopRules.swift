internal import Detection
internal import Fingerprints
package import Messages
internal import Telemetry

extension TopModel {
    package mutating func received(_ rules: RequestRules) { self.rules = rules }
}

extension TopScreen {
    /// Rules that have a line, those that matched most.
    private static let ruleLimit = 4

    /// The rules on requests; nothing where there are none.
    func ruleLines(_ rules: RequestRules) -> [[Part]] {
        let all = rules.sites.flatMap { site in site.rules.map { (site: site.name, rule: $0) } }
        guard !all.isEmpty else { return [] }
        let live = all.count { $0.rule.conduct == .live }
        let marked = all.reduce(0) { $0 &+ $1.rule.marked }
        var lines: [[Part]] = [[(.plain, "fingerprints \(live) live, \(all.count - live) dry  marked \(marked)")]]
        let heaviest = all.filter { $0.rule.hits > 0 }.sorted {
            ($0.rule.hits, $1.rule.id) > ($1.rule.hits, $0.rule.id)
        }
        for (site, rule) in heaviest.prefix(Self.ruleLimit) {
            let text = rule.conditions.map { "\($0.feature.rawValue) \($0.value)" }.joined(separator: "; ")
            lines.append([
                (rule.conduct == .live ? .strong : .dim, "  \(rule.conduct == .live ? "live" : "dry ")"),
                (.plain, Self.right("\(rule.hits)", 9) + "  \(RequestRule.digits(of: rule.id))  "),
                (.dim, Self.shown("\(site)  \(text)")),
            ])
        }
        return lines
    }
}

extension TopModel {
    /// Nothing where there are no rules.
    func appendRules(to json: inout JSONText) {
        guard !rules.sites.isEmpty else { return }
        json.raw(",\"fingerprints\":[")
        var isFirst = true
        for site in rules.sites {
            for rule in site.rules {
                if !isFirst { json.raw(",") }
                isFirst = false
                json.raw("{\"site\":")
                json.string(site.name)
                json.raw(",\"rule\":")
                json.string(RequestRule.digits(of: rule.id))
                json.raw(",\"live\":")
                json.literal(rule.conduct == .live)
                json.raw(",\"elsewhere\":")
                json.literal(rule.isFromElsewhere)
                json.field(",\"collateral\":", rule.collateral, digits: 5)
                json.raw(",\"hits\":")
                json.number(rule.hits)
                json.raw(",\"known\":")
                json.number(rule.knownHits)
                json.raw(",\"marked\":")
                json.number(rule.marked)
                json.raw(",\"seconds\":")
                json.number(rule.seconds)
                json.raw(",\"conditions\":{")
                for (index, condition) in rule.conditions.enumerated() {
                    if index > 0 { json.raw(",") }
                    json.string(condition.feature.rawValue)
                    json.raw(":")
                    json.string(condition.value)
                }
                json.raw("}}")
            }
        }
        json.raw("]")
    }
}
