internal import Detection
internal import Fingerprints
internal import Incidents
internal import Languages
internal import Mitigations
internal import Moments
internal import PublicStatus
internal import Testing

/// What is said of attacks that were only watched, in flow exports.
struct WatchedTests {
    /// Adds an attack with packets to an incident, at the same time.
    static func watched(
        _ incident: Incident, outcome: Outcome = .unknown, known: Double = 0, downtime: Double? = nil,
        sites: [String] = [], from start: Double = 0
    ) -> Incident {
        var incident = incident
        var attack = DetectedAttack(site: "198.51.100.7", start: noon + start, detected: noon + start + 2)
        attack.end = noon + start + 40
        attack.isOver = true
        attack.traffic = DetectedTraffic(target: "198.51.100.7", sites: sites)
        attack.traffic?.peakPackets = 98_765
        attack.traffic?.peakBytes = 12_500_000
        attack.traffic?.vectors = [
            .init(
                kind: "dns-reflection", packets: 1, bytes: 1, start: noon, end: noon + 40,
                fingerprint: Fingerprint(
                    conditions: [.init(.sourcePort, "53")],
                    evidence: .init(
                        coverage: 1, collateral: 0, attackCount: 1, baselineCount: 1, sources: 1, from: noon,
                        until: noon + 40), made: noon + 40, expires: noon + 86_400))
        ]
        incident.attacks.append(
            AttackRecord(
                id: 99, incident: incident.id, organisation: incident.organisation, service: .publicService,
                attack: attack,
                judgement: Judgement(
                    outcome: outcome, isProvisional: true,
                    downtime: downtime.map { .init(seconds: $0, shortest: $0, longest: $0) }, known: known,
                    basis: .init(vantages: ["office"], networks: 1, interval: 5, samples: known > 0 ? 100 : 0))))
        return incident
    }

    static var alone: Incident {
        var empty = incident(1, .unknown)
        empty.attacks = []
        return watched(empty)
    }

    /// Beside an attack with requests.
    static var beside: Incident { watched(incident(1, .fendedOff)) }

    func texts(_ incident: Incident) -> [String: Words] {
        let all = Answers(incident, earlier: [], backOffice: nil, now: noon + 3_600)
        return Dictionary(uniqueKeysWithValues: all.list.map { ($0.key, $0.answer) })
    }

    @Test func `packets are never told as requests`() throws {
        let all = texts(Self.alone)
        for (key, words) in all {
            #expect(!words.en.contains("request") && !words.nl.contains("verzoek"), "\(key): \(words.en)")
        }
        let what = try #require(all["what"])
        #expect(what.en.contains("98765 packets and 100 Mbit a second") && what.en.contains("dns-reflection"))
        #expect(try #require(all["measures"]).en.contains("only watched"))
        #expect(try #require(all["noticed"]).en.hasPrefix("Unknown"))
        let shown = Self.alone.published(titles: [:], backOffice: nil, plot: nil, now: noon + 3_600)
        #expect(shown.peakRate == nil && shown.usualRate == nil && shown.actions.isEmpty)
        #expect(shown.peakPackets == 98_765 && shown.peakBits == 100_000_000)
        #expect(shown.services.isEmpty && !"\(shown)".contains("198.51.100"))
    }

    @Test func `beside requests both are told, each in its own unit`() throws {
        let both = Self.watched(incident(1, .fendedOff))
        let what = try #require(texts(both)["what"]).en
        #expect(what.contains("1050 requests a second") && what.contains("98765 packets"))
        let shown = both.published(
            titles: ["www.waterdam": "www.waterdam.nl"], backOffice: nil, plot: nil, now: noon + 60)
        #expect(shown.peakRate == 1_050 && shown.peakPackets == 98_765 && shown.services == ["www.waterdam.nl"])
        // Nobody knows of the packets: the whole is not called fended off.
        #expect(shown.outcome == .unknown)
    }

