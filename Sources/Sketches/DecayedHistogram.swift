/// How a quantity is spread, in fixed memory: 96 buckets, each a quarter of a power of two wide, from 1 up to 2^24;
/// older values fade as new ones come.
package struct DecayedHistogram: Sendable {
    private static let bucketCount = 96
    private var buckets = [Float](repeating: 0, count: bucketCount)
    /// The weight of all values together.
    package private(set) var total: Float = 0
    /// Weight at which everything is halved: the histogram remembers about as many values.
    private let memory: Float

    /// - Parameter memory: about how many of the latest values count.
    package init(memory: Float) {
        self.memory = memory
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
