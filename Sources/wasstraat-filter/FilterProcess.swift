internal import CLinux
internal import Filters
internal import Glibc
internal import Messages
internal import Mitigations
internal import Moments
internal import PacketFilter

/// The process: one thread that waits for clients, and for the next thing that time brings.
final class FilterProcess {
    static let clientLimit = 32
    /// Milliseconds of silence after which a client that waits for nothing gives way to another one, where there are as
    /// many as may be. The office speaks each second.
    static let idleLimit: UInt64 = 2_000
    /// Milliseconds between two looks at the samples, and at signals.
    static let sampleInterval: Int32 = 10
    static let idleInterval: Int32 = 100
    /// Milliseconds between two expiries, and between two saves at least.
    static let second: UInt64 = 1_000
    /// A save waits so many times as long as the one before took: the disk of a machine under attack has other work. Never
    /// longer than `longestPause`: what has ended must be gone from the file within a minute.
    static let savePause: UInt64 = 20
    static let longestPause: UInt64 = 30_000
    /// Milliseconds until what failed is tried again.
    static let retryInterval: UInt64 = 10_000
    /// Milliseconds by which the wall clock may go otherwise than the machine's before the book follows it.
    static let stepLimit: Int64 = 2_000
    /// Nanoseconds after which live rules that nobody has measured are told of.
    static let measureLimit: UInt64 = 60_000_000_000
    /// Samples of one look.
    static let sampleLimit = 4_096

    let arguments: FilterArguments
    let file: BookFile
    let since: Moment
    var book: FilterBook
    var enforcer: any Enforcer
    /// What the kernel does not say as the book does, since it refused something; nil: it says the same.
    var behind: String?
    /// Of what was asked for last, and until when that is news, on the machine's clock in milliseconds.
    var busy: [FilterStatus.Busy] = []
    var busyUntil: UInt64 = 0
    /// When somebody told last what rules hit of ordinary samples, on the machine's clock in nanoseconds.
    var measuredAt: UInt64
    /// What rules hit when it could be asked last, by their ids.
    var lastHits: [UInt64: FilterCount] = [:]
    private var clients: [Client] = []
    private let listener: Int32

    private var savedRevision: UInt64
    private var nextSave: UInt64 = 0
    private var nextExpiry: UInt64 = 0
    private var nextRetry: UInt64 = 0
    private var hasExpired = false
    private var offset: Int64
    /// What became of a book that could not be read.
    let lostBook: String?
    /// Why the book could not be saved.
    var saveTrouble: String?

    /// Runs until a signal ends it. Returns the exit status.
    static func run(_ arguments: FilterArguments) -> Int32 {
        let file = BookFile(folder: arguments.state)
        do throws(BookFile.Failure) {
            try file.prepare()
            guard let lock = try file.lock() else {
                say("another wasstraat-filter has \(arguments.state)")
                return 75
            }
            defer { close(lock) }
            guard !arguments.isDetaching else { return detach(arguments, file) }
            // Blocked from here on, and asked for in each turn: no handler, nothing that another thread could see.
            var signals = endSignals
            sigprocmask(SIG_BLOCK, &signals, nil)
            let listener = linux_unix_listen(file.socket)
            guard listener >= 0 else {
                say("cannot listen at \(file.socket): \(String(cString: strerror(-listener)))")
                return 71
            }
            return FilterProcess(arguments, file, listener).serve()
        } catch {
            say(error.reason)
            return 71
        }
    }

    private static func detach(_ arguments: FilterArguments, _ file: BookFile) -> Int32 {
        do throws(EnforcerError) {
            try Enforcers.detach(arguments)
            // Nobody would erase its entries at their end.
            file.remove()
            say("nothing is filtered at \(arguments.interface) any more")
            return 0
        } catch {
            say("\(error)")
            return 71
        }
    }

