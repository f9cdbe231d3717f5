internal import Incidents
internal import Mitigations
internal import Moments

extension Visit {
    /// The page with all sites that may be seen: those in trouble first, by organisation.
    /// - Parameter attacked: incidents in which a network is under attack now.
    func nowView(_ sites: [SiteNow], attacked: [Incident], _ filter: PacketFilterNow) -> View {
        let wording = wording
        let organisations = Set(sites.map(\.organisation)).sorted()
        let troubled = sites.filter { $0.isUnderPressure || $0.incident != nil || $0.state == .down }.count
        let count = wording.number(UInt64(sites.count)) + (sites.count == 1 ? " site" : " sites")
        let summary =
            switch troubled {
            case 0 where attacked.isEmpty: wording.pick("\(count), alles rustig.", "\(count), all quiet.")
            case 0: wording.pick("\(count), geen vraagt aandacht.", "\(count), none of which needs attention.")
            case 1: wording.pick("\(count), waarvan 1 aandacht vraagt.", "\(count), 1 of which needs attention.")
            default:
                wording.pick(
                    "\(count), waarvan \(troubled) aandacht vragen.", "\(count), \(troubled) of which need attention.")
            }
        let groups = organisations.map { organisation -> View in
            let own = sites.filter { $0.organisation == organisation }.sorted {
                ($0.trouble, $0.host, $0.site) < ($1.trouble, $1.host, $1.site)
            }
            return ["organisation": organisation, "sites": own.map { card($0) }]
        }
        var view: View = ["summary": summary, "hasSites": !sites.isEmpty, "groups": groups]
        view["networks"] = attacked.map { incident -> View in
            [
                "number": incident.number,
                "what": wording.pick(
                    "aanval op het netwerk van \(incident.organisation)",
                    "attack on the network of \(incident.organisation)"),
            ]
        }
        view["filter"] = filterView(filter)
        return view
    }

    private func card(_ site: SiteNow) -> View {
        var view = figures(site.point, key: site.key)
        let state = wording.state(site.state)
        view["key"] = site.key
        view["link"] = site.link
        view["host"] = site.host
        view["service"] = wording.service(site.service)
        view["stateKind"] = state["kind"]
        view["sign"] = state["sign"]
        view["stateName"] = state["name"]
        view["isUnderPressure"] = site.isUnderPressure
        view["isObserving"] = site.isObserving
        view["number"] = site.incident
        view["origins"] = wording.pick(
            "\(site.healthyOrigins) van \(site.origins) servers gezond",
            "\(site.healthyOrigins) of \(site.origins) origins healthy")
        return view
    }

    private func figures(_ point: SitePoint?, key: String) -> View {
        let bar = Bar(point)
        var view: View = ["barAdmitted": bar.admitted, "barQueued": bar.queued, "barRefused": bar.refused]
        for (name, value) in Figures(point).named { view[name] = wording.number(value) }
        return view
    }

    /// - Parameters:
    ///   - points: of the last ten minutes.
    ///   - measures: of the last seven days.
    func siteView(_ site: SiteNow, points: [SitePoint], measures: [Mitigation], days: [DayRecord]) -> View {
        let past = measures.filter { old in !site.mitigations.contains { $0.id == old.id } }
            .sorted { $0.since > $1.since }.prefix(20)
        var view = plotView(points, site.point)
        view["link"] = site.link
        view["host"] = site.host
        view["organisation"] = site.organisation
        view["service"] = wording.service(site.service)
        view["state"] = wording.state(site.state)
        view["number"] = site.incident
        view["isUnderPressure"] = site.isUnderPressure
        view["isObserving"] = site.isObserving
        view["mayObserve"] = may(.observe) && !site.isObserving
        view["inFlight"] = wording.number(UInt64(max(0, site.inFlight)))
        view["limit"] = wording.number(site.limit)
        view["waiting"] = wording.number(UInt64(max(0, site.waiting)))
        view["healthy"] = "\(site.healthyOrigins)"
        view["all"] = "\(site.origins)"
        view["hasMitigations"] = !site.mitigations.isEmpty
        view["mitigations"] = site.mitigations.map { mitigationView($0) }
        view["hasPast"] = !past.isEmpty
        view["past"] = past.map { mitigationView($0) }
        view["hasDays"] = !days.isEmpty
        view["days"] = dayViews(days)
        let down = days.reduce(0) { $0 + $1.downSeconds }
        let known = days.reduce(0) { $0 + $1.known } / Double(max(1, days.count))
        view["daysText"] = wording.pick(
            "In \(days.count) dagen \(wording.duration(down)) onbereikbaar; \(wording.percent(known)) van die tijd is gemeten.",
            "Unreachable for \(wording.duration(down)) in \(days.count) days; \(wording.percent(known)) of that time was measured."
        )
        return view
    }

