internal import Messages
internal import Telemetry

/// What a site has of the lanes that it shares with others.
extension TopModel {
    /// Its part of one worker's time, in hundredths; nil while there is one status only.
    func processorShare(_ site: SiteStatus) -> Double? {
        rate(site, \.processorMicroseconds).map { $0 / 10_000 }
    }

    func append(tenant site: SiteStatus, to json: inout JSONText) {
        json.raw(",\"connections\":")
        json.number(site.connections)
        json.raw(",\"memory_bytes\":")
        json.number(site.memory)
        json.field(",\"processor_percent\":", processorShare(site))
        json.field(",\"budget_refused_per_s\":", rate(site, \.budgetRefused))
        json.field(",\"budget_closed_per_s\":", rate(site, \.budgetClosed))
        json.field(",\"cap_refused_per_s\":", rate(site, \.capRefused))
        json.field(",\"cap_closed_per_s\":", rate(site, \.capClosed))
    }
}

extension TopScreen {
    /// A line for a site that is turned away because it has more than its share; none for others.
    func budget(_ site: SiteStatus, _ model: TopModel) -> [Part]? {
        let refused = model.rate(site, \.budgetRefused) ?? 0
        let closed = model.rate(site, \.budgetClosed) ?? 0
        let capped = (model.rate(site, \.capRefused) ?? 0) + (model.rate(site, \.capClosed) ?? 0)
        guard refused + closed + capped > 0 else { return nil }
        if capped > 0 { return cap(site, model) }
        return [
            (.alarm, "  over its share of the lane"),
            (.plain, "  requests \(Self.rate(refused))/s  connections \(Self.rate(closed))/s turned away"),
            (.plain, "  holds \(site.connections) connections, \(site.memory >> 20) MiB"),
            (.plain, "  processor \(Self.rate(model.processorShare(site))) %"),
        ]
    }

    /// Its organisation has all that it may ever have.
    private func cap(_ site: SiteStatus, _ model: TopModel) -> [Part] {
        let refused = model.rate(site, \.capRefused) ?? 0
        let closed = model.rate(site, \.capClosed) ?? 0
        return [
            (.alarm, "  at the caps of \(site.organisation)"),
            (.plain, "  requests \(Self.rate(refused))/s  connections \(Self.rate(closed))/s turned away"),
            (.plain, "  holds \(site.connections) connections, \(site.waiting) wait"),
            (.plain, "  processor \(Self.rate(model.processorShare(site))) %"),
        ]
    }
}
