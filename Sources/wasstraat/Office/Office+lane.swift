internal import Bytes
internal import CLinux
internal import Glibc
internal import Logging
internal import Messages

extension Office {
    func perform(_ action: LaneSupervision.Action) {
        switch action {
        case .start: startLane()
        case .probe: probeLane()
        case .kill(let process):
            logger.error("the lane does not react; it is ended", metadata: ["process": "\(process)"])
            kill(process, SIGKILL)
        case .drain:
            logger.notice("the lane drains")
            if let lane { send(Frame(.drain), to: lane) }
        case .giveUp: break
        }
    }

    private func startLane() {
        let now = Clock.monotonic
        do throws(OfficeError) {
            if listeners == nil { listeners = try BoundListeners(binding: configuration.snapshot) }
            if laneLock == nil { laneLock = try folder.lock("lane.lock") }
            guard let lock = laneLock else { throw OfficeError(.busy, "another lane holds the lock") }
            let words: [String] = [gateway, "--control", folder.socket]
            let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
            defer { for argument in arguments { free(argument) } }
            let process = linux_spawn(gateway, arguments, lock.number)
            guard process > 0 else {
                throw OfficeError(.system, "cannot start \(gateway): \(OfficeError.text(process))")
            }
            folder.note(process, in: lock)
            supervision.started(process, at: now)
            // The lane's copy is the lock from here on: it lives exactly as long as the lane.
            laneLock = nil
            logger.notice(
                "the lane was started",
                metadata: ["process": "\(process)", "restarts": "\(supervision.restarts)"])
        } catch {
            logger.error("the lane was not started", metadata: ["reason": "\(error)"])
            supervision.startFailed(at: now)
        }
        reportLane()
    }

    private func probeLane() {
        var status: Int32 = 0
        if let process = supervision.process, waitpid(process, &status, WNOHANG) == process {
            let isSignal = status & 0x7f != 0
            let level: Logger.Level = supervision.isStopping && status == 0 ? .info : .error
            logger.log(
                level: level, "the lane ended",
                metadata: [
                    "process": "\(process)",
                    isSignal ? "signal" : "exit": "\(isSignal ? status & 0x7f : status >> 8 & 0xff)",
                ])
        }
        do throws(OfficeError) {
            guard let lock = try folder.lock("lane.lock") else { return }
            laneLock = lock
        } catch {
            return stateFailed(error)
        }
        if let process = supervision.process {
            logger.notice("there is no lane", metadata: ["process": "\(process)"])
        }
        supervision.gone(at: Clock.monotonic)
        if let refusal = snapshots.laneDied() { fallBack(after: refusal, at: Clock.monotonic) }
        reportLane()
    }

    /// A peer says that it is a lane.
    func greet(_ peer: Peer, _ hello: Hello) {
        let now = Clock.monotonic
        let process = pid_t(truncatingIfNeeded: hello.process)
        guard process > 1, let carried = peer.takeDescriptors(Int(hello.descriptors)) else {
            logger.error("a lane's hello was broken", metadata: ["process": "\(process)"])
            return drop(peer, at: now)
        }
        if let lane {
            guard supervision.process == process else {
                logger.error("a second lane was sent away", metadata: ["process": "\(process)"])
                return drop(peer, at: now)
            }
            drop(lane, at: now)
        }
        if hello.generation > 0 { takeOver(carried, of: process) }
        if listeners == nil {
            do throws(OfficeError) {
                listeners = try BoundListeners(binding: configuration.snapshot)
            } catch {
                logger.critical("the listeners cannot be bound", metadata: ["reason": "\(error)"])
                return drop(peer, at: now)
            }
        }
        peer.role = .lane
        lane = peer
        supervision.connected(process, at: now)
        logger.notice(
            "the lane reported", metadata: ["process": "\(process)", "generation": "\(hello.generation)"])
        snapshots.saw(hello.generation)
        if hello.generation == 0 {
            var size = ByteWriter()
            size.write(UInt64(HistoryMemory.size))
            send(Frame(.history, body: size.bytes), with: [history.descriptor], to: peer)
        }
        sendAccessLog(at: now)
        laneHasListeners = hello.generation > 0
        sendSnapshot(configuration, at: now)
        if supervision.isStopping { perform(.drain) }
        reportLane()
    }

    /// Takes over the sockets and the history of a lane that served before this office began.
    private func takeOver(_ carried: [Descriptor], of process: pid_t) {
        guard listeners == nil else { return }
        var sockets = carried
        if let last = sockets.last, let memory = HistoryMemory(adopting: last) {
            history = memory
            sockets.removeLast()
        }
        guard let stored = folder.readSnapshot(), let adopted = BoundListeners(adopting: sockets, of: stored) else {
            logger.error(
                "the lane's listeners are not those of the stored snapshot; new ones are bound beside them",
                metadata: ["process": "\(process)", "sockets": "\(sockets.count)"])
            return
        }
        listeners = adopted
        var wanted = configuration.snapshot
        for name in adopted.apply(to: &wanted) {
            logger.warning("changed, but in force only after a restart of the lane", metadata: ["setting": "\(name)"])
        }
        logger.notice("took over from an earlier office", metadata: ["sockets": "\(sockets.count)"])
    }

