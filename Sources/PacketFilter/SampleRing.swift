package import CLinux
internal import Filters

/// Reads what programs put into a ring, in place: no copy, no memory, no system call. One reader at a time reads a ring;
/// where it goes on is kept in the ring itself, so that a new process goes on where the old one was.
package struct SampleRing: ~Copyable {
    /// Records of one call, unless told otherwise.
    package static let drainLimit = 65_536

    /// Since it was opened: records given to the reader, and their bytes.
    package private(set) var read: UInt64 = 0
    package private(set) var readBytes: UInt64 = 0
    private let map: KernelMap
    private var ring = linux_ring()

    /// The map must be a ring.
    package init(_ map: KernelMap) throws(KernelError) {
        precondition(map.shape.kind == .ring, "no ring")
        self.map = map
        try KernelError.check(
            linux_ring_map(map.descriptor, UInt64(map.shape.entries), &ring), .shareMemory, map.shape.name)
    }

    deinit {
        var ring = ring
        linux_ring_unmap(&ring)
    }

    /// Bytes that wait, with the records' heads.
    package var waiting: UInt64 {
        withUnsafePointer(to: ring) { linux_ring_produced($0) &- linux_ring_consumed($0) }
    }

    /// Can be waited for: readable where there is something. For waiting alone, as the map is.
    package var descriptor: Int32 { map.descriptor }

    /// Gives each record to the body, whose bytes are there during the call alone; at most so many. Returns how many.
    @discardableResult
    package mutating func drain(atMost limit: Int = drainLimit, _ body: (RawSpan) -> Void) -> Int {
        let (count, bytes) = Self.drain(ring, limit, body)
        read &+= UInt64(count)
        readBytes &+= bytes
        return count
    }

    /// The same of any ring.
    package static func drain(
        _ ring: linux_ring, _ limit: Int, _ body: (RawSpan) -> Void
    ) -> (count: Int, bytes: UInt64) {
        var (count, seen) = (0, 0)
        var bytes: UInt64 = 0
        withUnsafePointer(to: ring) { ring in
            var position = linux_ring_consumed(ring)
            let end = linux_ring_produced(ring)
            // Those that were taken back count too: else a ring full of them would hold us.
            while position < end, seen < limit {
                let head = linux_ring_head(ring, position)
                // Another processor is still writing it; what follows waits too.
                if head & linux_ring_busy != 0 { break }
                let length = head & ~linux_ring_discarded
                let next = position + (linux_ring_head_size + UInt64(length) + 7) & ~7
                // The kernel writes no such record.
                guard next <= end else { break }
                if head & linux_ring_discarded == 0 {
                    let start = ring.pointee.data + Int((position + linux_ring_head_size) & (ring.pointee.size - 1))
                    // In one piece, for the ring is mapped twice in a row; and ours until it is consumed.
                    body(RawSpan(_unsafeStart: start, byteCount: Int(length)))
                    count += 1
                    bytes &+= UInt64(length)
                }
                seen += 1
                position = next
                linux_ring_consume(ring, position)
            }
        }
        return (count, bytes)
    }
}
