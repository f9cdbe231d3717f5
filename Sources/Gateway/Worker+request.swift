internal import Addresses
internal import Admission
internal import Glibc
internal import Heads
internal import Messages
internal import Packets
internal import Sketches
internal import Synchronization

/// A whole request head: where it belongs, who asks, and whether it may go.
extension Worker {
    /// Bodies up to this many bytes are awaited whole before an origin is asked for; most forms are smaller.
    private static let gatherLimit: UInt64 = 64 << 10
    /// Bytes of requests that are gathered at once for one HTTP/2 connection, which may have a hundred of them. Beyond
    /// these only the first part is, and beyond the site's part of what a worker gathers nothing: there a slow body costs its
    /// origin a connection instead.
    private static let gatheredLimit = 1 << 20

    /// Decides on the head in `bytes`, which begins at `start` and ends with them; `held` bytes are there in all, some of
    /// its body behind it. True: go on with the visitor.
    ///
    /// - Parameter index: the visitor, or the HTTP/2 connection whose candidate this is.
    func received(_ index: UInt32, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ held: Int) -> Bool {
        let visitor = visitors[index]
        let end = bytes.count
        var headLimits = HeadLimits()
        headLimits.bytes = Int(limits.headBytes)
        headLimits.target = Int(limits.targetBytes)
        headLimits.fields = Int(limits.headFields)
        if let refusal = request.read(bytes.span, from: start, limits: headLimits) {
            malformed(index, refusal)
            return false
        }
        visitor.pointee.isReused = true
        matchedRule = 0
        guard let siteIndex = route(index, bytes) else { return refuse(index, nil, 421, "misdirected", bytes) }
        guard siteIndex != TLSPort.pagesSite else { return answerPage(index, bytes) }
        let site = table.sites[Int(siteIndex)]
        let word = word(index, siteIndex)
        if word == .denied { return deny(index, site, bytes) }
        guard own(index, siteIndex) else {
            request.keepsAlive = false
            leaveCarrying(index)
            return refuse(index, site, 503, "budget", bytes)
        }
        if site.certificate != nil, !visitor.pointee.isTLS,
            !table.snapshot.listeners[Int(visitor.pointee.listener)].servesClear
        {
            return redirect(index, site, bytes)
        }
        if case .length(let length) = request.framing, length > site.settings.bodyLimit {
            counters[Int(siteIndex)].badRequests += 1
            return refuse(index, site, 413, "malformed", bytes)
        }
        let all = UnsafeRawBufferPointer(start: bytes.baseAddress, count: held)
        if let refusal = faultOfChunks(visitor, UnsafeRawBufferPointer(rebasing: all[end...])) {
            malformed(index, refusal)
            return false
        }
        if let needed = awaited(index, all, after: end, site, at: Int(Self.place(siteIndex))) {
            return gather(index, all, until: needed, saysContinue: request.expectsContinue && held == end)
        }
        if loops(bytes) { return refuse(index, site, 508, "malformed", bytes) }
        return ask(index, site, bytes, start, end, standing(index, word, bytes))
    }

    /// How many bytes must be there before an origin is asked for: a small body whole, where there is a place for it, else the
    /// first part. nil: they are there, or are not awaited.
    private func awaited(
        _ index: UInt32, _ held: UnsafeRawBufferPointer, after end: Int, _ site: Site, at place: Int
    ) -> Int? {
        let visitor = visitors[index]
        guard !visitor.pointee.startsSlow else { return nil }
        // Who waits for 100 (Continue) hears it from us, as a gateway may say it (RFC 9110, sections 3.7 and 10.1.1): nobody
        // has a slot to hear it. Where we only observe, the origin says it.
        if request.expectsContinue, held.count == end, site.settings.mode == .observe { return nil }
        var first = end + Self.firstPart
        switch request.framing {
        case .none, .untilClose: return nil
        case .length(let length):
            guard UInt64(held.count - end) < length else { return nil }
            if length <= Self.gatherLimit, gathered(visitor) < Self.gatheredLimit,
                mayGather(end + Int(length), at: place)
            {
                return end + Int(length)
            }
            first = min(first, end + Int(clamping: length))
        case .chunked:
            let body = UnsafeRawBufferPointer(rebasing: held[end...])
            guard held.count < first, !isWhole(visitor, body) else { return nil }
        }
        return held.count < first && mayGather(first, at: place) ? first : nil
    }

