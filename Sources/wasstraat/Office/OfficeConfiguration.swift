package import Addresses
package import Messages

/// What the office needs of a configuration file that has no faults.
package struct OfficeConfiguration: Sendable {
    /// Compiled for the lane; generation and secrets are still the office's to fill in.
    package var snapshot: Snapshot
    /// The state folder.
    package var state: String
    /// Where `/metrics` is served; nil: nowhere.
    package var metrics: Endpoint?
    /// Days that a finished access log is kept.
    package var accessLogDays: Int

    package init(snapshot: Snapshot, state: String, metrics: Endpoint?, accessLogDays: Int) {
        self.snapshot = snapshot
        self.state = state
        self.metrics = metrics
        self.accessLogDays = accessLogDays
    }

    /// What differs from `running` and needs a restart of the office, for people; listeners and cores are compared where
    /// they are bound.
    func changesThatNeedARestart(since running: OfficeConfiguration) -> [String] {
        var names: [String] = []
        if state != running.state { names.append("state") }
        if metrics != running.metrics { names.append("metrics") }
        return names
    }
}
