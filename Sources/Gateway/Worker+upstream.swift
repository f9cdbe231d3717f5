internal import Addresses
internal import Admission
internal import CLinux
internal import Glibc
internal import Heads
internal import Messages
internal import Sketches
internal import Synchronization

/// The origin's side: connections, requests out, responses in.
extension Worker {
    /// Milliseconds that a connection may rest in a pool.
    private static let idleTime: UInt32 = 30_000
    /// A request that comes in, or a response that goes out, for longer than this, in milliseconds, does not count
    /// against the origin's limit: it streams, or its visitor is slow, and neither costs the origin what a request costs.
    static let slotTime: UInt32 = 1000
    /// The same, of a body that was slow before it had a slot.
    private static let slowSlotTime: UInt32 = 1

    // MARK: - Connecting

    /// Sends the admitted request to its origin. With `isParsed`, `request` still holds its head, read
    /// from the same places as in the exchange's copy.
    func startExchange(_ exchange: UnsafeMutablePointer<Exchange>, isParsed: Bool) {
        let site = site(exchange)
        guard var slot = exchange.pointee.slot else { return failExchange(exchange, 502) }
        if Int(slot.origin) >= site.origins.count {
            // Admission had another table's origins in mind: a reload is on its way here, or has just come.
            slot = site.state.admission.withLock { $0.move(slot, to: 0, at: instant) }
            exchange.pointee.slot = slot
        }
        let origin = site.origins[Int(slot.origin)]
        let pool = origin.pool
        // What must not be sent twice goes only over a connection that cannot be closing at this moment.
        if !exchange.pointee.wasRetried, pools[pool].firstIdle != TimerWheel.none,
            exchange.pointee.method.isIdempotent || isFresh(pools[pool].firstIdle)
        {
            let index = takeIdle(pool)
            attach(exchange, index)
            upstreams[index].pointee.isReused = true
            return sendRequest(index, isParsed: isParsed)
        }
        let owner = visitors[exchange.pointee.visitor].pointee.stream.tenant
        guard books.origins.mayHold(1, at: Int(owner)) else {
            return failExchange(exchange, 503, decision: "budget")
        }
        let index: UInt32
        switch connect(origin, for: owner) {
        case .begun(let place): index = place
        case .unreachable: return originUnreachable(exchange, slot, pool)
        // We have too little of something, which is no fault of the origin's.
        case .shortage: return failExchange(exchange, 503)
        }
        attach(exchange, index)
        // Over loopback and to near origins the connection stands at once: try before waiting for the kernel's word.
        if origin.context == nil {
            // Asking takes the error away: the kernel will not tell of it again.
            guard linux_socket_error(upstreams[index].pointee.stream.socket) == 0 else { return connectFailed(index) }
            if isConnected(index) { return sendRequest(index, isParsed: isParsed) }
        }
        armUpstream(index, limits.connectTime)
    }

    private func attach(_ exchange: UnsafeMutablePointer<Exchange>, _ index: UInt32) {
        exchange.pointee.upstream = index
        upstreams[index].pointee.exchange = exchange
        upstreams[index].pointee.stream.tenant = visitors[exchange.pointee.visitor].pointee.stream.tenant
    }

    private func isConnected(_ index: UInt32) -> Bool {
        var peer = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &peer) {
            getpeername(
                upstreams[index].pointee.stream.socket, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
        } == 0
    }

    enum Connecting {
        case begun(UInt32)
        /// The kernel knows already that there is no way to the origin.
        case unreachable
        /// Out of ports, descriptors or memory.
        case shortage
    }

