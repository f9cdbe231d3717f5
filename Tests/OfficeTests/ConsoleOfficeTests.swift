import Addresses
import CLinux
import Detection
import Exchange
import Fingerprints
import Glibc
import Moments
import TestKit
import Testing

/// Orders by hand, given in the console of a running office: over its real port, with real accounts, into the same book as
/// those of the command line.
@Suite(.serialized) struct ConsoleOfficeTests {
    private static let password = "een heel lang wachtwoord"

    /// A browser, as curl is one.
    private struct Browser {
        let office: RunningOffice
        let name: String
        var jar: String { "\(office.folder)/\(name).jar" }

        func ask(_ path: String, _ fields: [(String, String)]? = nil) -> String {
            var words = ["curl", "-s", "-i", "--max-time", "30", "-b", jar, "-c", jar, "-H", "'Accept-Language: en'"]
            for (name, value) in fields ?? [] { words += ["--data-urlencode", "'\(name)=\(value)'"] }
            if fields?.isEmpty == true { words += ["--data", "''"] }
            let (output, _) = RunningOffice.shell(
                (words + ["'http://\(office.endpoint.address):9465\(path)'"]).joined(separator: " "))
            return output
        }

        /// Sends the form on a page.
        func send(_ path: String, _ fields: [(String, String)], from page: String = "/orders") -> String {
            let text = ask(page)
            let key = text.firstRange(of: "name=\"form-key\" value=\"").map {
                text[$0.upperBound...].prefix { $0 != "\"" }
            }
            return ask(path, fields + [("form-key", String(key ?? ""))])
        }
    }

    /// An office with two organisations, and a console with an operator for each and one for all.
    private func start() async throws -> (RunningOffice, (String) -> Browser) {
        let office = RunningOffice()
        office.configureTwo()
        office.write(
            office.read(office.configuration).replacing(
                "console: {listen: off}", with: "console: {listen: '\(office.endpoint.address):9465'}"))
        for (name, organisation) in [("straat", nil), ("oost", "oost"), ("west", "west")] {
            let words = organisation.map { " --organisation \($0)" } ?? ""
            let made = RunningOffice.shell(
                "echo '\(Self.password)' | \(RunningOffice.programs)/wasstraat account add op-\(name) --role operator\(words) "
                    + "--config \(office.configuration)")
            #expect(made.code == 0, "\(made.output)")
        }
        return (office, { Browser(office: office, name: $0) })
    }

    private func signIn(_ browser: Browser) async throws -> Browser {
        try await browser.office.wait("the console") { browser.ask("/login").contains("200 OK") }
        let answer = browser.send(
            "/login", [("name", "op-\(browser.name)"), ("password", Self.password)], from: "/login")
        #expect(answer.contains("303 See Other"), "\(answer)")
        return browser
    }

    private func told(_ office: RunningOffice, _ lane: String, _ kind: String) -> String {
        office.read("\(office.state)/access.log").split(separator: "\n").last { $0.hasPrefix("\(lane) \(kind) ") }
            .map(String.init) ?? ""
    }

    private func list(_ office: RunningOffice) -> String {
        RunningOffice.shell("\(RunningOffice.programs)/wasstraat access list --state \(office.state)").output
    }

    private func record(_ office: RunningOffice) -> String {
        ["register.db", "register.db-wal"].map { office.read("\(office.state)/\($0)") }.joined()
    }

