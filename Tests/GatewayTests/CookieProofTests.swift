import Addresses
import Messages
import TestKit
import Testing

/// Suspects, and all unknown visitors where far more come than can wait, are asked for a cookie by a redirect. curl follows
/// it as browsers do, with a cookie jar and without.
@Suite(.needs(tool: "curl")) struct `Who is asked for a cookie` {
    private typealias Page = `Who is turned away`

    /// A source that asks far more than others do, while there is no room. Over TLS it is another site.
    private static func suspect(
        _ milliseconds: Int = 15_000, isTLS: Bool = false
    ) throws -> (Street, [RawClient]) {
        let street = try Street(certificates: isTLS ? try Street.Certificates() : nil) {
            $0.limits.queueLength = 4
            $0.limits.queueTime = 20_000
            // Nobody becomes known by having been here.
            $0.historyTime = 1
        }
        let host = isTLS ? secureHost : Street.host
        let place = isTLS ? 1 : 0
        func client(_ number: Int) throws -> RawClient {
            try RawClient(to: isTLS ? street.both : street.clear, from: Page.source(number))
        }
        // What is usual: four requests from each of eighty sources, of one kind with all that follow.
        for number in 0..<80 {
            var client = try client(number)
            for _ in 0..<4 { #expect(try client.get("/slow/1", host: host).status == 200) }
        }
        var greedy = try client(200)
        var status = street.lane.status { _ in true }
        for batch in 1...20 where status.sites[place].classes[2].requests == 0 {
            for _ in 0..<25 { #expect(try greedy.get("/slow/1", host: host).status == 200) }
            status = street.lane.status {
                $0.sites[place].classes.reduce(0) { $0 + $1.requests } == 320 + 25 * UInt64(batch)
            }
        }
        #expect(status.sites[place].classes[2].requests > 0)
        let clients = try Page.fill(
            street, milliseconds: milliseconds, queue: 4, host: host, at: isTLS ? street.both : street.clear,
            site: place)
        return (street, clients)
    }

    private static let secureHost = "veilig.example.nl"

    private struct Answer {
        var status: Int
        var redirects: Int
        var address: String
        var text: String
    }

    /// curl from the source that asks much.
    private static func curl(
        _ street: Street, _ target: String, _ options: [String], scheme: String = "http", host: String = Street.host
    ) throws -> Answer {
        let port = scheme == "https" ? street.tls.port : street.clear.port
        let output = try Tool.run(
            [
                "curl", "-sS", "-k", "-L", "--max-redirs", "5", "--max-time", "60", "--interface", "127.1.0.200",
                "--resolve", "\(host):\(port):127.0.0.1", "-H", Page.browser[0], "-H", Page.browser[1],
                "-w", "\n%{http_code} %{num_redirects} %{url_effective}",
            ] + options + ["\(scheme)://\(host):\(port)\(target)"])
        let lines = output.split(separator: "\n").map(String.init)
        let words = (lines.last ?? "").split(separator: " ").map(String.init)
        guard words.count == 3, let status = Int(words[0]), let redirects = Int(words[1]) else {
            throw TestKitError.malformed(output)
        }
        return Answer(
            status: status, redirects: redirects, address: words[2], text: lines.dropLast().joined(separator: "\n"))
    }

    @Test(arguments: [false, true])
    func `who brings it waits, at the address that was asked for; who does not is told`(isTLS: Bool) throws {
        let (street, clients) = try Self.suspect(isTLS: isTLS)
        func curl(_ target: String, _ options: String...) throws -> Answer {
            // In clear HTTP/1.1, under TLS HTTP/2.
            try Self.curl(
                street, target, options, scheme: isTLS ? "https" : "http",
                host: isTLS ? Self.secureHost : Street.host)
        }
        let folder = try TemporaryFolder()
        let jar = folder.path("jar")
        let with = try curl("/slow/1?q=a%20b&r", "-b", jar, "-c", jar)
        #expect(with.status == 503)
        #expect(with.redirects == 2)
        #expect(with.address.hasSuffix("/slow/1?q=a%20b&r"))
        #expect(with.text.contains("Uw plaats in de rij staat in een cookie"))
        #expect(try String(decoding: folder.read("jar"), as: UTF8.self).contains("wasstraat-turn"))
        // With the cookie there is nothing more to prove.
        #expect(try curl("/slow/1", "-b", jar, "-c", jar).redirects == 0)
        let without = try curl("/slow/1")
        #expect(without.status == 503)
        #expect(without.redirects == 1)
        #expect(without.address.hasSuffix("/slow/1?wasstraat-cookie"))
        #expect(without.text.contains("Uw browser bewaart geen cookies"))
        #expect(without.text.contains("http-equiv=\"refresh\""))
        // The same page asks again, and is not sent round again.
        #expect(try curl("/slow/1?wasstraat-cookie").redirects == 0)
        // What is no page of a browser is told to slow down, as ever.
        let post = try curl("/slow/1", "-d", "a=b")
        #expect(post.status == 429 && post.redirects == 0)
        #expect(try curl("/stijl.css").redirects == 0)
        let place = isTLS ? 1 : 0
        let site = street.lane.status { $0.sites[place].cookieProofs == 2 }.sites[place]
        #expect(site.cookieProofs == 2)
        #expect(site.turnsReturned >= 2)
        let lines = try street.lane.accessLines(Int(site.classes.reduce(0) { $0 + $1.requests }) + 1)
        #expect(lines.count { $0.contains("\"status\":302") && $0.contains("\"decision\":\"cookie_proof\"") } == 2)
        #expect(lines.count { $0.contains("\"decision\":\"proven\"") } == 1)
        withExtendedLifetime(clients) {}
    }

    @Test(arguments: ["--http1.1", "--http2"]) func `over TLS the cookie is for TLS alone`(version: String) throws {
        let street = try Street(certificates: try Street.Certificates()) {
            $0.limits.queueLength = 4
            $0.limits.queueTime = 20_000
        }
        let host = "veilig.example.nl"
        let clients = try Page.fill(street, milliseconds: 15_000, queue: 4, host: host, at: street.both, site: 1)
        let answer = try Self.curl(street, "/", [version, "-i"], scheme: "https", host: host)
        #expect(answer.status == 503)
        let text = answer.text.lowercased()
        #expect(text.contains("set-cookie: wasstraat-turn="))
        #expect(text.contains("; path=/; max-age=3600; httponly; samesite=lax; secure"))
        #expect(text.contains("content-language: nl") && text.contains("retry-after: "))
        #expect(text.contains("http-equiv=\"refresh\"") && answer.text.contains("</html>"))
        let head = try Self.curl(street, "/", [version, "-I"], scheme: "https", host: host)
        #expect(head.status == 503 && head.text.contains("wasstraat-turn=") && !head.text.contains("<html"))
        withExtendedLifetime(clients) {}
    }

    @Test func `who was served in the meantime gets what was asked for`() throws {
        let (street, clients) = try Self.suspect(3_000)
        let folder = try TemporaryFolder()
        let jar = folder.path("jar")
        let first = try Self.curl(street, "/fixed/4?a=1", ["-b", jar, "-c", jar])
        #expect(first.redirects == 2)
        for var client in clients { #expect(try client.readResponse().status == 200) }
        let second = try Self.curl(street, "/fixed/4?a=1", ["-b", jar, "-c", jar])
        #expect(second.status == 200 && second.redirects == 0)
    }

    /// No origin ever sees the mark, whoever sends it; and nothing else is taken for it.
    @Test func `the mark is taken off`() throws {
        let street = try Street()
        for (target, seen) in [
            ("/a?wasstraat-cookie", "/a"), ("/a?b=c&wasstraat-cookie", "/a?b=c"), ("/a?&wasstraat-cookie", "/a?"),
            ("/a?wasstraat-cookie=1", "/a?wasstraat-cookie=1"), ("/a?xwasstraat-cookie", "/a?xwasstraat-cookie"),
            ("/a/wasstraat-cookie", "/a/wasstraat-cookie"), ("/a&wasstraat-cookie", "/a&wasstraat-cookie"),
            ("/a?b?wasstraat-cookie", "/a?b?wasstraat-cookie"), ("/?wasstraat-cookie&b", "/?wasstraat-cookie&b"),
        ] {
            #expect(try street.get(target).status == 200)
            #expect(street.seen?.target == seen, "\(target)")
        }
        // Behind an empty line, and in the absolute form, the places are others.
        #expect(
            try street.ask("\r\n" + request("GET /x?wasstraat-cookie HTTP/1.1", "Host: \(Street.host)")).status == 200)
        #expect(street.seen?.target == "/x")
        #expect(
            try street.ask(
                request("GET http://\(Street.host)/y?wasstraat-cookie HTTP/1.1", "Host: \(Street.host)")
            ).status == 200)
        #expect(street.seen?.target == "/y")
    }

    /// A redirect names no host, so it can lead to no other.
    @Test(arguments: ["//elders.example/pad", "/a/b;c:d", "/", "/..", "/a/?b"])
    func `a redirect leads nowhere else`(target: String) throws {
        let (street, clients) = try Self.suspect()
        let response = try street.get(target, fields: Page.browser, from: Page.source(200))
        #expect(response.status == 302)
        let location = try #require(response["location"])
        #expect(location.hasPrefix("?") && location.hasSuffix("wasstraat-cookie"))
        let turn = try #require(response.values("set-cookie").first.map { String($0.prefix { $0 != ";" }) })
        let query = location.dropFirst()
        let marked = target.contains("?") ? target + "&wasstraat-cookie" : target + "?\(query)"
        let back = try street.get(marked, fields: Page.browser + ["Cookie: \(turn)"], from: Page.source(200))
        #expect(back.status == 302)
        #expect(try #require(back["location"]).hasPrefix("./"))
        #expect(back["set-cookie"] == nil)
        withExtendedLifetime(clients) {}
    }

    @Test func `where far more come than can wait, cookies are asked of all who are new`() throws {
        let street = try Street {
            $0.limits.queueLength = 4
            $0.limits.queueTime = 20_000
        }
        let clients = try Page.fill(street, milliseconds: 20_000, queue: 4)
        var number = 300
        var response = HTTPMessage()
        for _ in 0..<100 where response.status != 302 {
            for _ in 0..<30 {
                number += 1
                #expect(try street.get("/", fields: ["Accept: */*"], from: Page.source(number)).status == 503)
            }
            number += 1
            response = try street.get("/", fields: Page.browser, from: Page.source(number))
        }
        #expect(response.status == 302)
        #expect(response["location"] == "?wasstraat-cookie")
        withExtendedLifetime(clients) {}
    }
}
