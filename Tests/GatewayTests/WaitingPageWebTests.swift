import Addresses
import FoundationEssentials
import Messages
import TestKit
import Testing

/// The waiting page as browsers and validators see it.
@Suite struct `The waiting page in a browser` {
    @Test(.enabled("needs chromium, java and the Python packages of scripts/web-check") { WebCheck.isReady })
    func `no accessibility rule and no validator complains`() throws {
        let street = try Street {
            $0.limits.queueLength = 4
            $0.limits.queueTime = 20_000
            $0.pages = Snapshot.PagesHost(hosts: ["status.example.nl"])
        }
        let clients = try `Who is turned away`.fill(street, milliseconds: 10_000, queue: 4)
        let folder = try TemporaryFolder()
        for (name, language, target) in [
            ("nl", "nl", "/"), ("en", "en-GB,en;q=0.9", "/"), ("zonder", "nl", "/?wasstraat-cookie"),
            ("without", "en", "/?wasstraat-cookie"),
        ] {
            let page = try street.get(
                target, fields: ["Accept: text/html", "Accept-Language: \(language)"],
                from: `Who is turned away`.source(1))
            #expect(page.status == 503)
            #expect(page.bodyText.contains("<a href=\"http://status.example.nl:\(street.clear.port)/\">"))
            try folder.write(page.bodyText, to: "\(name).html")
        }
        var arguments = [WebCheck.script, folder.path, "--refreshing", "--limit", "4000"]
        // For whoever wants to look at the pages.
        if let pictures = ProcessInfo.processInfo.environment["WASSTRAAT_SCREENSHOTS"] {
            arguments += ["--screenshots", pictures]
        }
        let output = try Tool.run(arguments)
        #expect(output.contains("4 pages, 0 complaints"))
        withExtendedLifetime(clients) {}
    }

    @Test(.enabled("needs chromium, java and the Python packages of scripts/web-check") { WebCheck.isReady })
    func `a browser waits by itself until the site answers`() throws {
        let street = try Street {
            $0.limits.queueLength = 64
            $0.limits.queueTime = 300
            $0.sites[0].hosts = ["127.0.0.1"]
        }
        street.origin.answer(
            "/welkom",
            with: [
                .text(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 25\r\n\r\n<p>Welkom in de gemeente\n"
                )
            ])
        let clients = try (0..<10).map { try street.visitor(from: `Who is turned away`.source(1000 + $0)) }
        for client in clients { try client.send(request("GET /slow/12000 HTTP/1.1", "Host: 127.0.0.1")) }
        #expect(street.lane.status(within: 10_000) { $0.sites[0].inFlight == 10 }.sites[0].inFlight == 10)
        let output = try Tool.run([
            WebCheck.script, "--await", "http://127.0.0.1:\(street.clear.port)/welkom", "Welkom in de gemeente",
        ])
        #expect(output.contains("first Even wachten: het is druk"), "\(output)")
        #expect(output.contains("then http://127.0.0.1:\(street.clear.port)/welkom\n"), "\(output)")
        withExtendedLifetime(clients) {}
    }
}
