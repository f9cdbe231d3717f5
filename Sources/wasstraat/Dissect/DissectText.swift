package import Detection
package import Exchange
internal import Fingerprints
internal import Moments

/// A report as plain text of at most 80 columns: what, when, against whom, in which ways, and what that rests on.
package enum DissectText {
    package static let width = 80

    /// - Parameter requests: how many of the report's packets were requests.
    package static func text(_ report: TrafficReport, faults: [ReadFault] = [], requests: UInt64 = 0) -> String {
        var lines: [String] = []
        if report.attacks.isEmpty { lines += wrapped("no attack: \(whyNone(report))", indent: 0) }
        for (index, attack) in report.attacks.enumerated() {
            if index > 0 { lines.append("") }
            lines += text(attack, number: index + 1, of: report.attacks.count)
        }
        for growth in report.growth {
            lines += wrapped(
                "growth, no attack: \(growth.kind) at \(DissectFigure.target(growth.target)), \(DissectFigure.time(growth.start)), "
                    + "\(DissectFigure.count(growth.packets)) packets, \(DissectFigure.bytes(growth.bytes))", indent: 0)
        }
        lines.append("")
        lines += wrapped(readLine(report, requests), indent: 0)
        let errors = faults.filter { $0.count > 0 }.map { "\($0.cause) (\(DissectFigure.count($0.count)))" }
        lines += wrapped("errors: \(errors.isEmpty ? "none" : errors.joined(separator: ", "))", indent: 0)
        return lines.map { $0 + "\n" }.joined()
    }

    private static func whyNone(_ report: TrafficReport) -> String {
        if report.packets == 0 { return "nothing was read that could be one" }
        return report.growth.isEmpty
            ? "nothing exceeds the baseline" : "what exceeds the baseline is of the baseline's own kind"
    }

    private static func readLine(_ report: TrafficReport, _ requests: UInt64) -> String {
        var line = "read: \(DissectFigure.volume(report, requests: requests))"
        if let from = report.from, let until = report.until {
            line += ", \(DissectFigure.span(from, until))"
        }
        return line
    }

    private static func text(_ attack: TrafficAttack, number: Int, of count: Int) -> [String] {
        let name = count == 1 ? "attack" : "attack \(number) of \(count)"
        let kinds = attack.vectors.map { DissectFigure.kind($0.kind) }
        var lines = wrapped("\(name): \(kinds.joined(separator: ", "))", indent: 0)
        lines += field("target", DissectFigure.target(attack.target))
        let isExact = DissectFigure.isExact([attack.start, attack.end])
        let span = DissectFigure.span(attack.start, attack.end, toMilliseconds: isExact)
        let length = DissectFigure.duration(attack.end - attack.start)
        lines += field("time", "\(span), \(length) (\(DissectFigure.state(attack.state)))")
        lines += field("found", DissectFigure.time(attack.detected))
        for vector in attack.vectors { lines += [""] + text(vector) }
        return lines
    }

    private static func text(_ vector: TrafficVector) -> [String] {
        let evidence = vector.fingerprint.evidence
        let unit = vector.fingerprint.isOfPackets ? "packets" : "requests"
        var lines = wrapped("  \(DissectFigure.kind(vector.kind))", indent: 2)
        for condition in vector.fingerprint.conditions {
            lines += wrapped("    \(condition.feature.rawValue) = \(condition.value)", indent: 8)
        }
        var volume = "\(DissectFigure.count(vector.packets)) \(unit)"
        if vector.bytes > 0 { volume += ", \(DissectFigure.bytes(vector.bytes))" }
        if let peak = evidence.peakRate, peak >= 0.5 {
            volume += ", at most \(DissectFigure.count(DissectFigure.whole(peak)))/s"
        }
        lines += field("volume", volume, deeper: true)
        lines += field("covers", shares(evidence.coverage, evidence.bytes?.coverage, unit), deeper: true)
        let hit =
            evidence.collateral == nil
            ? "unknown, no normal traffic was known" : shares(evidence.collateral, evidence.bytes?.collateral, unit)
        let baseline = evidence.baseline.map { " (\($0))" } ?? ""
        lines += field("hits normal", hit + baseline, deeper: true)
        lines += field("sources", sources(evidence), deeper: true)
        return lines
    }

    private static func shares(_ units: Double?, _ bytes: Double?, _ unit: String) -> String {
        let first = "\(DissectFigure.percent(units)) of \(unit)"
        return bytes.map { "\(first), \(DissectFigure.percent($0)) of bytes" } ?? first
    }

    private static func sources(_ evidence: Fingerprint.Evidence) -> String {
        let count = "about \(DissectFigure.count(evidence.sources))"
        guard let isSpoofable = evidence.isSpoofable else { return "\(count); whether they are forged is not known" }
        guard !isSpoofable else { return "\(count), and can be forged: not shown" }
        let networks = evidence.networks.prefix(3).map { "\($0.prefix) (\(DissectFigure.percent($0.share)))" }
        return networks.isEmpty ? count : "\(count); most from \(networks.joined(separator: ", "))"
    }

    private static func field(_ name: String, _ value: String, deeper: Bool = false) -> [String] {
        let start = deeper ? "    " : "  "
        let padding = String(repeating: " ", count: max(1, 13 - name.count))
        return wrapped("\(start)\(name)\(padding)\(value)", indent: start.count + 13)
    }

    /// The text in lines of at most `width` columns, those after the first indented; a word that is longer is cut in
    /// two.
    static func wrapped(_ text: String, indent: Int) -> [String] {
        var rest = plain(text)[...]
        var lines: [String] = []
        while true {
            let start = lines.isEmpty ? "" : String(repeating: " ", count: indent)
            let room = width - start.count
            guard rest.count > room else { return lines + [start + rest] }
            let line = rest.prefix(room + 1)
            // A space that is only the line's indent is no place to break it.
            let body = line.firstIndex { $0 != " " } ?? line.startIndex
            if let space = line.lastIndex(of: " "), space > body {
                lines.append(start + line[..<space])
                rest = rest[rest.index(after: space)...]
            } else {
                lines.append(start + rest.prefix(room))
                rest = rest.dropFirst(room)
            }
        }
    }

    /// Without what a terminal or a page would obey instead of showing.
    static func plain(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
                scalars.append("?")
            default: scalars.append(scalar)
            }
        }
        return String(scalars)
    }
}
