internal import CLinux
internal import CoreMetrics
internal import Glibc
internal import Logging
internal import Messages
internal import Mitigations
internal import Moments
internal import Settings
internal import Telemetry

/// The office at work: the control socket, the lanes, the state folder. One thread, one poll(2), no lock.
package final class Office {
    /// Connections on the control socket: lanes, those that replace them, and viewers.
    static let peerLimit = 64
    /// Milliseconds for a peer to say who it is, and for a viewer to read what it was sent.
    static let patience: Int64 = 5_000
    static let viewerTime: Int64 = 1_000

    var configuration: OfficeConfiguration
    let folder: StateFolder
    let gateway: String
    let mailbox: Mailbox
    let report: OfficeReport
    let metrics: OfficeMetrics
    let logger = Logger(label: "office")
    let feed: OfficeFeed
    /// Where sources that a lane has proven hostile go; nil: there is no filter.
    let sources: FilterSources?
    /// Where claims to be a crawler go.
    let bots: BotInquiries
    /// Who did what by hand, for the register.
    let audit: AuditFeed
    /// Set right after the office is made, for it holds the office.
    private(set) var control: ControlDesk!
    var adminPeers: [AdminPeer] = []
    let adminSocket: Descriptor
    /// What viewers know, for who asks on the admin socket.
    var model = TopModel()
    var busiest = BusiestLedger()
    var busiestNow = BusiestTraffic()
    var verdicts = BotVerdicts()

    var desks: [LaneDesk] = []
    var secrets: StoredSecrets
    var accessLog: AccessLog
    var peers: [Peer] = []
    /// The public pages of now, as they are sent.
    var pages: Frame?
    /// The rules on requests of now; nil: nobody has made any, and lanes keep what they have until it ends.
    var requestRules: RequestRules?
    /// What lanes saw of requests.
    let requests: RequestFeed
    /// Modes of sites that were set by hand beside the configuration.
    var modes: [String: Snapshot.Mode] = [:]

    /// Until when it tries to end without its lanes; nil: it was not asked to.
    var handOverUntil: Int64?
    var isHandedOver = false
    private(set) var isStopping = false
    let ending: OfficeEnding

    private let officeLock: Descriptor
    private let listener: Descriptor
    private var nextViewers: Int64 = 0
    private var lastSecond: Int64 = 0

    package init(_ start: OfficeStart) throws(OfficeError) {
        configuration = start.configuration
        folder = start.folder
        officeLock = start.officeLock
        gateway = start.gateway
        mailbox = start.mailbox
        report = start.report
        metrics = start.metrics
        feed = start.feed
        sources = start.sources
        requests = start.requests
        bots = start.bots
        audit = start.audit
        ending = start.ending
        let time = UTCTime.now
        let known = folder.readSecrets()
        secrets = known ?? StoredSecrets(at: time)
        if secrets.renew(at: time) || known == nil { try folder.write(secrets) }
        accessLog = try AccessLog(in: folder, at: time)
        let listening = linux_unix_listen(folder.socket)
        guard listening >= 0 else {
            throw OfficeError(.system, "cannot listen on \(folder.socket): \(OfficeError.text(listening))")
        }
        listener = Descriptor(listening)
        let admin = linux_unix_listen(folder.adminSocket)
        guard admin >= 0 else {
            throw OfficeError(.system, "cannot listen on \(folder.adminSocket): \(OfficeError.text(admin))")
        }
        adminSocket = Descriptor(admin)
        for lane in start.lanes { desks.append(try LaneDesk(lane, of: self, isHistoryKnown: known != nil)) }
        control = ControlDesk(of: self)
        control.begin()
    }

    /// Works until it was told to stop and every lane has ended, or to leave them to the next office.
    package func run() throws(OfficeError) {
        defer { feed.end() }
        for desk in desks {
            if case .awaited = desk.supervision.phase {
                desk.logger.notice("a lane serves already; waiting for it to report")
            }
        }
        expireLogs()
        while !isHandedOver, desks.contains(where: { $0.supervision.phase != .ended || $0.succession.isBusy }) {
            waitForEvents()
            for command in mailbox.take() { obey(command) }
            acceptPeers()
            for peer in peers { serve(peer) }
            acceptAdmins()
            serveAdmins()
            try tick()
        }
        if isHandedOver { ending.leaveOthers() }
        for desk in desks { desk.saveHistory() }
        unlink(folder.socket)
        unlink(folder.adminSocket)
        logger.info("stopped")
    }

    private func waitForEvents() {
        var watched = [
            pollfd(fd: mailbox.wakes, events: Int16(POLLIN), revents: 0),
            // A full house is not polled: those who wait stay in the kernel's queue.
            pollfd(fd: peers.count < Self.peerLimit ? listener.number : -1, events: Int16(POLLIN), revents: 0),
            pollfd(
                fd: adminPeers.count < AdminPeer.limit ? adminSocket.number : -1, events: Int16(POLLIN), revents: 0),
        ]
        for peer in peers {
            let events = peer.hasBacklog ? POLLIN | POLLOUT : POLLIN
            watched.append(pollfd(fd: peer.socket.number, events: Int16(events), revents: 0))
        }
        for peer in adminPeers {
            let events = peer.hasBacklog ? POLLOUT : POLLIN
            watched.append(pollfd(fd: peer.socket.number, events: Int16(events), revents: 0))
        }
        // Once a second suffices for all that the calendar and the viewers ask for.
        let now = Clock.monotonic
        let wait = desks.reduce(Int64(1_000)) { longest, desk in
            // One that has ended waits for nothing.
            let longest = desk.succession.isBusy ? min(longest, LaneSupervision.probeTime) : longest
            return desk.supervision.phase == .ended ? longest : desk.supervision.wait(at: now, longest: longest)
        }
        poll(&watched, nfds_t(watched.count), Int32(wait))
    }

    private func obey(_ command: Mailbox.Command) {
        switch command {
        case .reload(let fresh): reload(fresh)
        case .pages(let fresh):
            pages = Frame(.pages, body: fresh.encoded())
            for desk in desks {
                desk.arePagesDue = true
                desk.sendPages()
            }
        case .order(let order, let giver, let answer):
            do throws(ControlBook.Refusal) {
                answer(.success(try control.carryOut(order, by: giver, at: .now)))
            } catch {
                answer(.failure(error))
            }
        case .requestRules(let fresh):
            requestRules = fresh
            for desk in desks { desk.sendRequestRules() }
        case .botVerdicts(let fresh):
            verdicts = fresh
            for desk in desks { desk.sendVerdicts() }
        case .replaceLanes: for desk in desks { desk.replaceLane() }
        case .handOver: askToHandOver(at: Clock.monotonic)
        case .stop:
            isStopping = true
            handOverUntil = nil
            isHandedOver = false
            let limit = Int64(desks.reduce(0) { max($0, $1.wanted.limits.drainTime) }) + 2_000
            logger.notice("stopping", metadata: ["limit_ms": "\(limit)"])
            for desk in desks { desk.stop(limit: limit) }
        }
    }

    func setMode(_ mode: Snapshot.Mode?, of site: String) {
        guard modes[site] != mode else { return }
        let serving = desks.filter { $0.wanted.sites.contains { $0.name == site } }
        guard mode == nil || !serving.isEmpty else {
            return logger.warning("there is no site whose mode could be set", metadata: ["site": "\(site)"])
        }
        modes[site] = mode
        logger.notice(
            "the mode of a site was set",
            metadata: ["site": "\(site)", "mode": "\(mode.map { "\($0)" } ?? "as configured")"])
        for desk in serving { desk.offerSnapshot(at: Clock.monotonic) }
    }

    /// Puts a new configuration into force, as far as that goes without a restart.
    private func reload(_ fresh: OfficeConfiguration) {
        var needed = fresh.changesThatNeedARestart(since: configuration).map { ($0, logger) }
        var merged = fresh
        merged.state = configuration.state
        merged.metrics = configuration.metrics
        merged.console = configuration.console
        merged.filter = configuration.filter
        // A lane that is gone from the file goes on as it was; one that is new there is not begun.
        merged.lanes = configuration.lanes.map { lane in fresh.lanes.first { $0.name == lane.name } ?? lane }
        configuration = merged
        expireLogs()
        for desk in desks {
            guard let lane = fresh.lanes.first(where: { $0.name == desk.name }) else { continue }
            needed += desk.take(lane.snapshot).map { ($0, desk.logger) }
        }
        control.follow()
        for (name, logger) in needed {
            logger.warning("changed, but in force only after a restart", metadata: ["setting": "\(name)"])
        }
    }

    private func acceptPeers() {
        while peers.count < Self.peerLimit {
            var address = [UInt8](repeating: 0, count: 16)
            var port: UInt16 = 0
            let socket = linux_accept(listener.number, &address, &port)
            guard socket >= 0 else { return }
            peers.append(Peer(Descriptor(socket), at: Clock.monotonic))
        }
    }

    private func tick() throws(OfficeError) {
        let now = Clock.monotonic
        for desk in desks { try desk.tick(at: now) }
        tickHandOver(at: now)
        control.expire(at: .now)
        for peer in peers where peer.role == .unknown && now - peer.since > Self.patience { drop(peer, at: now) }
        if now >= nextViewers {
            nextViewers = now + Self.viewerTime
            followModel(at: now)
            informViewers(at: now)
        }
        let time = UTCTime.now
        if time.seconds != lastSecond {
            lastSecond = time.seconds
            followCalendar(time, at: now)
        }
    }

    /// What the wall clock brings: new keys, a new access log.
    private func followCalendar(_ time: UTCTime, at now: Int64) {
        for desk in desks { desk.beginSecond() }
        do throws(OfficeError) {
            if try accessLog.rotate(at: time) {
                logger.info("the access log was rotated", metadata: ["day": "\(time.date)"])
                for desk in desks { desk.sendAccessLog() }
                expireLogs()
            }
            if secrets.renew(at: time) {
                try folder.write(secrets)
                logger.info("keys were renewed")
                for desk in desks { desk.offerSnapshot(at: now) }
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

    func stateFailed(_ error: OfficeError) {
        metrics.stateErrors.increment()
        logger.error("the state folder cannot be written", metadata: ["reason": "\(error)"])
    }
}
