extension SpaceSaving {
    /// Takes in what another table knows, faded to `now`: sure amounts add up and never exceed the truth, and without
    /// decay an error is at most an eighth of what fell into the set in both streams. False, and nothing is changed, where
    /// size or decay differ.
    package mutating func merge(_ other: SpaceSaving, at now: Instant) -> Bool {
        guard setMask == other.setMask, decay == other.decay else { return false }
        let time = now.seconds(since: start)
        for set in 0...setMask {
            var candidates = faded(set, to: time)
            var others = other.faded(set, to: now.seconds(since: other.start))
            // A key that a full set does not hold had at most as much as its lightest one.
            let floor = candidates.count == Self.ways ? candidates.map(\.amount).min() ?? 0 : 0
            let otherFloor = others.count == Self.ways ? others.map(\.amount).min() ?? 0 : 0
            for index in candidates.indices {
                let twin = others.firstIndex { $0.tag == candidates[index].tag }
                candidates[index].amount += twin.map { others[$0].amount } ?? otherFloor
                candidates[index].error += twin.map { others[$0].error } ?? otherFloor
                if let twin { others.remove(at: twin) }
            }
            for var entry in others {
                entry.amount += floor
                entry.error += floor
                entry.at = time
                candidates.append(entry)
            }
            candidates.sort { ($1.amount, $0.tag) < ($0.amount, $1.tag) }
            for way in 0..<Self.ways {
                entries[set * Self.ways + way] = way < candidates.count ? candidates[way] : Entry()
            }
        }
        return true
    }

    /// A set's taken entries as they are at a time in seconds since the table's start.
    private func faded(_ set: Int, to time: Float) -> [Entry] {
        (set * Self.ways..<(set + 1) * Self.ways).compactMap { index in
            var entry = entries[index]
            guard entry.tag != 0 else { return nil }
            let factor = fading(from: entry.at, to: time)
            entry.amount *= factor
            entry.error *= factor
            entry.at = time
            return entry
        }
    }
}
