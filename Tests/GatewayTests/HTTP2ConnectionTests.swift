import Addresses
import Messages
import TestKit
import Testing

private typealias F = FrameClient

/// What an HTTP/2 connection may do, and what ends it.
@Suite struct `An HTTP/2 connection` {
    @Test func `is told its bounds, and asked for no more`() throws {
        let street = try Street()
        var client = try F(to: street.clear)
        try client.wait { $0.others(of: 4).count == 2 && !$0.others(of: 8).isEmpty }
        let settings = client.others(of: 4).first { $0.flags == 0 }
        #expect(settings?.payload == F.settings([(3, 100), (4, 256 << 10), (6, 19_584)]))
        #expect(client.others(of: 8).map(\.payload) == [F.bytes((1 << 20) - 65_535)])
        #expect(try client.wait { $0.others(of: 4).contains { $0.flags == 1 } })
    }

    @Test func `is refused requests that are too many, each with its answer: 429`() throws {
        let street = try Street { $0.sites[0].sourceLimit = Snapshot.SourceLimit(rate: 1, burst: 1) }
        var client = try F(to: street.clear)
        #expect(try client.get(1, "/fixed/1").status == "200")
        for number in 1...200 { try client.ask(UInt32(number) * 2 + 1, "/fixed/1", [("accept-language", "en")]) }
        var refused = 0
        for number in 1...200 {
            let response = try client.response(UInt32(number) * 2 + 1)
            #expect(response.isEnded && response.reset == nil)
            // One more each second.
            guard response.status == "429" else { continue }
            refused += 1
            #expect(response["retry-after"]?.count == 2)
            #expect(String(decoding: response.body, as: UTF8.self) == "429 Too Many Requests\n")
        }
        #expect(refused > 150)
        #expect(street.origin.requests.count == 201 - refused)
        #expect(street.lane.status { $0.sites[0].responses[3] == refused }.connections.slowed == 0)
        let lines = try street.lane.accessLines(201)
        #expect(lines.count { $0.contains("\"status\":429") && $0.contains("\"protocol\":\"h2\"") } == refused)
        #expect(Set(lines.map { $0.split(separator: "\"h2\":\"").last?.prefix(16) }).count == 1)
    }

    @Test func `need not send the rest of a request that is refused`() throws {
        let street = try Street { $0.sites[0].bodyLimit = 100_000 }
        var client = try F(to: street.clear)
        try client.ask(3, "/upload", method: "POST", [("content-length", "1000000")], ends: false)
        let response = try client.response(3)
        #expect(response.status == "413")
        try client.wait { $0.responses[3]?.reset != nil }
        #expect(client.responses[3]?.reset == 0)
        // What was under way is passed over, and its window given back.
        for _ in 0..<30 { try client.content(3, pattern(16_384), ends: false) }
        #expect(try client.wait { $0.others(of: 8).contains { $0.stream == 0 && $0.number() == 256 << 10 } })
        #expect(!client.isClosed)
        #expect(street.origin.requests.isEmpty)
        // Once, and not twice.
        for _ in 0..<32 { try client.content(3, pattern(16_384), ends: false) }
        try client.wait(within: 300) { _ in false }
        let given = client.others(of: 8).filter { $0.stream == 0 }.reduce(65_535) { $0 + Int($1.number()) }
        #expect(given == (1 << 20) + 3 * (256 << 10))
    }

    @Test func `gets the head alone of a refusal where its windows are shut`() throws {
        let street = try Street()
        var client = try F(to: street.clear, settings: [(4, 0)])
        try client.ask(1, "/fixed/0", host: "else.example")
        let response = try client.response(1)
        #expect(response.status == "421" && response.isEnded && response.body.isEmpty)
        #expect(try client.get(3, "/fixed/0").status == "200")
    }

