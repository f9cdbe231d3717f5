internal import Glibc
internal import Logging
internal import Messages

/// A new lane takes the place of one that serves: it gets the same listeners, and the former one is told to finish only
/// once the new one serves. Where that does not come about, the former one goes on.
extension LaneDesk {
    func replaceLane() {
        guard supervision.isServing, laneHasListeners, !supervision.isStopping, succession.mayBegin else {
            return logger.warning("the lane cannot be replaced now; ask again")
        }
        do throws(OfficeError) {
            guard let lock = try office.folder.lock(files.nextLock) else {
                throw OfficeError(.busy, "another lane holds \(files.nextLock)")
            }
            let process = try spawnLane(holding: lock)
            succession.began(process, at: Clock.monotonic)
            logger.notice("a lane was started to follow the one that serves", metadata: ["process": "\(process)"])
        } catch {
            logger.error("no lane could be started to follow", metadata: ["reason": "\(error)"])
        }
    }

    /// The successor, which is `lane` since it reported, has the listeners and serves.
    func successorServes() {
        guard let former else { return }
        // The lock goes where the next office looks for it: whoever holds that file is the lane.
        guard rename(office.folder.file(files.nextLock), office.folder.file(files.lock)) == 0 else {
            return giveUpSuccessor("its lock cannot take its place: \(OfficeError.text(errno))")
        }
        self.former = nil
        let limit = Int64(wanted.limits.drainTime) + 2_000
        guard let process = succession.serves(limit: limit, at: Clock.monotonic) else { return }
        logger.notice("another lane serves; the former one finishes", metadata: ["process": "\(process)"])
        if office.peers.contains(where: { $0 === former }) {
            retire(former, process)
        } else if waitpid(process, nil, WNOHANG) == 0 {
            // It serves without us; the signal says the same.
            kill(process, SIGTERM)
        }
        // It has nothing of what the others were told since it reported.
        arePagesDue = true
        report()
    }

    /// Tells a lane to finish. It may go on to say what it has learnt.
    func retire(_ peer: Peer, _ process: pid_t) {
        peer.role = .lane
        retiring.append((peer, process))
        logger.notice("a lane is told to finish", metadata: ["process": "\(process)"])
        office.send(Frame(.drain), to: peer)
    }

    /// A lane that reports, and that another one has followed or was to follow: it finishes, whoever started it. An office
    /// may have died in the middle of it, so who is not of this one's making is the lane only if it holds the lane's lock.
    func isLeftOver(_ process: pid_t) -> Bool {
        if succession.leaving.contains(process) { return true }
        guard process != succession.successor?.process, process != supervision.process else { return false }
        let holder = office.folder.holder(of: files.lock)
        return holder != "unknown" && holder != "\(process)"
    }

    func isFormer(_ peer: Peer) -> Bool { peer === former || retiring.contains { $0.peer === peer } }

    /// Those that are told what changes: the lane, and while it loads the one that serves.
    var listening: [Peer] { [lane, former].compactMap { $0 } }

    /// What a lane says that is not the one of now. While its successor loads it alone serves; of one that finishes what it
    /// learnt and proved is of use, and its figures are not added up.
    func hearFormer(_ frame: Frame, from peer: Peer) {
        switch frame.kind {
        case .status, .traffic, .requestSamples, .botClaims:
            if peer === former { hear(frame, from: peer) }
        case .learnt:
            guard let learnt = try? LearntSite(decoding: frame.body.span.bytes) else { return }
            keep(learnt)
            if former == nil, let lane { office.send(frame, to: lane) }
        case .proven:
            guard let proven = try? ProvenSources(decoding: frame.body.span.bytes) else { return }
            office.sources?.take(proven, from: name, of: wanted.sites)
        case .log: passOn(frame, isOfNow: false)
        default: break
        }
    }

    /// Ends the successor where there is one; the lane before it goes on, and is told what it may have missed.
    func giveUpSuccessor(_ reason: String, level: Logger.Level = .error) {
        guard let process = succession.successor?.process else { return }
        let now = Clock.monotonic
        let before = succession.successor?.following
        logger.log(
            level: level, "the lane that was to follow is ended; the former one goes on",
            metadata: ["process": "\(process)", "reason": "\(reason)"])
        kill(process, SIGKILL)
        succession.gaveUp(at: now)
        guard let former, let before else { return }
        let failed = lane
        lane = former
        self.former = nil
        if let failed { office.drop(failed, at: now) }
        supervision.connected(before, at: now)
        laneHasListeners = true
        guard office.peers.contains(where: { $0 === former }) else { return lost(at: now) }
        arePagesDue = true
        sendAccessLog()
        sendAccess()
        sendVerdicts()
        sendRequestRules()
        offerSnapshot(at: now)
    }

    func tickSuccession(at now: Int64) {
        retiring.removeAll { retiree in !office.peers.contains { $0 === retiree.peer } }
        guard succession.isBusy else { return }
        if let process = succession.successor?.process, waitpid(process, nil, WNOHANG) == process {
            giveUpSuccessor("it ended")
            succession.gone(process)
        }
        for process in succession.leaving {
            let status = waitpid(process, nil, WNOHANG)
            // Another office started it: then its connection tells whether it lives.
            let isConnected = retiring.contains { $0.process == process }
            guard status == process || status < 0 && !isConnected else { continue }
            succession.gone(process)
            logger.notice("the lane that was followed has ended", metadata: ["process": "\(process)"])
        }
        for action in succession.tick(at: now) {
            switch action {
            case .giveUp: giveUpSuccessor("it does not serve in \(LaneSuccession.timeLimit / 1_000) s")
            case .kill(let process):
                logger.error("a lane does not finish; it is ended", metadata: ["process": "\(process)"])
                kill(process, SIGKILL)
            }
        }
    }
}
