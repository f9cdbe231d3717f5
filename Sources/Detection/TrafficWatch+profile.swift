internal import Addresses
internal import Packets

extension TrafficWatch {
    /// What was usual in all that was observed, as a profile to judge other traffic by. Meant for a watch that learns
    /// only (`Options.isLearning`); the stream has ended.
    package mutating func learnt(as name: String) -> TrafficProfile {
        settle()
        let seconds = max(1, watched.seconds)
        let all = max(1, classTotals.reduce(0, +))
        var hosts = [Double](repeating: 0, count: TrafficClass.count)
        var known: [(TrafficProfile.Key, TrafficProfile.Known)] = []
        for index in cells.taken {
            cells.notePeak(index)
            // So that the last seconds are learnt, too.
            cells.advance(index, to: now &+ TargetCells.settling, profile: profile)
            let cell = cells.cells[index]
            if cell.level == .host { hosts[Int(cell.kind.number)] += 1 }
            guard Int32(cell.learnt) >= TargetCells.settling else { continue }
            let target = Prefix(cell.target, length: cell.level.length(of: cell.target))
            known.append(
                (
                    TrafficProfile.Key(target: target, kind: cell.kind),
                    TrafficProfile.Known(
                        target: target, kind: cell.kind, usual: cell.usual, usualBytes: cell.usualBytes,
                        seconds: Int32(cell.learnt))
                ))
        }
        known.sort { ($0.1.usual, $1.1.target.description) > ($1.1.usual, $0.1.target.description) }
        var ordinary = cells.peaks
        for number in ordinary.indices {
            ordinary[number].mean = Float(classTotals[number] / max(1, hosts[number]) / seconds)
            ordinary[number].share = Float(classTotals[number] / all)
        }
        return TrafficProfile(
            name: name, ordinary: ordinary,
            known: Dictionary(known.prefix(TrafficProfile.knownLimit), uniquingKeysWith: { one, _ in one }),
            seconds: seconds, samples: Array(self.ordinary.packets.prefix(TrafficProfile.sampleLimit)))
    }
}
