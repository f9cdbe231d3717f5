package import Fingerprints

/// How traffic is spread over request shapes, in fixed memory: Unbiased Space Saving (Ting, 2018). When there are more
/// shapes than places, two of the lightest become one with the weight of both and the name of one of them, drawn in
/// proportion to their weights. So the total is exact, the heavy shapes keep their own weight, and what is asked about
/// any set of shapes (all of one method, say) is right on average, however long the tail.
package struct ShapeTally: Equatable, Sendable {
    /// Shapes kept. A site has some ten routes and twenty kinds of clients that matter; an attacker sends ever new ones.
    package static let limit = 256

    package private(set) var weights: [RequestShape: Double] = [:]
    /// The weight of all shapes together.
    package private(set) var total: Double = 0
    /// State of the draw: SplitMix64 (Steele, Lea and Flood, 2014).
    private(set) var draw: UInt64 = 0x5753_5348

    package init() {}

    /// Weights as they were kept elsewhere; nil where there are too many, or one that is no weight.
    init?(weights: [RequestShape: Double], draw: UInt64) {
        guard weights.count <= Self.limit, weights.values.allSatisfy({ $0 > 0 && $0 <= 1e18 }) else { return nil }
        self.weights = weights
        self.draw = draw
        total = Self.sum(weights)
    }

    package mutating func add(_ shapes: [RequestShape: UInt64]) {
        for (shape, count) in shapes where count > 0 {
            weights[shape, default: 0] += min(Double(count), 1e15)
            total += min(Double(count), 1e15)
        }
        shrink()
    }

    package mutating func merge(_ other: ShapeTally) {
        weights.merge(other.weights, uniquingKeysWith: +)
        total += other.total
        shrink()
    }

    /// Makes all that was counted weigh half.
    package mutating func halve() {
        weights = weights.mapValues { $0 / 2 }
        total /= 2
    }

    /// The weight of the shapes for which all conditions hold.
    package func weight(of conditions: [Fingerprint.Condition]) -> Double {
        weights.reduce(0) { sum, entry in
            conditions.allSatisfy { entry.key[$0.feature] == $0.value } ? sum + entry.value : sum
        }
    }

    /// The share of the shapes for which all conditions hold, 0...1; nil while nothing was counted.
    package func share(of conditions: [Fingerprint.Condition]) -> Double? {
        total > 0 ? min(1, weight(of: conditions) / total) : nil
    }

    private mutating func shrink() {
        guard weights.count > Self.limit else { return }
        // Lightest first; by name where they weigh the same, so that the outcome does not hang on a dictionary's order.
        var entries = weights.sorted { ($0.value, $0.key.order) < ($1.value, $1.key.order) }
        while entries.count > Self.limit {
            let pairs = min(entries.count - Self.limit, entries.count / 2)
            var merged: [(key: RequestShape, value: Double)] = []
            for pair in 0..<pairs {
                let (left, right) = (entries[2 * pair], entries[2 * pair + 1])
                let sum = left.value + right.value
                merged.append((nextShare() * sum < left.value ? left.key : right.key, sum))
            }
            entries.replaceSubrange(0..<2 * pairs, with: merged)
        }
        weights = Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: +)
        total = Self.sum(weights)
    }

    /// In one order, for sums of fractions hang on theirs.
    private static func sum(_ weights: [RequestShape: Double]) -> Double { weights.values.sorted().reduce(0, +) }

    /// The next number of the draw, 0..<1.
    private mutating func nextShare() -> Double {
        draw &+= 0x9e37_79b9_7f4a_7c15
        var mixed = draw
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return Double((mixed ^ mixed >> 31) >> 11) * 0x1p-53
    }
}

extension RequestShape {
    /// For sorting where the order must be one, whichever it is.
    var order: String { route + "\n" + method + "\n" + ja4 + "\n" + http2 }
}
