internal import Languages
internal import Moments
internal import PublicStatus

/// Incidents in short: as cards on an overview, as rows on the page of a year.
struct IncidentList {
    let site: Site
    let voice: Voice
    let detail: Detail

    static func isLater(_ left: PublicIncident, than right: PublicIncident) -> Bool {
        (left.start, left.number) > (right.start, right.number)
    }

    /// "Aanval op Gemeente Waterdam": no names of services, and never who did it.
    static func title(_ incident: PublicIncident, of site: Site, _ voice: Voice, limit: Int = 80) -> String {
        voice.say("Aanval op ", "Attack on ") + site.title(of: incident.organisation).clipped(limit)
    }

    /// The outcome, or that it goes on, in words and shape.
    static func badge(_ incident: PublicIncident, _ voice: Voice) -> Markup {
        guard incident.end != nil else {
            return "<p class=\"state busy\">\(Icon.busy) <span>\(voice.say("nu bezig", "going on now"))</span></p>"
        }
        let state = incident.outcome.state
        return "<p class=\"state \(state.rawValue)\">\(Icon.state(state)) <span>\(voice.outcome(incident))</span></p>"
    }

    /// "Begonnen: …. Duur: 13 minuten."
    static func times(_ incident: PublicIncident, _ voice: Voice) -> Markup {
        let start: Markup = "\(voice.say("Begonnen: ", "Began: "))\(voice.time(incident.start))."
        guard let end = incident.end else { return start }
        return "\(start) \(voice.say("Duur: ", "Length: "))\(voice.duration(from: incident.start, to: end))."
    }

    func card(_ incident: PublicIncident, namesOrganisation: Bool) -> Markup {
        let title = name(incident, namesOrganisation: namesOrganisation)
        return """
            <li class="card"><div class="top"><h3>\(link(incident, title))</h3>
            \(Self.badge(incident, voice))</div>
            <p class="quiet">\(Self.times(incident, voice))</p>
            \(timeline(incident))</li>

            """
    }

    /// Open while the attack goes on.
    private func timeline(_ incident: PublicIncident) -> Markup {
        let entries = Timeline.markup(incident.timeline, voice, detail)
        guard incident.end != nil, !entries.text.isEmpty else { return entries }
        let title = voice.say("Berichten: ", "Messages: ") + voice.number(incident.timeline.count)
        return "<details><summary>\(title)</summary>\n\(entries)</details>\n"
    }

    func row(_ incident: PublicIncident, namesOrganisation: Bool) -> Markup {
        """
        <li><div>\(link(incident, name(incident, namesOrganisation: namesOrganisation)))
        <p class="quiet">\(Self.times(incident, voice))</p></div>
        \(Self.badge(incident, voice))</li>

        """
    }

    private func name(_ incident: PublicIncident, namesOrganisation: Bool) -> String {
        let title =
            namesOrganisation
            ? Self.title(incident, of: site, voice, limit: detail.letters / 2) : voice.say("Aanval", "Attack")
        return "\(title) (\(incident.number))"
    }

    private func link(_ incident: PublicIncident, _ title: String) -> Markup {
        guard site.linked.contains(incident.number) else { return "\(title)" }
        return "<a href=\"\(voice.path("/incident/\(incident.number)"))\">\(title)</a>"
    }

    // MARK: - The pages of a year

    static func year(_ incident: PublicIncident) -> Int64 { DutchTime(incident.start).day.civil.year }

    static func years(of overview: PublicOverview, _ voice: Voice) -> Markup {
        let years = Set(overview.incidents.map(year)).sorted(by: >)
        let links = years.prefix(10).map { year -> Markup in
            """
            <li><a href="\(yearPath(overview, year, page: 1)[voice.language])">\
            \(voice.say("Alle aanvallen in \(year)", "All attacks in \(year)"))</a></li>

            """
        }
        return "<ul class=\"key more\">\n\(links)</ul>\n"
    }

    /// "/jaar/2026", "/en/waterdam/year/2026/2"
    static func yearPath(_ overview: PublicOverview, _ year: Int64, page: Int) -> Words {
        let folder = overview.name.isEmpty ? "" : "/\(overview.name)"
        let rest = "/\(year)" + (page == 1 ? "" : "/\(page)")
        return Words(nl: "\(folder)/jaar\(rest)", en: "/en\(folder)/year\(rest)")
    }
}

/// What happened and what was said.
enum Timeline {
    /// The latest entries, latest first.
    static func markup(_ entries: [PublicIncident.Entry], _ voice: Voice, _ detail: Detail) -> Markup {
        guard !entries.isEmpty, detail.entries > 0 else { return .nothing }
        let shown = entries.suffix(detail.entries).reversed().map { entry -> Markup in
            """
            <li><p class="quiet">\(voice.time(entry.at))</p>
            <p>\(entry.text[voice.language].clipped(detail.letters))</p></li>

            """
        }
        return "<ol class=\"time\" reversed>\n\(shown)</ol>\n"
    }
}
