internal import Glibc
internal import Heads
internal import Messages

/// An HTTP/2 connection: how it begins, what it costs when it misbehaves, and how it ends.
extension Worker {
    /// Bytes of HTTP/2's preface that look like a request's head.
    static let prefaceHead = 18

    /// Whether what looks like a head begins HTTP/2, in clear and with nothing before it, where that is spoken.
    func isClientPreface(_ visitor: UnsafeMutablePointer<Visitor>, _ head: UnsafeMutableRawPointer) -> Bool {
        memcmp(head, HTTP2Frame.preface.utf8Start, Self.prefaceHead) == 0 && !visitor.pointee.isTLS
            && !visitor.pointee.isReused && !visitor.pointee.isCarried && speaksHTTP2(visitor)
    }

    func speaksHTTP2(_ visitor: UnsafeMutablePointer<Visitor>) -> Bool {
        table.snapshot.listeners[Int(visitor.pointee.listener)].speaksHTTP2
    }

    /// Makes an HTTP/2 connection of one that has just begun; what of its first bytes is here lies in its `pending`.
    func beginCarrying(_ index: UInt32) {
        let visitor = visitors[index]
        let carrier = UnsafeMutablePointer<Carrier>.allocate(capacity: 1)
        carrier.initialize(to: Carrier())
        visitor.pointee.carrier = carrier
        visitor.pointee.phase = .carrying
        visitor.pointee.isReused = true
        visitor.pointee.moved = 0
        carrier.pointee.hasRest = !visitor.pointee.pending.isEmpty
        carrier.pointee.headSince = now
        carrier.pointee.activeAt = now
        carrier.pointee.judgedAt = now
        report.connections.http2 += 1
        writeSettings(index)
        var firstLook = now + Self.nanoseconds(min(limits.headTime, limits.progressTime, limits.idleTime))
        if offences.isOffender(visitor.pointee.source, at: now) {
            carrier.pointee.budget.wearDown(at: now)
            // Who asks and leaves, connection after connection, has left by then.
            carrier.pointee.slowUntil = now + HTTP2Budget.shortestWait
            firstLook = min(firstLook, carrier.pointee.slowUntil)
        }
        lookAgain(index, carrier, at: firstLook)
        // It asks again elsewhere, whatever it sent already.
        if isDraining { leaveCarrying(index) }
    }

    /// The connection ends at the end of this round, with GOAWAY.
    func fail(_ index: UInt32, _ code: HTTP2Code) {
        guard let carrier = visitors[index].pointee.carrier, carrier.pointee.failure == nil else { return }
        carrier.pointee.failure = code
        markDirty(index)
    }

    /// What is wrong with a frame ends its stream or its connection.
    func fault(_ index: UInt32, _ fault: HTTP2Fault, _ stream: UInt32) {
        guard fault.scope == .stream, let carrier = visitors[index].pointee.carrier else {
            return fail(index, fault.code)
        }
        if let place = carrier.pointee.place(of: stream) {
            visitors[place].pointee.carried.code = fault.code
            abandon(place)
        } else {
            writeReset(index, stream, fault.code)
            carrier.pointee.recent.add(stream, wasReset: true)
        }
        spend(index, .badHeaders)
    }

    /// Counts what costs the peer little and us more: first its connection is read more slowly, then it ends.
    func spend(_ index: UInt32, _ event: HTTP2Budget.Event) {
        let visitor = visitors[index]
        guard let carrier = visitor.pointee.carrier, carrier.pointee.failure == nil else { return }
        let isOffender = offences.isOffender(visitor.pointee.source, at: now)
        switch carrier.pointee.budget.spend(event, at: now, isBusy: isBusy, isOffender: isOffender) {
        case .go: return
        case .slow(let nanoseconds):
            report.connections.slowed += 1
            carrier.pointee.slowUntil = now + nanoseconds
            // Never later than the next look was to be, however often the peer is slowed.
            if carrier.pointee.slowUntil < carrier.pointee.lookAt {
                lookAgain(index, carrier, at: carrier.pointee.slowUntil)
            }
        case .close:
            report.connections.abusive += 1
            fail(index, .enhanceYourCalm)
        }
        offences.add(visitor.pointee.source, at: now)
    }

