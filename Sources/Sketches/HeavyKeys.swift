/// The heaviest keys of one short period in fixed memory: Space-Saving in small sets like `SpaceSaving`, but with whole
/// counts that do not fade, and a place for each key at which the caller keeps what the key stands for.
///
/// A key that is not in its set takes the place of the set's lightest one and inherits that one's count as its possible
/// error; `sure` leaves it out, so that no key is ever charged with what others brought in. That error is at most an
/// eighth of what fell into the set, merged or not (Agarwal et al., "Mergeable summaries", 2012).
package struct HeavyKeys: Sendable {
    static let ways = 8
    var keys: [UInt64]
    var counts: [UInt64]
    var errors: [UInt64]
    let setMask: Int

    /// - Parameter capacity: keys kept at once; rounded up to a power of two, at least 8. Each takes 24 bytes.
    package init(capacity: Int) {
        var sets = 1
        while sets * Self.ways < capacity { sets *= 2 }
        keys = Array(repeating: 0, count: sets * Self.ways)
        counts = Array(repeating: 0, count: sets * Self.ways)
        errors = counts
        setMask = sets - 1
    }

    /// All places, taken or not.
    package var places: Range<Int> { keys.indices }

    /// Counts a key, given by its hash, as often as it came. Returns its place; `isNew` says that the place held nothing, or
    /// another key.
    package mutating func count(_ key: UInt64, times: UInt64 = 1) -> (place: Int, isNew: Bool) {
        let first = (Int(truncatingIfNeeded: key) & setMask) * Self.ways
        for place in first..<first + Self.ways where keys[place] == key && counts[place] > 0 {
            counts[place] = saturatingSum(counts[place], times)
            return (place, false)
        }
        var lightest = first
        for place in first..<first + Self.ways where counts[place] < counts[lightest] { lightest = place }
        keys[lightest] = key
        errors[lightest] = counts[lightest]
        counts[lightest] = saturatingSum(counts[lightest], times)
        return (lightest, true)
    }

    /// How often the key at this place surely came; 0: there is none.
    package func sure(at place: Int) -> UInt64 { counts[place] &- errors[place] }
}