    func mayGather(_ count: Int, at place: Int) -> Bool {
        books.gathered.mayHold(count, at: place) && books.isWithinMemory(count, at: place)
    }

    /// Places that are kept for bodies over one HTTP/2 connection: the visitor is that, or a request that it carries.
    private func gathered(_ visitor: UnsafeMutablePointer<Visitor>) -> Int {
        let connection = visitor.pointee.carriage.map { visitors[$0.pointee.carrier] } ?? visitor
        guard let carrier = connection.pointee.carrier else { return 0 }
        return carrier.pointee.streams.reduce(0) { $0 + Int(visitors[$1.place].pointee.reserved) }
    }

    private func route(_ index: UInt32, _ bytes: UnsafeBufferPointer<UInt8>) -> UInt16? {
        let visitor = visitors[index]
        let host = request.host(bytes.span)
        let shown = visitor.pointee.site
        guard host.count > 0 else {
            let isThere = Int(shown) < table.sites.count || table.certificate(of: shown) != nil
            return isThere ? shown : nil
        }
        guard let site = table.find(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[host.range])) else {
            return nil
        }
        // Under TLS the visitor was shown one site's certificate: only that one, or one that shows the same.
        guard visitor.pointee.isTLS, site != shown else { return site }
        guard let certificate = table.certificate(of: shown), table.certificate(of: site) === certificate else {
            return nil
        }
        return site
    }

    /// Our own name in Via: the request has come round (RFC 9110, section 7.6.3). A member is "1.1 name (comment)".
    private func loops(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let name = table.instanceName
        for field in request.fields where field.id == .via {
            let members = UnsafeRawBufferPointer(bytes)[field.value.range].split(separator: UInt8(ascii: ","))
            for member in members {
                let words = member.split(separator: UInt8(ascii: " "))
                if words.count >= 2, words[1].elementsEqual(name) { return true }
            }
        }
        return false
    }

    private func ask(
        _ asker: UInt32, _ site: Site, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int,
        _ standing: Standing
    ) -> Bool {
        let visitor = visitors[asker]
        takeMark(bytes)
        let source = visitor.pointee.source
        let (subscriber, network, region) = (source.subscriber, source.network, source.region)
        let sourceHash = table.sources(subscriber.high, subscriber.low, site.state.salt)
        let cookies = readCookies(site, bytes)
        let hasCookie = cookies.isKnown
        let isKnown = hasCookie || (history?.contains(sourceHash) ?? false)
        // A carried request gets its place when it is admitted.
        let ticket = makeTicket(visitor.pointee.carrier == nil ? asker : visitors.next())
        let routeHash = RouteHash.of(
            bytes.span, method: request.method, path: request.path, pathLength: request.pathLength)
        var traits = request.traits(bytes.span, route: routeHash)
        if isFramed(visitor) { traits.version = 20 }
        // What we gave is no sign of a visit to the site.
        if cookies.isTurnAlone { traits.signs &= ~RequestTraits.Sign.cookie }
        traits.client = (visitor.pointee.ja4?.mixed ?? 0) ^ visitor.pointee.agent
        var arrival = Arrival(
            ticket: ticket, source: sourceHash,
            network: table.sources(network.high, network.low, site.state.salt ^ 1),
            region: table.sources(region.high, region.low, site.state.salt ^ 2), route: routeHash, isKnown: isKnown,
            traits: traits)
        // Who waited for another's response was counted when it came.
        if visitor.pointee.follows == 0 {
            visitor.pointee.askedAt = 0
            tally(asker, site, arrival, network, bytes.span)
        }
        let visit = CacheVisit(
            source: sourceHash, isKnown: isKnown, hasCookie: hasCookie, isOwnAlone: cookies.isOwnAlone)
        let answered = serveCached(asker, site, visit, bytes, start)
        if visitor.pointee.phase != .following { visitor.pointee.follows = 0 }
        if let answered { return answered }
        guard isWithinBudget(asker, site, head: end - start, isKnown: isKnown) else {
            site.state.admission.withLock { $0.refusedForBudget(isKnown: isKnown) }
            if let goesOn = serveInNeed(asker, site, 503, visit, bytes) { return goesOn }
            return refuse(asker, site, 503, "budget", bytes, visitorClass: isKnown ? .known : .unknown)
        }
        if isMarked, let turn = cookies.turn, request.method == .get, request.framing == .none,
            site.state.admission.withLock({ $0.ladder.isGood(turn, at: instant) })
        {
            return sendOn(asker, site, bytes)
        }
        arrival.standing = standing
        arrival.turn = heldTurn(cookies, bytes, isAsset: traits.isAsset)
        if site.state.asksForCookies.load(ordering: .relaxed) {
            arrival.mayBeSent = mayBeSent(bytes, isAsset: traits.isAsset)
        }
        arrival.isMarked = compareWithRules(asker, site, traits, isKnown: isKnown, bytes.span)
        let (decision, isUnderPressure, visitorClass) = ask(site, arrival)
        let isSuspect = visitorClass == .suspect
        if Int(site.index) < pressed.count { pressed[Int(site.index)] = isUnderPressure }
        sample(asker, site, traits, isKnown: isKnown, isUnderPressure: isUnderPressure, bytes.span)
        if isUnderPressure {
            var isRefused = false
            if case .refuse = decision { isRefused = true }
            watch(asker, site, arrival, bytes, isSuspect: isSuspect, isRefused: isRefused)
        }
        switch decision {
        case .refuse(let cause):
            let status = Self.status(cause)
            if let goesOn = serveInNeed(asker, site, status, visit, bytes) { return goesOn }
            if let goesOn = turnAway(asker, site, arrival, cause, visitorClass, bytes) { return goesOn }
            return refuse(
                asker, site, status, "refused", bytes,
                visitorClass: cause == .suspect || cause == .unlike ? .suspect : isKnown ? .known : .unknown)
        case .admit(let slot):
            let index = placeOfRequest(asker)
            let exchange = takeExchange(index, site, bytes, start, end)
            exchange.pointee.slot = slot
            exchange.pointee.holdsSlot = true
            note(exchange, sourceHash, isKnown: isKnown, hasCookie: hasCookie, isUnderPressure: isUnderPressure)
            carryOut(exchange, site)
            visitors[index].pointee.phase = .exchange
            armVisitor(index, limits.progressTime)
            // Behind an empty line the places in `request` are not those of the exchange's copy.
            startExchange(exchange, isParsed: start == 0)
            // What the exchange does to the visitor, it has done; its next event goes on from there.
            return visitors[index].pointee.phase == .exchange
        case .wait(let evicted):
            let index = placeOfRequest(asker)
            let exchange = takeExchange(index, site, bytes, start, end)
            exchange.pointee.wasQueued = true
            exchange.pointee.ticket = ticket
            exchange.pointee.isSuspect = isSuspect && standing.mayBeHostile
            note(exchange, sourceHash, isKnown: isKnown, hasCookie: hasCookie, isUnderPressure: isUnderPressure)
            carryOut(exchange, site)
            visitors[index].pointee.phase = .waiting
            armVisitor(index, limits.queueTime + 1000)
            if let evicted { tell(evicted, .refuse(ticket: evicted, .full)) }
            return false
        }
    }

    /// What came behind a request is kept while that is served, but no more than a head may be long: beyond that the
    /// visitor is asked to send it again over another connection.
    func boundRest(_ exchange: UnsafeMutablePointer<Exchange>) {
        let visitor = visitors[exchange.pointee.visitor]
        guard visitor.pointee.pending.count > Int(limits.headBytes), exchange.pointee.request.isDone,
            !exchange.pointee.wantsUpgrade
        else { return }
        freePending(visitor)
        exchange.pointee.leavesRest = true
        exchange.pointee.keepsAlive = false
        // It cannot be told any more, where the response is on its way.
        exchange.pointee.closesVisitor = true
    }

    /// Counts who asks for what, whatever is decided.
    private func tally(_ index: UInt32, _ site: Site, _ arrival: Arrival, _ network: Address, _ bytes: Span<UInt8>) {
        let place = Int(site.index)
        if tallies[place] == nil { tallies[place] = SiteTally() }
        tallies[place]?.count(
            source: arrival.source, network: arrival.network, address: network, route: arrival.route,
            ja4: visitors[index].pointee.ja4, http2: visitors[index].pointee.agent, request: request, bytes: bytes)
    }

    static func status(_ cause: SiteAdmission.RefusalCause) -> UInt16 {
        switch cause {
        case .full, .unlike: 503
        case .suspect, .overLimit: 429
        case .noOrigin: 502
        }
    }

    private func note(
        _ exchange: UnsafeMutablePointer<Exchange>, _ source: UInt64, isKnown: Bool, hasCookie: Bool,
        isUnderPressure: Bool
    ) {
        exchange.pointee.sourceHash = source
        exchange.pointee.isKnown = isKnown
        exchange.pointee.rule = matchedRule
        exchange.pointee.hasCookie = hasCookie
        // None is given out under pressure: a flood that keeps cookies would become known by it.
        exchange.pointee.givesCookie = !hasCookie && !isUnderPressure && request.method == .get
    }

    // MARK: - Refusing

    /// Answers the request in `request` without an origin. True: the connection stands and goes on.
    func refuse(
        _ index: UInt32, _ site: Site?, _ status: UInt16, _ decision: StaticString, _ bytes: UnsafeBufferPointer<UInt8>,
        visitorClass: VisitorClass = .unknown
    ) -> Bool {
        let visitor = visitors[index]
        let hasBody = request.framing != .none
        let closes = !request.keepsAlive || hasBody || isDraining
        if let site {
            counters[Int(site.index)].countResponse(status)
        } else {
            report.connections.malformed += 1
        }
        writeLog(
            site?.name ?? [], visitor, bytes, method: request.methodName, path: request.path,
            pathLength: request.pathLength, status: status, visitorClass: visitorClass, decision: decision,
            exchange: nil)
        if let site, status != 504, let goesOn = showFallback(index, site, status, bytes, leavesBody: hasBody) {
            return goesOn
        }
        reply(
            index, status, form: form(bytes), closes: closes, isHead: request.method == .head, lingers: hasBody)
        guard !closes, visitor.pointee.phase == .head else { return false }
        armVisitor(index, limits.idleTime)
        return true
    }

    /// HTML for who asks for it, in the language that comes first; one line of text for programs.
    func form(_ bytes: UnsafeBufferPointer<UInt8>) -> Replies.Form {
        let raw = UnsafeRawBufferPointer(bytes)
        guard let accept = request.first(.accept), Self.find("text/html", in: raw[accept.value.range]) != nil else {
            return .text
        }
        guard let language = request.first(.acceptLanguage) else { return .dutch }
        let value = raw[language.value.range]
        let dutch = Self.find("nl", in: value) ?? Int.max
        let english = Self.find("en", in: value) ?? Int.max
        return english < dutch ? .english : .dutch
    }

    private static func find(_ text: StaticString, in bytes: Swift.Slice<UnsafeRawBufferPointer>) -> Int? {
        let count = text.utf8CodeUnitCount
        guard bytes.count >= count else { return nil }
        let raw = UnsafeRawBufferPointer(rebasing: bytes)
        for offset in 0...(raw.count - count) where memcmp(raw.baseAddress! + offset, text.utf8Start, count) == 0 {
            return offset
        }
        return nil
    }

    /// To HTTPS, for good (RFC 9110, section 15.4.9: method and body stay).
    ///
    /// - Parameter site: nil for the public pages, which are neither counted nor logged as a site.
    func redirect(_ index: UInt32, _ site: Site?, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let visitor = visitors[index]
        let raw = UnsafeRawBufferPointer(bytes)
        let closes = !request.keepsAlive || request.framing != .none || isDraining
        ink.clear()
        ink.write("HTTP/1.1 308 Permanent Redirect\r\nLocation: https://")
        ink.write(UnsafeRawBufferPointer(rebasing: raw[request.host(bytes.span).range]))
        if let secure = table.snapshot.listeners.first(where: \.isTLS), secure.endpoint.port != 443 {
            ink.write(":")
            ink.write(decimal: UInt64(secure.endpoint.port))
        }
        if request.path.count == 0 { ink.write("/") }
        ink.write(UnsafeRawBufferPointer(rebasing: raw[request.path.range]))
        ink.write("\r\nContent-Length: 0\r\nCache-Control: max-age=3600\r\n")
        ink.write(closes ? "Connection: close\r\n\r\n" : "\r\n")
        if let site {
            counters[Int(site.index)].countResponse(308)
            writeLog(
                site.name, visitor, bytes, method: request.methodName, path: request.path,
                pathLength: request.pathLength, status: 308, visitorClass: .unknown, decision: "redirected",
                exchange: nil)
        }
        guard !isFramed(visitor) else {
            replyFramed(index, head: ink.bytes)
            return false
        }
        guard send(&visitor.pointee.stream, ink.bytes) else {
            closeVisitor(index)
            return false
        }
        guard !closes, visitor.pointee.stream.out.isEmpty else {
            closeVisitor(index)
            return false
        }
        armVisitor(index, limits.idleTime)
        return true
    }

    // MARK: - The log

    func writeLog(
        _ site: [UInt8], _ visitor: UnsafeMutablePointer<Visitor>, _ bytes: UnsafeBufferPointer<UInt8>,
        method: Heads.Slice, path: Heads.Slice, pathLength: Int, status: UInt16, visitorClass: VisitorClass,
        decision: StaticString, exchange: UnsafeMutablePointer<Exchange>?, bytesOut: UInt64 = 0
    ) {
        let raw = UnsafeRawBufferPointer(bytes)
        let start = Int(path.start)
        let source = visitor.pointee.source.subscriber
        let time = exchange.map { now &- $0.pointee.started } ?? 0
        log.write(
            AccessLog.Line(
                site: site, source: table.pseudonyms.pseudonym(source.high, source.low), isTLS: visitor.pointee.isTLS,
                isHTTP2: isFramed(visitor), agent: visitor.pointee.agent, ja4: visitor.pointee.ja4,
                method: UnsafeRawBufferPointer(rebasing: raw[method.range]),
                path: UnsafeRawBufferPointer(rebasing: raw[start..<start + pathLength]),
                queryLength: max(0, Int(path.count) - pathLength - 1), status: status,
                bytesIn: exchange?.pointee.bytesIn ?? 0, bytesOut: exchange?.pointee.bytesOut ?? bytesOut,
                visitorClass: visitorClass, decision: decision, rule: exchange?.pointee.rule ?? matchedRule,
                waitedMilliseconds: UInt64(exchange?.pointee.slot?.waited ?? 0),
                firstByte: exchange.map { $0.pointee.firstByte == 0 ? 0 : $0.pointee.firstByte &- $0.pointee.started }
                    ?? 0,
                total: time, milliseconds: Int(Clock.wall() / 1_000_000 % 1000)))
    }
}
