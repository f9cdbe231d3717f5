import Addresses
import Messages
import TestKit
import Testing

/// TLS towards visitors and origins, against the openssl program.
@Suite(.needs(tool: "openssl")) struct `TLS` {
    static let certificates = Result { try Street.Certificates() }

    let certificates: Street.Certificates
    let street: Street

    init() throws {
        certificates = try Self.certificates.get()
        street = try Street(certificates: certificates)
    }

    /// What openssl's client says and hears.
    private func connect(
        _ name: String, host: String? = nil, path: String = "/fixed/3", _ options: String...
    ) throws -> String {
        try Tool.run(
            [
                "openssl", "s_client", "-connect", "\(street.tls)", "-servername", name, "-ign_eof", "-CAfile",
                certificates.authority.path, "-verify_return_error", "-verify_hostname", name,
            ] + options,
            input: Array(request("GET \(path) HTTP/1.1", "Host: \(host ?? name)", "Connection: close").utf8))
    }

    @Test(arguments: [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
    func `is spoken in both versions that are safe`(option: String, version: String) throws {
        let output = try connect("veilig.example.nl", option, "-alpn", "http/1.1")
        #expect(output.contains("New, \(version)"))
        #expect(output.contains("Verify return code: 0 (ok)"))
        #expect(output.contains("ALPN protocol: http/1.1"))
        #expect(output.contains("HTTP/1.1 200 OK"))
        let seen = try #require(street.seen)
        #expect(seen["x-forwarded-proto"] == "https")
        #expect(seen["forwarded"] == "for=127.0.0.1;proto=https;host=\"veilig.example.nl\"")
        #expect(street.lane.status { $0.connections.handshakes == 1 }.connections.handshakes == 1)
    }

    @Test func `carries a large response whole`() throws {
        let output = try connect("veilig.example.nl", path: "/fixed/1000000")
        #expect(output.utf8.count > 1_000_000)
        #expect(output.contains("Content-Length: 1000000"))
    }

    @Test(arguments: [1000, 33_000, 40_000, 60_000])
    func `carries a response whole that came in one piece, where the connection ends after it`(count: Int) throws {
        let body = String(repeating: "z", count: count)
        street.origin.answer("/whole", with: [.text("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n\(body)")])
        let output = try connect("veilig.example.nl", path: "/whole")
        #expect(output.contains("Content-Length: \(count)"))
        #expect(output.contains(body))
    }

    @Test func `shows each site its own certificate`() throws {
        #expect(try connect("anders.example.nl").contains("HTTP/1.1 200 OK"))
        #expect(try connect("ook.example.nl").contains("HTTP/1.1 200 OK"))
        // No such site, or none with a certificate.
        #expect(throws: TestKitError.self) { try connect("else.example") }
        #expect(throws: TestKitError.self) { try connect("www.example.nl") }
        #expect(street.lane.status { $0.connections.failedHandshakes == 2 }.connections.failedHandshakes == 2)
    }

    @Test func `and Host must agree, unless the certificate is the same: 421`() throws {
        #expect(try connect("veilig.example.nl", host: "anders.example.nl").contains("HTTP/1.1 421 "))
        #expect(try connect("veilig.example.nl", host: "www.example.nl").contains("HTTP/1.1 421 "))
        #expect(street.origin.requests.isEmpty)
        #expect(try connect("veilig.example.nl", host: "ook.example.nl").contains("HTTP/1.1 200 "))
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"]) func `is resumed over connections, and over a reload`(version: String)
        throws
    {
        let folder = try TemporaryFolder()
        let session = folder.path("session")
        #expect(try connect("veilig.example.nl", version, "-sess_out", session).contains("New, TLS"))
        #expect(try connect("veilig.example.nl", version, "-sess_in", session).contains("Reused, TLS"))
        var next = street.lane.snapshot
        next.generation = 2
        next.secrets.ticketKeys.insert((0..<48).map { UInt8(200 - $0) }, at: 0)
        try street.lane.reload(next)
        // The older key still reads.
        #expect(try connect("veilig.example.nl", version, "-sess_in", session).contains("Reused, TLS"))
        next.generation = 3
        next.secrets.ticketKeys.removeLast()
        try street.lane.reload(next)
        #expect(try connect("veilig.example.nl", version, "-sess_in", session).contains("New, TLS"))
        let status = street.lane.status { $0.connections.handshakes == 4 }
        #expect(status.connections.handshakes == 4)
        #expect(status.connections.resumed == 2)
    }

    @Test func `is where a visitor in clear is sent: 308`() throws {
        let response = try street.ask(request("GET /p?q=1 HTTP/1.1", "Host: veilig.example.nl"))
        #expect(response.status == 308)
        #expect(response["location"] == "https://veilig.example.nl:\(street.tls.port)/p?q=1")
        #expect(street.origin.requests.isEmpty)
        let both = try street.ask(request("GET /fixed/1 HTTP/1.1", "Host: veilig.example.nl"), at: street.both)
        #expect(both.status == 200)
        #expect(street.seen?["x-forwarded-proto"] == "http")
    }

    @Test func `fails where no TLS is spoken, and the lane goes on`() throws {
        let client = try RawClient(to: street.tls)
        try client.send(request("GET / HTTP/1.1", "Host: veilig.example.nl"))
        #expect(client.isClosed(within: 3000))
        #expect(street.lane.status { $0.connections.failedHandshakes == 1 }.connections.failedHandshakes == 1)
        #expect(try connect("veilig.example.nl").contains("HTTP/1.1 200 OK"))
    }

    @Test func `comes behind a PROXY header too`() throws {
        // openssl cannot send one, curl can.
        try #require(Tool.path(of: "curl") != nil)
        let port = street.tlsBehind.port
        let output = try Tool.run([
            "curl", "-sS", "-i", "--http1.1", "--haproxy-protocol", "--cacert", certificates.authority.path,
            "--resolve",
            "veilig.example.nl:\(port):127.0.0.1", "https://veilig.example.nl:\(port)/fixed/3",
        ])
        #expect(output.hasPrefix("HTTP/1.1 200"))
        #expect(street.seen?["x-forwarded-for"] == "127.0.0.1")
    }

    @Test func `takes a request body of a megabyte`() throws {
        try #require(Tool.path(of: "curl") != nil)
        let folder = try TemporaryFolder()
        let body = pattern(1 << 20)
        let file = try folder.write(body, to: "body")
        let port = street.tls.port
        let output = try Tool.run([
            "curl", "-sS", "-i", "--http1.1", "--cacert", certificates.authority.path, "--resolve",
            "veilig.example.nl:\(port):127.0.0.1", "--data-binary", "@\(file)", "-H", "Expect:",
            "https://veilig.example.nl:\(port)/fixed/3",
        ])
        #expect(output.hasPrefix("HTTP/1.1 200"))
        #expect(street.seen?.body == body)
    }
}

@Suite(.needs(tool: "openssl")) struct `An origin over TLS` {
    /// openssl's server, which answers every GET with a page, and its port.
    private func serve(_ certificate: TestAuthority.Certificate) throws -> (Child, UInt16) {
        let server = try Child([
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", certificate.chainPath, "-key",
            certificate.keyPath,
        ])
        let line = try #require(server.waitForLine(holding: "ACCEPT"))
        let port = try #require(line.split(separator: ":").last.flatMap { UInt16($0) })
        return (server, port)
    }

    private func street(_ port: UInt16, name: String, authorities: [UInt8]) throws -> Street {
        try Street { snapshot in
            var origin = Snapshot.Origin(endpoint: Endpoint(Street.local, port: port))
            origin.isTLS = true
            origin.serverName = name
            origin.authorities = authorities
            snapshot.sites[0].origins = [origin]
        }
    }

    @Test func `is verified: its name and its authority`() throws {
        let authority = try TestAuthority()
        let stranger = try TestAuthority(name: "Someone else")
        let certificate = try authority.certificate(for: ["origin.example.nl"])
        let (server, port) = try serve(certificate)
        defer { server.signal(9) }
        let good = try street(port, name: "origin.example.nl", authorities: authority.certificate)
        for _ in 0..<3 {
            let response = try good.get("/")
            #expect(response.status == 200)
            #expect(response.bodyText.contains("s_server"))
        }
        let wrongAuthority = try street(port, name: "origin.example.nl", authorities: stranger.certificate)
        #expect(try wrongAuthority.get("/").status == 502)
        let wrongName = try street(port, name: "other.example.nl", authorities: authority.certificate)
        #expect(try wrongName.get("/").status == 502)
    }

    @Test func `that speaks no TLS is answered with 502`() throws {
        let authority = try TestAuthority()
        let plain = try LoopbackOrigin()
        let street = try street(plain.endpoint.port, name: "origin.example.nl", authorities: authority.certificate)
        #expect(try street.get("/").status == 502)
        #expect(plain.requests.isEmpty)
    }
}
