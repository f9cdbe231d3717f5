package import Moments

/// A conjunction of conditions on what can be seen of a request, with its evidence. It holds no source address.
package struct Fingerprint: Hashable, Sendable, Codable {
    /// All must hold; each feature at most once, in the order of `Feature.allCases`; at least one.
    package var conditions: [Condition]
    package var evidence: Evidence
    package var made: Moment
    /// After this nobody acts on it.
    package var expires: Moment

    package init(conditions: [Condition], evidence: Evidence, made: Moment, expires: Moment) {
        self.conditions = conditions
        self.evidence = evidence
        self.made = made
        self.expires = expires
    }

    package struct Condition: Hashable, Sendable, Codable {
        package var feature: Feature
        package var value: String

        package init(_ feature: Feature, _ value: String) {
            self.feature = feature
            self.value = value
        }
    }

    /// What the fingerprint was measured on, and what it would have hit.
    package struct Evidence: Hashable, Sendable, Codable {
        /// Share of the excess that it covers, 0...1.
        package var coverage: Double
        /// Share of the normal traffic that it would have hit, 0...1; nil where no normal traffic was known.
        package var collateral: Double?
        /// Requests above the baseline that it was measured on.
        package var attackRequests: UInt64
        /// Requests of the baseline that it was measured on.
        package var baselineRequests: UInt64
        /// Sources of the attack, estimated.
        package var sources: UInt64
        package var from: Moment
        package var until: Moment

        package init(
            coverage: Double, collateral: Double?, attackRequests: UInt64, baselineRequests: UInt64, sources: UInt64,
            from: Moment, until: Moment
        ) {
            self.coverage = coverage
            self.collateral = collateral
            self.attackRequests = attackRequests
            self.baselineRequests = baselineRequests
            self.sources = sources
            self.from = from
            self.until = until
        }
    }

    package func matches(_ shape: RequestShape) -> Bool {
        conditions.allSatisfy { shape[$0.feature] == $0.value }
    }
}
