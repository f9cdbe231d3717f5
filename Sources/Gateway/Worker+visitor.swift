internal import Addresses
internal import Admission
internal import Bytes
internal import CLinux
internal import Glibc
internal import Heads
internal import Messages

/// A visitor's connection: from accept to the head of its next request.
extension Worker {
    /// Connections accepted in one round, so that those already open get their turn.
    private static let acceptBatch = 64
    /// The same while some site is heavy.
    private static let shortAcceptBatch = 8
    /// What one connection may do in a round: full reads of frames, or refused requests.
    private static let stepLimit = 16
    /// How long the rest of a refused request is thrown away, in milliseconds.
    private static let lingerTime: UInt32 = 2000

    /// From a request to the end of the visitor's side that still belongs to it, in nanoseconds: a lost segment's time.
    private static let lastWordTime: UInt64 = 300_000_000

    func accept(_ listener: Int) {
        guard let listening = listening.first(where: { Int($0.index) == listener }) else { return }
        let settings = table.snapshot.listeners[listener]
        for _ in 0..<(books.time.hasHeavy ? Self.shortAcceptBatch : Self.acceptBatch) {
            work(for: UInt16(Tenants.nobody))
            var raw = (UInt64(0), UInt64(0))
            var port: UInt16 = 0
            let socket = withUnsafeMutableBytes(of: &raw) {
                linux_accept(listening.socket, $0.baseAddress!.assumingMemoryBound(to: UInt8.self), &port)
            }
            guard socket >= 0 else { return }
            let peer = Address(high: UInt64(bigEndian: raw.0), low: UInt64(bigEndian: raw.1))
            report.connections.accepted += 1
            // The cheapest refusal: before anything is read or kept.
            guard admit(peer) else {
                report.connections.refused += 1
                linux_reset_on_close(socket)
                close(socket)
                continue
            }
            open(socket, peer, listener, settings)
            charge()
        }
        isAcceptBehind = true
    }

    private func admit(_ peer: Address) -> Bool {
        guard budget.admit(peer) else { return false }
        if hasRoom(at: UInt16(Tenants.nobody)) { return true }
        budget.leave(peer)
        return false
    }

    private func open(_ socket: Int32, _ peer: Address, _ listener: Int, _ settings: Snapshot.Listener) {
        let index = visitors.take()
        let visitor = visitors[index]
        let generation = visitor.pointee.generation
        visitor.pointee = Visitor()
        visitor.pointee.generation = generation &+ 1
        visitor.pointee.listener = UInt8(listener)
        visitor.pointee.isTLS = settings.isTLS
        visitor.pointee.source = peer
        visitor.pointee.stream.socket = socket
        visitor.pointee.stream.isReadable = true
        books.connections.add(1, at: Tenants.nobody)
        if settings.proxyPeers.contains(where: { $0.contains(peer) }) {
            visitor.pointee.phase = .preface
        } else {
            visitor.pointee.isTrustedPeer = table.snapshot.trustedPeers.contains { $0.contains(peer) }
            begin(index)
        }
        if visitor.pointee.phase != .hello { armVisitor(index, limits.headTime) }
        drive(index)
        // Known to the kernel's event list only when it lives on: a refused connection costs four system calls.
        guard visitor.pointee.phase != .free, visitor.pointee.generation == generation &+ 1 else { return }
        watch(socket, Self.visitorKind, index, visitor.pointee.generation, Self.events)
    }

    /// After the preface: TLS, or a request's head at once.
    private func begin(_ index: UInt32) {
        let visitor = visitors[index]
        guard visitor.pointee.isTLS else {
            visitor.pointee.phase = .head
            return
        }
        visitor.pointee.phase = .hello
        // What came behind a PROXY header.
        helloBytes += visitor.pointee.pending.count
        armVisitor(index, limits.headTime / 2)
    }

    func visitorEvent(_ index: UInt32, _ events: UInt32) {
        let visitor = visitors[index]
        if events & (linux_epoll_in | linux_epoll_rdhup | linux_epoll_hup | linux_epoll_err) != 0 {
            visitor.pointee.stream.isReadable = true
        }
        if events & (linux_epoll_rdhup | linux_epoll_hup | linux_epoll_err) != 0 {
            visitor.pointee.stream.isHungUp = true
            let isGone = events & (linux_epoll_hup | linux_epoll_err) != 0
            switch visitor.pointee.phase {
            case .ready: return leaveBeforeTurn(index)
            case .waiting where isGone || hasLeft(visitor), .following where isGone || hasLeft(visitor):
                return abandon(index)
            case .exchange where isGone, .carrying where isGone: return abandon(index)
            default: break
            }
        }
        if events & linux_epoll_out != 0, !visitor.pointee.stream.out.isEmpty, !flushVisitor(index) { return }
        drive(index)
    }

