import Addresses
import TestKit
import Testing

// The helpers carry the other tests: what they say of themselves is held against them here.

@Suite struct `The loopback origin` {
    @Test func `shows what was forwarded to it`() throws {
        let origin = try LoopbackOrigin()
        defer { origin.stop() }
        var client = try RawClient(to: origin.endpoint)
        let head =
            "POST /any?x=1 HTTP/1.1\r\nHost: a.example\r\nX-Odd:  two  spaces \r\nTransfer-Encoding: chunked\r\n\r\n"
        try client.send(head + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 200)
        #expect(response.bodyText == head + "abcde")
        let request = try #require(origin.requests.first)
        #expect(request.message.headText == head)
        #expect(request.message.chunks == [3, 2])
        #expect(request.message.trailers.map(\.name) == ["X-Sum"])
        #expect(request.message["x-odd"] == "two  spaces")
        #expect(request.connection == 1 && request.sequence == 1)
        #expect(try client.get("/fixed/10", host: "a.example").body.count == 10)
        #expect(origin.requests.last?.sequence == 2)
        #expect(origin.accepted == 1 && origin.open == 1)
    }

    @Test func `answers in every form of HTTP that a path asks for`() throws {
        let origin = try LoopbackOrigin(at: Address(ipv4: 0x7f00_0002))
        defer { origin.stop() }
        var client = try RawClient(to: origin.endpoint)
        let chunked = try client.get("/chunked/3/7", host: "a")
        #expect(chunked.chunks == [7, 7, 7])
        #expect(chunked.trailers.first?.value == "3")
        #expect(try client.get("/fixed/21", host: "a").body == chunked.body)
        let hinted = try client.get("/hints", host: "a")
        #expect(hinted.informational.map(\.status) == [103])
        #expect(hinted.status == 200)
        #expect(try client.get("/status/204", host: "a").status == 204)
        #expect(try client.get("/status/304", host: "a")["content-length"] == "1234")
        #expect(try client.get("/status/500", host: "a").bodyText == "status 500\n")
        #expect(try client.get("/slow/20", host: "a").bodyText == "slow\n")
        #expect(try client.get("/stall/20", host: "a").body.count == 1000)
        try client.send("HEAD /fixed/99 HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try client.readResponse(to: "HEAD")
        #expect(head["content-length"] == "99" && head.body.isEmpty)
        try client.send("PUT /any HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        try client.send("hi")
        let continued = try client.readResponse()
        #expect(continued.informational.map(\.status) == [100])
        #expect(continued.bodyText.hasSuffix("\r\n\r\nhi"))
        try client.send("GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly")
        #expect(try client.readResponse().status == 101)
        #expect(try client.readBytes(5) == Array("early".utf8))
        try client.send("late")
        #expect(try client.readBytes(4) == Array("late".utf8))
    }

    @Test(arguments: ["/close", "/reset", "/close-early", "/close-chunk"])
    func `breaks off where a path asks for it`(path: String) throws {
        let origin = try LoopbackOrigin()
        defer { origin.stop() }
        var client = try RawClient(to: origin.endpoint)
        #expect(throws: TestKitError.self) { try client.get(path, host: "a") }
        #expect(client.isClosed(within: 30_000))
    }

    @Test func `sends a body that ends with the connection`() throws {
        let origin = try LoopbackOrigin()
        defer { origin.stop() }
        var client = try RawClient(to: origin.endpoint)
        #expect(try client.get("/until-close/5000", host: "a").body.count == 5000)
        #expect(client.isClosed(within: 30_000))
    }

    @Test func `follows a script`() throws {
        let origin = try LoopbackOrigin()
        defer { origin.stop() }
        origin.answer(
            "/odd", with: [.text("HTTP/1.1 299 Odd\r\nContent-"), .pause(milliseconds: 5), .text("Length: 1\r\n\r\n!")])
        var client = try RawClient(to: origin.endpoint, from: Address(ipv4: 0x7f01_0203))
        #expect(try client.get("/odd?query", host: "a").status == 299)
    }

    @Test func `counts connections and ends them`() throws {
        let origin = try LoopbackOrigin()
        defer { origin.stop() }
        var clients: [RawClient] = []
        for _ in 0..<20 {
            var client = try RawClient(to: origin.endpoint)
            #expect(try client.get("/fixed/1", host: "a").status == 200)
            clients.append(client)
        }
        #expect(origin.accepted == 20 && origin.open == 20)
        origin.endConnections()
        for client in clients { #expect(client.isClosed(within: 30_000)) }
        #expect(eventually { origin.open == 0 })
        #expect(!(try RawClient(to: origin.endpoint)).isClosed(within: 50))
    }

    @Test func `refuses nobody after its stop but has no listener`() throws {
        let origin = try LoopbackOrigin()
        origin.stop()
        origin.stop()
        #expect(throws: TestKitError.self) {
            var client = try RawClient(to: origin.endpoint, timeout: 200)
            _ = try client.get("/fixed/1", host: "a")
        }
    }
}

@Suite struct `The other helpers` {
    @Test(.needs(tool: "openssl"), arguments: [TestAuthority.Key.p256, .rsa2048])
    func `make certificates that openssl verifies`(key: TestAuthority.Key) throws {
        let authority = try TestAuthority()
        let leaf = try authority.certificate(for: ["a.example", "*.b.example"], addresses: ["127.0.0.1"], key: key)
        let verdict = try Tool.run([
            "openssl", "verify", "-CAfile", authority.path, "-verify_hostname", "x.b.example", leaf.chainPath,
        ])
        #expect(verdict.contains(": OK"))
        #expect(String(decoding: leaf.key, as: UTF8.self).contains("PRIVATE KEY"))
        #expect(throws: TestKitError.self) {
            try Tool.run([
                "openssl", "verify", "-CAfile", authority.path, "-verify_hostname", "c.example", leaf.chainPath,
            ])
        }
    }

    @Test func `run programs and reap them`() throws {
        #expect(try Tool.run(["cat"], input: Array("through".utf8)) == "through")
        #expect(throws: TestKitError.self) { try Tool.run(["false"]) }
        #expect(throws: TestKitError.self) { try Child(["no-such-program-here"]) }
        #expect(Tool.path(of: "sh") != nil)
        #expect(Tool.path(of: "no-such-program-here") == nil)
        let child = try Child(["sh", "-c", "echo first; echo second; sleep 60"])
        #expect(child.waitForLine(holding: "sec") == "second")
        child.signal(15)
        #expect(child.wait() == -15)
        #expect(try Child(["sh", "-c", "exit 7"]).wait() == 7)
    }

    @Test func `clean their folder up`() throws {
        var path = ""
        do {
            let folder = try TemporaryFolder()
            path = folder.path
            try folder.write("content", to: "file")
            #expect(try folder.read("file") == Array("content".utf8))
            #expect(try Tool.run(["ls", path]) == "file\n")
        }
        #expect(throws: TestKitError.self) { try Tool.run(["ls", path]) }
    }

    @Test func `move a clock by hand`() {
        var clock = ManualClock()
        let start = clock.now
        clock.advance(milliseconds: 250)
        clock.advance(by: .milliseconds(750))
        #expect(clock.now - start == 1_000_000_000)
    }
}
