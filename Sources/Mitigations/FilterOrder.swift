package import Addresses
package import Fingerprints

/// What the filter is told to do, before it is checked.
package struct FilterOrder: Equatable, Sendable {
    /// Prefixes or addresses of one order.
    package static let batchLimit = 4_096
    /// Destinations of one rule: each is asked one by one, for each packet that the rest of the rule matches.
    package static let targetLimit = 64

    package enum What: Equatable, Sendable {
        /// Sources whose packets are dropped; /32 and /128 are single addresses.
        case block([Prefix])
        /// Sources that always pass.
        case allow([Prefix])
        /// A fingerprint of packets, for destinations; none: all.
        case rule(Fingerprint, targets: [Prefix])
        /// Destinations whose SYN are answered with cookies.
        case flooded([Address])
    }

    package var what: What
    package var note: FilterNote
    /// How long, from now on.
    package var seconds: UInt32
    /// Counted, not done.
    package var isDry: Bool

    package init(_ what: What, note: FilterNote, seconds: UInt32, isDry: Bool = false) {
        self.what = what
        self.note = note
        self.seconds = seconds
        self.isDry = isDry
    }
}

/// Why the filter does not do what it was told.
package struct FilterRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, CaseIterable, Sendable {
        /// A prefix that covers too much, or that would cover the other IP version.
        case tooWide
        /// It lies in what is allowed.
        case allowed
        /// A list, a batch or the notes are full.
        case full
        /// No lifetime, or one that is too long.
        case lifetime
        /// The filter cannot say the fingerprint.
        case fingerprint
        /// It hits, or may hit, too much ordinary traffic.
        case collateral
        case text
        /// Nothing in the book is called so.
        case unknown
        /// Not for those who asked.
        case author
        /// It has none of what was asked for, or says nothing.
        case empty
        /// The wall clock cannot be right.
        case clock
    }

    package var code: Code
    /// For people, one line.
    package var reason: String

    package init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { reason }
}