    private func dayViews(_ days: [DayRecord]) -> [View] {
        days.compactMap { day -> View? in
            let age = now.day.number - day.day.number
            guard (0..<30).contains(age) else { return nil }
            let (height, y) = day.worst == .up ? (24, 0) : day.worst == .unknown ? (8, 16) : (16, 8)
            return ["dayKind": day.worst.rawValue, "x": "\((29 - age) * 10 + 1)", "height": "\(height)", "y": "\(y)"]
        }
    }

    private func plotView(_ points: [SitePoint], _ last: SitePoint?) -> View {
        let plot = Plot(points, at: now)
        let values = Dictionary(plot.drawing(wording).map { ($0.id, $0.value) }) { first, _ in first }
        var view: View = [:]
        for (name, id) in [
            ("plotTop", "plot-top"), ("plotRefused", "plot-refused"), ("plotQueued", "plot-queued"),
            ("plotAdmitted", "plot-admitted"), ("latencyTop", "plot-latency-top"), ("plotLatency", "plot-latency"),
            ("plotFrom", "plot-from"), ("plotTo", "plot-to"),
        ] { view[name] = values[id] ?? "" }
        for (name, value) in Figures(last).named { view[name] = wording.number(value) }
        view["plotText"] = wording.pick(
            "Vlakken van toegelaten, wachtende en geweigerde verzoeken in de laatste tien minuten; de cijfers staan in de tabel.",
            "Areas of admitted, waiting and refused requests over the last ten minutes; the table has the figures.")
        view["latencyText"] = wording.pick(
            "Lijn van de tijd tot het eerste antwoord in de laatste tien minuten; de cijfers staan in de tabel.",
            "Line of the time to first byte over the last ten minutes; the table has the figures.")
        view["minutes"] = minuteViews(points)
        return view
    }

    private func minuteViews(_ points: [SitePoint]) -> [View] {
        let byMinute = Dictionary(grouping: points) { $0.at.seconds / 60 }
        return byMinute.keys.sorted(by: >).prefix(11).map { minute in
            let own = byMinute[minute] ?? []
            let seconds = Double(max(1, own.reduce(0) { $0 + max(1, min(60, $1.span)) }))
            func rate(_ part: (SitePoint) -> UInt64) -> String {
                wording.number(own.reduce(0) { $0 + Double(part($1)) } / seconds)
            }
            let slowest = own.compactMap(\.p95).max()
            return [
                "minute": wording.clock(Moment(seconds: minute * 60)),
                "minuteAdmitted": rate { $0.admitted - min($0.admitted, $0.queued) }, "minuteQueued": rate(\.queued),
                "minuteRefused": rate { $0.refused &+ $0.failed },
                "minuteSlowest": slowest.map { wording.number($0) + " ms" } ?? "–",
            ]
        }
    }

