package import Sketches

/// What a TLS connection costs beside what it says: records that are empty or hold a byte or two, new keys, alerts. Each is
/// decrypted and checked like a full one.
///
/// A record's own bytes are no waste where at least as much content comes; who sends more than that has a budget that
/// refills with time. A program that sends a few hundred short messages a second, as a chat does, stays within it.
package struct RecordBudget: Sendable {
    /// Bytes of waste at once, and each second: some 3,000 records of one byte, then 700 a second.
    package static let capacity: UInt32 = 64 << 10
    package static let perSecond: UInt32 = 16 << 10

    private var owed: UInt32 = 0
    /// In milliseconds, which may wrap.
    private var settledAt: UInt32 = 0

    package init() {}

    /// So much ciphertext was received, and gave so much content. False: the budget is overdrawn.
    package mutating func received(_ ciphertext: Int, giving content: Int, at now: Instant) -> Bool {
        let waste = ciphertext - 2 * content
        if waste <= 0 {
            // A record that was cut off counted as waste until its end came.
            owed -= min(owed, UInt32(clamping: -waste))
            return true
        }
        let milliseconds = UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000)
        let elapsed = milliseconds &- settledAt
        settledAt = milliseconds
        owed -= min(owed, UInt32(clamping: UInt64(elapsed) * UInt64(Self.perSecond) / 1000))
        owed = UInt32(clamping: UInt64(owed) + UInt64(waste))
        return owed <= Self.capacity
    }
}
