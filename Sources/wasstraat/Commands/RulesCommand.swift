internal import Addresses
internal import ArgumentParser
internal import Exchange
internal import Filters
internal import Fingerprints
internal import Moments

extension RuleLanguage: ExpressibleByArgument {}

struct RulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Turn fingerprints into rules: nftables, bpf, flowspec, suricata, haproxy, nginx.",
        discussion: """
            Prints the smallest set of rules under the collateral bound, each with its coverage, collateral and expiry. \
            What the language cannot say is refused and said, on standard error; with --widen it is left out, measured \
            and said. Nothing is loaded anywhere. Exit code 1 where no rule could be made.

            Fingerprints are ours (signed or not), the report of dissect --json, or the coalition's; "-" is standard \
            input. The coalition's have no collateral: measure it with --baseline.
            """)

    @Argument(help: "Files with fingerprints.")
    var fingerprints: [String]

    @Option(name: .customLong("as"), help: "nftables, bpf, flowspec, suricata, haproxy or nginx.")
    var language: RuleLanguage?

    @Option(help: "The most of normal traffic that the rules may hit together, 0-1.")
    var bound = 0.001

    @Option(help: "What is protected: an address or block; may be given more than once. FlowSpec needs one.")
    var target: [String] = []

    @Option(help: "What requests are for: a host name.")
    var host: String?

    @Option(help: "nftables: the interface that packets come in by.")
    var interface: String?

    @Option(
        help: """
            Measure the collateral again, on what is normal here: a profile, or a capture, flow file or log without an \
            attack.
            """)
    var baseline: String?

    @Flag(
        help: """
            Leave out conditions that the language cannot say, where what is then hit of --baseline (without: of the \
            shipped profile) stays within the bound. Such a rule hits more than its fingerprint.
            """)
    var widen = false

    @Flag(help: "Also fingerprints whose collateral nobody measured.")
    var unmeasured = false

    @Option(help: "Also fingerprints that have expired: rules end so many days from now (1-365).")
    var renew: Int?

    @Option(
        help: """
            Print what the rules would have dropped in this profile, capture, flow file or log, instead of the rules. \
            Also of fingerprints that have expired or were not measured. Without --as: what the fingerprints match.
            """)
    var check: String?

    func validate() throws {
        _ = try prefixes(target)
        if let host, HostName(host) == nil { throw ValidationError("'\(host)' is no host name") }
        guard (0...1).contains(bound) else { throw ValidationError("--bound is a share, 0 to 1") }
        guard renew.map((1...365).contains) ?? true else { throw ValidationError("--renew takes 1 to 365 days") }
        guard language != nil || check != nil else { throw ValidationError("say --as LANGUAGE, or --check FILE") }
        guard language != nil || !widen else { throw ValidationError("--widen needs --as LANGUAGE") }
        let readers = (fingerprints + [baseline, check].compactMap(\.self)).count { $0 == "-" }
        guard readers <= 1 else { throw ValidationError("standard input (-) can be read once") }
    }

    func run() throws {
        try tooling {
            var all = try fingerprints.flatMap { try ToolFile.fingerprints($0) }
            if let renew {
                for index in all.indices where all[index].expires <= .now {
                    complain("\(Self.name(all[index])): expired at \(all[index].expires.text), taken nevertheless")
                    all[index].expires = .now + Double(renew) * 86_400
                }
            }
            let targets = try prefixes(target)
            guard let language else { return try show(all, targets) }
            let made = try compile(all, as: language, targets)
            for refusal in made.refused { complain("refused: \(Self.name(refusal.fingerprint)): \(refusal.reason)") }
            for implied in made.implied { complain("needless: \(implied.id), for \(implied.by) hits all of it") }
            for unsaid in made.unsaid {
                complain("\(unsaid.id): \(unsaid.condition.feature.rawValue): \(unsaid.reason); \(unsaid.consequence)")
            }
            for rule in made.rules where !rule.dropped.isEmpty {
                let features = rule.dropped.map(\.feature.rawValue).joined(separator: ", ")
                complain(
                    "WIDENED: \(rule.id) (\(Self.name(rule.fingerprint))) goes without \(features): it hits more than the "
                        + "fingerprint; see with --check what it would have dropped in your own traffic")
            }
            if check != nil {
                try show(made.rules.map(\.said), targets)
            } else if !made.rules.isEmpty {
                print(made.text, terminator: made.text.hasSuffix("\n") ? "" : "\n")
            }
            // Nothing is printed then: an empty table would take away the rules that are loaded.
            if made.rules.isEmpty { throw ExitCode(1) }
        }
    }

    private static func name(_ fingerprint: Fingerprint) -> String { fingerprint.kind ?? Rules.id(fingerprint) }

    private func compile(
        _ all: [Fingerprint], as language: RuleLanguage, _ targets: [Prefix]
    ) throws -> CompiledRules {
        var options = RuleOptions()
        options.collateralBound = bound
        options.targets = targets
        options.host = host
        options.interface = interface
        // A look back loads nothing: what it costs is what it is to show.
        options.acceptsUnmeasured = unmeasured || check != nil
        options.now = check == nil ? .now : nil
        guard widen || baseline != nil else { return Rules.compile(all, as: language, options: options) }
        return try NormalTraffic(path: baseline).compile(all, as: language, options: options, isWidened: widen)
    }

    /// What they would have dropped in the file to check.
    private func show(_ fingerprints: [Fingerprint], _ targets: [Prefix]) throws {
        var count = MatchCount(fingerprints, targets: targets, host: host.flatMap { HostName($0) })
        try count.read([check].compactMap(\.self))
        for line in count.lines("would have dropped") { print(line) }
    }
}

extension CompiledRule {
    /// What the rule says: the fingerprint without the conditions that were left out.
    fileprivate var said: Fingerprint {
        var said = fingerprint
        said.conditions.removeAll { dropped.contains($0) }
        return said
    }
}

struct MatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "match", abstract: "Count what fingerprints match in captures, flow files, logs and profiles.",
        discussion: """
            "-" is standard input. A flow record does not tell of every packet: what it leaves open is said. A profile's \
            sample stands for all that it was learnt from.
            """)

    @Argument(help: "The file with the fingerprints: ours, dissect's JSON, or the coalition's.")
    var fingerprint: String

    @Argument(help: "The files to look in.")
    var files: [String]

    func validate() throws {
        guard (files + [fingerprint]).count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("standard input (-) can be read once")
        }
    }

    func run() throws {
        try tooling {
            var count = MatchCount(try ToolFile.fingerprints(fingerprint))
            try count.read(files)
            for line in count.lines("matches") { print(line) }
        }
    }
}
