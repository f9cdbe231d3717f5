import Addresses
import Glibc
import Load
import TestKit
import Testing

/// What breaks or changes while a flood goes on, with `wasstraat run` as the supervisor.
@Suite(.serialized) struct FaultTests {
    static let host = "www.example.nl"

    /// An installation with one site over HTTPS, known visitors, and a flood of searches that is more than the
    /// origin can serve.
    final class Stage {
        let origin: MunicipalOrigin
        let authority: TestAuthority
        let wasstraat: RunningWasstraat
        let office: Child
        let traffic: Traffic

        init(seconds: Double) throws {
            origin = try MunicipalOrigin()
            authority = try TestAuthority()
            wasstraat = try RunningWasstraat(at: Address(ipv4: 127 << 24 | 77 << 8 | 1))
            try wasstraat.configure([
                RunningWasstraat.Site(
                    host: host, origin: origin.endpoint, certificate: authority.certificate(for: [host]))
            ])
            office = try wasstraat.start()
            traffic = try Traffic(
                Traffic.Plan(
                    host: host, target: wasstraat.secure, authority: authority.path, floodRate: 250,
                    seconds: seconds))
            try traffic.waitUntilMixed()
        }

        /// Nothing of the stage goes before this is called.
        func end() { withExtendedLifetime(self) {} }
    }

    @Test(.needs(tool: "openssl")) func `a killed lane is back within 2 seconds, and nobody is refused`() throws {
        let stage = try Stage(seconds: 9)
        defer { stage.end() }
        let connections = try NewConnections(to: stage.wasstraat.clear, host: Self.host)
        pauseThread(3_000)
        let lane = try #require(stage.wasstraat.lane)
        let killed = Clock.now()
        kill(lane, SIGKILL)
        pauseThread(4_000)
        let visits = connections.end()
        let figures = try stage.traffic.figures()

        let refused = visits.filter { $0.end == .refused }
        let broken = visits.filter { if case .failed = $0.end { true } else { false } }
        let answers = visits.filter { if case .answered = $0.end { $0.began > killed } else { false } }
        let answered = try #require(answers.map(\.ended).min())
        let slowest = try #require(answers.map { $0.ended - $0.began }.max())
        let served = try #require(figures.visitors.clicks.first { $0.at > killed && $0.succeeded }?.at)
        let failures = figures.visitors.clicks.filter { !$0.succeeded }.map {
            (Double($0.at) - Double(killed)) / 1e6
        }
        print(
            "lane killed: first answer after \((answered - killed) / 1_000_000) ms, first page served after",
            "\((served - killed) / 1_000_000) ms, slowest new connection \(slowest / 1_000_000) ms;",
            "\(visits.count) new connections, \(refused.count) refused, \(broken.count) broken \(broken.map(\.end))"
        )
        print("  \(figures.text); failed at ms after the kill: \(failures)")
        #expect(refused.isEmpty)
        // Whoever is being served at that moment loses the connection; those after it wait.
        #expect(broken.allSatisfy { $0.began < killed + 50_000_000 })
        #expect(answered - killed < 2_000_000_000)
        #expect(served - killed < 2_000_000_000)
        #expect(slowest < 2_500_000_000)
        #expect(failures.allSatisfy { (-50...2_000).contains($0) })
        let next = try #require(stage.wasstraat.lane)
        #expect(next != lane)
        #expect(stage.wasstraat.isRunning(next))
        #expect(stage.wasstraat.crashes == [])
    }

    @Test(.needs(tool: "openssl")) func `a killed office costs no request, and a new one takes over`() throws {
        let stage = try Stage(seconds: 9)
        defer { stage.end() }
        let wasstraat = stage.wasstraat
        pauseThread(2_000)
        let lane = try #require(wasstraat.lane)
        stage.office.signal(SIGKILL)
        #expect(stage.office.wait() == -SIGKILL)
        pauseThread(1_500)
        #expect(wasstraat.isRunning(lane))
        try wasstraat.startOffice()
        #expect(eventually(within: 5_000) { wasstraat.log.contains("took over from an earlier office") })
        let figures = try stage.traffic.figures()
        print("office killed: \(figures.text)")
        #expect(figures.visitors.clicks.count > 50)
        #expect(figures.failed == 0)
        #expect(figures.reached > 1_000)
        #expect(wasstraat.lane == lane)
        #expect(wasstraat.isRunning(lane), "\(wasstraat.log)")
        #expect(wasstraat.crashes == [])
        // The new office has the figures of the lane, and those count on.
        #expect(eventually { (try? wasstraat.figure("wasstraat_lane_up")) == 1 })
        #expect(try wasstraat.figure("wasstraat_requests_total") > 2_000)
        let top = try Tool.run([
            Package.program("wasstraat"), "top", "--once", "--json", "--state", wasstraat.state,
        ])
        #expect(top.contains(#""lane":{"up":true"#))
        // And it keeps the listeners too.
        kill(lane, SIGKILL)
        var client = try RawClient(to: wasstraat.clear)
        #expect(try client.get("/", host: Self.host).status == 308)
    }

