import Addresses
import Bytes
import Detection
import Fingerprints
import Flows
import Moments
import Packets
import Sketches
import Testing

private let begin: Int64 = 1_700_000_000_000_000_000
private let second: Int64 = 1_000_000_000

private func watch(_ change: (inout TrafficWatch.Options) -> Void = { _ in }) -> TrafficWatch {
    var options = TrafficWatch.Options()
    change(&options)
    return TrafficWatch(profile: .shipped, key: 0x5eed, options: options)
}

/// Ordinary packets of a scenario with a flood laid over them from a second on; the flood's packets apart.
private func mixed(
    _ kind: Flood.Kind, _ scenario: OrdinaryTraffic.Scenario, perSecond: Int64, from onset: Int64, seconds: Int64,
    isIPv6: Bool = false
) -> (report: TrafficReport, flood: [PacketSummary], ordinary: [PacketSummary]) {
    var traffic = OrdinaryTraffic(seed: 11, scenario: scenario, start: begin)
    let target = isIPv6 ? Address(high: 0x2001_0db8_0001_0000, low: 10) : Address(ipv4: 0xc000_020a)
    var flood = Flood(kind, on: target, isIPv6: isIPv6)
    var watch = watch()
    var floodPackets: [PacketSummary] = []
    var ordinaryPackets: [PacketSummary] = []
    var next = begin + onset * second
    let end = begin + (onset + seconds) * second
    while true {
        let ordinary = traffic.next()
        while next < min(ordinary.time, end) {
            let packet = flood.next(at: next)
            watch.observe(packet, in: RawSpan())
            floodPackets.append(packet)
            next += second / perSecond
        }
        guard ordinary.time < end else { break }
        watch.observe(ordinary, in: RawSpan())
        ordinaryPackets.append(ordinary)
    }
    return (watch.finish(), floodPackets, ordinaryPackets)
}

