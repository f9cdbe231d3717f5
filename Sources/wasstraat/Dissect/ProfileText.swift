internal import Addresses
internal import Detection

/// A profile for people.
enum ProfileText {
    /// Targets shown; more make no page to read.
    private static let targetLimit = 40

    static func text(_ profile: TrafficProfile) -> String {
        let origin =
            profile.seconds > 0
            ? "learnt from \(DissectFigure.duration(profile.seconds)), \(profile.samples.count) sample packets"
            : "made by a generator of ordinary traffic"
        var lines = [DissectText.plain("\(profile.name): \(origin)")]
        lines.append("")
        lines.append(row(["class", "most/s, few", "most/s, many", "mean/s", "share"]))
        for (number, ordinary) in profile.ordinary.enumerated()
        where ordinary.peakFromFew > 0 || ordinary.peakFromMany > 0 || ordinary.mean > 0 {
            lines.append(
                row([
                    TrafficClass.name(number), DissectFigure.decimals(Double(ordinary.peakFromFew), 4),
                    DissectFigure.decimals(Double(ordinary.peakFromMany), 4),
                    DissectFigure.decimals(Double(ordinary.mean), 4),
                    DissectFigure.decimals(Double(ordinary.share), 4),
                ]))
        }
        let known = profile.known.values.sorted {
            ($0.usual, $1.target.description) > ($1.usual, $0.target.description)
        }
        guard !known.isEmpty else { return lines.joined(separator: "\n") + "\n" }
        lines += ["", row(["target", "class", "usual/s", "bytes/s", "seconds"])]
        for one in known.prefix(targetLimit) {
            lines.append(
                row([
                    "\(one.target)", one.kind.name, DissectFigure.decimals(Double(one.usual), 4),
                    DissectFigure.decimals(Double(one.usualBytes), 4), "\(one.seconds)",
                ]))
        }
        if known.count > targetLimit { lines.append("… and \(known.count - targetLimit) more") }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func row(_ cells: [String]) -> String {
        let widths = [22, 18, 14, 12, 10]
        return zip(cells, widths).map { cell, width in
            cell + String(repeating: " ", count: max(1, width - cell.count))
        }.joined().trimmingTail
    }
}

extension String {
    fileprivate var trimmingTail: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
