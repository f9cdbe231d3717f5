import Addresses
import Glibc
import TestKit
import Testing

/// The lane is replaced, as after an update, and the configuration read again, while visitors ask all the time.
@Suite(.serialized) struct UpgradeTests {
    static let host = "www.example.nl"
    private static let python = Python.path(with: "hpack") ?? "python3"

    @Test(.needs(tool: "openssl"), .needs(pythonModule: "hpack"))
    func `lanes replaced and reloaded under HTTP/2 over TLS cost no request`() throws {
        let origin = try LoopbackOrigin()
        defer { origin.stop() }
        let authority = try TestAuthority()
        let wasstraat = try RunningWasstraat(at: Address(ipv4: 127 << 24 | 78 << 8 | 1))
        let site = RunningWasstraat.Site(
            host: Self.host, origin: origin.endpoint, certificate: try authority.certificate(for: [Self.host]))
        try wasstraat.configure([site])
        let office = try wasstraat.start()
        let visitors = try Child([
            Self.python, Package.file("Tests/GatewayTests/Peers/steady.py"), "\(wasstraat.secure.address)",
            "\(wasstraat.secure.port)", Self.host, "16", "8", "16",
        ])
        let clear = RunningWasstraat.Site(host: "clear.example.nl", origin: origin.endpoint)
        try wasstraat.configure([site, clear])
        let others = try NewConnections(to: wasstraat.clear, host: "clear.example.nl")
        office.signal(SIGHUP)
        pauseThread(1_500)
        var lanes = [try #require(wasstraat.lane)]
        for round in 0..<4 {
            office.signal(SIGUSR2)
            // A reload in the middle of it, and one behind it.
            if round % 2 == 1 { office.signal(SIGHUP) }
            let isOther = eventually(within: 20_000) { wasstraat.lane.map { !lanes.contains($0) } ?? false }
            try #require(isOther, "\(wasstraat.log)")
            lanes.append(try #require(wasstraat.lane))
            pauseThread(700)
            office.signal(SIGHUP)
            pauseThread(1_300)
        }
        let visits = others.end()
        let line = visitors.readOutput().split(separator: "\n").last.map(String.init) ?? ""
        #expect(visitors.wait() == 0)
        print("lanes replaced 4 times, reloaded 7 times: \(line); \(visits.count) new connections of HTTP/1.1")
        let unserved = visits.filter { if case .answered(200) = $0.end { false } else { true } }
        // Before the site was there, and while its first reload was on its way.
        #expect(
            unserved.allSatisfy {
                if case .answered = $0.end { $0.began < visits[0].began + 1_500_000_000 } else { false }
            })
        #expect(line.contains(#""failed": 0,"#), "\(line)")
        #expect(number("answered", in: line) > 500)
        // Sixteen connections, and as many again after each lane; all were told as the rules have it.
        #expect(number("connections", in: line) >= 16 * 4)
        #expect(number("told in two steps", in: line) >= 16 * 3)
        #expect(eventually(within: 40_000) { lanes.dropLast().allSatisfy { !wasstraat.isRunning($0) } })
        #expect(wasstraat.isRunning(lanes[lanes.count - 1]))
        #expect(wasstraat.crashes == [])
        #expect(try wasstraat.figure("wasstraat_lane_restarts_total") == 0)
    }

    private func number(_ name: String, in json: String) -> Int {
        guard let start = json.firstRange(of: "\"\(name)\": ")?.upperBound else { return -1 }
        return Int(json[start...].prefix { $0.isNumber }) ?? -1
    }
}
