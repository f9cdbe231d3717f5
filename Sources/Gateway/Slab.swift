/// Records of one kind at fixed places, in chunks that are never moved: an index names a record, a generation tells
/// whether it is still the same one. Empty records cost their place only.
struct Slab<Record> {
    private static var chunkSize: Int { 1024 }
    private var chunks: [UnsafeMutablePointer<Record>] = []
    private var free: [UInt32] = []
    private let empty: Record
    private(set) var count = 0

    init(empty: Record) {
        self.empty = empty
    }

    /// The record's place; valid as long as the slab.
    subscript(index: UInt32) -> UnsafeMutablePointer<Record> {
        chunks[Int(index) / Self.chunkSize] + Int(index) % Self.chunkSize
    }

    /// A fresh place. The record there is what its last user left (`empty` at first).
    mutating func take() -> UInt32 {
        let place = next()
        count += 1
        free.removeLast()
        return place
    }

    /// The place that is taken next.
    mutating func next() -> UInt32 {
        if let place = free.last { return place }
        let first = UInt32(chunks.count * Self.chunkSize)
        let chunk = UnsafeMutablePointer<Record>.allocate(capacity: Self.chunkSize)
        chunk.initialize(repeating: empty, count: Self.chunkSize)
        chunks.append(chunk)
        free.append(contentsOf: (first..<first + UInt32(Self.chunkSize)).reversed())
        return first
    }

    mutating func give(_ index: UInt32) {
        count -= 1
        free.append(index)
    }

    /// All places ever used, in order.
    var indices: Range<UInt32> { 0..<UInt32(chunks.count * Self.chunkSize) }
}
