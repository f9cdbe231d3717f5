internal import Addresses
internal import Admission
internal import CLinux
internal import Glibc
internal import Heads
internal import Messages
internal import Sketches
internal import Synchronization

/// One core's share of the lane: a thread with its own listeners, connections and clock, which waits for the kernel and
/// does one thing at a time. Nothing in it is shared but what the site table holds.
///
/// This file is the loop; what happens at each station lies in the extensions, named for them (see
/// Documentation/life-of-a-request.md).
final class Worker {
    /// What the lane or another worker tells a worker.
    enum Command {
        case table(SiteTable)
        /// Of the table that was told of last.
        case access(AccessTable)
        case bots(BotTable)
        case accessLog(Int32)
        case pages(PageStore)
        case rules(RuleTable)
        /// A waiting request's turn has come, by a slot that another worker gave back.
        case grant(ticket: UInt64, Slot, SiteState)
        case refuse(ticket: UInt64, SiteAdmission.RefusalCause)
        /// A response that requests of this worker wait for is there, or will not come: by its key's hash.
        case landed(UInt64)
        case drain
    }

    struct Listening {
        var socket: Int32
        var index: UInt8
    }

    static let kindShift: UInt64 = 62
    static let visitorKind: UInt64 = 0
    static let upstreamKind: UInt64 = 1
    static let listenerKind: UInt64 = 2
    static let wakeKind: UInt64 = 3
    static let upstreamTimer: UInt32 = 1 << 31
    /// Holds the longest head and the longest gathered body with one more piece behind them.
    static let bufferSize = 256 << 10
    static let receiveSize = 64 << 10
    /// A TLS record's content, which may come out on top of what was received.
    static let recordSize = 17 << 10

    let index: Int
    let shared: LaneShared
    let epoll: Int32
    let port: UnsafeMutablePointer<TLSPort>
    /// Where everything received lands first; nothing stays in it from one step to the next.
    let buffer: UnsafeMutableRawPointer
    let cipherBuffer: UnsafeMutableRawPointer
    let replies = Replies()
    let framedReplies: FramedReplies
    /// Where header blocks of HTTP/2 are written: longer than any response's head may be.
    let blockRoom: UnsafeMutableRawPointer
    static let blockSize = 128 << 10
    let pageReplies = PageReplies()
    let history: HistoryFilter?

