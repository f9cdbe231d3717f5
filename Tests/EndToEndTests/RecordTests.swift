import Addresses
import FoundationEssentials
import Glibc
import Load
import TestKit
import Testing

/// The record and the public pages, with the real programs: what is kept, what is shown, what survives.
@Suite(.serialized) struct RecordTests {
    static let host = "www.example.nl"
    static let status = "status.example.nl"

    /// An installation with one site, its prober every second, and public pages.
    final class Stage {
        let origin: MunicipalOrigin
        let wasstraat: RunningWasstraat
        var office: Child

        init(_ number: UInt32) throws {
            origin = try MunicipalOrigin()
            wasstraat = try RunningWasstraat(at: Address(ipv4: 127 << 24 | 78 << 8 | number))
            try wasstraat.configure(
                [RunningWasstraat.Site(host: host, origin: origin.endpoint)],
                record: [
                    "console: {listen: off}", "prober: {interval: 1 s}",
                    "pages: {host: \(status), address: \"https://\(status)\"}",
                ])
            office = try wasstraat.start()
        }

        /// A public page's status and text.
        func page(_ path: String = "/en/") throws -> (status: Int, text: String) {
            var client = try RawClient(to: wasstraat.clear)
            let answer = try client.get(path, host: status, fields: ["Connection: close"])
            return (answer.status, answer.bodyText)
        }

        func waitForPages() throws {
            guard eventually(within: 15_000, { (try? page().status) == 200 }) else {
                throw NotReady("no pages:\n\(wasstraat.log)")
            }
        }

        func flood(seconds: Double) throws { try RecordTests.flood(wasstraat.clear, seconds: seconds) }
    }

    /// A flood of searches from many sources of this machine, for some seconds, without TLS.
    private static func flood(_ target: Endpoint, seconds: Double) throws {
        _ = try Traffic(
            Traffic.Plan(host: host, target: target, authority: nil, floodRate: 250, seconds: seconds)
        ).figures()
    }

    @Test func `the public page survives the office, and says how old it is`() throws {
        let stage = try Stage(1)
        try stage.waitForPages()
        #expect(try stage.page().text.contains("This page was made"))
        kill(stage.office.process, SIGKILL)
        _ = stage.office.wait()
        pauseThread(3_000)
        let old = try stage.page()
        #expect(old.status == 200)
        let age = try #require(Self.age(in: old.text))
        #expect(age >= 3)
        // A new office takes over and the page is fresh again; the register is whole.
        try stage.wasstraat.startOffice()
        #expect(eventually(within: 15_000) { (try? stage.page().text).flatMap(Self.age).map { $0 < 3 } == true })
        #expect(try stage.wasstraat.ask("report", "incidents").contains("holds no incident"))
    }

    /// Seconds in "This page was made 12 seconds ago".
    private static func age(in text: String) -> Int? {
        guard let range = text.firstRange(of: "was made <b>") else { return nil }
        return Int(text[range.upperBound...].prefix { $0.isNumber })
    }

