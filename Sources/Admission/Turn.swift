internal import Sketches

/// A place in the row of those who were turned away: when its holder first was, and a number that tells the turns of one
/// second apart. It names nobody, and says nothing of who holds it.
package struct Turn: Equatable, Sendable {
    /// Seconds since 1970.
    package var since: UInt32
    package var serial: UInt32

    package init(since: UInt32, serial: UInt32) {
        self.since = since
        self.serial = serial
    }

    var key: UInt64 { UInt64(since) << 32 | UInt64(serial) }
}

/// A turn that came with a request, its signature found right.
package struct HeldTurn: Equatable, Sendable {
    package var turn: Turn
    /// Seconds since it was given out.
    package var age: UInt32
    /// It came for a page, which is what turns are for; what came for parts of pages shows a cookie and no more.
    package var isForPage: Bool

    package init(_ turn: Turn, age: UInt32, isForPage: Bool) {
        self.turn = turn
        self.age = age
        self.isForPage = isForPage
    }
}

/// Signs a site's turns, and tells which were signed: by the first key, or by an older one.
///
/// SipHash-2-4 is made for this: a short signature of a short text, checked by who made it. Each request shows one
/// guess at 64 bits, and a turn is worth little, for an hour.
package struct TurnSeal: Sendable {
    /// Seconds after which a turn is over.
    package static let lifetime: UInt64 = 3_600
    /// Seconds that one worker's clock, or another lane's, may be ahead.
    private static let skew: UInt64 = 5
    /// What is signed here is a turn and nothing else.
    private static let purpose: UInt64 = 0x7761_6368_7462_6574

    private let keys: [KeyedHash]

    /// - Parameter keys: 16 bytes each, the one in use first.
    package init(keys: [[UInt8]]) {
        self.keys = keys.map { KeyedHash(key: $0) }
    }

    package func sign(_ turn: Turn) -> UInt64 { keys.first?.pseudonym(turn.key, Self.purpose) ?? 0 }

    /// The turn's age in seconds; nil where it is over, or no key of these has signed it.
    package func age(of turn: Turn, signature: UInt64, at seconds: UInt64) -> UInt32? {
        let since = UInt64(turn.since)
        guard since <= seconds + Self.skew, seconds < since + Self.lifetime else { return nil }
        for key in keys where key.pseudonym(turn.key, Self.purpose) == signature {
            return UInt32(seconds - min(since, seconds))
        }
        return nil
    }
}
