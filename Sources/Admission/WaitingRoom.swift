package import Sketches

/// The requests that wait for a slot: few, bounded, and taken out in order of class, then of how little their source has
/// asked for lately, then of arrival.
///
/// That order is max-min fairness among sources: who asks least goes first, so a source that asks more than its share
/// waits behind every one that does not, and a single click by a newcomer passes a flood.
package struct WaitingRoom: Sendable {
    package struct Entry: Sendable {
        package var ticket: UInt64
        package var visitorClass: VisitorClass
        /// Milliseconds of origin time that the source asked for lately; less goes first.
        package var demand: Float
        package var route: UInt64
        package var since: Instant
    }

    private var entries: [Entry] = []
    /// At least 1. Who waits already stays when it shrinks.
    package var room: Int { didSet { room = max(1, room) } }
    /// Waiting in each class.
    private var counts = [0, 0, 0]

    package init(room: Int) {
        self.room = max(1, room)
        entries.reserveCapacity(self.room)
    }

    package var count: Int { entries.count }

    package func count(of visitorClass: VisitorClass) -> Int { counts[Int(visitorClass.rawValue)] }

    /// Lets a request wait. Where the room is full the worst one must go: another one, whose ticket is returned, or the
    /// new one itself.
    package mutating func add(_ entry: Entry) -> (isIn: Bool, evicted: Entry?) {
        guard entries.count >= room else {
            append(entry)
            return (true, nil)
        }
        var worst = 0
        for index in 1..<max(1, entries.count) where Self.goesBefore(entries[worst], entries[index]) { worst = index }
        guard Self.goesBefore(entry, entries[worst]) else { return (false, nil) }
        let evicted = remove(at: worst)
        append(entry)
        return (true, evicted)
    }

    /// Takes out the best request among the classes that `mayGo`.
    package mutating func takeBest(where mayGo: (VisitorClass) -> Bool) -> Entry? {
        let allowed = VisitorClass.allCases.first { count(of: $0) > 0 && mayGo($0) }
        guard let allowed else { return nil }
        var best: Int?
        for index in entries.indices where entries[index].visitorClass == allowed {
            if let present = best, !Self.goesBefore(entries[index], entries[present]) { continue }
            best = index
        }
        return best.map { remove(at: $0) }
    }

    /// Takes out one request that came before `limit`.
    package mutating func takeExpired(before limit: Instant) -> Entry? {
        guard let index = entries.firstIndex(where: { $0.since < limit }) else { return nil }
        return remove(at: index)
    }

    /// Takes out a request whose visitor left; nil where it is not here any more.
    package mutating func take(_ ticket: UInt64) -> Entry? {
        guard let index = entries.firstIndex(where: { $0.ticket == ticket }) else { return nil }
        return remove(at: index)
    }

    private static func goesBefore(_ one: Entry, _ other: Entry) -> Bool {
        if one.visitorClass != other.visitorClass { return one.visitorClass.rawValue < other.visitorClass.rawValue }
        if one.demand != other.demand { return one.demand < other.demand }
        return one.since < other.since
    }

    private mutating func append(_ entry: Entry) {
        entries.append(entry)
        counts[Int(entry.visitorClass.rawValue)] += 1
    }

    private mutating func remove(at index: Int) -> Entry {
        entries.swapAt(index, entries.count - 1)
        let entry = entries.removeLast()
        counts[Int(entry.visitorClass.rawValue)] -= 1
        return entry
    }
}
