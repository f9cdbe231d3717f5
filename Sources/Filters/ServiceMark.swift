internal import Fingerprints
internal import Packets

/// How a filter without memory knows a service of UDP: by its port, and by what the first bytes show where they do.
/// Rules made of it may hit a packet of that port and mark that is something else in truth; each rule says so.
struct ServiceMark {
    var sourcePorts: Numbers?
    var destinationPorts: Numbers?
    var bytes: [PacketPattern.Mark] = []

    /// Ways to know the service, any of which is enough; none where it cannot be known packet by packet.
    static func alternatives(of service: Service, role: Role) -> [ServiceMark] {
        guard let port = port(of: service) else { return [] }
        func mark(_ offset: Int, _ mask: UInt8, _ value: UInt8) -> PacketPattern.Mark {
            PacketPattern.Mark(offset: offset, mask: mask, value: value)
        }
        let requests: [[PacketPattern.Mark]]
        let responses: [[PacketPattern.Mark]]
        switch service {
        case .dns, .mdns, .llmnr:
            // RFC 1035, section 4.1.1: QR.
            requests = [[mark(2, 0x80, 0)]]
            responses = [[mark(2, 0x80, 0x80)]]
        case .ntp:
            // RFC 5905, section 7.3: modes; RFC 9327 for 6; ntpd's private 7 with its response bit.
            requests = [
                [mark(0, 7, 3)], [mark(0, 0x87, 0x07)], [mark(0, 7, 6), mark(1, 0x80, 0)],
            ]
            responses = [
                [mark(0, 7, 4)], [mark(0, 7, 5)], [mark(0, 0x87, 0x87)], [mark(0, 7, 6), mark(1, 0x80, 0x80)],
            ]
        case .ssdp:
            requests = [text("M-SEARCH")]
            responses = [text("HTTP/1.1"), text("NOTIFY")]
        case .stun:
            // RFC 8489, section 5: the magic cookie; the class's high bit marks answers.
            let cookie = [mark(4, 255, 0x21), mark(5, 255, 0x12), mark(6, 255, 0xa4), mark(7, 255, 0x42)]
            requests = [[mark(0, 0xff, 0)] + cookie]
            responses = [[mark(0, 0xff, 1)] + cookie]
        case .snmp, .cldap:
            // BER's SEQUENCE; who speaks shows in the ports.
            return byPort(port, role: role, bytes: [mark(0, 0xff, 0x30)])
        case .bacnet:
            return byPort(port, role: role, bytes: [mark(0, 0xff, 0x81)])
        case .quic:
            // RFC 9000, section 17.2: long headers.
            return byPort(port, role: role, bytes: [mark(0, 0xc0, 0xc0)])
        default:
            return byPort(port, role: role, bytes: [])
        }
        let own = Numbers.one(port)
        var found: [ServiceMark] = []
        if role != .response { found += requests.map { ServiceMark(destinationPorts: own, bytes: $0) } }
        if role != .request { found += responses.map { ServiceMark(sourcePorts: own, bytes: $0) } }
        return found
    }

    /// Whether the first bytes show it: what sees only ports cannot say it.
    static func needsPayload(_ service: Service, _ role: Role) -> Bool {
        alternatives(of: service, role: role).contains { !$0.bytes.isEmpty }
    }

    /// The side whose port is the service's answers; where both are, nobody knows.
    private static func byPort(_ port: UInt32, role: Role, bytes: [PacketPattern.Mark]) -> [ServiceMark] {
        let own = Numbers.one(port)
        let other = Numbers.ports(except: port)
        let response = ServiceMark(sourcePorts: own, destinationPorts: other, bytes: bytes)
        let request = ServiceMark(sourcePorts: other, destinationPorts: own, bytes: bytes)
        return switch role {
        case .request: [request]
        case .response: [response]
        case .unknown: [response, ServiceMark(destinationPorts: own, bytes: bytes)]
        }
    }

    private static func text(_ text: StaticString) -> [PacketPattern.Mark] {
        text.withUTF8Buffer { bytes in
            bytes.enumerated().map { PacketPattern.Mark(offset: $0, mask: 255, value: $1) }
        }
    }

    /// The port of UDP; nil for what runs over TCP, or anywhere.
    private static func port(of service: Service) -> UInt32? {
        switch service {
        case .dns: 53
        case .mdns: 5353
        case .llmnr: 5355
        case .ntp: 123
        case .snmp: 161
        case .ssdp: 1900
        case .cldap: 389
        case .memcached: 11_211
        case .bacnet: 47_808
        case .isakmp: 500
        case .stun: 3478
        case .coap: 5683
        case .quic: 443
        case .qotd: 17
        case .chargen: 19
        case .tftp: 69
        case .rpcbind: 111
        case .netbios: 137
        case .xdmcp: 177
        case .rip: 520
        case .ipmi: 623
        case .mssql: 1434
        case .sip: 5060
        case .rdp: 3389
        case .wsDiscovery: 3702
        case .sentinel: 5093
        case .natpmp: 5351
        case .ard: 3283
        case .openvpn: 1194
        case .steam: 27_015
        case .plex: 32_414
        case .dvr: 37_810
        case .ubiquiti: 10_001
        case .jenkins: 33_848
        case .mitel: 10_074
        case .l2tp: 1701
        case .radius: 1812
        case .none, .tls, .dtls, .http, .bittorrent, .quake, .gtp: nil
        }
    }
}
