import Detection
import Messages
import TestKit
import Testing

/// What is answered without the origin, and what never is (RFC 9111).
@Suite struct `What is kept` {
    @Test func `is served without the origin, with its age`() throws {
        let street = try Street.keeping(
            "Cache-Control: max-age=60", "ETag: \"1\"", "Content-Type: text/html", "X-Own: 1")
        let first = try street.get("/page")
        #expect(first.status == 200 && first["cache-status"] == nil)
        pauseThread(1100)
        var client = try street.visitor()
        for _ in 0..<2 {
            let second = try client.get("/page", host: Street.host)
            #expect(second.status == 200 && second.bodyText == "kept")
            #expect(second["x-own"] == "1" && second["etag"] == "\"1\"" && second["via"] == "1.1 teststraat")
            let age = second["age"].flatMap { Int($0) } ?? -1
            #expect(age >= 1 && age < 60)
            #expect(second["cache-status"] == "\"teststraat\"; hit; ttl=\(60 - age)")
            #expect(second["date"] != nil && second["content-length"] == "4")
            #expect(second["set-cookie"]?.hasPrefix("wasstraat=") == true)
        }
        #expect(street.origin.requests.count == 1)
        let cache = street.cache { $0.hits == 2 }
        #expect(cache.hits == 2 && cache.stored == 1 && cache.objects == 1 && cache.bytes > 4)
        let lines = try street.lane.accessLines(3)
        #expect(lines.count { $0.contains("\"decision\":\"cached\"") && $0.contains("\"status\":200") } == 2)
        // Who was served from memory is counted as traffic, and asks no origin.
        let site = street.lane.status { $0.sites[0].responses[1] == 3 }.sites[0]
        #expect(site.classes.reduce(0) { $0 + $1.requests } == 1)
        #expect(eventually { street.lane.traffic["www"]?.shapes.values.reduce(0, +) == 3 })
    }