    /// Whether a visitor who ended his side while his request waits, for its turn or for another's response, will not hear
    /// the answer. Who has nothing more to say ends it with the request, and listens; who ends it later has given up, and
    /// takes nobody's turn. The two look the same on the wire.
    func hasLeft(_ visitor: UnsafeMutablePointer<Visitor>) -> Bool {
        // One that waited for another's response has a record since then only, or none yet.
        if visitor.pointee.askedAt != 0 {
            return UInt64(milliseconds &- visitor.pointee.askedAt) * 1_000_000 > Self.lastWordTime
        }
        guard let exchange = visitor.pointee.exchange else { return true }
        return now - exchange.pointee.started > Self.lastWordTime
    }

    /// The worker's clock; it comes round in seven weeks. Never 0.
    var milliseconds: UInt32 { UInt32(truncatingIfNeeded: now / 1_000_000) | 1 }

    /// Sends what was kept for the visitor. False: the connection is closed now.
    private func flushVisitor(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        let sent = flush(&visitor.pointee.stream)
        guard sent >= 0 else {
            abandon(index)
            return false
        }
        return visitor.pointee.stream.out.isEmpty ? flushed(index) : true
    }

    /// All that was kept for the visitor is out. False: the connection is closed now.
    func flushed(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        if let carrier = visitor.pointee.carrier {
            readOn(carrier)
            markDirty(index)
        }
        if visitor.pointee.closesAfterFlush {
            endVisitor(index)
            return false
        }
        if let exchange = visitor.pointee.exchange, exchange.pointee.upstream != Exchange.noUpstream {
            let upstream = exchange.pointee.upstream
            if upstreams[upstream].pointee.isPaused {
                endPause(upstreams[upstream])
                driveUpstream(upstream)
                return visitor.pointee.phase != .free
            }
        }
        return true
    }

    /// Goes on with a visitor as far as possible, but not for ever: who sends as fast as we read would have the worker
    /// for itself, and its clock would stand still.
    func drive(_ index: UInt32) {
        let visitor = visitors[index]
        let generation = visitor.pointee.generation
        var steps = 0
        while visitor.pointee.generation == generation {
            steps += 1
            guard steps <= Self.stepLimit, steps == 1 || !isOverTurn(&visitor.pointee.stream) else {
                return postpone(index)
            }
            let phase = visitor.pointee.phase
            switch phase {
            case .free, .waiting, .following, .ready: return
            case .preface: guard readPreface(index) else { return }
            case .hello: guard readHello(index) else { return }
            case .handshake: guard shakeHands(index) else { return }
            case .head: guard readHead(index) else { return }
            case .body: guard readBody(index) else { return }
            case .exchange: return pumpRequest(index)
            case .page: guard sendPage(index) else { return }
            case .carrying: guard readFrames(index) else { return }
            case .tunnel: return pumpTunnel(fromVisitor: index)
            case .lingering:
                // Nothing is thrown away, and nothing ends, before the visitor has its response.
                if !visitor.pointee.closesAfterFlush { linger(index) }
                return
            }
        }
    }

    func postpone(_ index: UInt32) {
        guard !visitors[index].pointee.isPostponed else { return }
        visitors[index].pointee.isPostponed = true
        postponed.append((index, visitors[index].pointee.generation))
    }

    // MARK: - PROXY header

    private func readPreface(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        let held = visitor.pointee.pending.count
        if held > 0 { memcpy(buffer, visitor.pointee.pending.bytes.baseAddress!, held) }
        let count = receive(&visitor.pointee.stream, at: held)
        guard count > 0 else {
            if count < 0 { closeVisitor(index) }
            return false
        }
        let all = UnsafeRawBufferPointer(start: buffer, count: held + count)
        visitor.pointee.pending.clear()
        do throws(Malformed) {
            switch try ProxyPreface.read(all.bytes) {
            case .more:
                visitor.pointee.pending.append(all)
                return true
            case .preface(let preface):
                visitor.pointee.pending.append(UnsafeRawBufferPointer(rebasing: all[preface.length...]))
                visitor.pointee.hasPreface = true
                if let source = preface.source { guard setSource(index, source.address) else { return false } }
            }
        } catch {
            report.connections.badPreface += 1
            closeVisitor(index)
            return false
        }
        begin(index)
        return true
    }

