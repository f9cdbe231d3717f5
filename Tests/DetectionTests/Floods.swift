import Addresses
import Detection
import Packets
import Sketches

/// Made floods, packet by packet.
struct Flood {
    enum Kind: String, CaseIterable, CustomStringConvertible {
        case dns, ntp, isakmp, snmp, synRandomPorts, syn, synAck, icmp, fragments, udpRandom, tunnelled

        var description: String { rawValue }

        /// What a report is to call it.
        var name: String {
            switch self {
            case .dns: "dns-reflection"
            case .ntp: "ntp-reflection"
            case .isakmp: "isakmp-reflection"
            case .snmp: "snmp-reflection"
            case .synRandomPorts, .syn: "tcp-syn-flood"
            case .synAck: "tcp-synack-reflection"
            case .icmp: "icmp-echo-flood"
            case .fragments: "fragment-flood"
            case .udpRandom, .tunnelled: "udp-flood"
            }
        }
    }

    let kind: Kind
    let target: Address
    var random: SplitMix64
    let isIPv6: Bool

    init(_ kind: Kind, on target: Address, seed: UInt64 = 7, isIPv6: Bool = false) {
        self.kind = kind
        self.target = target
        self.isIPv6 = isIPv6
        random = SplitMix64(seed: seed)
    }

    mutating func next(at time: Int64) -> PacketSummary {
        var packet = PacketSummary()
        packet.time = time
        packet.source =
            isIPv6
            ? Address(high: 0x2001_0db8_0000_0000 | random.next() >> 40, low: random.next())
            : Address(ipv4: UInt32(truncatingIfNeeded: random.next()) | 0x0100_0000)
        packet.destination = target
        packet.ttl = UInt8(40 + random.below(80))
        packet.protocolNumber = PacketSummary.udp
        packet.destinationPort = UInt16(1_024 + random.below(60_000))
        packet.isPayloadSeen = true
        packet.role = .response
        switch kind {
        case .dns: answer(&packet, .dns, 53, 1_200 + random.below(200), 0x1234_8180_0001_0001)
        case .ntp: answer(&packet, .ntp, 123, 468, 0xd700_032a_0006_0048)
        case .isakmp: answer(&packet, .isakmp, 500, 232, 0x0011_2233_4455_6677)
        case .snmp: answer(&packet, .snmp, 161, 600 + random.below(700), 0x3082_02ff_0201_0104)
        case .syn, .synRandomPorts:
            packet.protocolNumber = PacketSummary.tcp
            packet.flags = TCPFlag.syn
            packet.length = isIPv6 ? 60 : 40
            packet.sourcePort = UInt16(1_024 + random.below(60_000))
            packet.destinationPort = kind == .syn ? 443 : UInt16(1 + random.below(65_000))
            packet.role = .unknown
            packet.isPayloadSeen = false
        case .synAck:
            packet.protocolNumber = PacketSummary.tcp
            packet.flags = TCPFlag.syn | TCPFlag.ack
            packet.length = isIPv6 ? 64 : 44
            packet.sourcePort = 443
            packet.role = .unknown
            packet.isPayloadSeen = false
        case .icmp:
            packet.protocolNumber = isIPv6 ? PacketSummary.icmpv6 : PacketSummary.icmp
            packet.icmpType = isIPv6 ? 128 : 8
            packet.destinationPort = 0
            packet.length = 1_028
            packet.payloadLength = 1_000
            packet.role = .unknown
        case .fragments:
            packet.fragment = .later
            packet.destinationPort = 0
            packet.length = 1_500
            packet.role = .unknown
        case .udpRandom, .tunnelled:
            packet.sourcePort = UInt16(1_024 + random.below(60_000))
            packet.length = 540
            packet.payloadLength = 512
            packet.payloadPrefix = random.next()
            packet.role = .unknown
            packet.isPayloadSeen = false
            if kind == .tunnelled { packet.tunnel = .gre }
        }
        return packet
    }

    private func answer(
        _ packet: inout PacketSummary, _ service: Service, _ port: UInt16, _ length: UInt32, _ prefix: UInt64
    ) {
        packet.service = service
        packet.sourcePort = port
        packet.length = length
        packet.payloadLength = UInt16(length - 28)
        packet.payloadPrefix = prefix
    }
}
