internal import Collector
internal import Detection
internal import Exchange
internal import Logging
internal import Moments
internal import Register
internal import Settings

/// Attacks in traffic on their way to the record: of the collector of flow exports that the configuration asks for, on a
/// thread of its own, and of the filter's samples. Where one of them fails, all else goes on: it is begun again.
extension RecordService {
    /// Seconds between two tries.
    private static let patience = 10.0

    /// What one of those who look at traffic says. What both see is filed once.
    private enum Seen: Sendable {
        case flows(CollectorSecond)
        /// It will be begun again.
        case noFlows
        case samples(TrafficSecond)
    }

    func collect(_ records: SQLiteRecords, _ key: SigningKey) async {
        while !Task.isCancelled {
            let configuration = current.now.configuration
            report.update { $0.collector = configuration.collector == nil ? nil : OfficeReport.Collector() }
            await withTaskGroup { group in
                if configuration.collector != nil || hears(configuration) {
                    group.addTask {
                        while !Task.isCancelled {
                            await collect(configuration, records, key)
                            try? await Task.sleep(for: .seconds(Self.patience))
                        }
                    }
                }
                while !Task.isCancelled, current.now.configuration.collects(like: configuration) {
                    try? await Task.sleep(for: .seconds(1))
                }
                group.cancelAll()
            }
        }
    }

    /// Whether samples are looked at.
    private func hears(_ configuration: OfficeConfiguration) -> Bool {
        wire != nil && configuration.filter?.detects == true
    }

    /// One recording from its start to its end, which is in order also when the office stops.
    private func collect(
        _ configuration: OfficeConfiguration, _ records: SQLiteRecords, _ key: SigningKey
    ) async {
        let stop = CollectorStop()
        await withTaskCancellationHandler {
            await uncancelled {
                do {
                    try await collect(configuration, records, key, until: stop)
                } catch {
                    fail(error, configuration)
                }
                wire?.listen(nil)
                report.update { $0.collector?.isUp = false }
            }
        } onCancel: {
            stop.request()
        }
    }

    private func fail(_ error: any Error, _ configuration: OfficeConfiguration) {
        let what =
            configuration.collector == nil ? "attacks that samples show are not filed" : "the collector does not run"
        logger.error("\(what)", metadata: ["reason": "\(error)"])
        report.update {
            $0.collector?.isUp = false
            $0.collector?.failures += 1
        }
    }

    private func collect(
        _ configuration: OfficeConfiguration, _ records: SQLiteRecords, _ key: SigningKey, until stop: CollectorStop
    ) async throws {
        var recording = try await TrafficRecording(
            records: records, folder: folder, signer: (configuration.instance, key), interval: configuration.interval,
            networks: configuration.servedNetworks, rules: rules)
        let (all, feed) = AsyncStream.makeStream(of: Seen.self, bufferingPolicy: .bufferingNewest(8))
        if hears(configuration) { wire?.listen { feed.yield(.samples($0)) } }
        async let collected = receive(configuration, into: feed, until: stop)
        var flows: CollectorSecond?
        var samples: TrafficSecond?
        for await seen in all {
            let now: Moment
            switch seen {
            case .flows(let second): (flows, now) = (second, second.traffic.now)
            case .noFlows: (flows, now) = (nil, .now)
            case .samples(let second): (samples, now) = (second, second.now)
            }
            guard var second = flows?.traffic.joined(with: samples) ?? samples else { continue }
            second.now = now
            await file(second, flows?.figures, &recording)
        }
        let last = try await collected?.last.traffic
        guard let last = last?.joined(with: samples) ?? samples else { return }
        await recording.finish(last)
    }

    private func file(
        _ second: TrafficSecond, _ figures: CollectorFigures?, _ recording: inout TrafficRecording
    ) async {
        for stranger in await recording.take(second) {
            logger.warning(
                "an attack on no organisation's network is not filed", metadata: ["target": "\(stranger)"])
        }
        let (strangers, filed) = (recording.strangers, recording.filed)
        report.update {
            if let figures { $0.collector?.figures = figures }
            $0.collector?.strangers = strangers
            $0.collector?.filed = filed
        }
    }

    /// Receives flow exports until it is told to stop; where there is no collector, it waits for that alone.
    private func receive(
        _ configuration: OfficeConfiguration, into feed: AsyncStream<Seen>.Continuation, until stop: CollectorStop
    ) async throws -> CollectorOutcome? {
        defer { feed.finish() }
        guard let collector = configuration.collector else {
            let (stops, bell) = AsyncStream.makeStream(of: Never.self)
            stop.also { bell.finish() }
            for await _ in stops {}
            return nil
        }
        while true {
            do {
                return try await onOwnThread { try receive(collector, configuration, into: feed, until: stop) }
            } catch {
                // Samples are recorded all the same.
                guard hears(configuration), !stop.isRequested else { throw error }
                fail(error, configuration)
                feed.yield(.noFlows)
                for _ in 0..<Int(Self.patience * 10) where !stop.isRequested {
                    try? await Task.sleep(for: .milliseconds(100))
                }
                if stop.isRequested { return nil }
            }
        }
    }

    private func receive(
        _ collector: Settings.Collector, _ configuration: OfficeConfiguration,
        into feed: AsyncStream<Seen>.Continuation, until stop: CollectorStop
    ) throws -> CollectorOutcome {
        let profile = try collector.baseline.map { try ToolFile.profile($0) }
        var collection = try FlowCollection(
            at: collector.listen, profile: profile ?? .shipped, targets: configuration.servedNetworks.watched,
            stop: stop)
        logger.notice(
            "receiving flow exports",
            metadata: ["endpoint": "\(collection.endpoint)", "buffer": "\(collection.receiveBuffer)"])
        report.update { $0.collector?.isUp = true }
        try collection.run(seconds: nil) { feed.yield(.flows($0)) }
        return collection.finish()
    }
}

extension OfficeConfiguration {
    /// Whether what records for the other configuration does for this one.
    fileprivate func collects(like other: OfficeConfiguration) -> Bool {
        collector == other.collector && servedNetworks == other.servedNetworks && instance == other.instance
            && filter?.detects == other.filter?.detects
    }
}
