/// What each route of a site takes of its origin when that is not busy: the time to first byte by route, in fixed
/// memory. Routes differ by a factor of twenty and more, so nothing is compared over a mix of them.
package struct RouteCosts: Sendable {
    private struct Entry: Sendable {
        var tag: UInt32 = 0
        /// Samples taken while the origin was not busy.
        var calmSamples: UInt16 = 0
        /// Worth of the entry: rises with use, falls when others want its place.
        var worth: Float = 0
        /// Milliseconds to first byte.
        var cost: Float = 0
    }

    /// Calm samples after which a cost is believed.
    private static let settled: UInt16 = 8
    /// Times as long as usual, a calm sample moves a believed cost by no more than this share of it: an origin that has
    /// become slower for good is believed after some hundred of them.
    private static let outlier: Float = 4
    private static let outlierStep: Float = 0.01

    private static let ways = 4
    private static let sets = 32
    private var entries = [Entry](repeating: Entry(), count: ways * sets)
    /// The cost of a request to a route that is not in the table: the mean over the site, in milliseconds.
    private var mean: Float = 10

    package init() {}

    /// What a request to this route takes, in milliseconds; the site's mean for one that was not seen yet.
    package func cost(_ route: UInt64) -> Float {
        guard let index = find(route), entries[index].cost > 0 else { return mean }
        return entries[index].cost
    }

    /// Takes in a time to first byte. `isCalm`: the origin held few requests when this one began.
    ///
    /// Returns what was expected before, or nil where nothing is known of the route yet: then the sample says nothing of
    /// the origin's load.
    package mutating func answered(_ route: UInt64, after time: Float, isCalm: Bool) -> Float? {
        mean += (time - mean) / 256
        guard let index = place(route) else { return nil }
        let before = entries[index].cost
        entries[index].worth = min(1000, entries[index].worth + 1)
        if entries[index].cost == 0 {
            entries[index].cost = time
        } else if isCalm {
            let isSettled = entries[index].calmSamples >= Self.settled
            entries[index].calmSamples = min(1000, entries[index].calmSamples + 1)
            // An origin that is slow for a while by itself, or that is flooded past us, must not become the usual.
            entries[index].cost +=
                isSettled && time > before * Self.outlier
                ? before * Self.outlierStep : (time - before) / Float(min(32, Int(entries[index].calmSamples) + 1))
        } else if entries[index].calmSamples < 8 {
            // Never seen in calm: follow the lower edge of what is seen under load, as the best guess.
            entries[index].cost += time < before ? (time - before) * 0.25 : (time - before) * 0.005
        }
        return before > 0 ? before : nil
    }

    private func find(_ route: UInt64) -> Int? {
        let first = Int(route & UInt64(Self.sets - 1)) * Self.ways
        let tag = UInt32(truncatingIfNeeded: route >> 32) | 1
        for index in first..<first + Self.ways where entries[index].tag == tag { return index }
        return nil
    }

    /// The route's entry, or one made free for it. A newcomer wears down the least used entry of its set before it gets
    /// the place, so that a flood of invented paths does not push out the real ones.
    private mutating func place(_ route: UInt64) -> Int? {
        if let index = find(route) { return index }
        let first = Int(route & UInt64(Self.sets - 1)) * Self.ways
        var least = first
        for index in first..<first + Self.ways where entries[index].worth < entries[least].worth { least = index }
        entries[least].worth -= 1
        guard entries[least].worth < 0 else { return nil }
        entries[least] = Entry(tag: UInt32(truncatingIfNeeded: route >> 32) | 1)
        return least
    }
}
