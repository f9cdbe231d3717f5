internal import Addresses
internal import Moments

// New entries: what is refused, and what becomes of an order for a prefix that has an entry.
extension FilterBook {
    /// What became of an order.
    package struct Added: Equatable, Sendable {
        /// One for each prefix of the order, 0 where it was refused; of a rule its one.
        package var ids: [UInt64] = []
        /// How many were refused, and why the first one was.
        package var refused = 0
        package var refusal: FilterRefusal?
        package var actions: [FilterAction] = []
    }

    /// Does what it is told, as far as it may: prefixes are refused one by one. Throws where nothing was taken.
    package mutating func add(_ order: FilterOrder, at now: FilterTime) throws(FilterRefusal) -> Added {
        if let refusal = order.note.refusal { throw refusal }
        guard let second = now.second else { throw FilterRefusal(.clock, "the wall clock cannot be right") }
        switch order.what {
        case .rule(let fingerprint, let targets):
            return try addRule(fingerprint, targets: targets, order, at: now)
        case .block(let prefixes): return try add(prefixes, .blocked, order, at: now, second)
        case .allow(let prefixes):
            guard !order.note.author.isMachine else {
                throw FilterRefusal(.author, "only the operator says who always passes")
            }
            return try add(prefixes, .allowed, order, at: now, second)
        case .flooded(let addresses):
            return try add(addresses.map { Prefix($0, length: 128) }, .flooded, order, at: now, second)
        }
    }

    /// What is wrong with a lifetime; nil: nothing.
    static func refusal(lifetime seconds: UInt32, _ author: FilterNote.Author, isRule: Bool = false) -> FilterRefusal? {
        guard seconds > 0 else { return FilterRefusal(.lifetime, "it would end before it begins") }
        // A machine's rule is bounded by its fingerprint's end.
        let longest = author.isMachine && !isRule ? longestMachineLife : longestLife
        guard seconds <= longest else {
            return FilterRefusal(.lifetime, "\(seconds) s is too long: at most \(longest / 3_600) hours")
        }
        return nil
    }

    /// What is wrong with a prefix; nil: nothing.
    static func refusal(of prefix: Prefix) -> FilterRefusal? {
        let least = prefix.address.isIPv4 ? leastIPv4Length : leastIPv6Length
        guard prefix.length >= least else {
            return FilterRefusal(.tooWide, "\(prefix) is too wide: at least /\(least)")
        }
        // In the kernel IPv4 addresses are ::ffff:0:0/96: a prefix here would cover all of them.
        if !prefix.address.isIPv4, prefix.address.high >> 48 == 0 {
            return FilterRefusal(.tooWide, "\(prefix) lies in ::/16, where IPv4 is")
        }
        return nil
    }

    private mutating func add(
        _ prefixes: [Prefix], _ kind: FilterKind, _ order: FilterOrder, at now: FilterTime, _ second: UInt32
    ) throws(FilterRefusal) -> Added {
        guard !prefixes.isEmpty else { throw FilterRefusal(.empty, "it names no address") }
        guard prefixes.count <= FilterOrder.batchLimit else {
            throw FilterRefusal(.full, "more than \(FilterOrder.batchLimit) prefixes in one order")
        }
        if let refusal = Self.refusal(lifetime: order.seconds, order.note.author) { throw refusal }
        // Rounded up, so that nothing ends before its time.
        let until = second + order.seconds + (now.wall.milliseconds % 1_000 == 0 ? 0 : 1)
        guard let note = notes.retain(order.note) else {
            throw FilterRefusal(.full, "more than \(NoteTable.limit) different reasons")
        }
        // Held while the order is carried out; each entry holds it once more.
        defer { notes.release(note) }
        var added = Added()
        for prefix in prefixes {
            let entry = FilterRecord(
                prefix: prefix, id: nextID, since: second, until: until, note: note, isDry: order.isDry)
            do throws(FilterRefusal) {
                added.ids.append(try put(entry, kind, order.note, at: now, &added.actions))
            } catch {
                added.ids.append(0)
                added.refused += 1
                if added.refusal == nil { added.refusal = error }
            }
        }
        if let refusal = added.refusal, added.refused == prefixes.count { throw refusal }
        return added
    }

    /// - Returns: the id of the prefix's entry.
    private mutating func put(
        _ entry: FilterRecord, _ kind: FilterKind, _ note: FilterNote, at now: FilterTime,
        _ actions: inout [FilterAction]
    ) throws(FilterRefusal) -> UInt64 {
        let prefix = entry.prefix
        if let refusal = Self.refusal(of: prefix) { throw refusal }
        if kind == .blocked, let place = tables[Int(FilterList.allowed.rawValue)].longest(containing: prefix) {
            let allowed = tables[Int(FilterList.allowed.rawValue)].records[place]
            throw FilterRefusal(.allowed, "\(prefix) is allowed (entry \(allowed.id))")
        }
        // Rules are no prefixes: never nil here.
        guard let list = kind.list(of: prefix) else { throw FilterRefusal(.unknown, "no prefix") }
        let index = Int(list.rawValue)
        if let place = tables[index].find(prefix) {
            guard let id = renew(place, list, entry, note, at: now, &actions) else {
                // An operator's order that ends earlier: another entry.
                _ = erase(place, of: list)
                return append(entry, list, at: now, &actions)
            }
            return id
        }
        guard tables[index].count < list.limit else {
            throw FilterRefusal(.full, "the list is full: \(list.limit) entries")
        }
        return append(entry, list, at: now, &actions)
    }

    private mutating func append(
        _ entry: FilterRecord, _ list: FilterList, at now: FilterTime, _ actions: inout [FilterAction]
    ) -> UInt64 {
        tables[Int(list.rawValue)].append(entry)
        hold(entry, list, &actions)
        nextID += 1
        revision += 1
        actions.append(insertion(entry, list, at: now))
        return entry.id
    }

    /// Says an entry once more. A machine never shortens, weakens or overrules; the operator's word stands.
    /// - Returns: the entry's id; nil where it must be another entry.
    private mutating func renew(
        _ place: Int, _ list: FilterList, _ entry: FilterRecord, _ note: FilterNote, at now: FilterTime,
        _ actions: inout [FilterAction]
    ) -> UInt64? {
        let index = Int(list.rawValue)
        let old = tables[index].records[place]
        if note.author.isMachine {
            let isWeaker = !old.isDry && entry.isDry
            let isStronger = old.isDry && !entry.isDry
            if !notes[old.note].author.isMachine || isWeaker { return old.id }
            if !isStronger, entry.until <= old.until { return old.id }
        }
        guard entry.until >= old.until else { return nil }
        return overwrite(place, list, entry, at: now, &actions)
    }

    private mutating func overwrite(
        _ place: Int, _ list: FilterList, _ entry: FilterRecord, at now: FilterTime, _ actions: inout [FilterAction]
    ) -> UInt64 {
        let index = Int(list.rawValue)
        let old = tables[index].records[place]
        guard old.until < entry.until || old.note != entry.note || old.isDry != entry.isDry else { return old.id }
        hold(entry, list, &actions)
        letGo(old, list)
        tables[index].renew(place, until: entry.until, note: entry.note, isDry: entry.isDry)
        revision += 1
        actions.append(insertion(tables[index].records[place], list, at: now))
        return old.id
    }

    private func insertion(_ entry: FilterRecord, _ list: FilterList, at now: FilterTime) -> FilterAction {
        .insert(
            list, entry.prefix, until: now.clock(at: .init(second: entry.until)), isDry: entry.isDry,
            tally: tallies.number(of: notes[entry.note], list))
    }
}