@Suite struct TrafficWatchTests {
    @Test(arguments: Flood.Kind.allCases, [false, true])
    func `a flood in ordinary traffic is found, named and told apart`(kind: Flood.Kind, isIPv6: Bool) throws {
        let (report, flood, ordinary) = mixed(
            kind, .smallOffice, perSecond: 3_000, from: 12, seconds: 4, isIPv6: isIPv6)
        let attack = try #require(report.attacks.first)
        #expect(report.attacks.count == 1)
        #expect(attack.vectors.map(\.kind) == [kind.name])
        let onset = Moment(milliseconds: begin / 1_000_000) + 12
        #expect(abs(attack.start - onset) < 2)
        #expect(attack.detected - onset <= 2)
        let vector = try #require(attack.vectors.first)
        #expect(abs(Double(vector.packets) - Double(flood.count)) < 0.02 * Double(flood.count))
        let tests = try #require(vector.fingerprint.packetTests)
        func share(_ packets: [PacketSummary]) -> Double {
            let hit = packets.count { packet in tests.allSatisfy { $0.holds(for: packet) } }
            return Double(hit) / Double(packets.count)
        }
        #expect(share(flood) >= 0.99)
        // A SYN to any port is what scanners send as well, and one of full length to port 443 a visitor.
        let bearable = kind == .syn || kind == .synRandomPorts ? 0.02 : 0.001
        #expect(
            share(ordinary) <= bearable, "\(vector.fingerprint.conditions.map { "\($0.feature.rawValue) \($0.value)" })"
        )
        let isSpoofable = try #require(vector.fingerprint.evidence.isSpoofable as Bool?)
        #expect(!isSpoofable || vector.fingerprint.evidence.networks.isEmpty)
    }

    @Test func `ordinary traffic of no kind is an attack`() {
        for (name, scenario) in OrdinaryTraffic.Scenario.all {
            for view in [OrdinaryTraffic.View.both, .inbound] {
                var traffic = OrdinaryTraffic(seed: 23, scenario: scenario.viewed(view), start: begin)
                var watch = watch()
                for _ in 0..<150_000 { watch.observe(traffic.next(), in: RawSpan()) }
                let report = watch.finish()
                #expect(report.attacks.isEmpty, "\(name) \(view): \(report.attacks.first?.vectors.first?.kind ?? "")")
            }
        }
    }

    @Test func `the shipped profile is what the generator makes`() {
        #expect(OrdinaryTraffic.profile(seed: 1) == TrafficProfile.shipped)
    }

    @Test func `two floods on two hosts are two attacks, and a second kind on one is a second vector`() {
        var watch = watch()
        let hosts = [Address(ipv4: 0xc000_0201), Address(ipv4: 0xcb00_7102)]
        var floods = [Flood(.dns, on: hosts[0]), Flood(.syn, on: hosts[1]), Flood(.icmp, on: hosts[1])]
        for step in 0..<12_000 {
            let time = begin + Int64(step) * second / 3_000
            for index in floods.indices where index < 2 || step > 6_000 {
                watch.observe(floods[index].next(at: time), in: RawSpan())
            }
        }
        let attacks = watch.finish().attacks
        #expect(Set(attacks.map(\.target.description)) == ["192.0.2.1", "203.0.113.2"])
        let second = attacks.first { $0.target.description == "203.0.113.2" }
        #expect(Set(second?.vectors.map(\.kind) ?? []) == ["tcp-syn-flood", "icmp-echo-flood"])
    }

    @Test func `times that run back and forth end nothing`() {
        var watch = watch()
        var flood = Flood(.dns, on: Address(ipv4: 0xc000_0201))
        for time in [begin, begin - 100 * second, begin + 1_000_000 * second, Int64.max, Int64.min, 0, -1, begin] {
            for step in 0..<100 {
                watch.observe(flood.next(at: time &+ Int64(step)), in: RawSpan())
            }
        }
        // A clock that jumps an hour ahead with each packet: seconds are counted in 32 bits.
        for step in 0..<400_000 {
            watch.observe(flood.next(at: begin &+ Int64(step) * 3_600 * second), in: RawSpan())
        }
        #expect(watch.finish().packets == 400_800)
    }

    @Test func `a packet with an absurd time changes no attack's course`() throws {
        var watch = watch()
        var flood = Flood(.dns, on: Address(ipv4: 0xc000_0201))
        for step in 0..<30_000 {
            let time = begin + Int64(step) * second / 3_000
            let stray: Int64? = step == 10_000 ? 0xffff_ffff * second : step == 20_000 ? 0 : nil
            watch.observe(flood.next(at: stray ?? time), in: RawSpan())
        }
        let report = watch.finish()
        let attack = try #require(report.attacks.first)
        #expect(report.attacks.count == 1 && report.packets == 30_000)
        let start = Moment(milliseconds: begin / 1_000_000)
        #expect(attack.start - start < 1 && attack.end - start > 9 && attack.end - start < 10.1)
        #expect(attack.vectors.map(\.packets) == [30_000])
        #expect(report.from == start && report.until.map { $0 - start < 10.1 } == true)
    }

    @Test func `recordings of different days are told apart, in any order, and the time between is not counted`() {
        for days: [Int64] in [[0, 400], [400, 0], [0, 30, 3]] {
            var watch = watch()
            var learning = TrafficWatch.Options()
            learning.isLearning = true
            var learner = TrafficWatch(profile: .shipped, key: 1, options: learning)
            var flood = Flood(.dns, on: Address(ipv4: 0xc000_0201))
            for day in days {
                for step in 0..<15_000 {
                    let packet = flood.next(at: begin + (day * 86_400 + 1) * second + Int64(step) * second / 3_000)
                    watch.observe(packet, in: RawSpan())
                    learner.observe(packet, in: RawSpan())
                }
            }
            let report = watch.finish()
            #expect(report.attacks.count == days.count, "\(days): \(report.attacks.map { "\($0.start) \($0.end)" })")
            for attack in report.attacks { #expect((4...5.1).contains(attack.end - attack.start)) }
            let learnt = learner.learnt(as: "two days")
            #expect((4.9 * Double(days.count)...5 * Double(days.count)).contains(learnt.seconds))
        }
    }

    @Test func `a recording of the same minutes as the one before is judged by itself`() throws {
        var watch = watch()
        var traffic = OrdinaryTraffic(seed: 3, scenario: .smallOffice, start: begin)
        var packet = traffic.next()
        while packet.time < begin + 300 * second {
            watch.observe(packet, in: RawSpan())
            packet = traffic.next()
        }
        watch.beginRecording()
        var flood = Flood(.dns, on: Address(ipv4: 0xc000_0201))
        for step in 0..<9_000 {
            watch.observe(flood.next(at: begin + 100 * second + Int64(step) * second / 3_000), in: RawSpan())
        }
        let report = watch.finish()
        let attack = try #require(report.attacks.first)
        #expect(report.attacks.count == 1 && attack.vectors.map(\.packets) == [9_000])
        #expect((2.9...3.1).contains(attack.end - attack.start))
    }

    @Test func `sampled records a second apart are counted each in its second`() {
        var watch = watch()
        var flow = FlowRecord()
        flow.destination = Address(ipv4: 0xc000_0201)
        (flow.protocolNumber, flow.sourcePort, flow.destinationPort) = (17, 40_000, 9_999)
        (flow.packets, flow.bytes, flow.samplingRate) = (1, 100, 1_000)
        let records = (0..<300).map { number in
            flow.source = Address(ipv4: 0xcb00_7100 + UInt32(number & 255))
            flow.first = begin + Int64(number) * second
            flow.last = flow.first
            return flow
        }
        watch.observe(records.span)
        #expect(watch.finish().attacks.isEmpty)
    }

    @Test func `memory does not grow with the number of senders and targets`() {
        var watch = watch()
        var flood = Flood(.udpRandom, on: Address(ipv4: 0))
        for step in 0..<300_000 {
            var packet = flood.next(at: begin + Int64(step) * 10_000)
            packet.destination = Address(ipv4: UInt32(truncatingIfNeeded: step &* 2_654_435_761))
            watch.observe(packet, in: RawSpan())
        }
        #expect(watch.finish().packets == 300_000)
    }
}