    /// A rule in the packet filter against the attack of `watched`.
    static func rule(
        _ incident: Incident, dropped: UInt64, spared: UInt64 = 0, from start: Double = 0
    ) -> Mitigation {
        var tally = PacketTally(
            isLive: true, machine: "waterdam", interface: "eth0", attack: noon + start, match: "source_port=53")
        tally.count(FilterCount(packets: dropped, bytes: dropped * 1_000), isLive: true)
        tally.count(FilterCount(packets: dropped + spared, bytes: (dropped + spared) * 1_000), isLive: false)
        return Mitigation(
            id: 5, tenant: incident.organisation, scope: "198.51.100.7", kind: .packetRule("ab12"), status: .dry,
            since: noon + start + 1, until: nil, reason: "attack on 198.51.100.7", packets: tally)
    }

    @Test func `what the packet filter dropped is told in packets, and judges nothing`() throws {
        var incident = Self.alone
        let (outcome, judgement) = (incident.outcome, incident.attacks[0].judgement)
        incident.mitigations = [Self.rule(incident, dropped: 2_500_000, spared: 40)]
        let all = FilterCount(packets: 2_500_000, bytes: 2_500_000_000)
        #expect(incident.filtered == all && incident.handling(of: incident.attacks[0]) == .dropped)
        let told = texts(incident)
        for (key, words) in told {
            #expect(!words.en.contains("request") && !words.nl.contains("verzoek"), "\(key): \(words.en)")
        }
        let measures = try #require(told["measures"])
        #expect(measures.en.contains("The packet filter at eth0 (waterdam) dropped 2500000 packets (2500 MB)."))
        #expect(measures.en.contains("Rules that only counted would have dropped 40 packets."))
        #expect(!measures.en.contains("only watched") && !measures.nl.contains("alleen gevolgd"))
        #expect(incident.outcome == outcome && incident.attacks[0].judgement == judgement && outcome == .unknown)
        let shown = incident.published(titles: [:], backOffice: nil, plot: nil, now: noon + 3_600)
        #expect(shown.isFiltered && shown.outcome == .unknown)
        let said = "Network traffic with the fingerprint of the attack was stopped at the entrance."
        #expect(shown.actions.map(\.en) == [said])
        #expect(!"\(shown)".contains("198.51.100") && !"\(shown)".contains("eth0"))
    }

    @Test func `a flood that was answered with cookies was not only watched, and dropped nothing`() throws {
        var incident = Self.alone
        var tally = PacketTally(isLive: true, machine: "waterdam", interface: "eth0", attack: noon)
        tally.count(dropped: FilterCount(), answered: FilterCount(packets: 3_000, bytes: 180_000))
        // What detection takes for the target has grown meanwhile.
        incident.mitigations = [
            Mitigation(
                id: 5, tenant: incident.organisation, scope: "198.51.100.0/24", kind: .synCookies, status: .live,
                since: noon + 1, until: nil, reason: "a flood of SYN", packets: tally)
        ]
        #expect(incident.handling(of: incident.attacks[0]) == .answered && incident.filtered == FilterCount())
        let measures = try #require(texts(incident)["measures"])
        #expect(measures.en.contains("A flood of attempts to connect was given 3000 answers"))
        #expect(!measures.en.contains("only watched") && !measures.en.contains("matched no packet"))
        #expect(!measures.en.contains("request") && !measures.nl.contains("verzoek"))
        let shown = incident.published(titles: [:], backOffice: nil, plot: nil, now: noon + 3_600)
        #expect(shown.isAnswered && !shown.isFiltered && shown.outcome == .unknown)
        #expect(shown.actions.map(\.en) == ["Attempts to connect were answered in a way that takes up no room."])
        incident.mitigations[0].scope = "192.0.2.0/24"
        #expect(incident.handling(of: incident.attacks[0]) == .watched)
    }

