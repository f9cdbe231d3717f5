package import Sketches

/// The requests that wait for a slot: few, bounded, and taken out in order of class, then of score, then of how little
/// their source has asked for lately (less, for who has a turn that waited), then of arrival. Suspects who keep cookies go
/// before all others of them; where it is asked of the unknown, cookies decide between those of the same score.
///
/// Among equals by score that order is max-min fairness among sources: who asks least goes first, so a source that asks more than its share
/// waits behind every one that does not, and a single click by a newcomer passes a flood.
package struct WaitingRoom: Sendable {
    package struct Entry: Sendable {
        package var ticket: UInt64
        package var visitorClass: VisitorClass
        /// Steps of the score: 0 is neutral, less is more like the site's visitors and goes first.
        package var score: Int8 = 0
        /// Suspect for its score, not for what its source asks for.
        package var isUnlike = false
        /// Milliseconds of origin time that the source asked for lately; less goes first.
        package var demand: Float
        package var route: UInt64
        package var source: UInt64 = 0
        package var isAsset = false
        package var since: Instant
        /// Is not known to keep cookies, where that is asked.
        package var isUnproven = false
        /// What its score was made of; nil where it has none.
        var row: TraitRow?
        /// The turn that this is; 0: none.
        package var turn: UInt64 = 0

        package init(
            ticket: UInt64, visitorClass: VisitorClass, score: Int8 = 0, isUnlike: Bool = false, demand: Float,
            route: UInt64, source: UInt64 = 0, isAsset: Bool = false, since: Instant
        ) {
            self.ticket = ticket
            self.visitorClass = visitorClass
            self.score = score
            self.isUnlike = isUnlike
            self.demand = demand
            self.route = route
            self.source = source
            self.isAsset = isAsset
            self.since = since
        }
    }

    private var entries: [Entry] = []
    /// The order of each entry as one number, less goes first: who asks while the room is full must be compared with all
    /// that wait, in well under a microsecond.
    private var order: [UInt64] = []
    private var arrivals: UInt64 = 0
    /// At least 1. Who waits already stays when it shrinks.
    package var room: Int { didSet { room = max(1, room) } }
    /// What others who share a bound leave to this room, 0 and more; it goes before `room`.
    package var quota = Int.max
    /// Requests that went, or were not let in, for that quota.
    package private(set) var capped: UInt64 = 0
    /// Waiting in each class.
    private var counts = [0, 0, 0]

    package init(room: Int) {
        self.room = max(1, room)
        entries.reserveCapacity(self.room)
        order.reserveCapacity(self.room)
    }

    package var count: Int { entries.count }

    package func count(of visitorClass: VisitorClass) -> Int { counts[Int(visitorClass.rawValue)] }

    /// Lets a request wait. Where the room is full the worst one must go: another one, whose ticket is returned, or the
    /// new one itself.
    package mutating func add(_ entry: Entry) -> (isIn: Bool, evicted: Entry?) {
        arrivals &+= 1
        let place = Self.place(of: entry, arrival: arrivals)
        guard entries.count >= min(room, quota) else {
            append(entry, place)
            return (true, nil)
        }
        if entries.count < room { capped &+= 1 }
        guard !entries.isEmpty else { return (false, nil) }
        var worst = 0
        for index in order.indices where order[index] > order[worst] { worst = index }
        guard place < order[worst] else { return (false, nil) }
        let evicted = remove(at: worst)
        append(entry, place)
        return (true, evicted)
    }

    /// Takes out the best request among the classes that `mayGo`.
    package mutating func takeBest(where mayGo: (VisitorClass) -> Bool) -> Entry? {
        let allowed = VisitorClass.allCases.first { count(of: $0) > 0 && mayGo($0) }
        guard let allowed else { return nil }
        var best: Int?
        for index in order.indices where order[index] >> Self.classShift == UInt64(allowed.rawValue) {
            if let present = best, order[index] > order[present] { continue }
            best = index
        }
        return best.map { remove(at: $0) }
    }

    /// Judges all that wait again, who came when less was known than now.
    mutating func judge(_ score: (TraitRow) -> Int8) {
        for index in entries.indices {
            guard let row = entries[index].row else { continue }
            entries[index].score = score(row)
            order[index] = Self.place(of: entries[index], arrival: order[index])
        }
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

    private static let classShift: UInt64 = 62

    /// Class, score and proof, demand, arrival. The bits of numbers that are not negative are in their order; of the arrivals
    /// 23 are kept, far more than can wait at once.
    private static func place(of entry: Entry, arrival: UInt64) -> UInt64 {
        let score = UInt64(Int(entry.score) + 128)
        let proof: UInt64 = entry.isUnproven ? 1 : 0
        let standing = entry.visitorClass == .suspect ? proof << 8 | score : score << 1 | proof
        return UInt64(entry.visitorClass.rawValue) << classShift | standing << 53
            | UInt64(max(0, entry.demand).bitPattern >> 1) << 23 | arrival & 0x7f_ffff
    }

    private mutating func append(_ entry: Entry, _ place: UInt64) {
        entries.append(entry)
        order.append(place)
        counts[Int(entry.visitorClass.rawValue)] += 1
    }

    private mutating func remove(at index: Int) -> Entry {
        entries.swapAt(index, entries.count - 1)
        order.swapAt(index, order.count - 1)
        order.removeLast()
        let entry = entries.removeLast()
        counts[Int(entry.visitorClass.rawValue)] -= 1
        return entry
    }
}
