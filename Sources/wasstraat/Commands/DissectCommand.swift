internal import Addresses
internal import ArgumentParser
internal import Detection
internal import Exchange
internal import Glibc
internal import Moments

struct DissectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dissect",
        abstract: "Find attacks in captures, flow exports and web-server logs, with fingerprints and evidence.",
        discussion: """
            Reads pcap, pcapng, files of nfcapd and access logs by their content, plain or packed with gzip or zstd; "-" is \
            standard input. Without a baseline it judges by a shipped profile of ordinary traffic. What cannot be read \
            is counted by its cause. Exit code 0 also when there is no attack, 1 when a file cannot be read at all.

            Next: wasstraat rules FINGERPRINT --as nftables makes rules of what --save or --json wrote.
            """)

    @Argument(help: "The files, in the order of time.")
    var files: [String]

    @Option(help: "What is normal: a profile, or a file of the same kind without an attack.")
    var baseline: String?

    @Option(help: "Watch only this address or block, of logs this host name; may be given more than once.")
    var target: [String] = []

    @Flag(help: "There is an attack: report what stands out in packets and flows, however small.")
    var attack = false

    @Flag(help: "Print JSON (Documentation/schemas/dissect.schema.json).")
    var json = false

    @Option(help: "Write an HTML report with plots to this file.")
    var html: String?

    @Option(help: "Write the fingerprint of each vector to this folder, as KIND-ID.json.")
    var save: String?

    @Option(
        help: """
            Write each attack to this folder in the form of the Anti-DDoS Coalition's clearing house, as KEY.json; what \
            that form cannot say is listed on standard error.
            """)
    var coalition: String?

    func validate() throws {
        _ = try targets()
        guard (files + [baseline].compactMap(\.self)).count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("standard input (-) can be read once")
        }
    }

    /// Addresses and blocks, and host names.
    private func targets() throws -> ([Prefix], [HostName]) {
        let hosts = target.filter { Prefix($0) == nil }.compactMap { HostName($0) }
        return (try prefixes(target.filter { Prefix($0) != nil || HostName($0) == nil }), hosts)
    }

    func run() throws {
        try tooling {
            var options = TrafficWatch.Options()
            options.isAttackKnown = attack
            let hosts: [HostName]
            (options.targets, hosts) = try targets()
            for file in files { try ToolFile.check(file) }
            let known = try baseline.map { try ToolFile.baseline($0) }
            var dissection = Dissection(
                profile: known?.profile ?? .shipped, requests: known?.requests, options: options,
                key: Dissection.fileKey)
            dissection.hosts = hosts
            if html != nil { dissection.timeline = TrafficTimeline() }
            var source = TrafficSource()
            for file in files { try source.read(file, into: &dissection) }
            let faults = source.faults
            source.finish()
            if known != nil { complainOfBaseline(known?.profile == nil, known?.requests == nil, dissection) }
            complainOfTargets(options.targets, dissection)
            var report = dissection.report()
            // By the day, so that the same file gives the same fingerprint, not only the same conditions.
            report.date(Moment(seconds: Moment.now.milliseconds / 86_400_000 * 86_400))
            let requests = dissection.requestCount
            // What was found is told even if it cannot be written.
            let timeline = dissection.timeline
            let written = Result { try write(report, faults, requests, timeline) }
            print(
                json
                    ? String(decoding: report.json(faults: faults), as: UTF8.self) + "\n"
                    : DissectText.text(report, faults: faults, requests: requests), terminator: "")
            try written.get()
        }
    }

    private func complainOfBaseline(_ hasNoPackets: Bool, _ hasNoRequests: Bool, _ dissection: borrowing Dissection) {
        if hasNoPackets, dissection.trafficCount > 0 {
            complain("the baseline holds no packets and flows: they are judged by the shipped profile")
        }
        if hasNoRequests, dissection.requestCount > 0 {
            complain("the baseline holds no requests: the log is judged by itself")
        }
    }

    private func complainOfTargets(_ prefixes: [Prefix], _ dissection: borrowing Dissection) {
        if dissection.passedOver > 0 {
            let count = DissectFigure.count(dissection.passedOver)
            complain("\(count) requests were not for the target, or do not say for whom")
        }
        if !dissection.hosts.isEmpty, prefixes.isEmpty, dissection.trafficCount > 0 {
            complain("a host name is looked for in logs only: all packets and flows were watched")
        }
    }

    private func write(
        _ report: TrafficReport, _ faults: [ReadFault], _ requests: UInt64, _ timeline: TrafficTimeline?
    ) throws {
        if let html {
            let input = files.map { $0 == "-" ? "standard input" : ToolFile.name(of: $0) }.joined(separator: ", ")
            let page = DissectPage.page(report, input: input, faults: faults, requests: requests, timeline: timeline)
            try ToolFile.write(Array(page.utf8), to: html)
        }
        if let save {
            try ToolFile.makeFolder(save)
            for vector in report.attacks.flatMap(\.vectors) {
                let form = try vector.fingerprint.form
                try ToolFile.write(form, to: "\(save)/\(vector.kind)-\(vector.fingerprint.identifier.prefix(12)).json")
            }
        }
        if let coalition {
            try ToolFile.makeFolder(coalition)
            for attack in report.attacks {
                let (fingerprint, losses) = CoalitionFingerprint.made(of: attack)
                try ToolFile.write(fingerprint.json, to: "\(coalition)/\(fingerprint.key).json")
                for loss in losses { complain("\(fingerprint.key).json: lost: \(loss)") }
            }
        }
    }
}

/// Addresses and blocks of the command line.
func prefixes(_ texts: [String]) throws -> [Prefix] {
    try texts.map { text in
        guard let prefix = Prefix(text) else { throw ValidationError("'\(text)' is no address and no block") }
        return prefix
    }
}
