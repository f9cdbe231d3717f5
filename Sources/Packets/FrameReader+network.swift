internal import Addresses
internal import Bytes

// IPv4 and IPv6 up to the transport header. Functions say whether the packet is the innermost one and complete.
extension FrameReader {
    /// RFC 791, section 3.1.
    @inline(__always)
    mutating func readIPv4(
        _ frame: RawSpan, _ place: inout Place, _ packet: inout PacketSummary, _ carrier: inout PacketSummary
    ) throws(Malformed) -> Bool {
        let start = place.offset
        guard frame.holds(20, at: start) else { throw Malformed(.truncated, at: frame.byteCount) }
        let first = frame.byte(start)
        guard first >> 4 == 4 else { throw Malformed(.invalid, at: start) }
        let headerLength = Int(first & 15) &* 4
        guard headerLength >= 20 else { throw Malformed(.invalid, at: start) }
        var length = Int(frame.two(start &+ 2))
        // Captured where the card was to cut it up: the frame alone knows how long it is.
        if length == 0 { length = place.end &- start }
        guard length >= headerLength else { throw Malformed(.contradictory, at: start &+ 2) }
        guard place.mayBeCut || length <= place.end &- start else { throw Malformed(.truncated, at: start &+ 2) }
        packet.length = UInt32(clamping: length)
        packet.identification = UInt32(frame.two(start &+ 4))
        let fragment = frame.two(start &+ 6)
        packet.fragment = fragment & 0x1fff != 0 ? .later : fragment & 0x2000 != 0 ? .first : .whole
        packet.ttl = frame.byte(start &+ 8)
        packet.protocolNumber = frame.byte(start &+ 9)
        packet.source = Address(ipv4: frame.four(start &+ 12))
        packet.destination = Address(ipv4: frame.four(start &+ 16))
        place.offset = start &+ headerLength
        place.end = start &+ length
        if packet.fragment == .whole { return try readTransport(frame, &place, &packet, &carrier) }
        return try readFragment(frame, &place, &packet, &carrier)
    }

    /// RFC 8200, section 3, and the extension headers of its section 4.
    @inline(__always)
    mutating func readIPv6(
        _ frame: RawSpan, _ place: inout Place, _ packet: inout PacketSummary, _ carrier: inout PacketSummary
    ) throws(Malformed) -> Bool {
        let start = place.offset
        guard frame.holds(40, at: start) else { throw Malformed(.truncated, at: frame.byteCount) }
        guard frame.byte(start) >> 4 == 6 else { throw Malformed(.invalid, at: start) }
        var length = Int(frame.two(start &+ 4)) &+ 40
        let next = frame.byte(start &+ 6)
        // As above, and in jumbograms (RFC 2675), which no network here carries.
        if length == 40, next != 59 { length = max(40, place.end &- start) }
        guard place.mayBeCut || length <= place.end &- start else { throw Malformed(.truncated, at: start &+ 4) }
        packet.length = UInt32(clamping: length)
        packet.identification = 0
        packet.fragment = .whole
        packet.ttl = frame.byte(start &+ 7)
        packet.source = Address(high: frame.eight(start &+ 8), low: frame.eight(start &+ 16))
        packet.destination = Address(high: frame.eight(start &+ 24), low: frame.eight(start &+ 32))
        packet.protocolNumber = next
        place.offset = start &+ 40
        place.end = start &+ length
        switch next {
        case PacketSummary.tcp, PacketSummary.udp, PacketSummary.icmpv6:
            return try readTransport(frame, &place, &packet, &carrier)
        default: return try readExtensions(frame, &place, &packet, &carrier)
        }
    }

    @inline(never)
    private mutating func readExtensions(
        _ frame: RawSpan, _ place: inout Place, _ packet: inout PacketSummary, _ carrier: inout PacketSummary
    ) throws(Malformed) -> Bool {
        // What stands first in the part that is cut into fragments is what all of them name.
        var fragmentProtocol: UInt8 = 0
        while true {
            let offset = place.offset
            let size: Int
            switch packet.protocolNumber {
            // Hop-by-hop, routing, destination, mobility (RFC 6275), HIP (RFC 7401), Shim6 (RFC 5533).
            case 0, 43, 60, 135, 139, 140: size = Int(frame.byte(offset &+ 1)) &* 8 &+ 8
            case 44: size = 8
            // Authentication (RFC 4302, section 2.2).
            case 51: size = Int(frame.byte(offset &+ 1)) &* 4 &+ 8
            default:
                guard packet.fragment == .first else { return try readTransport(frame, &place, &packet, &carrier) }
                return try readFragment(frame, &place, &packet, &carrier, fragmentProtocol)
            }
            try place.count()
            guard size <= place.end &- offset else { throw Malformed(.truncated, at: offset) }
            guard frame.holds(size, at: offset) else { throw Malformed(.truncated, at: frame.byteCount) }
            place.offset = offset &+ size
            let isFragment = packet.protocolNumber == 44
            packet.protocolNumber = frame.byte(offset)
            guard isFragment else { continue }
            let field = frame.two(offset &+ 2)
            packet.identification = frame.four(offset &+ 4)
            fragmentProtocol = packet.protocolNumber
            // Offset 0 and none to follow: a whole packet all the same (RFC 6946).
            if field & 0xfff8 != 0 {
                packet.fragment = .later
                return try readFragment(frame, &place, &packet, &carrier, fragmentProtocol)
            }
            if field & 1 != 0 { packet.fragment = .first }
        }
    }

