package import Detection
package import Languages
package import Moments

extension Judgement {
    /// Judges an attack that was only watched, by the checks of the sites that stand where it went: of several by the one
    /// that fared worst. It is never "fended off": nobody here fended it off, and what did not reach a prober may have
    /// reached others. Where no interruption was measured it is unknown, with what was measured.
    /// - Parameter samples: of each of those sites; none where no site is known there.
    package init(
        watching samples: [[Sample]], start: Moment, end: Moment, isOver: Bool, interval: Double, now: Moment
    ) {
        let order: [Outcome] = [.down, .degraded, .fendedOff, .unknown]
        let each = (samples.isEmpty ? [[]] : samples).map {
            Judgement(of: $0, start: start, end: end, isOver: isOver, interval: interval, now: now)
        }
        func rank(_ judgement: Judgement) -> (Int, Double) {
            (order.firstIndex(of: judgement.outcome) ?? 0, -(judgement.downtime?.seconds ?? 0))
        }
        self = each.min { rank($0) < rank($1) } ?? each[0]
        guard outcome == .fendedOff else { return }
        outcome = .unknown
        downtime = nil
    }
}

extension Incident {
    /// Attacks with requests, at sites that the washing street stands in front of.
    package var defended: [AttackRecord] { attacks.filter { $0.attack.traffic == nil } }
    /// Attacks seen in flow exports, which were only watched.
    package var watched: [AttackRecord] { attacks.filter { $0.attack.traffic != nil } }

    /// What it was on, for people: sites by their names, and the organisation where its network was hit. Addresses of
    /// a network are not among it.
    package func goals(titles: [String: String]) -> [String] {
        var names = Set(defended.map { titles[$0.attack.site] ?? $0.attack.site })
        for record in watched {
            let sites = record.attack.traffic?.sites ?? []
            if sites.isEmpty { names.insert(organisation) } else { names.formUnion(sites.map { titles[$0] ?? $0 }) }
        }
        return names.sorted()
    }
}

extension DetectedTraffic {
    /// "12000 packets and 98 Mbit a second".
    package var peak: Words {
        let (bits, overflow) = peakBytes.multipliedReportingOverflow(by: 8)
        let megabits = Double(overflow ? .max : bits) / 1e6
        let text = megabits < 10 ? "\((megabits * 10).rounded() / 10)" : "\(UInt64(megabits.rounded()))"
        return Words(
            nl: "\(peakPackets) pakketten en \(text.split(separator: ".").joined(separator: ",")) Mbit per seconde",
            en: "\(peakPackets) packets and \(text) Mbit a second")
    }

    /// The kinds of its vectors, each once, the heaviest first.
    package var kinds: [String] {
        var seen: Set<String> = []
        return vectors.sorted { $0.packets > $1.packets }.map(\.kind).filter { seen.insert($0).inserted }
    }
}