    @Test(.needs(tool: "openssl")) func `a reload brings sites and certificates, and drops no connection`() throws {
        let stage = try Stage(seconds: 7)
        defer { stage.end() }
        let wasstraat = stage.wasstraat
        // A site of its own, of an origin that can be slow, is served before, and still after.
        let slow = try LoopbackOrigin()
        defer { slow.stop() }
        let old = try stage.authority.certificate(for: [Self.host])
        let new = try stage.authority.certificate(for: [Self.host])
        let plain = RunningWasstraat.Site(host: "slow.example.nl", origin: slow.endpoint)
        func secure(_ certificate: TestAuthority.Certificate) -> RunningWasstraat.Site {
            RunningWasstraat.Site(host: Self.host, origin: stage.origin.endpoint, certificate: certificate)
        }
        try wasstraat.configure([secure(old), plain])
        stage.office.signal(SIGHUP)
        try #require(eventually { (try? wasstraat.figure("wasstraat_lane_generation")) == 2 }, "\(wasstraat.log)")

        var open: [RawClient] = []
        for number in 0..<20 {
            var client = try RawClient(
                to: wasstraat.clear, from: Address(ipv4: 127 << 24 | 201 << 16 | UInt32(number) << 8 | 1))
            #expect(try client.get("/nieuws", host: "slow.example.nl").status == 200)
            open.append(client)
        }
        let tls = try Child(
            ["openssl", "s_client", "-quiet", "-connect", "\(wasstraat.secure)", "-servername", Self.host],
            takesInput: true)
        let request = Array("GET /wapen.svg HTTP/1.1\r\nHost: \(Self.host)\r\n\r\n".utf8)
        tls.write(request)
        #expect(tls.waitForLine(holding: "HTTP/1.1 200") != nil)
        #expect(try Self.shownCertificate(at: wasstraat.secure).contains(Self.leaf(of: old)))
        var waiting = try RawClient(to: wasstraat.clear, from: Address(ipv4: 127 << 24 | 202 << 16 | 1))
        try waiting.send("GET /slow/1500 HTTP/1.1\r\nHost: slow.example.nl\r\n\r\n")
        var stranger = try RawClient(to: wasstraat.clear)
        #expect(try stranger.get("/", host: "added.example.nl").status != 200)

        try wasstraat.configure([
            secure(new), plain, RunningWasstraat.Site(host: "added.example.nl", origin: slow.endpoint),
        ])
        stage.office.signal(SIGHUP)
        try #require(eventually { (try? wasstraat.figure("wasstraat_lane_generation")) == 3 }, "\(wasstraat.log)")
        var visitor = try RawClient(to: wasstraat.clear)
        #expect(try visitor.get("/", host: "added.example.nl").status == 200)
        let shown = try Self.shownCertificate(at: wasstraat.secure)
        #expect(shown.contains(Self.leaf(of: new)))
        #expect(!shown.contains(Self.leaf(of: old)))
        #expect(try waiting.readResponse().bodyText == "slow\n")
        for index in open.indices {
            #expect(try open[index].get("/nieuws", host: "slow.example.nl").status == 200)
        }
        tls.write(request)
        #expect(tls.waitForLine(holding: "HTTP/1.1 200") != nil)
        let figures = try stage.traffic.figures()
        print("reloaded twice: \(figures.text)")
        #expect(wasstraat.crashes == [])
        #expect(figures.failed == 0)
    }

    @Test(.needs(tool: "openssl")) func `ends in good order: what is under way is finished, then all is gone`()
        throws
    {
        let stage = try Stage(seconds: 3)
        defer { stage.end() }
        let wasstraat = stage.wasstraat
        let slow = try LoopbackOrigin()
        defer { slow.stop() }
        try wasstraat.configure(
            [RunningWasstraat.Site(host: "slow.example.nl", origin: slow.endpoint)],
            extra: "limits:\n  drain_time: 10 s")
        stage.office.signal(SIGHUP)
        #expect(eventually { (try? wasstraat.figure("wasstraat_lane_generation")) == 2 })
        let lane = try #require(wasstraat.lane)
        var waiting = try RawClient(to: wasstraat.clear, from: Address(ipv4: 127 << 24 | 203 << 16 | 1))
        try waiting.send("GET /slow/2500 HTTP/1.1\r\nHost: slow.example.nl\r\n\r\n")
        var halfway = try RawClient(to: wasstraat.clear, from: Address(ipv4: 127 << 24 | 203 << 16 | 257))
        try halfway.send("GET /stall/2000 HTTP/1.1\r\nHost: slow.example.nl\r\n\r\n")
        #expect(eventually { slow.requests.count == 2 })
        pauseThread(300)
        stage.office.signal(SIGTERM)
        #expect(try waiting.readResponse().bodyText == "slow\n")
        #expect(try halfway.readResponse().body.count == 1_000)
        #expect(stage.office.wait() == 0)
        #expect(!wasstraat.isRunning(lane))
        #expect(throws: TestKitError.self) { try Socket(to: wasstraat.clear) }
        #expect(access(wasstraat.folder.path("state/office.sock"), F_OK) != 0)
        _ = try? stage.traffic.figures()
    }

    /// What a new connection is shown, as PEM.
    private static func shownCertificate(at endpoint: Endpoint) throws -> String {
        try Tool.run(["openssl", "s_client", "-connect", "\(endpoint)", "-servername", host])
    }

    /// The lines of the first certificate of a chain.
    private static func leaf(of certificate: TestAuthority.Certificate) -> String {
        let text = String(decoding: certificate.chain, as: UTF8.self)
        return text.split(separator: "-----")[1].trimmedLines
    }
}

extension Substring {
    fileprivate var trimmedLines: String { split(separator: "\n").joined(separator: "\n") }
}
