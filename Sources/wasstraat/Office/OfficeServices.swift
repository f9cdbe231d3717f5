internal import CoreMetrics
internal import Glibc
internal import Logging
internal import ServiceLifecycle
internal import Telemetry
internal import UnixSignals

/// The office's thread as a service: told to stop by graceful shutdown, and over when the lane has ended.
struct OfficeService: Service {
    let start: OfficeStart

    func run() async throws {
        let start = start
        // Whoever sent an order and waits must not wait for ever.
        defer { start.mailbox.close() }
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await onOwnThread { try Office(start).run() }
            } onGracefulShutdown: {
                start.mailbox.send(.stop)
            }
        } onCancel: {
            start.mailbox.send(.stop)
        }
    }
}

/// Reads the configuration again at each SIGHUP. A file with faults changes nothing.
struct ReloadService: Service {
    let file: String
    let mailbox: Mailbox
    let current: CurrentConfiguration
    let metrics: OfficeMetrics

    func run() async throws {
        let logger = Logger(label: "office")
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            let file = file
            let loaded = try await onOwnThread { LoadedConfiguration(file: file) }
            for complaint in loaded.complaints {
                logger.log(level: complaint.isFault ? .error : .warning, "\(complaint.text)")
            }
            if let configuration = loaded.configuration {
                metrics.reloaded.increment()
                logger.notice("the configuration was read again", metadata: ["file": "\(file)"])
                mailbox.send(.reload(configuration))
                current.replace(configuration)
            } else {
                metrics.refusedReloads.increment()
                logger.error(
                    "the configuration has faults; the former one stays in force", metadata: ["file": "\(file)"])
            }
        }
    }
}

/// Has new lanes take the place of those that serve at each SIGUSR2, and the next office that of this one at SIGUSR1.
struct SuccessionService: Service {
    let mailbox: Mailbox

    func run() async throws {
        for await signal in await UnixSignalsSequence(trapping: .sigusr1, .sigusr2).cancelOnGracefulShutdown() {
            mailbox.send(signal == .sigusr1 ? .handOver : .replaceLanes)
        }
    }
}

/// `/metrics` until graceful shutdown.
struct MetricsService: Service {
    let server: MetricsServer

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await server.run() }
    }
}
