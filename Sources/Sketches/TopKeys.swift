/// The heaviest keys of a stream by packets, with their bytes, in fixed memory: Space-Saving (Metwally, Agrawal and El
/// Abbadi, 2005) in sets of eight, mergeable (Agarwal et al., "Mergeable summaries", 2012). A key is one number, or 16
/// bytes: an address.
///
/// What is listed of a key is certain: the truth lies between `packets - packetError` and `packets`, and the same for
/// bytes. The error of a key is at most an eighth of all packets that fell into its set, however the stream was split,
/// ordered and merged; a key that is not listed had at most `unlistedPackets`. Places go by packets, so a byte error has
/// no such bound. Sets are chosen by a keyed hash: who does
/// not know the key cannot aim, and endless new keys push out each other, for each of them can raise a set's error by no
/// more than an eighth of its own weight.
package struct TopKeys: Sendable {
    /// What is known of a key.
    package struct Estimate: Equatable, Sendable {
        package var high: UInt64
        package var low: UInt64
        /// At most these many; never less than the truth.
        package var packets: UInt64
        /// How many of them may be others'.
        package var packetError: UInt64
        package var bytes: UInt64
        package var byteError: UInt64

        /// At least these many are the key's own.
        package var surePackets: UInt64 { packets - packetError }
        package var sureBytes: UInt64 { bytes - byteError }
    }

    /// A key's counts; `own` came in while it was listed, `inherited` may have been its own before, or others'.
    @usableFromInline
    struct Entry: Sendable, BitwiseCopyable {
        @usableFromInline var high: UInt64 = 0
        @usableFromInline var low: UInt64 = 0
        @usableFromInline var packetError: UInt64 = 0
        @usableFromInline var bytes: UInt64 = 0
        @usableFromInline var byteError: UInt64 = 0

        @inlinable
        init() {}
    }

    /// The most that any key of a set may have had when it was pushed out.
    @usableFromInline
    struct Floor: Sendable, BitwiseCopyable {
        @usableFromInline var packets: UInt64 = 0
        @usableFromInline var bytes: UInt64 = 0

        @inlinable
        init() {}
    }

    @inlinable static var ways: Int { 8 }
    /// 2^22 keys: about 250 MB.
    package static var capacityLimit: Int { 1 << 22 }

    /// Of each set: a byte of each key's hash (never 0), 0 where the place is free; the first place's lowest.
    @usableFromInline var tags: [UInt64]
    /// Each key's packets, apart from the entries so that the lightest is found in one cache line.
    @usableFromInline var packets: [UInt64]
    @usableFromInline var entries: [Entry]
    @usableFromInline var floors: [Floor]
    @usableFromInline let hash: UniversalHash
    @usableFromInline let setMask: Int

    /// - Parameters:
    ///   - capacity: keys kept at once, rounded up to a power of two, 8 to `capacityLimit`. Each takes 51 bytes.
    ///   - key: of the hash functions; two tables can be merged only if they have the same.
    package init(capacity: Int, key: KeyedHash) {
        var sets = 1
        while sets * Self.ways < min(capacity, Self.capacityLimit) { sets *= 2 }
        tags = Array(repeating: 0, count: sets)
        packets = Array(repeating: 0, count: sets * Self.ways)
        entries = Array(repeating: Entry(), count: sets * Self.ways)
        floors = Array(repeating: Floor(), count: sets)
        hash = UniversalHash(key: key, index: 0x746f_7000)
        setMask = sets - 1
    }

    /// Keys kept at once.
    package var capacity: Int { entries.count }

    /// Adds to a key of up to 16 bytes. Sums stop at the largest value.
    @inlinable
    package mutating func add(_ low: UInt64, high: UInt64 = 0, packets weight: UInt64 = 1, bytes: UInt64 = 0) {
        let value = hash(high, low)
        let set = Int(truncatingIfNeeded: value) & setMask
        let tag = Self.tag(value)
        var found = Self.ways(of: tags[set], with: tag)
        let first = set &* Self.ways
        while found != 0 {
            let place = first &+ found.trailingZeroBitCount &>> 3
            if entries[place].low == low, entries[place].high == high {
                packets[place] = saturatingSum(packets[place], weight)
                entries[place].bytes = saturatingSum(entries[place].bytes, bytes)
                return
            }
            found &= found &- 1
        }
        replace(set, tag, high, low, weight, bytes)
    }

    /// The hash's highest byte, which no choice of a set uses; never 0.
    @inlinable
    static func tag(_ hash: UInt32) -> UInt64 { UInt64(max(1, hash &>> 24)) }

    /// The highest bit of each byte that is the tag, and no other bit: all eight compared in one word.
    @inlinable
    static func ways(of tags: UInt64, with tag: UInt64) -> UInt64 {
        let difference = tags ^ (tag &* 0x0101_0101_0101_0101)
        let low: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
        return ~(((difference & low) &+ low) | difference | low)
    }

    func isTaken(_ set: Int, _ way: Int) -> Bool { tags[set] &>> UInt64(8 &* way) & 0xff != 0 }

    mutating func setTag(_ tag: UInt64, _ set: Int, _ way: Int) {
        let shift = UInt64(8 &* way)
        tags[set] = tags[set] & ~(0xff &<< shift) | tag &<< shift
    }

    /// Gives the place of the set's lightest key, or a free one, to a new key.
    @usableFromInline
    mutating func replace(
        _ set: Int, _ tag: UInt64, _ high: UInt64, _ low: UInt64, _ weight: UInt64, _ bytes: UInt64
    ) {
        let first = set &* Self.ways
        var way = 0
        var least = packets[first]
        for other in 1..<Self.ways where packets[first &+ other] < least {
            least = packets[first &+ other]
            way = other
        }
        // A free place has 0 packets; one that is taken may too, if its key was added with none.
        let free = Self.ways(of: tags[set], with: 0)
        if free != 0 { way = free.trailingZeroBitCount &>> 3 }
        let place = first &+ way
        if free == 0 {
            floors[set].packets = max(floors[set].packets, least)
            floors[set].bytes = max(floors[set].bytes, entries[place].bytes)
        }
        let floor = floors[set]
        setTag(tag, set, way)
        packets[place] = saturatingSum(floor.packets, weight)
        var entry = Entry()
        entry.high = high
        entry.low = low
        entry.packetError = floor.packets
        entry.bytes = saturatingSum(floor.bytes, bytes)
        entry.byteError = floor.bytes
        entries[place] = entry
    }

    /// What is known of a key; nil where it is not listed.
    package func estimate(_ low: UInt64, high: UInt64 = 0) -> Estimate? {
        let set = Int(truncatingIfNeeded: hash(high, low)) & setMask
        for way in 0..<Self.ways where isTaken(set, way) {
            let entry = entries[set * Self.ways + way]
            if entry.low == low, entry.high == high { return estimate(at: set, way) }
        }
        return nil
    }

    private func estimate(at set: Int, _ way: Int) -> Estimate {
        let entry = entries[set * Self.ways + way]
        return Estimate(
            high: entry.high, low: entry.low, packets: packets[set * Self.ways + way], packetError: entry.packetError,
            bytes: entry.bytes, byteError: entry.byteError)
    }

    /// Packets that a key may have had at most that is not listed.
    package var unlistedPackets: UInt64 { floors.reduce(0) { max($0, $1.packets) } }

    /// Bytes that a key may have had at most that is not listed.
    package var unlistedBytes: UInt64 { floors.reduce(0) { max($0, $1.bytes) } }

    /// The keys with the most packets that are surely theirs, at most `count`; equals in the order of their keys.
    package func heaviest(_ count: Int) -> [Estimate] {
        var listed: [Estimate] = []
        for set in tags.indices {
            for way in 0..<Self.ways where isTaken(set, way) { listed.append(estimate(at: set, way)) }
        }
        listed.sort { ($1.surePackets, $0.high, $0.low) < ($0.surePackets, $1.high, $1.low) }
        return Array(listed.prefix(max(0, count)))
    }

    /// Forgets everything, in the same memory.
    package mutating func clear() {
        for set in tags.indices {
            tags[set] = 0
            floors[set] = Floor()
        }
        for place in entries.indices {
            packets[place] = 0
            entries[place] = Entry()
        }
    }
}
