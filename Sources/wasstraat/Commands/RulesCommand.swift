internal import ArgumentParser
internal import Exchange
internal import Filters
internal import Fingerprints
internal import Flows
internal import Heads
internal import Moments
internal import Packets

extension RuleLanguage: ExpressibleByArgument {}

struct RulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Turn fingerprints into rules: nftables, bpf, flowspec, suricata, haproxy, nginx.",
        discussion: """
            Prints the smallest set of rules under the collateral bound, each with its coverage, collateral and expiry. \
            What the language cannot say is refused and said, on standard error. Nothing is loaded anywhere.
            """)

    @Argument(help: "Fingerprint files: ours, signed or not, or the coalition's.")
    var fingerprints: [String]

    @Option(name: .customLong("as"), help: "nftables, bpf, flowspec, suricata, haproxy or nginx.")
    var language: RuleLanguage

    @Option(help: "The most of normal traffic that the rules may hit together, 0-1.")
    var bound = 0.001

    @Option(help: "What is protected: an address or block; may be given more than once. FlowSpec needs one.")
    var target: [String] = []

    @Option(help: "What requests are for: a host name.")
    var host: String?

    @Option(help: "nftables: the interface that packets come in by.")
    var interface: String?

    @Flag(help: "Also fingerprints whose collateral nobody measured.")
    var unmeasured = false

    @Option(help: "Print what the fingerprints would have dropped in this capture or log, instead of rules.")
    var check: String?

    func run() throws {
        var options = RuleOptions()
        options.collateralBound = bound
        options.targets = try prefixes(target)
        options.host = host
        options.interface = interface
        options.acceptsUnmeasured = unmeasured
        options.now = .now
        guard (0...1).contains(bound) else { throw ValidationError("the bound is a share, 0 to 1") }
        try tooling {
            let all = try fingerprints.flatMap { try ToolFile.fingerprints($0) }
            let made = Rules.compile(all, as: language, options: options)
            for refusal in made.refused {
                complain("refused: \(refusal.fingerprint.kind ?? Rules.id(refusal.fingerprint)): \(refusal.reason)")
            }
            for implied in made.implied { complain("needless: \(implied.id), for \(implied.by) hits all of it") }
            for unsaid in made.unsaid {
                complain("\(unsaid.id): \(unsaid.condition.feature.rawValue): \(unsaid.reason); \(unsaid.consequence)")
            }
            if let check {
                try MatchCount.show(made.rules.map(\.fingerprint), in: [check], verb: "would have dropped")
            } else {
                print(made.text, terminator: made.text.hasSuffix("\n") ? "" : "\n")
            }
            if made.rules.isEmpty { throw ExitCode(1) }
        }
    }
}

struct MatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "match", abstract: "Count what a fingerprint matches in captures, flow files or logs.")

    @Argument(help: "The fingerprint's file.")
    var fingerprint: String

    @Argument(help: "The files to look in.")
    var files: [String]

    func run() throws {
        try tooling {
            try MatchCount.show(try ToolFile.fingerprints(fingerprint), in: files, verb: "matches")
        }
    }
}

/// Counts what fingerprints match in what is read.
struct MatchCount: TrafficTaker {
    private let fingerprints: [Fingerprint]
    private let tests: [[PacketTest]?]
    private let matchers: [RequestMatcher?]
    private var counts: [(matched: UInt64, bytes: UInt64)]
    private var all: (count: UInt64, bytes: UInt64) = (0, 0)
    private var flows: UInt64 = 0

    init(_ fingerprints: [Fingerprint]) {
        self.fingerprints = fingerprints
        tests = fingerprints.map { $0.isOfPackets ? $0.packetTests : nil }
        matchers = fingerprints.map { $0.isOfPackets ? nil : RequestMatcher($0) }
        counts = Array(repeating: (0, 0), count: fingerprints.count)
    }

    mutating func take(_ packet: borrowing PacketSummary, in frame: RawSpan) {
        let weight = UInt64(packet.weight)
        let bytes = weight &* UInt64(packet.length)
        all = (all.count &+ weight, all.bytes &+ bytes)
        let packet = copy packet
        for (index, tests) in tests.enumerated() {
            guard let tests, tests.allSatisfy({ $0.holds(for: packet) }) else { continue }
            counts[index].matched &+= weight
            counts[index].bytes &+= bytes
        }
    }

    /// A flow record tells of no single packet.
    mutating func take(_ flows: Span<FlowRecord>) { self.flows &+= UInt64(flows.count) }

    mutating func take(_ request: RequestSummary, _ line: Span<UInt8>) {
        all.count &+= 1
        for (index, matcher) in matchers.enumerated() where matcher?.matches(request, line) == true {
            counts[index].matched &+= 1
        }
    }

    static func show(_ fingerprints: [Fingerprint], in files: [String], verb: String) throws {
        var count = MatchCount(fingerprints)
        var source = TrafficSource()
        for file in files { try source.read(file, into: &count) }
        let faults = source.faults
        source.finish()
        for (index, fingerprint) in fingerprints.enumerated() {
            let (matched, bytes) = count.counts[index]
            let share = count.all.count > 0 ? Double(matched) / Double(count.all.count) : 0
            print(
                "\(fingerprint.kind ?? Rules.id(fingerprint)) \(verb) \(matched) of \(count.all.count) "
                    + "(\(DissectFigure.percent(share)))" + (bytes > 0 ? ", \(DissectFigure.bytes(bytes))" : ""))
        }
        if count.flows > 0 { print("\(count.flows) flow records were not compared: they tell of no single packet") }
        for fault in faults { complain("not read: \(fault.cause), \(fault.count) times") }
    }
}
