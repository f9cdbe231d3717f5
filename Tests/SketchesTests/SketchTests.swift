import Sketches
import Testing

@Suite struct SketchTests {
    private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64(seconds * 1e9)) }
    private let hash = KeyedHash(key: Array(0..<16))

    @Test func `SipHash-2-4 gives the value of the reference implementation`() {
        // The reference test vectors' entry for 16 bytes, 00 01 ... 0f, under the key 00 01 ... 0f.
        #expect(hash.pseudonym(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908) == 0x3f2a_cc7f_57c2_9bdb)
    }

    @Test func `another key gives other hashes`() {
        let other = KeyedHash(key: [1])
        #expect((0..<100).allSatisfy { hash($0, 0) != other($0, 0) })
    }

    @Test func `made numbers are those of the reference, and spread evenly below a bound`() {
        // The first value of the reference implementation for the seed 0.
        var random = SplitMix64(seed: 0)
        #expect(random.next() == 0xe220_a839_7b1d_cdaf)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 { counts[Int(random.below(10))] += 1 }
        #expect(counts.allSatisfy { (850...1_150).contains($0) }, "\(counts)")
        #expect(random.below(0) == 0)
        let mean = (0..<10_000).reduce(0.0) { sum, _ in sum + random.unit() } / 10_000
        #expect((0.48...0.52).contains(mean))
    }

    @Test func `heavy sources keep their place against a million others`() {
        var sketch = SpaceSaving(capacity: 1024, decay: 1000, at: at(0))
        for round in 0..<1000 as Range<UInt64> {
            for heavy in 0..<20 as Range<UInt64> { _ = sketch.add(hash(heavy, 0), weight: 1, at: at(1)) }
            for other in 0..<1000 as Range<UInt64> {
                _ = sketch.add(hash(round * 1000 + other, 1), weight: 0.01, at: at(1))
            }
        }
        for heavy in 0..<20 as Range<UInt64> {
            let estimate = sketch.estimate(hash(heavy, 0), at: at(1))
            #expect((estimate?.sure ?? 0) > 900, "source \(heavy): \(estimate?.sure ?? -1) of 1000")
            #expect((estimate?.amount ?? 0) >= 999)
        }
    }

    @Test func `heavy keys are counted exactly, whatever else comes`() {
        var counted = HeavyKeys(capacity: 64)
        var places: [UInt64: Int] = [:]
        for round in 0..<1000 as Range<UInt64> {
            for heavy in 0..<4 as Range<UInt64> {
                let (place, isNew) = counted.count(hash(heavy, 0))
                #expect(isNew == (round == 0))
                places[heavy] = place
            }
            for other in 0..<20 as Range<UInt64> { _ = counted.count(hash(round * 20 + other, 1)) }
        }
        #expect(counted.places.count == 64)
        for place in places.values { #expect(counted.sure(at: place) == 1000) }
        // The other 20,000 requests came once each, and nobody is charged with more.
        for place in counted.places where !places.values.contains(place) { #expect(counted.sure(at: place) <= 1) }
    }

    @Test func `never accuses a newcomer of what another brought in`() {
        var sketch = SpaceSaving(capacity: 64, decay: 1000, at: at(0))
        for key in 0..<10_000 as Range<UInt64> {
            let estimate = sketch.add(hash(key, 0), weight: 1, at: at(1))
            #expect(estimate.sure <= 1.001)
        }
    }

    @Test func `counts fade to a third in one decay and to nothing later`() {
        var sketch = SpaceSaving(capacity: 64, decay: 10, at: at(0))
        _ = sketch.add(1 << 40, weight: 100, at: at(0))
        let once = sketch.estimate(1 << 40, at: at(10))?.amount ?? 0
        #expect((35...39).contains(once), "\(once)")
        #expect((sketch.estimate(1 << 40, at: at(200))?.amount ?? 100) < 0.5)
    }

    @Test func `a histogram finds quantiles within a quarter of a power of two`() throws {
        var histogram = DecayedHistogram(memory: 100_000)
        for value in 1...10_000 { histogram.add(Float(value)) }
        let median = try #require(histogram.quantile(0.5))
        let high = try #require(histogram.quantile(0.99))
        #expect((5000...6250).contains(median))
        #expect((9900...12_400).contains(high))
    }

    @Test func `a histogram follows what comes`() throws {
        var histogram = DecayedHistogram(memory: 1000)
        #expect(histogram.quantile(0.5) == nil)
        for _ in 0..<1000 { histogram.add(10) }
        for _ in 0..<20_000 { histogram.add(1000) }
        #expect(try #require(histogram.quantile(0.1)) > 900)
    }
}
