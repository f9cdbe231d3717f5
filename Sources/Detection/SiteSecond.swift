package import Fingerprints
package import Moments
package import Sketches

/// What one second brought at one site, over all lanes.
package struct SiteSecond: Sendable {
    /// The second's start; a whole second.
    package var time: Moment
    package var requests: UInt64 = 0
    /// Passed to an origin, at once or after waiting.
    package var admitted: UInt64 = 0
    /// Made to wait.
    package var queued: UInt64 = 0
    /// Answered with 503 or 429 by us.
    package var refused: UInt64 = 0
    /// Ended with 502 or 504: the origin could not be reached, broke off or took too long.
    package var failed: UInt64 = 0
    /// Packets that the packet filter dropped of sources proven hostile to the site: they are no requests, and never came
    /// this far.
    package var heldBack: UInt64 = 0
    /// Demand exceeded what the origins can take, at any moment of the second.
    package var isUnderPressure = false
    /// Time to first byte of the origins: how many in each bucket, from 1 ms, each twice the one before; 16 buckets.
    package var firstByte = [UInt64](repeating: 0, count: 16)
    /// Who and what: see `Traffic`.
    package var traffic = Traffic()

    package init(time: Moment) { self.time = time }
}

/// Who asked, and for what, in a second or more: fixed size, mergeable.
package struct Traffic: Equatable, Sendable {
    /// Source prefixes (/32, /64), for counting how many.
    package var sources = HyperLogLog()
    /// The heaviest source networks (/24, /48) as text ("192.0.2.0/24"), with requests.
    package var networks: [String: UInt64] = [:]
    /// The heaviest request shapes, with requests.
    package var shapes: [RequestShape: UInt64] = [:]

    /// Entries kept of each; the lightest go first.
    package static let limit = 64

    package init() {}

    package mutating func merge(_ other: Traffic) {
        sources.merge(other.sources)
        networks = Self.heaviest(networks.merging(other.networks, uniquingKeysWith: +))
        shapes = Self.heaviest(shapes.merging(other.shapes, uniquingKeysWith: +))
    }

    private static func heaviest<Key>(_ counts: [Key: UInt64]) -> [Key: UInt64] {
        guard counts.count > 2 * limit else { return counts }
        return Dictionary(uniqueKeysWithValues: counts.sorted { $0.value > $1.value }.prefix(limit).map { ($0, $1) })
    }
}
