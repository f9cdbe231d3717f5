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

    /// Of each set: 32 bits of each key's hash (never 0), 0 where the place is free.
    @usableFromInline var tags: [SIMD8<UInt32>]
    /// Of each set: each key's packets, apart from the entries so that the lightest is found in one cache line.
    @usableFromInline var packets: [SIMD8<UInt64>]
    @usableFromInline var entries: [Entry]
    @usableFromInline var floors: [Floor]
    @usableFromInline let setHash: UniversalHash
    @usableFromInline let tagHash: UniversalHash
    @usableFromInline let setMask: Int

    /// - Parameters:
    ///   - capacity: keys kept at once, rounded up to a power of two, 8 to `capacityLimit`. Each takes 54 bytes.
    ///   - key: of the hash functions; two tables can be merged only if they have the same.
    package init(capacity: Int, key: KeyedHash) {
        var sets = 1
        while sets * Self.ways < min(capacity, Self.capacityLimit) { sets *= 2 }
        tags = Array(repeating: .zero, count: sets)
        packets = Array(repeating: .zero, count: sets)
        entries = Array(repeating: Entry(), count: sets * Self.ways)
        floors = Array(repeating: Floor(), count: sets)
        setHash = UniversalHash(key: key, index: 0x746f_7001)
        tagHash = UniversalHash(key: key, index: 0x746f_7002)
        setMask = sets - 1
    }

    /// Keys kept at once.
    package var capacity: Int { entries.count }

    /// Adds to a key of up to 16 bytes. Sums stop at the largest value.
    @inlinable
    package mutating func add(_ low: UInt64, high: UInt64 = 0, packets weight: UInt64 = 1, bytes: UInt64 = 0) {
        let set = Int(truncatingIfNeeded: setHash(high, low)) & setMask
        let tag = tagHash(high, low) | 1
        let row = tags[set]
        // Which ways have the tag, and which are free, as bits: no branch until one is known.
        var found: UInt32 = 0
        for way in 0..<Self.ways { found |= (row[way] == tag ? 1 : 0) &<< UInt32(truncatingIfNeeded: way) }
        let first = set &* Self.ways
        while found != 0 {
            let way = found.trailingZeroBitCount
            let place = first &+ way
            if entries[place].low == low, entries[place].high == high {
                packets[set][way] = saturatingSum(packets[set][way], weight)
                entries[place].bytes = saturatingSum(entries[place].bytes, bytes)
                return
            }
            found &= found &- 1
        }
        replace(set, tag, high, low, weight, bytes)
    }

    /// Gives the place of the set's lightest key, or a free one, to a new key.
    @usableFromInline
    mutating func replace(
        _ set: Int, _ tag: UInt32, _ high: UInt64, _ low: UInt64, _ weight: UInt64, _ bytes: UInt64
    ) {
        let row = packets[set]
        var way = 0
        var least = row[0]
        for other in 1..<Self.ways where row[other] < least {
            least = row[other]
            way = other
        }
        // A free place has 0 packets; one that is taken may too, if its key was added with none.
        let free = tags[set]
        for other in 0..<Self.ways where free[other] == 0 {
            way = other
            break
        }
        let place = set &* Self.ways &+ way
        if free[way] != 0 {
            floors[set].packets = max(floors[set].packets, least)
            floors[set].bytes = max(floors[set].bytes, entries[place].bytes)
        }
        let floor = floors[set]
        tags[set][way] = tag
        packets[set][way] = saturatingSum(floor.packets, weight)
        entries[place].high = high
        entries[place].low = low
        entries[place].packetError = floor.packets
        entries[place].bytes = saturatingSum(floor.bytes, bytes)
        entries[place].byteError = floor.bytes
    }

    /// What is known of a key; nil where it is not listed.
    package func estimate(_ low: UInt64, high: UInt64 = 0) -> Estimate? {
        let set = Int(truncatingIfNeeded: setHash(high, low)) & setMask
        for way in 0..<Self.ways where tags[set][way] != 0 {
            let entry = entries[set * Self.ways + way]
            if entry.low == low, entry.high == high { return estimate(at: set, way) }
        }
        return nil
    }

    private func estimate(at set: Int, _ way: Int) -> Estimate {
        let entry = entries[set * Self.ways + way]
        return Estimate(
            high: entry.high, low: entry.low, packets: packets[set][way], packetError: entry.packetError,
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
            for way in 0..<Self.ways where tags[set][way] != 0 { listed.append(estimate(at: set, way)) }
        }
        listed.sort { ($1.surePackets, $0.high, $0.low) < ($0.surePackets, $1.high, $1.low) }
        return Array(listed.prefix(max(0, count)))
    }

    /// Forgets everything, in the same memory.
    package mutating func clear() {
        for set in tags.indices {
            tags[set] = .zero
            packets[set] = .zero
            floors[set] = Floor()
        }
        for place in entries.indices { entries[place] = Entry() }
    }
}