    /// Joins a packet's pieces: what the first one says holds for all.
    @inline(never)
    private mutating func readFragment(
        _ frame: RawSpan, _ place: inout Place, _ packet: inout PacketSummary, _ carrier: inout PacketSummary,
        _ named: UInt8? = nil
    ) throws(Malformed) -> Bool {
        let named = named ?? packet.protocolNumber
        guard packet.fragment == .later else {
            _ = try readTransport(frame, &place, &packet, &carrier)
            fragments.insert(packet, protocolNumber: named)
            return true
        }
        packet.payloadLength = UInt16(clamping: place.end &- place.offset)
        packet.payloadPrefix = frame.prefix(place.offset, end: place.end)
        fragments.complete(&packet, protocolNumber: named)
        return true
    }

    // MARK: Transport

    @inline(__always)
    private func readTransport(
        _ frame: RawSpan, _ place: inout Place, _ packet: inout PacketSummary, _ carrier: inout PacketSummary
    ) throws(Malformed) -> Bool {
        let start = place.offset
        let room = place.end &- start
        var headerLength = 8
        switch packet.protocolNumber {
        case PacketSummary.udp:
            guard room >= 8 else { return try readStump(frame, start, room, &packet) }
            guard frame.holds(6, at: start) else { throw Malformed(.truncated, at: frame.byteCount) }
            let length = Int(frame.two(start &+ 4))
            // 0 as in IP: longer than the field can say.
            if length != 0 {
                guard length >= 8 else { throw Malformed(.contradictory, at: start &+ 4) }
                if length < room {
                    place.end = start &+ length
                } else if length > room, packet.fragment == .whole, !place.mayBeCut {
                    throw Malformed(.truncated, at: start &+ 4)
                }
            }
        case PacketSummary.tcp:
            guard room >= 20 else { return try readStump(frame, start, room, &packet) }
            guard frame.holds(14, at: start) else { throw Malformed(.truncated, at: frame.byteCount) }
            headerLength = Int(frame.byte(start &+ 12) >> 4) &* 4
            guard headerLength >= 20 else { throw Malformed(.invalid, at: start &+ 12) }
            guard headerLength <= room else { throw Malformed(.contradictory, at: start &+ 12) }
            packet.flags = frame.byte(start &+ 13)
        default: return try readOther(frame, &place, &packet, &carrier)
        }
        packet.sourcePort = frame.two(start)
        packet.destinationPort = frame.two(start &+ 2)
        place.offset = start &+ headerLength
        let length = place.end &- place.offset
        packet.payloadLength = UInt16(clamping: length)
        packet.payloadPrefix = frame.prefix(place.offset, end: place.end)
        // What was captured of the payload.
        let stop = min(place.end, frame.byteCount)
        let payload = frame.extracting(min(place.offset, stop)..<stop)
        if packet.protocolNumber == PacketSummary.tcp {
            if length > 0 { ServiceReader.readTCP(payload, length, at: place.offset, &packet) }
            return true
        }
        ServiceReader.readUDP(payload, length, at: place.offset, &packet)
        guard packet.fragment == .whole, Self.mayBeTunnel(packet.sourcePort, packet.destinationPort) else {
            return true
        }
        return try readGuessed(frame, &place, &packet, &carrier)
    }

    /// A first fragment too short for its transport header, as filters are to be fooled with (RFC 1858): its ports, if
    /// they are there. A whole packet of that length is wrong.
    @inline(never)
    private func readStump(
        _ frame: RawSpan, _ start: Int, _ room: Int, _ packet: inout PacketSummary
    ) throws(Malformed) -> Bool {
        guard packet.fragment == .first else { throw Malformed(.truncated, at: start) }
        guard room >= 4 else { return true }
        packet.sourcePort = frame.two(start)
        packet.destinationPort = frame.two(start &+ 2)
        return true
    }

    @inline(__always)
    private static func mayBeTunnel(_ source: UInt16, _ destination: UInt16) -> Bool {
        destination == 4789 || destination == 3544 || source == 3544
    }

