internal import Addresses
internal import Fingerprints
internal import Filters
internal import Messages
internal import Mitigations
internal import Moments
internal import Telemetry

/// What the filter says, for programs: one line of JSON each.
enum FilterJSON {
    /// - Parameters:
    ///   - before: the same, some time before, for rates; null where there are none.
    ///   - seconds: between the two.
    static func status(
        _ status: FilterStatus, before: FilterStatus?, seconds: Double, rules entries: [FilterEntry],
        tallies: [FilterTally] = [], at now: Moment
    ) -> [UInt8] {
        var json = JSONText()
        json.raw("{\"time\":")
        json.string(now.text)
        json.raw(",\"since\":")
        json.string(status.since.text)
        json.raw(",\"interface\":")
        json.string(status.interface)
        json.raw(",\"mode\":")
        json.string(status.conduct.mode.key)
        json.raw(",\"missing\":")
        json.list(status.conduct.missing) { $1.string($0) }
        json.raw(",\"generation\":")
        json.number(status.conduct.generation)
        json.raw(",\"samples\":{\"taken\":")
        json.number(status.conduct.samples)
        json.raw(",\"lost\":")
        json.number(status.conduct.lost)
        json.raw("},\"reasons\":{")
        for (place, reason) in FilterReason.allCases.enumerated() where status.counts.indices.contains(place) {
            if place > 0 { json.raw(",") }
            json.string(reason.key)
            json.raw(":")
            json.count(status.counts[place], before.map { FilterStatusText.count($0, reason) }, seconds)
        }
        json.raw("},\"sizes\":{")
        for (place, list) in FilterList.allCases.enumerated() where status.sizes.indices.contains(place) {
            if place > 0 { json.raw(",") }
            json.string(list.key)
            json.raw(":")
            json.number(status.sizes[place])
        }
        json.raw("},\"blocked_for\":")
        json.list(tallies.filter { $0.owner.cause != .flood }) { tally, json in
            json.tally(tally, "sources", "would_have_dropped", seconds)
        }
        json.raw(",\"flooded\":")
        json.list(tallies.filter { $0.owner.cause == .flood }) { tally, json in
            json.tally(tally, "addresses", "answered", seconds)
        }
        json.raw(",\"rules\":")
        json.list(status.rules) { rule, json in
            json.raw("{\"id\":")
            json.number(rule.id)
            json.raw(",\"live\":")
            json.flag(rule.isLive)
            json.raw(",\"conduct\":")
            json.string("\(rule.conduct)")
            json.raw(",\"kind\":")
            json.optional(entries.first { $0.id == rule.id }?.rule?.fingerprint.filterName)
            json.raw(",\"hits\":")
            json.count(rule.hits, before?.rules.first { $0.id == rule.id }?.hits, seconds)
            json.raw(",\"ordinary_hits\":")
            json.number(rule.observed.hits)
            json.raw(",\"ordinary_samples\":")
            json.number(rule.observed.samples)
            json.raw("}")
        }
        json.raw("}\n")
        return json.bytes
    }

    static func entry(_ entry: FilterEntry) -> [UInt8] {
        var json = JSONText()
        json.raw("{\"id\":")
        json.number(entry.id)
        json.raw(",\"list\":")
        json.string(entry.kind.listName)
        if let prefix = entry.prefix {
            json.raw(",\"prefix\":")
            json.string(prefix.description)
        }
        if let rule = entry.rule {
            json.raw(",\"kind\":")
            json.string(rule.fingerprint.filterName)
            json.raw(",\"conditions\":")
            json.list(rule.fingerprint.conditions) { condition, json in
                json.raw("{\"feature\":")
                json.string(condition.feature.rawValue)
                json.raw(",\"value\":")
                json.string(condition.value)
                json.raw("}")
            }
            json.raw(",\"targets\":")
            json.list(rule.targets) { $1.string($0.description) }
            json.raw(",\"ordinary_hits\":")
            json.number(rule.observed.hits)
            json.raw(",\"ordinary_samples\":")
            json.number(rule.observed.samples)
        }
        json.raw(",\"status\":")
        json.string(entry.status.word)
        if case .suspended(let why) = entry.status {
            json.raw(",\"suspended\":")
            json.string(why)
        }
        json.raw(",\"since\":")
        json.string(entry.since.text)
        json.raw(",\"until\":")
        json.string(entry.until.text)
        json.raw(",\"author\":")
        json.string(entry.note.author.name)
        json.raw(",\"tenant\":")
        json.string(entry.note.tenant)
        json.raw(",\"reason\":")
        json.string(entry.note.reason)
        json.raw("}")
        return json.bytes
    }
}

extension JSONText {
    /// - Parameters:
    ///   - entries: the key of those that stand.
    ///   - beside: the key of what was counted beside the drops.
    fileprivate mutating func tally(
        _ tally: FilterTally, _ entries: StaticString, _ beside: StaticString, _ seconds: Double
    ) {
        raw("{\"site\":")
        string(tally.owner.site)
        raw(",\"organisation\":")
        string(tally.owner.tenant)
        if tally.owner.cause != .flood {
            raw(",\"by_hand\":")
            flag(tally.owner.cause == .byHand)
        }
        raw(",\"")
        raw(entries)
        raw("\":")
        number(tally.entries)
        raw(",\"dropped\":")
        count(tally.dropped, nil, seconds)
        raw(",\"")
        raw(beside)
        raw("\":")
        count(tally.beside, nil, seconds)
        raw("}")
    }

    mutating func flag(_ value: Bool) {
        if value { raw("true") } else { raw("false") }
    }

    mutating func optional(_ text: String?) {
        if let text { string(text) } else { raw("null") }
    }

    mutating func list<Element>(_ list: [Element], _ write: (Element, inout JSONText) -> Void) {
        raw("[")
        for (place, element) in list.enumerated() {
            if place > 0 { raw(",") }
            write(element, &self)
        }
        raw("]")
    }

    fileprivate mutating func count(_ count: FilterCount, _ before: FilterCount?, _ seconds: Double) {
        raw("{\"packets\":")
        number(count.packets)
        raw(",\"bytes\":")
        number(count.bytes)
        raw(",\"packets_per_s\":")
        rate(count.packets, before?.packets, seconds)
        raw(",\"bytes_per_s\":")
        rate(count.bytes, before?.bytes, seconds)
        raw("}")
    }

    private mutating func rate(_ now: UInt64, _ then: UInt64?, _ seconds: Double) {
        if let rate = FilterStatusText.rate(now, then, seconds) { number(rate, digits: 1) } else { raw("null") }
    }
}
