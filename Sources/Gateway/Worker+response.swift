internal import Admission
internal import Glibc
internal import Heads
internal import Messages
internal import Sketches
internal import Synchronization

/// The response on its way back: head, body, and tunnels.
extension Worker {
    /// Longest head of a response.
    private static let responseHeadLimit = 64 << 10
    /// Bodies up to this size leave in one piece with their head.
    private static let joinLimit = 32 << 10

    /// Bytes of a response that are kept for a visitor slower than the origin, so that an ordinary page frees its
    /// origin's connection at once.
    private static let keptLimit = 256 << 10
    /// When its site's part of what a worker keeps for all visitors (`TenantBooks`) is used up, every slow visitor holds
    /// back its origin: as many slow responses hold back an origin, and as many connections may a source hold
    /// (a browser opens six to a site) to be among them, or slow responses one HTTP/2 connection. Slow readers beyond are
    /// cut off, for an origin has only so many connections. Where so many hold back an origin, an HTTP/2 connection may
    /// have no more of them than that even before.
    private static let pausedLimit = 256
    private static let modestSource = 8

    /// Waits for the response's head. True: go on with this connection.
    func readResponse(_ index: UInt32) -> Bool {
        let upstream = upstreams[index]
        guard let exchange = upstream.pointee.exchange else {
            closeUpstream(index)
            return false
        }
        var held = upstream.pointee.pending.count
        if held > 0 { memcpy(buffer, upstream.pointee.pending.bytes.baseAddress!, held) }
        var isFresh = held > upstream.pointee.scanner.scanned
        while true {
            if isFresh {
                let bytes = UnsafeBufferPointer(start: buffer.assumingMemoryBound(to: UInt8.self), count: held)
                switch upstream.pointee.scanner.scan(bytes.span, limit: Self.responseHeadLimit) {
                case .more: break
                case .refused:
                    failExchange(exchange, 502)
                    return false
                case .head(let start, let end):
                    upstream.pointee.pending.clear()
                    upstream.pointee.scanner = HeadScanner()
                    return responded(index, exchange, bytes, start, end)
                }
            }
            let count = receive(&upstream.pointee.stream, at: held)
            if count < 0 {
                upstreamBroke(index)
                return false
            }
            if count == 0 {
                upstream.pointee.pending.clear()
                upstream.pointee.pending.append(UnsafeRawBufferPointer(start: buffer, count: held))
                return false
            }
            held += count
            isFresh = true
        }
    }

