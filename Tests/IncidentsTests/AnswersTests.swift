internal import Detection
internal import Incidents
internal import Languages
internal import Mitigations
internal import Moments
internal import PublicStatus
internal import Testing

/// An incident of one attack of 20 s with the outcome given.
func incident(
    _ number: Int, _ outcome: Outcome, service: ServiceKind = .publicService, downtime: Double? = nil,
    startingAt start: Moment = noon, organisation: String = "waterdam"
) -> Incident {
    var attack = DetectedAttack(site: "www.\(organisation)", start: start, detected: start + 2)
    attack.end = start + 20
    attack.isOver = true
    attack.peakRate = 1_050
    attack.usualRate = 50
    attack.requests = 21_000
    attack.refused = 19_000
    attack.queued = 200
    attack.sources = 500
    attack.networks = [.init("198.51.100.0/24", 4_000)]
    let known = outcome == .unknown ? nil : downtime ?? (outcome == .down ? 60 : 0)
    let judgement = Judgement(
        outcome: outcome, isProvisional: true,
        downtime: known.map { Judgement.Downtime(seconds: $0, shortest: max(0, $0 - 5), longest: $0 + 5) },
        known: outcome == .unknown ? 0 : 1,
        basis: Judgement.Basis(vantages: ["office"], networks: 1, interval: 5, samples: outcome == .unknown ? 0 : 124))
    let record = AttackRecord(
        id: Int64(number), incident: Int64(number), organisation: organisation, service: service, attack: attack,
        judgement: judgement)
    return Incident(
        id: Int64(number), number: "2027-\(number)", organisation: organisation, opened: start, attacks: [record])
}

struct AnswersTests {
    func answers(_ one: Incident, earlier: [Incident] = [], backOffice: Availability? = nil) -> [String: Answer] {
        let all = Answers(one, earlier: earlier, backOffice: backOffice, now: noon + 3_600)
        return Dictionary(uniqueKeysWithValues: all.list.map { ($0.key, $0) })
    }

    @Test func `an unmeasured incident is answered with unknown, not with hope`() throws {
        let all = answers(incident(1, .unknown))
        for key in ["noticed", "duration", "back-office", "fended-off", "mean-downtime"] {
            let answer = try #require(all[key])
            #expect(!answer.isKnown && answer.answer.en.lowercased().contains("unknown"), "\(key): \(answer.answer.en)")
            #expect(answer.answer.nl.lowercased().contains("onbekend"), "\(key): \(answer.answer.nl)")
        }
    }

