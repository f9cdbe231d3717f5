import Addresses
import Glibc
import Messages
import TestKit
import Testing

/// What passes the lane comes out as it went in, both ways.
@Suite struct `Messages pass` {
    let street: Street
    init() throws { street = try Street() }

    @Test func `many over one connection, and over one to the origin`() throws {
        var visitor = try street.visitor()
        for number in 0..<20 {
            let response = try visitor.get("/echo/\(number)", host: Street.host)
            #expect(response.status == 200)
            #expect(response.bodyText.hasPrefix("GET /echo/\(number) HTTP/1.1\r\n"))
        }
        #expect(street.origin.accepted == 1)
    }

    @Test func `pipelined, in their order`() throws {
        var visitor = try street.visitor()
        let paths = [
            "/slow/200", "/fixed/3", "/chunked/3/5", "/status/404", "/fixed/70000", "/status/204", "/last-one",
        ]
        try visitor.send(paths.map { request("GET \($0) HTTP/1.1", "Host: www.example.nl") }.joined())
        #expect(try visitor.readResponse().bodyText == "slow\n")
        #expect(try visitor.readResponse().body.count == 3)
        #expect(try visitor.readResponse().body.count == 15)
        #expect(try visitor.readResponse().status == 404)
        #expect(try visitor.readResponse().body.count == 70_000)
        #expect(try visitor.readResponse().status == 204)
        #expect(try visitor.readResponse().bodyText.hasPrefix("GET /last-one HTTP/1.1"))
        #expect(street.origin.requests.map(\.message.target) == paths)
    }

    @Test(arguments: ["GET /slow/300 HTTP/1.1|", "POST /slow/300 HTTP/1.1|Content-Length: 3"])
    func `pipelined beyond measure, only the first, and the visitor is told`(first: String) throws {
        var visitor = try street.visitor()
        let parts = first.split(separator: "|", omittingEmptySubsequences: false)
        let hasBody = !parts[1].isEmpty
        // In one piece, of which the lane would have to keep more than a head's worth.
        let more = String(repeating: request("GET /fixed/1 HTTP/1.1", "Host: www.example.nl"), count: 1200)
        let fields = hasBody ? "Host: www.example.nl\r\n\(parts[1])" : "Host: www.example.nl"
        try visitor.send(request(String(parts[0]), fields, body: (hasBody ? "abc" : "") + more))
        let response = try visitor.readResponse()
        #expect(response.bodyText == "slow\n")
        #expect(response["connection"] == "close")
        #expect(try visitor.readAll().isEmpty)
        #expect(street.origin.requests.count == 1)
    }

