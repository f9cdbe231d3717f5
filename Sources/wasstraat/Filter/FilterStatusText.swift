internal import Addresses
internal import Filters
package import Mitigations
package import Messages
package import Moments

/// How the filter does, on one page for somebody who was woken up: what it is, what is wrong, what it drops.
package struct FilterStatusText {
    /// Rules shown, the busiest first; all of them are in `filter list rules`.
    private static let ruleLimit = 20

    private let status: FilterStatus
    /// The same, some time before; nil: there are no rates.
    private let before: FilterStatus?
    private let seconds: Double
    /// By id.
    private let rules: [UInt64: FilterEntry]
    private let tallies: [FilterTally]

    /// - Parameters:
    ///   - before: an earlier status, and how many seconds lie between them.
    ///   - rules: the rules' entries, for their names.
    ///   - tallies: what blocks for each site hit.
    package init(
        _ status: FilterStatus, before: FilterStatus? = nil, seconds: Double = 1, rules: [FilterEntry] = [],
        tallies: [FilterTally] = []
    ) {
        self.tallies = tallies
        self.status = status
        self.before = before
        self.seconds = max(seconds, 0.001)
        self.rules = Dictionary(rules.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    }

    package func lines(at now: Moment) -> [String] {
        let interface = status.interface.isEmpty ? "no interface" : DissectText.plain(status.interface)
        let age = DissectFigure.duration(max(0, now - status.since))
        var lines = ["filter on \(interface), \(status.conduct.mode.words)"]
        lines.append("running for \(age), since \(DissectFigure.time(status.since))")
        lines += status.conduct.missing.map { "MISSING: \(DissectText.plain($0))" }
        lines += counts() + lists() + tallyLines() + ruleLines() + busyLines()
        lines.append("")
        lines.append(
            "samples: \(DissectFigure.count(status.conduct.samples)) taken, "
                + "\(DissectFigure.count(status.conduct.lost)) lost for want of room")
        return lines
    }

    private func counts() -> [String] {
        guard !status.counts.isEmpty else { return ["", "it does not count packets"] }
        let ends = FilterReason.allCases.filter { !$0.isDry }
        let whole = ends.reduce(0.0) { $0 + Double(count($1).packets) }
        var table = FilterTable([.left, .left, .right, .right, .right, .right])
        table.add("", "", "packets", "bytes", "share", "packets/s")
        for reason in ends + FilterReason.allCases.filter(\.isDry) {
            let sum = count(reason)
            // What was never met takes no line, but for what passed.
            guard sum.packets > 0 || reason == .passed else { continue }
            let share = whole > 0 ? DissectFigure.percent(Double(sum.packets) / whole) : "-"
            table.add(
                reason.verb, reason.words, DissectFigure.count(sum.packets), DissectFigure.bytes(sum.bytes), share,
                rate(sum.packets, before.map { Self.count($0, reason).packets }))
        }
        return [""] + table.lines()
    }

    private func lists() -> [String] {
        guard !status.sizes.isEmpty else { return [] }
        var table = FilterTable([.left, .right, .left])
        for (list, size) in zip(FilterList.allCases, status.sizes) {
            table.add(list.words, DissectFigure.count(UInt64(size)), "of \(DissectFigure.count(UInt64(list.limit)))")
        }
        table.add(
            "rules", DissectFigure.count(UInt64(status.rules.count)),
            "of \(DissectFigure.count(UInt64(FilterBook.ruleLimit)))")
        return [""] + table.lines()
    }

    /// Sites for which sources are blocked, or cookies sent, or were.
    private func tallyLines() -> [String] {
        let shown = tallies.filter { $0.entries > 0 || $0.dropped.packets + $0.beside.packets > 0 }
            .sorted { ($0.dropped.packets, $1.owner.site) > ($1.dropped.packets, $0.owner.site) }
        func lines(_ tallies: [FilterTally], _ titles: [String]) -> [String] {
            guard !tallies.isEmpty else { return [] }
            var table = FilterTable([.left, .left, .right, .right, .right])
            table.add(titles[0], "", titles[1], "packets dropped", titles[2])
            for tally in tallies.prefix(Self.ruleLimit) {
                table.add(
                    DissectText.plain(tally.owner.site), tally.owner.cause == .byHand ? "by hand" : "",
                    "\(tally.entries)", DissectFigure.count(tally.dropped.packets),
                    DissectFigure.count(tally.beside.packets))
            }
            return [""] + table.lines()
        }
        return lines(shown.filter { $0.owner.cause != .flood }, ["blocked for", "sources now", "would have been"])
            + lines(shown.filter { $0.owner.cause == .flood }, ["flooded", "addresses now", "SYN answered"])
    }

    private func ruleLines() -> [String] {
        guard !status.rules.isEmpty else { return [] }
        var table = FilterTable([.right, .left, .left, .right, .right, .right, .left])
        table.add("rule", "", "", "packets", "bytes", "packets/s", "of ordinary samples")
        let busiest = status.rules.sorted { ($0.hits.packets, $1.id) > ($1.hits.packets, $0.id) }
        for rule in busiest.prefix(Self.ruleLimit) {
            let entry = rules[rule.id]
            let old = before?.rules.first { $0.id == rule.id }
            let observed =
                rule.observed.samples == 0
                ? "none seen" : "\(DissectFigure.percent(rule.observed.share)) of \(rule.observed.samples)"
            table.add(
                "\(rule.id)", entry?.status.word ?? "\(rule.conduct)",
                entry?.rule?.fingerprint.filterName ?? "", DissectFigure.count(rule.hits.packets),
                DissectFigure.bytes(rule.hits.bytes), rate(rule.hits.packets, old?.hits.packets), observed)
        }
        var lines = [""] + table.lines()
        if busiest.count > Self.ruleLimit {
            lines.append("and \(busiest.count - Self.ruleLimit) more: wasstraat filter list rules")
        }
        for entry in rules.values.sorted(by: { $0.id < $1.id }) {
            if case .suspended(let why) = entry.status {
                lines.append("SUSPENDED: rule \(entry.id) \(DissectText.plain(why))")
            }
        }
        return lines
    }

    /// Of what detection looks at, the busiest in the second before.
    private func busyLines() -> [String] {
        guard !status.busy.isEmpty else { return [] }
        var table = FilterTable([.left, .left, .right])
        table.add("", "", "packets/s")
        for busy in status.busy {
            let name = busy.prefix.isSingle ? "\(busy.prefix.address)" : "\(busy.prefix)"
            table.add(busy.isTarget ? "to" : "from", name, DissectFigure.count(UInt64(busy.packetsPerSecond)))
        }
        return [""] + table.lines()
    }

    // ---- Figures.

    private func count(_ reason: FilterReason) -> FilterCount { Self.count(status, reason) }

    /// A filter of another version may count fewer reasons.
    static func count(_ status: FilterStatus, _ reason: FilterReason) -> FilterCount {
        let place = Int(reason.rawValue)
        return status.counts.indices.contains(place) ? status.counts[place] : FilterCount()
    }

    private func rate(_ now: UInt64, _ then: UInt64?) -> String {
        guard let rate = Self.rate(now, then, seconds) else { return "" }
        return DissectFigure.count(DissectFigure.whole(rate))
    }

    /// nil: it is not known. Counters that went back were begun anew.
    static func rate(_ now: UInt64, _ then: UInt64?, _ seconds: Double) -> Double? {
        guard let then, now >= then else { return nil }
        return Double(now - then) / seconds
    }
}
