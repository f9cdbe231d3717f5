internal import Load

/// The site of the municipality of Waterdam, which does not exist.
enum Waterdam {
    static let host = "waterdam.localhost"

    struct Page {
        let path: String
        let title: String
        /// Stands on this page and on no other.
        let word: String
        let paragraphs: [String]
    }

    static let searchWord = "Zoekresultaten"

    static let pages = [
        Page(
            path: "/", title: "Welkom bij de gemeente Waterdam", word: "Waterdammers",
            paragraphs: [
                "Hier regelen Waterdammers hun zaken met de gemeente, dag en nacht. Zoek op een onderwerp, of kies "
                    + "hieronder wat u wilt doen.",
                "Het gemeentehuis aan de Havenkade is open van maandag tot en met vrijdag, van half negen tot vijf. Op "
                    + "donderdag zijn we er tot acht uur 's avonds.",
            ]),
        Page(
            path: "/paspoort", title: "Paspoort of identiteitskaart aanvragen", word: "Reisdocumentenbalie",
            paragraphs: [
                "U vraagt een paspoort of identiteitskaart zelf aan, bij de Reisdocumentenbalie in het gemeentehuis. "
                    + "Neem uw oude document mee en een pasfoto die niet ouder is dan zes maanden.",
                "Na vijf werkdagen ligt het nieuwe document klaar. Bent u uw paspoort kwijt, meld dat dan eerst.",
                "Voor een kind tot achttien jaar is toestemming nodig van beide ouders met gezag.",
            ]),
        Page(
            path: "/rijbewijs", title: "Rijbewijs verlengen", word: "Rijbewijsloket",
            paragraphs: [
                "Uw rijbewijs verlengt u bij het Rijbewijsloket. Dat kan vanaf een jaar voor de datum waarop het verloopt.",
                "Wie vijfenzeventig jaar of ouder is, doet eerst een gezondheidsverklaring.",
            ]),
        Page(
            path: "/verhuizing", title: "Verhuizing doorgeven", word: "Adreswijziging",
            paragraphs: [
                "Een Adreswijziging geeft u door vanaf vier weken voor de verhuizing, en uiterlijk vijf dagen erna.",
                "Komt u uit het buitenland, dan maakt u eerst een afspraak. Neem een geldig document en het huurcontract "
                    + "of de koopakte mee.",
            ]),
        Page(
            path: "/afval", title: "Afval en milieustraat", word: "Afvalkalender",
            paragraphs: [
                "Op de Afvalkalender ziet u wanneer groente- en tuinafval, papier en restafval worden opgehaald.",
                "Grof vuil brengt u naar de milieustraat aan de Dijkweg. Met uw pas kan dat twaalf keer per jaar zonder "
                    + "kosten.",
            ]),
        Page(
            path: "/parkeren", title: "Parkeren en vergunningen", word: "Parkeervergunning",
            paragraphs: [
                "Met een Parkeervergunning parkeert u in uw eigen wijk. Bezoek meldt u aan met uw mobiele telefoon.",
                "In de binnenstad betaalt u van negen uur 's ochtends tot negen uur 's avonds.",
            ]),
        Page(
            path: "/bouwen", title: "Bouwen en verbouwen", word: "Omgevingsloket",
            paragraphs: [
                "Een dakkapel, een schuur of een boom die weg moet: in het Omgevingsloket ziet u of een vergunning nodig "
                    + "is, en wat de leges zijn.",
                "Bezwaar tegen een vergunning van uw buren maakt u binnen zes weken.",
            ]),
        Page(
            path: "/belastingen", title: "Gemeentelijke belastingen", word: "Aanslagbiljet",
            paragraphs: [
                "Op het Aanslagbiljet staan de onroerendezaakbelasting, de rioolheffing en de afvalstoffenheffing bij "
                    + "elkaar.",
                "U betaalt in een keer of in tien termijnen. Met een laag inkomen kunt u kwijtschelding vragen.",
            ]),
        Page(
            path: "/jeugd", title: "Jeugd, school en opvang", word: "Leerlingenvervoer",
            paragraphs: [
                "Woont uw kind ver van een passende school, dan kunt u Leerlingenvervoer aanvragen.",
                "Het consultatiebureau en het jongerenwerk vindt u in het wijkcentrum.",
            ]),
        Page(
            path: "/raad", title: "De gemeenteraad", word: "Raadsvergadering",
            paragraphs: [
                "Elke derde dinsdag van de maand is er een Raadsvergadering. U kunt erbij zijn, of inspreken over wat op "
                    + "de agenda staat.",
                "De stukken staan een week van tevoren klaar.",
            ]),
        Page(
            path: "/contact", title: "Contact", word: "Havenkade 12",
            paragraphs: [
                "Ons bezoekadres is Havenkade 12, 9999 XX Waterdam. Bel voor een afspraak, of stuur een bericht.",
                "Een losse stoeptegel of een kapotte lantaarnpaal meldt u met de meldapp.",
            ]),
    ]

