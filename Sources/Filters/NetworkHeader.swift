internal import Addresses
internal import Packets

/// An IP header as the filter reads it, with the extension headers of IPv6 behind it.
struct NetworkHeader {
    let isIPv4: Bool
    let source: Address
    let destination: Address
    /// From the header on, as it says.
    let length: Int
    let ttl: UInt8
    private(set) var protocolNumber: UInt8
    private(set) var fragment = PacketSummary.Fragment.whole
    /// Where the next header begins.
    private(set) var transport: Int
    /// Where the packet ends; never behind its carrier.
    let end: Int

    /// Reads the header at `start` of what ends at `carrierEnd`: a frame, or the packet of a tunnel.
    init(_ frame: RawSpan, isIPv4: Bool, at start: Int, end carrierEnd: Int) throws(Malformation) {
        let room = carrierEnd - start
        let least = isIPv4 ? 20 : 40
        guard room >= least else { throw .headerCutOff }
        let first = frame.octet(at: start)
        guard first >> 4 == (isIPv4 ? 4 : 6) else { throw .wrongVersion }
        self.isIPv4 = isIPv4
        if isIPv4 {
            // RFC 791, section 3.1.
            let headerLength = 4 * Int(first & 15)
            guard headerLength >= least else { throw .shortHeaderLength }
            length = Int(frame.half(at: start + 2))
            guard length >= headerLength else { throw .shortTotalLength }
            ttl = frame.octet(at: start + 8)
            protocolNumber = frame.octet(at: start + 9)
            source = Address(ipv4: frame.word(at: start + 12))
            destination = Address(ipv4: frame.word(at: start + 16))
            transport = start + headerLength
        } else {
            // RFC 8200, section 3. A jumbogram (RFC 2675) says 0 and is read as empty: no network here carries any.
            length = 40 + Int(frame.half(at: start + 4))
            protocolNumber = frame.octet(at: start + 6)
            ttl = frame.octet(at: start + 7)
            source = Address(high: frame.double(at: start + 8), low: frame.double(at: start + 16))
            destination = Address(high: frame.double(at: start + 24), low: frame.double(at: start + 32))
            transport = start + 40
        }
        guard length <= room else { throw .longerThanCarrier }
        end = start + length
        if isIPv4 {
            let field = frame.half(at: start + 6)
            fragment = Self.fragment(isLater: field & 0x1fff != 0, hasMore: field & 0x2000 != 0) ?? .whole
        } else {
            try walkExtensions(frame)
        }
        try checkSource()
    }

    private static func fragment(isLater: Bool, hasMore: Bool) -> PacketSummary.Fragment? {
        isLater ? .later : hasMore ? .first : nil
    }

    /// RFC 8200, section 4. What stands behind a later fragment's header is the middle of something.
    private mutating func walkExtensions(_ frame: RawSpan) throws(Malformation) {
        var walked = 0
        while fragment != .later, let least = Self.extensionHead(protocolNumber) {
            guard walked < FrameFacts.extensionLimit else { throw .tooManyExtensions }
            guard transport + least <= end else { throw .extensionCutOff }
            let size: Int
            switch protocolNumber {
            case 44:
                size = 8
                let field = frame.half(at: transport + 2)
                fragment = Self.fragment(isLater: field & 0xfff8 != 0, hasMore: field & 1 != 0) ?? fragment
            // In words of four bytes, less two (RFC 4302, section 2.2).
            case 51: size = 4 * (Int(frame.octet(at: transport + 1)) + 2)
            default: size = 8 * (Int(frame.octet(at: transport + 1)) + 1)
            }
            guard transport + size <= end else { throw .extensionCutOff }
            protocolNumber = frame.octet(at: transport)
            transport += size
            walked += 1
        }
    }

    /// Bytes that tell an extension header's size: hop-by-hop 0, routing 43, fragment 44, authentication 51, destination
    /// 60, mobility 135 (RFC 6275), HIP 139 (RFC 7401), Shim6 140 (RFC 5533); nil for anything else.
    private static func extensionHead(_ number: UInt8) -> Int? {
        switch number {
        case 0, 43, 51, 60, 135, 139, 140: 2
        case 44: 8
        default: nil
        }
    }

    /// Addresses that no packet on a wire comes from (RFC 6890, RFC 4291, section 2.7), and packets to themselves.
    private func checkSource() throws(Malformation) {
        guard isIPv4 || !source.isIPv4 && !destination.isIPv4 else { throw .mappedAddress }
        let isLoopback = isIPv4 ? source.ipv4 >> 24 == 127 : source.high == 0 && source.low == 1
        guard !isLoopback else { throw .loopbackSource }
        // A multicast or reserved address of IPv4 begins with three ones.
        let isMulticast = isIPv4 ? source.ipv4 >> 29 == 7 : source.high >> 56 == 0xff
        guard !isMulticast else { throw .multicastSource }
        guard source != destination else { throw .sourceIsDestination }
    }

    // MARK: Tunnels

    /// Where the packet inside begins, of a whole packet that is a tunnel; nil where it is none, or is not as a tunnel
    /// should be: then it is judged itself.
    func content(_ frame: RawSpan) -> (isIPv4: Bool, offset: Int)? {
        guard fragment == .whole else { return nil }
        switch protocolNumber {
        // RFC 2003, RFC 4213.
        case 4: return (true, transport)
        case 41: return (false, transport)
        case 47: return greContent(frame)
        case PacketSummary.udp: return vxlanContent(frame)
        default: return nil
        }
    }

    /// GRE with checksum, key and sequence number, each where its bit says so (RFC 2784, RFC 2890). Other versions and
    /// source routes are none that IP comes in.
    private func greContent(_ frame: RawSpan) -> (isIPv4: Bool, offset: Int)? {
        guard transport + 4 <= end else { return nil }
        let bits = frame.half(at: transport)
        guard bits & ~0xb000 == 0 else { return nil }
        let offset = transport + 4 + 4 * bits.nonzeroBitCount
        guard offset <= end else { return nil }
        return Self.ip(frame.half(at: transport + 2), offset)
    }

    /// VXLAN (RFC 7348, section 5): known by its port and the bit that says that it names a network.
    private func vxlanContent(_ frame: RawSpan) -> (isIPv4: Bool, offset: Int)? {
        let offset = transport + 8 + 8 + 14
        guard offset <= end, frame.half(at: transport + 2) == 4789, frame.octet(at: transport + 8) & 0x08 != 0 else {
            return nil
        }
        return Self.ip(frame.half(at: offset - 2), offset)
    }

    private static func ip(_ type: UInt16, _ offset: Int) -> (isIPv4: Bool, offset: Int)? {
        switch type {
        case 0x0800: (true, offset)
        case 0x86dd: (false, offset)
        default: nil
        }
    }
}
