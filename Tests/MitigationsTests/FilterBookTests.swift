import Addresses
import Fingerprints
import Mitigations
import Moments
import Testing

/// SplitMix64: the same stream for the same seed.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

let start: Int64 = 1_764_000_000

func time(_ seconds: Int64, milliseconds: Int64 = 0) -> FilterTime {
    FilterTime(
        wall: Moment(milliseconds: (start + seconds) * 1_000 + milliseconds),
        clock: UInt64(seconds + 10_000_000) * 1_000_000_000 + UInt64(milliseconds) * 1_000_000)
}

let said = FilterNote(tenant: "example", reason: "a test", author: .operator)
let machine = FilterNote(tenant: "example", reason: "401 a hundred times", author: .gateway)

func fingerprint(
    _ port: Int = 53, collateral: Double? = 0.0001, expires: Int64 = 86_400
) -> Fingerprint {
    let now = Moment(seconds: start)
    return Fingerprint(
        conditions: [.init(.protocol, "udp"), .init(.sourcePort, "\(port)")], kind: "dns-reflection",
        evidence: .init(
            coverage: 0.9, collateral: collateral, attackCount: 1_000, baselineCount: 100_000, sources: 10, from: now,
            until: now), made: now, expires: now + Double(expires))
}

func prefix(_ text: String) -> Prefix { Prefix(text) ?? Prefix(Address(high: 0, low: 0), length: 0) }

extension FilterBook {
    mutating func block(
        _ texts: String..., for seconds: UInt32 = 60, note: FilterNote = said, isDry: Bool = false, at now: Int64 = 0
    ) throws(FilterRefusal) -> Added {
        try add(
            FilterOrder(.block(texts.map { prefix($0) }), note: note, seconds: seconds, isDry: isDry), at: time(now))
    }

    func code(_ order: FilterOrder) -> FilterRefusal.Code? {
        var copy = self
        do throws(FilterRefusal) {
            _ = try copy.add(order, at: time(0))
            return nil
        } catch { return error.code }
    }
}

