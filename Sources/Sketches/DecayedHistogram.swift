/// How a quantity is spread, in fixed memory: 96 buckets, each a quarter of a power of two wide, from 1 up to 2^24;
/// older values fade as new ones come.
package struct DecayedHistogram: Equatable, Sendable {
    package static let bucketCount = 96
    /// The weight in each bucket.
    package private(set) var buckets = [Float](repeating: 0, count: bucketCount)
    /// The weight of all values together.
    package private(set) var total: Float = 0
    /// Weight at which everything is halved: the histogram remembers about as many values.
    private let memory: Float

    /// - Parameter memory: about how many of the latest values count.
    package init(memory: Float) {
        self.memory = memory
    }

    /// Buckets as they were kept elsewhere; nil where there are not 96, or one has a weight that no values could have.
    package init?(memory: Float, buckets: [Float]) {
        guard buckets.count == Self.bucketCount, buckets.allSatisfy({ $0 >= 0 && $0 <= memory }) else { return nil }
        let total = buckets.reduce(0, +)
        guard total <= memory else { return nil }
        self.init(memory: memory)
        self.buckets = buckets
        self.total = total
    }

    /// Takes in what another holds, each value with the weight that it has there; nothing fades by that, so the total may
    /// exceed the memory until values are added again. A quantile of the whole lies between those of the parts, and is
    /// exact to its bucket as long as nothing has faded: buckets are sums, in any order.
    package mutating func merge(_ other: DecayedHistogram) {
        for index in buckets.indices { buckets[index] += other.buckets[index] }
        total += other.total
    }

    private static func bucket(_ value: Float) -> Int {
        guard value > 1 else { return 0 }
        // Exponent, and the two top bits of the fraction: quarters of a power of two, without a logarithm.
        let bits = value.bitPattern
        let exponent = Int(bits >> 23) - 127
        return min(bucketCount - 1, exponent * 4 + Int(bits >> 21 & 3))
    }

    package mutating func add(_ value: Float) {
        buckets[Self.bucket(value)] += 1
        total += 1
        guard total >= memory else { return }
        for index in buckets.indices { buckets[index] *= 0.5 }
        total *= 0.5
    }

    /// The upper edge of the bucket in which the quantile `share` (0...1) lies; nil while nothing was added.
    package func quantile(_ share: Float) -> Float? {
        guard total > 0 else { return nil }
        var left = total * share
        for (index, weight) in buckets.enumerated() {
            left -= weight
            if left <= 0, weight > 0 { return Self.upperEdge(index) }
        }
        return Self.upperEdge(Self.bucketCount - 1)
    }

    private static func upperEdge(_ bucket: Int) -> Float {
        let next = bucket + 1
        return Float(sign: .plus, exponent: next / 4, significand: 1 + Float(next % 4) / 4)
    }
}
