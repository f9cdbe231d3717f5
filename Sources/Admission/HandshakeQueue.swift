/// Who waits for a key exchange: at most `room` of them, in levels, the lowest first and each in order of arrival.
///
/// Adding, taking and leaving cost the same however many wait. No memory is taken after the start.
struct HandshakeQueue: Sendable {
    /// A place in the queue; it is another one's after who had it has gone.
    typealias Place = UInt16

    static let levels = 64
    private static let none = Place.max

    private struct Entry: Sendable {
        var ticket: UInt64 = 0
        var since: UInt64 = 0
        var level: UInt8 = 0
        /// Of the next in the level, or of the next place that is free.
        var next = none
        var previous = none
    }

    private var entries: [Entry]
    private var firsts = [Place](repeating: none, count: levels)
    private var lasts = [Place](repeating: none, count: levels)
    private var free: Place
    /// A bit for each level in which somebody waits.
    private var occupied: UInt64 = 0
    private(set) var count = 0

    /// - Parameter room: 1 to 65,534.
    init(room: Int) {
        let room = min(max(1, room), Int(Self.none) - 1)
        entries = Array(repeating: Entry(), count: room)
        for index in 0..<room - 1 { entries[index].next = Place(index + 1) }
        free = 0
    }

    var isFull: Bool { free == Self.none }

    /// The highest level in which somebody waits; nil where nobody does.
    var worst: Int? { occupied == 0 ? nil : 63 - occupied.leadingZeroBitCount }

    /// The lowest level in which somebody waits.
    var best: Int? { occupied == 0 ? nil : occupied.trailingZeroBitCount }

    /// Lets one in. The queue must not be full.
    mutating func add(_ ticket: UInt64, level: Int, since: UInt64) -> Place {
        precondition(!isFull, "whoever adds has looked whether there is room")
        let place = free
        free = entries[Int(place)].next
        let last = lasts[level]
        entries[Int(place)] = Entry(
            ticket: ticket, since: since, level: UInt8(level), next: Self.none, previous: last)
        if last == Self.none { firsts[level] = place } else { entries[Int(last)].next = place }
        lasts[level] = place
        occupied |= 1 << UInt64(level)
        count += 1
        return place
    }

    /// Takes out who came first in the lowest level.
    mutating func takeFirst() -> (ticket: UInt64, since: UInt64)? {
        guard let best else { return nil }
        return take(firsts[best])
    }

    /// Takes out who came last in the highest level.
    mutating func takeWorst() -> (ticket: UInt64, since: UInt64)? {
        guard let worst else { return nil }
        return take(lasts[worst])
    }

    /// Takes out who has this place; nil where it is another one's by now.
    mutating func take(_ place: Place, of ticket: UInt64) -> UInt64? {
        guard Int(place) < entries.count, entries[Int(place)].ticket == ticket, ticket != 0 else { return nil }
        return take(place).since
    }

    private mutating func take(_ place: Place) -> (ticket: UInt64, since: UInt64) {
        let entry = entries[Int(place)]
        let level = Int(entry.level)
        if entry.previous == Self.none {
            firsts[level] = entry.next
        } else {
            entries[Int(entry.previous)].next = entry.next
        }
        if entry.next == Self.none {
            lasts[level] = entry.previous
        } else {
            entries[Int(entry.next)].previous = entry.previous
        }
        if firsts[level] == Self.none { occupied &= ~(1 << UInt64(level)) }
        entries[Int(place)] = Entry(next: free)
        free = place
        count -= 1
        return (entry.ticket, entry.since)
    }
}