    @Test func `a rule that only counted is not said to have acted, also when it has ended`() throws {
        var one = incident(1, .fendedOff)
        func rule(_ marked: UInt64?, _ name: String = "0a") -> Mitigation {
            Mitigation(
                id: 0, tenant: one.organisation, scope: "www.waterdam", kind: .fingerprint(name), status: .ended,
                since: noon, until: noon + 60, reason: "", marked: marked)
        }
        func said() throws -> (answer: String, actions: [String]) {
            let shown = one.published(titles: [:], backOffice: nil, plot: nil, now: noon + 60)
            return (try #require(answers(one)["measures"]).answer.en, shown.actions.map(\.en))
        }
        let before = try said()
        // As earlier versions wrote it: nobody can say.
        one.mitigations = [rule(nil)]
        #expect(try said() == before)
        one.mitigations = [rule(0, "0a"), rule(0, "0b")]
        #expect(try said().answer == before.answer + " 2 rules only counted." && said().actions == before.actions)
        one.mitigations = [rule(20, "0a"), rule(10, "0a"), rule(4, "0b"), rule(0, "0c")]
        let words = " 2 rules on fingerprints marked 34 requests to go last. One rule only counted."
        #expect(try said().answer == before.answer + words)
        #expect(try said().actions == before.actions + ["Requests that looked like the attack went last."])
    }

    @Test func `a claim stays a claim, and no public text names the claimant`() throws {
        var one = incident(1, .fendedOff)
        #expect(answers(one)["who"]?.answer.en == "We do not know who did this.")
        one.claims = [Claim(at: noon, claimant: "Noname Nobody", place: "a channel", text: "we did", author: "analyst")]
        let who = try #require(answers(one)["who"])
        #expect(who.answer.en.contains("a claim, no fact") && who.answer.en.contains("Noname Nobody") && !who.isKnown)
        let shown = one.published(titles: [:], backOffice: nil, plot: nil, now: noon + 60)
        #expect(!"\(shown)".contains("Noname") && shown.attribution.en.contains("cannot confirm"))
    }

    @Test func `earlier incidents, shares and means count all of the organisation's attacks so far`() throws {
        let earlier = [
            incident(1, .down, downtime: 120, startingAt: noon + -9_000),
            incident(2, .unknown, startingAt: noon + -6_000),
            incident(4, .fendedOff, startingAt: noon + 9_000),
        ]
        let all = answers(incident(3, .fendedOff), earlier: earlier)
        #expect(all["before"]?.answer.en == "For this organisation: 2 earlier in this register.")
        #expect(try #require(all["fended-off"]).answer.en.hasPrefix("1 of 2 with a known outcome"))
        #expect(try #require(all["fended-off"]).answer.en.hasSuffix("Of 1 the outcome is unknown."))
        #expect(
            try #require(all["mean-downtime"]).answer.en.hasPrefix(
                "1 minute per attack (attacks with a known outcome: 2)"))
    }

    @Test func `the back office is answered from measurement only`() {
        let window = noon..<noon + 620
        func measured(_ text: String) -> Availability { Availability(checks(text), in: window, interval: 5) }
        let calm = String(repeating: ".", count: 130)
        let one = incident(1, .down)
        #expect(one.touchedBackOffice(nil) == nil)
        #expect(one.touchedBackOffice(measured(calm)) == false)
        #expect(one.touchedBackOffice(measured("..xxx" + calm)) == true)
        #expect(one.touchedBackOffice(measured("...")) == nil)
        #expect(incident(1, .down, service: .backOffice).touchedBackOffice(nil) == true)
    }

    @Test func `what is published holds no network, and nothing of a back office`() {
        var one = incident(1, .down)
        one.attacks += incident(2, .down, service: .backOffice, organisation: "intranet").attacks
        let shown = one.published(
            titles: ["www.waterdam": "www.waterdam.example", "www.intranet": "intra.waterdam.example"], backOffice: nil,
            plot: nil, now: noon + 60)
        #expect(!"\(shown)".contains("198.51.100"))
        #expect(
            shown.services == ["www.waterdam.example"] && shown.downSeconds == 60 && shown.touchedBackOffice == true)
        #expect(!incident(2, .down, service: .backOffice).isPublic)
    }
}

struct StatisticsTests {
    @Test func `the table counts every attack once and keeps unknown apart`() throws {
        let incidents = [
            incident(1, .fendedOff), incident(2, .fendedOff), incident(3, .down, downtime: 90),
            incident(4, .degraded, organisation: "elders"), incident(5, .unknown),
            incident(6, .down, service: .backOffice), incident(7, .down, startingAt: noon + -999_999),
        ]
        let table = Statistics(
            incidents, in: noon + -1..<noon + 1,
            coverage: .init(organisations: 3, services: 4, servicesMeasured: 3))
        #expect(table.incidents == 6 && table.organisationsHit == 2)
        let figures = table.publicServices
        #expect(
            (figures.attacks, figures.fendedOff, figures.degraded, figures.down, figures.unknown) == (5, 2, 1, 1, 1))
        #expect(table.backOffices.attacks == 1 && table.backOffices.down == 1)
        #expect(figures.shareFendedOff == Proportion(2, of: 4) && figures.bounds == 0.4...0.6)
        #expect(figures.meanDowntime == 22.5 && figures.meanDowntimeWhenDown == 90)
        #expect(Statistics.Table.median(figures.detection) == 2)
    }

    @Test func `an empty register has no shares and no means`() {
        let table = Statistics(
            [], in: noon..<noon + 1, coverage: .init(organisations: 0, services: 0, servicesMeasured: 0))
        #expect(table.publicServices.shareFendedOff.interval == nil && table.publicServices.meanDowntime == nil)
        #expect(table.publicServices.bounds == nil)
    }
}