    var table: SiteTable
    var access: AccessTable
    var bots: BotTable
    var limits: Snapshot.Limits
    let visitors = Slab(empty: Visitor())
    let upstreams = Slab(empty: Upstream())
    let wheel = TimerWheel()
    let pools = Places<OriginPool>()
    var budget: SourceBudget
    /// Visitors whose ClientHello is whole, in the order in which they get a key exchange.
    var handshakes: HandshakeBudget
    /// More connections wait than were accepted in this round.
    var isAcceptBehind = false
    /// Bytes of ClientHellos that are kept.
    var helloBytes = 0
    var request = RequestHead()
    var response = ResponseHead()
    /// The fields of the last header block that came over HTTP/2.
    var fields: HPACKFields
    let ink = Ink(capacity: 96 << 10)
    /// For pieces of what goes into the ink.
    let scratch = Ink(capacity: 64)
    var log = AccessLog()
    let counters = Places<SiteCounters>()
    /// Who asked for what since the last report; nil for a site that nobody asked.
    let tallies = Places<SiteTally?>()
    /// Rules on requests, by site, and some of the requests.
    var rules = SiteRules()
    var sampler = RequestSampler()
    var sampledAt: UInt64 = 0
    /// In the sites' places, as the sampler has them.
    var siteNames: [String] = []
    /// The rule that marked the request in `request`; 0: none.
    var matchedRule: UInt64 = 0
    var report = WorkerReport()
    /// Of the cache: what is in mind for the present request, its key, keys not worth looking for, those whose responses
    /// were for everybody, and requests that wait for a response by the hash of its key.
    var plan = CachePlan()
    let cacheKey = Ink(capacity: 1024)
    var passes = CachePasses()
    var hints = CachePasses()
    var followers: [UInt64: [(UInt32, UInt32)]] = [:]
    var followerCount = 0
    /// Bytes of content that are gathered for the cache.
    var captured = 0
    /// By site: it was under pressure when this worker last asked.
    var pressed: [Bool] = []
    /// Which part of a file goes out behind the head in the ink, and whether the connection closes then.
    var outgoing = 0..<0
    var closesAfter = false
    /// The public pages in force; nil until the office sent some.
    var pages: PageStore?
    /// Nanoseconds, on the clock that only goes forward; read once for each round of events.
    var now: UInt64 = 0
    var wallSeconds: UInt64 = 0
    var isDraining = false
    /// When what still runs is ended, once draining.
    private var drainedAt = UInt64.max
    var listening: [Listening]
    /// Exchanges that are not in use.
    var spareExchanges: UnsafeMutablePointer<Exchange>?
    /// Who shares this worker, and who holds how much of what is short.
    var books: TenantBooks
    /// Whose work is done now, and since when, where that is measured.
    var worksFor = UInt16(Tenants.nobody)
    var lapped: UInt64 = 0
    /// When this round's events were read, and for how long the first of them may have lain there, in nanoseconds.
    var roundAt: UInt64 = 0
    var unread: UInt64 = 0
    /// Where the last search for a connection that rests ended.
    var searchedFrom: UInt32 = 0
    /// How long the worker has waited for something to do since its load was last judged.
    private var waited: UInt64 = 0
    /// Connections to origins that are not read from, because their visitor is slow.
    var pausedCount = 0
    /// Connections whose origins work for visitors that are gone.
    var orphanCount = 0
    /// Records of requests that nobody waits for.
    var refreshCount = 0
    /// HTTP/2 connections to look after at the end of this round, and inks for their frames.
    var dirtyCarriers: [UInt32] = []
    var spareBatches: [Ink] = []
    var spareCarriages: [UnsafeMutablePointer<Carried>] = []
    var offences = Offences()
    /// Records that connections carry.
    var carriedCount = 0
    /// This thread hardly ever waited of late: others wait for it.
    private(set) var isBusy = false
    private var processorTime: UInt64 = 0
    private var busyCheckedAt: UInt64 = 0
    /// Counts the requests that ask admission, for their tickets.
    var asked: UInt32 = 0
    /// Counts the turns given out, for their serial numbers.
    var turnsGiven: UInt32 = 0
    /// The request in `request` was sent round for its cookie.
    var isMarked = false
    /// Sites at which a slot was given back in this round.
    var freed: [UInt16] = []
    /// Visitors to go on with after this round: index and generation.
    var resumed: [(UInt32, UInt32)] = []
    /// Visitors to go on with in the next round, for they had their turn in this one.
    var postponed: [(UInt32, UInt32)] = []

    init(index: Int, shared: LaneShared, table: SiteTable, listeners: [Int32]) {
        self.index = index
        self.shared = shared
        self.table = table
        access = table.access
        bots = table.bots
        limits = table.snapshot.limits
        epoll = epoll_create1(linux_epoll_close_on_exec)
        precondition(epoll >= 0, "the kernel gives no epoll instance")
        port = TLSPort.make()
        buffer = malloc(Self.bufferSize)!
        cipherBuffer = malloc(Self.receiveSize)!
        framedReplies = FramedReplies(replies)
        blockRoom = malloc(Self.blockSize)!
        fields = HPACKFields(limits: Self.listLimits(table))
        history = shared.history
        budget = SourceBudget(capacity: Self.capacity(table, shared))
        handshakes = HandshakeBudget(at: Instant(nanoseconds: Clock.monotonic()))
        books = TenantBooks(
            table.tenants, connections: Self.capacity(table, shared),
            caps: table.caps(of: index, among: shared.workerCount))
        listening = listeners.enumerated().map { Listening(socket: $1, index: UInt8($0)) }
        port.pointee.sites = Unmanaged.passUnretained(table)
    }

