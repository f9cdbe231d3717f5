import Addresses
import Detection
import Packets
import Sketches
import Testing

@Suite struct OrdinaryTrafficTests {
    typealias Scenario = OrdinaryTraffic.Scenario

    /// What a scenario's first packets are, counted.
    private struct Mix {
        var packets = 0
        var bytes: UInt64 = 0
        var tcp = 0, udp = 0, icmp = 0, ipv6 = 0, inbound = 0, fragments = 0
        var services = [Int](repeating: 0, count: Service.allCases.count)
        var services6 = [Int](repeating: 0, count: Service.allCases.count)
        var syn = 0, synAck = 0, fin = 0, reset = 0
        var sources = Set<Address>()
        var seconds = 0.0
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325

        init(_ scenario: Scenario, seed: UInt64 = 1, count: Int) {
            var traffic = OrdinaryTraffic(seed: seed, scenario: scenario, start: 1_000_000_000)
            var last: Int64 = 1_000_000_000
            var disordered = 0
            var unlikely = 0
            for _ in 0..<count {
                let packet = traffic.next()
                if packet.time < last { disordered += 1 }
                last = packet.time
                if !Self.isBelievable(packet) { unlikely += 1 }
                add(packet, scenario)
            }
            seconds = Double(last - 1_000_000_000) / 1e9
            #expect(disordered == 0)
            #expect(unlikely == 0, "packets that no host sends")
        }

        private mutating func add(_ packet: PacketSummary, _ scenario: Scenario) {
            packets += 1
            bytes += UInt64(packet.length)
            tcp += packet.protocolNumber == PacketSummary.tcp ? 1 : 0
            udp += packet.protocolNumber == PacketSummary.udp ? 1 : 0
            icmp += packet.protocolNumber == PacketSummary.icmp || packet.protocolNumber == PacketSummary.icmpv6 ? 1 : 0
            ipv6 += packet.source.isIPv4 ? 0 : 1
            inbound += scenario.holds(packet.source) ? 0 : 1
            fragments += packet.fragment == .whole ? 0 : 1
            services[Int(packet.service.rawValue)] += 1
            services6[Int(packet.service.rawValue)] += packet.source.isIPv4 ? 0 : 1
            if sources.count < 100_000 { sources.insert(packet.source) }
            let handshake = packet.flags & (TCPFlag.syn | TCPFlag.ack)
            syn += handshake == TCPFlag.syn ? 1 : 0
            synAck += handshake == TCPFlag.syn | TCPFlag.ack ? 1 : 0
            fin += packet.flags & TCPFlag.fin != 0 ? 1 : 0
            reset += packet.flags & TCPFlag.rst != 0 ? 1 : 0
            for word in [
                UInt64(bitPattern: packet.time), packet.source.low, packet.destination.low, packet.source.high,
                UInt64(packet.sourcePort) << 32 | UInt64(packet.destinationPort), UInt64(packet.length),
                UInt64(packet.flags) << 8 | UInt64(packet.ttl), packet.payloadPrefix, packet.dnsNameHash,
                UInt64(packet.identification),
            ] { hash = (hash ^ word) &* 0x100_0000_01b3 }
        }

        /// Rules that hold for every packet that a host sends.
        private static func isBelievable(_ packet: PacketSummary) -> Bool {
            let header: UInt32 = packet.source.isIPv4 ? 20 : 40
            guard packet.source.isIPv4 == packet.destination.isIPv4, packet.source != packet.destination,
                packet.ttl > 0, packet.length <= 1_500, packet.length >= header + 8, packet.weight == 1,
                packet.length >= header + UInt32(packet.payloadLength),
                packet.payloadPrefix == 0 || packet.payloadLength > 0,
                packet.role == .unknown || packet.service != .none,
                !packet.isPayloadSeen || packet.service != .none
            else { return false }
            switch packet.protocolNumber {
            case PacketSummary.tcp:
                let flags = packet.flags
                return packet.sourcePort > 0 && packet.destinationPort > 0 && packet.length >= header + 20
                    && flags != 0 && flags & (TCPFlag.syn | TCPFlag.fin) != TCPFlag.syn | TCPFlag.fin
                    && (flags & TCPFlag.syn == 0 || packet.payloadLength == 0)
            case PacketSummary.udp:
                return packet.flags == 0
                    && (packet.fragment != .whole || packet.length == header + 8 + UInt32(packet.payloadLength))
            default: return packet.sourcePort == 0 && packet.flags == 0
            }
        }

        func share(_ service: Service) -> Double { Double(services[Int(service.rawValue)]) / Double(packets) }
        func share(_ count: Int) -> Double { Double(count) / Double(packets) }
        var rate: Double { Double(packets) / seconds }
    }

    @Test func `the same seed gives the same packets on every machine`() {
        let first = Mix(.busySite, seed: 7, count: 100_000)
        #expect(first.hash == 0, "\(first.hash)")
        #expect(Mix(.busySite, seed: 8, count: 100_000).hash != first.hash)
    }

    @Test(arguments: Scenario.all.indices, OrdinaryTraffic.View.allCases)
    func `every scenario goes on in order with packets that hosts send`(index: Int, view: OrdinaryTraffic.View) {
        let (name, scenario) = Scenario.all[index]
        let mix = Mix(scenario.viewed(view), count: 20_000)
        print(
            "mix", name, view, mix.rate, mix.bytes / 20_000, mix.sources.count, mix.ipv6, mix.inbound, mix.tcp, mix.udp,
            mix.icmp)
        #expect(mix.ipv6 > 0, "\(name)")
        switch view {
        case .both: #expect((1..<20_000).contains(mix.inbound), "\(name)")
        case .inbound: #expect(mix.inbound > 0, "\(name)")
        case .outbound: #expect(mix.inbound == 0, "\(name)")
        }
    }

    @Test func `a million packets of a busy site are mixed as such a site's are`() {
        let mix = Mix(.busySite, count: 1_000_000)
        print(
            "busy", mix.rate, mix.share(mix.tcp), mix.share(mix.udp), mix.share(mix.icmp), mix.share(mix.ipv6), mix.syn,
            mix.synAck, mix.fin, mix.reset, mix.fragments,
            Service.allCases.map { "\($0) \(mix.share($0))" }.filter { !$0.hasSuffix(" 0.0") })
    }
}
