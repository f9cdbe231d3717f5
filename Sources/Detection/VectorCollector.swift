internal import Addresses
internal import Packets
internal import Sketches

/// What is collected of one vector while it lasts: counts of all its packets, and a fair sample of 4,096 of them.
struct VectorCollector: Sendable {
    static let sampleLimit = 4_096
    /// Seconds of which the counts are kept.
    static let pointLimit = 3_600
    /// Networks told apart; only the heaviest are reported.
    private static let networkCapacity = 512

    let kind: TrafficClass
    let level: TargetCells.Level
    let target: Address
    /// Nanoseconds since 1970.
    var first = Int64.max
    var last = Int64.min
    /// The last packet of the last second that was above the usual.
    var lastExcess = Int64.min
    var packets: Double = 0
    var bytes: Double = 0
    /// Connections that were completed after all: visitors' among a SYN flood.
    var completed: Double = 0
    /// What was usual in a second when it began.
    var usual: Double
    var usualBytes: Double
    var seconds = 0
    var peak: Double = 0
    private(set) var samples: [PacketSummary] = []
    private var seen: UInt64 = 0
    private var chance: Chance
    private(set) var sources = HyperLogLog()
    private var networks = HeavyKeys(capacity: networkCapacity)
    private var networkAddresses: [Address]
    /// Packets that were counted by their networks.
    private var networked: UInt64 = 0
    private let key: UInt64
    /// What came in each second (since 1970), of the vector and of all classes together.
    var points: [Int64: (packets: Double, bytes: Double, all: Double, allBytes: Double)] = [:]

    init(
        kind: TrafficClass, level: TargetCells.Level, target: Address, usual: Double, usualBytes: Double, key: UInt64
    ) {
        self.kind = kind
        self.level = level
        self.target = target
        self.usual = usual
        self.usualBytes = usualBytes
        self.key = key
        chance = Chance(seed: key)
        networkAddresses = Array(repeating: Address(high: 0, low: 0), count: networks.places.count)
        samples.reserveCapacity(Self.sampleLimit)
    }

    mutating func add(_ packet: PacketSummary) {
        let weight = Double(packet.weight)
        packets += weight
        bytes += weight * Double(packet.length)
        first = min(first, packet.time)
        last = max(last, packet.time)
        addSource(of: packet)
        seen &+= 1
        if samples.count < Self.sampleLimit {
            samples.append(packet)
        } else if let place = chance.place(of: seen, in: Self.sampleLimit) {
            samples[place] = packet
        }
    }

    private mutating func addSource(of packet: PacketSummary) {
        let source = packet.source
        sources.add(Mix.spread(Mix.hash(source, 0x50c5, key)))
        let network = source.isIPv4 ? source.masked(to: 24) : source.masked(to: 48)
        let times = UInt64(packet.weight)
        guard times > 0 else { return }
        let place = networks.count(Mix.hash(network, 0x4e7, key), times: times)
        if place.isNew { networkAddresses[place.place] = network }
        networked = saturatingSum(networked, times)
    }

    /// The heaviest networks and their share of the packets.
    func heaviestNetworks(_ limit: Int) -> [(network: Address, share: Double)] {
        let all = Double(max(1, networked))
        return networks.places.filter { networks.sure(at: $0) > 0 }
            .map { (networkAddresses[$0], Double(networks.sure(at: $0)) / all) }
            .sorted { $0.1 != $1.1 ? $0.1 > $1.1 : ($0.0.high, $0.0.low) < ($1.0.high, $1.0.low) }
            .prefix(limit).map { ($0.0, $0.1) }
    }

    /// Share of the packets that are visitors' by what is known: 0...0.9.
    var impurity: Double {
        guard packets > 0 else { return 0 }
        return min(0.9, max(0, (completed + usual * Double(max(1, seconds))) / packets))
    }
}
