internal import CLinux
internal import CoreMetrics
internal import Glibc
internal import Logging
internal import Messages

/// One lane as the office looks after it: its process, its listeners, its history, what it has in force. Confined to the
/// office's thread.
final class LaneDesk {
    /// Log lines of the lane that are passed on in a second.
    static let lineLimit = 100
    static let historyTime: Int64 = 60_000

    let name: String
    let files: LaneFiles
    /// Holds this desk, and outlives it.
    unowned let office: Office
    let logger: Logger
    let laneLogger: Logger

    /// As configured: without generation and secrets.
    var wanted: Snapshot
    var listeners: BoundListeners?
    var history: HistoryMemory
    var supervision: LaneSupervision
    /// The lane's lock while no lane has it.
    var lock: Descriptor?
    var lane: Peer?
    /// Lanes of which one takes the other's place.
    var succession = LaneSuccession()
    /// The lane that serves, while `lane` is the one that is to follow it.
    var former: Peer?
    /// Those that were told to finish.
    var retiring: [(peer: Peer, process: pid_t)] = []
    var snapshots: SnapshotLedger
    var lines = 0
    /// The lane has put a snapshot in force, so that it holds the listeners; until then each snapshot brings them.
    var laneHasListeners = false
    /// The lane does not have the public pages of now.
    var arePagesDue = true
    private var nextHistory: Int64

    /// - Parameter isHistoryKnown: false when the history's key is new.
    init(_ start: LaneStart, of office: Office, isHistoryKnown: Bool) throws(OfficeError) {
        let now = Clock.monotonic
        name = start.name
        files = LaneFiles(of: start.name)
        self.office = office
        logger = Self.logger("office", start.name)
        laneLogger = Self.logger("lane", start.name)
        wanted = start.snapshot
        listeners = start.listeners
        history = try HistoryMemory(loading: files.history, from: office.folder, isKnown: isHistoryKnown)
        supervision = LaneSupervision(isLaneAlive: start.isLaneAlive, at: now)
        snapshots = SnapshotLedger(generation: (office.folder.readSnapshot(files.snapshot)?.generation ?? 0) + 1)
        nextHistory = now + Self.historyTime
        forgetGoneSites()
    }

    private static func logger(_ label: String, _ lane: String) -> Logger {
        var logger = Logger(label: label)
        logger[metadataKey: "lane"] = "\(lane)"
        return logger
    }

    func tick(at now: Int64) throws(OfficeError) {
        if let action = supervision.tick(at: now) {
            guard action != .giveUp else {
                throw OfficeError(
                    .busy,
                    "process \(office.folder.holder(of: files.lock)) holds \(office.folder.file(files.lock)) but does "
                        + "not report; end it and start again")
            }
            perform(action)
        }
        tickSuccession(at: now)
        judgeSnapshot(at: now)
        sendPages()
        if now >= nextHistory {
            nextHistory = now + Self.historyTime
            saveHistory()
        }
    }

    /// A new second: the lane may write lines again.
    func beginSecond() {
        if lines > Self.lineLimit { office.metrics.droppedLines.increment(by: lines - Self.lineLimit) }
        lines = 0
    }

    func stop(limit: Int64) {
        giveUpSuccessor("everything stops", level: .info)
        if let action = supervision.stop(limit: limit, at: Clock.monotonic) { perform(action) }
    }

    func saveHistory() {
        do throws(OfficeError) { try history.save(to: office.folder) } catch { office.stateFailed(error) }
    }

    private func perform(_ action: LaneSupervision.Action) {
        switch action {
        case .start: startLane()
        case .probe: probeLane()
        case .kill(let process):
            logger.error("the lane does not react; it is ended", metadata: ["process": "\(process)"])
            kill(process, SIGKILL)
        case .drain: drain()
        case .giveUp: break
        }
    }

    func drain() {
        logger.notice("the lane drains")
        if let lane { office.send(Frame(.drain), to: lane) }
    }

    private func startLane() {
        let now = Clock.monotonic
        do throws(OfficeError) {
            if listeners == nil { listeners = try BoundListeners(binding: wanted) }
            if lock == nil { lock = try office.folder.lock(files.lock) }
            guard let lock else { throw OfficeError(.busy, "another lane holds the lock") }
            let process = try spawnLane(holding: lock)
            supervision.started(process, at: now)
            // The lane's copy is the lock from here on: it lives exactly as long as the lane.
            self.lock = nil
            logger.notice(
                "the lane was started",
                metadata: ["process": "\(process)", "restarts": "\(supervision.restarts)"])
        } catch {
            logger.error("the lane was not started", metadata: ["reason": "\(error)"])
            supervision.startFailed(at: now)
        }
        report()
    }

    func spawnLane(holding lock: Descriptor) throws(OfficeError) -> pid_t {
        let words: [String] = [office.gateway, "--control", office.folder.socket, "--name", name]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let process = linux_spawn(office.gateway, arguments, lock.number)
        guard process > 0 else {
            throw OfficeError(.system, "cannot start \(office.gateway): \(OfficeError.text(process))")
        }
        office.folder.note(process, in: lock)
        return process
    }

    /// - Parameter status: as `waitpid` gives it.
    private func tellEnd(of process: pid_t, _ status: Int32) {
        let isSignal = status & 0x7f != 0
        let level: Logger.Level = supervision.isStopping && status == 0 ? .info : .error
        logger.log(
            level: level, "the lane ended",
            metadata: [
                "process": "\(process)",
                isSignal ? "signal" : "exit": "\(isSignal ? status & 0x7f : status >> 8 & 0xff)",
            ])
    }

    private func probeLane() {
        if let process = supervision.process {
            var status: Int32 = 0
            let ended = waitpid(process, &status, WNOHANG)
            // Of our making and still there. One that ends gives up its lock before it can be waited for.
            if ended == 0 { return }
            if ended == process { tellEnd(of: process, status) }
        }
        do throws(OfficeError) {
            guard let free = try office.folder.lock(files.lock) else { return }
            lock = free
        } catch {
            return office.stateFailed(error)
        }
        if let process = supervision.process {
            logger.notice("there is no lane", metadata: ["process": "\(process)"])
        }
        giveUpSuccessor("the lane that it was to follow is gone")
        supervision.gone(at: Clock.monotonic)
        if let refusal = snapshots.laneDied() { fallBack(after: refusal, at: Clock.monotonic) }
        report()
    }

    /// The control connection ended.
    func lost(at now: Int64) {
        if former != nil { return giveUpSuccessor("its connection ended") }
        lane = nil
        supervision.disconnected(at: now)
        logger.log(level: supervision.isStopping ? .info : .warning, "the lane's connection ended")
        report()
    }

    func report() {
        office.report.update(lane: name) { state in
            state.isUp = supervision.isServing
            state.restarts = supervision.restarts
            state.generation = snapshots.generation
            if !supervision.isServing { state.status = nil }
        }
        office.informViewers(at: Clock.monotonic, isStatusDue: false)
    }
}
