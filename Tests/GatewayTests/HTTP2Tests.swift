import Addresses
import Messages
import TestKit
import Testing

/// Requests over HTTP/2, which reach the origin as HTTP/1.1.
@Suite struct `HTTP/2` {
    @Test(.needs(tool: "curl")) func `is spoken with curl in clear, with prior knowledge`() throws {
        let street = try Street()
        let output = try Tool.run([
            "curl", "-sS", "-i", "--http2-prior-knowledge", "-H", "Host: www.example.nl",
            "http://\(street.clear)/fixed/30",
        ])
        #expect(output.hasPrefix("HTTP/2 200"))
        #expect(output.contains("via: 1.1 teststraat"))
        #expect(output.contains("content-length: 30"))
        let seen = try #require(street.seen)
        #expect(seen.startLine == "GET /fixed/30 HTTP/1.1")
        #expect(seen["host"] == "www.example.nl")
        #expect(seen["via"] == "2.0 teststraat")
        #expect(seen["x-forwarded-for"] == "127.0.0.1")
        #expect(street.lane.status { $0.connections.streams == 1 }.connections.http2 == 1)
        #expect(try street.lane.accessLines(1).first?.contains("\"protocol\":\"h2\"") == true)
    }

    @Test func `carries many requests at once, each with its own response`() throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        for number in 0..<20 { try client.ask(UInt32(number) * 2 + 1, "/fixed/\(number * 100)") }
        for number in 0..<20 {
            let response = try client.response(UInt32(number) * 2 + 1)
            #expect(response.status == "200")
            #expect(response.body.count == number * 100)
            #expect(response.isEnded && response.reset == nil)
        }
        #expect(street.lane.status { $0.sites[0].responses[1] == 20 }.connections.open == 1)
    }

    @Test func `passes fields on, and adds what HTTP/1.1 visitors get`() throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        let fields = [
            ("user-agent", "frames/1"), ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers"),
            ("x-forwarded-for", "192.0.2.7"), ("accept", "text/html"),
        ]
        let response = try client.get(1, "/echo?q=%20x", fields)
        #expect(response.status == "200")
        let seen = try #require(street.seen)
        #expect(seen.startLine == "GET /echo?q=%20x HTTP/1.1")
        #expect(seen["cookie"] == "a=1; b=2")
        #expect(seen["user-agent"] == "frames/1")
        #expect(seen["x-forwarded-for"] == "127.0.0.1")
        #expect(seen["te"] == nil)
        #expect(response["connection"] == nil)
        #expect(response["via"] == "1.1 teststraat")
    }

    @Test(arguments: [0, 1, 1000, 70_000, 300_000, 3_000_000])
    func `brings bodies of every size down whole`(count: Int) throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        let response = try client.get(1, "/fixed/\(count)")
        #expect(response.status == "200")
        #expect(response.body.count == count)
        let expected = (0..<count).map { UInt8(ascii: "a") + UInt8(truncatingIfNeeded: ($0 &* 7 &+ $0 / 26) % 26) }
        #expect(response.body == expected)
    }

    @Test(arguments: [("/chunked/5/1000", 5000), ("/until-close/100000", 100_000), ("/status/204", 0), ("/old", 4)])
    func `takes the framing of HTTP/1.1 off`(path: String, count: Int) throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        let response = try client.get(1, path)
        #expect(response.isEnded && response.reset == nil)
        #expect(response.body.count == count)
        #expect(response["transfer-encoding"] == nil)
        if path.hasPrefix("/chunked") { #expect(response.trailers.map(\.value) == ["5"]) }
        #expect(try client.get(3, "/fixed/3").body.count == 3)
    }

    @Test func `passes trailers of a response behind content that had to wait`() throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear, settings: [(4, 100)])
        client.opensWindows = false
        try client.ask(1, "/chunked/5/1000")
        try client.wait(within: 300) { _ in false }
        #expect(client.responses[1]?.body.count == 100)
        try client.send(8, stream: 1, payload: FrameClient.bytes(10_000))
        let response = try client.response(1)
        #expect(response.body.count == 5000)
        #expect(response.trailers.map(\.name) == ["x-chunks"])
    }

    @Test(arguments: [0, 5, 20_000, 65_536, 400_000, 2_000_000], [true, false])
    func `takes bodies of every size up whole`(count: Int, saysLength: Bool) throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        let body = pattern(count)
        try client.ask(
            1, "/upload", method: "POST", saysLength ? [("content-length", "\(count)")] : [], ends: false)
        var sent = 0
        var window = 65_535
        var credited = 0
        // As a client does that keeps to the windows.
        while sent < count {
            let size = min(16_384, count - sent, window - sent)
            if size > 0 { try client.content(1, Array(body[sent..<sent + size]), ends: false) }
            sent += max(0, size)
            if size <= 0 {
                try client.wait { $0.others(of: 8).count > credited }
                credited = client.others(of: 8).count
            }
            let connection = client.others(of: 8).filter { $0.stream == 0 }.reduce(65_535) { $0 + Int($1.number()) }
            let stream = client.others(of: 8).filter { $0.stream == 1 }.reduce(256 << 10) { $0 + Int($1.number()) }
            window = min(connection, stream)
        }
        try client.content(1, [], ends: true)
        let response = try client.response(1)
        #expect(response.status == "200")
        #expect(Array(response.body.suffix(count)) == body)
        #expect(street.seen?["content-length"] == (saysLength ? "\(count)" : nil))
        // No byte's place in a window is given back twice.
        for (stream, first) in [(0, (1 << 20) - 65_535), (1, 0)] as [(UInt32, Int)] {
            let given = client.others(of: 8).filter { $0.stream == stream }.reduce(0) { $0 + Int($1.number()) }
            #expect(given <= first + count, "stream \(stream)")
        }
        #expect(try client.get(3, "/fixed/3").body.count == 3)
    }

    @Test func `does not get stuck with who sends much before it reads`() throws {
        let street = try Street()
        street.lane.setSendBuffer(4096)
        var client = try FrameClient(to: street.clear, settings: [(4, 1 << 20)])
        client.socket.setReceiveBuffer(4096)
        try client.send(8, payload: FrameClient.bytes(4 << 20))
        try client.ask(1, "/fixed/300000")
        pauseThread(200)
        // More than the kernel keeps; the frames are no DATA, so no window holds them back.
        let frame = FrameClient.frame(0x77, payload: pattern(16_384))
        for _ in 0..<700 { try client.socket.send(frame, within: 5000) }
        #expect(try client.response(1, within: 20_000).body.count == 300_000)
    }

    @Test func `passes trailers of a request on`() throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        try client.ask(1, "/upload", method: "POST", ends: false)
        try client.content(1, Array("abc".utf8), ends: false)
        try client.send(1, flags: 5, stream: 1, payload: FrameClient.block([("x-sum", "7"), ("content-length", "9")]))
        #expect(try client.response(1).status == "200")
        #expect(street.seen?.trailers.map(\.name) == ["x-sum"])
        #expect(street.seen?.body == Array("abc".utf8))
    }

    @Test(arguments: [("4", "abc", true), ("2", "abc", false)])
    func `resets a request whose content is not as long as it said`(length: String, body: String, ends: Bool) throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        try client.ask(1, "/upload", method: "POST", [("content-length", length)], ends: false)
        try client.content(1, Array(body.utf8), ends: ends)
        #expect(try client.response(1).reset == 1)
        #expect(try client.get(3, "/fixed/3").status == "200")
    }

    @Test func `passes interim responses on`() throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        let response = try client.get(1, "/hints")
        #expect(response.informational == ["103"])
        #expect(response.status == "200")
    }

    @Test func `answers HEAD without content`() throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        try client.ask(1, "/fixed/500", method: "HEAD")
        let response = try client.response(1)
        #expect(response["content-length"] == "500")
        #expect(response.body.isEmpty && response.isEnded)
    }

    @Test(arguments: [("/close", "502"), ("/broken/bare-lf", "502"), ("/hang", "504")])
    func `tells what the origin did wrong`(path: String, status: String) throws {
        let street = try Street { $0.limits.originTime = 500 }
        var client = try FrameClient(to: street.clear)
        let response = try client.get(1, path, [("accept", "text/html"), ("accept-language", "en")])
        #expect(response.status == status)
        #expect(response["content-type"] == "text/html; charset=utf-8")
        #expect(String(decoding: response.body, as: UTF8.self).contains("lang=\"en\""))
        #expect(try client.get(3, "/fixed/3").status == "200")
    }

    @Test(arguments: ["/close-early", "/close-chunk"]) func `resets a response that broke off`(path: String) throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        let response = try client.get(1, path)
        #expect(response.status == "200")
        #expect(response.reset == 2)
        #expect(!response.isEnded)
        #expect(try client.get(3, "/fixed/3").status == "200")
    }

    @Test func `is not spoken where the listener does not: 505`() throws {
        let street = try Street { $0.listeners[0].speaksHTTP2 = false }
        let text = try street.exchange(String(decoding: FrameClient.preface, as: UTF8.self))
        #expect(text.hasPrefix("HTTP/1.1 505 "))
        #expect(street.lane.status { $0.connections.malformed == 1 }.connections.http2 == 0)
    }

    @Test func `has no tunnels`() throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        try client.send(
            1, flags: 4, stream: 1,
            payload: FrameClient.block([(":method", "CONNECT"), (":authority", Street.host)]))
        #expect(try client.response(1).status == "405")
        try client.ask(3, "/tunnel", [("upgrade", "websocket")])
        #expect(try client.response(3).reset == 1)
        // And no extended CONNECT is offered (RFC 8441).
        let names = client.others(of: 4).flatMap { frame in
            stride(from: 0, to: frame.payload.count, by: 6).map { frame.payload[$0 + 1] }
        }
        #expect(!names.isEmpty && !names.contains(8))
        #expect(street.origin.requests.isEmpty)
    }
}
