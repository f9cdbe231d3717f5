import Addresses
import Mitigations
import Moments
import Testing

/// The book's lists without any cleverness: what they say after any stream of events.
private struct Model {
    struct Entry: Equatable {
        var id: UInt64
        var until: Int64
        var note: FilterNote
        var isDry: Bool
    }

    var entries: [FilterKind: [Prefix: Entry]] = [.blocked: [:], .allowed: [:], .flooded: [:]]
    var nextID: UInt64 = 1

    mutating func add(_ kind: FilterKind, _ prefix: Prefix, _ order: FilterOrder, at now: Int64) -> UInt64 {
        if kind == .blocked, entries[.allowed]?.keys.contains(where: { $0.contains(prefix) }) == true { return 0 }
        let new = Entry(id: nextID, until: now + Int64(order.seconds), note: order.note, isDry: order.isDry)
        guard let old = entries[kind]?[prefix] else {
            entries[kind]?[prefix] = new
            nextID += 1
            return new.id
        }
        var next = new
        next.id = old.id
        next.until = max(old.until, new.until)
        if order.note.author.isMachine {
            if old.note.author == .operator || (!old.isDry && new.isDry) { return old.id }
            let isStronger = old.isDry && !new.isDry
            if !isStronger, new.until <= old.until { return old.id }
        }
        if new.until < old.until {
            next = new
            nextID += 1
        }
        entries[kind]?[prefix] = next
        return next.id
    }

    mutating func expire(at now: Int64) -> Int {
        var gone = 0
        for (kind, list) in entries {
            let left = list.filter { $0.value.until > now }
            gone += list.count - left.count
            entries[kind] = left
        }
        return gone
    }
}

@Suite struct `The filter's book, beside a simple one` {
    @Test(arguments: 0..<12) func `says the same after any stream of events`(seed: UInt64) throws {
        var random = Seeded(seed)
        var book = FilterBook(key: 1)
        var model = Model()
        // What the kernel was told: it must end up with the book's entries.
        var kernel: [FilterList: [Prefix: UInt64]] = [:]
        var now: Int64 = 0
        let notes = FilterNote.Author.allCases.map { FilterNote(tenant: "", reason: "by \($0.name)", author: $0) }
        func take(_ actions: [FilterAction]) {
            for action in actions {
                switch action {
                case .insert(let list, let prefix, let until, _, _): kernel[list, default: [:]][prefix] = until
                case .remove(let list, let prefix): kernel[list]?[prefix] = nil
                default: Issue.record("no rules here")
                }
            }
        }
        func address() -> Prefix {
            let length = [32, 32, 32, 30, 28, 24].randomElement(using: &random) ?? 32
            return Prefix(Address(ipv4: 0xc000_0200 | UInt32.random(in: 0..<200, using: &random)), length: length)
        }
        for _ in 0..<3_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let prefixes = (0..<Int.random(in: 1...6, using: &random)).map { _ in address() }
                let kind = [FilterKind.blocked, .blocked, .blocked, .blocked, .flooded].randomElement(using: &random)
                let isAllowing = Int.random(in: 0..<12, using: &random) == 0
                let note = isAllowing ? notes[0] : notes.randomElement(using: &random) ?? notes[0]
                let what: FilterOrder.What =
                    isAllowing
                    ? .allow(prefixes)
                    : kind == .flooded ? .flooded(prefixes.map(\.address)) : .block(prefixes)
                let order = FilterOrder(
                    what, note: note, seconds: UInt32.random(in: 1...90, using: &random),
                    isDry: Bool.random(using: &random))
                let named = kind == .flooded && !isAllowing ? prefixes.map { Prefix($0.address, length: 32) } : prefixes
                let expected = named.map {
                    model.add(isAllowing ? .allowed : kind ?? .blocked, $0, order, at: now)
                }
                do throws(FilterRefusal) {
                    let added = try book.add(order, at: time(now))
                    #expect(added.ids == expected)
                    #expect(added.refused == expected.count { $0 == 0 })
                    take(added.actions)
                } catch {
                    #expect(expected.allSatisfy { $0 == 0 })
                }
            case 6:
                let id = UInt64.random(in: 1...model.nextID, using: &random)
                let holder = model.entries.first { $0.value.values.contains { $0.id == id } }
                if let kind = holder?.key, let prefix = holder?.value.first(where: { $0.value.id == id })?.key {
                    model.entries[kind]?[prefix] = nil
                    take(try book.remove(id: id))
                } else {
                    #expect(throws: FilterRefusal.self) { try book.remove(id: id) }
                }
            case 7:
                let prefix = address()
                if model.entries[.blocked]?.removeValue(forKey: prefix) != nil {
                    take(try book.remove(.blocked, prefix))
                } else {
                    #expect(throws: FilterRefusal.self) { try book.remove(.blocked, prefix) }
                }
            default:
                now += Int64.random(in: 0...5, using: &random)
                let gone = model.expire(at: now)
                let expired = book.expire(at: time(now))
                #expect(expired.actions.count == gone && !expired.hasMore)
                take(expired.actions)
            }
        }
        for kind in [FilterKind.blocked, .allowed, .flooded] {
            let expected = (model.entries[kind] ?? [:]).map { ($0.value.id, $0.key, $0.value) }.sorted { $0.0 < $1.0 }
            let entries = book.entries(kind, count: 10_000)
            #expect(entries.map(\.id) == expected.map(\.0))
            #expect(entries.map(\.prefix) == expected.map(\.1))
            #expect(entries.map(\.until.seconds) == expected.map { start + $0.2.until })
            #expect(entries.map(\.note) == expected.map(\.2.note))
            #expect(entries.map { $0.status == .dry } == expected.map(\.2.isDry))
            // In pages, as it is asked for.
            var paged: [FilterEntry] = []
            while case let page = book.entries(kind, from: (paged.last?.id ?? 0) + 1, count: 3), !page.isEmpty {
                paged += page
            }
            #expect(paged == entries)
            for entry in entries {
                #expect(book.entry(id: entry.id) == entry)
                if let prefix = entry.prefix, let list = kind.list(of: prefix) {
                    #expect(kernel[list]?[prefix] == time(entry.until.seconds - start).clock)
                }
            }
        }
        #expect(
            kernel.values.reduce(0) { $0 + $1.count } == model.entries.values.reduce(0) { $0 + $1.count })
        let everything = FilterList.allCases.flatMap { book.everything($0, at: time(now)) }
        #expect(everything.count == kernel.values.reduce(0) { $0 + $1.count })
        let back = FilterBook.restored(from: book.stored(at: time(now)), at: time(now))
        #expect(back.leftOut == 0)
        for kind in [FilterKind.blocked, .allowed, .flooded] {
            #expect(back.book.entries(kind, count: 10_000) == book.entries(kind, count: 10_000))
        }
    }
}
