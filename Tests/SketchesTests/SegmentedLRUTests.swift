import Sketches
import Testing

/// A store as a caller keeps it: bounded by weight, one unit each where nothing else is said.
private struct Keeper {
    var order: SegmentedLRU
    var room: Int

    init(room: Int) {
        self.room = room
        order = SegmentedLRU(room: room)
    }

    /// Asks for a key, and takes it in where that may be. True: it was there.
    mutating func ask(_ key: UInt64, weight: Int = 1) -> Bool {
        if order.asked(key) != nil { return true }
        while order.weight + weight > room {
            guard let victim = order.victim, order.isMoreUsed(key, than: victim) else { return false }
            order.remove(victim)
        }
        _ = order.insert(key, weight: weight)
        return false
    }
}

@Suite struct `What a bounded store keeps` {
    @Test func `is not what a scan brings`() {
        var keeper = Keeper(room: 100)
        var source = SplitMix64(seed: 5)
        let pages = (0..<20).map { _ in source.next() }
        for _ in 0..<5 { for page in pages { _ = keeper.ask(page) } }
        for _ in 0..<100_000 { _ = keeper.ask(source.next()) }
        #expect(pages.allSatisfy { keeper.order.slot(of: $0) != nil })
        #expect(keeper.order.weight == 100)
    }

    @Test func `is what is asked for again, once the old is not`() {
        var keeper = Keeper(room: 10)
        for key in 0..<10 as Range<UInt64> { for _ in 0..<50 { _ = keeper.ask(key) } }
        // Counts fade; what nobody asks for any more gives way.
        var hits = 0
        for round in 0..<20_000 {
            for key in 100..<105 as Range<UInt64> where keeper.ask(key) && round >= 19_000 { hits += 1 }
        }
        #expect(hits == 5000)
    }

    @Test func `goes by the time of its last use`() {
        var order = SegmentedLRU(room: 100)
        let slots = (1...3).map { order.insert($0, weight: 1) }
        #expect(order.victim == slots[0])
        #expect(order.asked(1) == slots[0])
        #expect(order.victim == slots[1])
        order.remove(slots[1])
        #expect(order.victim == slots[2] && order.slot(of: 2) == nil && order.count == 2)
        order.remove(slots[2])
        #expect(order.victim == slots[0])
        order.remove(slots[0])
        #expect(order.victim == nil && order.weight == 0 && order.count == 0)
        // Slots are given again.
        #expect(
            [order.insert(7, weight: 2), order.insert(8, weight: 2), order.insert(9, weight: 2)].allSatisfy { $0 < 3 })
    }

    @Test func `counts weights as they change`() {
        var order = SegmentedLRU(room: 100)
        let slot = order.insert(1, weight: 10)
        let other = order.insert(2, weight: 5)
        order.setWeight(3, at: slot)
        #expect(order.weight == 8 && order.weight(at: slot) == 3 && order.key(at: other) == 2)
        _ = order.asked(1)
        order.setWeight(30, at: slot)
        #expect(order.weight == 35)
    }

    @Test func `agrees with a plain model over random steps`() {
        var order = SegmentedLRU(room: 100)
        var model: [UInt64: Int] = [:]
        var source = SplitMix64(seed: 11)
        for _ in 0..<20_000 {
            let key = source.next() % 50
            let weight = Int(source.next() % 9) + 1
            switch source.next() % 4 {
            case 0:
                if let slot = order.slot(of: key) {
                    order.setWeight(weight, at: slot)
                } else {
                    _ = order.insert(key, weight: weight)
                }
                model[key] = weight
            case 1:
                if let slot = order.slot(of: key) { order.remove(slot) }
                model[key] = nil
            case 2: #expect((order.asked(key) != nil) == (model[key] != nil))
            default:
                if let victim = order.victim {
                    #expect(model.removeValue(forKey: order.key(at: victim)) == order.weight(at: victim))
                    order.remove(victim)
                }
            }
            #expect(order.weight == model.values.reduce(0, +) && order.count == model.count)
        }
    }
}
