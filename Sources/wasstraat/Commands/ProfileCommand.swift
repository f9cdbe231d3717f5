internal import ArgumentParser
internal import Detection

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Learn what is normal, merge and show profiles.",
        subcommands: [Learn.self, Merge.self, Show.self])

    struct Learn: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "learn", abstract: "Learn a profile from captures and flow exports without an attack.",
            discussion: """
                Reads what dissect reads, but for logs: a log is itself the --baseline of logs. The profile holds what \
                hosts got of each class of traffic, and what is usual in each block of addresses. A single host is named \
                in it only where it lies in a --target: others may be visitors.
                """)

        @Argument(help: "The files.")
        var files: [String]

        @Option(help: "The profile to write.")
        var output: String

        @Option(help: "Its name; the file's, if left out.")
        var name: String?

        @Option(help: "An address or block of your own; may be given more than once.")
        var target: [String] = []

        func validate() throws { _ = try prefixes(target) }

        func run() throws {
            try tooling {
                let targets = try prefixes(target)
                for file in files { try ToolFile.check(file) }
                var baseline = Baseline()
                var source = TrafficSource()
                for file in files { try source.read(file, into: &baseline) }
                source.finish(complainingOf: files.joined(separator: ", "))
                guard let profile = baseline.profile(named: name ?? ToolFile.name(of: output)) else {
                    throw ValidationError(
                        baseline.requests.isEmpty
                            ? "no packets and no flows in what was read"
                            : "a profile holds packets and flows, no requests: give the log itself as --baseline")
                }
                if !baseline.requests.isEmpty { complain("requests were not learnt: a profile holds none") }
                try ToolFile.write(profile.bytes(namingHostsIn: targets), to: output)
                print(
                    "\(output): learnt from \(DissectFigure.duration(profile.seconds)), "
                        + "\(profile.samples.count) sample packets")
            }
        }
    }

    struct Merge: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "merge", abstract: "Make one profile of several.")

        @Argument(help: "The profiles.")
        var profiles: [String]

        @Option(help: "The profile to write.")
        var output: String

        @Option(help: "An address or block of your own; may be given more than once.")
        var target: [String] = []

        @Option(help: "Its name; the file's, if left out.")
        var name: String?

        func validate() throws { _ = try prefixes(target) }

        func run() throws {
            try tooling {
                let targets = try prefixes(target)
                guard let first = profiles.first else { return }
                var whole = try ToolFile.profile(first)
                for path in profiles.dropFirst() { whole.merge(try ToolFile.profile(path)) }
                whole.name = name ?? ToolFile.name(of: output)
                try ToolFile.write(whole.bytes(namingHostsIn: targets), to: output)
                print("\(output): \(DissectFigure.duration(whole.seconds)), \(whole.samples.count) sample packets")
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Print a profile.")

        @Argument(help: "The profile; the shipped one, if left out.")
        var profile: String?

        func run() throws {
            try tooling {
                let shown = try profile.map { try ToolFile.profile($0) } ?? .shipped
                print(ProfileText.text(shown), terminator: "")
            }
        }
    }
}