struct PlotTests {
    @Test func `seconds and minutes give the same rates`() throws {
        let window = noon..<noon + 240
        func point(_ at: Double, _ span: Int, _ admitted: UInt64) -> SitePoint {
            SitePoint(
                site: "site", at: noon + at, span: span, requests: admitted, admitted: admitted, queued: 0, refused: 0,
                failed: 0, median: nil, p95: nil)
        }
        let up = Availability(checks(String(repeating: ".", count: 50)), in: window, interval: 5)
        let minutes = try #require(
            PublicPlot((0..<4).map { point(Double($0) * 60, 60, 600) }, availability: up, in: window))
        let seconds = try #require(
            PublicPlot((0..<240).map { point(Double($0), 1, 10) }, availability: up, in: window))
        #expect(minutes.step == 2 && minutes.admitted.count == 120)
        for (left, right) in zip(minutes.admitted, seconds.admitted) { #expect(abs(left - right) < 1e-9) }
        #expect(abs(seconds.admitted[7] - 10) < 1e-9 && seconds.states.allSatisfy { $0 == .up })
    }

    @Test(arguments: [1.0, 59, 120, 121, 5_000, 900_000]) func `never more than 120 steps`(length: Double) throws {
        let window = noon..<noon + length
        let plot = try #require(PublicPlot([], availability: Availability([], in: window, interval: 5), in: window))
        #expect(plot.admitted.count <= 120 && plot.admitted.count * plot.step >= Int(length))
        #expect(plot.states.count == plot.admitted.count && plot.latency.count == plot.admitted.count)
    }
}

struct PhrasesTests {
    @Test(arguments: [
        (0.0, "0 seconden", "0 seconds"), (1, "1 seconde", "1 second"),
        (200, "3 minuten en 20 seconden", "3 minutes and 20 seconds"),
        (3_600, "1 uur", "1 hour"), (90_061, "1 dag en 1 uur", "1 day and 1 hour"), (-5, "0 seconden", "0 seconds"),
        (.infinity, "37037 dagen", "37037 days"),
    ]) func `durations are said in two units`(seconds: Double, nl: String, en: String) {
        let words = Phrases.duration(seconds)
        #expect(words.nl.hasPrefix(nl) && words.en.hasPrefix(en))
    }

    @Test func `shares are never rounded up to all or down to none`() {
        #expect(Phrases.percent(0.999) == "99 %" && Phrases.percent(1) == "100 %")
        #expect(Phrases.percent(0.001) == "1 %" && Phrases.percent(0) == "0 %")
    }
}

struct AttributionTests {
    func evidence(_ kind: Evidence.Kind, _ source: String = "B", _ credibility: Int = 2, daysAgo: Double = 1)
        -> Evidence
    {
        Evidence(
            at: noon + -daysAgo * 86_400, kind: kind, source: source, credibility: credibility, text: "", author: "")
    }

    @Test func `only a statement may be said as fact, over every set of evidence`() {
        let kinds = Evidence.Kind.allCases
        for set in 0..<(1 << kinds.count) {
            for grade in ["A", "C", "E", "F"] {
                let list = kinds.indices.filter { set >> $0 & 1 == 1 }.map { evidence(kinds[$0], grade) }
                let level = Attribution(claims: [], evidence: list, now: noon)
                if level == .stated { #expect(list.contains { $0.kind == .statement && "ABC".contains(grade) }) }
                #expect(list.isEmpty == (level == .none))
            }
        }
    }

    @Test func `indications fade after ninety days, and two of a kind are one`() {
        let two = [evidence(.claimBefore), evidence(.tool)]
        #expect(Attribution(claims: [], evidence: two, now: noon) == .indicated)
        #expect(Attribution(claims: [], evidence: two, now: noon + 90 * 86_400) == .claimed)
        #expect(Attribution(claims: [], evidence: [evidence(.tool), evidence(.tool)], now: noon) == .claimed)
        #expect(Attribution(claims: [], evidence: [evidence(.claimAfter), evidence(.tool)], now: noon) == .claimed)
    }
}
