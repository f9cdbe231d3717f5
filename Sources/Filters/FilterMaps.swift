package import Addresses

/// The maps that the filter's programs share, how their keys and values lie in memory, and which bit says that something
/// may be in a list. Numbers are in the machine's order, addresses in the network's: 16 bytes, IPv4 as ::ffff:a.b.c.d.
package enum FilterMaps {
    package static let ruleLimit: UInt32 = 4_096
    /// Whom entries are for, at a time: tally 0 is that of all others.
    package static let tallyLimit: UInt32 = 1_024
    /// Bytes of a packet in a sample, and what stands before them.
    package static let sampleBytes = 128
    package static let sampleHead = 16

    /// By ``FilterReason``: packets, bytes (8 bytes each).
    package static let counters = EBPF.Map(
        "counters", .perProcessorArray, key: 4, value: 16, entries: UInt32(FilterReason.allCases.count))
    /// By ``KernelRule/counter``: packets, bytes.
    package static let ruleHits = EBPF.Map("rule_hits", .perProcessorArray, key: 4, value: 16, entries: ruleLimit)
    /// By ``Entry/counter`` and ``Flood/counter``: packets, bytes. They outlive the entries: whoever adds up for a site
    /// loses none at an end.
    package static let tallies = EBPF.Map(
        "tallies", .perProcessorArray, key: 4, value: 16, entries: 2 * tallyLimit)
    /// Address: ``Entry``.
    package static let blocked = EBPF.Map(
        "blocked", .hash, key: 16, value: Entry.size, entries: 1 << 20, isLazy: true)
    /// Length in bits of the 16 bytes (4 bytes), address: ``Entry``.
    package static let networks = EBPF.Map(
        "networks", .prefixes, key: 20, value: Entry.size, entries: 1 << 17, isLazy: true)
    package static let allowed = EBPF.Map(
        "allowed", .prefixes, key: 20, value: Entry.size, entries: 1 << 14, isLazy: true)
    /// Destinations under a flood of SYN, by address: ``Flood``.
    package static let flooded = EBPF.Map("flooded", .hash, key: 16, value: Flood.size, entries: 1_024, isLazy: true)
    /// Bits by ``Presence``, 64 in a value.
    package static let presence = EBPF.Map("presence", .array, key: 4, value: 8, entries: Presence.words)
    /// Address: when the budget of packets and that of bytes is whole again (8 bytes each).
    package static let sourceBudgets = EBPF.Map("source_budgets", .recentHash, key: 16, value: 16, entries: 1 << 17)
    package static let destinationBudgets = EBPF.Map(
        "target_budgets", .recentHash, key: 16, value: 16, entries: 1 << 14)
    /// By processor: ``Sketch``.
    package static let sketch = EBPF.Map("sketch", .array, key: 4, value: Sketch.size, entries: 128)
    /// Time (8 bytes, monotonic), length of the frame (4 bytes), how much of it follows (4 bytes), its first bytes.
    package static let samples = EBPF.Map("samples", .ring, key: 0, value: 0, entries: 1 << 22)
    /// Packets until the next sample (8 bytes).
    package static let countdown = EBPF.Map("countdown", .perProcessorArray, key: 4, value: 8, entries: 1)
    /// Programs: ``Slot``.
    package static let slots = EBPF.Map("slots", .programs, key: 4, value: 4, entries: 64)

    package static let all = [
        counters, ruleHits, blocked, networks, allowed, flooded, presence, sourceBudgets, destinationBudgets, sketch,
        samples, countdown, slots, tallies,
    ]

    /// Places of programs.
    package enum Slot {
        /// The first chunk of the rules that hold.
        package static let rules: Int32 = 0
        /// Further chunks stand in one of two rows, so that a new set is whole before it begins to hold.
        package static let rows: [ClosedRange<Int32>] = [1...30, 31...60]
        package static let cookies: Int32 = 61
    }

    /// What a list has of an address or a network: until when (monotonic nanoseconds), packets and bytes that it hit (8
    /// bytes each), 1 where it is dry, and its place among the ``tallies`` (4 bytes each).
    ///
    /// What it hit is for people who ask about one address: where two processors see the same source at the same moment
    /// one packet may be missed, for a lock would cost more than all the rest. Its tally misses none.
    package struct Entry: Equatable, Sendable, BitwiseCopyable {
        package static let size: UInt32 = 32

        package var until: UInt64
        package var packets: UInt64
        package var bytes: UInt64
        package var isDry: UInt32
        package var counter: UInt32

        /// - Parameter tally: whose it is; what is dry is counted in a place of its own.
        package init(
            until: UInt64, packets: UInt64 = 0, bytes: UInt64 = 0, isDry: Bool = false, tally: UInt32 = 0
        ) {
            self.until = until
            self.packets = packets
            self.bytes = bytes
            self.isDry = isDry ? 1 : 0
            counter = 2 * tally + self.isDry
        }
    }

    /// What the list of destinations under a flood has of one: until when (monotonic nanoseconds), and where among the
    /// ``tallies`` refused acknowledgements are counted; answers are counted one place further.
    package struct Flood: Equatable, Sendable, BitwiseCopyable {
        package static let size: UInt32 = 16

        package var until: UInt64
        package var counter: UInt64

        package init(until: UInt64, tally: UInt32 = 0) {
            self.until = until
            counter = 2 * UInt64(tally)
        }
    }

    /// Count-min over destinations and over networks of sources, both in packets: 4 rows of 4,096 numbers of 32 bits.
    package enum Sketch {
        package static let rows = 4
        package static let columns = 4_096
        package static let tableSize = rows * columns * 4
        package static let size = UInt32(2 * tableSize)

        /// What sources are counted by: an IPv4 /24, an IPv6 /48.
        package static func network(of source: Address) -> Prefix {
            Prefix(source, length: source.isIPv4 ? 24 : 48)
        }

        /// The column of an address in each row: twelve bits each of one hash.
        package static func columns(of address: Address, key: UInt64) -> [Int] {
            let hash = FilterMaps.hash(address, key: key)
            return (0..<rows).map { Int(truncatingIfNeeded: hash >> UInt64(12 * $0 + 16)) & (columns - 1) }
        }
    }

    /// A hash that the program can compute in a few steps, over the words as they lie in memory.
    package static func hash(_ address: Address, key: UInt64) -> UInt64 {
        let high = (address.high.byteSwapped ^ key) &* 0x9fb2_1c65_1e98_df25
        let low = (address.low.byteSwapped ^ high ^ high >> 32) &* 0xd6e8_feb8_6659_fd93
        return (low ^ low >> 32) &* 0x9fb2_1c65_1e98_df25
    }

    /// Bits that say that a list may have something for an address: a list is looked up only where its bit is set.
    package enum Presence: Int32, CaseIterable, Sendable {
        case blocked, networks, allowed

        /// Bits of each list.
        package static let bits = 1 << 16
        static let words = UInt32(allCases.count * bits / 64)

        /// The bit of a single address.
        package static func bit(of address: Address, key: UInt64) -> Int {
            Int(FilterMaps.hash(address, key: key) >> 48)
        }

        /// The bit of an address among networks: the first 16 bits of IPv4, the first 32 bits of IPv6 folded to 16.
        package static func networkBit(of address: Address) -> Int {
            if address.isIPv4 { return Int(address.ipv4 >> 16) }
            let head = UInt32(truncatingIfNeeded: address.high >> 32)
            return Int((head ^ head >> 16) & 0xffff)
        }

        /// The bits that a network's addresses can have; nil: all.
        package static func bits(of prefix: Prefix) -> [Int]? {
            let needed = prefix.address.isIPv4 ? 16 : 32
            let free = max(0, needed - prefix.length)
            guard free < 16 else { return nil }
            return (0..<(1 << free)).map { step in
                let address = prefix.address
                return address.isIPv4
                    ? networkBit(of: Address(ipv4: address.ipv4 | UInt32(step) << 16))
                    : networkBit(of: Address(high: address.high | UInt64(step) << 32, low: 0))
            }
        }
    }
}
