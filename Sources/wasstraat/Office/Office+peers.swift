internal import CoreMetrics
internal import Glibc
internal import Logging
internal import Messages

extension Office {
    /// Reads and writes what a peer's socket allows.
    func serve(_ peer: Peer) {
        let now = Clock.monotonic
        var frames: [Frame] = []
        let isOpen = peer.receive { frames.append($0) }
        for frame in frames where peers.contains(where: { $0 === peer }) { handle(frame, of: peer) }
        if !isOpen || !peer.flush(at: now) { drop(peer, at: now) }
    }

    private func handle(_ frame: Frame, of peer: Peer) {
        switch (peer.role, frame.kind) {
        case (.unknown, .hello):
            guard let hello = try? Hello(decoding: frame.body.span.bytes) else {
                logger.error("a lane's hello was broken")
                return drop(peer, at: Clock.monotonic)
            }
            greet(peer, hello)
        case (.unknown, .watch):
            peer.role = .viewer
            inform(peer, isStatusDue: true, at: Clock.monotonic)
        case (.lane, _): hear(frame, from: peer)
        // A viewer only watches; whoever says something else first does not speak our form.
        case (.viewer, _), (.unknown, _): drop(peer, at: Clock.monotonic)
        }
    }

    func send(_ frame: Frame, with descriptors: [Descriptor] = [], to peer: Peer) {
        let now = Clock.monotonic
        if !peer.send(frame, with: descriptors, at: now) { drop(peer, at: now) }
    }

    /// Lets go of a peer; the loss of the lane is the supervision's business.
    func drop(_ peer: Peer, at now: Int64) {
        peers.removeAll { $0 === peer }
        guard peer === lane else { return }
        lane = nil
        laneStatus = nil
        supervision.disconnected(at: now)
        logger.log(level: supervision.isStopping ? .info : .warning, "the lane's connection ended")
        reportLane()
    }

    /// Tells every viewer how the lane is. One that has not read the last word yet is passed over, and cut off when that
    /// lasts: at most one status waits for each.
    func informViewers(at now: Int64, isStatusDue: Bool = true) {
        var count = 0
        for peer in peers where peer.role == .viewer {
            count += 1
            if let since = peer.stuckSince {
                guard now - since > Self.patience else { continue }
                metrics.droppedViewers.increment()
                drop(peer, at: now)
            } else {
                inform(peer, isStatusDue: isStatusDue, at: now)
            }
        }
        report.update { $0.viewers = count }
    }

    private func inform(_ peer: Peer, isStatusDue: Bool, at now: Int64) {
        let state = LaneState(isUp: supervision.isServing, restarts: supervision.restarts)
        send(Frame(.lane, body: state.encoded()), to: peer)
        if isStatusDue, let laneStatus { send(laneStatus, to: peer) }
    }
}
