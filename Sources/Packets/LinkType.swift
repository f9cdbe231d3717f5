/// What a captured frame begins with: the numbers that capture files use (tcpdump.org, "Link-layer header types").
package struct LinkType: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt16

    @inlinable
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// BSD loopback: the address family in the byte order of the machine that wrote it.
    package static var null: LinkType { LinkType(rawValue: 0) }
    package static var ethernet: LinkType { LinkType(rawValue: 1) }
    package static var ppp: LinkType { LinkType(rawValue: 9) }
    /// Raw IP under the numbers that two systems gave it.
    package static var rawBSD: LinkType { LinkType(rawValue: 12) }
    package static var rawOpenBSD: LinkType { LinkType(rawValue: 14) }
    package static var pppoe: LinkType { LinkType(rawValue: 51) }
    package static var raw: LinkType { LinkType(rawValue: 101) }
    package static var hdlc: LinkType { LinkType(rawValue: 104) }
    /// OpenBSD loopback: the address family in network byte order.
    package static var loop: LinkType { LinkType(rawValue: 108) }
    /// Linux cooked capture, versions 1 and 2.
    package static var cooked: LinkType { LinkType(rawValue: 113) }
    package static var ipv4: LinkType { LinkType(rawValue: 228) }
    package static var ipv6: LinkType { LinkType(rawValue: 229) }
    package static var cooked2: LinkType { LinkType(rawValue: 276) }
}
