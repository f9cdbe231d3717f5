import Addresses
import Glibc
import Messages
import TestKit
import Testing

private typealias F = FrameClient

/// Visitors who end their side once they have asked, as `nc -N`, health checkers and old programs do, and listen.
@Suite struct `Who has said all` {
    private static let certificates = Result { try Street.Certificates() }
    private static let slow = request("GET /slow/600 HTTP/1.1", "Host: www.example.nl")

    private func endWriting(_ client: RawClient) { shutdown(client.socket.descriptor, Int32(SHUT_WR)) }

    @Test func `gets the answer all the same`() throws {
        let street = try Street()
        var client = try street.visitor()
        try client.send(Self.slow)
        endWriting(client)
        #expect(try client.readResponse().bodyText == "slow\n")
        // Nothing more can come.
        #expect(try client.readAll().isEmpty)
        var sender = try street.visitor()
        let body = String(decoding: pattern(40_000).map { $0 & 63 | 32 }, as: UTF8.self)
        try sender.send(
            request("POST /upload HTTP/1.1", "Host: www.example.nl", "Content-Length: 40000", body: body))
        endWriting(sender)
        #expect(try sender.readResponse().status == 200)
        #expect(street.seen?.body.count == 40_000)
        #expect(street.lane.status { $0.sites[0].inFlight == 0 && $0.connections.open == 0 }.connections.open == 0)
    }

    @Test func `has all of several requests answered, in their order`() throws {
        let street = try Street()
        var client = try street.visitor()
        let paths = ["/fixed/3", "/slow/300", "/fixed/5", "/fixed/70000", "/fixed/1"]
        try client.send(paths.map { request("GET \($0) HTTP/1.1", "Host: www.example.nl") }.joined())
        endWriting(client)
        let sizes = try paths.map { _ in try client.readResponse().body.count }
        #expect(sizes == [3, 5, 5, 70_000, 1])
        #expect(try client.readAll().isEmpty)
    }

    @Test func `has an answer over TLS too, after a close notification`() throws {
        let street = try Street(certificates: try Self.certificates.get())
        let visitor = TLSVisitor(to: street.tls)
        let connection = try #require(visitor.connect())
        let asked = ["/slow/500", "/fixed/7"].map { request("GET \($0) HTTP/1.1", "Host: veilig.example.nl") }
        #expect(connection.send(Array(asked.joined().utf8)))
        connection.endWriting()
        var text = ""
        while case let bytes = connection.receive(), !bytes.isEmpty { text += String(decoding: bytes, as: UTF8.self) }
        #expect(text.components(of: "HTTP/1.1 200 ") == 2)
        #expect(text.contains("slow\n"))
    }

