import Addresses
import Messages
import TestKit
import Testing

/// What the origin learns of the visitor and of the way, and what ends at the lane.
@Suite struct `What the origin sees` {
    @Test func `is the source as the lane knows it, and nothing that the visitor claims`() throws {
        let street = try Street()
        _ = try street.get(
            "/p?q=1",
            fields: [
                "X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 198.51.100.2", "X-Forwarded-Proto: https",
                "X-Forwarded-Host: evil.example", "X-Forwarded-Port: 1", "X-Real-IP: 198.51.100.3",
                "Forwarded: for=198.51.100.4", "X_Forwarded_For: 198.51.100.5", "X-Forwarded_For: 198.51.100.6",
                "X_Real_IP: 198.51.100.7", "Content_Length: 5", "Host_: x",
            ], from: Address(ipv4: 0x7f00_0209))
        let seen = try #require(street.seen)
        #expect(seen.values("x-forwarded-for") == ["127.0.2.9"])
        #expect(seen.values("x-forwarded-proto") == ["http"])
        #expect(seen.values("x-forwarded-host") == [Street.host])
        #expect(seen.values("x-real-ip") == ["127.0.2.9"])
        #expect(seen.values("forwarded") == ["for=127.0.2.9;proto=http;host=\"www.example.nl\""])
        #expect(!seen.headText.contains("198.51.100"))
        #expect(!seen.headText.contains("evil.example"))
        #expect(!seen.headText.contains("Content_Length"))
        #expect(seen.target == "/p?q=1")
    }

    @Test func `of a trusted peer is what that says, and the peer behind it`() throws {
        let street = try Street { $0.trustedPeers = [Prefix(Address(ipv4: 0x7f00_0300), length: 24)] }
        let claims = [
            "X-Forwarded-For: 198.51.100.1, 198.51.100.2", "X-Forwarded-Proto: https",
            "X-Forwarded-Host: pub.example.nl", "X-Real-IP: 198.51.100.1", "Forwarded: for=198.51.100.1",
            "X_Forwarded_For: 198.51.100.66",
        ]
        _ = try street.get("/", fields: claims, from: Address(ipv4: 0x7f00_0301))
        let seen = try #require(street.seen)
        #expect(seen.values("x-forwarded-for") == ["198.51.100.1, 198.51.100.2, 127.0.3.1"])
        #expect(seen.values("x-forwarded-proto") == ["https"])
        #expect(seen.values("x-forwarded-host") == ["pub.example.nl"])
        #expect(seen.values("x-real-ip") == ["198.51.100.1"])
        #expect(seen["forwarded"]?.hasPrefix("for=198.51.100.1, for=127.0.3.1;") == true)
        #expect(!seen.headText.contains("198.51.100.66"))
        _ = try street.get("/", fields: claims, from: Address(ipv4: 0x7f00_0401))
        #expect(street.seen?.values("x-forwarded-for") == ["127.0.4.1"])
    }

    @Test(arguments: ["", "\r\n", "\r\n\r\n"])
    func `is the request alone, whatever empty lines came before it`(lines: String) throws {
        let street = try Street()
        var client = try street.visitor()
        #expect(try client.get("/fixed/1", host: Street.host).status == 200)
        // Now over a connection that stands, where nothing is read twice.
        try client.send(lines + request("GET /page?q=1 HTTP/1.1", "Host: www.example.nl", "Accept: */*", "X-Kept: 3"))
        #expect(try client.readResponse().status == 200)
        let seen = try #require(street.seen)
        #expect(seen.startLine == "GET /page?q=1 HTTP/1.1")
        #expect(seen["host"] == Street.host)
        #expect(seen["accept"] == "*/*")
        #expect(seen["x-kept"] == "3")
        #expect(street.origin.accepted == 1)
    }

    @Test func `has the fields that belong to one hop taken out`() throws {
        let street = try Street()
        _ = try street.get(
            "/",
            fields: [
                "Connection: keep-alive, X-Private ,x-other", "X-Private: 1", "X-OTHER: 2", "X-Kept: 3",
                "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: trailers", "Upgrade: h2c",
                "HTTP2-Settings: AAMAAABk", "Proxy-Authorization: Basic eA==", "Accept: */*", "Cookie: a=b",
                "User-Agent: test", "Authorization: Bearer x",
            ])
        let seen = try #require(street.seen)
        for name in [
            "connection", "x-private", "x-other", "keep-alive", "proxy-connection", "te", "upgrade", "http2-settings",
            "proxy-authorization",
        ] {
            #expect(seen.values(name).isEmpty, "\(name) passed")
        }
        #expect(seen["x-kept"] == "3")
        #expect(seen["cookie"] == "a=b")
        #expect(seen["user-agent"] == "test")
        #expect(seen["authorization"] == "Bearer x")
        #expect(seen["accept"] == "*/*")
    }

    @Test func `and the visitor gets none of those of the origin`() throws {
        let street = try Street()
        street.origin.answer(
            "/hop",
            with: [
                .text(
                    "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\n"
                        + "Server: origin\r\nX-Kept: 2\r\nContent-Length: 2\r\n\r\nok")
            ])
        let response = try street.get("/hop")
        #expect(response.values("x-private").isEmpty)
        #expect(response.values("keep-alive").isEmpty)
        #expect(response["server"] == "origin")
        #expect(response["x-kept"] == "2")
        #expect(response.bodyText == "ok")
    }

