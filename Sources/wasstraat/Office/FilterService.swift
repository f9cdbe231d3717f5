internal import Logging
internal import ServiceLifecycle
internal import Settings

/// The filter of packets as the office looks after it, on a thread of its own. Whatever becomes of it, the lanes and the
/// record go on.
struct FilterService: Service {
    let settings: Settings.Filter
    /// The filter's program.
    let program: String
    let folder: StateFolder
    let report: OfficeReport
    let rules: FilterRules
    let sources: FilterSources
    let ending: OfficeEnding
    var bell: FilterBell { rules.bell }

    func run() async throws {
        let bell = bell
        do {
            try await withTaskCancellationHandler {
                try await withGracefulShutdownHandler {
                    try await onOwnThread { FilterDesk(self).run() }
                } onGracefulShutdown: {
                    bell.stop()
                }
            } onCancel: {
                bell.stop()
            }
        } catch {
            Logger(label: "filter").error("the filter is not looked after", metadata: ["reason": "\(error)"])
            // A service that returns before its time ends all others.
            try? await gracefulShutdown()
        }
    }
}
