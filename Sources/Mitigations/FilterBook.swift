package import Addresses
package import Filters
internal import Moments

/// Everything that the kernel's filter is told to do, by whom, why and until when. Events return what is to be done at the
/// kernel; the book itself touches nothing and reads no clock.
///
/// The impossibles. *Our bug* (traps in debug): an id or a counter given twice. *Their fault* (a ``FilterRefusal``): what
/// is too wide, too long, too much, or would do harm. *Ignored, because it is fine*: an order that says what the book
/// says already; a machine's order against the operator's word, which stands.
package struct FilterBook: Sendable {
    /// Rules at a time: a network that is hit by a thousand different attacks at once has another problem.
    package static let ruleLimit = 1_000
    /// Rules that are over and still explained; they hold no source.
    package static let endedLimit = 100
    /// Seconds that an entry may last: what nobody has looked at for a month was forgotten.
    package static let longestLife: Int64 = 30 * 86_400
    /// The same of a machine's blocks: an address has another holder tomorrow.
    package static let longestMachineLife: Int64 = 86_400
    /// The most ordinary traffic that one live rule may hit.
    package static let collateralBound = 0.001
    /// The same of all live rules together, each taken by itself: so never less than the truth.
    package static let togetherBound = 0.01
    /// Entries that one call of ``expire(at:)`` lets go: some 25 ms, and 0.2 s where holes of a million are closed.
    package static let expiryLimit = 16_384
    /// Bits that a network must have at least; more would be half the internet.
    package static let leastIPv4Length = 8
    package static let leastIPv6Length = 16

    var tables = FilterList.allCases.map { _ in EntryTable() }
    var notes = NoteTable()
    var tallies = TallyTable()
    /// Ascending by id.
    package internal(set) var rules: [FilterRule] = []
    /// The latest last.
    package internal(set) var ended: [FilterEntry] = []
    /// What the next new entry is called.
    package internal(set) var nextID: UInt64 = 1
    /// Changes with every change of what would be stored.
    package internal(set) var revision: UInt64 = 0
    /// Of the hashes that the kernel's programs compute; it stays as long as the maps do.
    package var key: UInt64

    package init(key: UInt64) { self.key = key }

    package func count(of list: FilterList) -> Int { tables[Int(list.rawValue)].count }

    /// Whether the list has exactly this prefix.
    package func holds(_ prefix: Prefix, in list: FilterList) -> Bool {
        tables[Int(list.rawValue)].find(prefix) != nil
    }

    package var isEmpty: Bool { rules.isEmpty && tables.allSatisfy { $0.count == 0 } }

    // ---- Ending.

    /// What an expiry let go.
    package struct Expired: Equatable, Sendable {
        package var actions: [FilterAction] = []
        /// The bound was reached: the rest waits for another call.
        package var hasMore = false
    }

    /// Erases what has ended, in bounded steps.
    package mutating func expire(at now: FilterTime) -> Expired {
        var expired = Expired()
        guard let second = now.second else { return expired }
        var steps = Self.expiryLimit
        for list in FilterList.allCases {
            var gone: [FilterRecord] = []
            let hasMore = tables[Int(list.rawValue)].eraseEnded(at: second, steps: &steps) { gone.append($0) }
            for record in gone {
                letGo(record, list)
                expired.actions.append(.remove(list, record.prefix))
            }
            if hasMore { expired.hasMore = true }
        }
        let over = rules.filter { $0.until <= now.wall }
        if !over.isEmpty {
            rules.removeAll { $0.until <= now.wall }
            for rule in over { file(FilterEntry(rule, status: .ended)) }
            expired.actions.append(.compileRules)
        }
        if !expired.actions.isEmpty { revision += 1 }
        return expired
    }

    /// Undoes one entry.
    package mutating func remove(id: UInt64) throws(FilterRefusal) -> [FilterAction] {
        if let place = rules.firstIndex(where: { $0.id == id }) {
            let rule = rules.remove(at: place)
            file(FilterEntry(rule, status: .undone))
            revision += 1
            return [.compileRules]
        }
        for list in FilterList.allCases {
            if let place = tables[Int(list.rawValue)].find(id: id) { return [erase(place, of: list)] }
        }
        throw FilterRefusal(.unknown, "there is no entry \(id)")
    }

    /// Undoes the entry of exactly this prefix.
    package mutating func remove(_ kind: FilterKind, _ prefix: Prefix) throws(FilterRefusal) -> [FilterAction] {
        guard let list = kind.list(of: prefix), let place = tables[Int(list.rawValue)].find(prefix) else {
            throw FilterRefusal(.unknown, "\(prefix) is not \(kind.name)")
        }
        return [erase(place, of: list)]
    }

    /// Takes away what machines blocked within a prefix, at most a batch at a time: the operator lets these sources in.
    package mutating func letIn(_ prefix: Prefix) -> (ids: [UInt64], actions: [FilterAction]) {
        var ids: [UInt64] = []
        var actions: [FilterAction] = []
        for list in FilterKind.blocked.lists {
            let found = tables[Int(list.rawValue)].records.lazy.filter { record in
                !record.isErased && prefix.contains(record.prefix)
            }.filter { [notes] in notes[$0.note].author.isMachine }
            for record in Array(found.prefix(FilterOrder.batchLimit - ids.count)) {
                guard let place = tables[Int(list.rawValue)].find(record.prefix) else { continue }
                ids.append(record.id)
                actions.append(erase(place, of: list))
            }
        }
        return (ids, actions)
    }

    mutating func erase(_ place: Int, of list: FilterList) -> FilterAction {
        let record = tables[Int(list.rawValue)].erase(place)
        letGo(record, list)
        revision += 1
        return .remove(list, record.prefix)
    }

    private mutating func file(_ entry: FilterEntry) {
        ended.append(entry)
        if ended.count > Self.endedLimit { ended.removeFirst(ended.count - Self.endedLimit) }
    }

    // ---- All of it.

    /// The wall clock was set, and no time has gone by: each entry keeps what is left of its time, so that what the kernel
    /// has of it stays right.
    package mutating func shift(by seconds: Int64) {
        guard seconds != 0 else { return }
        for list in tables.indices { tables[list].shift(by: seconds) }
        tallies.shift(by: seconds)
        for rule in rules.indices {
            rules[rule].since = rules[rule].since + Double(seconds)
            rules[rule].until = rules[rule].until + Double(seconds)
        }
        revision += 1
    }

    /// All that the kernel must know, for one that knows nothing or whose clock has stepped.
    package func everything(_ list: FilterList, at now: FilterTime) -> [FilterAction] {
        // Asked once for each note: there may be a million entries.
        let numbers = notes.all.map { $0.map { tallies.number(of: $0, list) } ?? 0 }
        return tables[Int(list.rawValue)].records.compactMap { record in
            record.isErased
                ? nil
                : .insert(
                    list, record.prefix, until: now.clock(at: Moment(second: record.until)), isDry: record.isDry,
                    tally: numbers[Int(record.note)])
        }
    }

    /// The rules as the kernel is given them.
    package func kernelRules(at now: FilterTime) -> [KernelRule] {
        rules.compactMap { rule in
            guard case .success(let made) = rule.kernelRule(at: now) else { return nil }
            return made
        }
    }
}

extension Moment {
    init(second: UInt32) { self.init(seconds: Int64(second)) }
}
