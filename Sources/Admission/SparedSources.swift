internal import Sketches

/// Sources that must not be proven hostile, remembered when the table of sources has no place for them any more: two Bloom
/// filters of fixed size that take turns. An error of theirs spares one too many.
struct SparedSources: Sendable {
    /// Bits of each: 100,000 sources are remembered with one error in a thousand.
    private static let bits = 1 << 21
    private static let hashes: UInt64 = 4
    /// Nanoseconds after which the older one is emptied: each source is remembered for so long at least.
    private static let turn: UInt64 = 600_000_000_000

    private var present = [UInt64](repeating: 0, count: bits / 64)
    private var previous = [UInt64](repeating: 0, count: bits / 64)
    private var turnedAt: UInt64

    init(at now: Instant) { turnedAt = now.nanoseconds }

    mutating func insert(_ key: UInt64, at now: Instant) {
        if now.nanoseconds > turnedAt, now.nanoseconds - turnedAt >= Self.turn {
            turnedAt = now.nanoseconds
            swap(&present, &previous)
            for word in present.indices { present[word] = 0 }
        }
        for hash in 0..<Self.hashes {
            let bit = Self.bit(key, hash)
            present[bit >> 6] |= 1 << UInt64(bit & 63)
        }
    }

    func contains(_ key: UInt64) -> Bool { Self.holds(present, key) || Self.holds(previous, key) }

    private static func holds(_ words: [UInt64], _ key: UInt64) -> Bool {
        for hash in 0..<hashes {
            let bit = bit(key, hash)
            if words[bit >> 6] & 1 << UInt64(bit & 63) == 0 { return false }
        }
        return true
    }

    /// Keys are keyed hashes already: two halves of one make as many more as are needed.
    private static func bit(_ key: UInt64, _ hash: UInt64) -> Int {
        let spread = (key >> 32 | 1) &* hash &+ key
        return Int(truncatingIfNeeded: (spread &* 0x9e37_79b9_7f4a_7c15) >> 43)
    }
}
