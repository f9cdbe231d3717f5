internal import Filters
package import Moments

/// What the blocks for one site hit, as the filter's process says it. It goes on counting from one attack to the next.
package struct FilterTally: Equatable, Sendable {
    /// Its place among the kernel's.
    package var number: UInt32
    package var tenant: String
    package var site: String
    /// Blocks that stand.
    package var entries: UInt32
    /// When the last of them ends, unless somebody takes it away before.
    package var until: Moment
    package var dropped: FilterCount
    /// What dry ones only counted.
    package var spared: FilterCount

    package init(
        number: UInt32, tenant: String, site: String, entries: UInt32, until: Moment,
        dropped: FilterCount = FilterCount(), spared: FilterCount = FilterCount()
    ) {
        self.number = number
        self.tenant = tenant
        self.site = site
        self.entries = entries
        self.until = until
        self.dropped = dropped
        self.spared = spared
    }
}

/// Whose tally has which number. A number stays with its site when its blocks are over, so that the kernel's counts go on;
/// only where all are taken, the one that is over for longest goes to another site. It names no source.
package struct TallyTable: Equatable, Sendable {
    package struct Owner: Hashable, Sendable {
        package var tenant: String
        package var site: String

        package init(tenant: String, site: String) {
            self.tenant = tenant
            self.site = site
        }
    }

    package struct Held: Equatable, Sendable {
        package var owner: Owner
        /// Seconds since 1970: the latest end that a block of it had.
        package var until: UInt32
        var entries: UInt32 = 0

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

    /// As it was stored. Blocks are counted anew.
    init(_ stored: [Held]) {
        for one in stored.prefix(Self.limit) {
            held.append(Held(owner: one.owner, until: one.until))
            // Of two with one owner, which are not ours, the first one counts.
            if numbers[one.owner] == nil { numbers[one.owner] = UInt32(held.count) }
        }
    }

    /// 0: of nobody in particular.
    func number(of note: FilterNote) -> UInt32 {
        note.site.isEmpty ? 0 : numbers[Owner(tenant: note.tenant, site: note.site)] ?? 0
    }

    /// A block more, or one that lasts longer.
    /// - Returns: the number where it is another site's from now on: what it counted was not this site's.
    mutating func enter(_ note: FilterNote, until: UInt32) -> UInt32? {
        guard !note.site.isEmpty else { return nil }
        let owner = Owner(tenant: note.tenant, site: note.site)
        if let number = numbers[owner] {
            held[Int(number) - 1].entries += 1
            held[Int(number) - 1].until = max(held[Int(number) - 1].until, until)
            return nil
        }
        var new = Held(owner: owner, until: until)
        new.entries = 1
        guard held.count >= Self.limit else {
            held.append(new)
            numbers[owner] = UInt32(held.count)
            return UInt32(held.count)
        }
        let free = held.indices.filter { held[$0].entries == 0 }
        // Where all have blocks, one more site's are counted with all others.
        guard let place = free.min(by: { held[$0].until < held[$1].until }) else { return nil }
        if numbers[held[place].owner] == UInt32(place + 1) { numbers[held[place].owner] = nil }
        held[place] = new
        numbers[owner] = UInt32(place + 1)
        return UInt32(place + 1)
    }

    mutating func leave(_ note: FilterNote) {
        let number = number(of: note)
        // One that came while there was no number for its site.
        guard number > 0, held[Int(number) - 1].entries > 0 else { return }
        held[Int(number) - 1].entries -= 1
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
                number: UInt32(index + 1), tenant: held.owner.tenant, site: held.owner.site, entries: held.entries,
                until: Moment(second: held.until), dropped: count(2 * index + 2), spared: count(2 * index + 3))
        }
    }

    /// Places of the kernel's that ``tallies(_:)`` asks.
    package var tallyPlaces: Int { tallies.held.isEmpty ? 0 : 2 * tallies.held.count + 2 }

    // ---- Blocks come and go.

    /// An entry has this note from now on.
    mutating func hold(_ note: UInt32, until: UInt32, _ actions: inout [FilterAction]) {
        notes.retain(number: note)
        if let number = tallies.enter(notes[note], until: until) { actions.append(.clearTally(number)) }
    }

    /// An entry has it no longer.
    mutating func letGo(_ note: UInt32) {
        tallies.leave(notes[note])
        notes.release(note)
    }
}
