internal import Addresses
internal import Admission
internal import Glibc
internal import Heads
internal import Messages
internal import Synchronization

/// What a worker has in mind for the request that is being decided on, until that has a record.
struct CachePlan {
    /// Of the key; 0: the cache has no part in it.
    var hash: UInt64 = 0
    /// Others who ask for the same wait for this one.
    var leads = false
    /// The request carries cookies that are not the lane's.
    var hasCookies = false
    /// What its origin is asked about: does it still hold?
    var revalidates: StoredResponse?
}

/// Who asks, as far as answering from the cache goes.
struct CacheVisit {
    var source: UInt64
    var isKnown: Bool
    /// It carries the site's cookie.
    var hasCookie: Bool
    /// It carries no cookie but the lane's own.
    var isOwnAlone = false
}

/// The cache (RFC 9111) before an origin is asked: what is there and fresh costs the origin nothing.
extension Worker {
    /// Seconds for which a worker does not look again for what may not be kept, or is of no use but in need.
    static let passTime: UInt64 = 10
    static let needTime: UInt64 = 30

    /// Looks whether the request in `request` can be answered without its origin. nil: it cannot, and `plan` says what its
    /// response is for. Else it was answered, or waits for another's response; true: go on with the visitor.
    func serveCached(
        _ asker: UInt32, _ site: Site, _ visit: CacheVisit, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int
    ) -> Bool? {
        plan = CachePlan()
        let mode = site.settings.cache.mode
        guard mode != .off, request.method == .get || request.method == .head, request.framing == .none,
            request.upgrade.count == 0, writeKey(asker, bytes)
        else { return nil }
        let hash = keyHash(site)
        plan.hash = hash
        plan.hasCookies = carriesOtherCookies(visit)
        let isPressed = isPressed(site)
        let pass = Self.pass(hash, plan.hasCookies)
        let isPassed = passes.contains(pass, at: wallSeconds)
        guard isPressed || mode == .on && !isPassed else {
            // What is for need alone is fetched before the need is known: then it would be too late.
            let mayBeNeeded = !isPassed || passes.contains(Self.needMark(site), at: wallSeconds)
            return mayBeNeeded && fetch(asker, site, bytes, start) ? false : nil
        }
        let finding = site.state.cache.find(hash, cacheKey.bytes, at: now)
        if finding.variants.isEmpty, fetch(asker, site, bytes, start) { return false }
        guard !finding.variants.isEmpty || finding.isUnderWay || mode == .on && !isPassed else { return nil }
        let wants = CacheRequest(request, bytes.span)
        guard let stored = finding.variants.last(where: { $0.suits(request, bytes.span) }), !wants.hasPrecondition,
            stored.head.freshness.isShared || !wants.hasAuthorization && !plan.hasCookies
        else { return joinOrLead(asker, site, finding, wants, nil, bytes, start) }
        let freshness = stored.head.freshness
        let moment = Int64(wallSeconds)
        if isPressed ? freshness.isUsableUnderPressure(at: moment) : freshness.satisfies(wants.wants, at: moment) {
            let use: CacheUse = freshness.isFresh(at: moment) ? .fresh : .stale
            return serve(asker, site, stored, use, wants, visit, bytes)
        }
        guard mode == .on, !isPassed else { return nil }
        let mayWait = !wants.wants.noCache && wants.wants.maxAge == nil && wants.wants.minFresh == nil
        if mayWait, freshness.isUsableMeanwhile(at: moment) {
            let refresh = finding.isUnderWay ? nil : prepareRefresh(asker, site, stored, wants, bytes)
            let goesOn = serve(asker, site, stored, .stale, wants, visit, bytes)
            if let refresh { startExchange(refresh, isParsed: false) }
            return goesOn
        }
        return joinOrLead(asker, site, finding, wants, stored, bytes, start)
    }

    /// Waits for the response to the same request of somebody else, or asks for others too.
    private func joinOrLead(
        _ asker: UInt32, _ site: Site, _ finding: SiteCache.Finding, _ wants: CacheRequest, _ stored: StoredResponse?,
        _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int
    ) -> Bool? {
        if wants.wants.onlyIfCached { return refuse(asker, site, 504, "cached", bytes) }
        let isPlain = !wants.isConditional && wants.range == nil && request.method == .get
        if let stored, isPlain, !stored.head.validators.isEmpty { plan.revalidates = stored }
        guard site.settings.cache.mode == .on, isPlain, isForAll(wants, stored) else { return nil }
        if finding.isUnderWay, follow(asker, site, bytes, start) { return false }
        // Nobody waits for what may turn out to be for one person: only for what was for everybody before.
        plan.leads = !finding.variants.isEmpty || hints.contains(plan.hash, at: wallSeconds)
        return nil
    }