    /// What a list of fields may hold so that the head it becomes is within the limits.
    private static func listLimits(_ table: SiteTable) -> HPACKFields.Limits {
        var limits = HPACKFields.Limits()
        let head = Int(table.snapshot.limits.headBytes)
        // 32 bytes more are counted for each field; beyond the most usual that is the head's own limit to judge.
        limits.bytes = head + 32 * min(256, Int(table.snapshot.limits.headFields))
        limits.work = max(limits.work, limits.bytes * 8)
        return limits
    }

    /// The worker's share of the lane's connections.
    static func capacity(_ table: SiteTable, _ shared: LaneShared) -> Int {
        max(16, Int(table.snapshot.limits.connections) / shared.workerCount)
    }

    /// Runs until drained. The thread's whole life.
    func run() {
        apply(table)
        watch(shared.wakeDescriptors[index], Self.wakeKind, 0, 0, linux_epoll_in)
        for listener in listening {
            watch(listener.socket, Self.listenerKind, UInt32(listener.index), 0, linux_epoll_in)
        }
        var events = [epoll_event](repeating: epoll_event(), count: 512)
        setTime()
        var nextTick = now
        while true {
            work(for: UInt16(Tenants.nobody))
            let mayWait = nextTick > now && postponed.isEmpty && handshakes.isEmpty && books.turns.isEmpty
            let begun = mayWait ? Clock.monotonic() : 0
            let patience = mayWait ? Int32((nextTick - now) / 1_000_000) + 1 : 0
            let count = epoll_wait(epoll, &events, Int32(events.count), patience)
            let left = roundAt
            setTime()
            // Nothing lay there where the wait was one; else it may have come at any moment of the round before.
            unread = mayWait && now &- begun > 50_000 ? 0 : now &- left
            (roundAt, lapped) = (now, now)
            if mayWait { waited += now &- begun }
            if books.time.hasHeavy {
                serveInTurns(events[..<max(0, Int(count))])
            } else {
                for index in 0..<max(0, Int(count)) { dispatch(events[index].data.u64, events[index].events) }
            }
            takeUpPostponed()
            takeUpHandshakes()
            finishRound()
            serveHeavy()
            if now >= nextTick {
                tick()
                finishRound()
                nextTick = now + TimerWheel.tick * 1_000_000
                if isDraining, visitors.count == 0 { break }
            }
        }
        log.flush()
        publish()
    }

    private func setTime() {
        now = Clock.monotonic()
    }

    var instant: Instant { Instant(nanoseconds: now) }

    func watch(_ descriptor: Int32, _ kind: UInt64, _ index: UInt32, _ generation: UInt32, _ events: UInt32) {
        var event = epoll_event()
        event.events = events
        event.data.u64 = Self.name(kind, index, generation)
        epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
    }

    /// What the kernel names a descriptor by in its events.
    static func name(_ kind: UInt64, _ index: UInt32, _ generation: UInt32) -> UInt64 {
        kind << kindShift | UInt64(generation & 0x3fff_ffff) << 32 | UInt64(index)
    }

    func dispatch(_ data: UInt64, _ events: UInt32) {
        let index = UInt32(truncatingIfNeeded: data)
        let generation = UInt32(truncatingIfNeeded: data >> 32) & 0x3fff_ffff
        switch data >> Self.kindShift {
        case Self.visitorKind:
            guard index < visitors.indices.upperBound, visitors[index].pointee.generation & 0x3fff_ffff == generation,
                visitors[index].pointee.phase != .free
            else { return }
            work(for: visitors[index].pointee.stream.tenant)
            visitorEvent(index, events)
            charge()
        case Self.upstreamKind:
            guard index < upstreams.indices.upperBound, upstreams[index].pointee.generation & 0x3fff_ffff == generation,
                upstreams[index].pointee.phase != .free
            else { return }
            work(for: upstreams[index].pointee.stream.tenant)
            upstreamEvent(index, events)
            charge()
        case Self.listenerKind:
            accept(Int(index))
        default:
            var count: UInt64 = 0
            read(shared.wakeDescriptors[self.index], &count, 8)
            for command in shared.takeCommands(index: self.index) { obey(command) }
        }
    }

