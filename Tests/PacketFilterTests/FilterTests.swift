import Addresses
import Filters
import Fingerprints
import Glibc
import Mitigations
import Moments
import PacketFilter
import Synchronization
import TestKit
import Testing

/// Both clocks, as the door reads them.
func now(shifted seconds: Double = 0) -> FilterTime {
    var wall = timespec()
    clock_gettime(CLOCK_REALTIME, &wall)
    return FilterTime(
        wall: Moment(
            milliseconds: Int64(wall.tv_sec) * 1_000 + Int64(wall.tv_nsec) / 1_000_000 + Int64(seconds * 1_000)),
        clock: KernelClock.now)
}

/// Datagrams to a port: what ``OwnNetwork/send(_:to:)`` sends goes to 9.
private func toPort(_ port: Int, collateral: Double? = 0) -> Fingerprint {
    let moment = now().wall
    return Fingerprint(
        conditions: [.init(.protocol, "udp"), .init(.destinationPort, "\(port)")],
        evidence: .init(
            coverage: 1, collateral: collateral, attackCount: 1_000, baselineCount: 100_000, sources: 1, from: moment,
            until: moment), made: moment, expires: moment + 3_600)
}

/// A filter at near with its book, as the door holds them.
private struct Held {
    var book: FilterBook
    let filter: Filter
    let note = FilterNote(tenant: "", reason: "a test", author: .operator)
    /// Gone with their last holder.
    private let pins: OwnPins

    init(_ pins: OwnPins, plan: FilterPlan? = nil, book: FilterBook = FilterBook(key: 77)) throws {
        self.book = book
        self.pins = pins
        var usual = FilterPlan()
        usual.sampling = 0
        filter = try Filter(interface: "near", plan: plan ?? usual, book: book, at: now(), folder: pins.pins)
    }

    @discardableResult
    mutating func add(_ what: FilterOrder.What, for seconds: UInt32 = 600, isDry: Bool = false) throws -> UInt64 {
        let added = try book.add(FilterOrder(what, note: note, seconds: seconds, isDry: isDry), at: now())
        try filter.perform(added.actions, of: book, at: now())
        return added.ids[0]
    }

    mutating func remove(_ id: UInt64) throws { try filter.perform(try book.remove(id: id), of: book, at: now()) }

    func packets(_ reason: FilterReason) -> UInt64 { packetsOf(filter, reason) }

    /// What the kernel says of one more lot of datagrams.
    func ends(_ reason: FilterReason, count: Int = 20) throws -> Bool {
        let before = packets(reason)
        let sent = UInt64(try OwnNetwork.send(count))
        // Beside ours the system's own packets pass: IPv6 looks for its neighbours.
        return sent == count
            && eventually(within: 3_000) {
                reason == .passed ? packets(reason) >= before + sent : packets(reason) == before + sent
            }
    }
}

private func packetsOf(_ filter: Filter, _ reason: FilterReason) -> UInt64 {
    ((try? filter.counts()) ?? [])[Int(reason.rawValue)].packets
}

