internal import Addresses
internal import ArgumentParser
internal import Detection
internal import Exchange
internal import Glibc

struct AccessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "access", abstract: "Let sources in or turn them away by hand, for a time.",
        discussion: """
            Takes effect at once, outlives the office, ends by itself, and is taken back by 'expire'. Each order is in the \
            audit log with who gave it. For what is to last use 'allow' and 'deny' of the configuration.
            """,
        subcommands: [
            AccessAllowCommand.self, AccessDenyCommand.self, AccessExpireCommand.self, AccessListCommand.self,
            AccessRuleCommand.self,
        ])
}

/// Which office a command speaks to.
struct OfficeOptions: ParsableArguments {
    @Option(help: "The office's state folder.")
    var state: String?

    @Option(help: "The configuration file that names the state folder.")
    var config: String?

    func validate() throws {
        if state != nil, config != nil { throw ValidationError("give --state or --config, not both") }
    }

    func link() throws -> AdminLink {
        guard let config else { return AdminLink(StateFolder(path: state ?? LoadedConfiguration.defaultState)) }
        let loaded = LoadedConfiguration(file: config)
        guard let configuration = loaded.configuration else {
            for complaint in loaded.complaints { complain(complaint.text) }
            throw ExitCode(1)
        }
        return AdminLink(StateFolder(path: configuration.state))
    }
}

/// Runs a command that speaks to the office: what went wrong is said in one line, with exit code 1.
func ordering(_ work: () throws -> Void) throws {
    do {
        try tooling(work)
    } catch let error as AdminLinkError {
        complain(DissectText.plain(error.reason))
        throw ExitCode.failure
    }
}

/// What all orders have.
struct OrderOptions: ParsableArguments {
    @Option(name: .customLong("for"), help: "How long it holds: 90s, 10m, 1h, 7d.")
    var lifetime = "1h"

    @Option(help: "Why, for the audit log. One line; no name and no address of a person.")
    var reason: String

    @OptionGroup var office: OfficeOptions

    func validate() throws { _ = try Lifetime(lifetime) }

    /// The members of an order's JSON beside what it is of.
    func members(_ kind: String) throws -> [JSONValue.Member] {
        var members = [
            JSONValue.Member("kind", .string(kind)), .init("seconds", .number("\(try Lifetime(lifetime).seconds)")),
            .init("reason", .string(reason)),
        ]
        if let user = sudoer { members.append(user) }
        return members
    }
}

/// Under sudo the kernel says "root"; who that was is worth noting, as said.
private var sudoer: JSONValue.Member? {
    guard geteuid() == 0, let user = getenv("SUDO_USER") else { return nil }
    return JSONValue.Member("by", .string(String(cString: user)))
}

/// Of one source, or several.
struct SourceOptions: ParsableArguments {
    @Argument(help: "Addresses and blocks.")
    var sources: [String]

    @Option(help: "The site by its name; without it all sites.")
    var site: String?

    func validate() throws {
        for text in sources where Prefix(text) == nil { throw ValidationError("'\(text)' is no address and no block") }
    }

    func order(_ kind: String, _ order: OrderOptions) throws {
        let link = try order.office.link()
        for text in sources {
            var members = try order.members(kind)
            members.append(.init("prefix", .string(text)))
            if let site { members.append(.init("site", .string(site))) }
            print(OrderText.line(try link.ask("POST", "/v1/access", .object(members))))
        }
    }
}

struct AccessAllowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allow",
        abstract: "Let sources pass: never queued behind a flood, never suspect, never handed to the kernel.",
        discussion: """
            What machines blocked of them in the packet filter is let go; what was blocked by hand there stays: \
            wasstraat filter remove ADDRESS.
            """)

    @OptionGroup var sources: SourceOptions
    @OptionGroup var order: OrderOptions

    func run() throws { try ordering { try sources.order("allow", order) } }
}

