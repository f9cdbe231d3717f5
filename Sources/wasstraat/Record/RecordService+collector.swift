internal import Collector
internal import Detection
internal import Exchange
internal import Logging
internal import Register
internal import Settings

/// The collector of flow exports that the configuration asks for, on a thread of its own. Where it fails, all else goes
/// on: it is begun again.
extension RecordService {
    /// Seconds between two tries.
    private static let patience = 10.0

    func collect(_ records: SQLiteRecords, _ key: SigningKey) async {
        while !Task.isCancelled {
            let configuration = current.now.configuration
            report.update { $0.collector = configuration.collector == nil ? nil : OfficeReport.Collector() }
            await withTaskGroup { group in
                if configuration.collector != nil {
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

    /// One collector from its start to its end, which is in order also when the office stops.
    private func collect(
        _ configuration: OfficeConfiguration, _ records: SQLiteRecords, _ key: SigningKey
    ) async {
        let stop = CollectorStop()
        await withTaskCancellationHandler {
            await uncancelled {
                do {
                    try await collect(configuration, records, key, until: stop)
                } catch {
                    logger.error("the collector does not run", metadata: ["reason": "\(error)"])
                    report.update { $0.collector?.failures += 1 }
                }
                report.update { $0.collector?.isUp = false }
            }
        } onCancel: {
            stop.request()
        }
    }

    private func collect(
        _ configuration: OfficeConfiguration, _ records: SQLiteRecords, _ key: SigningKey, until stop: CollectorStop
    ) async throws {
        guard let collector = configuration.collector else { return }
        let profile = try collector.baseline.map { try ToolFile.profile($0) }
        let networks = configuration.servedNetworks
        var recording = try await TrafficRecording(
            records: records, folder: folder, signer: (configuration.instance, key), interval: configuration.interval,
            networks: networks, rules: rules)
        let (seconds, feed) = AsyncStream.makeStream(of: CollectorSecond.self, bufferingPolicy: .bufferingNewest(4))
        async let collected = onOwnThread {
            defer { feed.finish() }
            var collection = try FlowCollection(
                at: collector.listen, profile: profile ?? .shipped, targets: networks.watched, stop: stop)
            logger.notice(
                "receiving flow exports",
                metadata: ["endpoint": "\(collection.endpoint)", "buffer": "\(collection.receiveBuffer)"])
            report.update { $0.collector?.isUp = true }
            try collection.run(seconds: nil) { feed.yield($0) }
            return collection.finish()
        }
        for await second in seconds {
            for stranger in await recording.take(second) {
                logger.warning(
                    "an attack on no organisation's network is not filed", metadata: ["target": "\(stranger)"])
            }
            let (strangers, filed) = (recording.strangers, recording.filed)
            report.update {
                $0.collector?.figures = second.figures
                $0.collector?.strangers = strangers
                $0.collector?.filed = filed
            }
        }
        await recording.finish(try await collected.last)
    }
}

extension OfficeConfiguration {
    /// Whether a collector of the other configuration does for this one.
    fileprivate func collects(like other: OfficeConfiguration) -> Bool {
        collector == other.collector && servedNetworks == other.servedNetworks && instance == other.instance
    }
}
