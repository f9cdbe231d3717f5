package import Addresses
package import Filters

/// How many entries have each bit of ``FilterMaps/Presence``, so that a bit goes when its last entry goes. 0.8 MB.
package struct PresenceCounts: Sendable {
    /// By list, then bit.
    private var counts: [[UInt32]]
    /// Entries by list that can have any bit.
    private var wide: [Int]
    /// Of the hashes.
    private let key: UInt64

    package init(key: UInt64) {
        self.key = key
        counts = FilterMaps.Presence.allCases.map { _ in Array(repeating: 0, count: FilterMaps.Presence.bits) }
        wide = FilterMaps.Presence.allCases.map { _ in 0 }
    }

    /// What changes in the kernel's words.
    package enum Change: Equatable, Sendable {
        case bits([Int])
        /// All words of the list.
        case all
    }

    /// Counts an entry that was not there; the bits that it is the first of.
    package mutating func add(_ prefix: Prefix, to list: FilterMaps.Presence) -> Change {
        let index = Int(list.rawValue)
        guard let bits = bits(of: prefix, list) else {
            wide[index] += 1
            return wide[index] == 1 ? .all : .bits([])
        }
        var first: [Int] = []
        for bit in bits {
            counts[index][bit] += 1
            if counts[index][bit] == 1 { first.append(bit) }
        }
        return .bits(first)
    }

    /// Counts an entry out; the bits that it was the last of.
    package mutating func remove(_ prefix: Prefix, from list: FilterMaps.Presence) -> Change {
        let index = Int(list.rawValue)
        guard let bits = bits(of: prefix, list) else {
            // None was counted: our bug, and no reason to stop filtering.
            assert(wide[index] > 0, "an entry that was not counted")
            wide[index] = max(0, wide[index] - 1)
            return wide[index] == 0 ? .all : .bits([])
        }
        var last: [Int] = []
        for bit in bits {
            assert(counts[index][bit] > 0, "an entry that was not counted")
            guard counts[index][bit] > 0 else { continue }
            counts[index][bit] -= 1
            if counts[index][bit] == 0 { last.append(bit) }
        }
        return .bits(last)
    }

    /// One of the list's words of 64 bits.
    package func word(_ place: Int, of list: FilterMaps.Presence) -> UInt64 {
        let index = Int(list.rawValue)
        guard wide[index] == 0 else { return .max }
        var word: UInt64 = 0
        for bit in 0..<64 where counts[index][place * 64 + bit] > 0 { word |= 1 << UInt64(bit) }
        return word
    }

    private func bits(of prefix: Prefix, _ list: FilterMaps.Presence) -> [Int]? {
        list == .blocked
            ? [FilterMaps.Presence.bit(of: prefix.address, key: key)] : FilterMaps.Presence.bits(of: prefix)
    }
}
