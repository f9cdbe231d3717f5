internal import Moments
internal import PublicStatus

/// The course of an attack: requests, time to answer and availability, drawn and told. Text stands outside the drawing, so
/// that it keeps its size on a narrow screen.
struct PlotFigure {
    private let plot: PublicPlot
    private let count: Int
    private let usual: Int
    private let voice: Voice

    /// Width of a step in the drawing's own units; heights are of 100.
    private static let stepWidth = 4
    static let steps = 120
    /// Rows of the table.
    private static let rows = 20

    /// Nil where there is nothing to draw.
    init?(_ plot: PublicPlot, usual: Int, _ voice: Voice) {
        let counts = [
            plot.admitted.count, plot.queued.count, plot.refused.count, plot.latency.count, plot.states.count,
        ]
        count = min(Self.steps, counts.min() ?? 0)
        guard count >= 2, (1...86_400).contains(plot.step) else { return nil }
        self.plot = plot
        self.usual = max(0, usual)
        self.voice = voice
    }

    private var say: (String, String) -> String { voice.say }

    var markup: Markup {
        """
        <figure class="plot card">
        <figcaption>\(summary)</figcaption>
        \(requests)\(latency)\(availability)\(table)</figure>

        """
    }

    // MARK: - Values

    /// A value that can be drawn: whatever the series holds.
    private func sane(_ value: Double) -> Double { value.isFinite ? max(0, min(1e12, value)) : 0 }

    private func series(_ values: [Double]) -> [Double] { values.prefix(count).map(sane) }

    private func total(_ values: [Double]) -> String {
        voice.number(Int(series(values).reduce(0, +) * Double(plot.step)))
    }

    private var summary: Markup {
        let latencies = plot.latency.prefix(count).compactMap { $0.map(sane) }
        let slowest = latencies.max().map { voice.number(Int($0.rounded())) }
        let slow =
            slowest.map {
                say(
                    "Het langste wachten op antwoord was \($0) milliseconden.",
                    "The longest wait for an answer was \($0) milliseconds.")
            } ?? say("Hoe lang een antwoord duurde, is niet gemeten.", "How long an answer took was not measured.")
        return """
            <p>\(say(
                "In deze tijd zijn \(total(plot.admitted)) verzoeken toegelaten.",
                "In this time \(total(plot.admitted)) requests were admitted."))
            \(say(
                "Er stonden \(total(plot.queued)) verzoeken in de wachtrij, en \(total(plot.refused)) zijn geweigerd.",
                "\(total(plot.queued)) requests were in the queue, and \(total(plot.refused)) were refused."))
            \(slow)</p>

            """
    }

    // MARK: - Drawing

    /// The next of 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, … so that the scale has round numbers.
    static func roundUp(_ value: Double) -> Int {
        var step = 1.0
        while step < value, step < 1e15 {
            for factor in [1.2, 1.6, 2, 3, 4, 5, 6, 8, 10] where step * factor >= value && (step > 1 || factor >= 2) {
                return Int((step * factor).rounded())
            }
            step *= 10
        }
        return Int(step)
    }

    /// Tenths, without a float's tail.
    private func coordinate(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(tenths % 10)"
    }

    private var width: Int { (count - 1) * Self.stepWidth }

    private func point(_ index: Int, _ value: Double, _ top: Int) -> String {
        "\(index * Self.stepWidth) \(coordinate(100 - 100 * min(1, value / Double(max(1, top)))))"
    }

    /// Lines through the values; a step that was not measured breaks the line.
    private func line(_ values: [Double?], _ top: Int) -> String {
        var path = ""
        var isBroken = true
        for (index, value) in values.enumerated() {
            guard let value else {
                isBroken = true
                continue
            }
            path += (isBroken ? "M" : " ") + point(index, value, top)
            isBroken = false
        }
        return path
    }

    private func area(_ values: [Double], _ top: Int) -> String {
        "M0 100 " + values.indices.map { point($0, values[$0], top) }.joined(separator: " ") + " \(width) 100z"
    }

    private func panel(_ name: String, _ style: String, top: Int, unit: String, _ drawing: Markup, _ text: String)
        -> Markup
    {
        """
        <div class="panel"><p class="ticks" aria-hidden="true"><span>\(voice.shortNumber(top))</span>\
        <span>\(top % 2 == 0 ? voice.shortNumber(top / 2) : "")</span><span>0</span></p>
        <svg class="\(style)" viewBox="0 0 \(width) 100" preserveAspectRatio="none" role="img" aria-labelledby="\(name)-t \(name)-d">\
        <title id="\(name)-t">\(unit)</title><desc id="\(name)-d">\(text)</desc>\
        <path vector-effect="non-scaling-stroke" class="grid" d="M0 0H\(width)M0 50H\(width)M0 100H\(width)"/>\(drawing)</svg>
        \(ends)</div>

        """
    }

    private var ends: Markup {
        let seconds = (count - 1) * plot.step
        let withDay = seconds >= 86_400
        let times = [0, seconds / 2, seconds].map { plot.start + Double($0) }
            .map { "<span>\(voice.shortTime($0, withDay: withDay))</span>" as Markup }
        return "<p class=\"ends\" aria-hidden=\"true\">\(times)</p>"
    }

