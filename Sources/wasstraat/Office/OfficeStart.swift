internal import Glibc
internal import Messages
internal import Settings
package import Telemetry

/// One lane before the office's thread begins.
struct LaneStart: Sendable {
    var name: String
    var snapshot: Snapshot
    /// Someone holds the lane's lock. The lock itself is not in here: a copy that outlives its turn would keep the
    /// office from seeing that a lane is gone.
    var isLaneAlive: Bool
    /// Bound already where there is no lane.
    var listeners: BoundListeners?
}

/// All that the office is made of before its thread begins; everything in it was checked, made or bound.
package struct OfficeStart: Sendable {
    package let configuration: OfficeConfiguration
    package let folder: StateFolder
    /// Held for as long as the office lives, so that there is no second one.
    let officeLock: Descriptor
    let lanes: [LaneStart]
    /// The lanes' program.
    let gateway: String
    package let mailbox: Mailbox
    package let report: OfficeReport
    /// What the lanes say, for the recorder.
    package let feed = OfficeFeed()
    /// What lanes saw of requests, for the rules on them.
    package let requests = RequestFeed()
    /// Where proven sources go; nil: there is no filter.
    package var sources: FilterSources?
    /// Claims of sources to be a crawler, and orders by hand.
    let bots: BotInquiries
    let audit = AuditFeed()
    let ending = OfficeEnding()
    /// The office's own figures.
    package let registry = MetricsRegistry(help: OfficeMetrics.help)
    let metrics: OfficeMetrics

    /// Locks and binds: all that can be refused is refused here, before anything runs.
    /// - Parameter gateway: the path of the lanes' program.
    package init(_ configuration: OfficeConfiguration, gateway: String) throws(OfficeError) {
        self.configuration = configuration
        self.gateway = gateway
        folder = StateFolder(path: configuration.state)
        try folder.prepare()
        guard let officeLock = try folder.lock("office.lock") else {
            throw OfficeError(
                .busy,
                "another office (process \(folder.holder(of: "office.lock"))) works in \(folder.path); one is enough")
        }
        folder.note(getpid(), in: officeLock)
        self.officeLock = officeLock
        mailbox = try Mailbox()
        bots = try BotInquiries()
        report = OfficeReport(lanes: configuration.lanes.map(\.name))
        metrics = OfficeMetrics(registry)
        var lanes: [LaneStart] = []
        for lane in configuration.lanes {
            let isAlive = try folder.lock(LaneFiles(of: lane.name).lock) == nil
            lanes.append(
                LaneStart(
                    name: lane.name, snapshot: lane.snapshot, isLaneAlive: isAlive,
                    listeners: isAlive ? nil : try BoundListeners(binding: lane.snapshot)))
        }
        self.lanes = lanes
    }
}