    /// Whether what the origin says to this request is for everybody who asks for the same.
    func isForAll(_ wants: CacheRequest, _ stored: StoredResponse?) -> Bool {
        let isShared = stored?.head.freshness.isShared ?? false
        return (isShared || !wants.hasAuthorization && !plan.hasCookies) && !wants.hasUnkeyed
            && !wants.hasPrecondition && !wants.wants.noCache && !wants.wants.noStore && wants.wants.maxAge == nil
            && wants.wants.minFresh == nil
    }

    /// The request has a record now.
    func carryOut(_ exchange: UnsafeMutablePointer<Exchange>, _ site: Site) {
        guard plan.hash != 0 else { return }
        exchange.pointee.cacheHash = plan.hash
        exchange.pointee.hasOtherCookies = plan.hasCookies
        if plan.leads { exchange.pointee.flight = site.state.cache.lead(plan.hash, at: now) }
        if let stored = plan.revalidates {
            exchange.pointee.revalidates = .passRetained(stored)
            plan.revalidates = nil
        }
    }

    // MARK: - In need

    /// What can be shown instead of an error, though it may be stale; nil: nothing. `request` holds the request.
    func stored(inNeedOf site: Site, _ asker: UInt32, _ bytes: UnsafeBufferPointer<UInt8>) -> StoredResponse? {
        guard site.settings.cache.mode != .off, request.method == .get || request.method == .head,
            request.framing == .none, request.upgrade.count == 0, !site.state.cache.isIdle, writeKey(asker, bytes)
        else { return nil }
        let wants = CacheRequest(request, bytes.span)
        let isForNobody = wants.hasAuthorization || wants.hasPrecondition
        let limit = Int64(site.settings.cache.stale)
        // Cookies do not matter here: what is kept was made for somebody without any, or is for everybody.
        let hash = keyHash(site)
        let variants = site.state.cache.find(hash, cacheKey.bytes, at: now).variants
        if variants.isEmpty, !shared.cacheMemory.disk.isIdle {
            // Too late for this one; those who ask next wait for it first.
            _ = shared.cacheMemory.disk.ask(hash, worker: nil)
            passes.add(Self.needMark(site), until: wallSeconds + Self.passTime)
        }
        return variants.last { stored in
            (!isForNobody || stored.head.freshness.isShared && !wants.hasPrecondition)
                && stored.suits(request, bytes.span)
                && stored.head.freshness.isUsableInNeed(at: Int64(wallSeconds), limit: limit)
        }
    }

    /// Whether the site is under pressure, as a worker that asks for admission saw last; asked anew where it was.
    func isPressed(_ site: Site) -> Bool {
        let place = Int(site.index)
        guard place < pressed.count, pressed[place] else { return false }
        pressed[place] = site.state.admission.withLock { $0.isUnderPressure }
        return pressed[place]
    }

    /// What a worker knows of requests for a key that come with cookies it knows of those alone.
    static func pass(_ hash: UInt64, _ hasCookies: Bool) -> UInt64 { hasCookies ? ~hash : hash }

    /// What a worker knows a site by at which something was needed of late that memory had not.
    private static func needMark(_ site: Site) -> UInt64 { site.state.salt ^ 0x6e65_6564_6564_0000 }

    // MARK: - Keys

    /// Writes the request's key: all that the origin is told of what is asked for, and by which way. False where a peer
    /// that is trusted says more than can be put into it.
    ///
    /// - Parameter target: another path and query at the same origin.
    func writeKey(_ asker: UInt32, _ bytes: UnsafeBufferPointer<UInt8>, at target: [UInt8]? = nil) -> Bool {
        let visitor = visitors[asker]
        let raw = UnsafeRawBufferPointer(bytes)
        cacheKey.clear()
        cacheKey.write(UInt8(visitor.pointee.isTLS ? 1 : 0))
        for index in request.authority.range {
            cacheKey.write(bytes[index] >= 65 && bytes[index] <= 90 ? bytes[index] | 32 : bytes[index])
        }
        cacheKey.write(UInt8(ascii: "\n"))
        if let target {
            cacheKey.write(target)
        } else if request.path.count == 0 {
            cacheKey.write(UInt8(ascii: "/"))
        } else {
            cacheKey.write(UnsafeRawBufferPointer(rebasing: raw[request.path.range]))
        }
        guard visitor.pointee.isTrustedPeer else { return true }
        for field in request.fields {
            switch field.id {
            case .forwarded: return false
            case .forwardedProto, .forwardedHost:
                cacheKey.write(UInt8(ascii: "\n"))
                cacheKey.write(field.id.rawValue)
                cacheKey.write(UnsafeRawBufferPointer(rebasing: raw[field.value.range]))
            default: break
            }
        }
        return true
    }

