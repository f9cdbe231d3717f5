// Not for I/O: two words to the memory that no Swift module has.
internal import CLinux

/// Memory of fixed size whose places are chosen by hash: a power of two of elements, aligned to a page. An index is
/// masked to the size, so that each is in bounds by construction, without a check or a count of references on the way.
///
/// At first all bytes are zero, which must be an element, if not one that is used: what is never counted in takes no
/// memory and no time.
struct Table<Element: BitwiseCopyable>: ~Copyable {
    let count: Int
    private let base: UnsafeMutablePointer<Element>

    /// - Parameter count: a power of two.
    init(_ count: Int, of element: Element.Type) {
        precondition(count > 0 && count & (count - 1) == 0, "a power of two")
        guard let memory = linux_table_memory(count * MemoryLayout<Element>.stride) else {
            fatalError("no memory for a table of \(count)")
        }
        self.count = count
        base = memory.bindMemory(to: Element.self, capacity: count)
    }

    deinit { linux_table_free(base, count * MemoryLayout<Element>.stride) }

    /// Asks for the first line of an element's memory, and does not wait for it.
    @inline(__always)
    func prefetch(_ index: Int) { linux_prefetch(base + (index & (count &- 1))) }

    /// Asks for the second line as well.
    @inline(__always)
    func prefetchBoth(_ index: Int) {
        let element = UnsafeRawPointer(base + (index & (count &- 1)))
        linux_prefetch(element)
        linux_prefetch(element + 64)
    }

    subscript(index: Int) -> Element {
        @inline(__always) _read { yield base[index & (count &- 1)] }
        @inline(__always) _modify { yield &base[index & (count &- 1)] }
    }
}

// The memory has one owner, which alone reads and writes it.
extension Table: @unchecked Sendable where Element: Sendable {}

/// Eight tags of 32 bits that are compared at once.
typealias Tags = SIMD8<UInt32>

extension Table<Tags> {
    /// One tag of a set, without loading the others.
    @inline(__always)
    func tag(_ set: Int, _ way: Int) -> UInt32 {
        UnsafeRawPointer(base + (set & (count &- 1))).load(fromByteOffset: (way & 7) &* 4, as: UInt32.self)
    }
}

extension SIMD8<UInt32> {
    /// The first place that has this tag; 8: none.
    @inline(__always)
    func place(of tag: UInt32) -> Int {
        withUnsafeBytes(of: self) { bytes in
            // Eight words, as many as it reads.
            Int(linux_place_of(bytes.assumingMemoryBound(to: UInt32.self).baseAddress!, tag))
        }
    }
}
