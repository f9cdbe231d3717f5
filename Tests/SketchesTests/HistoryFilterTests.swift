import Sketches
import Testing

@Suite struct HistoryFilterTests {
    /// Memory for a filter, given back at the end.
    private final class Memory {
        let base: UnsafeMutableRawPointer
        let count: Int

        init(_ count: Int) {
            self.count = count
            base = .allocate(byteCount: count, alignment: 64)
            base.initializeMemory(as: UInt8.self, repeating: 0, count: count)
        }

        deinit { base.deallocate() }

        func filter(now: UInt64 = 1000) -> HistoryFilter { HistoryFilter(memory: base, byteCount: count, now: now) }
    }

    private let hash = KeyedHash(key: Array(0..<16))

    @Test func `remembers all it was told and hardly any stranger, filled to its design load`() {
        let memory = Memory(1 << 20)
        let filter = memory.filter()
        let known = UInt64(filter.capacity)
        for source in 0..<known { filter.insert(hash(source, 1)) }
        let forgotten = (0..<known).count { !filter.contains(hash($0, 1)) }
        #expect(forgotten == 0)
        let mistaken = (known..<known + 100_000).count { filter.contains(hash($0, 1)) }
        #expect(mistaken < 1000, "\(mistaken) of 100,000 strangers are taken for known")
    }

    @Test func `forgets after two generations, not after one`() {
        let memory = Memory(1 << 16)
        let filter = memory.filter(now: 1000)
        filter.insert(hash(7, 1))
        filter.rotate(now: 1099, lifetime: 100)
        #expect(filter.contains(hash(7, 1)))
        filter.rotate(now: 1100, lifetime: 100)
        #expect(filter.contains(hash(7, 1)))
        filter.rotate(now: 1200, lifetime: 100)
        #expect(!filter.contains(hash(7, 1)))
    }

    @Test func `goes on with what another process left in the memory`() {
        let memory = Memory(1 << 16)
        memory.filter().insert(hash(7, 1))
        #expect(memory.filter(now: 5000).contains(hash(7, 1)))
    }

    @Test func `clears memory that holds something else`() {
        let memory = Memory(1 << 16)
        memory.base.initializeMemory(as: UInt8.self, repeating: 0xff, count: memory.count)
        #expect(!memory.filter().contains(hash(7, 1)))
    }

    @Test func `starts a new generation when one is full`() {
        let memory = Memory(1 << 14)
        let filter = memory.filter()
        for source in 0..<UInt64(filter.capacity * 2) { filter.insert(hash(source, 1)) }
        filter.rotate(now: 1001, lifetime: 1_000_000)
        filter.insert(hash(1 << 40, 1))
        filter.rotate(now: 1002, lifetime: 1_000_000)
        #expect(filter.contains(hash(1 << 40, 1)))
    }
}
