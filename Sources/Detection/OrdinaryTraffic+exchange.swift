internal import Addresses
internal import Packets
internal import Sketches

// Requests and their answers, over TCP with all its ceremony or in datagrams.
extension Session {
    /// Fills in the session's next packet; returns the nanoseconds until the one after it, or `over`.
    mutating func step(_ random: inout SplitMix64, _ packet: inout PacketSummary) -> UInt64 {
        switch phase {
        case .syn:
            segmentHeader(&packet, fromClient: true, TCPFlag.syn, 0)
            // One in 64 is lost on its way, one port in 80 is closed.
            if random.one(in: 64), attempts < 3 {
                attempts += 1
                return 1_000_000_000 &<< UInt64(attempts - 1)
            }
            phase = random.one(in: 80) ? .refused : .synAck
            return serverTurn
        case .synAck:
            segmentHeader(&packet, fromClient: false, TCPFlag.syn | TCPFlag.ack, 0)
            phase = .ack
            return clientTurn
        case .refused:
            segmentHeader(&packet, fromClient: false, TCPFlag.rst | TCPFlag.ack, 0)
            return Self.over
        case .ack:
            segmentHeader(&packet, fromClient: true, TCPFlag.ack, 0)
            phase = .request
            return 50_000 &+ clientTurn / 64
        case .request, .response: return data(&random, &packet)
        case .requestAck, .responseAck:
            acknowledge(&packet)
            return left == 0 ? turn(&random) : pace
        case .fragments: return fragment(&packet)
        case .fin:
            // Some close with a reset instead.
            let resets = random.one(in: 8)
            segmentHeader(&packet, fromClient: true, (resets ? TCPFlag.rst : TCPFlag.fin) | TCPFlag.ack, 0)
            phase = .finAck
            return resets ? Self.over : serverTurn
        case .finAck:
            segmentHeader(&packet, fromClient: false, TCPFlag.fin | TCPFlag.ack, 0)
            phase = .lastAck
            return clientTurn
        case .lastAck:
            segmentHeader(&packet, fromClient: true, TCPFlag.ack, 0)
            return Self.over
        case .stream: return flow(&random, &packet)
        case .echo, .echoReply: return echo(&packet)
        case .probe, .hop: return trace(&random, &packet)
        case .multicast: return announce(&packet)
        case .stray, .strayReply: return stray(&random, &packet)
        }
    }

    /// Sends the next data packet of the side whose turn it is.
    private mutating func data(_ random: inout SplitMix64, _ packet: inout PacketSummary) -> UInt64 {
        let isRequest = phase == .request
        if left == 0 { begin(isRequest, &random) }
        let size = UInt16(truncatingIfNeeded: min(left, UInt32(segment)))
        guard isTCP || UInt32(size) <= Self.wholeDatagram else { return fragmented(size, &packet) }
        if isTCP {
            let push = left <= UInt32(segment) ? TCPFlag.psh : 0
            segmentHeader(&packet, fromClient: isRequest, TCPFlag.ack | push, size)
        } else {
            datagramHeader(&packet, fromClient: isRequest, size)
        }
        show(&packet, isRequest)
        isFirst = false
        // One segment in 300 comes twice, after a timeout; in a long transfer fewer, and without a stop (RFC 5681).
        let isLong = left > 200_000
        if isTCP, random.one(in: isLong ? 4_000 : 300) { return isLong ? pace : 200_000_000 &+ serverTurn }
        left &-= UInt32(size)
        unacknowledged &+= 1
        // Every second full segment is acknowledged (RFC 9293, section 3.8.6.3), QUIC's about as often.
        if unacknowledged == 2, isTCP || activity == .quic {
            phase = isRequest ? .requestAck : .responseAck
            // Who sends does not wait for it: the window is wider than two segments.
            return min(isRequest ? serverTurn : clientTurn, pace)
        }
        return left == 0 ? turn(&random) : pace &+ UInt64(random.below(UInt32(truncatingIfNeeded: pace / 4 &+ 1)))
    }

