internal import CLinux
internal import CoreMetrics
internal import Glibc
internal import Logging
internal import Messages
internal import Telemetry

/// All that the office is made of before its thread begins; everything in it was checked, made or bound.
struct OfficeStart: Sendable {
    var configuration: OfficeConfiguration
    var folder: StateFolder
    /// Held for as long as the office lives, so that there is no second one.
    var officeLock: Descriptor
    /// Someone holds the lane's lock. The lock itself is not in here: a copy that outlives its turn would keep the
    /// office from seeing that a lane is gone.
    var isLaneAlive: Bool
    /// Bound already where there is no lane.
    var listeners: BoundListeners?
    /// The lane's program.
    var gateway: String
    var mailbox: Mailbox
    var report: OfficeReport
    var metrics: OfficeMetrics
}

/// The office at work: the control socket, the lane, the state folder. One thread, one poll(2), no lock.
final class Office {
    /// Connections on the control socket: a lane, one that replaces it, and viewers.
    static let peerLimit = 32
    /// Milliseconds for a peer to say who it is, and for a viewer to read what it was sent.
    static let patience: Int64 = 5_000
    static let viewerTime: Int64 = 1_000
    static let historyTime: Int64 = 60_000
    /// Log lines of the lane that are passed on in a second.
    static let laneLineLimit = 100

    var configuration: OfficeConfiguration
    let folder: StateFolder
    let gateway: String
    let mailbox: Mailbox
    let report: OfficeReport
    let metrics: OfficeMetrics
    let logger = Logger(label: "office")
    let laneLogger = Logger(label: "lane")

    var listeners: BoundListeners?
    var secrets: StoredSecrets
    var history: HistoryMemory
    var accessLog: AccessLog
    var supervision: LaneSupervision
    /// The lane's lock while no lane has it.
    var laneLock: Descriptor?
    var lane: Peer?
    var peers: [Peer] = []
    var snapshots: SnapshotLedger
    /// The last status of the lane, as it came.
    var laneStatus: Frame?
    var laneLines = 0
    /// The lane has put a snapshot in force, so that it holds the listeners; until then each snapshot brings them.
    var laneHasListeners = false

    private let officeLock: Descriptor
    private let control: Descriptor
    private var nextViewers: Int64 = 0
    private var nextHistory: Int64
    private var lastSecond: Int64 = 0

    init(_ start: OfficeStart) throws(OfficeError) {
        configuration = start.configuration
        folder = start.folder
        officeLock = start.officeLock
        listeners = start.listeners
        gateway = start.gateway
        mailbox = start.mailbox
        report = start.report
        metrics = start.metrics
        let now = Clock.monotonic
        let time = UTCTime.now
        let known = folder.readSecrets()
        secrets = known ?? StoredSecrets(at: time)
        if secrets.renew(at: time) || known == nil { try folder.write(secrets) }
        history = try HistoryMemory(loadingFrom: folder, isKnown: known != nil)
        accessLog = try AccessLog(in: folder, at: time)
        supervision = LaneSupervision(isLaneAlive: start.isLaneAlive, at: now)
        nextHistory = now + Self.historyTime
        let stored = folder.readSnapshot()
        snapshots = SnapshotLedger(generation: (stored?.generation ?? 0) + 1)
        let listening = linux_unix_listen(folder.socket)
        guard listening >= 0 else {
            throw OfficeError(.system, "cannot listen on \(folder.socket): \(OfficeError.text(listening))")
        }
        control = Descriptor(listening)
    }

    /// Works until it was told to stop and the lane has ended.
    func run() throws(OfficeError) {
        if case .awaited = supervision.phase {
            logger.notice("a lane serves already; waiting for it to report")
        }
        expireLogs()
        while supervision.phase != .ended {
            waitForEvents()
            for command in mailbox.take() { obey(command) }
            acceptPeers()
            for peer in peers { serve(peer) }
            try tick()
        }
        saveHistory()
        unlink(folder.socket)
        logger.info("stopped")
    }

