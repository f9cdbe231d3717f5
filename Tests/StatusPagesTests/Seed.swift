internal import Languages
internal import Moments
internal import PublicStatus

/// 90 days of four organisations: all states and outcomes, an attack that goes on, one organisation with nothing at all;
/// and a fifth whose texts are hostile.
enum Seed {
    /// Monday 23 November 2026, 16.43 Dutch time.
    static let now = Moment("2026-11-23T15:43:48Z") ?? Moment(seconds: 0)

    static let basis = Words(
        nl: "Wij meten elke 5 seconden, vanaf één plaats.", en: "We measure every 5 seconds, from one place.")

    static func overviews(hostile: Bool = true) -> (overall: PublicOverview, organisations: [PublicOverview]) {
        var organisations = [waterdam, duinstede, polderland, empty]
        if hostile { organisations.append(self.hostile) }
        let overall = PublicOverview(
            made: now, name: "", title: "Bereikbaarheid van de overheid",
            services: organisations.flatMap(\.services), incidents: organisations.flatMap(\.incidents), basis: basis)
        return (overall, organisations)
    }

    // MARK: - Organisations

    static let waterdam = organisation(
        "waterdam", "Gemeente Waterdam",
        [
            service("www", "www.waterdam.example", "waterdam", .up, days: days([7: .degraded, 31: .down])),
            service(
                "formulieren", "formulieren.waterdam.example", "waterdam", .degraded,
                days: days([0: .degraded, 7: .down])),
            service(
                "afspraak", "afspraak.waterdam.example", "waterdam", .up,
                days: days([12: .maintenance, 13: .maintenance])),
        ],
        [
            incident(
                "2026-5", "waterdam", hoursAgo: 1, hours: nil, .degraded, down: 0, backOffice: false,
                plot: plot(.degraded)),
            incident(
                "2026-4", "waterdam", hoursAgo: 170, hours: 2, .down, down: 1_265, backOffice: true, plot: plot(.down)),
            incident(
                "2026-2", "waterdam", hoursAgo: 900, hours: 1, .fendedOff, down: 0, backOffice: false, plot: plot(.up)),
            incident("2025-9", "waterdam", hoursAgo: 9_000, hours: 30, .degraded, down: 40, backOffice: nil, plot: nil),
        ])

    static let duinstede = organisation(
        "duinstede", "Gemeente Duinstede",
        [
            service(
                "www", "www.duinstede.example", "duinstede", .down,
                days: days([0: .down, 2: .down, 3: .down, 60: .unknown])),
            service(
                "balie", "balie.duinstede.example", "duinstede", .unknown,
                days: days([:]).map { day in
                    PublicDay(day: day.day, worst: .unknown, downSeconds: 0, known: 0)
                }),
        ],
        [incident("2026-3", "duinstede", hoursAgo: 1_440, hours: 3, .unknown, down: nil, backOffice: nil, plot: nil)])

    static let polderland = organisation(
        "polderland", "Provincie Polderland",
        [
            service("www", "www.polderland.example", "polderland", .up, days: days([:])),
            service(
                "kaart", "kaart.polderland.example", "polderland", .maintenance,
                days: Array(days([0: .maintenance]).suffix(20))),
            service("nieuw", "nieuw.polderland.example", "polderland", .up, days: []),
        ],
        [
            incident(
                "2026-1", "polderland", hoursAgo: 2_000, hours: 1, .fendedOff, down: 0, backOffice: false,
                plot: plot(.up),
                isProvisional: false)
        ])

    static let empty = organisation("leegveld", "Waterschap Leegveld", [], [])

    static let evil = "</title><script>alert('x')</script><img src=x onerror=\"alert(1)\">&amp;\u{81}\u{0}\u{202E}]]>"

    static let hostile: PublicOverview = {
        let words = Words(nl: evil, en: evil + "{{{name}}}")
        let name = evil + String(repeating: "Zeerlangewoordenzonderspatie", count: 40)
        var incident = Self.incident(
            "2026-6", "hostile", hoursAgo: 30, hours: 1, .fendedOff, down: 0, backOffice: nil, plot: plot(.unknown))
        incident.services = [name, evil]
        incident.actions = [words]
        incident.attribution = words
        incident.basis = words
        incident.timeline = [.init(at: now + -90_000, text: words)]
        incident.plot?.admitted[3] = .nan
        incident.plot?.queued[4] = -.infinity
        incident.plot?.refused[5] = 1e300
        incident.plot?.latency[6] = .infinity
        return PublicOverview(
            made: now, name: "hostile", title: name,
            services: [service("\"><script>", name, "hostile", .up, days: days([4: .down]))],
            incidents: [incident], basis: words)
    }()

