internal import Addresses
internal import Packets

/// The last packets of a stream that came unasked, so that an attack's beginning can be looked at when it is found: all of
/// them up to 16,384 in a second, then every eighth.
struct Lookback: Sendable {
    static let capacity = 1 << 15
    private(set) var packets: [PacketSummary] = []
    private(set) var classes: [TrafficClass] = []
    private var next = 0
    /// Packets of this second.
    private var count = 0

    /// Whether the next one is kept.
    @inline(__always)
    mutating func hasRoom() -> Bool {
        count &+= 1
        return count <= Self.capacity / 2 || count & 7 == 0
    }

    mutating func endSecond() { count = 0 }

    init() {
        packets.reserveCapacity(Self.capacity)
        classes.reserveCapacity(Self.capacity)
    }

    @inline(__always)
    mutating func add(_ packet: borrowing PacketSummary, _ kind: TrafficClass) {
        if packets.count < Self.capacity {
            packets.append(copy packet)
            classes.append(kind)
        } else {
            packets[next] = copy packet
            classes[next] = kind
            next = (next &+ 1) & (Self.capacity - 1)
        }
    }

    /// The packets from the oldest on.
    func forEach(_ body: (PacketSummary, TrafficClass) -> Void) {
        for offset in packets.indices {
            let index = packets.count < Self.capacity ? offset : (next + offset) & (Self.capacity - 1)
            body(packets[index], classes[index])
        }
    }
}

/// Packets of ordinary traffic, as different from each other as they come: one for each of 8,192 places that a packet's
/// features choose (or one of the three after it), and how many came there. Rare kinds are kept beside frequent ones.
struct DiverseSample: ~Copyable, Sendable {
    static let capacity = 1 << 13
    private var samples = Table(capacity, of: PacketSummary.self)
    private var places = Table(capacity, of: Place.self)
    private(set) var total: Double = 0

    /// Which features chose a place, and how many packets have them; 0: it is free.
    private struct Place: BitwiseCopyable {
        var mark: UInt64 = 0
        var weight: Float = 0
        var kind = TrafficClass(number: 0)
    }

    /// The mark of a packet's features; asks for the memory of its place.
    @inline(__always)
    func expect(_ packet: borrowing PacketSummary) -> UInt64 {
        let mark = mark(of: packet)
        places.prefetch(Int(truncatingIfNeeded: mark >> 32))
        return mark
    }

    @inline(__always)
    mutating func add(_ packet: borrowing PacketSummary, _ kind: TrafficClass) {
        add(packet, kind, mark(of: packet))
    }

    @inline(__always)
    private func mark(of packet: borrowing PacketSummary) -> UInt64 {
        let features =
            UInt64(packet.protocolNumber) | UInt64(packet.flags) << 8 | UInt64(packet.service.rawValue) << 16
            | UInt64(min(packet.sourcePort, packet.destinationPort)) << 24 | UInt64(packet.length & 0xffff) << 40
            | UInt64(packet.role.rawValue) << 56 | UInt64(packet.fragment.rawValue) << 60
        let more = UInt64(packet.icmpType) << 16 | UInt64(packet.payloadPrefix >> 48)
        return Mix.fold(features ^ 0x9e37_79b9_7f4a_7c15, more ^ 0xe703_7ed1_a0b4_28db) | 1
    }

    @inline(__always)
    mutating func add(_ packet: borrowing PacketSummary, _ kind: TrafficClass, _ mark: UInt64) {
        guard let place = count(mark, kind, weight: packet.weight) else { return }
        samples[place] = copy packet
    }

    /// Counts what has a mark, of which no packet needs to be made: there is one, as a rule. Else returns where it goes.
    @inline(__always)
    mutating func count(_ mark: UInt64, _ kind: TrafficClass, weight: UInt32) -> Int? {
        let weight = Float(weight)
        total += Double(weight)
        let start = Int(truncatingIfNeeded: mark >> 32)
        for place in start..<start &+ 4 {
            if places[place].weight == 0 {
                places[place] = Place(mark: mark, weight: weight, kind: kind)
                return place
            }
            if places[place].mark == mark {
                places[place].weight += weight
                return nil
            }
        }
        places[start].weight += weight
        return nil
    }

    /// Keeps the packet that a place is told to have.
    mutating func set(_ place: Int, _ packet: PacketSummary) { samples[place] = packet }

    /// Takes out what turned out to be an attack's.
    mutating func remove(_ isAttack: (PacketSummary, TrafficClass) -> Bool) {
        for index in 0..<Self.capacity where places[index].weight > 0 {
            guard isAttack(samples[index], places[index].kind) else { continue }
            total -= Double(places[index].weight)
            places[index].weight = 0
        }
    }

    var packets: [TrafficProfile.WeightedPacket] {
        (0..<Self.capacity).filter { places[$0].weight > 0 }
            .map { TrafficProfile.WeightedPacket(packet: samples[$0], weight: places[$0].weight) }
    }
}

/// Who stays in a fair sample of fixed size: Algorithm R (Vitter, 1985), with xorshift for chance.
struct Chance: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed | 1 }

    /// The place that the `count`th takes among `size`; nil where it takes none.
    mutating func place(of count: UInt64, in size: Int) -> Int? {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        let place = state.multipliedFullWidth(by: count).high
        return place < UInt64(size) ? Int(place) : nil
    }
}

/// A fair sample of 16,384 packets of a whole stream.
struct FairSample: Sendable {
    static let capacity = 1 << 14
    private var packets: [PacketSummary] = []
    private var classes: [TrafficClass] = []
    private var seen: UInt64 = 0
    private var chance = Chance(seed: 0x2545_f491_4f6c_dd1d)

    mutating func add(_ packet: borrowing PacketSummary, _ kind: TrafficClass) {
        seen &+= 1
        if packets.count < Self.capacity {
            packets.append(copy packet)
            classes.append(kind)
        } else if let place = chance.place(of: seen, in: Self.capacity) {
            packets[place] = copy packet
            classes[place] = kind
        }
    }

    func forEach(_ body: (PacketSummary, TrafficClass) -> Void) {
        for index in packets.indices { body(packets[index], classes[index]) }
    }
}
