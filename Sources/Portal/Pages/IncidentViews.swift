internal import Detection
internal import Fingerprints
internal import Incidents
internal import Languages
internal import Mitigations
internal import Moments
internal import PublicStatus

extension Visit {
    func incidentsView(_ incidents: [Incident]) -> View {
        let rows = incidents.map { incident -> View in
            let ongoing = incident.isOngoing
            var row: View = [
                "number": incident.number, "organisation": incident.organisation, "sites": incident.siteList,
                "start": wording.view(incident.opened), "isOngoing": ongoing,
                "duration": wording.duration((ongoing ? now : incident.end) - incident.opened),
                "isProvisional": incident.attacks.contains { $0.judgement.isProvisional },
            ]
            let outcome = wording.outcome(incident.worst)
            row["outcome"] = outcome
            row["edge"] = outcome["kind"]
            return row
        }
        return ["hasIncidents": !rows.isEmpty, "incidents": rows]
    }

    /// - Parameter known: identifiers of fingerprints that may be noted as shared.
    func incidentView(_ incident: Incident, known: [String]) -> View {
        let link = "/incidents/\(escaped(incident.number))"
        var view: View = [
            "link": link, "number": incident.number, "organisation": incident.organisation, "sites": incident.siteList,
            "isOngoing": incident.isOngoing, "attacks": incident.attacks.map { attackView($0, of: incident) },
            "hasPosts": !incident.posts.isEmpty, "mayPost": may(.post), "mayFile": may(.claim),
            "hasMitigations": !incident.mitigations.isEmpty, "hasClaims": !incident.claims.isEmpty,
            "mitigations": incident.mitigations.map { mitigationView($0) },
            "hasEvidence": !incident.evidence.isEmpty, "hasSharings": !incident.sharings.isEmpty,
            "mayShare": may(.sharing) && !known.isEmpty, "known": known,
        ]
        view["posts"] = incident.posts.map { post -> View in
            ["at": wording.view(post.at), "author": post.author, "nl": post.text.nl, "en": post.text.en]
        }
        view["claims"] = incident.claims.map { claim -> View in
            [
                "at": wording.view(claim.at), "claimant": claim.claimant, "place": claim.place, "claim": claim.text,
                "author": claim.author,
            ]
        }
        view["sharings"] = incident.sharings.map { sharing -> View in
            [
                "at": wording.view(sharing.at), "with": sharing.with, "fingerprint": sharing.fingerprint,
                "wasReceived": sharing.wasReceived,
            ]
        }
        view["evidence"] = incident.evidence.map { item -> View in
            let kind = wording.kind(item.kind)
            return [
                "code": kind.code, "kindName": kind.name, "grade": "\(item.source)\(item.credibility)",
                "gradeText": gradeText(item), "at": wording.view(item.at), "author": item.author,
                "evidenceText": item.text,
            ]
        }
        view["kinds"] = Evidence.Kind.allCases.map { kind -> View in
            let text = wording.kind(kind)
            return ["value": kind.rawValue, "code": text.code, "kindName": text.name, "most": text.most]
        }
        view["sources"] = reliabilities.map { ["value": $0.0, "shown": $0.1] as View }
        view["credibilities"] = credibilities.enumerated().map { ["value": "\($0 + 1)", "shown": $1] as View }
        return view.merging(preparedView(incident, link)) { _, new in new }
    }

    /// The texts to choose from, and the chosen one ("?text=over") ready to be changed.
    private func preparedView(_ incident: Incident, _ link: String) -> View {
        let chosen = query["text"].flatMap { PreparedText(rawValue: $0) }
        var view: View = [:]
        view["texts"] = PreparedText.allCases.map { text -> View in
            [
                "textLink": "\(link)?text=\(text.rawValue)#message", "textTitle": text.title[language],
                "isChosen": text == chosen,
            ]
        }
        guard let chosen, let attack = incident.attacks.last else { return view }
        let words = chosen.words(
            PreparedText.Values(
                // Addresses of a network are for the console, not for a public message.
                service: incident.goals(titles: [:]).joined(separator: ", "), start: incident.opened,
                end: incident.isOngoing ? nil : incident.end,
                outcome: incident.isOngoing ? attack.judgement.outcome : incident.worst,
                downtime: incident.attacks.compactMap { $0.judgement.downtime?.seconds }.max(),
                next: incident.isOngoing ? Moment(seconds: (now.seconds / 1_800 + 1) * 1_800) : nil,
                isWatched: incident.defended.isEmpty))
        view["prepared"] = true
        view["preparedNl"] = words.nl
        view["preparedEn"] = words.en
        return view
    }

    private func attackView(_ record: AttackRecord, of incident: Incident) -> View {
        let attack = record.attack
        let judgement = record.judgement
        let outcome = wording.outcome(judgement.outcome)
        var view: View = [
            "site": attack.site,
            "service": attack.traffic == nil
                ? wording.service(record.service)
                : wording.handling(incident.handling(of: record)), "outcome": outcome,
            "isProvisional": judgement.isProvisional, "isGoingOn": !attack.isOver, "basis": basis(judgement),
            "start": wording.view(attack.start),
            "duration": wording.duration((attack.isOver ? attack.end : max(now, attack.end)) - attack.start),
            "downtime": downtime(judgement), "peak": wording.number(attack.peakRate),
            "usual": wording.number(attack.usualRate), "requests": wording.number(attack.requests),
            "excess": wording.number(attack.excess), "admitted": wording.number(attack.admitted),
            "refused": wording.number(attack.refused), "sources": wording.number(attack.sources),
            "hasRoutes": !attack.routes.isEmpty,
        ]
        view["outcomeKind"] = outcome["kind"]
        view["routes"] = attack.routes.prefix(5).map { route -> View in
            ["route": route.name, "count": wording.number(route.count)]
        }
        // The heaviest networks are sealed: they are on no page.
        if let fingerprint = attack.fingerprint { view["mark"] = markView(fingerprint) }
        if let traffic = attack.traffic { view["traffic"] = trafficView(traffic, of: attack) }
        return view
    }