    /// The source proper, in place of the load balancer's: it has a budget of its own.
    private func setSource(_ index: UInt32, _ source: Address) -> Bool {
        let visitor = visitors[index]
        budget.leave(visitor.pointee.source)
        visitor.pointee.source = source
        guard budget.admit(source) else {
            // The place given back above is taken again by nobody: closing must not give it back twice.
            report.connections.refused += 1
            closeVisitor(index, isCounted: false)
            return false
        }
        return true
    }

    // MARK: - The request's head

    private func readHead(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        // A response that the visitor does not take holds back its next request.
        guard visitor.pointee.stream.out.isEmpty else { return false }
        // A head that is there lies within these; behind it there may be more.
        let kept = min(visitor.pointee.pending.count, Self.bufferSize - Self.receiveSize - Self.recordSize)
        var held = kept
        if held > 0 { memcpy(buffer, visitor.pointee.pending.bytes.baseAddress!, held) }
        var isFresh = held > visitor.pointee.scanner.scanned
        while true {
            if isFresh {
                let bytes = UnsafeBufferPointer(start: buffer.assumingMemoryBound(to: UInt8.self), count: held)
                switch visitor.pointee.scanner.scan(bytes.span, limit: Int(limits.headBytes)) {
                case .more: break
                case .refused(let refusal):
                    malformed(index, refusal)
                    return false
                case .head(let start, let end):
                    if end - start == Self.prefaceHead, isClientPreface(visitor, buffer + start) {
                        visitor.pointee.pending.clear()
                        visitor.pointee.pending.append(
                            UnsafeRawBufferPointer(start: buffer + start, count: held - start))
                        beginCarrying(index)
                        return true
                    }
                    if kept == 0, held == end {
                        visitor.pointee.pending.free()
                    } else if held == kept {
                        visitor.pointee.pending.consume(end)
                    } else {
                        visitor.pointee.pending.clear()
                        visitor.pointee.pending.append(UnsafeRawBufferPointer(start: buffer + end, count: held - end))
                    }
                    visitor.pointee.scanner = HeadScanner()
                    return received(
                        index, UnsafeBufferPointer(start: bytes.baseAddress, count: end), start, held)
                }
            }
            let count = receive(&visitor.pointee.stream, at: held)
            if count <= 0 {
                if count < 0 {
                    closeVisitor(index)
                } else if held > visitor.pointee.pending.count {
                    let first = visitor.pointee.pending.isEmpty
                    visitor.pointee.pending.clear()
                    visitor.pointee.pending.append(UnsafeRawBufferPointer(start: buffer, count: held))
                    // The clock of a head runs from its first byte.
                    if first, visitor.pointee.isReused { armVisitor(index, limits.headTime) }
                }
                return false
            }
            held += count
            isFresh = true
        }
    }

    /// Gathers what is awaited of a body: a slow upload must not hold an origin's slot while it trickles in.
    private func readBody(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        while !isGathered(visitor) {
            let count = receive(&visitor.pointee.stream, at: 0)
            guard count > 0 else {
                if count < 0 { closeVisitor(index) }
                return false
            }
            visitor.pointee.moved &+= UInt64(count)
            visitor.pointee.pending.append(UnsafeRawBufferPointer(start: buffer, count: count))
        }
        visitor.pointee.moved = 0
        visitor.pointee.awaited = 0
        visitor.pointee.phase = .head
        return true
    }

    /// Puts head and body, as far as they are there, aside until all that is awaited is. With `saysContinue` the visitor waits
    /// to hear that he may go on. False: he is gone.
    func gather(_ asker: UInt32, _ held: UnsafeRawBufferPointer, until awaited: Int, saysContinue: Bool) -> Bool {
        let index = placeOfRequest(asker)
        let visitor = visitors[index]
        visitor.pointee.pending.clear()
        visitor.pointee.pending.append(held)
        visitor.pointee.awaited = UInt32(awaited)
        visitor.pointee.isOpenEnded = request.framing == .chunked
        reserve(awaited, visitor)
        takeAsGathered(visitor)
        visitor.pointee.moved = 0
        visitor.pointee.phase = .body
        armVisitor(index, gatherTime(visitor))
        return !saysContinue || sayContinue(index)
    }

    /// What is put aside of the visitor's bytes has so many places, no more and no less.
    func reserve(_ count: Int, _ visitor: UnsafeMutablePointer<Visitor>) {
        books.gathered.add(count - Int(visitor.pointee.reserved), at: Int(visitor.pointee.stream.tenant))
        visitor.pointee.reserved = UInt32(count)
    }

