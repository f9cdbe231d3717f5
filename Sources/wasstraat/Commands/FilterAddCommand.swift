internal import Addresses
internal import ArgumentParser
internal import Fingerprints
internal import Messages
internal import Mitigations
internal import Moments

struct FilterAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Tell the filter what to drop, and what to let pass.",
        discussion: """
            Everything ends by itself after --for (90s, 10m, 1h, 7d; at most 30d), and is undone by wasstraat filter remove. \
            What is refused is said with its reason, and the rest is done; exit code 1 then.
            """,
        subcommands: [
            FilterBlockCommand.self, FilterAllowCommand.self, FilterRuleCommand.self, FilterFloodedCommand.self,
        ])
}

/// Whose entry it is.
struct FilterNoteOptions: ParsableArguments {
    @Option(help: "The organisation that it is for; without: all.")
    var tenant: String?

    func note(_ reason: String, site: String? = nil) -> FilterNote {
        FilterNote(tenant: tenant ?? "", reason: reason, author: .operator, site: site ?? "")
    }
}

/// Whose entry it is, and whose attack it is against.
struct FilterPurposeOptions: ParsableArguments {
    @OptionGroup var owner: FilterNoteOptions

    @Option(
        help: """
            The site, or the network, whose attack it is against: what it does while that goes on stands on its record. \
            It is --tenant's.
            """)
    var site: String?

    func validate() throws {
        guard site != nil, owner.tenant == nil else { return }
        throw ValidationError("--site needs --tenant: on whose record is it to stand?")
    }

    func note(_ reason: String) -> FilterNote { owner.note(reason, site: site) }
}

struct FilterBlockCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "block", abstract: "Drop all packets from addresses and networks.",
        discussion: """
            Networks are at least a /8, of IPv6 a /16. What is allowed stays allowed. "-" reads them from standard input, \
            one a line; lines that begin with # are left out.
            """)

    @Argument(help: "Addresses and blocks.")
    var prefixes: [String]

    @Option(name: .customLong("for"), help: "How long: 90s, 10m, 1h, 7d.")
    var lifetime: String

    @Option(help: "Why, for whoever asks.")
    var reason: String

    @OptionGroup var note: FilterPurposeOptions

    @Flag(help: "Count what would be dropped, and drop nothing.")
    var dry = false

    @OptionGroup var filter: FilterOptions

    func validate() throws { try FilterPrefixes.check(prefixes, lifetime) }

    func run() throws {
        try asking {
            let all = try FilterPrefixes.read(prefixes)
            try FilterOrders.add(
                all, { .block($0) }, note.note(reason), try Lifetime(lifetime), isDry: dry, to: try filter.link(),
                verb: dry ? "counted" : "blocked")
        }
    }
}

struct FilterAllowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allow",
        abstract: "Let all packets from addresses and networks pass, whatever else is said of them.",
        discussion: """
            For monitors, partners, resolvers: who can forge such an address passes too. "-" reads them from standard \
            input, one a line; lines that begin with # are left out.
            """)

    @Argument(help: "Addresses and blocks.")
    var prefixes: [String]

    @Option(name: .customLong("for"), help: "How long: 90s, 10m, 1h, 7d.")
    var lifetime: String

    @Option(help: "Why, for whoever asks.")
    var reason: String

    @OptionGroup var note: FilterNoteOptions

    @OptionGroup var filter: FilterOptions

    func validate() throws { try FilterPrefixes.check(prefixes, lifetime) }

    func run() throws {
        try asking {
            let all = try FilterPrefixes.read(prefixes)
            try FilterOrders.add(
                all, { .allow($0) }, note.note(reason), try Lifetime(lifetime), isDry: false, to: try filter.link(),
                verb: "allowed")
        }
    }
}

struct FilterRuleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rule", abstract: "Count, and with --live drop, packets that fingerprints match.",
        discussion: """
            Fingerprints are ours (signed or not), the report of dissect --json, or the coalition's; "-" is standard input. \
            A rule counts only, unless --live; wasstraat filter live lets it drop later. What hits too much ordinary \
            traffic, or was not measured, cannot drop. It ends with its fingerprint, where that is sooner than --for.
            """)

    @Argument(help: "Files with fingerprints.")
    var fingerprints: [String]

    @Option(help: "What is protected: an address or block; may be given more than once. Without: all that comes in.")
    var target: [String] = []

    @Option(name: .customLong("for"), help: "How long: 90s, 10m, 1h, 7d.")
    var lifetime = "1d"

    @Option(help: "Why, for whoever asks; without: the fingerprint's kind.")
    var reason: String?

    @OptionGroup var note: FilterPurposeOptions

    @Flag(help: "Drop at once, instead of counting first.")
    var live = false

    @OptionGroup var filter: FilterOptions

    func validate() throws {
        _ = try prefixes(target)
        guard target.count <= FilterOrder.targetLimit else {
            throw ValidationError("--target may be given \(FilterOrder.targetLimit) times")
        }
        _ = try Lifetime(lifetime)
        guard fingerprints.count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("standard input (-) can be read once")
        }
    }

    func run() throws {
        try asking {
            let all = try fingerprints.flatMap { try ToolFile.fingerprints($0) }
            guard !all.isEmpty else { throw FilterLinkError("there is no fingerprint in it") }
            let (targets, seconds) = (try prefixes(target), try Lifetime(lifetime).seconds)
            let link = try filter.link()
            var isWhole = true
            for fingerprint in all {
                let name = fingerprint.filterName
                let order = FilterOrder(
                    .rule(fingerprint, targets: targets), note: note.note(reason ?? "fingerprint \(name)"),
                    seconds: seconds, isDry: !live)
                do {
                    guard case .done(let ids, _, _) = try link.ask(.add(order)), let id = ids.first else {
                        throw FilterLink.other
                    }
                    print("rule \(id) \(live ? "drops" : "counts only"): \(name)")
                } catch let error as FilterLinkError where error.isRefusal {
                    complain("\(name): \(error.reason)")
                    isWhole = false
                }
            }
            try link.complainWhereNothingIsFiltered()
            if !isWhole { throw ExitCode.failure }
        }
    }
}

struct FilterFloodedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flooded", abstract: "Answer SYN to addresses of yours with cookies, while they are flooded.",
        discussion: """
            Needs a kernel and an interface that can; wasstraat filter status says what is missing. Wherever the service's \
            own machine is another one than this, it does not help.
            """)

    @Argument(help: "Addresses of your own.")
    var addresses: [String]

    @Option(name: .customLong("for"), help: "How long: 90s, 10m, 1h, 7d.")
    var lifetime: String

    @Option(help: "Why, for whoever asks.")
    var reason = "flood of SYN"

    @OptionGroup var note: FilterPurposeOptions

    @OptionGroup var filter: FilterOptions

    func validate() throws {
        _ = try found()
        _ = try Lifetime(lifetime)
    }

    private func found() throws -> [Address] {
        try addresses.map { text in
            guard let address = Address(text) else { throw ValidationError("'\(text)' is no address") }
            return address
        }
    }

    func run() throws {
        try asking {
            let all = try found().map { Prefix($0, length: 128) }
            try FilterOrders.add(
                all, { .flooded($0.map(\.address)) }, note.note(reason), try Lifetime(lifetime), isDry: false,
                to: try filter.link(), verb: "answered with cookies")
        }
    }
}
