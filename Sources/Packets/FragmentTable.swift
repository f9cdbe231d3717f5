internal import Addresses

/// What the first fragments of packets said, for the later ones, which carry no ports: of fixed size, and forgetting by
/// itself.
///
/// Who sends first fragments without end only pushes out others' entries; with the key unknown he cannot choose whose.
struct FragmentTable {
    /// Entries in all; a busy link has a few hundred packets in pieces at a time.
    static var capacity: Int { setCount * setSize }
    /// How long the pieces of a packet may take: the time that receivers wait too (RFC 8200, section 4.5: 60 s; Linux:
    /// 30 s), in nanoseconds.
    static let patience: Int64 = 30_000_000_000
    private static let setCount = 2048
    private static let setSize = 4

    private struct Entry: BitwiseCopyable {
        /// 0: empty.
        var tag: UInt64 = 0
        var time: Int64 = 0
        var dnsNameHash: UInt64 = 0
        var sourcePort: UInt16 = 0
        var destinationPort: UInt16 = 0
        var dnsType: UInt16 = 0
        var protocolNumber: UInt8 = 0
        var service = Service.none
        var role = Role.unknown
        var isPayloadSeen = false
    }

    /// Empty until the first fragment comes: most readers never see one.
    private var entries: [Entry] = []
    private let key: (UInt64, UInt64)

    init(key: (UInt64, UInt64)) {
        self.key = (key.0 | 1, key.1 | 1)
    }

    /// Keeps what the first fragment says.
    mutating func insert(_ packet: borrowing PacketSummary, protocolNumber: UInt8) {
        if entries.isEmpty { entries = Array(repeating: Entry(), count: Self.capacity) }
        let tag = tag(packet, protocolNumber)
        let start = Self.start(tag)
        // Its own old place, else an empty one, else the oldest of the set.
        var place = start
        for index in start..<start + Self.setSize {
            if entries[index].tag == tag {
                place = index
                break
            }
            if entries[index].tag == 0 || entries[place].tag != 0 && entries[index].time < entries[place].time {
                place = index
            }
        }
        entries[place] = Entry(
            tag: tag, time: packet.time, dnsNameHash: packet.dnsNameHash, sourcePort: packet.sourcePort,
            destinationPort: packet.destinationPort, dnsType: packet.dnsType, protocolNumber: packet.protocolNumber,
            service: packet.service, role: packet.role, isPayloadSeen: packet.isPayloadSeen)
    }

    /// Gives a later fragment what its first one said, where that was seen in time.
    func complete(_ packet: inout PacketSummary, protocolNumber: UInt8) {
        guard !entries.isEmpty else { return }
        let tag = tag(packet, protocolNumber)
        let start = Self.start(tag)
        for index in start..<start + Self.setSize where entries[index].tag == tag {
            let entry = entries[index]
            // Captures of several interfaces may be a little out of order.
            let distance = packet.time.subtractingReportingOverflow(entry.time)
            guard !distance.overflow, distance.partialValue.magnitude <= UInt64(Self.patience) else { return }
            packet.sourcePort = entry.sourcePort
            packet.destinationPort = entry.destinationPort
            packet.protocolNumber = entry.protocolNumber
            packet.service = entry.service
            packet.role = entry.role
            packet.isPayloadSeen = entry.isPayloadSeen
            packet.dnsType = entry.dnsType
            packet.dnsNameHash = entry.dnsNameHash
            return
        }
    }

    /// From the high bits of one more product: the low ones of a tag follow the identification, which senders count up, and
    /// with some keys came together in a few sets.
    private static func start(_ tag: UInt64) -> Int {
        Int(truncatingIfNeeded: (tag &* 0x9e37_79b9_7f4a_7c15) >> 53) & (setCount - 1) &* setSize
    }

    /// The keyed hash of what the pieces of a packet share (RFC 791, section 3.2; RFC 8200, section 4.5); never 0.
    private func tag(_ packet: borrowing PacketSummary, _ protocolNumber: UInt8) -> UInt64 {
        var hash = Self.mixed(packet.source.high ^ key.0, packet.source.low ^ key.1)
        hash = Self.mixed(hash ^ packet.destination.high ^ key.1, packet.destination.low ^ key.0)
        hash = Self.mixed(
            hash ^ key.0, (UInt64(protocolNumber) << 32 | UInt64(packet.identification)) ^ hash ^ key.1)
        return max(hash, 1)
    }

    /// Both halves of the product, folded.
    private static func mixed(_ first: UInt64, _ second: UInt64) -> UInt64 {
        let product = (first ^ 0x9e37_79b9_7f4a_7c15).multipliedFullWidth(by: second ^ 0xd6e8_feb8_6659_fd93)
        return product.high ^ product.low
    }
}
