internal import Addresses
internal import Admission
internal import Bytes
internal import CLinux
internal import Glibc
internal import Messages
internal import Sketches
internal import Synchronization

/// The lane: takes snapshots from the office, keeps the workers, and says how it fares. It goes on with what it knows
/// when the office is gone, and looks for it again.
///
/// One control thread (the process's first) and one thread for each worker.
package final class Lane {
    private let controlPath: String
    private let name: String
    private let started = Clock.wall()
    private var control: Int32 = -1
    private var frames = FrameAssembler()
    private var arrived: [Int32] = []
    var shared: LaneShared?
    var table: SiteTable?
    /// What the office said last of who may come; kept when it goes away.
    var accessList = AccessList()
    var botVerdicts = BotVerdicts()
    /// When an entry of the list ends, in seconds since 1970.
    var accessEnd = UInt64.max
    private var threads: [pthread_t] = []
    /// Listener by listener, one socket for each worker.
    private var listeners: [Int32] = []
    private var historyDescriptor: Int32 = -1
    private var history: HistoryFilter?
    private var accessLog: Int32 = -1
    private var saidLost = false
    private var pools: [PoolKey: Int] = [:]
    private var pages: PageStore?
    let cacheMemory = CacheMemory()
    private var rules: RuleTable?
    private var isDraining = false
    /// Proven sources that nobody was there to hear of.
    private var unheard: UInt64 = 0
    /// The site whose profile the office is told next.
    var nextLearnt = 0
    /// The figures that were sent last.
    private var lastProven = ProvenSources()

    /// What makes two origins the same one to the pools.
    private struct PoolKey: Hashable {
        var endpoint: String
        var isTLS: Bool
        var name: String
        var authorities: [UInt8]
    }

    /// - Parameters:
    ///   - controlPath: the office's socket.
    ///   - name: which of the office's lanes this is.
    package init(controlPath: String, name: String = "lane") {
        self.controlPath = controlPath
        self.name = name
    }

    /// Serves until drained. Returns the process's exit status.
    package func run() -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        // Ended by the office over the socket; signals of the terminal are for the office.
        signal(SIGINT, SIG_IGN)
        signal(SIGHUP, SIG_IGN)
        signal(SIGTERM) { _ in Lane.wasTerminated.store(true, ordering: .relaxed) }
        raiseDescriptorLimit()
        var lastStatus: UInt64 = 0
        var lastTraffic: UInt64 = 0
        var lastSamples: UInt64 = 0
        while !isDraining || threads.isEmpty == false {
            if Lane.wasTerminated.load(ordering: .relaxed) { drain() }
            if control < 0 { connect() }
            wait(milliseconds: control < 0 ? 250 : 100)
            let now = Clock.monotonic()
            let isStatusDue = now - lastStatus >= 500_000_000
            sendProven(isDue: isStatusDue)
            if now - lastSamples >= RequestSampler.period {
                lastSamples = now
                sendSamples()
            }
            sendClaims()
            endAccess()
            if isStatusDue {
                lastStatus = now
                sendStatus()
            }
            sendLearnt(at: now)
            // Workers hand over when the second changes: half a second later all have.
            let second = (Clock.wall() - 500_000_000) / 1_000_000_000
            if second != lastTraffic {
                lastTraffic = second
                sendTraffic()
            }
            if isDraining, (shared?.allReports ?? []).allSatisfy({ $0.openVisitors == 0 }) {
                for thread in threads { pthread_join(thread, nil) }
                threads = []
                cacheMemory.disk.settle()
                sendStatus()
                return 0
            }
        }
        return 0
    }

    private static let wasTerminated = Atomic(false)

    private func raiseDescriptorLimit() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    // MARK: - The control socket

    private func connect() {
        let socket = linux_unix_connect(controlPath)
        guard socket >= 0 else { return }
        control = socket
        // An office that stands still must not hold this thread: it is left, and looked for again.
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        frames = FrameAssembler()
        var descriptors: [Int32] = []
        if table != nil {
            descriptors = listeners
            if historyDescriptor >= 0 { descriptors.append(historyDescriptor) }
        }
        let hello = Hello(
            name: name, process: UInt32(getpid()), started: started, generation: table?.snapshot.generation ?? 0,
            descriptors: UInt32(descriptors.count))
        send(Frame(.hello, body: hello.encoded()), descriptors)
    }

    var isConnected: Bool { control >= 0 }

    private func disconnect() {
        close(control)
        control = -1
        for descriptor in arrived { close(descriptor) }
        arrived = []
    }

    func send(_ frame: Frame, _ descriptors: [Int32] = []) {
        guard control >= 0 else { return }
        let bytes = frame.encoded()
        var offset = 0
        while offset < bytes.count {
            let sent = bytes.withUnsafeBytes {
                linux_send_descriptors(
                    control, $0.baseAddress! + offset, bytes.count - offset, descriptors,
                    offset == 0 ? Int32(descriptors.count) : 0)
            }
            if sent == -Int(EINTR) { continue }
            guard sent > 0 else { return disconnect() }
            offset += sent
        }
    }

    func say(_ level: UInt8, _ text: String) {
        send(Frame(.log, body: [level] + Array(text.utf8)))
        if control < 0 {
            let line = Array("wasstraat-gateway: \(text)\n".utf8)
            write(STDERR_FILENO, line, line.count)
        }
    }

    private func wait(milliseconds: Int32) {
        // A proven source waits for nothing else; a descriptor below zero is not asked.
        var polled = [
            pollfd(fd: control, events: Int16(POLLIN), revents: 0),
            pollfd(fd: control < 0 ? -1 : shared?.hostile.wake ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        guard Glibc.poll(&polled, 2, milliseconds) > 0, polled[0].revents != 0 else { return }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        var descriptors = [Int32](repeating: -1, count: 250)
        var count: Int32 = 250
        let received = linux_receive_descriptors(control, &bytes, bytes.count, &descriptors, &count)
        guard received > 0 else {
            if received != -Int(EINTR), received != -Int(EAGAIN) { disconnect() }
            return
        }
        arrived += descriptors[..<Int(count)]
        frames.append(bytes[..<received])
        do throws(Malformed) {
            while let frame = try frames.next() { try obey(frame) }
        } catch {
            say(3, "the office sent something that is no message of ours (\(error))")
            disconnect()
        }
    }

    private func obey(_ frame: Frame) throws(Malformed) {
        switch frame.kind {
        case .history:
            guard let descriptor = arrived.first else { throw Malformed(.contradictory, at: 0) }
            arrived.removeFirst()
            adoptHistory(descriptor, byteCount: frame.body.reduce(0) { $0 << 8 | Int($1) })
        case .accessLog:
            guard let descriptor = arrived.first else { throw Malformed(.contradictory, at: 0) }
            arrived.removeFirst()
            adoptLog(descriptor)
        case .snapshot:
            let descriptors = arrived
            arrived = []
            let body = frame.body
            let snapshot = try Snapshot(decoding: body.span.bytes)
            adopt(snapshot, descriptors)
        case .pages:
            let body = frame.body
            adopt(try Pages(decoding: body.span.bytes))
        case .learnt:
            let body = frame.body
            recall(try LearntSite(decoding: body.span.bytes))
        case .requestRules:
            let body = frame.body
            adopt(try RequestRules(decoding: body.span.bytes))
        case .access:
            let body = frame.body
            adopt(try AccessList(decoding: body.span.bytes))
        case .botVerdicts:
            let body = frame.body
            adopt(try BotVerdicts(decoding: body.span.bytes))
        case .drain:
            drain()
        default:
            throw Malformed(.unsupported, at: 0)
        }
    }

    private func adoptHistory(_ descriptor: Int32, byteCount: Int) {
        guard history == nil else {
            close(descriptor)
            return
        }
        let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let memory, memory != MAP_FAILED, byteCount >= 4096 else {
            close(descriptor)
            return say(3, "the history's memory cannot be used; nobody will be known")
        }
        historyDescriptor = descriptor
        history = HistoryFilter(memory: memory, byteCount: byteCount, now: Clock.wall() / 1_000_000_000)
    }

    private func adoptLog(_ descriptor: Int32) {
        if let shared {
            for worker in 0..<shared.workerCount { shared.tell(worker, .accessLog(dup(descriptor))) }
            close(descriptor)
        } else {
            if accessLog >= 0 { close(accessLog) }
            accessLog = descriptor
        }
    }

    /// Puts the pages in force at every worker; kept when the office goes away.
    private func adopt(_ new: Pages) {
        let store = PageStore(new, former: pages)
        pages = store
        guard let shared else { return }
        for worker in 0..<shared.workerCount { shared.tell(worker, .pages(store)) }
    }

    /// Puts rules on requests in force at every worker, until they end by our own clock.
    private func adopt(_ new: RequestRules) {
        let table = RuleTable(new, at: Clock.monotonic())
        rules = table
        guard let shared else { return }
        for worker in 0..<shared.workerCount { shared.tell(worker, .rules(table)) }
    }

    // MARK: - Snapshots

    private func adopt(_ snapshot: Snapshot, _ descriptors: [Int32]) {
        if shared == nil {
            guard !snapshot.listeners.isEmpty, descriptors.count >= snapshot.listeners.count,
                descriptors.count % snapshot.listeners.count == 0
            else {
                for descriptor in descriptors { close(descriptor) }
                return say(3, "the snapshot came without its listeners")
            }
        } else {
            for descriptor in descriptors { close(descriptor) }
            guard snapshot.listeners.count == table?.snapshot.listeners.count else {
                return say(3, "listeners cannot change without a restart of the lane; the snapshot is refused")
            }
        }
        do throws(TLSFailure) {
            let new = try makeTable(snapshot)
            table = new
            if let shared {
                for worker in 0..<shared.workerCount { shared.tell(worker, .table(new)) }
            } else {
                listeners = descriptors
                start(new)
            }
            if let shared { cacheMemory.disk.start(shared) }
            let generation = snapshot.generation
            send(Frame(.inForce, body: (0..<8).map { UInt8(truncatingIfNeeded: generation >> UInt64(56 - 8 * $0)) }))
        } catch {
            // The office sends the listeners again with its next try.
            if shared == nil { for descriptor in descriptors { close(descriptor) } }
            say(3, "snapshot \(snapshot.generation) is refused: \(error)")
        }
    }

    private func makeTable(_ snapshot: Snapshot) throws(TLSFailure) -> SiteTable {
        let now = Instant(nanoseconds: Clock.monotonic())
        var sites: [Site] = []
        let key = KeyedHash(key: snapshot.secrets.historyKey)
        // Sites with the same certificate share one context: visitors may use one connection for both.
        var certificates: [[UInt8]: TLSContext] = [:]
        // Admission serves the former table until nothing can fail any more.
        var changes: [() -> Void] = []
        for (index, settings) in snapshot.sites.enumerated() {
            let before = table?.sites.first { $0.settings.name == settings.name }
            let state =
                before?.state
                ?? SiteState(
                    settings, snapshot, key: key,
                    cache: SiteCache(memory: cacheMemory, salt: SiteState.salt(of: settings.name)), at: now)
            if before != nil {
                changes.append {
                    state.queueing { admission in
                        admission.rules = SiteState.rules(settings, snapshot)
                        // Who asks next says what the cap leaves, where there is one still.
                        admission.queueQuota = .max
                    }
                }
            }
            let certificate = try Self.certificate(
                settings.certificateChain, settings.privateKey, of: "site \(settings.name)", among: &certificates)
            var origins: [Origin] = []
            for origin in settings.origins {
                do throws(TLSFailure) {
                    let context: TLSContext? =
                        origin.isTLS ? try .origin(name: origin.serverName, authorities: origin.authorities) : nil
                    origins.append(Origin(address: origin, context: context, pool: pool(of: origin)))
                } catch {
                    throw TLSFailure("site \(settings.name), origin \(origin.endpoint): \(error)")
                }
            }
            let cookie = SiteCookie(
                keys: snapshot.secrets.cookieKeys, site: settings.name, hour: Clock.wall() / 3_600_000_000_000)
            // Another origin in the same place has its own health.
            for (place, origin) in origins.enumerated()
            where place >= before?.origins.count ?? 0 || before?.origins[place].pool != origin.pool {
                changes.append { state.admission.withLock { $0.setHealth(of: place, to: true) } }
            }
            sites.append(
                Site(
                    settings, index: UInt16(index), state: state, certificate: certificate, origins: origins,
                    cookie: cookie,
                    turns: TurnCookie(keys: snapshot.secrets.cookieKeys, site: settings.name)))
        }
        var pagesCertificate: TLSContext?
        if let pages = snapshot.pages {
            pagesCertificate = try Self.certificate(
                pages.certificateChain, pages.privateKey, of: "pages", among: &certificates)
        }
        for change in changes { change() }
        cacheMemory.adopt(sites.map(\.state.cache), limit: Int(snapshot.limits.cacheMemory))
        cacheMemory.disk.adopt(snapshot, sites, key)
        // What was kept before is not for a site that keeps nothing; from disk nothing comes back behind this.
        for site in sites where site.settings.cache.mode == .off { site.state.cache.clear() }
        return SiteTable(
            snapshot, sites: sites, pagesCertificate: pagesCertificate,
            listenerContext: .listener(ticketKeys: snapshot.secrets.ticketKeys), access: makeAccess(snapshot),
            bots: BotTable(snapshot.bots, botVerdicts))
    }

    /// The context for a certificate chain, one of those made already where it can be; nil for an empty chain.
    private static func certificate(
        _ chain: [UInt8], _ key: [UInt8], of owner: String, among known: inout [[UInt8]: TLSContext]
    ) throws(TLSFailure) -> TLSContext? {
        guard !chain.isEmpty else { return nil }
        if let context = known[chain + key] { return context }
        do throws(TLSFailure) {
            let context = try TLSContext.site(chain: chain, key: key)
            known[chain + key] = context
            return context
        } catch {
            throw TLSFailure("\(owner): \(error)")
        }
    }

    private func pool(of origin: Snapshot.Origin) -> Int {
        let key = PoolKey(
            endpoint: origin.endpoint.description, isTLS: origin.isTLS, name: origin.serverName,
            authorities: origin.authorities)
        if let pool = pools[key] { return pool }
        pools[key] = pools.count
        return pools.count - 1
    }

    private func start(_ table: SiteTable) {
        let listenerCount = table.snapshot.listeners.count
        let workers = listeners.count / listenerCount
        let shared = LaneShared(workerCount: workers, history: history, cacheMemory: cacheMemory)
        self.shared = shared
        cacheMemory.disk.start(shared)
        cacheMemory.disk.awaitOpening()
        for index in 0..<workers {
            let sockets = (0..<listenerCount).map { dup(listeners[$0 * workers + index]) }
            let worker = Worker(index: index, shared: shared, table: table, listeners: sockets)
            if accessLog >= 0 { shared.tell(index, .accessLog(dup(accessLog))) }
            if let pages { shared.tell(index, .pages(pages)) }
            if let rules { shared.tell(index, .rules(rules)) }
            let cores = table.snapshot.cores
            threads.append(Self.spawn(worker, core: cores.isEmpty ? nil : Int32(cores[index % cores.count])))
        }
        if accessLog >= 0 { close(accessLog) }
        accessLog = -1
    }

    private final class Start {
        let worker: Worker
        let core: Int32?

        init(worker: Worker, core: Int32?) {
            self.worker = worker
            self.core = core
        }
    }

    private static func spawn(_ worker: Worker, core: Int32?) -> pthread_t {
        let start = Unmanaged.passRetained(Start(worker: worker, core: core))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                if let core = start.core { linux_pin_thread(core) }
                start.worker.run()
                return nil
            }, start.toOpaque())
        precondition(status == 0, "the kernel gives no thread")
        return thread
    }

    private func drain() {
        guard !isDraining, let shared else {
            if shared == nil { exit(0) }
            return
        }
        isDraining = true
        for socket in listeners { close(socket) }
        listeners = []
        for worker in 0..<shared.workerCount { shared.tell(worker, .drain) }
        cacheMemory.disk.leave()
        tellAllLearnt()
    }

    // MARK: - Status

    private func sendStatus() {
        guard control >= 0, let table, let shared else { return }
        var status = LaneStatus()
        status.started = started
        status.generation = table.snapshot.generation
        var counters: [String: SiteCounters] = [:]
        for report in shared.allReports {
            status.connections.add(report.connections)
            for (name, counter) in report.sites { counters[name, default: SiteCounters()].add(counter) }
        }
        let lost = shared.allReports.reduce(0) { $0 + $1.lostLogs }
        if lost > 0, !saidLost {
            saidLost = true
            say(3, "the access log cannot be written; lines of it are lost")
        }
        status.sites = table.sites.map { site in
            SiteStatus(site, counters[site.settings.name] ?? SiteCounters())
        }
        status.disk = cacheMemory.disk.status
        for note in cacheMemory.disk.takeNotes() { say(note.level, note.text) }
        send(Frame(.status, body: status.encoded()))
    }

    /// Sources at once, figures alone with the status.
    private func sendProven(isDue: Bool) {
        guard let shared else { return }
        var proven = shared.hostile.take()
        guard control >= 0 else {
            unheard += UInt64(proven.sources.count)
            return
        }
        proven.omitted += unheard
        guard !proven.sources.isEmpty || isDue && !proven.hasSameFigures(as: lastProven) else { return }
        lastProven = proven
        send(Frame(.proven, body: proven.encoded()))
    }
}
