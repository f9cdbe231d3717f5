/// How often each key came lately, in fixed memory: count-min with the conservative update (Estan and Varghese, 2002)
/// whose counts fade. Never less than the truth; more where many keys share the table.
struct RecentCounts: Sendable {
    private var cells: [Float]
    private let mask: Int

    /// - Parameter width: counts in each of the two rows, rounded up to a power of two; 4 bytes each.
    init(width: Int) {
        var size = 16
        while size < width { size *= 2 }
        mask = size - 1
        cells = Array(repeating: 0, count: size * 2)
    }

    /// Counts a key, which is a keyed hash; returns its count.
    mutating func add(_ key: UInt64) -> Float {
        let first = Int(truncatingIfNeeded: key) & mask
        let second = mask + 1 + Int(truncatingIfNeeded: key >> 32) & mask
        let count = min(cells[first], cells[second]) + 1
        cells[first] = max(cells[first], count)
        cells[second] = max(cells[second], count)
        return count
    }

    mutating func fade(by factor: Float) {
        for index in cells.indices { cells[index] *= factor }
    }
}
