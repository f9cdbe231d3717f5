package import Addresses
internal import Fingerprints
internal import Moments

// What people ask: what is in the book, and what becomes of an address.
extension FilterBook {
    /// Entries of a kind in the order of their ids, from an id on.
    package func entries(_ kind: FilterKind, from id: UInt64 = 0, count: Int) -> [FilterEntry] {
        let count = max(0, count)
        guard kind != .rule else {
            return rules.lazy.filter { $0.id >= id }.prefix(count).map { FilterEntry($0) }
        }
        let found = kind.lists.flatMap { tables[Int($0.rawValue)].page(from: id, count: count) }
        return found.sorted { $0.id < $1.id }.prefix(count).map { entry($0, kind) }
    }

    /// One entry, of rules those too that are over; nil: nothing is called so.
    package func entry(id: UInt64) -> FilterEntry? {
        if let rule = rules.first(where: { $0.id == id }) { return FilterEntry(rule) }
        for kind in FilterKind.allCases {
            for list in kind.lists {
                let table = tables[Int(list.rawValue)]
                if let place = table.find(id: id) { return entry(table.records[place], kind) }
            }
        }
        return ended.last { $0.id == id }
    }

    /// The entry of exactly this prefix; nil: there is none.
    package func entry(_ kind: FilterKind, _ prefix: Prefix) -> FilterEntry? {
        guard let list = kind.list(of: prefix) else { return nil }
        let table = tables[Int(list.rawValue)]
        return table.find(prefix).map { entry(table.records[$0], kind) }
    }

    /// The entries that an address meets, in the order in which the kernel asks: allowed, blocked by itself, by the
    /// smallest network, flooded.
    package func entries(of address: Address) -> [FilterEntry] {
        let whole = Prefix(address, length: 128)
        var found: [FilterEntry] = []
        for (list, kind) in [
            (FilterList.allowed, FilterKind.allowed), (.blocked, .blocked), (.networks, .blocked), (.flooded, .flooded),
        ] {
            let table = tables[Int(list.rawValue)]
            if let place = table.longest(containing: whole) { found.append(entry(table.records[place], kind)) }
        }
        return found
    }

    /// What becomes of packets from an address (or to it, of cookies), in sentences.
    package func explain(_ address: Address) -> [String] {
        let found = entries(of: address)
        var lines = found.map { Self.sentence($0) }
        if found.first?.kind == .allowed, found.contains(where: { $0.kind == .blocked }) {
            lines.append("What is allowed passes, whatever else is said of it.")
        }
        if found.isEmpty { lines.append("Nothing is said of \(address).") }
        let live = rules.count { $0.isLive }
        let isBlocked = found.contains { $0.kind == .blocked && $0.status == .live }
        if found.first?.kind != .allowed, !isBlocked, live > 0 {
            lines.append("Its packets pass where none of \(live) live rules matches them, within budgets if there are.")
        }
        return lines
    }

    /// What an entry is, in sentences; nil: nothing is called so.
    package func explain(id: UInt64) -> [String]? {
        guard let entry = entry(id: id) else { return nil }
        var lines = [Self.sentence(entry)]
        guard let rule = entry.rule else { return lines }
        lines += rule.fingerprint.conditions.map { "Condition: \($0.feature.rawValue) \($0.value)" }
        if !rule.targets.isEmpty {
            lines.append("Only to \(rule.targets.map(\.description).joined(separator: ", ")).")
        }
        let evidence = rule.fingerprint.evidence
        lines.append(
            "Measured on \(evidence.attackCount) of the attack: it covers \(Self.percent(evidence.coverage)); "
                + (evidence.collateral.map { "of ordinary traffic it hits \(Self.percent($0))." }
                    ?? "nobody measured what ordinary traffic it hits."))
        if rule.observed.samples > 0 {
            lines.append(
                "Since then it hit \(rule.observed.hits) of \(rule.observed.samples) ordinary samples here.")
        }
        return lines
    }

    private func entry(_ record: FilterRecord, _ kind: FilterKind) -> FilterEntry {
        FilterEntry(
            id: record.id, kind: kind, prefix: record.prefix, note: notes[record.note],
            since: Moment(second: record.since), until: Moment(second: record.until),
            status: record.isDry ? .dry : .live)
    }

    private static func sentence(_ entry: FilterEntry) -> String {
        let what = entry.prefix.map { $0.isSingle ? "\($0.address)" : "\($0)" } ?? "Rule"
        let how =
            switch entry.status {
            case .live: entry.kind == .rule ? "drops" : entry.kind.name
            case .dry: entry.kind == .rule ? "counts only" : "\(entry.kind.name), counted only"
            case .suspended(let why): "is suspended, it \(why)"
            case .ended: "has ended"
            case .undone: "was undone"
            }
        let tenant = entry.note.tenant.isEmpty ? "" : " for \(entry.note.tenant)"
        return "\(what) \(how), from \(entry.since.text) until \(entry.until.text), by \(entry.note.author.name)"
            + "\(tenant): \(entry.note.reason) (entry \(entry.id))."
    }
}
