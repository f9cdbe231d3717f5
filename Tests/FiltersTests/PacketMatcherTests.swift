import FilterKit
import Filters
import Fingerprints
import Packets
import Testing

struct PacketMatcherTests {
    @Test func `finds what the conditions hold for`() throws {
        var random = Seeded(state: 3)
        var hits = 0
        for _ in 0..<60 {
            let all = (0..<10).map { _ in fingerprint(randomConditions(&random).map { ($0.feature, $0.value) }) }
            let services = [
                fingerprint([(.service, "dns response")]), fingerprint([(.service, "dns")]),
                fingerprint([(.sourcePort, "0")]), fingerprint([(.flags, "-")]),
            ]
            let fingerprints = all + services
            let matcher = try #require(PacketMatcher(fingerprints))
            for _ in 0..<100 {
                let packet = CraftedPacket.random(&random).summary
                var expected: UInt64 = 0
                for (index, one) in fingerprints.enumerated()
                where one.packetTests!.allSatisfy({ $0.holds(for: packet) }) { expected |= 1 << UInt64(index) }
                #expect(matcher.matches(packet) == expected)
                #expect(matcher.first(packet) == (expected == 0 ? -1 : expected.trailingZeroBitCount))
                hits += expected.nonzeroBitCount
            }
        }
        #expect(hits > 1_000)
    }

    @Test func `what is not of packets matches nothing, and there is a limit`() throws {
        let matcher = try #require(
            PacketMatcher([fingerprint([(.method, "GET")]), fingerprint([(.ttl, "x")]), fingerprint([(.ttl, "64")])]))
        #expect(matcher.matches(CraftedPacket().summary) == 4)
        let many = Array(repeating: fingerprint([(.ttl, "1")]), count: PacketMatcher.fingerprintLimit + 1)
        #expect(PacketMatcher(many) == nil)
    }

    @Test func `counts what rules would have dropped`() throws {
        var check = try #require(
            RuleCheck([fingerprint([(.sourcePort, "53")]), fingerprint([(.protocol, "udp")])]))
        var packet = CraftedPacket().summary
        packet.weight = 10
        check.count(packet)
        packet.sourcePort = 99
        check.count(packet)
        packet.protocolNumber = 6
        check.count(packet)
        #expect(check.total == RuleCheck.Count(packets: 30, bytes: 30 * UInt64(packet.length)))
        #expect(check.dropped.packets == 20 && check.perRule.map(\.packets) == [10, 20])
        #expect(check.share(of: 0) == 1.0 / 3 && check.share == 2.0 / 3)
        packet.weight = .max
        packet.length = .max
        for _ in 0..<3 { check.count(packet) }
        #expect(check.total.bytes == .max)
    }

    @Test func `a profile says how much at most`() {
        let profile: RuleCheck.Profile = [
            .sourcePort: [("53", 0.1), ("443", 0.6), ("1024-65535", 0.25)],
            .service: [("dns response", 0.08), ("quic", 0.9)],
        ]
        func most(_ conditions: [(Feature, String)]) -> Double? {
            RuleCheck.atMost(conditions.map { .init($0.0, $0.1) }, in: profile)
        }
        func isAbout(_ value: Double?, _ other: Double) -> Bool { value.map { abs($0 - other) < 1e-9 } ?? false }
        #expect(isAbout(most([(.sourcePort, "53")]), 0.15))
        #expect(isAbout(most([(.sourcePort, "50-60,443")]), 0.75))
        #expect(isAbout(most([(.sourcePort, "443"), (.service, "dns")]), 0.1))
        #expect(most([(.ttl, "1")]) == nil)
    }
}
