import Addresses
import FilterKit
import Filters
import Fingerprints
import TestKit
import Testing

/// Rules in the programs that they are for: what they hit there is what the fingerprints say.
struct RuleProgramsTests {
    private static let requests = RuleFilesTests.requests

    /// Targets of requests with the agent that they come with, and whether the fingerprints of `RuleFilesTests` match.
    private static let samples: [(target: String, agent: String?, isHit: Bool)] = [
        ("/zoeken?trefwoord=abcdef&p=12", "x", true), ("/zoeken?trefwoord=abcd&p=12", "x", false),
        ("/zoeken?trefwoord=abcdef&p=1234", "x", false), ("/zoeken?trefwoord=abcdef&p=12&q=1", "x", false),
        ("/Zoeken?trefwoord=abcdef&p=12", "x", false), ("/zoeken/?trefwoord=abcdef&p=12", "x", false),
        ("/nieuws/2024/17/x", "it's \"a\" $(b) \\ #{}; y", true),
        ("/nieuws/2024/17/x/more/y", "it's \"a\" $(b) \\ #{}; y", true),
        ("/nieuws/2024/17/xy", "it's \"a\" $(b) \\ #{}; y", false),
        ("/nieuws/2024/17/x", "it's \"a\" $(b) \\ #{}; z", false),
        ("/nieuws/123", nil, true), ("/nieuws/123", "x", false), ("/nieuws/12345", nil, false),
    ]

    private static let live: [Fingerprint] = {
        var all = requests
        all[1].conditions[1].value = "it's \"a\" $(b) \\ #{}; y"
        return all
    }()

    private static func status(_ port: UInt16, _ target: String, _ agent: String?) throws -> String {
        let agents = agent.map { ["-A", $0] } ?? ["-H", "User-Agent:"]
        return try Tool.run(
            ["curl", "-s", "-o", "/dev/null", "--noproxy", "*", "-w", "%{http_code}"] + agents
                + ["http://127.0.0.1:\(port)\(target)"])
    }

    @Test(.needs(tool: "haproxy"), .needs(tool: "curl"))
    func `HAProxy refuses what the fingerprints match, and nothing else`() throws {
        let compiled = Rules.compile(Self.live, as: .haproxy)
        #expect(compiled.rules.count == 3, "\(compiled.refused.map(\.reason))")
        let folder = try TemporaryFolder()
        let port = try Self.freePort()
        let path = try folder.write(
            """
            defaults
                mode http
                timeout client 5s
                timeout server 5s
                timeout connect 5s
            frontend site
                bind 127.0.0.1:\(port)
            \(compiled.text)
                http-request return status 204

            """, to: "haproxy.cfg")
        try Tool.run(["haproxy", "-c", "-f", path])
        let child = try Child(["haproxy", "-db", "-f", path])
        try Self.check(port)
        child.signal(15)
    }

    @Test(.needs(tool: "nginx"), .needs(tool: "curl"))
    func `nginx refuses what the fingerprints match, and nothing else`() throws {
        let compiled = Rules.compile(Self.live, as: .nginx)
        #expect(compiled.rules.count == 3, "\(compiled.refused.map(\.reason))")
        let folder = try TemporaryFolder()
        let port = try Self.freePort()
        let path = try folder.write(
            """
            daemon off; master_process off; pid \(folder.path)/pid; error_log stderr;
            events {}
            http {
                access_log off;
                client_body_temp_path \(folder.path)/a; proxy_temp_path \(folder.path)/b;
                fastcgi_temp_path \(folder.path)/c; uwsgi_temp_path \(folder.path)/d; scgi_temp_path \(folder.path)/e;
            \(compiled.text)
                server {
                    listen 127.0.0.1:\(port);
                    if ($wasstraat = 429) { return 429; }
                    if ($wasstraat = 444) { return 444; }
                    location / { return 204; }
                }
            }

            """, to: "nginx.conf")
        try Tool.run(["nginx", "-t", "-e", "stderr", "-c", path])
        let child = try Child(["nginx", "-e", "stderr", "-c", path])
        try Self.check(port)
        child.signal(15)
    }

    private static func check(_ port: UInt16) throws {
        let isUp = eventually { (try? status(port, "/", "x")) == "204" }
        try #require(isUp)
        for sample in samples {
            let found = try status(port, sample.target, sample.agent)
            #expect(found == (sample.isHit ? "429" : "204"), "\(sample)")
        }
    }

    private static func freePort() throws -> UInt16 {
        let text = try Tool.run(
            [
                "python3", "-c",
                "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])",
            ])
        return try #require(UInt16(text.split(separator: "\n")[0]))
    }

    /// Frames over the loopback of a network of the test's own, each through all rules' counters.
    @Test(.needs(tool: "nft"), .needs(tool: "unshare"), .needs(tool: "ip"), .needs(tool: "python3"), .needsRoot)
    func `the kernel counts with nftables what the conditions hold for`() throws {
        var random = Seeded(state: 5)
        var hits = 0
        for _ in 0..<24 {
            let conditions = randomConditions(&random)
            // Drops would end a packet's way: each set of conditions is alone in its file.
            let one = fingerprint(conditions.map { ($0.feature, $0.value) })
            var options = RuleOptions()
            options.interface = "lo"
            let compiled = Rules.compile([one], as: .nftables, options: options)
            guard compiled.rules.count == 1 else { continue }
            // The kernel stops at authentication and mobility headers: it matches less behind them.
            let packets = (0..<60).map { _ in
                var packet = CraftedPacket.random(&random)
                packet.extensions.removeAll { $0 == 51 || $0 == 135 }
                if packet.question == nil, packet.protocolNumber == 17 { packet.payload = [] }
                return packet
            }
            let expected = packets.count { packet in
                conditions.allSatisfy { PacketTest($0)!.holds(for: packet.summary) }
            }
            let found = try Self.counted(compiled.text, packets.map(\.frame))
            if conditions.contains(where: { $0.feature == .dnsName || $0.feature == .dnsType }) {
                #expect(found <= expected, "\(conditions)")
            } else {
                #expect(found == expected, "\(conditions)\n\(compiled.text)")
            }
            hits += found
        }
        #expect(hits > 20)
    }

    /// Packets that the rules count when these frames come in.
    private static func counted(_ rules: String, _ frames: [[UInt8]]) throws -> Int {
        let folder = try TemporaryFolder()
        let path = try folder.write(rules, to: "rules.nft")
        let lines = frames.map { $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\n" }.joined()
        let list = try folder.write(lines, to: "frames")
        let sender = """
            import socket
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            s.bind(("lo", 0))
            for line in open("\(list)"): s.send(bytes.fromhex(line))
            """
        let script = try folder.write(sender, to: "send.py")
        let output = try Tool.run([
            "unshare", "-n", "sh", "-ec",
            "ip link set lo up; nft -f \(path); python3 \(script); nft list ruleset",
        ])
        return output.matches(of: #/counter packets ([0-9]+) /#).reduce(0) { $0 + Int($1.1)! }
    }
}
