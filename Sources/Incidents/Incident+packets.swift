internal import Addresses
internal import Detection
package import Mitigations
internal import Moments

// What the packet filter did against an incident's attacks. It is told beside the judgement and changes nothing of it:
// what was dropped says little of what got through.
extension Incident {
    /// Measures in the packet filter against an attack.
    package func packetMeasures(against record: AttackRecord) -> [Mitigation] {
        let attack = record.attack
        return mitigations.filter { measure in
            guard let packets = measure.packets, measure.tenant == record.organisation,
                Self.isSame(measure.scope, attack.site)
            else { return false }
            return packets.attack.map { $0 == attack.start }
                ?? (measure.since <= attack.end && measure.until.map { $0 >= attack.start } ?? true)
        }
    }

    /// Whether one of these measures dropped packets of an attack.
    package func isFiltered(_ record: AttackRecord, by isMeant: (Mitigation.Kind) -> Bool) -> Bool {
        packetMeasures(against: record).contains { isMeant($0.kind) && ($0.packets?.dropped.packets ?? 0) > 0 }
    }

    /// Whether two names are of one target: the same site, or networks that have a part in common, for what detection
    /// takes for an attack's target grows with what it has seen.
    package static func isSame(_ one: String, _ other: String) -> Bool {
        if one == other { return true }
        guard let one = Prefix(one), let other = Prefix(other) else { return false }
        return one.overlaps(other)
    }

    /// What the packet filter did with an attack.
    package enum Handling: Sendable {
        case dropped
        /// Nothing else was done, but a flood of SYN was answered with cookies.
        case answered
        case watched
    }

    package func handling(of record: AttackRecord) -> Handling {
        let measures = packetMeasures(against: record)
        // Acknowledgements of nothing are a part of what is answered, and some are ordinary ones that came late.
        if measures.contains(where: { $0.kind != .synCookies && ($0.packets?.dropped.packets ?? 0) > 0 }) {
            return .dropped
        }
        return measures.contains { ($0.packets?.answered?.packets ?? 0) > 0 } ? .answered : .watched
    }

    /// A network is under attack now, as packets show.
    package var isOnNetwork: Bool { attacks.contains { $0.attack.traffic != nil && !$0.attack.isOver } }

    /// What all measures in the packet filter dropped.
    package var filtered: FilterCount {
        mitigations.reduce(into: FilterCount()) { sum, measure in
            if let packets = measure.packets { sum += packets.dropped }
        }
    }

    /// SYN that were answered with cookies.
    package var answered: FilterCount {
        mitigations.reduce(into: FilterCount()) { sum, measure in
            if let answered = measure.packets?.answered { sum += answered }
        }
    }

    /// What they only counted.
    package var spared: FilterCount {
        mitigations.reduce(into: FilterCount()) { sum, measure in
            if let packets = measure.packets { sum += packets.spared }
        }
    }
}

extension FilterCount {
    /// Megabytes, with one digit behind the point below ten.
    package var megabytes: String {
        let exact = Double(bytes) / 1e6
        return exact < 10 ? "\((exact * 10).rounded() / 10)" : "\(UInt64(exact.rounded()))"
    }
}
