internal import Fingerprints
internal import Detection
internal import Moments

/// The course of an attack, drawn: packets and bytes a second, the attack's and all of the target's, with the attack's
/// span marked. Text stands outside the drawing, so that it keeps its size on a narrow screen.
struct DissectPlot {
    /// Columns drawn: more points than a screen has room for are put together, the highest of each group shown.
    static let columnLimit = 240
    private static let height = 100.0

    private struct Column {
        var time: Moment
        var attack: [Double]
        var all: [Double]
    }

    private let columns: [Column]
    private let attack: TrafficAttack
    /// From the first point to the end of the last, in seconds.
    private let length: Double
    /// What one column stands for, in seconds.
    private let step: Double
    /// What "packets" are here: "packets" or "requests".
    private let unit: String
    private let number: Int

    /// Nil where there is nothing to draw: fewer than two points.
    init?(_ attack: TrafficAttack, number: Int) {
        let points = attack.points
        guard points.count >= 2 else { return nil }
        let seconds = Double(max(1, attack.pointSeconds))
        let group = (points.count + Self.columnLimit - 1) / Self.columnLimit
        func rate(_ value: Double) -> Double { value.isFinite ? max(0, min(1e15, value / seconds)) : 0 }
        columns = stride(from: 0, to: points.count, by: group).map { start in
            let part = points[start..<min(points.count, start + group)]
            func highest(_ value: (TrafficAttack.Point) -> Double) -> Double { part.map { rate(value($0)) }.max() ?? 0 }
            return Column(
                time: part[start].time, attack: [highest(\.attackPackets), highest(\.attackBytes)],
                all: [highest(\.allPackets), highest(\.allBytes)])
        }
        self.attack = attack
        self.number = number
        step = seconds * Double(group)
        length = max(1, points[points.count - 1].time - points[0].time + seconds)
        unit = attack.vectors.allSatisfy { $0.fingerprint.isOfPackets } ? "packets" : "requests"
    }

    var markup: DissectMarkup {
        let title = unit == "packets" ? "Packets a second" : "Requests a second"
        let hasBytes = columns.contains { $0.all[1] > 0 || $0.attack[1] > 0 }
        return """
            <figure class="card">
            <figcaption><h3>Rate over time</h3><p>\(summary)</p></figcaption>
            <ul class="key">
            <li><svg viewBox="0 0 28 20" aria-hidden="true"><path class="attack" d="M0 10H28"/></svg>the attack</li>
            <li><svg viewBox="0 0 28 20" aria-hidden="true"><path class="all" d="M0 10H28"/></svg>all of the target's traffic</li>
            <li><svg viewBox="0 0 28 20" aria-hidden="true"><rect width="28" height="20"/></svg>from begin to end</li>
            </ul>
            \(panel(0, title))\(hasBytes ? panel(1, "Bytes a second") : .nothing)</figure>

            """
    }

    private func peak(_ series: Int) -> Double { columns.map { $0.attack[series] }.max() ?? 0 }

    private var summary: String {
        let bytes = peak(1) > 0 ? " and \(DissectFigure.bytes(DissectFigure.whole(peak(1))))" : ""
        return
            "At its height the attack brought \(DissectFigure.count(DissectFigure.whole(peak(0)))) \(unit)\(bytes) a second."
    }

    // MARK: - Drawing

    /// Tenths, without a float's tail.
    private func coordinate(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    private var width: Double { Double(columns.count) * 4 }

    /// The next of 1, 2, 5, 10, 20, 50, … so that the scale has round numbers.
    static func roundUp(_ value: Double) -> Double {
        var step = 1.0
        while step < 1e16 {
            for factor in [1.0, 2, 5] where step * factor >= value { return step * factor }
            step *= 10
        }
        return step
    }

    /// Each column as a step as wide as its time.
    private func path(_ values: [Double], _ top: Double) -> String {
        var path = ""
        for (index, value) in values.enumerated() {
            let y = coordinate(Self.height - Self.height * min(1, value / top))
            path += "\(index == 0 ? "M0 " : "V")\(y)H\(coordinate(Double(index + 1) * 4))"
        }
        return path
    }

    private func panel(_ series: Int, _ title: String) -> DissectMarkup {
        let highest = columns.map { max($0.attack[series], $0.all[series]) }.max() ?? 0
        let top = Self.roundUp(max(1, highest))
        func place(_ moment: Moment) -> Double { max(0, min(1, (moment - columns[0].time) / length)) * width }
        let begin = place(attack.start)
        // The last second belongs to the attack too.
        let end = max(begin + 1, place(attack.end + 1))
        let name = "a\(number)-\(series)"
        let text =
            "The attack's highest: \(DissectFigure.count(DissectFigure.whole(peak(series)))). All: "
            + "\(DissectFigure.count(DissectFigure.whole(columns.map { $0.all[series] }.max() ?? 0)))."
        return """
            <h4>\(title)</h4>
            <div class="panel"><p class="ticks" aria-hidden="true"><span>\(DissectFigure.short(top))</span>\
            <span>\(top >= 2 ? DissectFigure.short(top / 2) : "")</span><span>0</span></p>
            <svg viewBox="0 0 \(coordinate(width)) 100" preserveAspectRatio="none" role="img" \
            aria-labelledby="\(name)-t \(name)-d"><title id="\(name)-t">\(title)</title>\
            <desc id="\(name)-d">\(text)</desc>\
            <path vector-effect="non-scaling-stroke" class="grid" d="M0 0H\(coordinate(width))M0 50H\(coordinate(width))\
            M0 100H\(coordinate(width))"/>\
            <rect class="span" x="\(coordinate(begin))" width="\(coordinate(end - begin))" height="100"/>\
            <path vector-effect="non-scaling-stroke" class="all" d="\(path(columns.map { $0.all[series] }, top))"/>\
            <path vector-effect="non-scaling-stroke" class="attack" d="\(path(columns.map { $0.attack[series] }, top))"/></svg>
            <p class="ends"><span>\(DissectFigure.time(columns[0].time))</span>\
            <span>\(DissectFigure.time(columns[0].time + length))</span></p></div>

            """
    }
}
