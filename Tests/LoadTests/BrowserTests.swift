import Addresses
import FoundationEssentials
import Glibc
import Load
import Packets
import Testing

/// Recorded browsers: what they say is what was recorded, and they go where they are sent.
@Suite(.serialized) struct BrowserTests {
    struct File: Decodable { var browsers: [RecordedBrowser] }

    static func browsers() throws -> [RecordedBrowser] {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        let path = "\(root)/Benchmarks/siege/browsers.json"
        return try JSONDecoder().decode(File.self, from: Data(Array(try #require(readFile(path)).utf8))).browsers
    }

    static func source(of hello: [UInt8]) throws -> JA4.Source {
        guard case .hello(let read, _) = try ClientHello.read(records: hello.span.bytes) else {
            throw Origin.Silence()
        }
        return JA4.Source(read)
    }

    /// What the engine says first as a recorded browser, to a server that says nothing.
    static func said(as browser: RecordedBrowser, authority: String) throws -> [UInt8] {
        let listener = try Origin.listener()
        defer { close(listener.socket) }
        let home = try HomeAddress(checking: Endpoint(Address(ipv4: 127 << 24 | 1), port: listener.port))
        let tls = try TLSClient(host: "site.localhost", authority: authority, browsers: [browser])
        let engine = try Engine(target: home, tls: tls, bounds: EngineTests.bounds(), browsers: [browser])
        let asker = Asker(source: try engine.addSource(nil, isVisitor: true, browser: 0), deadline: 300_000_000)
        engine.run([asker], until: Clock.now() + 10_000_000_000)
        let peer = accept(listener.socket, nil, nil)
        defer { close(peer) }
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        let count = recv(peer, &bytes, bytes.count, 0)
        return Array(bytes[..<max(0, count)])
    }

    @Test func `Chrome greets as it was recorded`() throws {
        let server = try SecureServer()
        for browser in try Self.browsers() where browser.name.hasPrefix("chrome") {
            let own = try Self.source(of: Self.said(as: browser, authority: server.certificate))
            #expect(own == (try Self.source(of: browser.helloBytes)), "\(browser.name)")
        }
    }

    /// BoringSSL cannot say all of it; what it leaves out is known.
    @Test func `Firefox and Safari greet with what BoringSSL knows of theirs`() throws {
        let server = try SecureServer()
        var count = 0
        for browser in try Self.browsers() where !browser.name.hasPrefix("chrome") {
            let said = try Self.said(as: browser, authority: server.certificate)
            guard case .hello(let own, _) = try ClientHello.read(records: said.span.bytes) else {
                throw Origin.Silence()
            }
            let ciphers = Set(own.ciphers.filter { !JA4.isGrease($0) })
            let extensions = Set(own.extensions.filter { !JA4.isGrease($0) })
            #expect(ciphers.isSubset(of: browser.ciphers), "\(browser.name)")
            #expect(extensions.isSubset(of: browser.extensions), "\(browser.name)")
            // 3DES; delegated credentials, the record size limit, and padding by another rule.
            #expect(Set(browser.ciphers).subtracting(ciphers).isSubset(of: [10, 49160, 49170]), "\(browser.name)")
            #expect(Set(browser.extensions).subtracting(extensions).isSubset(of: [21, 28, 34]), "\(browser.name)")
            #expect(own.protocols == [Array("h2".utf8), Array("http/1.1".utf8)])
            count += 1
        }
        #expect(count == 3)
    }

    /// A waiting page, then a redirect that sets a cookie, then the page for who has it.
    static let maze = """
        import http.server, sys
        class Maze(http.server.BaseHTTPRequestHandler):
            protocol_version, seen = "HTTP/1.1", set()
            def do_GET(self):
                key = self.client_address[0]
                if key not in self.seen:
                    self.seen.add(key)
                    self.say(503, b'<html><meta http-equiv="refresh" content="1"><p>een ogenblik')
                elif "bewijs=1" not in (self.headers["Cookie"] or ""):
                    self.say(302, b"", ("Location", self.path), ("Set-Cookie", "bewijs=1; Path=/"))
                else:
                    self.say(200, b"<p>Reisdocumentenbalie</p>")
            def say(self, status, body, *fields):
                self.send_response(status)
                for name, value in fields: self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *_): pass
        http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Maze).serve_forever()
        """

    @Test func `visitors follow a waiting page and a redirect, and keep the cookie`() throws {
        let port = try Origin.freePort()
        let program = try Program(["python3", "-c", Self.maze, "\(port)"])
        defer { withExtendedLifetime(program) {} }
        try Origin.await(port)
        let home = try HomeAddress(checking: Endpoint(Address(ipv4: 127 << 24 | 1), port: port))
        let engine = try Engine(target: home, tls: nil, bounds: EngineTests.bounds())
        var site = EngineTests.site
        site.style = ""
        site.searchShare = 0
        var plan = SourcePlan(seed: 3)
        let people = try People(known: plan.deal(4, perNetwork: 1), unknown: [], seed: 1, on: engine)
        let visitors = Visitors(
            .meeting, of: people, to: site, authority: "site.localhost", rate: 10, start: Clock.now(), seconds: 0.1)
        engine.run([visitors], until: Clock.now() + 30_000_000_000)
        #expect(visitors.tally.success == 1)
        // Two steps for each of the four; whoever came again had his cookie.
        #expect(visitors.followed == 8)
    }

    @Test func `knows where an answer sends it`() {
        let following = Following()
        func step(_ status: Int, _ change: (inout Outcome) -> Void) -> Following.Step? {
            var outcome = Outcome(job: 0, ending: .complete)
            outcome.status = status
            change(&outcome)
            return following.step(
                after: outcome, to: Array("GET /a/b?c=d HTTP/1.1\r\n".utf8), authority: "site.localhost:8443")
        }
        for (location, target) in [("/a?b", "/a?b"), ("?c=d&e", "/a/b?c=d&e"), ("./b?c=d", "/a/b?c=d"), ("x", "/a/x")] {
            #expect(step(302) { $0.location = Array(location.utf8) }?.target == Array(target.utf8))
        }
        #expect(step(307) { $0.location = Array("https://site.localhost:8443/a".utf8) }?.keepsMethod == true)
        #expect(step(302) { $0.location = Array("https://elders.localhost/a".utf8) } == nil)
        #expect(step(302) { $0.location = Array("//elders.localhost/a".utf8) } == nil)
        #expect(step(503) { $0.retryAfter = 2 } == nil)
        #expect(step(200) { $0.hasWord = true } == nil)
        var outcome = Outcome(job: 0, ending: .complete)
        outcome.status = 503
        outcome.retryAfter = 2
        let program = Following(obeysRetryAfter: true).step(after: outcome, to: [], authority: "site.localhost")
        #expect(program?.pause == 2_000_000_000)
    }

    @Test func `slow clients and callers stay at home, and stop at their bounds`() throws {
        let listener = try Origin.listener()
        defer { close(listener.socket) }
        let home = try HomeAddress(checking: Endpoint(Address(ipv4: 127 << 24 | 1), port: listener.port))
        let bounds = try Bounds(connections: 8, requests: 10, rate: 100, seconds: 1)
        let abroad = try #require(Address("10.99.0.1"))
        #expect(throws: TargetRefusal.self) {
            try SlowClients([.silent], from: [abroad], to: home, authority: "a", count: 4, bounds: bounds, seed: 1)
        }
        let strangers = Callers(.connect, to: home, tls: nil, concurrent: 4, bounds: bounds) { _ in abroad }
        #expect(throws: TargetRefusal.self) {
            try strangers.run(rate: 100, count: 10, start: Clock.now(), until: Clock.now() + 1_000_000_000)
        }
        let own = try #require(Address("127.0.0.9"))
        let callers = Callers(.connect, to: home, tls: nil, concurrent: 4, bounds: bounds) { _ in own }
        try callers.run(rate: 1_000, count: 500, start: Clock.now(), until: Clock.now() + 500_000_000)
        #expect(callers.reached == 10)
        #expect(callers.behind > 400)
        let slow = try SlowClients([.silent], from: [own], to: home, authority: "a", count: 4, bounds: bounds, seed: 1)
        // Its seconds end it, long before the moment that it was given.
        slow.run(until: Clock.now() + 3_600_000_000_000)
        #expect(slow.opened == 4)
        #expect(slow.peak == 4)
    }
}
