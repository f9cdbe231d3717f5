internal import Detection
package import Languages
internal import Mitigations
package import Moments

/// The questions that parliament asked, answered for one incident from the register; "unknown" where nothing was measured.
package struct Answer: Equatable, Sendable, Codable {
    /// Names the question for machines.
    package var key: String
    package var question: Words
    package var answer: Words
    /// The answer rests on measurement; otherwise it says that something is not known.
    package var isKnown: Bool

    package init(_ key: String, _ question: Words, _ answer: Words, isKnown: Bool = true) {
        self.key = key
        self.question = question
        self.answer = answer
        self.isKnown = isKnown
    }
}

package struct Answers: Equatable, Sendable, Codable {
    package var incident: String
    package var organisation: String
    package var made: Moment
    package var list: [Answer]

    /// - Parameters:
    ///   - earlier: the organisation's other incidents; those that began before this one count.
    ///   - backOffice: what was measured of the back office from the incident's start to its end + 10 min; nil: it was not
    ///     measured, or the organisation has none here.
    ///   - now: the moment of answering.
    package init(_ incident: Incident, earlier: [Incident], backOffice: Availability?, now: Moment) {
        self.incident = incident.number
        organisation = incident.organisation
        made = now
        let before = earlier.filter { $0.number != incident.number && $0.start < incident.start }
        list = [
            Self.what(incident), Self.who(incident, now: now), Self.noticed(incident), Self.duration(incident),
            Self.back(incident, backOffice), Self.measures(incident), Self.howOften(before),
            Self.fendedOff(before + [incident]), Self.meanDowntime(before + [incident]), Self.shared(incident),
        ]
    }

    private static func what(_ incident: Incident) -> Answer {
        let began = Phrases.time(incident.start)
        var said: [Words] = []
        let defended = incident.defended
        if !defended.isEmpty {
            let peak = defended.map(\.attack.peakRate).max() ?? 0
            let usual = Int((defended.first?.attack.usualRate ?? 0).rounded())
            let sources = defended.map(\.attack.sources).max() ?? 0
            let sites = Set(defended.map(\.attack.site)).sorted().joined(separator: ", ")
            said.append(
                Words(
                    nl: "Een aanval met heel veel verzoeken op \(sites). Hij begon op \(began.nl). "
                        + "Op het hoogtepunt kwamen \(peak) verzoeken per seconde. Gewoon zijn er ongeveer \(usual). "
                        + "Ze kwamen van ongeveer \(sources) adressen, die van gewone bezoekers meegeteld.",
                    en: "An attack with very many requests at \(sites). It began on \(began.en). "
                        + "At its peak \(peak) requests a second came in. About \(usual) are usual. "
                        + "They came from about \(sources) addresses, those of ordinary visitors included."))
        }
        if let traffic = watchedPart(incident) { said.append(traffic) }
        return Answer(
            "what", Words(nl: "Wat was het?", en: "What was it?"),
            Words(nl: said.map(\.nl).joined(separator: " "), en: said.map(\.en).joined(separator: " ")))
    }

    /// Attacks seen in flow exports: in packets, never in requests.
    private static func watchedPart(_ incident: Incident) -> Words? {
        let traffic = incident.watched.compactMap(\.attack.traffic)
        guard let most = traffic.max(by: { $0.peakPackets < $1.peakPackets }) else { return nil }
        let targets = Set(traffic.map(\.target)).sorted().joined(separator: ", ")
        let kinds = Set(traffic.flatMap(\.kinds)).sorted().joined(separator: ", ")
        let began = Phrases.time(incident.watched.map(\.attack.start).min() ?? incident.start)
        let sources = incident.watched.map(\.attack.sources).max() ?? 0
        // What can be forged is not counted.
        let from =
            sources > 0
            ? Words(
                nl: "Een deel kwam van ongeveer \(sources) adressen die niet vervalst kunnen zijn.",
                en: "Part of them came from about \(sources) addresses that cannot be forged.")
            : Words(
                nl: "De afzenders kunnen vervalst zijn; ze zijn niet geteld.",
                en: "The senders may be forged; they are not counted.")
        return Words(
            nl:
                "Een aanval met heel veel pakketten op \(targets) (\(kinds)), gezien in gegevens van het netwerk. Hij begon "
                + "op \(began.nl). Op het hoogtepunt kwamen \(most.peak.nl). \(from.nl)",
            en:
                "An attack with very many packets at \(targets) (\(kinds)), seen in flow data of the network. It began on "
                + "\(began.en). At its peak \(most.peak.en) came in. \(from.en)")
    }

    private static func who(_ incident: Incident, now: Moment) -> Answer {
        let level = Attribution(claims: incident.claims, evidence: incident.evidence, now: now)
        let names = Set(incident.claims.map(\.claimant)).sorted().joined(separator: ", ")
        let list =
            names.isEmpty
            ? Words(nl: "", en: "")
            : Words(
                nl: " Op naam van (een claim, geen feit): \(names).", en: " Claimed by (a claim, no fact): \(names).")
        return Answer(
            "who", Words(nl: "Wie zegt dat hij het deed?", en: "Who claims it?"),
            Words(nl: level.text.nl + list.nl, en: level.text.en + list.en), isKnown: level == .stated)
    }

    private static func noticed(_ incident: Incident) -> Answer {
        let question = Words(nl: "Wat merkten burgers?", en: "What did citizens notice?")
        let publicAttacks = incident.attacks.filter { $0.service == .publicService }
        guard !publicAttacks.isEmpty else {
            return Answer(
                "noticed", question,
                Words(
                    nl: "De aanval was niet op een dienst voor burgers.",
                    en: "The attack was not on a service for citizens."))
        }
        let outcomes = Set(publicAttacks.map(\.judgement.outcome))
        let worst = [Outcome.down, .degraded, .unknown].first { outcomes.contains($0) } ?? .fendedOff
        let text: Words
        switch worst {
        case .down:
            let down = Phrases.duration(incident.downtime(.publicService)?.seconds ?? 0)
            text = Words(
                nl: "De dienst was \(down.nl) niet bereikbaar.", en: "The service could not be reached for \(down.en).")
        case .degraded:
            text = Words(
                nl: "De dienst was soms traag of soms even niet bereikbaar.",
                en: "The service was slow at times, or briefly out of reach.")
        case .fendedOff:
            text = Words(nl: "De dienst bleef bereikbaar.", en: "The service stayed within reach.")
        case .unknown
        where publicAttacks.allSatisfy {
            $0.judgement.outcome != .unknown
                || $0.attack.traffic != nil && $0.judgement.known >= Judgement.knownLimit
        }:
            text = Words(
                nl: "Onbekend: onze metingen zagen geen onderbreking, maar wij meten niet overal.",
                en: "Unknown: our checks saw no interruption, but we do not measure everywhere.")
        case .unknown:
            text = Words(
                nl: "Onbekend: er is te weinig gemeten.", en: "Unknown: too little was measured.")
        }
        let basis = publicAttacks.map { Phrases.basis($0.judgement.basis, isProvisional: $0.judgement.isProvisional) }
        return Answer(
            "noticed", question,
            Words(nl: "\(text.nl) \(basis.first?.nl ?? "")", en: "\(text.en) \(basis.first?.en ?? "")"),
            isKnown: worst != .unknown)
    }

    private static func duration(_ incident: Incident) -> Answer {
        let attack = Phrases.duration(incident.end - incident.start)
        let more = incident.isOver ? Words(nl: "", en: "") : Words(nl: " tot nu toe", en: " so far")
        let down = incident.downtime(.publicService)
        let effect =
            down.map {
                Words(
                    nl: "Onbereikbaar: \(Phrases.duration($0.seconds).nl) "
                        + "(minstens \(Phrases.duration($0.shortest).nl), hoogstens \(Phrases.duration($0.longest).nl)).",
                    en: "Out of reach: \(Phrases.duration($0.seconds).en) "
                        + "(at least \(Phrases.duration($0.shortest).en), at most \(Phrases.duration($0.longest).en)).")
            }
            ?? Words(
                nl: "Hoe lang de dienst onbereikbaar was, is onbekend.",
                en: "How long the service was out of reach is unknown.")
        return Answer(
            "duration", Words(nl: "Hoe lang duurde het?", en: "How long did it last?"),
            Words(
                nl: "De aanval duurde\(more.nl) \(attack.nl). \(effect.nl)",
                en: "The attack lasted \(attack.en)\(more.en). \(effect.en)"), isKnown: down != nil)
    }

    private static func back(_ incident: Incident, _ measured: Availability?) -> Answer {
        let question = Words(nl: "Zijn de interne systemen geraakt?", en: "Was the back office touched?")
        switch incident.touchedBackOffice(measured) {
        case nil:
            return Answer(
                "back-office", question,
                Words(
                    nl: "Onbekend: de interne systemen zijn hier niet gemeten.",
                    en: "Unknown: the back office was not measured here."), isKnown: false)
        case true?:
            return Answer("back-office", question, Words(nl: "Ja.", en: "Yes."))
        case false?:
            return Answer(
                "back-office", question,
                Words(nl: "Nee, die bleven bereikbaar.", en: "No, it stayed within reach."))
        }
    }

    private static func measures(_ incident: Incident) -> Answer {
        let question = Words(nl: "Welke maatregelen werkten?", en: "Which measures acted?")
        let said = requestMeasures(incident) + packetMeasures(incident)
        if !said.isEmpty {
            return Answer(
                "measures", question,
                Words(nl: said.map(\.nl).joined(separator: " "), en: said.map(\.en).joined(separator: " ")))
        }
        guard !incident.defended.isEmpty else {
            return Answer("measures", question, onlyWatched)
        }
        return Answer(
            "measures", question, Words(nl: "Er was geen maatregel nodig.", en: "No measure was needed."))
    }

    private static let onlyWatched = Words(
        nl: "De wasstraat heeft deze aanval alleen gevolgd, en niets tegengehouden.",
        en: "The washing street only watched this attack, and stopped nothing.")

    /// What was done with requests.
    private static func requestMeasures(_ incident: Incident) -> [Words] {
        let refused = incident.attacks.reduce(0) { $0 + $1.attack.refused }
        let queued = incident.attacks.reduce(0) { $0 + $1.attack.queued }
        let measures = incident.mitigations.filter { $0.packets == nil }
        guard refused + queued > 0 || !measures.isEmpty else { return [] }
        let rules = ruleMeasures(measures)
        let undone = measures.contains { $0.kind == .observe }
        return [
            Words(
                nl: "De wasstraat liet bekende bezoekers voorgaan. Zij liet \(queued) verzoeken wachten en wees "
                    + "\(refused) verzoeken af." + rules.nl
                    + (undone ? " Een beheerder zette de maatregelen tijdelijk uit." : ""),
                en: "The washing street let known visitors go first. It made \(queued) requests wait and refused "
                    + "\(refused)." + rules.en
                    + (undone ? " An operator switched the measures off for a while." : ""))
        ]
    }

    /// Of rules on requests, by how many each marked to go last. What only counted did nothing.
    private static func ruleMeasures(_ measures: [Mitigation]) -> Words {
        // An office that took over files a rule anew.
        let rules = Dictionary(grouping: measures.filter { $0.marked != nil }) { "\($0.scope) \($0.kind)" }
        let marked = rules.values.map { $0.reduce(0) { $0 + ($1.marked ?? 0) } }
        let acting = marked.filter { $0 > 0 }
        let counting = marked.count - acting.count
        var said = Words(nl: "", en: "")
        if !acting.isEmpty {
            let requests = acting.reduce(0, +)
            let (nl, en) =
                acting.count == 1
                ? ("Een regel op kenmerken merkte", "One rule on fingerprints")
                : ("\(acting.count) regels op kenmerken merkten", "\(acting.count) rules on fingerprints")
            said.nl += " \(nl) \(requests) verzoeken om achteraan te gaan."
            said.en += " \(en) marked \(requests) requests to go last."
        }
        if counting > 0 {
            said.nl += counting == 1 ? " Een regel telde alleen." : " \(counting) regels telden alleen."
            said.en += counting == 1 ? " One rule only counted." : " \(counting) rules only counted."
        }
        return said
    }

    /// What was done with packets. What only counts stopped nothing.
    private static func packetMeasures(_ incident: Incident) -> [Words] {
        let tallies = incident.mitigations.compactMap(\.packets)
        guard !tallies.isEmpty else { return [] }
        let (dropped, spared, answered) = (incident.filtered, incident.spared, incident.answered)
        func most(_ kind: Mitigation.Kind) -> UInt32 {
            incident.mitigations.filter { $0.kind == kind }.compactMap(\.packets?.sources).max() ?? 0
        }
        let (blocked, byHand) = (most(.blockedSources), most(.blockedByHand))
        // What counts is named by what there was.
        let counters =
            tallies.contains { $0.sources == nil && $0.answered == nil }
            ? Words(nl: "Regels", en: "Rules") : Words(nl: "Blokkades van bronnen", en: "Blocks of sources")
        let places = Set(tallies.map { "\($0.interface) (\($0.machine))" }).sorted().joined(separator: ", ")
        var said: [Words] = []
        if dropped.packets > 0 {
            let size = dropped.megabytes
            said.append(
                Words(
                    nl: "Het pakketfilter aan \(places) hield \(dropped.packets) pakketten tegen "
                        + "(\(size.split(separator: ".").joined(separator: ",")) MB).",
                    en: "The packet filter at \(places) dropped \(dropped.packets) packets (\(size) MB)."))
        } else if incident.defended.isEmpty, answered.packets == 0 {
            said.append(onlyWatched)
        }
        if answered.packets > 0 {
            said.append(
                Words(
                    nl: "Een vloed van pogingen om verbinding te maken kreeg \(answered.packets) antwoorden die geen "
                        + "plaats innemen (SYN-cookies). Die aan bezoekers zijn daarbij.",
                    en: "A flood of attempts to connect was given \(answered.packets) answers that take up no room "
                        + "(SYN cookies). Those to visitors are among them."))
        }
        if spared.packets > 0 {
            said.append(
                Words(
                    nl: "\(counters.nl) die alleen telden, zouden \(spared.packets) pakketten hebben tegengehouden.",
                    en: "\(counters.en) that only counted would have dropped \(spared.packets) packets."))
        } else if dropped.packets == 0, tallies.contains(where: { $0.answered == nil }) {
            said.append(
                Words(
                    nl: "\(counters.nl) in het pakketfilter troffen geen pakket.",
                    en: "\(counters.en) in the packet filter matched no packet."))
        }
        if blocked > 0 {
            said.append(
                Words(
                    nl: "Het filter kreeg bronnen die bleven aanvallen een voor een te horen, ten hoogste \(blocked) "
                        + "tegelijk.",
                    en: "Sources that went on attacking were named to it one by one, at most \(blocked) at a time."))
        }
        if byHand > 0 {
            said.append(
                Words(
                    nl: "Een beheerder liet het met de hand adressen en netwerken blokkeren, ten hoogste \(byHand) "
                        + "tegelijk.",
                    en: "An operator had it block addresses and networks by hand, at most \(byHand) at a time."))
        }
        return said
    }

    private static func howOften(_ before: [Incident]) -> Answer {
        Answer(
            "before", Words(nl: "Hoe vaak gebeurde het eerder?", en: "How often did it happen before?"),
            Words(
                nl: "Voor deze organisatie: \(Phrases.times(before.count).nl) eerder in dit register.",
                en: "For this organisation: \(before.count) earlier in this register."))
    }

    private static func fendedOff(_ incidents: [Incident]) -> Answer {
        let outcomes = incidents.flatMap(\.attacks).map(\.judgement.outcome)
        let known = outcomes.filter { $0 != .unknown }.count
        let share = Proportion(outcomes.filter { $0 == .fendedOff }.count, of: known)
        let question = Words(nl: "Hoe vaak is een aanval afgeslagen?", en: "How often was an attack fended off?")
        guard let interval = share.interval else {
            return Answer(
                "fended-off", question,
                Words(
                    nl: "Onbekend: van geen enkele aanval is de afloop gemeten.",
                    en: "Unknown: of no attack the outcome was measured."), isKnown: false)
        }
        let from = Phrases.percent(interval.lowerBound)
        let to = Phrases.percent(interval.upperBound)
        return Answer(
            "fended-off", question,
            Words(
                nl: "\(share.count) van \(share.of) met bekende afloop (95 %-interval \(from) tot \(to)). "
                    + "Van \(outcomes.count - known) is de afloop onbekend.",
                en: "\(share.count) of \(share.of) with a known outcome (95 % interval \(from) to \(to)). "
                    + "Of \(outcomes.count - known) the outcome is unknown."))
    }

    private static func meanDowntime(_ incidents: [Incident]) -> Answer {
        let times = incidents.flatMap(\.attacks).compactMap(\.judgement.downtime?.seconds)
        let question = Words(nl: "Hoe lang ligt een dienst er gemiddeld uit?", en: "What is the mean downtime?")
        guard !times.isEmpty else {
            return Answer(
                "mean-downtime", question, Words(nl: "Onbekend: niet gemeten.", en: "Unknown: not measured."),
                isKnown: false)
        }
        let mean = Phrases.duration(times.reduce(0, +) / Double(times.count))
        return Answer(
            "mean-downtime", question,
            Words(
                nl: "\(mean.nl) per aanval (aanvallen met bekende afloop: \(times.count)).",
                en: "\(mean.en) per attack (attacks with a known outcome: \(times.count))."))
    }

    private static func shared(_ incident: Incident) -> Answer {
        let given = Set(incident.sharings.filter { !$0.wasReceived }.map(\.with)).sorted().joined(separator: ", ")
        return Answer(
            "shared", Words(nl: "Met wie is het gedeeld?", en: "With whom was it shared?"),
            given.isEmpty
                ? Words(nl: "Nog met niemand.", en: "With nobody yet.")
                : Words(nl: "Het kenmerk is gedeeld met: \(given).", en: "The fingerprint was shared with: \(given)."))
    }
}

extension Incident {
    /// Whether the back office was touched: by an attack of its own, or as measured; nil where nothing was measured.
    package func touchedBackOffice(_ measured: Availability?) -> Bool? {
        let own = attacks.filter { $0.service == .backOffice }.map(\.judgement.outcome)
        if own.contains(.down) || own.contains(.degraded) { return true }
        if let measured, measured.known >= Judgement.knownLimit {
            return measured.seconds(.down) + measured.seconds(.degraded) > 0
        }
        return !own.isEmpty && own.allSatisfy { $0 == .fendedOff } ? false : nil
    }
}
