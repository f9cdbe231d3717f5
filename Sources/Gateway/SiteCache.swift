internal import Admission
internal import Heads
internal import Sketches
internal import Synchronization

/// What is kept of one site's responses, and which of them are being fetched: for all workers of the lane, and over
/// reloads. Two requests are the same to it if their keys are; a hash finds the key, and never stands for it.
final class SiteCache: Sendable {
    /// What somebody who asks finds.
    struct Finding {
        /// Responses for this key, which differ by what the request says.
        var variants: [StoredResponse] = []
        /// Somebody has asked the origin for it.
        var isUnderWay = false
    }

    /// Responses that are kept for one key.
    private static let variantLimit = 8
    /// Seconds for which none of them goes for another.
    private static let variantTime: Int64 = 600
    /// Responses that are waited for at once; beyond them everybody asks for himself.
    private static let flightLimit = 1024
    /// How long others wait for who asked, in nanoseconds: its visitor may be slow, or its origin.
    private static let flightTime: UInt64 = 2_000_000_000
    /// How long one that nobody waits for is the only one of its kind, in nanoseconds. It ends before.
    static let refreshTime: UInt64 = 30_000_000_000

    private struct Kept {
        var key: [UInt8] = []
        var variants: [StoredResponse] = []
        var cost: Int { variants.reduce(key.count) { $0 + $1.cost } }
    }

    /// A response that is being fetched.
    private struct Flight {
        var number: UInt32
        /// One bit for each worker that has requests waiting.
        var workers: UInt64 = 0
        var since: UInt64
        /// Nobody waits for it who could not be served without.
        var isRefresh = false
        /// What it brings may be of before a change.
        var isVoid = false
    }

    private struct State {
        var order: SegmentedLRU
        /// By the order's slots.
        var kept: [Kept] = []
        /// By hash.
        var flights: [UInt64: Flight] = [:]
        var flightCount: UInt32 = 0
        var objects = 0
    }

    private let memory: CacheMemory
    /// Names the site on disk.
    private let salt: UInt64
    private let state: Mutex<State>
    private let held = Atomic<Int>(0)
    /// Keys and flights: where there is none, nobody needs to look.
    private let busy = Atomic<Int>(0)

    /// - Parameter salt: names the site.
    init(memory: CacheMemory, salt: UInt64) {
        self.memory = memory
        self.salt = salt
        state = Mutex(State(order: SegmentedLRU(room: memory.share)))
    }

    deinit { memory.changed(by: -held.load(ordering: .relaxed)) }

    /// Bytes that are kept.
    var bytes: Int { held.load(ordering: .relaxed) }
    var objects: Int { state.withLock { $0.objects } }
    var isIdle: Bool { busy.load(ordering: .relaxed) == 0 && memory.disk.isIdle }

    func setRoom(_ bytes: Int) { state.withLock { $0.order.room = bytes } }

    /// - Parameter now: nanoseconds, on the clock that only goes forward, as below.
    func find(_ hash: UInt64, _ key: UnsafeRawBufferPointer, at now: UInt64) -> Finding {
        guard !isIdle else { return Finding() }
        return state.withLock { state in
            var finding = Finding()
            if let slot = state.order.asked(hash), state.kept[slot].key.elementsEqual(key) {
                finding.variants = state.kept[slot].variants
            }
            finding.isUnderWay = state.flights[hash].map { !$0.isVoid && now < $0.since + Self.flightTime } ?? false
            return finding
        }
    }

    /// Takes a response in, if there is room for it or it is asked for more often than what would have to go.
    func keep(_ response: StoredResponse, _ hash: UInt64, _ key: [UInt8]) -> Bool {
        state.withLock { _ = $0.order.asked(hash) }
        guard memory.makeRoom(for: self, hash, response.cost + key.count) else {
            if response.cost + key.count <= memory.responseLimit {
                memory.disk.keep(CacheShelf.Name(site: salt, hash: hash), key, response)
            }
            return false
        }
        let change = state.withLock { state -> Int? in
            defer { note(state) }
            guard let slot = state.order.slot(of: hash) else {
                let kept = Kept(key: key, variants: [response])
                let slot = state.order.insert(hash, weight: kept.cost)
                while state.kept.count <= slot { state.kept.append(Kept()) }
                state.kept[slot] = kept
                state.objects += 1
                return kept.cost
            }
            // Another key with the same hash stays.
            guard state.kept[slot].key == key else { return nil }
            let (before, count) = (state.kept[slot].cost, state.kept[slot].variants.count)
            // A response that varies by other fields than those before says what the origin does now.
            state.kept[slot].variants.removeAll {
                $0.head.varyNames != response.head.varyNames || $0.head.varyKey == response.head.varyKey
            }
            if state.kept[slot].variants.count >= Self.variantLimit {
                // Invented ones do not push out those in use: one goes that is stale and has been there for a while.
                let moment = response.head.freshness.receivedAt
                guard
                    let old = state.kept[slot].variants.firstIndex(where: {
                        !$0.head.freshness.isFresh(at: moment)
                            && moment - $0.head.freshness.receivedAt > Self.variantTime
                    })
                else { return nil }
                state.kept[slot].variants.remove(at: old)
            }
            state.kept[slot].variants.append(response)
            state.objects += state.kept[slot].variants.count - count
            state.order.setWeight(state.kept[slot].cost, at: slot)
            return state.kept[slot].cost - before
        }
        changed(by: change ?? 0)
        if change != nil { memory.disk.kept(CacheShelf.Name(site: salt, hash: hash)) }
        return change != nil
    }

