internal import ArgumentParser
internal import Glibc
internal import Incidents
internal import Portal
internal import Register

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Who may use the console.",
        subcommands: [Add.self, List.self, DropFactor.self])

    static func changed(_ name: String) -> ValidationError {
        ValidationError("\(name) was just changed by somebody else: look, and try again")
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Make an account, or give one a new password or role.",
            discussion: """
                Reads the password from standard input, one line of at least 12 characters. A second factor stays: \
                drop-factor takes it away.
                """)

        @OptionGroup var register: RegisterOptions

        @Argument(help: "1-64 of a-z, 0-9, \".\", \"-\" and \"_\".")
        var name: String

        @Option(help: "operator (sees, posts, undoes), analyst (sees, files evidence) or auditor (sees).")
        var role: String

        @Option(help: "The organisation whose matters it sees; all, if left out.")
        var organisation: String?

        func run() async throws {
            try await answering {
                guard let role = Account.Role(rawValue: role) else {
                    throw ValidationError("the role is operator, analyst or auditor")
                }
                guard (1...64).contains(name.utf8.count),
                    name.utf8.allSatisfy({
                        (97...122).contains($0) || (48...57).contains($0) || [46, 45, 95].contains($0)
                    })
                else { throw ValidationError("'\(name)' is no account name") }
                let opened = try await register.open()
                if let organisation {
                    let known = opened.configuration.organisations.map(\.name)
                    guard known.contains(organisation) else {
                        throw ValidationError(
                            "there is no organisation \(organisation); there are: \(known.joined(separator: ", "))")
                    }
                }
                if isatty(0) == 1 { complain("Password:") }
                guard let password = readLine(), Password.lengths.contains(password.count),
                    let hash = Password.hash(password)
                else {
                    let (least, most) = (Password.lengths.lowerBound, Password.lengths.upperBound)
                    throw ValidationError("the password must have \(least) to \(most) characters")
                }
                let known = try await opened.records.account(name: name)
                let account = Account(
                    name: name, role: role, organisation: organisation, password: hash, factor: known?.factor)
                guard try await opened.records.keep(account, inPlaceOf: known) else {
                    throw AccountCommand.changed(name)
                }
                print("\(name) may use the console as \(role.rawValue)")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the accounts.")

        @OptionGroup var register: RegisterOptions

        func run() async throws {
            try await answering {
                for account in try await register.open().records.accounts() {
                    let sees = account.organisation ?? "all organisations"
                    let factor = account.factor == nil ? "" : "  second factor"
                    print("\(account.name)  \(account.role.rawValue)  \(sees)\(factor)")
                }
            }
        }
    }

    struct DropFactor: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "drop-factor",
            abstract: "Takes an account's second factor away, where the app with it is lost.")

        @OptionGroup var register: RegisterOptions

        @Argument(help: "The account.")
        var name: String

        func run() async throws {
            try await answering {
                let records = try await register.open().records
                guard var account = try await records.account(name: name) else {
                    throw ValidationError("there is no account '\(name)'")
                }
                guard account.factor != nil else { throw ValidationError("\(name) has no second factor") }
                let known = account
                account.factor = nil
                guard try await records.keep(account, inPlaceOf: known) else { throw AccountCommand.changed(name) }
                try await records.note(
                    actor: "command line", action: "drop-second-factor", object: name, at: SQLiteRecords.now())
                print("\(name) signs in with the password alone now, until a new second factor is set up")
            }
        }
    }
}
