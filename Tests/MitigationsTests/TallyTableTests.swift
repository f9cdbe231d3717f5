import Addresses
import Filters
import Mitigations
import Moments
import Testing

private func note(_ site: String, tenant: String = "waterdam") -> FilterNote {
    FilterNote(tenant: tenant, reason: "proven", author: .gateway, site: site)
}

private func counts(_ pairs: (place: Int, packets: UInt64)...) -> [FilterCount] {
    var counts = [FilterCount](repeating: FilterCount(), count: 64)
    for pair in pairs { counts[pair.place] = FilterCount(packets: pair.packets, bytes: 60 * pair.packets) }
    return counts
}

@Suite struct `Tallies of blocks` {
    @Test func `each site has its own, and what is nobody's has none`() throws {
        var book = FilterBook(key: 1)
        let first = try book.block("192.0.2.1", "192.0.2.2", note: note("a.example"))
        #expect(
            first.actions == [
                .clearTally(1), .insert(.blocked, prefix("192.0.2.1"), until: time(60).clock, isDry: false, tally: 1),
                .insert(.blocked, prefix("192.0.2.2"), until: time(60).clock, isDry: false, tally: 1),
            ])
        let second = try book.block("2001:db8::/64", for: 30, note: note("b.example"), isDry: true)
        #expect(
            second.actions == [
                .clearTally(2),
                .insert(.networks, prefix("2001:db8::/64"), until: time(30).clock, isDry: true, tally: 2),
            ])
        #expect(
            try book.block("192.0.2.9").actions == [
                .insert(.blocked, prefix("192.0.2.9"), until: time(60).clock, isDry: false, tally: 0)
            ])
        // The same name at another organisation is another site.
        #expect(try book.block("192.0.2.10", note: note("a.example", tenant: "oost")).actions[0] == .clearTally(3))
        #expect(book.tallyPlaces == 8)
        let tallies = book.tallies(counts((2, 40), (5, 7)))
        #expect(tallies.map(\.number) == [1, 2, 3] && tallies.map(\.entries) == [2, 1, 1])
        #expect(tallies[0].owner.site == "a.example" && tallies[0].owner.tenant == "waterdam")
        #expect(tallies[0].dropped == FilterCount(packets: 40, bytes: 2_400) && tallies[0].beside == FilterCount())
        #expect(tallies[1].dropped == FilterCount() && tallies[1].beside.packets == 7)
        #expect(tallies[0].until == Moment(seconds: start + 60) && tallies[1].until == Moment(seconds: start + 30))
        #expect(book.everything(.blocked, at: time(0)).count == 4)
        #expect(
            book.everything(.blocked, at: time(0))[0]
                == .insert(.blocked, prefix("192.0.2.1"), until: time(60).clock, isDry: false, tally: 1))
    }

    @Test func `its number stays when its blocks are over, extended or made live`() throws {
        var book = FilterBook(key: 1)
        _ = try book.block("192.0.2.1", note: note("a.example"), isDry: true)
        // Live now, longer, and of another reason: the same tally, whose counts go on.
        var other = note("a.example")
        other.reason = "proven again"
        let again = try book.block("192.0.2.1", for: 90, note: other)
        #expect(
            again.actions == [.insert(.blocked, prefix("192.0.2.1"), until: time(90).clock, isDry: false, tally: 1)])
        #expect(book.tallies([])[0].entries == 1)
        _ = book.expire(at: time(90))
        #expect(book.isEmpty && book.tallies([])[0].entries == 0)
        let later = try book.block("192.0.2.7", note: note("a.example"), at: 500)
        #expect(!later.actions.contains(.clearTally(1)) && book.tallies([])[0].entries == 1)
        _ = try book.remove(.blocked, prefix("192.0.2.7"))
        #expect(book.tallies([])[0].entries == 0)
    }

    @Test func `is whose it was after a restart, with as many blocks as stand`() throws {
        var book = FilterBook(key: 1)
        _ = try book.block("192.0.2.1", "192.0.2.2", note: note("a.example"))
        _ = try book.block("192.0.2.3", for: 10, note: note("b.example"))
        let (next, leftOut) = FilterBook.restored(from: book.stored(at: time(5)), at: time(20))
        #expect(leftOut == 0)
        #expect(next.tallies([]).map(\.owner.site) == ["a.example", "b.example"])
        #expect(next.tallies([]).map(\.entries) == [2, 0])
        #expect(
            next.everything(.blocked, at: time(20)).allSatisfy {
                if case .insert(_, _, _, _, let tally) = $0 { tally == 1 } else { false }
            })
    }

    @Test func `what the operator blocked, and destinations under a flood, are counted by themselves`() throws {
        var book = FilterBook(key: 1)
        var own = note("a.example")
        own.author = .operator
        _ = try book.block("192.0.2.1", note: note("a.example"))
        _ = try book.block("192.0.2.2", note: own, isDry: true)
        let flood = FilterOrder(.flooded([prefix("198.51.100.7").address]), note: note("a.example"), seconds: 60)
        #expect(
            try book.add(flood, at: time(0)).actions == [
                .clearTally(3),
                .insert(.flooded, prefix("198.51.100.7"), until: time(60).clock, isDry: false, tally: 3),
            ])
        // Whoever always passes is counted for nobody.
        _ = try book.add(FilterOrder(.allow([prefix("192.0.2.9")]), note: own, seconds: 60), at: time(0))
        let tallies = book.tallies(counts((4, 1), (6, 2), (7, 3)))
        #expect(tallies.map(\.owner.cause) == [.proven, .byHand, .flood])
        #expect(tallies.map(\.live) == [1, 0, 1] && tallies.map(\.entries) == [1, 1, 1])
        #expect(tallies[2].dropped.packets == 2 && tallies[2].beside.packets == 3)
        // Made live, then over.
        _ = try book.block("192.0.2.2", for: 90, note: own)
        #expect(book.tallies([])[1].live == 1)
        _ = book.expire(at: time(90))
        #expect(book.tallies([]).allSatisfy { $0.live == 0 && $0.entries == 0 })
        let (next, _) = FilterBook.restored(from: book.stored(at: time(90)), at: time(91))
        #expect(next.tallies([]).map(\.owner) == tallies.map(\.owner))
    }

    @Test func `whom the operator lets in, machines do not hold back`() throws {
        var book = FilterBook(key: 1)
        var own = note("a.example")
        own.author = .operator
        _ = try book.block("192.0.2.1", "192.0.2.9", "198.51.100.1", note: note("a.example"))
        _ = try book.block("192.0.2.2", note: own)
        _ = try book.block("192.0.2.128/25", note: note("a.example"))
        let gone = book.letIn(prefix("192.0.2.0/24"))
        #expect(gone.ids == [1, 2, 5])
        #expect(
            gone.actions == [
                .remove(.blocked, prefix("192.0.2.1")), .remove(.blocked, prefix("192.0.2.9")),
                .remove(.networks, prefix("192.0.2.128/25")),
            ])
        #expect(book.holds(prefix("192.0.2.2"), in: .blocked) && book.holds(prefix("198.51.100.1"), in: .blocked))
        #expect(book.tallies([]).map(\.entries) == [1, 1])
        #expect(book.letIn(prefix("192.0.2.0/24")).ids.isEmpty)
    }

    @Test func `where all are taken the one that is over for longest goes to the next, and is cleared`() throws {
        var book = FilterBook(key: 1)
        for site in 0..<TallyTable.limit {
            let address = Prefix(Address(ipv4: 0xc612_0000 + UInt32(site)), length: 32)
            _ = try book.add(
                FilterOrder(.block([address]), note: note("site\(site)"), seconds: 100 + UInt32(site)), at: time(0))
        }
        // All have blocks: one more is counted with all others.
        let more = try book.block("192.0.2.1", for: 50_000, note: note("more"))
        #expect(
            more.actions == [
                .insert(.blocked, prefix("192.0.2.1"), until: time(50_000).clock, isDry: false, tally: 0)
            ])
        #expect(book.tallies([]).count == TallyTable.limit)
        while book.expire(at: time(103)).hasMore {}
        let last = try book.block("192.0.2.2", note: note("last"), at: 110)
        #expect(last.actions[0] == .clearTally(1))
        #expect(book.tallies([])[0].owner.site == "last" && book.tallies([])[0].entries == 1)
        // The one without a number leaves nobody's count short.
        _ = try book.remove(.blocked, prefix("192.0.2.1"))
        #expect(book.tallies([])[0].entries == 1)
    }

    @Test func `a site's name is a line of text of bounded length`() {
        let book = FilterBook(key: 1)
        for site in [String(repeating: "a", count: FilterNote.siteLimit + 1), "a\nb"] {
            #expect(book.code(FilterOrder(.block([prefix("192.0.2.1")]), note: note(site), seconds: 60)) == .text)
        }
    }
}