    // MARK: - Parts

    static func organisation(
        _ name: String, _ title: String, _ services: [PublicService], _ incidents: [PublicIncident]
    ) -> PublicOverview {
        PublicOverview(made: now, name: name, title: title, services: services, incidents: incidents, basis: basis)
    }

    static func service(
        _ name: String, _ title: String, _ organisation: String, _ state: PublicState, days: [PublicDay]
    ) -> PublicService {
        PublicService(
            name: name, title: title, organisation: organisation, state: state,
            since: days.isEmpty ? nil : now + -5_400,
            days: days)
    }

    /// 90 days, of which those named, counted back from today, were different.
    static func days(_ different: [Int: PublicState]) -> [PublicDay] {
        (0..<90).reversed().map { back in
            let state = different[back] ?? .up
            return PublicDay(
                day: Day(number: now.day.number - Int64(back)), worst: state,
                downSeconds: state == .down ? 1_265 + back : 0,
                known: state == .unknown ? 0.3 : back == 0 ? 0.65 : 0.998)
        }
    }

    static func incident(
        _ number: String, _ organisation: String, hoursAgo: Double, hours: Double?, _ outcome: PublicOutcome,
        down: Int?,
        backOffice: Bool?, plot: PublicPlot?, isProvisional: Bool = true
    ) -> PublicIncident {
        let start = now + -hoursAgo * 3_600
        var plot = plot
        plot?.start = start
        var timeline = [
            PublicIncident.Entry(
                at: start + 240,
                text: Words(
                    nl:
                        "Er is een aanval op onze sites. Wij houden de diensten bereikbaar. Om 18.00 uur vertellen wij meer.",
                    en:
                        "There is an attack on our sites. We keep the services available. We will tell you more at 18:00."
                ))
        ]
        if let hours {
            timeline.append(
                .init(
                    at: start + hours * 3_600 + 600,
                    text: Words(
                        nl: "De aanval is voorbij. Alles werkt weer.", en: "The attack is over. Everything works again."
                    )))
        }
        return PublicIncident(
            number: number, organisation: organisation, services: ["www.\(organisation).example"], start: start,
            end: hours.map { start + $0 * 3_600 }, outcome: outcome, isProvisional: isProvisional, downSeconds: down,
            touchedBackOffice: backOffice, peakRate: 12_480, usualRate: 40,
            actions: [
                Words(
                    nl: "Wij lieten bekende bezoekers het eerst door.", en: "We let known visitors through first."),
                Words(
                    nl: "Wij weigerden verzoeken die op de aanval leken.",
                    en: "We refused requests that looked like the attack."),
            ],
            attribution: Words(nl: "Wij weten niet wie dit deed.", en: "We do not know who did this."),
            timeline: timeline,
            basis: Words(
                nl: "Gemeten vanaf één plaats, elke 5 seconden.", en: "Measured from one place, every 5 seconds."),
            plot: plot)
    }

    /// A flood that comes up, holds and goes; the services get as bad as `worst`.
    static func plot(_ worst: PublicState) -> PublicPlot {
        let flood = (0..<120).map { step -> Double in
            guard (20..<95).contains(step) else { return 0 }
            return 12_000 * min(1, Double(step - 19) / 12) * min(1, Double(95 - step) / 6) + Double(step * 7919 % 480)
        }
        return PublicPlot(
            start: now, step: 30, admitted: flood.indices.map { 40 + Double($0 * 31 % 17) + flood[$0] * 0.02 },
            queued: flood.map { $0 * 0.08 }, refused: flood.map { $0 * 0.9 },
            latency: flood.indices.map { (50..<54).contains($0) ? nil : 35 + flood[$0] / 100 + Double($0 * 17 % 9) },
            states: flood.indices.map { (24..<60).contains($0) ? worst : .up })
    }
}
