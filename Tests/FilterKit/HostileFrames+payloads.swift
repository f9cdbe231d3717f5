package import Addresses

// What frames are drawn from, and their payloads. Rules for tests are made of the same values.
extension HostileFrames {
    /// Sources of IPv4: three in one /24, one in the /24 beside it, others elsewhere.
    package static let sources4 = [
        "192.0.2.1", "192.0.2.2", "192.0.2.129", "192.0.3.7", "10.0.0.1", "10.200.3.4", "203.0.113.5", "1.0.0.1",
    ].compactMap { Address($0) }
    /// Destinations of IPv4.
    package static let destinations4 = ["198.51.100.2", "198.51.100.3", "198.51.101.9", "100.64.0.1"].compactMap {
        Address($0)
    }
    /// Sources of IPv6: two in one /64, three in one /48, others elsewhere.
    package static let sources6 = [
        "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "2001:db8:5::1", "2001:db9::1", "fd00::1", "2a00:1::99",
        "fe80::1",
    ].compactMap { Address($0) }
    /// Destinations of IPv6.
    package static let destinations6 = ["2001:db8:2::2", "2001:db8:2::3", "2001:db8:3::1", "2a00:2::1"].compactMap {
        Address($0)
    }
    /// Just inside and just outside of what no packet comes from.
    package static let edges4 = [
        "0.0.0.0", "126.255.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255", "128.0.0.0", "223.255.255.255",
        "224.0.0.0", "239.1.2.3", "240.0.0.1", "255.255.255.255",
    ].compactMap { Address($0) }
    /// The same, and an address of IPv4 within IPv6.
    package static let edges6 = [
        "::", "::1", "::2", "0:0:0:1::1", "feff:ffff::1", "ff00::", "ff02::1", "ffff::1", "::ffff:203.0.113.5",
    ].compactMap { Address($0) }

    /// Source ports, those of reflectors among them; what stands here twice comes twice as often.
    package static let sourcePorts: [UInt16] = [
        0, 1, 53, 53, 80, 123, 123, 161, 389, 443, 1900, 5000, 11_211, 40_000, 65_535,
    ]
    /// Destination ports, VXLAN's among them.
    package static let destinationPorts: [UInt16] = [
        0, 2, 53, 53, 80, 80, 123, 443, 443, 1024, 3478, 4789, 8080, 40_000, 65_535,
    ]
    /// Times to live, and hop limits.
    package static let timesToLive: [UInt8] = [0, 1, 32, 63, 64, 64, 128, 255]
    /// Flags of TCP that packets may have.
    package static let flags: [UInt8] = [0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0xc2, 0x29]
    /// None, SYN with FIN or RST, all.
    package static let oddFlags: [UInt8] = [0x00, 0xc0, 0x03, 0x06, 0x07, 0x13, 0x3f, 0xff]
    /// Types of ICMP and ICMPv6.
    package static let icmpTypes: [UInt8] = [0, 3, 8, 8, 11, 128, 129, 135]
    /// Codes of either.
    package static let icmpCodes: [UInt8] = [0, 0, 1, 3, 4, 255]
    /// Names that questions ask for.
    package static let names = [".", "example.nl", "a.b.c.d.e.example.org", "flood.example.net"]
    /// A, TXT, AAAA and ANY.
    package static let dnsTypes: [UInt16] = [1, 16, 28, 255]
    /// Bytes that payloads begin with.
    package static let beginnings: [[UInt8]] = [
        [0x00], [0x01, 0x47], [0xff, 0xff, 0xff, 0xff], [0x12, 0x34, 0x01, 0x00],
        // NTP: a client, a server, a list of clients asked for and answered.
        [0x23], [0x24], [0x17, 0x00, 0x03, 0x2a], [0xd7, 0x00, 0x03, 0x2a],
        // SNMP, SSDP, STUN, QUIC, memcached.
        [0x30, 0x26, 0x02, 0x01], Array("M-SEARCH * HTTP/1.1\r\n".utf8), Array("HTTP/1.1 200 OK\r\n".utf8),
        [0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42], [0xc3, 0, 0, 0, 1],
        [0, 1, 0, 0, 0, 1, 0, 0, 0x73, 0x74, 0x61, 0x74, 0x73],
    ]
    private static let wires = names.map(wire)

    /// A name as a question holds it (RFC 1035, section 3.1).
    private static func wire(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    /// Bytes of no meaning: in sound packets enough of them for a header of SCTP.
    mutating func writeContent() { put(UInt8(below(256)), times: (isSound ? 12 : 1) + below(64)) }

    mutating func writePayload() {
        switch below(8) {
        case 0: break
        case 1..<4: writeQuestion()
        default:
            frame.append(contentsOf: Self.beginnings[below(Self.beginnings.count)])
            let room = max(0, Self.longest - frame.count - 40)
            put(UInt8(below(4)), times: min(room, chance(16) ? below(1_400) : below(48)))
        }
    }

    /// A DNS message with one question (RFC 1035, section 4.1).
    private mutating func writeQuestion() {
        put(0x1234 as UInt16)
        put(chance(2) ? 0x0100 : 0x8180 as UInt16)
        put(0x0001_0000_0000_0000 as UInt64)
        switch below(8) {
        case 0:
            // About as many labels as are walked.
            for _ in 0..<14 + below(5) {
                put(1 as UInt8)
                put(0x61 as UInt8)
            }
            put(0 as UInt8)
        case 1:
            // The longest label, and one that is a pointer.
            put(63 as UInt8)
            put(0x62, times: 63)
            put(chance(2) ? 0 : 0xc0 as UInt8)
        default:
            let name = Self.wires[below(Self.wires.count)]
            // Resolvers mix capitals and small letters.
            let capitals = chance(2) ? 0 : draw()
            for (index, byte) in name.enumerated() {
                let isLetter = byte >= 0x61
                put(isLetter && capitals >> UInt64(index & 63) & 1 != 0 ? byte & 0xdf : byte)
            }
        }
        put(Self.dnsTypes[below(Self.dnsTypes.count)])
        put(1 as UInt16)
        if chance(4) { put(0, times: below(100)) }
    }
}