    @Test func `has Via with our name, behind those before us, as has the response`() throws {
        let street = try Street()
        let response = try street.get("/", fields: ["Via: 1.0 fred, 1.1 teststraat-2 (other)"])
        #expect(response.status == 200)
        #expect(street.seen?.values("via") == ["1.0 fred, 1.1 teststraat-2 (other)", "1.1 teststraat"])
        #expect(response.values("via") == ["1.1 teststraat"])
        _ = try street.ask(request("GET / HTTP/1.0", "Host: www.example.nl"))
        #expect(street.seen?.values("via") == ["1.0 teststraat"])
    }

    @Test(arguments: ["1.1 teststraat", "1.0 fred, 1.1 teststraat (x)", "HTTP/1.1 teststraat"])
    func `is nothing where the request comes round: 508`(via: String) throws {
        let street = try Street()
        #expect(try street.get("/", fields: ["Via: \(via)"]).status == 508)
        #expect(street.origin.requests.isEmpty)
    }

    @Test func `is the origin form with Host from an absolute target`() throws {
        let street = try Street()
        let response = try street.ask(request("GET http://www.example.nl/p?q=1 HTTP/1.1", "Host: else.example"))
        #expect(response.status == 200)
        #expect(street.seen?.startLine == "GET /p?q=1 HTTP/1.1")
        #expect(street.seen?.values("host") == ["www.example.nl"])
        _ = try street.ask(request("GET http://www.example.nl HTTP/1.1", "Host: www.example.nl"))
        #expect(street.seen?.startLine == "GET / HTTP/1.1")
        _ = try street.ask(request("OPTIONS * HTTP/1.1", "Host: www.example.nl"))
        #expect(street.seen?.startLine == "OPTIONS * HTTP/1.1")
    }

    @Test func `is the site of the host, whatever its case, its port or a last dot`() throws {
        let street = try Street()
        var visitor = try street.visitor()
        for host in ["WWW.Example.NL", "www.example.nl:8080", "www.example.nl.", "a.wild.example.nl"] {
            #expect(try visitor.get("/", host: host).status == 200)
            #expect(street.seen?.values("host") == [host])
        }
        for host in ["else.example", "example.nl", "wild.example.nl", "a.b.wild.example.nl", "127.0.0.1", "[::1]"] {
            #expect(try visitor.get("/", host: host).status == 421)
        }
        #expect(street.origin.requests.count == 4)
    }

    @Test func `is the source that the PROXY header names, version 1 and 2`() throws {
        let street = try Street()
        var first = try RawClient(to: street.behind)
        try first.send("PROXY TCP4 192.0.2.7 198.51.100.1 49152 80\r\n")
        #expect(try first.get("/", host: Street.host).status == 200)
        #expect(street.seen?["x-forwarded-for"] == "192.0.2.7")
        // Once for the connection, in one piece with the request or not.
        #expect(try first.get("/", host: Street.host).status == 200)
        #expect(street.seen?["x-forwarded-for"] == "192.0.2.7")

        var second = try RawClient(to: street.behind)
        let signature: [UInt8] = Array("\r\n\r\n\0\r\nQUIT\n".utf8)
        let address: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [9]
        let block = address + address + [0xc0, 0, 0, 80]
        try second.send(
            signature + [0x21, 0x21, 0, UInt8(block.count)] + block
                + Array(request("GET / HTTP/1.1", "Host: www.example.nl").utf8))
        #expect(try second.readResponse().status == 200)
        #expect(street.seen?["x-forwarded-for"] == "2001:db8::9")
        #expect(street.seen?["forwarded"]?.hasPrefix("for=\"[2001:db8::9]\";") == true)

        var slow = try RawClient(to: street.behind)
        try slow.send(Array("PROXY TCP4 192.0.2.8 198.51.100.1 49152 80\r\n".utf8), pieces: 1, pause: 2)
        #expect(try slow.get("/", host: Street.host).status == 200)
        #expect(street.seen?["x-real-ip"] == "192.0.2.8")
    }

    @Test func `is nothing without the PROXY header, or where it is not expected`() throws {
        let street = try Street()
        for text in [
            request("GET / HTTP/1.1", "Host: www.example.nl"), "PROXY TCP4 192.0.2.7\r\n",
            "PROXY TCP4 x y 1 2\r\n" + request("GET / HTTP/1.1", "Host: www.example.nl"),
        ] {
            let client = try RawClient(to: street.behind)
            try client.send(text)
            #expect(client.isClosed(within: 3000))
        }
        let status = street.lane.status { $0.connections.badPreface == 3 }
        #expect(status.connections.badPreface == 3)
        let answer = try street.exchange(
            "PROXY TCP4 192.0.2.7 198.51.100.1 49152 80\r\n" + request("GET / HTTP/1.1", "Host: www.example.nl"))
        #expect(answer.hasPrefix("HTTP/1.1 400 "))
        #expect(street.origin.requests.isEmpty)
    }
}
