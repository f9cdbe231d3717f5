internal import Detection
internal import Fingerprints
internal import Moments

/// An attack as the register writes it: all but its source networks, which go into the sealed part.
struct AttackForm: Codable {
    var site: String
    var start: Moment
    var detected: Moment
    var end: Moment
    var isOver: Bool
    var peakRate: UInt64
    var usualRate: Double
    var requests: UInt64
    var excess: UInt64
    var admitted: UInt64
    var queued: UInt64
    var refused: UInt64
    var failed: UInt64
    var sources: UInt64
    var routes: [DetectedAttack.Counted]
    var fingerprint: Fingerprint?
    /// Not in records of earlier versions.
    var traffic: DetectedTraffic?

    init(_ attack: DetectedAttack) {
        site = attack.site
        start = attack.start
        detected = attack.detected
        end = attack.end
        isOver = attack.isOver
        peakRate = attack.peakRate
        usualRate = attack.usualRate
        requests = attack.requests
        excess = attack.excess
        admitted = attack.admitted
        queued = attack.queued
        refused = attack.refused
        failed = attack.failed
        sources = attack.sources
        routes = attack.routes
        fingerprint = attack.fingerprint
        traffic = attack.traffic
    }

    var attack: DetectedAttack {
        var attack = DetectedAttack(site: site, start: start, detected: detected)
        attack.end = end
        attack.isOver = isOver
        attack.peakRate = peakRate
        attack.usualRate = usualRate
        attack.requests = requests
        attack.excess = excess
        attack.admitted = admitted
        attack.queued = queued
        attack.refused = refused
        attack.failed = failed
        attack.sources = sources
        attack.routes = routes
        attack.fingerprint = fingerprint
        attack.traffic = traffic
        return attack
    }
}