    @Test func `an attack is told to the public in one command, and no source is named anywhere`() throws {
        let stage = try Stage(2)
        try stage.waitForPages()
        try stage.flood(seconds: 12)
        guard
            eventually(
                within: 20_000, { (try? stage.wasstraat.ask("report", "incidents"))?.contains("-1 ") == true })
        else { throw NotReady("no attack on record:\n\(stage.wasstraat.log)") }
        let number = try #require(
            try stage.wasstraat.ask("report", "incidents").split(separator: " ").first.map(String.init))
        _ = try stage.wasstraat.ask("say", number, "--nl", "Wij doen er iets aan.", "--en", "We are at work on it.")
        #expect(
            eventually(within: 15_000) {
                (try? stage.page("/en/incident/\(number)").text)?.contains("We are at work on it.") == true
            })
        var shown = try stage.wasstraat.ask("report", "questions", number, "--format", "json")
        shown += try stage.wasstraat.ask("report", "questions", number, "--format", "html", "--language", "nl")
        shown += try stage.wasstraat.ask("report", "statistics", "--format", "json")
        shown += try stage.wasstraat.ask("report", "incidents", "--format", "json")
        for path in ["/", "/en/", "/en/incident/\(number)", "/incident/\(number)", "/atom.xml", "/status.json"] {
            shown += try stage.page(path).text
        }
        // The networks are in the sealed part, for who says why.
        #expect(throws: TestKitError.self) { try stage.wasstraat.ask("report", "sealed", number) }
        let sealed = try stage.wasstraat.ask(
            "report", "sealed", number, "--reason", "a test of the sealed part", "--by", "tester")
        #expect(sealed.contains("127.") && sealed.contains("/24"))
        // The flood's fingerprint goes on file, signed, and to a neighbour, where it starts dry.
        guard eventually(within: 20_000, { (try? stage.wasstraat.ask("export"))?.contains("own") == true }) else {
            throw NotReady("no fingerprint on file:\n\(stage.wasstraat.log)")
        }
        let identifier = try #require(
            try stage.wasstraat.ask("export").split(separator: " ").first.map(String.init))
        let form = try stage.wasstraat.ask("export", identifier)
        shown += form + stage.wasstraat.log + stage.wasstraat.text("state/access.log")
        // Visitors and the flood come from networks of this machine, but for the office's own 127.0.0.1.
        let sources = shown.matches(of: /127\.\d+\.\d+\.\d+/).map { String($0.output) }
            .filter { $0 != "127.0.0.1" && !$0.hasPrefix("127.0.78.") }
        #expect(sources == [])
        let neighbour = try Stage(3)
        #expect(throws: TestKitError.self) { try neighbour.wasstraat.ask("import", "-", input: form) }
        #expect(try neighbour.wasstraat.ask("import", "-", "--accept-unknown", input: form).contains("dry"))
        #expect(try neighbour.wasstraat.ask("export").contains("dry"))
        // Backup while it runs; restore once it stands still.
        let copy = stage.wasstraat.folder.path("copy.db")
        _ = try stage.wasstraat.ask("backup", copy)
        #expect(throws: TestKitError.self) { try stage.wasstraat.ask("restore", copy, "--force") }
        kill(stage.office.process, SIGTERM)
        #expect(stage.office.wait() == 0)
        _ = try stage.wasstraat.ask("restore", copy, "--force")
        #expect(try stage.wasstraat.ask("report", "incidents").contains(number))
    }

    @Test(.needs(tool: "sqlite3"))
    func `what the lanes turned away stands with the measure while the attack goes on`() throws {
        let stage = try Stage(9)
        try stage.waitForPages()
        let target = stage.wasstraat.clear
        let flood = try TestThread { try? Self.flood(target, seconds: 20) }
        defer { flood.join() }
        func measures() throws -> String {
            try Tool.run([
                "sqlite3", stage.wasstraat.state + "/register.db",
                """
                SELECT form ->> '$.status', form ->> '$.dropped' FROM mitigation
                WHERE form -> '$.kind.admission' IS NOT NULL
                """,
            ])
        }
        #expect(
            eventually(within: 19_000) { (try? measures().contains(#/^live\|[1-9]/#)) == true },
            "\(stage.wasstraat.log)")
    }

    @Test(.needs(tool: "sqlite3")) func `a tampered register is refused, and the site is served all the same`()
        throws
    {
        let stage = try Stage(4)
        try stage.waitForPages()
        _ = try stage.wasstraat.ask(
            "account", "add", "iemand", "--role", "auditor", input: "een heel lang wachtwoord\n")
        kill(stage.office.process, SIGTERM)
        #expect(stage.office.wait() == 0)
        try Tool.run([
            "sqlite3", stage.wasstraat.state + "/register.db", "UPDATE account SET role = 'operator'",
        ])
        do {
            _ = try stage.wasstraat.ask("account", "list")
            Issue.record("a tampered register was read")
        } catch {
            #expect("\(error)".contains("account"))
        }
        try stage.wasstraat.startOffice()
        #expect(eventually(within: 15_000) { stage.wasstraat.log.contains("the register is refused") })
        #expect(
            eventually(within: 10_000) {
                var client = try? RawClient(to: stage.wasstraat.clear)
                return (try? client?.get("/", host: Self.host, fields: ["Connection: close"]).status) == 200
            })
    }

    @Test func `two organisations on two lanes under one office do not see each other`() throws {
        let origins = try [MunicipalOrigin(), MunicipalOrigin()]
        let wasstraat = try RunningWasstraat(at: Address(ipv4: 127 << 24 | 78 << 8 | 6))
        let hosts = ["www.oost.example", "www.west.example"]
        try wasstraat.folder.write(
            """
            state: \(wasstraat.state)
            metrics: {listen: "\(wasstraat.metrics)"}
            console: {listen: off}
            prober: {interval: 1 s}
            pages: {host: \(Self.status)}
            lanes:
              - {name: oost, listeners: [{listen: "\(wasstraat.clear)", tls: false}], organisations: [oost]}
              - {name: west, listeners: [{listen: "\(wasstraat.secure)", tls: false}], organisations: [west]}
            organisations:
              - {name: oost, sites: [{host: \(hosts[0]), origin: "http://\(origins[0].endpoint)"}]}
              - {name: west, sites: [{host: \(hosts[1]), origin: "http://\(origins[1].endpoint)"}]}
            """, to: "wasstraat.yaml")
        let office = try wasstraat.startOffice()
        defer { withExtendedLifetime((office, origins)) {} }
        func status(_ host: String, at endpoint: Endpoint, _ path: String = "/") -> Int? {
            var client = try? RawClient(to: endpoint)
            return (try? client?.get(path, host: host, fields: ["Connection: close"]))?.status
        }
        #expect(
            eventually(within: 15_000) {
                status(hosts[0], at: wasstraat.clear) == 200 && status(hosts[1], at: wasstraat.secure) == 200
                    && status(Self.status, at: wasstraat.clear) == 200
                    && status(Self.status, at: wasstraat.secure) == 200
            }, "\(wasstraat.log)")
        // Each lane has its own organisation's sites only.
        #expect(status(hosts[1], at: wasstraat.clear) == 421)
        #expect(status(hosts[0], at: wasstraat.secure) == 421)
        // And each organisation's page has its own sites only; both lanes serve both pages.
        var client = try RawClient(to: wasstraat.secure)
        let page = try client.get("/en/oost/", host: Self.status, fields: ["Connection: close"]).bodyText
        #expect(page.contains(hosts[0]) && !page.contains(hosts[1]))
        // One lane dies; the other does not notice, and the first is back.
        let lanes = try ["oost", "west"].map {
            try #require(pid_t(wasstraat.text("state/lane-\($0).lock").filter(\.isNumber)))
        }
        kill(lanes[0], SIGKILL)
        #expect(status(hosts[1], at: wasstraat.secure) == 200)
        #expect(eventually(within: 5_000) { status(hosts[0], at: wasstraat.clear) == 200 })
        kill(office.process, SIGTERM)
        #expect(office.wait() == 0)
    }

    @Test(.needs(tool: "wrk")) func `the public page holds under load, and the site's visitors notice nothing`()
        throws
    {
        let stage = try Stage(5)
        try stage.waitForPages()
        let traffic = try Traffic(
            Traffic.Plan(
                host: Self.host, target: stage.wasstraat.clear, authority: nil, floodRate: 0, seconds: 6))
        try traffic.waitUntilMixed()
        let report = try Tool.run([
            "wrk", "-t", "1", "-c", "64", "-d", "4", "-H", "Host: \(Self.status)",
            "http://\(stage.wasstraat.clear)/en/",
        ])
        let figures = try traffic.figures()
        let rate = report.split(separator: "\n").first { $0.contains("Requests/sec") } ?? "no rate"
        print("public page under load: \(rate); \(figures.text)")
        #expect(!report.contains("Non-2xx") && !report.contains("Socket errors"))
        #expect(figures.visitors.clicks.count > 50 && figures.failed == 0)
    }
}