    /// The site as its visitors know it.
    static var visited: VisitedSite {
        VisitedSite(
            pages: pages.map { VisitedSite.Page(path: $0.path, word: $0.word) }, style: "/stijl.css",
            image: "/wapen.svg", search: VisitedSite.Page(path: "/zoeken?q=", word: searchWord),
            searches: DutchWords.searches)
    }

    static let style = """
        :root { --blauw: #0b3d66; --licht: #eef4f8; }
        * { box-sizing: border-box; }
        body { margin: 0; font: 1.05rem/1.6 system-ui, sans-serif; color: #1c1c1c; background: #fff; }
        header, main, footer { padding: 1rem max(1rem, calc(50vw - 24rem)); }
        header { background: var(--blauw); color: #fff; display: flex; gap: 1rem; align-items: center; }
        header a { color: #fff; text-decoration: none; font-weight: 600; }
        header img { width: 3rem; height: 3rem; }
        nav ul { list-style: none; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); }
        nav li a { display: block; padding: .4rem 0; color: var(--blauw); }
        form { display: flex; gap: .5rem; margin: 1rem 0; }
        input { flex: 1; font: inherit; padding: .4rem; border: 1px solid #555; }
        button { font: inherit; padding: .4rem 1rem; background: var(--blauw); color: #fff; border: 0; }
        a:focus, input:focus, button:focus { outline: 3px solid #e8a200; outline-offset: 2px; }
        footer { background: var(--licht); font-size: .9rem; }

        """

    static let image = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" role="img" aria-label="Wapen van Waterdam">
        <path d="M4 4h40v20c0 12-9 18-20 20C13 42 4 36 4 24z" fill="#f4f7fa"/>
        <path d="M8 26q4-4 8 0t8 0 8 0 8 0M9 32q4-4 8 0t8 0 8 0 6-1" fill="none" stroke="#0b3d66" stroke-width="2.5"/>
        <path d="M14 8h20v12H14z" fill="#b3261e"/>
        </svg>

        """

    static func html(_ page: Page) -> String {
        layout(page.title, page.paragraphs.map { "<p>\($0)</p>" }.joined(separator: "\n"))
    }

    /// The page of results for words that a visitor typed; they are shown escaped.
    static func results(for words: String, found: [Page]) -> String {
        let list = found.map { "<li><a href=\"\($0.path)\">\($0.title)</a></li>" }.joined(separator: "\n")
        let outcome = found.isEmpty ? "<p>Geen pagina gevonden.</p>" : "<ul>\n\(list)\n</ul>"
        return layout(searchWord, "<p>U zocht op “\(escaped(words))”.</p>\n\(outcome)")
    }

    private static func layout(_ title: String, _ content: String) -> String {
        let links = pages.dropFirst().map { "<li><a href=\"\($0.path)\">\($0.title)</a></li>" }.joined(separator: "\n")
        return """
            <!doctype html>
            <html lang="nl">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title) - Gemeente Waterdam</title>
            <link rel="stylesheet" href="/stijl.css">
            </head>
            <body>
            <header><img src="/wapen.svg" alt=""><a href="/">Gemeente Waterdam</a></header>
            <main>
            <h1>\(title)</h1>
            <form action="/zoeken" role="search">
            <label for="q">Zoeken</label><input id="q" name="q" type="search"><button>Zoek</button>
            </form>
            \(content)
            <nav aria-label="Onderwerpen"><ul>
            \(links)
            </ul></nav>
            </main>
            <footer>Waterdam bestaat niet: deze site hoort bij een demonstratie.</footer>
            </body>
            </html>

            """
    }

    static func escaped(_ text: String) -> String {
        var safe = ""
        for character in text.unicodeScalars {
            switch character {
            case "<": safe += "&lt;"
            case ">": safe += "&gt;"
            case "&": safe += "&amp;"
            case "\"": safe += "&quot;"
            default: safe.unicodeScalars.append(character)
            }
        }
        return safe
    }
}
