import Admission
import Sketches
import Testing

/// How something short is shared: nobody refused while there is plenty, nobody shut out when there is not.
@Suite struct TenantRoomTests {
    /// 4,096 sites of 512 organisations.
    private static let many = Tenants((0..<4096).map { ("org\($0 / 8)", 1) })

    @Test func `while half is free nobody is refused anything`() {
        var dice = Dice(seed: 1)
        for _ in 0..<200 {
            var room = TenantRoom(capacity: 1000, Tenants((0..<20).map { ("org\($0 % 6)", 1 + $0 % 6) }))
            while room.total < 500 {
                let (place, amount) = (dice.below(21), 1 + dice.below(500 - room.total))
                #expect(room.mayHold(amount, at: place))
                room.add(amount, at: place)
            }
        }
    }

    @Test func `however many are greedy, there is something left for who comes new`() {
        var room = TenantRoom(capacity: 64 << 20, Self.many)
        // All but the last organisation's take all that they are given, a kibibyte at a time.
        var tookOne = true
        while tookOne {
            tookOne = false
            for place in 1...4088 where room.mayHold(1024, at: place) {
                room.add(1024, at: place)
                tookOne = true
            }
        }
        #expect(room.total < room.capacity)
        #expect(room.total > room.capacity * 9 / 10)
        let held = (1...4088).map { room.held(at: $0) }
        // Equals have the same, but for a piece.
        #expect((held.max() ?? 0) - (held.min() ?? 0) <= 2048, "\(held.min() ?? 0) to \(held.max() ?? 0)")
        #expect(room.mayHold(1024, at: 4096))
    }

    @Test func `one alone has three quarters, two of one organisation no more than another's one`() {
        func fill(_ tenants: Tenants, _ places: [Int]) -> [Int] {
            var room = TenantRoom(capacity: 1_000_000, tenants)
            for _ in 0..<500 {
                // Some of it is given back, and all want more again.
                for place in places { room.add(-room.held(at: place) / 50, at: place) }
                var tookOne = true
                while tookOne {
                    tookOne = false
                    for place in places where room.mayHold(100, at: place) {
                        room.add(100, at: place)
                        tookOne = true
                    }
                }
            }
            return places.map { room.held(at: $0) }
        }
        let both = Tenants([("a", 1), ("a", 1), ("b", 1)])
        #expect(fill(both, [1])[0] > 750_000)
        let held = fill(both, [1, 2, 3])
        #expect(abs(held[0] - held[1]) <= 100)
        #expect(abs(held[0] + held[1] - held[2]) < 40_000, "\(held)")
        let weighed = fill(Tenants([("a", 3), ("b", 1)]), [1, 2])
        #expect((2.4...3.2).contains(Double(weighed[0]) / Double(weighed[1])), "\(weighed)")
    }

    @Test func `who is most over its share is named, and a reload keeps what is held`() {
        var room = TenantRoom(capacity: 1000, Tenants([("a", 2), ("a", 2), ("b", 1)]))
        #expect(room.mostOver == nil)
        room.add(60, at: 1)
        room.add(50, at: 2)
        room.add(80, at: 3)
        #expect(room.mostOver == 3)
        room.add(60, at: 2)
        #expect(room.mostOver == 2)
        // Site 1 is gone, 2 and 3 have changed places.
        room.change(to: Tenants([("b", 1), ("a", 2)]), moved: [0, 0, 2, 1])
        #expect([0, 1, 2].map { room.held(at: $0) } == [60, 80, 110])
        #expect(room.total == 250)
    }
}

/// A number that somebody set, however much is free.
@Suite struct `A cap of an organisation` {
    private static let sites = Tenants([("a", 1), ("a", 1), ("b", 1)])

    @Test func `holds for its sites together, and for nobody else`() {
        let caps = Self.sites.together([5, 5, nil])
        var room = TenantRoom(capacity: 1000, Self.sites, caps: caps)
        room.add(3, at: 1)
        #expect(!room.isAtCap(1) && !room.isAtCap(2))
        room.add(2, at: 2)
        #expect(room.isAtCap(1) && room.isAtCap(2) && !room.isAtCap(3) && !room.isAtCap(Tenants.nobody))
        // What makes way is its own, whichever of its sites has it.
        #expect(Self.sites.areTogether(1, 2) && !Self.sites.areTogether(2, 3))
        #expect(!Self.sites.areTogether(1, Tenants.nobody))
        room.add(-1, at: 2)
        #expect(!room.isAtCap(1))
    }

    @Test func `comes and goes with a reload, with what is held`() {
        var room = TenantRoom(capacity: 1000, Self.sites)
        room.add(9, at: 1)
        #expect(!room.isAtCap(1) && Self.sites.together([nil, nil, nil]).isEmpty)
        let moved = Tenants([("b", 1), ("a", 1)])
        room.change(to: moved, moved: [0, 2, 0, 1], caps: moved.together([nil, 9]))
        #expect(room.isAtCap(2) && !room.isAtCap(1))
        room.change(to: moved, moved: [0, 1, 2])
        #expect(!room.isAtCap(2))
    }

    @Test func `bounds who waits at a site by what the others leave`() {
        var admission = SiteAdmission(rules: SiteAdmission.Rules(), at: Instant(nanoseconds: 1_000_000_000))
        let now = Instant(nanoseconds: 2_000_000_000)
        var waiting = 0
        func ask(_ count: Int) -> Int {
            (0..<count).reduce(into: 0) { refused, _ in
                waiting += 1
                let arrival = Arrival(
                    ticket: UInt64(waiting), source: UInt64(waiting) &* 0x9e37_79b9_7f4a_7c15,
                    network: UInt64(waiting) &* 0xbf58_476d_1ce4_e5b9, route: 1, isKnown: false)
                switch admission.arrived(arrival, at: now) {
                case .refuse, .wait(evicted: .some): refused += 1
                case .admit, .wait: break
                }
            }
        }
        #expect(ask(10) == 0 && admission.waitingCount == 0)
        admission.queueQuota = 0
        #expect(ask(3) == 3 && admission.waitingCount == 0 && admission.capped == 3)
        admission.queueQuota = 2
        #expect(ask(5) == 3 && admission.waitingCount == 2 && admission.capped == 6)
        admission.queueQuota = .max
        #expect(ask(254) == 0 && admission.waitingCount == 256)
        // Its own bound is not counted as the cap's.
        #expect(ask(1) == 1 && admission.capped == 6)
    }
}

/// Numbers that are the same each time.
struct Dice {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func below(_ limit: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(limit))
    }
}
