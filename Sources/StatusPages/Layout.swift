internal import Languages
internal import PublicStatus

/// What stands around every page.
struct Layout {
    /// The path in Dutch and in English.
    var paths: Words
    var title: String
    /// Of the Atom feed that belongs to the page, in Dutch.
    var feed: String
    /// The same content for programs.
    var data: String?
    /// The way up: a path and its name.
    var parent: (path: String, title: String)?

    init(paths: Words, title: String, feed: String = "/atom.xml", data: String? = nil) {
        self.paths = paths
        self.title = title
        self.feed = feed
        self.data = data
    }

    init(path: String, title: String, feed: String = "/atom.xml", data: String? = nil) {
        self.init(
            paths: Words(nl: Voice(.nl).path(path), en: Voice(.en).path(path)), title: title, feed: feed, data: data)
    }

    func page(_ content: Markup, of site: Site, _ voice: Voice) -> Markup {
        """
        \(head(site, voice))<body>
        <a class="skip" href="#main">\(voice.say("Naar de inhoud", "Skip to content"))</a>
        \(Icon.symbols)<header><a href="\(voice.path("/"))">\(site.title.clipped(80))</a>
        <nav aria-label="\(voice.say("Taal", "Language"))"><a href="\(paths[voice.other.language])" \
        hreflang="\(voice.other.language.rawValue)" lang="\(voice.other.language.rawValue)">\
        \(voice.other.say("Nederlands", "English"))</a></nav></header>
        <main id="main" tabindex="-1">
        \(crumb)<h1>\(title)</h1>
        <p class="quiet">\(Self.age(site, voice))</p>
        \(content)</main>
        \(foot(site, voice))</body>
        </html>

        """
    }

    private var crumb: Markup {
        guard let parent else { return .nothing }
        return "<p class=\"crumb\"><a href=\"\(parent.path)\">\(parent.title)</a></p>\n"
    }

    private func head(_ site: Site, _ voice: Voice) -> Markup {
        """
        <!DOCTYPE html>
        <html lang="\(voice.language.rawValue)">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
        img-src data:; base-uri 'none'; form-action 'none'">
        <title>\(title == site.title ? title : title + " - " + site.title.clipped(80))</title>
        <link rel="icon" href="data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E\
        %3Cpath%20d='M2%209h3l2-5%203%209%202-4h2'%20fill='none'%20stroke='%230b7aa0'%20stroke-width='2'/%3E%3C/svg%3E">
        <link rel="alternate" hreflang="nl" href="\(site.address)\(paths.nl)">
        <link rel="alternate" hreflang="en" href="\(site.address)\(paths.en)">
        <link rel="alternate" type="application/atom+xml" href="\(voice.path(feed))" title="Atom">
        <style>
        \(Markup(text: Style.sheet))</style>
        </head>

        """
    }

    private func foot(_ site: Site, _ voice: Voice) -> Markup {
        let data: Markup =
            self.data.map {
                "<li><a href=\"\($0)\">\(voice.say("Gegevens (JSON, CC0)", "Data (JSON, CC0)"))</a></li>\n"
            }
            ?? .nothing
        return """
            <footer>
            <ul>
            <li><a href="\(voice.path(feed))">\(voice.say("Nieuws volgen (Atom)", "Follow the news (Atom)"))</a></li>
            \(data)<li><a href="\(Site.accessibility[voice.language])">\
            \(voice.say("Toegankelijkheid", "Accessibility"))</a></li>
            </ul>
            </footer>

            """
    }

    /// When the page was made, and how old it is where the server writes that in.
    private static func age(_ site: Site, _ voice: Voice) -> Markup {
        switch voice.language {
        case .nl:
            """
            <span class="age">Deze pagina is <b>\(.age(.dutch))</b> geleden gemaakt.</span> \
            Dit is de stand van \(voice.time(site.made)).
            """
        case .en:
            """
            <span class="age">This page was made <b>\(.age(.english))</b> ago.</span> \
            It shows the state of \(voice.time(site.made)).
            """
        }
    }
}

/// States are told apart by shape and words; colour only helps.
enum Icon {
    static func state(_ state: PublicState) -> Markup { use(state.rawValue) }

    /// An attack that goes on.
    static let busy = use("busy")

    private static func use(_ name: String) -> Markup {
        "<svg aria-hidden=\"true\"><use href=\"#i-\(name)\"/></svg>"
    }

    static let symbols: Markup = """
        <svg width="0" height="0" style="position:absolute" aria-hidden="true">
        <symbol id="i-up" viewBox="0 0 20 20"><circle cx="10" cy="10" r="8.5"/><path d="M6 10l3 3 5-6"/></symbol>
        <symbol id="i-degraded" viewBox="0 0 20 20"><path d="M10 2l9 16H1zM10 8v5M10 14.5v2"/></symbol>
        <symbol id="i-down" viewBox="0 0 20 20"><path d="M2 2h16v16H2zM6 6l8 8M14 6l-8 8"/></symbol>
        <symbol id="i-unknown" viewBox="0 0 20 20"><circle cx="10" cy="10" r="8.5" stroke-dasharray="3 2"/>\
        <path d="M7 8a3 3 0 1 1 3 3v1.5M10 14v2"/></symbol>
        <symbol id="i-maintenance" viewBox="0 0 20 20"><path d="M10 1l9 9-9 9-9-9zM6 10h8"/></symbol>
        <symbol id="i-busy" viewBox="0 0 20 20"><path d="M11 1L4 11h6l-1 8 7-11h-6z" stroke-linejoin="round"/></symbol>
        </svg>

        """
}
