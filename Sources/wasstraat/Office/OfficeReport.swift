internal import CoreMetrics
internal import Messages
internal import Synchronization
internal import Telemetry

/// What the office's thread tells the others: the last word of the lane, for `/metrics`.
final class OfficeReport: Sendable {
    struct State: Sendable {
        var isLaneUp = false
        var restarts: UInt32 = 0
        /// The newest snapshot's generation, and the one that the lane has in force.
        var generation: UInt64 = 0
        var inForce: UInt64 = 0
        var status: LaneStatus?
        /// When `status` came; milliseconds of the monotonic clock.
        var statusAt: Int64 = 0
        var viewers = 0
    }

    private let state = Mutex(State())

    func update(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

    var current: State { state.withLock { $0 } }
}

/// The office's own counters.
struct OfficeMetrics {
    static let help = [
        "wasstraat_reloads_total": "Configurations read again at SIGHUP, by outcome.",
        "wasstraat_viewers_dropped_total": "Viewers cut off because they did not read what they had asked for.",
        "wasstraat_lane_log_lines_dropped_total": "Log lines of the lane over the budget of a second.",
        "wasstraat_state_errors_total": "Files of the state folder that could not be written.",
        "wasstraat_process_start_time_seconds": "When the office started, in seconds since 1970.",
    ]

    let reloaded: Counter
    let refusedReloads: Counter
    let droppedViewers: Counter
    let droppedLines: Counter
    let stateErrors: Counter

    init(_ registry: MetricsRegistry) {
        reloaded = Counter(
            label: "wasstraat_reloads_total", dimensions: [("outcome", "accepted")], factory: registry)
        refusedReloads = Counter(
            label: "wasstraat_reloads_total", dimensions: [("outcome", "refused")], factory: registry)
        droppedViewers = Counter(label: "wasstraat_viewers_dropped_total", factory: registry)
        droppedLines = Counter(label: "wasstraat_lane_log_lines_dropped_total", factory: registry)
        stateErrors = Counter(label: "wasstraat_state_errors_total", factory: registry)
        Meter(label: "wasstraat_process_start_time_seconds", factory: registry).set(UTCTime.now.seconds)
    }
}
