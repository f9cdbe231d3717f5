import Addresses
import Mitigations
import Moments
import Testing

@Suite struct `A book of orders by hand` {
    private static let now = Moment(seconds: 1_796_000_000)

    private static func prefix(_ text: String) throws -> Prefix { try #require(Prefix(text)) }

    private static func add(
        _ book: inout ControlBook, _ act: ControlBook.Act, site: String = "www", seconds: Int64 = 3_600,
        reason: String = "scanner", at time: Moment = now
    ) throws -> ControlBook.Order {
        try book.add(act, site: site, seconds: seconds, reason: reason, author: "root", at: time)
    }

    @Test func `holds an order for its time, and not longer`() throws {
        var book = ControlBook()
        let one = try Self.add(&book, .deny(Self.prefix("192.0.2.7/32")), seconds: 60)
        let other = try Self.add(&book, .allow(Self.prefix("192.0.2.7/32")), site: "balie", seconds: 120)
        #expect(one.id == 1 && other.id == 2 && one.until == Self.now + 60)
        #expect(book.expire(at: Self.now + 59.9).isEmpty)
        #expect(book.expire(at: Self.now + 60) == [one])
        #expect(book.orders == [other])
        // A number is not given again.
        #expect(try Self.add(&book, .observe).id == 3)
    }

    @Test func `has one order for the same block at the same site, the last one`() throws {
        var book = ControlBook()
        let prefix = try Self.prefix("2001:db8::/48")
        _ = try Self.add(&book, .deny(prefix))
        let other = try Self.add(&book, .deny(prefix), site: "")
        let last = try Self.add(&book, .allow(prefix))
        _ = try Self.add(&book, .observe)
        let mode = try Self.add(&book, .protect)
        #expect(book.orders == [other, last, mode])
    }

    @Test func `takes an order back once`() throws {
        var book = ControlBook()
        let order = try Self.add(&book, .observe)
        #expect(book.remove(order.id) == order)
        #expect(book.remove(order.id) == nil && book.orders.isEmpty)
    }

    @Test func `refuses what nobody can mean`() throws {
        var book = ControlBook()
        let fine = try Self.prefix("192.0.2.0/24")
        #expect(throws: ControlBook.Refusal.self) { try Self.add(&book, .deny(Self.prefix("0.0.0.0/0"))) }
        #expect(throws: ControlBook.Refusal.self) { try Self.add(&book, .deny(Self.prefix("10.0.0.0/7"))) }
        #expect(throws: ControlBook.Refusal.self) { try Self.add(&book, .allow(Self.prefix("2000::/3"))) }
        for seconds in [0, -1, ControlBook.longestLife + 1] {
            #expect(throws: ControlBook.Refusal.self) { try Self.add(&book, .deny(fine), seconds: seconds) }
        }
        for reason in ["", "two\nlines", String(repeating: "a", count: 201)] {
            #expect(throws: ControlBook.Refusal.self) { try Self.add(&book, .deny(fine), reason: reason) }
        }
        #expect(throws: ControlBook.Refusal.self) { try Self.add(&book, .observe, site: "") }
        #expect(book.orders.isEmpty && book.nextID == 1)
    }

    @Test func `says of each fault what it is about`() throws {
        typealias Cause = ControlBook.Refusal.Cause
        func cause(_ work: (inout ControlBook) throws -> Void) -> Cause? {
            var book = ControlBook()
            do { try work(&book) } catch { return (error as? ControlBook.Refusal)?.cause }
            return nil
        }
        let fine = try Self.prefix("192.0.2.0/24")
        #expect(cause { _ in _ = try ControlBook.Act(.allow, "192.0.2.7/24") } == .source)
        #expect(cause { _ = try Self.add(&$0, .deny(Self.prefix("10.0.0.0/7"))) } == .tooWide(least: 8))
        #expect(cause { _ = try Self.add(&$0, .deny(Self.prefix("2000::/3"))) } == .tooWide(least: 16))
        #expect(cause { _ = try Self.add(&$0, .deny(fine), seconds: 0) } == .time)
        #expect(cause { _ = try Self.add(&$0, .observe, site: "") } == .site)
        #expect(cause { _ = try Self.add(&$0, .deny(fine), reason: "") } == .noReason)
        #expect(cause { _ = try Self.add(&$0, .deny(fine), reason: String(repeating: "a", count: 201)) } == .longReason)
        #expect(cause { _ = try Self.add(&$0, .deny(fine), reason: "a\nb") } == .reasonOfLines)
        #expect(try ControlBook.Act(.deny, "2001:DB8::7").source == "2001:db8::7")
        #expect(try ControlBook.Act(.deny, "192.0.2.0/24").source == "192.0.2.0/24")
    }

    @Test func `leaves one organisation's people their sites and their share`() throws {
        var book = ControlBook()
        func add(_ number: Int, site: String, own: Set<String>?) throws -> ControlBook.Order {
            let prefix = Prefix(Address(ipv4: 0xc000_0000 + UInt32(number)), length: 32)
            return try book.add(
                .deny(prefix), site: site, seconds: 60, reason: "a", author: "x", own: own, at: Self.now)
        }
        let own: Set = ["www", "balie"]
        for site in ["", "other"] {
            #expect(throws: ControlBook.noSite(site)) { try add(0, site: site, own: own) }
        }
        for number in 0..<ControlBook.shareLimit {
            _ = try add(number, site: number % 2 == 0 ? "www" : "balie", own: own)
        }
        let more = ControlBook.shareLimit
        #expect(throws: ControlBook.Refusal.self) { try add(more, site: "www", own: own) }
        // One that takes another's place has a place; others have theirs, and so has the street.
        #expect(throws: Never.self) { try add(0, site: "www", own: own) }
        #expect(throws: Never.self) { try add(more, site: "other", own: ["other"]) }
        #expect(throws: Never.self) { try add(more, site: "www", own: nil) }
    }

    @Test func `is bounded`() throws {
        var book = ControlBook()
        for number in 0..<ControlBook.limit {
            _ = try Self.add(&book, .deny(Prefix(Address(ipv4: 0xc000_0000 + UInt32(number)), length: 32)))
        }
        #expect(throws: ControlBook.Refusal.self) { try Self.add(&book, .observe) }
        // One that takes another's place has a place.
        #expect(throws: Never.self) { try Self.add(&book, .allow(Prefix(Address(ipv4: 0xc000_0000), length: 32))) }
    }
}
