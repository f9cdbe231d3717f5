package import Fingerprints
package import Moments

/// An attack as it stands: traffic at one site that exceeds its profile while its origins are under pressure; or, where
/// there is `traffic`, packets at an address or block.
package struct DetectedAttack: Equatable, Sendable, Codable {
    /// The site's short name; of packets the address or block ("192.0.2.0/24"), as it was when the attack was found.
    package var site: String
    /// The first second of excess.
    package var start: Moment
    /// When detection was sure: the second in which excess and pressure had lasted long enough.
    package var detected: Moment
    /// The end of the last second of excess, so far.
    package var end: Moment
    /// No excess for `AttackWatch.pause`: it is over. Until then more excess belongs to the same attack.
    package var isOver = false
    /// Most requests in one second.
    package var peakRate: UInt64 = 0
    /// What the profile held for usual when the attack began, requests a second.
    package var usualRate: Double = 0
    /// Requests from start to end, all and what exceeds the profile.
    package var requests: UInt64 = 0
    package var excess: UInt64 = 0
    package var admitted: UInt64 = 0
    package var queued: UInt64 = 0
    package var refused: UInt64 = 0
    package var failed: UInt64 = 0
    /// Sources seen from start to end, estimated.
    package var sources: UInt64 = 0
    /// Heaviest source networks ("192.0.2.0/24"), with requests, heaviest first; at most 20. Sealed where it is kept.
    package var networks: [Counted] = []
    /// Heaviest routes, with requests, heaviest first; at most 20.
    package var routes: [Counted] = []
    /// The contrast of attack and baseline; nil while there is none worth the name.
    package var fingerprint: Fingerprint?
    /// nil: an attack with requests. Of one with packets all counts of requests above are 0, and this has its own.
    package var traffic: DetectedTraffic?

    package init(site: String, start: Moment, detected: Moment) {
        self.site = site
        self.start = start
        self.detected = detected
        self.end = detected
    }

    package struct Counted: Equatable, Sendable, Codable {
        package var name: String
        package var count: UInt64

        package init(_ name: String, _ count: UInt64) {
            self.name = name
            self.count = count
        }
    }
}
