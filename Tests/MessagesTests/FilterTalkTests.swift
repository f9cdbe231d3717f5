import Addresses
import Bytes
import Messages
import Mitigations
import Moments
import Testing

@Suite struct `The talk with the filter` {
    @Test(arguments: 0..<40) func `round trips as a request, and is refused when cut off`(seed: UInt64) {
        var random = Seeded(seed)
        check(random.request())
    }

    @Test(arguments: 0..<20) func `round trips as a reply, and is refused when cut off`(seed: UInt64) {
        var random = Seeded(seed)
        check(random.reply())
        check(random.samples())
    }

    @Test(arguments: 0..<8) func `round trips as a stored book, and is refused when cut off`(seed: UInt64) {
        var random = Seeded(seed)
        check(random.book())
    }

    /// As it lies in the file of an earlier version.
    @Test func `a book of the first form is read, without sites and tallies`() throws {
        var book = StoredBook(
            saved: Moment(seconds: 1_764_000_000), nextID: 8, key: 3,
            notes: [FilterNote(tenant: "a", reason: "because", author: .gateway)],
            records: FilterList.allCases.map { _ in [] }, rules: [])
        book.records[0] = [
            FilterRecord(
                prefix: try #require(Prefix("192.0.2.1/32")), id: 7, since: 1_764_000_000, until: 1_764_000_600,
                note: 0, isDry: false)
        ]
        var bytes = book.encoded()
        let length = (FilterNote(tenant: "", reason: "", author: .gateway).encoded().count - 1) / 3
        let reason = Array("because".utf8)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: reason) }) + reason.count
        // Behind the reason stand the author and the site, at the end the tallies.
        #expect(bytes[place] == FilterNote.Author.gateway.rawValue)
        bytes.removeSubrange(place + 1..<place + 1 + length)
        bytes.removeLast(MemoryLayout<UInt32>.size)
        let version = try #require(bytes.prefix(2).firstIndex(of: UInt8(StoredBook.formVersion)))
        bytes[version] = 1
        let read: StoredBook = try decode(bytes)
        #expect(read == book)
        bytes[version] = UInt8(StoredBook.formVersion) + 1
        #expect(throws: Malformed.self) { let _: StoredBook = try decode(bytes) }
    }

    @Test func `a book of the second form is read, whose tallies are of sources that a machine named`() throws {
        let owner = TallyTable.Owner(tenant: "a", site: "a.example", cause: .proven)
        let book = StoredBook(
            saved: Moment(seconds: 1_764_000_000), nextID: 8, key: 3, notes: [],
            records: FilterList.allCases.map { _ in [] }, rules: [],
            tallies: [TallyTable.Held(owner: owner, until: 1_764_000_600)])
        var bytes = book.encoded()
        // The cause stands before the end.
        bytes.remove(at: bytes.count - 1 - MemoryLayout<UInt32>.size)
        let version = try #require(bytes.prefix(2).firstIndex(of: UInt8(StoredBook.formVersion)))
        bytes[version] = 2
        let read: StoredBook = try decode(bytes)
        #expect(read == book)
    }

    /// Hostile bytes give an error or a value that is written as it was read; and no book that is read from them is more
    /// than a book can be.
    @Test(arguments: 0..<8) func `with any byte changed is refused or means what it says`(seed: UInt64) {
        var random = Seeded(seed)
        let (request, reply, book) = (random.request(), random.reply(), random.book())
        change(request, &random)
        change(reply, &random)
        // An earlier form is written in today's.
        change(book, behind: 2, &random) { book in
            var random = Seeded(seed &+ book.nextID)
            let now = FilterTime(wall: Moment(seconds: 1_764_000_000), clock: 5_000_000_000)
            for saved in [book.saved, Moment(milliseconds: .random(in: 0...253_402_300_799_999, using: &random))] {
                var book = book
                book.saved = saved
                let restored = FilterBook.restored(from: book, at: now).book
                #expect(restored.kernelRules(at: now).count == restored.rules.count)
                var again = restored
                _ = again.expire(at: FilterTime(wall: Moment(seconds: 1_774_000_000), clock: .max))
                #expect(again.isEmpty)
            }
        }
    }

    private func change<Value: Message & Equatable>(
        _ value: Value, behind head: Int = 0, _ random: inout Seeded, _ use: (Value) -> Void = { _ in }
    ) {
        let bytes = value.encoded()
        for place in bytes.indices.dropFirst(head) {
            var changed = bytes
            changed[place] ^= UInt8.random(in: 1...255, using: &random)
            guard let read: Value = try? decode(changed) else { continue }
            #expect(read.encoded() == changed)
            use(read)
        }
    }

    @Test func `bounds what it reads`() {
        let note = FilterNote(tenant: "", reason: "x", author: .gateway)
        let prefix = Prefix(Address(ipv4: 1), length: 32)
        let most = Array(repeating: prefix, count: FilterOrder.batchLimit)
        let whole = FilterRequest.add(FilterOrder(.block(most), note: note, seconds: 1))
        #expect(whole.encoded().count < FilterTalk.requestLimit)
        #expect(throws: Never.self) { let _: FilterRequest = try decode(whole.encoded()) }
        let more = FilterRequest.add(FilterOrder(.block(most + [prefix]), note: note, seconds: 1))
        #expect(throws: Malformed.self) { let _: FilterRequest = try decode(more.encoded()) }
        #expect(throws: Malformed.self) {
            let _: FilterRequest = try decode(FilterRequest.list(.blocked, from: 0, count: 1_001).encoded())
        }
        #expect(throws: Malformed.self) {
            let _: FilterRequest = try decode(
                FilterRequest.observed([.init(rule: 1, hits: 2, samples: 1)]).encoded())
        }
    }

    @Test func `stores a full book within its bound`() {
        // 38 bytes an entry.
        let entries = FilterList.allCases.reduce(0) { $0 + $1.limit } * 38
        let notes = FilterBook.noteLimit * (FilterNote.tenantLimit + FilterNote.reasonLimit + 10)
        #expect(entries + notes < StoredBook.sizeLimit)
    }
}
