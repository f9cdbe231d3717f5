internal import Addresses
internal import Packets
internal import Sketches

// What each packet looks like, and the activities that are no requests and answers.
extension Session {
    private mutating func header(_ packet: inout PacketSummary, fromClient: Bool, _ number: UInt8, _ bytes: UInt32) {
        packet.source = fromClient ? client : server
        packet.destination = fromClient ? server : client
        packet.ttl = fromClient ? clientTTL : serverTTL
        packet.protocolNumber = number
        packet.length = bytes &+ (isIPv6 ? 40 : 20)
        guard !isIPv6 else { return }
        packet.identification = UInt32(fromClient ? clientID : serverID)
        if fromClient { clientID &+= 1 } else { serverID &+= 1 }
    }

    private func ports(_ packet: inout PacketSummary, fromClient: Bool) {
        packet.sourcePort = fromClient ? clientPort : serverPort
        packet.destinationPort = fromClient ? serverPort : clientPort
        // Without a payload that shows it, the port has to say what it is.
        packet.service = Self.service(ofPort: serverPort, isTCP: packet.protocolNumber == PacketSummary.tcp)
        if packet.service != .none { packet.role = fromClient ? .request : .response }
    }

    static func service(ofPort port: UInt16, isTCP: Bool) -> Service {
        switch (port, isTCP) {
        case (80, true): .http
        case (443, true): .tls
        case (443, false): .quic
        case (53, _): .dns
        case (123, false): .ntp
        case (161, false): .snmp
        case (389, false): .cldap
        case (1_194, false): .openvpn
        case (1_900, false): .ssdp
        case (3_389, _): .rdp
        case (3_478, false): .stun
        case (4_500, false), (500, false): .isakmp
        case (5_060, _): .sip
        case (5_353, false): .mdns
        case (5_355, false): .llmnr
        case (11_211, false): .memcached
        default: .none
        }
    }

    mutating func segmentHeader(_ packet: inout PacketSummary, fromClient: Bool, _ flags: UInt8, _ payload: UInt16) {
        // A SYN carries its options: 20 bytes of Unix, 12 of Windows; a reset none.
        let options: UInt32 =
            flags & TCPFlag.syn != 0 ? (hasTimestamps ? 20 : 12) : flags & TCPFlag.rst == 0 && hasTimestamps ? 12 : 0
        header(&packet, fromClient: fromClient, PacketSummary.tcp, 20 &+ options &+ UInt32(payload))
        packet.flags = flags
        packet.payloadLength = payload
        ports(&packet, fromClient: fromClient)
    }

    mutating func datagramHeader(_ packet: inout PacketSummary, fromClient: Bool, _ payload: UInt16) {
        header(&packet, fromClient: fromClient, PacketSummary.udp, 8 &+ UInt32(payload))
        packet.payloadLength = payload
        ports(&packet, fromClient: fromClient)
    }

    /// The payload's first bytes, and what they show.
    func show(_ packet: inout PacketSummary, _ isRequest: Bool) {
        let prefix: UInt64
        var isSeen = isFirst
        switch packet.service {
        case .http:
            prefix =
                isRequest
                ? (mark & 7 == 0 ? 0x504f_5354_202f_6170 : 0x4745_5420_2f00_0000 | mark & 0xff_ffff)
                : 0x4854_5450_2f31_2e31
        case .tls where exchange == 0:
            prefix = isRequest ? 0x1603_0102_0001_0001 : 0x1603_0300_7a02_0000
        case .tls:
            prefix = 0x1703_0300_0000_0000 | mark &>> 24
            isSeen = false
        case .quic:
            isSeen = isFirst && exchange == 0
            prefix = isSeen ? 0xc000_0000_0108_0000 | mark & 0xffff : 0x4000_0000_0000_0000 | mark &>> 2
        case .dns:
            isSeen = true
            prefix = mark &<< 48 | (isRequest ? 0x0100_0001_0000 : 0x8180_0001_0001)
            packet.dnsType = dnsType
            packet.dnsNameHash = name
        case .ntp:
            isSeen = true
            prefix = isRequest ? 0x2300_06ec_0000_0000 : 0x2402_06e9_0000_0d00
        case .snmp:
            isSeen = true
            prefix = 0x3000_0201_0104_0670 | UInt64(packet.payloadLength & 0x7f) &<< 48
        default:
            isSeen = false
            prefix = isFirst ? 0x3232_3020_6d61_696c : mark
        }
        guard isFirst || packet.service == .dns else {
            packet.payloadPrefix = Self.scrambled(mark, UInt64(left))
            return
        }
        packet.payloadPrefix = prefix
        packet.isPayloadSeen = isSeen
        if isSeen { packet.role = isRequest ? .request : .response }
    }