    private static var endSignals: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGTERM, SIGINT] { sigaddset(&set, signal) }
        return set
    }

    private init(_ arguments: FilterArguments, _ file: BookFile, _ listener: Int32) {
        self.arguments = arguments
        self.file = file
        self.listener = listener
        let now = Self.now
        since = now.wall
        measuredAt = now.clock
        (book, lostBook) = Self.book(file, at: now)
        savedRevision = book.revision
        enforcer = Enforcers.make(arguments, book, at: now)
        offset = Self.offset(now)
        let conduct = enforcer.conduct
        say("\(arguments.interface): \(conduct.mode)" + conduct.missing.map { "; \($0)" }.joined())
        // What has ended while nobody ran is gone from the file at once.
        save(at: now)
    }

    deinit {
        close(listener)
        unlink(file.socket)
    }

    /// The book that was saved; where it cannot be read it is put aside, and a new one begins, with a sentence that says so
    /// for as long as this process runs.
    private static func book(_ file: BookFile, at now: FilterTime) -> (FilterBook, String?) {
        var trouble: String?
        do throws(BookFile.Failure) {
            if let stored = try file.load() {
                let (book, leftOut) = FilterBook.restored(from: stored, at: now)
                if leftOut > 0 { trouble = "\(leftOut) entries of the book are not allowed any more: they are gone" }
                if let trouble { say(trouble) }
                return (book, trouble)
            }
        } catch {
            let aside = file.putAside() ? "it lies in \(file.aside)" : "it could not be put aside"
            trouble = "\(error.reason); \(aside), and an empty book began: blocks, rules and allowed sources are gone"
        }
        if let trouble { say(trouble) }
        var random = SystemRandomNumberGenerator()
        return (FilterBook(key: random.next()), trouble)
    }

    // ---- Time.

    static var now: FilterTime {
        var wall = timespec()
        clock_gettime(CLOCK_REALTIME, &wall)
        return FilterTime(
            wall: Moment(milliseconds: Int64(wall.tv_sec) * 1_000 + Int64(wall.tv_nsec) / 1_000_000),
            clock: KernelClock.now)
    }

    /// Milliseconds from the machine's clock to the wall's.
    private static func offset(_ now: FilterTime) -> Int64 {
        now.wall.milliseconds - Int64(clamping: now.clock / 1_000_000)
    }

    // ---- The loop.

    private func serve() -> Int32 {
        guard !arguments.isOnce else {
            let conduct = enforcer.conduct
            return conduct.mode == .none ? 71 : 0
        }
        var signals = Self.endSignals
        var none = timespec()
        while sigtimedwait(&signals, nil, &none) < 0 {
            wait()
            let now = Self.now
            let clock = now.clock / 1_000_000
            spread(at: clock)
            if hasExpired || clock >= nextExpiry { expire(at: now, clock) }
            enforcer.rest(at: now)
            if book.revision != savedRevision, clock >= nextSave { save(at: now) }
        }
        save(at: Self.now)
        say("ends; the kernel filters on")
        return 0
    }

    private func wait() {
        var entries = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
        entries += clients.map { pollfd(fd: $0.socket, events: Int16($0.isWaiting ? POLLOUT : POLLIN), revents: 0) }
        let isBusy = hasExpired || clients.contains { $0.hasMore && !$0.isWaiting }
        let pause = arguments.plan.sampling > 0 ? Self.sampleInterval : Self.idleInterval
        // An error is a signal, or memory that is short: the next turn looks again.
        guard poll(&entries, nfds_t(entries.count), isBusy ? 0 : pause) >= 0 else { return }
        let clock = Self.now.clock / 1_000_000
        var kept: [Client] = []
        for (client, entry) in zip(clients, entries.dropFirst()) where turn(client, entry.revents, clock) {
            kept.append(client)
        }
        clients = kept
        if entries[0].revents != 0 { accept(at: clock) }
    }

    /// - Returns: whether the client stays.
    private func turn(_ client: Client, _ events: Int16, _ clock: UInt64) -> Bool {
        if client.isWaiting {
            guard client.flush(at: clock) else { return false }
        } else if events != 0, !client.hasMore, !client.receive(at: clock) {
            return false
        }
        guard client.hasMore else { return true }
        return client.take({ answer($0, client) }, at: clock)
    }

    private func accept(at clock: UInt64) {
        while true {
            var peer = [UInt8](repeating: 0, count: 16)
            var port: UInt16 = 0
            let socket = linux_accept(listener, &peer, &port)
            guard socket >= 0 else { return }
            // More than that are none of ours: they are root's, and see the end of their connection.
            guard clients.count < Self.clientLimit || dropIdle(at: clock) else {
                close(socket)
                continue
            }
            clients.append(Client(socket, at: clock))
        }
    }

    /// Lets the client go that has been silent for longest, where one is idle.
    private func dropIdle(at clock: UInt64) -> Bool {
        let idle = clients.indices.filter { place in
            let client = clients[place]
            return client.wanted == 0 && !client.isWaiting && client.heardAt + Self.idleLimit <= clock
        }
        guard let longest = idle.min(by: { clients[$0].heardAt < clients[$1].heardAt }) else { return false }
        clients.remove(at: longest)
        return true
    }

    /// Samples to who wants them. They are taken where nobody does, too, so that who asks gets new ones.
    private func spread(at clock: UInt64) {
        var samples: [FilterSample] = []
        let isWanted = clients.contains { $0.wanted > 0 }
        enforcer.takeSamples(Self.sampleLimit) { if isWanted { samples.append($0) } }
        guard !samples.isEmpty else { return }
        for client in clients where client.wanted > 0 {
            let count = Int(min(client.wanted, UInt32(samples.count)))
            for start in stride(from: 0, to: count, by: FilterSamples.limit) {
                // Who does not keep up misses some: they are samples.
                guard !client.isWaiting else { break }
                let part = FilterSamples(
                    Array(samples[start..<min(count, start + FilterSamples.limit)]),
                    rate: max(1, arguments.plan.sampling))
                client.wanted -= UInt32(part.samples.count)
                // One that is gone is seen at the next turn.
                _ = client.send(Frame(.filterSamples, body: part.encoded()), at: clock)
            }
        }
    }

    // ---- What time brings.

    private func expire(at now: FilterTime, _ clock: UInt64) {
        nextExpiry = clock + Self.second
        if clock >= busyUntil { busy = [] }
        let offset = Self.offset(now)
        if abs(offset - self.offset) > Self.stepLimit {
            // Rounded to whole seconds, as entries are; the rest is seen with the next step.
            let seconds = (offset - self.offset) / 1_000
            say("the wall clock was set by \(seconds) s: entries keep what is left of their time")
            book.shift(by: seconds)
            self.offset += seconds * 1_000
        }
        let expired = book.expire(at: now)
        hasExpired = expired.hasMore
        _ = carryOut(expired.actions, at: now)
        guard clock >= nextRetry else { return }
        nextRetry = clock + Self.retryInterval
        // Rights that came, an interface that came again; nftables stays where it is, and is not tried to be replaced.
        if enforcer is NoEnforcer { enforcer = Enforcers.make(arguments, book, at: now) }
        // Whoever flushes the firewall's rules flushes ours: it is seen by asking.
        if enforcer.conduct.mode == .nftables { _ = try? enforcer.counts() }
        guard behind != nil || enforcer.conduct.mode == .none else { return }
        do throws(EnforcerError) {
            try enforcer.align(with: book, at: now)
            behind = nil
        } catch { behind = error.reason }
    }

    /// Carries actions out; a sentence where the kernel refused some. Then all of it is tried again later.
    func carryOut(_ actions: [FilterAction], at now: FilterTime) -> String? {
        guard !actions.isEmpty else { return nil }
        do throws(EnforcerError) {
            try enforcer.perform(actions, of: book, at: now)
            return nil
        } catch {
            behind = error.reason
            return error.reason
        }
    }

    private func save(at now: FilterTime) {
        let begin = Self.now.clock / 1_000_000
        do throws(BookFile.Failure) {
            try file.save(book.stored(at: now))
            savedRevision = book.revision
            saveTrouble = nil
        } catch {
            if saveTrouble == nil { say(error.reason) }
            saveTrouble = error.reason
        }
        let end = Self.now.clock / 1_000_000
        nextSave = end + min(Self.longestPause, max(Self.second, (end - min(end, begin)) * Self.savePause))
    }
}
