internal import Addresses
internal import Admission
internal import Glibc
internal import Heads
internal import Messages
internal import Sketches
internal import Synchronization

/// Why a visitor gets what is kept.
enum CacheUse {
    case fresh
    /// Meanwhile, or under pressure.
    case stale
    /// Instead of an error.
    case need
    /// Its origin has just said that it holds.
    case revalidated
}

/// Sending what is kept: whole or in part, or the word that the visitor's own copy still holds.
extension Worker {
    /// Longest time for a small response from memory, in milliseconds; longer ones have a millisecond more for each byte.
    private static let sendTime: UInt64 = 120_000

    /// Answers the request in `request` with what is kept. True: the connection stands and goes on.
    func serve(
        _ asker: UInt32, _ site: Site, _ stored: StoredResponse, _ use: CacheUse, _ wants: CacheRequest,
        _ visit: CacheVisit, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        let (status, size) = prepare(asker, site, stored, use, wants, visit, bytes)
        let decision: StaticString =
            switch use {
            case .fresh: "cached"
            case .revalidated: "revalidated"
            case .stale, .need: "stale"
            }
        writeLog(
            site.name, visitors[asker], bytes, method: request.methodName, path: request.path,
            pathLength: request.pathLength, status: status, visitorClass: visit.isKnown ? .known : .unknown,
            decision: decision, exchange: nil, bytesOut: UInt64(size))
        counters[Int(site.index)].countResponse(status)
        counters[Int(site.index)].bytesOut += UInt64(size)
        learn(visit, at: site, status)
        return send(asker, stored.content, closes: closesAfter)
    }