    @Test(arguments: [false, true]) func `keeps the place in the queue only if that was with the request`(
        isLate: Bool
    ) throws {
        let street = try Street {
            $0.limits.queueLength = 4
            $0.limits.queueTime = 20_000
        }
        let holders = try `Who is turned away`.fill(street, milliseconds: 2_500, queue: 0)
        var client = try street.visitor(from: Address(ipv4: 0x7f33_0101), timeout: 20_000)
        try client.send(Self.slow)
        if isLate {
            #expect(street.lane.status { $0.sites[0].waiting == 1 }.sites[0].waiting == 1)
            pauseThread(900)
        }
        endWriting(client)
        if isLate {
            // Given up: nobody waits any more, while all places are still taken.
            #expect(try client.readAll().isEmpty)
        } else {
            #expect(try client.readResponse().bodyText == "slow\n")
        }
        for var holder in holders { #expect(try holder.readResponse().status == 200) }
        #expect(street.origin.requests.count == (isLate ? 10 : 11))
    }

    /// A site whose places are all taken, and where one who waits in the queue asks for a page for others too.
    private static func crowded() throws -> (street: Street, holders: [RawClient], leader: RawClient) {
        let street = try Street.keeping("Cache-Control: max-age=1") {
            $0.limits.queueLength = 8
            $0.limits.queueTime = 20_000
        }
        #expect(try street.get("/page").bodyText == "kept")
        pauseThread(2_100)
        street.origin.say("/page", "Cache-Control: max-age=60", body: "newer")
        let holders = try `Who is turned away`.fill(street, milliseconds: 6_000, queue: 0)
        let leader = try street.visitor(from: Address(ipv4: 0x7f33_0101), timeout: 20_000)
        try leader.send(request("GET /page HTTP/1.1", "Host: www.example.nl"))
        #expect(street.lane.status { $0.sites[0].waiting == 1 }.sites[0].waiting == 1)
        return (street, holders, leader)
    }

    private static func end(_ leader: RawClient, _ holders: [RawClient]) throws {
        for var client in holders + [leader] { #expect(try client.readResponse().status == 200) }
    }

    @Test(arguments: [false, true]) func `takes a place behind another's request only if that was with the request`(
        isLate: Bool
    ) throws {
        let (street, holders, leader) = try Self.crowded()
        var client = try street.visitor(from: Address(ipv4: 0x7f34_0101), timeout: 20_000)
        try client.send(request("GET /page HTTP/1.1", "Host: www.example.nl"))
        if isLate {
            #expect(street.cache { $0.collapsed == 1 }.collapsed == 1)
            pauseThread(900)
        }
        endWriting(client)
        if isLate {
            // Given up: nothing is sent, and no place is asked for once the other's response does not come.
            #expect(try client.readAll().isEmpty)
            pauseThread(2_000)
            #expect(street.lane.status { _ in true }.sites[0].waiting == 1)
        } else {
            #expect(street.lane.status(within: 10_000) { $0.sites[0].waiting == 2 }.sites[0].waiting == 2)
            #expect(try client.readResponse().bodyText == "newer")
        }
        try Self.end(leader, holders)
        #expect(street.lane.status { $0.sites[0].inFlight == 0 && $0.sites[0].waiting == 0 }.sites[0].inFlight == 0)
    }

    @Test func `over HTTP/2 takes no place behind another's request once he gave up`() throws {
        let (street, holders, leader) = try Self.crowded()
        var client = try F(to: street.clear)
        try client.ask(1, "/page")
        #expect(street.cache { $0.collapsed == 1 }.collapsed == 1)
        pauseThread(900)
        shutdown(client.socket.descriptor, Int32(SHUT_WR))
        #expect(try client.wait { $0.isClosed })
        let status = client.responses[1]?.status ?? ""
        #expect(status == "")
        pauseThread(2_000)
        #expect(street.lane.status { _ in true }.sites[0].waiting == 1)
        try Self.end(leader, holders)
    }

    @Test func `is not waited for once he breaks off`() throws {
        let street = try Street()
        for _ in 0..<3 {
            let client = try street.visitor()
            try client.send(request("GET /slow/700 HTTP/1.1", "Host: www.example.nl"))
            endWriting(client)
            pauseThread(60)
            client.socket.resetOnClose()
        }
        // The slots are the origin's until it has answered, and no connection is held for nobody.
        #expect(street.lane.status { $0.connections.open == 0 }.connections.open == 0)
        #expect(street.lane.status { $0.sites[0].inFlight == 0 && $0.sites[0].waiting == 0 }.sites[0].inFlight == 0)
        #expect(try street.get("/fixed/1").status == 200)
    }

    @Test func `has no more time than others: an origin that never answers, half a request`() throws {
        let street = try Street { $0.limits.originTime = 600 }
        var client = try street.visitor()
        try client.send(request("GET /hang HTTP/1.1", "Host: www.example.nl"))
        endWriting(client)
        #expect(try client.readResponse().status == 504)
        let half = try street.visitor()
        try half.send(request("POST /upload HTTP/1.1", "Host: www.example.nl", "Content-Length: 9", body: "half"))
        endWriting(half)
        #expect(half.isClosed(within: 3_000))
        #expect(street.lane.status { $0.connections.open == 0 && $0.sites[0].inFlight == 0 }.connections.open == 0)
        #expect(!street.origin.requests.contains { $0.message.startLine.hasPrefix("POST") })
    }

    @Test func `over HTTP/2 gets what is under way, and what was cut off ends`() throws {
        let street = try Street()
        var client = try F(to: street.clear)
        try client.ask(1, "/slow/700")
        try client.ask(3, "/fixed/30000")
        try client.ask(5, "/upload", method: "POST", ends: false)
        try client.content(5, pattern(10), ends: false)
        shutdown(client.socket.descriptor, Int32(SHUT_WR))
        #expect(try client.response(1).body == Array("slow\n".utf8))
        #expect(try client.response(3).body.count == 30_000)
        #expect(client.responses[5]?.status != "200")
        #expect(try client.wait { $0.isClosed })
        #expect(street.lane.status { $0.connections.open == 0 && $0.sites[0].inFlight == 0 }.connections.open == 0)
    }

    @Test func `over HTTP/2 and TLS gets what is under way`() throws {
        let street = try Street(certificates: try Self.certificates.get())
        let visitor = TLSVisitor(to: street.tls, TLSVisitor.Manner(protocols: ["h2"]))
        let connection = try #require(visitor.connect())
        let asked = F.request("/slow/500", host: "veilig.example.nl")
        #expect(connection.send(F.preface + F.frame(4) + F.frame(1, flags: 5, stream: 1, payload: asked)))
        connection.endWriting()
        var bytes: [UInt8] = []
        while case let more = connection.receive(), !more.isEmpty { bytes += more }
        let content = F.frame(0, flags: 1, stream: 1, payload: Array("slow\n".utf8))
        let pieces = F.frame(0, stream: 1, payload: Array("slow\n".utf8))
        #expect(bytes.indices.contains { bytes[$0...].starts(with: content) || bytes[$0...].starts(with: pieces) })
    }

    /// nginx as it comes answers what it can at once, and gives up on what its origin is slow with (its status 499).
    @Test(.needs(tool: "nginx")) func `is answered wherever nginx answers`() throws {
        let street = try Street()
        let folder = try TemporaryFolder()
        let free = try LoopbackOrigin()
        let port = free.endpoint.port
        free.stop()
        let path = try folder.write(
            """
            daemon off; master_process off; pid \(folder.path)/pid; error_log stderr;
            events {}
            http {
                access_log off;
                client_body_temp_path \(folder.path)/a; proxy_temp_path \(folder.path)/b;
                fastcgi_temp_path \(folder.path)/c; uwsgi_temp_path \(folder.path)/d; scgi_temp_path \(folder.path)/e;
                server {
                    listen 127.0.0.1:\(port);
                    location / { proxy_pass http://\(street.origin.endpoint); }
                    location /own { return 200 own; }
                }
            }

            """, to: "nginx.conf")
        let nginx = try Child(["nginx", "-e", "stderr", "-c", path])
        defer { nginx.signal(15) }
        let other = Endpoint(Street.local, port: port)
        try #require(eventually { (try? street.ask(Self.slow, at: other).status) == 200 })
        func answers(_ text: String, at endpoint: Endpoint) throws -> Int {
            var client = try RawClient(to: endpoint)
            try client.send(text)
            endWriting(client)
            let all = (try? client.readAll()) ?? []
            return String(decoding: all, as: UTF8.self).components(of: "HTTP/1.1 200 ")
        }
        let fixed = request("GET /fixed/5 HTTP/1.1", "Host: www.example.nl")
        for (name, text, count) in [
            ("slow", Self.slow, 1), ("fixed", fixed, 1), ("three at once", fixed + Self.slow + fixed, 3),
        ] {
            let (theirs, ours) = (try answers(text, at: other), try answers(text, at: street.clear))
            print("half-closed after \(name): nginx answers \(theirs) of \(count), the lane \(ours)")
            #expect(ours == count)
            #expect(ours >= theirs)
        }
    }
}