    /// What is kept for this key is not true any more, nor what was asked for before now.
    func remove(_ hash: UInt64, _ key: UnsafeRawBufferPointer) {
        guard !isIdle else { return }
        // Before memory: what is being read from disk at this moment comes too late then.
        memory.disk.giveUp(hash)
        let freed = state.withLock { state -> Int in
            state.flights[hash]?.isVoid = true
            guard let slot = state.order.slot(of: hash), state.kept[slot].key.elementsEqual(key) else { return 0 }
            return drop(slot, &state)
        }
        changed(by: -freed)
    }

    /// Gives up who goes first. With a hash only if that is asked for more often. False: nobody goes.
    func evict(for hash: UInt64?) -> Bool {
        let freed = state.withLock { state -> Int? in
            guard let victim = state.order.victim else { return nil }
            if let hash, !state.order.isMoreUsed(hash, than: victim) { return nil }
            return drop(victim, &state)
        }
        changed(by: -(freed ?? 0))
        return freed != nil
    }

    /// Gives everything up.
    func clear() { while evict(for: nil) {} }

    private func drop(_ slot: Int, _ state: inout State) -> Int {
        let cost = state.kept[slot].cost
        state.objects -= state.kept[slot].variants.count
        state.kept[slot] = Kept()
        state.order.remove(slot)
        note(state)
        return cost
    }

    private func note(_ state: State) { busy.store(state.order.count + state.flights.count, ordering: .relaxed) }

    private func changed(by bytes: Int) {
        held.add(bytes, ordering: .relaxed)
        memory.changed(by: bytes)
    }

    // MARK: - The disk's

    func holds(_ hash: UInt64) -> Bool { state.withLock { $0.order.slot(of: hash) != nil } }

    /// Names of all that is kept.
    var names: [CacheShelf.Name] {
        state.withLock { state in
            state.kept.indices.compactMap { slot in
                state.kept[slot].variants.isEmpty
                    ? nil : CacheShelf.Name(site: salt, hash: state.order.key(at: slot))
            }
        }
    }

    /// What is kept for a key, to be written.
    func kept(_ hash: UInt64) -> (key: [UInt8], variants: [StoredResponse])? {
        state.withLock { state in
            state.order.slot(of: hash).map { (state.kept[$0].key, state.kept[$0].variants) }
        }
    }

    enum Restored {
        /// Or there is something newer, or it was given up meanwhile.
        case taken
        /// The site has no room for it now.
        case crowded
        case tooLarge
    }

    /// Takes in what was read from disk, unless it is outdated. It was asked for just now, so others make room for it.
    func restore(
        _ hash: UInt64, _ key: [UInt8], _ variants: [StoredResponse], unless isOutdated: () -> Bool
    ) -> Restored {
        var kept = Kept(key: key)
        // The newest last.
        for variant in variants.reversed() where kept.cost + variant.cost <= memory.responseLimit {
            kept.variants.insert(variant, at: 0)
        }
        guard !kept.variants.isEmpty else { return .tooLarge }
        guard memory.makeRoom(for: self, nil, kept.cost) else { return .crowded }
        let cost = state.withLock { state -> Int in
            guard state.order.slot(of: hash) == nil, !isOutdated() else { return 0 }
            let slot = state.order.insert(hash, weight: kept.cost)
            while state.kept.count <= slot { state.kept.append(Kept()) }
            state.kept[slot] = kept
            state.objects += kept.variants.count
            note(state)
            return kept.cost
        }
        changed(by: cost)
        return .taken
    }

    // MARK: - One for many

    /// Somebody asks the origin, for others too. Returns the flight's number; nil: another one does, or too many do.
    func lead(_ hash: UInt64, at now: UInt64, asRefresh isRefresh: Bool = false) -> UInt32? {
        state.withLock { state in
            let former = state.flights[hash]
            if let former, !former.isVoid {
                let isSecond = isRefresh && former.isRefresh
                if now < former.since + (isSecond ? Self.refreshTime : Self.flightTime) { return nil }
            }
            guard former != nil || state.flights.count < Self.flightLimit else { return nil }
            state.flightCount &+= 1
            // Who waits for one that takes too long waits for this one too.
            state.flights[hash] = Flight(
                number: state.flightCount, workers: former?.workers ?? 0, since: now, isRefresh: isRefresh)
            note(state)
            return state.flightCount
        }
    }

