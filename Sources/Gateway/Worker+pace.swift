internal import Glibc
internal import Heads
internal import Messages

/// How fast a visitor has to move things on, and what becomes of who does not.
extension Worker {
    func visitorTimedOut(_ index: UInt32) {
        let visitor = visitors[index]
        switch visitor.pointee.phase {
        case .free: return
        case .waiting:
            // The queue has a clock of its own, but a site that a reload took away is not looked at any more.
            turnOut(index)
        case .following: followedInVain(index)
        case .exchange where visitor.pointee.isAbsent: abandon(index)
        case .exchange where !isTooSlow(index), .page where !isOverdue(index) && !isTooSlow(index):
            armVisitor(index, limits.progressTime)
        case .head where !visitor.pointee.stream.out.isEmpty && !isTooSlow(index),
            .lingering where visitor.pointee.closesAfterFlush && !isTooSlow(index):
            // The response is complete here, but the visitor has yet to take it.
            armVisitor(index, limits.progressTime)
        case .body where !isInVain(index): return
        case .body where isHeldByCarrier(index): armVisitor(index, limits.progressTime)
        case .body where Int(visitor.pointee.moved) * 1000 >= Int(limits.progressRate) * Int(limits.progressTime):
            visitor.pointee.moved = 0
            armVisitor(index, limits.progressTime)
        case .head where !visitor.pointee.pending.isEmpty, .body:
            report.connections.timedOut += 1
            reply(index, 408, form: .text, closes: true, isHead: false)
        case .carrying: carrierTimedOut(index)
        case .exchange, .tunnel, .page:
            report.connections.timedOut += 1
            visitor.pointee.carriage?.pointee.code = .cancel
            abandon(index)
        case .hello where isKeepingPace(index): armVisitor(index, limits.headTime / 2)
        case .ready: refuseHandshake(index)
        case .hello, .handshake:
            report.connections.tls.timedOut += 1
            report.connections.timedOut += 1
            closeVisitor(index)
        case .preface, .head, .lingering:
            if visitor.pointee.phase != .lingering, !visitor.pointee.isReused { report.connections.timedOut += 1 }
            visitor.pointee.carriage?.pointee.code = .cancel
            closeVisitor(index)
        }
    }

    /// Once, for a ClientHello of which a good part came.
    private func isKeepingPace(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        guard !visitor.pointee.isLate else { return false }
        visitor.pointee.isLate = true
        return Int(visitor.pointee.moved) * 1000 >= Int(limits.progressRate) * Int(limits.headTime / 2)
    }

    /// Whether the visitor itself holds things up: by a body that trickles in, or a response that it hardly takes.
    private func isTooSlow(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        guard let held = untaken(index) else { return true }
        let moved = Int(visitor.pointee.moved) + Int(visitor.pointee.held) - Int(held)
        visitor.pointee.moved = 0
        visitor.pointee.held = held
        guard !isHeldByCarrier(index) else { return false }
        var isSending = false
        if let exchange = visitor.pointee.exchange {
            isSending =
                !exchange.pointee.request.isDone && exchange.pointee.upstream != Exchange.noUpstream
                && upstreams[exchange.pointee.upstream].pointee.stream.out.isEmpty
        }
        guard isSending || !visitor.pointee.stream.out.isEmpty || visitor.pointee.page != nil else { return false }
        return moved * 1000 < Int(limits.progressRate) * Int(limits.progressTime)
    }

    /// Bytes that the visitor has not taken yet, here and in the kernel, where they may be megabytes, so that nothing
    /// moves here for a long time; nil: the socket is broken.
    func untaken(_ index: UInt32) -> Int32? {
        let visitor = visitors[index]
        guard !visitor.pointee.isCarried else { return Int32(clamping: visitor.pointee.stream.out.count) }
        var held: Int32 = 0
        guard ioctl(visitor.pointee.stream.socket, UInt(TIOCOUTQ), &held) == 0 else { return nil }
        return held + Int32(clamping: visitor.pointee.stream.out.count)
    }
}
