import Exchange
import Fingerprints
import Foundation
import Moments
import TestKit
import Testing

/// `wasstraat rules` and `match` as their user meets them: from what dissect wrote to files that real programs take.
@Suite struct RulesCommandTests {
    /// A folder with the captures, the fingerprints of both attacks and the coalition's form of the first.
    private func street() throws -> ToolStreet {
        let street = try ToolStreet()
        try street.writeAll()
        for line in ["--save own --coalition theirs mixed.pcapng", "--save web flood.log"] {
            let outcome = try street.run("dissect " + line)
            try #require(outcome.status == 0, "\(outcome.errors)")
        }
        return street
    }

    // MARK: - Check and match

    @Test(.needs(tool: "gzip"), .needs(tool: "zstd"))
    func `what rules would have dropped is counted in captures, profiles and logs`() throws {
        let street = try street()
        _ = try street.run("profile learn --output p normal.pcap")
        _ = try street.run("profile learn --output both mixed.pcapng")
        let all = "dns-reflection would have dropped 4,000 of 6,400 packets (62.5 %), "
        let none = "dns-reflection would have dropped 0 of "
        for (before, file, expected) in [
            ("", "mixed.pcapng", all), ("", "- <mixed.pcapng", all), ("gzip -c mixed.pcapng |", "-", all),
            ("zstd -q mixed.pcapng -o z;", "z", all), ("", "normal.pcap", none + "2,400 packets (0.00 %)"),
            ("", "p", none), ("", "- <p", none), ("gzip -c p |", "-", none),
        ] {
            for language in ["", "--as nftables", "--as bpf"] {
                let outcome = try street.run("rules own/*.json \(language) --check \(file)", before: before)
                #expect(outcome.status == 0 && outcome.output.hasPrefix(expected), "\(file) \(language): \(outcome)")
            }
        }
        let log = try street.run("rules web/*.json --as nginx --check flood.log")
        #expect(log.output.hasPrefix("http-flood would have dropped 4,000 of 5,200 requests (76.9 %)"), "\(log)")
        let log0 = try street.run("rules web/*.json --as haproxy --check normal.log")
        #expect(log0.output.hasPrefix("http-flood would have dropped 0 of 1,200 requests (0.00 %)"), "\(log0)")
        // Of a target's packets only.
        let target = try street.run("rules own/*.json --as bpf --target 203.0.113.9 --check mixed.pcapng")
        #expect(target.output.contains("4,000 of 5,400 packets"), "\(target)")
        let profile = try street.run("rules own/*.json --as bpf --target 203.0.113.9 --check p")
        #expect(profile.errors.contains("a profile names no addresses"))
        // What there is nothing of is said, not counted as 0.
        #expect(try street.run("rules own/*.json --check flood.log").output.contains("there are no packets in it"))
        #expect(try street.run("rules web/*.json --check p").output.contains("there are no requests in it"))
    }

