package import Addresses
package import Packets

/// What the filter reads of an Ethernet frame: its IP header, the transport header behind it, and where the payload
/// lies. It is written apart from the kernel's program, so that each can be held against the other.
///
/// Unlike `FrameReader` it keeps nothing between frames, and believes no length that the frame does not hold: it judges
/// what came in by the wire, not what a capture kept of it.
package struct FrameFacts: Equatable, Sendable, BitwiseCopyable {
    /// VLAN tags before IP.
    package static let tagLimit = 2
    /// Extension headers of IPv6 that are walked. Real packets have one or two.
    package static let extensionLimit = 6
    /// Labels of a name that are walked to the type behind it.
    package static let labelLimit = 16

    /// As the header has it; an IPv4 address within IPv6 (::ffff:a.b.c.d) counts as one of IPv4, as ``Address`` does.
    package var source: Address
    /// The same of where it goes to.
    package var destination: Address
    /// 4 or 6.
    package var version: UInt8
    /// After all extension headers; in a later fragment what its fragment header names.
    package var protocolNumber: UInt8
    /// Whether the packet is whole, the first piece of one, or another.
    package var fragment: PacketSummary.Fragment
    /// Bytes from the IP header on, as it says.
    package var length: UInt32
    /// Time to live, or hop limit.
    package var ttl: UInt8
    /// TCP, UDP, ICMP or ICMPv6, and no later fragment: what follows was read. Without it all that follows is 0.
    package var hasTransport = false
    /// TCP's or UDP's.
    package var sourcePort: UInt16 = 0
    /// TCP's or UDP's.
    package var destinationPort: UInt16 = 0
    /// TCP's, as on the wire.
    package var flags: UInt8 = 0
    /// ICMP's or ICMPv6's type.
    package var icmpType: UInt8 = 0
    /// The code that goes with the type.
    package var icmpCode: UInt8 = 0
    /// In the frame; 0 where there is no transport header.
    package var payloadOffset = 0
    /// Bytes up to the end that IP and UDP say; all of them are in the frame.
    package var payloadLength = 0
    /// UDP: the type behind a question's name, where the payload can be read as a question.
    package var dnsType: UInt16?
    /// It came in a tunnel: all of this is of the packet inside.
    package var isTunnelled: Bool

    /// What reading a frame gives.
    package enum Reading: Equatable, Sendable {
        /// No IP.
        case other
        case malformed(Malformation)
        case facts(FrameFacts)
    }

    /// Reads a frame from its first byte to where its payload ends; nothing is copied or allocated.
    ///
    /// - Parameter readsTunnels: of a tunnel the packet inside is read; tunnels in tunnels are not.
    package static func read(_ frame: RawSpan, readsTunnels: Bool = false) -> Reading {
        guard let (isIPv4, offset) = readLink(frame) else { return .other }
        do throws(Malformation) {
            var header = try NetworkHeader(frame, isIPv4: isIPv4, at: offset, end: frame.byteCount)
            let inner = readsTunnels ? header.content(frame) : nil
            if let inner {
                header = try NetworkHeader(frame, isIPv4: inner.isIPv4, at: inner.offset, end: header.end)
            }
            var facts = FrameFacts(header, isTunnelled: inner != nil)
            if header.fragment != .later { try facts.readTransport(frame, at: header.transport, end: header.end) }
            return .facts(facts)
        } catch {
            return .malformed(error)
        }
    }

    private init(_ header: NetworkHeader, isTunnelled: Bool) {
        source = header.source
        destination = header.destination
        version = header.isIPv4 ? 4 : 6
        protocolNumber = header.protocolNumber
        fragment = header.fragment
        length = UInt32(header.length)
        ttl = header.ttl
        self.isTunnelled = isTunnelled
    }

    /// Where IP begins; nil where the frame is no IP, or has more than two tags before it (IEEE 802.1Q, 802.1ad).
    private static func readLink(_ frame: RawSpan) -> (isIPv4: Bool, offset: Int)? {
        guard frame.has(14, at: 0) else { return nil }
        var type = frame.half(at: 12)
        var offset = 14
        var tags = 0
        while type == 0x8100 || type == 0x88a8 || type == 0x9100, tags < tagLimit {
            guard frame.has(4, at: offset) else { return nil }
            type = frame.half(at: offset + 2)
            offset += 4
            tags += 1
        }
        switch type {
        case 0x0800: return (true, offset)
        case 0x86dd: return (false, offset)
        default: return nil
        }
    }

    // MARK: Transport

    /// - Parameter end: of the IP packet; the frame reaches at least to it.
    private mutating func readTransport(_ frame: RawSpan, at start: Int, end: Int) throws(Malformation) {
        let room = end - start
        switch protocolNumber {
        case PacketSummary.tcp: try readTCP(frame, at: start, room)
        case PacketSummary.udp: try readUDP(frame, at: start, room)
        case PacketSummary.icmp: try readICMP(frame, at: start, room, least: 8)
        case PacketSummary.icmpv6: try readICMP(frame, at: start, room, least: 4)
        default: return
        }
        hasTransport = true
    }

    /// RFC 9293, section 3.1.
    private mutating func readTCP(_ frame: RawSpan, at start: Int, _ room: Int) throws(Malformation) {
        guard room >= 20 else { throw .transportCutOff }
        let headerLength = 4 * Int(frame.octet(at: start + 12) >> 4)
        guard headerLength >= 20 else { throw .shortDataOffset }
        guard headerLength <= room else { throw .longDataOffset }
        flags = frame.octet(at: start + 13)
        // No end of a connection begins one (RFC 9293, section 3.10.7).
        guard flags & (TCPFlag.syn | TCPFlag.fin) != TCPFlag.syn | TCPFlag.fin else { throw .synAndFin }
        guard flags & (TCPFlag.syn | TCPFlag.rst) != TCPFlag.syn | TCPFlag.rst else { throw .synAndReset }
        guard flags & 0x3f != 0 else { throw .noFlags }
        sourcePort = frame.half(at: start)
        destinationPort = frame.half(at: start + 2)
        payloadOffset = start + headerLength
        payloadLength = room - headerLength
    }

    /// RFC 768.
    private mutating func readUDP(_ frame: RawSpan, at start: Int, _ room: Int) throws(Malformation) {
        guard room >= 8 else { throw .transportCutOff }
        let length = Int(frame.half(at: start + 4))
        guard length >= 8 else { throw .shortDatagram }
        guard length <= room || fragment != .whole else { throw .longDatagram }
        sourcePort = frame.half(at: start)
        destinationPort = frame.half(at: start + 2)
        payloadOffset = start + 8
        payloadLength = min(room, length) - 8
        dnsType = Self.questionType(frame, at: payloadOffset, payloadLength)
    }

    /// RFC 792 and RFC 4443, section 2.1: the first has four more bytes in every message, the second in nearly every one.
    private mutating func readICMP(_ frame: RawSpan, at start: Int, _ room: Int, least: Int) throws(Malformation) {
        guard room >= least else { throw .transportCutOff }
        icmpType = frame.octet(at: start)
        icmpCode = frame.octet(at: start + 1)
        payloadOffset = start + 8
        payloadLength = max(0, room - 8)
    }

    /// The type behind a question's name (RFC 1035, section 4.1.2); nil where the name is compressed, of more than
    /// ``labelLimit`` labels, or not all there.
    private static func questionType(_ frame: RawSpan, at start: Int, _ length: Int) -> UInt16? {
        guard length >= 12 + 1 + 4 else { return nil }
        let end = start + length
        var place = start + 12
        for _ in 0...labelLimit {
            guard place + 3 <= end else { return nil }
            let label = Int(frame.octet(at: place))
            if label == 0 { return frame.half(at: place + 1) }
            guard label <= 63 else { return nil }
            place += label + 1
        }
        return nil
    }
}

// Numbers in network order that read as zero beyond the end: a check that was forgotten makes a wrong value, never a
// read outside of the frame.
extension RawSpan {
    func has(_ count: Int, at offset: Int) -> Bool { offset >= 0 && byteCount - offset >= count }

    func octet(at offset: Int) -> UInt8 {
        guard has(1, at: offset) else { return 0 }
        // Inside, by the line before; so are the loads below.
        return unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    func half(at offset: Int) -> UInt16 {
        guard has(2, at: offset) else { return 0 }
        return UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    func word(at offset: Int) -> UInt32 {
        guard has(4, at: offset) else { return 0 }
        return UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    func double(at offset: Int) -> UInt64 {
        guard has(8, at: offset) else { return 0 }
        return UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
