internal import Addresses
internal import Messages

/// What the office needs of a configuration file that has no faults.
struct OfficeConfiguration: Sendable {
    /// Compiled for the lane; generation and secrets are still the office's to fill in.
    var snapshot: Snapshot
    /// The state folder.
    var state: String
    /// Where `/metrics` is served; nil: nowhere.
    var metrics: Endpoint?
    /// Days that a finished access log is kept.
    var accessLogDays: Int

    /// What differs from `running` and needs a restart of the office, for people; listeners and cores are compared where
    /// they are bound.
    func changesThatNeedARestart(since running: OfficeConfiguration) -> [String] {
        var names: [String] = []
        if state != running.state { names.append("state") }
        if metrics != running.metrics { names.append("metrics") }
        return names
    }
}