    @Test func `has a hundred requests under way, and more are refused to ask again`() throws {
        let street = try Street { $0.sites[0].mode = .observe }
        var client = try F(to: street.clear)
        for number in 0..<101 { try client.ask(UInt32(number) * 2 + 1, "/slow/700") }
        #expect(try client.response(201).reset == 7)
        for number in 0..<100 { #expect(try client.response(UInt32(number) * 2 + 1).status == "200") }
        #expect(try client.get(203, "/fixed/1").status == "200")
    }

    @Test func `shares its window fairly between responses, urgent ones first`() throws {
        let street = try Street()
        var client = try F(to: street.clear)
        client.opensWindows = false
        for (stream, urgency) in [(1, 5), (3, 1), (5, 1)] as [(UInt32, Int)] {
            try client.ask(stream, "/fixed/200000", [("priority", "u=\(urgency)")])
        }
        try client.wait(within: 400) { _ in false }
        let before = client.responses.mapValues(\.body.count)
        for stream in [1, 3, 5] as [UInt32] {
            try client.send(8, stream: stream, payload: F.bytes(1_000_000))
        }
        try client.send(8, payload: F.bytes(100_000))
        try client.wait(within: 400) { _ in false }
        func gained(_ stream: UInt32) -> Int { (client.responses[stream]?.body.count ?? 0) - (before[stream] ?? 0) }
        #expect(gained(1) == 0)
        #expect(gained(3) + gained(5) == 100_000)
        #expect(abs(gained(3) - gained(5)) <= 16_384)
        // PRIORITY_UPDATE (RFC 9218) puts the third first.
        try client.send(0x10, payload: F.bytes(1) + Array("u=0".utf8))
        try client.send(8, payload: F.bytes(50_000))
        try client.wait(within: 400) { _ in false }
        #expect(gained(1) == 50_000)
        try client.send(8, payload: F.bytes(1_000_000))
        for stream in [1, 3, 5] as [UInt32] { #expect(try client.response(stream).body.count == 200_000) }
    }

    @Test func `that changes its first window changes it for what is under way`() throws {
        let street = try Street()
        var client = try F(to: street.clear, settings: [(4, 1000)])
        client.opensWindows = false
        try client.ask(1, "/fixed/3000")
        try client.wait(within: 300) { _ in false }
        #expect(client.responses[1]?.body.count == 1000)
        try client.send(4, payload: F.settings([(4, 500)]))
        try client.send(4, payload: F.settings([(4, 2500)]))
        try client.wait(within: 300) { _ in false }
        #expect(client.responses[1]?.body.count == 2500)
        try client.send(8, stream: 1, payload: F.bytes(500))
        #expect(try client.response(1).body.count == 3000)
    }

    @Test func `that keeps no table is told that we keep none`() throws {
        let street = try Street()
        var client = try F(to: street.clear, settings: [(1, 0)])
        #expect(try client.get(1, "/fixed/1").status == "200")
        #expect(client.firstBlockByte == 0x20)
    }

    @Test func `is answered its pings, with what they said`() throws {
        let street = try Street()
        var client = try F(to: street.clear)
        try client.send(6, payload: pattern(8))
        try client.wait { !$0.others(of: 6).isEmpty }
        #expect(client.others(of: 6).first?.payload == pattern(8))
        #expect(client.others(of: 6).first?.flags == 1)
    }

    @Test func `may give requests up: the origin's slot stays taken until it answers`() throws {
        let street = try Street()
        var client = try F(to: street.clear)
        for number in 0..<4 { try client.ask(UInt32(number) * 2 + 1, "/slow/900") }
        #expect(eventually { street.origin.requests.count == 4 })
        for number in 0..<4 { try client.send(3, stream: UInt32(number) * 2 + 1, payload: F.bytes(8)) }
        #expect(try client.get(9, "/fixed/1").status == "200")
        #expect(street.lane.status { $0.sites[0].inFlight == 4 }.sites[0].inFlight == 4)
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
        #expect(try street.lane.accessLines(5).count { $0.contains("\"status\":499") } == 4)
    }

    @Test func `ends what it has under way when it breaks off`() throws {
        let street = try Street()
        for number in 0..<5 {
            let client = try F(to: street.clear)
            try client.ask(1, "/slow/300")
            try client.ask(3, "/upload", method: "POST", ends: false)
            if number % 2 == 0 { client.socket.resetOnClose() }
            pauseThread(30)
        }
        let status = street.lane.status { $0.connections.open == 0 && $0.sites[0].inFlight == 0 }
        #expect(status.connections.open == 0)
        #expect(status.sites[0].inFlight == 0)
        #expect(try street.get("/fixed/1").status == 200)
    }

    @Test(
        arguments: [
            // DATA, HEADERS, CONTINUATION, RST_STREAM, WINDOW_UPDATE on streams that may not have them.
            (F.frame(0, stream: 1, payload: [1]), 1), (F.frame(0, stream: 0, payload: [1]), 1),
            (F.frame(1, flags: 5, stream: 0, payload: F.request("/")), 1),
            (F.frame(1, flags: 5, stream: 2, payload: F.request("/")), 1), (F.frame(9, flags: 4, stream: 1), 1),
            (F.frame(3, stream: 1, payload: F.bytes(8)), 1), (F.frame(8, stream: 1, payload: F.bytes(8)), 1),
            // Wrong sizes.
            (F.frame(4, payload: [0, 0, 0]), 6), (F.frame(6, payload: [1]), 6), (F.frame(8, payload: [0]), 6),
            ([0, 0x40, 1, 0, 0, 0, 0, 0, 1], 6), (F.frame(3, stream: 1, payload: [0]), 6),
            // Settings and windows out of range.
            (F.frame(4, payload: F.settings([(4, 1 << 31)])), 3), (F.frame(4, payload: F.settings([(2, 2)])), 1),
            (F.frame(4, payload: F.settings([(5, 100)])), 1), (F.frame(8, payload: F.bytes(0x7fff_ffff)), 3),
            (F.frame(8, payload: F.bytes(0)), 1),
            // PUSH_PROMISE, a header block that is none, one that is interrupted.
            (F.frame(5, flags: 4, stream: 1, payload: F.bytes(2)), 1),
            (F.frame(1, flags: 5, stream: 1, payload: [0xbf]), 9),
            (F.frame(1, flags: 1, stream: 1, payload: F.request("/")) + F.frame(6, payload: pattern(8)), 1),
            // A stream below one that was opened.
            (
                F.frame(1, flags: 5, stream: 5, payload: F.request("/fixed/1"))
                    + F.frame(1, flags: 5, stream: 3, payload: F.request("/")), 1
            ),
            // More padding than there is content.
            (
                F.frame(1, flags: 4, stream: 1, payload: F.request("/", method: "POST"))
                    + F.frame(0, flags: 8, stream: 1, payload: [9, 1]), 1
            ),
        ] as [([UInt8], UInt32)])
    func `ends with the code of its fault, and the lane goes on`(bytes: [UInt8], code: UInt32) throws {
        let street = try Street()
        var client = try F(to: street.clear)
        try client.socket.send(bytes)
        #expect(try client.ending() == code)
        #expect(client.isClosed)
        #expect(try street.get("/fixed/1").status == 200)
        #expect(street.lane.status { $0.connections.open <= 1 }.connections.open <= 1)
    }

    @Test func `ends where it does not begin as it must`() throws {
        let street = try Street()
        let client = try RawClient(to: street.clear)
        try client.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
        #expect(client.isClosed(within: 3000))
        let other = try RawClient(to: street.clear)
        try other.send(F.preface + F.frame(6, payload: pattern(8)))
        #expect(other.isClosed(within: 3000))
    }

    @Test(
        arguments: [
            // A stream's own faults: pseudo-header fields, upper case, connection fields, an address that is none.
            F.block([(":method", "GET"), (":path", "/"), (":authority", Street.host)]),
            F.block([(":method", "GET"), (":scheme", "http"), (":path", "/"), ("x", "y"), (":authority", Street.host)]),
            F.request("/", [("Upper", "x")]), F.request("/", [("connection", "close")]),
            F.request("/", [("te", "gzip")]), F.request("/", [("host", "else.example")]),
            F.request("/", [("a", "b\r\nc: d")]),
            F.request("/", [("content-length", "5")]), F.request("", []),
        ])
    func `goes on after a stream's fault`(block: [UInt8]) throws {
        let street = try Street()
        var client = try F(to: street.clear)
        try client.send(1, flags: 5, stream: 1, payload: block)
        let response = try client.response(1)
        #expect(response.reset == 1 || response.status == "400")
        #expect(try client.get(3, "/fixed/1").status == "200")
        #expect(street.origin.requests.count == 1)
    }

    @Test func `may send a head in pieces, and not too large a one: 431`() throws {
        let street = try Street()
        var client = try F(to: street.clear)
        let block = F.request("/echo", [("x-long", String(repeating: "x", count: 8000))])
        try client.send(1, flags: 1, stream: 1, payload: Array(block[..<10]))
        try client.send(9, stream: 1, payload: Array(block[10..<4000]))
        try client.send(9, flags: 4, stream: 1, payload: Array(block[4000...]))
        #expect(try client.response(1).status == "200")
        #expect(street.seen?["x-long"]?.count == 8000)
        try client.ask(3, "/echo", (0..<150).map { ("x-\($0)", "y") })
        #expect(try client.response(3).status == "431")
        let long = F.request(
            "/echo", [("x-a", String(repeating: "x", count: 9000)), ("x-b", String(repeating: "y", count: 9000))])
        try client.send(1, flags: 1, stream: 5, payload: Array(long[..<9000]))
        try client.send(9, flags: 4, stream: 5, payload: Array(long[9000...]))
        #expect(try client.response(5).status == "431")
        #expect(try client.get(7, "/fixed/1").status == "200")
    }

    // MARK: - Time

    @Test func `rests, and is then told to go`() throws {
        let street = try Street { $0.limits.idleTime = 1000 }
        var client = try F(to: street.clear)
        #expect(try client.get(1, "/fixed/1").status == "200")
        #expect(try client.ending(within: 5000) == 0)
        #expect(street.lane.status { $0.connections.open == 0 }.connections.timedOut == 0)
    }

    @Test func `is closed where a head does not end, or the first frame does not come`() throws {
        let street = try Street { $0.limits.headTime = 1000 }
        var client = try F(to: street.clear)
        // Its acknowledgement of our settings must not come in the middle.
        try client.wait { !$0.others(of: 4).isEmpty }
        try client.send(1, flags: 1, stream: 1, payload: Array(F.request("/")[..<9]))
        let silent = try RawClient(to: street.clear)
        try silent.send(F.preface)
        // Half a frame's head.
        var third = try F(to: street.clear)
        #expect(try third.get(1, "/fixed/1").status == "200")
        try third.socket.send([0, 0, 9, 1])
        #expect(try client.ending(within: 5000) == 0)
        #expect(silent.isClosed(within: 5000))
        #expect(try third.ending(within: 5000) == 0)
        #expect(street.lane.status { $0.connections.timedOut == 3 }.connections.timedOut == 3)
    }

    @Test func `loses a request whose content trickles in, and keeps the others`() throws {
        let street = try Street {
            $0.limits.progressTime = 600
            $0.limits.progressRate = 100
        }
        var client = try F(to: street.clear)
        try client.ask(1, "/upload", method: "POST", [("content-length", "1000")], ends: false)
        try client.ask(3, "/upload", method: "POST", ends: false)
        try client.content(1, pattern(10), ends: false)
        try client.content(3, pattern(10), ends: false)
        // What is awaited whole is told so; the other one's origin has begun already.
        #expect(try client.response(1).status == "408")
        #expect(try client.response(3).reset == 8)
        #expect(try client.get(5, "/fixed/1").status == "200")
        #expect(street.lane.status { $0.connections.timedOut == 2 }.connections.timedOut == 2)
    }

    @Test func `loses a response that it does not take, and is closed if it takes none`() throws {
        let street = try Street {
            $0.limits.progressTime = 600
            $0.limits.progressRate = 100
        }
        var client = try F(to: street.clear, settings: [(4, 1000)])
        client.opensWindows = false
        try client.ask(1, "/fixed/5000")
        #expect(try client.response(1).reset != nil)
        #expect(client.responses[1]?.isEnded == false)
        #expect(try client.get(3, "/fixed/500").status == "200")
        // The connection's own window shut.
        var other = try F(to: street.clear)
        other.opensWindows = false
        try other.ask(1, "/fixed/60000")
        try other.ask(3, "/fixed/60000")
        #expect(try other.wait { $0.isClosed })
        #expect(street.lane.status { $0.connections.timedOut == 1 }.connections.timedOut == 1)
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
    }

    @Test func `finishes what it has under way when the lane drains`() throws {
        let street = try Street()
        var client = try F(to: street.clear)
        var idle = try F(to: street.clear)
        #expect(try idle.get(1, "/fixed/1").status == "200")
        try client.ask(1, "/slow/900")
        #expect(eventually { street.origin.requests.count == 2 })
        client.answersPings = false
        try street.lane.drain()
        try client.wait { !$0.others(of: 7).isEmpty }
        #expect(client.others(of: 7).first?.number() == 0x7fff_ffff)
        // It was on its way.
        #expect(try client.get(3, "/fixed/1").status == "200")
        #expect(client.others(of: 7).count == 1)
        try client.send(6, flags: 1, payload: [0x21, 0x21, 0x67, 0x6e, 0x69, 0x76, 0x65, 0x70])
        try client.wait { $0.others(of: 7).count == 2 }
        #expect(client.others(of: 7).last?.number() == 3)
        // Opened after that: not looked at.
        try client.ask(5, "/fixed/1")
        #expect(try client.response(1).status == "200")
        #expect(try client.ending() == 0)
        #expect(client.responses[5] == nil)
        #expect(try idle.ending() == 0)
        #expect(street.lane.child.wait() == 0)
        #expect(street.origin.requests.count == 3)
    }

    @Test func `is told its last stream, though it does not say that it heard of the drain`() throws {
        let street = try Street()
        var client = try F(to: street.clear)
        client.answersPings = false
        #expect(try client.get(1, "/fixed/1").status == "200")
        try street.lane.drain()
        #expect(try client.ending() == 0)
        #expect(client.others(of: 7).map { $0.number() } == [0x7fff_ffff, 1])
        #expect(street.lane.child.wait() == 0)
    }

    // MARK: - Floods, at their smallest

    @Test(
        arguments: [
            ("ping", F.frame(6, payload: pattern(8))), ("settings", F.frame(4)),
            ("priority", F.frame(2, stream: 1, payload: [0, 0, 0, 3, 9])), ("unknown", F.frame(0x77, payload: [1])),
        ])
    func `is slowed when it does nothing but`(what: String, frame: [UInt8]) throws {
        let street = try Street()
        let client = try F(to: street.clear)
        let bytes = (0..<3000).flatMap { _ in frame }
        try client.socket.send(bytes)
        #expect(street.lane.status { $0.connections.slowed >= 1 }.connections.slowed >= 1)
        #expect(try street.get("/fixed/1").status == 200)
    }

    @Test func `is not slowed for leaving a page with all its requests`() throws {
        let street = try Street { $0.sites[0].mode = .observe }
        var client = try F(to: street.clear)
        var stream: UInt32 = 1
        for _ in 0..<3 {
            let first = stream
            for _ in 0..<60 {
                try client.ask(stream, "/slow/50")
                stream += 2
            }
            pauseThread(20)
            for number in stride(from: first, to: stream, by: 2) {
                try client.send(3, stream: number, payload: F.bytes(8))
            }
            pauseThread(100)
        }
        #expect(try client.get(stream, "/fixed/1").status == "200")
        let status = street.lane.status { $0.connections.streams == 181 }
        #expect(status.connections.slowed == 0)
        #expect(status.connections.abusive == 0)
    }
}
