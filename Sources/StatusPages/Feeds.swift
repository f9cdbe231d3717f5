internal import Languages
internal import Moments
internal import PublicStatus

extension Site {
    /// Entries of a feed, latest first.
    static let entries = 50

    /// Atom (RFC 4287). Who did it is not told here: those who attack seek that attention.
    func feedFile(_ overview: PublicOverview, _ voice: Voice) -> PageFile {
        let folder = overview.name.isEmpty ? "/" : "/\(overview.name)/"
        let path = voice.path(folder + "atom.xml")
        let incidents = overview.incidents.sorted(by: IncidentList.isLater).prefix(Self.entries)
        let updated = incidents.map { self.updated($0) }.max() ?? overview.made
        let text: Markup = """
            <?xml version="1.0" encoding="utf-8"?>
            <feed xmlns="http://www.w3.org/2005/Atom" xml:lang="\(voice.language.rawValue)">
            <id>\(address)\(path)</id>
            <title>\(overview.title.clipped(100))</title>
            <updated>\(updated.text)</updated>
            <author><name>\(overview.title.clipped(100))</name></author>
            <link rel="self" type="application/atom+xml" href="\(address)\(path)"/>
            <link rel="alternate" type="text/html" href="\(address)\(voice.path(folder))"/>
            <rights>CC0-1.0</rights>
            \(incidents.map { entry($0, overview, voice) })</feed>

            """
        return PageFile(path: path, contentType: "application/atom+xml; charset=utf-8", text: text.text)
    }

    private func updated(_ incident: PublicIncident) -> Moment {
        min(made, max(incident.start, incident.end ?? incident.start, incident.timeline.last?.at ?? incident.start))
    }

    private func entry(_ incident: PublicIncident, _ overview: PublicOverview, _ voice: Voice) -> Markup {
        let state = incident.end == nil ? voice.say("nu bezig", "going on now") : voice.outcome(incident)
        let link = address + voice.path("/incident/\(incident.number)")
        // One of the years is the place of what has no page of its own.
        let place =
            linked.contains(incident.number)
            ? link : address + IncidentList.yearPath(overview, IncidentList.year(incident), page: 1)[voice.language]
        let latest = incident.timeline.last.map { " " + $0.text[voice.language].clipped(1_000) } ?? ""
        let length = incident.end.map {
            voice.say(" Duur: ", " Length: ") + voice.duration(from: incident.start, to: $0) + "."
        }
        return """
            <entry>
            <id>\(link)</id>
            <title>\(IncidentList.title(incident, of: self, voice)): \(state)</title>
            <published>\(incident.start.text)</published>
            <updated>\(updated(incident).text)</updated>
            <link rel="alternate" type="text/html" href="\(place)"/>
            <summary>\(incident.end == nil ? "" : voice.meaning(incident))\(length ?? "")\(latest)</summary>
            </entry>

            """
    }
}