private func prefix(_ text: String) throws -> Prefix { try #require(Prefix(text)) }

@Suite(.needsBPF, .needsRoot, .needs(tool: "ip")) struct `The kernel's filter` {
    @Test func `drops what is blocked, lets pass what is allowed, and counts what is dry`() throws {
        try OwnNetwork.run { _, _ in
            var held = try Held(OwnPins())
            #expect(held.filter.conduct.mode == .native && held.filter.conduct.missing.isEmpty)
            #expect(try held.ends(.passed))
            let one = try held.add(.block([prefix("10.99.0.1")]))
            #expect(try held.ends(.blockedSource))
            let wide = try held.add(.block([prefix("10.0.0.0/8")]))
            try held.remove(one)
            #expect(try held.ends(.blockedNetwork))
            let allowed = try held.add(.allow([prefix("10.99.0.0/24")]))
            #expect(try held.ends(.allowed))
            try held.remove(allowed)
            #expect(try held.ends(.blockedNetwork))
            try held.remove(wide)
            #expect(try held.ends(.passed))
            let dry = try held.add(.block([prefix("10.99.0.1")]), isDry: true)
            let passed = held.packets(.passed)
            #expect(try held.ends(.dryBlockedSource))
            #expect(held.packets(.passed) >= passed + 20)
            try held.remove(dry)
            // Nothing is left: no entry, no bit.
            #expect((0..<held.filter.presence.count).allSatisfy { held.filter.presence[$0] == 0 })
        }
    }

    @Test(arguments: [FilterReason.sourceBudget, .destinationBudget, .drySourceBudget, .dryDestinationBudget])
    func `holds a budget, of a source or of a target`(reason: FilterReason) throws {
        try OwnNetwork.run { _, _ in
            let isDry = reason == .drySourceBudget || reason == .dryDestinationBudget
            let budget = FilterPlan.Budget(packets: 5, bytes: 1_000_000, isDry: isDry)
            var plan = FilterPlan()
            plan.sampling = 0
            if reason == .sourceBudget || reason == .drySourceBudget {
                plan.sourceBudget = budget
            } else {
                plan.destinationBudget = budget
            }
            let held = try Held(OwnPins(), plan: plan)
            let passed = held.packets(.passed)
            #expect(try OwnNetwork.send(100) == 100)
            // A second's worth passes at once; sending them takes far less than as much again.
            #expect(eventually(within: 3_000) { held.packets(reason) >= 80 })
            #expect(held.packets(reason) <= 95)
            #expect(eventually(within: 3_000) { held.packets(.passed) - passed >= (isDry ? 100 : 5) })
        }
    }

    @Test func `lets a block end by itself, with no process there`() throws {
        try OwnNetwork.run { _, _ in
            let pins = try OwnPins()
            let maps: KernelMaps
            do {
                var held = try Held(pins)
                try held.add(.block([prefix("10.99.0.1")]), for: 2)
                #expect(try held.ends(.blockedSource))
                maps = held.filter.maps
            }
            func packets(_ reason: FilterReason) -> UInt64 {
                ((try? maps[FilterMaps.counters]?.sums(of: reason.rawValue)) ?? [0])[0]
            }
            let blocked = packets(.blockedSource)
            let until = KernelClock.now + 3_200_000_000
            while KernelClock.now < until { pauseThread(50) }
            let passed = packets(.passed)
            #expect(try OwnNetwork.send(20) == 20)
            #expect(eventually(within: 3_000) { packets(.passed) >= passed + 20 })
            #expect(packets(.blockedSource) == blocked)
        }
    }

    @Test func `swaps its rules while packets come, and misses none`() throws {
        try OwnNetwork.run { _, _ in
            var held = try Held(OwnPins())
            let id = try held.add(.rule(toPort(9), targets: [prefix("10.99.0.2")]))
            #expect(try held.ends(.rule))
            let counter = try #require(held.book.rules.first?.counter)
            #expect(try held.filter.hits(of: [counter])[0].packets == 20)
            let before = held.packets(.rule)
            let sent = Mutex(0)
            let isOver = Mutex(false)
            let sender = try TestThread {
                while !isOver.withLock({ $0 }) {
                    let count = (try? OwnNetwork.send(20)) ?? 0
                    sent.withLock { $0 += count }
                    usleep(200)
                }
            }
            // Others come and go; this one holds through all of it.
            for round in 0..<12 {
                let other = try held.add(.rule(toPort(1_000 + round), targets: []))
                if round % 3 == 2 { try held.remove(other) }
            }
            isOver.withLock { $0 = true }
            sender.join()
            let all = UInt64(sent.withLock { $0 })
            #expect(all > 200)
            #expect(eventually { held.packets(.rule) == before + all })
            #expect(try held.filter.hits(of: [counter])[0].packets == before + all)
            #expect(held.filter.conduct.generation >= 17)
            try held.filter.perform(try held.book.conduct(rule: id, isDry: true, at: now()), of: held.book, at: now())
            #expect(try held.ends(.dryRule))
            try held.filter.perform(try held.book.conduct(rule: id, isDry: false, at: now()), of: held.book, at: now())
            #expect(try held.ends(.rule))
        }
    }

    @Test func `holds rules over several programs, and lets go of rows that are over`() throws {
        try OwnNetwork.run { _, _ in
            var held = try Held(OwnPins())
            var added: [FilterAction] = []
            // Ranges are asked one by one: many jumps. The last one is the one that matches.
            for port in 0..<900 {
                var fingerprint = toPort(20_000 + port * 8)
                fingerprint.conditions[1].value = port == 899 ? "7-9" : "\(20_000 + port * 8)-\(20_003 + port * 8)"
                fingerprint.conditions.append(.init(.length, "28-36,40,44-48,60-63"))
                let order = FilterOrder(.rule(fingerprint, targets: []), note: held.note, seconds: 600)
                added += try held.book.add(order, at: now()).actions
            }
            try held.filter.perform(added, of: held.book, at: now())
            #expect(try held.ends(.rule))
            let rows = FilterMaps.Slot.rows
            func used(_ row: Int) throws -> Int {
                try rows[row].count { try held.filter.table.program(in: $0) != nil }
            }
            #expect(try used(held.filter.row) > 0)
            #expect(try used(1 - held.filter.row) == 0)
            let row = held.filter.row
            try held.remove(1)
            #expect(held.filter.row == 1 - row)
            #expect(try used(row) > 0 && used(1 - row) > 0)
            held.filter.rest(at: FilterTime(wall: now().wall, clock: KernelClock.now + 2_000_000_000))
            #expect(try used(row) == 0 && used(1 - row) > 0)
            #expect(try held.ends(.rule))
        }
    }

    @Test func `is taken over by the next process without a gap, and counts on`() throws {
        try OwnNetwork.run { near, _ in
            let pins = try OwnPins()
            var first = try Held(pins)
            try first.add(.block([prefix("10.99.0.1")]))
            try first.add(.rule(toPort(53), targets: []))
            #expect(try first.ends(.blockedSource))
            let before = first.packets(.blockedSource)
            let link = try #require(try Occupant(of: near)).program
            let sent = Mutex(0)
            let isOver = Mutex(false)
            let sender = try TestThread {
                while !isOver.withLock({ $0 }) {
                    let count = (try? OwnNetwork.send(20)) ?? 0
                    sent.withLock { $0 += count }
                    usleep(200)
                }
            }
            // From the book's file, as after a restart; every other one with another key of the hashes.
            var held: [Held] = []
            for round in 0..<6 {
                var stored = first.book.stored(at: now())
                stored.key = UInt64(round % 2)
                held = [try Held(pins, book: FilterBook.restored(from: stored, at: now()).book)]
            }
            isOver.withLock { $0 = true }
            sender.join()
            let all = UInt64(sent.withLock { $0 })
            let last = try #require(held.first)
            // All of them: none passed in between.
            #expect(eventually { last.packets(.blockedSource) == before + all })
            #expect(try #require(try Occupant(of: near)).program != link)
            // What the book does not say any more goes at the take-over.
            _ = try Held(pins)
            #expect(try last.ends(.passed))
        }
    }

    @Test func `counts for whom it blocks, over extensions, ends and the next process`() throws {
        try OwnNetwork.run { _, _ in
            let pins = try OwnPins()
            var first = try Held(pins)
            let site = FilterNote(tenant: "example", reason: "proven", author: .gateway, site: "www.example")
            func block(_ held: inout Held, _ seconds: UInt32, isDry: Bool = false) throws {
                let order = FilterOrder(.block([try prefix("10.99.0.1")]), note: site, seconds: seconds, isDry: isDry)
                try held.filter.perform(try held.book.add(order, at: now()).actions, of: held.book, at: now())
            }
            func tally(_ held: Held) throws -> (dropped: UInt64, spared: UInt64) {
                let counts = try #require(try held.filter.tallies(ofFirst: held.book.tallyPlaces))
                let tally = try #require(held.book.tallies(counts).first)
                #expect(tally.dropped.bytes >= 42 * tally.dropped.packets)
                return (tally.dropped.packets, tally.beside.packets)
            }
            try block(&first, 300, isDry: true)
            #expect(try first.ends(.dryBlockedSource))
            #expect(try tally(first) == (0, 20))
            try block(&first, 300)
            #expect(try first.ends(.blockedSource))
            // Longer: what the entry and the tally have stays.
            try block(&first, 600)
            #expect(try first.ends(.blockedSource))
            #expect(try tally(first) == (40, 20))
            #expect(first.filter.hits(of: try prefix("10.99.0.1"), in: .blocked)?.packets == 60)
            // Another's blocks are not this site's.
            try first.add(.block([prefix("10.99.0.0/24")]))
            let id = try #require(first.book.entry(.blocked, try prefix("10.99.0.1"))?.id)
            try first.remove(id)
            #expect(try first.ends(.blockedNetwork))
            #expect(try tally(first) == (40, 20))
            let next = try Held(
                pins, book: FilterBook.restored(from: first.book.stored(at: now()), at: now()).book)
            #expect(try tally(next) == (40, 20))
        }
    }

    @Test func `makes anew what is pinned in another shape`() throws {
        try OwnNetwork.run { _, _ in
            let pins = try OwnPins()
            try pins.pins.prepare()
            var shape = FilterMaps.blocked
            shape.entries = 16
            try KernelMap(creating: shape).pin(at: pins.pins.path(shape.name))
            var held = try Held(pins)
            try held.add(.block([prefix("10.99.0.1")]))
            #expect(try held.ends(.blockedSource))
        }
    }

    @Test func `takes everything away where it is told to`() throws {
        try OwnNetwork.run { near, _ in
            let pins = try OwnPins()
            var held = try Held(pins)
            try held.add(.block([prefix("10.99.0.1")]))
            try held.filter.detach()
            #expect(try Occupant(of: near) == nil)
            #expect(pins.pins.names.isEmpty)
            #expect(held.filter.conduct.mode == .none)
            // The same from outside, of what another process left.
            _ = try Held(pins)
            #expect(try Occupant(of: near) != nil)
            try Filter.detach(interface: "near", folder: pins.pins)
            #expect(try Occupant(of: near) == nil)
            #expect(pins.pins.names.isEmpty)
        }
    }

    @Test func `leaves another's program alone, and no list in the kernel`() throws {
        try OwnNetwork.run { near, _ in
            let pins = try OwnPins()
            let other = try Attachment(
                KernelProgram(FilterPrograms.empty, name: "other", maps: KernelMaps()), to: near)
            let error = try refusal { _ = try Held(pins) }
            #expect(error.reason.contains("other"))
            #expect(pins.pins.names.isEmpty)
            #expect(try other.facts.interface == near.index)
        }
    }

    @Test func `attaches anew where its interface went and came again`() throws {
        try OwnNetwork.run { _, _ in
            let held = try Held(OwnPins())
            try Tool.run(["ip", "link", "delete", "near"])
            held.filter.rest(at: now())
            #expect(held.filter.conduct.mode == .none)
            #expect(held.filter.conduct.missing.contains { $0.hasPrefix("nothing is filtered") })
            try Tool.run(["ip", "link", "add", "near", "type", "veth", "peer", "name", "far"])
            let later = FilterTime(wall: now().wall, clock: KernelClock.now + 2_000_000_000)
            held.filter.rest(at: later)
            #expect(held.filter.conduct.mode == .native && held.filter.conduct.missing.isEmpty)
            #expect(try Occupant(of: NetworkInterface(named: "near")) != nil)
        }
    }

    @Test func `gives samples, and answers floods of SYN while there is one`() throws {
        try OwnNetwork.run { _, _ in
            var plan = FilterPlan()
            plan.sampling = 1
            var held = try Held(OwnPins(), plan: plan)
            #expect(try held.ends(.passed))
            var samples: [FilterSample] = []
            held.filter.takeSamples(1_000) { samples.append($0) }
            let datagrams = samples.filter { $0.length == 50 && $0.bytes.count == 50 && $0.bytes[23] == 17 }
            #expect(datagrams.count == 20)
            #expect(datagrams.allSatisfy { $0.bytes.suffix(8) == Array("12345678".utf8)[...] })
            #expect(held.filter.conduct.samples >= 20)
            let id = try held.add(.flooded([prefix("10.99.0.2").address]))
            #expect(held.filter.conduct.missing.isEmpty)
            #expect(try held.filter.table.program(in: FilterMaps.Slot.cookies) != nil)
            #expect(try held.ends(.passed))
            try held.remove(id)
            #expect(try held.filter.table.program(in: FilterMaps.Slot.cookies) == nil)
            #expect(try held.ends(.passed))
        }
    }

    @Test func `holds many addresses, and is right again after the clock has stepped`() throws {
        try OwnNetwork.run { _, _ in
            var held = try Held(OwnPins())
            for batch in 0..<16 {
                let base = UInt32(0x0b00_0000 + batch * 4_096)
                try held.add(.block((0..<4_096).map { Prefix(Address(ipv4: base + $0), length: 32) }))
            }
            try held.add(.block([prefix("10.99.0.1")]))
            let map = try #require(held.filter.maps[FilterMaps.blocked])
            #expect(try map.forEach(AddressKey.self, FilterMaps.Entry.self) { _, _ in true } == 65_537)
            // An hour ahead: all has ended by the book, and goes from the kernel.
            let ahead = now(shifted: 3_600)
            while case let expired = held.book.expire(at: ahead), !expired.actions.isEmpty {
                try held.filter.perform(expired.actions, of: held.book, at: ahead)
            }
            #expect(try map.forEach(AddressKey.self, FilterMaps.Entry.self) { _, _ in true } == 0)
            try map.set(FilterMaps.Entry(until: .max), of: AddressKey(prefix("10.99.0.1").address))
            try held.add(.block([prefix("10.99.0.9")]))
            try held.filter.align(with: held.book, at: now())
            #expect(try map.forEach(AddressKey.self, FilterMaps.Entry.self) { _, _ in true } == 1)
            #expect(try held.ends(.passed))
        }
    }
}
