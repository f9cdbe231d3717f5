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
    }
}

extension TopScreen {
    /// A line for a site that is turned away because it has more than its share; none for others.
    func budget(_ site: SiteStatus, _ model: TopModel) -> [Part]? {
        let refused = model.rate(site, \.budgetRefused) ?? 0
        let closed = model.rate(site, \.budgetClosed) ?? 0
        guard refused + closed > 0 else { return nil }
        return [
            (.alarm, "  over its share of the lane"),
            (.plain, "  requests \(Self.rate(refused))/s  connections \(Self.rate(closed))/s turned away"),
            (.plain, "  holds \(site.connections) connections, \(site.memory >> 20) MiB"),
            (.plain, "  processor \(Self.rate(model.processorShare(site))) %"),
        ]
    }
}
