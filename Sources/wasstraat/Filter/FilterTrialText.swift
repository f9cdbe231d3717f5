internal import Addresses
internal import Exchange
internal import Filters
internal import Moments
internal import Telemetry

/// What a trial found, as a page for people and as a line of JSON for programs.
enum FilterTrialText {
    /// Entries shown, the busiest first.
    private static let entryLimit = 20

    static func lines(_ trial: borrowing FilterTrial, faults: [ReadFault]) -> [String] {
        let all = trial.judged
        var lines = ["\(DissectFigure.count(all.packets)) packets, \(DissectFigure.bytes(all.bytes))\(span(trial))"]
        var table = FilterTable([.left, .left, .right, .right, .right])
        table.add("", "", "packets", "bytes", "share")
        func add(_ verb: String, _ words: String, _ sum: FilterTrial.Sum) {
            table.add(
                verb, words, DissectFigure.count(sum.packets), DissectFigure.bytes(sum.bytes), share(sum, of: all))
        }
        for reason in FilterReason.allCases where trial.sum(reason).packets > 0 {
            add(reason.verb, reason.words, trial.sum(reason))
        }
        if all.packets > 0 { lines += [""] + table.lines() }
        lines += rules(trial) + malformations(trial) + entries(trial)
        let notes = notes(trial, faults)
        return notes.isEmpty ? lines : lines + [""] + notes
    }

    private static func rules(_ trial: borrowing FilterTrial) -> [String] {
        guard !trial.rules.isEmpty else { return [] }
        var table = FilterTable([.left, .left, .right, .right, .right])
        for rule in trial.rules {
            table.add(
                rule.isDry ? "would drop" : "drop", rule.name, DissectFigure.count(rule.sum.packets),
                DissectFigure.bytes(rule.sum.bytes), share(rule.sum, of: trial.judged))
        }
        return ["", "rules (a packet counts for the first that drops it)"] + table.lines()
    }

    private static func malformations(_ trial: borrowing FilterTrial) -> [String] {
        guard !trial.malformations.isEmpty else { return [] }
        var table = FilterTable([.left, .right, .right])
        for (malformation, sum) in sorted(trial) {
            table.add(malformation.text, DissectFigure.count(sum.packets), DissectFigure.bytes(sum.bytes))
        }
        return ["", "malformed"] + table.lines()
    }

    private static func sorted(_ trial: borrowing FilterTrial) -> [(Malformation, FilterTrial.Sum)] {
        trial.malformations.sorted { ($0.value.packets, $1.key.rawValue) > ($1.value.packets, $0.key.rawValue) }
            .map { ($0.key, $0.value) }
    }

    private static func entries(_ trial: borrowing FilterTrial) -> [String] {
        guard !trial.entries.isEmpty else { return [] }
        var table = FilterTable([.left, .right, .right])
        for (prefix, sum) in busiest(trial).prefix(entryLimit) {
            table.add(prefix.shortText, DissectFigure.count(sum.packets), DissectFigure.bytes(sum.bytes))
        }
        var lines = ["", "entries"] + table.lines()
        if trial.entries.count > entryLimit { lines.append("… and \(trial.entries.count - entryLimit) more") }
        return lines
    }

    private static func busiest(_ trial: borrowing FilterTrial) -> [(Prefix, FilterTrial.Sum)] {
        trial.entries.sorted { ($0.value.packets, $1.key.description) > ($1.value.packets, $0.key.description) }
            .map { ($0.key, $0.value) }
    }

    /// What the reader must know to take the figures for what they are.
    private static func notes(_ trial: borrowing FilterTrial, _ faults: [ReadFault]) -> [String] {
        var notes: [String] = []
        if trial.otherLinks > 0 {
            notes.append("not judged: \(DissectFigure.count(trial.otherLinks)) frames that are not Ethernet")
        }
        if trial.cutOff > 0 {
            notes.append(
                "cut off by the capture: \(DissectFigure.count(trial.cutOff)) frames; what was not kept is read as zeros"
            )
        }
        if let untold = trial.lines?.untold, untold > 0 {
            notes.append("no line for \(DissectFigure.count(untold)) more packets: --most allows more")
        }
        return notes + faults.map { "not read: \($0.cause) (\(DissectFigure.count($0.count)))" }
    }

    private static func share(_ sum: FilterTrial.Sum, of all: FilterTrial.Sum) -> String {
        all.packets == 0 ? "-" : DissectFigure.percent(Double(sum.packets) / Double(all.packets))
    }

    private static func span(_ trial: borrowing FilterTrial) -> String {
        guard let first = trial.first, let last = trial.last else { return "" }
        return
            ", \(DissectFigure.span(Moment(milliseconds: first / 1_000_000), Moment(milliseconds: last / 1_000_000)))"
    }

    // ---- JSON.

    static func json(_ trial: borrowing FilterTrial, faults: [ReadFault]) -> [UInt8] {
        var json = JSONText()
        json.raw("{\"packets\":")
        json.number(trial.judged.packets)
        json.raw(",\"bytes\":")
        json.number(trial.judged.bytes)
        json.raw(",\"from\":")
        json.optional(trial.first.map { Moment(milliseconds: $0 / 1_000_000).text })
        json.raw(",\"until\":")
        json.optional(trial.last.map { Moment(milliseconds: $0 / 1_000_000).text })
        json.raw(",\"reasons\":{")
        for (place, reason) in FilterReason.allCases.enumerated() {
            if place > 0 { json.raw(",") }
            json.string(reason.key)
            json.raw(":{")
            json.sum(trial.sum(reason))
            json.raw("}")
        }
        json.raw("},\"rules\":")
        json.list(trial.rules) { rule, json in
            json.raw("{\"name\":")
            json.string(rule.name)
            json.raw(",\"dry\":")
            json.flag(rule.isDry)
            json.raw(",")
            json.sum(rule.sum)
            json.raw("}")
        }
        json.raw(",\"malformed\":")
        json.list(sorted(trial)) { one, json in
            json.raw("{\"fault\":")
            json.string(one.0.text)
            json.raw(",")
            json.sum(one.1)
            json.raw("}")
        }
        json.raw(",\"entries\":")
        json.list(busiest(trial)) { one, json in
            json.raw("{\"prefix\":")
            json.string(one.0.description)
            json.raw(",")
            json.sum(one.1)
            json.raw("}")
        }
        json.raw(",\"not_ethernet\":")
        json.number(trial.otherLinks)
        json.raw(",\"cut_off\":")
        json.number(trial.cutOff)
        json.raw(",\"untold\":")
        json.number(trial.lines?.untold ?? 0)
        json.raw(",\"faults\":")
        json.list(faults) { fault, json in
            json.raw("{\"cause\":")
            json.string(fault.cause)
            json.raw(",\"count\":")
            json.number(fault.count)
            json.raw("}")
        }
        json.raw("}\n")
        return json.bytes
    }
}

extension JSONText {
    fileprivate mutating func sum(_ sum: FilterTrial.Sum) {
        raw("\"packets\":")
        number(sum.packets)
        raw(",\"bytes\":")
        number(sum.bytes)
    }
}
