internal import Addresses
internal import ArgumentParser
internal import Messages
internal import Mitigations

/// How the command line names entries.
enum FilterEntryName {
    /// An entry's number: digits alone, which are no address.
    static func number(_ text: String) -> UInt64? {
        guard (1...19).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt64(text)
    }

    static func rule(_ text: String) throws -> UInt64 {
        guard let id = number(text) else {
            throw ValidationError("'\(text)' is no rule's number: wasstraat filter list rules shows them")
        }
        return id
    }
}

struct FilterRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Undo entries: by their numbers, or by the address or block that they are of.",
        discussion: """
            What is not there is said, and the rest is undone nevertheless; exit code 1 then. A block is undone by exactly \
            itself: to let one address of a blocked network through, allow it.
            """)

    @Argument(help: "Numbers of entries, addresses, blocks.")
    var entries: [String]

    @Option(name: .customLong("list"), help: "The list that addresses and blocks are in: blocked, allowed or flooded.")
    var list = "blocked"

    @OptionGroup var filter: FilterOptions

    func validate() throws { _ = try requests() }

    private func requests() throws -> [(String, FilterRequest)] {
        guard let kind = FilterKind(listName: list), kind != .rule else {
            throw ValidationError("there is no list '\(list)' of addresses: blocked, allowed or flooded")
        }
        return try entries.map { text in
            if let id = FilterEntryName.number(text) { return ("entry \(id)", .remove(id: id)) }
            guard let prefix = Prefix(text) else {
                throw ValidationError("'\(text)' is no number of an entry, no address and no block")
            }
            return ("\(kind.name) \(prefix.shortText)", .removePrefix(kind, prefix))
        }
    }

    func run() throws {
        try asking {
            let link = try filter.link()
            var isWhole = true
            for (name, request) in try requests() {
                do {
                    guard case .done(_, _, let trouble) = try link.ask(request) else { throw FilterLink.other }
                    print("undone: \(name)")
                    // It is tried again, but whoever undoes a mistake must know that it still holds.
                    guard !trouble.isEmpty else { continue }
                    complain("\(name): \(DissectText.plain(trouble))")
                    isWhole = false
                } catch let error as FilterLinkError where error.isRefusal {
                    complain("\(name): \(error.reason)")
                    isWhole = false
                }
            }
            if !isWhole { throw ExitCode.failure }
        }
    }
}

struct FilterLiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live", abstract: "Let a rule drop, which only counted or was suspended.",
        discussion: """
            Refused where it hits too much ordinary traffic, or where nobody measured that. Look at what it has counted \
            first: wasstraat filter status.
            """)

    @Argument(help: "The rule's number.")
    var rule: String

    @OptionGroup var filter: FilterOptions

    func validate() throws { _ = try FilterEntryName.rule(rule) }

    func run() throws { try conduct(rule, isDry: false, filter) }
}

struct FilterDryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dry", abstract: "Let a rule count only, and drop nothing.")

    @Argument(help: "The rule's number.")
    var rule: String

    @OptionGroup var filter: FilterOptions

    func validate() throws { _ = try FilterEntryName.rule(rule) }

    func run() throws { try conduct(rule, isDry: true, filter) }
}

private func conduct(_ rule: String, isDry: Bool, _ filter: FilterOptions) throws {
    try asking {
        let id = try FilterEntryName.rule(rule)
        let link = try filter.link()
        guard case .done(_, _, let trouble) = try link.ask(.conduct(rule: id, isDry: isDry)) else {
            throw FilterLink.other
        }
        guard trouble.isEmpty else { throw FilterLinkError("rule \(id): \(DissectText.plain(trouble))") }
        print("rule \(id) \(isDry ? "counts only" : "drops")")
        if !isDry { try link.complainWhereNothingIsFiltered() }
    }
}
