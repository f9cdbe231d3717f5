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
        case (.lane, _):
            if let desk = desks.first(where: { $0.lane === peer }) {
                desk.hear(frame, from: peer)
            } else {
                desks.first { $0.isFormer(peer) }?.hearFormer(frame, from: peer)
            }
        // A viewer only watches; whoever says something else first does not speak our form.
        case (.viewer, _), (.unknown, _): drop(peer, at: Clock.monotonic)
        }
    }

    /// A peer says that it is a lane.
    private func greet(_ peer: Peer, _ hello: Hello) {
        if let desk = desks.first(where: { $0.name == hello.name }) { return desk.greet(peer, hello) }
        // It served under an earlier configuration, and holds sockets that visitors come to.
        logger.warning(
            "a lane that is not configured any more was told to drain",
            metadata: ["lane": "\(hello.name)", "process": "\(hello.process)"])
        send(Frame(.drain), to: peer)
    }

    func send(_ frame: Frame, with descriptors: [Descriptor] = [], to peer: Peer) {
        let now = Clock.monotonic
        if !peer.send(frame, with: descriptors, at: now) { drop(peer, at: now) }
    }

    /// Lets go of a peer; the loss of a lane is its desk's business.
    func drop(_ peer: Peer, at now: Int64) {
        peers.removeAll { $0 === peer }
        desks.first { $0.lane === peer }?.lost(at: now)
    }

    /// Tells every viewer how the lanes are. One that has not read the last word yet is passed over, and cut off when that
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
        let state = report.current
        send(Frame(.lane, body: state.summary.encoded()), to: peer)
        guard isStatusDue else { return }
        if let rules = state.requests?.rules, !rules.sites.isEmpty {
            send(Frame(.requestRules, body: rules.encoded()), to: peer)
        }
        if !busiestNow.sites.isEmpty { send(Frame(.busiest, body: busiestNow.encoded()), to: peer) }
        // The lanes' comes last: a viewer that has it has all of this second.
        if let filter = state.filter {
            send(Frame(.handed, body: filter.sources.encoded()), to: peer)
            send(Frame(.filterReply, body: filter.reply.encoded()), to: peer)
        }
        if let merged = state.merged { send(Frame(.status, body: merged.encoded()), to: peer) }
    }
}
