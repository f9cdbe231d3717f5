internal import FoundationEssentials
internal import Incidents
internal import Languages
internal import Mitigations
internal import Moments
internal import PublicStatus

/// Reports as plain text and as JSON.
enum ReportText {
    static func text(_ answers: Answers, in language: Language) -> String {
        let head = Words(nl: "Incident \(answers.incident)", en: "Incident \(answers.incident)")
        var lines = ["\(head[language]), \(answers.organisation), \(Phrases.time(answers.made)[language])", ""]
        for answer in answers.list {
            lines.append(answer.question[language])
            lines.append("  " + answer.answer[language])
        }
        return lines.joined(separator: "\n")
    }

    static func text(_ table: Statistics, in language: Language) -> String {
        let rows = StatisticsRows(table).rows
        let width = rows.map { $0.name[language].count }.max() ?? 0
        let lines = rows.map { row in
            let name = row.name[language]
            return name + String(repeating: " ", count: width - name.count + 2) + row.value[language]
        }
        return ([StatisticsRows.title(table)[language], ""] + lines).joined(separator: "\n")
    }

    /// "    packet filter at eth0 (wasstraat), live: 12 packets (0.1 MB) dropped, 3 only counted; source_port=53": of a
    /// measure in the packet filter; nil of another one.
    static func line(_ measure: Mitigation) -> String? {
        guard let packets = measure.packets else { return nil }
        let state = measure.status == .live || measure.status == .dry ? "" : ", \(measure.status.rawValue)"
        let end = measure.until.map { " until \($0.text)" } ?? ""
        return "    packet filter at \(packets.interface) (\(packets.machine)), "
            + "\(packets.isLive ? "live" : "dry")\(state), since \(measure.since.text)\(end): \(packets.dropped.packets) packets "
            + "(\(packets.dropped.megabytes) MB) dropped, "
            + (packets.answered.map { "\($0.packets) SYN answered with cookies" }
                ?? "\(packets.spared.packets) only counted")
            + (packets.match.isEmpty ? "" : "; \(packets.match)")
            + (packets.sources.map {
                measure.kind == .blockedByHand
                    ? "; addresses and networks blocked by hand, at most \($0) at a time"
                    : "; sources blocked one by one, at most \($0) at a time"
            } ?? "")
    }

    static func handling(_ handling: Incident.Handling) -> String {
        switch handling {
        case .dropped: "partly dropped"
        case .answered: "answered with SYN cookies"
        case .watched: "only watched"
        }
    }

    /// With keys in alphabetical order and times in milliseconds since 1970.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// The table of figures in words: each with what it rests on.
struct StatisticsRows {
    struct Row {
        var name: Words
        var value: Words
    }

    private(set) var rows: [Row] = []

    static func title(_ table: Statistics) -> Words {
        let last = (table.until.day + -1).text
        return Words(
            nl: "Aanvallen van \(table.from.day.text) tot en met \(last) (UTC), methode \(Statistics.method)",
            en: "Attacks from \(table.from.day.text) to \(last) (UTC), method \(Statistics.method)")
    }

    init(_ table: Statistics) {
        add(
            "Aangesloten organisaties, waarvan getroffen", "Organisations connected, of which hit",
            "\(table.organisations), \(table.organisationsHit)")
        add(
            "Diensten voor burgers, waarvan gemeten", "Services of the public, of which measured",
            "\(table.services), \(table.servicesMeasured)")
        add("Incidenten", "Incidents", "\(table.incidents)")
        add(table.publicServices, Words(nl: "diensten voor burgers", en: "services of the public"))
        add(table.backOffices, Words(nl: "interne systemen", en: "back offices"))
        add(
            table.networks,
            Words(nl: "netwerken, alleen gevolgd", en: "networks, only watched"), inPackets: true)
        add(
            "Claims, waarvan met gemeten hinder", "Claims, of which with a measured effect",
            "\(table.claims), \(table.claimsWithEffect)")
    }

    private mutating func add(_ table: Statistics.Table, _ what: Words, inPackets: Bool = false) {
        rows.append(
            Row(
                name: Words(nl: "Aanvallen op \(what.nl)", en: "Attacks on \(what.en)"),
                value: Words(
                    nl: "n = \(table.attacks): \(table.fendedOff) afgeslagen, \(table.degraded) met hinder, "
                        + "\(table.down) onbereikbaar, \(table.unknown) onbekend (\(table.provisional) voorlopig)",
                    en: "n = \(table.attacks): \(table.fendedOff) fended off, \(table.degraded) degraded, "
                        + "\(table.down) down, \(table.unknown) unknown (\(table.provisional) provisional)")))
        guard table.attacks > 0 else { return }
        // Nobody here fended off what was only watched.
        if !inPackets { add("  Aandeel afgeslagen", "  Share fended off", share(table)) }
        let known = table.downtimes.count
        add("  Gemiddeld onbereikbaar", "  Mean downtime", duration(table.meanDowntime, of: known))
        let down = table.downtimes.count { $0 > 0 }
        add(
            "  Gemiddeld, als onbereikbaar", "  Mean downtime when down", duration(table.meanDowntimeWhenDown, of: down)
        )
        add(
            "  Mediaan tot ontdekking", "  Median time to detection",
            duration(Statistics.Table.median(table.detection), of: table.detection.count))
        add(
            "  Mediaan van de duur", "  Median duration",
            duration(Statistics.Table.median(table.durations), of: table.durations.count))
        if inPackets {
            add("  Hoogste piek (pakketten per seconde)", "  Highest peak (packets a second)", "\(table.peakPackets)")
        } else {
            add("  Hoogste piek (verzoeken per seconde)", "  Highest peak (requests a second)", "\(table.peakRate)")
        }
    }

    private func share(_ table: Statistics.Table) -> Words {
        let share = table.shareFendedOff
        guard let value = share.value, let interval = share.interval, let bounds = table.bounds else { return unknown }
        let (low, high) = (Phrases.percent(interval.lowerBound), Phrases.percent(interval.upperBound))
        let (least, most) = (Phrases.percent(bounds.lowerBound), Phrases.percent(bounds.upperBound))
        return Words(
            nl: "\(Phrases.percent(value)) (n = \(share.of), 95 %-interval \(low) tot \(high); "
                + "met de onbekende \(least) tot \(most))",
            en: "\(Phrases.percent(value)) (n = \(share.of), 95 % interval \(low) to \(high); "
                + "with the unknown ones \(least) to \(most))")
    }

    private func duration(_ seconds: Double?, of count: Int) -> Words {
        guard let seconds else { return unknown }
        let words = Phrases.duration(seconds)
        return Words(nl: "\(words.nl) (n = \(count))", en: "\(words.en) (n = \(count))")
    }

    private var unknown: Words { Words(nl: "onbekend (n = 0)", en: "unknown (n = 0)") }

    private mutating func add(_ nl: String, _ en: String, _ value: String) {
        add(nl, en, Words(nl: value, en: value))
    }

    private mutating func add(_ nl: String, _ en: String, _ value: Words) {
        rows.append(Row(name: Words(nl: nl, en: en), value: value))
    }
}
