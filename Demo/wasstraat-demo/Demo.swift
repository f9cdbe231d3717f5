internal import Addresses
internal import ArgumentParser
internal import CLinux
internal import Glibc
internal import Load

/// What stops the demonstration, in words for the person at the terminal.
struct DemoError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

@main
struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wasstraat-demo",
        abstract: "A made-up municipality, its visitors, a flood, and Wasstraat in between. All on this machine.",
        subcommands: [RunCommand.self, OriginCommand.self, FloodCommand.self, TargetCommand.self, WardCommand.self])
}

struct OriginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "origin", abstract: "Serve the made-up municipality's site.")

    @Option(help: "Address and port, on this machine.")
    var listen: String

    func run() throws {
        guard let endpoint = Endpoint(listen), endpoint.address.isLoopback else {
            throw ValidationError("--listen needs an address of this machine and a port, such as 127.0.0.1:8080")
        }
        try OriginServer(at: endpoint).run()
    }
}

/// Becomes another program, one that ends when its parent ends, however that comes about.
struct WardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ward", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough)
    var program: [String]

    func run() throws {
        let words = program.first == "--" ? Array(program.dropFirst()) : program
        guard let path = words.first else { throw ValidationError("ward needs a program") }
        _ = linux_signal_on_parent_death(SIGTERM)
        // The parent may have ended before that.
        guard getppid() != 1 else { throw ExitCode(1) }
        var arguments = words.map { strdup($0) }
        arguments.append(nil)
        execv(path, arguments)
        throw DemoError("cannot start \(path): error \(errno)")
    }
}

/// Says whether load may go to an address from where the process is; for the tests of the guard.
struct TargetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "target", shouldDisplay: false)

    @Argument var endpoint: String

    func run() throws {
        guard let endpoint = Endpoint(endpoint) else { throw ValidationError("an address and a port are needed") }
        print("allowed: \(try HomeAddress(checking: endpoint))")
    }
}

enum Scenario: String, ExpressibleByArgument, CaseIterable {
    /// 1,000 requests a second from 500 sources.
    case flood
    /// 20 times the visitors, all new, and no flood.
    case crowd
    /// The flood from 10,000 sources, each at a visitor's own rate.
    case many
}

enum Keep: String, ExpressibleByArgument, CaseIterable {
    case yes, no
}

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Measure visitors in a quiet time, in a flood straight at the origin, and in one through Wasstraat.")

    @Option(help: "Seconds of each flood, 3-300.")
    var seconds = 20
    @Option(help: "Stay up after the measurement, until Ctrl-C.")
    var keep = Keep.no
    @Option(help: "Write the figures to this file, as JSON.")
    var result: String?
    @Option(help: "What comes: flood, crowd (20 times the visitors, no flood), many (a flood from 10,000 sources).")
    var scenario = Scenario.flood
    @Option(help: "Requests per second of the flood, 1-5000.")
    var floodRate = 1_000
    @Option(help: "Sources of the flood, 1-10000; 500, or 10000 in the scenario many.")
    var floodSources: Int?
    @Flag(help: "Leave out the run straight at the origin.")
    var skipDirect = false
    @Option(help: "File with the flood's request shapes.")
    var shapes: String?
    @Option(help: "Port on 127.0.0.1 for Wasstraat; another one is taken where it is in use.")
    var port: UInt16 = 8443
    @Option(help: "Seed of all chance: the same seed gives the same clicks.")
    var seed: UInt64 = 2024
    @Option(
        help: """
            Measure this running gateway, such as 127.0.0.1:443, in place of Wasstraat; it must pass requests on to the \
            port of --origin-port and have a certificate for \(Waterdam.host) from --authority.
            """)
    var gateway: String?
    @Option(help: "PEM file of the authority behind the certificate of --gateway.")
    var authority: String?
    @Option(help: "Port on 127.0.0.1 for the origin; any free one by default.")
    var originPort: UInt16 = 0
    @Flag(help: "Plain lines in place of the live view.")
    var plain = false

    func validate() throws {
        guard (3...300).contains(seconds) else { throw ValidationError("--seconds must be 3 to 300") }
        guard (1...5_000).contains(floodRate) else { throw ValidationError("--flood-rate must be 1 to 5000") }
        guard (1...10_000).contains(floodSources ?? 500) else {
            throw ValidationError("--flood-sources must be 1 to 10000")
        }
        guard (gateway == nil) == (authority == nil) else {
            throw ValidationError("--gateway and --authority go together")
        }
        if let gateway, Endpoint(gateway) == nil {
            throw ValidationError("--gateway needs an address and a port")
        }
    }

    func run() throws {
        let conductor = try Conductor(self)
        defer { conductor.stop() }
        try conductor.perform()
    }
}
