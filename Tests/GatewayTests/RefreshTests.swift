import Messages
import TestKit
import Testing

/// `stale-while-revalidate` (RFC 5861): nobody waits, and one request asks the origin.
@Suite struct `Stale while it is asked for` {
    private static let fields = "Cache-Control: max-age=1, stale-while-revalidate=60"

    /// A street that keeps "/page", which is stale by now.
    private func street(
        _ fields: String..., workers: Int = 1, _ change: (inout Snapshot) throws -> Void = { _ in }
    ) throws -> Street {
        let street = try Street.keeping(([Self.fields] + fields).joined(separator: "\r\n"), workers: workers, change)
        #expect(try street.get("/page").bodyText == "kept")
        pauseThread(2100)
        return street
    }

    /// Waits until what is kept is this.
    private func keeps(_ street: Street, _ body: String) -> Bool {
        eventually { (try? street.get("/page").bodyText) == body }
    }

    @Test(arguments: [1, 2]) func `is shown at once to all, and asked for once`(workers: Int) throws {
        let street = try street(workers: workers)
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer", after: 3000)
        var clients = try (0..<40).map { _ in try street.visitor(timeout: 20_000) }
        for client in clients { try client.send(request("GET /page HTTP/1.1", "Host: www.example.nl")) }
        for index in clients.indices {
            let response = try clients[index].readResponse()
            #expect(response.bodyText == "kept" && (Int(response["age"] ?? "") ?? 0) >= 1)
            #expect(response["cache-status"]?.contains("; hit; ttl=-") == true)
        }
        #expect(keeps(street, "newer"))
        #expect(street.origin.asked("/page") == 2)
        let status = street.lane.status { $0.sites[0].cache.refreshes == 1 && $0.sites[0].inFlight == 0 }.sites[0]
        #expect(status.cache.refreshes == 1 && status.inFlight == 0 && status.cache.collapsed == 0)
        // Nobody asked: no visitor is counted, no line is written, no response was sent.
        #expect(status.classes.reduce(0) { $0 + $1.requests } == 1)
        #expect(
            eventually {
                let sent = street.lane.status { _ in true }.sites[0].responses[1]
                return sent >= 42 && (try? street.lane.accessLines(1).count) == Int(sent)
            })
    }

    @Test func `lives on when the origin says that it holds`() throws {
        let street = try street("ETag: \"1\"", "X-Old: 1")
        street.origin.answer(
            "/page",
            with: [.text("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=60\r\nX-New: 2\r\n\r\n")])
        #expect(try street.get("/page")["x-new"] == nil)
        #expect(eventually { (try? street.get("/page")["x-new"]) == "2" })
        #expect(street.seen?["if-none-match"] == "\"1\"")
        #expect(street.origin.asked("/page") == 2 && street.origin.accepted == 1)
        #expect(street.cache.revalidated == 0)
    }

    @Test func `is asked for whole, whatever the visitor wanted of a copy of his own`() throws {
        for field in [
            "If-None-Match: \"1\"", "If-Modified-Since: \(httpDate(0))", "Range: bytes=0-1", "Cache-Control: foo",
        ] {
            let street = try street("ETag: \"1\"")
            street.origin.say("/page", "Cache-Control: max-age=60", "ETag: \"2\"", body: "newer")
            let response = try street.get("/page", fields: [field, "Accept-Language: nl", "If-Range: \"1\""])
            #expect([200, 206, 304].contains(response.status))
            #expect(keeps(street, "newer"))
            let seen = try #require(street.seen)
            #expect(seen.values("if-none-match") == ["\"1\""] && seen["range"] == nil && seen["if-range"] == nil)
            #expect(seen["if-modified-since"] == nil && seen["cache-control"] == nil && seen["accept-language"] == "nl")
            #expect(seen["x-forwarded-for"] == "127.0.0.1" && seen["host"] == "www.example.nl")
        }
        let street = try street()
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer")
        _ = try street.exchange(request("HEAD /page HTTP/1.1", "Host: www.example.nl", "Connection: close"))
        #expect(keeps(street, "newer"))
        #expect(street.seen?.method == "GET")
    }

    @Test func `brings nothing of before a change`() throws {
        let street = try street()
        street.origin.say("/page", "Cache-Control: max-age=60", body: "before", after: 1500)
        #expect(try street.get("/page").bodyText == "kept")
        #expect(eventually { street.origin.asked("/page") == 2 })
        street.origin.say("/page", body: "changed")
        _ = try street.ask(
            request("POST /page HTTP/1.1", "Host: www.example.nl", "Content-Length: 0"), method: "POST")
        street.origin.say("/page", "Cache-Control: max-age=60", body: "after")
        // Nobody waits for the one that is under way, and what it brings is not kept.
        #expect(try street.get("/page").bodyText == "after")
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
        for _ in 0..<3 { #expect(try street.get("/page").bodyText == "after") }
    }

    @Test func `asks for no other protocol, whatever a request of HTTP/1.0 says`() throws {
        let street = try street()
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer")
        let response = try street.ask(
            request(
                "GET /page HTTP/1.0", "Host: www.example.nl", "Connection: upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"))
        #expect(response.bodyText == "kept")
        #expect(keeps(street, "newer"))
        #expect(street.seen?["upgrade"] == nil && street.seen?["connection"]?.contains("upgrade") != true)
    }

    @Test func `is asked for when the visitor has left already`() throws {
        let street = try street()
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer", after: 500)
        do {
            let client = try street.visitor()
            try client.send(request("GET /page HTTP/1.1", "Host: www.example.nl"))
            #expect(eventually { street.origin.asked("/page") == 2 })
            client.socket.resetOnClose()
            client.socket.end()
        }
        #expect(keeps(street, "newer"))
        #expect(street.origin.asked("/page") == 2)
    }

    @Test func `is not asked for where the limit is full, and shown all the same`() throws {
        let street = try street()
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer")
        var busy: [RawClient] = []
        // As many as the limit begins with: nobody waits yet.
        for _ in 0..<10 {
            let client = try street.visitor(timeout: 20_000)
            try client.send(request("GET /hang HTTP/1.1", "Host: www.example.nl"))
            busy.append(client)
        }
        #expect(eventually { street.origin.asked("/hang") == 10 })
        for _ in 0..<3 { #expect(try street.get("/page").bodyText == "kept") }
        #expect(street.origin.asked("/page") == 1 && street.cache.refreshes == 0)
        #expect(!street.lane.status { _ in true }.sites[0].isUnderPressure)
        // There is room again.
        street.origin.endConnections()
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
        #expect(keeps(street, "newer"))
    }

    @Test(arguments: ["500 Oops", "503 Service Unavailable", "200 OK\r\nX: broken"])
    func `is shown on when the origin fails, which is not asked again at once`(status: String) throws {
        let street = try street()
        if status.hasPrefix("200") {
            street.origin.answer(
                "/page",
                with: [
                    .text("HTTP/1.1 \(status)\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\nhalf"), .close,
                ])
        } else {
            street.origin.say("/page", body: "oops", status: status)
        }
        #expect(try street.get("/page").bodyText == "kept")
        #expect(eventually { street.origin.asked("/page") == 2 })
        pauseThread(300)
        for _ in 0..<5 { #expect(try street.get("/page").bodyText == "kept") }
        #expect(street.origin.asked("/page") <= 3)
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer")
        #expect(eventually(within: 15_000) { (try? street.get("/page").bodyText) == "newer" })
    }

    @Test func `is shown on when there is no origin`() throws {
        let street = try street()
        street.origin.stop()
        for _ in 0..<20 {
            #expect(try street.get("/page").bodyText == "kept")
            pauseThread(50)
        }
        let status = street.lane.status {
            $0.sites[0].inFlight == 0 && $0.connections.open == 0 && $0.sites[0].cache.stale >= 20
        }
        #expect(status.sites[0].inFlight == 0 && status.connections.open == 0 && status.sites[0].cache.stale >= 20)
        #expect(status.sites[0].responses[4] == 0)
    }

    @Test(arguments: ["Cache-Control: private", "Set-Cookie: a=b"])
    func `is given up when the origin has come to forbid it`(newer: String) throws {
        let street = try street()
        street.origin.say("/page", newer, body: "mine")
        #expect(try street.get("/page").bodyText == "kept")
        #expect(keeps(street, "mine"))
        #expect(street.cache { $0.objects == 0 }.objects == 0)
        // Its content was for nobody, and its connection is of use still.
        #expect(street.origin.accepted == 1)
    }

    @Test(arguments: ["Cookie: session=1", "Authorization: Basic eDp5", "X-Token: 1"])
    func `is not asked for in the name of one person`(field: String) throws {
        let street = try street()
        _ = try street.get("/page", fields: [field])
        #expect(street.cache.refreshes == 0)
    }

    @Test func `is asked for with the visitor's own words where it varies by them`() throws {
        let street = try Street.keeping(Self.fields, "Vary: Accept-Language")
        for language in ["nl", "en"] { _ = try street.get("/page", fields: ["Accept-Language: \(language)"]) }
        pauseThread(2100)
        street.origin.say("/page", "Cache-Control: max-age=60", "Vary: Accept-Language", body: "newer")
        func body(_ language: String) throws -> String {
            try street.get("/page", fields: ["Accept-Language: \(language)"]).bodyText
        }
        #expect(try body("nl") == "kept")
        #expect(eventually { (try? body("nl")) == "newer" })
        #expect(street.seen?["accept-language"] == "nl")
        #expect(street.origin.asked("/page") == 3)
        #expect(eventually { (try? body("en")) == "newer" })
        #expect(street.seen?["accept-language"] == "en" && street.origin.asked("/page") == 4)
    }

    @Test func `is shown no longer than the origin says`() throws {
        let street = try Street.keeping("Cache-Control: max-age=1, stale-while-revalidate=1")
        _ = try street.get("/page")
        pauseThread(3100)
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer")
        #expect(try street.get("/page").bodyText == "newer")
        #expect(street.cache.refreshes == 0)
    }

    @Test func `is no longer response than may be kept`() throws {
        let street = try street { $0.limits.cacheMemory = 1 << 20 }
        let body = String(repeating: "x", count: 200_000)
        street.origin.answer(
            "/page",
            with: [
                .text(
                    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n\(body)\r\n"
                ), .hang,
            ])
        #expect(try street.get("/page").bodyText == "kept")
        #expect(eventually { street.origin.asked("/page") == 2 })
        // It is ended as soon as it is too long.
        #expect(eventually { street.origin.open == 0 })
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
    }

    @Test func `is waited for half a minute at most, however slowly the origin sends`() throws {
        let street = try street()
        let head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9999\r\n\r\n"
        let drops = (0..<500).flatMap { _ in [OriginStep.pause(milliseconds: 250), .text("x")] }
        street.origin.answer("/page", with: [.text(head)] + drops)
        #expect(try street.get("/page").bodyText == "kept")
        #expect(eventually { street.origin.asked("/page") == 2 })
        // Its slot is given back as any other's whose response takes long.
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
        #expect(street.origin.open == 1)
        #expect(eventually(within: 90_000) { street.origin.open == 0 })
        #expect(street.origin.asked("/page") == 2 && street.cache.refreshes == 1)
    }

    @Test func `is shown over HTTP/2 too`() throws {
        let street = try street()
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer", after: 1500)
        var client = try FrameClient(to: street.clear)
        for number in 0..<20 { try client.ask(UInt32(number) * 2 + 1, "/page") }
        for number in 0..<20 {
            let response = try client.response(UInt32(number) * 2 + 1)
            #expect(response.status == "200" && response.body == Array("kept".utf8) && response.isEnded)
        }
        #expect(keeps(street, "newer"))
        #expect(street.origin.asked("/page") == 2)
    }

    @Test func `does not hold up a lane that drains`() throws {
        let street = try street {
            $0.limits.drainTime = 120_000
            $0.limits.originTime = 120_000
        }
        street.origin.answer("/page", with: [.hang])
        #expect(try street.get("/page").bodyText == "kept")
        #expect(eventually { street.origin.asked("/page") == 2 })
        let clock = ContinuousClock()
        let begun = clock.now
        try street.lane.drain()
        #expect(street.lane.child.wait() == 0)
        // By its own time it would have ended after half a minute.
        #expect(clock.now - begun < .seconds(20))
    }
}
