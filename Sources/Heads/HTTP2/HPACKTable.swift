/// A connection's dynamic table (RFC 7541, section 2.3.2): the newest entry first, the oldest goes when there is no room.
///
/// Its memory comes with the first entry and grows with what lives in it, to twice the limit at most: entries lie one
/// behind the other, and move to the front when the end is reached, which is so seldom that it costs nothing.
struct HPACKTable: Sendable {
    private struct Entry: Sendable, BitwiseCopyable {
        var start: UInt32
        var nameCount: UInt32
        var valueCount: UInt32

        /// As the RFC counts (section 4.1).
        var size: Int { Int(nameCount) + Int(valueCount) + 32 }
    }

    /// What an entry counts for beside its bytes.
    static let entryCost = 32

    private var bytes: [UInt8] = []
    private var entries: [Entry] = []
    /// The oldest entry that still lives.
    private var oldest = 0
    /// Where the next entry's bytes go.
    private var end = 0
    /// As the RFC counts.
    private(set) var size = 0
    private(set) var limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { entries.count - oldest }

    mutating func setLimit(_ new: Int) {
        limit = new
        evict(to: new)
        if new == 0 {
            bytes = []
            entries = []
            oldest = 0
            end = 0
        }
    }

    /// Calls `body` with the entry at `index`, 0 being the newest; returns nil where there is none. The places hold
    /// until the table is changed.
    func withEntry<Result>(
        _ index: Int, _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Result
    ) -> Result? {
        guard index >= 0, index < count else { return nil }
        let entry = entries[entries.count - 1 - index]
        let start = Int(entry.start)
        let middle = start + Int(entry.nameCount)
        return bytes.withUnsafeBytes { all in
            body(
                UnsafeRawBufferPointer(rebasing: all[start..<middle]),
                UnsafeRawBufferPointer(rebasing: all[middle..<middle + Int(entry.valueCount)]))
        }
    }

    /// Adds an entry; one that is larger than the table empties it (section 4.4). Neither may lie in the table itself.
    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let length = name.count + value.count
        guard length + Self.entryCost <= limit else { return removeAll() }
        evict(to: limit - length - Self.entryCost)
        makeRoom(length)
        bytes.withUnsafeMutableBytes { all in
            let place = UnsafeMutableRawBufferPointer(rebasing: all[end..<end + length])
            place.copyMemory(from: name)
            UnsafeMutableRawBufferPointer(rebasing: place[name.count...]).copyMemory(from: value)
        }
        entries.append(
            Entry(start: UInt32(end), nameCount: UInt32(name.count), valueCount: UInt32(value.count)))
        end += length
        size += length + Self.entryCost
    }

    mutating func removeAll() { evict(to: 0) }

    private mutating func evict(to target: Int) {
        while size > target {
            size -= entries[oldest].size
            oldest += 1
        }
        if oldest == entries.count {
            entries.removeAll(keepingCapacity: true)
            oldest = 0
            end = 0
        } else if oldest >= 64, oldest * 2 >= entries.count {
            entries.removeFirst(oldest)
            oldest = 0
        }
    }

    private mutating func makeRoom(_ length: Int) {
        guard end + length > bytes.count else { return }
        let start = oldest < entries.count ? Int(entries[oldest].start) : end
        let live = end - start
        if (live + length) * 2 > bytes.count {
            var larger = [UInt8](repeating: 0, count: max(512, min(limit * 2, (live + length) * 4)))
            larger.withUnsafeMutableBytes { new in
                bytes.withUnsafeBytes { old in
                    new.copyMemory(from: UnsafeRawBufferPointer(rebasing: old[start..<start + live]))
                }
            }
            bytes = larger
        } else {
            bytes.withUnsafeMutableBytes { all in
                all.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[start..<start + live]))
            }
        }
        for index in oldest..<entries.count { entries[index].start -= UInt32(start) }
        end = live
    }
}