    /// ICMP, SCTP, what carries packets, and what has no more to say.
    @inline(never)
    private func readOther(
        _ frame: RawSpan, _ place: inout Place, _ packet: inout PacketSummary, _ carrier: inout PacketSummary
    ) throws(Malformed) -> Bool {
        let start = place.offset
        let room = place.end &- start
        var headerLength = 8
        switch packet.protocolNumber {
        case PacketSummary.icmp, PacketSummary.icmpv6:
            guard room >= 4 else { throw Malformed(.truncated, at: start) }
            guard frame.holds(2, at: start) else { throw Malformed(.truncated, at: frame.byteCount) }
            // The headers that an error quotes belong to another packet: they are not read.
            packet.icmpType = frame.byte(start)
            packet.icmpCode = frame.byte(start &+ 1)
        case 132:
            guard room >= 12 else { throw Malformed(.truncated, at: start) }
            guard frame.holds(4, at: start) else { throw Malformed(.truncated, at: frame.byteCount) }
            packet.sourcePort = frame.two(start)
            packet.destinationPort = frame.two(start &+ 2)
            headerLength = 12
        case 4 where packet.fragment == .whole: return try enter(.ipip, Ether.ipv4, start, &place, &packet, &carrier)
        case 41 where packet.fragment == .whole: return try enter(.ipip, Ether.ipv6, start, &place, &packet, &carrier)
        case 47 where packet.fragment == .whole: return try readGRE(frame, &place, &packet, &carrier)
        default: return true
        }
        place.offset = min(start &+ headerLength, place.end)
        packet.payloadLength = UInt16(clamping: place.end &- place.offset)
        packet.payloadPrefix = frame.prefix(place.offset, end: place.end)
        return true
    }

    // MARK: Tunnels

    /// Goes into a tunnel: what was read so far is the carrier.
    private func enter(
        _ tunnel: PacketSummary.Tunnel, _ type: UInt16, _ offset: Int, _ place: inout Place,
        _ packet: inout PacketSummary, _ carrier: inout PacketSummary
    ) throws(Malformed) -> Bool {
        place.tunnels &+= 1
        guard place.tunnels <= Self.tunnelLimit else { throw Malformed(.overBudget, at: offset) }
        carrier = packet
        place.hasCarrier = true
        var inner = PacketSummary()
        inner.time = packet.time
        inner.tunnel = packet.tunnel == .none ? tunnel : packet.tunnel
        packet = inner
        place.type = type
        place.offset = offset
        return false
    }

    /// GRE with its optional fields (RFC 2784, RFC 2890). Other versions and source routes are left as they are.
    private func readGRE(
        _ frame: RawSpan, _ place: inout Place, _ packet: inout PacketSummary, _ carrier: inout PacketSummary
    ) throws(Malformed) -> Bool {
        let start = place.offset
        guard place.end &- start >= 4 else { throw Malformed(.truncated, at: start) }
        guard frame.holds(4, at: start) else { throw Malformed(.truncated, at: frame.byteCount) }
        let flags = frame.two(start)
        guard flags & 0x4007 == 0 else { return true }
        var offset = start &+ 4
        if flags & 0x8000 != 0 { offset &+= 4 }
        if flags & 0x2000 != 0 { offset &+= 4 }
        let hasSequence = flags & 0x1000 != 0
        if hasSequence { offset &+= 4 }
        guard offset <= place.end else { throw Malformed(.truncated, at: start) }
        let type = frame.two(start &+ 2)
        switch type {
        case Ether.ipv4, Ether.ipv6, Ether.bridged, Ether.mpls, Ether.mplsMulticast:
            return try enter(.gre, type, offset, &place, &packet, &carrier)
        case Ether.erspan:
            // Version II has a header of 8 bytes, version I none and no sequence number
            // (draft-foschiano-erspan-03, section 4.1).
            place.mayBeCut = true
            return try enter(.erspan, Ether.bridged, offset &+ (hasSequence ? 8 : 0), &place, &packet, &carrier)
        case Ether.erspan3:
            guard frame.holds(12, at: offset) else { throw Malformed(.truncated, at: frame.byteCount) }
            // The last bit announces 8 bytes of the platform's own (section 4.3).
            let extra = frame.byte(offset &+ 11) & 1 == 1 ? 8 : 0
            place.mayBeCut = true
            return try enter(.erspan, Ether.bridged, offset &+ 12 &+ extra, &place, &packet, &carrier)
        default: return true
        }
    }

    /// VXLAN (RFC 7348) and Teredo (RFC 4380, section 5.1.1), which only a port tells of: if what is inside cannot be
    /// read, it was no tunnel.
    @inline(never)
    private func readGuessed(
        _ frame: RawSpan, _ place: inout Place, _ packet: inout PacketSummary, _ carrier: inout PacketSummary
    ) throws(Malformed) -> Bool {
        var offset = place.offset
        if packet.destinationPort == 4789 {
            guard frame.four(offset) == 0x0800_0000, frame.holds(8 &+ 14, at: offset) else { return true }
            place.isGuess = true
            return try enter(.vxlan, Ether.bridged, offset &+ 8, &place, &packet, &carrier)
        }
        if frame.two(offset) == 1 {
            offset &+= 13 &+ Int(frame.byte(offset &+ 2)) &+ Int(frame.byte(offset &+ 3))
        }
        if frame.two(offset) == 0 { offset &+= 8 }
        guard frame.byte(offset) >> 4 == 6, offset < place.end else { return true }
        place.isGuess = true
        return try enter(.teredo, Ether.ipv6, offset, &place, &packet, &carrier)
    }
}