    func mitigationView(_ mitigation: Mitigation) -> View {
        let kinds: [Mitigation.Status: String] = [.live: "maintenance", .dry: "unknown", .undone: "degraded"]
        var view: View = [
            "kind": wording.mitigation(mitigation.kind), "status": wording.status(mitigation.status),
            "statusKind": kinds[mitigation.status] ?? "unknown", "reason": mitigation.reason,
            "since": wording.view(mitigation.since), "dropped": wording.number(mitigation.marked ?? mitigation.dropped),
            "droppedTitle": mitigation.marked != nil
                ? wording.pick("Gemerkt om achteraan te gaan", "Marked to go last")
                : mitigation.status == .dry
                    ? wording.pick("Zou geweigerd zijn", "Would have been refused")
                    : wording.pick("Geweigerd", "Refused"),
        ]
        // What the system says of its own measures is English; what an operator said is as it was said.
        switch mitigation.kind {
        case .admission, .fingerprint: view["isEnglish"] = true
        default: break
        }
        if let until = mitigation.until { view["until"] = wording.view(until) }
        if let packets = mitigation.packets { view["packets"] = packetView(packets) }
        return view
    }

    /// In packets, never in requests.
    private func packetView(_ tally: PacketTally) -> View {
        func text(_ count: FilterCount) -> String {
            "\(wording.number(count.packets)) (\(wording.number(count.bytes / 1_000_000)) MB)"
        }
        var view: View = [
            "interface": tally.interface, "machine": tally.machine, "packetsDropped": text(tally.dropped),
            "match": tally.match, "hasMatch": !tally.match.isEmpty,
        ]
        // A cookie is sent or not: nothing is only counted.
        if let answered = tally.answered {
            view["packetsAnswered"] = text(answered)
        } else {
            view["packetsSpared"] = text(tally.spared)
        }
        if let sources = tally.sources {
            view["isOfSources"] = true
            view["mostSources"] = wording.number(UInt64(sources))
        }
        return view
    }
}

extension SiteNow {
    var link: String { "/sites/" + escaped(site) }

    /// What its parts of the page begin with.
    var key: String { "site-" + escaped(site) }

    /// 0: trouble.
    fileprivate var trouble: Int { isUnderPressure || incident != nil || state == .down ? 0 : 1 }
}

/// Percent-encoded for a path: all but letters, digits, "-", "." and "_".
func escaped(_ text: String) -> String {
    text.utf8.map { byte in
        let isPlain =
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            || [45, 46, 95].contains(byte)
        return isPlain ? String(UnicodeScalar(byte)) : "%" + hexadecimal([byte]).uppercased()
    }.joined()
}

/// A second's requests by what became of them; requests that waited are admitted later or refused, and shown apart.
struct Figures {
    var requests = 0.0
    var admitted = 0.0
    var queued = 0.0
    var refused = 0.0

    init(_ point: SitePoint?) {
        guard let point else { return }
        let span = Double(max(1, point.span))
        requests = Double(point.requests) / span
        admitted = Double(point.admitted - min(point.admitted, point.queued)) / span
        queued = Double(point.queued) / span
        refused = Double(point.refused &+ point.failed) / span
    }

    var named: [(String, Double)] {
        [("requests", requests), ("admitted", admitted), ("queued", queued), ("refused", refused)]
    }
}

/// Those as one bar, 100 wide.
struct Bar {
    let admitted: String
    let queued: String
    let refused: String

    init(_ point: SitePoint?) {
        let figures = Figures(point)
        let all = max(1, figures.admitted + figures.queued + figures.refused)
        let first = Int(figures.admitted / all * 100)
        let second = Int((figures.admitted + figures.queued) / all * 100)
        let third = Int((figures.admitted + figures.queued + figures.refused) / all * 100)
        func piece(_ from: Int, _ to: Int) -> String { to > from ? "M\(from) 0H\(to)V6H\(from)Z" : "M0 0" }
        admitted = piece(0, first)
        queued = piece(first, second)
        refused = piece(second, third)
    }
}
