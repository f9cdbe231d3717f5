import Sketches
import Testing

@Suite struct CountMinTests {
    private let key = KeyedHash(key: Array(1...16))

    private func counted(_ stream: Stream, conservative: Bool = false) -> CountMin {
        var sketch = CountMin(width: 4_096, depth: 4, key: key, conservative: conservative)
        for item in stream.items { sketch.add(item.key, weight: item.packets) }
        return sketch
    }

    @Test(arguments: Stream.named.indices, [false, true])
    func `never under the truth, and within the bound for all but a few keys`(index: Int, conservative: Bool) {
        let (name, stream) = Stream.named[index]
        let sketch = counted(stream, conservative: conservative)
        let exact = stream.exact()
        #expect(sketch.total == stream.packets)
        var beyond = 0
        var sum = 0.0
        for (key, truth) in exact {
            let estimate = sketch.estimate(key)
            #expect(estimate >= truth.packets)
            sum += Double(estimate - min(estimate, truth.packets))
            if Double(estimate) - Double(truth.packets) > sketch.errorBound { beyond += 1 }
        }
        // e^-4 is 1.8 %; a sample of this many keys may lie a little above its mean.
        #expect(Double(beyond) <= 0.025 * Double(exact.count) + 1, "\(name): \(beyond) of \(exact.count)")
        #expect(sum / Double(exact.count) <= sketch.errorBound)
    }

    @Test func `the conservative update is never worse`() {
        let stream = Stream.named[1].stream
        let plain = counted(stream)
        let conservative = counted(stream, conservative: true)
        var better = 0
        for key in stream.exact().keys {
            #expect(conservative.estimate(key) <= plain.estimate(key))
            if conservative.estimate(key) < plain.estimate(key) { better += 1 }
        }
        #expect(better > 1_000)
    }

    @Test(arguments: [2, 3, 7]) func `any split in any order merges to the same`(parts: Int) {
        let stream = Stream.named[1].stream
        let whole = counted(stream)
        var merged = CountMin(width: 4_096, depth: 4, key: key)
        for part in stream.split(parts, seed: UInt64(parts)) { #expect(merged.merge(counted(part)) == true) }
        #expect(merged.total == whole.total)
        for key in 0..<100_000 as Range<UInt64> where merged.estimate(key) != whole.estimate(key) {
            Issue.record("key \(key): \(merged.estimate(key)) and \(whole.estimate(key))")
        }
    }

    @Test func `unlike sketches do not merge`() {
        var sketch = counted(Stream.named[2].stream)
        let before = sketch.estimate(0)
        let other = KeyedHash(key: [9])
        #expect(sketch.merge(CountMin(width: 8_192, depth: 4, key: key)) == false)
        #expect(sketch.merge(CountMin(width: 4_096, depth: 3, key: key)) == false)
        #expect(sketch.merge(CountMin(width: 4_096, depth: 4, key: other)) == false)
        #expect(sketch.merge(CountMin(width: 4_096, depth: 4, key: key, conservative: true)) == false)
        #expect(sketch.estimate(0) == before)
    }

    @Test func `counts stop at the largest value`() {
        var narrow = CountMin(width: 16, depth: 2, key: key)
        narrow.add(1, weight: .max)
        #expect(narrow.add(1, weight: 5) == .max)
        #expect(narrow.merge(narrow) == true)
        #expect(narrow.estimate(1) == .max)
        var wide = CountMin(width: 16, depth: 2, key: key)
        wide.add(1, high: 2, weight: .max)
        wide.add(1, high: 2, weight: .max)
        #expect(wide.estimate(1, high: 2) == .max)
        #expect(wide.total == .max)
        wide.clear()
        #expect(wide.estimate(1, high: 2) == 0)
        #expect(wide.total == 0)
    }

    @Test func `sizes are bounded whatever is asked for`() {
        let small = CountMin(width: -5, depth: 0, key: key)
        #expect(small.width == 16)
        #expect(small.depth == 1)
        #expect(CountMin(width: 100, depth: 99, key: key).depth == CountMin.depthLimit)
    }

    @Test func `all sixteen bytes of a key count`() {
        var sketch = CountMin(width: 65_536, depth: 4, key: key)
        for high in 0..<500 as Range<UInt64> { sketch.add(3, high: high << 32, weight: high + 1) }
        for high in 0..<500 as Range<UInt64> { #expect(sketch.estimate(3, high: high << 32) == high + 1) }
    }
}
