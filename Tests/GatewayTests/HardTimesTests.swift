import Messages
import TestKit
import Testing

/// What is shown when the origin cannot: pages as they were, with their age, and the site's own page.
@Suite struct `In hard times` {
    private static let stale = "\"teststraat\"; hit; ttl=-"

    private func post(_ street: Street) throws -> Int {
        try street.ask(request("POST /page HTTP/1.1", "Host: www.example.nl", "Content-Length: 0")).status
    }

    @Test(arguments: [
        "X: says nothing", "Cache-Control: max-age=1", "Cache-Control: max-age=0", "Expires: 0",
        "Cache-Control: public, max-age=1", "Cache-Control: s-maxage=1, stale-if-error=60",
    ])
    func `public pages are shown as they were when the origin is gone`(fields: String) throws {
        let street = try Street.keeping(fields, "Content-Type: text/html", "ETag: \"1\"")
        #expect(try street.get("/page")["age"] == nil)
        pauseThread(2100)
        street.origin.stop()
        for _ in 0..<3 {
            let response = try street.get("/page")
            #expect(response.status == 200 && response.bodyText == "kept")
            #expect(Int(response["age"] ?? "") ?? 0 >= 1)
            #expect(response["cache-status"]?.hasPrefix(Self.stale) == true)
            #expect(response["cache-status"]?.hasSuffix("; detail=stale-in-need") == true)
            #expect(response["set-cookie"] == nil && response["warning"] == nil)
        }
        #expect(try street.get("/page", fields: ["If-None-Match: \"1\""]).status == 304)
        // What was made for somebody without cookies may be shown to who has some.
        #expect(try street.get("/page", fields: ["Cookie: session=1"]).status == 200)
        #expect(try street.get("/other").status == 502)
        #expect(try post(street) == 502)
        let isShared = fields.contains("public") || fields.contains("s-maxage")
        let personal = try street.get("/page", fields: ["Authorization: Basic eDp5"]).status
        #expect(personal == (isShared ? 200 : 502))
        #expect(street.cache { $0.stale >= 5 }.stale >= 5)
        #expect(try street.lane.accessLines(9).contains { $0.contains("\"decision\":\"stale\"") })
    }

    @Test(arguments: [
        "Cache-Control: no-store", "Cache-Control: private", "Cache-Control: no-cache", "Set-Cookie: a=b",
        "Cache-Control: max-age=1, must-revalidate", "Cache-Control: max-age=1, proxy-revalidate",
        "Cache-Control: s-maxage=1", "Cache-Control: max-age=0, must-revalidate", "Vary: Cookie", "Vary: *",
    ])
    func `what the origin forbids is not shown`(fields: String) throws {
        let street = try Street.keeping(fields)
        for _ in 0..<2 { _ = try street.get("/page") }
        pauseThread(2100)
        street.origin.stop()
        #expect(try street.get("/page").status == 502)
    }

    @Test func `nothing that does not say so is kept of what only staff use`() throws {
        let street = try Street.keeping("Content-Type: text/html") { $0.sites[0].service = .backOffice }
        _ = try street.get("/page")
        street.origin.stop()
        #expect(try street.get("/page").status == 502)
    }

    @Test func `what was asked for as one person is not shown to others`() throws {
        let street = try Street.keeping("Content-Type: text/html")
        for field in [
            "Cookie: session=1", "Authorization: Basic eDp5", "X-Host: evil.example", "Private-Token: s", "k: 1",
        ] {
            _ = try street.get("/page", fields: [field])
        }
        // Nothing is said of what hangs on a query.
        _ = try street.get("/page?token=1")
        street.origin.stop()
        #expect(try street.get("/page").status == 502)
        #expect(try street.get("/page?token=1").status == 502)
        #expect(street.cache.objects == 0)
    }

