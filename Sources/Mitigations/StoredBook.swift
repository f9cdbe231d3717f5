internal import Addresses
package import Moments

/// The book as it lies in its file: everything that must hold after a restart, and nothing that has ended.
package struct StoredBook: Equatable, Sendable {
    /// By the wall clock.
    package var saved: Moment
    package var nextID: UInt64
    package var key: UInt64
    /// Records name them by their place; nil: a place that nobody names.
    package var notes: [FilterNote?]
    /// By ``FilterList``; holes are not written.
    package var records: [[FilterRecord]]
    package var rules: [FilterRule]
    /// Whose tallies are whose, by number from 1 on: the kernel's counts outlive the process.
    package var tallies: [TallyTable.Held]

    package init(
        saved: Moment, nextID: UInt64, key: UInt64, notes: [FilterNote?], records: [[FilterRecord]],
        rules: [FilterRule], tallies: [TallyTable.Held] = []
    ) {
        self.saved = saved
        self.nextID = nextID
        self.key = key
        self.notes = notes
        self.records = records
        self.rules = rules
        self.tallies = tallies
    }
}

extension FilterBook {
    /// Notes at a time, and so in a file.
    package static let noteLimit = NoteTable.limit

    /// What is to be stored. Nothing of it is copied, unless the book is changed before it is written.
    package func stored(at now: FilterTime) -> StoredBook {
        StoredBook(
            saved: now.wall, nextID: nextID, key: key, notes: notes.all, records: tables.map(\.records), rules: rules,
            tallies: tallies.held)
    }

    /// A book from its file, with what is left of each entry's time. What is not allowed any more is left out.
    ///
    /// A wall clock that stands before the file's own time is wrong (it starts at 1970 where a machine has no battery):
    /// then time has stood still since, and what was left then is left now.
    /// - Returns: the book, and how many entries were left out though their time was not over.
    package static func restored(from stored: StoredBook, at now: FilterTime) -> (book: FilterBook, leftOut: Int) {
        var book = FilterBook(key: stored.key)
        book.tallies = TallyTable(stored.tallies)
        var leftOut = 0
        let isBack = now.wall < stored.saved
        let shift = isBack ? now.wall - stored.saved : 0
        guard let second = now.second else {
            return (book, stored.records.reduce(stored.rules.count) { $0 + $1.count })
        }
        for (list, records) in zip(FilterList.allCases, stored.records) {
            for record in records where !record.isErased {
                let (until, since) = (Int64(record.until) + Int64(shift), Int64(record.since) + Int64(shift))
                guard until > Int64(second) else { continue }
                guard let note = stored.notes.indices.contains(Int(record.note)) ? stored.notes[Int(record.note)] : nil,
                    book.restore(record, note, list, since: since, until: until, second)
                else {
                    leftOut += 1
                    continue
                }
            }
        }
        for var rule in stored.rules {
            if isBack {
                rule.since = rule.since + shift
                rule.until = rule.until + shift
            }
            guard rule.until > now.wall else { continue }
            if !book.restore(rule, at: now) { leftOut += 1 }
        }
        book.nextID = max(book.nextID, stored.nextID)
        return (book, leftOut)
    }

    private mutating func restore(
        _ record: FilterRecord, _ note: FilterNote, _ list: FilterList, since: Int64, until: Int64, _ second: UInt32
    ) -> Bool {
        let prefix = record.prefix
        let index = Int(list.rawValue)
        let kind = FilterKind.allCases.first { $0.lists.contains(list) }
        let longest = note.author.isMachine && kind == .blocked ? Self.longestMachineLife : Self.longestLife
        guard kind?.list(of: prefix) == list, list != .flooded || prefix.isSingle, Self.refusal(of: prefix) == nil,
            note.refusal == nil, tables[index].count < list.limit, tables[index].find(prefix) == nil,
            record.id > (tables[index].records.last?.id ?? 0), until - Int64(second) <= longest + 1,
            let number = notes.retain(note)
        else { return false }
        // A book of before tallies has no number for it, and no kernel has counts of such a one.
        let entry = FilterRecord(
            prefix: prefix, id: record.id, since: UInt32(clamping: since), until: UInt32(clamping: until),
            note: number, isDry: record.isDry)
        _ = tallies.enter(entry, note, list)
        tables[index].append(entry)
        nextID = max(nextID, record.id + 1)
        return true
    }

    private mutating func restore(_ rule: FilterRule, at now: FilterTime) -> Bool {
        guard rules.count < Self.ruleLimit, rule.note.refusal == nil, rule.targets.count <= FilterOrder.targetLimit,
            rule.id > (rules.last?.id ?? 0), rule.until - now.wall <= Double(Self.longestLife) + 1,
            !rules.contains(where: { $0.counter == rule.counter }),
            case .success = rule.kernelRule(at: now)
        else { return false }
        rules.append(rule)
        nextID = max(nextID, rule.id + 1)
        return true
    }
}
