import Addresses
import Bytes
import Detection
import Fingerprints
import Foundation
import Packets
import TestKit
import Testing

/// How a capture is changed before it is judged: what is found must not depend on it.
enum Change: String, CaseIterable, CustomStringConvertible {
    case none, remapped, shifted, halved

    var description: String { rawValue }
}

/// The real captures, which are not part of this repository; `TrafficWatchTests` has the made twins.
@Suite struct RealCaptureTests {
    private struct Captured {
        var packet: PacketSummary
        let frame: [UInt8]
    }

    private static func packets(_ path: String, _ change: Change) throws -> [Captured] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let bytes = [UInt8](data)
        var capture = CaptureReader()
        var frames = FrameReader()
        var offset = 0
        var packets: [Captured] = []
        var number = 0
        while case .frame(let found) = try capture.next(in: bytes.span.bytes, from: &offset) {
            number += 1
            if change == .halved, number % 2 == 0 { continue }
            let frame = bytes.span.bytes.extracting(found.start..<found.start + found.length)
            guard
                var packet = try? frames.read(
                    frame, link: found.link, originalLength: found.originalLength, time: found.time)
            else { continue }
            switch change {
            case .remapped:
                packet.source = Self.remapped(packet.source)
                packet.destination = Self.remapped(packet.destination)
            case .shifted: packet.time += 86_400_000_000_000 * 400 + 333_000_000
            default: break
            }
            packets.append(
                Captured(packet: packet, frame: Array(bytes[found.start..<found.start + found.length])))
        }
        return packets
    }

    /// Another address for each, the same for the same.
    private static func remapped(_ address: Address) -> Address {
        address.isIPv4
            ? Address(ipv4: (address.ipv4 &* 2_654_435_761) ^ 0x1337_beef)
            : Address(high: address.high &* 0x9e37_79b9_7f4a_7c15 | 1 << 61, low: address.low ^ 0xdead_beef)
    }

    private static func judge(_ packets: [Captured], isAttackKnown: Bool = false) -> TrafficReport {
        var options = TrafficWatch.Options()
        options.isAttackKnown = isAttackKnown
        var watch = TrafficWatch(profile: .shipped, key: 0x1234_5678, options: options)
        for captured in packets { watch.observe(captured.packet, in: captured.frame.span.bytes) }
        return watch.finish()
    }

    private struct Truth: Decodable {
        struct Capture: Decodable {
            struct Vector: Decodable {
                var kind: String
                var packets: Int?
                var packets_at_least: Int?
            }
            var vectors: [Vector]
            var needs_attack_flag: Bool?
        }
        var captures: [String: Capture]
    }

    @Test(.needsShared("data/attacks/truth.json"), arguments: Change.allCases)
    func `every vector of the real attacks is found, and no other`(change: Change) throws {
        let path = try #require(SharedData.path("data/attacks/truth.json"))
        let truth = try JSONDecoder().decode(Truth.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        for (name, expected) in truth.captures {
            let folder = path.dropLast("truth.json".count)
            let packets = try Self.packets(folder + name, change)
            let report = Self.judge(packets, isAttackKnown: expected.needs_attack_flag == true)
            let vectors = report.attacks.flatMap(\.vectors)
            #expect(vectors.map(\.kind) == expected.vectors.map(\.kind), "\(name)")
            guard let vector = vectors.first, let truth = expected.vectors.first else { continue }
            if let count = truth.packets {
                let real = Double(count) / (change == .halved ? 2 : 1)
                #expect(abs(Double(vector.packets) - real) < 0.05 * real, "\(name)")
            }
            if let count = truth.packets_at_least {
                #expect(vector.packets >= UInt64(count / (change == .halved ? 2 : 1)) * 99 / 100, "\(name)")
            }
            #expect(vector.fingerprint.evidence.coverage >= 0.99, "\(name)")
            #expect((vector.fingerprint.evidence.collateral ?? 0) <= 0.001, "\(name)")
        }
    }

    @Test(.needsShared("data/benign"), arguments: Change.allCases)
    func `the real normal captures hold no attack`(change: Change) throws {
        let folder = try #require(SharedData.path("data/benign"))
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let report = Self.judge(try Self.packets("\(folder)/\(name)", change))
            #expect(report.attacks.isEmpty, "\(name)")
        }
    }

    @Test(.needsShared("data/benign"))
    func `a real attack among real visitors is told apart from them`() throws {
        let attacks = try #require(SharedData.path("data/attacks"))
        let benign = try #require(SharedData.path("data/benign"))
        let floods = try FileManager.default.contentsOfDirectory(atPath: attacks)
            .filter { $0.contains("UDP") || $0.contains("pkt") || $0.contains("netlyzer") }
        let normal = try FileManager.default.contentsOfDirectory(atPath: benign).flatMap { name in
            try Self.packets("\(benign)/\(name)", .none)
        }
        for name in floods {
            let flood = try Self.packets("\(attacks)/\(name)", .none)
            let first = try #require(flood.first).packet.time
            let start: Int64 = 1_700_000_000_000_000_000
            // All visitors in the 20 seconds before and during the attack.
            var ordinary: [Captured] = []
            for (index, packet) in normal.enumerated() {
                var packet = packet
                packet.packet.time = start + Int64(index) * 20_000_000_000 / Int64(normal.count)
                ordinary.append(packet)
            }
            let moved = flood.map { packet in
                var packet = packet
                packet.packet.time += start + 15_000_000_000 - first
                return packet
            }
            let report = Self.judge((ordinary + moved).sorted { $0.packet.time < $1.packet.time })
            let attack = try #require(report.attacks.first, "\(name)")
            let tests = try #require(attack.vectors.first?.fingerprint.packetTests)
            let hit = ordinary.filter { captured in tests.allSatisfy { $0.holds(for: captured.packet) } }.count
            #expect(hit == 0, "\(name)")
            #expect(report.attacks.count == 1, "\(name)")
        }
    }
}
