import Addresses
import Detection
import Filters
import Fingerprints
import Messages
import Mitigations
import Moments
import TestKit
import Testing
import wasstraat

/// Detection on the filter's samples, without a filter and without a clock.
struct WireTests {
    private static let noon = Moment(seconds: 1_795_435_200)
    private static let site = Address("198.51.100.7")!
    private static let networks = [Prefix("198.51.100.0/24")!]

    private func sample(_ frame: [UInt8]) -> FilterSample {
        FilterSample(clock: 0, length: UInt32(frame.count), bytes: Array(frame.prefix(FilterSample.byteLimit)))
    }

    private func measured(_ id: UInt64, _ conditions: [Fingerprint.Condition], on targets: [Prefix] = [])
        throws -> OrdinarySamples.Measured
    {
        let fingerprint = Fingerprint(
            conditions: conditions, kind: "udp-flood",
            evidence: .init(
                coverage: 1, collateral: 0, attackCount: 100, baselineCount: 10, sources: 2, from: Self.noon,
                until: Self.noon + 1), made: Self.noon, expires: Self.noon + 864_000)
        let made = KernelRule.make(from: fingerprint, targets: targets, counter: 0, at: Self.noon, clock: 1)
        return OrdinarySamples.Measured(id: id, rule: try made.get().rule)
    }

    // ---- Ordinary samples.

