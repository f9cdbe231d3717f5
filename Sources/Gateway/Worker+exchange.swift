internal import Admission
internal import CLinux
internal import Glibc
internal import Heads
internal import Messages
internal import Sketches
internal import Synchronization

/// One request's life between admission and the last byte of its response.
extension Worker {
    /// A record for the request in `request`, whose bytes lie at `start..<end`; they are copied, for the buffer is used
    /// for other things meanwhile.
    func takeExchange(
        _ index: UInt32, _ site: Site, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int
    ) -> UnsafeMutablePointer<Exchange> {
        let exchange: UnsafeMutablePointer<Exchange>
        if let spare = spareExchanges {
            exchange = spare
            spareExchanges = spare.pointee.next
        } else {
            exchange = .allocate(capacity: 1)
            exchange.initialize(to: Exchange())
        }
        var head = exchange.pointee.head
        head.clear()
        head.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<end]))
        exchange.pointee = Exchange()
        exchange.pointee.head = head
        exchange.pointee.visitor = index
        exchange.pointee.site = Unmanaged.passRetained(site)
        exchange.pointee.method = request.method
        exchange.pointee.minorVersion = request.minorVersion
        exchange.pointee.keepsAlive = request.keepsAlive
        exchange.pointee.wantsUpgrade = request.upgrade.count > 0
        exchange.pointee.request = Body(request.framing)
        exchange.pointee.path = Heads.Slice(Int(request.path.start) - start, request.path.range.upperBound - start)
        exchange.pointee.methodName = Heads.Slice(
            Int(request.methodName.start) - start, request.methodName.range.upperBound - start)
        exchange.pointee.pathLength = request.pathLength
        exchange.pointee.startsSlow =
            visitors[index].pointee.startsSlow && visitors[index].pointee.pending.count < Self.firstPart
        visitors[index].pointee.startsSlow = false
        exchange.pointee.started = now
        visitors[index].pointee.exchange = exchange
        books.heads.add(head.count, at: Int(visitors[index].pointee.stream.tenant))
        if !visitors[index].pointee.pending.isEmpty || visitors[index].pointee.reserved > 0 {
            boundRest(exchange)
            bookPending(visitors[index])
        }
        return exchange
    }

    /// Gives the record back; slot, visitor and upstream are no longer its.
    func giveExchange(_ exchange: UnsafeMutablePointer<Exchange>) {
        let visitor = visitors[exchange.pointee.visitor]
        visitor.pointee.exchange = nil
        books.heads.add(-exchange.pointee.head.count, at: Int(visitor.pointee.stream.tenant))
        if visitor.pointee.reserved > 0 { reserve(0, visitor) }
        if exchange.pointee.cacheHash != 0 { endCaching(exchange) }
        exchange.pointee.site?.release()
        exchange.pointee.site = nil
        exchange.pointee.trailers.free()
        // A large head's memory is not kept.
        if exchange.pointee.head.count > 4096 { exchange.pointee.head.free() }
        exchange.pointee.next = spareExchanges
        spareExchanges = exchange
    }

    func site(_ exchange: UnsafeMutablePointer<Exchange>) -> Site {
        // Retained when the record was taken, released when it is given back.
        exchange.pointee.site!._withUnsafeGuaranteedRef { $0 }
    }

    /// Where the exchange's site is in the table in force: a reload may have moved it, or taken it away.
    func place(of site: Site) -> UInt16? {
        let isThere = Int(site.index) < table.sites.count && table.sites[Int(site.index)].state === site.state
        return isThere ? site.index : place(of: site.state)
    }

    private func place(of state: SiteState) -> UInt16? { table.sites.first { $0.state === state }?.index }

    /// Reads the exchange's head into `request` again: after a wait, or for a second try.
    func reread(_ exchange: UnsafeMutablePointer<Exchange>) {
        let refusal = exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { bytes in
            defer { takeMark(bytes) }
            return request.read(bytes.span, from: 0, limits: Self.anyHead)
        }
        assert(refusal == nil, "a head that was read before is refused now")
    }

    private static let anyHead: HeadLimits = {
        var limits = HeadLimits()
        limits.bytes = Int.max
        limits.target = Int.max
        limits.fields = Int.max
        return limits
    }()

    // MARK: - Waiting

    /// Names a request to admission: worker, place of its visitor, and a count, so that an answer which was on its way
    /// when the request ended is not taken for the visitor's next one.
    func makeTicket(_ visitor: UInt32) -> UInt64 {
        asked &+= 1
        return UInt64(index) << 48 | UInt64(asked & 0xff_ffff) << 24 | UInt64(visitor & 0xff_ffff)
    }

    /// Starts those at this site whose turn has come.
    func serveWaiting(_ siteIndex: UInt16) {
        guard Int(siteIndex) < table.sites.count else { return }
        let state = table.sites[Int(siteIndex)].state
        while let (ticket, slot) = state.queueing({ $0.next(at: instant) }) {
            if Int(ticket >> 48) == index {
                granted(ticket, slot, state)
            } else {
                shared.tell(Int(ticket >> 48), .grant(ticket: ticket, slot, state))
            }
        }
    }

    func tell(_ ticket: UInt64, _ command: Command) {
        if Int(ticket >> 48) == index {
            if case .refuse(let ticket, let cause) = command { turnedAway(ticket, cause) }
        } else {
            shared.tell(Int(ticket >> 48), command)
        }
    }

    private func waiting(_ ticket: UInt64) -> UnsafeMutablePointer<Exchange>? {
        let place = UInt32(truncatingIfNeeded: ticket & 0xff_ffff)
        guard place < visitors.indices.upperBound, visitors[place].pointee.phase == .waiting,
            let exchange = visitors[place].pointee.exchange, exchange.pointee.ticket == ticket
        else { return nil }
        return exchange
    }

    func granted(_ ticket: UInt64, _ slot: Slot, _ state: SiteState) {
        guard let exchange = waiting(ticket), site(exchange).state === state else {
            // Left in the meantime: the slot goes to the next.
            if release(slot, at: state), let place = place(of: state) { freed.append(place) }
            return
        }
        exchange.pointee.slot = slot
        exchange.pointee.holdsSlot = true
        let visitor = exchange.pointee.visitor
        visitors[visitor].pointee.phase = .exchange
        armVisitor(visitor, limits.progressTime)
        startExchange(exchange, isParsed: false)
        resume(visitor)
    }

    func turnedAway(_ ticket: UInt64, _ cause: SiteAdmission.RefusalCause) {
        guard let exchange = waiting(ticket) else { return }
        watchTurnedAway(exchange)
        failExchange(exchange, Self.status(cause), decision: "refused", answer: answer(exchange, cause))
    }

    /// Ends a wait that nobody else ended.
    func turnOut(_ index: UInt32) {
        guard let exchange = visitors[index].pointee.exchange else { return }
        leaveQueue(exchange)
        failExchange(exchange, 503, decision: "refused")
    }

    private func leaveQueue(_ exchange: UnsafeMutablePointer<Exchange>) {
        let ticket = exchange.pointee.ticket
        site(exchange).state.queueing { $0.left(ticket) }
    }

    /// Goes on with the visitor after this round.
    func resume(_ visitor: UInt32) {
        resumed.append((visitor, visitors[visitor].pointee.generation))
    }

    // MARK: - Ends

    func giveSlot(_ exchange: UnsafeMutablePointer<Exchange>) {
        guard exchange.pointee.holdsSlot, let slot = exchange.pointee.slot else { return }
        exchange.pointee.holdsSlot = false
        let site = site(exchange)
        if release(slot, at: site.state), let place = place(of: site) { freed.append(place) }
    }

    /// Whether others wait for it.
    func release(_ slot: Slot, at state: SiteState) -> Bool {
        state.admission.withLock {
            $0.released(slot)
            return $0.waitingCount > 0
        }
    }

    /// The response is complete.
    func finishExchange(_ exchange: UnsafeMutablePointer<Exchange>) {
        let index = exchange.pointee.visitor
        let visitor = visitors[index]
        guard !visitor.pointee.isAbsent else { return endRefresh(exchange) }
        giveSlot(exchange)
        learn(exchange)
        record(exchange, decision: exchange.pointee.wasQueued ? "queued" : "admitted")
        let leftBody = !exchange.pointee.request.isDone || exchange.pointee.leavesRest
        let closes = exchange.pointee.closesVisitor || leftBody || isDraining
        giveExchange(exchange)
        guard !visitor.pointee.isCarried else { return endCarried(index) }
        if visitor.pointee.pending.isEmpty { visitor.pointee.pending.free() }
        guard closes else {
            visitor.pointee.phase = .head
            armVisitor(index, visitor.pointee.pending.isEmpty ? limits.idleTime : limits.headTime)
            if visitor.pointee.stream.isReadable || !visitor.pointee.pending.isEmpty { resume(index) }
            return
        }
        visitor.pointee.phase = .lingering
        if visitor.pointee.stream.out.isEmpty {
            if leftBody { endVisitor(index) } else { closeGracefully(index) }
        } else {
            visitor.pointee.closesAfterFlush = true
            armVisitor(index, limits.progressTime)
        }
    }

    private func closeGracefully(_ index: UInt32) {
        if let tls = visitors[index].pointee.stream.tls {
            TLS.shutdown(tls)
            _ = flushPort(&visitors[index].pointee.stream)
        }
        closeVisitor(index)
    }

    /// The request cannot be served: the visitor is told, as far as nothing was sent yet.
    ///
    /// - Parameter answer: what the ladder has for it, where it waited in vain.
    func failExchange(
        _ exchange: UnsafeMutablePointer<Exchange>, _ status: UInt16, decision: StaticString = "failed",
        answer: Ladder.Answer = .plain
    ) {
        let index = exchange.pointee.visitor
        let visitor = visitors[index]
        let site = site(exchange)
        if exchange.pointee.holdsSlot, let slot = exchange.pointee.slot, status == 502 || status == 504 {
            site.state.admission.withLock { $0.failed(slot) }
        }
        if status == 502 || status == 504, let place = place(of: site) {
            counters[Int(place)].originFailures += 1
        }
        guard !visitor.pointee.isAbsent else { return endRefresh(exchange, inVain: true) }
        dropUpstream(exchange)
        giveSlot(exchange)
        guard !exchange.pointee.responseStarted else {
            // Half a response must not look like a whole one: the connection ends, with a reset where an ordinary end
            // would be the end of the content.
            let endsByClosing = exchange.pointee.minorVersion == 0 && exchange.pointee.response.framing == .untilClose
            // Over HTTP/2 its stream alone is reset.
            if !visitor.pointee.isCarried, exchange.pointee.dechunks || endsByClosing {
                linux_reset_on_close(visitor.pointee.stream.socket)
            }
            record(exchange, decision: "broken")
            giveExchange(exchange)
            return closeVisitor(index)
        }
        let isFailure = status == 502 || status == 503 || status == 504
        if isFailure, serveInNeed(exchange) { return }
        exchange.pointee.status = answer == .plain ? status : Self.status(of: answer)
        countStatus(exchange)
        record(exchange, decision: answer == .plain ? decision : Self.decision(of: answer))
        reread(exchange)
        let form: Replies.Form = exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { self.form($0) }
        let leftBody = !exchange.pointee.request.isDone || exchange.pointee.leavesRest
        let closes = !exchange.pointee.keepsAlive || leftBody || isDraining
        let isHead = exchange.pointee.method == .head
        if answer == .plain, isFailure, site.fallback != nil, form != .text {
            // What is kept of the request outlives its record here.
            var head = exchange.pointee.head
            books.heads.add(-head.count, at: Int(visitor.pointee.stream.tenant))
            exchange.pointee.head = Store()
            defer { head.free() }
            giveExchange(exchange)
            visitor.pointee.phase = .head
            let goesOn = head.bytes.withMemoryRebound(to: UInt8.self) {
                showFallback(index, site, status, $0, leavesBody: leftBody)
            }
            if goesOn == true { resume(index) }
            return
        }
        let written = exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) {
            answer == .plain ? 0 : write(answer, index, site, $0, closes: closes)
        }
        giveExchange(exchange)
        visitor.pointee.phase = .head
        guard answer == .plain else {
            sendWritten(index, headCount: written, closes: closes, isHead: isHead, lingers: leftBody)
            guard !closes, visitor.pointee.phase == .head else { return }
            armVisitor(index, limits.idleTime)
            return resume(index)
        }
        reply(index, status, form: form, closes: closes, isHead: isHead, lingers: leftBody)
        guard !closes, visitor.pointee.phase == .head else { return }
        armVisitor(index, limits.idleTime)
        resume(index)
    }

    /// The visitor is gone.
    func dropExchange(_ exchange: UnsafeMutablePointer<Exchange>) {
        if isAbsent(exchange) { noteRefresh(exchange, inVain: true) }
        if exchange.pointee.upstream == Exchange.noUpstream, !exchange.pointee.holdsSlot { leaveQueue(exchange) }
        if !orphanUpstream(exchange) {
            dropUpstream(exchange)
            giveSlot(exchange)
        }
        exchange.pointee.status = 499
        record(exchange, decision: "abandoned")
        giveExchange(exchange)
    }

    /// Who was served well is remembered, as long as there is no pressure.
    private func learn(_ exchange: UnsafeMutablePointer<Exchange>) {
        guard !exchange.pointee.isKnown || exchange.pointee.hasCookie, exchange.pointee.status < 500,
            let history, !history.contains(exchange.pointee.sourceHash)
        else { return }
        let source = exchange.pointee.sourceHash
        site(exchange).state.admission.withLock { $0.novices.served(source) }
    }

    func countStatus(_ exchange: UnsafeMutablePointer<Exchange>) {
        guard !isAbsent(exchange) else { return }
        let site = Int(place(of: site(exchange)) ?? UInt16.max)
        guard site < counters.count else { return }
        counters[site].countResponse(exchange.pointee.status)
    }

    func record(_ exchange: UnsafeMutablePointer<Exchange>, decision: StaticString) {
        guard !isAbsent(exchange) else { return }
        let site = site(exchange)
        if let place = place(of: site) {
            counters[Int(place)].bytesIn += exchange.pointee.bytesIn
            counters[Int(place)].bytesOut += exchange.pointee.bytesOut
        }
        let visitorClass = exchange.pointee.slot?.visitorClass ?? (exchange.pointee.isKnown ? .known : .unknown)
        exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { bytes in
            writeLog(
                site.name, visitors[exchange.pointee.visitor], bytes, method: exchange.pointee.methodName,
                path: exchange.pointee.path, pathLength: exchange.pointee.pathLength, status: exchange.pointee.status,
                visitorClass: visitorClass, decision: decision, exchange: exchange)
        }
    }
}