struct AccessDenyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deny", abstract: "Turn sources away: every request is answered with 403.")

    @OptionGroup var sources: SourceOptions
    @OptionGroup var order: OrderOptions

    func run() throws { try ordering { try sources.order("deny", order) } }
}

struct AccessExpireCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expire", abstract: "Take orders back, by their numbers, modes of sites too.")

    @Argument(help: "Numbers of orders, as 'list' shows them.")
    var orders: [UInt64]

    @OptionGroup var office: OfficeOptions

    func run() throws {
        try ordering {
            let link = try office.link()
            for order in orders {
                _ = try link.ask("DELETE", "/v1/access/\(order)")
                print("taken back: order \(order)")
            }
        }
    }
}

struct AccessRuleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rule", abstract: "Have a rule on requests only count, mark again, or go.",
        discussion: """
            observe: it counts only, until protect. undo: it goes, and does not come back while the attack lasts. It \
            holds for as long as the rule would be there and the office runs. Rules on packets: wasstraat filter.
            """)

    @Argument(help: "The rule's number, as top and the access log show it.")
    var rule: String

    @Argument(help: "observe, protect or undo.")
    var order: String

    @Option(help: "The site by its name; without it all sites.")
    var site: String?

    @Option(help: "Why, for the audit log. One line; no name and no address of a person.")
    var reason: String

    @OptionGroup var office: OfficeOptions

    func validate() throws {
        guard UInt64(rule, radix: 16) != nil else { throw ValidationError("'\(rule)' is no number of a rule") }
        guard LiveRule.Order(rawValue: order) != nil else {
            throw ValidationError("an order is observe, protect or undo")
        }
    }

    func run() throws {
        try ordering {
            var members = [JSONValue.Member("kind", .string(order)), .init("reason", .string(reason))]
            if let site { members.append(.init("site", .string(site))) }
            if let user = sudoer { members.append(user) }
            let answer = try office.link().ask("POST", "/v1/rules/\(rule)", .object(members))
            print("\(order): rule \(answer.text("rule") ?? "?") at \(site ?? "all sites")")
        }
    }
}

struct AccessListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the orders that hold now.",
        discussion: "Addresses in it are of people: do not pass the list on without need.")

    @Flag(help: "Print the office's JSON.")
    var json = false

    @OptionGroup var office: OfficeOptions

    func run() throws {
        try ordering {
            let answer = try office.link().ask("GET", "/v1/access")
            guard !json else { return putAll(answer.canonical + [10]) }
            guard case .array(let orders)? = answer["orders"], !orders.isEmpty else { return print("no orders") }
            for order in orders { print(OrderText.line(order)) }
        }
    }
}

struct ModeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mode", abstract: "Let a site only observe, or protect it, for a time, without editing the file.",
        discussion: "It ends by itself: the configured mode is in force again. Earlier: wasstraat access expire NUMBER."
    )

    @Argument(help: "The site by its name.")
    var site: String

    @Argument(help: "observe or protect.")
    var mode: String

    @OptionGroup var order: OrderOptions

    func validate() throws {
        guard ["observe", "protect"].contains(mode) else { throw ValidationError("a mode is observe or protect") }
        guard site.utf8.allSatisfy({ (33...126).contains($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") })
        else { throw ValidationError("'\(site)' is no name of a site") }
    }

    func run() throws {
        try ordering {
            let answer = try order.office.link().ask("POST", "/v1/sites/\(site)/mode", .object(try order.members(mode)))
            print(OrderText.line(answer))
        }
    }
}

/// An order of the office's JSON as a line for people.
enum OrderText {
    static func line(_ order: JSONValue) -> String {
        let parts = [
            "order \(order.text("id") ?? "?"):", order.text("kind") ?? "?", order.text("prefix"),
            "at \(order.text("site") ?? "all sites")", "until \(order.text("until") ?? "?")",
            "by \(order.text("by") ?? "?"):", order.text("reason"),
        ]
        return DissectText.plain(parts.compactMap(\.self).joined(separator: " "))
    }
}
