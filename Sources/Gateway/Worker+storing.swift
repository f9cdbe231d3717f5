internal import Addresses
internal import Admission
internal import Glibc
internal import Heads
internal import Messages
internal import Synchronization

/// What becomes of an origin's response in the cache.
extension Worker {
    /// Bytes of content that a worker gathers for the cache at once; beyond them nothing more is taken in.
    private static let allCapturedLimit = 32 << 20
    /// Seconds for which a worker remembers that a response was for everybody.
    private static let hintTime: UInt64 = 86_400

    /// A response's head is there. True: the visitor gets what is kept, and all was done for that.
    ///
    /// - Parameters:
    ///   - head: the bytes that `response` was read from.
    ///   - rest: bytes that came behind it.
    func cacheTakes(
        _ index: UInt32, _ exchange: UnsafeMutablePointer<Exchange>, _ head: UnsafeBufferPointer<UInt8>, rest: Int
    ) -> Bool {
        guard exchange.pointee.cacheHash != 0 else {
            if !exchange.pointee.method.isSafe { invalidate(exchange, head) }
            return false
        }
        if response.status == 304, exchange.pointee.revalidates != nil {
            return revalidated(index, exchange, head, rest: rest)
        }
        switch response.status {
        case 500, 502, 503, 504:
            guard stands(instead: exchange, index, rest: rest) else { break }
            return true
        default: break
        }
        if exchange.pointee.method == .get { consider(exchange, head) }
        if exchange.pointee.method == .head, response.status == 200 { compare(exchange, head) }
        return false
    }

    /// Whether the response goes into the cache too; then its content is gathered as it passes.
    private func consider(_ exchange: UnsafeMutablePointer<Exchange>, _ head: UnsafeBufferPointer<UInt8>) {
        let hash = exchange.pointee.cacheHash
        let pass = Self.pass(hash, exchange.pointee.hasOtherCookies)
        if exchange.pointee.flight == nil, exchange.pointee.revalidates == nil, passes.contains(pass, at: wallSeconds) {
            return
        }
        let caching = CacheResponse(response, head.span)
        let site = site(exchange)
        guard caching.mayStore(status: response.status), response.framing != .untilClose else {
            supersede(exchange, site, pass)
            return endLead(exchange)
        }
        guard caching.isShared || !exchange.pointee.hasOtherCookies else {
            return passes.add(pass, until: wallSeconds + Self.passTime)
        }
        let moment = Int64(wallSeconds)
        let delay = Int64((now &- exchange.pointee.sent) / 1_000_000_000)
        let freshness = caching.freshness(head.span, at: moment, delay: delay)
        let isForNeed = freshness.isForNeed || site.settings.cache.mode == .hardTimes
        reread(exchange)
        exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { asked in
            let wants = CacheRequest(request, asked.span)
            // A response that says nothing may hang on what stands in the query, which is often asked for once.
            let isUndeclared = isForNeed && !caching.hasCacheControl && caching.expires == nil
            // Nor of what only staff use is anything kept that does not say that it may be.
            let isForStaff = site.settings.service == .backOffice
            let hasQuery = Int(request.path.count) > request.pathLength
            guard caching.mayStore(answering: wants, hasCookies: exchange.pointee.hasOtherCookies),
                !(isUndeclared && (hasQuery || isForStaff)), !(isForNeed && freshness.forbidsStale),
                writeKey(exchange.pointee.visitor, asked)
            else {
                if isForNeed, wants.isPlain { passes.add(pass, until: wallSeconds + Self.passTime) }
                return
            }
            if isForNeed { passes.add(pass, until: wallSeconds + Self.needTime) }
            guard captured < Self.allCapturedLimit else { return }
            if case .length(let length) = response.framing, length > UInt64(shared.cacheMemory.objectLimit) { return }
            let stored = StoredResponse.Head(
                response, head.span, caching: caching, freshness: freshness, to: request, asked.span, now: moment,
                date: replies.date)
            exchange.pointee.capture = .passRetained(
                CacheCapture(stored, key: Array(cacheKey.bytes), framing: response.framing))
        }
        // Nobody who waits could be served by it.
        guard !isForNeed, exchange.pointee.capture != nil else { return endLead(exchange) }
        hints.add(hash, until: wallSeconds + Self.hintTime)
        if exchange.pointee.flight == nil { exchange.pointee.flight = site.state.cache.lead(hash, at: now) }
    }

    /// What the origin says now may not be kept: it is not looked for again for a while, and what was kept before for
    /// everybody is not true any more. Only where the request was one as everybody makes it: what it was answered for a
    /// range, a condition or a field of its own says nothing of the others.
    private func supersede(_ exchange: UnsafeMutablePointer<Exchange>, _ site: Site, _ pass: UInt64) {
        guard response.status < 400 || response.status == 404 || response.status == 410 else { return }
        reread(exchange)
        exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { asked in
            let wants = CacheRequest(request, asked.span)
            guard wants.isPlain else { return }
            passes.add(pass, until: wallSeconds + Self.passTime)
            guard response.status < 400, !site.state.cache.isIdle, !exchange.pointee.hasOtherCookies,
                !wants.hasAuthorization, writeKey(exchange.pointee.visitor, asked)
            else { return }
            site.state.cache.remove(exchange.pointee.cacheHash, cacheKey.bytes)
        }
    }

