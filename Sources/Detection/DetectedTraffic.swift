package import Fingerprints
package import Moments

/// What there is to an attack that was seen in flow exports: packets, not requests. It was watched from aside: nothing
/// was admitted, queued or refused, and those counts of its ``DetectedAttack`` are 0.
package struct DetectedTraffic: Equatable, Sendable, Codable {
    /// The address or block that detection saw hit; it may be wider than the part that is the organisation's.
    package var target: String
    /// Short names of the organisation's sites that are known to stand there; the prober measures those.
    package var sites: [String]
    /// Of all vectors from start to end; sampled ones as many as they stand for.
    package var packets: UInt64 = 0
    /// From the IP header on.
    package var bytes: UInt64 = 0
    /// Most packets, and most bytes, in one second.
    package var peakPackets: UInt64 = 0
    package var peakBytes: UInt64 = 0
    /// In the order in which they joined.
    package var vectors: [Vector] = []
    /// Oldest first; each covers `pointSeconds`. Seconds without a point had nothing of the attack, or nobody looked.
    package var points: [Point] = []
    package var pointSeconds: Int64 = 1

    /// Points kept at most: from there on each covers twice as many seconds.
    package static let pointLimit = 240
    /// Vectors kept at most; detection follows 24 at once.
    package static let vectorLimit = 64

    package init(target: String, sites: [String]) {
        self.target = target
        self.sites = sites
    }

    package struct Vector: Equatable, Sendable, Codable {
        /// See `TrafficVector.kind`.
        package var kind: String
        package var packets: UInt64
        package var bytes: UInt64
        package var start: Moment
        package var end: Moment
        /// Without networks of sources: those are sealed with the attack's.
        package var fingerprint: Fingerprint

        package init(
            kind: String, packets: UInt64, bytes: UInt64, start: Moment, end: Moment, fingerprint: Fingerprint
        ) {
            self.kind = kind
            self.packets = packets
            self.bytes = bytes
            self.start = start
            self.end = end
            self.fingerprint = fingerprint
        }
    }

    package struct Point: Equatable, Sendable, Codable {
        package var at: Moment
        /// Of the attack, in all seconds that the point covers.
        package var packets: UInt64
        package var bytes: UInt64

        package init(at: Moment, packets: UInt64, bytes: UInt64) {
            self.at = at
            self.packets = packets
            self.bytes = bytes
        }
    }
}

extension DetectedAttack {
    /// The fingerprints of what came; none where there is no good one.
    package var fingerprints: [Fingerprint] {
        traffic.map { $0.vectors.map(\.fingerprint) } ?? [fingerprint].compactMap(\.self)
    }
}
