internal import Addresses
internal import ArgumentParser
internal import Filters
internal import Mitigations
internal import Moments

struct FilterTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Say what the filter would do with each packet of captures, and why.",
        discussion: """
            Reads pcap and pcapng, plain or packed with gzip or zstd; "-" is standard input. Frames of Ethernet are judged, \
            in the order and with the meaning of the kernel's filter; others are counted. Budgets and cookies are left out. \
            Needs no rights and no running filter, but for --live. Rules and entries given here drop; those of the running \
            filter do what they do there.
            """)

    @Argument(help: "The captures.")
    var captures: [String]

    @Option(help: "A file with fingerprints; may be given more than once.")
    var rule: [String] = []

    @Option(help: "What the rules are for: an address or block; may be given more than once.")
    var target: [String] = []

    @Option(help: "A source to be dropped: an address or block; may be given more than once.")
    var block: [String] = []

    @Option(help: "A source that always passes: an address or block; may be given more than once.")
    var allow: [String] = []

    @Flag(help: "Judge packets inside of IP in IP, GRE and VXLAN, not the tunnel.")
    var tunnels = false

    @Option(help: "What becomes of malformed packets: off, dry or live.")
    var malformed = FilterPlan.Conduct.live

    @Flag(help: "Ask the running filter for its lists and rules first.")
    var live = false

    @Flag(help: "Print a line for each packet: number, time, what, why.")
    var each = false

    @Option(help: "With --each: so many lines at most.")
    var most = 10_000

    @Flag(help: "Print JSON, one line; with --each a line for each packet before it.")
    var json = false

    @OptionGroup var filter: FilterOptions

    /// More lines than anybody reads, and no more than a disk holds.
    private static let mostLimit = 100_000_000

    func validate() throws {
        for texts in [target, block, allow] { _ = try prefixes(texts) }
        guard target.count <= FilterOrder.targetLimit else {
            throw ValidationError("--target may be given \(FilterOrder.targetLimit) times")
        }
        guard target.isEmpty || !rule.isEmpty else { throw ValidationError("--target is for rules: give --rule") }
        guard (1...Self.mostLimit).contains(most) else { throw ValidationError("--most takes 1 to \(Self.mostLimit)") }
        guard live || filter.state == nil && filter.config == nil else {
            throw ValidationError("--state and --config name the running filter: give --live")
        }
        guard (captures + rule).count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("standard input (-) can be read once")
        }
    }

    func run() throws {
        try asking {
            for capture in captures { try ToolFile.check(capture) }
            var trial = FilterTrial(try lists(), readsTunnels: tunnels, malformed: malformed)
            if each { trial.lines = FilterTrialLines(limit: most, isJSON: json) }
            var source = CapturedFrames()
            // What was judged of a file before it broke off is told.
            let read = Result { for capture in captures { try source.read(capture, into: &trial) } }
            let faults = source.faults
            source.finish()
            trial.lines?.flush()
            if json {
                putAll(FilterTrialText.json(trial, faults: faults))
            } else {
                if each, trial.judged.packets > 0 { print("") }
                for line in FilterTrialText.lines(trial, faults: faults) { print(line) }
            }
            try read.get()
        }
    }

    private func lists() throws -> FilterTrialLists {
        var lists = FilterTrialLists()
        if live { try filter.link().read(into: &lists) }
        for (texts, kind) in [(block, FilterKind.blocked), (allow, .allowed)] {
            for prefix in try prefixes(texts) where !lists.add(prefix, kind) {
                throw ValidationError("'\(prefix)' lies where IPv4 is: the filter would take it for all of IPv4")
            }
        }
        let targets = try prefixes(target)
        let fingerprints = try rule.flatMap { try ToolFile.fingerprints($0) }
        var refused = 0
        for fingerprint in fingerprints {
            guard let reason = lists.add(fingerprint, targets: targets, at: .now) else { continue }
            refused += 1
            complain("refused: \(fingerprint.filterName): \(reason)")
        }
        // A trial without the rules that were asked for would be taken for one with them.
        if refused > 0 {
            throw FilterLinkError("the filter cannot say \(refused) of \(fingerprints.count) fingerprints")
        }
        return lists
    }
}

extension FilterPlan.Conduct: ExpressibleByArgument {}
