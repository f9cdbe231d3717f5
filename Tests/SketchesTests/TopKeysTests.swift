import Sketches
import Testing

@Suite struct TopKeysTests {
    private let key = KeyedHash(key: Array(1...16))
    private static let capacity = 1_024

    private func counted(_ stream: Stream, capacity: Int = Self.capacity) -> TopKeys {
        var table = TopKeys(capacity: capacity, key: key)
        for item in stream.items { table.add(item.key, high: item.key ^ 5, packets: item.packets, bytes: item.bytes) }
        return table
    }

    /// What the type promises, against the exact answer.
    private func check(_ table: TopKeys, _ stream: Stream, _ name: String) {
        let exact = stream.exact()
        let listed = table.heaviest(.max)
        var wrong = 0
        for found in listed {
            let truth = exact[found.low] ?? (0, 0)
            if found.high != found.low ^ 5 { wrong += 1 }
            if !(found.surePackets...found.packets).contains(truth.packets) { wrong += 1 }
            if !(found.sureBytes...found.bytes).contains(truth.bytes) { wrong += 1 }
        }
        #expect(wrong == 0, "\(name): \(wrong) estimates do not hold the truth")
        let present = Set(listed.map(\.low))
        let hidden = exact.filter { !present.contains($0.key) }
        let unlisted = table.unlistedPackets
        #expect(hidden.allSatisfy { $0.value.packets <= unlisted }, "\(name)")
        #expect(hidden.allSatisfy { $0.value.bytes <= table.unlistedBytes }, "\(name)")
        // A set's error is an eighth of its own packets, whose mean is the whole divided by the number of sets; the heaviest
        // keys fall into some set, so that the largest error may be theirs.
        let heavy = exact.values.map(\.packets).sorted(by: >).prefix(24).reduce(0, +)
        let mean = Double(stream.packets) / Double(Self.capacity)
        #expect(Double(unlisted) <= 3 * mean + Double(heavy) / 8 + 1, "\(name): \(unlisted), mean \(mean)")
    }

    @Test(arguments: Stream.named.indices) func `holds the truth between its bounds`(index: Int) {
        let (name, stream) = Stream.named[index]
        check(counted(stream), stream, name)
    }

    @Test(arguments: Stream.named.indices, [2, 5])
    func `any split in any order merges to bounds that hold`(index: Int, parts: Int) {
        let (name, stream) = Stream.named[index]
        let tables = stream.split(parts, seed: UInt64(7 * parts)).map { counted($0) }
        var forward = TopKeys(capacity: Self.capacity, key: key)
        for table in tables { #expect(forward.merge(table) == true) }
        check(forward, stream, "\(name), \(parts) parts")
        // As a tree, and the other way round.
        var backward = tables[parts - 1]
        for table in tables.dropLast().reversed() { #expect(backward.merge(table) == true) }
        check(backward, stream, "\(name), \(parts) parts backwards")
    }

    @Test func `goes on counting after a merge`() {
        let stream = Stream.named[1].stream
        let parts = stream.split(3, seed: 11)
        var table = counted(parts[0])
        #expect(table.merge(counted(parts[1])) == true)
        for item in parts[2].items {
            table.add(item.key, high: item.key ^ 5, packets: item.packets, bytes: item.bytes)
        }
        check(table, stream, "merged, then counted")
    }

    @Test func `a set's error is at most an eighth of what fell into it`() {
        // Eight places are one set: its packets are all packets.
        for (name, stream) in Stream.named {
            #expect(counted(stream, capacity: 8).unlistedPackets <= stream.packets / 8, "\(name)")
            var merged = TopKeys(capacity: 8, key: key)
            for part in stream.split(6, seed: 3) { #expect(merged.merge(counted(part, capacity: 8)) == true) }
            #expect(merged.unlistedPackets <= stream.packets / 8, "\(name), merged")
        }
    }

    @Test func `finds the heaviest under a flood of one-time keys`() throws {
        let table = counted(.oneTime(count: 400_000))
        let first = try #require(table.heaviest(1).first)
        #expect(first.low == 7)
        #expect(first.surePackets > 19_000, "\(first)")
        #expect(first.packets >= 20_000)
    }

    @Test func `names the heaviest in order with what is surely theirs`() {
        var table = TopKeys(capacity: 64, key: key)
        for key in 1...10 as ClosedRange<UInt64> { table.add(key, packets: key * 10, bytes: key) }
        #expect(table.heaviest(3).map(\.low) == [10, 9, 8])
        #expect(table.heaviest(3).map(\.surePackets) == [100, 90, 80])
        #expect(table.heaviest(0).isEmpty)
        #expect(table.heaviest(-1).isEmpty)
        #expect(table.estimate(4)?.sureBytes == 4)
        #expect(table.estimate(11) == nil)
        table.clear()
        #expect(table.heaviest(3).isEmpty)
        #expect(table.unlistedPackets == 0)
    }

    @Test func `sums stop at the largest value`() throws {
        var table = TopKeys(capacity: 8, key: key)
        for _ in 0..<3 { table.add(1, packets: .max, bytes: .max) }
        for other in 10..<30 as Range<UInt64> { table.add(other, packets: .max, bytes: .max) }
        #expect(table.merge(table) == true)
        for found in table.heaviest(8) { #expect(found.packets == .max && found.bytes == .max) }
    }

    @Test func `a key without packets keeps a place only while there is room`() {
        var table = TopKeys(capacity: 8, key: key)
        for other in 0..<20 as Range<UInt64> { table.add(other, packets: 0, bytes: 100) }
        #expect(table.heaviest(20).count == 8)
        #expect(table.unlistedPackets == 0)
        #expect(table.unlistedBytes >= 100)
    }

    @Test func `unlike tables do not merge`() {
        var table = TopKeys(capacity: 64, key: key)
        #expect(table.merge(TopKeys(capacity: 128, key: key)) == false)
        #expect(table.merge(TopKeys(capacity: 64, key: KeyedHash(key: [1]))) == false)
    }
}