    /// Serves those whose turn came in this round, and goes on with connections that have more to do.
    func finishRound() {
        while !freed.isEmpty || !resumed.isEmpty || !dirtyCarriers.isEmpty {
            while let site = freed.popLast() { serveWaiting(site) }
            let going = resumed
            resumed.removeAll(keepingCapacity: true)
            for (index, generation) in going
            where visitors[index].pointee.generation == generation && visitors[index].pointee.phase != .free {
                work(for: visitors[index].pointee.stream.tenant)
                drive(index)
            }
            while let carrier = dirtyCarriers.popLast() {
                work(for: visitors[carrier].pointee.stream.tenant)
                settle(carrier)
            }
        }
    }

    private func takeUpPostponed() {
        for (index, generation) in postponed where visitors[index].pointee.generation == generation {
            visitors[index].pointee.isPostponed = false
            if !visitors[index].pointee.isCarried, isHeavy(&visitors[index].pointee.stream) {
                postponeVisitor(index)
            } else {
                resumed.append((index, generation))
            }
        }
        postponed.removeAll(keepingCapacity: true)
    }

    private func obey(_ command: Command) {
        switch command {
        case .table(let table): apply(table)
        case .access(let new): access = new
        case .bots(let new): bots = new
        case .pages(let store): pages = store
        case .rules(let table): apply(table)
        case .accessLog(let descriptor): log.setDescriptor(descriptor)
        case .grant(let ticket, let slot, let state): granted(ticket, slot, state)
        case .refuse(let ticket, let cause): turnedAway(ticket, cause)
        case .landed(let hash): landed(hash)
        case .drain: drain()
        }
    }

    private func apply(_ new: SiteTable) {
        // Kept connections were shown a site's certificate: that site may have another place now.
        for index in visitors.indices {
            let shown = Int(visitors[index].pointee.site)
            guard visitors[index].pointee.phase != .free, shown < table.sites.count else { continue }
            let state = table.sites[shown].state
            visitors[index].pointee.site = new.sites.first { $0.state === state }?.index ?? TLSPort.goneSite
        }
        changeTenants(to: new)
        table = new
        access = new.access
        bots = new.bots
        limits = new.snapshot.limits
        let listLimits = Self.listLimits(new)
        if listLimits.bytes != fields.limits.bytes { fields = HPACKFields(limits: listLimits) }
        budget.capacity = Self.capacity(new, shared)
        port.pointee.sites = Unmanaged.passUnretained(table)
        let poolCount = (new.sites.flatMap(\.origins).map(\.pool).max() ?? -1) + 1
        pools.extend(to: poolCount, with: OriginPool())
        for index in names.indices {
            report.sites[names[index], default: SiteCounters()].add(counters[index])
        }
        handOverTallies()
        names = new.sites.map(\.settings.name)
        tallies.restart(names.count, with: nil)
        counters.restart(names.count, with: SiteCounters())
        pressed = names.map { _ in false }
        followSites(names)
    }

    private var names: [String] = []

