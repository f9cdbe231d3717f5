internal import Messages
internal import Telemetry

/// How far protection goes at a site now: the highest step that a request met in the last second.
enum LadderStep: String {
    case admit, queue, refuse
    /// Only counted, where the site observes.
    case observe
}

/// What of a site is not in its classes: the step of the ladder, who passed or was turned away by a list, crawlers, and
/// what is asked for most from where.
extension TopModel {
    /// The requests of one standing, and what they are called.
    static let standings: [(name: String, count: @Sendable (AccessCounts) -> UInt64)] = [
        ("allowed", { $0.allowed }), ("probes", { $0.probes }), ("bots", { $0.bots }), ("impostors", { $0.impostors }),
        ("denied", { $0.denied }),
    ]

    func step(_ site: SiteStatus) -> LadderStep {
        guard !site.isObserving else { return .observe }
        func any(_ count: (ClassStatus) -> UInt64) -> Bool {
            site.classes.indices.contains { (rate(site, $0, count) ?? 0) > 0 }
        }
        return any(\.refused) ? .refuse : any(\.queued) ? .queue : .admit
    }

    func busiest(_ site: SiteStatus) -> BusiestTraffic.Site? { traffic.sites.first { $0.name == site.name } }

    /// Requests a second of a line.
    func rate(_ line: BusiestTraffic.Line) -> Double { Double(line.requests) / Double(max(1, traffic.seconds)) }
}

extension TopScreen {
    /// Routes and networks on a line: two fit into 80 columns with their rates, mostly three.
    private static let shownLines = 3

    func standing(_ site: SiteStatus, _ model: TopModel) -> [[Part]] {
        var lines: [[Part]] = []
        let step = model.step(site)
        let shown = TopModel.standings.filter { $0.count(site.access) > 0 }.map { standing in
            "\(standing.name) \(Self.rate(model.rate(site) { standing.count($0.access) }))/s"
        }
        if step != .admit && step != .observe || !shown.isEmpty {
            let style: Style = step == .refuse ? .alarm : .plain
            lines.append(
                [(.plain, "  ladder "), (style, step.rawValue)] + shown.map { (Style.plain, "  \($0)") })
        }
        guard let busiest = model.busiest(site), site.isUnderPressure else { return lines }
        lines.append(line("asked", busiest.routes, model))
        lines.append(line("from", busiest.networks, model) + [(.dim, "  about \(busiest.sources) sources")])
        if !busiest.programs.isEmpty { lines.append(line("by", busiest.programs, model)) }
        return lines
    }

    private func line(_ name: String, _ all: [BusiestTraffic.Line], _ model: TopModel) -> [Part] {
        let parts = all.prefix(Self.shownLines).map { "\(Self.shown($0.text)) \(Self.rate(model.rate($0)))/s" }
        return [(.plain, "  \(name) "), (.plain, parts.isEmpty ? "-" : parts.joined(separator: "  "))]
    }
}

extension TopModel {
    /// One site as the admin socket shows it; nil: there is no such site.
    func json(of name: String) -> [UInt8]? {
        guard let site = status?.sites.first(where: { $0.name == name }) else { return nil }
        var json = JSONText()
        append(site, to: &json)
        json.raw("\n")
        return json.bytes
    }

    func appendStanding(_ site: SiteStatus, to json: inout JSONText) {
        json.raw(",\"step\":")
        json.string(step(site).rawValue)
        json.raw(",\"access\":{")
        for (index, standing) in Self.standings.enumerated() {
            if index > 0 { json.raw(",") }
            json.string(standing.name)
            json.raw(":")
            json.number(standing.count(site.access))
        }
        json.raw("},\"traffic\":")
        guard let busiest = busiest(site) else { return json.raw("null") }
        json.raw("{\"seconds\":")
        json.number(traffic.seconds)
        json.raw(",\"sources\":")
        json.number(busiest.sources)
        json.raw(",\"routes\":")
        append(busiest.routes, to: &json)
        json.raw(",\"networks\":")
        append(busiest.networks, to: &json)
        json.raw(",\"programs\":")
        append(busiest.programs, to: &json)
        json.raw("}")
    }

    private func append(_ lines: [BusiestTraffic.Line], to json: inout JSONText) {
        json.raw("[")
        for (index, line) in lines.enumerated() {
            if index > 0 { json.raw(",") }
            json.raw("{\"name\":")
            json.string(line.text)
            json.field(",\"requests_per_s\":", rate(line))
            json.raw("}")
        }
        json.raw("]")
    }
}
