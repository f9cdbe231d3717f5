package import Moments

/// A measure at work, in the shape of RFC 9132 (DOTS), section 4.4.1: who, what for, how long, how it goes.
package struct Mitigation: Equatable, Sendable, Codable {
    package var id: Int64
    /// The organisation, and the site it is for.
    package var tenant: String
    package var scope: String
    package var kind: Kind
    package var status: Status
    package var since: Moment
    /// When it ends by itself; nil: with its cause.
    package var until: Moment?
    /// Why it is there, for people.
    package var reason: String
    /// Requests that it refused, or would have refused while it is dry.
    package var dropped: UInt64
    /// Of a rule on requests: those that it marked, to go last where not all fit. Not in records of earlier versions.
    package var marked: UInt64?
    /// Of a measure in the packet filter; nil: it is of requests. Not in records of earlier versions.
    package var packets: PacketTally?

    package init(
        id: Int64, tenant: String, scope: String, kind: Kind, status: Status, since: Moment, until: Moment?,
        reason: String, dropped: UInt64 = 0, marked: UInt64? = nil, packets: PacketTally? = nil
    ) {
        self.id = id
        self.tenant = tenant
        self.scope = scope
        self.kind = kind
        self.status = status
        self.since = since
        self.until = until
        self.reason = reason
        self.dropped = dropped
        self.marked = marked
        self.packets = packets
    }

    package enum Kind: Equatable, Sendable, Codable {
        /// The origin's limit, the queue and the classes: who goes first when not all fit.
        case admission
        /// The operator let everything through: `mode: observe` for a while.
        case observe
        /// A rule on what can be seen of a request, by its identifier (SHA-256 of its canonical form, hexadecimal).
        case fingerprint(String)
        /// A rule on what can be seen of a packet, in the packet filter, by that identifier.
        case packetRule(String)
        /// Sources proven hostile, in the packet filter.
        case blockedSources
        /// Sources that the operator blocked there.
        case blockedByHand
        /// A flood of SYN, answered there with cookies.
        case synCookies
    }

    package enum Status: String, Sendable, Codable {
        /// Counts what it would have done, and does nothing.
        case dry
        case live
        /// Undone by the operator.
        case undone
        case ended
    }
}
