internal import Flows
package import Packets

/// What a packet is to the host that it goes to. Ordinary classes are parts of conversations that the host takes part in;
/// the others came unasked, and are what floods are made of.
package struct TrafficClass: Hashable, Sendable, BitwiseCopyable {
    package let number: UInt8

    @inlinable init(number: UInt8) { self.number = number }

    /// SYN without ACK whose connection was not completed (yet).
    package static let tcpSyn = TrafficClass(number: 0)
    /// SYN-ACK that answers no SYN seen.
    package static let tcpSynAck = TrafficClass(number: 1)
    package static let tcpReset = TrafficClass(number: 2)
    /// Any other flags, of no connection seen.
    package static let tcpStray = TrafficClass(number: 3)
    /// To the side that was connected to.
    package static let tcpToServer = TrafficClass(number: 4)
    package static let tcpToClient = TrafficClass(number: 5)
    /// Of no service and no conversation seen.
    package static let udpOther = TrafficClass(number: 6)
    package static let udpAnswered = TrafficClass(number: 7)
    package static let icmpEcho = TrafficClass(number: 8)
    package static let icmpReply = TrafficClass(number: 9)
    package static let icmpError = TrafficClass(number: 10)
    package static let icmpOther = TrafficClass(number: 11)
    package static let icmpAnswered = TrafficClass(number: 12)
    /// A later fragment whose first one was not seen.
    package static let fragment = TrafficClass(number: 13)
    package static let otherProtocol = TrafficClass(number: 14)

    /// UDP that carries a service's answer to a question that was not seen.
    package static func response(_ service: Service) -> TrafficClass { TrafficClass(number: 16 + service.rawValue) }
    /// UDP that carries a service's question, or speaks it.
    package static func request(_ service: Service) -> TrafficClass { TrafficClass(number: 80 + service.rawValue) }

    /// All that there are, for tables.
    package static let count = 144

    package var service: Service? {
        switch number {
        case 16..<80: Service(rawValue: number - 16)
        case 80..<144: Service(rawValue: number - 80)
        default: nil
        }
    }
    package var isResponse: Bool { (16..<80).contains(number) }
    package var isRequest: Bool { (80..<144).contains(number) }

    /// Part of a conversation in which both sides speak.
    package var isOrdinary: Bool {
        switch self {
        case .tcpToServer, .tcpToClient, .udpAnswered, .icmpAnswered: true
        default: false
        }
    }

    /// "tcp-syn", "dns-response": as profiles show it.
    package var name: String {
        if let service { return service.name + (isResponse ? "-response" : "-request") }
        switch self {
        case .tcpSyn: return "tcp-syn"
        case .tcpSynAck: return "tcp-synack"
        case .tcpReset: return "tcp-reset"
        case .tcpStray: return "tcp-stray"
        case .tcpToServer: return "tcp-to-server"
        case .tcpToClient: return "tcp-to-client"
        case .udpOther: return "udp-other"
        case .udpAnswered: return "udp-answered"
        case .icmpEcho: return "icmp-echo"
        case .icmpReply: return "icmp-reply"
        case .icmpError: return "icmp-error"
        case .icmpOther: return "icmp-other"
        case .icmpAnswered: return "icmp-answered"
        case .fragment: return "fragment"
        default: return "other-protocol"
        }
    }

    package init?(name: String) {
        guard
            let found = (0..<UInt8(Self.count)).lazy.map({ TrafficClass(number: $0) }).first(where: {
                $0.isNamed && $0.name == name
            })
        else { return nil }
        self = found
    }

    /// Whether something can be of it: numbers between the groups stand for nothing.
    package var isNamed: Bool { number < 15 || service.map { $0 != .none } == true }

    @inline(__always)
    static func isEchoRequest(_ protocolNumber: UInt8, _ type: UInt8) -> Bool {
        protocolNumber == PacketSummary.icmp ? type == 8 : type == 128
    }

    /// The class of a packet of a conversation that stands as `exchange` says.
    @inline(__always)
    static func of(_ packet: borrowing PacketSummary, in exchange: Conversations.Exchange) -> TrafficClass {
        switch packet.protocolNumber {
        case PacketSummary.tcp:
            if packet.fragment == .later, packet.sourcePort == 0 { return .fragment }
            switch packet.flags & (TCPFlag.syn | TCPFlag.ack | TCPFlag.rst | TCPFlag.fin) {
            case TCPFlag.syn: return .tcpSyn
            case TCPFlag.syn | TCPFlag.ack: return exchange.isAnswer ? .tcpToClient : .tcpSynAck
            default: break
            }
            if exchange.isBothWays { return exchange.isFromInitiator ? .tcpToServer : .tcpToClient }
            if packet.flags & TCPFlag.rst != 0 { return .tcpReset }
            // One side of a connection only: it lasts, a stray packet does not.
            guard exchange.isLasting || exchange.isOpened else { return .tcpStray }
            return exchange.isFromInitiator ? .tcpToServer : .tcpToClient
        case PacketSummary.udp:
            if packet.fragment == .later, packet.sourcePort == 0 { return .fragment }
            if exchange.isBothWays { return .udpAnswered }
            guard packet.service != .none else { return .udpOther }
            return packet.role == .response ? .response(packet.service) : .request(packet.service)
        case PacketSummary.icmp, PacketSummary.icmpv6:
            if packet.fragment == .later, packet.icmpType == 0, !exchange.isBothWays { return .fragment }
            // A host that answers each ping makes a flood of them no conversation.
            if exchange.isBothWays, !isEchoRequest(packet.protocolNumber, packet.icmpType) { return .icmpAnswered }
            if packet.protocolNumber == PacketSummary.icmp {
                switch packet.icmpType {
                case 8: return .icmpEcho
                case 0: return .icmpReply
                case 3, 4, 5, 11, 12: return .icmpError
                default: return .icmpOther
                }
            }
            switch packet.icmpType {
            case 128: return .icmpEcho
            case 129: return .icmpReply
            case 1, 2, 3, 4: return .icmpError
            default: return .icmpOther
            }
        default:
            return packet.fragment == .later ? .fragment : exchange.isBothWays ? .udpAnswered : .otherProtocol
        }
    }

    /// The same where what goes out is never seen and of what comes in a part: a packet in the middle of a connection, QUIC,
    /// and datagrams of one conversation that go on coming, are taken for what they say that they are.
    @inline(__always)
    static func ofOneSide(_ packet: borrowing PacketSummary, in exchange: Conversations.Exchange) -> TrafficClass {
        let kind = of(packet, in: exchange)
        switch kind {
        case .tcpStray where packet.flags & (TCPFlag.ack | TCPFlag.syn) == TCPFlag.ack:
            return packet.sourcePort < packet.destinationPort ? .tcpToClient : .tcpToServer
        case .udpOther where exchange.isLasting, .otherProtocol where exchange.isLasting: return .udpAnswered
        default: return packet.service == .quic ? .udpAnswered : kind
        }
    }
}

