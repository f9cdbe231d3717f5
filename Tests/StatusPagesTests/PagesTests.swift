internal import FoundationEssentials
internal import Languages
internal import Moments
internal import PublicStatus
internal import StatusPages
internal import Testing

let pages = StatusPages(address: "https://status.example/")

func seedFiles(hostile: Bool = true) throws -> [PageFile] {
    let (overall, organisations) = Seed.overviews(hostile: hostile)
    return try pages.files(overall: overall, organisations: organisations)
}

extension PageFile {
    var text: String { String(decoding: body, as: UTF8.self) }
    var isPage: Bool { contentType.hasPrefix("text/html") }

    /// As the lane serves it.
    var served: [UInt8] {
        var result = body
        for mark in ages.reversed() {
            let words =
                switch mark.form {
                case .dutch: "12 seconden"
                case .english: "12 seconds"
                case .seconds: "12"
                }
            result.insert(contentsOf: Array(words.utf8), at: mark.offset)
        }
        return result
    }
}

struct PagesTests {
    @Test func `every page that must be there is there, in both languages`() throws {
        let paths = try seedFiles().map(\.path)
        #expect(Set(paths).count == paths.count && paths == paths.sorted())
        for path in ["/", "/waterdam/", "/leegveld/", "/incident/2026-5", "/atom.xml", "/waterdam/atom.xml"] {
            #expect(paths.contains(path) && paths.contains("/en" + path), "\(path)")
        }
        for path in [
            "/toegankelijkheid", "/en/accessibility", "/status.json", "/waterdam/status.json", "/robots.txt",
            "/jaar/2026",
            "/jaar/2025", "/en/year/2026", "/en/waterdam/year/2025", "/incident/2026-5.json",
        ] {
            #expect(paths.contains(path), "\(path)")
        }
        for file in try seedFiles() where file.isPage {
            #expect(file.text.contains("<html lang=\"\(file.path.hasPrefix("/en/") ? "en" : "nl")\">"), "\(file.path)")
        }
    }

    @Test func `the same input gives the same bytes`() throws {
        let files = (try seedFiles(), try seedFiles())
        #expect(files.0.map(\.path) == files.1.map(\.path))
        #expect(files.0.map(\.body) == files.1.map(\.body))
    }

    @Test func `the age stands where the page says so, once on every page and in all data`() throws {
        for file in try seedFiles() {
            let served = String(decoding: file.served, as: UTF8.self)
            if file.isPage {
                let isEnglish = file.path.hasPrefix("/en/")
                #expect(file.ages.map(\.form) == [isEnglish ? .english : .dutch], "\(file.path)")
                let sentence =
                    isEnglish
                    ? "This page was made <b>12 seconds</b> ago." : "Deze pagina is <b>12 seconden</b> geleden gemaakt."
                #expect(served.contains(sentence), "\(file.path)")
            } else if file.contentType == "application/json" {
                #expect(file.ages.map(\.form) == [.seconds] && served.contains("\"ageSeconds\":\"12\""), "\(file.path)")
            } else {
                #expect(file.ages.isEmpty, "\(file.path)")
            }
        }
    }

    @Test func `a hostile text stays text`() throws {
        let (overall, organisations) = Seed.overviews()
        let files = try pages.files(overall: overall, organisations: organisations)
        for file in files where !file.path.hasSuffix(".json") {
            for part in ["<script", "<img", "alert('x')", "onerror=\"", "\u{202E}", "\u{81}", "\u{0}"] {
                #expect(!file.text.contains(part), "\(file.path) \(part)")
            }
        }
        let page = try #require(files.first { $0.path == "/incident/2026-6" })
        #expect(page.text.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"))
        // Markup of another kind of template is text too.
        #expect(try #require(files.first { $0.path == "/en/incident/2026-6" }).text.contains("{{{name}}}"))
    }

    @Test func `every page and every copy of the data is whole without the age`() throws {
        for file in try seedFiles() where file.contentType == "application/json" {
            _ = try JSONDecoder().decode(Shape.self, from: Data(file.body))
        }
    }

    /// Any JSON object.
    struct Shape: Decodable { let licence: String, made: String, ageSeconds: String }

    @Test func `an organisation's page tells of no other organisation`() throws {
        for file in try seedFiles() where file.path.contains("/waterdam/") {
            for other in ["duinstede", "Duinstede", "polderland", "Polderland", "Leegveld"] {
                #expect(!file.text.contains(other), "\(file.path) \(other)")
            }
        }
    }

