package import Addresses

/// A prefix in the book: 40 bytes.
package struct FilterRecord: Equatable, Sendable, BitwiseCopyable {
    package var address: Address
    package var id: UInt64
    /// Seconds since 1970.
    package var since: UInt32
    package var until: UInt32
    /// Among the notes of the book.
    package var note: UInt32
    package var length: UInt8
    package var isDry: Bool
    /// A hole: nothing of the address is left.
    package var isErased = false

    package var prefix: Prefix { Prefix(address, length: Int(length)) }

    package init(prefix: Prefix, id: UInt64, since: UInt32, until: UInt32, note: UInt32, isDry: Bool) {
        address = prefix.address
        self.id = id
        self.since = since
        self.until = until
        self.note = note
        length = UInt8(prefix.length)
        self.isDry = isDry
    }

    /// What is left where an entry was: its id alone.
    var erased: FilterRecord {
        var hole = FilterRecord(
            prefix: Prefix(Address(high: 0, low: 0), length: 0), id: id, since: 0, until: 0, note: 0, isDry: false)
        hole.isErased = true
        return hole
    }
}

/// Prefixes with their end and their note: up to a million, 40 bytes each and 8 to find it. Ids ascend, so that entries
/// stand in the order of their ids; what is erased leaves a hole until there are too many holes.
struct EntryTable: Sendable {
    /// Holes are closed when they are more than this and more than half of what is left: a step of some 0.1 s for a
    /// million entries, once for half a million that went.
    static let holeLimit = 4_096

    private(set) var records: [FilterRecord] = []
    private(set) var count = 0
    /// Place among the records plus one, 0: empty; open addressing.
    private var slots: [UInt32] = Array(repeating: 0, count: 64)
    /// The earliest end on top: end << 32 | place. One for each record, which may be too early by an extension.
    private var ends: [UInt64] = []
    /// How many entries have each length, IPv4's from 96 on.
    private var lengths = [Int32](repeating: 0, count: 129 + 129)

    // ---- Finding.

    func find(_ prefix: Prefix) -> Int? {
        var slot = home(prefix.address, UInt8(prefix.length))
        while slots[slot] != 0 {
            let place = Int(slots[slot]) - 1
            if records[place].address == prefix.address, Int(records[place].length) == prefix.length { return place }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    func find(id: UInt64) -> Int? {
        let place = firstPlace(from: id)
        guard place < records.count, records[place].id == id, !records[place].isErased else { return nil }
        return place
    }

    /// The longest prefix that contains the address, or the other prefix.
    func longest(containing other: Prefix) -> Int? {
        let base = other.address.isIPv4 ? 129 : 0
        for length in stride(from: other.length, through: 0, by: -1) where lengths[base + length] > 0 {
            if let place = find(Prefix(other.address, length: length)) { return place }
        }
        return nil
    }

    /// Entries from an id on, in the order of their ids.
    func page(from id: UInt64, count: Int) -> [FilterRecord] {
        var page: [FilterRecord] = []
        var place = firstPlace(from: id)
        while place < records.count, page.count < count {
            if !records[place].isErased { page.append(records[place]) }
            place += 1
        }
        return page
    }

    private func firstPlace(from id: UInt64) -> Int {
        var (low, high) = (0, records.count)
        while low < high {
            let middle = (low + high) / 2
            if records[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // ---- Changing.

    /// Adds a prefix that is not there yet, with an id above all others.
    mutating func append(_ record: FilterRecord) {
        if 2 * (count + 1) > slots.count { rebuildSlots(2 * slots.count) }
        let place = records.count
        records.append(record)
        take(slotFor: place)
        push(record.until, place)
        count += 1
        lengths[lengthPlace(record)] += 1
    }

    /// Lets an entry last longer, or be carried out otherwise; its end never comes closer.
    mutating func renew(_ place: Int, until: UInt32, note: UInt32, isDry: Bool) {
        records[place].until = max(records[place].until, until)
        records[place].note = note
        records[place].isDry = isDry
    }

    /// Erases an entry: nothing of the address stays in memory. Returns what it was. Places of others may change.
    mutating func erase(_ place: Int) -> FilterRecord {
        let record = records[place]
        freeSlot(of: place)
        count -= 1
        lengths[lengthPlace(record)] -= 1
        records[place] = record.erased
        closeHoles()
        return record
    }

    mutating func shift(by seconds: Int64) {
        for place in records.indices where !records[place].isErased {
            records[place].since = UInt32(clamping: Int64(records[place].since) + seconds)
            records[place].until = UInt32(clamping: Int64(records[place].until) + seconds)
        }
        sortEnds()
    }

    /// Erases what has ended, so many steps at most.
    /// - Returns: whether there may be more.
    mutating func eraseEnded(at second: UInt32, steps: inout Int, _ body: (FilterRecord) -> Void) -> Bool {
        while let top = ends.first, UInt32(truncatingIfNeeded: top >> 32) <= second {
            guard steps > 0 else { return true }
            steps -= 1
            pop()
            let place = Int(top & 0xffff_ffff)
            guard !records[place].isErased else { continue }
            if records[place].until > second {
                push(records[place].until, place)
            } else {
                body(erase(place))
            }
        }
        return false
    }

    // ---- Slots.

    private func home(_ address: Address, _ length: UInt8) -> Int {
        // Seeded by each process: nobody can choose addresses that meet in one place.
        var hasher = Hasher()
        hasher.combine(address)
        hasher.combine(length)
        return hasher.finalize() & (slots.count - 1)
    }

    private mutating func take(slotFor place: Int) {
        var slot = home(records[place].address, records[place].length)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(place + 1)
    }

    private mutating func freeSlot(of place: Int) {
        let mask = slots.count - 1
        var hole = home(records[place].address, records[place].length)
        while slots[hole] != UInt32(place + 1) { hole = (hole + 1) & mask }
        // Those behind move up where the way from their home leads over the hole.
        var next = (hole + 1) & mask
        while slots[next] != 0 {
            let other = Int(slots[next]) - 1
            let start = home(records[other].address, records[other].length)
            if (next - start) & mask >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = 0
    }

    private mutating func rebuildSlots(_ size: Int) {
        slots = Array(repeating: 0, count: size)
        for place in records.indices where !records[place].isErased { take(slotFor: place) }
    }

    private mutating func closeHoles() {
        guard records.count - count > max(Self.holeLimit, count / 2) else { return }
        records.removeAll { $0.isErased }
        rebuildSlots(slots.count)
        sortEnds()
    }

    private func lengthPlace(_ record: FilterRecord) -> Int { (record.address.isIPv4 ? 129 : 0) + Int(record.length) }

    // ---- Ends.

    private mutating func sortEnds() {
        ends = records.indices.filter { !records[$0].isErased }.map { UInt64(records[$0].until) << 32 | UInt64($0) }
        // What is sorted is a heap.
        ends.sort()
    }

    private mutating func push(_ until: UInt32, _ place: Int) {
        ends.append(UInt64(until) << 32 | UInt64(place))
        var child = ends.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard ends[child] < ends[parent] else { return }
            ends.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() {
        guard let last = ends.popLast(), !ends.isEmpty else { return }
        ends[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < ends.count && ends[child] < ends[least] {
                least = child
            }
            guard least != parent else { return }
            ends.swapAt(least, parent)
            parent = least
        }
    }
}