    /// A request goes on its way: what came behind its head is booked as what it is. What HTTP/2 carries and did not gather
    /// has books of its own.
    func bookPending(_ visitor: UnsafeMutablePointer<Visitor>) {
        reserve(visitor.pointee.carriage?.pointee.gathered ?? visitor.pointee.pending.count, visitor)
    }

    /// What was put aside is used, or nobody wants it: its places are others'.
    func freePending(_ visitor: UnsafeMutablePointer<Visitor>) {
        visitor.pointee.pending.free()
        if visitor.pointee.reserved > 0 { reserve(0, visitor) }
    }

    /// Answers what could not be read as a request, and closes.
    func malformed(_ index: UInt32, _ refusal: Refusal) {
        report.connections.malformed += 1
        reply(index, UInt16(refusal.status), form: .text, closes: true, isHead: false, lingers: true)
    }

    /// Sends one of the lane's own responses. With `closes` the connection ends after it; with `lingers` what still
    /// comes in is taken and thrown away, so that the response is not lost in a reset (RFC 9112, section 9.6).
    func reply(
        _ index: UInt32, _ status: UInt16, form: Replies.Form, closes: Bool, isHead: Bool, lingers: Bool = false
    ) {
        let visitor = visitors[index]
        guard !isFramed(visitor) else { return replyFramed(index, status, form: form, isHead: isHead) }
        let bytes = replies.bytes(status, form, closes: closes, isHead: isHead)
        guard send(&visitor.pointee.stream, bytes, isLast: closes && !lingers) else { return closeVisitor(index) }
        if closes { endReply(index, lingers: lingers) }
    }

    /// The last response is written: the connection ends once it is out.
    func endReply(_ index: UInt32, lingers: Bool) {
        let visitor = visitors[index]
        if visitor.pointee.stream.out.isEmpty {
            if lingers { startLingering(index) } else { closeVisitor(index) }
        } else {
            visitor.pointee.closesAfterFlush = true
            visitor.pointee.phase = .lingering
            armVisitor(index, Self.lingerTime)
        }
    }

    /// The last byte of the last response is out.
    func endVisitor(_ index: UInt32) {
        let visitor = visitors[index]
        if visitor.pointee.isCarried { return closeVisitor(index) }
        if visitor.pointee.phase == .lingering { startLingering(index) } else { closeVisitor(index) }
    }

    private func startLingering(_ index: UInt32) {
        let visitor = visitors[index]
        visitor.pointee.phase = .lingering
        visitor.pointee.closesAfterFlush = false
        visitor.pointee.moved = 0
        freePending(visitor)
        if let tls = visitor.pointee.stream.tls {
            TLS.shutdown(tls)
            _ = flushPort(&visitor.pointee.stream)
        }
        shutdown(visitor.pointee.stream.socket, Int32(SHUT_WR))
        armVisitor(index, Self.lingerTime)
        linger(index)
    }

    private func linger(_ index: UInt32) {
        let visitor = visitors[index]
        // A megabyte is patience enough; who sends on gets a reset.
        while visitor.pointee.moved < 1 << 20 {
            guard visitor.pointee.stream.isReadable else { return }
            // Not into `buffer`: another connection may be in the middle of it, whose request took this one's place.
            let count = recv(visitor.pointee.stream.socket, cipherBuffer, Self.receiveSize, 0)
            if count < 0, errno == EAGAIN || errno == EINTR {
                visitor.pointee.stream.isReadable = false
                return
            }
            guard count > 0 else { break }
            visitor.pointee.moved += UInt64(count)
        }
        closeVisitor(index)
    }

    // MARK: - Ends

    /// The visitor is gone, or is to go: whatever was under way for it ends.
    func abandon(_ index: UInt32) {
        let visitor = visitors[index]
        if let exchange = visitor.pointee.exchange { dropExchange(exchange) }
        closeVisitor(index)
    }

    func closeVisitor(_ index: UInt32, isCounted: Bool = true) {
        let visitor = visitors[index]
        assert(visitor.pointee.exchange == nil, "a visitor is closed while its request is under way")
        wheel.disarm(index) { node($0) }
        dropHello(index)
        dropCarrier(index)
        if visitor.pointee.isCarried {
            leaveCarrier(index)
        } else if visitor.pointee.isAbsent {
            refreshCount -= 1
        } else {
            if isCounted { budget.leave(visitor.pointee.source) }
            books.connections.add(-1, at: Int(visitor.pointee.stream.tenant))
        }
        // While the stream still says whose it was.
        freePending(visitor)
        visitor.pointee.awaited = 0
        closeStream(&visitor.pointee.stream)
        dropPage(index)
        visitor.pointee.phase = .free
        visitor.pointee.generation &+= 1
        visitors.give(index)
    }
}