    private func waitForEvents() {
        var watched = [
            pollfd(fd: mailbox.wakes, events: Int16(POLLIN), revents: 0),
            // A full house is not polled: those who wait stay in the kernel's queue.
            pollfd(fd: peers.count < Self.peerLimit ? control.number : -1, events: Int16(POLLIN), revents: 0),
        ]
        for peer in peers {
            let events = peer.hasBacklog ? POLLIN | POLLOUT : POLLIN
            watched.append(pollfd(fd: peer.socket.number, events: Int16(events), revents: 0))
        }
        // Once a second suffices for all that the calendar and the viewers ask for.
        poll(&watched, nfds_t(watched.count), Int32(supervision.wait(at: Clock.monotonic, longest: 1_000)))
    }

    private func obey(_ command: Mailbox.Command) {
        switch command {
        case .reload(let fresh): reload(fresh)
        case .stop:
            let limit = Int64(configuration.snapshot.limits.drainTime) + 2_000
            logger.notice("stopping", metadata: ["limit_ms": "\(limit)"])
            if let action = supervision.stop(limit: limit, at: Clock.monotonic) { perform(action) }
        }
    }

    /// Puts a new configuration into force, as far as that goes without a restart.
    private func reload(_ fresh: OfficeConfiguration) {
        var needed = fresh.changesThatNeedARestart(since: configuration)
        var snapshot = fresh.snapshot
        needed += listeners?.apply(to: &snapshot) ?? []
        for name in needed {
            logger.warning("changed, but in force only after a restart", metadata: ["setting": "\(name)"])
        }
        var merged = fresh
        merged.state = configuration.state
        merged.metrics = configuration.metrics
        configuration = merged
        expireLogs()
        offerSnapshot(at: Clock.monotonic)
    }

    private func acceptPeers() {
        while peers.count < Self.peerLimit {
            var address = [UInt8](repeating: 0, count: 16)
            var port: UInt16 = 0
            let socket = linux_accept(control.number, &address, &port)
            guard socket >= 0 else { return }
            peers.append(Peer(Descriptor(socket), at: Clock.monotonic))
        }
    }

    private func tick() throws(OfficeError) {
        let now = Clock.monotonic
        if let action = supervision.tick(at: now) {
            guard action != .giveUp else {
                throw OfficeError(
                    .busy,
                    "process \(folder.holder(of: "lane.lock")) holds \(folder.file("lane.lock")) but does not report; "
                        + "end it and start again")
            }
            perform(action)
        }
        judgeSnapshot(at: now)
        for peer in peers where peer.role == .unknown && now - peer.since > Self.patience { drop(peer, at: now) }
        if now >= nextViewers {
            nextViewers = now + Self.viewerTime
            informViewers(at: now)
        }
        if now >= nextHistory {
            nextHistory = now + Self.historyTime
            saveHistory()
        }
        let time = UTCTime.now
        if time.seconds != lastSecond {
            lastSecond = time.seconds
            followCalendar(time, at: now)
        }
    }

    /// What the wall clock brings: new keys, a new access log.
    private func followCalendar(_ time: UTCTime, at now: Int64) {
        if laneLines > Self.laneLineLimit { metrics.droppedLines.increment(by: laneLines - Self.laneLineLimit) }
        laneLines = 0
        do throws(OfficeError) {
            if try accessLog.rotate(at: time) {
                logger.info("the access log was rotated", metadata: ["day": "\(time.date)"])
                sendAccessLog(at: now)
                expireLogs()
            }
            if secrets.renew(at: time) {
                try folder.write(secrets)
                logger.info("keys were renewed")
                offerSnapshot(at: now)
            }
        } catch {
            stateFailed(error)
        }
    }

    private func expireLogs() {
        for name in accessLog.expire(keeping: configuration.accessLogDays, at: .now) {
            logger.info("an access log was deleted at the end of its retention", metadata: ["file": "\(name)"])
        }
    }

    private func saveHistory() {
        do throws(OfficeError) { try history.save(to: folder) } catch { stateFailed(error) }
    }

    func stateFailed(_ error: OfficeError) {
        metrics.stateErrors.increment()
        logger.error("the state folder cannot be written", metadata: ["reason": "\(error)"])
    }
}
