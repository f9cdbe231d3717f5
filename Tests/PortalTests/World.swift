internal import Detection
internal import Fingerprints
internal import Incidents
internal import Languages
internal import Mitigations
internal import Moments
internal import Portal
internal import PublicStatus
internal import Synchronization

/// A clock that is moved by hand.
final class TestClock: Sendable {
    private let moment: Mutex<Moment>

    init(_ moment: Moment) { self.moment = Mutex(moment) }

    var now: Moment { moment.withLock { $0 } }
    func pass(_ seconds: Double) { moment.withLock { $0 = $0 + seconds } }
}

/// Two organisations on one street, each with a word in everything that is its own, and an account of every kind.
struct World: Sendable {
    static let password = "een lang wachtwoord"
    /// No page may ever show where attack traffic came from.
    static let sealedWords = ["203.0.113.", "2001:db8:bad"]
    /// Cheap, for tests that are not about its cost.
    static let cheap = Password.Cost(logRounds: 4, blockSize: 8, parallelism: 1)

    struct Member: Sendable {
        var organisation: String
        var mark: String
        var site: String
        var incident: String
        var fingerprint: String
        /// The number of an order by hand, and of a rule on requests.
        var order: Int
        var rule: String
    }

    static let alpha = Member(
        organisation: "Provincie markalpha", mark: "markalpha", site: "markalpha-www", incident: "2026-1",
        fingerprint: String(repeating: "a1", count: 32), order: 1, rule: "00000000000000a1")
    static let beta = Member(
        organisation: "Gemeente markbeta", mark: "markbeta", site: "markbeta-www", incident: "2026-2",
        fingerprint: String(repeating: "b2", count: 32), order: 2, rule: "00000000000000b2")

    let records = MemoryRecords()
    let street: MemoryStreet
    let clock = TestClock(Moment(seconds: 1_795_452_228))
    var configuration: PortalConfiguration

    init(hostile: String = "", cost: Password.Cost = World.cheap) async throws {
        configuration = PortalConfiguration(listener: .address("127.0.0.1", port: 0), hosts: ["console.example"])
        configuration.passwordCost = cost
        let now = clock.now
        street = MemoryStreet(
            sites: [Self.alpha, Self.beta].map { Self.site($0, now, hostile) }, records: records, clock: clock)
        await street.give(filter: .answering(Self.filter(hostile)))
        for (index, member) in [Self.alpha, Self.beta].enumerated() {
            try await fill(member, Int64(index + 1), now, hostile)
            let act = try ControlBook.Act(index == 0 ? .allow : .deny, index == 0 ? "198.51.100.7" : "198.51.100.64/26")
            try await street.seed(act, site: member.site, reason: "kantoor van \(member.mark)\(hostile)")
            await street.seed(Self.rule(member, now, hostile))
        }
        try await street.seed(try ControlBook.Act(.deny, "2001:db8:5::/48"), site: "", reason: "scanner\(hostile)")
        let hash = Password.hash(Self.password, cost: cost) ?? ""
        for organisation in [nil, Self.alpha.organisation, Self.beta.organisation] {
            for role in Account.Role.allCases {
                let name = Self.name(role, organisation)
                try await records.keep(Account(name: name, role: role, organisation: organisation, password: hash))
            }
        }
    }

    static func name(_ role: Account.Role, _ organisation: String?) -> String {
        "\(role.rawValue)-\(organisation.map { $0.split(separator: " ")[1] } ?? "street")"
    }

    static func point(_ site: String, at: Moment, refused: UInt64 = 900) -> SitePoint {
        SitePoint(
            site: site, at: at, span: 1, requests: 60 + refused, admitted: 58, queued: 8, refused: refused, failed: 2,
            median: 38, p95: 61.5)
    }

    private static func site(_ member: Member, _ now: Moment, _ hostile: String) -> SiteNow {
        SiteNow(
            site: member.site, organisation: member.organisation, host: "www.\(member.mark).example\(hostile)",
            service: .publicService, state: member.site == alpha.site ? .degraded : .up, isObserving: false,
            isUnderPressure: member.site == alpha.site, limit: 12, inFlight: 9, waiting: 4, healthyOrigins: 2,
            origins: 2,
            point: point(member.site, at: now + -1), incident: member.incident,
            mitigations: [mitigation(member, now, hostile, id: 1)])
    }

    /// One that may not do all that it should.
    private static func filter(_ hostile: String) -> PacketFilterNow.Answer {
        .init(
            mode: .nftables, interface: "eth0\(hostile)", rules: 1_007, dryRules: 5, suspendedRules: 2,
            missing: [
                "no program of ours in the kernel: CAP_BPF is missing\(hostile)", "nftables answers with no cookies",
            ])
    }

    private static func mitigation(_ member: Member, _ now: Moment, _ hostile: String, id: Int64) -> Mitigation {
        Mitigation(
            id: id, tenant: member.organisation, scope: member.site,
            kind: id == 1 ? .admission : .fingerprint(member.fingerprint), status: id == 1 ? .live : .ended,
            since: now + -300, until: id == 1 ? nil : now + -60,
            reason: "Meer verzoeken dan \(member.mark) aankan: 960 per seconde, 12 tegelijk.\(hostile)", dropped: 81_240
        )
    }

    private static func rule(_ member: Member, _ now: Moment, _ hostile: String) -> RuleNow {
        RuleNow(
            site: member.site, id: UInt64(member.rule, radix: 16) ?? 0,
            conditions: [.init(.method, "GET"), .init(.route, "/\(member.mark)/zoeken?q\(hostile)")], state: .live,
            coverage: 0.973, collateral: 0.0004, hits: 181_230, knownHits: 3, marked: 181_227, until: now + 1_700)
    }

