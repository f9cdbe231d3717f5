internal import Admission
internal import Heads
internal import Messages
internal import Synchronization

/// What an origin says of a response that is kept already, without sending it again.
extension Worker {
    /// Our own question was answered: what is kept still holds, with newer fields (RFC 9111, section 4.3.4).
    func revalidated(
        _ index: UInt32, _ exchange: UnsafeMutablePointer<Exchange>, _ head: UnsafeBufferPointer<UInt8>, rest: Int
    ) -> Bool {
        guard let reference = exchange.pointee.revalidates else { return false }
        let stored = reference._withUnsafeGuaranteedRef { $0 }
        exchange.pointee.revalidates = nil
        defer { reference.release() }
        let caching = CacheResponse(response, head.span)
        noteFirstByte(exchange)
        leaveUpstream(exchange, index, rest: rest)
        // The answer is about something else: the origin is asked once more, without conditions.
        guard stored.head.validators.match(Validators(caching, head.span, now: Int64(wallSeconds))) else {
            startExchange(exchange, isParsed: false)
            return true
        }
        let site = site(exchange)
        reread(exchange)
        let isRead = exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { asked in
            guard let (next, newer) = renewed(stored, exchange, head, asked) else { return false }
            let wants = CacheRequest(request, asked.span)
            if writeKey(exchange.pointee.visitor, asked) {
                // Only what the origin says takes away what is kept, not how it was asked.
                if !newer.mayStore(status: Int(next.head.status)) {
                    site.state.cache.remove(exchange.pointee.cacheHash, cacheKey.bytes)
                } else if isCurrent(exchange, site),
                    newer.mayStore(answering: wants, hasCookies: exchange.pointee.hasOtherCookies)
                {
                    _ = site.state.cache.keep(next, exchange.pointee.cacheHash, Array(cacheKey.bytes))
                }
            }
            if isAbsent(exchange) {
                endRefresh(exchange)
            } else {
                finish(exchange, with: next, .revalidated, asked)
            }
            return true
        }
        if !isRead { failExchange(exchange, 502) }
        return true
    }

    /// HEAD was answered by the origin (RFC 9111, section 4.3.5): what is kept has newer fields if it says to be the same
    /// still, and is stale if it is not. Where it says neither, nothing changes: anybody may ask, and as often as he likes.
    func compare(_ exchange: UnsafeMutablePointer<Exchange>, _ head: UnsafeBufferPointer<UInt8>) {
        let site = site(exchange)
        guard !site.state.cache.isIdle else { return }
        reread(exchange)
        exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { asked in
            let wants = CacheRequest(request, asked.span)
            let hash = exchange.pointee.cacheHash
            guard wants.isPlain, !exchange.pointee.hasOtherCookies, !wants.hasAuthorization, !wants.wants.noStore,
                writeKey(exchange.pointee.visitor, asked),
                let stored = site.state.cache.find(hash, cacheKey.bytes, at: now).variants.last(where: {
                    $0.head.status == 200 && $0.suits(request, asked.span)
                })
            else { return }
            let caching = CacheResponse(response, head.span)
            let said = Validators(caching, head.span, now: Int64(wallSeconds))
            let isAsLong = caching.length.map { $0 == UInt64(stored.content.body.count) } ?? true
            guard !said.isEmpty || !isAsLong else { return }
            if !said.isEmpty, isAsLong, stored.head.validators.match(said),
                let (next, newer) = renewed(stored, exchange, head, asked), newer.mayStore(status: 200)
            {
                _ = site.state.cache.keep(next, hash, Array(cacheKey.bytes))
            } else {
                var stale = stored.head
                stale.freshness.expire(at: Int64(wallSeconds))
                _ = site.state.cache.keep(StoredResponse(stale, stored.content), hash, Array(cacheKey.bytes))
            }
        }
    }

    /// What is kept, with the fields of the response in `response`, which was read from `head`. `request` holds the request,
    /// read from `asked`. nil: no head comes of it.
    private func renewed(
        _ stored: StoredResponse, _ exchange: UnsafeMutablePointer<Exchange>, _ head: UnsafeBufferPointer<UInt8>,
        _ asked: UnsafeBufferPointer<UInt8>
    ) -> (StoredResponse, CacheResponse)? {
        let text = stored.head.freshened(by: response, head.span)
        var merged = ResponseHead()
        guard merged.read(text.span, from: 0, method: .head) == nil else { return nil }
        let newer = CacheResponse(merged, text.span)
        let moment = Int64(wallSeconds)
        let delay = Int64((now &- exchange.pointee.sent) / 1_000_000_000)
        let freshness = newer.freshness(text.span, at: moment, delay: delay)
        let next = StoredResponse.Head(
            merged, text.span, caching: newer, freshness: freshness, to: request, asked.span, now: moment,
            date: replies.date)
        return (StoredResponse(next, stored.content), newer)
    }
}