extension TrafficWatch {
    mutating func take(_ flow: FlowRecord) { observe([flow].span) }
}

@Suite struct FlowWatchTests {
    private func flow(
        _ source: Address, _ sourcePort: UInt16, _ destination: Address, _ destinationPort: UInt16, first: Int64,
        last: Int64, packets: UInt64, bytes: UInt64, protocolNumber: UInt8 = PacketSummary.udp, flags: UInt8 = 0
    ) -> FlowRecord {
        var flow = FlowRecord()
        flow.source = source
        flow.sourcePort = sourcePort
        flow.destination = destination
        flow.destinationPort = destinationPort
        flow.first = first
        flow.last = last
        flow.packets = packets
        flow.bytes = bytes
        flow.protocolNumber = protocolNumber
        flow.flags = flags
        return flow
    }

    // At 500 each host alone is under its bound.
    @Test(arguments: [1_500, 500])
    func `a block that is bombed all over is found as a block`(perHost: UInt64) throws {
        var watch = watch()
        var random = SplitMix64(seed: 3)
        // A /22 whose hosts each get 1,500 packets a second from second 30 on, and before that a hundredth.
        for tick in 0..<34 {
            let time = begin + Int64(tick) * second
            for host in 0..<UInt32(1_024) {
                let record = flow(
                    Address(ipv4: UInt32(truncatingIfNeeded: random.next()) | 0x0100_0000),
                    UInt16(1_024 + random.below(60_000)), Address(ipv4: 0xc633_6400 | host),
                    UInt16(1 + random.below(60_000)), first: time, last: time + second / 2,
                    packets: tick < 30 ? 15 : perHost, bytes: tick < 30 ? 7_500 : 500 * perHost)
                watch.observe([record].span)
            }
        }
        let report = watch.finish()
        #expect(report.attacks.map(\.target.description) == ["198.51.100.0/22"])
        let attack = try #require(report.attacks.first)
        #expect(attack.vectors.map(\.kind) == ["udp-flood"])
        #expect(attack.detected - (Moment(milliseconds: begin / 1_000_000) + 30) <= 2)
    }

