internal import Addresses
internal import ArgumentParser
internal import Collector
internal import Detection
internal import Exchange
internal import Flows
internal import Glibc
internal import Moments
internal import Settings

struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Receive flow exports (NetFlow 5 and 9, IPFIX, sFlow 5) and find attacks in them.",
        discussion: """
            Prints a line when an attack begins, changes or ends, and all of it at the end. With --config attacks on the \
            networks of the configuration's organisations are filed in the register, from the moment that they are sure; \
            it may run beside the office. What is on nobody's network is printed, and not filed. An attack that goes on \
            when this stops stays open on record; the next collector goes on with it.
            """)

    @Option(help: "Where exporters send to: ADDRESS:PORT, [ADDRESS]:PORT for IPv6; otherwise as configured.")
    var listen: String?

    @Option(help: "The configuration file (YAML) of the office whose register is meant; without: nothing is filed.")
    var config: String?

    @Option(help: "Stop after so many seconds; without: go on until stopped.")
    var seconds: Int?

    @Option(help: "What is normal: a profile; otherwise as configured.")
    var baseline: String?

    @Option(help: "Watch only this address or block; may be given more than once. Otherwise the networks configured.")
    var target: [String] = []

    @Option(help: "The socket's receive buffer in bytes; the system may grant less.")
    var buffer = FlowSocket.defaultBuffer

    @Flag(help: "Print JSON at the end.")
    var json = false

    func run() async throws {
        let given = try listen.map { text in
            guard let endpoint = Endpoint(text) else { throw ValidationError("'\(text)' is no ADDRESS:PORT") }
            return endpoint
        }
        let asked = try prefixes(target)
        let configuration = try config.map { try RegisterOptions.loaded($0) }
        guard let endpoint = given ?? configuration?.collector?.listen else {
            throw ValidationError("say where to receive, with --listen or with 'collector' in the configuration")
        }
        try await answering {
            let profile = try (baseline ?? configuration?.collector?.baseline).map { try ToolFile.profile($0) }
            var recording: TrafficRecording?
            if let configuration { recording = try await Self.recording(configuration) }
            let targets = asked.isEmpty ? configuration?.servedNetworks.watched ?? [] : asked
            let (outcome, strangers, filed) = try await Self.collect(
                at: endpoint, buffer: buffer, profile: profile ?? .shipped, targets: targets, seconds: seconds,
                &recording)
            let flows = outcome.last.figures.flows
            complain(
                "\(outcome.datagrams) datagrams, \(flows.records) records, \(flows.samples) samples, "
                    + "\(outcome.last.figures.dropped) dropped")
            if recording != nil {
                complain("\(filed) attacks filed; \(strangers) on no organisation's network, not filed")
            }
            print(
                json
                    ? String(decoding: outcome.report.json(faults: outcome.faults), as: UTF8.self) + "\n"
                    : DissectText.text(outcome.report, faults: outcome.faults), terminator: "")
        }
    }

    private static func recording(_ configuration: OfficeConfiguration) async throws -> TrafficRecording {
        guard !configuration.servedNetworks.isEmpty else {
            throw OfficeError(
                .configuration, "no organisation of the configuration has 'networks': nothing could be filed")
        }
        let folder = StateFolder(path: configuration.state)
        try folder.prepare()
        let recording = try await TrafficRecording(
            records: try await OpenRegister.open(in: folder), folder: folder,
            signer: (configuration.instance, try OpenRegister.signingKey(in: folder)),
            interval: configuration.interval, networks: configuration.servedNetworks)
        if recording.resumed > 0 {
            complain("attacks that were going on when the last collector stopped: \(recording.resumed)")
        }
        return recording
    }

    /// The socket and detection have a thread of their own; the register is written here, and holds them up in nothing.
    private static func collect(
        at endpoint: Endpoint, buffer: Int, profile: TrafficProfile, targets: [Prefix], seconds limit: Int?,
        _ recording: inout TrafficRecording?
    ) async throws -> (CollectorOutcome, strangers: UInt64, filed: UInt64) {
        let (seconds, feed) = AsyncStream.makeStream(of: CollectorSecond.self, bufferingPolicy: .bufferingNewest(4))
        async let collected = onOwnThread {
            defer { feed.finish() }
            var collection = try FlowCollection(
                at: endpoint, buffer: buffer, profile: profile, targets: targets, stop: CollectorStop())
            complain(
                "listening on \(collection.endpoint), with a buffer of \(collection.receiveBuffer) bytes")
            // SIGTERM and SIGINT end the reading, not the report.
            StopSignals.stop = collection.socketStop
            signal(SIGTERM) { _ in StopSignals.stop?.request() }
            signal(SIGINT) { _ in StopSignals.stop?.request() }
            var news = AttackNews()
            try collection.run(seconds: limit) { second in
                news.tell(second.traffic.attacks)
                feed.yield(second)
            }
            return collection.finish()
        }
        for await second in seconds {
            for stranger in await recording?.take(second.traffic) ?? [] {
                complain("\(Moment.now.text) \(stranger) is on no organisation's network: not filed")
            }
        }
        let outcome = try await collected
        await recording?.finish(outcome.last.traffic)
        return (outcome, recording?.strangers ?? 0, recording?.filed ?? 0)
    }
}

/// What a signal's handler may reach.
private enum StopSignals {
    // Written once, before the handlers are set, and only read by them.
    nonisolated(unsafe) static var stop: FlowSocket.Stop?
}

/// Says in a line when an attack begins, changes its state, or is over.
private struct AttackNews {
    private var told: [String: TrafficAttack.State] = [:]

    mutating func tell(_ attacks: [TrafficAttack]) {
        for attack in attacks where told["\(attack.target)"] != attack.state {
            told["\(attack.target)"] = attack.state
            let kinds = attack.vectors.map(\.kind).joined(separator: ", ")
            complain("\(Moment.now.text) \(attack.target) \(attack.state.rawValue): \(kinds)")
        }
        let names = Set(attacks.map { "\($0.target)" })
        for gone in told.keys.filter({ !names.contains($0) }) {
            told[gone] = nil
            complain("\(Moment.now.text) \(gone) over")
        }
    }
}