    /// A response to a request that may have changed something (RFC 9111, section 4.4): what is kept under its address is
    /// given up, for both schemes, and what is kept under those that it names, at the same origin.
    private func invalidate(
        _ exchange: UnsafeMutablePointer<Exchange>, _ head: UnsafeBufferPointer<UInt8>
    ) {
        let site = site(exchange)
        guard (200..<400).contains(response.status), !site.state.cache.isIdle else { return }
        reread(exchange)
        exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { asked in
            guard writeKey(exchange.pointee.visitor, asked) else { return }
            for scheme in [0, 1] as [UInt8] {
                UnsafeMutableRawPointer(mutating: cacheKey.bytes.baseAddress!).storeBytes(of: scheme, as: UInt8.self)
                site.state.cache.remove(keyHash(site), cacheKey.bytes)
            }
            for field in response.fields where Self.namesAddress(field, head.span) {
                let path = request.path.range.prefix(request.pathLength).map { asked[$0] }
                let target = OriginReference.target(
                    of: field.value.range.map { head[$0] }, from: path,
                    authority: request.authority.range.map { asked[$0] }, isTLS: isSecure(exchange, asked))
                guard let target, writeKey(exchange.pointee.visitor, asked, at: target) else { continue }
                site.state.cache.remove(keyHash(site), cacheKey.bytes)
            }
        }
    }

    private static func namesAddress(_ field: Field, _ head: Span<UInt8>) -> Bool {
        head.holds("location", in: field.name) || head.holds("content-location", in: field.name)
    }

    /// Whether the visitor asked over TLS, as far as it ended here or a peer that is trusted says so.
    private func isSecure(_ exchange: UnsafeMutablePointer<Exchange>, _ asked: UnsafeBufferPointer<UInt8>) -> Bool {
        let visitor = visitors[exchange.pointee.visitor]
        guard visitor.pointee.isTrustedPeer, let said = request.first(.forwardedProto) else {
            return visitor.pointee.isTLS
        }
        return asked.span.holds("https", in: said.value)
    }

    // MARK: - Content

    /// Bytes of the response's body as they came.
    func capture(_ exchange: UnsafeMutablePointer<Exchange>, _ bytes: UnsafeBufferPointer<UInt8>) {
        guard let capture = exchange.pointee.capture else { return }
        let limit = shared.cacheMemory.objectLimit
        let goesOn = capture._withUnsafeGuaranteedRef { capture in
            let before = capture.content.count
            let isTaken = capture.take(bytes, limit: limit)
            captured += capture.content.count - before
            return isTaken
        }
        // Slow visitors hold what is gathered, so all of it together is bounded while it grows.
        guard !goesOn || captured > Self.allCapturedLimit else { return }
        dropCapture(exchange)
        if !goesOn { passes.add(exchange.pointee.cacheHash, until: wallSeconds + Self.needTime) }
        endLead(exchange)
    }

    /// The response is complete: it is kept from here on.
    func keepCaptured(_ exchange: UnsafeMutablePointer<Exchange>) {
        guard let reference = exchange.pointee.capture else { return }
        let capture = reference._withUnsafeGuaranteedRef { $0 }
        let site = site(exchange)
        if capture.isWhole, isCurrent(exchange, site) {
            let stored = StoredResponse(capture.head, PageFile(content: capture.content))
            keep(stored, exchange.pointee.cacheHash, capture.key, site)
        }
        dropCapture(exchange)
        endLead(exchange)
    }

    /// What was asked for everybody is kept unless somebody asked anew since, or changed it.
    func isCurrent(_ exchange: UnsafeMutablePointer<Exchange>, _ site: Site) -> Bool {
        guard let flight = exchange.pointee.flight else { return !isAbsent(exchange) }
        return site.state.cache.isCurrent(exchange.pointee.cacheHash, flight)
    }

    private func keep(_ stored: StoredResponse, _ hash: UInt64, _ key: [UInt8], _ site: Site) {
        guard site.settings.cache.mode != .off, site.state.cache.keep(stored, hash, key), let place = place(of: site)
        else { return }
        counters[Int(place)].cache.stored += 1
    }

    private func dropCapture(_ exchange: UnsafeMutablePointer<Exchange>) {
        guard let reference = exchange.pointee.capture else { return }
        captured -= reference._withUnsafeGuaranteedRef { $0.content.count }
        reference.release()
        exchange.pointee.capture = nil
    }

    /// The exchange's record is given back: nothing of the cache's stays with it.
    func endCaching(_ exchange: UnsafeMutablePointer<Exchange>) {
        dropCapture(exchange)
        exchange.pointee.revalidates?.release()
        exchange.pointee.revalidates = nil
        endLead(exchange)
    }

    // MARK: - Instead of what came

    /// The origin says that it cannot: the visitor gets what is kept, where that may be. False: it gets the origin's word.
    private func stands(instead exchange: UnsafeMutablePointer<Exchange>, _ index: UInt32, rest: Int) -> Bool {
        let site = site(exchange)
        guard !site.state.cache.isIdle, !isAbsent(exchange) else { return false }
        reread(exchange)
        return exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { asked in
            guard let stored = stored(inNeedOf: site, exchange.pointee.visitor, asked) else { return false }
            noteFirstByte(exchange)
            leaveUpstream(exchange, index, rest: rest)
            finish(exchange, with: stored, .need, asked)
            return true
        }
    }

    /// The response is passed over: its connection rests where nothing more of it comes.
    func leaveUpstream(_ exchange: UnsafeMutablePointer<Exchange>, _ index: UInt32, rest: Int) {
        var isWhole = response.framing == .none && rest == 0
        if case .length(let length) = response.framing { isWhole = length == UInt64(rest) }
        guard isWhole else { return dropUpstream(exchange) }
        endSlowUpload(exchange, index)
        exchange.pointee.upstream = Exchange.noUpstream
        upstreams[index].pointee.keepsAlive = response.keepsAlive
        self.rest(index)
    }
}