    @Test func `who did it is in no title, heading or feed`() throws {
        let secret = "Groep Zeemeeuw"
        var (overall, organisations) = Seed.overviews(hostile: false)
        let words = Words(nl: "\(secret) zegt dit.", en: "\(secret) says so.")
        for index in overall.incidents.indices { overall.incidents[index].attribution = words }
        for index in organisations.indices {
            for number in organisations[index].incidents.indices {
                organisations[index].incidents[number].attribution = words
            }
        }
        let files = try pages.files(overall: overall, organisations: organisations)
        let pages = files.filter { $0.text.contains(secret) && !$0.path.hasSuffix(".json") }
        #expect(pages.count == 2 * overall.incidents.count)
        for page in pages {
            #expect(page.path.contains("/incident/"))
            for tag in ["title", "h1", "h2", "h3"] {
                #expect(!page.text.elements(tag).contains { $0.contains(secret) }, "\(page.path) \(tag)")
            }
        }
    }

    @Test func `figures are written as the readers of the language write them`() throws {
        let files = try seedFiles(hostile: false)
        func text(_ path: String) throws -> String { try #require(files.first { $0.path == path }).text }
        for part in [
            "21 minuten en 5 seconden", "12.480 verzoeken", "maandag 16 november 2026, 14.43 uur (Nederlandse tijd)",
        ] {
            #expect(try text("/incident/2026-4").contains(part), "\(part)")
        }
        for part in ["21 minutes and 5 seconds", "12,480 requests", "Monday 16 November 2026, 14:43 (Dutch time)"] {
            #expect(try text("/en/incident/2026-4").contains(part), "\(part)")
        }
        #expect(try text("/waterdam/").contains("Bereikbaar: 99,98 % van de gemeten tijd. Gemeten: 99 % van 90 dagen."))
        #expect(try text("/en/waterdam/").contains("Available: 99.98% of the time measured. Measured: 99% of 90 days."))
    }

    @Test func `what was not measured is never called available or fended off`() throws {
        let files = try seedFiles(hostile: false)
        let incident = try #require(files.first { $0.path == "/incident/2026-3" }).text
        #expect(incident.contains("niet bekend (voorlopig)") && incident.contains("<dd>niet gemeten</dd>"))
        #expect(!incident.contains("afgeslagen") && !incident.contains("bleven bereikbaar tijdens"))
        var (overall, organisations) = Seed.overviews(hostile: false)
        organisations[1].services = [organisations[1].services[1]]
        organisations[2].services = [organisations[2].services[0]]
        // One second of 90 days: no rounding makes 100 % of it.
        organisations[2].services[0].days[5].downSeconds = 1
        overall.incidents = []
        let others = try pages.files(overall: overall, organisations: organisations)
        let unknown = try #require(others.first { $0.path == "/duinstede/" }).text
        #expect(unknown.contains("Wij kunnen nu niet meten.") && unknown.contains("Op deze dagen is niets gemeten."))
        #expect(!unknown.contains("100 %") && !unknown.contains("Bereikbaar: "))
        #expect(try #require(others.first { $0.path == "/polderland/" }).text.contains("Bereikbaar: 99,99 % van"))
    }

    @Test func `the public data has these fields and no other`() throws {
        let files = try seedFiles(hostile: false)
        var keys: Set<String> = []
        for file in files where file.path.hasSuffix(".json") {
            for part in file.text.split(separator: "\":").dropLast() {
                keys.insert(String(part.split(separator: "\"").last ?? ""))
            }
        }
        #expect(
            keys == [
                "actions", "admittedPerSecond", "ageSeconds", "at", "attribution", "basis", "day", "days",
                "downSeconds", "en",
                "end", "incident", "incidents", "isProvisional", "known", "latencyMilliseconds", "licence", "made",
                "name", "nl",
                "number", "organisation", "outcome", "peakRate", "plot", "queuedPerSecond", "refusedPerSecond",
                "services",
                "since", "start", "state", "states", "stepSeconds", "text", "timeline", "title", "touchedBackOffice",
                "usualRate", "worst",
            ])
    }

