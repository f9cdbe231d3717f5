import Sketches
import Testing

/// Merging of the sketches that were there before merging was.
@Suite struct MergeTests {
    private let hash = KeyedHash(key: Array(0..<16))
    private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64(seconds * 1e9)) }

    @Test(arguments: Stream.named.indices, [2, 5])
    func `heavy keys merge without charging anybody with others' packets`(index: Int, parts: Int) throws {
        let (name, stream) = Stream.named[index]
        var merged = HeavyKeys(capacity: 512)
        var values = [UInt64?](repeating: nil, count: merged.places.count)
        for part in stream.split(parts, seed: 5) {
            var table = HeavyKeys(capacity: 512)
            var kept = [UInt64?](repeating: nil, count: table.places.count)
            for item in part.items {
                let (place, isNew) = table.count(hash(item.key, 0), times: UInt64(item.packets))
                if isNew { kept[place] = item.key }
            }
            let moves = merged.merge(table)
            for move in try #require(moves) { values[move.place] = kept[move.other] }
        }
        var exact: [UInt64: UInt64] = [:]
        for item in stream.items { exact[item.key, default: 0] += UInt64(item.packets) }
        let packets = exact.values.reduce(0, +)
        var listed: Set<UInt64> = []
        for place in merged.places where merged.sure(at: place) > 0 {
            let key = try #require(values[place])
            #expect(merged.sure(at: place) <= exact[key] ?? 0, "\(name)")
            #expect(listed.insert(key).inserted, "\(name): key \(key) is listed twice")
        }
        // Who brought in more than an eighth of what a set may hold is there: three times the mean of a set, and what
        // another heavy key in the same set may bring.
        let heaviest = exact.values.max() ?? 0
        for (key, count) in exact where count > heaviest / 8 + 3 * packets / 512 {
            #expect(listed.contains(key), "\(name): \(count) of key \(key)")
        }
    }

    @Test func `heavy keys of another size do not merge`() {
        var table = HeavyKeys(capacity: 64)
        let moves = table.merge(HeavyKeys(capacity: 128))
        #expect(moves == nil)
    }

    @Test(arguments: [1, 2, 4]) func `space-saving merges to bounds that hold`(index: Int) {
        let (name, stream) = Stream.named[index]
        // A decay so long that nothing fades: single precision is then the only error.
        var merged = SpaceSaving(capacity: 512, decay: 1e9, at: at(0))
        for part in stream.split(4, seed: 9) {
            var table = SpaceSaving(capacity: 512, decay: 1e9, at: at(0.5))
            for item in part.items { _ = table.add(hash(item.key, 0), weight: Float(item.packets), at: at(1)) }
            #expect(merged.merge(table, at: at(1)) == true)
        }
        var found = 0
        for (key, truth) in stream.exact() {
            guard let estimate = merged.estimate(hash(key, 0), at: at(1)) else { continue }
            found += 1
            #expect(estimate.sure <= Float(truth.packets) * 1.001 + 1, "\(name)")
            #expect(estimate.amount >= Float(truth.packets) * 0.999 - 1, "\(name)")
        }
        #expect(found > 400)
    }

    @Test func `space-saving fades what it merges`() throws {
        var table = SpaceSaving(capacity: 64, decay: 10, at: at(0))
        var other = SpaceSaving(capacity: 64, decay: 10, at: at(5))
        _ = table.add(1 << 40, weight: 100, at: at(0))
        _ = other.add(1 << 40, weight: 100, at: at(10))
        #expect(table.merge(other, at: at(10)) == true)
        let amount = try #require(table.estimate(1 << 40, at: at(10))).amount
        #expect((134...140).contains(amount), "\(amount)")
        #expect(table.merge(SpaceSaving(capacity: 64, decay: 20, at: at(0)), at: at(10)) == false)
        #expect(table.merge(SpaceSaving(capacity: 128, decay: 10, at: at(0)), at: at(10)) == false)
    }

    @Test(arguments: [100, 3_000, 100_000]) func `distinct counts of any split are those of the whole`(keys: Int) {
        var whole = HyperLogLog()
        var parts = Array(repeating: HyperLogLog(), count: 5)
        for key in 0..<UInt64(keys) {
            whole.add(hash(key, 3))
            parts[Int(key % 5)].add(hash(key, 3))
            parts[Int(key / 2 % 5)].add(hash(key, 3))
        }
        var merged = HyperLogLog()
        for part in parts.reversed() { merged.merge(part) }
        #expect(merged == whole)
        // Four standard errors of 3.3 %.
        #expect(abs(whole.count / Double(keys) - 1) < 0.13, "\(whole.count) of \(keys)")
    }

    @Test func `histograms of any split have the quantiles of the whole`() {
        var whole = DecayedHistogram(memory: 1e6)
        var parts = Array(repeating: DecayedHistogram(memory: 1e6), count: 4)
        var random = SplitMix64(seed: 3)
        for _ in 0..<20_000 {
            let value = Float(1 + random.below(1 << random.below(20)))
            whole.add(value)
            parts[Int(random.below(4))].add(value)
        }
        var merged = DecayedHistogram(memory: 1e6)
        for part in parts.reversed() { merged.merge(part) }
        #expect(merged == whole)
    }
}
