/// Records of one kind at fixed places, in chunks that are never moved: an index names a record, a generation tells
/// whether it is still the same one. Empty records cost their place only.
final class Slab<Record> {
    private static var chunkSize: Int { 1024 }
    /// As many as tickets can name.
    private static var chunkLimit: Int { (1 << 24) / chunkSize }
    private let chunks = UnsafeMutablePointer<UnsafeMutablePointer<Record>>.allocate(capacity: chunkLimit)
    private var chunkCount = 0
    private var free: [UInt32] = []
    private let empty: Record
    private(set) var count = 0

    init(empty: Record) {
        self.empty = empty
    }

    /// The record's place; valid as long as the slab.
    subscript(index: UInt32) -> UnsafeMutablePointer<Record> {
        let chunk = Int(index) / Self.chunkSize
        precondition(chunk < chunkCount, "a slab has no such record")
        return chunks[chunk] + Int(index) % Self.chunkSize
    }

    /// A fresh place. The record there is what its last user left (`empty` at first).
    func take() -> UInt32 {
        let place = next()
        count += 1
        free.removeLast()
        return place
    }

    /// The place that is taken next.
    func next() -> UInt32 {
        if let place = free.last { return place }
        precondition(chunkCount < Self.chunkLimit, "a slab holds no more records")
        let first = UInt32(chunkCount * Self.chunkSize)
        let chunk = UnsafeMutablePointer<Record>.allocate(capacity: Self.chunkSize)
        chunk.initialize(repeating: empty, count: Self.chunkSize)
        (chunks + chunkCount).initialize(to: chunk)
        chunkCount += 1
        free.append(contentsOf: (first..<first + UInt32(Self.chunkSize)).reversed())
        return first
    }

    func give(_ index: UInt32) {
        count -= 1
        free.append(index)
    }

    /// All places ever used, in order.
    var indices: Range<UInt32> { 0..<UInt32(chunkCount * Self.chunkSize) }
}