    /// A frame of the lane.
    func hear(_ frame: Frame, from peer: Peer) {
        switch frame.kind {
        case .status:
            guard let status = try? LaneStatus(decoding: frame.body.span.bytes) else { return breach(peer, frame) }
            laneStatus = frame
            report.update {
                $0.status = status
                $0.statusAt = Clock.monotonic
            }
        case .inForce:
            var reader = ByteReader(frame.body.span.bytes)
            guard let generation = try? reader.readUInt64() else { return breach(peer, frame) }
            laneHasListeners = true
            report.update { $0.inForce = generation }
            guard snapshots.inForce(generation) else { return }
            logger.notice("in force", metadata: ["generation": "\(generation)"])
            store(compose(configuration, generation: generation))
        case .log: passOn(frame)
        case .traffic:
            guard (try? LaneTraffic(decoding: frame.body.span.bytes)) != nil else { return breach(peer, frame) }
        case .hello, .snapshot, .accessLog, .drain, .watch, .lane, .history, .pages: breach(peer, frame)
        }
    }

    private func breach(_ peer: Peer, _ frame: Frame) {
        logger.error("the lane sent what it should not", metadata: ["kind": "\(frame.kind)"])
        drop(peer, at: Clock.monotonic)
    }

    /// A log line of the lane becomes one of ours.
    private func passOn(_ frame: Frame) {
        guard let first = frame.body.first else { return }
        // Severities of RFC 5424, section 6.2.1.
        let levels: [Logger.Level] = [.critical, .critical, .critical, .error, .warning, .notice, .info, .debug]
        let level = levels[min(Int(first), levels.count - 1)]
        let text = String(decoding: frame.body.dropFirst().prefix(8_192), as: UTF8.self)
        if level >= .error { snapshots.laneComplained(text, at: Clock.monotonic) }
        laneLines += 1
        if laneLines <= Self.laneLineLimit { laneLogger.log(level: level, "\(text)") }
    }

    func sendAccessLog(at now: Int64) {
        if let lane { send(Frame(.accessLog), with: [accessLog.descriptor], to: lane) }
    }

    /// Compiles the configuration anew, with the keys of now, and hands it to the lane where there is one.
    func offerSnapshot(at now: Int64) {
        snapshots.count()
        report.update { $0.generation = snapshots.generation }
        if lane != nil { sendSnapshot(configuration, at: now) }
    }

    private func sendSnapshot(_ wanted: OfficeConfiguration, isFallback: Bool = false, at now: Int64) {
        guard let lane, let listeners else { return }
        let snapshot = compose(wanted, generation: snapshots.generation)
        // Before the first one is in force, so that a lane finds its snapshot without the office as well.
        if snapshots.confirmed == nil, !laneHasListeners { store(snapshot) }
        snapshots.offered(wanted, isFallback: isFallback, at: now)
        send(Frame(.snapshot, body: snapshot.encoded()), with: laneHasListeners ? [] : listeners.sockets, to: lane)
    }

    private func compose(_ wanted: OfficeConfiguration, generation: UInt64) -> Snapshot {
        var snapshot = wanted.snapshot
        snapshot.generation = generation
        snapshot.secrets = secrets.secrets
        _ = listeners?.apply(to: &snapshot)
        return snapshot
    }

    private func store(_ snapshot: Snapshot) {
        do throws(OfficeError) { try folder.write(snapshot) } catch { stateFailed(error) }
    }

    /// Falls back on the configuration that was in force when the lane refuses the new one.
    func judgeSnapshot(at now: Int64) {
        if let refusal = snapshots.refusal(at: now) { fallBack(after: refusal, at: now) }
    }

    private func fallBack(after refusal: SnapshotLedger.Refusal, at now: Int64) {
        logger.error(
            "the lane refused the configuration; \(snapshots.confirmed == nil ? "nothing is in force" : "the former one stays")",
            metadata: ["generation": "\(refusal.generation)", "reason": "\(refusal.reason)"])
        guard let fallback = refusal.fallback else { return }
        configuration = fallback
        snapshots.count()
        report.update { $0.generation = snapshots.generation }
        sendSnapshot(fallback, isFallback: true, at: now)
    }

    func reportLane() {
        report.update { state in
            state.isLaneUp = supervision.isServing
            state.restarts = supervision.restarts
            state.generation = snapshots.generation
            if !supervision.isServing { state.status = nil }
        }
        informViewers(at: Clock.monotonic, isStatusDue: false)
    }
}