    @Test func `rules are measured on ordinary samples of their own targets, and never on an attack's`() throws {
        var samples = OrdinarySamples()
        let target = "\(Self.site)"
        for number in 0..<100 as Range<UInt16> {
            // A visitor in ten asks by UDP; others are at another address.
            let visitor = number % 10 == 0 ? PacketBuilder.udpFrame(5_000, to: target, 9) : nil
            samples.take(
                sample(visitor ?? PacketBuilder.tcpFrame(5_000 + number, to: target, 443)), at: Self.noon,
                readsTunnels: false)
            samples.take(
                sample(PacketBuilder.tcpFrame(number, to: "198.51.100.99", 443)), at: Self.noon, readsTunnels: false)
        }
        // The attack begins a minute later.
        let attack = OrdinarySamples.Attacked(Prefix(Self.site, length: 128), since: Self.noon + 60)
        for _ in 0..<100 {
            samples.take(
                sample(PacketBuilder.udpFrame(53, to: target, 9)), at: Self.noon + 61, readsTunnels: false)
        }
        let rules = try [
            measured(1, [.init(.protocol, "udp"), .init(.destinationPort, "9")], on: [Prefix(Self.site, length: 128)]),
            measured(2, [.init(.protocol, "udp")]),
        ]
        // Nothing is believed before an attack would have been seen.
        samples.believe(besides: [], at: Self.noon + 5)
        #expect(samples.measure(rules) == [])
        samples.believe(besides: [attack], at: Self.noon + 100)
        #expect(
            samples.measure(rules) == [
                .init(rule: 1, hits: 10, samples: 100), .init(rule: 2, hits: 10, samples: 200),
            ])
        #expect(samples.count == 200)
        samples.believe(besides: [attack], at: Self.noon + 101)
        #expect(samples.measure(rules) == [])
        // A rule that comes in the middle of the attack is measured on those from before; the others not again.
        let later = try measured(3, [.init(.protocol, "tcp")], on: [Prefix(Self.site, length: 128)])
        #expect(samples.measure(rules + [later]) == [.init(rule: 3, hits: 90, samples: 100)])
        #expect(samples.measure(rules + [later]) == [])
    }

    @Test func `what lies behind a sample's end says nothing of a rule that asks for it`() throws {
        var samples = OrdinarySamples()
        let long = (0..<3).map { _ in String(repeating: "a", count: 40) }.joined(separator: ".") + ".nl"
        for name in [long, "short.nl"] {
            for number in 0..<50 as Range<UInt16> {
                let frame = PacketBuilder.udpFrame(
                    5_000 + number, to: "\(Self.site)", 53, PacketBuilder.dns(name, type: 255))
                samples.take(sample(frame), at: Self.noon, readsTunnels: false)
            }
        }
        // What the header alone decides is counted, however long it is.
        for _ in 0..<10 {
            let frame = PacketBuilder.tcpFrame(5_000, to: "\(Self.site)", 443, [UInt8](repeating: 7, count: 900))
            samples.take(sample(frame), at: Self.noon, readsTunnels: false)
        }
        // As is a payload that is too short, and one that differs in what is known of it.
        for frame in [
            PacketBuilder.udpFrame(5_000, to: "\(Self.site)", 53, [1, 2, 3]),
            PacketBuilder.udpFrame(5_000, to: "\(Self.site)", 53, [UInt8](repeating: 255, count: 900)),
        ] { samples.take(sample(frame), at: Self.noon, readsTunnels: false) }
        let rules = try [
            // Asks for the type behind the name; and for the port alone.
            measured(1, [.init(.protocol, "udp"), .init(.service, "dns"), .init(.dnsType, "255")]),
            measured(2, [.init(.protocol, "udp"), .init(.destinationPort, "53")]),
        ]
        samples.believe(besides: [], at: Self.noon + 100)
        #expect(
            samples.measure(rules) == [
                .init(rule: 1, hits: 50, samples: 62), .init(rule: 2, hits: 102, samples: 112),
            ])
    }

    @Test func `of many samples a fair part is kept, and of hostile ones none`() throws {
        var samples = OrdinarySamples()
        for second in 0..<40 {
            for number in 0..<2_000 {
                // The first half of each second is of another kind than the second half.
                let frame =
                    number < 1_000
                    ? PacketBuilder.udpFrame(5_000, to: "\(Self.site)", 9)
                    : PacketBuilder.tcpFrame(5_000, to: "\(Self.site)", 443)
                samples.take(sample(frame), at: Self.noon + Double(second), readsTunnels: false)
            }
            for length in [0, 10, 14, 33] {
                let frame = Array(PacketBuilder.tcpFrame(1, to: "\(Self.site)", 443).prefix(length))
                samples.take(sample(frame), at: Self.noon + Double(second), readsTunnels: false)
            }
            samples.believe(besides: [], at: Self.noon + Double(second))
            let rule = try measured(1, [.init(.protocol, "udp")])
            for one in samples.measure([rule]) {
                #expect(one.samples <= UInt64(OrdinarySamples.secondLimit))
                #expect((0.35...0.65).contains(Double(one.hits) / Double(one.samples)), "\(one)")
            }
        }
        #expect((13_000...15_000).contains(samples.count), "\(samples.count)")
    }

    // ---- Cookies.

    private func flood(_ target: String, kind: String = FloodOrders.kind, until end: Double) -> TrafficAttack {
        TrafficLedgerTests.seen(target, to: end, kinds: [kind])
    }

    @Test func `a flood of SYN has cookies sent for this machine's addresses, said again while it lasts`() throws {
        var floods = FloodOrders()
        let own = [Self.site, Address("198.51.100.8")!]
        let start = TrafficLedgerTests.noon
        let networks = ServedNetworks(
            [.init(Prefix("198.51.100.0/24")!, organisation: "waterdam", title: "Waterdam")], sites: [])
        var said: [Double] = []
        for second in stride(from: 1.0, through: 60, by: 1) {
            let now = start + second
            // The latter half of it is over: other vectors may last.
            let attacks = [
                flood("198.51.100.7/32", until: min(second, 45)),
                flood("198.51.100.8/32", kind: "udp-flood", until: second),
                flood("203.0.113.9/32", until: second),
            ]
            let change = floods.observe(attacks, own: own, parts: { networks.parts(of: $0) }, at: now)
            #expect(change.begun == (second == 1 ? [Self.site] : []))
            #expect(change.over == (second == 56 ? [Self.site] : []), "\(second)")
            for order in floods.orders(at: now) {
                #expect(order.what == .flooded([Self.site]) && order.note.tenant == "waterdam" && !order.isDry)
                #expect(order.note.site == "198.51.100.7")
                #expect(order.note.author == .detection && order.note.reason.hasPrefix("SYN flood on 198.51.100.7"))
                said.append(second)
                floods.done(order, at: now)
            }
        }
        #expect(said == [1, 21, 41])
        // The last word holds so long: it is gone within 70 s of the flood's end.
        #expect(41 + Double(FloodOrders.lifetime) <= 45 + 70)
        #expect(floods.addresses.isEmpty)
    }

    @Test func `an order that nobody took is said again at once, and one of a block is for all of our addresses in it`()
    {
        var floods = FloodOrders()
        let own = [Self.site, Address("198.51.100.8")!, Address("203.0.113.1")!]
        let now = TrafficLedgerTests.noon + 1
        for _ in 0..<3 {
            _ = floods.observe([flood("198.51.100.0/24", until: 1)], own: own, parts: { _ in [] }, at: now)
            #expect(floods.orders(at: now).map(\.what) == [.flooded(Array(own.prefix(2)))])
        }
    }

    // ---- The whole way of a sample.

    @Test func `an attack is found in samples of frames alone`() throws {
        var watch = WireWatch(profile: .shipped, targets: Self.networks)
        var random = SystemRandomNumberGenerator()
        func frames(_ count: Int, _ make: (UInt32) -> [UInt8]) -> [FilterSample] {
            (0..<count).map { _ in sample(make(random.next())) }
        }
        var found: TrafficSecond?
        for second in 0..<6 {
            let now = Self.noon + Double(second)
            let clock = SampleClock(wall: now.milliseconds * 1_000_000 + 500_000_000, monotonic: 0)
            var samples = frames(20) { PacketBuilder.tcpFrame(UInt16($0 & 0x7fff) | 1_024, to: "\(Self.site)", 443) }
            if second >= 3 {
                samples += frames(60) {
                    PacketBuilder.tcpFrame(
                        from: "100.64.\($0 & 255).\($0 >> 8 & 255)", UInt16($0 >> 16 | 1_024), to: "\(Self.site)", 443,
                        flags: 2)
                }
                // A flood on an address that is nobody's of ours.
                samples += frames(60) { PacketBuilder.udpFrame(53, to: "203.0.113.\($0 & 1)", 9) }
            }
            samples.append(FilterSample(clock: 0, length: 60, bytes: [1, 2, 3]))
            watch.take(FilterSamples(samples, rate: 1_024), at: clock)
            let seen = watch.second(at: now + 1)
            #expect(seen.isHeard)
            if !seen.attacks.isEmpty, found == nil { found = seen }
        }
        let attack = try #require(found?.attacks.first)
        #expect(found?.attacks.count == 1 && attack.target.description == "\(Self.site)")
        #expect(attack.vectors.map(\.kind) == ["tcp-syn-flood"])
        #expect(try #require(found).now - Self.noon <= 5)
        #expect(watch.unread == 6)
        #expect(!watch.second(at: Self.noon + 8).isHeard)
    }

    @Test func `samples stand for what the sketch counted, also where some were lost`() throws {
        var watch = WireWatch(profile: .shipped, targets: Self.networks)
        for second in 0..<5 {
            let now = Self.noon + Double(second)
            // 40 samples of 1,024 would be 40,960; 100,003 came.
            let samples = (0..<40).map { number in
                sample(
                    PacketBuilder.tcpFrame(
                        from: "100.64.\(second).\(number)", UInt16(2_000 + number), to: "\(Self.site)", 443, flags: 2))
            }
            watch.take(
                FilterSamples(samples, rate: 1_024),
                at: SampleClock(wall: now.milliseconds * 1_000_000 + 500_000_000, monotonic: 0))
            let (targets, sources) = watch.busiest(2)
            #expect(targets == [Self.site] && sources == [Address("100.64.\(second).0")!])
            watch.weigh([Self.site: 100_003, Address("198.51.100.8")!: 5])
            let seen = watch.second(at: now + 1)
            guard second == 4 else { continue }
            #expect(seen.attacks.first?.vectors.map(\.packets) == [500_015])
            #expect(seen.attacks.first?.vectors.first?.fingerprint.evidence.peakRate == 100_003)
        }
        // A count of fewer than were seen is none.
        watch.take(
            FilterSamples([sample(PacketBuilder.tcpFrame(1, to: "\(Self.site)", 443))], rate: 7),
            at: SampleClock(wall: (Self.noon + 6).milliseconds * 1_000_000, monotonic: 0))
        watch.weigh([Self.site: 0])
        #expect(watch.busiest(1).targets == [Self.site])
    }

    @Test func `samples of a network that sends much stand for what the sketch counted of it`() throws {
        var watch = WireWatch(profile: .shipped, targets: Self.networks)
        // By its samples one network of reflectors would send half of it, and by the sketch 30,001 of 100,000. One of two
        // samples stands for those who were not seen, whatever it sent itself.
        let counts = [Address("203.0.113.0")!: UInt32(30_001), Address("192.0.2.0")!: 2]
        let answer = PacketBuilder.dns("example.nl", type: 255, isResponse: true, padding: 1_000)
        var last: TrafficSecond?
        for second in 0..<5 {
            let now = Self.noon + Double(second)
            let samples = (0..<40).map { number in
                let source = number < 20 ? "203.0.113" : number < 22 ? "192.0.2" : "100.64.\(number)"
                return sample(
                    PacketBuilder.udpFrame(
                        from: "\(source).\(number)", 53, to: "\(Self.site)", UInt16(40_000 + number), answer))
            }
            watch.take(
                FilterSamples(samples, rate: 1_024),
                at: SampleClock(wall: now.milliseconds * 1_000_000 + 500_000_000, monotonic: 0))
            watch.weigh([Self.site: 100_000], from: counts)
            last = watch.second(at: now + 1)
        }
        let vector = try #require(last?.attacks.first?.vectors.first)
        #expect(vector.kind == "dns-reflection" && vector.packets == 500_000)
        let networks = vector.fingerprint.evidence.networks
        #expect(networks.first?.prefix == "203.0.113.0/24")
        #expect(abs((networks.first?.share ?? 0) - 0.300_01) < 0.000_1)
        // Two samples of the twenty who share the rest.
        #expect(abs((networks.first { $0.prefix == "192.0.2.0/24" }?.share ?? 0) - 0.069_999) < 0.000_1)
    }

    @Test func `what the collector and samples both see is one attack`() {
        let now = TrafficLedgerTests.noon + 10
        let collector = TrafficSecond(
            now: now, attacks: [TrafficLedgerTests.seen("198.51.100.7/32", to: 9)], isHeard: false)
        let samples = TrafficSecond(
            now: now,
            attacks: [
                TrafficLedgerTests.seen("198.51.100.0/24", to: 9), TrafficLedgerTests.seen("198.51.101.70/32", to: 9),
            ], isHeard: true)
        let joined = collector.joined(with: samples)
        #expect(joined.attacks.map(\.target.description) == ["198.51.100.7", "198.51.101.70"])
        #expect(joined.isHeard && collector.joined(with: nil).attacks.count == 1)
        var ledger = TrafficLedgerTests.ledger()
        #expect(ledger.observe(joined.attacks, heard: true, at: now).count == 2)
        // Samples alone see it next: the same attack goes on.
        let next = TrafficSecond(now: now + 1, attacks: [], isHeard: false).joined(with: samples)
        let findings = ledger.observe(next.attacks, heard: true, at: now + 6)
        for finding in findings {
            if case .changed = finding.event { continue }
            Issue.record("\(finding.event)")
        }
    }
}