    /// How long a connection that rests is kept once the lane drains, in milliseconds.
    private static let partingTime: UInt32 = 1000

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        drainedAt = now + UInt64(limits.drainTime) * 1_000_000
        for listener in listening {
            // The office has the same socket open: closing ours alone would not end its events here.
            epoll_ctl(epoll, EPOLL_CTL_DEL, listener.socket, nil)
            close(listener.socket)
        }
        listening = []
        for index in visitors.indices {
            let visitor = visitors[index]
            if visitor.pointee.phase == .head, visitor.pointee.pending.isEmpty, visitor.pointee.stream.out.isEmpty {
                // A request may be on its way: it is answered, and the connection closed behind it.
                armVisitor(index, min(Self.partingTime, limits.drainTime))
            } else if visitor.pointee.phase == .carrying {
                leaveCarrying(index)
            } else if visitor.pointee.isAbsent, visitor.pointee.phase == .exchange {
                abandon(index)
            }
        }
    }

    // MARK: - Time

    func node(_ handle: UInt32) -> UnsafeMutablePointer<TimerWheel.Node> {
        handle & Self.upstreamTimer != 0
            ? UnsafeMutableRawPointer(upstreams[handle & ~Self.upstreamTimer]).assumingMemoryBound(
                to: TimerWheel.Node.self)
            : UnsafeMutableRawPointer(visitors[handle]).assumingMemoryBound(to: TimerWheel.Node.self)
    }

    func armVisitor(_ index: UInt32, _ milliseconds: UInt32) {
        wheel.arm(index, in: milliseconds) { node($0) }
    }

    func armUpstream(_ index: UInt32, _ milliseconds: UInt32) {
        wheel.arm(index | Self.upstreamTimer, in: milliseconds) { node($0) }
    }

    private func tick() {
        let seconds = Clock.wall() / 1_000_000_000
        if seconds != wallSeconds {
            wallSeconds = seconds
            replies.setTime(seconds: seconds)
            log.setTime(seconds: seconds)
            log.flush()
            publish()
        }
        judgeLoad()
        handOverSamples()
        for handle in wheel.advance({ node($0) }) {
            // The place may have a new user already, by what one before it in this list did.
            guard node(handle).pointee.slot == TimerWheel.unarmed else { continue }
            if handle & Self.upstreamTimer != 0 {
                upstreamTimedOut(handle & ~Self.upstreamTimer)
            } else {
                visitorTimedOut(handle)
            }
        }
        if index == 0 { tickSites() }
        if now >= drainedAt {
            for index in visitors.indices where visitors[index].pointee.phase != .free { abandon(index) }
        }
    }

    private func judgeLoad() {
        let used = Clock.thread()
        if now > busyCheckedAt {
            let elapsed = now - busyCheckedAt
            isBusy = (used - processorTime) * 10 > elapsed * 8
            if busyCheckedAt > 0 { books.time.step(elapsed, busy: 1 - min(1, Float(waited) / Float(elapsed))) }
            waited = 0
        }
        processorTime = used
        busyCheckedAt = now
    }

    /// One worker moves all sites' admission along.
    private func tickSites() {
        for site in table.sites {
            let (novices, asksForCookies) = site.state.admission.withLock {
                ($0.tick(at: instant), $0.ladder.isHopeless)
            }
            site.state.asksForCookies.store(asksForCookies, ordering: .relaxed)
            for source in novices { history?.insert(source) }
            while let (ticket, cause) = site.state.queueing({ $0.expired(at: instant) }) {
                tell(ticket, .refuse(ticket: ticket, cause))
            }
            serveWaiting(site.index)
        }
        // Two generations: a visitor is remembered for the whole time at most, and for half of it at least.
        history?.rotate(now: wallSeconds, lifetime: UInt64(table.snapshot.historyTime) / 2)
    }

    /// Hands the numbers over to the lane.
    private func publish() {
        var current = report
        for index in names.indices {
            current.sites[names[index], default: SiteCounters()].add(counters[index])
        }
        for (index, name) in names.enumerated() {
            current.sites[name]?.hold(books, at: Int(Self.place(UInt16(index))))
        }
        current.openVisitors = visitors.count
        current.lostLogs = log.lost
        current.connections.open = UInt64(visitors.count - carriedCount - refreshCount)
        countHandshakes(in: &current.connections.tls)
        shared.publish(current, from: index)
        handOverTallies()
    }

    private func handOverTallies() {
        var taken: [LaneShared.NamedTally] = []
        for index in tallies.indices {
            guard let tally = tallies[index] else { continue }
            taken.append(LaneShared.NamedTally(site: names[index], tally: tally))
            tallies[index] = nil
        }
        if !taken.isEmpty { shared.handOver(taken, from: self.index) }
    }
}
