import Addresses
import Messages
import TestKit
import Testing

/// What a browser gets when there is no room: the page that waits, the turn that counts, the redirect that asks for a
/// cookie. Sources are loopback addresses; the site's places are held by requests that its origin answers late.
@Suite struct `Who is turned away` {
    static let browser = ["Accept: text/html,application/xhtml+xml", "Accept-Language: nl,en;q=0.5"]

    /// An address of its own for each visitor.
    static func source(_ number: Int) -> Address { Address(ipv4: 0x7f01_0000 + UInt32(number)) }

    /// Requests that hold the ten places which a new site has, and fill its queue. Each comes from a network of its own, so
    /// that who comes later asks no less, and stands behind them.
    static func fill(
        _ street: Street, milliseconds: Int, queue: Int, host: String = Street.host, at endpoint: Endpoint? = nil,
        site: Int = 0
    ) throws -> [RawClient] {
        let clients = try (0..<10 + queue).map {
            try RawClient(to: endpoint ?? street.clear, from: Address(ipv4: 0x7f64_0101 + UInt32($0) << 16))
        }
        for client in clients { try client.send(request("GET /slow/\(milliseconds) HTTP/1.1", "Host: \(host)")) }
        let status = street.lane.status(within: 10_000) {
            $0.sites[site].inFlight == 10 && $0.sites[site].waiting == UInt64(queue)
        }
        #expect(status.sites[site].inFlight == 10 && status.sites[site].waiting == UInt64(queue))
        return clients
    }

    private static func full(_ milliseconds: Int = 12_000) throws -> (Street, [RawClient]) {
        let street = try Street {
            $0.limits.queueLength = 4
            $0.limits.queueTime = 20_000
        }
        return (street, try fill(street, milliseconds: milliseconds, queue: 4))
    }

    /// Name and value of the turn that the response gives out.
    private static func turn(_ response: HTTPMessage) -> String? {
        response.values("set-cookie").first { $0.hasPrefix("wasstraat-turn=") }.map { String($0.prefix { $0 != ";" }) }
    }

