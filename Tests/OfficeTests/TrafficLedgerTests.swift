import Addresses
import Detection
import Fingerprints
import Incidents
import Moments
import Testing
import wasstraat

/// What is made of attacks seen in flow exports, without a socket and without a register.
@Suite struct TrafficLedgerTests {
    static let noon = Moment(seconds: 1_795_435_200)
    static let networks = ServedNetworks(
        [
            .init(Prefix("198.51.100.0/24")!, organisation: "waterdam", title: "Gemeente Waterdam"),
            .init(Prefix("198.51.101.64/26")!, organisation: "oost", title: "Oost"),
            .init(Prefix("2001:db8::/32")!, organisation: "waterdam", title: "Gemeente Waterdam"),
        ],
        sites: [
            .init(
                "www", organisation: "waterdam", service: .publicService,
                addresses: [Address("198.51.100.10")!, Address("127.0.0.1")!]),
            .init("zaken", organisation: "waterdam", service: .backOffice, addresses: [Address("198.51.100.20")!]),
        ])

    static func seen(
        _ target: String, from start: Double = 0, to end: Double, packets: UInt64 = 1_000,
        kinds: [String] = ["dns-reflection"], state: TrafficAttack.State = .confirmed, isSpoofable: Bool = false
    ) -> TrafficAttack {
        let vectors = kinds.enumerated().map { index, kind in
            TrafficVector(
                kind: kind,
                fingerprint: Fingerprint(
                    conditions: [.init(.protocol, "udp"), .init(.sourcePort, "53")], kind: kind,
                    evidence: .init(
                        coverage: 1, collateral: 0, attackCount: packets, baselineCount: 10, sources: 200,
                        from: noon + start, until: noon + end, isSpoofable: isSpoofable,
                        networks: isSpoofable ? [] : [.init(prefix: "203.0.113.0/24", share: 0.5)]),
                    made: noon + end, expires: noon + 86_400), packets: packets, bytes: packets * 100,
                start: noon + start + Double(index), end: noon + end)
        }
        var attack = TrafficAttack(
            target: .prefix(Prefix(target)!), state: state, start: noon + start, end: noon + end,
            detected: noon + start + 1, vectors: vectors)
        for second in Int64(start)...Int64(end) {
            attack.points.append(
                .init(
                    time: Moment(seconds: noon.seconds + second), attackPackets: 500, attackBytes: 50_000,
                    allPackets: 600, allBytes: 60_000))
        }
        return attack
    }

    static func open(_ attack: DetectedAttack, organisation: String = "waterdam") -> AttackRecord {
        AttackRecord(
            id: 1, incident: 1, organisation: organisation, service: .publicService, attack: attack,
            judgement: Judgement(
                of: [], start: attack.start, end: attack.end, isOver: false, interval: 5, now: attack.end))
    }

    static func ledger(_ open: [AttackRecord] = []) -> TrafficLedger {
        TrafficLedger(networks, resuming: open, at: noon)
    }

