import Addresses
import Detection
import Exchange
import Fingerprints
import Foundation
import Moments
import Testing

@Suite struct ReportTests {
    static let made = ExchangeTests.made

    static func reflection() -> TrafficVector {
        let fingerprint = PacketFormTests.fingerprint()
        return TrafficVector(
            kind: "dns-reflection", fingerprint: fingerprint, packets: 70_000, bytes: 91_000_000, start: made + -3_600,
            end: made + -3_599.5)
    }

    static func flood() -> TrafficVector {
        var fingerprint = PacketFormTests.fingerprint([.init(.protocol, "tcp"), .init(.flags, "S")])
        fingerprint.kind = "tcp-syn-flood"
        fingerprint.evidence.isSpoofable = true
        return TrafficVector(
            kind: "tcp-syn-flood", fingerprint: fingerprint, packets: 30_000, bytes: 1_200_000, start: made + -3_600,
            end: made + -3_599)
    }

    static func requests() -> TrafficVector {
        var fingerprint = ExchangeTests.fingerprint()
        fingerprint.kind = "http-flood"
        return TrafficVector(
            kind: "http-flood", fingerprint: fingerprint, packets: 19_000, bytes: 0, start: made + -20, end: made)
    }

    static func attack(_ vectors: [TrafficVector]? = nil, target: String = "192.0.2.1") throws -> TrafficAttack {
        let prefix = try #require(Prefix(target))
        return TrafficAttack(
            target: .prefix(prefix), state: .ended, start: made + -3_600, end: made + -3_595,
            detected: made + -3_598.75, vectors: vectors ?? [reflection(), flood()])
    }

    static func report() throws -> TrafficReport {
        var report = TrafficReport()
        var other = try attack([requests()])
        other.target = .host("www.example.nl")
        report.attacks = [try attack(), other]
        report.growth = [
            BenignGrowth(
                target: .host("www.example.nl"), kind: "flash-crowd", start: made, end: made + 60, packets: 5, bytes: 6)
        ]
        report.packets = 123_456
        report.bytes = 99_000_000
        report.from = made + -7_200
        report.until = made
        return report
    }

    private func object(_ bytes: [UInt8]) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    @Test func `a report is written with what each attack is and rests on`() throws {
        let faults = [ReadFault(cause: "truncated packet", count: 3), ReadFault(cause: "unknown link", count: 4)]
        let report = try object(Self.report().json(faults: faults))
        #expect(report["packets"] as? Int == 123_456 && report["errors"] as? Int == 7)
        let attack = try #require((report["attacks"] as? [[String: Any]])?.first)
        #expect(attack["target"] as? String == "192.0.2.1" && attack["state"] as? String == "ended")
        #expect(attack["start"] as? String == "2026-11-23T07:43:48.000Z")
        #expect(attack["detected"] as? String == "2026-11-23T07:43:49.250Z")
        let vectors = try #require(attack["vectors"] as? [[String: Any]])
        #expect(vectors.count == 2 && vectors[0]["kind"] as? String == "dns-reflection")
        #expect(
            vectors[0]["conditions"] as? [String: String] == [
                "protocol": "udp", "source_port": "53", "length": "468-1500", "service": "dns response",
                "dns_name": "example.nl", "dns_type": "255",
            ])
        #expect(vectors[0]["coverage"] as? Double == 0.97 && vectors[0]["bytes_coverage"] as? Double == 0.99)
        #expect(vectors[0]["collateral"] as? Double == 0.000001 && vectors[0]["bytes_collateral"] is NSNull)
        #expect(vectors[0]["spoofable"] as? Bool == false && vectors[1]["spoofable"] as? Bool == true)
        #expect((vectors[0]["networks"] as? [Any])?.count == 2 && (vectors[1]["networks"] as? [Any])?.isEmpty == true)
    }

    @Test func `each vector holds its fingerprint in the form that is read back`() throws {
        let text = String(decoding: try Self.report().json(), as: UTF8.self)
        for vector in [Self.reflection(), Self.flood(), Self.requests()] {
            let form = try vector.fingerprint.form
            #expect(text.contains("\"fingerprint\":\(String(decoding: form, as: UTF8.self)),"))
            var expected = vector.fingerprint
            if expected.evidence.isSpoofable != false { expected.evidence.networks = [] }
            if vector.kind == "http-flood" { expected.evidence.coverage = 0.987654 }
            #expect(try Fingerprint(unsignedForm: form) == expected)
        }
    }

    @Test func `a fingerprint that nobody would read is not passed off as one`() throws {
        var attack = try Self.attack()
        attack.vectors[0].fingerprint.conditions = []
        var report = TrafficReport()
        report.attacks = [attack]
        let text = String(decoding: report.json(), as: UTF8.self)
        #expect(text.contains("\"fingerprint\":null"))
        #expect(!text.contains("\n"))
    }

    @Test func `no attack is an empty list, and counts that do not fit are cut off`() throws {
        var report = TrafficReport()
        report.packets = .max
        let faults = [ReadFault(cause: "a", count: .max), ReadFault(cause: "b", count: .max)]
        let read = try object(report.json(faults: faults))
        #expect((read["attacks"] as? [Any])?.isEmpty == true && read["from"] is NSNull)
        #expect(read["packets"] as? Int == 1 << 53 - 1 && read["errors"] as? Int == 1 << 53 - 1)
    }
}
