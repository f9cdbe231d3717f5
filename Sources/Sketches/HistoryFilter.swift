internal import Synchronization

/// Who was here before: a split-block Bloom filter (Putze, Sanders and Singler 2007, in the form of Apache Parquet's)
/// over keyed hashes, in memory that belongs to somebody else and may be shared by workers and outlive the process.
///
/// Two generations: additions go to the present one, a look-up sees both, and rotating forgets the older one. Memory
/// and time are fixed; it never forgets within a generation, and says "seen" wrongly for about 0.4 % of the strangers
/// when filled to its design load. All methods may be called from several threads at once.
package struct HistoryFilter: @unchecked Sendable {
    // Unchecked because of the pointer: all words behind it are atomics, and whoever made it keeps the memory.
    private let words: UnsafeMutablePointer<Atomic<UInt32>>
    private let blocks: UInt64

    /// Words before the filter: magic, form, present generation, when it began (seconds since 1970, halved in two), and
    /// entries added to it.
    private static let headerWords = 16
    private static let magic: UInt32 = 0x5753_4831

    /// Takes over `byteCount` bytes, zeroed or as another filter of the same size left them; at least 4 KiB. What is
    /// neither is cleared.
    package init(memory: UnsafeMutableRawPointer, byteCount: Int, now seconds: UInt64) {
        let count = byteCount / 4
        words = memory.bindMemory(to: Atomic<UInt32>.self, capacity: count)
        blocks = UInt64(max(1, (count - Self.headerWords) / 16))
        let form = UInt32(truncatingIfNeeded: blocks)
        if word(0) != Self.magic || word(1) != form {
            for index in 0..<count { store(0, index) }
            store(Self.magic, 0)
            store(form, 1)
            began = seconds
        }
    }

    /// Entries that one generation holds at its design load of 20 bits an entry.
    package var capacity: Int { Int(blocks) * 256 / 20 }

    /// Whether this hash was added in this generation or the one before.
    package func contains(_ hash: UInt64) -> Bool {
        holds(hash, generation: 0) || holds(hash, generation: 1)
    }

    /// Adds a hash to the present generation.
    package func insert(_ hash: UInt64) {
        let generation = Int(word(2) & 1)
        guard !holds(hash, generation: generation) else { return }
        let start = place(hash, generation)
        for index in 0..<8 {
            words[start + index].bitwiseOr(Self.bit(hash, index), ordering: .relaxed)
        }
        words[5].wrappingAdd(1, ordering: .relaxed)
    }

    /// Starts a new generation, forgetting the one before the present, when that has lasted `lifetime` seconds or holds
    /// all it can. One thread calls this.
    package func rotate(now seconds: UInt64, lifetime: UInt64) {
        guard seconds >= began &+ lifetime || Int(word(5)) >= capacity else { return }
        let next = Int(word(2) & 1) ^ 1
        let start = Self.headerWords + next * Int(blocks) * 8
        for index in start..<start + Int(blocks) * 8 { store(0, index) }
        store(UInt32(next), 2)
        store(0, 5)
        began = seconds
    }

    /// When the present generation began, in seconds since 1970.
    private var began: UInt64 {
        get { UInt64(word(3)) << 32 | UInt64(word(4)) }
        nonmutating set {
            store(UInt32(truncatingIfNeeded: newValue >> 32), 3)
            store(UInt32(truncatingIfNeeded: newValue), 4)
        }
    }

    private func word(_ index: Int) -> UInt32 { words[index].load(ordering: .relaxed) }
    private func store(_ value: UInt32, _ index: Int) { words[index].store(value, ordering: .relaxed) }

    private func place(_ hash: UInt64, _ generation: Int) -> Int {
        let block = Int(((hash >> 32) &* blocks) >> 32)
        return Self.headerWords + (generation * Int(blocks) + block) * 8
    }

    private func holds(_ hash: UInt64, generation: Int) -> Bool {
        let start = place(hash, generation)
        for index in 0..<8 where word(start + index) & Self.bit(hash, index) == 0 { return false }
        return true
    }

    /// One of 32 bits for each of the block's eight words, by multiplying with eight odd constants.
    private static func bit(_ hash: UInt64, _ index: Int) -> UInt32 {
        let salt: UInt32 =
            switch index {
            case 0: 0x47b6_137b
            case 1: 0x4497_4d91
            case 2: 0x8824_ad5b
            case 3: 0xa2b7_289d
            case 4: 0x7054_95c7
            case 5: 0x2df1_424b
            case 6: 0x9efc_4947
            default: 0x5c6b_fb31
            }
        return 1 << ((UInt32(truncatingIfNeeded: hash) &* salt) >> 27)
    }
}
