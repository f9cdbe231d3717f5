extension HeavyKeys {
    /// A place that went over to a key of the other table, and that key's place there: the caller copies what it keeps
    /// for it.
    package struct Move: Equatable, Sendable {
        package var place: Int
        package var other: Int
    }

    /// Takes in what another table counted: sure counts add up and never exceed the truth, and an error is at most an
    /// eighth of what fell into the set in both streams. A key that stays keeps its place. Nil, and nothing is changed,
    /// where the sizes differ.
    package mutating func merge(_ other: HeavyKeys) -> [Move]? {
        guard setMask == other.setMask else { return nil }
        var moves: [Move] = []
        for set in 0...setMask { merge(set * Self.ways..<(set + 1) * Self.ways, of: other, &moves) }
        return moves
    }

    private struct Candidate {
        var key: UInt64
        var count: UInt64
        var error: UInt64
        var own: Int?
        var other: Int?
    }

    private mutating func merge(_ set: Range<Int>, of other: HeavyKeys, _ moves: inout [Move]) {
        // A key that a full set does not hold had at most as much as its lightest one.
        let floor = set.map { counts[$0] }.min() ?? 0
        let otherFloor = set.map { other.counts[$0] }.min() ?? 0
        var candidates: [Candidate] = []
        for place in set where counts[place] > 0 {
            let twin = set.first { other.counts[$0] > 0 && other.keys[$0] == keys[place] }
            candidates.append(
                Candidate(
                    key: keys[place], count: saturatingSum(counts[place], twin.map { other.counts[$0] } ?? otherFloor),
                    error: saturatingSum(errors[place], twin.map { other.errors[$0] } ?? otherFloor), own: place))
        }
        for place in set where other.counts[place] > 0 && !candidates.contains(where: { $0.key == other.keys[place] }) {
            candidates.append(
                Candidate(
                    key: other.keys[place], count: saturatingSum(other.counts[place], floor),
                    error: saturatingSum(other.errors[place], floor), other: place))
        }
        candidates.sort { ($1.count, $0.key) < ($0.count, $1.key) }
        let kept = candidates.prefix(Self.ways)
        var free = set.filter { place in !kept.contains { $0.own == place } }
        for candidate in kept {
            let place = candidate.own ?? free.removeFirst()
            keys[place] = candidate.key
            counts[place] = candidate.count
            errors[place] = candidate.error
            if let other = candidate.other { moves.append(Move(place: place, other: other)) }
        }
    }
}
