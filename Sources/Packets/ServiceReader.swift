/// Says which service a payload belongs to and who speaks: by its own marks first, then with the help of the ports, and
/// where it shows nothing by a port alone.
///
/// The checks in its extensions take the captured payload and its length as the headers say; each returns nil where the
/// payload is none of its service, and `unknown` where it is but does not say who speaks.
enum ServiceReader {
    /// Ports from here on are given to clients too: where the payload is there to be seen and shows nothing, they mean
    /// nothing. Linux takes 32768 and up, but old stacks and address translators take any above 1023.
    private static let freePort: UInt16 = 10_000
    /// How far texts are searched for a word.
    static let searchLimit = 1024

    // MARK: UDP

    /// - Parameter offset: where the payload begins in the frame.
    @inline(__always)
    static func readUDP(_ payload: RawSpan, _ length: Int, at offset: Int, _ packet: inout PacketSummary) {
        let source = service(udpPort: packet.sourcePort)
        let destination = service(udpPort: packet.destinationPort)
        if payload.byteCount > 0 {
            if source != .none, let role = role(payload, length, of: source, offset, &packet) {
                return settle(source, role, source, destination, &packet)
            }
            if destination != .none, destination != source,
                let role = role(payload, length, of: destination, offset, &packet)
            {
                return settle(destination, role, source, destination, &packet)
            }
            if let (service, role) = marked(payload, length, offset, &packet) {
                return settle(service, role, source, destination, &packet)
            }
        }
        let isUnseen = payload.byteCount == 0
        if source != .none, isUnseen || packet.sourcePort < freePort {
            packet.service = source
            packet.role = source == destination ? .unknown : .response
        } else if destination != .none, isUnseen || packet.destinationPort < freePort {
            packet.service = destination
            packet.role = .request
        }
    }

    /// Enters what a payload showed; who speaks is a question of ports where it did not say.
    @inline(__always)
    private static func settle(
        _ service: Service, _ role: Role, _ source: Service, _ destination: Service, _ packet: inout PacketSummary
    ) {
        packet.service = service
        packet.isPayloadSeen = true
        packet.role = role
        if role == .unknown, (source == service) != (destination == service) {
            packet.role = source == service ? .response : .request
        }
    }

    /// The service that a port is known for.
    @inline(__always)
    static func service(udpPort port: UInt16) -> Service {
        // Most packets have one port that can be no server's.
        port >= 50_000 ? .none : lookUp(udpPort: port)
    }

    @inline(never)
    private static func lookUp(udpPort port: UInt16) -> Service {
        switch port {
        case 17: .qotd
        case 19: .chargen
        case 53: .dns
        case 69: .tftp
        case 80, 443: .quic
        case 111: .rpcbind
        case 123: .ntp
        case 137: .netbios
        case 161, 162: .snmp
        case 177: .xdmcp
        case 389: .cldap
        case 500, 4500: .isakmp
        case 520: .rip
        case 623: .ipmi
        case 1194: .openvpn
        case 1434: .mssql
        case 1645, 1646, 1812, 1813, 3799: .radius
        case 1701: .l2tp
        case 1900: .ssdp
        case 2123, 2152, 3386: .gtp
        case 3283: .ard
        case 3389: .rdp
        case 3478: .stun
        case 3702: .wsDiscovery
        case 5060: .sip
        case 5093: .sentinel
        case 5351: .natpmp
        case 5353: .mdns
        case 5355: .llmnr
        case 5683: .coap
        case 6881: .bittorrent
        case 10_001: .ubiquiti
        case 10_074: .mitel
        case 11_211: .memcached
        case 27_015: .steam
        case 27_960: .quake
        case 32_410, 32_412...32_414: .plex
        case 33_848: .jenkins
        case 37_810: .dvr
        case 47_808: .bacnet
        default: .none
        }
    }