    /// The connection is to end, in the two steps of RFC 9113, section 6.8: first the peer is told to open no more
    /// streams, and what it opened before it heard that is taken still.
    func leaveCarrying(_ index: UInt32) {
        guard let carrier = visitors[index].pointee.carrier, carrier.pointee.toldToLeaveAt == 0,
            !carrier.pointee.isLeaving, carrier.pointee.failure == nil
        else { return }
        carrier.pointee.toldToLeaveAt = now
        writeGoAway(index, .noError, last: UInt32(Int32.max))
        withUnsafeBytes(of: Self.leavingMark) { writePing(index, $0) }
        let end = now + Self.leavingTime
        if end < carrier.pointee.lookAt { lookAgain(index, carrier, at: end) }
    }

    /// What the ping behind the first GOAWAY says. Its answer tells that the peer has heard.
    private static let leavingMark: UInt64 = 0x7065_7669_6e67_2121
    /// For the peer to answer, in nanoseconds: more than a round trip. One that does not is told the last stream then.
    private static let leavingTime: UInt64 = 1_000_000_000

    /// The peer answered a ping.
    func pingWasAnswered(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ payload: UnsafeRawBufferPointer) {
        guard carrier.pointee.toldToLeaveAt != 0, !carrier.pointee.isLeaving,
            payload.loadUnaligned(as: UInt64.self) == Self.leavingMark
        else { return spend(index, .noise) }
        nameLastStream(index, carrier)
    }

    /// The second step: the connection ends with the last of the streams under way, and the peer asks elsewhere for any
    /// later one.
    private func nameLastStream(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>) {
        carrier.pointee.isLeaving = true
        writeGoAway(index, .noError, last: carrier.pointee.lastStream)
    }

    func markDirty(_ index: UInt32) {
        guard let carrier = visitors[index].pointee.carrier, !carrier.pointee.isDirty else { return }
        carrier.pointee.isDirty = true
        dirtyCarriers.append(index)
    }

    /// Looks after a connection at the end of a round: its frames leave, content moves on, and what has to end ends.
    func settle(_ index: UInt32) {
        let visitor = visitors[index]
        guard let carrier = visitor.pointee.carrier else { return }
        carrier.pointee.isDirty = false
        if let code = carrier.pointee.failure, !carrier.pointee.isLeaving || code != .noError {
            carrier.pointee.isLeaving = true
            writeGoAway(index, code, last: carrier.pointee.lastStream)
        }
        if carrier.pointee.failure == nil { moveContent(index) }
        sendBatch(index)
        carrier.pointee.isDirty = false
        if carrier.pointee.isBroken { return abandon(index) }
        let isOver =
            carrier.pointee.failure != nil
            || carrier.pointee.streams.isEmpty && (carrier.pointee.isLeaving || carrier.pointee.peerLeaves)
        if isOver { return endCarrying(index) }
        if carrier.pointee.hasRest, visitor.pointee.stream.out.count < Carrier.unsentLimit,
            now >= carrier.pointee.slowUntil
        {
            if isHeavy(&visitor.pointee.stream) { postpone(index) } else { resume(index) }
        }
    }

    /// The last frame is written: what is left of the connection is thrown away.
    private func endCarrying(_ index: UInt32) {
        dropCarrier(index)
        visitors[index].pointee.pending.free()
        visitors[index].pointee.phase = .lingering
        endReply(index, lingers: true)
    }

    /// Ends all requests of the connection and gives back what it holds.
    func dropCarrier(_ index: UInt32) {
        guard let carrier = visitors[index].pointee.carrier else { return }
        while let last = carrier.pointee.streams.last {
            visitors[last.place].pointee.carried.isReset = true
            abandon(last.place)
        }
        if carrier.pointee.budget.isWorn(at: now) { offences.add(visitors[index].pointee.source, at: now) }
        if let batch = carrier.pointee.batch { giveBatch(batch) }
        take(-carrier.pointee.block.count, visitors[index])
        carrier.pointee.block.free()
        visitors[index].pointee.carrier = nil
        carrier.deinitialize(count: 1)
        carrier.deallocate()
    }

    /// The visitor ended its side, or broke off. What it asked for whole is answered still: it may listen.
    func peerEnded(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>) {
        guard !visitors[index].pointee.stream.isBroken else { return abandon(index) }
        guard !carrier.pointee.isEnded else { return }
        carrier.pointee.isEnded = true
        carrier.pointee.peerLeaves = true
        // Each one that ends here leaves the list.
        for stream in carrier.pointee.streams {
            let visitor = visitors[stream.place]
            let isWhole = visitor.pointee.carried.isWhole || visitor.pointee.carried.remaining == 0
            let waits = visitor.pointee.phase == .waiting || visitor.pointee.phase == .following
            guard !isWhole || waits && hasLeft(visitor) else { continue }
            visitor.pointee.carried.code = .cancel
            abandon(stream.place)
        }
        markDirty(index)
    }

