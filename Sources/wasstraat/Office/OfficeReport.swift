internal import CoreMetrics
internal import Messages
internal import Synchronization
internal import Telemetry

/// What the office's thread tells the others: the last word of each lane, for `/metrics`.
package final class OfficeReport: Sendable {
    struct Lane: Sendable {
        var name: String
        var isUp = false
        var restarts: UInt32 = 0
        /// The newest snapshot's generation, and the one that the lane has in force.
        var generation: UInt64 = 0
        var inForce: UInt64 = 0
        /// nil while the lane is not connected, or has not spoken of itself.
        var status: LaneStatus?
        /// When `status` came; milliseconds of the monotonic clock.
        var statusAt: Int64 = 0
    }

    struct State: Sendable {
        /// In the order of the configuration.
        var lanes: [Lane] = []
        var viewers = 0
        /// nil where no collector is configured.
        var collector: Collector?
        /// nil where no filter is configured.
        var filter: Filter?

        /// nil until the office's thread has read its book of orders.
        var control: Control?
        /// nil until the rules on requests are looked after.
        var requests: Requests?
        /// Claims of sources to be a crawler.
        var bots = BotVerifier.Counts()

        /// nil where samples of the filter are not looked at.
        var wire: Wire?

        /// All lanes that speak as one; nil where none does.
        var merged: LaneStatus? {
            let all = lanes.compactMap(\.status)
            return all.isEmpty ? nil : LaneStatus(merging: all)
        }

        /// The lanes as a viewer is told of them.
        var summary: LaneState {
            let serving = lanes.count { $0.isUp }
            return LaneState(
                isUp: serving > 0, restarts: lanes.reduce(0) { $0 &+ $1.restarts },
                lanes: UInt16(clamping: lanes.count),
                serving: UInt16(clamping: serving))
        }
    }

    private let state: Mutex<State>

    init(lanes: [String]) { state = Mutex(State(lanes: lanes.map { Lane(name: $0) })) }

    func update(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

    func update(lane name: String, _ change: (inout Lane) -> Void) {
        state.withLock { state in
            guard let place = state.lanes.firstIndex(where: { $0.name == name }) else { return }
            change(&state.lanes[place])
        }
    }

    var current: State { state.withLock { $0 } }
}

/// The office's own counters.
struct OfficeMetrics: Sendable {
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
