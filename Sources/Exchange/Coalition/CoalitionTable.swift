internal import Fingerprints
internal import Packets

/// What the coalition's format calls things.
enum CoalitionTable {
    /// Services that its dissector counts as amplification, by UDP source port.
    static let services: [(port: UInt16, name: String, service: Service)] = [
        (17, "Quote of the Day", .qotd), (19, "Chargen", .chargen), (53, "DNS", .dns), (69, "TFTP", .tftp),
        (111, "TPC", .rpcbind), (123, "NTP", .ntp), (137, "NetBios", .netbios), (161, "SNMP", .snmp),
        (177, "XDMCP", .xdmcp), (389, "LDAP", .cldap), (500, "ISAKMP", .isakmp), (520, "RIPv1", .rip),
        (623, "IPMI", .ipmi), (1434, "MS SQL", .mssql), (1900, "SSDP", .ssdp), (3283, "Apple Remote Desktop", .ard),
        (3389, "Windows Remote Desktop", .rdp), (3702, "WS-Discovery", .wsDiscovery), (5093, "Sentinel", .sentinel),
        (5351, "NAT-PMP", .natpmp), (5353, "mDNS", .mdns), (5683, "CoAP", .coap), (10074, "Mitel MiColab", .mitel),
        (11211, "MEMCACHED", .memcached), (27015, "Steam", .steam), (32414, "Plex Media", .plex),
        (33848, "Jenkins", .jenkins), (37810, "DHDiscover", .dvr),
    ]

    /// As Python's socket constants name them; those that occur in attacks.
    private static let protocols: [(name: String, number: UInt8)] = [
        ("ICMP", 1), ("IGMP", 2), ("IPIP", 4), ("TCP", 6), ("EGP", 8), ("UDP", 17), ("IPV6", 41), ("RSVP", 46),
        ("GRE", 47), ("ESP", 50), ("AH", 51), ("ICMPV6", 58), ("PIM", 103), ("SCTP", 132), ("UDPLITE", 136),
    ]

    static func protocolNumber(_ name: String) -> UInt8? {
        protocols.first { $0.name == name.uppercased() }?.number ?? UInt8(name)
    }

    static func protocolName(_ number: UInt8) -> String {
        protocols.first { $0.number == number }?.name ?? "\(number)"
    }

    private static let dnsTypes: [(name: String, number: UInt32)] = [
        ("A", 1), ("NS", 2), ("CNAME", 5), ("SOA", 6), ("PTR", 12), ("HINFO", 13), ("MX", 15), ("TXT", 16), ("RP", 17),
        ("AFSDB", 18), ("SIG", 24), ("KEY", 25), ("AAAA", 28), ("LOC", 29), ("SRV", 33), ("NAPTR", 35), ("KX", 36),
        ("CERT", 37), ("DNAME", 39), ("APL", 42), ("DS", 43), ("SSHFP", 44), ("IPSECKEY", 45), ("RRSIG", 46),
        ("NSEC", 47), ("DNSKEY", 48), ("DHCID", 49), ("NSEC3", 50), ("NSEC3PARAM", 51), ("TLSA", 52), ("SMIMEA", 53),
        ("HIP", 55), ("CDS", 59), ("CDNSKEY", 60), ("OPENPGPKEY", 61), ("CSYNC", 62), ("ZONEMD", 63), ("SVCB", 64),
        ("HTTPS", 65), ("EUI48", 108), ("EUI64", 109), ("TKEY", 249), ("TSIG", 250), ("ANY", 255), ("URI", 256),
        ("CAA", 257), ("TA", 32_768), ("DLV", 32_769),
    ]

    private static let icmpTypes: [(name: String, number: UInt32)] = [
        ("Echo Reply", 0), ("Destination Unreachable", 3), ("Redirect", 5), ("Echo", 8), ("Router Advertisement", 9),
        ("Router Solicitation", 10), ("Time Exceeded", 11), ("Parameter Problem", 12), ("Timestamp", 13),
        ("Timestamp Reply", 14), ("Photuris", 40), ("Extended Echo Request", 42), ("Extended Echo Reply", 43),
    ]

    /// A number as it stands, or by its name.
    static func dnsType(_ text: String) -> UInt32? { number(text) ?? dnsTypes.first { $0.name == text }?.number }
    static func dnsTypeName(_ number: UInt32) -> String { dnsTypes.first { $0.number == number }?.name ?? "\(number)" }
    static func icmpType(_ text: String) -> UInt32? { number(text) ?? icmpTypes.first { $0.name == text }?.number }
    static func icmpTypeName(_ number: UInt32) -> String {
        icmpTypes.first { $0.number == number }?.name ?? "\(number)"
    }

    static func number(_ text: String) -> UInt32? {
        guard let number = UInt32(text), text == String(number) else { return nil }
        return number
    }

    /// Flags by place, the highest first, as in nfdump ("...A..S."); tshark has four more before them, which are no
    /// flags of ours. Also "0x012". Nil for anything else.
    static func flags(_ text: String) -> UInt8? {
        if text.hasPrefix("0x") { return UInt8(text.dropFirst(2), radix: 16) }
        let places = Array(text)
        guard places.count == 8 || places.count == 12, places.dropLast(8).allSatisfy({ fillers.contains($0) }) else {
            return nil
        }
        var flags: UInt8 = 0
        for (letter, place) in zip(letters, places.suffix(8)) {
            guard place == letter || fillers.contains(place) else { return nil }
            flags = flags << 1 | (place == letter ? 1 : 0)
        }
        return flags
    }

    static func flagText(_ flags: UInt8) -> String {
        String(letters.enumerated().map { flags & (0x80 >> UInt8($0.offset)) != 0 ? $0.element : "." })
    }

    private static let letters = Array("CEUAPRSF")
    private static let fillers: Set<Character> = [".", "·", "*", "-"]

    /// The names in tags, in the order in which they stand there.
    static let flagNames: [(flag: UInt8, name: String)] = [
        (TCPFlag.fin, "FIN"), (TCPFlag.syn, "SYN"), (TCPFlag.rst, "RESET"), (TCPFlag.psh, "PUSH"),
        (TCPFlag.ack, "ACK"), (TCPFlag.urg, "URGENT"),
    ]
}
