import Addresses
import FoundationEssentials
import Glibc
import Messages
import TestKit
import Testing

/// The lane over reloads, without its office, and at its end; what it counts and writes down.
@Suite struct `A lane` {
    @Test func `takes a reload without dropping a connection or a request`() throws {
        let street = try Street()
        let second = try LoopbackOrigin()
        var kept = try street.visitor()
        #expect(try kept.get("/fixed/1", host: Street.host).status == 200)
        var busy = try street.visitor()
        try busy.send(request("GET /slow/800 HTTP/1.1", "Host: www.example.nl"))
        #expect(eventually { street.origin.requests.count == 2 })

        var next = street.lane.snapshot
        next.generation = 2
        next.sites[0].origins = [Snapshot.Origin(endpoint: second.endpoint)]
        next.sites.append(Street.site("nieuw", ["nieuw.example.nl"], second.endpoint))
        try street.lane.reload(next)

        #expect(try kept.get("/fixed/2", host: Street.host).body.count == 2)
        #expect(try kept.get("/fixed/3", host: "nieuw.example.nl").body.count == 3)
        #expect(second.requests.count == 2)
        #expect(try busy.readResponse().bodyText == "slow\n")
        #expect(try busy.get("/fixed/4", host: Street.host).status == 200)
        #expect(second.requests.count == 3)
        let status = street.lane.status { $0.generation == 2 && $0.sites.first?.responses[1] == 4 }
        #expect(status.generation == 2)
        // What was counted stays counted.
        #expect(status.sites.map { $0.responses[1] } == [4, 1])
    }

    @Test func `refuses a reload that changes its listeners, and goes on with the former one`() throws {
        let street = try Street()
        var next = street.lane.snapshot
        next.generation = 2
        next.listeners.removeLast()
        #expect(throws: TestKitError.self) { try street.lane.reload(next) }
        #expect(street.lane.lines.contains { $0.contains("listeners cannot change") })
        #expect(try street.get("/fixed/1").status == 200)
        #expect(street.lane.inForce == 1)
    }

    @Test func `refuses a reload with a certificate that is none, and goes on with the former one`() throws {
        let street = try Street()
        var next = street.lane.snapshot
        next.generation = 2
        next.sites[0].certificateChain = Array("no certificate".utf8)
        next.sites[0].privateKey = Array("no key".utf8)
        #expect(throws: TestKitError.self) { try street.lane.reload(next) }
        #expect(street.lane.lines.contains { $0.contains("snapshot 2 is refused: site www") })
        #expect(try street.get("/fixed/1").status == 200)
    }

