internal import Addresses
package import Bytes

/// Reads frames into summaries: through link headers, VLAN tags, labels and tunnels to the innermost IP packet, its
/// transport header and what its payload shows.
///
/// Lengths come from headers, so a frame that was cut off when it was captured is as good as a whole one as long as
/// its headers are there. It keeps the first fragments' ports for the later ones (`FragmentTable`), and nothing else:
/// 0.7 MiB from the first fragment on.
package struct FrameReader {
    /// Headers in one frame between the link and the transport: tags, labels, IP headers, extension headers and
    /// tunnels. Real frames have fewer than ten.
    package static let headerLimit = 24
    /// Tunnels in one another. Two are seen in real networks.
    package static let tunnelLimit = 4

    var fragments: FragmentTable

    /// - Parameter fragmentKey: makes the fragments' places unknown to senders.
    package init(
        fragmentKey: (UInt64, UInt64) = (UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max))
    ) {
        fragments = FragmentTable(key: fragmentKey)
    }

    /// Where reading stands in a frame.
    struct Place {
        var offset = 0
        /// Where the enclosing layer ends, as its headers say: beyond the bytes at hand where the frame was cut off.
        var end = 0
        /// What comes next, as an EtherType.
        var type: UInt16 = 0
        var headers = 0
        var tunnels = 0
        /// The frame around may hold less than the packet says: mirrored packets are cut off.
        var mayBeCut = false
        /// What to report where a tunnel turns out to hold no packet.
        var hasCarrier = false
        /// The carrier is only guessed to be a tunnel: from a port.
        var isGuess = false

        mutating func count(_ limit: Int = FrameReader.headerLimit) throws(Malformed) {
            headers &+= 1
            guard headers <= limit else { throw Malformed(.overBudget, at: offset) }
        }
    }

    /// EtherTypes, and one of our own.
    enum Ether {
        static var ipv4: UInt16 { 0x0800 }
        static var ipv6: UInt16 { 0x86dd }
        static var vlan: UInt16 { 0x8100 }
        static var serviceVLAN: UInt16 { 0x88a8 }
        static var oldServiceVLAN: UInt16 { 0x9100 }
        static var mpls: UInt16 { 0x8847 }
        static var mplsMulticast: UInt16 { 0x8848 }
        static var pppoe: UInt16 { 0x8864 }
        /// Transparent Ethernet bridging: an Ethernet frame comes next.
        static var bridged: UInt16 { 0x6558 }
        static var erspan: UInt16 { 0x88be }
        static var erspan3: UInt16 { 0x22eb }
        /// IP of the version that its first four bits say (reserved by IANA as an EtherType, so never in a frame).
        static var anyIP: UInt16 { 0xffff }
        static var none: UInt16 { 0 }
    }

    /// Reads one frame.
    ///
    /// - Parameters:
    ///   - originalLength: bytes on the wire; more than `frame` has where it was cut off.
    ///   - time: nanoseconds since 1970; fragments are joined by it.
    /// - Returns: nil where the frame holds no IP packet (ARP, LLDP, …).
    /// - Throws: `truncated` where headers are cut off or promise more than there was on the wire, `contradictory` or
    ///   `invalid` where they are wrong, `overBudget` where they are too many, `unsupported` for an unknown link.
    package mutating func read(
        _ frame: RawSpan, link: LinkType, originalLength: Int, time: Int64
    ) throws(Malformed) -> PacketSummary? {
        var packet = PacketSummary()
        return try read(frame, link: link, originalLength: originalLength, time: time, into: &packet) ? packet : nil
    }

    /// The same into a new summary where that stays: a copy right behind its writing waits for each field.
    /// - Returns: false where the frame holds no IP packet; the summary then says nothing, as when it throws.
    package mutating func read(
        _ frame: RawSpan, link: LinkType, originalLength: Int, time: Int64, into packet: inout PacketSummary
    ) throws(Malformed) -> Bool {
        var place = Place()
        place.end = max(originalLength, frame.byteCount)
        try readLink(frame, link, &place)
        packet.time = time
        // A packet that carries another one, as it is by itself.
        var carrier = PacketSummary()
        carrier.time = time
        do throws(Malformed) {
            while true {
                try place.count()
                switch place.type {
                case Ether.ipv4:
                    if try readIPv4(frame, &place, &packet, &carrier) { return true }
                case Ether.ipv6:
                    if try readIPv6(frame, &place, &packet, &carrier) { return true }
                default:
                    guard try readShim(frame, &place, &packet) else {
                        packet = carrier
                        return place.hasCarrier
                    }
                }
            }
        } catch {
            // What headers promise may lie beyond what there is.
            guard place.isGuess else { throw Malformed(error.reason, at: min(error.offset, frame.byteCount)) }
            packet = carrier
            return true
        }
    }

    // MARK: Link

    @inline(__always)
    private func readLink(_ frame: RawSpan, _ link: LinkType, _ place: inout Place) throws(Malformed) {
        switch link {
        case .ethernet:
            try readEthernet(frame, &place)
        case .raw, .rawBSD, .rawOpenBSD: place.type = Ether.anyIP
        case .ipv4: place.type = Ether.ipv4
        case .ipv6: place.type = Ether.ipv6
        case .cooked: try readType(frame, &place, at: 14, size: 16)
        case .cooked2: try readType(frame, &place, at: 0, size: 20)
        case .hdlc: try readType(frame, &place, at: 2, size: 4)
        case .null, .loop:
            guard frame.byteCount >= 4 else { throw Malformed(.truncated, at: frame.byteCount) }
            let family = frame.four(0)
            switch min(family, family.byteSwapped) {
            // AF_INET, and AF_INET6 of NetBSD, FreeBSD, macOS and Linux.
            case 2, 24, 28, 30, 10: place.type = Ether.anyIP
            default: place.type = Ether.none
            }
            place.offset = 4
        case .ppp:
            // The address and control field may be left out (RFC 1661, section 6.6).
            place.offset = frame.two(0) == 0xff03 ? 2 : 0
            try readPPP(frame, &place)
        case .pppoe: place.type = Ether.pppoe
        default: throw Malformed(.unsupported, at: 0)
        }
    }

    @inline(__always)
    private func readType(_ frame: RawSpan, _ place: inout Place, at offset: Int, size: Int) throws(Malformed) {
        guard frame.holds(size, at: place.offset) else { throw Malformed(.truncated, at: frame.byteCount) }
        place.type = frame.two(place.offset &+ offset)
        place.offset &+= size
    }

    @inline(__always)
    private func readEthernet(_ frame: RawSpan, _ place: inout Place) throws(Malformed) {
        try readType(frame, &place, at: 12, size: 14)
        // A length instead of a type: LLC, in which SNAP may name one (IEEE 802).
        if place.type < 0x600 {
            let isSNAP = frame.four(place.offset) == 0xaaaa_0300 && frame.two(place.offset &+ 4) == 0
            place.type = Ether.none
            if isSNAP { try readType(frame, &place, at: 6, size: 8) }
        }
    }

    private func readPPP(_ frame: RawSpan, _ place: inout Place) throws(Malformed) {
        // The protocol may be shortened to one byte, which is odd (RFC 1661, section 6.5).
        let first = frame.byte(place.offset)
        let size = first & 1 == 1 ? 1 : 2
        guard frame.holds(size, at: place.offset) else { throw Malformed(.truncated, at: frame.byteCount) }
        switch size == 1 ? UInt16(first) : frame.two(place.offset) {
        case 0x21: place.type = Ether.ipv4
        case 0x57: place.type = Ether.ipv6
        default: place.type = Ether.none
        }
        place.offset &+= size
    }

    // MARK: Between link and network

    /// Reads one header of what may stand before IP; false where that is nothing we know.
    @inline(never)
    private func readShim(
        _ frame: RawSpan, _ place: inout Place, _ packet: inout PacketSummary
    ) throws(Malformed) -> Bool {
        switch place.type {
        case Ether.vlan, Ether.serviceVLAN, Ether.oldServiceVLAN:
            try readType(frame, &place, at: 2, size: 4)
            // Behind a tag, too, LLC may come instead of a type.
            if place.type < 0x600 { return false }
        case Ether.mpls, Ether.mplsMulticast:
            try readLabel(frame, &place)
            if packet.tunnel == .none { packet.tunnel = .mpls }
        case Ether.pppoe:
            guard frame.holds(6, at: place.offset) else { throw Malformed(.truncated, at: frame.byteCount) }
            place.offset &+= 6
            try readPPP(frame, &place)
        case Ether.bridged: try readEthernet(frame, &place)
        case Ether.anyIP:
            guard frame.holds(1, at: place.offset) else { throw Malformed(.truncated, at: frame.byteCount) }
            switch frame.byte(place.offset) >> 4 {
            case 4: place.type = Ether.ipv4
            case 6: place.type = Ether.ipv6
            default: throw Malformed(.invalid, at: place.offset)
            }
        default: return false
        }
        return true
    }

    /// One MPLS label. Below the last one nothing names what comes: IP by its first four bits, else Ethernet, before
    /// which a control word of which these are zero may stand (RFC 4385, section 3).
    private func readLabel(_ frame: RawSpan, _ place: inout Place) throws(Malformed) {
        guard frame.holds(5, at: place.offset) else { throw Malformed(.truncated, at: frame.byteCount) }
        let isBottom = frame.byte(place.offset &+ 2) & 1 == 1
        place.offset &+= 4
        guard isBottom else { return }
        switch frame.byte(place.offset) >> 4 {
        case 4: place.type = Ether.ipv4
        case 6: place.type = Ether.ipv6
        case 0:
            place.offset &+= 4
            place.type = Ether.bridged
        default: place.type = Ether.bridged
        }
    }
}
