package import Addresses
internal import Fingerprints
package import Flows
internal import Moments
package import Packets
internal import Sketches

/// Finds attacks in a stream of packets and flow records by itself, in fixed memory: what comes unasked and exceeds what
/// is usual at its target (``TargetCells``), against what ordinary hosts get where a target is new (``TrafficProfile``).
/// Conversations in which both sides speak are no attack, however many: their growth is named as such.
///
/// Time is that of the packets. The three impossibles. Our bug: none that input could bring about. Their fault: times that
/// run back by more than a minute start the clock anew, nothing is lost. Fine: late packets count in the present second;
/// flow records are spread over the seconds that they tell of, as far as those are not settled yet.
package struct TrafficWatch: Sendable {
    package struct Options: Sendable {
        /// Learn only: name nothing an attack.
        package var isLearning = false
        /// The operator says that there is an attack: what stands out is reported however small.
        package var isAttackKnown = false
        /// Seconds without excess after which an attack is over.
        package var pause: Int32 = 120
        /// Names of targets that alone are watched; empty: all.
        package var targets: [Prefix] = []

        package init() {}
    }

    /// Attacks and vectors that are followed at once. What exceeds that is counted in `overlooked`.
    static let vectorLimit = 24

    package let options: Options
    package let profile: TrafficProfile
    var conversations: Conversations
    var cells: TargetCells
    var lookback = Lookback()
    var ordinary = DiverseSample()
    /// A fair sample of everything, kept only where the operator says that there is an attack.
    var standing = FairSample()
    var vectors: [OpenVector] = []
    var closed: [TrafficAttack] = []
    var growth: [BenignGrowth] = []
    /// Names asked for in DNS packets that came unasked, by their hash.
    var names: [UInt64: String] = [:]
    package private(set) var overlooked: UInt64 = 0
    package private(set) var packets: UInt64 = 0
    package private(set) var bytes: UInt64 = 0
    var from = Int64.max
    var until = Int64.min
    let key: UInt64
    var now: Int32 = 0
    /// Seconds since 1970 of second 0.
    var epoch: Int64 = 0
    private var hasBegun = false
    var classTotals = [Double](repeating: 0, count: TrafficClass.count)

    /// A vector that is followed, with the cell that it was found in.
    struct OpenVector: Sendable {
        var cell: Int
        var collector: VectorCollector
        var isConfirmed: Bool
        var detected: Int64
        var began: Int32
        var lastExcess: Int32
        var isFromFlows: Bool
        var isGrowth: Bool
    }

    /// - Parameter key: drawn at random by the caller, so that nobody can aim at one place of a table.
    package init(profile: TrafficProfile, key: UInt64, options: Options = Options()) {
        self.profile = profile
        self.options = options
        self.key = key
        conversations = Conversations(key: key)
        cells = TargetCells(key: key ^ 0x6b8b_4567_327b_23c6)
    }

    // ---- What comes in.

    /// Takes in a packet. `frame` is what its summary was read from: names are taken from there.
    package mutating func observe(_ packet: borrowing PacketSummary, in frame: RawSpan) {
        let second = clock(packet.time)
        packets &+= UInt64(packet.weight)
        bytes &+= UInt64(packet.weight) &* UInt64(packet.length)
        let exchange = conversations.take(
            from: packet.source, packet.sourcePort, to: packet.destination, packet.destinationPort,
            protocolNumber: packet.protocolNumber,
            isOpening: packet.flags & (TCPFlag.syn | TCPFlag.ack | TCPFlag.rst) == TCPFlag.syn,
            isAcknowledging: packet.flags & (TCPFlag.syn | TCPFlag.ack | TCPFlag.rst) == TCPFlag.ack,
            at: UInt32(bitPattern: second))
        let kind = TrafficClass.of(packet, in: exchange)
        let count = Float(packet.weight)
        let size = count * Float(packet.length)
        classTotals[Int(kind.number)] += Double(count)
        let bits = Bits(packet.source, packet.destination, packet.destinationPort)
        let host = cells.place(packet.destination, .host, kind, at: second, profile: profile)
        cells.add(
            host, packets: count, bytes: size, observed: 1, at: second, sourceBit: bits.source, hostBit: bits.host,
            portBit: bits.port)
        if options.isAttackKnown { standing.add(packet, kind) }
        if exchange.isCompleting { complete(packet, at: second, count) }
        if kind.isOrdinary {
            ordinary.add(packet, kind)
            if cells.cells[host].vector >= 0 { vectors[Int(cells.cells[host].vector)].collector.add(copy packet) }
            return
        }
        lookback.add(packet, kind)
        if packet.dnsNameOffset > 0, packet.service == .dns { note(packet, in: frame) }
        let vector = cells.cells[host].vector
        if vector >= 0 {
            vectors[Int(vector)].collector.add(copy packet)
            return
        }
        // The first few of a second may be anybody's; an attack's are taken out again when it is found.
        if cells.packets[cells.slot(host, second)] < 30 { ordinary.add(packet, kind) }
        for level in [TargetCells.Level.net, .wide] {
            let index = cells.place(packet.destination, level, kind, at: second, profile: profile)
            cells.add(
                index, packets: count, bytes: size, observed: 1, at: second, sourceBit: bits.source, hostBit: bits.host,
                portBit: bits.port)
            let vector = cells.cells[index].vector
            if vector >= 0 {
                vectors[Int(vector)].collector.add(copy packet)
                break
            }
        }
    }

    /// Takes in a flow record: its packets and bytes, times its sampling rate, spread over the seconds from its first to
    /// its last packet.
    package mutating func observe(_ flow: borrowing FlowRecord) {
        guard flow.packets > 0 else { return }
        let second = clock(flow.last)
        let scale = Float(flow.samplingRate)
        let count = Float(flow.packets) * scale
        let size = Float(flow.bytes) * scale
        packets &+= flow.packets &* UInt64(flow.samplingRate)
        bytes &+= flow.bytes &* UInt64(flow.samplingRate)
        let kind = classify(flow, at: second)
        classTotals[Int(kind.number)] += Double(count)
        // From its first second on, but none that is settled.
        let whole = max(0, (flow.last &- max(flow.first, flow.last &- 86_400_000_000_000)) / 1_000_000_000)
        let last = max(second, now &- TargetCells.settling &+ 1)
        let share = 1 / Float(whole + 1)
        let first = max(Int32(clamping: Int64(second) - whole), now &- TargetCells.settling &+ 1)
        let bits = Bits(flow.source, flow.destination, flow.destinationPort)
        var taker: Int16 = -1
        for level in kind.isOrdinary ? [TargetCells.Level.host] : [.host, .net, .wide] {
            let index = cells.place(flow.destination, level, kind, at: now, profile: profile)
            for slot in min(first, last)...last {
                cells.add(
                    index, packets: count * share, bytes: size * share, observed: Float(flow.packets) * share, at: slot,
                    sourceBit: bits.source,
                    hostBit: bits.host, portBit: bits.port)
            }
            if cells.cells[index].vector >= 0 {
                taker = cells.cells[index].vector
                break
            }
        }
        let packet = Self.packet(of: flow)
        if taker >= 0 {
            vectors[Int(taker)].collector.add(packet)
        } else if !kind.isOrdinary {
            lookback.add(packet, kind)
        }
    }

    /// A flow as the one kind of packet that it was made of on average, standing for all of them.
    private static func packet(of flow: borrowing FlowRecord) -> PacketSummary {
        var packet = PacketSummary()
        packet.time = flow.last
        packet.source = flow.source
        packet.destination = flow.destination
        packet.sourcePort = flow.sourcePort
        packet.destinationPort = flow.destinationPort
        packet.protocolNumber = flow.protocolNumber
        packet.flags = flow.flags
        packet.icmpType = flow.icmpType
        packet.icmpCode = flow.icmpCode
        packet.length = UInt32(clamping: flow.bytes / max(1, flow.packets))
        packet.weight = UInt32(clamping: flow.packets &* UInt64(flow.samplingRate))
        packet.service = Service.ofReflector(port: flow.sourcePort)
        return packet
    }

    private mutating func classify(_ flow: borrowing FlowRecord, at second: Int32) -> TrafficClass {
        let flags = flow.flags
        let exchange = conversations.take(
            from: flow.source, flow.sourcePort, to: flow.destination, flow.destinationPort,
            protocolNumber: flow.protocolNumber, isOpening: flags & (TCPFlag.syn | TCPFlag.ack) == TCPFlag.syn,
            isAcknowledging: false, at: UInt32(bitPattern: second))
        let isAlone = !exchange.isBothWays
        switch flow.protocolNumber {
        case PacketSummary.tcp:
            let masked = flags & (TCPFlag.syn | TCPFlag.ack | TCPFlag.rst | TCPFlag.fin)
            if masked == TCPFlag.syn { return .tcpSyn }
            if masked == TCPFlag.syn | TCPFlag.ack, flow.packets <= 3, isAlone { return .tcpSynAck }
            if isAlone, flow.packets <= 3, flags & TCPFlag.syn == 0 {
                return flags & TCPFlag.rst != 0 ? .tcpReset : .tcpStray
            }
            return flow.sourcePort < flow.destinationPort ? .tcpToClient : .tcpToServer
        case PacketSummary.udp:
            guard isAlone else { return .udpAnswered }
            if flow.sourcePort == 0, flow.destinationPort == 0 { return .fragment }
            let service = Service.ofReflector(port: flow.sourcePort)
            if service != .none { return .response(service) }
            return flow.destinationPort == 53 ? .request(.dns) : .udpOther
        case PacketSummary.icmp:
            guard isAlone else { return .icmpAnswered }
            switch flow.icmpType {
            case 8: return .icmpEcho
            case 0: return .icmpReply
            case 3, 4, 5, 11, 12: return .icmpError
            default: return .icmpOther
            }
        case PacketSummary.icmpv6: return isAlone ? (flow.icmpType == 128 ? .icmpEcho : .icmpOther) : .icmpAnswered
        default: return isAlone ? .otherProtocol : .udpAnswered
        }
    }

    /// A connection that was opened is used: its SYN was no flood's.
    private mutating func complete(_ packet: borrowing PacketSummary, at second: Int32, _ count: Float) {
        for level in TargetCells.Level.allCases {
            guard let index = cells.find(level.of(packet.destination), level, .tcpSyn) else { continue }
            if cells.cells[index].second != second { cells.advance(index, to: second, profile: profile) }
            let slot = cells.slot(index, second)
            cells.packets[slot] = max(0, cells.packets[slot] - count)
            cells.cells[index].total -= Double(count)
            let vector = cells.cells[index].vector
            guard vector >= 0 else { continue }
            vectors[Int(vector)].collector.completed += Double(count)
            break
        }
    }

    /// One bit of 64 each, for the number of different ones in a second.
    private struct Bits {
        let source: UInt64
        let host: UInt64
        let port: UInt64

        @inline(__always)
        init(_ source: Address, _ destination: Address, _ port: UInt16) {
            self.source = 1 << (Mix.fold(source.low ^ 0x9e37_79b9_7f4a_7c15, source.high ^ 0xe703_7ed1_a0b4_28db) >> 58)
            host = 1 << (Mix.fold(destination.low ^ 0x8ebc_6af0_9c88_c6e3, destination.high | 1) >> 58)
            self.port = 1 << ((UInt64(port) &* 0x9e37_79b9_7f4a_7c15) >> 58)
        }
    }

    // ---- Time.

    /// The second of a time; a new one ends the one before.
    @inline(__always)
    private mutating func clock(_ time: Int64) -> Int32 {
        let second = Int32(clamping: time / 1_000_000_000 &- epoch)
        if second == now {
            until = max(until, time)
            return now
        }
        return turn(to: second, time)
    }

    @inline(never)
    private mutating func turn(to second: Int32, _ time: Int64) -> Int32 {
        guard hasBegun else {
            hasBegun = true
            epoch = time / 1_000_000_000 &- 1_000
            now = 1_000
            from = time
            until = time
            return now
        }
        from = min(from, time)
        until = max(until, time)
        if second > now {
            settle()
            // Attacks end by the pause, also when nothing comes for long.
            now = second
            if !vectors.isEmpty { follow() }
            return now
        }
        guard now &- second > 60 else { return now }
        // Another file, or a clock put back: go on from here.
        settle()
        now &+= 1
        epoch = time / 1_000_000_000 &- Int64(now)
        return now
    }

    /// Lets time pass where nothing came, as when an exporter is silent.
    package mutating func tick(at time: Int64) { _ = clock(time) }

    private mutating func note(_ packet: borrowing PacketSummary, in frame: RawSpan) {
        guard names.count < 1_024, names[packet.dnsNameHash] == nil,
            let name = DNSName.text(at: Int(packet.dnsNameOffset), in: frame)
        else { return }
        names[packet.dnsNameHash] = name
    }

    mutating func overlook() { overlooked &+= 1 }
}