    @Test func `takes nothing at all of a reload that it refuses`() throws {
        let street = try Street()
        let second = try LoopbackOrigin()
        var next = street.lane.snapshot
        next.generation = 2
        next.sites[0].sourceLimit = Snapshot.SourceLimit(rate: 1, burst: 0)
        next.sites[0].origins.append(Snapshot.Origin(endpoint: second.endpoint))
        var broken = Street.site("stuk", ["stuk.example.nl"], second.endpoint)
        broken.certificateChain = Array("no certificate".utf8)
        broken.privateKey = Array("no key".utf8)
        next.sites.append(broken)
        #expect(throws: TestKitError.self) { try street.lane.reload(next) }
        var busy = try street.visitor()
        try busy.send(request("GET /slow/500 HTTP/1.1", "Host: www.example.nl"))
        #expect(eventually { street.origin.requests.count == 1 })
        for _ in 0..<5 { #expect(try street.get("/fixed/1").status == 200) }
        #expect(try busy.readResponse().status == 200)
        #expect(second.requests.isEmpty)
    }

    @Test func `drains: it finishes what runs, takes nothing new, and ends`() throws {
        let street = try Street()
        var idle = try street.visitor()
        #expect(try idle.get("/fixed/1", host: Street.host).status == 200)
        var busy = try street.visitor()
        try busy.send(request("GET /slow/800 HTTP/1.1", "Host: www.example.nl"))
        #expect(eventually { street.origin.requests.count == 2 })
        try street.lane.drain()
        #expect(idle.isClosed(within: 3000))
        let response = try busy.readResponse()
        #expect(response.bodyText == "slow\n")
        #expect(response["connection"] == "close")
        #expect(try busy.readAll().isEmpty)
        #expect(street.lane.child.wait() == 0)
    }

    @Test func `answers what was on its way over a connection that rested when it drains`() throws {
        let street = try Street()
        var kept = try (0..<8).map { _ in try street.visitor() }
        for index in kept.indices { #expect(try kept[index].get("/fixed/1", host: Street.host).status == 200) }
        try street.lane.drain()
        for index in kept.indices {
            try kept[index].send(
                request("POST /upload HTTP/1.1", "Host: www.example.nl", "Content-Length: 2", body: "ok"))
        }
        for index in kept.indices {
            let response = try kept[index].readResponse()
            #expect(response.status == 200)
            // Where the request was quicker than the word to its worker, the connection rests again, and ends by that.
            #expect(response["connection"] == "close" || kept[index].isClosed(within: 10_000))
        }
        #expect(street.lane.child.wait() == 0)
    }

    @Test func `drains without keeping a core busy, while others knock at its listeners`() throws {
        let street = try Street()
        var busy = try street.visitor()
        try busy.send(request("GET /slow/2500 HTTP/1.1", "Host: www.example.nl"))
        #expect(eventually { street.origin.requests.count == 1 })
        try street.lane.drain()
        pauseThread(300)
        // The listener is still open here, as it is in the office: the kernel lets a visitor in that nobody takes.
        let knocking = try street.visitor()
        let before = try processorTime(street.lane.child.process)
        pauseThread(1000)
        #expect(try processorTime(street.lane.child.process) - before < 30)
        #expect(try busy.readResponse().bodyText == "slow\n")
        #expect(!knocking.socket.hasBytes)
        #expect(street.lane.child.wait() == 0)
    }

    /// Of all threads of a process, in hundredths of a second (proc(5), fields 14 and 15).
    private func processorTime(_ process: Int32) throws -> Int {
        let text = try Tool.run(["cat", "/proc/\(process)/stat"])
        let fields = text.split(separator: ")")[1].split(separator: " ")
        return try #require(Int(fields[11])) + #require(Int(fields[12]))
    }

    @Test func `drains in a bounded time, whatever its visitors do`() throws {
        let street = try Street { $0.limits.drainTime = 500 }
        var tunnel = try street.visitor()
        try tunnel.send(request("GET /tunnel HTTP/1.1", "Host: www.example.nl", "Connection: Upgrade", "Upgrade: x"))
        #expect(try tunnel.readResponse().status == 101)
        let half = try street.visitor()
        try half.send("GET / HTTP/1.1\r\nHost: ")
        pauseThread(100)
        try street.lane.drain()
        #expect(tunnel.isClosed(within: 4000))
        #expect(half.isClosed(within: 4000))
    }

    @Test func `goes on without its office, and finds the next one with all it has`() throws {
        let street = try Street(workers: 2)
        var kept = try street.visitor()
        #expect(try kept.get("/fixed/1", host: Street.host).status == 200)
        street.lane.closeOffice()
        #expect(try kept.get("/fixed/1", host: Street.host).status == 200)
        #expect(try street.get("/fixed/1").status == 200)
        pauseThread(600)
        #expect(try street.get("/fixed/1").status == 200)
        try street.lane.reopenOffice()
        #expect(eventually { street.lane.hellos.count == 2 })
        let hello = try #require(street.lane.hellos.last)
        #expect(hello.generation == 1)
        #expect(hello.process == UInt32(street.lane.child.process))
        #expect(hello.started == street.lane.hellos[0].started)
        // Two sockets for each of five listeners, in order, and the history.
        #expect(hello.descriptors == 11)
        #expect(eventually { street.lane.handedOver.count == 11 })
        for (index, socket) in street.lane.handedOver.dropLast().enumerated() {
            #expect(RunningLane.port(of: socket) == Int32(street.lane.endpoints[index / 2].port))
        }
        var next = street.lane.snapshot
        next.generation = 2
        try street.lane.reload(next)
        #expect(try kept.get("/fixed/1", host: Street.host).status == 200)
        #expect(street.lane.status { $0.generation == 2 }.generation == 2)
    }

    @Test func `serves with several workers as with one`() throws {
        let street = try Street(workers: 3)
        for number in 0..<30 { #expect(try street.get("/fixed/\(number)").body.count == number) }
        let status = street.lane.status { $0.connections.accepted >= 30 && $0.connections.open == 0 }
        // A test beside this one may knock at a port that was its own a moment ago.
        #expect(status.connections.accepted >= 30)
        #expect(status.connections.open == 0)
        #expect(status.sites[0].responses == [0, 30, 0, 0, 0])
    }

    @Test func `counts what happened`() throws {
        let street = try Street()
        var client = try street.visitor()
        _ = try client.get("/fixed/1000", host: Street.host)
        _ = try client.get("/status/404", host: Street.host)
        _ = try client.get("/status/500", host: Street.host)
        try client.send(
            request(
                "POST /fixed/1 HTTP/1.1", "Host: www.example.nl", "Content-Length: 5000",
                body: String(repeating: "x", count: 5000)))
        _ = try client.readResponse()
        let site = try #require(
            street.lane.status { $0.sites[0].responses[1] == 2 && $0.connections.open == 1 }.sites.first)
        #expect(site.name == "www")
        #expect(site.organisation == "voorbeeld")
        #expect(site.responses == [0, 2, 0, 1, 1])
        #expect(site.bytesIn == 5000)
        #expect(site.bytesOut > 1000)
        #expect(site.firstByte.reduce(0, +) == 4)
        #expect(site.inFlight == 0)
        #expect(site.healthyOrigins == 1)
        #expect(site.limit >= 200)
        #expect(site.classes.map(\.requests).reduce(0, +) == 4)
        #expect(site.classes.map(\.admitted).reduce(0, +) == 4)
    }

    @Test func `gives pages a cookie by which a visitor is known, and believes no other`() throws {
        let street = try Street()
        street.origin.answer(
            "/page",
            with: [.text("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 2\r\n\r\nok")])
        let cookie = try #require(try street.get("/page")["set-cookie"])
        #expect(cookie.hasPrefix("wasstraat="))
        #expect(cookie.hasSuffix("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"))
        let pair = String(cookie.prefix { $0 != ";" })
        #expect(try street.get("/fixed/1")["set-cookie"] == nil)
        #expect(try street.get("/page", fields: ["Cookie: a=b; \(pair)"])["set-cookie"] == nil)
        let forged = pair.dropLast() + (pair.hasSuffix("0") ? "1" : "0")
        #expect(try street.get("/page", fields: ["Cookie: \(forged)"])["set-cookie"] != nil)
        #expect(try street.get("/page", fields: ["Cookie: x\(pair)"])["set-cookie"] != nil)
        let known = street.lane.status { $0.sites[0].classes.map(\.requests).reduce(0, +) == 5 }.sites[0].classes[0]
        #expect(known.requests == 1)
    }

    private struct Line: Decodable {
        var time: String
        var site: String
        var source: String
        var tls: Bool
        var method: String
        var path: String
        var query_length: Int
        var status: Int
        var bytes_in: Int
        var bytes_out: Int
        var `class`: String
        var decision: String
        var waited_ms: Int
        var first_byte_us: Int
        var total_us: Int
    }

    @Test func `writes one line of JSON for each request, without address and without query`() throws {
        let street = try Street()
        let source = Address(ipv4: 0x7f00_0a0b)
        _ = try street.get("/zoek/\"q\"\\?bsn=123456782&x=%20", from: source)
        _ = try street.get("/fixed/10", from: source)
        var client = try street.visitor()
        _ = try client.get("/p?secret=1", host: "unknown.example")
        try client.send(request("POST /close HTTP/1.1", "Host: www.example.nl", "Content-Length: 4", body: "body"))
        #expect(try client.readResponse().status == 502)
        let texts = try street.lane.accessLines(4)
        try #require(texts.count == 4)
        for text in texts {
            #expect(!text.contains("127.0.10.11"))
            #expect(!text.contains("123456782"))
            #expect(!text.contains("bsn"))
            #expect(!text.contains("secret"))
        }
        let lines = try texts.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(lines.map(\.status) == [200, 200, 421, 502])
        #expect(lines.map(\.site) == ["www", "www", "", "www"])
        #expect(lines.map(\.path) == ["/zoek/\"q\"\\", "/fixed/10", "/p", "/close"])
        #expect(lines.map(\.query_length) == [19, 0, 8, 0])
        #expect(lines.map(\.method) == ["GET", "GET", "GET", "POST"])
        #expect(lines.map(\.decision) == ["admitted", "admitted", "misdirected", "failed"])
        #expect(lines[0].source == lines[1].source)
        #expect(lines[0].source != lines[2].source)
        #expect(lines.allSatisfy { $0.source.utf8.count == 16 && !$0.tls && $0.time.hasSuffix("Z") })
        #expect(lines[3].bytes_in == 4)
        #expect(lines[1].bytes_out > 10)
        #expect(lines[1].first_byte_us > 0)
        #expect(lines[1].total_us >= lines[1].first_byte_us)
        #expect(["known", "unknown"].contains(lines[1].class))
        #expect(lines[1].waited_ms == 0)
        #expect(lines[0].time.utf8.count == 24)
    }

    @Test func `refuses connections beyond a source's share, and others get theirs`() throws {
        let street = try Street { $0.limits.connections = 64 }
        // An eighth of what is free: at most eight at the start.
        // A refusal may be seen at connect already.
        let greedy = (0..<12).map { _ in try? street.visitor(from: Address(ipv4: 0x7f00_0b01)) }
        pauseThread(200)
        let closed = greedy.count { $0?.isClosed(within: 50) ?? true }
        #expect((4...6).contains(closed))
        #expect(try street.get("/fixed/1", from: Address(ipv4: 0x7f00_0c01)).status == 200)
        #expect(street.lane.status { $0.connections.refused == closed }.connections.refused == closed)
        // More room by a reload, without new listeners.
        var next = street.lane.snapshot
        next.generation = 2
        next.limits.connections = 6400
        try street.lane.reload(next)
        let patient = try (0..<12).map { _ in try street.visitor(from: Address(ipv4: 0x7f00_0b01)) }
        pauseThread(200)
        #expect(!patient.contains { $0.isClosed(within: 20) })
    }
}
