internal import Bytes
internal import Glibc
internal import Logging
internal import Messages
internal import Moments

/// What the lane says, and what it is told.
extension LaneDesk {
    /// A peer says that it is this lane.
    func greet(_ peer: Peer, _ hello: Hello) {
        let now = Clock.monotonic
        let process = pid_t(truncatingIfNeeded: hello.process)
        guard process > 1, let carried = peer.takeDescriptors(Int(hello.descriptors)) else {
            logger.error("a lane's hello was broken", metadata: ["process": "\(process)"])
            return office.drop(peer, at: now)
        }
        guard !isLeftOver(process) else { return retire(peer, process) }
        if succession.successor?.process == process {
            guard former == nil else { return giveUpSuccessor("it reports twice") }
            guard let lane, supervision.isServing else {
                giveUpSuccessor("the lane that it was to follow is gone")
                return office.drop(peer, at: now)
            }
            former = lane
            succession.reported(following: supervision.process)
        } else if let lane {
            guard supervision.process == process else {
                logger.error("a second lane was sent away", metadata: ["process": "\(process)"])
                return office.drop(peer, at: now)
            }
            office.drop(lane, at: now)
        }
        if hello.generation > 0 { takeOver(carried, of: process) }
        if listeners == nil {
            do throws(OfficeError) {
                listeners = try BoundListeners(binding: wanted)
            } catch {
                logger.critical("the listeners cannot be bound", metadata: ["reason": "\(error)"])
                return office.drop(peer, at: now)
            }
        }
        peer.role = .lane
        lane = peer
        arePagesDue = true
        supervision.connected(process, at: now)
        logger.notice(
            "the lane reported", metadata: ["process": "\(process)", "generation": "\(hello.generation)"])
        snapshots.saw(hello.generation)
        if hello.generation == 0 {
            var size = ByteWriter()
            size.write(UInt64(HistoryMemory.size))
            office.send(Frame(.history, body: size.bytes), with: [history.descriptor], to: peer)
        }
        sendAccessLog()
        laneHasListeners = hello.generation > 0
        // Before the snapshot: with it the lane begins to serve.
        sendAccess()
        sendVerdicts()
        sendRequestRules()
        if !laneHasListeners { sendPages(to: peer) }
        sendSnapshot(wanted, at: now)
        if hello.generation == 0 { sendLearnt(to: peer) }
        if supervision.isStopping { drain() }
        report()
    }

    /// Takes over the sockets and the history of a lane that served before this office began.
    private func takeOver(_ carried: [Descriptor], of process: pid_t) {
        guard listeners == nil else { return }
        var sockets = carried
        if let last = sockets.last, let memory = HistoryMemory(adopting: last, file: files.history) {
            history = memory
            sockets.removeLast()
        }
        guard let stored = office.folder.readSnapshot(files.snapshot),
            let adopted = BoundListeners(adopting: sockets, of: stored)
        else {
            logger.error(
                "the lane's listeners are not those of the stored snapshot; new ones are bound beside them",
                metadata: ["process": "\(process)", "sockets": "\(sockets.count)"])
            return
        }
        listeners = adopted
        var snapshot = wanted
        for name in adopted.apply(to: &snapshot) {
            logger.warning("changed, but in force only after a restart of the lane", metadata: ["setting": "\(name)"])
        }
        logger.notice("took over from an earlier office", metadata: ["sockets": "\(sockets.count)"])
    }

    /// A frame of the lane.
    func hear(_ frame: Frame, from peer: Peer) {
        switch frame.kind {
        case .status:
            guard let status = try? LaneStatus(decoding: frame.body.span.bytes) else { return breach(peer, frame) }
            office.report.update(lane: name) {
                $0.status = status
                $0.statusAt = Clock.monotonic
            }
            office.feed.put(.status(lane: name, status, at: .now), size: frame.body.count)
        case .inForce:
            var reader = ByteReader(frame.body.span.bytes)
            guard let generation = try? reader.readUInt64() else { return breach(peer, frame) }
            laneHasListeners = true
            if former != nil { successorServes() }
            office.report.update(lane: name) { $0.inForce = generation }
            guard snapshots.inForce(generation) else { return }
            logger.notice("in force", metadata: ["generation": "\(generation)"])
            store(compose(wanted, generation: generation))
        case .log: passOn(frame)
        case .traffic:
            guard let traffic = try? LaneTraffic(decoding: frame.body.span.bytes) else { return breach(peer, frame) }
            office.busiest.hear(traffic)
            office.feed.put(.traffic(lane: name, traffic, at: .now), size: frame.body.count)
        case .proven:
            guard let proven = try? ProvenSources(decoding: frame.body.span.bytes) else { return breach(peer, frame) }
            office.sources?.take(proven, from: name, of: wanted.sites)
        case .learnt:
            guard let learnt = try? LearntSite(decoding: frame.body.span.bytes) else { return breach(peer, frame) }
            keep(learnt)
        case .requestSamples:
            guard let samples = try? RequestSamples(decoding: frame.body.span.bytes) else {
                return breach(peer, frame)
            }
            hear(samples, size: frame.body.count)
        case .botClaims:
            guard let claims = try? BotClaims(decoding: frame.body.span.bytes) else { return breach(peer, frame) }
            office.bots.ask(claims.claims)
        case .requestRules, .hello, .snapshot, .accessLog, .drain, .watch, .lane, .history, .pages, .filterRequest,
            .filterReply, .filterSamples, .handed, .access, .botVerdicts, .busiest:
            breach(peer, frame)
        }
    }

