import Addresses
import Detection
import Exchange
import Fingerprints
import Foundation
import Moments
import Testing

@Suite struct CoalitionTests {
    /// By the format's document and what its program adds; made up.
    static let text = #"""
        {"attack_vectors": [
          {"service": "DNS", "protocol": "UDP", "fraction_of_attack": 0.945, "source_port": 53,
           "destination_ports": {"80": 0.55, "443": 0.45}, "tcp_flags": null, "nr_packets": 7000, "nr_megabytes": 9,
           "time_start": "2026-11-23T08:43:28.123456+00:00", "duration_seconds": 20,
           "source_ips": ["192.0.2.7", "198.51.100.9", "2001:db8::1", ""],
           "ethernet_type": {"IPv4": 1.0}, "frame_len": {"1500": 0.7, "482": 0.26, "others": 0.04},
           "fragmentation_offset": {"0": 0.99}, "ttl": "random",
           "dns_query_name": {"Example.NL": 0.98, "others": 0.02}, "dns_query_type": {"ANY": 0.99}},
          {"service": null, "protocol": "TCP", "fraction_of_attack": 0.055, "source_port": {"1024": 0.2, "others": 0.8},
           "destination_ports": "random", "tcp_flags": {"......S.": 0.96, "others": 0.04}, "nr_packets": 3000,
           "nr_megabytes": 0, "time_start": "2026-11-23T08:43:30+00:00", "duration_seconds": 18, "source_ips": []},
          {"service": "Fragmented IP packets", "protocol": "UDP", "fraction_of_attack": null, "source_port": 0,
           "destination_ports": {"0": 1.0}, "tcp_flags": null, "nr_packets": 100, "nr_megabytes": 0,
           "time_start": "2026-11-23T08:43:30+00:00", "duration_seconds": 1e1, "source_ips": []}],
         "target": "Anonymized - 1 target(s)", "tags": ["UDP", "Amplification attack"],
         "key": "0123456789abcdef0123456789abcdef", "time_start": "2026-11-23T08:43:28.123456+00:00",
         "time_end": "2026-11-23 09:43:48.5+01:00", "duration_seconds": 20, "total_packets": 10100,
         "total_megabytes": 9, "total_ips": 4, "avg_bps": 3600000, "avg_pps": 505, "avg_Bpp": 900,
         "submitter": "x", "submit_timestamp": "2026-11-23T09:00:00.000001", "shareable": false, "comment": "a\nb"}
        """#.replacingOccurrences(of: "1e1", with: "10")

    private func object(_ bytes: [UInt8]) throws -> NSDictionary {
        try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? NSDictionary)
    }

    private func code(_ text: String) -> ExchangeError.Code? {
        do {
            _ = try CoalitionFingerprint.parse(Array(text.utf8))
            return nil
        } catch { return error.code }
    }

    private func replaced(_ old: String, _ new: String) -> String {
        #expect(Self.text.contains(old), "\(old)")
        return Self.text.replacingOccurrences(of: old, with: new)
    }

    @Test func `what is read is written as an equal value`() throws {
        let read = try CoalitionFingerprint.parse(Array(Self.text.utf8))
        #expect(read.count == 1)
        #expect(try object(read[0].json) == object(Array(Self.text.utf8)))
        #expect(try CoalitionFingerprint.parse(read[0].json) == read)
    }

    @Test func `a list and a JSON string hold the same`() throws {
        let one = try CoalitionFingerprint.parse(Array(Self.text.utf8))
        #expect(try CoalitionFingerprint.parse(Array("[\(Self.text),\(Self.text)]".utf8)) == one + one)
        let string = try JSONSerialization.data(withJSONObject: Self.text, options: [.fragmentsAllowed])
        #expect(try CoalitionFingerprint.parse(Array(string)) == one)
        // But not a string in a string.
        let twice = try JSONSerialization.data(
            withJSONObject: String(decoding: string, as: UTF8.self), options: [.fragmentsAllowed])
        #expect(code(String(decoding: twice, as: UTF8.self)) == .wrongValue)
    }

    @Test func `times have zones, and keep their text`() throws {
        let read = try CoalitionFingerprint.parse(Array(Self.text.utf8))[0]
        #expect(read.start.moment == Moment(milliseconds: 1_795_423_408_123))
        #expect(read.end.moment == Moment(milliseconds: 1_795_423_428_500))
        #expect(CoalitionTime(Moment(milliseconds: 1_795_423_408_120)).text == "2026-11-23T08:43:28.120000+00:00")
        #expect(CoalitionTime(Moment(seconds: 1_795_423_408)).text == "2026-11-23T08:43:28+00:00")
        for text in ["", "2026-11-23", "2026-11-23T08:43:28+0100", "2026-11-23T08:43:28+24:00", "2026-13-23T08:43:28"] {
            #expect(CoalitionTime(text) == nil, "\(text)")
        }
    }

    @Test func `what stands out becomes conditions, and what does not is named`() throws {
        let read = try CoalitionFingerprint.parse(Array(Self.text.utf8))[0]
        let (made, losses) = read.fingerprints(lifetime: 86_400, at: ExchangeTests.made + 60)
        #expect(made.map(\.kind) == ["dns-reflection", "tcp-syn-flood", "fragment-flood"])
        #expect(
            made[0].conditions == [
                .init(.protocol, "udp"), .init(.sourcePort, "53"), .init(.destinationPort, "80,443"),
                .init(.length, "468,482,1486,1500"), .init(.fragment, "whole,first"), .init(.dnsName, "example.nl"),
                .init(.dnsType, "255"),
            ])
        #expect(made[1].conditions == [.init(.protocol, "tcp"), .init(.flags, "S")])
        #expect(made[2].conditions == [.init(.protocol, "udp"), .init(.fragment, "later")])
        #expect(made[0].evidence.collateral == nil && made[0].evidence.attackCount == 7_000)
        #expect(made[0].evidence.sources == 4 && made[0].evidence.networks.isEmpty)
        #expect(made[0].evidence.coverage > 0.6 && made[0].evidence.coverage < 7.0 / 10.1)
        for expected in [
            Loss(field: "collateral", reason: .assumed), Loss(vector: 0, field: "frame_len", reason: .ambiguousUnit),
            Loss(vector: 0, field: "source_ips", reason: .privacy),
            Loss(vector: 1, field: "source_port", reason: .spread),
            Loss(vector: 0, field: "ethernet_type", reason: .noField),
        ] {
            #expect(losses.contains(expected), "\(expected)")
        }
        // Each can be written in our own form, and has no address.
        for fingerprint in made {
            let form = String(decoding: try fingerprint.form, as: UTF8.self)
            #expect(!form.contains("192.0.2") && !form.contains("db8"))
        }
    }

    @Test func `the unit of lengths is the converter's`() throws {
        let read = try CoalitionFingerprint.parse(Array(replaced("\"1500\": 0.7", "\"60\": 0.7").utf8))[0]
        func length(_ unit: CoalitionFingerprint.LengthUnit) -> String? {
            read.fingerprints(lifetime: 60, at: ExchangeTests.made, lengthUnit: unit).fingerprints[0].conditions
                .first { $0.feature == .length }?.value
        }
        #expect(length(.packet) == "60,482")
        #expect(length(.frame) == "20-46,468")
        #expect(length(.unknown) == "20-46,60,468,482")
    }

    @Test(arguments: [
        ("......S.", "S"), ("··········S·", "S"), ("*******A**S*", "SA"), ("0x012", "SA"), ("CE....S.", "SEC"),
        ("........", "-"),
    ])
    func `flags are read as each converter writes them`(text: String, letters: String) throws {
        let read = try CoalitionFingerprint.parse(Array(replaced("......S.", text).utf8))[0]
        let made = read.fingerprints(lifetime: 60, at: ExchangeTests.made).fingerprints[1]
        #expect(made.conditions.last == .init(.flags, letters))
    }

    @Test(arguments: ["......X.", "0x1ff", "S", ".N..........", "......SS"])
    func `flags of no meaning are lost, not guessed`(text: String) throws {
        let read = try CoalitionFingerprint.parse(Array(replaced("......S.", text).utf8))[0]
        let (made, losses) = read.fingerprints(lifetime: 60, at: ExchangeTests.made)
        #expect(made[1].conditions == [.init(.protocol, "tcp")])
        #expect(losses.contains(Loss(vector: 1, field: "tcp_flags", reason: .unknownValue)))
    }

    @Test func `HTTP fields become a fingerprint of requests`() throws {
        let http = replaced(
            #""tcp_flags": {"......S.": 0.96, "others": 0.04}"#,
            #""tcp_flags": null, "http_method": {"GET": 1.0}, "http_uri": {"/zoeken/2026/11?q=1&p=22": 0.99}"#
                + #", "http_user_agent": null"#)
        let (made, losses) = try CoalitionFingerprint.parse(Array(http.utf8))[0]
            .fingerprints(lifetime: 60, at: ExchangeTests.made)
        #expect(made[1].conditions == [.init(.method, "GET"), .init(.route, "/zoeken/0/0?q&p")])
        #expect(made[1].kind == "http-flood")
        #expect(losses.contains(Loss(vector: 1, field: "protocol", reason: .onePlane)))
    }

    @Test(arguments: [
        ("\"key\": \"0123", "\"key\": \"X123", ExchangeError.Code.wrongValue), ("0.945", "1.5", .wrongValue),
        ("0.945", "-0.1", .wrongValue), ("0.945", "\"0.9\"", .wrongValue), ("\"ttl\"", "\"tcp_window\"", .unknownKey),
        ("\"protocol\": \"TCP\", ", "", .missingKey), ("\"source_port\": 53", "\"source_port\": 65536", .wrongValue),
        ("192.0.2.7", "192.0.2.777", .wrongValue), ("192.0.2.7", "evil.example", .wrongValue),
        ("\"total_packets\": 10100", "\"total_packets\": -1", .wrongValue),
        ("\"tags\": [", "\"tags\": [1,", .wrongValue),
        ("+00:00\", \"duration_seconds\": 20,\n", "\", \"duration_seconds\": 2.5,\n", .wrongValue),
        ("\"ttl\": \"random\"", "\"ttl\": 64", .wrongValue), ("\"ttl\": \"random\"", "\"ttl\": [64]", .wrongValue),
        ("\"random\", \"tcp_flags\"", "\"all\", \"tcp_flags\"", .wrongValue),
        ("\"UDP\", \"Amp", "\"\\u001b[2J\", \"Amp", .wrongValue),
    ])
    func `each fault has its own error`(old: String, new: String, expected: ExchangeError.Code) {
        #expect(code(replaced(old, new)) == expected)
    }

    @Test func `every truncation is refused, and bounds hold`() {
        let bytes = Array(Self.text.utf8)
        for length in 0..<bytes.count {
            #expect(throws: ExchangeError.self, "\(length)") { try CoalitionFingerprint.parse(Array(bytes[..<length])) }
        }
        #expect(code("[]") == .wrongValue && code("[" + Self.text) == .truncated)
        #expect(code("[" + Array(repeating: Self.text, count: 65).joined(separator: ",") + "]") == .wrongValue)
        #expect(code(String(repeating: "[", count: 1 << 20)) == .notJSON)
        let many = (0...256).map { "\"\($0)\": 0.001" }.joined(separator: ",")
        #expect(code(replaced("\"80\": 0.55, \"443\": 0.45", many)) == .notJSON)
        #expect(code(String(repeating: " ", count: 16 << 20 + 1)) == .tooLong)
    }

    // MARK: - Ours to theirs

    @Test func `an attack is written with what the coalition's program would say`() throws {
        var attack = try ReportTests.attack()
        attack.vectors[0].shares = [
            .init(feature: .ttl, values: [("57", 0.6), ("58", 0.05)]),
            .init(feature: .sourcePort, values: [("53", 0.99)]),
        ]
        let (made, losses) = CoalitionFingerprint.made(of: attack)
        #expect(try CoalitionFingerprint.parse(made.json) == [made])
        #expect(made.vectors[0].service == "DNS" && made.vectors[0].sourcePort == .single(53))
        #expect(made.vectors[0].distributions[.ttl] == .shares([.init("57", 0.6), .init("others", 0.4)]))
        #expect(made.vectors[0].distributions[.dnsType] == .shares([.init("ANY", 1)]))
        #expect(made.vectors[1].distributions[.flags] == .shares([.init("......S.", 1)]))
        #expect(
            made.tags == [
                "Amplification attack", "Multi-vector attack", "TCP", "TCP SYN flag attack", "TCP flood attack", "UDP",
            ])
        #expect(made.target == .text("Anonymized - 1 target(s)") && made.vectors.allSatisfy(\.sources.isEmpty))
        #expect(made.packets == 100_000 && made.megabytes == 92 && made.bitRate == 147_520_000)
        #expect(losses.contains(Loss(vector: 0, field: "service", reason: .noField)))
        // "[[AttackVector (98.7% of traffic) UDP, service: DNS], …]{'time_start': …}" by Python's hashlib.
        #expect(made.key == "2350434e88ca4db8f0fcfb743e3c1cfa")
        #expect(CoalitionFingerprint.made(of: attack, showsTarget: true).fingerprint.target == .text("192.0.2.1"))
    }

    @Test func `addresses go out only where they are given and not forged`() throws {
        let sources = try ["192.0.2.9", "192.0.2.8", "192.0.2.8"].map { try #require(Address($0)) }
        let (made, _) = CoalitionFingerprint.made(of: try ReportTests.attack(), sources: [sources, sources])
        #expect(made.vectors[0].sources == ["192.0.2.8", "192.0.2.9"])
        #expect(made.vectors[1].sources.isEmpty)
    }

    @Test func `ours to theirs to ours loses only what is listed`() throws {
        let packets: [[Fingerprint.Condition]] = [
            PacketFormTests.fingerprint().conditions,
            [.init(.protocol, "udp"), .init(.sourcePort, "123"), .init(.length, "468,482")],
            [.init(.protocol, "tcp"), .init(.destinationPort, "80,443"), .init(.flags, "S,SEC"), .init(.ttl, "57-60")],
            [.init(.protocol, "icmp"), .init(.icmpType, "8,13"), .init(.icmpCode, "0")],
            [.init(.protocol, "47"), .init(.payload, "00")], [.init(.flags, "-")],
            [.init(.protocol, "udp"), .init(.fragment, "later")],
            [.init(.protocol, "udp"), .init(.fragment, "first,later")],
            [.init(.protocol, "udp"), .init(.fragment, "whole,first"), .init(.sourcePort, "1-65535")],
            [
                .init(.method, "POST"), .init(.route, "/zoeken/0?q"), .init(.agent, "curl/8"),
                .init(.ja4, ExchangeTests.ja4),
            ],
        ]
        for conditions in packets {
            var fingerprint = PacketFormTests.fingerprint(conditions)
            fingerprint.kind = nil
            let vector = TrafficVector(
                kind: "x", fingerprint: fingerprint, packets: 1_000, bytes: 2_000_000,
                start: fingerprint.evidence.from, end: fingerprint.evidence.until)
            let (theirs, lost) = CoalitionFingerprint.made(of: try ReportTests.attack([vector]))
            let again = try #require(CoalitionFingerprint.parse(theirs.json).first)
            let (ours, _) = again.fingerprints(lifetime: 60, at: ExchangeTests.made, lengthUnit: .packet)
            let back = try #require(ours.first).conditions
            let listed = Set(lost.map(\.field))
            for condition in conditions where !back.contains(condition) {
                #expect(listed.contains(condition.feature.rawValue), "\(condition) of \(conditions), not \(back)")
            }
            // And nothing is made up but a protocol that is said to be.
            for condition in back where !conditions.contains(condition) {
                #expect(listed.contains(condition.feature.rawValue), "\(condition) is new")
            }
        }
    }
}
