internal import Addresses
internal import ArgumentParser
internal import Glibc
internal import Messages
internal import Mitigations
internal import Moments

struct FilterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "filter", abstract: "Ask and tell the packet filter: what it drops, why, and how to undo it.",
        discussion: """
            All but 'test' speak to the running filter, by its socket in the state folder; they need the rights of the user \
            that runs it. Exit code 1 where no filter answers, or where it refuses. Documentation/packet-filter.md says what \
            each reason means.
            """,
        subcommands: [
            FilterStatusCommand.self, FilterListCommand.self, FilterExplainCommand.self, FilterAddCommand.self,
            FilterRemoveCommand.self, FilterLiveCommand.self, FilterDryCommand.self, FilterTestCommand.self,
            FilterSamplesCommand.self,
        ])
}

struct FilterStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How the filter does: how it filters, what is missing, what it drops.",
        discussion: """
            Looks twice, a second apart, to tell how much comes now. Counters count up from when the filter was first \
            attached. Exit code 1 where no filter answers.
            """)

    /// Between the two looks, in milliseconds.
    private static let pause: Int64 = 1_000

    @OptionGroup var filter: FilterOptions

    @Flag(help: "Print JSON, one line.")
    var json = false

    func run() throws {
        try asking {
            let link = try filter.link()
            let start = MonotonicClock.milliseconds
            let before = try link.status()
            var rules: [FilterEntry] = []
            if !before.rules.isEmpty { try link.entries(.rule) { rules += $0 } }
            usleep(UInt32(clamping: max(0, Self.pause - (MonotonicClock.milliseconds - start)) * 1_000))
            let status = try link.status()
            let seconds = Double(MonotonicClock.milliseconds - start) / 1_000
            guard case .tallies(let said) = try link.ask(.tallies) else { throw FilterLink.other }
            let tallies = said.isCounted ? said.tallies : []
            if json {
                putAll(
                    FilterJSON.status(
                        status, before: before, seconds: seconds, rules: rules, tallies: tallies, at: .now))
            } else {
                let text = FilterStatusText(
                    status, before: before, seconds: seconds, rules: rules, tallies: tallies)
                for line in text.lines(at: .now) { print(line) }
            }
        }
    }
}

struct FilterListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List what the filter was told: blocked, allowed, rules, flooded; without a name all.",
        discussion: "Blocked and allowed entries are addresses of people: do not pass the list on without need.")

    @Argument(help: "blocked, allowed, rules or flooded.")
    var list: String?

    @OptionGroup var filter: FilterOptions

    @Flag(help: "Print JSON: one line for each entry.")
    var json = false

    func validate() throws { _ = try kinds() }

    private func kinds() throws -> [FilterKind] {
        guard let list else { return FilterKind.allCases }
        guard let kind = FilterKind(listName: list) else {
            throw ValidationError("there is no list '\(list)': blocked, allowed, rules or flooded")
        }
        return [kind]
    }

    func run() throws {
        try asking {
            let link = try filter.link()
            let kinds = try kinds()
            for (place, kind) in kinds.enumerated() {
                var count = 0
                // Page by page: a million entries are never held.
                try link.entries(kind) { page in
                    if json {
                        putAll(page.flatMap { FilterJSON.entry($0) + [10] })
                    } else {
                        if count == 0, place > 0 { print("") }
                        if count == 0 { print(kind.listName) }
                        for line in FilterListText.lines(page, at: .now) { print(line) }
                    }
                    count += page.count
                }
                guard !json, count == 0 else { continue }
                print("\(place > 0 ? "\n" : "")\(kind.listName): none")
            }
        }
    }
}

struct FilterExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what becomes of packets from an address, or what an entry is: reason, who said so, until when.")

    @Argument(help: "An address, or the number of an entry.")
    var what: String

    @OptionGroup var filter: FilterOptions

    func validate() throws { _ = try request() }

    private func request() throws -> FilterRequest {
        if let id = FilterEntryName.number(what) { return .explainEntry(id: id) }
        guard let address = Address(what) else {
            throw ValidationError("'\(what)' is no address and no number of an entry")
        }
        return .explain(address)
    }

    func run() throws {
        try asking {
            guard case .lines(let lines) = try filter.link().ask(try request()) else { throw FilterLink.other }
            for line in lines { print(DissectText.plain(line)) }
        }
    }
}