    /// Whether what this one brings is the last word: nobody asked anew since, and nothing was changed.
    func isCurrent(_ hash: UInt64, _ number: UInt32) -> Bool {
        state.withLock { state in
            guard let flight = state.flights[hash] else { return false }
            return flight.number == number && !flight.isVoid
        }
    }

    /// A worker's request waits for what another one asked for. False: nobody asks for it now.
    func wait(_ hash: UInt64, worker: Int) -> Bool {
        state.withLock { state in
            guard state.flights[hash] != nil else { return false }
            state.flights[hash]?.workers |= 1 << UInt64(worker)
            return true
        }
    }

    /// Who led has its answer, or never will. Returns the workers whose requests go on, a bit for each.
    func land(_ hash: UInt64, _ number: UInt32) -> UInt64 {
        state.withLock { state in
            guard let flight = state.flights[hash], flight.number == number else { return 0 }
            state.flights[hash] = nil
            note(state)
            return flight.workers
        }
    }
}

/// How much the caches of a lane's sites may hold together. While there is room anybody may have it; after that, who
/// holds more than its share gives up its own, and what others are short of.
final class CacheMemory: Sendable {
    /// One response may take this part of the whole at most.
    private static let parts = 16
    /// Longest content that is kept.
    private static let contentLimit = 2 << 20

    private let held = Atomic<Int>(0)
    private let limit = Atomic<Int>(0)
    private let shareLimit = Atomic<Int>(0)
    private let sites = Mutex<[SiteCache]>([])
    let disk = CacheDisk()

    /// The sites of the snapshot in force.
    func adopt(_ caches: [SiteCache], limit bytes: Int) {
        limit.store(bytes, ordering: .relaxed)
        shareLimit.store(bytes / max(1, caches.count), ordering: .relaxed)
        sites.withLock { $0 = caches }
        for cache in caches { cache.setRoom(share) }
        while held.load(ordering: .relaxed) > bytes {
            guard let heaviest = caches.max(by: { $0.bytes < $1.bytes }), heaviest.evict(for: nil) else { return }
        }
    }

    /// What a site may hold when all is used up.
    var share: Int { shareLimit.load(ordering: .relaxed) }
    var objectLimit: Int { min(Self.contentLimit, limit.load(ordering: .relaxed) / Self.parts) }

    /// The same with all that is kept beside content.
    var responseLimit: Int { limit.load(ordering: .relaxed) / Self.parts + 4096 }

    func changed(by bytes: Int) { held.add(bytes, ordering: .relaxed) }

    /// Whether there is room now for `size` bytes more of the site. Workers that ask at the same time may get as much
    /// beyond the limit as one response of each.
    ///
    /// - Parameter hash: what must be asked for more often than what has to go; nil: it need not.
    func makeRoom(for site: SiteCache, _ hash: UInt64?, _ size: Int) -> Bool {
        let limit = limit.load(ordering: .relaxed)
        guard size <= responseLimit, size <= limit else { return false }
        while held.load(ordering: .relaxed) + size > limit {
            if site.bytes + size <= share, let other = heaviest(but: site), other.evict(for: nil) { continue }
            // Where all of its own would not do none of it goes.
            guard held.load(ordering: .relaxed) + size - limit <= site.bytes, site.evict(for: hash) else {
                return false
            }
        }
        return true
    }

    /// The site that is most over its share.
    private func heaviest(but site: SiteCache) -> SiteCache? {
        let others = sites.withLock { $0 }.filter { $0 !== site && $0.bytes > share }
        return others.max { $0.bytes < $1.bytes }
    }
}

/// Keys of which a worker knows that looking for them is of no use for a while, in fixed memory: of two with the same place
/// the later one stays.
struct CachePasses {
    private static let size = 4096
    private var keys = [UInt64](repeating: 0, count: size)
    private var ends = [UInt32](repeating: 0, count: size)

    /// - Parameter now: seconds since 1970.
    func contains(_ hash: UInt64, at now: UInt64) -> Bool {
        let place = Int(truncatingIfNeeded: hash) & (Self.size - 1)
        return keys[place] == hash && UInt64(ends[place]) > now
    }

    mutating func add(_ hash: UInt64, until end: UInt64) {
        let place = Int(truncatingIfNeeded: hash) & (Self.size - 1)
        keys[place] = hash
        ends[place] = UInt32(truncatingIfNeeded: end)
    }
}