@Suite struct `The filter's book` {
    @Test func `says what is to be done at the kernel`() throws {
        var book = FilterBook(key: 1)
        let added = try book.block("192.0.2.1", "198.51.100.0/24", "2001:db8::/48")
        #expect(added.ids == [1, 2, 3])
        let until: UInt64 = time(60).clock
        #expect(
            added.actions == [
                .insert(.blocked, prefix("192.0.2.1"), until: until, isDry: false),
                .insert(.networks, prefix("198.51.100.0/24"), until: until, isDry: false),
                .insert(.networks, prefix("2001:db8::/48"), until: until, isDry: false),
            ])
        #expect(try book.remove(id: 2) == [.remove(.networks, prefix("198.51.100.0/24"))])
        #expect(try book.remove(.blocked, prefix("192.0.2.1")) == [.remove(.blocked, prefix("192.0.2.1"))])
        #expect(throws: FilterRefusal.self) { try book.remove(id: 2) }
        #expect(book.expire(at: time(59)).actions.isEmpty)
        #expect(book.expire(at: time(60)).actions == [.remove(.networks, prefix("2001:db8::/48"))])
        #expect(book.isEmpty)
    }

    @Test(arguments: [
        ("10.0.0.0/7", FilterRefusal.Code.tooWide), ("2000::/15", .tooWide), ("::/16", .tooWide), ("::1", .tooWide),
        ("0:1::/32", .tooWide), ("0.0.0.0/0", .tooWide),
    ]) func `refuses what is too wide`(text: String, code: FilterRefusal.Code) {
        let book = FilterBook(key: 1)
        #expect(book.code(FilterOrder(.block([prefix(text)]), note: said, seconds: 60)) == code)
        #expect(book.code(FilterOrder(.allow([prefix(text)]), note: said, seconds: 60)) == code)
    }

    @Test func `refuses what is allowed, and no network around it`() throws {
        var book = FilterBook(key: 1)
        _ = try book.add(FilterOrder(.allow([prefix("192.0.2.0/28")]), note: said, seconds: 600), at: time(0))
        #expect(throws: FilterRefusal.self) { try book.block("192.0.2.3") }
        let added = try book.block("192.0.2.3", "192.0.2.99", "192.0.2.0/24")
        #expect(added.ids == [0, 2, 3])
        #expect(added.refused == 1 && added.refusal?.code == .allowed)
        #expect(book.explain(prefix("192.0.2.3").address).count == 3)
    }

    @Test func `bounds lifetimes, texts, batches and who may allow`() {
        let book = FilterBook(key: 1)
        let one = FilterOrder.What.block([prefix("192.0.2.1")])
        #expect(book.code(FilterOrder(one, note: said, seconds: 0)) == .lifetime)
        #expect(book.code(FilterOrder(one, note: said, seconds: 30 * 86_400)) == nil)
        #expect(book.code(FilterOrder(one, note: said, seconds: 30 * 86_400 + 1)) == .lifetime)
        #expect(book.code(FilterOrder(one, note: machine, seconds: 86_400)) == nil)
        #expect(book.code(FilterOrder(one, note: machine, seconds: 86_401)) == .lifetime)
        for reason in ["", String(repeating: "é", count: 101), "two\nlines", "\u{1b}[2J"] {
            let note = FilterNote(tenant: "", reason: reason, author: .operator)
            #expect(book.code(FilterOrder(one, note: note, seconds: 60)) == .text)
        }
        #expect(book.code(FilterOrder(.allow([prefix("192.0.2.1")]), note: machine, seconds: 60)) == .author)
        #expect(book.code(FilterOrder(.block([]), note: said, seconds: 60)) == .empty)
        let many = (0...4_096).map { Prefix(Address(ipv4: UInt32($0) + 0x0a00_0000), length: 32) }
        #expect(book.code(FilterOrder(.block(many), note: said, seconds: 60)) == .full)
        let addresses = (0..<257).map { Address(ipv4: 0x0a00_0000 + UInt32($0)) }
        var flooded = book
        let added = try? flooded.add(FilterOrder(.flooded(addresses), note: said, seconds: 60), at: time(0))
        #expect(added?.refused == 1 && added?.refusal?.code == .full)
    }

    @Test func `of a machine neither shortens nor overrules`() throws {
        var book = FilterBook(key: 1)
        _ = try book.block("192.0.2.1", for: 600, isDry: true)
        // The operator's word stands.
        #expect(try book.block("192.0.2.1", for: 6_000, note: machine).actions.isEmpty)
        _ = try book.block("192.0.2.2", for: 600, note: machine)
        #expect(try book.block("192.0.2.2", for: 60, note: machine).actions.isEmpty)
        #expect(try book.block("192.0.2.2", for: 6_000, note: machine, isDry: true).actions.isEmpty)
        let longer = try book.block("192.0.2.2", for: 700, note: machine)
        #expect(longer.ids == [2] && longer.actions.count == 1)
        // The operator may shorten: it is another entry then.
        let shorter = try book.block("192.0.2.2", for: 10)
        #expect(shorter.ids == [3])
        #expect(book.expire(at: time(10)).actions == [.remove(.blocked, prefix("192.0.2.2"))])
    }

    @Test func `keeps what is left of each time where the wall clock is set`() throws {
        var book = FilterBook(key: 1)
        _ = try book.block("192.0.2.1", for: 100)
        _ = try book.block("192.0.2.2", for: 50)
        let ends = book.everything(.blocked, at: time(10))
        for step: Int64 in [1_000_000, -2_000_000] {
            book.shift(by: step)
            let wall = time(10 + (step > 0 ? step : step + 1_000_000)).wall
            let now = FilterTime(wall: wall, clock: time(10).clock)
            #expect(book.everything(.blocked, at: now) == ends)
            #expect(book.expire(at: now).actions.isEmpty)
        }
        let now = FilterTime(wall: time(50 - 1_000_000).wall, clock: time(50).clock)
        #expect(book.expire(at: now).actions == [.remove(.blocked, prefix("192.0.2.2"))])
    }

    @Test func `lets a million addresses go in bounded steps`() throws {
        var book = FilterBook(key: 1)
        let count: UInt32 = 1 << 17
        for first in stride(from: UInt32(0), to: count, by: 4_096) {
            let prefixes = (first..<first + 4_096).map { Prefix(Address(ipv4: 0x0b00_0000 + $0), length: 32) }
            _ = try book.add(FilterOrder(.block(prefixes), note: machine, seconds: 60), at: time(0))
        }
        let held = book.count(of: .blocked)
        #expect(held > 100_000)
        var calls = 0
        var removed = 0
        while true {
            let expired = book.expire(at: time(61))
            calls += 1
            removed += expired.actions.count
            #expect(expired.actions.count <= FilterBook.expiryLimit)
            if !expired.hasMore { break }
        }
        #expect(removed == held && calls > 1)
        #expect(book.isEmpty)
    }
}