    /// The key's hash under a secret, never 0. Who does not know the secret cannot look for keys with the same one; and a
    /// key is always compared in full.
    func keyHash(_ site: Site) -> UInt64 {
        let bytes = cacheKey.bytes
        var (low, high) = (site.state.cacheSecret.0 ^ UInt64(bytes.count), site.state.cacheSecret.1)
        var offset = 0
        while offset < bytes.count {
            var word: UInt64 = 0
            if offset + 8 <= bytes.count {
                word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            } else {
                for place in offset..<bytes.count { word = word << 8 | UInt64(bytes[place]) }
            }
            let product = (low ^ word).multipliedFullWidth(by: high | 1)
            low = product.low ^ product.high
            high = high &+ 0x9e37_79b9_7f4a_7c15
            offset += 8
        }
        low ^= low >> 32
        low = low &* 0xd6e8_feb8_6659_fd93
        low ^= low >> 32
        return low | 1
    }

    /// Cookies beside the lane's own.
    private func carriesOtherCookies(_ visit: CacheVisit) -> Bool {
        let lines = request.fields.count { $0.id == .cookie }
        return lines > 1 || lines == 1 && !visit.isOwnAlone
    }

    // MARK: - Waiting for another's response

    /// How long one waits, in milliseconds, before it asks for itself.
    private static let followTime: UInt32 = 2000
    /// How often, for who led may leave.
    private static let followTries: UInt8 = 3
    /// Requests of one worker that wait so at once.
    private static let followerLimit = 1024

    private func follow(
        _ asker: UInt32, _ site: Site, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int
    ) -> Bool {
        guard mayFollow(asker, site, bytes.count), site.state.cache.wait(plan.hash, worker: index) else { return false }
        hold(asker, bytes, start)
        counters[Int(site.index)].cache.collapsed += 1
        return true
    }

    /// The response may lie on disk, and not in memory. True: the request waits until it was looked for there.
    private func fetch(
        _ asker: UInt32, _ site: Site, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int
    ) -> Bool {
        guard !shared.cacheMemory.disk.isIdle, mayFollow(asker, site, bytes.count), !site.state.cache.holds(plan.hash),
            shared.cacheMemory.disk.ask(plan.hash, worker: index)
        else { return false }
        hold(asker, bytes, start)
        return true
    }

    /// Whether a request with so long a head may wait, with what came behind that.
    private func mayFollow(_ asker: UInt32, _ site: Site, _ head: Int) -> Bool {
        let visitor = visitors[asker]
        let behind = isFramed(visitor) ? 0 : visitor.pointee.pending.count
        return followerCount < Self.followerLimit && index < 64 && visitor.pointee.follows < Self.followTries
            && mayGather(head + behind, at: Int(Self.place(site.index)))
    }

    /// The request waits for a response under the key in mind.
    private func hold(_ asker: UInt32, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) {
        let place = placeOfRequest(asker)
        let visitor = visitors[place]
        // Its head is read again when it goes on; what came behind it stays behind it.
        var held = Store()
        held.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start...]))
        held.append(visitor.pointee.pending.bytes)
        visitor.pointee.pending.free()
        visitor.pointee.pending = held
        reserve(held.count, visitor)
        if visitor.pointee.follows == 0 { visitor.pointee.askedAt = milliseconds }
        visitor.pointee.follows += 1
        visitor.pointee.phase = .following
        armVisitor(place, Self.followTime)
        followers[plan.hash, default: []].append((place, visitor.pointee.generation))
        followerCount += 1
    }

    /// A response that requests wait for is there, or will not come.
    func landed(_ hash: UInt64) {
        guard let waiting = followers.removeValue(forKey: hash) else { return }
        followerCount -= waiting.count
        for (place, generation) in waiting
        where visitors[place].pointee.generation == generation && visitors[place].pointee.phase == .following {
            goOnAlone(place)
        }
    }

    /// It has waited long enough for another's response.
    func followedInVain(_ place: UInt32) {
        // A disk that hangs may never say that it is there.
        for (hash, waiting) in followers {
            guard let index = waiting.firstIndex(where: { $0.0 == place }) else { continue }
            followers[hash]?.remove(at: index)
            if waiting.count == 1 { followers[hash] = nil }
            followerCount -= 1
            break
        }
        visitors[place].pointee.follows = Self.followTries
        goOnAlone(place)
    }

    private func goOnAlone(_ place: UInt32) {
        visitors[place].pointee.phase = .head
        reserve(0, visitors[place])
        armVisitor(place, limits.headTime)
        resume(place)
    }

    /// Who led needs to lead no more.
    func endLead(_ exchange: UnsafeMutablePointer<Exchange>) {
        guard let flight = exchange.pointee.flight else { return }
        exchange.pointee.flight = nil
        endFlight(site(exchange), exchange.pointee.cacheHash, flight)
    }

    func endFlight(_ site: Site, _ hash: UInt64, _ flight: UInt32) {
        var workers = site.state.cache.land(hash, flight)
        while workers != 0 {
            let worker = workers.trailingZeroBitCount
            workers &= workers - 1
            if worker == index { landed(hash) } else { shared.tell(worker, .landed(hash)) }
        }
    }
}