extension TrafficClass {
    /// Nanoseconds from which on a flow is no burst.
    private static let longFlow: Int64 = 5_000_000_000

    /// The class of a flow's packets, by its fields.
    /// - Parameter isAlone: the other side was not seen to speak.
    @inline(__always)
    static func of(
        _ protocolNumber: UInt8, _ flags: UInt8, _ sourcePort: UInt16, _ destinationPort: UInt16, _ icmpType: UInt8,
        packets: UInt64, duration: Int64, isAlone: Bool
    ) -> TrafficClass {
        switch protocolNumber {
        case PacketSummary.tcp:
            let masked = flags & (TCPFlag.syn | TCPFlag.ack | TCPFlag.rst | TCPFlag.fin)
            if masked == TCPFlag.syn { return .tcpSyn }
            if masked == TCPFlag.syn | TCPFlag.ack, packets <= 3, isAlone { return .tcpSynAck }
            if isAlone, packets <= 3, flags & TCPFlag.syn == 0 {
                return flags & TCPFlag.rst != 0 ? .tcpReset : .tcpStray
            }
            return sourcePort < destinationPort ? .tcpToClient : .tcpToServer
        case PacketSummary.udp:
            guard isAlone else { return .udpAnswered }
            if sourcePort == 0, destinationPort == 0 { return .fragment }
            // A download over QUIC whose other side is exported elsewhere, or later.
            if sourcePort == 443, destinationPort >= 1_024, duration >= longFlow { return .udpAnswered }
            let service = Service.ofReflector(port: sourcePort)
            if service != .none { return .response(service) }
            return destinationPort == 53 ? .request(.dns) : .udpOther
        case PacketSummary.icmp:
            guard isAlone || icmpType == 8 else { return .icmpAnswered }
            switch icmpType {
            case 8: return .icmpEcho
            case 0: return .icmpReply
            case 3, 4, 5, 11, 12: return .icmpError
            default: return .icmpOther
            }
        case PacketSummary.icmpv6:
            return icmpType == 128 ? .icmpEcho : isAlone ? .icmpOther : .icmpAnswered
        default: return isAlone ? .otherProtocol : .udpAnswered
        }
    }

    /// The name of a class by its number.
    package static func name(_ number: Int) -> String { TrafficClass(number: UInt8(clamping: number)).name }
}