    @Test(arguments: [
        "Cache-Control: no-store", "Cache-Control: private, max-age=60", "Cache-Control: no-cache", "X: nothing",
        "Cache-Control: max-age=60\r\nSet-Cookie: a=b", "Cache-Control: max-age=60\r\nVary: *",
        "Cache-Control: public, max-age=60\r\nVary: Cookie", "Cache-Control: max-age=0", "Expires: 0",
        "Cache-Control: public; max-age=60", "Cache-Control: max-age=60\r\nAge: 60",
        "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
    ])
    func `is nothing that the origin does not give out for it`(fields: String) throws {
        let street = try Street.keeping(fields)
        for _ in 0..<3 { #expect(try street.get("/page").bodyText == "kept") }
        #expect(street.origin.requests.count == 3)
        #expect(street.cache.hits == 0)
    }

    @Test(arguments: ["Cookie: session=1", "Authorization: Basic eDp5"])
    func `is nothing that was asked for as one person, but by the origin's word`(field: String) throws {
        let street = try Street.keeping("Cache-Control: max-age=60")
        street.origin.say("/shared", "Cache-Control: public, max-age=60")
        street.origin.say("/s", "Cache-Control: s-maxage=60")
        for _ in 0..<2 { _ = try street.get("/page", fields: [field]) }
        #expect(street.origin.asked("/page") == 2)
        // What was kept for others is not for this one.
        for _ in 0..<2 { _ = try street.get("/page") }
        #expect(street.origin.asked("/page") == 3)
        _ = try street.get("/page", fields: [field])
        #expect(street.origin.asked("/page") == 4)
        for path in ["/shared", "/s"] {
            for _ in 0..<2 { #expect(try street.get(path, fields: [field]).bodyText == "kept") }
        }
        #expect(street.origin.asked("/s") == 2)
    }

    @Test func `is for who carries the site's own cookie`() throws {
        let street = try Street.keeping("Cache-Control: max-age=60", "Content-Type: text/html")
        let cookie = try #require(try street.get("/page")["set-cookie"]?.split(separator: ";").first)
        let again = try street.get("/page", fields: ["Cookie: \(cookie)"])
        #expect(again["age"] != nil && again["set-cookie"] == nil)
        #expect(try street.get("/page", fields: ["Cookie: \(cookie); session=1"])["age"] == nil)
        #expect(street.origin.requests.count == 2)
    }

    @Test(arguments: [
        "X-Forwarded-Scheme: http", "X-Original-URL: /admin", "X-HTTP-Method-Override: PUT", "X_Host: b",
        "Private-Token: s", "k: 1", "Connection: Accept-Language",
    ])
    func `is nothing that was asked for with what no key holds`(field: String) throws {
        let street = try Street.keeping("Cache-Control: public, max-age=60")
        _ = try street.get("/page", fields: [field])
        _ = try street.get("/page")
        #expect(street.origin.requests.count == 2)
        #expect(try street.get("/page")["age"] != nil)
    }

    @Test(arguments: ["Range: bytes=0-1", "If-None-Match: \"9\"", "X-Host: b"])
    func `stays, whatever the origin says to a request of its own kind`(field: String) throws {
        let street = try Street.keeping("Cache-Control: max-age=60")
        _ = try street.get("/page")
        street.origin.say("/page", "Cache-Control: no-store", body: "")
        // Asks the origin, whatever is kept.
        _ = try street.get("/page", fields: [field, "Cache-Control: no-cache"])
        #expect(street.origin.requests.count == 2)
        let kept = try street.get("/page")
        #expect(kept.bodyText == "kept" && kept["age"] != nil)
        // What everybody is told counts.
        _ = try street.get("/page", fields: ["Cache-Control: no-cache"])
        #expect(try street.get("/page").bodyText == "")
    }

    @Test func `is known by its whole address`() throws {
        let street = try Street.keeping("Cache-Control: max-age=60")
        street.origin.say("/Page", "Cache-Control: max-age=60")
        street.origin.say("/page/", "Cache-Control: max-age=60")
        for path in ["/page", "/page?a=1", "/page?a=2", "/Page", "/page/", "/page?"] {
            #expect(try street.get(path)["age"] == nil)
            #expect(try street.get(path)["age"] != nil)
        }
        var client = try street.visitor()
        #expect(try client.get("/page", host: "a.wild.example.nl")["age"] == nil)
        #expect(try client.get("/page", host: "A.wild.example.nl")["age"] != nil)
        #expect(try client.get("/page", host: "www.example.nl:8080")["age"] == nil)
        #expect(street.origin.requests.count == 8)
    }

    @Test func `differs by what the origin says that it varies by`() throws {
        let street = try Street.keeping("Cache-Control: max-age=60", "Vary: Accept-Language, X")
        for language in ["nl", "en", "nl , EN"] {
            #expect(try street.get("/page", fields: ["Accept-Language: \(language)"])["age"] == nil)
        }
        for language in ["nl", "EN", "nl,en"] {
            #expect(try street.get("/page", fields: ["Accept-Language: \(language)"])["age"] != nil)
        }
        #expect(try street.get("/page")["age"] == nil)
        for number in 0..<20 { _ = try street.get("/page", fields: ["Accept-Language: \(number)"]) }
        #expect(street.cache { $0.stored == 24 }.objects == 8)
    }

    @Test func `answers whether a visitor's copy still holds`() throws {
        let date = httpDate(-3600)
        let street = try Street.keeping(
            "Cache-Control: max-age=60", "ETag: \"1\"", "Last-Modified: \(date)", "Content-Type: text/html")
        _ = try street.get("/page")
        for field in ["If-None-Match: \"1\"", "If-None-Match: W/\"1\", \"2\"", "If-Modified-Since: \(date)"] {
            let response = try street.get("/page", fields: [field])
            #expect(response.status == 304 && response["etag"] == "\"1\"" && response["age"] != nil)
            #expect(response["content-length"] == nil && response["content-type"] == nil)
        }
        #expect(try street.get("/page", fields: ["If-None-Match: \"2\""]).bodyText == "kept")
        #expect(try street.get("/page", fields: ["If-Modified-Since: \(httpDate(-7200))"]).bodyText == "kept")
        #expect(street.origin.requests.count == 1)
        // These are the origin's to judge.
        _ = try street.get("/page", fields: ["If-Match: \"1\""])
        #expect(street.origin.requests.count == 2)
    }

    @Test func `answers HEAD, and parts`() throws {
        let street = try Street.keeping("Cache-Control: max-age=60", "ETag: \"1\"", body: "0123456789")
        // HEAD alone keeps nothing.
        for _ in 0..<2 {
            #expect(
                try street.ask(
                    request("HEAD /page HTTP/1.1", "Host: www.example.nl", "Connection: close"), method: "HEAD"
                ).status == 200)
        }
        #expect(street.origin.requests.count == 2)
        _ = try street.get("/page")
        let head = try street.exchange(request("HEAD /page HTTP/1.1", "Host: www.example.nl", "Connection: close"))
        #expect(head.contains("Content-Length: 10\r\n") && head.contains("Age: ") && head.hasSuffix("\r\n\r\n"))
        for (range, body, field) in [
            ("2-4", "234", "bytes 2-4/10"), ("-2", "89", "bytes 8-9/10"), ("8-", "89", "bytes 8-9/10"),
        ] {
            let part = try street.get("/page", fields: ["Range: bytes=\(range)"])
            #expect(part.status == 206 && part.bodyText == body && part["content-range"] == field)
        }
        #expect(try street.get("/page", fields: ["Range: bytes=2-4", "If-Range: \"1\""]).bodyText == "234")
        #expect(try street.get("/page", fields: ["Range: bytes=2-4", "If-Range: \"2\""]).bodyText == "0123456789")
        let none = try street.get("/page", fields: ["Range: bytes=10-"])
        #expect(none.status == 416 && none["content-range"] == "bytes */10" && none.body.isEmpty)
        #expect(street.origin.requests.count == 3)
    }

    @Test func `obeys what a request wants, in calm`() throws {
        let street = try Street.keeping("Cache-Control: max-age=60")
        #expect(try street.get("/page", fields: ["Cache-Control: only-if-cached"]).status == 504)
        #expect(street.origin.requests.isEmpty)
        _ = try street.get("/page")
        pauseThread(1100)
        for field in ["no-cache", "max-age=0", "min-fresh=60"] {
            #expect(try street.get("/page", fields: ["Cache-Control: \(field)"])["age"] == nil)
            pauseThread(1100)
        }
        #expect(try street.get("/page", fields: ["Pragma: no-cache"])["age"] == nil)
        #expect(street.origin.requests.count == 5)
        #expect(try street.get("/page", fields: ["Cache-Control: max-age=50, only-if-cached"])["age"] != nil)
        street.origin.say("/no", "Cache-Control: max-age=60")
        for _ in 0..<2 { _ = try street.get("/no", fields: ["Cache-Control: no-store"]) }
        #expect(street.origin.asked("/no") == 2)
    }

    @Test func `is given up when something is changed under its address`() throws {
        for (method, status, isKept) in [
            ("POST", "200 OK", false), ("PUT", "204 No Content", false), ("DELETE", "303 See Other", false),
            ("PURGE", "200 OK", false), ("POST", "404 Not Found", true), ("OPTIONS", "200 OK", true),
        ] {
            let street = try Street.keeping("Cache-Control: max-age=60")
            _ = try street.get("/page")
            #expect(try street.get("/page")["age"] != nil)
            street.origin.answer("/page", with: [.text("HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n")])
            _ = try street.ask(request("\(method) /page HTTP/1.1", "Host: www.example.nl"))
            street.origin.say("/page", "Cache-Control: max-age=60", body: "newer")
            #expect(try street.get("/page").bodyText == (isKept ? "kept" : "newer"))
        }
    }

    @Test func `comes out of chunks whole, and not at all where it broke off`() throws {
        let street = try Street()
        street.origin.answer(
            "/chunks",
            with: [
                .text("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"),
                .pause(milliseconds: 50), .text("c\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"),
            ])
        let half = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
        street.origin.answer("/half", with: [.text(half + "Content-Length: 9\r\n\r\nhalf"), .close])
        street.origin.answer("/open", with: [.text(half + "\r\nopen"), .close])
        street.origin.answer(
            "/broken", with: [.text(half + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd"), .close])
        for _ in 0..<2 { #expect(try street.get("/chunks").bodyText == "abcde") }
        #expect(try street.get("/chunks")["content-length"] == "5")
        #expect(street.origin.asked("/chunks") == 1)
        for path in ["/half", "/broken", "/open"] {
            for _ in 0..<2 { _ = try? street.get(path) }
            #expect(street.origin.asked(path) == 2)
        }
        #expect(street.cache.objects == 1)
    }

    @Test(arguments: [0, 1, 100_000, 1_500_000]) func `has any size up to a bound`(size: Int) throws {
        let street = try Street.keeping("Cache-Control: max-age=60", body: String(repeating: "x", count: size))
        for _ in 0..<2 { #expect(try street.get("/page").body.count == size) }
        #expect(street.origin.requests.count == 1)
    }

    @Test func `is no response that is too long`() throws {
        let street = try Street.keeping(
            "Cache-Control: max-age=60", body: String(repeating: "x", count: (1 << 20) / 16 + 1)
        ) { $0.limits.cacheMemory = 1 << 20 }
        for _ in 0..<2 { #expect(try street.get("/page").status == 200) }
        #expect(street.origin.requests.count == 2)
    }

    @Test func `is nothing where the site keeps nothing`() throws {
        let street = try Street.keeping("Cache-Control: max-age=60") { $0.sites[0].cache.mode = .off }
        for _ in 0..<2 { _ = try street.get("/page") }
        #expect(street.origin.requests.count == 2)
        var snapshot = street.lane.snapshot
        snapshot.generation += 1
        snapshot.sites[0].cache.mode = .on
        try street.lane.reload(snapshot)
        for _ in 0..<2 { _ = try street.get("/page") }
        #expect(street.origin.requests.count == 3)
        // It stays over a reload, and goes with the setting.
        snapshot.generation += 1
        try street.lane.reload(snapshot)
        #expect(try street.get("/page")["age"] != nil)
        snapshot.generation += 1
        snapshot.sites[0].cache.mode = .off
        try street.lane.reload(snapshot)
        #expect(try street.get("/page")["age"] == nil)
        #expect(street.cache { $0.objects == 0 }.bytes == 0)
    }

    @Test func `is given over HTTP/2 as well`() throws {
        let street = try Street.keeping(
            "Cache-Control: max-age=60", "ETag: \"1\"", "Connection: X-Own", "X-Own: 1",
            body: String(repeating: "y", count: 300_000))
        var client = try FrameClient(to: street.clear)
        #expect(try client.get(1, "/page").body.count == 300_000)
        for stream in [3, 5] as [UInt32] {
            let response = try client.get(stream, "/page")
            #expect(response.status == "200" && response["age"] != nil && response["x-own"] == nil)
            #expect(response.body.count == 300_000 && response.isEnded && response["content-length"] == "300000")
        }
        let same = try client.get(7, "/page", [("if-none-match", "\"1\"")])
        #expect(same.status == "304" && same.body.isEmpty && same.isEnded)
        let part = try client.get(9, "/page", [("range", "bytes=10-19")])
        #expect(part.status == "206" && part.body.count == 10)
        // Both versions find the same.
        #expect(try street.get("/page")["age"] != nil)
        #expect(street.origin.requests.count == 1)
    }
}

/// Asking whether it still holds, and asking once for many.
@Suite struct `What has become stale` {
    @Test func `is asked about, and lives on when it holds`() throws {
        let street = try Street.keeping(
            "Cache-Control: max-age=1", "ETag: \"1\"", "X-Old: 1", "Content-Type: text/plain")
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.answer(
            "/page",
            with: [.text("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=60\r\nX-New: 2\r\n\r\n")])
        let again = try street.get("/page")
        #expect(again.status == 200 && again.bodyText == "kept" && again["x-new"] == "2" && again["x-old"] == "1")
        #expect(again["cache-status"] == "\"teststraat\"; fwd=stale; fwd-status=304")
        #expect(again["content-type"] == "text/plain" && again.values("cache-control") == ["max-age=60"])
        #expect(street.seen?["if-none-match"] == "\"1\"")
        #expect(try street.get("/page")["cache-status"]?.contains("hit") == true)
        #expect(street.origin.requests.count == 2)
        let cache = street.cache { $0.revalidated == 1 && $0.hits == 1 }
        #expect(cache.revalidated == 1 && cache.hits == 1 && cache.objects == 1)
        // The origin's connection is of use still.
        #expect(street.origin.accepted == 1)
    }

    @Test func `is replaced when it does not, and asked for whole when the answer is about something else`() throws {
        let street = try Street.keeping("Cache-Control: max-age=1", "Last-Modified: \(httpDate(-99))")
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.say("/page", "Cache-Control: max-age=1", "ETag: \"2\"", body: "newer")
        #expect(try street.get("/page").bodyText == "newer")
        #expect(street.seen?["if-modified-since"] != nil)
        pauseThread(2100)
        street.origin.answer("/page", with: [.text("HTTP/1.1 304 Not Modified\r\nETag: \"3\"\r\n\r\n")])
        let odd = try street.get("/page")
        // Asked without a condition the origin says 304 once more, which is not ours to understand.
        #expect(odd.status == 304 && street.origin.requests.count == 4)
        #expect(street.seen?["if-none-match"] == nil)
    }

    @Test func `is not kept when the origin has come to forbid it`() throws {
        for newer in ["Cache-Control: no-store", "Set-Cookie: a=b"] {
            let street = try Street.keeping("Cache-Control: max-age=1", "ETag: \"1\"")
            _ = try street.get("/page")
            pauseThread(2100)
            street.origin.answer("/page", with: [.text("HTTP/1.1 304 Not Modified\r\n\(newer)\r\n\r\n")])
            #expect(try street.get("/page").bodyText == "kept")
            #expect(street.cache { $0.objects == 0 }.objects == 0)
        }
        let street = try Street.keeping("Cache-Control: max-age=1", "ETag: \"1\"")
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.say("/page", "Cache-Control: private", body: "mine")
        #expect(try street.get("/page").bodyText == "mine")
        street.origin.stop()
        #expect(try street.get("/page").status == 502)
    }

    @Test(arguments: [1, 2]) func `is asked for once, for a hundred who want it`(workers: Int) throws {
        let street = try Street.keeping("Cache-Control: max-age=1", workers: workers)
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer", after: 700)
        var clients = try (0..<100).map { _ in try street.visitor(timeout: 20_000) }
        for client in clients { try client.send(request("GET /page HTTP/1.1", "Host: www.example.nl")) }
        for index in clients.indices { #expect(try clients[index].readResponse().bodyText == "newer") }
        #expect(street.origin.requests.count == 2)
        let cache = street.cache { $0.collapsed >= 99 && $0.hits == 99 }
        #expect(cache.hits == 99 && cache.collapsed == 99)
        // Each was counted once.
        #expect(eventually { street.lane.traffic["www"]?.shapes.values.reduce(0, +) == 101 })
    }

    @Test func `is asked for by everybody where it turns out to be for one`() throws {
        let street = try Street.keeping("Cache-Control: max-age=1")
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.say("/page", "Cache-Control: private", body: "mine", after: 300)
        var clients = try (0..<10).map { _ in try street.visitor(timeout: 20_000) }
        for client in clients { try client.send(request("GET /page HTTP/1.1", "Host: www.example.nl")) }
        for index in clients.indices { #expect(try clients[index].readResponse().bodyText == "mine") }
        #expect(street.origin.requests.count == 11)
    }

    @Test func `is asked for by another when the first one leaves`() throws {
        let street = try Street.keeping("Cache-Control: max-age=1")
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer", after: 3_000)
        var first: RawClient? = try street.visitor()
        try first?.send(request("GET /page HTTP/1.1", "Host: www.example.nl"))
        #expect(eventually { street.origin.requests.count == 2 })
        // The next one is answered sooner: nobody waits behind another for more than two seconds.
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer", after: 300)
        var others = try (0..<5).map { _ in try street.visitor(timeout: 20_000) }
        let asked = request("GET /page HTTP/1.1", "Host: www.example.nl")
        for other in others { try other.send(asked) }
        #expect(street.cache { $0.collapsed == 5 }.collapsed == 5)
        // What waits is on the site's books, as what is under way.
        let held = UInt64(6 * asked.utf8.count)
        #expect(street.lane.status { $0.sites[0].memory == held }.sites[0].memory == held)
        first?.socket.resetOnClose()
        first = nil
        for index in others.indices { #expect(try others[index].readResponse().bodyText == "newer") }
        #expect(street.origin.requests.count == 3)
        #expect(street.lane.status { $0.sites[0].memory == 0 }.sites[0].memory == 0)
    }

    @Test func `is not waited for too long`() throws {
        let street = try Street.keeping("Cache-Control: max-age=1")
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.say("/page", "Cache-Control: max-age=60", body: "slow", after: 30_000)
        let first = try street.visitor()
        try first.send(request("GET /page HTTP/1.1", "Host: www.example.nl"))
        #expect(eventually { street.origin.requests.count == 2 })
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer")
        var other = try street.visitor(timeout: 20_000)
        try other.send(request("GET /page HTTP/1.1", "Host: www.example.nl"))
        #expect(try other.readResponse().bodyText == "newer")
        #expect(street.cache.collapsed == 1)
    }

    @Test func `waits over HTTP/2 too`() throws {
        let street = try Street.keeping("Cache-Control: max-age=1")
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer", after: 500)
        var client = try FrameClient(to: street.clear)
        for number in 0..<50 { try client.ask(UInt32(number) * 2 + 1, "/page") }
        for number in 0..<50 {
            let response = try client.response(UInt32(number) * 2 + 1)
            #expect(response.status == "200" && response.body == Array("newer".utf8) && response.isEnded)
        }
        #expect(street.origin.requests.count == 2)
        #expect(street.cache { $0.collapsed == 49 }.collapsed == 49)
    }
}
