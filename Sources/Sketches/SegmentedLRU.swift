/// Decides what a store of bounded size keeps: keys in two segments, each in the order of their last use (Karedla, Love and
/// Wherry, "Caching strategies to improve disk system performance", 1994), and a newcomer that needs another's room must
/// have been asked for more often (Einziger, Friedman and Manes, "TinyLFU", 2017). So a scan of keys that come once pushes
/// out nothing that is used.
///
/// It holds no content: a key has a slot, and the caller keeps what belongs to that. Slots are small numbers, given again
/// once they are free. The caller decides how much is too much; `victim` says who goes first.
package struct SegmentedLRU: Sendable {
    private struct Node {
        var key: UInt64 = 0
        var weight = 0
        var previous = none
        var next = none
        var isProtected = false
    }

    private static let none = -1
    /// Of the whole weight, in eighths, what was used more than once may hold for itself.
    private static let protectedEighths = 7

    private struct Segment {
        /// Used last.
        var first = none
        /// Goes first.
        var last = none
        var weight = 0
    }

    private var places: [UInt64: Int] = [:]
    private var nodes: [Node] = []
    private var free: [Int] = []
    private var newcomers = Segment()
    private var protected = Segment()
    private var frequencies = FrequencySketch()

    /// The weight that it may come to, as far as the caller knows: what is protected has a share of that.
    package var room: Int

    package init(room: Int) { self.room = room }

    package var count: Int { places.count }
    package var weight: Int { newcomers.weight + protected.weight }

    package func slot(of key: UInt64) -> Int? { places[key] }
    package func key(at slot: Int) -> UInt64 { nodes[slot].key }
    package func weight(at slot: Int) -> Int { nodes[slot].weight }

    /// Somebody asks for the key: it is counted, and what is there moves to the front of those in use.
    package mutating func asked(_ key: UInt64) -> Int? {
        frequencies.add(key)
        guard let slot = places[key] else { return nil }
        detach(slot)
        nodes[slot].isProtected = true
        attach(slot)
        // What is over the share of the protected goes back to the newcomers, where it has another chance.
        while protected.weight * 8 > max(room, weight) * Self.protectedEighths, protected.last != slot {
            let last = protected.last
            detach(last)
            nodes[last].isProtected = false
            attach(last)
        }
        return slot
    }

    /// Takes in a key that is not there.
    package mutating func insert(_ key: UInt64, weight: Int) -> Int {
        assert(places[key] == nil, "a key is taken in twice")
        let slot = free.popLast() ?? nodes.count
        if slot == nodes.count { nodes.append(Node()) }
        nodes[slot] = Node(key: key, weight: weight)
        places[key] = slot
        attach(slot)
        return slot
    }

    package mutating func setWeight(_ weight: Int, at slot: Int) {
        detach(slot)
        nodes[slot].weight = weight
        attach(slot)
    }

    package mutating func remove(_ slot: Int) {
        detach(slot)
        places[nodes[slot].key] = nil
        nodes[slot] = Node()
        free.append(slot)
    }

    /// Who goes first; nil where nobody is there.
    package var victim: Int? {
        newcomers.last != Self.none ? newcomers.last : protected.last != Self.none ? protected.last : nil
    }

    /// Whether the key was asked for more often of late than what is at the slot.
    package func isMoreUsed(_ key: UInt64, than slot: Int) -> Bool {
        frequencies.estimate(key) > frequencies.estimate(nodes[slot].key)
    }

    private mutating func attach(_ slot: Int) {
        var segment = nodes[slot].isProtected ? protected : newcomers
        nodes[slot].previous = Self.none
        nodes[slot].next = segment.first
        if segment.first != Self.none { nodes[segment.first].previous = slot } else { segment.last = slot }
        segment.first = slot
        segment.weight += nodes[slot].weight
        if nodes[slot].isProtected { protected = segment } else { newcomers = segment }
    }

    private mutating func detach(_ slot: Int) {
        var segment = nodes[slot].isProtected ? protected : newcomers
        let (previous, next) = (nodes[slot].previous, nodes[slot].next)
        if previous != Self.none { nodes[previous].next = next } else { segment.first = next }
        if next != Self.none { nodes[next].previous = previous } else { segment.last = previous }
        segment.weight -= nodes[slot].weight
        if nodes[slot].isProtected { protected = segment } else { newcomers = segment }
    }
}

/// How often keys came of late, roughly, in 16 KiB: count-min with conservative update over hashes that are keyed already.
/// All counts are halved from time to time, so that what was asked for long ago fades.
struct FrequencySketch: Sendable {
    private static let rows = 4
    private static let width = 4096
    /// Keys added between two halvings.
    private static let period = 8 * width
    private var cells: [UInt8] = []
    private var added = 0

    mutating func add(_ key: UInt64) {
        // Memory only where something is counted.
        if cells.isEmpty { cells = Array(repeating: 0, count: Self.rows * Self.width) }
        let least = estimate(key)
        if least < .max {
            for row in 0..<Self.rows {
                let cell = Self.cell(key, row)
                if cells[cell] == least { cells[cell] += 1 }
            }
        }
        added += 1
        guard added >= Self.period else { return }
        added = 0
        for index in cells.indices { cells[index] >>= 1 }
    }

    func estimate(_ key: UInt64) -> UInt8 {
        guard !cells.isEmpty else { return 0 }
        var least = UInt8.max
        for row in 0..<Self.rows { least = min(least, cells[Self.cell(key, row)]) }
        return least
    }

    private static func cell(_ key: UInt64, _ row: Int) -> Int {
        // One multiplication spreads all bits; each row takes its own twelve of them.
        let mixed = key &* 0x9e37_79b9_7f4a_7c15 ^ key >> 29
        return row * width + Int(truncatingIfNeeded: mixed >> UInt64(row * 13 + 8)) & (width - 1)
    }
}