    /// What was seen in flow exports: packets, of which nothing was admitted or refused here.
    private func trafficView(_ traffic: DetectedTraffic, of attack: DetectedAttack) -> View {
        var view: View = [
            "target": traffic.target, "peakLine": traffic.peak[language], "packets": wording.number(traffic.packets),
            "megabytes": wording.number(traffic.bytes / 1_000_000),
            "trafficSources": attack.sources > 0
                ? wording.number(attack.sources)
                : wording.pick("niet geteld: ze kunnen vervalst zijn", "not counted: they may be forged"),
        ]
        view["vectors"] = traffic.vectors.map { vector -> View in
            [
                "vectorKind": vector.kind, "vectorPackets": wording.number(vector.packets),
                "vectorStart": wording.view(vector.start), "vectorMark": markView(vector.fingerprint),
            ]
        }
        return view
    }

    private func markView(_ fingerprint: Fingerprint) -> View {
        let evidence = fingerprint.evidence
        let coverage = wording.percent(evidence.coverage)
        let until = wording.time(fingerprint.expires)
        let collateral =
            evidence.collateral.map {
                wording.pick(
                    "raakt \(wording.percent($0)) van gewoon verkeer", "hits \(wording.percent($0)) of usual traffic")
            } ?? wording.pick("gewoon verkeer was niet bekend", "usual traffic was not known")
        return [
            "conditions": fingerprint.conditions.map { ["feature": $0.feature.rawValue, "value": $0.value] as View },
            "evidenceLine": wording.pick(
                "Dekt \(coverage) van de aanval, \(collateral). Geldig tot \(until).",
                "Covers \(coverage) of the attack, \(collateral). Valid until \(until)."),
        ]
    }

    private func basis(_ judgement: Judgement) -> String {
        let basis = judgement.basis
        guard basis.samples > 0 else {
            return wording.pick(
                "Er is niets gemeten, dus de uitkomst is onbekend.", "Nothing was measured, so the outcome is unknown.")
        }
        let (places, networks) = (basis.vantages.count, basis.networks)
        return wording.pick(
            "Gemeten vanaf \(places) \(places == 1 ? "plek" : "plekken") in \(networks) \(networks == 1 ? "netwerk" : "netwerken"), elke \(wording.number(basis.interval)) seconden: \(wording.number(UInt64(max(0, basis.samples)))) metingen over \(wording.percent(judgement.known)) van de tijd.",
            "Measured from \(places) \(places == 1 ? "place" : "places") in \(networks) \(networks == 1 ? "network" : "networks"), every \(wording.number(basis.interval)) seconds: \(wording.number(UInt64(max(0, basis.samples)))) checks over \(wording.percent(judgement.known)) of the time."
        )
    }

    private func downtime(_ judgement: Judgement) -> String {
        guard let downtime = judgement.downtime else { return wording.pick("onbekend", "unknown") }
        guard downtime.longest > 0 else { return wording.pick("niet gemeten dat het weg was", "no moment measured") }
        let between = "\(wording.duration(downtime.shortest)) – \(wording.duration(downtime.longest))"
        return "\(wording.duration(downtime.seconds)) (\(wording.pick("tussen", "between")) \(between))"
    }

    private func gradeText(_ item: Evidence) -> String {
        let source = reliabilities.first { $0.0 == item.source }?.1 ?? ""
        let credibility = (1...6).contains(item.credibility) ? credibilities[item.credibility - 1] : ""
        return wording.pick(
            "bron: \(source); informatie: \(credibility)", "source: \(source); information: \(credibility)")
    }

    /// The Admiralty scale.
    private var reliabilities: [(String, String)] {
        [
            ("A", wording.pick("volledig betrouwbaar", "completely reliable")),
            ("B", wording.pick("meestal betrouwbaar", "usually reliable")),
            ("C", wording.pick("tamelijk betrouwbaar", "fairly reliable")),
            ("D", wording.pick("meestal niet betrouwbaar", "not usually reliable")),
            ("E", wording.pick("onbetrouwbaar", "unreliable")),
            ("F", wording.pick("niet te beoordelen", "cannot be judged")),
        ]
    }

    private var credibilities: [String] {
        [
            wording.pick("bevestigd door anderen", "confirmed by others"),
            wording.pick("waarschijnlijk", "probably true"),
            wording.pick("mogelijk", "possibly true"), wording.pick("twijfelachtig", "doubtful"),
            wording.pick("onwaarschijnlijk", "improbable"), wording.pick("niet te beoordelen", "cannot be judged"),
        ]
    }
}

extension Incident {
    var isOngoing: Bool { attacks.contains { !$0.attack.isOver } }
    var end: Moment { attacks.map(\.attack.end).max() ?? opened }
    var siteList: String { Set(attacks.map(\.attack.site)).sorted().joined(separator: ", ") }

    /// What the worst of its attacks came to; unknown is worse than fended off, for nothing proves it.
    var worst: Outcome {
        let outcomes = attacks.map(\.judgement.outcome)
        return [Outcome.down, .degraded, .unknown].first { outcomes.contains($0) }
            ?? (outcomes.isEmpty ? .unknown : .fendedOff)
    }
}
