package import Heads
package import Sketches

/// Whom a request is thought to come from: the order in which requests are served when not all fit.
package enum VisitorClass: UInt8, Sendable, CaseIterable {
    /// Seen before the pressure began, or carrying the site's cookie.
    case known = 0
    case unknown = 1
    /// From a source that asks far more than this site's visitors do, or, under pressure, like what is in excess and
    /// unlike them.
    case suspect = 2
}

/// A request that asks to be admitted.
package struct Arrival: Sendable {
    /// The caller's name for the request, given back when its turn has come.
    package var ticket: UInt64
    /// Keyed hash of the subscriber (IPv4 address, IPv6 /64).
    package var source: UInt64
    /// Keyed hash of the subscriber's network (IPv4 /24, IPv6 /48).
    package var network: UInt64
    /// Hash of the route.
    package var route: UInt64
    /// Keyed hash of the wider network (IPv4 /16, IPv6 /32).
    package var region: UInt64
    /// Seen before, or with the site's cookie.
    package var isKnown: Bool
    /// What else is to be seen of the request; without it nothing is scored.
    package var traits: RequestTraits?
    /// The turn that it brings.
    package var turn: HeldTurn?
    /// It can be sent round for a cookie: a browser's request for a page, not sent round yet. Told only where unknown
    /// visitors are asked for cookies.
    package var mayBeSent = false
    /// A rule of detection matches it: an unknown visitor's is suspect for that.
    package var isMarked = false
    /// What the operator says of the source, or what is proven of it.
    package var standing = Standing.none

    package init(
        ticket: UInt64, source: UInt64, network: UInt64, region: UInt64 = 0, route: UInt64, isKnown: Bool,
        traits: RequestTraits? = nil
    ) {
        self.ticket = ticket
        self.source = source
        self.network = network
        self.region = region
        self.route = route
        self.isKnown = isKnown
        self.traits = traits
    }
}

/// A place at an origin: taken when a request is admitted, given back exactly once.
package struct Slot: Sendable {
    /// Which of the site's origins.
    package var origin: UInt8
    package var visitorClass: VisitorClass
    package var route: UInt64
    package var since: Instant
    /// The origin held few requests when this one began.
    package var isCalm: Bool
    /// Milliseconds that the request waited before.
    package var waited: UInt32
}
