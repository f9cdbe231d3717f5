internal import Addresses
internal import Filters
internal import Fingerprints
internal import Mitigations

extension FilterReason {
    /// For people.
    var words: String {
        switch self {
        case .other: "no IP"
        case .passed: "nothing against it"
        case .allowed: "allowed source"
        case .malformed, .dryMalformed: "malformed"
        case .blockedSource, .dryBlockedSource: "blocked address"
        case .blockedNetwork, .dryBlockedNetwork: "blocked network"
        case .sourceBudget, .drySourceBudget: "source over budget"
        case .destinationBudget, .dryDestinationBudget: "target over budget"
        case .rule, .dryRule: "rule"
        case .cookieSent: "SYN, answered with a cookie"
        case .cookieRefused: "ACK without a cookie"
        }
    }

    /// What is done with the packet.
    var verb: String {
        if isDry { return "would drop" }
        if self == .cookieSent { return "answer" }
        return isDrop ? "drop" : "pass"
    }

    /// For programs; part of the form, so not to be changed.
    var key: String {
        switch self {
        case .other: "other"
        case .passed: "passed"
        case .allowed: "allowed"
        case .malformed: "malformed"
        case .blockedSource: "blocked_source"
        case .blockedNetwork: "blocked_network"
        case .sourceBudget: "source_budget"
        case .destinationBudget: "destination_budget"
        case .rule: "rule"
        case .cookieSent: "cookie_sent"
        case .cookieRefused: "cookie_refused"
        case .dryMalformed: "dry_malformed"
        case .dryBlockedSource: "dry_blocked_source"
        case .dryBlockedNetwork: "dry_blocked_network"
        case .drySourceBudget: "dry_source_budget"
        case .dryDestinationBudget: "dry_destination_budget"
        case .dryRule: "dry_rule"
        }
    }
}

extension EnforcerConduct.Mode {
    /// For people.
    var words: String {
        switch self {
        case .none: "NOTHING IS FILTERED"
        case .native: "native: in the driver"
        case .generic: "generic: in the kernel, slower than native"
        case .nftables: "nftables: slower, without the kernel's own filter"
        }
    }

    /// For programs.
    var key: String {
        switch self {
        case .none: "none"
        case .native: "native"
        case .generic: "generic"
        case .nftables: "nftables"
        }
    }
}

extension FilterList {
    /// For people.
    var words: String {
        switch self {
        case .blocked: "blocked addresses"
        case .networks: "blocked networks"
        case .allowed: "allowed"
        case .flooded: "flooded targets"
        }
    }

    /// For programs.
    var key: String {
        switch self {
        case .blocked: "blocked"
        case .networks: "networks"
        case .allowed: "allowed"
        case .flooded: "flooded"
        }
    }
}

extension FilterKind {
    /// As `filter list` names it.
    var listName: String { self == .rule ? "rules" : name }

    init?(listName: String) {
        guard let found = Self.allCases.first(where: { $0.listName == listName }) else { return nil }
        self = found
    }
}

extension FilterEntry.Status {
    var word: String {
        switch self {
        case .live: "live"
        case .dry: "dry"
        case .suspended: "suspended"
        case .ended: "ended"
        case .undone: "undone"
        }
    }
}

extension Prefix {
    /// "198.51.100.7" of one address, "198.51.100.0/24" of more.
    var shortText: String { isSingle ? "\(address)" : description }
}

extension Fingerprint {
    /// Its kind, or the first digits of its identifier.
    var filterName: String { DissectText.plain(kind ?? Rules.id(self)) }

    /// "protocol udp, source_port 53".
    var conditionText: String {
        DissectText.plain(conditions.map { "\($0.feature.rawValue) \($0.value)" }.joined(separator: ", "))
    }
}

/// Columns of a table for a terminal: the first to the left, figures to the right.
struct FilterTable {
    enum Side { case left, right }

    private let sides: [Side]
    private var rows: [[String]] = []

    init(_ sides: [Side]) { self.sides = sides }

    var isEmpty: Bool { rows.isEmpty }

    mutating func add(_ cells: String...) { rows.append(cells) }

    /// Each column as wide as its widest cell, two spaces between them, none at the end.
    func lines(indent: Int = 0) -> [String] {
        let widths = sides.indices.map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = String(repeating: " ", count: indent)
            for (column, cell) in row.enumerated() where column < sides.count {
                let space = String(repeating: " ", count: widths[column] - cell.count)
                line += (column > 0 ? "  " : "") + (sides[column] == .left ? cell + space : space + cell)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
