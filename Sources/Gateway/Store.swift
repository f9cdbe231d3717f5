internal import Glibc

/// A small heap buffer of a connection, there only while it holds something: bytes go in at the end and out at the
/// front. A plain struct without destructor, for the slab's records; whoever holds it calls `free`.
struct Store {
    private var base: UnsafeMutableRawPointer?
    private var start: UInt32 = 0
    private var end: UInt32 = 0
    private var capacity: UInt32 = 0

    var count: Int { Int(end - start) }
    var isEmpty: Bool { start == end }

    /// The bytes held; valid until the next change.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base.map { $0 + Int(start) }, count: count)
    }

    mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let from = source.baseAddress, source.count > 0 else { return }
        if Int(capacity - end) < source.count { makeRoom(source.count) }
        memcpy(base! + Int(end), from, source.count)
        end += UInt32(source.count)
    }

    mutating func consume(_ count: Int) {
        start += UInt32(count)
        if start >= end {
            start = 0
            end = 0
        }
    }

    /// Forgets the content and keeps the memory.
    mutating func clear() {
        start = 0
        end = 0
    }

    mutating func free() {
        Glibc.free(base)
        self = Store()
    }

    private mutating func makeRoom(_ needed: Int) {
        let held = count
        if start > 0, Int(capacity) - held >= needed {
            memmove(base!, base! + Int(start), held)
        } else {
            let size = max(256, (held + needed + 255) & ~255)
            let grown = malloc(size)!
            if held > 0 { memcpy(grown, base! + Int(start), held) }
            Glibc.free(base)
            base = grown
            capacity = UInt32(size)
        }
        start = 0
        end = UInt32(held)
    }
}
