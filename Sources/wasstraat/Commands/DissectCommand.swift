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
            standard input. Without a baseline it judges by a shipped profile of ordinary traffic. Exit code 0 also when \
            there is no attack.
            """)

    @Argument(help: "The files, in the order of time.")
    var files: [String]

    @Option(help: "What is normal: a profile, or a file of the same kind without an attack.")
    var baseline: String?

    @Option(help: "Watch only this address or block; may be given more than once.")
    var target: [String] = []

    @Flag(help: "There is an attack: report what stands out, however small.")
    var attack = false

    @Flag(help: "Print JSON (Documentation/schemas/dissect.schema.json).")
    var json = false

    @Option(help: "Write an HTML report with plots to this file.")
    var html: String?

    @Option(help: "Write the fingerprint of each vector to this folder, as KIND-ID.json.")
    var save: String?

    func run() throws {
        var options = TrafficWatch.Options()
        options.isAttackKnown = attack
        options.targets = try prefixes(target)
        try tooling {
            let known = try baseline.map { try ToolFile.baseline($0) }
            var dissection = Dissection(
                profile: known?.profile ?? .shipped, requests: known?.requests, options: options,
                key: Dissection.fileKey)
            var source = TrafficSource()
            for file in files { try source.read(file, into: &dissection) }
            let faults = source.faults
            source.finish()
            var report = dissection.report()
            // By the day, so that the same file gives the same fingerprint, not only the same conditions.
            report.date(Moment(seconds: Moment.now.milliseconds / 86_400_000 * 86_400))
            if let html {
                let input = files.map { $0.split(separator: "/").last.map(String.init) ?? $0 }.joined(separator: ", ")
                try ToolFile.write(Array(DissectPage.page(report, input: input, faults: faults).utf8), to: html)
            }
            if let save { try write(report, to: save) }
            print(
                json
                    ? String(decoding: report.json(faults: faults), as: UTF8.self) + "\n"
                    : DissectText.text(report, faults: faults), terminator: "")
        }
    }

    private func write(_ report: TrafficReport, to folder: String) throws {
        mkdir(folder, 0o755)
        for vector in report.attacks.flatMap(\.vectors) {
            let form = try vector.fingerprint.form
            try ToolFile.write(form, to: "\(folder)/\(vector.kind)-\(vector.fingerprint.identifier.prefix(12)).json")
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