    @Test func `pipelined behind a body`() throws {
        var visitor = try street.visitor()
        try visitor.send(
            request("POST /one HTTP/1.1", "Host: www.example.nl", "Content-Length: 5", body: "hello")
                + request(
                    "POST /two HTTP/1.1", "Host: www.example.nl", "Transfer-Encoding: chunked",
                    body: "3\r\nabc\r\n0\r\n\r\n")
                + request("GET /three HTTP/1.1", "Host: www.example.nl"))
        for _ in 0..<3 { #expect(try visitor.readResponse().status == 200) }
        #expect(street.origin.requests.map(\.message.bodyText) == ["hello", "abc", ""])
    }

    @Test(arguments: [0, 1, 100, 65_536, 1 << 20]) func `with a length, to the origin`(count: Int) throws {
        var visitor = try street.visitor()
        let body = pattern(count)
        try visitor.send(request("POST /fixed/2 HTTP/1.1", "Host: www.example.nl", "Content-Length: \(count)"))
        try visitor.send(body)
        #expect(try visitor.readResponse().status == 200)
        #expect(street.seen?.body == body)
        // And the connection stands.
        #expect(try visitor.get("/fixed/1", host: Street.host).status == 200)
    }

    @Test(arguments: [0, 1, 100, 32_768, 65_536, 1 << 20]) func `with a length, to the visitor`(count: Int) throws {
        var visitor = try street.visitor()
        let body = pattern(count)
        street.origin.answer(
            "/pattern", with: [.text("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n"), .send(body)])
        let response = try visitor.get("/pattern", host: Street.host)
        #expect(response["content-length"] == "\(count)")
        #expect(response.body == body)
        #expect(try visitor.get("/fixed/1", host: Street.host).status == 200)
    }

    @Test func `whole to a visitor who takes them slowly, but fast enough`() throws {
        // Hundreds of kilobytes a second, where 500 bytes a second are asked for; the kernel's buffers hold several
        // seconds of that, so that for long nothing moves in the lane.
        let street = try Street { $0.limits.progressTime = 2000 }
        let client = try street.visitor()
        let body = pattern(6 << 20)
        street.origin.answer(
            "/pattern", with: [.text("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n"), .send(body)])
        try client.send(request("GET /pattern HTTP/1.1", "Host: www.example.nl", "Connection: close"))
        var received: [UInt8] = []
        while true {
            let bytes = try client.socket.receive(atMost: 32 << 10)
            if bytes.isEmpty { break }
            received += bytes
            pauseThread(32)
        }
        #expect(received.count > body.count)
        #expect(received.suffix(body.count).elementsEqual(body))
    }

    @Test func `not at all to a visitor who takes none`() throws {
        let street = try Street { $0.limits.progressTime = 400 }
        let client = try street.visitor()
        try client.send(request("GET /fixed/20000000 HTTP/1.1", "Host: www.example.nl"))
        #expect(street.lane.status { $0.connections.timedOut == 1 }.connections.timedOut == 1)
        #expect(eventually { street.origin.open == 0 })
    }

    @Test func `byte by byte`() throws {
        var visitor = try street.visitor()
        let text = request(
            "POST /slowly HTTP/1.1", "Host: www.example.nl", "Transfer-Encoding: chunked",
            body: "4\r\nbyte\r\n0\r\nX-Sum: 1\r\n\r\n")
        try visitor.send(Array(text.utf8), pieces: 1, pause: 1)
        #expect(try visitor.readResponse().status == 200)
        #expect(street.seen?.bodyText == "byte")
    }

    @Test func `in chunks with trailers, to the origin`() throws {
        var visitor = try street.visitor()
        let chunk = String(repeating: "c", count: 5000)
        try visitor.send(
            request(
                "POST /c HTTP/1.1", "Host: www.example.nl", "Transfer-Encoding: chunked", "Trailer: X-Sum",
                body: "1388;name=value\r\n\(chunk)\r\n1\r\nx\r\n0\r\nX-Sum: 5001\r\n\r\n"))
        #expect(try visitor.readResponse().status == 200)
        let seen = try #require(street.seen)
        #expect(seen.bodyText == chunk + "x")
        #expect(seen.values("transfer-encoding") == ["chunked"])
        #expect(seen.values("content-length").isEmpty)
        #expect(seen.trailers.map(\.value) == ["5001"])
    }

    @Test func `in chunks with trailers, to the visitor`() throws {
        let response = try street.get("/chunked/40/5000")
        #expect(response.body.count == 200_000)
        #expect(response.values("transfer-encoding") == ["chunked"])
        #expect(response.trailers.map(\.value) == ["40"])
    }

    @Test func `without content where there is none`() throws {
        var visitor = try street.visitor()
        for (line, status, length) in [
            ("HEAD /fixed/5000", 200, "5000"), ("GET /status/204", 204, nil), ("GET /status/304", 304, "1234"),
            ("HEAD /chunked/3/3", 200, nil), ("HEAD /status/404", 404, "11"),
        ] {
            try visitor.send(request("\(line) HTTP/1.1", "Host: www.example.nl"))
            let response = try visitor.readResponse(to: "HEAD")
            #expect(response.status == status)
            #expect(response["content-length"] == length)
        }
        #expect(try visitor.get("/fixed/7", host: Street.host).body.count == 7)
    }

    @Test func `with interim responses, to HTTP 1.1 only`() throws {
        let new = try street.get("/hints")
        #expect(new.informational.map(\.status) == [103])
        #expect(new.informational.first?["link"] == "</style.css>; rel=preload")
        #expect(new.bodyText == "hinted\n")
        let old = try street.ask(request("GET /hints HTTP/1.0", "Host: www.example.nl"))
        #expect(old.informational.isEmpty)
        #expect(old.bodyText == "hinted\n")
    }

    /// Sends a body only once it is told to.
    private func sendWhenTold(_ street: Street) throws {
        var visitor = try street.visitor()
        try visitor.send(
            request("POST /fixed/3 HTTP/1.1", "Host: www.example.nl", "Content-Length: 4", "Expect: 100-continue"))
        #expect(eventually { visitor.socket.hasBytes })
        try visitor.send("body")
        let response = try visitor.readResponse()
        #expect(response.informational.map(\.status) == [100] && response.status == 200)
        #expect(street.seen?.bodyText == "body")
    }

    @Test func `with 100-continue, which we say`() throws {
        try sendWhenTold(street)
        #expect(street.seen?["expect"] == nil)
    }

    @Test func `with 100-continue from end to end where we only observe, and with the origin's no to it`() throws {
        let street = try Street { $0.sites[0].mode = .observe }
        try sendWhenTold(street)
        #expect(street.seen?["expect"] == "100-continue")
        let refused = try street.ask(
            request(
                "POST /refuse-body HTTP/1.1", "Host: www.example.nl", "Content-Length: 1000", "Expect: 100-continue"))
        #expect(refused.informational.isEmpty && refused.status == 413)
    }

    @Test func `without length, in chunks to HTTP 1.1`() throws {
        var visitor = try street.visitor()
        for count in [0, 1, 100_000] {
            let response = try visitor.get("/until-close/\(count)", host: Street.host)
            #expect(response.values("transfer-encoding") == ["chunked"])
            #expect(response.body.count == count)
        }
    }

    @Test func `without length, until the end to HTTP 1.0`() throws {
        let text = try street.exchange(
            request("GET /until-close/1000 HTTP/1.0", "Host: www.example.nl", "Connection: keep-alive"))
        #expect(!text.lowercased().contains("transfer-encoding"))
        #expect(text.utf8.suffix(1000).allSatisfy { $0 >= 97 && $0 <= 122 })
    }

    @Test func `out of their chunks to HTTP 1.0`() throws {
        let text = try street.exchange(
            request("GET /chunked/3/1000 HTTP/1.0", "Host: www.example.nl", "Connection: keep-alive"))
        #expect(!text.lowercased().contains("transfer-encoding"))
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
        #expect(parts.last?.utf8.count == 3000)
    }

    @Test func `without a coding to HTTP 1.0, also in answer to HEAD`() throws {
        var visitor = try street.visitor()
        try visitor.send(request("HEAD /chunked/3/3 HTTP/1.0", "Host: www.example.nl"))
        let response = try visitor.readResponse(to: "HEAD")
        #expect(response.status == 200)
        #expect(response.values("transfer-encoding").isEmpty)
    }

    @Test func `to a visitor who has ended its own side`() throws {
        let client = try street.visitor()
        try client.send(request("GET /slow/300 HTTP/1.1", "Host: www.example.nl"))
        client.socket.finishSending()
        var reading = client
        #expect(try reading.readResponse().bodyText == "slow\n")
        #expect(try reading.readAll().isEmpty)
    }

    @Test(arguments: [true, false])
    func `whole to a slow visitor who says nothing more`(endsItsSide: Bool) throws {
        // The end of the response leaves the lane in many pieces, after the origin's part is over.
        street.lane.setSendBuffer(16 << 10)
        let client = try street.visitor()
        client.socket.setReceiveBuffer(16 << 10)
        let body = pattern(3 << 20)
        street.origin.answer(
            "/pattern", with: [.text("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n"), .send(body)])
        try client.send(request("GET /pattern HTTP/1.1", "Host: www.example.nl", "Connection: close"))
        if endsItsSide { client.socket.finishSending() }
        var received: [UInt8] = []
        while true {
            let bytes = try client.socket.receive(atMost: 64 << 10)
            if bytes.isEmpty { break }
            received += bytes
            pauseThread(5)
        }
        #expect(received.suffix(body.count).elementsEqual(body), "\(received.count) came")
    }

    @Test func `whole to a slow visitor whose connection closes behind them`() throws {
        let street = try Street {
            $0.limits.progressTime = 2000
            $0.limits.idleTime = 2000
        }
        for connection in ["close", "keep-alive"] {
            let client = try street.visitor()
            let body = pattern(5 << 20)
            street.origin.answer(
                "/pattern", with: [.text("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n"), .send(body)])
            try client.send(request("GET /pattern HTTP/1.1", "Host: www.example.nl", "Connection: \(connection)"))
            var received: [UInt8] = []
            while true {
                let bytes = try client.socket.receive(atMost: 64 << 10)
                if bytes.isEmpty { break }
                received += bytes
                pauseThread(40)
            }
            #expect(received.suffix(body.count).elementsEqual(body), "\(connection): \(received.count) came")
        }
    }

    @Test func `whole to who takes them, while the lane keeps all it may for others who do not`() throws {
        let street = try Street { $0.sites[0].mode = .observe }
        let body = pattern(1 << 20)
        street.origin.answer(
            "/pattern", with: [.text("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n"), .send(body)])
        street.lane.setSendBuffer(16 << 10)
        let slow = try (0..<260).map { number in
            let client = try street.visitor(from: Address(ipv4: 0x7f00_2a01 + UInt32(number / 5)))
            client.socket.setReceiveBuffer(16 << 10)
            try client.send(request("GET /pattern HTTP/1.1", "Host: www.example.nl"))
            return client
        }
        #expect(eventually { street.origin.requests.count == slow.count })
        pauseThread(1000)
        street.lane.setSendBuffer(4 << 20)
        for _ in 0..<3 {
            var visitor = try street.visitor(from: Address(ipv4: 0x7f00_2b01))
            #expect(try visitor.get("/pattern", host: Street.host).body == body)
        }
        #expect(slow.count { !$0.isClosed(within: 0) } > 200)
    }

    @Test func `with a length, and the connection stands for HTTP 1.0 that asks for it`() throws {
        var visitor = try street.visitor()
        for _ in 0..<3 {
            try visitor.send(request("GET /fixed/5 HTTP/1.0", "Host: www.example.nl", "Connection: keep-alive"))
            let response = try visitor.readResponse()
            #expect(response.body.count == 5)
            #expect(response["connection"]?.lowercased() == "keep-alive")
        }
        let text = try street.exchange(request("GET /fixed/5 HTTP/1.0", "Host: www.example.nl"))
        #expect(text.contains("Connection: close"))
    }

    @Test func `and the connection ends where the visitor says so`() throws {
        let text = try street.exchange(request("GET /fixed/5 HTTP/1.1", "Host: www.example.nl", "Connection: close"))
        #expect(text.contains("Connection: close"))
    }

    @Test func `from an origin that speaks HTTP 1.0 or closes each time`() throws {
        var visitor = try street.visitor()
        for _ in 0..<3 {
            #expect(try visitor.get("/old", host: Street.host).bodyText == "old\n")
            #expect(try visitor.get("/last", host: Street.host).bodyText == "last\n")
        }
    }

    @Test func `through a tunnel after an upgrade, both ways and much`() throws {
        var visitor = try street.visitor()
        try visitor.send(
            request(
                "GET /tunnel HTTP/1.1", "Host: www.example.nl", "Connection: Upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", body: "early"))
        let response = try visitor.readResponse()
        #expect(response.status == 101)
        #expect(response["upgrade"] == "websocket")
        #expect(try visitor.readBytes(5) == Array("early".utf8))
        for round in 0..<10 {
            let bytes = pattern(1000 + round)
            try visitor.send(bytes)
            #expect(try visitor.readBytes(bytes.count) == bytes)
        }
        #expect(street.seen?["upgrade"] == "websocket")
        #expect(street.seen?["connection"]?.lowercased() == "upgrade")
    }

    @Test func `through a tunnel whose ends are slower than what comes`() throws {
        let visitor = try street.visitor()
        try visitor.send(
            request("GET /tunnel HTTP/1.1", "Host: www.example.nl", "Connection: Upgrade", "Upgrade: x"))
        var reading = visitor
        #expect(try reading.readResponse().status == 101)
        // More than all sockets on the way hold.
        let bytes = pattern(24 << 20)
        let sender = try TestThread { try? visitor.socket.send(bytes, within: 20_000) }
        pauseThread(500)
        let received = try reading.readBytes(bytes.count)
        sender.join()
        #expect(received == bytes)
    }

    @Test func `and a tunnel's end reaches the other side`() throws {
        var visitor = try street.visitor()
        street.origin.answer(
            "/short",
            with: [.text("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbye"), .close])
        try visitor.send(request("GET /short HTTP/1.1", "Host: www.example.nl", "Connection: Upgrade", "Upgrade: x"))
        #expect(try visitor.readResponse().status == 101)
        #expect(try visitor.readAll() == Array("bye".utf8))
    }

    @Test func `but no tunnel for who did not ask for one`() throws {
        #expect(try street.get("/tunnel").status == 502)
    }
}

extension Socket {
    /// Whether something has come that was not read yet.
    var hasBytes: Bool {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wait, 1, 0) > 0
    }
}
