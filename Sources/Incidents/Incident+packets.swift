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
            guard let packets = measure.packets, measure.tenant == record.organisation, measure.scope == attack.site
            else { return false }
            return packets.attack.map { $0 == attack.start }
                ?? (measure.since <= attack.end && measure.until.map { $0 >= attack.start } ?? true)
        }
    }

    /// What the packet filter dropped of an attack.
    package func filtered(against record: AttackRecord) -> FilterCount {
        packetMeasures(against: record).reduce(into: FilterCount()) { sum, measure in
            if let packets = measure.packets { sum += packets.dropped }
        }
    }

    /// What was dropped of an attack's own sources, one by one, and what by rules on what its packets are like.
    package func isFiltered(_ record: AttackRecord, bySources: Bool) -> Bool {
        packetMeasures(against: record).contains {
            ($0.kind == .blockedSources) == bySources && ($0.packets?.dropped.packets ?? 0) > 0
        }
    }

    /// What all measures in the packet filter dropped.
    package var filtered: FilterCount {
        mitigations.reduce(into: FilterCount()) { sum, measure in
            if let packets = measure.packets { sum += packets.dropped }
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
