package import Addresses

/// A list of the kernel's filter.
package enum FilterList: UInt8, CaseIterable, Sendable {
    /// Sources one by one.
    case blocked = 0
    /// Sources by network.
    case networks = 1
    case allowed = 2
    /// Destinations that are answered with cookies.
    case flooded = 3

    /// The most that the book holds.
    package var limit: Int {
        switch self {
        // A botnet of a million addresses, 40 bytes each in the book, about 100 in the kernel.
        case .blocked: 1 << 20
        // Networks are walked bit by bit in the kernel: more of them would be a route table.
        case .networks: 65_536
        // Written by people: monitors, partners, resolvers.
        case .allowed: 4_096
        // Addresses of our own that are under a flood of SYN at the same time.
        case .flooded: 256
        }
    }
}

/// A kind of entry, as people name it.
package enum FilterKind: UInt8, CaseIterable, Sendable {
    case blocked = 0
    case allowed = 1
    case rule = 2
    case flooded = 3

    package var name: String {
        switch self {
        case .blocked: "blocked"
        case .allowed: "allowed"
        case .rule: "rule"
        case .flooded: "flooded"
        }
    }

    /// Where its prefixes are kept.
    package var lists: [FilterList] {
        switch self {
        case .blocked: [.blocked, .networks]
        case .allowed: [.allowed]
        case .rule: []
        case .flooded: [.flooded]
        }
    }

    /// The list of one prefix; nil for rules.
    package func list(of prefix: Prefix) -> FilterList? {
        switch self {
        case .blocked: prefix.isSingle ? .blocked : .networks
        case .allowed: .allowed
        case .rule: nil
        case .flooded: .flooded
        }
    }
}

extension Prefix {
    /// One address.
    package var isSingle: Bool { length == (address.isIPv4 ? 32 : 128) }
}

/// What is to be done at the kernel, in this order.
package enum FilterAction: Equatable, Sendable {
    /// Puts an entry in, in place of one that is there. `until` is on the machine's clock; what it hits is counted by the
    /// tally too.
    case insert(FilterList, Prefix, until: UInt64, isDry: Bool, tally: UInt32 = 0)
    case remove(FilterList, Prefix)
    /// The rule that counts here is a new one.
    case clearHits(UInt32)
    /// The tally is another site's.
    case clearTally(UInt32)
    /// The set of rules, or how one of them is carried out, has changed.
    case compileRules
}