    @Test(arguments: [10, 60, 300] as [Int64])
    func `a long download exported at once is no attack`(timeout: Int64) {
        var watch = watch()
        let server = Address(ipv4: 0xcb00_7105)
        let client = Address(ipv4: 0xc000_0207)
        for number in 1...10 {
            let end = begin + Int64(number) * timeout * second
            // 60 Mbit/s: 5,000 packets of 1,500 bytes a second.
            let packets = UInt64(timeout) * 5_000
            for (port, number) in [(UInt16(443), PacketSummary.tcp), (443, PacketSummary.udp)] {
                watch.take(
                    flow(
                        server, port, client, 50_123, first: end - timeout * second, last: end, packets: packets,
                        bytes: packets * 1_500, protocolNumber: number, flags: TCPFlag.ack))
                watch.take(
                    flow(
                        client, 50_123, server, port, first: end - timeout * second, last: end, packets: packets / 2,
                        bytes: packets * 26, protocolNumber: number, flags: TCPFlag.ack))
            }
        }
        #expect(watch.finish().attacks.isEmpty)
    }

    @Test func `a ramp of SYN is found within a second of ten times the usual`() throws {
        var watch = watch()
        var random = SplitMix64(seed: 5)
        var crossing: Int64?
        for tick in 0..<90 {
            let time = begin + Int64(tick) * second
            let rate = tick < 40 ? 50 : 50 + (tick - 40) * 60
            if rate >= 500, crossing == nil { crossing = time }
            for _ in 0..<rate {
                watch.take(
                    flow(
                        Address(ipv4: UInt32(truncatingIfNeeded: random.next()) | 0x0100_0000),
                        UInt16(1_024 + random.below(60_000)), Address(ipv4: 0xc000_0209), 443, first: time, last: time,
                        packets: 1, bytes: 40, protocolNumber: PacketSummary.tcp, flags: TCPFlag.syn))
            }
        }
        let attack = try #require(watch.finish().attacks.first)
        #expect(attack.vectors.map(\.kind) == ["tcp-syn-flood"])
        let passed = Moment(milliseconds: try #require(crossing) / 1_000_000)
        #expect(attack.detected - passed <= 1)
    }

    /// A minute of visitors' flows, both ways, then answers of one port or SYN at one host for twenty seconds.
    /// - Parameter visitorsPort: what visitors are served from.
    private func attack(
        isOfSYN: Bool = false, from port: UInt16 = 389, visitorsPort: UInt16 = 443, visitors: Int = 400
    ) throws -> TrafficVector {
        var watch = watch()
        var random = SplitMix64(seed: 9)
        let host = Address(ipv4: 0xc000_0209)
        for tick in 0..<80 {
            let time = begin + Int64(tick) * second
            for _ in 0..<visitors {
                let (visitor, own) = (
                    Address(ipv4: 0x0100_0000 | UInt32(random.below(1 << 23))), UInt16(1_024 + random.below(60_000))
                )
                let there = flow(
                    visitor, own, Address(ipv4: 0xc000_0220), visitorsPort, first: time, last: time, packets: 5,
                    bytes: 500)
                let back = flow(
                    Address(ipv4: 0xc000_0220), visitorsPort, visitor, own, first: time, last: time, packets: 5,
                    bytes: 5_000)
                watch.observe([there, back].span)
            }
            guard tick >= 60 else { continue }
            for _ in 0..<100 {
                let source = Address(ipv4: 0x0200_0000 | UInt32(random.below(1 << 23)))
                watch.take(
                    isOfSYN
                        ? flow(
                            source, UInt16(1_024 + random.below(60_000)), host, 443, first: time, last: time,
                            packets: 100, bytes: 4_000, protocolNumber: PacketSummary.tcp, flags: TCPFlag.syn)
                        : flow(
                            source, port, host, UInt16(1_024 + random.below(60_000)), first: time, last: time,
                            packets: 100, bytes: 140_000))
            }
        }
        let found = try #require(watch.finish().attacks.first { $0.target.description.contains("192.0.2.9") })
        return try #require(found.vectors.first)
    }

    @Test func `what a reflection's fingerprint hits is measured, on the profile and on the flows here`() throws {
        let evidence = try attack().fingerprint.evidence
        let collateral = try #require(evidence.collateral)
        #expect(collateral <= 0.001)
        #expect(try #require(evidence.bytes?.collateral) <= 0.001)
        // The profile's packets and, of 80 seconds of 800 records of 5 packets, what one in eight stands for.
        #expect(evidence.baselineCount >= 40_000)
        // Here visitors are served from the port that the attack comes from.
        let own = try attack(visitorsPort: 389).fingerprint.evidence
        #expect(try #require(own.collateral) > 0.3 && #require(own.bytes?.collateral) > 0.3)
    }

    @Test func `what flow records do not tell of a packet is not measured on them`() throws {
        let vector = try attack(isOfSYN: true)
        #expect(vector.kind == "tcp-syn-flood")
        #expect(vector.fingerprint.evidence.collateral == nil && vector.fingerprint.evidence.baselineCount == 0)
    }

    @Test func `a few sampled packets that stand for thousands are a few packets`() {
        var watch = watch()
        var flood = Flood(.dns, on: Address(ipv4: 0xc000_0201))
        for step in 0..<10 {
            var packet = flood.next(at: begin + Int64(step) * 1_000_000)
            packet.weight = 1_000
            watch.observe(packet, in: RawSpan())
        }
        #expect(watch.finish().attacks.isEmpty)
    }
}

@Suite struct TrafficProfileTests {
    private func learnt() -> TrafficProfile {
        var options = TrafficWatch.Options()
        options.isLearning = true
        var watch = TrafficWatch(profile: .shipped, key: 1, options: options)
        var traffic = OrdinaryTraffic(seed: 2, scenario: .smallOffice, start: begin)
        for _ in 0..<40_000 { watch.observe(traffic.next(), in: RawSpan()) }
        return watch.learnt(as: "office")
    }

