internal import Fingerprints
internal import Detection
internal import Moments

/// The course of an attack, drawn: packets and bytes a second, the attack's and all of the target's, with the attack's
/// span marked; or that of all that was read, with the spans of all attacks. Text stands outside the drawing, so that it
/// keeps its size on a narrow screen.
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
    /// Begin and end of what is marked, the end exclusive.
    private let spans: [(Moment, Moment)]
    /// From the first point to the end of the last, in seconds.
    private let length: Double
    /// What "packets" are here: "packets" or "requests".
    private let unit: String
    /// Before each name in the page.
    private let mark: String
    /// Of an attack; nil for the whole.
    private let attack: TrafficAttack?

    private static func rate(_ value: Double, _ seconds: Double) -> Double {
        value.isFinite ? max(0, min(1e15, value / seconds)) : 0
    }

    /// Nil where there is nothing to draw: fewer than two points.
    init?(_ attack: TrafficAttack, number: Int) {
        let points = attack.points
        guard points.count >= 2 else { return nil }
        let seconds = Double(max(1, attack.pointSeconds))
        let group = (points.count + Self.columnLimit - 1) / Self.columnLimit
        columns = stride(from: 0, to: points.count, by: group).map { start in
            let part = points[start..<min(points.count, start + group)]
            func highest(_ value: (TrafficAttack.Point) -> Double) -> Double {
                part.map { Self.rate(value($0), seconds) }.max() ?? 0
            }
            return Column(
                time: part[start].time, attack: [highest(\.attackPackets), highest(\.attackBytes)],
                all: [highest(\.allPackets), highest(\.allBytes)])
        }
        self.attack = attack
        mark = "a\(number)"
        // The last second belongs to the attack too.
        spans = [(attack.start, attack.end + 1)]
        length = max(1, points[points.count - 1].time - points[0].time + seconds)
        unit = attack.vectors.allSatisfy { $0.fingerprint.isOfPackets } ? "packets" : "requests"
    }

    /// The whole, in the time of the input; nil where there is nothing to draw.
    init?(of timeline: TrafficTimeline, _ report: TrafficReport, requests: UInt64) {
        let timeline = timeline.drawable()
        guard timeline.bins.count >= 2 else { return nil }
        let seconds = Double(timeline.width) / 1e9
        columns = timeline.bins.enumerated().map { number, bin in
            Column(
                time: timeline.time(of: number), attack: [0, 0],
                all: [Self.rate(bin.count, seconds), Self.rate(bin.bytes, seconds)])
        }
        attack = nil
        mark = "whole"
        spans = report.attacks.map { ($0.start, max($0.end, $0.start + seconds / 2)) }
        length = Double(columns.count) * seconds
        unit = requests == 0 ? "packets" : report.packets > requests ? "packets and requests" : "requests"
    }

    var markup: DissectMarkup {
        let first = unit.prefix(1).uppercased() + unit.dropFirst()
        let hasBytes = columns.contains { $0.all[1] > 0 || $0.attack[1] > 0 }
        let heading: DissectMarkup = attack == nil ? "<h2>All that was read</h2>" : "<h3>Rate over time</h3>"
        let line: DissectMarkup =
            "<li><svg viewBox=\"0 0 28 20\" aria-hidden=\"true\"><path class=\"attack\" d=\"M0 10H28\"/></svg>the attack</li>\n"
        let span: DissectMarkup = """
            <li><svg viewBox="0 0 28 20" aria-hidden="true"><rect width="28" height="20"/></svg>\
            \(attack == nil ? "an attack, from begin to end" : "from begin to end")</li>

            """
        return """
            <figure class="card">
            <figcaption>\(heading)<p>\(summary)</p></figcaption>
            <ul class="key">
            \(attack == nil ? .nothing : line)\
            <li><svg viewBox="0 0 28 20" aria-hidden="true"><path class="\(attack == nil ? "whole" : "all")" d="M0 10H28"/></svg>\
            \(attack == nil ? "all traffic" : "all of the target's traffic")</li>
            \(spans.isEmpty ? .nothing : span)</ul>
            \(panel(0, "\(first) a second"))\(hasBytes ? panel(1, "Bytes a second") : .nothing)</figure>

            """
    }

    private func peak(_ series: Int) -> Double { columns.map { $0.attack[series] }.max() ?? 0 }

    private func height(_ series: Int) -> Double { columns.map { $0.all[series] }.max() ?? 0 }

    private var summary: String {
        func text(_ count: Double, _ bytes: Double) -> String {
            "\(DissectFigure.count(DissectFigure.whole(count))) \(unit)"
                + (bytes > 0 ? " and \(DissectFigure.bytes(DissectFigure.whole(bytes)))" : "")
        }
        let step = "Each step is the average of \(DissectFigure.duration(length / Double(columns.count)))."
        guard attack != nil else { return "At its height there were \(text(height(0), height(1))) a second. \(step)" }
        return "At its height the attack brought \(text(peak(0), peak(1))) a second."
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
        let marked = spans.map { start, end -> DissectMarkup in
            let begin = min(place(start), width - 2)
            return """
                <rect vector-effect="non-scaling-stroke" class="span" x="\(coordinate(begin))" width="\(coordinate(max(2, place(end) - begin)))" height="100"/>
                """
        }
        let name = "\(mark)-\(series)"
        let all = "All: \(DissectFigure.count(DissectFigure.whole(height(series))))."
        let most = DissectFigure.count(DissectFigure.whole(peak(series)))
        let text = attack == nil ? all : "The attack's highest: \(most). \(all)"
        let drawn = path(columns.map { $0.attack[series] }, top)
        let line: DissectMarkup = "<path vector-effect=\"non-scaling-stroke\" class=\"attack\" d=\"\(drawn)\"/>"
        return """
            \(attack == nil ? "<h3>\(title)</h3>" : "<h4>\(title)</h4>" as DissectMarkup)
            <div class="panel"><p class="ticks" aria-hidden="true"><span>\(DissectFigure.short(top))</span>\
            <span>\(top >= 2 ? DissectFigure.short(top / 2) : "")</span><span>0</span></p>
            <svg viewBox="0 0 \(coordinate(width)) 100" preserveAspectRatio="none" role="img" \
            aria-labelledby="\(name)-t \(name)-d"><title id="\(name)-t">\(title)</title>\
            <desc id="\(name)-d">\(text)</desc>\
            <path vector-effect="non-scaling-stroke" class="grid" d="M0 0H\(coordinate(width))M0 50H\(coordinate(width))\
            M0 100H\(coordinate(width))"/>\
            \(marked)\
            <path vector-effect="non-scaling-stroke" class="\(attack == nil ? "whole" : "all")" d="\(path(columns.map { $0.all[series] }, top))"/>\
            \(attack == nil ? .nothing : line)</svg>
            <p class="ends"><span>\(DissectFigure.time(columns[0].time, toMilliseconds: length < 10))</span>\
            <span>\(DissectFigure.time(columns[0].time + length, toMilliseconds: length < 10))</span></p></div>

            """
    }
}
