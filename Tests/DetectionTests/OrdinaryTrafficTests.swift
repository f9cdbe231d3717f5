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
                packet.ttl > 0, packet.length <= 1_500, packet.weight == 1,
                packet.length >= header + (packet.fragment == .later ? 1 : 8),
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
        #expect(first.hash == 11_326_425_884_226_433_758, "\(first.hash)")
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
        #expect((800...4_000).contains(mix.rate), "\(mix.rate) packets a second")
        #expect((0.45...0.75).contains(mix.share(mix.tcp)))
        #expect((0.25...0.55).contains(mix.share(mix.udp)))
        #expect((0.0003...0.01).contains(mix.share(mix.icmp)))
        #expect((0.25...0.45).contains(mix.share(mix.ipv6)))
        #expect((0.4...0.6).contains(mix.share(mix.inbound)))
        #expect((300...1_100).contains(mix.bytes / 1_000_000), "bytes a packet")
        #expect((0.3...0.6).contains(mix.share(.tls)))
        #expect((0.03...0.2).contains(mix.share(.http)))
        #expect((0.03...0.2).contains(mix.share(.quic)))
        #expect((0.05...0.25).contains(mix.share(.dns)))
        for rare: Service in [.ntp, .snmp, .mdns, .llmnr, .ssdp, .stun, .isakmp, .openvpn, .sip, .memcached, .cldap] {
            #expect((0.00001...0.06).contains(mix.share(rare)), "\(rare): \(mix.share(rare))")
            #expect(mix.services6[Int(rare.rawValue)] > 0, "\(rare) over IPv6")
        }
        // Handshakes are answered but for scans and lost ones, most connections are closed, some are reset.
        #expect((0.6...1.0).contains(Double(mix.synAck) / Double(mix.syn)))
        #expect(Double(mix.fin) / Double(mix.synAck) > 1)
        #expect((0.05...0.5).contains(Double(mix.reset) / Double(mix.syn)))
        #expect((200...10_000).contains(mix.fragments), "\(mix.fragments) fragments")
        #expect(mix.sources.count > 5_000)
    }

    @Test func `from a small office's rate to a busy site's`() {
        let office = Mix(.smallOffice.scaled(thousandths: 100), count: 20_000).rate
        #expect((1...30).contains(office), "\(office) packets a second")
        let site = Mix(.busySite.scaled(thousandths: 12_000), count: 400_000).rate
        #expect((12_000...40_000).contains(site), "\(site) packets a second")
    }

    @Test func `a flash crowd is twenty times as many of the same`() {
        var traffic = OrdinaryTraffic(seed: 3, scenario: .flashCrowd, start: 0)
        var seconds = [Int](repeating: 0, count: 200)
        var sources = [Set<Address>](repeating: [], count: 200)
        while true {
            let packet = traffic.next()
            let second = Int(packet.time / 1_000_000_000)
            guard second < 200 else { break }
            seconds[second] += 1
            sources[second].insert(packet.source)
        }
        let quiet = Double(seconds[30..<60].reduce(0, +)) / 30
        let crowd = Double(seconds[150..<200].reduce(0, +)) / 50
        #expect((8...25).contains(crowd / quiet), "\(quiet) and \(crowd) packets a second")
        let before = sources[30..<60].reduce(0) { $0 + $1.count } / 30
        let after = sources[150..<200].reduce(0) { $0 + $1.count } / 50
        #expect(after > 5 * before, "\(before) and \(after) sources a second")
    }

    @Test func `a backup is one source at the line's rate`() {
        var traffic = OrdinaryTraffic(seed: 3, scenario: .backup, start: 0)
        var bytes: [Address: UInt64] = [:]
        var total: UInt64 = 0
        var last: Int64 = 0
        for _ in 0..<500_000 {
            let packet = traffic.next()
            bytes[packet.source, default: 0] += UInt64(packet.length)
            total += UInt64(packet.length)
            last = packet.time
        }
        #expect(Double(bytes.values.max() ?? 0) > 0.9 * Double(total))
        #expect(500_000 / (Double(last) / 1e9) > 8_000, "packets a second")
    }

    @Test func `a walk over a device is hundreds of packets in a moment`() {
        var traffic = OrdinaryTraffic(seed: 5, scenario: .monitoring, start: 0)
        var tenths: [Int64: Int] = [:]
        for _ in 0..<50_000 {
            let packet = traffic.next()
            if packet.service == .snmp { tenths[packet.time / 100_000_000, default: 0] += 1 }
        }
        #expect((tenths.values.max() ?? 0) > 150)
    }

    @Test func `a scenario of nothing has what comes to every address`() {
        let mix = Mix(Scenario(), count: 1_000)
        #expect(mix.tcp > 300)
        #expect(mix.rate < 10)
    }
}