    /// A turn is the lane's own, as the site's cookie is: who waited gets what is kept for everybody.
    @Test func `who holds a turn is served from memory`() throws {
        let (street, clients) = try Self.full(3000)
        let turn = try #require(Self.turn(try street.get("/", fields: Self.browser, from: Self.source(1))))
        street.origin.say("/kept", "Cache-Control: max-age=60")
        for var client in clients { #expect(try client.readResponse(to: "GET").status == 200) }
        #expect(try street.get("/kept").status == 200)
        #expect(try street.get("/kept", fields: ["Cookie: \(turn)"])["age"] != nil)
        #expect(try street.get("/kept", fields: ["Cookie: \(turn); a=b"])["age"] == nil)
    }

    // MARK: - The page

    @Test func `a browser gets a page that asks again by itself, programs get the status`() throws {
        let (street, clients) = try Self.full()
        let page = try street.get("/nieuws?id=1", fields: Self.browser, from: Self.source(1))
        #expect(page.status == 503)
        let seconds = try #require(page["retry-after"].flatMap { Int($0) })
        #expect((4...60).contains(seconds))
        #expect(page.bodyText.contains("<meta http-equiv=\"refresh\" content=\"\(seconds)\">"))
        #expect(page.bodyText.contains("<html lang=\"nl\">") && page["content-language"] == "nl")
        #expect(page.bodyText.contains("<h1>Het is nu erg druk</h1>"))
        #expect(page.bodyText.contains("role=\"status\""))
        #expect(!page.bodyText.contains("<script"))
        #expect(page["cache-control"] == "no-store")
        let cookie = try #require(page["set-cookie"])
        #expect(cookie.hasPrefix("wasstraat-turn="))
        #expect(cookie.hasSuffix("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"))
        #expect(Self.turn(page)?.utf8.count == 15 + 32)
        // The connection stands, and the language is the visitor's.
        var client = try street.visitor(from: Self.source(2))
        let english = ["Accept: text/html", "Accept-Language: en"]
        let first = try client.get("/", host: Street.host, fields: english)
        let second = try client.get("/", host: Street.host, fields: english)
        for page in [first, second] {
            #expect(page.status == 503)
            #expect(page.bodyText.contains("<html lang=\"en\">"))
            #expect(page.bodyText.hasSuffix("</html>\n"))
        }
        try client.send(request("HEAD / HTTP/1.1", "Host: \(Street.host)", "Accept: text/html"))
        let head = try client.readResponse(to: "HEAD")
        #expect(head.status == 503 && head["content-length"].flatMap { Int($0) } ?? 0 > 500)
        // What is no page.
        for text in [
            request("GET / HTTP/1.1", "Host: \(Street.host)", "Accept: */*"),
            request("GET /stijl.css HTTP/1.1", "Host: \(Street.host)", Self.browser[0]),
            request("POST / HTTP/1.1", "Host: \(Street.host)", Self.browser[0], "Content-Length: 2", body: "ok"),
        ] {
            var program = try street.visitor(from: Self.source(3))
            try program.send(text)
            let plain = try program.readResponse()
            #expect(plain.status == 503)
            #expect(!plain.bodyText.contains("refresh"))
            #expect(plain["set-cookie"] == nil)
        }
        let site = street.lane.status { $0.sites[0].waitingPages == 4 }.sites[0]
        #expect(site.waitingPages == 4)
        #expect(site.cookieProofs == 0)
        let lines = try street.lane.accessLines(7)
        #expect(lines.count { $0.contains("\"status\":503") && $0.contains("\"decision\":\"waiting_page\"") } == 4)
        #expect(lines.count { $0.contains("\"decision\":\"refused\"") } == 3)
        withExtendedLifetime(clients) {}
    }

    @Test func `a turn is kept, a forged one is not believed`() throws {
        let (street, clients) = try Self.full()
        let first = try street.get("/", fields: Self.browser, from: Self.source(1))
        let turn = try #require(Self.turn(first))
        func again(_ cookie: String) throws -> HTTPMessage {
            try street.get("/", fields: Self.browser + ["Cookie: \(cookie)"], from: Self.source(1))
        }
        #expect(try again("a=b; \(turn); c=d")["set-cookie"] == nil)
        #expect(try again(turn)["set-cookie"] == nil)
        let forged = turn.dropLast() + (turn.hasSuffix("0") ? "1" : "0")
        for cookie in [String(forged), "x\(turn)", String(turn.dropLast()), "wasstraat-turn=", "wasstraat-turn"] {
            #expect(try again(cookie)["set-cookie"] != nil, "\(cookie)")
        }
        let site = street.lane.status { $0.sites[0].waitingPages == 8 }.sites[0]
        #expect(site.waitingPages == 8)
        withExtendedLifetime(clients) {}
    }

    @Test func `the page counts those who came back before`() throws {
        let (street, clients) = try Self.full()
        let first = try street.get("/", fields: Self.browser, from: Self.source(1))
        #expect(first.bodyText.contains("U staat vooraan in de rij. De wachttijd is minder dan een minuut."))
        // A turn that comes back thirty times is, to this count, as good as thirty that come back once.
        let turn = try #require(Self.turn(first))
        var client = try street.visitor(from: Self.source(2))
        for _ in 0..<30 {
            let fields = Self.browser + ["Cookie: \(turn)"]
            #expect(try client.get("/", host: Street.host, fields: fields).status == 503)
            // Where more than ten a second are refused, who comes next is asked for a cookie before a page.
            pauseThread(150)
        }
        let page = try street.get("/", fields: Self.browser, from: Self.source(3))
        let words = page.bodyText.split(separator: " ").map(String.init)
        let place = try #require(words.firstIndex(of: "ongeveer"))
        #expect((5...30).contains(try #require(Int(words[place + 1]))))
        #expect(Array(words[(place + 2)...].prefix(3)) == ["bezoekers", "voor", "u."])
        withExtendedLifetime(clients) {}
    }

    @Test func `who waits in the queue in vain gets the page too`() throws {
        let street = try Street {
            $0.limits.queueLength = 64
            $0.limits.queueTime = 300
        }
        let clients = try Self.fill(street, milliseconds: 8000, queue: 0)
        var client = try street.visitor(from: Self.source(1))
        let page = try client.get("/a?b", host: Street.host, fields: Self.browser)
        #expect(page.status == 503)
        #expect(page.bodyText.contains("http-equiv=\"refresh\""))
        let turn = try #require(Self.turn(page))
        // Again, over the same connection.
        let second = try client.get("/a?b", host: Street.host, fields: Self.browser + ["Cookie: \(turn)"])
        #expect(second.status == 503 && second["set-cookie"] == nil)
        try client.send(
            request("POST / HTTP/1.1", "Host: \(Street.host)", Self.browser[0], "Content-Length: 2", body: "ok"))
        let post = try client.readResponse()
        #expect(post.status == 503 && !post.bodyText.contains("refresh"))
        withExtendedLifetime(clients) {}
    }

    /// Requests of others go on coming and keep all places taken, for longer than anybody may wait in the queue.
    @Test func `who follows the page is served`() throws {
        let street = try Street {
            $0.limits.queueLength = 4
            $0.limits.queueTime = 500
        }
        let clients = try Self.fill(street, milliseconds: 7000, queue: 0)
        var cookies: [String] = []
        var pages = 0
        while true {
            let response = try street.get("/fixed/5", fields: Self.browser + cookies, from: Self.source(1))
            guard response.status == 503, pages < 10 else {
                #expect(response.status == 200)
                break
            }
            pages += 1
            if let turn = Self.turn(response) { cookies = ["Cookie: \(turn)"] }
            pauseThread(1000 * (response["retry-after"].flatMap { Int($0) } ?? 1))
        }
        #expect((1...4).contains(pages))
        withExtendedLifetime(clients) {}
    }

    // MARK: - Keys

    @Test func `another key comes, and cookies of the one before are believed as long as it is there`() throws {
        let street = try Street()
        street.origin.answer(
            "/page",
            with: [.text("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 2\r\n\r\nok")])
        let cookie = try #require(try street.get("/page")["set-cookie"])
        let pair = String(cookie.prefix { $0 != ";" })
        func isKnown() throws -> Bool { try street.get("/page", fields: ["Cookie: \(pair)"])["set-cookie"] == nil }
        var next = street.lane.snapshot
        next.secrets.cookieKeys.insert((0..<32).map { UInt8(100 + $0) }, at: 0)
        next.generation += 1
        try street.lane.reload(next)
        #expect(try isKnown())
        let renewed = try #require(try street.get("/page")["set-cookie"])
        #expect(!renewed.hasPrefix(pair))
        next.secrets.cookieKeys.removeLast()
        next.generation += 1
        try street.lane.reload(next)
        #expect(try !isKnown())
    }
}
