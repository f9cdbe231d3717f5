import Addresses
import Detection
import Moments
import Packets
import Sketches
import Testing

/// Samples of what comes in alone, as the filter takes them: one packet of 1,024, and never an answer.
@Suite struct OneSidedTests {
    private static let begin: Int64 = 1_700_000_000_000_000_000
    private static let second: Int64 = 1_000_000_000
    private static let rate: UInt32 = 1_024
    private static let target = Address(ipv4: 0xc000_020a)

    private func watch() -> TrafficWatch {
        var options = TrafficWatch.Options()
        options.isLive = true
        options.isOneSided = true
        return TrafficWatch(profile: .shipped, key: 0x5eed, options: options)
    }

    private func segment(_ number: Int, flags: UInt8, at time: Int64) -> PacketSummary {
        var packet = PacketSummary()
        packet.time = time
        packet.source = Address(ipv4: 0x1700_0000 | UInt32(number &* 40_503 & 0xff_ffff))
        packet.destination = Self.target
        packet.sourcePort = UInt16(1_024 + number % 60_000)
        packet.destinationPort = 443
        packet.protocolNumber = PacketSummary.tcp
        packet.flags = flags
        packet.ttl = 55
        packet.length = flags == TCPFlag.syn ? 60 : 52
        packet.weight = Self.rate
        return packet
    }

    /// Seconds of sampled visitors: so many SYN and so many packets of their connections in each.
    private func visitors(_ watch: inout TrafficWatch, seconds: Range<Int64>, syn: Int, rest: Int) {
        for second in seconds {
            for step in 0..<syn + rest {
                let time = Self.begin + second * Self.second + Int64(step) * Self.second / Int64(syn + rest)
                let isOpening = step % (syn + rest) < syn
                let flags = isOpening ? TCPFlag.syn : step % 3 == 0 ? TCPFlag.ack | TCPFlag.psh : TCPFlag.ack
                watch.observe(segment(Int(second) * 1_000 + step, flags: flags, at: time), in: RawSpan())
            }
            watch.tick(at: Self.begin + (second + 1) * Self.second)
        }
    }

    @Test func `packets in the middle of connections are no flood, of however many visitors`() {
        var watch = watch()
        visitors(&watch, seconds: 0..<20, syn: 1, rest: 200)
        #expect(watch.attacks().isEmpty)
    }

    @Test func `a crowd that opens connections and uses them is none either`() {
        var watch = watch()
        visitors(&watch, seconds: 0..<10, syn: 1, rest: 10)
        visitors(&watch, seconds: 10..<20, syn: 30, rest: 90)
        #expect(watch.attacks().isEmpty)
    }

    @Test func `a video call over QUIC and a tunnel are none`() {
        var watch = watch()
        for step in 0..<4_000 {
            var packet = segment(step % 40, flags: 0, at: Self.begin + Int64(step) * Self.second / 200)
            packet.protocolNumber = PacketSummary.udp
            packet.service = step % 2 == 0 ? .quic : .none
            packet.destinationPort = step % 2 == 0 ? 443 : 51_820
            // One end of a tunnel; of QUIC many visitors.
            if step % 2 == 1 { packet.source = Address(ipv4: 0x1700_0001) }
            if step % 2 == 1 { packet.sourcePort = 51_820 }
            watch.observe(packet, in: RawSpan())
            if step % 200 == 199 { watch.tick(at: packet.time + Self.second) }
        }
        #expect(watch.attacks().isEmpty, "\(watch.attacks().flatMap { $0.vectors.map(\.kind) })")
    }

    @Test(arguments: [Flood.Kind.syn, .synRandomPorts, .dns, .ntp, .icmp, .fragments])
    func `a flood of 50,000 a second is found in two seconds, and counted right`(kind: Flood.Kind) throws {
        var watch = watch()
        visitors(&watch, seconds: 0..<10, syn: 1, rest: 20)
        var flood = Flood(kind, on: Self.target)
        var found: Int64?
        for second in Int64(10)..<20 {
            for step in 0..<Int64(49) {
                var packet = flood.next(at: Self.begin + second * Self.second + step * Self.second / 49)
                packet.weight = Self.rate
                watch.observe(packet, in: RawSpan())
            }
            visitors(&watch, seconds: second..<second + 1, syn: 1, rest: 20)
            let attacks = watch.attacks().filter { $0.state != .suspected }
            if found == nil, !attacks.isEmpty { found = second }
        }
        #expect(try #require(found) <= 11)
        let attack = try #require(watch.attacks().first)
        #expect(attack.target.description == "192.0.2.10" && attack.vectors.map(\.kind) == [kind.name])
        let packets = try #require(attack.vectors.first).packets
        #expect((450_000...550_000).contains(packets), "\(packets)")
    }
}