    @Test func `what only counted stopped nothing`() throws {
        var incident = Self.alone
        incident.mitigations = [Self.rule(incident, dropped: 0, spared: 40)]
        let measures = try #require(texts(incident)["measures"]).en
        #expect(measures.contains("only watched this attack") && measures.contains("would have dropped 40 packets"))
        let shown = incident.published(titles: [:], backOffice: nil, plot: nil, now: noon + 3_600)
        #expect(!shown.isFiltered && shown.actions.isEmpty)
        // Nor what was against another attack, on another network, or of another organisation.
        let rule = Self.rule(incident, dropped: 9)
        incident.mitigations = [Self.rule(incident, dropped: 9, from: -500), rule, rule]
        incident.mitigations[1].scope = "192.0.2.1"
        incident.mitigations[2].tenant = "elsewhere"
        #expect(incident.handling(of: incident.attacks[0]) == .watched)
        #expect(!incident.published(titles: [:], backOffice: nil, plot: nil, now: noon + 3_600).isFiltered)
        // Beside requests nothing of that is said with them.
        var both = Self.beside
        both.mitigations = [Self.rule(both, dropped: 7)]
        let text = try #require(texts(both)["measures"]).en
        #expect(text.contains("dropped 7 packets (0.0 MB)") && !text.contains("only watched"))
    }

    @Test func `what was only watched is never fended off, however well it was measured`() {
        let calm = checks(String(repeating: ".", count: 130))
        func judge(_ samples: [[Sample]]) -> Judgement {
            Judgement(
                watching: samples, start: noon, end: noon + 40, isOver: true, interval: 5, now: noon + 2_000)
        }
        let good = judge([calm])
        #expect(good.outcome == .unknown && good.downtime == nil && good.known > 0.9 && good.basis.samples > 100)
        #expect(judge([]).outcome == .unknown && judge([]).basis.samples == 0)
        let bad = checks("...xxxx" + String(repeating: ".", count: 123))
        #expect(judge([calm, bad]).outcome == .down && judge([calm, bad]).downtime?.seconds ?? 0 > 10)
        var measured = incident(1, .unknown)
        measured.attacks = []
        let noticed = texts(Self.watched(measured, known: 1))["noticed"]?.en ?? ""
        #expect(noticed.hasPrefix("Unknown: our checks saw no interruption"))
    }

    @Test func `minutes that are down once are counted once`() {
        let down = incident(1, .down, downtime: 60)
        #expect(down.downtime(.publicService)?.seconds == 60)
        #expect(
            Self.watched(down, outcome: .down, known: 1, downtime: 50).downtime(.publicService)?.seconds == 60)
        // At another time they are others.
        #expect(
            Self.watched(down, outcome: .down, known: 1, downtime: 50, from: 3_000).downtime(.publicService)?.seconds
                == 110)
        var alone = down
        alone.attacks = []
        #expect(
            Self.watched(alone, outcome: .down, known: 1, downtime: 50).downtime(.publicService)?.seconds == 50)
    }

    @Test func `the table counts them apart`() {
        let table = Statistics(
            [Self.watched(incident(1, .fendedOff)), Self.alone], in: noon + -60..<noon + 60,
            coverage: .init(organisations: 1, services: 1, servicesMeasured: 1))
        #expect(table.publicServices.attacks == 1 && table.publicServices.peakRate == 1_050)
        #expect(table.publicServices.fendedOff == 1 && table.publicServices.peakPackets == 0)
        #expect(table.networks.attacks == 2 && table.networks.unknown == 2 && table.networks.fendedOff == 0)
        #expect(table.networks.peakPackets == 98_765 && table.networks.peakRate == 0)
    }

    @Test func `no prepared text claims a measure, or that all is well`() {
        for text in PreparedText.allCases {
            for outcome in [Outcome.unknown, .down, .degraded] {
                let words = text.words(
                    .init(
                        service: "Gemeente Waterdam", start: noon, end: noon + 40, outcome: outcome, downtime: nil,
                        isWatched: true))
                for claim in ["stopping harmful", "as usual", "protect the website better"] {
                    #expect(!words.en.contains(claim), "\(text): \(words.en)")
                }
                #expect(!words.nl.contains("houden verkeerd verkeer tegen"))
            }
        }
    }
}