    private var requests: Markup {
        let parts: [(name: String, text: String, values: [Double])] = [
            ("admitted", say("toegelaten", "admitted"), series(plot.admitted)),
            ("queued", say("in de wachtrij", "queued"), series(plot.queued)),
            ("refused", say("geweigerd", "refused"), series(plot.refused)),
        ]
        let top = Self.roundUp(max(parts.flatMap(\.values).max() ?? 1, Double(usual), 1))
        let height = coordinate(100 - 100 * Double(usual) / Double(top))
        let paths = parts.map { part -> Markup in
            """
            <path class="fill \(part.name)" d="\(area(part.values, top))"/>\
            <path vector-effect="non-scaling-stroke" class="line \(part.name)" d="\(line(part.values, top))"/>
            """
        }
        let usualText = say("gewoonlijk: \(voice.number(usual))", "usual: \(voice.number(usual))")
        let key = (parts.map { ($0.name, $0.text) } + [("usual", usualText)]).map { name, text -> Markup in
            """
            <li><svg viewBox="0 0 28 20" aria-hidden="true"><path vector-effect="non-scaling-stroke" class="line \(name)" d="M0 10H28"/></svg>\(text)</li>

            """
        }
        let peak = parts.map { "\($0.text) \(voice.number(Int($0.values.max() ?? 0)))" }.joined(separator: ", ")
        let heading = say("Verzoeken per seconde", "Requests a second")
        return """
            <h3>\(heading)</h3>
            <ul class="key">
            \(key)</ul>
            \(panel("r", "requests", top: top, unit: heading,
                "\(paths)<path vector-effect=\"non-scaling-stroke\" class=\"line usual\" d=\"M0 \(height)H\(width)\"/>",
                say("Hoogste per seconde: \(peak).", "Highest per second: \(peak).")))
            """
    }

    private var latency: Markup {
        let values = plot.latency.prefix(count).map { $0.map(sane) }
        let heading = say("Wachten op antwoord, in milliseconden", "Wait for an answer, in milliseconds")
        guard let slowest = values.compactMap({ $0 }).max() else { return .nothing }
        return """
            <h3>\(heading)</h3>
            \(panel("l", "low", top: Self.roundUp(slowest), unit: heading,
                "<path vector-effect=\"non-scaling-stroke\" class=\"line latency\" d=\"\(line(values, Self.roundUp(slowest)))\"/>",
                say("Hoogste: \(voice.number(Int(slowest))).", "Highest: \(voice.number(Int(slowest))).")))
            """
    }

    private var availability: Markup {
        let states = Array(plot.states.prefix(count))
        let parts = PublicState.allCases.compactMap { state -> String? in
            let seconds = states.count { $0 == state } * plot.step
            return seconds == 0 ? nil : "\(voice.state(state)): \(voice.length(seconds))"
        }
        let heading = say("Bereikbaarheid", "Availability")
        return """
            <h3>\(heading)</h3>
            <div class="panel"><span></span><svg class="strip" viewBox="0 0 \(count * 4) 32" preserveAspectRatio="none" role="img" \
            aria-labelledby="a-t"><title id="a-t">\(heading)</title>\
            \(Bars.paths(states) { ($0 * 4, $1 * 4) })</svg>
            \(ends)</div>
            <p class="quiet">\(parts.joined(separator: "; "))</p>

            """
    }

    // MARK: - Table

    private var table: Markup {
        let group = (count + Self.rows - 1) / Self.rows
        let withDay = count * plot.step >= 86_400
        func mean(_ values: [Double], _ range: Range<Int>) -> String {
            voice.number(Int((range.reduce(0.0) { $0 + sane(values[$1]) } / Double(range.count)).rounded()))
        }
        let rows = stride(from: 0, to: count, by: group).map { start -> Markup in
            let range = start..<min(count, start + group)
            let latency = range.compactMap { plot.latency[$0].map(sane) }.max()
            let state = range.map { plot.states[$0] }.max { $0.severity < $1.severity } ?? .unknown
            return """
                <tr><th scope="row">\(voice.shortTime(plot.start + Double(start * plot.step), withDay: withDay))</th>\
                <td>\(mean(plot.admitted, range))</td><td>\(mean(plot.queued, range))</td><td>\(mean(plot.refused, range))</td>\
                <td>\(latency.map { voice.number(Int($0.rounded())) } ?? say("niet gemeten", "not measured"))</td>\
                <td>\(voice.state(state))</td></tr>

                """
        }
        let heads = [
            say("Tijd", "Time"), say("Toegelaten", "Admitted"), say("Wachtrij", "Queued"), say("Geweigerd", "Refused"),
            say("Wachten (ms)", "Wait (ms)"), say("Stand", "State"),
        ].map { "<th scope=\"col\">\($0)</th>" as Markup }
        let length = voice.length(group * plot.step)
        let title = say("De cijfers in een tabel", "The figures in a table")
        return """
            <details><summary>\(title)</summary>
            <div class="scroll" role="group" tabindex="0" aria-label="\(title)"><table>
            <caption>\(say("Gemiddeld per seconde, steeds over \(length).", "Mean per second, over \(length) each."))</caption>
            <thead><tr>\(heads)</tr></thead>
            <tbody>
            \(rows)</tbody></table></div></details>

            """
    }
}
