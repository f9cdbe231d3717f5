internal import CLinux
internal import Filters
internal import Glibc

/// An array in the kernel whose memory is ours too: numbers of 64 bits that are read and written in place, while programs
/// do the same. Each number is whole; several together may be of different moments.
package struct MappedArray: ~Copyable {
    /// Numbers of 64 bits; each entry begins at a whole one.
    package let count: Int
    private let map: KernelMap
    private let words: UnsafeMutablePointer<UInt64>

    /// The map must be an array.
    package init(_ map: KernelMap) throws(KernelError) {
        precondition(map.shape.kind == .array, "no array")
        self.map = map
        count = Int(map.shape.entries) * ((Int(map.shape.valueSize) + 7) / 8)
        guard let start = linux_array_map(map.descriptor, count * 8) else {
            throw KernelError(errno, .shareMemory, map.shape.name)
        }
        // Nothing but numbers of 64 bits is ever seen there.
        words = start.bindMemory(to: UInt64.self, capacity: count)
    }

    deinit { munmap(words, count * 8) }

    package subscript(index: Int) -> UInt64 {
        get {
            precondition(index >= 0 && index < count, "no such number")
            return linux_word_load(words + index)
        }
        nonmutating set {
            precondition(index >= 0 && index < count, "no such number")
            linux_word_store(words + index, newValue)
        }
    }

    /// The bytes of one entry, as they are now and while the body reads them.
    package func withBytes<Result>(of entry: Int, _ body: (RawSpan) -> Result) -> Result {
        precondition(entry >= 0 && entry < Int(map.shape.entries), "no such entry")
        let start = UnsafeRawPointer(words + entry * (count / Int(map.shape.entries)))
        return body(RawSpan(_unsafeStart: start, byteCount: Int(map.shape.valueSize)))
    }

    /// Sets one entry to zero; what programs write meanwhile may be lost.
    package func clear(_ entry: Int) {
        precondition(entry >= 0 && entry < Int(map.shape.entries), "no such entry")
        let size = count / Int(map.shape.entries)
        memset(words + entry * size, 0, size * 8)
    }
}
