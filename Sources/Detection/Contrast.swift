package import Fingerprints
package import Moments

/// What an attack has that the baseline has not: now = baseline + excess, over the joint counts of request shapes, and
/// the one conjunction that covers most of the excess at the least collateral.
///
/// Coverage is measured against all requests above the baseline. Those whose shape was not reported (a lane reports the
/// heaviest) count as not covered, so the true coverage is at least what is said.
package struct Contrast: Sendable {
    /// Shapes seen in the seconds of excess, visitors' among them.
    package var shapes = ShapeTally()
    /// Requests in these seconds, and how many the profile would have expected.
    package var requests = 0.0
    package var expected = 0.0

    /// Collateral that every rule should stay under (design: "collateral is bounded").
    package static let bearable = 0.001
    /// Coverage from which on a fingerprint is worth the name.
    package static let leastCoverage = 0.5
    /// Days until nobody acts on it.
    package static let lifetime = 30.0
    /// Coverage that one of collateral is worth.
    private static let collateralWeight = 10.0
    /// Coverage that one more condition may cost: what hits nobody here may hit a receiver's visitors.
    private static let conditionWorth = 0.005
    /// Heaviest shapes of the excess whose features are tried.
    private static let tried = 8

    package init() {}

    /// The best fingerprint; nil where none covers half of the excess, or only with half of the normal traffic.
    package func fingerprint(
        against baseline: ShapeTally, sources: UInt64, from: Moment, until: Moment
    ) -> Fingerprint? {
        let excess = requests - expected
        guard excess >= 1 else { return nil }
        var best: (rank: Rank, conditions: [Fingerprint.Condition])?
        for conditions in candidates(against: baseline) {
            let collateral = baseline.share(of: conditions)
            let above = shapes.weight(of: conditions) - expected * (collateral ?? 0)
            let rank = Rank(
                coverage: min(1, max(0, above / excess)), collateral: collateral, conditions: conditions.count)
            guard rank.coverage >= Self.leastCoverage, (collateral ?? 0) < 0.5 else { continue }
            if let present = best, !(present.rank < rank) { continue }
            best = (rank, conditions)
        }
        guard let best else { return nil }
        return Fingerprint(
            conditions: best.conditions,
            evidence: Fingerprint.Evidence(
                coverage: best.rank.coverage, collateral: best.rank.collateral,
                attackCount: UInt64(clamping: excess),
                baselineCount: UInt64(clamping: baseline.total), sources: sources, from: from, until: until),
            made: until, expires: until + Self.lifetime * 86_400)
    }

    /// How good a candidate is: bearable ones before all others, then what it covers less what it would hit.
    private struct Rank: Comparable {
        var coverage: Double
        var collateral: Double?
        var conditions: Int

        var isBearable: Bool { (collateral ?? 0) <= Contrast.bearable }
        var worth: Double {
            coverage - Contrast.collateralWeight * (collateral ?? 0) + Contrast.conditionWorth * Double(conditions)
        }

        static func < (left: Rank, right: Rank) -> Bool {
            left.isBearable == right.isBearable ? left.worth < right.worth : right.isBearable
        }
    }

    /// All sets of features of the heaviest shapes of the excess; at most 120, in one order. An empty feature is no
    /// condition: it says what was not seen.
    private func candidates(against baseline: ShapeTally) -> [[Fingerprint.Condition]] {
        let scale = baseline.total > 0 ? expected / baseline.total : 0
        let heaviest = shapes.weights.map { ($0.key, $0.value - scale * (baseline.weights[$0.key] ?? 0)) }
            .filter { $0.1 > 0 }
            .sorted { ($0.1, $1.0.order) > ($1.1, $0.0.order) }
            .prefix(Self.tried)
        var seen: Set<[Fingerprint.Condition]> = []
        var all: [[Fingerprint.Condition]] = []
        for (shape, _) in heaviest {
            let features = Feature.allCases.compactMap { feature in
                shape[feature].flatMap { $0.isEmpty ? nil : Fingerprint.Condition(feature, $0) }
            }
            for subset in 1..<(1 << features.count) {
                let conditions = features.enumerated().filter { subset >> $0.offset & 1 == 1 }.map(\.element)
                if seen.insert(conditions).inserted { all.append(conditions) }
            }
        }
        return all
    }
}

extension UInt64 {
    /// The nearest count: 0 for what is below or no number, the greatest for what is above all.
    init(clamping value: Double) {
        self = value >= 0x1p64 ? .max : value > 0 ? UInt64(value) : 0
    }

    /// The sum, or the greatest count where that is more.
    func saturatingAdd(_ other: UInt64) -> UInt64 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? .max : sum
    }
}
