import Addresses
import Messages
import TestKit
import Testing

/// What a visitor gets when the origin does not do its part.
@Suite struct `When the origin` {
    @Test func `is down, the visitor gets 502 with a page and Retry-After`() throws {
        let street = try Street()
        street.origin.stop()
        var client = try street.visitor()
        let response = try client.get(
            "/", host: Street.host, fields: ["Accept: text/html", "Accept-Language: nl"])
        #expect(response.status == 502)
        #expect(response.bodyText.contains("De website antwoordt niet"))
        #expect((30..<40).contains(response["retry-after"].flatMap { Int($0) } ?? 0))
        let status = street.lane.status { $0.sites[0].originFailures == 1 }
        #expect(status.sites[0].originFailures == 1)
        #expect(status.sites[0].responses[4] == 1)
    }

    @Test func `comes back after a while, it is found again`() throws {
        let street = try Street()
        street.origin.stop()
        for _ in 0..<4 { #expect(try street.get("/").status == 502) }
        #expect(street.lane.status { $0.sites[0].healthyOrigins == 0 }.sites[0].healthyOrigins == 0)
        // Long enough for several probes to fail.
        pauseThread(3500)
        #expect(try street.get("/").status == 502)
        let again = try LoopbackOrigin(at: street.origin.endpoint.address, port: street.origin.endpoint.port)
        defer { again.stop() }
        #expect(street.lane.status { $0.sites[0].healthyOrigins == 1 }.sites[0].healthyOrigins == 1)
        #expect(try street.get("/fixed/1").status == 200)
    }

    @Test func `is one of two and down, the other one serves`() throws {
        let other = try LoopbackOrigin()
        let street = try Street { $0.sites[0].origins.append(Snapshot.Origin(endpoint: other.endpoint)) }
        street.origin.stop()
        for _ in 0..<8 { #expect(try street.get("/fixed/1").status == 200) }
        #expect(other.requests.count == 8)
        let body = String(repeating: "b", count: 100)
        let response = try street.ask(
            request("POST /echo HTTP/1.1", "Host: www.example.nl", "Content-Length: 100", body: body))
        #expect(response.status == 200)
        #expect(other.requests.last?.message.bodyText == body)
    }

    @Test func `is slow to begin, the visitor gets 504`() throws {
        let street = try Street { $0.limits.originTime = 400 }
        #expect(try street.get("/slow/3000").status == 504)
        #expect(try street.get("/slow/100").status == 200)
        #expect(street.lane.status { $0.sites[0].originFailures == 1 }.sites[0].originFailures == 1)
    }

    @Test func `stops in the middle, the response is never completed`() throws {
        let street = try Street { $0.limits.originTime = 600 }
        for path in ["/close-early", "/close-chunk", "/stall/5000"] {
            let text = try street.exchange(request("GET \(path) HTTP/1.1", "Host: www.example.nl"))
            #expect(text.hasPrefix("HTTP/1.1 200 "))
            let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
            if path == "/close-chunk" {
                #expect(!text.contains("0\r\n\r\n"))
            } else {
                #expect(parts[0].contains("Content-Length: 1000"))
                #expect((parts.last?.utf8.count ?? 0) < 1000)
            }
        }
        #expect(street.lane.status { $0.sites[0].originFailures == 3 }.sites[0].originFailures == 3)
    }

    @Test func `stops in the middle of a chunk, HTTP 1.0 gets a reset and not an end`() throws {
        let street = try Street()
        var client = try street.visitor()
        try client.send(request("GET /close-chunk HTTP/1.0", "Host: www.example.nl"))
        #expect(throws: TestKitError.self) { try client.readAll() }
    }

    @Test func `breaks off a response without length, it is not completed`() throws {
        let street = try Street()
        street.origin.answer(
            "/broken-off", with: [.text("HTTP/1.1 200 OK\r\n\r\nhalf"), .pause(milliseconds: 100), .reset])
        let text = try street.exchange(
            request("GET /broken-off HTTP/1.1", "Host: www.example.nl", "Connection: close"))
        #expect(text.contains("half"))
        #expect(!text.hasSuffix("0\r\n\r\n"))
        var old = try street.visitor()
        try old.send(request("GET /broken-off HTTP/1.0", "Host: www.example.nl"))
        #expect(throws: TestKitError.self) { try old.readAll() }
    }

    @Test(arguments: ["bare-lf", "no-version", "two-lengths", "length-and-coding", "huge-head"])
    func `answers what is no response, the visitor gets 502`(kind: String) throws {
        let street = try Street()
        let response = try street.get("/broken/\(kind)")
        #expect(response.status == 502)
        #expect(try street.get("/fixed/1").status == 200)
    }

    @Test(arguments: ["/close", "/reset"]) func `answers with nothing, the visitor gets 502`(path: String) throws {
        let street = try Street()
        #expect(try street.get(path).status == 502)
        #expect(street.origin.requests.count == 1)
    }

    @Test(arguments: ["GET", "PUT", "DELETE"])
    func `ends a kept connection under a request, that is asked again where it is safe`(method: String) throws {
        let street = try Street()
        var client = try street.visitor()
        #expect(try client.get("/fixed/1", host: Street.host).status == 200)
        street.origin.answer("/ends", with: [.close])
        try client.send(request("\(method) /ends HTTP/1.1", "Host: www.example.nl"))
        #expect(try client.readResponse().status == 502)
        // Once over the kept connection, once over a new one, and no more.
        #expect(street.origin.requests.map(\.connection) == [1, 1, 2])
    }

    @Test func `ends a kept connection, POST is not asked again`() throws {
        let street = try Street()
        var client = try street.visitor()
        #expect(try client.get("/fixed/1", host: Street.host).status == 200)
        street.origin.answer("/ends", with: [.close])
        try client.send(request("POST /ends HTTP/1.1", "Host: www.example.nl", "Content-Length: 1", body: "x"))
        #expect(try client.readResponse().status == 502)
        #expect(street.origin.requests.count == 2)
        // Over the kept connection, which was used a moment ago.
        #expect(street.origin.requests.last?.connection == 1)
    }

    @Test func `has not heard of a kept connection for a while, POST goes over a new one`() throws {
        let street = try Street()
        var client = try street.visitor()
        #expect(try client.get("/fixed/1", host: Street.host).status == 200)
        let post = request("POST /fixed/1 HTTP/1.1", "Host: www.example.nl", "Content-Length: 1", body: "x")
        for _ in 0..<3 {
            try client.send(post)
            #expect(try client.readResponse().status == 200)
        }
        #expect(street.origin.accepted == 1)
        pauseThread(1300)
        try client.send(post)
        #expect(try client.readResponse().status == 200)
        #expect(street.origin.accepted == 2)
    }

    @Test(.needs(tool: "prlimit")) func `cannot be reached for want of descriptors, that is not its failure`() throws {
        let street = try Street()
        var client = try street.visitor()
        #expect(try client.get("/last", host: Street.host).status == 200)
        let lane = street.lane.child.process
        let taken = try Tool.run(["ls", "/proc/\(lane)/fd"]).split(separator: "\n").compactMap { Int($0) }
        let free = try #require((0...taken.count).first { !taken.contains($0) })
        _ = try Tool.run(["prlimit", "--pid", "\(lane)", "--nofile=\(free):"])
        for _ in 0..<5 { #expect(try client.get("/fixed/1", host: Street.host).status == 503) }
        _ = try Tool.run(["prlimit", "--pid", "\(lane)", "--nofile=1024:"])
        #expect(try client.get("/fixed/1", host: Street.host).status == 200)
        let site = try #require(street.lane.status { $0.sites[0].responses[4] == 5 }.sites.first)
        #expect(site.responses[4] == 5)
        #expect(site.originFailures == 0)
        #expect(site.healthyOrigins == 1)
    }

    @Test func `restarts, its old connections trouble nobody`() throws {
        let street = try Street()
        var client = try street.visitor()
        for _ in 0..<5 {
            #expect(try client.get("/fixed/1", host: Street.host).status == 200)
            street.origin.endConnections()
            #expect(
                try { () throws -> Int in
                    try client.send(
                        request("POST /fixed/1 HTTP/1.1", "Host: www.example.nl", "Content-Length: 1", body: "x"))
                    return try client.readResponse().status
                }() == 200)
        }
    }

    @Test func `says more than its response, that is nobody's`() throws {
        let street = try Street()
        street.origin.answer(
            "/more",
            with: [
                .text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            ])
        var client = try street.visitor()
        #expect(try client.get("/more", host: Street.host).bodyText == "ok")
        #expect(try client.get("/fixed/3", host: Street.host).body.count == 3)
    }

    @Test func `answers before it has the whole body, the visitor hears it`() throws {
        let street = try Street()
        let client = try street.visitor()
        try client.send(
            request(
                "POST /refuse-body-at-once HTTP/1.1", "Host: www.example.nl", "Content-Length: 100000",
                body: String(repeating: "x", count: 4_096)))
        var reading = client
        #expect(try reading.readResponse().status == 413)
        #expect(client.isClosed(within: 4000))
    }

    @Test func `falls silent within its response, which then takes up no place at the origin`() throws {
        let street = try Street { $0.limits.queueTime = 5000 }
        street.origin.answer("/stil", with: [.text("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nstart"), .hang])
        // As many as the origin's limit allows at the beginning, and some more: they come in when the first are silent.
        var silent = try (0..<12).map { _ in
            let client = try street.visitor()
            try client.send(request("GET /stil HTTP/1.1", "Host: www.example.nl"))
            return client
        }
        #expect(eventually { street.origin.requests.count >= 10 })
        #expect(street.origin.requests.count == 10)
        // All places are taken, so this one waits: not for an end, which does not come, but for the second to pass.
        #expect(try street.get("/fixed/7").body.count == 7)
        for index in silent.indices {
            #expect(try silent[index].readBytes(15) == Array("HTTP/1.1 200 OK".utf8))
            #expect(!silent[index].isClosed(within: 0))
        }
        #expect(street.origin.open >= 12)
        let status = street.lane.status { $0.sites[0].inFlight == 0 }
        #expect(status.sites[0].inFlight == 0)
        #expect(status.connections.timedOut == 0)
    }
}
