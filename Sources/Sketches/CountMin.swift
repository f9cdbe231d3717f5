/// How much each key brought in, in fixed memory and for any number of keys: count-min (Cormode and Muthukrishnan, "An
/// improved data stream summary", 2005). An estimate is never less than the truth. With plain updates it is more by over
/// e/width of the total with probability at most e^-depth, for keys chosen without knowing the hash key; the conservative
/// update (Estan and Varghese, 2002) is never worse and mostly much better, but cannot be merged.
///
/// Memory: width × depth × 8 bytes. Counts stop at their largest value.
package struct CountMin: Sendable {
    @usableFromInline var cells: [UInt64]
    /// In place: an array would be counted and released for each row.
    @usableFromInline let hashes: [8 of UniversalHash]
    /// Rows.
    package let depth: Int
    @usableFromInline let mask: Int
    /// Counts in a row: a power of two.
    package let width: Int
    package let isConservative: Bool
    @usableFromInline var sum: UInt64 = 0

    /// More would only cost time: at 8 the bound fails for one key in 3,000.
    package static var depthLimit: Int { 8 }
    /// 2^26 counts a row: half a gigabyte.
    package static var widthLimit: Int { 1 << 26 }

    /// - Parameters:
    ///   - width: counts in a row, rounded up to a power of two, 16 to `widthLimit`.
    ///   - depth: rows, 1 to `depthLimit`.
    ///   - key: of the hash functions; two sketches can be merged only if they have the same.
    package init(width: Int, depth: Int, key: KeyedHash, conservative: Bool = false) {
        var size = 16
        while size < width, size < Self.widthLimit { size *= 2 }
        self.width = size
        mask = size - 1
        let rows = min(max(1, depth), Self.depthLimit)
        cells = Array(repeating: 0, count: size * rows)
        self.depth = rows
        hashes = [8 of UniversalHash] { UniversalHash(key: key, index: UInt64($0)) }
        isConservative = conservative
    }

    /// All that was added, whatever the key.
    @inlinable
    package var total: UInt64 { sum }

    /// By how much an estimate exceeds the truth at most, but with probability e^-depth (plain updates): e/width of
    /// the total.
    package var errorBound: Double { 2.718_281_828_459_045 * Double(total) / Double(width) }

    /// Adds to a key of up to 16 bytes; returns its estimate, this weight included.
    @inlinable
    @discardableResult
    package mutating func add(_ low: UInt64, high: UInt64 = 0, weight: UInt64) -> UInt64 {
        sum = saturatingSum(sum, weight)
        let raised = isConservative ? saturatingSum(estimate(low, high: high), weight) : 0
        var least = UInt64.max
        for row in 0..<depth {
            let cell = row &* width &+ (Int(truncatingIfNeeded: hashes[row](high, low)) & mask)
            let count = isConservative ? max(cells[cell], raised) : saturatingSum(cells[cell], weight)
            cells[cell] = count
            if count < least { least = count }
        }
        return least
    }

    /// At most this much came in for the key, and never less than the truth, but where a count has reached its largest
    /// value.
    @inlinable
    package func estimate(_ low: UInt64, high: UInt64 = 0) -> UInt64 {
        var least = UInt64.max
        for row in 0..<depth {
            let count = cells[row &* width &+ (Int(truncatingIfNeeded: hashes[row](high, low)) & mask)]
            if count < least { least = count }
        }
        return least
    }

    /// Takes in what another counted: with plain updates the result is what one sketch would hold that saw both streams,
    /// in any order. False, and nothing is changed, where the shapes or hash keys differ or an update is conservative.
    package mutating func merge(_ other: CountMin) -> Bool {
        guard width == other.width, depth == other.depth, hashes[0] == other.hashes[0], !isConservative,
            !other.isConservative
        else { return false }
        for index in cells.indices { cells[index] = saturatingSum(cells[index], other.cells[index]) }
        sum = saturatingSum(sum, other.sum)
        return true
    }

    /// Forgets everything, in the same memory.
    package mutating func clear() {
        for index in cells.indices { cells[index] = 0 }
        sum = 0
    }
}
