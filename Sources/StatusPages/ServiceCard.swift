internal import Moments
internal import PublicStatus

/// A service: how it is now, its last 90 days as bars, and the same in words.
struct ServiceCard {
    let service: PublicService
    /// Whose it is, where the page shows services of more than one.
    let organisation: String?
    let voice: Voice
    /// Unique on the page.
    let id: String
    let detail: Detail

    /// Days in the drawing; of more only the last ones are shown.
    static let span = 90

    private var days: ArraySlice<PublicDay> { service.days.suffix(Self.span) }

    var markup: Markup {
        """
        <li class="card"><div class="top"><h3>\(service.title.clipped(detail.letters / 2))</h3>
        \(Self.state(service.state, voice))</div>
        \(since)\(history)</li>

        """
    }

    static func state(_ state: PublicState, _ voice: Voice) -> Markup {
        "<p class=\"state \(state.rawValue)\">\(Icon.state(state)) <span>\(voice.state(state))</span></p>"
    }

    private var since: Markup {
        let owner = organisation.map { "\($0.clipped(detail.letters / 2))" as Markup }
        let since = service.since.map { "\(voice.say("sinds ", "since "))\(voice.time($0))" as Markup }
        switch (owner, since) {
        case (let owner?, let since?): return "<p class=\"quiet\">\(owner), \(since)</p>\n"
        case (let owner?, nil): return "<p class=\"quiet\">\(owner)</p>\n"
        case (nil, let since?): return "<p class=\"quiet capital\">\(since)</p>\n"
        case (nil, nil): return .nothing
        }
    }

    private var history: Markup {
        guard let first = days.first else {
            return
                "<p class=\"quiet\">\(voice.say("Er zijn nog geen metingen.", "There are no measurements yet."))</p>\n"
        }
        return """
            <svg class="bars" viewBox="0 0 360 32" preserveAspectRatio="none" role="img" aria-labelledby="\(id)">\
            <title id="\(id)">\(summary)</title>\(bars)</svg>
            <p class="ends" aria-hidden="true"><span>\(voice.shortDate(first.day))</span>\
            <span>\(voice.say("vandaag", "today"))</span></p>
            <p>\(summary)</p>
            \(list)
            """
    }

    private var bars: Markup {
        let offset = (Self.span - days.count) * 4
        return Bars.paths(days.map(\.worst)) { start, count in (offset + start * 4, count * 4 - 1) }
    }

    /// "99,98 % van de gemeten tijd bereikbaar. Gemeten: 97 % van 90 dagen."
    private var summary: String {
        let known = days.reduce(0.0) { $0 + ($1.known.isFinite ? max(0, min(1, $1.known)) : 0) }
        guard known > 0 else {
            return voice.say("Op deze dagen is niets gemeten.", "Nothing was measured on these days.")
        }
        let down = days.reduce(0.0) { $0 + Double(max(0, min(86_400, $1.downSeconds))) }
        let share = voice.percent(1 - down / (known * 86_400))
        // Of today only the part that has passed can be known.
        let measured = voice.percent(known / Double(days.count), decimals: 0)
        return voice.say(
            "Bereikbaar: \(share) van de gemeten tijd. Gemeten: \(measured) van \(days.count) dagen.",
            "Available: \(share) of the time measured. Measured: \(measured) of \(days.count) days.")
    }

    /// The days that were not up, latest first.
    private var list: Markup {
        let bad = days.filter { $0.worst != .up }.reversed()
        guard !bad.isEmpty else {
            return "<p class=\"quiet\">\(voice.say("Geen dagen met hinder.", "No days with hindrance."))</p>\n"
        }
        let title =
            voice.say(
                "Dagen met hinder, onderhoud of zonder meting: ", "Days with hindrance, maintenance or no measurement: "
            ) + voice.number(bad.count)
        guard detail.days > 0 else { return "<p class=\"quiet\">\(title)</p>\n" }
        let rows = bad.prefix(detail.days).map { day -> Markup in
            """
            <tr><th scope="row">\(voice.shortDate(day.day))</th><td>\(voice.state(day.worst))</td>\
            <td>\(day.downSeconds > 0 ? voice.length(day.downSeconds) : voice.say("geen", "none"))</td>\
            <td>\(voice.percent(day.known, decimals: 0))</td></tr>

            """
        }
        let rest = bad.count - rows.count
        let more =
            rest <= 0 ? "" : voice.say("De andere staan in de gegevens (JSON).", "The others are in the data (JSON).")
        return """
            <details><summary>\(title)</summary><div class="scroll" role="group" tabindex="0" aria-label="\(title)"><table>
            <thead><tr><th scope="col">\(voice.say("Dag", "Day"))</th><th scope="col">\
            \(voice.say("Slechtste stand", "Worst state"))</th><th scope="col">\(voice.say("Niet bereikbaar", "Not available"))\
            </th><th scope="col">\(voice.say("Gemeten", "Measured"))</th></tr></thead>
            <tbody>
            \(rows)</tbody></table></div><p class="quiet">\(more)</p></details>

            """
    }
}

/// States in a row as bars: the higher, the more hindrance. One path per state.
enum Bars {
    /// - Parameter place: where a run of equal states, from its first index and its count, begins and how wide it is.
    static func paths(_ states: [PublicState], _ place: (Int, Int) -> (Int, Int)) -> Markup {
        var runs: [PublicState: String] = [:]
        var start = 0
        while start < states.count {
            let end = states[start...].firstIndex { $0 != states[start] } ?? states.count
            let (x, width) = place(start, end - start)
            runs[states[start], default: ""] += rows(states[start]).map { "M\(x) \($0)h\(width)" }.joined()
            start = end
        }
        let paths = PublicState.allCases.compactMap { state in
            runs[state].map { run -> Markup in
                "<path class=\"\(state.rawValue)\" stroke-width=\"\(height(state))\" d=\"\(run)\"/>"
            }
        }
        return "\(paths)"
    }

    /// Of 32.
    private static func height(_ state: PublicState) -> Int {
        switch state {
        case .up: 12
        case .degraded: 22
        case .down: 32
        case .unknown: 4
        case .maintenance: 3
        }
    }

    /// The middles of the lines: maintenance is two of them.
    private static func rows(_ state: PublicState) -> [Int] {
        state == .maintenance ? [22, 30] : [32 - max(1, height(state) / 2)]
    }

    /// What the bars mean.
    static func key(_ voice: Voice) -> Markup {
        let items = PublicState.allCases.map { state -> Markup in
            """
            <li><svg viewBox="0 0 28 32" preserveAspectRatio="none" aria-hidden="true" class="bars">\
            \(paths([state]) { _, _ in (0, 27) })</svg>\(voice.state(state))</li>

            """
        }
        return """
            <p>\(voice.say("Elke balk is een dag. Hoe hoger de balk, hoe meer hinder.",
                "Each bar is a day. The higher the bar, the more hindrance."))</p>
            <ul class="key">
            \(items)</ul>

            """
    }
}