    private func breach(_ peer: Peer, _ frame: Frame) {
        logger.error("the lane sent what it should not", metadata: ["kind": "\(frame.kind)"])
        office.drop(peer, at: Clock.monotonic)
    }

    /// A log line of the lane becomes one of ours.
    ///
    /// - Parameter isOfNow: the lane may complain of what it was offered.
    func passOn(_ frame: Frame, isOfNow: Bool = true) {
        guard let first = frame.body.first else { return }
        // Severities of RFC 5424, section 6.2.1.
        let levels: [Logger.Level] = [.critical, .critical, .critical, .error, .warning, .notice, .info, .debug]
        let level = levels[min(Int(first), levels.count - 1)]
        let text = String(decoding: frame.body.dropFirst().prefix(8_192), as: UTF8.self)
        if level >= .error, isOfNow { snapshots.laneComplained(text, at: Clock.monotonic) }
        lines += 1
        if lines <= Self.lineLimit { laneLogger.log(level: level, "\(text)") }
    }

    func sendAccessLog() {
        for peer in listening { office.send(Frame(.accessLog), with: [office.accessLog.descriptor], to: peer) }
    }

    /// Sends the public pages where the lane has not got them, and nothing else waits for it: pages that it has no time
    /// for are replaced by the next ones, and never pile up.
    func sendPages() {
        guard arePagesDue, laneHasListeners, let lane, !lane.hasBacklog else { return }
        sendPages(to: lane)
    }

    private func sendPages(to lane: Peer) {
        guard wanted.pages != nil, let pages = office.pages else { return }
        arePagesDue = false
        office.send(pages, to: lane)
    }

    /// Puts a new configuration into force, as far as that goes without a restart.
    /// - Returns: what needs a restart, for people.
    func take(_ fresh: Snapshot) -> [String] {
        wanted = fresh
        var snapshot = fresh
        let needed = listeners?.apply(to: &snapshot) ?? []
        offerSnapshot(at: Clock.monotonic)
        return needed
    }

    /// Compiles the configuration anew, with the keys of now, and hands it to the lane where there is one.
    func offerSnapshot(at now: Int64) {
        snapshots.count()
        office.report.update(lane: name) { $0.generation = snapshots.generation }
        if lane != nil { sendSnapshot(wanted, at: now) }
    }

    private func sendSnapshot(_ wanted: Snapshot, isFallback: Bool = false, at now: Int64) {
        guard let lane, let listeners else { return }
        let snapshot = compose(wanted, generation: snapshots.generation)
        // Before the first one is in force, so that a lane finds its snapshot without the office as well.
        if snapshots.confirmed == nil, !laneHasListeners { store(snapshot) }
        snapshots.offered(wanted, isFallback: isFallback, at: now)
        office.send(
            Frame(.snapshot, body: snapshot.encoded()), with: laneHasListeners ? [] : listeners.sockets, to: lane)
    }

    private func compose(_ wanted: Snapshot, generation: UInt64) -> Snapshot {
        var snapshot = wanted
        snapshot.generation = generation
        snapshot.secrets = office.secrets.secrets
        for index in snapshot.sites.indices {
            if let mode = office.modes[snapshot.sites[index].name] { snapshot.sites[index].mode = mode }
        }
        _ = listeners?.apply(to: &snapshot)
        return snapshot
    }

    private func store(_ snapshot: Snapshot) {
        do throws(OfficeError) {
            try office.folder.write(snapshot, to: files.snapshot)
        } catch {
            office.stateFailed(error)
        }
    }

    /// Falls back on the configuration that was in force when the lane refuses the new one.
    func judgeSnapshot(at now: Int64) {
        guard let refusal = snapshots.refusal(at: now) else { return }
        if former != nil {
            giveUpSuccessor(refusal.reason)
        } else {
            fallBack(after: refusal, at: now)
        }
    }

    func fallBack(after refusal: SnapshotLedger.Refusal, at now: Int64) {
        logger.error(
            "the lane refused the configuration; \(snapshots.confirmed == nil ? "nothing is in force" : "the former one stays")",
            metadata: ["generation": "\(refusal.generation)", "reason": "\(refusal.reason)"])
        guard let fallback = refusal.fallback else { return }
        wanted = fallback
        snapshots.count()
        office.report.update(lane: name) { $0.generation = snapshots.generation }
        sendSnapshot(fallback, isFallback: true, at: now)
    }
}
