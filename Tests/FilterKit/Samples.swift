package import Fingerprints
internal import Moments

/// A fingerprint of conditions, measured well unless told otherwise.
package func fingerprint(
    _ conditions: [(Feature, String)], coverage: Double = 0.95, collateral: Double? = 0.0001, kind: String? = nil,
    isSpoofable: Bool? = true, networks: [(String, Double)] = []
) -> Fingerprint {
    let start = Moment("2026-11-23T12:00:00Z")!
    return Fingerprint(
        conditions: conditions.map { Fingerprint.Condition($0.0, $0.1) }, kind: kind,
        evidence: Fingerprint.Evidence(
            coverage: coverage, collateral: collateral, attackCount: 10_000, baselineCount: 10_000, sources: 300,
            from: start, until: start + 60, isSpoofable: isSpoofable,
            networks: networks.map { Fingerprint.Evidence.Network(prefix: $0.0, share: $0.1) }),
        made: start, expires: start + 3600)
}

/// A repeatable stream of numbers (SplitMix64).
package struct Seeded: RandomNumberGenerator {
    package var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
