package import Moments

/// A conjunction of conditions on what can be seen of a request or of a packet, with its evidence. It holds no source
/// address.
package struct Fingerprint: Hashable, Sendable, Codable {
    /// All must hold; each feature at most once, in the order of `Feature.allCases`; at least one; all of requests or all
    /// of packets.
    package var conditions: [Condition]
    /// What it is of: "dns-reflection", "tcp-syn-flood", "http-flood"; nil where nobody named it.
    package var kind: String?
    package var evidence: Evidence
    package var made: Moment
    /// After this nobody acts on it.
    package var expires: Moment

    package init(
        conditions: [Condition], kind: String? = nil, evidence: Evidence, made: Moment, expires: Moment
    ) {
        self.conditions = conditions
        self.kind = kind
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

    package var isOfPackets: Bool { conditions.contains { $0.feature.isOfPacket } }

    /// What the fingerprint was measured on, and what it would have hit. Counts are of requests, or of packets where the
    /// conditions are about packets.
    package struct Evidence: Hashable, Sendable, Codable {
        /// Share of the excess that it covers, 0...1.
        package var coverage: Double
        /// Share of the normal traffic that it would have hit, 0...1; nil where no normal traffic was known.
        package var collateral: Double?
        /// Above the baseline, that it was measured on.
        package var attackCount: UInt64
        /// Of the baseline, that it was measured on.
        package var baselineCount: UInt64
        /// Sources of the attack, estimated.
        package var sources: UInt64
        package var from: Moment
        package var until: Moment
        /// The same in bytes; nil for requests.
        package var bytes: Bytes?
        /// The most in one second; nil where it was not measured.
        package var peakRate: Double?
        /// Whether the sources may be forged; nil where nobody judged it. Networks are named only where they are not.
        package var isSpoofable: Bool?
        /// The heaviest networks of sources and their share of what came, the heaviest first; at most `networkLimit`.
        package var networks: [Network] = []
        /// What the normal traffic was: "shipped profile", a name of a profile; nil where none was named.
        package var baseline: String?

        package static let networkLimit = 20

        package struct Bytes: Hashable, Sendable, Codable {
            package var coverage: Double
            package var collateral: Double?
            package var attackCount: UInt64
            package var baselineCount: UInt64

            package init(coverage: Double, collateral: Double?, attackCount: UInt64, baselineCount: UInt64) {
                self.coverage = coverage
                self.collateral = collateral
                self.attackCount = attackCount
                self.baselineCount = baselineCount
            }
        }

        package struct Network: Hashable, Sendable, Codable {
            /// An IPv4 /24 or an IPv6 /48 as text, never a single address.
            package var prefix: String
            /// 0...1.
            package var share: Double

            package init(prefix: String, share: Double) {
                self.prefix = prefix
                self.share = share
            }
        }

        /// As records of earlier versions name them; what came later may be missing.
        private enum CodingKeys: String, CodingKey {
            case coverage, collateral, sources, from, until, bytes, peakRate, isSpoofable, networks, baseline
            case attackCount = "attackRequests"
            case baselineCount = "baselineRequests"
        }

        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            coverage = try values.decode(Double.self, forKey: .coverage)
            collateral = try values.decodeIfPresent(Double.self, forKey: .collateral)
            attackCount = try values.decode(UInt64.self, forKey: .attackCount)
            baselineCount = try values.decode(UInt64.self, forKey: .baselineCount)
            sources = try values.decode(UInt64.self, forKey: .sources)
            from = try values.decode(Moment.self, forKey: .from)
            until = try values.decode(Moment.self, forKey: .until)
            bytes = try values.decodeIfPresent(Bytes.self, forKey: .bytes)
            peakRate = try values.decodeIfPresent(Double.self, forKey: .peakRate)
            isSpoofable = try values.decodeIfPresent(Bool.self, forKey: .isSpoofable)
            networks = try values.decodeIfPresent([Network].self, forKey: .networks) ?? []
            baseline = try values.decodeIfPresent(String.self, forKey: .baseline)
        }

        package init(
            coverage: Double, collateral: Double?, attackCount: UInt64, baselineCount: UInt64, sources: UInt64,
            from: Moment, until: Moment, bytes: Bytes? = nil, peakRate: Double? = nil, isSpoofable: Bool? = nil,
            networks: [Network] = [], baseline: String? = nil
        ) {
            self.coverage = coverage
            self.collateral = collateral
            self.attackCount = attackCount
            self.baselineCount = baselineCount
            self.sources = sources
            self.from = from
            self.until = until
            self.bytes = bytes
            self.peakRate = peakRate
            self.isSpoofable = isSpoofable
            self.networks = networks
            self.baseline = baseline
        }
    }

    package func matches(_ shape: RequestShape) -> Bool {
        conditions.allSatisfy { shape[$0.feature] == $0.value }
    }
}
