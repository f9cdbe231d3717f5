import Addresses
import Messages
import TestKit
import Testing

/// What an HTTP/2 visitor gets of sites, certificates, pages, queue and cookie: the same as others.
@Suite struct `Over HTTP/2` {
    @Test func `a page gives the cookie by which a visitor is known`() throws {
        let street = try Street()
        street.origin.answer(
            "/page", with: [.text("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok")])
        var client = try FrameClient(to: street.clear)
        let cookie = try #require(try client.get(1, "/page")["set-cookie"])
        #expect(cookie.hasPrefix("wasstraat="))
        #expect(cookie.hasSuffix("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"))
        let pair = String(cookie.prefix { $0 != ";" })
        #expect(try client.get(3, "/page", [("cookie", "a=b"), ("cookie", pair)])["set-cookie"] == nil)
        let known = street.lane.status { $0.sites[0].classes.map(\.requests).reduce(0, +) == 2 }.sites[0].classes[0]
        #expect(known.requests == 1)
    }

    @Test func `a request waits in the queue, and is served or refused in its turn`() throws {
        let street = try Street {
            $0.limits.queueTime = 600
            $0.limits.queueLength = 8
        }
        var client = try FrameClient(to: street.clear)
        for number in 0..<60 { try client.ask(UInt32(number) * 2 + 1, "/slow/300") }
        var statuses: [String: Int] = [:]
        for number in 0..<60 { statuses[try client.response(UInt32(number) * 2 + 1).status, default: 0] += 1 }
        #expect(statuses["200", default: 0] >= 5)
        #expect(statuses["503", default: 0] + statuses["429", default: 0] == 60 - statuses["200", default: 0])
        #expect(statuses.count >= 2)
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].waiting == 0)
        let queued = street.lane.status { _ in true }.sites[0].classes.map(\.queued).reduce(0, +)
        #expect(queued > 0)
    }

    @Test func `a name that is no site's is told so: 421`() throws {
        let street = try Street()
        var client = try FrameClient(to: street.clear)
        #expect(try client.get(1, "/", host: "else.example").status == "421")
        #expect(try client.get(3, "/fixed/1", host: "a.wild.example.nl").status == "200")
    }

    @Test func `a load balancer's PROXY header comes first`() throws {
        let street = try Street()
        let client = try RawClient(to: street.behind)
        try client.send(
            Array("PROXY TCP4 192.0.2.77 192.0.2.1 4000 80\r\n".utf8) + FrameClient.preface + FrameClient.frame(4)
                + FrameClient.frame(1, flags: 5, stream: 1, payload: FrameClient.request("/fixed/1")))
        #expect(eventually { street.seen != nil })
        #expect(street.seen?["x-forwarded-for"] == "192.0.2.77")
    }

    @Test func `the public pages are served, as fast as they are taken`() throws {
        let street = try Street { $0.pages = Snapshot.PagesHost(hosts: ["straat.example.nl"]) }
        let large = pattern(400_000)
        try street.lane.publish(
            Pages(
                made: 1,
                files: [
                    Pages.File(path: "/", contentType: "text/html", body: Array("<p>straat</p>".utf8)),
                    Pages.File(path: "/large", contentType: "text/plain", body: large),
                ]))
        var client = try FrameClient(to: street.clear)
        var stream: UInt32 = 1
        // The pages are in force a moment after they were sent.
        let isThere = eventually {
            stream += 2
            return (try? client.get(stream, "/", host: "straat.example.nl").status) == "200"
        }
        #expect(isThere)
        let page = try client.get(101, "/", host: "straat.example.nl")
        #expect(page.body == Array("<p>straat</p>".utf8))
        #expect(page["content-length"] == "13")
        #expect(page["connection"] == nil && page["date"] != nil)
        #expect(try client.get(103, "/large", host: "straat.example.nl").body == large)
        #expect(try client.get(105, "/none", host: "straat.example.nl").status == "404")
        try client.ask(107, "/large", method: "HEAD", host: "straat.example.nl")
        let head = try client.response(107)
        #expect(head["content-length"] == "400000" && head.body.isEmpty && head.isEnded)
        // Content that nobody wants is not waited for.
        try client.ask(109, "/", method: "POST", host: "straat.example.nl", ends: false)
        #expect(try client.response(109).status == "405")
        #expect(street.origin.requests.isEmpty)
        #expect(street.lane.status { $0.connections.pages >= 5 }.connections.pages >= 5)
    }
}

/// HTTP/2 under TLS, against curl.
@Suite(.needs(tool: "openssl"), .needs(tool: "curl")) struct `HTTP/2 under TLS` {
    let certificates: Street.Certificates
    let street: Street

    init() throws {
        certificates = try TLS.certificates.get()
        street = try Street(certificates: certificates)
    }

    private func curl(_ name: String, _ path: String, host: String? = nil, _ options: String...) throws -> String {
        try Tool.run(
            [
                "curl", "-sS", "-i", "--http2", "--cacert", certificates.authority.path, "--resolve",
                "\(name):\(street.tls.port):127.0.0.1", "-H", "Host: \(host ?? name)",
            ] + options + ["https://\(name):\(street.tls.port)\(path)"])
    }

    @Test func `is chosen in the handshake`() throws {
        let output = try curl("veilig.example.nl", "/fixed/100000")
        #expect(output.hasPrefix("HTTP/2 200"))
        #expect(output.utf8.count > 100_000)
        #expect(street.seen?["x-forwarded-proto"] == "https")
        let line = try #require(try street.lane.accessLines(1).first)
        #expect(line.contains("\"protocol\":\"h2\"") && line.contains("\"ja4\":\"t13") && line.contains("\"tls\":true"))
        #expect(line.contains("h2_"))
    }

    @Test func `is left where the visitor or the listener does not speak it`() throws {
        #expect(try curl("veilig.example.nl", "/fixed/1", "--http1.1").hasPrefix("HTTP/1.1 200"))
        var next = street.lane.snapshot
        next.generation = 2
        next.listeners[2].speaksHTTP2 = false
        try street.lane.reload(next)
        #expect(try curl("veilig.example.nl", "/fixed/1").hasPrefix("HTTP/1.1 200"))
    }

    @Test func `is for one certificate's sites: 421 for others, who then come by themselves`() throws {
        #expect(try curl("veilig.example.nl", "/fixed/1", host: "ook.example.nl").hasPrefix("HTTP/2 200"))
        #expect(try curl("veilig.example.nl", "/fixed/1", host: "anders.example.nl").hasPrefix("HTTP/2 421"))
    }

    @Test func `carries uploads`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("upload")
        try Tool.run(["dd", "if=/dev/zero", "of=\(path)", "bs=1000", "count=3000", "status=none"])
        let output = try curl("veilig.example.nl", "/refused", "-o", "/dev/null", "-w", "%{http_code}", "-T", path)
        #expect(output.hasSuffix("200"))
        #expect(street.seen?.body.count == 3_000_000)
    }

    @Test func `sends a visitor in clear to HTTPS: 308`() throws {
        var client = try FrameClient(to: street.clear)
        let response = try client.get(1, "/p?q=1", host: "veilig.example.nl")
        #expect(response.status == "308" && response.isEnded)
        #expect(response["location"] == "https://veilig.example.nl:\(street.tls.port)/p?q=1")
        #expect(street.origin.requests.isEmpty)
    }
}
