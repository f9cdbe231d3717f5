import Admission
import Sketches
import Testing

/// Whose key exchange goes first when not all fit, and who is refused.
@Suite struct HandshakeBudgetTests {
    private static let start: UInt64 = 5_000_000_000
    private static let browser: UInt64 = 0xb0b
    private static let tool: UInt64 = 0x7001

    private static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: start + UInt64(seconds * 1e9)) }

    private static func key(_ value: Int, _ salt: UInt64 = 0) -> UInt64 {
        var hash = (UInt64(bitPattern: Int64(value)) ^ salt << 48) &* 0x9e37_79b9_7f4a_7c15 &+ 0x1234_5678
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return hash ^ hash >> 31
    }

    private static func hello(
        _ ticket: Int, from source: Int, network: Int? = nil, client: UInt64 = browser, isKnown: Bool = false,
        session: UInt64? = nil
    ) -> HandshakeArrival {
        HandshakeArrival(
            ticket: UInt64(ticket), source: key(source, 1), network: key(network ?? source, 2),
            region: key(network ?? source, 3), client: client, isKnown: isKnown, session: session)
    }

    private func budget(room: Int = 1024) -> HandshakeBudget {
        var rules = HandshakeBudget.Rules()
        rules.room = room
        return HandshakeBudget(rules: rules, at: Self.at(0))
    }

    private func order(_ budget: inout HandshakeBudget, at seconds: Double = 0) -> [Int] {
        var tickets: [Int] = []
        while let ticket = budget.next(at: Self.at(seconds)) { tickets.append(Int(ticket)) }
        return tickets
    }

    /// A worker that has time for `capacity` handshakes a second in steps of 10 ms; what it took, by ticket.
    private func run(
        _ budget: inout HandshakeBudget, from: Double, seconds: Double, capacity: Int,
        _ arrivals: (_ step: Int) -> [HandshakeArrival], refused: (UInt64) -> Void = { _ in }, took: (UInt64) -> Void
    ) {
        for step in 0..<Int(seconds * 100) {
            let now = Self.at(from + Double(step) / 100)
            for arrival in arrivals(step) {
                switch budget.arrived(arrival, at: now) {
                case .refused: refused(arrival.ticket)
                case .waits(_, let evicted): if let evicted { refused(evicted) }
                }
            }
            for _ in 0..<capacity / 100 {
                guard let ticket = budget.next(at: now) else { break }
                took(ticket)
            }
            budget.roundEnded(at: now)
        }
    }

    /// Twelve seconds of ordinary visitors: their browser is the usual one.
    private func calm(_ budget: inout HandshakeBudget) {
        run(&budget, from: 0, seconds: 17, capacity: 2000, { step in [Self.hello(step + 1, from: step % 400)] }) { _ in
        }
        #expect(budget.counts.waited == 0 && budget.counts.refused == 0)
        #expect(!budget.isPressed(at: Self.at(17)))
    }

    @Test func `while there is time all go in the order in which they came, and none waits`() {
        var budget = budget()
        for ticket in 1...500 {
            let outcome = budget.arrived(Self.hello(ticket, from: ticket), at: Self.at(0))
            #expect(outcome != .refused(isHostile: false))
        }
        #expect(order(&budget) == Array(1...500))
        budget.roundEnded(at: Self.at(0))
        #expect(budget.counts == HandshakeBudget.Counts())
        #expect(!budget.isPressed(at: Self.at(0.3)))
    }

    @Test func `pressure is somebody waiting at every moment, not one burst after the other`() {
        var budget = budget()
        for step in 0..<400 {
            let now = Self.at(Double(step) / 100)
            for ticket in 1...3 { _ = budget.arrived(Self.hello(step * 10 + ticket, from: ticket), at: now) }
            for _ in 0..<(step % 2 == 0 ? 1 : 5) { _ = budget.next(at: now) }
            budget.roundEnded(at: now)
            #expect(!budget.isPressed(at: now))
        }
        for step in 400..<440 {
            _ = budget.arrived(Self.hello(step * 10, from: step), at: Self.at(Double(step) / 100))
            budget.roundEnded(at: Self.at(Double(step) / 100))
        }
        #expect(budget.isPressed(at: Self.at(4.4)))
        #expect(!order(&budget, at: 4.4).isEmpty)
        budget.roundEnded(at: Self.at(4.4))
        #expect(budget.isPressed(at: Self.at(5.3)) && !budget.isPressed(at: Self.at(5.4)))
    }

    @Test func `known visitors go first, by source or by ticket, then who asks least`() {
        var budget = budget()
        for ticket in 1...10 { _ = budget.arrived(Self.hello(ticket, from: 7), at: Self.at(0)) }
        _ = budget.arrived(Self.hello(11, from: 8), at: Self.at(0))
        _ = budget.arrived(Self.hello(12, from: 9, isKnown: true), at: Self.at(0))
        // Behind the address of the greedy one.
        _ = budget.arrived(Self.hello(13, from: 7, session: 99), at: Self.at(0))
        #expect(budget.isNextKnown)
        let first = [budget.next(at: Self.at(0)), budget.next(at: Self.at(0))]
        #expect(first == [12, 13])
        #expect(!budget.isNextKnown)
        #expect(order(&budget) == [1, 2, 11, 3, 4, 5, 6, 7, 8, 9, 10])
    }

    @Test func `a ticket that is used again and again counts no more, nor does a source that asks without end`() {
        var budget = budget()
        for ticket in 1...40 { _ = budget.arrived(Self.hello(ticket, from: ticket, session: 5), at: Self.at(0)) }
        for ticket in 101...200 {
            _ = budget.arrived(Self.hello(ticket, from: 0, isKnown: true), at: Self.at(0))
        }
        _ = budget.arrived(Self.hello(300, from: 300), at: Self.at(0))
        let order = order(&budget)
        let newcomer = order.firstIndex(of: 300) ?? 0
        #expect(order[..<newcomer].filter { $0 <= 40 }.count == 40)
        #expect(order[..<newcomer].filter { (101...200).contains($0) }.count == 63)
        #expect(order[(newcomer + 1)...].allSatisfy { $0 > 163 })
    }

    @Test func `a network's sources count together, though less than one source`() {
        var budget = budget()
        for ticket in 1...200 { _ = budget.arrived(Self.hello(ticket, from: ticket, network: 1), at: Self.at(0)) }
        for ticket in 301...303 {
            _ = budget.arrived(Self.hello(ticket, from: ticket, network: ticket), at: Self.at(0))
        }
        let order = order(&budget)
        // The first of the network had asked for little then.
        #expect((order.firstIndex(of: 303) ?? 200) < 40)
    }

    @Test(arguments: [1, 7, 64, 1024]) func `no more wait than there is room for, and the worst gives way`(room: Int) {
        var budget = budget(room: room)
        for ticket in 1...room { _ = budget.arrived(Self.hello(ticket, from: 1), at: Self.at(0)) }
        #expect(budget.count == room)
        let refused = budget.arrived(Self.hello(5000, from: 1), at: Self.at(0))
        #expect(refused == .refused(isHostile: false))
        guard case .waits(_, let evicted) = budget.arrived(Self.hello(5001, from: 2, isKnown: true), at: Self.at(0))
        else {
            Issue.record("a known visitor is refused")
            return
        }
        #expect(evicted == UInt64(room))
        #expect(budget.count == room)
        #expect(order(&budget).first == 5001)
        #expect(budget.counts.refused == 2 && budget.counts.refusedKnown == 0)
    }

    @Test func `who leaves gives its place up, once`() {
        var budget = budget(room: 4)
        var places: [UInt16] = []
        for ticket in 1...4 {
            guard case .waits(let place, _) = budget.arrived(Self.hello(ticket, from: ticket), at: Self.at(0)) else {
                Issue.record("there was room")
                return
            }
            places.append(place)
        }
        budget.left(places[1], 2, isRefused: false)
        budget.left(places[1], 2, isRefused: true)
        budget.left(places[3], 7, isRefused: true)
        #expect(budget.count == 3 && budget.counts.refused == 0)
        _ = budget.arrived(Self.hello(9, from: 9), at: Self.at(0))
        budget.left(places[1], 2, isRefused: true)
        #expect(order(&budget) == [1, 3, 4, 9])
    }

    @Test(arguments: 0..<20) func `nobody is lost or taken twice, whatever comes in whatever order`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var budget = budget(room: 50)
        var waiting: [UInt64: UInt16] = [:]
        var ticket = 0
        for step in 0..<20_000 {
            let now = Self.at(Double(step) / 1000)
            switch random.next() % 8 {
            case 0..<4:
                ticket += 1
                let source = Int(random.next() % 200)
                let arrival = Self.hello(
                    ticket, from: source, network: source / 10, client: random.next() % 5,
                    isKnown: random.next() % 4 == 0, session: random.next() % 4 == 0 ? random.next() % 30 : nil)
                if case .waits(let place, let evicted) = budget.arrived(arrival, at: now) {
                    if let evicted { #expect(waiting.removeValue(forKey: evicted) != nil) }
                    waiting[UInt64(ticket)] = place
                } else {
                    #expect(waiting.count == 50)
                }
            case 4..<6:
                let next = budget.next(at: now)
                #expect((next == nil) == waiting.isEmpty)
                if let next { #expect(waiting.removeValue(forKey: next) != nil) }
            case 6:
                if let (ticket, place) = waiting.randomElement() {
                    waiting[ticket] = nil
                    budget.left(place, ticket, isRefused: random.next() % 2 == 0)
                }
            default: budget.roundEnded(at: now)
            }
            #expect(budget.count == waiting.count)
        }
    }

    @Test func `a flood of five times what there is time for: known visitors all, new ones before it`() {
        var budget = budget()
        calm(&budget)
        var taken: Set<UInt64> = []
        // 10,000 a second from 10,000 sources that speak TLS in a way of their own; 100 known visitors and 50 new ones.
        run(
            &budget, from: 17, seconds: 10, capacity: 2000,
            { step in
                var arrivals = (0..<100).map { number in
                    let index = step * 100 + number
                    let source = 100_000 + index % 10_000
                    return Self.hello(1_000_000 + index, from: source, network: source / 64, client: Self.tool)
                }
                arrivals.append(Self.hello(10_000 + step, from: step % 400, isKnown: true))
                if step % 2 == 0 { arrivals.append(Self.hello(20_000 + step, from: 200_000 + step)) }
                return arrivals
            }
        ) { taken.insert($0) }
        let known = taken.count { (10_000..<11_000).contains($0) }
        let new = taken.count { (20_000..<21_000).contains($0) }
        #expect(known == 1000)
        #expect(new > 495)
        #expect(budget.counts.refused > 70_000 && budget.counts.refusedKnown == 0)
        #expect(budget.isPressed(at: Self.at(27)))
        #expect(!budget.isPressed(at: Self.at(28.1)))
    }

    @Test func `a client that only the flood has goes behind the visitors' one from the same kind of source`() {
        var budget = budget()
        calm(&budget)
        var taken = [0, 0]
        run(
            &budget, from: 17, seconds: 8, capacity: 500,
            { step in
                (0..<20).map { number in
                    let isTool = number % 2 == 0
                    let index = step * 20 + number
                    return Self.hello(
                        index * 2 + (isTool ? 1 : 2), from: 50_000 + index, client: isTool ? Self.tool : Self.browser)
                }
            }
        ) { taken[Int($0 & 1)] += 1 }
        // Even tickets are the browser's. The first second is not told apart well.
        #expect(taken[0] > taken[1] * 4)
    }

    @Test func `only a source that asks without end, with a client of the flood's, is called hostile`() {
        var budget = budget(room: 8)
        calm(&budget)
        var hostile: [String: Int] = [:]
        func ask(_ name: String, _ arrival: HandshakeArrival, at seconds: Double) {
            if budget.arrived(arrival, at: Self.at(seconds)) == .refused(isHostile: true) {
                hostile[name, default: 0] += 1
            }
        }
        for step in 0..<400 {
            let seconds = 17 + Double(step) / 100
            ask("tool", Self.hello(1_000_000 + step, from: 9001, client: Self.tool), at: seconds)
            // A school behind one address.
            ask("browser", Self.hello(2_000_000 + step, from: 9002), at: seconds)
            ask("known", Self.hello(3_000_000 + step, from: 9003, client: Self.tool, isKnown: true), at: seconds)
            ask("few", Self.hello(4_000_000 + step, from: 9100 + step, client: Self.tool), at: seconds)
            budget.roundEnded(at: Self.at(seconds))
        }
        #expect(hostile.keys.sorted() == ["tool"])
        #expect((hostile["tool"] ?? 0) > 200)
    }
}

