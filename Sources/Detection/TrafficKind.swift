internal import Packets

/// What an attack's vector is called.
enum TrafficKind {
    /// The name, by the class and by what most of the packets show.
    static func name(_ kind: TrafficClass, _ samples: [PacketSummary]) -> String {
        func share(_ holds: (PacketSummary) -> Bool) -> Double {
            samples.isEmpty ? 0 : Double(samples.reduce(0) { $0 + (holds($1) ? 1 : 0) }) / Double(samples.count)
        }
        if let service = kind.service {
            // Flow records have no payload: there the port has to do.
            let hasPayloads = share { $0.payloadLength > 0 } > 0.5
            let isShown = share { $0.isPayloadSeen } > 0.5 || service.hasNoMark || !hasPayloads
            guard isShown else { return "udp-flood" }
            if kind.isResponse { return "\(service.name)-reflection" }
            return service == .dns ? "dns-query-flood" : "\(service.name)-flood"
        }
        switch kind {
        case .tcpSyn: return "tcp-syn-flood"
        case .tcpSynAck: return "tcp-synack-reflection"
        case .tcpReset: return "tcp-rst-flood"
        case .tcpStray: return stray(share)
        case .tcpToServer, .tcpToClient:
            return share { $0.sourcePort == 80 || $0.destinationPort == 80 || $0.service == .http } > 0.5
                ? "http-flood" : share { $0.destinationPort == 443 } > 0.5 ? "https-flood" : "tcp-connection-flood"
        case .icmpEcho: return "icmp-echo-flood"
        case .icmpReply: return "icmp-reply-reflection"
        case .icmpError: return "icmp-error-flood"
        case .icmpOther, .icmpAnswered: return "icmp-flood"
        case .fragment: return "fragment-flood"
        case .otherProtocol:
            let number = samples.first?.protocolNumber ?? 0
            return number == 47 ? "gre-flood" : number == 50 ? "esp-flood" : "ip-protocol-\(number)-flood"
        default: return "udp-flood"
        }
    }

    private static func stray(_ share: ((PacketSummary) -> Bool) -> Double) -> String {
        // Answers of web servers and middleboxes that nobody asked (Bock et al., USENIX Security 2021).
        if share({ $0.payloadLength > 0 && $0.role == .response && $0.service == .http }) > 0.5 {
            return "tcp-middlebox-reflection"
        }
        if share({ $0.flags == 0 }) > 0.5 { return "tcp-null-flood" }
        if share({ $0.flags & TCPFlag.syn != 0 && $0.flags & TCPFlag.fin != 0 }) > 0.5 { return "tcp-synfin-flood" }
        if share({ $0.flags & TCPFlag.fin != 0 && $0.flags & TCPFlag.ack == 0 }) > 0.5 { return "tcp-fin-flood" }
        if share({ $0.flags & (TCPFlag.psh | TCPFlag.ack) == TCPFlag.psh | TCPFlag.ack }) > 0.5 {
            return "tcp-psh-ack-flood"
        }
        if share({ $0.flags & TCPFlag.ack != 0 }) > 0.5 { return "tcp-ack-flood" }
        return "tcp-flood"
    }

    /// Whether the sender's address may be forged: not where it had to receive something first.
    static func isSpoofable(_ kind: TrafficClass) -> Bool {
        switch kind {
        // Reflectors answer under their own address; a connection was answered before it went on. (Either could be forged
        // too, but who can forge has no need of it.)
        case .tcpSynAck, .tcpToServer, .tcpToClient, .udpAnswered, .icmpReply, .icmpAnswered: false
        default: !kind.isResponse
        }
    }
}

extension Service {
    /// Old protocols whose payload has no mark of its own: there the port has to do.
    var hasNoMark: Bool {
        switch self {
        case .chargen, .qotd: true
        default: false
        }
    }
}
