internal import Admission
internal import Heads
internal import Messages
internal import Synchronization

/// `stale-while-revalidate` (RFC 5861, section 3): who asks for what is stale gets it at once, and one request that nobody
/// waits for asks the origin whether it still holds.
///
/// That request has a record as every other one, and a visitor's record beside it that stands for nobody. It holds a slot at
/// its origin, and is not begun where there is none to spare: then the stale response is shown all the same, and the next
/// one who asks tries again.
extension Worker {
    /// Such requests at once in one worker. Each holds a slot at first, so that the sites' limits bound them before, and
    /// ends after a while, so that an origin which sends slowly holds nothing for ever.
    private static let refreshLimit = 256
    /// Seconds for which a worker does not ask for the same again: after an answer, and after none that was of use.
    private static let refreshPause: UInt64 = 1
    private static let vainPause: UInt64 = 5

    /// Nobody is there to whom the response could be sent.
    func isAbsent(_ exchange: UnsafeMutablePointer<Exchange>) -> Bool {
        visitors[exchange.pointee.visitor].pointee.isAbsent
    }

    /// A record for asking the origin for what `stored` was, in the name of who asks for it now; nil: not now. What is in
    /// `request` stays there.
    func prepareRefresh(
        _ asker: UInt32, _ site: Site, _ stored: StoredResponse, _ wants: CacheRequest,
        _ bytes: UnsafeBufferPointer<UInt8>
    ) -> UnsafeMutablePointer<Exchange>? {
        let hash = plan.hash
        guard isForAll(wants, stored), refreshCount < Self.refreshLimit, !isDraining, !books.time.isShort,
            !books.time.isHeldBack(Int(Self.place(site.index))),
            !passes.contains(Self.refreshMark(hash), at: wallSeconds),
            // As it is written anew: who names no host, or another one in the line than in Host, is rare.
            request.authority.count > 0, request.path.count > 0, request.path.start == request.target.start,
            let flight = site.state.cache.lead(hash, at: now, asRefresh: true)
        else { return nil }
        let route = RouteHash.of(
            bytes.span, method: .get, path: request.path, pathLength: request.pathLength)
        guard let slot = site.state.admission.withLock({ $0.spare(route, at: instant) }) else {
            endFlight(site, hash, flight)
            return nil
        }
        let exchange = takeExchange(takeAbsent(asker, site), site, stored, bytes)
        exchange.pointee.slot = slot
        exchange.pointee.holdsSlot = true
        exchange.pointee.cacheHash = hash
        exchange.pointee.flight = flight
        exchange.pointee.hasOtherCookies = plan.hasCookies
        counters[Int(site.index)].cache.refreshes += 1
        return exchange
    }

    /// A visitor's record that stands for nobody. The origin is told of who gave the occasion, as it would have been.
    private func takeAbsent(_ asker: UInt32, _ site: Site) -> UInt32 {
        let visitor = visitors[asker]
        let place = visitors.take()
        var record = Visitor()
        record.generation = visitors[place].pointee.generation &+ 1
        record.isAbsent = true
        record.phase = .exchange
        record.listener = visitor.pointee.listener
        record.isTLS = visitor.pointee.isTLS
        record.isTrustedPeer = visitor.pointee.isTrustedPeer
        record.source = visitor.pointee.source
        record.stream.tenant = Self.place(site.index)
        visitors[place].pointee = record
        refreshCount += 1
        armVisitor(place, UInt32(SiteCache.refreshTime / 1_000_000))
        return place
    }

    private func takeExchange(
        _ place: UInt32, _ site: Site, _ stored: StoredResponse, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> UnsafeMutablePointer<Exchange> {
        writeRefreshHead(bytes)
        let exchange = ink.bytes.withMemoryRebound(to: UInt8.self) { takeExchange(place, site, $0, 0, $0.count) }
        exchange.pointee.method = .get
        exchange.pointee.minorVersion = 1
        // Places in another head; what is nobody's request is in no log.
        exchange.pointee.path = .empty
        exchange.pointee.methodName = .empty
        exchange.pointee.pathLength = 0
        // Nobody, who has nothing to be remembered by.
        exchange.pointee.isKnown = true
        if !stored.head.validators.isEmpty { exchange.pointee.revalidates = .passRetained(stored) }
        return exchange
    }

    /// The request in `request` as one for the whole of it, without what this visitor wants of a copy of his own.
    private func writeRefreshHead(_ bytes: UnsafeBufferPointer<UInt8>) {
        let raw = UnsafeRawBufferPointer(bytes)
        func write(_ slice: Heads.Slice) { ink.write(UnsafeRawBufferPointer(rebasing: raw[slice.range])) }
        ink.clear()
        ink.write("GET ")
        write(request.path)
        ink.write(" HTTP/1.1\r\nHost: ")
        write(request.authority)
        ink.write("\r\n")
        for field in request.fields where Self.isForRefresh(field, bytes.span) {
            write(field.name)
            ink.write(": ")
            write(field.value)
            ink.write("\r\n")
        }
        ink.write("\r\n")
    }

    private static func isForRefresh(_ field: Field, _ bytes: Span<UInt8>) -> Bool {
        switch field.id {
        // Without Connection none of what it names: in a request of HTTP/1.0 Upgrade says nothing, and in ours it would.
        case .host, .contentLength, .transferEncoding, .expect, .trailer, .connection, .upgrade, .http2Settings: false
        case .other:
            !bytes.holds("if-none-match", in: field.name) && !bytes.holds("if-modified-since", in: field.name)
                && !bytes.holds("if-range", in: field.name) && !bytes.holds("range", in: field.name)
                && !bytes.holds("cache-control", in: field.name) && !bytes.holds("pragma", in: field.name)
        default: true
        }
    }

    // MARK: - Ends

    /// What came is not to be kept: its connection rests where nothing more of it comes.
    func passOver(_ exchange: UnsafeMutablePointer<Exchange>, _ index: UInt32, rest: Int) {
        noteFirstByte(exchange)
        leaveUpstream(exchange, index, rest: rest)
        endRefresh(exchange, inVain: true)
    }

    /// Gives everything back. Its connection to the origin closes, if it still has one.
    func endRefresh(_ exchange: UnsafeMutablePointer<Exchange>, inVain: Bool = false) {
        let index = exchange.pointee.visitor
        noteRefresh(exchange, inVain: inVain)
        dropUpstream(exchange)
        giveSlot(exchange)
        giveExchange(exchange)
        closeVisitor(index)
    }

    /// The same is not asked for again at once, whatever came of it.
    func noteRefresh(_ exchange: UnsafeMutablePointer<Exchange>, inVain: Bool) {
        passes.add(
            Self.refreshMark(exchange.pointee.cacheHash),
            until: wallSeconds + (inVain ? Self.vainPause : Self.refreshPause))
    }

    /// What a worker knows a key's refresh by, among the keys that it does not look for.
    private static func refreshMark(_ hash: UInt64) -> UInt64 { hash ^ 0x7265_6672_6573_6800 }
}