    @Test func `an attack is filed when it is sure, when a vector joins, now and then, and when it is over`() throws {
        var ledger = Self.ledger()
        #expect(
            ledger.observe([Self.seen("198.51.100.7", to: 0, state: .suspected)], heard: true, at: Self.noon).isEmpty)
        let first = ledger.observe([Self.seen("198.51.100.7", to: 1)], heard: true, at: Self.noon + 1)
        guard case .opened(let begun) = try #require(first.first).event else { throw Unexpected() }
        #expect(first.count == 1 && first[0].organisation == "waterdam" && first[0].title == "Gemeente Waterdam")
        #expect(begun.site == "198.51.100.7" && begun.start == Self.noon && begun.detected == Self.noon + 1)
        // Packets are packets: nothing of it stands where requests stand.
        #expect(begun.peakRate == 0 && begun.requests == 0 && begun.refused == 0 && begun.fingerprint == nil)
        #expect(
            begun.traffic?.packets == 1_000 && begun.traffic?.peakPackets == 500 && begun.traffic?.points.count == 2)
        #expect(
            ledger.observe([Self.seen("198.51.100.7", to: 2, packets: 2_000)], heard: true, at: Self.noon + 2).isEmpty)
        let joined = ledger.observe(
            [Self.seen("198.51.100.7", to: 3, packets: 3_000, kinds: ["dns-reflection", "tcp-syn-flood"])], heard: true,
            at: Self.noon + 3)
        #expect(joined.map(\.joined) == [["tcp-syn-flood"]])
        let later = ledger.observe(
            [Self.seen("198.51.100.7", to: 8, packets: 9_000, kinds: ["dns-reflection", "tcp-syn-flood"])], heard: true,
            at: Self.noon + 8)
        #expect(later.map(\.event.attack.traffic?.packets) == [18_000])
        let over = ledger.observe([], heard: true, at: Self.noon + 200)
        guard case .over(let ended) = try #require(over.first).event else { throw Unexpected() }
        #expect(ended.isOver && ended.end == Self.noon + 8 && ended.start == begun.start && ledger.count == 0)
    }

    @Test func `an attack goes on while a rule drops all of it before the exports, with the counts of both sides`()
        throws
    {
        var ledger = Self.ledger()
        let first = ledger.observe([Self.seen("198.51.100.7", to: 4)], heard: true, at: Self.noon + 4)
        let begun = try #require(first.first).event.attack
        let held: Set = [RuleHandover.Attack(begun, of: "waterdam")]
        // Detection has let go of it: behind the filter nothing is seen.
        for second in 5...400 {
            let found = ledger.observe([], heard: true, held: held, at: Self.noon + Double(second))
            #expect(found.allSatisfy { !$0.event.attack.isOver })
            if let last = found.last { #expect(last.event.attack.end == Self.noon + Double(second)) }
        }
        #expect(ledger.count == 1)
        // The rule goes, and it is seen again: the same attack, with what was seen of it before.
        let again = ledger.observe([Self.seen("198.51.100.7", from: 401, to: 404)], heard: true, at: Self.noon + 410)
        let attack = try #require(again.first).event.attack
        #expect(attack.start == begun.start && attack.traffic?.packets == 2_000 && !attack.isOver)
        let over = ledger.observe([], heard: true, at: Self.noon + 600)
        #expect(over.first?.event.attack.isOver == true && ledger.count == 0)
        // One that is held by nothing is over at once, as ever.
        var other = Self.ledger()
        _ = other.observe([Self.seen("198.51.100.7", to: 4)], heard: true, at: Self.noon + 4)
        #expect(other.observe([], heard: true, at: Self.noon + 5).first?.event.attack.isOver == true)
    }

    @Test func `a block of several organisations is filed for each, as far as it is theirs`() {
        var ledger = Self.ledger()
        let found = ledger.observe([Self.seen("198.51.96.0/20", to: 3)], heard: true, at: Self.noon + 3)
        #expect(found.map(\.organisation).sorted() == ["oost", "waterdam"])
        #expect(found.map(\.event.attack.site).sorted() == ["198.51.100.0/24", "198.51.101.64/26"])
        #expect(found.allSatisfy { $0.event.attack.traffic?.target == "198.51.96.0/20" })
        #expect(ledger.strangers(among: [Self.seen("192.0.2.1", to: 1)]).map(\.description) == ["192.0.2.1"])
        // Nobody's opens nothing; those of before are over.
        let rest = ledger.observe([Self.seen("192.0.2.1", to: 4)], heard: true, at: Self.noon + 4)
        #expect(rest.count == 2 && rest.allSatisfy(\.event.attack.isOver))
    }

    @Test func `the sites that stand there decide whom it was on`() throws {
        func part(_ target: String) throws -> ServedNetworks.Part {
            let block = try #require(Prefix(target))
            return try #require(Self.networks.parts(of: block).first)
        }
        #expect(try part("198.51.100.10").sites == ["www"])
        #expect(try part("198.51.100.20").service == .backOffice)
        #expect(try part("198.51.100.0/24").sites == ["www", "zaken"])
        #expect(try part("198.51.100.0/24").service == .publicService)
        #expect(try part("198.51.100.99").sites == [] && part("198.51.100.99").service == .publicService)
        // Detection looks at whole blocks: watched has to hold what it calls them by.
        #expect(Self.networks.watched.map(\.description) == ["198.51.96.0/20", "2001:db8::/32"])
    }

    @Test func `what an earlier collector left goes on where it is seen again, with its counts`() throws {
        var earlier = Self.ledger()
        _ = earlier.observe([Self.seen("198.51.100.7", to: 4)], heard: true, at: Self.noon + 4)
        let left = try #require(earlier.finish(at: Self.noon + 5).first).event.attack
        #expect(!left.isOver)
        var ledger = Self.ledger([Self.open(left)])
        #expect(ledger.count == 1)
        #expect(ledger.observe([], heard: true, at: Self.noon + 30).isEmpty)
        // It is the same although only a part of the block is hit now.
        let found = ledger.observe([Self.seen("198.51.100.7", from: 40, to: 52)], heard: true, at: Self.noon + 52)
        guard case .changed(let attack) = try #require(found.first).event else { throw Unexpected() }
        #expect(attack.start == left.start && attack.site == left.site && attack.end == Self.noon + 52)
        #expect(attack.traffic?.packets == 2_000 && attack.traffic?.vectors.count == 1)
        #expect(attack.traffic?.points.count == 5 + 13)
        // Nothing was seen between: nothing is drawn there.
        #expect(attack.traffic?.points.contains { $0.at > Self.noon + 5 && $0.at < Self.noon + 39 } == false)
    }

    @Test func `what an earlier collector left and nobody sees again is over, at the last second that was seen`() throws
    {
        var earlier = Self.ledger()
        _ = earlier.observe([Self.seen("198.51.100.7", to: 4)], heard: true, at: Self.noon + 4)
        let left = try #require(earlier.finish(at: Self.noon + 5).first).event.attack
        var ledger = Self.ledger([Self.open(left)])
        // An exporter that is silent ends nothing.
        for second in 0..<300 {
            #expect(ledger.observe([], heard: false, at: Self.noon + 10 + Double(second)).isEmpty)
        }
        var ends: [TrafficFinding] = []
        for second in 0..<Int(TrafficLedger.pause) {
            ends += ledger.observe([], heard: true, at: Self.noon + 400 + Double(second))
        }
        guard case .over(let ended) = try #require(ends.first).event else { throw Unexpected() }
        #expect(ends.count == 1 && ended.end == left.end && ended.isOver && ledger.count == 0)
        // After an hour without anybody looking it is not the same attack any more.
        ledger = Self.ledger([Self.open(left)])
        #expect(ledger.observe([], heard: false, at: Self.noon + 3_700).map(\.event.attack.end) == [left.end])
    }

    @Test func `networks of senders are kept apart, and none where senders can be forged`() throws {
        var ledger = Self.ledger()
        let real = ledger.observe([Self.seen("198.51.100.7", to: 3)], heard: true, at: Self.noon + 3)
        let attack = try #require(real.first).event.attack
        #expect(attack.networks == [.init("203.0.113.0/24", 500)] && attack.sources == 200)
        #expect(attack.fingerprints.allSatisfy { $0.evidence.networks.isEmpty })
        let forged = ledger.observe(
            [Self.seen("198.51.100.9", to: 4, kinds: ["tcp-syn-flood"], isSpoofable: true)], heard: true,
            at: Self.noon + 4)
        let other = try #require(forged.first { $0.event.attack.site == "198.51.100.9" }).event.attack
        #expect(other.networks.isEmpty && other.sources == 0)
    }

    @Test func `hours fit into a bounded number of points, and nothing is lost`() throws {
        var ledger = Self.ledger()
        var last = DetectedAttack(site: "", start: Self.noon, detected: Self.noon)
        for end in stride(from: 10.0, through: 5_000, by: 499) {
            let found = ledger.observe([Self.seen("198.51.100.7", to: end)], heard: true, at: Self.noon + end)
            last = found.last?.event.attack ?? last
        }
        let traffic = try #require(last.traffic)
        #expect(traffic.points.count <= DetectedTraffic.pointLimit && traffic.pointSeconds == 32)
        let seconds = UInt64(last.end.seconds - last.start.seconds + 1)
        #expect(traffic.points.reduce(0) { $0 + $1.packets } == seconds * 500)
    }
}

private struct Unexpected: Error {}