    /// Bytes that look like the middle of something.
    private static func scrambled(_ mark: UInt64, _ count: UInt64) -> UInt64 {
        (mark ^ count) &* 0xbf58_476d_1ce4_e5b9
    }

    // MARK: Streams

    /// Calls and tunnels: both sides send when they like, at a steady pace.
    mutating func flow(_ random: inout SplitMix64, _ packet: inout PacketSummary) -> UInt64 {
        let word = random.next()
        let fromClient = word & 1 == 0
        let payload: UInt16
        if activity == .call {
            // STUN first and every now and then, then RTP: voice about 172 bytes, video nearly full.
            let isCheck = exchange < 4 || exchange & 0xff == 0
            let isVideo = pace < 5_000_000
            payload = isCheck ? 100 : isVideo ? 900 &+ UInt16(word &>> 8 & 0xff) : 160 &+ UInt16(word &>> 8 & 0x1f)
            datagramHeader(&packet, fromClient: fromClient, payload)
            packet.isPayloadSeen = isCheck
            packet.payloadPrefix =
                isCheck
                ? (fromClient ? 0x0001_0050_2112_a442 : 0x0101_0050_2112_a442)
                : 0x8060_0000_0000_0000 | UInt64(exchange) &<< 32 | word &>> 40
            // RTP on a port of its own: nothing shows it, and no port stands for it.
            if !isCheck {
                packet.sourcePort = fromClient ? clientPort : 50_004
                packet.destinationPort = fromClient ? 50_004 : clientPort
                packet.service = .none
                packet.role = .unknown
            }
        } else {
            // A tunnel carries what hosts send: small and full packets.
            let isSmall = word &>> 8 & 7 < 4
            let size = 80 &+ UInt16(word &>> 16 & (isSmall ? 0x7f : 0x3ff)) &+ (isSmall ? 0 : 280)
            payload = exchange < 2 && activity == .wireGuard ? (exchange == 0 ? 148 : 92) : size & 0xfff0
            datagramHeader(&packet, fromClient: fromClient, payload)
            let seen = activity == .openVPN
            packet.isPayloadSeen = seen
            packet.payloadPrefix =
                activity == .wireGuard
                ? 0x0400_0000_0000_0000 | mark & 0xffff_ffff
                : seen ? 0x4800_0001_0000_0000 | word & 0xffff_ffff : mark &<< 32 | UInt64(exchange)
        }
        exchange &+= 1
        left &-= 1
        return left == 0 ? Self.over : pace / 2 &+ UInt64(random.below(UInt32(truncatingIfNeeded: pace)))
    }

    // MARK: ICMP

    mutating func echo(_ packet: inout PacketSummary) -> UInt64 {
        let isReply = phase == .echoReply
        header(&packet, fromClient: !isReply, isIPv6 ? PacketSummary.icmpv6 : PacketSummary.icmp, 8 &+ response)
        packet.icmpType = isIPv6 ? (isReply ? 129 : 128) : isReply ? 0 : 8
        packet.payloadLength = UInt16(truncatingIfNeeded: response)
        packet.payloadPrefix = response == 32 ? 0x6162_6364_6566_6768 : mark
        phase = isReply ? .echo : .echoReply
        guard isReply else { return serverTurn }
        left &-= 1
        return left == 0 ? Self.over : 1_000_000_000
    }

    /// Probes with a rising time to live, three each; a router on the way tells that it has run out.
    mutating func trace(_ random: inout SplitMix64, _ packet: inout PacketSummary) -> UInt64 {
        let hop = exchange / 3 &+ 1
        if phase == .probe {
            clientTTL = UInt8(truncatingIfNeeded: hop)
            datagramHeader(&packet, fromClient: true, 32)
            packet.payloadPrefix = 0x4041_4243_4445_4647
            packet.destinationPort = serverPort
            serverPort &+= 1
            left &-= 1
            // One hop in eight says nothing.
            guard random.one(in: 8) else {
                phase = .hop
                return UInt64(hop) &* 1_200_000 &+ 300_000
            }
            exchange &+= 1
            return left == 0 ? Self.over : 5_000_000_000
        }
        header(&packet, fromClient: false, isIPv6 ? PacketSummary.icmpv6 : PacketSummary.icmp, 68)
        let isLast = left < 3
        // A router's address: any of the destination's neighbours will do.
        if !isLast { packet.source.low ^= UInt64(hop) &<< 10 }
        packet.ttl = isLast ? serverTTL : 255 &- UInt8(truncatingIfNeeded: hop)
        packet.icmpType = isIPv6 ? (isLast ? 1 : 3) : isLast ? 3 : 11
        packet.icmpCode = isLast ? (isIPv6 ? 4 : 3) : 0
        packet.payloadLength = 60
        packet.payloadPrefix = 0x4500_003c_0000_0000
        phase = .probe
        exchange &+= 1
        return left == 0 ? Self.over : 2_000_000
    }