    /// What a rule in the packet filter dropped.
    private static func packetRule(_ member: Member, _ now: Moment, _ hostile: String) -> Mitigation {
        var tally = PacketTally(
            isLive: true, machine: "straat\(hostile)", interface: "eth0\(hostile)", attack: now + -300,
            match: "source_port=53\(hostile)")
        tally.count(FilterCount(packets: 2_512_345, bytes: 3_000_000_000), isLive: true)
        return Mitigation(
            id: 90, tenant: member.organisation, scope: member.site, kind: .packetRule(member.fingerprint),
            status: .live, since: now + -200, until: nil, reason: "attack on \(member.mark)\(hostile)", packets: tally)
    }

    private func fill(_ member: Member, _ id: Int64, _ now: Moment, _ hostile: String) async throws {
        var attack = DetectedAttack(site: member.site, start: now + -300, detected: now + -295)
        attack.end = now
        attack.isOver = id == 2
        attack.peakRate = 1_240
        attack.usualRate = 48.5
        attack.requests = 214_000
        attack.excess = 199_450
        attack.admitted = 15_100
        attack.queued = 2_400
        attack.refused = 198_900
        attack.sources = 2_210
        attack.networks = [.init("203.0.113.0/24", 120_000), .init("2001:db8:bad::/48", 4_000)]
        attack.routes = [.init("/\(member.mark)/zoeken?q\(hostile)", 180_000), .init("/", 20_000)]
        attack.fingerprint = Fingerprint(
            conditions: [.init(.method, "GET"), .init(.route, "/\(member.mark)/zoeken?q\(hostile)")],
            evidence: .init(
                coverage: 0.973, collateral: 0.0004, attackCount: 199_450, baselineCount: 100_000, sources: 2_210,
                from: now + -300, until: now), made: now, expires: now + 86_400)
        let judgement = Judgement(
            outcome: id == 1 ? .degraded : .fendedOff, isProvisional: id == 1,
            downtime: .init(seconds: id == 1 ? 12.5 : 0, shortest: id == 1 ? 10 : 0, longest: id == 1 ? 15 : 0),
            known: 0.98,
            basis: .init(vantages: ["ams", "ein", "gro"], networks: 3, interval: 5, samples: 180))
        let record = AttackRecord(
            id: id, incident: id, organisation: member.organisation, service: .publicService, attack: attack,
            judgement: judgement)
        let mark = member.mark + hostile
        await records.seed(
            Incident(
                id: id, number: member.incident, organisation: member.organisation, opened: attack.start,
                attacks: [record],
                posts: [
                    Post(
                        at: now + -240, author: "wasstraat",
                        text: Words(nl: "De website is trager. \(mark)", en: "The website is slower. \(mark)"))
                ],
                evidence: [
                    Evidence(
                        at: now + -60, kind: .claimAfter, source: "D", credibility: 4, text: "Bericht \(mark)",
                        author: Self.name(.analyst, member.organisation))
                ],
                claims: [
                    Claim(
                        at: now + -100, claimant: "Groep \(mark)", place: "kanaal \(mark)",
                        text: "Wij waren het \(mark)",
                        author: Self.name(.analyst, member.organisation))
                ],
                mitigations: [
                    Self.mitigation(member, now, hostile, id: 1), Self.packetRule(member, now, hostile),
                ],
                sharings: [Sharing(at: now, fingerprint: member.fingerprint, with: "NCSC \(mark)", wasReceived: false)])
        )
        for second in 0..<300 {
            try await records.add([
                Self.point(member.site, at: now + Double(second - 300), refused: UInt64(400 + second * second % 700))
            ])
        }
        for minute in 0..<5 {
            try await records.add([
                SitePoint(
                    site: member.site, at: now + Double(-600 + minute * 60), span: 60, requests: 2_900, admitted: 2_900,
                    queued: 0, refused: 0, failed: 0, median: 35, p95: 44)
            ])
        }
        for age in 0..<30 {
            try await records.file(
                DayRecord(
                    site: member.site, day: Day(number: now.day.number - Int64(age)),
                    worst: age == 7 ? .unknown : age == 0 || age == 12 ? .degraded : .up,
                    downSeconds: age == 12 ? 95 : 0,
                    known: age == 7 ? 0.2 : 0.998, requests: 4_000_000))
        }
        _ = try await records.file(Self.mitigation(member, now, hostile, id: id + 1), incident: id)
        try await records.file(
            StoredFingerprint(
                id: member.fingerprint, form: Array("{\"mark\":\"\(member.mark)\"}".utf8), origin: member.organisation,
                isImported: false, isDry: true, filed: now))
        try await records.note(
            actor: Self.name(.operator, member.organisation), action: "observe", object: "\(member.site)\(hostile)",
            at: now + -90)
    }

    /// Runs the console on a port of its own for as long as the body takes.
    func serve<Value: Sendable>(_ body: @escaping @Sendable (Browser) async throws -> Value) async throws -> Value {
        let clock = clock
        let portal = Portal(records: records, street: street, configuration: configuration, clock: { clock.now })
        let (ports, port) = AsyncStream<Int>.makeStream()
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await portal.run { port.yield($0) }
                return nil
            }
            group.addTask {
                for await number in ports { return try await body(Browser(port: number)) }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw MemoryRecords.Broken()
        }
    }
}