    /// - Parameter owner: the tenant that holds it; nobody, where it is only to see whether the origin is there.
    func connect(_ origin: Origin, for owner: UInt16) -> Connecting {
        let address = origin.address.endpoint.address
        var raw = (address.high.bigEndian, address.low.bigEndian)
        let socket = withUnsafeBytes(of: &raw) {
            linux_connect(
                $0.baseAddress!.assumingMemoryBound(to: UInt8.self), origin.address.endpoint.port, nil)
        }
        guard socket >= 0 else {
            return [EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(-socket) ? .shortage : .unreachable
        }
        let index = upstreams.take()
        let upstream = upstreams[index]
        let generation = upstream.pointee.generation &+ 1
        upstream.pointee = Upstream()
        upstream.pointee.generation = generation
        upstream.pointee.phase = .connecting
        upstream.pointee.owner = owner
        books.origins.add(1, at: Int(owner))
        upstream.pointee.pool = Int32(origin.pool)
        upstream.pointee.stream.socket = socket
        if let context = origin.context {
            guard let tls = TLS.connection(context, port) else {
                closeUpstream(index)
                return .shortage
            }
            upstream.pointee.stream.tls = tls
            upstream.pointee.stream.isOrigin = true
        }
        watch(socket, Self.upstreamKind, index, generation, Self.events)
        return .begun(index)
    }

    func upstreamEvent(_ index: UInt32, _ events: UInt32) {
        let upstream = upstreams[index]
        if events & (linux_epoll_in | linux_epoll_rdhup | linux_epoll_hup | linux_epoll_err) != 0 {
            upstream.pointee.stream.isReadable = true
        }
        if events & (linux_epoll_rdhup | linux_epoll_hup | linux_epoll_err) != 0 {
            upstream.pointee.stream.isHungUp = true
        }
        if upstream.pointee.phase == .connecting {
            guard events & (linux_epoll_out | linux_epoll_err | linux_epoll_hup) != 0 else { return }
            guard linux_socket_error(upstream.pointee.stream.socket) == 0, events & linux_epoll_err == 0 else {
                return connectFailed(index)
            }
            connected(index)
        } else if events & linux_epoll_out != 0, !upstream.pointee.stream.out.isEmpty {
            let sent = flush(&upstream.pointee.stream)
            guard sent >= 0 else { return upstreamBroke(index) }
            if upstream.pointee.stream.out.isEmpty, let exchange = upstream.pointee.exchange {
                if upstream.pointee.phase == .tunnel {
                    pumpTunnel(fromVisitor: exchange.pointee.visitor)
                } else {
                    pumpRequest(exchange.pointee.visitor)
                }
                guard upstream.pointee.phase != .free else { return }
            }
        }
        driveUpstream(index)
    }

    private func connected(_ index: UInt32) {
        let upstream = upstreams[index]
        guard let exchange = upstream.pointee.exchange else {
            // A probe: the origin is back.
            originIsBack(Int(upstream.pointee.pool))
            return closeUpstream(index)
        }
        if upstream.pointee.stream.tls != nil {
            upstream.pointee.phase = .handshake
            return
        }
        sendRequest(index, isParsed: false)
        if upstream.pointee.phase != .free { resume(exchange.pointee.visitor) }
    }

    private func handshake(_ index: UInt32) -> Bool {
        let upstream = upstreams[index]
        guard let tls = upstream.pointee.stream.tls else { return false }
        var count = 0
        if upstream.pointee.stream.isReadable {
            count = recv(upstream.pointee.stream.socket, cipherBuffer, Self.receiveSize, 0)
            if count == 0 || count < 0 && errno != EAGAIN && errno != EINTR {
                connectFailed(index)
                return false
            }
            if count < 0 {
                count = 0
                upstream.pointee.stream.isReadable = false
            }
        }
        port.pointee.input = UnsafeRawPointer(cipherBuffer)
        port.pointee.inputCount = count
        let result = TLS.handshake(tls)
        let isSent = flushPort(&upstream.pointee.stream)
        switch result {
        case .more where isSent:
            return count > 0
        case .bytes where isSent:
            let early = readPlain(&upstream.pointee.stream, tls, at: 0)
            if early > 0 {
                upstream.pointee.pending.append(UnsafeRawBufferPointer(start: buffer, count: early))
            }
            sendRequest(index, isParsed: false)
            if upstream.pointee.phase != .free, let exchange = upstream.pointee.exchange {
                resume(exchange.pointee.visitor)
            }
            return false
        default:
            connectFailed(index)
            return false
        }
    }

    /// The origin could not be reached at all: nothing was sent, so another origin may be asked.
    private func connectFailed(_ index: UInt32) {
        let upstream = upstreams[index]
        let pool = Int(upstream.pointee.pool)
        guard let exchange = upstream.pointee.exchange, let slot = exchange.pointee.slot else {
            // A probe that failed: the next one may be set up.
            pools[pool].isProbing = false
            closeUpstream(index)
            return probeLater(pool)
        }
        dropUpstream(exchange)
        originUnreachable(exchange, slot, pool)
    }

    private func originUnreachable(_ exchange: UnsafeMutablePointer<Exchange>, _ slot: Slot, _ pool: Int) {
        let site = site(exchange)
        originFailed(pool)
        if !exchange.pointee.wasRetried, site.origins.count > 1 {
            exchange.pointee.wasRetried = true
            var next = slot
            next.origin = UInt8((Int(slot.origin) + 1) % site.origins.count)
            // The place at the first origin is given back, one at the next is taken.
            let moved = site.state.admission.withLock { $0.move(slot, to: Int(next.origin), at: instant) }
            exchange.pointee.slot = moved
            return startExchange(exchange, isParsed: false)
        }
        failExchange(exchange, 502)
    }

    // MARK: - The request out

    /// Writes the request's head, and as much of its body as is there.
    private func sendRequest(_ index: UInt32, isParsed: Bool) {
        let upstream = upstreams[index]
        guard let exchange = upstream.pointee.exchange else { return }
        if !isParsed { reread(exchange) }
        writeRequestHead(exchange)
        upstream.pointee.phase = .awaiting
        upstream.pointee.scanner = HeadScanner()
        exchange.pointee.sent = now
        pools[Int(upstream.pointee.pool)].failures = 0
        guard send(&upstream.pointee.stream, ink.bytes) else { return upstreamBroke(index) }
        let time = exchange.pointee.startsSlow ? Self.slowSlotTime : min(Self.slotTime, limits.originTime)
        armUpstream(index, exchange.pointee.request.isDone ? limits.originTime : time)
    }

    /// Moves the request's body on, from the visitor to the origin, as far as both sides allow.
    func pumpRequest(_ visitorIndex: UInt32) {
        let visitor = visitors[visitorIndex]
        guard visitor.pointee.phase == .exchange, let exchange = visitor.pointee.exchange,
            exchange.pointee.upstream != Exchange.noUpstream
        else { return }
        let index = exchange.pointee.upstream
        let upstream = upstreams[index]
        guard upstream.pointee.phase == .awaiting || upstream.pointee.phase == .responding else { return }
        guard !visitor.pointee.isCarried else { return pumpCarried(visitorIndex, exchange, index) }
        while !exchange.pointee.request.isDone {
            guard upstream.pointee.stream.out.isEmpty else { return }
            var count = visitor.pointee.pending.count
            if count > 0 {
                memcpy(buffer, visitor.pointee.pending.bytes.baseAddress!, count)
                freePending(visitor)
            } else {
                count = receive(&visitor.pointee.stream, at: 0)
                if count < 0 { return abandon(visitorIndex) }
                if count == 0 { return }
            }
            guard forwardBody(exchange, index, count) else { return }
            guard !isOverTurn(&visitor.pointee.stream) else { return postpone(visitorIndex) }
        }
    }

    /// Sends on what of `count` bytes in the buffer is the request's body; the rest is kept for later.
    private func forwardBody(_ exchange: UnsafeMutablePointer<Exchange>, _ index: UInt32, _ count: Int) -> Bool {
        let visitor = visitors[exchange.pointee.visitor]
        let bytes = UnsafeBufferPointer(start: buffer.assumingMemoryBound(to: UInt8.self), count: count)
        switch advance(&exchange.pointee.request, bytes.span) {
        case .refused(let refusal):
            failExchange(exchange, UInt16(refusal.status), decision: "malformed")
            return false
        case .used(let used):
            exchange.pointee.bytesIn += UInt64(used)
            exchange.pointee.bodyWasTaken = true
            visitor.pointee.moved += UInt64(used)
            guard exchange.pointee.bytesIn <= site(exchange).settings.bodyLimit &+ 4096 else {
                failExchange(exchange, 413, decision: "malformed")
                return false
            }
            if used < count {
                visitor.pointee.pending.append(UnsafeRawBufferPointer(start: buffer + used, count: count - used))
                boundRest(exchange)
                bookPending(visitor)
            }
            guard send(&upstreams[index].pointee.stream, UnsafeRawBufferPointer(start: buffer, count: used)) else {
                upstreamBroke(index)
                return false
            }
            if exchange.pointee.request.isDone { requestIsWhole(exchange, index) }
            return true
        }
    }

    enum Advance {
        /// This many bytes belong to the body; it may be done now.
        case used(Int)
        case refused(Refusal)
    }

    /// Follows a body through the bytes at hand; its framing passes unchanged.
    func advance(_ body: inout Body, _ bytes: Span<UInt8>) -> Advance {
        switch body.framing {
        case .none:
            return .used(0)
        case .untilClose:
            return .used(bytes.count)
        case .length:
            let used = Int(min(body.remaining, UInt64(bytes.count)))
            body.remaining -= UInt64(used)
            body.isDone = body.remaining == 0
            return .used(used)
        case .chunked:
            var offset = 0
            while true {
                switch body.chunks.next(bytes, from: offset) {
                case .data(let range): offset = range.upperBound
                case .more: return .used(bytes.count)
                case .end(let end):
                    body.isDone = true
                    return .used(end)
                case .refused(let refusal): return .refused(refusal)
                }
            }
        }
    }

    // MARK: - Driving, pools, ends

    func driveUpstream(_ index: UInt32) {
        let upstream = upstreams[index]
        let generation = upstream.pointee.generation
        while upstream.pointee.generation == generation {
            switch upstream.pointee.phase {
            case .free, .connecting, .resting: return
            case .handshake:
                guard handshake(index) else { if upstream.pointee.phase == .awaiting { continue } else { return } }
            case .idle:
                // Whatever comes now is no answer to anything: the connection is of no more use.
                if upstream.pointee.stream.isReadable, receive(&upstream.pointee.stream, at: 0) != 0 {
                    leavePool(index)
                }
                return
            case .awaiting: guard readResponse(index) else { return }
            case .orphaned: return endOrphan(index)
            case .responding:
                guard relayResponse(index) else { return }
                if isOverTurn(&upstream.pointee.stream) { return postponeUpstream(index) }
            case .tunnel: return pumpTunnel(fromUpstream: index)
            }
        }
    }

    /// Used less than a second ago, and nothing has come since: no origin gives up a connection that early (2 seconds
    /// and more are usual), so that what is sent now will be read.
    private func isFresh(_ index: UInt32) -> Bool {
        let upstream = upstreams[index]
        var byte: UInt8 = 0
        return now &- upstream.pointee.restedAt < 1_000_000_000
            && recv(upstream.pointee.stream.socket, &byte, 1, Int32(MSG_PEEK)) < 0 && errno == EAGAIN
    }

    private func takeIdle(_ pool: Int) -> UInt32 {
        let index = pools[pool].firstIdle
        pools[pool].firstIdle = upstreams[index].pointee.nextIdle
        pools[pool].idleCount -= 1
        upstreams[index].pointee.nextIdle = TimerWheel.none
        return index
    }

    /// Keeps the connection for the next request, or closes it.
    func rest(_ index: UInt32) {
        let upstream = upstreams[index]
        let pool = Int(upstream.pointee.pool)
        upstream.pointee.exchange = nil
        guard upstream.pointee.keepsAlive, !upstream.pointee.stream.isEnded, upstream.pointee.pending.isEmpty,
            upstream.pointee.stream.out.isEmpty, pools[pool].idleCount < Int(limits.idleOriginConnections), !isDraining
        else { return closeUpstream(index) }
        upstream.pointee.stream.tenant = UInt16(Tenants.nobody)
        upstream.pointee.phase = .idle
        upstream.pointee.restedAt = now
        upstream.pointee.pending.free()
        upstream.pointee.nextIdle = pools[pool].firstIdle
        pools[pool].firstIdle = index
        pools[pool].idleCount += 1
        armUpstream(index, Self.idleTime)
    }

    private func leavePool(_ index: UInt32) {
        let pool = Int(upstreams[index].pointee.pool)
        var previous = TimerWheel.none
        var place = pools[pool].firstIdle
        while place != TimerWheel.none, place != index {
            previous = place
            place = upstreams[place].pointee.nextIdle
        }
        guard place == index else { return closeUpstream(index) }
        let next = upstreams[index].pointee.nextIdle
        if previous == TimerWheel.none {
            pools[pool].firstIdle = next
        } else {
            upstreams[previous].pointee.nextIdle = next
        }
        pools[pool].idleCount -= 1
        closeUpstream(index)
    }

    /// The exchange has no more use for its connection, which cannot be used again.
    func dropUpstream(_ exchange: UnsafeMutablePointer<Exchange>) {
        let index = exchange.pointee.upstream
        guard index != Exchange.noUpstream else { return }
        endSlowUpload(exchange, index)
        exchange.pointee.upstream = Exchange.noUpstream
        upstreams[index].pointee.exchange = nil
        closeUpstream(index)
    }

    func closeUpstream(_ index: UInt32) {
        let upstream = upstreams[index]
        wheel.disarm(index | Self.upstreamTimer) { node($0) }
        // A record that only waits has none.
        if upstream.pointee.stream.socket >= 0 { books.origins.add(-1, at: Int(upstream.pointee.owner)) }
        closeStream(&upstream.pointee.stream)
        endPause(upstream)
        upstream.pointee.pending.free()
        upstream.pointee.exchange = nil
        releaseOrphan(index)
        upstream.pointee.phase = .free
        upstream.pointee.generation &+= 1
        upstreams.give(index)
    }

    /// The connection ended or broke under a request.
    func upstreamBroke(_ index: UInt32) {
        let upstream = upstreams[index]
        guard let exchange = upstream.pointee.exchange else { return closeUpstream(index) }
        // A kept connection that the origin closed at the same moment: nothing came back, and asking again is safe.
        if upstream.pointee.isReused, upstream.pointee.phase == .awaiting, upstream.pointee.pending.isEmpty,
            !exchange.pointee.wasRetried, !exchange.pointee.bodyWasTaken, exchange.pointee.method.isIdempotent
        {
            exchange.pointee.wasRetried = true
            dropUpstream(exchange)
            return startExchange(exchange, isParsed: false)
        }
        failExchange(exchange, 502)
    }

    func upstreamTimedOut(_ index: UInt32) {
        let upstream = upstreams[index]
        switch upstream.pointee.phase {
        case .free: return
        case .resting:
            let pool = Int(upstream.pointee.pool)
            closeUpstream(index)
            probe(pool)
        case .idle: leavePool(index)
        case .connecting, .handshake:
            if upstream.pointee.exchange == nil {
                let pool = Int(upstream.pointee.pool)
                pools[pool].isProbing = false
                closeUpstream(index)
                probeLater(pool)
            } else {
                connectFailed(index)
            }
        case .awaiting:
            guard let exchange = upstream.pointee.exchange else { return closeUpstream(index) }
            // An origin cannot begin before it has the request.
            if exchange.pointee.request.isDone { failExchange(exchange, 504) } else { uploadIsSlow(exchange, index) }
        case .orphaned: orphanTimedOut(index)
        case .responding:
            guard let exchange = upstream.pointee.exchange else { return closeUpstream(index) }
            if upstream.pointee.isPaused || upstream.pointee.moved > 0 {
                upstream.pointee.moved = 0
                giveSlot(exchange)
                armUpstream(index, limits.originTime)
            } else {
                failExchange(exchange, 504)
            }
        case .tunnel:
            guard let exchange = upstream.pointee.exchange else { return closeUpstream(index) }
            abandon(exchange.pointee.visitor)
        }
    }
}