    @Test(arguments: ["500 Oops", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
    func `pages are shown instead of the origin's own errors`(status: String) throws {
        let street = try Street.keeping("Content-Type: text/html")
        _ = try street.get("/page")
        street.origin.say("/page", body: "oops", status: status)
        var client = try street.visitor()
        for _ in 0..<3 { #expect(try client.get("/page", host: Street.host).bodyText == "kept") }
        // The origin was asked, over one connection.
        #expect(street.origin.requests.count == 4 && street.origin.accepted == 1)
        street.origin.say("/page", body: "no", status: "501 Not Implemented")
        #expect(try street.get("/page").status == 501)
        street.origin.say("/page", body: "new")
        #expect(try street.get("/page").bodyText == "new")
        #expect(try street.ask(request("HEAD /page HTTP/1.1", "Host: www.example.nl"), method: "HEAD").status == 200)
    }

    @Test func `pages are shown when the origin is too slow, and for as long as the operator says`() throws {
        let street = try Street.keeping("Content-Type: text/html") {
            $0.limits.originTime = 400
            $0.sites[0].cache.stale = 3
        }
        _ = try street.get("/page")
        street.origin.answer("/page", with: [.hang])
        #expect(try street.get("/page").bodyText == "kept")
        pauseThread(5000)
        #expect(try street.get("/page").status == 504)
    }

    @Test func `pages are shown to who is turned away`() throws {
        let street = try Street.keeping("Content-Type: text/html", "Cache-Control: max-age=0") {
            $0.limits.queueLength = 0
        }
        _ = try street.get("/page")
        // More than the limit begins with, none of which ends soon.
        var busy: [RawClient] = []
        for _ in 0..<200 {
            let client = try street.visitor(timeout: 20_000)
            try client.send(request("GET /hang HTTP/1.1", "Host: www.example.nl"))
            busy.append(client)
        }
        #expect(street.lane.status { $0.sites[0].classes.contains { $0.refused > 0 } }.sites[0].inFlight > 0)
        let response = try street.get("/page")
        #expect(response.status == 200 && response.bodyText == "kept")
        #expect(response["cache-status"]?.hasSuffix("; detail=stale-in-need") == true)
        #expect(try street.get("/elsewhere").status == 503)
    }

    @Test func `only then, where the site is set so`() throws {
        let street = try Street.keeping("Cache-Control: max-age=60") { $0.sites[0].cache.mode = .hardTimes }
        for _ in 0..<3 { #expect(try street.get("/page")["age"] == nil) }
        #expect(street.origin.requests.count == 3)
        street.origin.stop()
        #expect(try street.get("/page").bodyText == "kept")
    }

    @Test func `over HTTP/2 too`() throws {
        let street = try Street.keeping("Content-Type: text/html", body: String(repeating: "z", count: 100_000))
        var client = try FrameClient(to: street.clear)
        #expect(try client.get(1, "/page").body.count == 100_000)
        pauseThread(2100)
        street.origin.stop()
        for stream in [3, 5] as [UInt32] {
            let response = try client.get(stream, "/page")
            #expect(response.status == "200" && response.body.count == 100_000 && response.isEnded)
            #expect(response["cache-status"]?.hasPrefix(Self.stale) == true)
        }
        #expect(try client.get(7, "/other").status == "502")
    }

    @Test func `the site's own page is shown where nothing else is there`() throws {
        let page = "<!DOCTYPE html><title>Even niet</title>"
        let street = try Street.keeping("Content-Type: text/html") { $0.sites[0].cache.fallback = Array(page.utf8) }
        _ = try street.get("/page")
        street.origin.stop()
        let html = ["Accept: text/html"]
        #expect(try street.get("/page", fields: html).bodyText == "kept")
        var client = try street.visitor()
        for _ in 0..<2 {
            let response = try client.get("/other", host: Street.host, fields: html)
            #expect(response.status == 503 && response.bodyText == page)
            #expect((30...39).contains(Int(response["retry-after"] ?? "") ?? 0))
            #expect(response["cache-control"] == "no-store" && response["content-type"] == "text/html; charset=utf-8")
        }
        // Programs get their line.
        #expect(try client.get("/other", host: Street.host).bodyText == "502 Bad Gateway\n")
        let posted = try street.ask(
            request(
                "POST /page HTTP/1.1", "Host: www.example.nl", "Accept: text/html", "Content-Length: 3", body: "a=b"))
        #expect(posted.status == 503 && posted.bodyText == page)
        let head = try street.exchange(
            request("HEAD /other HTTP/1.1", "Host: www.example.nl", "Accept: text/html", "Connection: close"))
        #expect(head.hasPrefix("HTTP/1.1 503 ") && head.hasSuffix("\r\n\r\n"))
        var frames = try FrameClient(to: street.clear)
        let framed = try frames.get(1, "/other", [("accept", "text/html")])
        #expect(framed.status == "503" && framed.body == Array(page.utf8) && framed.isEnded)
        #expect(street.cache { $0.fallbacks == 5 }.fallbacks == 5)
        // What was kept of the requests until then is free again: a site whose books grow would be out of memory at last.
        let memory = street.lane.status { $0.sites[0].memory == 0 }.sites[0].memory
        #expect(memory == 0)
    }
}

/// How much is kept, and of whom.
@Suite struct `The cache's memory` {
    /// Asks for many addresses over one connection, several at once.
    private func scan(_ street: Street, _ paths: some Collection<String>, host: String = Street.host) throws {
        var client = try street.visitor(timeout: 20_000)
        var rest = paths[...]
        while !rest.isEmpty {
            let batch = rest.prefix(20)
            rest = rest.dropFirst(20)
            try client.send(batch.map { request("GET \($0) HTTP/1.1", "Host: \(host)") }.joined())
            for _ in batch { #expect(try client.readResponse().status == 200) }
        }
    }

    @Test func `does not give a page in use away for words that come once`() throws {
        let street = try Street.keeping("Cache-Control: max-age=600") { $0.limits.cacheMemory = 256 << 10 }
        street.origin.say("/search", "Cache-Control: max-age=600", body: String(repeating: "x", count: 4000))
        for _ in 0..<3 { _ = try street.get("/page") }
        try scan(street, (0..<1000).map { "/search?q=\($0 &* 7919)" })
        #expect(try street.get("/page")["age"] != nil)
        #expect(street.origin.asked("/page") == 1)
        let cache = street.cache { $0.hits >= 3 }
        #expect(cache.bytes <= 256 << 10 && cache.objects > 20)
    }

    @Test func `is shared fairly among sites`() throws {
        let street = try Street.keeping("Cache-Control: max-age=600") {
            $0.limits.cacheMemory = 256 << 10
            $0.sites.append(Street.site("other", ["other.example.nl"], $0.sites[0].origins[0].endpoint))
        }
        street.origin.say("/item", "Cache-Control: max-age=600", body: String(repeating: "x", count: 4000))
        // The other one fills all that there is.
        try scan(street, (0..<200).map { "/item?\($0)" }, host: "other.example.nl")
        #expect(street.lane.status { $0.sites[1].cache.bytes > 200 << 10 }.sites[1].cache.bytes > 200 << 10)
        // This one has its half all the same, and keeps it.
        try scan(street, (0..<25).map { "/item?\($0)" })
        #expect(street.cache { $0.objects == 25 }.objects == 25)
        for _ in 0..<3 { try scan(street, (1000..<1200).map { "/item?\($0)" }, host: "other.example.nl") }
        #expect(street.cache.objects == 25)
        let status = street.lane.status { _ in true }
        #expect(status.sites[0].cache.bytes + status.sites[1].cache.bytes <= 256 << 10)
    }

    @Test func `can be none`() throws {
        let street = try Street.keeping("Cache-Control: max-age=600") { $0.limits.cacheMemory = 0 }
        for _ in 0..<2 { _ = try street.get("/page") }
        #expect(street.origin.requests.count == 2)
        #expect(street.cache.objects == 0)
    }

    @Test func `gives back what a reload takes away`() throws {
        let street = try Street.keeping("Cache-Control: max-age=600") { $0.limits.cacheMemory = 1 << 20 }
        street.origin.say("/item", "Cache-Control: max-age=600", body: String(repeating: "x", count: 4000))
        try scan(street, (0..<100).map { "/item?\($0)" })
        #expect(street.cache { $0.objects == 100 }.objects == 100)
        var snapshot = street.lane.snapshot
        snapshot.generation += 1
        snapshot.limits.cacheMemory = 100 << 10
        try street.lane.reload(snapshot)
        #expect(street.cache { $0.bytes <= 100 << 10 }.bytes <= 100 << 10)
    }

    @Test func `is not held by visitors who read slowly`() throws {
        let street = try Street.keeping(
            "Cache-Control: max-age=600", body: String(repeating: "x", count: 1_900_000)
        ) { $0.limits.progressTime = 120_000 }
        _ = try street.get("/page")
        street.lane.setSendBuffer(16 << 10)
        var clients: [RawClient] = []
        for _ in 0..<10 {
            let client = try street.visitor(timeout: 20_000)
            try client.send(request("GET /page HTTP/1.1", "Host: www.example.nl"))
            clients.append(client)
        }
        pauseThread(300)
        // All of them share the same bytes, and get them in the end.
        for index in clients.indices { #expect(try clients[index].readResponse().body.count == 1_900_000) }
        #expect(street.origin.requests.count == 1)
    }
}
