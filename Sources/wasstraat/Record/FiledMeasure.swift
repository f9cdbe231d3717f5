package import Mitigations
internal import Moments

/// A measure in the packet filter on its way to the register: as it is, and what of it is on record.
package struct FiledMeasure: Equatable, Sendable {
    /// Seconds between two filings of a measure of which only the counts are new: each stands in the register's chain.
    package static let fileTime = 10.0
    /// Seconds after which a measure is filed without the incident that its attack never got.
    package static let incidentTime = 600.0

    package let number: Int
    package var measure: Mitigation
    package var incident: Int64?
    /// Of a rule's; nil: an earlier office's whose rule was not seen yet, or it is of no rule.
    var key: RuleHandover.Key?
    var filedAt: Moment?
    /// Something else than counts has changed.
    var isNews: Bool
    var hasCounted = false
    /// When its attack was last seen to go on.
    var attackSeenAt: Moment?

    package var isOver: Bool { measure.status == .ended || measure.status == .undone }

    /// It waits for the incident of its attack, which is filed after the filter was told of it. Sources are blocked, and
    /// cookies sent, before an attack is on record.
    func waits(at now: Moment) -> Bool {
        guard measure.id == 0, incident == nil, now - measure.since < Self.incidentTime else { return false }
        return measure.packets?.attack != nil || measure.kind.cause != nil
    }

    /// A flood of which no attack is on record yet: without one it goes on none.
    package var isNobodys: Bool { measure.id == 0 && measure.kind == .synCookies && measure.packets?.attack == nil }

    mutating func end(_ status: Mitigation.Status, at now: Moment) {
        measure.status = status
        measure.until = max(measure.since, now)
        isNews = true
    }
}

extension [FiledMeasure] {
    /// What is to be filed now.
    func due(at now: Moment) -> [FiledMeasure] {
        filter { item in
            item.isNews
                || item.hasCounted && item.filedAt.map { now - $0 >= FiledMeasure.fileTime || now < $0 } ?? true
        }
    }

    /// All that is not on record as it is, for those who stop.
    var unfiled: [FiledMeasure] { filter { $0.isNews || $0.hasCounted } }

    /// It is on record as it was given out.
    mutating func filed(_ item: FiledMeasure, as id: Int64, under incident: Int64?, at now: Moment) {
        guard let place = firstIndex(where: { $0.number == item.number }) else { return }
        if item.isOver {
            remove(at: place)
            return
        }
        self[place].measure.id = id
        self[place].incident = incident
        self[place].filedAt = now
        self[place].hasCounted = self[place].measure.packets != item.measure.packets
        self[place].isNews =
            self[place].measure.status != item.measure.status
            || self[place].measure.packets?.attack != item.measure.packets?.attack
    }

    /// Lets the oldest go that are over, where more wait than may.
    mutating func bound(to limit: Int) {
        guard count > limit else { return }
        let over = filter(\.isOver).prefix(count - limit).map(\.number)
        removeAll { over.contains($0.number) }
    }
}
