/// Targets that were asked for, the latest in each small set: 32 KiB, whatever is asked for. A target that was never there
/// is taken for a seen one eight times in 32,768.
struct SeenTargets: Sendable {
    private static let ways = 8
    private static let sets = 2048
    var tags = [UInt16](repeating: 0, count: ways * sets)

    /// Whether the target was seen before; where `isLearning`, it is from now on.
    mutating func see(_ target: UInt64, isLearning: Bool) -> Bool {
        let first = Int(truncatingIfNeeded: target) & (Self.sets - 1)
        let tag = UInt16(truncatingIfNeeded: target >> 48) | 1
        let start = first * Self.ways
        var place = start
        while place < start + Self.ways, tags[place] != tag { place += 1 }
        let isSeen = place < start + Self.ways
        guard isLearning else { return isSeen }
        // To the front of its set; the last one falls out.
        if !isSeen { place -= 1 }
        while place > start {
            tags[place] = tags[place - 1]
            place -= 1
        }
        tags[start] = tag
        return isSeen
    }
}
