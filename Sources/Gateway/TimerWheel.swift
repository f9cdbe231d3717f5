/// Deadlines of connections: a hashed wheel (Varghese and Lauck 1987) of linked lists through the records themselves.
///
/// Moving a deadline later, which happens with every request, only writes it down: the wheel finds out when the old one
/// comes round.
final class TimerWheel {
    /// What a record holds for the wheel; always its first member.
    struct Node {
        var next = TimerWheel.none
        var previous = TimerWheel.none
        var slot: UInt16 = TimerWheel.unarmed
        /// In ticks; the deadline proper.
        var due: UInt32 = 0
    }

    static let none = UInt32.max
    static let unarmed = UInt16.max
    /// Milliseconds in a tick.
    static let tick: UInt64 = 128
    private static let slots = 512

    private let heads = UnsafeMutablePointer<UInt32>.allocate(capacity: slots)
    private(set) var now: UInt32 = 0

    init() { heads.initialize(repeating: Self.none, count: Self.slots) }

    deinit { heads.deallocate() }

    static func ticks(_ milliseconds: UInt32) -> UInt32 { milliseconds / UInt32(tick) + 1 }

    /// Sets the deadline of the record with this handle to `delay` milliseconds from now.
    func arm(_ handle: UInt32, in delay: UInt32, _ node: (UInt32) -> UnsafeMutablePointer<Node>) {
        let record = node(handle)
        let due = now &+ Self.ticks(delay)
        if record.pointee.slot != Self.unarmed {
            if due >= record.pointee.due {
                record.pointee.due = due
                return
            }
            disarm(handle, node)
        }
        record.pointee.due = due
        insert(handle, node)
    }

    func disarm(_ handle: UInt32, _ node: (UInt32) -> UnsafeMutablePointer<Node>) {
        let record = node(handle)
        guard record.pointee.slot != Self.unarmed else { return }
        let (next, previous) = (record.pointee.next, record.pointee.previous)
        if previous == Self.none { heads[Int(record.pointee.slot)] = next } else { node(previous).pointee.next = next }
        if next != Self.none { node(next).pointee.previous = previous }
        record.pointee.slot = Self.unarmed
    }

    /// Moves one tick on; returns the handles whose deadline has come, which are disarmed.
    func advance(_ node: (UInt32) -> UnsafeMutablePointer<Node>) -> [UInt32] {
        now &+= 1
        let slot = Int(now) % Self.slots
        var handle = heads[slot]
        heads[slot] = Self.none
        var expired: [UInt32] = []
        while handle != Self.none {
            let record = node(handle)
            let next = record.pointee.next
            record.pointee.slot = Self.unarmed
            if record.pointee.due <= now { expired.append(handle) } else { insert(handle, node) }
            handle = next
        }
        return expired
    }

    private func insert(_ handle: UInt32, _ node: (UInt32) -> UnsafeMutablePointer<Node>) {
        let record = node(handle)
        // What lies beyond the wheel waits in its last slot and is inserted anew from there.
        let turns = min(record.pointee.due &- now, UInt32(Self.slots - 1))
        let slot = Int(now &+ max(1, turns)) % Self.slots
        let head = heads[slot]
        record.pointee.next = head
        record.pointee.previous = Self.none
        record.pointee.slot = UInt16(slot)
        if head != Self.none { node(head).pointee.previous = handle }
        heads[slot] = handle
    }
}