    private mutating func acknowledge(_ packet: inout PacketSummary) {
        let isRequest = phase == .requestAck
        unacknowledged = 0
        if isTCP {
            segmentHeader(&packet, fromClient: !isRequest, TCPFlag.ack, 0)
        } else {
            datagramHeader(&packet, fromClient: !isRequest, 30 &+ UInt16(truncatingIfNeeded: mark &>> 50 & 15))
            packet.payloadPrefix = 0x4000_0000_0000_0000 | mark &>> 3
        }
        phase = isRequest ? .request : .response
    }

    /// A side has said all it had: the other answers, or the next exchange comes, or the end.
    private mutating func turn(_ random: inout SplitMix64) -> UInt64 {
        unacknowledged = 0
        isFirst = true
        if phase == .request {
            phase = .response
            // Servers think for a moment too.
            return serverTurn &+ (isTCP ? random.exponential(mean: 8_000_000) : 20_000)
        }
        phase = .request
        exchange &+= 1
        exchangesLeft &-= 1
        guard exchangesLeft == 0 else { return clientTurn / 8 &+ random.exponential(mean: think) }
        guard isTCP else { return Self.over }
        phase = .fin
        return 1_000_000 &+ random.exponential(mean: think)
    }

    /// How much this side will say now: sizes of payload.
    private mutating func begin(_ isRequest: Bool, _ random: inout SplitMix64) {
        let isTLS = serverPort == 443 && exchange == 0
        switch activity {
        case .https,
            .browsing where isTLS, .download where isTLS, .update where isTLS:
            left =
                isTLS
                ? (isRequest ? random.within(517...700) : random.within(2_600...4_600))
                : isRequest ? random.longTail(260, doublings: 3) : random.longTail(700, doublings: 8)
        case .http, .browsing:
            left = isRequest ? random.longTail(260, doublings: 3) : random.longTail(600, doublings: 8)
        case .quic:
            left =
                exchange == 0
                ? (isRequest ? 1_250 : 3_750) : isRequest ? random.within(60...400) : random.longTail(800, doublings: 7)
        case .mail: left = isRequest && exchange == 4 ? random.longTail(3_000, doublings: 7) : random.within(20...90)
        case .ssh: left = exchange < 3 ? random.within(300...1_600) : random.within(36...120)
        case .download: left = isRequest ? 400 : random.longTail(20_000_000, doublings: 5)
        case .update: left = isRequest ? 350 : random.longTail(400_000, doublings: 6)
        // In pieces of 4 GB.
        case .backup: left = isRequest ? .max : 100
        case .dnsAuthority, .dnsResolver:
            if isRequest {
                left = random.within(28...72)
                response = random.one(in: 60) ? random.within(1_500...4_000) : random.longTail(70, doublings: 3)
            } else {
                left = min(response, 4_096)
            }
        case .ntpServer, .ntpClient: left = 48
        case .snmpWalk: left = isRequest ? random.within(40...60) : random.within(60...1_400)
        default: left = 64
        }
    }

    // MARK: Fragments

    /// Payload that a datagram of one packet carries over Ethernet.
    static let wholeDatagram: UInt32 = 1_452

    /// Begins a datagram that takes several packets: the first one.
    private mutating func fragmented(_ size: UInt16, _ packet: inout PacketSummary) -> UInt64 {
        let carried: UInt16 = isIPv6 ? 1_440 : 1_472
        datagramHeader(&packet, fromClient: false, carried)
        packet.fragment = .first
        if isIPv6 {
            packet.length &+= 8
            packet.identification = UInt32(truncatingIfNeeded: mark)
        }
        show(&packet, false)
        isFirst = false
        left = UInt32(size) &- UInt32(carried)
        phase = .fragments
        return 12_000
    }

    private mutating func fragment(_ packet: inout PacketSummary) -> UInt64 {
        let carried = UInt16(truncatingIfNeeded: min(left, isIPv6 ? 1_448 : 1_480))
        serverID &-= 1
        datagramHeader(&packet, fromClient: false, carried)
        packet.fragment = .later
        packet.length = UInt32(carried) &+ (isIPv6 ? 48 : 20)
        if isIPv6 { packet.identification = UInt32(truncatingIfNeeded: mark) }
        // A reader gives it the service of the first, as it has read it there.
        show(&packet, false)
        packet.payloadPrefix = mark
        left &-= UInt32(carried)
        return left == 0 ? Self.over : 12_000
    }
}