    /// Compares a payload with the service that its port is known for: here weak marks are enough.
    @inline(never)
    private static func role(
        _ payload: RawSpan, _ length: Int, of service: Service, _ offset: Int, _ packet: inout PacketSummary
    ) -> Role? {
        switch service {
        case .dns, .mdns, .llmnr: dns(payload, length, isStrict: false, offset, &packet)
        case .ntp: ntp(payload, length)
        case .snmp: snmp(payload, length)
        case .ssdp: ssdp(payload)
        case .cldap: cldap(payload, length)
        case .memcached: memcached(payload, isPort: true)
        case .bacnet: bacnet(payload, length)
        case .isakmp: isakmp(payload, length)
        case .stun: stun(payload, length, isPort: true)
        case .coap: coap(payload, length)
        case .quic: quic(payload, length, isPort: true)
        case .chargen: chargen(payload)
        case .tftp: tftp(payload, isPort: true)
        case .rpcbind: rpcbind(payload)
        case .netbios: netbios(payload)
        case .xdmcp: xdmcp(payload, length)
        case .rip: rip(payload, length)
        case .ipmi: ipmi(payload)
        case .mssql: mssql(payload, length)
        case .sip: sip(payload)
        case .rdp: rdp(payload)
        case .wsDiscovery: wsDiscovery(payload, isPort: true)
        case .sentinel: payload.byte(0) == 0x7a && length >= 6 ? .unknown : nil
        case .natpmp: natpmp(payload, length)
        case .ard: ard(payload, length)
        case .openvpn: openvpn(payload, length)
        case .steam: steam(payload)
        case .plex: plex(payload)
        case .dvr: dvr(payload)
        case .ubiquiti: ubiquiti(payload, length)
        case .jenkins: jenkins(payload)
        case .mitel: payload.has("call.") ? .unknown : nil
        case .bittorrent: bittorrent(payload, length)
        case .quake: quake(payload)
        case .gtp: gtp(payload, length)
        case .l2tp: l2tp(payload, length)
        case .radius: radius(payload, length)
        case .none, .qotd, .tls, .dtls, .http: nil
        }
    }

    /// Finds the service of a payload whose ports say nothing, by marks that chance does not make.
    @inline(never)
    private static func marked(
        _ payload: RawSpan, _ length: Int, _ offset: Int, _ packet: inout PacketSummary
    ) -> (Service, Role)? {
        let first = payload.byte(0)
        switch first {
        case 0xff:
            if let role = quake(payload) { return (.quake, role) }
            if let role = steam(payload) { return (.steam, role) }
        case 0x30:
            if let role = snmp(payload, length) { return (.snmp, role) }
            if let role = cldap(payload, length) { return (.cldap, role) }
        case 0x14...0x17:
            if let role = dtls(payload, length) { return (.dtls, role) }
            // Mode 7, request 42 to the usual implementation: "monlist".
            if payload.four(0) & 0x3f00_ffff == 0x1700_032a { return (.ntp, .request) }
        case 0x81: if let role = bacnet(payload, length) { return (.bacnet, role) }
        case 0x97, 0xd7: if payload.two(2) == 0x032a { return (.ntp, .response) }
        case 6: if let role = ipmi(payload) { return (.ipmi, role) }
        case UInt8(ascii: "d"), 0x41: if let role = bittorrent(payload, length) { return (.bittorrent, role) }
        case UInt8(ascii: "<"):
            if let role = jenkins(payload) { return (.jenkins, role) }
            if let role = wsDiscovery(payload, isPort: false) { return (.wsDiscovery, role) }
        case UInt8(ascii: "A")...UInt8(ascii: "Z"):
            if let role = ssdp(payload) { return (.ssdp, role) }
            if let role = sip(payload) { return (.sip, role) }
        case 5: if payload.has("ServerName;", at: 3), mssql(payload, length) != nil { return (.mssql, .response) }
        case 0:
            if let role = tftp(payload, isPort: false) { return (.tftp, role) }
            if payload.eight(0) == 0x417_2710_1980 { return (.bittorrent, .request) }
        default: break
        }
        if first & 0x80 != 0, let role = quic(payload, length, isPort: false) { return (.quic, role) }
        if let role = stun(payload, length, isPort: false) { return (.stun, role) }
        if let role = memcached(payload, isPort: false) { return (.memcached, role) }
        if let role = markedIsakmp(payload, length) { return (.isakmp, role) }
        if let role = dvr(payload) { return (.dvr, role) }
        if let role = netbios(payload) { return (.netbios, role) }
        if let role = dns(payload, length, isStrict: true, offset, &packet) { return (.dns, role) }
        if payload.four(12) == 100_000, let role = rpcbind(payload) { return (.rpcbind, role) }
        if let role = chargen(payload) { return (.chargen, role) }
        return nil
    }