    @Test(.needs(tool: "curl"))
    func `what is said in the console and on the command line is one book, with one log`() async throws {
        let (office, browser) = try await start()
        _ = try office.start()
        let oost = try await signIn(browser("oost"))
        let west = try await signIn(browser("west"))
        let source = [("source", "203.0.113.7"), ("kind", "deny"), ("time", "900"), ("reason", "scanner ticket 7")]
        let said = oost.send("/orders", source + [("site", "www.oost.example")])
        #expect(said.contains("Location: /orders?done=ordered"), "\(said)")
        try await office.wait("the lane's list") {
            told(office, "oost", "access") == "oost access [\"deny 203.0.113.7/32 www.oost.example\"]"
        }
        #expect(list(office).hasPrefix("order 1: deny 203.0.113.7/32 at www.oost.example until "))
        #expect(list(office).contains("by op-oost (console): scanner ticket 7"))
        // Another's site, all sites, and another's order.
        for site in ["www.oost.example", "*"] {
            #expect(west.send("/orders", source + [("site", site)]).contains("Choose a site from the list"))
        }
        #expect(west.send("/orders/1/expire", []).contains("404 Not Found"))
        #expect(!west.ask("/orders").contains("203.0.113.7"))
        // What the command line says is in the console, for who may see it.
        let command =
            "\(RunningOffice.programs)/wasstraat access allow 198.51.100.0/24 --reason kantoor --state \(office.state)"
        #expect(RunningOffice.shell(command).code == 0)
        let street = try await signIn(browser("straat"))
        let page = street.ask("/orders")
        #expect(page.contains(">198.51.100.0/24</h3>") && page.contains(">203.0.113.7</h3>"))
        #expect(oost.ask("/orders").contains("hold at all sites: 1.") && !oost.ask("/orders").contains("198.51.100"))
        #expect(street.send("/orders/2/expire", []).contains("done=expired"))
        #expect(list(office).split(separator: "\n").count == 1)

        #expect(
            west.send(
                "/orders/mode",
                [("mode", "observe"), ("site", "www.west.example"), ("time", "900"), ("reason", "klachten")]
            )
            .contains("done=ordered"))
        try await office.wait("observe") { told(office, "west", "takes").contains("www.west.example observe") }
        #expect(street.ask("/sites/www.west.example").contains("Everything is let through now."))
        // It is a measure on record too, and its end is.
        try await office.wait("the measure") { record(office).contains("op-west (console): klachten") }
        #expect(west.send("/sites/www.west.example/protect", []).contains("done=protecting"))
        try await office.wait("protect") { told(office, "west", "takes").contains("www.west.example protect") }
        let done = [
            ("op-oost (console)", "access.deny"), ("op-straat (console)", "access.expire"),
            ("op-west (console)", "access.observe"), ("op-west (console)", "access.expire"),
        ]
        try await office.wait("the audit") {
            let notes = street.ask("/notes")
            return done.allSatisfy { notes.contains("<td>\($0.0)</td><td>\($0.1)</td>") }
        }
        let notes = street.ask("/notes")
        #expect(notes.contains("www.oost.example: order 1 for 900 s: scanner ticket 7"))
        // No address is anywhere but in the book.
        for text in [notes, record(office), office.log] {
            #expect(!text.contains("203.0.113.7") && !text.contains("198.51.100"))
        }
    }

    @Test(.needs(tool: "curl"))
    func `a rule on requests follows the console, and another organisation's people have no word in it`() async throws {
        let (office, browser) = try await start()
        let made = Moment(seconds: Int64(time(nil)))
        let fingerprint = Fingerprint(
            conditions: [.init(.method, "GET"), .init(.route, "/zoeken?q")],
            evidence: .init(
                coverage: 0.9, collateral: nil, attackCount: 19_000, baselineCount: 0, sources: 512, from: made + -20,
                until: made), made: made, expires: made + 86_400)
        let file = "\(office.folder)/fingerprint.json"
        let form = try fingerprint.export(signedBy: "buur", with: try SigningKey(raw: Array(0..<32)))
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        #expect(write(descriptor, form, form.count) == form.count)
        close(descriptor)
        let taken = RunningOffice.shell(
            "\(RunningOffice.programs)/wasstraat import \(file) --accept-unknown --config \(office.configuration)")
        #expect(taken.code == 0, "\(taken.output)")
        _ = try office.start()
        let oost = try await signIn(browser("oost"))
        try await office.wait("the rule in a lane") { told(office, "oost", "rules").contains("www.oost.example 1") }
        let number = RequestRule.digits(of: LiveRule.number(of: fingerprint.conditions))
        let path = "/sites/www.oost.example/rules/\(number)"
        let page = oost.ask(path)
        #expect(
            page.contains("Dry: counts only") && page.contains("<dd>90%</dd>") && page.contains("route = /zoeken?q"))
        let west = try await signIn(browser("west"))
        #expect(west.ask(path).contains("404 Not Found"))
        let word = [("where", "site"), ("reason", "twijfel")]
        #expect(west.send(path, word + [("word", "undo")]).contains("404 Not Found"))
        for (name, state) in [
            ("observe", "Counts only, by hand"), ("protect", "Dry: counts only"), ("undo", "Taken away"),
        ] {
            #expect(oost.send(path, word + [("word", name)], from: path).contains("done=told"), "\(name)")
            // At once: who gave the order sees what it did.
            #expect(oost.ask(path).contains(">\(state)</span>"), "\(name)")
        }
        try await office.wait("the lane without it") { told(office, "oost", "rules").contains("www.oost.example 0") }
        #expect(told(office, "west", "rules").contains("www.west.example 1"))
        try await office.wait("the audit") { record(office).contains("rule.undo") }
        let street = try await signIn(browser("straat"))
        #expect(street.ask("/notes").contains("<td>op-oost (console)</td><td>rule.undo</td>"))
    }
}
