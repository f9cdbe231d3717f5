import Addresses
import Messages
import TestKit
import Testing

/// What RFC 9111 requires of several requests in a row: other methods, parts, answers that it holds, things that change.
@Suite struct `RFC 9111 requires in a conversation` {
    private static let fresh = "Cache-Control: max-age=600"

    // MARK: - Methods and parts (sections 2, 3.3 and 3.4)

    @Test(arguments: ["HEAD", "POST", "PUT", "OPTIONS", "M-SEARCH"])
    func `that only GET fills it`(method: String) throws {
        let street = try Street()
        let content = method == "HEAD" ? "" : "kept"
        street.origin.answer(
            "/page", with: [.text("HTTP/1.1 200 OK\r\n\(Self.fresh)\r\nContent-Length: 4\r\n\r\n\(content)")])
        _ = try street.ask(
            request("\(method) /page HTTP/1.1", "Host: www.example.nl", "Content-Length: 0"), method: method)
        street.origin.say("/page", Self.fresh, body: "whole")
        #expect(try street.get("/page").bodyText == "whole")
        #expect(street.origin.requests.count == 2)
        // It answers HEAD, and no other method.
        let head = try street.ask(request("HEAD /page HTTP/1.1", "Host: www.example.nl"), method: "HEAD")
        #expect(head["content-length"] == "5" && head["age"] != nil && street.origin.requests.count == 2)
    }