    // MARK: What is for all, and what is for nobody

    mutating func announce(_ packet: inout PacketSummary) -> UInt64 {
        let isNews = serverPort == 5_353 && mark & 3 == 0
        let payload: UInt16 = serverPort == 1_900 ? 125 : isNews ? 180 : 30 &+ UInt16(mark &>> 8 & 15)
        datagramHeader(&packet, fromClient: true, payload)
        packet.isPayloadSeen = true
        packet.role = isNews ? .response : .request
        if serverPort == 1_900 {
            packet.payloadPrefix = 0x4d2d_5345_4152_4348
        } else {
            packet.payloadPrefix = isNews ? 0x8400_0000_0001 : 0x0000_0001_0000
            packet.dnsType = dnsType
            packet.dnsNameHash = name
        }
        left &-= 1
        return left == 0 ? Self.over : 1_000_000_000
    }

    /// Background radiation: one packet from anywhere, which a host may refuse.
    mutating func stray(_ random: inout SplitMix64, _ packet: inout PacketSummary) -> UInt64 {
        if phase == .strayReply {
            segmentHeader(&packet, fromClient: false, TCPFlag.rst | TCPFlag.ack, 0)
            return Self.over
        }
        let word = random.next()
        let pick = Int(word &>> 8 & 15)
        clientPort = UInt16(truncatingIfNeeded: word &>> 16) | 1_024
        hasTimestamps = false
        switch word & 15 {
        case 0..<8:
            let scanned: [16 of UInt16] = [
                23, 22, 80, 443, 3_389, 445, 8_080, 8_443, 5_900, 25, 2_323, 1_433, 6_379, 8_728, 21, 5_060,
            ]
            serverPort = word &>> 12 & 3 == 0 ? UInt16(truncatingIfNeeded: word &>> 40) | 1 : scanned[pick]
            segmentHeader(&packet, fromClient: true, TCPFlag.syn, 0)
            // Scanners that write their own packets set no options.
            packet.length = (isIPv6 ? 60 : 40) &+ (pick & 1 == 0 ? 0 : 4)
            guard word &>> 32 & 3 == 0 else { return Self.over }
            phase = .strayReply
            return serverTurn
        case 8..<11:
            // Backscatter: somebody else's flood was sent in the name of this address.
            let victims: [4 of UInt16] = [80, 443, 22, 25_565]
            clientPort = victims[pick & 3]
            serverPort = UInt16(truncatingIfNeeded: word &>> 40) | 1_024
            let isReset = word &>> 36 & 1 == 0
            segmentHeader(
                &packet, fromClient: true, isReset ? TCPFlag.rst | TCPFlag.ack : TCPFlag.syn | TCPFlag.ack, 0)
            packet.length = (isIPv6 ? 60 : 40) &+ (isReset ? 0 : 4)
            packet.service = Self.service(ofPort: clientPort, isTCP: true)
            packet.role = packet.service == .none ? .unknown : .response
        case 11..<15:
            let probed: [8 of UInt16] = [53, 123, 161, 1_900, 389, 11_211, 5_060, 500]
            let lengths: [8 of UInt16] = [33, 48, 42, 94, 39, 15, 380, 60]
            let prefixes: [8 of UInt64] = [
                0x1234_0100_0001_0000, 0x2300_06ec_0000_0000, 0x3028_0201_0104_0670, 0x4d2d_5345_4152_4348,
                0x3025_0201_0163_2004, 0x0001_0000_0001_0000, 0x4f50_5449_4f4e_5320, 0x0011_2233_4455_6677,
            ]
            serverPort = probed[pick & 7]
            datagramHeader(&packet, fromClient: true, lengths[pick & 7])
            packet.payloadPrefix = prefixes[pick & 7]
            packet.isPayloadSeen = true
            if pick & 7 == 0 {
                packet.dnsType = 1
                packet.dnsNameHash = DNSName.hash("version.bind")
            }
        default:
            header(&packet, fromClient: true, isIPv6 ? PacketSummary.icmpv6 : PacketSummary.icmp, 40)
            packet.icmpType = isIPv6 ? 128 : 8
            packet.payloadLength = 32
            packet.payloadPrefix = mark
        }
        return Self.over
    }
}
