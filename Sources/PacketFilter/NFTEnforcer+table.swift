internal import Addresses
internal import Filters
internal import Mitigations

/// A set of the table: entries of one list, IP version, length and conduct.
///
/// Networks have a set for each length in place of one set of intervals: networks of the book may lie in each other, with
/// an end each, and intervals of nft may not.
struct NFTSet: Hashable {
    private enum Kind: String {
        case allowed, blocked, networks
    }

    private let kind: Kind
    let isIPv4: Bool
    let length: Int
    let isDry: Bool

    /// nil for a list that is not carried out here.
    init?(_ list: FilterList, _ prefix: Prefix, isDry: Bool) {
        switch list {
        case .allowed: kind = .allowed
        case .blocked: kind = .blocked
        case .networks: kind = .networks
        case .flooded: return nil
        }
        isIPv4 = prefix.address.isIPv4
        length = prefix.length
        // As the kernel's own filter: who is allowed passes.
        self.isDry = kind != .allowed && isDry
    }

    /// The set that has what is carried out otherwise; nil: there is none.
    var other: NFTSet? { kind == .allowed ? nil : NFTSet(self, isDry: !isDry) }

    private init(_ set: NFTSet, isDry: Bool) {
        kind = set.kind
        isIPv4 = set.isIPv4
        length = set.length
        self.isDry = isDry
    }

    /// With the number of its generation, so that a new table's sets are filled beside those that hold.
    func name(_ generation: UInt64) -> String {
        "\(kind.rawValue)_\(isIPv4 ? 4 : 6)_\(length)_\(isDry ? "dry" : "live")_\(generation)"
    }

    /// The generation of a set's name; nil: it is none of ours.
    static func generation(of name: String) -> UInt64? { name.split(separator: "_").last.flatMap { UInt64($0) } }

    var declaration: String { "{ type \(isIPv4 ? "ipv4_addr" : "ipv6_addr"); flags timeout; }" }

    /// The line that looks a source up.
    private func line(_ generation: UInt64) -> String {
        let source = isIPv4 ? "ip saddr" : "ip6 saddr"
        let isWhole = length == (isIPv4 ? 32 : 128)
        let whole = isIPv4 ? Address(ipv4: .max) : Address(high: .max, low: .max)
        let mask = isWhole ? "" : " & \(whole.masked(to: length)) =="
        return "\(source)\(mask) @\(name(generation)) \(ending)"
    }

    private var ending: String {
        switch (kind, isDry) {
        case (.allowed, _): "counter name \(FilterReason.allowed.counterName) accept"
        case (.blocked, false): "counter name \(FilterReason.blockedSource.counterName) drop"
        case (.blocked, true): "counter name \(FilterReason.dryBlockedSource.counterName)"
        case (.networks, false): "counter name \(FilterReason.blockedNetwork.counterName) drop"
        // The smallest network alone answers.
        case (.networks, true): "counter name \(FilterReason.dryBlockedNetwork.counterName) return"
        }
    }

    /// The lines of one IP version's chains, networks from the smallest on.
    static func lines(_ sets: Set<NFTSet>, isIPv4: Bool, _ generation: UInt64) -> (chain: [String], networks: [String])
    {
        let own = sets.filter { $0.isIPv4 == isIPv4 }.sorted { $0.length > $1.length }
        let ordered = own.filter { $0.kind == .allowed } + own.filter { $0.kind == .blocked }
        return (ordered.map { $0.line(generation) }, own.filter { $0.kind == .networks }.map { $0.line(generation) })
    }
}

extension FilterReason {
    /// Of the reasons that nftables can tell.
    fileprivate static let counted: [FilterReason] = [
        .other, .passed, .allowed, .blockedSource, .blockedNetwork, .rule, .dryBlockedSource, .dryBlockedNetwork,
        .dryRule,
    ]

    var counterName: String { "reason_\(rawValue)" }
}

/// Lines for nft, which are one transaction. Everything in them is a number, an address or a word of ours: no text of the
/// book's is ever written.
struct NFTScript {
    private(set) var bytes: [UInt8] = []
    /// What nft is told about the table.
    private let table: String

    init(table: String) { self.table = table }

    var isEmpty: Bool { bytes.isEmpty }

    /// "add", "set", "blocked… { … }".
    mutating func tell(_ verb: String, _ object: String, _ rest: String = "") {
        bytes += "\(verb) \(object) netdev \(table) \(rest)\n".utf8
    }

    mutating func elements(_ verb: String, _ set: String, _ elements: some Sequence<String>) {
        bytes += "\(verb) element netdev \(table) \(set) { ".utf8
        for element in elements {
            bytes += element.utf8
            bytes += ", ".utf8
        }
        bytes += "}\n".utf8
    }

    // ---- The table.

    /// The table and what is in it whatever the book says.
    mutating func tellFrame(device: String) {
        tell("add", "table")
        tell("add", "chain", "ingress { type filter hook ingress device \"\(device)\" priority -500; policy accept; }")
        for version in [4, 6] {
            for chain in ["source", "networks", "rules"] { tell("add", "chain", "\(chain)\(version)") }
        }
        for reason in FilterReason.counted { tell("add", "counter", reason.counterName) }
        tell("flush", "chain", "ingress")
        tell("add", "rule", "ingress meta protocol ip goto source4")
        tell("add", "rule", "ingress meta protocol ip6 goto source6")
        tell("add", "rule", "ingress counter name \(FilterReason.other.counterName)")
    }

    /// The lines that look sources up, in place of those that are there.
    mutating func tellSources(_ sets: Set<NFTSet>, generation: UInt64) {
        for (version, isIPv4) in [(4, true), (6, false)] {
            let (lines, networks) = NFTSet.lines(sets, isIPv4: isIPv4, generation)
            tell("flush", "chain", "source\(version)")
            tell("flush", "chain", "networks\(version)")
            let rest = [
                "jump networks\(version)", "jump rules\(version)", "counter name \(FilterReason.passed.counterName)",
            ]
            for line in lines + rest { tell("add", "rule", "source\(version) \(line)") }
            for line in networks { tell("add", "rule", "networks\(version) \(line)") }
        }
    }

    /// Rules, in place of those that are there.
    ///
    /// - Parameter cleared: counters that begin anew.
    mutating func tellRules(_ rules: [NFTRule], cleared: Set<UInt32> = [], at now: FilterTime) {
        tell("flush", "chain", "rules4")
        tell("flush", "chain", "rules6")
        for counter in cleared.sorted() {
            tell("add", "counter", NFTRule.counterName(counter))
            tell("delete", "counter", NFTRule.counterName(counter))
        }
        for rule in rules {
            tell("add", "counter", NFTRule.counterName(rule.counter))
            for match in rule.matches {
                tell("add", "rule", "rules\(match.isIPv4 ? 4 : 6) \(match.text) \(rule.ending(at: now))")
            }
        }
    }
}
