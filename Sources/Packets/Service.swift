/// The application protocols that attacks are made of. A packet's service is what its payload shows; where a payload
/// shows nothing (a few old protocols have no mark of their own) its port has to do, and `PacketSummary.isPayloadSeen`
/// says so.
public enum Service: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case none
    case dns, mdns, llmnr, ntp, snmp, ssdp, cldap, memcached, bacnet, isakmp, stun, coap, quic, tls, dtls, http
    case qotd, chargen, tftp, rpcbind, netbios, xdmcp, rip, ipmi, mssql, sip, rdp, wsDiscovery, sentinel, natpmp
    case ard, openvpn, steam, plex, dvr, ubiquiti, jenkins, mitel, bittorrent, quake, gtp, l2tp, radius

    /// The name in kinds and conditions: "dns", "ws-discovery".
    public var name: String { self == .wsDiscovery ? "ws-discovery" : "\(self)" }

    public init?(name: some StringProtocol) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}

/// Who speaks in a packet of a service.
public enum Role: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case unknown, request, response
}