    @Test func `several fingerprints count each and together, from files or dissect's own JSON`() throws {
        let street = try street()
        let outcome = try street.run("match r.json mixed.pcapng flood.log", before: Self.report(street))
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.output.contains("dns-reflection matches 4,000 of 6,400 packets"))
        #expect(outcome.output.contains("http-flood matches 4,000 of 5,200 requests"))
        let piped = try street.run(
            "rules - --as nftables", before: "'\(ToolStreet.program)' dissect --json mixed.pcapng |")
        #expect(piped.status == 0 && piped.output.contains("# dns-reflection: "), "\(piped)")
        let twice = try street.run("rules own/*.json theirs/*.json --check mixed.pcapng")
        #expect(twice.output.contains("together: 4,000 of 6,400 packets (62.5 %)"), "\(twice)")
    }

    private static func report(_ street: ToolStreet) -> String {
        "'\(ToolStreet.program)' dissect --json mixed.pcapng flood.log >r.json;"
    }

    @Test func `flow records are compared as far as they tell`() throws {
        let street = try street()
        var records: [[UInt8]] = []
        for number in 0..<20 {
            records.append(Self.netflow5(number < 10 ? 53 : 80, packets: number % 2 == 0 ? 1 : 5, bytes: 1_057))
        }
        let datagram = Self.netflow5Header(count: 20, at: street.start) + records.flatMap(\.self)
        try street.folder.write(
            CaptureBuilder.pcap([.init(street.start * 1_000_000_000, PacketBuilder.udpFrame(2_055, 2_055, datagram))]),
            to: "flows.pcap")
        let untold = try street.run("match own/*.json flows.pcap")
        #expect(untold.status == 0 && untold.output.contains("the flow records do not tell"), "\(untold)")
        try Self.writeForm(street, [("protocol", "udp"), ("source_port", "53")])
        #expect(try street.run("match f.json flows.pcap").output.contains("matches 30 of 60 packets (50.0 %)"))
        try Self.writeForm(street, [("protocol", "udp"), ("source_port", "53"), ("length", "1057")])
        let lengths = try street.run("match f.json flows.pcap").output
        #expect(lengths.contains("matches 5 of 60 packets") && lengths.contains("of 25 more packets"), "\(lengths)")
    }

    private static func netflow5Header(count: UInt16, at second: Int64) -> [UInt8] {
        PacketBuilder.bytes(5 as UInt16) + PacketBuilder.bytes(count) + PacketBuilder.bytes(60_000 as UInt32)
            + PacketBuilder.bytes(UInt32(second)) + [UInt8](repeating: 0, count: 12)
    }

    private static func netflow5(_ port: UInt16, packets: UInt32, bytes: UInt32) -> [UInt8] {
        PacketBuilder.address("198.18.0.1") + PacketBuilder.address(ToolStreet.victim) + [0, 0, 0, 0, 0, 1, 0, 2]
            + PacketBuilder.bytes(packets) + PacketBuilder.bytes(bytes * packets)
            + PacketBuilder.bytes(59_000 as UInt32) + PacketBuilder.bytes(59_500 as UInt32)
            + PacketBuilder.bytes(port) + PacketBuilder.bytes(4_000 as UInt16) + [0, 0, 17, 0] + [
                0, 0, 0, 0, 24, 24, 0, 0,
            ]
    }

    // MARK: - The coalition's form

    @Test func `an attack goes to the coalition's form and back, and what is lost is listed`() throws {
        let street = try street()
        let outcome = try street.run("dissect --coalition again mixed.pcapng")
        for lost in ["lost: collateral", "lost: coverage", "lost: vector 1, "] {
            #expect(outcome.errors.contains(lost), "\(outcome.errors)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: street.folder.path("theirs"))
        #expect(names.count == 1)
        let bytes = try street.folder.read("theirs/\(try #require(names.first))")
        let form = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        #expect(form["key"] as? String == names[0].replacing(".json", with: ""))
        #expect(form["total_packets"] as? Int == 4_000)
        #expect(!String(decoding: bytes, as: UTF8.self).contains(ToolStreet.victim))
        // Nobody measured it: no rule without a look at normal traffic.
        let unmeasured = try street.run("rules theirs/*.json --as nftables")
        #expect(unmeasured.status == 1 && unmeasured.errors.contains("its collateral was not measured"))
        let measured = try street.run("rules theirs/*.json --as nftables --baseline normal.pcap")
        #expect(measured.status == 0 && measured.output.contains("hits 0.0000% until"), "\(measured)")
        let check = try street.run("rules theirs/*.json --check mixed.pcapng")
        #expect(check.output.contains("would have dropped 4,000 of 6,400 packets"), "\(check)")
    }

    // MARK: - Widening, and what has expired

    @Test func `what a language cannot say is refused, and left out only when asked for and harmless`() throws {
        let street = try street()
        // The name asked for, which FlowSpec has no words for.
        try Self.writeForm(street, [("protocol", "udp"), ("source_port", "53"), ("dns_name", ToolStreet.name)])
        let rules = "rules f.json --as flowspec --target 203.0.113.9"
        let refused = try street.run(rules)
        #expect(refused.status == 1 && refused.errors.contains("flowspec cannot say dns_name"), "\(refused)")
        let widened = try street.run(rules + " --widen --baseline normal.pcap")
        #expect(widened.status == 0 && widened.output.contains("source-port '==53'"), "\(widened)")
        #expect(widened.errors.contains("WIDENED: ") && widened.errors.contains("goes without dns_name"))
        #expect(widened.output.contains("# widened: it goes without dns_name"))
        // A check of what was widened counts what the rule hits, not what the fingerprint does.
        let other = CaptureBuilder.pcap([
            .init(
                1_000_000_000,
                PacketBuilder.udpFrame(53, to: ToolStreet.victim, 9, PacketBuilder.dns("a.b", isResponse: true)))
        ])
        try street.folder.write(other, to: "other.pcap")
        let check = try street.run(rules + " --widen --baseline normal.pcap --check other.pcap")
        #expect(check.output.contains("would have dropped 1 of 1 packets"), "\(check)")
        #expect(try street.run("match f.json other.pcap").output.contains("matches 0 of 1 packets"))
        // Where normal traffic would be hit, it stays refused; measured on a profile too, and from standard input.
        _ = try street.run("profile learn --output p other.pcap")
        for baseline in ["other.pcap", "p", "- <p"] {
            let harmful = try street.run(rules + " --widen --baseline \(baseline)")
            #expect(harmful.status == 1 && harmful.errors.contains("above the bound"), "\(baseline): \(harmful)")
        }
        #expect(try street.run(rules + " --widen").status == 1)
    }

    @Test func `an expired fingerprint is refused, and renewed only when asked for`() throws {
        let street = try street()
        try Self.writeForm(street, [("protocol", "udp"), ("source_port", "53")], made: 1_700_000_000)
        let refused = try street.run("rules f.json --as bpf")
        #expect(refused.status == 1 && refused.errors.contains("expired at 2023-11-15"), "\(refused)")
        let renewed = try street.run("rules f.json --as nftables --renew 2")
        #expect(renewed.status == 0 && renewed.errors.contains("taken nevertheless"), "\(renewed)")
        #expect(try street.run("rules f.json --as bpf --check mixed.pcapng").output.contains("4,000 of 6,400"))
    }

    /// Writes f.json, a form of these conditions.
    private static func writeForm(
        _ street: ToolStreet, _ conditions: [(String, String)], made: Int64? = nil
    ) throws {
        let made = Moment(seconds: made ?? street.start)
        let fingerprint = Fingerprint(
            conditions: conditions.compactMap { name, value in Feature(rawValue: name).map { .init($0, value) } },
            kind: "dns-reflection",
            evidence: .init(
                coverage: 0.99, collateral: 0, attackCount: 4_000, baselineCount: 2_800, sources: 100,
                from: made + -10, until: made,
                bytes: .init(coverage: 0.99, collateral: 0, attackCount: 4_000_000, baselineCount: 280_000)),
            made: made, expires: made + 86_400)
        try street.folder.write(try fingerprint.form, to: "f.json")
    }

    // MARK: - Real programs

    @Test(.needs(tool: "nft"), .needs(tool: "unshare"), .needsRoot)
    func `nft takes the rules`() throws {
        let street = try street()
        let made = try street.run("rules own/*.json --as nftables --target 203.0.113.9")
        #expect(made.output.contains("counter drop"), "\(made)")
        try Tool.run(["unshare", "-n", "nft", "-c", "-f", "-"], input: Array(made.output.utf8))
    }

    @Test func `the kernel's filter is as long as it says`() throws {
        let street = try street()
        let made = try street.run("rules own/*.json --as bpf")
        let lines = made.output.split(separator: "\n")
        #expect(lines.count == (Int(lines.first ?? "") ?? 0) + 1 && lines.count > 10, "\(made)")
        #expect(lines.dropFirst().allSatisfy { $0.split(separator: " ").count == 4 })
    }

    @Test(.needs(tool: "haproxy"), .needs(tool: "nginx"))
    func `HAProxy and nginx take the rules`() throws {
        let street = try street()
        let haproxy = try street.run("rules web/*.json --as haproxy")
        #expect(haproxy.output.contains("http-request deny"), "\(haproxy)")
        let frontend = """
            defaults
                mode http
                timeout client 1s
                timeout connect 1s
                timeout server 1s
            frontend f
                bind 127.0.0.1:8080
            \(haproxy.output.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
                default_backend b
            backend b
                server s 127.0.0.1:8081

            """
        try Tool.run(["haproxy", "-c", "-f", street.folder.write(frontend, to: "haproxy.cfg")])
        let nginx = try street.run("rules web/*.json --as nginx")
        #expect(nginx.output.contains("map $request_uri"), "\(nginx)")
        let lines = nginx.output.split(separator: "\n").map(String.init)
        let inServer = lines.filter { $0.hasPrefix("#     ") }.map { $0.dropFirst(6) }.joined(separator: "\n")
        #expect(inServer.contains("return 429"))
        let configuration = """
            pid \(street.folder.path("pid")); error_log stderr;
            events {}
            http { access_log off;
            \(nginx.output)
            server { listen 127.0.0.1:8080;
            \(inServer)
            } }
            """
        let path = try street.folder.write(configuration, to: "nginx.conf")
        try Tool.run(["nginx", "-t", "-p", street.folder.path, "-c", path])
    }

    @Test(.needs(tool: "gobgpd"), .needs(tool: "gobgp"), .needs(tool: "ip"), .needs(tool: "unshare"), .needsRoot)
    func `GoBGP takes the routes`() throws {
        let street = try street()
        try Self.writeForm(street, [("protocol", "udp"), ("source_port", "53"), ("length", "900-1500")])
        let made = try street.run("rules f.json --as flowspec --target 203.0.113.9")
        #expect(made.output.contains("gobgp global rib add"), "\(made)")
        let script = """
            set -e
            ip link set lo up
            cd '\(street.folder.path)'
            printf '[global.config]\\n  as = 64500\\n  router-id = "127.0.0.1"\\n  port = -1\\n' >g.toml
            gobgpd -f g.toml -t toml --api-hosts 127.0.0.1:50198 >log 2>&1 & daemon=$!
            trap 'kill $daemon' EXIT
            gobgp() { command gobgp -p 50198 "$@"; }
            for wait in $(seq 20); do gobgp global >/dev/null 2>&1 && break; sleep 0.2; done
            \(made.output)
            gobgp global rib -a ipv4-flowspec
            """
        let output = try Tool.run(["unshare", "-n", "bash", "-c", script])
        #expect(output.contains("[destination: 203.0.113.9/32]") && output.contains("[source-port: ==53]"), "\(output)")
    }
}