/// What a connection may cost beside what it says.
@Suite struct RecordBudgetTests {
    private static func at(_ milliseconds: Int) -> Instant {
        Instant(nanoseconds: 7_000_000_000 + UInt64(milliseconds) * 1_000_000)
    }

    @Test func `long records are never waste, cut off or not`() {
        var budget = RecordBudget()
        for read in 0..<10_000 {
            // A read ends in the middle of a record, and the next one brings the rest.
            let isWithin = budget.received(60_000, giving: read % 2 == 0 ? 49_152 : 65_536, at: Self.at(0))
            #expect(isWithin)
        }
    }

    @Test func `a chat of short messages stays within it, for hours`() {
        var budget = RecordBudget()
        for message in 0..<1_000_000 {
            let isWithin = budget.received(30, giving: 8, at: Self.at(message * 2))
            #expect(isWithin)
        }
    }

    @Test(arguments: [(23, 1), (22, 0), (27, 0)]) func `a flood of records without content does not`(
        record: Int, content: Int
    ) {
        var budget = RecordBudget()
        let within = (0..<100_000).prefix { _ in budget.received(record, giving: content, at: Self.at(0)) }
        #expect((2000...4000).contains(within.count))
        // It is paid off in some seconds.
        let isWithinAgain = budget.received(record, giving: content, at: Self.at(5000))
        #expect(isWithinAgain)
    }
}