    @Test func `that a part is not taken for the whole`() throws {
        let street = try Street()
        street.origin.answer(
            "/page",
            with: [
                .text(
                    "HTTP/1.1 206 Partial Content\r\n\(Self.fresh)\r\nContent-Range: bytes 0-3/8\r\nContent-Length: 4\r\n\r\npart"
                )
            ])
        for _ in 0..<2 { #expect(try street.get("/page", fields: ["Range: bytes=0-3"]).status == 206) }
        #expect(street.origin.requests.count == 2)
        street.origin.say("/page", Self.fresh, "ETag: \"1\"", body: "complete")
        #expect(try street.get("/page").bodyText == "complete")
        // The whole answers for parts, and what asks for several gets the whole.
        #expect(try street.get("/page", fields: ["Range: bytes=0-3"]).bodyText == "comp")
        #expect(try street.get("/page", fields: ["Range: bytes=4-"])["content-range"] == "bytes 4-7/8")
        #expect(try street.get("/page", fields: ["Range: bytes=0-1,3-4"]).bodyText == "complete")
        #expect(try street.get("/page", fields: ["Range: lines=0-1"]).bodyText == "complete")
        #expect(try street.get("/page", fields: ["Range: bytes=0-3", "If-Range: W/\"1\""]).bodyText == "complete")
        #expect(try street.get("/page", fields: ["Range: bytes=0-3", "If-None-Match: \"1\""]).status == 304)
        #expect(street.origin.requests.count == 3)
    }

    @Test func `that an interim response is none`() throws {
        let street = try Street()
        street.origin.answer(
            "/page",
            with: [
                .text("HTTP/1.1 103 Early Hints\r\nCache-Control: no-store\r\nLink: </s.css>\r\n\r\n"),
                .text("HTTP/1.1 200 OK\r\n\(Self.fresh)\r\nContent-Length: 4\r\n\r\nkept"),
            ])
        var client = try street.visitor()
        try client.send(request("GET /page HTTP/1.1", "Host: www.example.nl"))
        let first = try client.readResponse()
        #expect(first.bodyText == "kept" && first.informational.map(\.status) == [103])
        let kept = try street.get("/page")
        #expect(kept.status == 200 && kept["link"] == nil && street.origin.requests.count == 1)
    }

    @Test func `that fields of one connection are not kept`() throws {
        let street = try Street.keeping(
            Self.fresh, "Connection: close, X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "Proxy-Authenticate: Basic",
            "X-End: 1")
        for _ in 0..<2 { _ = try street.get("/page") }
        let kept = try street.get("/page")
        #expect(kept["x-end"] == "1" && kept["age"] != nil)
        for name in ["x-hop", "keep-alive", "proxy-authenticate", "connection"] {
            #expect(kept[name] == nil, "\(name)")
        }
    }

    // MARK: - Validation (section 4.3)

    private static let tag = "\"a\""
    private static let changed = httpDate(-3600)

    @Test(arguments: [
        ("If-None-Match: \"a\"", 304), ("If-None-Match: W/\"a\"", 304), ("If-None-Match: *", 304),
        ("If-None-Match: \"b\", \"a\"", 304), ("If-None-Match: \"b\"\r\nIf-None-Match: \"a\"", 304),
        ("If-None-Match: \"b\"", 200), ("If-None-Match: a", 200), ("If-None-Match: \"A\"", 200),
        ("If-Modified-Since: \(changed)", 304), ("If-Modified-Since: \(httpDate(-60))", 304),
        ("If-Modified-Since: \(httpDate(-7200))", 200), ("If-Modified-Since: whenever", 200),
        // The tag goes before the date (RFC 9110, section 13.1.3).
        ("If-None-Match: \"b\"\r\nIf-Modified-Since: \(changed)", 200),
        ("If-None-Match: \"a\"\r\nIf-Modified-Since: \(httpDate(-7200))", 304),
    ])
    func `that conditions are answered from what is fresh`(field: String, status: Int) throws {
        let street = try Street.keeping(
            Self.fresh, "ETag: \(Self.tag)", "Last-Modified: \(Self.changed)", "Vary: Accept", "Content-Location: /p",
            "Expires: \(httpDate(60))", "Content-Type: text/plain")
        _ = try street.get("/page")
        let response = try street.get("/page", fields: [field])
        #expect(response.status == status && response["age"] != nil && street.origin.requests.count == 1)
        for name in ["etag", "cache-control", "vary", "content-location", "expires", "date"] {
            #expect(response.values(name).count == 1, "\(name)")
        }
        #expect(response.bodyText == (status == 200 ? "kept" : ""))
    }

    @Test func `that a visitor's own condition goes to the origin where nothing is fresh`() throws {
        let street = try Street.keeping("Cache-Control: max-age=1", "ETag: \"a\"")
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.answer("/page", with: [.text("HTTP/1.1 304 Not Modified\r\nETag: \"b\"\r\n\r\n")])
        let response = try street.get("/page", fields: ["If-None-Match: \"b\""])
        #expect(response.status == 304 && response["etag"] == "\"b\"")
        #expect(street.seen?.values("if-none-match") == ["\"b\""])
    }

    @Test func `that an answer that it holds renews its fields`() throws {
        let street = try Street.keeping(
            "Cache-Control: max-age=1", "ETag: \(Self.tag)", "Content-Type: text/plain", "Content-Encoding: x",
            "X-A: 1", "X-B: 1",
            "X-B: 2", "Content-Security-Policy: a")
        _ = try street.get("/page")
        pauseThread(2100)
        let date = httpDate(-5)
        let newer = [
            "HTTP/1.1 304 Not Modified", "ETag: \(Self.tag)", "Cache-Control: max-age=60", "Date: \(date)",
            "Content-Length: 99",
            "Content-Type: text/plain;charset=utf-8", "Content-Encoding: y", "x-b: 3", "Content-Security-Policy: b",
            "X-C: 1",
            "Connection: X-Hop", "X-Hop: 1",
        ]
        street.origin.answer("/page", with: [.text(newer.joined(separator: "\r\n") + "\r\n\r\n")])
        // Now, and from memory.
        for _ in 0..<2 {
            let response = try street.get("/page")
            #expect(response.status == 200 && response.bodyText == "kept" && response.values("content-length") == ["4"])
            #expect(response.values("x-a") == ["1"] && response.values("x-b") == ["3"] && response["x-c"] == "1")
            #expect(response.values("content-security-policy") == ["b"] && response.values("date") == [date])
            #expect(response.values("content-type") == ["text/plain;charset=utf-8"] && response["x-hop"] == nil)
            // The bytes are in the coding in which they came.
            #expect(response.values("content-encoding") == ["x"] && response.values("cache-control") == ["max-age=60"])
        }
        #expect(street.origin.requests.count == 2)
    }

    @Test func `that a whole answer replaces what was kept`() throws {
        let street = try Street.keeping(
            "Cache-Control: max-age=1", "ETag: \(Self.tag)", "Last-Modified: \(Self.changed)", "X-A: 1")
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.say("/page", Self.fresh, "ETag: \"b\"", body: "newer")
        for _ in 0..<2 {
            let response = try street.get("/page")
            #expect(response.bodyText == "newer" && response["x-a"] == nil && response["etag"] == "\"b\"")
        }
        #expect(street.seen?["if-none-match"] == Self.tag && street.seen?["if-modified-since"] == Self.changed)
        #expect(street.origin.requests.count == 2)
    }

    @Test func `that HEAD tells of what is kept`() throws {
        let street = try Street.keeping(Self.fresh, "ETag: \(Self.tag)", "X-A: 1")
        func head(_ fields: String...) throws {
            let lines = ["HTTP/1.1 200 OK", Self.fresh] + fields
            street.origin.answer("/page", with: [.text(lines.joined(separator: "\r\n") + "\r\n\r\n")])
            let asked = request("HEAD /page HTTP/1.1", "Host: www.example.nl", "Cache-Control: no-cache")
            #expect(try street.ask(asked, method: "HEAD")["age"] == nil)
        }
        _ = try street.get("/page")
        // The same still, with a newer field.
        try head("ETag: \(Self.tag)", "X-A: 2", "Content-Length: 4")
        let kept = try street.get("/page")
        #expect(kept["x-a"] == "2" && kept["age"] != nil && kept.bodyText == "kept" && kept["content-length"] == "4")
        // Asked with what is not everybody's it says nothing of what everybody gets.
        street.origin.say("/page", Self.fresh, "ETag: \"c\"", body: "")
        _ = try street.ask(
            request("HEAD /page HTTP/1.1", "Host: www.example.nl", "Cache-Control: no-cache", "X-Own: 1"),
            method: "HEAD")
        #expect(try street.get("/page")["age"] != nil)
        // What says nothing of what it is renews nothing, as often as somebody asks.
        try head("X-A: 3")
        #expect(try street.get("/page")["x-a"] == "2")
        // Another one: what is kept is stale, and of use in need.
        for newer in [["ETag: \"b\""], ["ETag: \(Self.tag)", "Content-Length: 5"]] {
            try head(newer[0], newer.count > 1 ? newer[1] : "X: 1")
            street.origin.answer("/page", with: [.text("HTTP/1.1 304 Not Modified\r\nETag: \(Self.tag)\r\n\r\n")])
            #expect(try street.get("/page")["cache-status"]?.contains("fwd=stale") == true)
            #expect(street.seen?["if-none-match"] == Self.tag)
            #expect(try street.get("/page")["age"] != nil)
        }
        try head("ETag: \"b\"")
        street.origin.stop()
        #expect(try street.get("/page").bodyText == "kept")
    }

    // MARK: - Stale (section 4.2.4; RFC 5861)

    @Test func `that stale is shown instead of an error for as long as the origin says`() throws {
        let street = try Street.keeping("Cache-Control: max-age=1, stale-if-error=3") { $0.sites[0].cache.stale = 0 }
        street.origin.say("/strict", "Cache-Control: max-age=1, must-revalidate, stale-if-error=60")
        street.origin.say("/silent", "Cache-Control: max-age=1")
        for path in ["/page", "/strict", "/silent"] { _ = try street.get(path) }
        pauseThread(2100)
        for path in ["/page", "/strict", "/silent"] { street.origin.say(path, body: "oops", status: "503 No") }
        #expect(try street.get("/page").bodyText == "kept")
        #expect(try street.get("/strict").status == 503 && street.get("/silent").status == 503)
        pauseThread(3100)
        #expect(try street.get("/page").status == 503)
    }

    // MARK: - Invalidation (section 4.4)

    /// Whether "/page" is still answered from memory after this change.
    private func isKept(_ street: Street, after line: String, _ status: String, _ field: String) throws -> Bool {
        _ = try street.get("/page")
        #expect(try street.get("/page")["age"] != nil)
        street.origin.answer(
            "/change", with: [.text("HTTP/1.1 \(status)\r\n\(field)\r\nContent-Length: 0\r\n\r\n")])
        _ = try street.ask(request("\(line) HTTP/1.1", "Host: www.example.nl", "Content-Length: 0"))
        return try street.get("/page")["age"] != nil
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH"])
    func `that a change is one for the addresses that it names`(method: String) throws {
        let street = try Street.keeping(Self.fresh)
        for name in ["Location", "Content-Location", "content-location"] {
            for (reference, isKept) in [
                ("/page", false), ("http://www.example.nl/page", false), ("HTTP://WWW.EXAMPLE.NL:80/page", false),
                ("//www.example.nl/page", false), ("page", false), ("../page#top", false),
                // Elsewhere, or something else.
                ("https://www.example.nl/page", true), ("http://other.example.nl/page", true),
                ("http://www.example.nl:8080/page", true), ("http://www.example.nl@other.nl/page", true),
                ("/page?x=1", true), ("/Page", true), ("mailto:page", true),
            ] {
                let isStill = try self.isKept(
                    street, after: "\(method) /change?x", "201 Created", "\(name): \(reference)")
                #expect(isStill == isKept, "\(name): \(reference)")
            }
        }
    }

    @Test func `that what failed, or changes nothing, takes nothing away`() throws {
        let street = try Street.keeping(Self.fresh)
        for (line, status, isKept) in [
            ("POST /change", "500 Oops", true), ("POST /change", "404 Not Found", true),
            ("GET /change", "200 OK", true),
            ("OPTIONS /change", "200 OK", true), ("POST /change", "200 OK", false),
            ("DELETE /change", "302 Found", false),
        ] {
            let isStill = try self.isKept(street, after: line, status, "Location: /page")
            #expect(isStill == isKept, "\(line) \(status)")
        }
    }

    @Test func `that a trusted peer's word on the scheme is minded`() throws {
        let street = try Street.keeping(Self.fresh) { $0.trustedPeers = [Prefix(Street.local, length: 8)] }
        func get() throws -> HTTPMessage { try street.get("/page", fields: ["X-Forwarded-Proto: https"]) }
        for (reference, isKept) in [("https://www.example.nl/page", false), ("http://www.example.nl/page", true)] {
            _ = try get()
            #expect(try get()["age"] != nil)
            street.origin.answer(
                "/change", with: [.text("HTTP/1.1 200 OK\r\nLocation: \(reference)\r\nContent-Length: 0\r\n\r\n")])
            _ = try street.ask(
                request(
                    "POST /change HTTP/1.1", "Host: www.example.nl", "X-Forwarded-Proto: https", "Content-Length: 0"))
            #expect((try get()["age"] != nil) == isKept, "\(reference)")
        }
    }
}
