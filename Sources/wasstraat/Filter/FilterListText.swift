internal import Addresses
internal import Mitigations
internal import Moments

/// Entries of the filter's book as a table.
enum FilterListText {
    static func lines(_ entries: [FilterEntry], at now: Moment) -> [String] {
        var table = FilterTable([.right, .left, .left, .right, .left, .left])
        for entry in entries {
            let left = DissectFigure.duration(max(0, entry.until - now))
            let tenant = entry.note.tenant.isEmpty ? "" : " for \(DissectText.plain(entry.note.tenant))"
            table.add(
                "\(entry.id)", what(entry), entry.status.word, "\(left) left", entry.note.author.name + tenant,
                DissectText.plain(entry.note.reason))
        }
        return table.lines(indent: 2)
    }

    private static func what(_ entry: FilterEntry) -> String {
        if let prefix = entry.prefix { return prefix.shortText }
        guard let rule = entry.rule else { return "" }
        let targets = rule.targets.isEmpty ? "" : " to " + rule.targets.map(\.shortText).joined(separator: ", ")
        return "\(rule.fingerprint.conditionText)\(targets)"
    }
}
