/// A row of records that a worker holds for good and finds by number. Like an array, but a record is changed in its place
/// without asking whether somebody else has the row in hand; `Ink` says why that matters.
final class Places<Record> {
    private var records = UnsafeMutableBufferPointer<Record>(start: nil, count: 0)

    deinit {
        records.deinitialize()
        records.deallocate()
    }

    var count: Int { records.count }
    var indices: Range<Int> { records.indices }

    subscript(index: Int) -> Record {
        unsafeAddress { UnsafePointer(place(index)) }
        unsafeMutableAddress { place(index) }
    }

    private func place(_ index: Int) -> UnsafeMutablePointer<Record> {
        precondition(records.indices.contains(index), "no record has this number")
        return records.baseAddress! + index
    }

    /// Adds records until there are `count`; those that are there stay as they are.
    func extend(to count: Int, with record: @autoclosure () -> Record) {
        guard count > records.count else { return }
        let more = UnsafeMutableBufferPointer<Record>.allocate(capacity: count)
        let kept = more.moveInitialize(fromContentsOf: records)
        for index in kept..<count { more.initializeElement(at: index, to: record()) }
        records.deallocate()
        records = more
    }

    /// Begins anew with `count` records.
    func restart(_ count: Int, with record: @autoclosure () -> Record) {
        records.deinitialize()
        records.deallocate()
        records = UnsafeMutableBufferPointer(start: nil, count: 0)
        extend(to: count, with: record())
    }
}
