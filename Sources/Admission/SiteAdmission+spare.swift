package import Sketches

extension SiteAdmission {
    /// A place at an origin for a request that nobody waits for; nil: there is none to spare. It is counted at the origin's
    /// limit like every other one, and takes nobody's place: there is none unless the site is calm, nobody waits, and all
    /// that is under way, of whatever class, leaves what visitors are seen to need, and half of all places (of three, one).
    /// It is nobody's demand: who makes things stale and asks for them brings the origin half of its load at most.
    package mutating func spare(_ route: UInt64, at now: Instant) -> Slot? {
        let slots = origins.reduce(0) { $0 + $1.slots }
        guard load == .calm, waitingCount == 0, inFlightCount < min((slots + 1) / 2, share(of: .suspect, slots: slots)),
            let origin = freeOrigin(for: .suspect)
        else { return nil }
        return take(origin, .unknown, route, waited: 0, isDemand: false, at: now)
    }
}
