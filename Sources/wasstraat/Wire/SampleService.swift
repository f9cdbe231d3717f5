internal import Logging
internal import ServiceLifecycle

/// Looks at the filter's samples, on a thread of its own. Whatever becomes of it, lanes, record and filter go on.
struct SampleService: Service {
    let folder: StateFolder
    let current: CurrentConfiguration
    let report: OfficeReport
    let feed: WireFeed
    let bell: FilterBell

    func run() async throws {
        let bell = bell
        do {
            try await withTaskCancellationHandler {
                try await withGracefulShutdownHandler {
                    try await onOwnThread { try SampleDesk(self).run() }
                } onGracefulShutdown: {
                    bell.stop()
                }
            } onCancel: {
                bell.stop()
            }
        } catch {
            Logger(label: "samples").error("samples are not looked at", metadata: ["reason": "\(error)"])
            // A service that returns before its time ends all others.
            try? await gracefulShutdown()
        }
    }
}
