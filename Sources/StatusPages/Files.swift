internal import Languages
internal import PublicStatus

extension Site {
    static let accessibility = Words(nl: "/toegankelijkheid", en: "/en/accessibility")

    private func html(_ layout: Layout, _ details: [Detail], _ voice: Voice, _ content: (Detail) -> Markup) -> PageFile
    {
        let markup = Detail.fit(details) { layout.page(content($0), of: self, voice) }
        return PageFile(
            path: layout.paths[voice.language], contentType: "text/html; charset=utf-8", text: markup.text)
    }

    /// The page, the pages of its years, and the feed.
    func overviewFiles(_ overview: PublicOverview, organisations: [PublicOverview], _ voice: Voice) -> [PageFile] {
        let folder = overview.name.isEmpty ? "/" : "/\(overview.name)/"
        let page = OverviewPage(overview: overview, organisations: organisations, site: self, voice: voice)
        var layout = Layout(
            path: folder, title: overview.title.clipped(100), feed: folder + "atom.xml", data: folder + "status.json")
        if !overview.name.isEmpty {
            layout.parent = (voice.path("/"), voice.say("Alle organisaties", "All organisations"))
        }
        return [html(layout, Detail.overview, voice, page.content), feedFile(overview, voice)]
            + yearFiles(overview, voice)
    }

    private func yearFiles(_ overview: PublicOverview, _ voice: Voice) -> [PageFile] {
        let years = Dictionary(grouping: overview.incidents.sorted(by: IncidentList.isLater), by: IncidentList.year)
        let folder = overview.name.isEmpty ? "/" : "/\(overview.name)/"
        return years.sorted { $0.key < $1.key }.flatMap { year, incidents in
            let pages = (incidents.count + Detail.listed - 1) / Detail.listed
            return (1...pages).map { number in
                let part = incidents.dropFirst((number - 1) * Detail.listed).prefix(Detail.listed)
                let title = voice.say("Aanvallen in \(year)", "Attacks in \(year)")
                var layout = Layout(
                    paths: IncidentList.yearPath(overview, year, page: number),
                    title: number == 1 ? title : "\(title) (\(number))", feed: folder + "atom.xml",
                    data: folder + "status.json")
                layout.parent = (voice.path(folder), overview.title.clipped(100))
                return html(layout, Detail.overview, voice) { detail in
                    let list = IncidentList(site: self, voice: voice, detail: detail)
                    let older: Markup =
                        number == pages
                        ? .nothing
                        : """
                        <p class="more"><a href="\(IncidentList.yearPath(overview, year, page: number + 1)[voice.language])">\
                        \(voice.say("Oudere aanvallen", "Older attacks"))</a></p>

                        """
                    return """
                        <div class="card"><ul class="rows">
                        \(part.map { list.row($0, namesOrganisation: overview.name.isEmpty) })</ul></div>
                        \(older)
                        """
                }
            }
        }
    }

    func incidentFile(_ incident: PublicIncident, hasPlot: Bool, _ voice: Voice) -> PageFile {
        let path = "/incident/\(incident.number)"
        let page = IncidentPage(incident: incident, hasPlot: hasPlot, site: self, voice: voice)
        let known = titles[incident.organisation] != nil
        let folder = known ? "/\(incident.organisation)/" : "/"
        var layout = Layout(
            path: path, title: "\(IncidentList.title(incident, of: self, voice)) (\(incident.number))",
            feed: folder + "atom.xml", data: path + ".json")
        layout.parent = (voice.path(folder), (titles[incident.organisation] ?? title).clipped(100))
        return html(layout, Detail.incident, voice, page.content)
    }

    func accessibilityFile(_ voice: Voice) -> PageFile {
        let layout = Layout(paths: Self.accessibility, title: voice.say("Toegankelijkheid", "Accessibility"))
        return html(layout, Detail.overview, voice) { _ in AccessibilityPage.content(voice) }
    }
}

/// What we can say about these pages ourselves; not an audit, and it says so.
enum AccessibilityPage {
    static func content(_ voice: Voice) -> Markup {
        let say = voice.say
        return """
            <p>\(say("Iedereen moet deze pagina's kunnen gebruiken. Dat is ons doel.",
                "Everyone must be able to use these pages. That is our aim."))</p>
            <h2>\(say("De eisen", "The requirements"))</h2>
            <p>\(say("Wij werken volgens WCAG 2.2, niveau A en AA. De wet vraagt WCAG 2.1, niveau A en AA.",
                "We work by WCAG 2.2, levels A and AA. The law asks for WCAG 2.1, levels A and AA."))</p>
            <h2>\(say("Wat is getest?", "What was tested?"))</h2>
            <ul>
            <li>\(say("Een programma test elke soort pagina op fouten, met axe-core.",
                "A program tests every kind of page for errors, with axe-core."))</li>
            <li>\(say("Een tweede programma test of de HTML klopt.",
                "A second program tests whether the HTML is right."))</li>
            <li>\(say("Dit gebeurt in licht en donker, en op een scherm van 320 pixels breed.",
                "This is done in light and dark, and on a screen 320 pixels wide."))</li>
            </ul>
            <h2>\(say("Wat is niet getest?", "What was not tested?"))</h2>
            <ul>
            <li>\(say("Een onafhankelijk bureau heeft deze pagina's nog niet onderzocht.",
                "No independent auditor has examined these pages yet."))</li>
            <li>\(say("Mensen met een beperking hebben ze nog niet getest.",
                "People with a disability have not tested them yet."))</li>
            <li>\(say("Een programma vindt maar een deel van de fouten.",
                "A program finds only a part of the errors."))</li>
            </ul>
            <p>\(say("Daarom zeggen wij niet dat de pagina's helemaal voldoen.",
                "So we do not say that the pages fully comply."))</p>
            <h2>\(say("Hoe de pagina's werken", "How the pages work"))</h2>
            <ul>
            <li>\(say("U heeft geen JavaScript nodig.", "You need no JavaScript."))</li>
            <li>\(say("De pagina's halen niets op bij andere sites.", "The pages fetch nothing from other sites."))</li>
            <li>\(say("De pagina's plaatsen geen cookies.", "The pages set no cookies."))</li>
            <li>\(say("Elke grafiek staat er ook in woorden of in een tabel.",
                "Every drawing is there in words or in a table too."))</li>
            </ul>
            <h2>\(say("Werkt er iets niet voor u?", "Does something not work for you?"))</h2>
            <p>\(say("Meld het bij de organisatie waarvan u de pagina bekijkt. Bel, of ga langs de balie.",
                "Tell the organisation whose page you read. Call, or go to its counter."))</p>

            """
    }
}
