import Addresses
import FilterKit
import Filters
import Fingerprints
import Packets
import TestKit
import Testing

private typealias Build = PacketBuilder

/// What was written before the filter and knows nothing of it has to say the same of sound packets.
@Suite struct `What a filter reads` {
    private static func facts(_ frame: [UInt8], tunnels: Bool = false) -> FrameFacts? {
        if case .facts(let facts) = FrameFacts.read(frame.span.bytes, readsTunnels: tunnels) { facts } else { nil }
    }

    @Test func `is what a reader of captures reads`() throws {
        var frames = HostileFrames(seed: 11)
        var tunnels = 0
        var pieces = 0
        for _ in 0..<20_000 {
            let frame = frames.nextSound()
            let facts = try #require(Self.facts(frame, tunnels: true), "\(frame)")
            var reader = FrameReader()
            let packet = try #require(
                try reader.read(frame.span.bytes, link: .ethernet, originalLength: frame.count, time: 0))
            #expect(facts.source == packet.source && facts.destination == packet.destination, "\(frame)")
            #expect(facts.protocolNumber == packet.protocolNumber && facts.ttl == packet.ttl, "\(frame)")
            #expect(facts.length == packet.length && facts.fragment == packet.fragment, "\(frame)")
            #expect(facts.flags == packet.flags && facts.isTunnelled == (packet.tunnel != .none), "\(frame)")
            #expect(facts.icmpType == packet.icmpType && facts.icmpCode == packet.icmpCode, "\(frame)")
            tunnels += facts.isTunnelled ? 1 : 0
            pieces += facts.fragment == .whole ? 0 : 1
            // The reader has ports of SCTP too, and payloads of pieces.
            guard facts.hasTransport else { continue }
            #expect(facts.sourcePort == packet.sourcePort && facts.destinationPort == packet.destinationPort)
            #expect(facts.payloadLength == Int(packet.payloadLength), "\(frame)")
            if packet.service == .dns, packet.dnsType != 0, facts.fragment == .whole, facts.protocolNumber == 17 {
                #expect(facts.dnsType == packet.dnsType || facts.dnsType == nil, "\(frame)")
            }
        }
        #expect(tunnels > 2_000 && pieces > 1_000)
    }

    @Test func `matches what programs of classic BPF match`() throws {
        var random = Seeded(state: 12)
        var hits = 0
        var rules = 0
        for round in 0..<500 {
            let conditions = round % 2 == 0 ? randomConditions(&random) : RandomRules.conditions(&random)
            let made = fingerprint(
                conditions.map { ($0.feature, $0.value) }, isSpoofable: false,
                networks: [
                    ("192.0.2.0/24", 0.5), ("2001:db8::/48", 0.5),
                ])
            var options = RuleOptions()
            options.targets = round % 3 == 0 ? [Prefix("198.51.0.0/16")!, Prefix("2001:db8:2::/47")!] : []
            options.limitsToNetworks = round % 5 == 0
            let compiled = Rules.compile([made], as: .bpf, options: options)
            let rule = try? KernelRule.make(
                from: made, targets: options.targets, counter: 0, at: made.made, clock: 1, options: options
            ).get().rule
            #expect(compiled.rules.isEmpty == (rule == nil))
            guard let rule, let program = ClassicBPF.Program(text: compiled.text) else { continue }
            rules += 1
            var model = FilterModel(plan: FilterPlan(), rules: [rule])
            for _ in 0..<60 {
                let frame = CraftedPacket.random(&random).frame
                guard Self.facts(frame) != nil else { continue }
                let isMatch = model.judge(frame.span.bytes, at: 1).reason == .rule
                #expect(isMatch == (program.run(frame.span.bytes) != 0), "\(conditions) \(frame)")
                hits += isMatch ? 1 : 0
            }
        }
        #expect(rules > 350 && hits > 500)
    }

    /// Of each kind of packet one, with the bytes before IP.
    private static let samples: [(frame: [UInt8], link: Int)] = {
        let udp = Build.udp(5, 53, Build.dns("example.nl"))
        let tcp = Build.tcp(5, 443, flags: 0x02, options: [2, 4, 5, 180], [1, 2, 3])
        let options = [UInt8](repeating: 1, count: 8)
        let inner4 = Build.ipv4(6, tcp, from: "203.0.113.5")
        let inner6 = Build.ipv6(17, udp, from: "2001:db8:7::1")
        let headers = Build.extensionHeader(
            next: 43, units: 2, Build.extensionHeader(next: 51, Build.authenticationHeader(next: 6, tcp)))
        let packets4 = [
            Build.ipv4(17, udp), Build.ipv4(6, tcp, options: options), Build.ipv4(1, Build.icmp(8, 0, [1, 2])),
            Build.ipv4(58, [1, 2, 3, 4]), Build.ipv4(50, [1, 2, 3]), Build.ipv4(17, udp, hasMore: true),
            Build.ipv4(17, [1, 2], offset: 8), Build.ipv4(4, inner4), Build.ipv4(41, inner6),
            Build.ipv4(47, Build.gre(0x0800, checksum: 1, key: 2, sequence: 3, inner4)),
            Build.ipv4(17, Build.udp(5, 4789, Build.vxlan(Build.ethernet(inner6, type: 0x86dd)))),
        ]
        let packets6 = [
            Build.ipv6(17, udp), Build.ipv6(60, headers), Build.ipv6(58, Build.icmp(128)),
            Build.ipv6(44, Build.fragmentHeader(next: 17, hasMore: true, udp)),
            Build.ipv6(44, Build.fragmentHeader(next: 17, offset: 8, [1, 2])), Build.ipv6(59, []),
            Build.ipv6(0, Build.extensionHeader(next: 41, inner6)),
        ]
        let tag = (type: UInt16(0x8100), id: UInt16(1))
        return packets4.map { (Build.ethernet($0), 14) } + packets6.map { (Build.ethernet($0, type: 0x86dd), 14) }
            + [
                (Build.ethernet(packets4[0], tags: [tag, tag]), 22),
                (Build.ethernet(packets6[1], type: 0x86dd, tags: [tag]), 18),
            ]
    }()

    @Test(arguments: samples.indices, [false, true]) func `is malformed where the frame is cut off`(
        place: Int, tunnels: Bool
    ) throws {
        let (frame, link) = Self.samples[place]
        let whole = try #require(Self.facts(frame, tunnels: tunnels))
        for count in 0..<frame.count {
            let reading = FrameFacts.read(Array(frame[..<count]).span.bytes, readsTunnels: tunnels)
            switch reading {
            case .other: #expect(count < link)
            case .malformed(let fault):
                #expect(count >= link)
                let least = frame[link] >> 4 == 4 ? 20 : 40
                #expect(fault == (count - link < least ? .headerCutOff : .longerThanCarrier))
            case .facts: Issue.record("\(count) of \(frame.count) bytes of sample \(place) are read")
            }
        }
        #expect(Self.facts(frame + [1, 2, 3, 4, 5, 6, 7, 8, 9], tunnels: tunnels) == whole)
    }

    /// Here the header knows that less came.
    @Test(arguments: samples.indices, [false, true]) func `is never more than the packet has`(
        place: Int, tunnels: Bool
    ) throws {
        let (frame, link) = Self.samples[place]
        let whole = try #require(Self.facts(frame, tunnels: tunnels))
        let isIPv4 = frame[link] >> 4 == 4
        for count in link + (isIPv4 ? 4 * Int(frame[link] & 15) : 40)..<frame.count {
            var cut = frame
            let length = count - link - (isIPv4 ? 0 : 40)
            (cut[link + (isIPv4 ? 2 : 4)], cut[link + (isIPv4 ? 3 : 5)]) = (UInt8(length >> 8), UInt8(length & 255))
            // Whether what is behind is there or not: it is none of the packet.
            let reading = FrameFacts.read(cut.span.bytes, readsTunnels: tunnels)
            #expect(FrameFacts.read(Array(cut[..<count]).span.bytes, readsTunnels: tunnels) == reading)
            guard case .facts(let facts) = reading else { continue }
            #expect(facts.payloadOffset + facts.payloadLength <= max(count, facts.payloadOffset))
            if facts.isTunnelled == whole.isTunnelled {
                #expect(facts.protocolNumber == whole.protocolNumber && facts.sourcePort == whole.sourcePort)
                #expect(facts.payloadOffset == whole.payloadOffset)
                #expect(facts.payloadLength <= whole.payloadLength)
            }
        }
    }

    @Test func `has every fault, and every kind of packet, among hostile frames`() {
        var frames = HostileFrames(seed: 13)
        var faults: [Malformation: Int] = [:]
        var others = 0
        var kinds: [String: Int] = [:]
        for _ in 0..<60_000 {
            let frame = frames.next()
            #expect(frame.count <= HostileFrames.longest)
            switch FrameFacts.read(frame.span.bytes, readsTunnels: true) {
            case .other: others += 1
            case .malformed(let fault): faults[fault, default: 0] += 1
            case .facts(let facts):
                kinds["\(facts.version) \(facts.protocolNumber)", default: 0] += 1
                kinds["\(facts.fragment)", default: 0] += 1
                if facts.isTunnelled { kinds["tunnel", default: 0] += 1 }
                if facts.dnsType != nil { kinds["question", default: 0] += 1 }
                let end = facts.payloadOffset + facts.payloadLength
                #expect(end <= frame.count || facts.payloadLength == 0)
            }
        }
        for fault in Malformation.allCases { #expect(faults[fault, default: 0] > 20, "\(fault): \(faults)") }
        for kind in [
            "4 6", "4 17", "4 1", "4 58", "6 6", "6 17", "6 58", "whole", "first", "later", "tunnel", "question",
        ] {
            #expect(kinds[kind, default: 0] > 200, "\(kind): \(kinds)")
        }
        #expect((1_000..<15_000).contains(others), "\(others)")
    }

    @Test func `of hostile frames is the same for the same seed`() {
        var one = HostileFrames(seed: 14)
        var same = HostileFrames(seed: 14)
        var other = HostileFrames(seed: 15)
        let frames = (0..<100).map { _ in one.next() }
        #expect(frames == (0..<100).map { _ in same.next() })
        #expect(frames != (0..<100).map { _ in other.next() })
    }
}