    private func responded(
        _ index: UInt32, _ exchange: UnsafeMutablePointer<Exchange>, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int,
        _ end: Int
    ) -> Bool {
        let upstream = upstreams[index]
        let head = UnsafeBufferPointer(rebasing: bytes[..<end])
        if response.read(head.span, from: start, method: exchange.pointee.method) != nil {
            failExchange(exchange, 502)
            return false
        }
        let rest = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[end...])
        if response.status == 101 { return beginTunnel(index, exchange, head, rest) }
        if response.status < 200 {
            // Interim responses are for HTTP/1.1 visitors (RFC 9110, section 15.2).
            if exchange.pointee.minorVersion == 1 {
                writeInterimHead(exchange, head)
                guard sendVisitor(exchange, ink.bytes) else { return false }
            }
            upstream.pointee.pending.append(rest)
            return true
        }
        if cacheTakes(index, exchange, head, rest: rest.count) { return false }
        if isAbsent(exchange), exchange.pointee.capture == nil {
            passOver(exchange, index, rest: rest.count)
            return false
        }
        begin(index, exchange)
        writeResponseHead(exchange, head)
        exchange.pointee.responseStarted = true
        if exchange.pointee.response.isDone, rest.count == 0 {
            guard sendVisitor(exchange, ink.bytes) else { return false }
            return complete(index, exchange)
        }
        // The body's beginning came along: it goes out in the same piece.
        return relay(index, exchange, end, rest.count)
    }

    /// The origin begins to answer, whatever the visitor gets of it.
    func noteFirstByte(_ exchange: UnsafeMutablePointer<Exchange>) {
        let site = site(exchange)
        now = Clock.monotonic()
        exchange.pointee.firstByte = now
        if let slot = exchange.pointee.slot, exchange.pointee.holdsSlot {
            // What lay unread while we did something else is our time: a busy lane is no slow origin.
            let came = Instant(nanoseconds: roundAt &- min(unread, roundAt))
            site.state.admission.withLock { $0.answered(slot, at: came) }
        }
        if let place = place(of: site) {
            counters[Int(place)].countFirstByte(nanoseconds: now &- exchange.pointee.sent)
        }
    }

    private func begin(_ index: UInt32, _ exchange: UnsafeMutablePointer<Exchange>) {
        let upstream = upstreams[index]
        noteFirstByte(exchange)
        exchange.pointee.status = UInt16(response.status)
        countStatus(exchange)
        exchange.pointee.response = Body(response.framing)
        let isOld = exchange.pointee.minorVersion == 0
        let isCarried = visitors[exchange.pointee.visitor].pointee.isCarried
        exchange.pointee.dechunks = (isOld || isCarried) && response.framing == .chunked
        exchange.pointee.enchunks = !isOld && !isCarried && response.framing == .untilClose
        exchange.pointee.closesVisitor =
            !isCarried && (!exchange.pointee.keepsAlive || isDraining)
            || isOld && (response.framing == .chunked || response.framing == .untilClose)
        upstream.pointee.keepsAlive = response.keepsAlive
        upstream.pointee.phase = .responding
        upstream.pointee.moved = 1
        armUpstream(index, min(Self.slotTime, limits.originTime))
    }

    /// Reads on in the body. True: go on with this connection.
    func relayResponse(_ index: UInt32) -> Bool {
        let upstream = upstreams[index]
        guard let exchange = upstream.pointee.exchange, !upstream.pointee.isPaused else { return false }
        let count = receive(&upstream.pointee.stream, at: 0)
        if count == 0 { return false }
        guard count > 0 else {
            if exchange.pointee.response.framing == .untilClose, !upstream.pointee.stream.isBroken {
                ink.clear()
                if exchange.pointee.enchunks { ink.write("0\r\n\r\n") }
                exchange.pointee.response.isDone = true
                guard sendVisitor(exchange, ink.bytes) else { return false }
                return complete(index, exchange)
            }
            upstreamBroke(index)
            return false
        }
        upstream.pointee.moved &+= 1
        ink.clear()
        return relay(index, exchange, 0, count)
    }

    /// Sends `count` bytes of the body at `offset` of the buffer to the visitor, behind what waits in the ink.
    private func relay(_ index: UInt32, _ exchange: UnsafeMutablePointer<Exchange>, _ offset: Int, _ count: Int) -> Bool
    {
        let bytes = UnsafeBufferPointer(start: (buffer + offset).assumingMemoryBound(to: UInt8.self), count: count)
        if exchange.pointee.capture != nil {
            capture(exchange, bytes)
            if exchange.pointee.capture == nil, isAbsent(exchange) {
                endRefresh(exchange, inVain: true)
                return false
            }
        }
        var used = 0
        if exchange.pointee.dechunks {
            while used < count, !exchange.pointee.response.isDone {
                switch exchange.pointee.response.chunks.next(bytes.span, from: used) {
                case .data(let range):
                    ink.write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[range]))
                    used = range.upperBound
                case .more:
                    keepTrailers(exchange, bytes, until: count)
                    used = count
                case .end(let end):
                    keepTrailers(exchange, bytes, until: end)
                    exchange.pointee.response.isDone = true
                    used = end
                case .refused:
                    failExchange(exchange, 502)
                    return false
                }
            }
            guard sendVisitor(exchange, ink.bytes) else { return false }
        } else {
            switch advance(&exchange.pointee.response, bytes.span) {
            case .refused:
                failExchange(exchange, 502)
                return false
            case .used(let length):
                used = length
                guard emit(exchange, UnsafeRawBufferPointer(start: bytes.baseAddress, count: length)) else {
                    return false
                }
            }
        }
        guard exchange.pointee.response.isDone else {
            let visitor = visitors[exchange.pointee.visitor]
            // Who has nothing to take goes on: nothing of its own would tell it to.
            guard !visitor.pointee.stream.out.isEmpty else { return true }
            if visitor.pointee.stream.out.count > Self.keptLimit || isOverKept(visitor) || isCarrierFull(visitor) {
                // The visitor is slower than the origin: stop reading, and leave the origin's slot to others.
                let isMany = pausedCount >= Self.pausedLimit
                let mayPause =
                    isOverKept(visitor)
                    ? !isMany && budget.held(by: visitor.pointee.source) <= Self.modestSource
                        && pausedBeside(visitor) < Self.modestSource
                    : !isMany || pausedBeside(visitor) < Self.modestSource
                guard mayPause else {
                    report.connections.timedOut += 1
                    abandon(exchange.pointee.visitor)
                    return false
                }
                pausedCount += 1
            } else if !books.isWithinMemory(0, at: Int(visitor.pointee.stream.tenant)) {
                upstreams[index].pointee.isPausedForCap = true
            } else {
                return true
            }
            upstreams[index].pointee.isPaused = true
            giveSlot(exchange)
            return false
        }
        // Bytes behind the end belong to no request.
        if used < count { upstreams[index].pointee.keepsAlive = false }
        return complete(index, exchange)
    }

    /// Trailers end at HTTP/1.0, and pass over HTTP/2 as fields of their own.
    private func keepTrailers(
        _ exchange: UnsafeMutablePointer<Exchange>, _ bytes: UnsafeBufferPointer<UInt8>, until end: Int
    ) {
        guard let start = exchange.pointee.response.chunks.trailerPlace,
            visitors[exchange.pointee.visitor].pointee.isCarried
        else { return }
        exchange.pointee.trailers.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<end]))
    }

    /// The origin is read again, or it is gone.
    func endPause(_ upstream: UnsafeMutablePointer<Upstream>) {
        if upstream.pointee.isPaused, !upstream.pointee.isPausedForCap { pausedCount -= 1 }
        upstream.pointee.isPaused = false
        upstream.pointee.isPausedForCap = false
    }

    /// Responses over the same HTTP/2 connection that hold back their origins, but for those at a cap.
    private func pausedBeside(_ visitor: UnsafeMutablePointer<Visitor>) -> Int {
        guard visitor.pointee.isCarried, let carrier = visitors[visitor.pointee.carried.carrier].pointee.carrier
        else { return 0 }
        return carrier.pointee.streams.count { stream in
            guard let upstream = visitors[stream.place].pointee.exchange?.pointee.upstream,
                upstream != Exchange.noUpstream
            else { return false }
            return upstreams[upstream].pointee.isPaused && !upstreams[upstream].pointee.isPausedForCap
        }
    }

    private func isOverKept(_ visitor: UnsafeMutablePointer<Visitor>) -> Bool {
        !books.kept.mayHold(0, at: Int(visitor.pointee.stream.tenant))
    }

    private func isCarrierFull(_ visitor: UnsafeMutablePointer<Visitor>) -> Bool {
        guard visitor.pointee.isCarried else { return false }
        return (visitors[visitor.pointee.carried.carrier].pointee.carrier?.pointee.kept ?? 0) > Carrier.keptLimit
    }

    /// Sends content as one piece with the head in the ink, if it is small; as a chunk where the origin gave no length.
    private func emit(_ exchange: UnsafeMutablePointer<Exchange>, _ content: UnsafeRawBufferPointer) -> Bool {
        if exchange.pointee.enchunks, content.count > 0 {
            ink.write(hexadecimal: UInt64(content.count), digits: 5)
            ink.write("\r\n")
            ink.write(content)
            ink.write("\r\n")
            return sendVisitor(exchange, ink.bytes)
        }
        if ink.count == 0 { return sendVisitor(exchange, content) }
        if content.count <= Self.joinLimit {
            ink.write(content)
            return sendVisitor(exchange, ink.bytes)
        }
        return sendVisitor(exchange, ink.bytes, goesOn: true) && sendVisitor(exchange, content)
    }

    /// Where a response's bytes leave: as they are, or in frames where an HTTP/2 connection carries the request. With
    /// `goesOn` more of the same response follows at once. False: the visitor is gone, and its exchange with it.
    private func sendVisitor(
        _ exchange: UnsafeMutablePointer<Exchange>, _ bytes: UnsafeRawBufferPointer, goesOn: Bool = false
    ) -> Bool {
        let index = exchange.pointee.visitor
        let isEnd = !goesOn && exchange.pointee.response.isDone && exchange.pointee.responseStarted
        if visitors[index].pointee.isCarried {
            exchange.pointee.bytesOut += UInt64(bytes.count)
            visitors[index].pointee.moved += UInt64(bytes.count)
            let trailers = exchange.pointee.trailers
            let endsWithTrailers = isEnd && trailers.count > 2
            if bytes.count > 0 || isEnd && !endsWithTrailers { carry(index, bytes, ends: isEnd && !endsWithTrailers) }
            // They were checked as they came, but there may be too many.
            if endsWithTrailers, !carryTrailers(index, trailers.bytes) {
                carry(index, UnsafeRawBufferPointer(start: nil, count: 0), ends: true)
            }
            return true
        }
        guard bytes.count > 0, !isAbsent(exchange) else { return true }
        exchange.pointee.bytesOut += UInt64(bytes.count)
        visitors[index].pointee.moved += UInt64(bytes.count)
        let isLast = isEnd && exchange.pointee.closesVisitor && exchange.pointee.request.isDone
        guard send(&visitors[index].pointee.stream, bytes, isLast: isLast) else {
            abandon(index)
            return false
        }
        return true
    }

    private func complete(_ index: UInt32, _ exchange: UnsafeMutablePointer<Exchange>) -> Bool {
        if exchange.pointee.capture != nil { keepCaptured(exchange) }
        endSlowUpload(exchange, index)
        exchange.pointee.upstream = Exchange.noUpstream
        // An origin that answered before it had the whole request is in the middle of it still.
        if !exchange.pointee.request.isDone { upstreams[index].pointee.keepsAlive = false }
        finishExchange(exchange)
        rest(index)
        return false
    }

    // MARK: - Tunnels

    private func beginTunnel(
        _ index: UInt32, _ exchange: UnsafeMutablePointer<Exchange>, _ head: UnsafeBufferPointer<UInt8>,
        _ rest: UnsafeRawBufferPointer
    ) -> Bool {
        guard exchange.pointee.wantsUpgrade else {
            failExchange(exchange, 502)
            return false
        }
        begin(index, exchange)
        giveSlot(exchange)
        writeInterimHead(exchange, head)
        ink.write(rest)
        exchange.pointee.responseStarted = true
        upstreams[index].pointee.phase = .tunnel
        visitors[exchange.pointee.visitor].pointee.phase = .tunnel
        armUpstream(index, limits.tunnelTime)
        armVisitor(exchange.pointee.visitor, limits.tunnelTime)
        guard sendVisitor(exchange, ink.bytes) else { return false }
        resume(exchange.pointee.visitor)
        return true
    }

    func pumpTunnel(fromVisitor index: UInt32) {
        let visitor = visitors[index]
        guard let exchange = visitor.pointee.exchange, exchange.pointee.upstream != Exchange.noUpstream else {
            return abandon(index)
        }
        let upstream = exchange.pointee.upstream
        while upstreams[upstream].pointee.stream.out.isEmpty {
            guard !isOverTurn(&visitor.pointee.stream) else { return postpone(index) }
            var count = visitor.pointee.pending.count
            if count > 0 {
                memcpy(buffer, visitor.pointee.pending.bytes.baseAddress!, count)
                freePending(visitor)
            } else {
                count = receive(&visitor.pointee.stream, at: 0)
            }
            if count == 0 { break }
            guard count > 0 else { return abandon(index) }
            exchange.pointee.bytesIn += UInt64(count)
            guard send(&upstreams[upstream].pointee.stream, UnsafeRawBufferPointer(start: buffer, count: count)) else {
                return abandon(index)
            }
            armVisitor(index, limits.tunnelTime)
            armUpstream(upstream, limits.tunnelTime)
        }
    }

    func pumpTunnel(fromUpstream index: UInt32) {
        guard let exchange = upstreams[index].pointee.exchange else { return closeUpstream(index) }
        let visitor = exchange.pointee.visitor
        while true {
            guard visitors[visitor].pointee.stream.out.isEmpty else {
                if !upstreams[index].pointee.isPaused { pausedCount += 1 }
                upstreams[index].pointee.isPaused = true
                return
            }
            guard !isOverTurn(&upstreams[index].pointee.stream) else { return postponeUpstream(index) }
            let count = receive(&upstreams[index].pointee.stream, at: 0)
            if count == 0 { break }
            guard count > 0 else { return abandon(visitor) }
            exchange.pointee.bytesOut += UInt64(count)
            guard send(&visitors[visitor].pointee.stream, UnsafeRawBufferPointer(start: buffer, count: count)) else {
                return abandon(visitor)
            }
            armVisitor(visitor, limits.tunnelTime)
            armUpstream(index, limits.tunnelTime)
        }
    }
}