    @Test func `what was only watched is told in packets, and nothing is claimed of it`() throws {
        var (overall, organisations) = Seed.overviews(hostile: false)
        overall.incidents = [
            Seed.incident("2026-9", "waterdam", hoursAgo: 5, hours: 1, .unknown, down: nil, backOffice: nil, plot: nil)
        ]
        overall.incidents[0].peakRate = nil
        overall.incidents[0].usualRate = nil
        overall.incidents[0].actions = []
        overall.incidents[0].peakPackets = 98_765
        overall.incidents[0].peakBits = 1_234_000_000
        let files = try pages.files(overall: overall, organisations: organisations)
        func text(_ path: String) throws -> String { try #require(files.first { $0.path == path }).text }
        let page = try text("/en/incident/2026-9")
        #expect(page.contains("98,765 packets a second, 1,234 megabits a second. We only watched this"))
        #expect(page.contains("We only watched this attack. We do not know"))
        #expect(!page.contains("requests") && !page.contains("fended off") && !page.contains("measured too little"))
        #expect(try !text("/incident/2026-9").contains("verzoeken"))
        let data = try text("/incident/2026-9.json")
        #expect(data.contains("\"peakPacketsPerSecond\":98765") && !data.contains("peakRate"))
        overall.incidents[0].isAnswered = true
        let answered = try pages.files(overall: overall, organisations: organisations)
        let said = try #require(answered.first { $0.path == "/en/incident/2026-9" }).text
        #expect(said.contains("We answered attempts to connect in a way that takes up no room. We do not know whether"))
        #expect(!said.contains("only watched") && !said.contains("stopped part"))
        overall.incidents[0].isFiltered = true
        let filtered = try pages.files(overall: overall, organisations: organisations)
        let told = try #require(filtered.first { $0.path == "/en/incident/2026-9" }).text
        #expect(told.contains("We stopped part of it."))
        #expect(told.contains("We stopped part of this attack. We do not know"))
        #expect(!told.contains("only watched") && !told.contains("requests") && !told.contains("fended off"))
    }

    @Test func `names that cannot stand in an address are refused`() throws {
        for name in ["", "en", "incident", "Waterdam", "a/b", "../x", "jaar", String(repeating: "a", count: 64)] {
            var (overall, organisations) = Seed.overviews(hostile: false)
            organisations[0].name = name
            overall.incidents = []
            #expect(throws: StatusPagesError.name(name)) {
                try pages.files(overall: overall, organisations: organisations)
            }
        }
        var (overall, organisations) = Seed.overviews(hostile: false)
        overall.incidents[0].number = "2026/7"
        #expect(throws: StatusPagesError.number("2026/7")) {
            try pages.files(overall: overall, organisations: organisations)
        }
        (overall, organisations) = Seed.overviews(hostile: false)
        organisations[1].name = "waterdam"
        #expect(throws: StatusPagesError.twice("waterdam")) {
            try pages.files(overall: overall, organisations: organisations)
        }
    }

    @Test func `no page is larger than 30 kB, whatever the texts and however many`() throws {
        // Quotation marks grow most when they are escaped.
        let long = String(repeating: "\"", count: 20_000)
        let words = Words(nl: long, en: long)
        let bad = Seed.days(Dictionary(uniqueKeysWithValues: (0..<90).map { ($0, $0 % 2 == 0 ? .down : .degraded) }))
        let services = (0..<300).map { Seed.service("s\($0)", long, "org", .down, days: bad) }
        let incidents = (0..<300).map { number in
            var incident = Seed.incident(
                "2026-\(number)", "org0", hoursAgo: Double(number), hours: number == 0 ? nil : 1, .down, down: 60,
                backOffice: true, plot: Seed.plot(.down))
            incident.services = Array(repeating: long, count: 50)
            incident.actions = Array(repeating: words, count: 50)
            incident.attribution = words
            incident.basis = words
            incident.timeline = (0..<200).map { .init(at: incident.start + Double($0), text: words) }
            return incident
        }
        let organisations = (0..<300).map {
            PublicOverview(
                made: Seed.now, name: "org\($0)", title: long, services: $0 == 0 ? services : [services[0]],
                incidents: $0 == 0 ? incidents : [], basis: words)
        }
        let overall = PublicOverview(
            made: Seed.now, name: "", title: long, services: services, incidents: incidents, basis: words)
        let files = try pages.files(overall: overall, organisations: organisations)
        for file in files {
            #expect(file.served.count <= (file.isPage ? 30_000 : 4 << 20), "\(file.path)")
        }
    }

    @Test func `a full register stays below what the lane keeps in memory`() throws {
        var (overall, organisations) = Seed.overviews(hostile: false)
        let many = (0..<2_000).map {
            Seed.incident(
                "2026-\($0)", "polderland", hoursAgo: Double($0) / 4, hours: 0.1, .fendedOff, down: 0, backOffice: nil,
                plot: Seed.plot(.up))
        }
        overall.incidents = many
        organisations = [organisations[2]]
        organisations[0].incidents = many
        let files = try pages.files(overall: overall, organisations: organisations)
        #expect(files.reduce(0) { $0 + $1.body.count } < 32 << 20)
        #expect(files.count < 16_384 && files.allSatisfy { $0.path.utf8.count <= 512 && $0.body.count <= 4 << 20 })
        let made = files.count { $0.path.hasPrefix("/incident/") && $0.isPage }
        #expect((300...StatusPages.incidentPages).contains(made), "\(made)")
    }
}

extension String {
    /// What stands in the elements of a name, with what is nested in them.
    func elements(_ tag: String) -> [Substring] {
        var result: [Substring] = []
        var rest = self[...]
        while let open = rest.firstRange(of: "<\(tag)"), let end = rest[open.upperBound...].firstIndex(of: ">") {
            let next = rest[open.upperBound]
            rest = rest[rest.index(after: end)...]
            guard next == ">" || next == " " else { continue }
            guard let close = rest.firstRange(of: "</\(tag)>") else { break }
            result.append(rest[..<close.lowerBound])
        }
        return result
    }
}
