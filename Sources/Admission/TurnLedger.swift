internal import Sketches

/// What was done with turns that came back, in a table of fixed size: one turn is one turn, and its cookie is good for so
/// many requests a second, from however many sources they come.
///
/// Nothing is kept of a turn that is given out, only of one that is used. The table forgets the one that was used longest
/// ago, which begins anew then: who brings so many turns that it matters had to be refused that often for them.
struct TurnLedger: Sendable {
    enum Standing: Sendable {
        /// Has not had its turn: what it waited counts.
        case held
        /// Had its turn, or is having it at this moment: shows that cookies are kept.
        case proven
        /// Asks more than one turn may.
        case overused
    }

    private struct Entry {
        /// 0: nobody's.
        var key: UInt64 = 0
        /// Seconds since the table's start: of the last use, and of the last time that it was let wait as one who holds a
        /// turn.
        var usedAt: Float = 0
        var heldAt: Float = -.infinity
        /// Requests that it may make at once.
        var left: Float = TurnLedger.burst
        var isServed = false
    }

    /// Requests that one turn is good for at once, and per second: a page with its parts, and the next one after a while.
    private static let burst: Float = 48
    private static let rate: Float = 2
    private static let ways = 4
    private static let sets = 2048

    /// Made with the first turn that comes back: 256 KiB.
    private var entries: [Entry] = []
    private let start: Instant
    /// Nobody outside can choose turns that share a set.
    private let hash: KeyedHash

    init(key: KeyedHash, at now: Instant) {
        start = now
        hash = key
    }

    /// A turn comes with a request that has to wait.
    ///
    /// - Parameter pause: seconds that a request waits at most. Until then the turn is being had, and a second request
    ///   with it has none.
    mutating func claim(_ held: HeldTurn, pause: Float, at now: Instant) -> Standing {
        let time = now.seconds(since: start)
        let place = place(of: held.turn.key, time)
        entries[place].left = left(entries[place], time)
        entries[place].usedAt = time
        guard entries[place].left >= 1 else { return .overused }
        entries[place].left -= 1
        guard held.isForPage, !entries[place].isServed, time - entries[place].heldAt > pause else { return .proven }
        entries[place].heldAt = time
        return .held
    }

    /// The turn was had.
    mutating func served(_ key: UInt64, at now: Instant) {
        let time = now.seconds(since: start)
        let place = place(of: key, time)
        entries[place].usedAt = time
        entries[place].isServed = true
    }

    /// What has become of a turn; nil where it was not used, or not for long.
    func look(_ key: UInt64, at now: Instant) -> (isServed: Bool, isOverused: Bool)? {
        guard !entries.isEmpty else { return nil }
        let first = set(of: key)
        for place in first..<first + Self.ways where entries[place].key == key {
            return (entries[place].isServed, left(entries[place], now.seconds(since: start)) < 1)
        }
        return nil
    }

    private func left(_ entry: Entry, _ time: Float) -> Float {
        min(Self.burst, entry.left + max(0, time - entry.usedAt) * Self.rate)
    }

    private func set(of key: UInt64) -> Int {
        Int(truncatingIfNeeded: hash(0x7475, key) & UInt64(Self.sets - 1)) * Self.ways
    }

    private mutating func place(of key: UInt64, _ time: Float) -> Int {
        if entries.isEmpty { entries = Array(repeating: Entry(), count: Self.sets * Self.ways) }
        let first = set(of: key)
        var oldest = first
        for place in first..<first + Self.ways {
            if entries[place].key == key { return place }
            if entries[place].key == 0 {
                oldest = place
                break
            }
            if entries[place].usedAt < entries[oldest].usedAt { oldest = place }
        }
        entries[oldest] = Entry(key: key, usedAt: time)
        return oldest
    }
}