    @Test func `is read as it was written, and names no host that is not ours`() throws {
        let profile = learnt()
        #expect(!profile.known.isEmpty && !profile.samples.isEmpty)
        let bytes = profile.bytes(namingHostsIn: [])
        var reader = ByteReader(bytes.span.bytes)
        let again = try TrafficProfile(reading: &reader)
        #expect(again.ordinary == profile.ordinary)
        #expect(again.known.values.allSatisfy { $0.target.length < ($0.target.address.isIPv4 ? 32 : 128) })
        #expect(again.samples.allSatisfy { $0.packet.source == Address(high: 0, low: 0) })
        let own = Prefix(Address(ipv4: 0xc000_0200), length: 24)
        var named = ByteReader(profile.bytes(namingHostsIn: [own]).span.bytes)
        #expect(try TrafficProfile(reading: &named).known.count > again.known.count)
    }

    @Test func `is refused wherever it is cut off`() {
        var profile = learnt()
        // Some of every part, so that every byte can be tried.
        profile.samples.removeSubrange(3...)
        for key in profile.known.keys.dropFirst(3) { profile.known[key] = nil }
        let bytes = profile.bytes(namingHostsIn: profile.known.values.map(\.target))
        for length in 0..<bytes.count {
            let part = Array(bytes[..<length])
            #expect(throws: Malformed.self) {
                var reader = ByteReader(part.span.bytes)
                _ = try TrafficProfile(reading: &reader)
            }
        }
    }
}