    // MARK: TCP

    /// A segment with payload. One without is not given a service: a SYN to port 443 is no TLS.
    @inline(__always)
    static func readTCP(_ payload: RawSpan, _ length: Int, at offset: Int, _ packet: inout PacketSummary) {
        let source = service(tcpPort: packet.sourcePort)
        let destination = service(tcpPort: packet.destinationPort)
        if payload.byteCount > 0,
            let (service, role) = tcpMarked(payload, length, offset, source == .dns || destination == .dns, &packet)
        {
            return settle(service, role, source, destination, &packet)
        }
        if source != .none {
            packet.service = source
            packet.role = source == destination ? .unknown : .response
        } else if destination != .none {
            packet.service = destination
            packet.role = .request
        }
    }

    @inline(__always)
    static func service(tcpPort port: UInt16) -> Service {
        switch port {
        case 53: .dns
        case 80, 8080: .http
        case 389: .cldap
        case 443, 853, 993, 995, 8443: .tls
        case 3389: .rdp
        case 5060: .sip
        default: .none
        }
    }

    @inline(never)
    private static func tcpMarked(
        _ payload: RawSpan, _ length: Int, _ offset: Int, _ isDNSPort: Bool, _ packet: inout PacketSummary
    ) -> (Service, Role)? {
        switch payload.byte(0) {
        // A record of TLS 1.0 to 1.3 (RFC 8446, section 5.1); versions in records end at 3.3.
        case 0x14...0x17:
            guard payload.byte(1) == 3, payload.byte(2) <= 3, payload.holds(5, at: 0), payload.two(3) <= 1 << 14 + 256
            else { break }
            guard payload.byte(0) == 0x16 else { return (.tls, .unknown) }
            switch payload.byte(5) {
            case 1, 16: return (.tls, .request)
            case 2, 11, 12, 14: return (.tls, .response)
            default: return (.tls, .unknown)
            }
        case UInt8(ascii: "A")...UInt8(ascii: "Z"):
            if let role = http(payload) { return (.http, role) }
            if let role = sip(payload) { return (.sip, role) }
        case 0x13: if payload.has("BitTorrent protocol", at: 1) { return (.bittorrent, .unknown) }
        case 0x03:
            // TPKT around the first PDUs of RDP: connection request and confirm (MS-RDPBCGR, section 2.2.1).
            guard payload.byte(1) == 0, Int(payload.two(2)) == length else { break }
            if payload.byte(5) == 0xe0 { return (.rdp, .request) }
            if payload.byte(5) == 0xd0 { return (.rdp, .response) }
        default: break
        }
        // A length before the message (RFC 7766, section 8); a long answer goes on in the next segments.
        guard isDNSPort, payload.byteCount > 2 else { return nil }
        let message = payload.extracting(2..<payload.byteCount)
        let size = Int(payload.two(0))
        guard size >= 12, let role = dns(message, size, isStrict: false, offset &+ 2, &packet) else { return nil }
        return (.dns, role)
    }
}
