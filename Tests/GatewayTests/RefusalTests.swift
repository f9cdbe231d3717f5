import Addresses
import Messages
import TestKit
import Testing

/// What does not get through, and what the visitor is told.
@Suite struct `What is refused` {
    /// Heads that two servers could understand in two ways; each carries a request that must not be smuggled.
    static let ambiguous: [(String, [String])] = [
        ("both lengths", ["Content-Length: 4", "Transfer-Encoding: chunked"]),
        ("both lengths, the other way round", ["Transfer-Encoding: chunked", "Content-Length: 4"]),
        ("two lengths", ["Content-Length: 4", "Content-Length: 40"]),
        ("a list of lengths", ["Content-Length: 4, 40"]), ("a signed length", ["Content-Length: +4"]),
        ("a length with a space", ["Content-Length: 4 0"]), ("a hexadecimal length", ["Content-Length: 0x4"]),
        ("an unknown coding", ["Transfer-Encoding: xchunked"]), ("two codings", ["Transfer-Encoding: gzip, chunked"]),
        ("two coding fields", ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"]),
        ("a space before the colon", ["Transfer-Encoding : chunked"]),
        ("a vertical tab", ["Transfer-Encoding:\u{0b}chunked"]), ("a folded line", ["Transfer-Encoding:", " chunked"]),
        ("a line feed alone", ["X: 1\nTransfer-Encoding: chunked"]),
        ("a carriage return alone", ["X: 1\rTransfer-Encoding: chunked"]), ("a null", ["X: \u{0}"]),
        ("two hosts", ["Host: other.example"]),
    ]

    @Test func `what could be read in two ways, and nothing of it reaches the origin`() throws {
        let street = try Street()
        for (what, fields) in Self.ambiguous {
            let head = (["POST / HTTP/1.1", "Host: www.example.nl"] + fields).joined(separator: "\r\n")
            let text = try street.exchange(
                head + "\r\n\r\n0\r\n\r\n" + request("GET /smuggled HTTP/1.1", "Host: www.example.nl"))
            #expect(text.hasPrefix("HTTP/1.1 400 "), "\(what)")
            #expect(text.contains("Connection: close\r\n"), "\(what)")
            #expect(text.components(of: "HTTP/1.1 ") == 1, "\(what): more than one response")
        }
        #expect(street.origin.requests.isEmpty)
        let status = street.lane.status { $0.connections.malformed == UInt64(Self.ambiguous.count) }
        #expect(status.connections.malformed == UInt64(Self.ambiguous.count))
    }

    @Test func `chunks that are none, in the middle of a body`() throws {
        let street = try Street()
        for body in [
            "+4\r\nbody\r\n0\r\n\r\n", "4\nbody\n0\n\n", "4\r\nbodyX\r\n", "0\r\nContent-Length: 9\r\n\r\n", " 4\r\n",
        ] {
            let text = try street.exchange(
                request(
                    "POST / HTTP/1.1", "Host: www.example.nl", "Transfer-Encoding: chunked", body: body)
                    + request("GET /smuggled HTTP/1.1", "Host: www.example.nl"))
            #expect(text.hasPrefix("HTTP/1.1 400 "))
            #expect(text.components(of: "HTTP/1.1 ") == 1)
        }
        // The origin may have seen the beginning, but never a whole request.
        #expect(street.origin.requests.isEmpty)
    }

    @Test func `with the status that says why`() throws {
        let street = try Street {
            $0.limits.headBytes = 2000
            $0.limits.targetBytes = 500
            $0.limits.headFields = 20
            $0.sites[0].bodyLimit = 1000
        }
        let long = String(repeating: "x", count: 3000)
        let many = (0..<20).map { "X-\($0): 1\r\n" }.joined()
        for (text, status) in [
            ("GET / HTTP/1.1\r\nHost: www.example.nl\r\nX: \(long)\r\n\r\n", 431),
            ("GET / HTTP/1.1\r\nHost: www.example.nl\r\nX: \(long)", 431),
            ("GET / HTTP/1.1\r\nHost: www.example.nl\r\n\(many)\r\n", 431),
            ("GET /\(long.prefix(600)) HTTP/1.1\r\nHost: www.example.nl\r\n\r\n", 414),
            ("POST / HTTP/1.1\r\nHost: www.example.nl\r\nContent-Length: 1001\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: www.example.nl\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413),
            ("GET / HTTP/2.0\r\nHost: www.example.nl\r\n\r\n", 505), ("GET /\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n\r\n", 400), ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
            ("TRACE / HTTP/1.1\r\nHost: www.example.nl\r\n\r\n", 405),
            ("POST / HTTP/1.1\r\nHost: www.example.nl\r\nExpect: more\r\n\r\n", 417),
            ("GET / HTTP/1.1\r\nHost: unknown.example\r\nConnection: close\r\n\r\n", 421),
            ("GET / HTTP/1.0\r\n\r\n", 421),
        ] {
            #expect(try street.exchange(text).hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(60))")
        }
        #expect(street.origin.requests.isEmpty)
    }

    @Test func `a body in chunks that turns out too long`() throws {
        let street = try Street { $0.sites[0].bodyLimit = 1000 }
        let client = try street.visitor()
        try client.send(request("POST / HTTP/1.1", "Host: www.example.nl", "Transfer-Encoding: chunked"))
        let chunk = "3e8\r\n\(String(repeating: "x", count: 1000))\r\n"
        for _ in 0..<20 { try? client.send(chunk) }
        var reading = client
        #expect(try reading.readResponse().status == 413)
        #expect(street.origin.requests.isEmpty)
    }

    @Test func `a body up to the site's bound is not`() throws {
        let street = try Street { $0.sites[0].bodyLimit = 1000 }
        let response = try street.ask(
            request(
                "POST /fixed/1 HTTP/1.1", "Host: www.example.nl", "Content-Length: 1000",
                body: String(repeating: "x", count: 1000)))
        #expect(response.status == 200)
    }

    @Test func `a head that comes too slowly, first or later`() throws {
        let street = try Street { $0.limits.headTime = 300 }
        var first = try street.visitor()
        try first.send("GET / HTTP/1.1\r\nHost: ")
        #expect(try first.readResponse().status == 408)
        #expect(first.isClosed(within: 3000))
        var later = try street.visitor()
        #expect(try later.get("/fixed/1", host: Street.host).status == 200)
        try later.send("GET / HTTP/1.1\r\nHost: ")
        #expect(try later.readResponse().status == 408)
        let dripping = try street.visitor()
        for _ in 0..<8 {
            try? dripping.send("X")
            pauseThread(100)
        }
        #expect(dripping.isClosed(within: 3000))
        let silent = try street.visitor()
        #expect(silent.isClosed(within: 3000))
        let status = street.lane.status { $0.connections.timedOut >= 4 }
        #expect(status.connections.timedOut == 4)
    }

    @Test func `a body that comes too slowly`() throws {
        let street = try Street { $0.limits.progressTime = 400 }
        let client = try street.visitor()
        try client.send(request("POST / HTTP/1.1", "Host: www.example.nl", "Content-Length: 1000", body: "start"))
        #expect(client.isClosed(within: 5000))
        #expect(street.lane.status { $0.connections.timedOut == 1 }.connections.timedOut == 1)
        #expect(street.origin.requests.isEmpty)
    }

    @Test func `a connection that rests too long, without a word`() throws {
        let street = try Street { $0.limits.idleTime = 300 }
        var client = try street.visitor()
        #expect(try client.get("/fixed/1", host: Street.host).status == 200)
        #expect(try client.readAll().isEmpty)
    }

    @Test func `more than the site's fixed limit for one source, with 429 and Retry-After`() throws {
        let street = try Street { $0.sites[0].sourceLimit = .init(rate: 1, burst: 4) }
        var visitor = try street.visitor(from: Address(ipv4: 0x7f00_0501))
        let responses = try (0..<12).map { _ in try visitor.get("/fixed/1", host: Street.host) }
        #expect(responses.prefix(4).allSatisfy { $0.status == 200 })
        let refused = responses.filter { $0.status == 429 }
        #expect(refused.count >= 5)
        for response in refused {
            let seconds = try #require(response["retry-after"].flatMap { Int($0) })
            #expect((20..<30).contains(seconds))
        }
        // Another source is not asked to pay for that.
        #expect(try street.get("/fixed/1", from: Address(ipv4: 0x7f00_0502)).status == 200)
        let status = street.lane.status { $0.sites[0].classes.reduce(0) { $0 + $1.refused } == refused.count }
        #expect(status.sites[0].classes.reduce(0) { $0 + $1.refused } == refused.count)
        #expect(status.sites[0].classes.reduce(0) { $0 + $1.requests } == 13)
    }

    @Test func `nothing in observe, where it is only counted`() throws {
        let street = try Street {
            $0.sites[0].sourceLimit = .init(rate: 1, burst: 2)
            $0.sites[0].mode = .observe
        }
        var visitor = try street.visitor()
        for _ in 0..<20 { #expect(try visitor.get("/fixed/1", host: Street.host).status == 200) }
        let status = street.lane.status { $0.sites[0].responses[1] == 20 }
        #expect(status.sites[0].isObserving)
        #expect(status.sites[0].classes.reduce(0) { $0 + $1.admitted } == 20)
        #expect(status.sites[0].classes.reduce(0) { $0 + $1.refused } >= 10)
        #expect(status.sites[0].responses == [0, 20, 0, 0, 0])
    }

    @Test func `a queue that is full, with 503 and Retry-After, and those that wait are served`() throws {
        let street = try Street {
            $0.limits.queueLength = 2
            $0.limits.queueTime = 5000
        }
        // The origin's limit begins at ten at once.
        let clients = try (0..<16).map { _ in
            let client = try street.visitor()
            try client.send(request("GET /slow/500 HTTP/1.1", "Host: www.example.nl"))
            return client
        }
        var statuses: [Int] = []
        for var client in clients {
            let response = try client.readResponse()
            statuses.append(response.status)
            guard response.status == 503 else { continue }
            #expect((20..<30).contains(response["retry-after"].flatMap { Int($0) } ?? 0))
        }
        #expect(statuses.count { $0 == 200 } == 12)
        #expect(statuses.count { $0 == 503 } == 4)
        #expect(street.lane.status { $0.sites[0].classes[1].queued >= 2 }.sites[0].classes[1].queued >= 2)
    }

    @Test func `after the longest wait, with 503`() throws {
        let street = try Street { $0.limits.queueTime = 300 }
        let clients = try (0..<11).map { _ in
            let client = try street.visitor()
            try client.send(request("GET /slow/1500 HTTP/1.1", "Host: www.example.nl"))
            return client
        }
        let statuses = try clients.map { client in
            var client = client
            return try client.readResponse().status
        }
        #expect(statuses.sorted() == Array(repeating: 200, count: 10) + [503])
    }

    @Test(arguments: [
        (["Accept: text/html", "Accept-Language: nl-NL,nl;q=0.9,en;q=0.8"], "nl"),
        (["Accept: text/html,*/*", "Accept-Language: en-GB,en;q=0.5"], "en"),
        (["Accept: text/html", "Accept-Language: en,nl"], "en"), (["Accept: text/html", "Accept-Language: de"], "nl"),
        (["Accept: text/html"], "nl"), (["Accept: */*", "Accept-Language: nl"], nil), ([], nil),
        (["Accept: application/json"], nil),
    ])
    func `in the visitor's language, or in one line for programs`(fields: [String], language: String?) throws {
        let street = try Street()
        var client = try street.visitor()
        let response = try client.get("/", host: "unknown.example", fields: fields)
        #expect(response.status == 421)
        #expect(response["content-language"] == language)
        #expect(response["cache-control"] == "no-store")
        guard let language else {
            #expect(response.bodyText == "421 Misdirected Request\n")
            return
        }
        #expect(response.bodyText.contains("<html lang=\"\(language)\">"))
        #expect(response.bodyText.contains(language == "nl" ? "Deze website is hier niet" : "This website is not here"))
        #expect(response["vary"] == "Accept, Accept-Language")
    }

    @Test func `without a body in answer to HEAD, and the connection stands`() throws {
        let street = try Street()
        var client = try street.visitor()
        try client.send(request("HEAD / HTTP/1.1", "Host: unknown.example"))
        let response = try client.readResponse(to: "HEAD")
        #expect(response.status == 421)
        #expect(response["content-length"] == "24")
        #expect(try client.get("/fixed/1", host: Street.host).status == 200)
    }
}

extension String {
    /// How often the text stands in it.
    func components(of text: String) -> Int {
        let (bytes, wanted) = (Array(utf8), Array(text.utf8))
        guard bytes.count >= wanted.count else { return 0 }
        return (0...(bytes.count - wanted.count)).count { bytes[$0..<$0 + wanted.count].elementsEqual(wanted) }
    }
}