    /// Writes the head into the ink and notes which part of the content follows. Returns status and bytes in all.
    func prepare(
        _ asker: UInt32, _ site: Site, _ stored: StoredResponse, _ use: CacheUse, _ wants: CacheRequest,
        _ visit: CacheVisit, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> (status: UInt16, size: Int) {
        let moment = Int64(wallSeconds)
        let count = stored.content.body.count
        let portion =
            stored.head.status == 200
            ? request.portion(of: stored.head.validators, count: count, asking: wants, bytes.span, now: moment) : .whole
        ink.clear()
        var status = stored.head.status
        outgoing = 0..<count
        switch portion {
        case .whole:
            ink.write("HTTP/1.1 ")
            ink.write(decimal: UInt64(status))
            ink.write(" ")
            ink.write(stored.head.reason)
            ink.write("\r\n")
            ink.write(stored.head.fields)
        case .notModified:
            (status, outgoing) = (304, 0..<0)
            ink.write("HTTP/1.1 304 Not Modified\r\n")
            ink.write(stored.head.shortFields)
        case .part(let range):
            (status, outgoing) = (206, range)
            ink.write("HTTP/1.1 206 Partial Content\r\n")
            ink.write(stored.head.fields)
            ink.write("Content-Range: bytes ")
            ink.write(decimal: UInt64(range.lowerBound))
            ink.write("-")
            ink.write(decimal: UInt64(range.upperBound - 1))
            ink.write("/")
            ink.write(decimal: UInt64(count))
            ink.write("\r\n")
        case .nothing:
            (status, outgoing) = (416, 0..<0)
            ink.write("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */")
            ink.write(decimal: UInt64(count))
            ink.write("\r\nDate: ")
            ink.write(replies.date)
            ink.write("\r\n")
        }
        writeUse(stored, use, at: moment)
        let givesCookie =
            !visit.hasCookie && status == 200 && stored.head.isPage && request.method == .get && use != .need
            && !(place(of: site).map { pressed[Int($0)] } ?? true)
        if givesCookie {
            ink.write("Set-Cookie: ")
            writeCookie(of: site, isTLS: visitors[asker].pointee.isTLS, to: ink)
            ink.write("\r\n")
        }
        if status != 304, status != 204 {
            ink.write("Content-Length: ")
            ink.write(decimal: UInt64(outgoing.count))
            ink.write("\r\n")
        }
        if request.method == .head { outgoing = 0..<0 }
        ink.write("Via: 1.1 ")
        ink.write(table.instanceName)
        closesAfter = !request.keepsAlive || isDraining
        writeConnection(closes: closesAfter)
        countUse(use, at: site)
        return (status, ink.count + outgoing.count)
    }

    private func countUse(_ use: CacheUse, at site: Site) {
        guard let place = place(of: site) else { return }
        switch use {
        case .fresh: counters[Int(place)].cache.hits += 1
        case .stale, .need: counters[Int(place)].cache.stale += 1
        case .revalidated: counters[Int(place)].cache.revalidated += 1
        }
    }

    /// Age, and what the cache did (RFC 9211).
    private func writeUse(_ stored: StoredResponse, _ use: CacheUse, at moment: Int64) {
        ink.write("Age: ")
        ink.write(decimal: UInt64(stored.head.freshness.age(at: moment)))
        ink.write("\r\nCache-Status: \"")
        ink.write(table.instanceName)
        guard use != .revalidated else { return ink.write("\"; fwd=stale; fwd-status=304\r\n") }
        let staleness = stored.head.freshness.staleness(at: moment)
        ink.write(staleness <= 0 ? "\"; hit; ttl=" : "\"; hit; ttl=-")
        ink.write(decimal: UInt64(abs(staleness)))
        if use == .need, staleness >= 0 { ink.write("; detail=stale-in-need") }
        ink.write("\r\n")
    }

    private func writeConnection(closes: Bool) {
        if closes {
            ink.write("\r\nConnection: close")
        } else if request.minorVersion == 0 {
            ink.write("\r\nConnection: keep-alive")
        }
        ink.write("\r\n\r\n")
    }

    /// Sends the head in the ink and the part of `file` that `outgoing` names.
    func send(_ asker: UInt32, _ file: PageFile, closes: Bool, lingers: Bool = false) -> Bool {
        let index = placeOfRequest(asker)
        let time = Self.sendTime + UInt64(outgoing.count)
        return startSending(
            index,
            PageSending(
                file: .passRetained(file), age: 0, offset: outgoing.lowerBound, length: outgoing.upperBound,
                closes: closes, lingers: lingers, until: now + time * 1_000_000))
    }

    /// Who is served from memory is a visitor like others: it is remembered.
    private func learn(_ visit: CacheVisit, at site: Site, _ status: UInt16) {
        guard !visit.isKnown || visit.hasCookie, status < 500, let history, !history.contains(visit.source) else {
            return
        }
        site.state.admission.withLock { $0.novices.served(visit.source) }
    }

    // MARK: - In need

    /// A request that is refused gets what is kept, or the site's own page. nil: neither.
    func serveInNeed(
        _ asker: UInt32, _ site: Site, _ status: UInt16, _ visit: CacheVisit, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Bool? {
        guard status == 503 || status == 502, request.method == .get || request.method == .head else { return nil }
        guard let stored = stored(inNeedOf: site, asker, bytes) else { return nil }
        return serve(asker, site, stored, .need, CacheRequest(request, bytes.span), visit, bytes)
    }

    /// The same for a request that has a record, whose origin fails. False: there is nothing, and nothing was done.
    func serveInNeed(_ exchange: UnsafeMutablePointer<Exchange>) -> Bool {
        let site = site(exchange)
        guard site.settings.cache.mode != .off, exchange.pointee.method == .get || exchange.pointee.method == .head,
            !site.state.cache.isIdle
        else { return false }
        let index = exchange.pointee.visitor
        reread(exchange)
        return exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { bytes in
            guard let stored = stored(inNeedOf: site, index, bytes) else { return false }
            finish(exchange, with: stored, .need, bytes)
            return true
        }
    }

    /// Ends an exchange by what is kept; its connection to the origin is given back or gone. `request` holds its head.
    func finish(
        _ exchange: UnsafeMutablePointer<Exchange>, with stored: StoredResponse, _ use: CacheUse,
        _ bytes: UnsafeBufferPointer<UInt8>
    ) {
        let index = exchange.pointee.visitor
        let site = site(exchange)
        let visit = CacheVisit(
            source: exchange.pointee.sourceHash, isKnown: exchange.pointee.isKnown,
            hasCookie: exchange.pointee.hasCookie)
        let (status, size) = prepare(index, site, stored, use, CacheRequest(request, bytes.span), visit, bytes)
        let closes = closesAfter || exchange.pointee.leavesRest
        exchange.pointee.status = status
        exchange.pointee.bytesOut = UInt64(size)
        countStatus(exchange)
        learn(visit, at: site, status)
        record(exchange, decision: use == .revalidated ? "revalidated" : "stale")
        let lingers = exchange.pointee.leavesRest
        giveSlot(exchange)
        giveExchange(exchange)
        visitors[index].pointee.phase = .head
        if send(index, stored.content, closes: closes, lingers: lingers) { resume(index) }
    }

    // MARK: - The site's own page

    /// Shows the site's own page where it has one and the visitor takes pages. nil: not. `request` holds the request.
    func showFallback(
        _ asker: UInt32, _ site: Site, _ status: UInt16, _ bytes: UnsafeBufferPointer<UInt8>, leavesBody: Bool = false
    ) -> Bool? {
        guard let page = site.fallback, status == 502 || status == 503 || status == 504, form(bytes) != .text else {
            return nil
        }
        writeFallback(page, leavesBody: leavesBody)
        if let place = place(of: site) { counters[Int(place)].cache.fallbacks += 1 }
        return send(asker, page, closes: closesAfter, lingers: leavesBody)
    }

    private func writeFallback(_ page: PageFile, leavesBody: Bool) {
        closesAfter = !request.keepsAlive || leavesBody || isDraining
        outgoing = request.method == .head ? 0..<0 : 0..<page.body.count
        ink.clear()
        ink.write("HTTP/1.1 503 Service Unavailable\r\nDate: ")
        ink.write(replies.date)
        // Spread, as with our own pages.
        ink.write("\r\nRetry-After: 3")
        ink.write(decimal: now / 1000 % 10)
        ink.write("\r\nCache-Control: no-store\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ")
        ink.write(decimal: UInt64(page.body.count))
        ink.write("\r\nX-Content-Type-Options: nosniff")
        writeConnection(closes: closesAfter)
    }
}
