internal import Addresses
internal import Packets
internal import Sketches

/// One exchange between two hosts: who they are, and how it goes on.
struct Session: Sendable, BitwiseCopyable {
    /// A delay that no step has: the session has ended.
    static let over = UInt64.max

    enum Phase: UInt8, Sendable, BitwiseCopyable {
        case syn, synAck, ack, request, requestAck, response, responseAck, fragments, fin, finAck, lastAck, refused
        case stream, echo, echoReply, probe, hop, multicast, stray, strayReply
    }

    var activity: OrdinaryTraffic.Activity
    var phase = Phase.request
    var client: Address
    var server: Address
    var clientPort: UInt16 = 0
    var serverPort: UInt16 = 0
    var clientTTL: UInt8 = 64
    var serverTTL: UInt8 = 64
    var isTCP = false
    var isIPv6: Bool
    var hasTimestamps = true
    /// The next data packet is the first of its side in this exchange.
    var isFirst = true
    /// Exchanges that have ended.
    var exchange: UInt16 = 0
    var exchangesLeft: UInt32 = 1
    /// Bytes left to send of the present request or response; of a stream or walk, packets.
    var left: UInt32 = 0
    var response: UInt32 = 0
    /// Full segments since the last acknowledgement, and attempts to connect.
    var unacknowledged: UInt8 = 0
    var attempts: UInt8 = 0
    /// Bytes of payload in a full packet.
    var segment: UInt16 = 1_448
    /// Nanoseconds from a packet of one side until the other's answer to it is seen.
    var serverTurn: UInt64 = 0
    var clientTurn: UInt64 = 0
    /// Nanoseconds between packets of one side.
    var pace: UInt64 = 120_000
    /// Nanoseconds between exchanges, in the mean.
    var think: UInt64 = 0
    /// Chosen once: first bytes, DNS name, IP ids.
    var mark: UInt64 = 0
    var name: UInt64 = 0
    var dnsType: UInt16 = 0
    var clientID: UInt16 = 0
    var serverID: UInt16 = 0
}

extension Session {
    typealias Activity = OrdinaryTraffic.Activity
    typealias Scenario = OrdinaryTraffic.Scenario

    init(_ activity: Activity, _ scenario: Scenario, _ random: inout SplitMix64) {
        self.activity = activity
        isIPv6 = random.below(100) < scenario.ipv6Percent
        let own = Self.host(scenario, isIPv6, Self.serverNumber(activity) ?? 10 + random.below(scenario.hosts))
        let distant =
            switch activity {
            case .update: Self.remote(7 + UInt64(random.below(3)), isIPv6)
            // Scanners and other people's victims are anywhere.
            case .radiation: Self.remote(1 &<< 32 | random.next() &>> 32, isIPv6)
            default: Self.visitor(scenario, isIPv6, &random)
            }
        let isOutward = Self.isOutward(activity)
        client = isOutward ? own.address : distant.address
        server = isOutward ? distant.address : own.address
        clientTTL = isOutward ? own.ttl : distant.ttl
        serverTTL = isOutward ? distant.ttl : own.ttl
        // The border is near the site: the far side's answer takes the round trip, 4 to 150 ms, the near one's little.
        let far = UInt64(random.longTail(4_000_000, doublings: 4))
        let near = UInt64(random.within(150_000...900_000))
        serverTurn = isOutward ? far : near
        clientTurn = isOutward ? near : far
        mark = random.next()
        clientPort = UInt16(truncatingIfNeeded: random.within(32_768...60_999))
        clientID = UInt16(truncatingIfNeeded: mark)
        serverID = UInt16(truncatingIfNeeded: mark &>> 16)
        hasTimestamps = mark &>> 32 & 3 != 0
        pace = UInt64(scenario.linePace)
        segment = (isIPv6 ? 1_440 : 1_460) &- (hasTimestamps ? 12 : 0)
        set(up: activity, &random)
    }

    /// Whether the site's host is the one that begins.
    private static func isOutward(_ activity: Activity) -> Bool {
        switch activity {
        case .dnsResolver, .ntpClient, .download, .update, .browsing, .chatter, .traceroute, .call: true
        default: false
        }
    }

    /// The number of the site's host that has this task; nil where any may.
    private static func serverNumber(_ activity: Activity) -> UInt32? {
        switch activity {
        case .https, .http, .quic: 10
        case .dnsAuthority: 11
        case .dnsResolver: 12
        case .mail: 13
        case .ntpServer: 14
        case .ssh, .openVPN, .ipsec, .wireGuard: 15
        case .backup: 16
        case .snmpWalk: 17
        default: nil
        }
    }

    /// A well-mixed word of a number: what is known of a host follows from its number.
    private static func mixed(_ number: UInt64) -> UInt64 {
        var random = SplitMix64(seed: number &* 0xd6e8_feb8_6659_fd93)
        return random.next()
    }

    private static func host(_ scenario: Scenario, _ isIPv6: Bool, _ number: UInt32) -> (address: Address, ttl: UInt8) {
        let address =
            isIPv6
            ? Address(high: scenario.network6.high | 1, low: UInt64(number))
            : Address(ipv4: scenario.network.ipv4 | min(250, number))
        return (address, mixed(UInt64(number)) & 3 == 0 ? 127 : 63)
    }