    // MARK: - Time

    /// Looks at the connection's clocks: the pause it was given, a head that does not end, its pace, its rest.
    func carrierTimedOut(_ index: UInt32) {
        guard let carrier = visitors[index].pointee.carrier else { return }
        let (headTime, paceTime) = (Self.nanoseconds(limits.headTime), Self.nanoseconds(limits.progressTime))
        let idleTime = Self.nanoseconds(limits.idleTime)
        if carrier.pointee.slowUntil != 0, now >= carrier.pointee.slowUntil {
            carrier.pointee.slowUntil = 0
            readOn(carrier)
            resume(index)
        }
        let isReading = carrier.pointee.slowUntil == 0 && visitors[index].pointee.stream.out.isEmpty
        if isReading, carrier.pointee.headSince != 0, now - carrier.pointee.headSince >= headTime {
            report.connections.timedOut += 1
            return fail(index, .noError)
        }
        if now - carrier.pointee.judgedAt >= paceTime {
            carrier.pointee.judgedAt = now
            if carrierIsTooSlow(index, carrier) {
                report.connections.timedOut += 1
                return abandon(index)
            }
        }
        if carrier.pointee.streams.isEmpty, now - carrier.pointee.activeAt >= idleTime { leaveCarrying(index) }
        let isTold = carrier.pointee.toldToLeaveAt != 0 && !carrier.pointee.isLeaving
        if isTold, now - carrier.pointee.toldToLeaveAt >= Self.leavingTime { nameLastStream(index, carrier) }
        // Never later than a head that begins now may take: an armed timer is not moved by what the peer sends.
        var next = now + min(headTime, idleTime)
        if isTold, !carrier.pointee.isLeaving { next = min(next, carrier.pointee.toldToLeaveAt + Self.leavingTime) }
        next = min(next, carrier.pointee.judgedAt + paceTime)
        if isReading, carrier.pointee.headSince != 0 { next = min(next, carrier.pointee.headSince + headTime) }
        if carrier.pointee.slowUntil != 0 { next = min(next, carrier.pointee.slowUntil) }
        lookAgain(index, carrier, at: next)
    }

    /// We did not read for a while: the clock of a head that is incomplete begins anew.
    func readOn(_ carrier: UnsafeMutablePointer<Carrier>) {
        if carrier.pointee.headSince != 0 { carrier.pointee.headSince = now }
    }

    private func lookAgain(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, at time: UInt64) {
        carrier.pointee.lookAt = time
        armVisitor(index, UInt32(clamping: (max(time, now) - now) / 1_000_000))
    }

    private static func nanoseconds(_ milliseconds: UInt32) -> UInt64 { UInt64(milliseconds) * 1_000_000 }

    /// The visitor does not take what it asked for: its socket is full, or its windows are shut.
    private func carrierIsTooSlow(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>) -> Bool {
        let visitor = visitors[index]
        guard let held = untaken(index) else { return true }
        let moved = Int(visitor.pointee.moved) + Int(visitor.pointee.held) - Int(held)
        visitor.pointee.moved = 0
        visitor.pointee.held = held
        let isWaiting =
            !visitor.pointee.stream.out.isEmpty || carrier.pointee.kept > 0 && carrier.pointee.sendWindow <= 0
        return isWaiting && moved * 1000 < Int(limits.progressRate) * Int(limits.progressTime)
    }

    /// Whether it is for the connection as a whole, not for this request alone, that nothing moves: then the connection's
    /// clock judges. Where the connection hardly moves either, that is said once and not again: the two clocks look at
    /// different moments, and the visitor could have its windows as each likes to see them.
    func isHeldByCarrier(_ index: UInt32) -> Bool {
        guard let carried = visitors[index].pointee.carriage?.pointee,
            let carrier = visitors[carried.carrier].pointee.carrier
        else { return false }
        // Only who still sends waits for room to send into.
        guard !visitors[index].pointee.stream.out.isEmpty else {
            let phase = visitors[index].pointee.phase
            return carrier.pointee.receiveWindow <= 0 && !carried.isWhole && (phase == .exchange || phase == .body)
        }
        let taken = carrier.pointee.sent - Int(untaken(carried.carrier) ?? 0)
        let isMoving = (taken - carried.takenBefore) * 1000 >= Int(limits.progressRate) * Int(limits.progressTime)
        let isExcused = carried.sendWindow > 0 && (isMoving || !carried.wasExcused)
        visitors[index].pointee.carried.takenBefore = taken
        visitors[index].pointee.carried.wasExcused = isExcused && !isMoving
        return isExcused
    }
}
