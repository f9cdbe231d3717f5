internal import Filters
package import Moments

/// What the entries for one site did, as the filter's process says it. It goes on counting from one attack to the next.
package struct FilterTally: Equatable, Sendable {
    /// Its place among the kernel's.
    package var number: UInt32
    package var owner: TallyTable.Owner
    /// Entries that stand, and those of them that are not dry.
    package var entries: UInt32
    package var live: UInt32
    /// When the last of them ends, unless somebody takes it away before.
    package var until: Moment
    package var dropped: FilterCount
    /// What dry ones only counted; under a flood the SYN that were answered with a cookie.
    package var beside: FilterCount

    package init(
        number: UInt32, owner: TallyTable.Owner, entries: UInt32, live: UInt32, until: Moment,
        dropped: FilterCount = FilterCount(), beside: FilterCount = FilterCount()
    ) {
        self.number = number
        self.owner = owner
        self.entries = entries
        self.live = live
        self.until = until
        self.dropped = dropped
        self.beside = beside
    }
}

/// Whose tally has which number. A number stays with its site when its blocks are over, so that the kernel's counts go on;
/// only where all are taken, the one that is over for longest goes to another site. It names no source.
package struct TallyTable: Equatable, Sendable {
    /// What is counted together.
    package enum Cause: UInt8, CaseIterable, Sendable {
        /// Sources that a machine named.
        case proven = 0
        /// Sources that the operator blocked.
        case byHand = 1
        /// Destinations that are answered with cookies.
        case flood = 2

        /// nil: such entries are not counted.
        init?(_ list: FilterList, _ author: FilterNote.Author) {
            switch list {
            case .blocked, .networks: self = author.isMachine ? .proven : .byHand
            case .flooded: self = .flood
            case .allowed: return nil
            }
        }
    }

    package struct Owner: Hashable, Sendable {
        package var tenant: String
        /// A site's name, or a network.
        package var site: String
        package var cause: Cause

        package init(tenant: String, site: String, cause: Cause) {
            self.tenant = tenant
            self.site = site
            self.cause = cause
        }

        /// nil: entries of this list and note are of nobody in particular.
        init?(_ note: FilterNote, _ list: FilterList) {
            guard !note.site.isEmpty, let cause = Cause(list, note.author) else { return nil }
            self.init(tenant: note.tenant, site: note.site, cause: cause)
        }
    }

    package struct Held: Equatable, Sendable {
        package var owner: Owner
        /// Seconds since 1970: the latest end that an entry of it had.
        package var until: UInt32
        var entries: UInt32 = 0
        var live: UInt32 = 0

        package init(owner: Owner, until: UInt32) {
            self.owner = owner
            self.until = until
        }
    }

    /// Sites: number 0 is that of all others.
    package static let limit = Int(FilterMaps.tallyLimit) - 1

    /// By number, from 1 on.
    package private(set) var held: [Held] = []
    private var numbers: [Owner: UInt32] = [:]

    package init() {}

    /// As it was stored. Entries are counted anew.
    init(_ stored: [Held]) {
        for one in stored.prefix(Self.limit) {
            held.append(Held(owner: one.owner, until: one.until))
            // Of two with one owner, which are not ours, the first one counts.
            if numbers[one.owner] == nil { numbers[one.owner] = UInt32(held.count) }
        }
    }

    /// 0: of nobody in particular.
    func number(of note: FilterNote, _ list: FilterList) -> UInt32 {
        Owner(note, list).flatMap { numbers[$0] } ?? 0
    }

    /// An entry more, or one that lasts longer.
    /// - Returns: the number where it is another site's from now on: what it counted was not this site's.
    mutating func enter(_ entry: FilterRecord, _ note: FilterNote, _ list: FilterList) -> UInt32? {
        guard let owner = Owner(note, list) else { return nil }
        if let number = numbers[owner] {
            held[Int(number) - 1].entries += 1
            held[Int(number) - 1].live += entry.isDry ? 0 : 1
            held[Int(number) - 1].until = max(held[Int(number) - 1].until, entry.until)
            return nil
        }
        var new = Held(owner: owner, until: entry.until)
        new.entries = 1
        new.live = entry.isDry ? 0 : 1
        guard held.count >= Self.limit else {
            held.append(new)
            numbers[owner] = UInt32(held.count)
            return UInt32(held.count)
        }
        let free = held.indices.filter { held[$0].entries == 0 }
        // Where all have entries, one more site's are counted with all others.
        guard let place = free.min(by: { held[$0].until < held[$1].until }) else { return nil }
        if numbers[held[place].owner] == UInt32(place + 1) { numbers[held[place].owner] = nil }
        held[place] = new
        numbers[owner] = UInt32(place + 1)
        return UInt32(place + 1)
    }

    mutating func leave(_ entry: FilterRecord, _ note: FilterNote, _ list: FilterList) {
        let number = number(of: note, list)
        // One that came while there was no number for its site.
        guard number > 0, held[Int(number) - 1].entries > 0 else { return }
        held[Int(number) - 1].entries -= 1
        if !entry.isDry, held[Int(number) - 1].live > 0 { held[Int(number) - 1].live -= 1 }
    }

    mutating func shift(by seconds: Int64) {
        for place in held.indices { held[place].until = UInt32(clamping: Int64(held[place].until) + seconds) }
    }
}

extension FilterBook {
    /// Tallies of all who have one.
    /// - Parameter counts: by place, as the kernel has them.
    package func tallies(_ counts: [FilterCount]) -> [FilterTally] {
        func count(_ place: Int) -> FilterCount { place < counts.count ? counts[place] : FilterCount() }
        return tallies.held.enumerated().map { index, held in
            FilterTally(
                number: UInt32(index + 1), owner: held.owner, entries: held.entries, live: held.live,
                until: Moment(second: held.until), dropped: count(2 * index + 2), beside: count(2 * index + 3))
        }
    }

    /// Places of the kernel's that ``tallies(_:)`` asks.
    package var tallyPlaces: Int { tallies.held.isEmpty ? 0 : 2 * tallies.held.count + 2 }

    // ---- Entries come and go.

    /// The list has this entry, with its note, from now on.
    mutating func hold(_ entry: FilterRecord, _ list: FilterList, _ actions: inout [FilterAction]) {
        notes.retain(number: entry.note)
        if let number = tallies.enter(entry, notes[entry.note], list) { actions.append(.clearTally(number)) }
    }

    /// It has it no longer.
    mutating func letGo(_ entry: FilterRecord, _ list: FilterList) {
        tallies.leave(entry, notes[entry.note], list)
        notes.release(entry.note)
    }
}