    /// One of the remote hosts, each doubling of the number half as often as all before it together.
    private static func visitor(
        _ scenario: Scenario, _ isIPv6: Bool, _ random: inout SplitMix64
    ) -> (address: Address, ttl: UInt8) {
        let number = min(random.longTail(64, doublings: 20), max(64, scenario.clients))
        return remote(100 + UInt64(random.below(number)), isIPv6)
    }

    /// A host of the world by its number. Initial times to live as systems have them (64, 128, 255), 4 to 27 hops away.
    private static func remote(_ number: UInt64, _ isIPv6: Bool) -> (address: Address, ttl: UInt8) {
        let word = mixed(number)
        let hops = UInt8(truncatingIfNeeded: 4 + word % 24)
        let initial: UInt8 = word &>> 8 & 15 < 9 ? 64 : word &>> 8 & 15 < 15 ? 128 : 255
        if isIPv6 {
            return (Address(high: 0x2a00_0000_0000_0000 | word &>> 8, low: mixed(word)), initial &- hops)
        }
        // Public space: first byte 11 to 99 but for none that is reserved, or 128 to 168.
        let first = UInt32(truncatingIfNeeded: word &>> 16 & 127)
        let top = first < 87 ? 11 + first : 41 + first
        return (Address(ipv4: top &<< 24 | UInt32(truncatingIfNeeded: word &>> 32) & 0xff_ffff), initial &- hops)
    }

    // MARK: What each activity is

    private mutating func set(up activity: Activity, _ random: inout SplitMix64) {
        switch activity {
        case .https: tcp(443, exchanges: random.within(2...9), think: 400_000_000)
        case .http: tcp(80, exchanges: random.within(1...6), think: 300_000_000)
        case .browsing: tcp(random.one(in: 8) ? 80 : 443, exchanges: random.within(2...12), think: 800_000_000)
        case .mail: tcp(random.one(in: 3) ? 587 : 25, exchanges: 6, think: 5_000_000)
        case .ssh: tcp(22, exchanges: random.within(50...600), think: 300_000_000)
        case .download: tcp(443, exchanges: 2, think: 50_000_000)
        case .update: tcp(random.one(in: 2) ? 80 : 443, exchanges: 3, think: 100_000_000)
        case .backup: tcp(873, exchanges: 1_000, think: 1_000_000)
        case .quic: udp(443, exchanges: random.within(2...7), segment: 1_250, think: 500_000_000)
        case .dnsAuthority, .dnsResolver:
            udp(53, exchanges: 1, segment: 8_192, think: 0)
            name = Self.mixed(UInt64(random.longTail(16, doublings: 12)) &+ 1 &<< 40)
            let types: [8 of UInt16] = [1, 1, 1, 28, 28, 65, 15, 16]
            dnsType = types[Int(mark &>> 40 & 7)]
        case .ntpServer, .ntpClient:
            udp(123, exchanges: 1, segment: 1_000, think: 0)
            if mark & 1 == 0 { clientPort = 123 }
        case .snmpWalk: udp(161, exchanges: random.within(100...600), segment: 1_472, think: 50_000)
        case .openVPN: stream(1_194, packets: random.longTail(400, doublings: 6), pace: 8_000_000)
        case .ipsec:
            stream(4_500, packets: random.longTail(400, doublings: 6), pace: 8_000_000)
            clientPort = 4_500
        case .wireGuard: stream(51_820, packets: random.longTail(400, doublings: 6), pace: 8_000_000)
        case .call:
            // 50 packets a second of voice, to 500 of video, each way.
            stream(
                3_478, packets: random.within(6_000...200_000),
                pace: 1_000_000_000 / (2 * UInt64(random.within(50...500))))
        case .chatter: chatter(&random)
        case .echo:
            phase = .echo
            left = random.within(3...20)
            response = random.one(in: 3) ? 32 : 56
        case .traceroute:
            phase = .probe
            left = 3 * random.within(6...16)
            serverPort = 33_434
        case .radiation:
            phase = .stray
            left = 1
        }
    }

    private mutating func tcp(_ port: UInt16, exchanges: UInt32, think: UInt64) {
        isTCP = true
        phase = .syn
        serverPort = port
        exchangesLeft = exchanges
        self.think = think
    }

    private mutating func udp(_ port: UInt16, exchanges: UInt32, segment: UInt16, think: UInt64) {
        serverPort = port
        exchangesLeft = exchanges
        self.segment = segment
        self.think = think
    }

    private mutating func stream(_ port: UInt16, packets: UInt32, pace: UInt64) {
        phase = .stream
        serverPort = port
        left = packets
        self.pace = pace
    }

    private mutating func chatter(_ random: inout SplitMix64) {
        phase = .multicast
        left = random.within(1...4)
        clientTTL = 255
        switch random.below(3) {
        case 0:
            clientPort = 5_353
            serverPort = 5_353
            server = isIPv6 ? Address(high: 0xff02 &<< 48, low: 0xfb) : Address(ipv4: 0xe000_00fb)
        case 1:
            serverPort = 5_355
            server = isIPv6 ? Address(high: 0xff02 &<< 48, low: 0x1_0003) : Address(ipv4: 0xe000_00fc)
            clientTTL = 1
        default:
            serverPort = 1_900
            server = isIPv6 ? Address(high: 0xff02 &<< 48, low: 0xc) : Address(ipv4: 0xefff_fffa)
            clientTTL = 2
        }
        name = Self.mixed(mark & 15)
        dnsType = 12
    }
}
