internal import Admission
internal import CLinux
internal import Glibc
internal import Messages
internal import Sketches
internal import Synchronization

/// The cache's folder on disk, as workers and control thread see it: they say what is new and what is not true any more, and
/// ask for what memory has not. None of that touches the disk; a thread of its own does (`CacheClerk`).
final class CacheDisk: Sendable {
    /// A site whose responses may lie on disk.
    struct Keeper: Sendable {
        var cache: SiteCache
        var name: [UInt8]
    }

    /// A response that lies nowhere but here.
    struct Surplus: Sendable {
        var key: [UInt8]
        var response: StoredResponse

        var cost: Int { key.count + response.cost }
    }

    /// A line for the log.
    struct Note: Sendable {
        var level: UInt8
        var text: String
    }

    struct State {
        var shelf = CacheShelf(room: 0)
        var folder: Snapshot.CacheFolder?
        /// By salt.
        var keepers: [UInt64: Keeper] = [:]
        var seal = KeyedHash(key: [])
        var status = DiskStatus()
        var notes: [Note] = []
        /// Responses that memory had no room for, until they are written.
        var surplus: [UInt64: Surplus] = [:]
        var surplusBytes = 0
        var hasThread = false
        /// The folder was opened, or could not be, at least once.
        var hasTried = false
        var isLeaving = false
        /// All that was to be written before the end is.
        var hasLeft = false
    }

    private static let noteLimit = 16
    /// Bytes of responses that memory has no room for and that wait to be written.
    private static let surplusLimit = 16 << 20
    /// How long a lane's start waits for the folder to be read, and its end for what is still to be written, in
    /// milliseconds. A disk that hangs holds up neither for longer.
    private static let startTime = 1_000
    private static let endTime = 3_000

    private let state = Mutex(State())
    /// There is no folder.
    private let isOff = Atomic(true)
    /// There is nothing to look for or to give up.
    private let hasNothing = Atomic(true)
    private let wakeDescriptor = linux_event()
    private let isAsleep = Atomic(false)

    var isIdle: Bool { hasNothing.load(ordering: .relaxed) }

    // MARK: - The control thread's

    /// What the snapshot says of it.
    ///
    /// - Parameter key: seals what is written.
    func adopt(_ snapshot: Snapshot, _ sites: [Site], _ key: KeyedHash) {
        let folder = snapshot.limits.cacheMemory > 0 ? snapshot.cacheFolder : nil
        with { state in
            state.folder = folder
            state.seal = key
            state.status.configured = folder == nil ? 0 : 1
            state.shelf.room = Int(clamping: folder?.size ?? 0)
            state.keepers = [:]
            for site in sites where site.settings.cache.mode != .off {
                state.keepers[site.state.salt] = Keeper(cache: site.state.cache, name: site.name)
            }
            if folder != nil { state.shelf.retain(Set(state.keepers.keys)) }
        }
        isOff.store(folder == nil, ordering: .relaxed)
        wake()
    }

    /// Starts the thread where there is a folder and none yet.
    func start(_ shared: LaneShared) {
        let isNew = state.withLock { state -> Bool in
            guard state.folder != nil, !state.hasThread, !state.isLeaving else { return false }
            state.hasThread = true
            return true
        }
        if isNew { CacheClerk.start(self, shared) }
    }

    /// Waits until the folder was read, or could not be.
    func awaitOpening() {
        for _ in 0..<Self.startTime / 2 {
            if state.withLock({ !$0.hasThread || $0.hasTried }) { return }
            usleep(2_000)
        }
    }

    /// The lane finishes: what is still to be written is, and then another lane may have the folder.
    func leave() {
        state.withLock { $0.isLeaving = true }
        wake()
    }

    /// Waits until that is done, and nothing more is to be removed.
    func settle() {
        for _ in 0..<Self.endTime / 5 {
            if state.withLock({ !$0.hasThread || $0.hasLeft && !$0.shelf.hasRemovals }) { return }
            usleep(5_000)
        }
    }

    var status: DiskStatus {
        state.withLock { state in
            var status = state.status
            status.open = state.shelf.isOpen ? 1 : 0
            status.files = UInt64(state.shelf.count)
            status.bytes = UInt64(state.shelf.bytes)
            status.omitted = state.shelf.omitted
            return status
        }
    }

    func takeNotes() -> [Note] {
        guard !isOff.load(ordering: .relaxed) else { return [] }
        return state.withLock { state in
            defer { state.notes = [] }
            return state.notes
        }
    }

    // MARK: - The workers'

    func kept(_ name: CacheShelf.Name) {
        guard !isOff.load(ordering: .relaxed) else { return }
        let now = Clock.monotonic()
        let seconds = Clock.wall() / 1_000_000_000
        let isDue = with { state in
            guard state.keepers[name.site] != nil, !state.hasLeft else { return false }
            return state.shelf.kept(name, at: now, seconds)
        }
        if isDue { wake() }
    }

    /// Memory has no room for a response that may be kept: it goes to disk alone.
    func keep(_ name: CacheShelf.Name, _ key: [UInt8], _ response: StoredResponse) {
        guard !isOff.load(ordering: .relaxed) else { return }
        let isOver = state.withLock { state in
            guard state.keepers[name.site] != nil, !state.hasLeft, state.shelf.isOpen else { return true }
            let surplus = Surplus(key: key, response: response)
            let former = state.surplus[name.hash]?.cost ?? 0
            guard state.surplusBytes + surplus.cost - former <= Self.surplusLimit else {
                state.shelf.omitted += 1
                return true
            }
            state.surplus[name.hash] = surplus
            state.surplusBytes += surplus.cost - former
            return false
        }
        guard !isOver else { return }
        kept(name)
        with { state in if !state.shelf.isDirty(name.hash) { state.dropSurplus(name.hash) } }
    }

    func giveUp(_ hash: UInt64) {
        guard !isIdle else { return }
        let isDue = with { state in
            state.dropSurplus(hash)
            return state.shelf.giveUp(hash)
        }
        if isDue { wake() }
    }

    /// - Parameter worker: whose request waits for it; nil: nobody's does.
    func ask(_ hash: UInt64, worker: Int?) -> Bool {
        guard !isIdle else { return false }
        let seconds = Clock.wall() / 1_000_000_000
        let isComing = state.withLock { !$0.hasLeft && $0.shelf.ask(hash, worker: worker, at: seconds) }
        if isComing { wake() }
        return isComing
    }

    // MARK: - The clerk's

    /// Whatever changes the shelf says so to those who only look whether it is empty.
    func with<Result: Sendable>(_ body: (inout sending State) -> sending Result) -> Result {
        state.withLock { state in
            defer { hasNothing.store(state.folder == nil || state.shelf.isEmpty, ordering: .relaxed) }
            return body(&state)
        }
    }

    func note(_ level: UInt8, _ text: String) {
        state.withLock { state in
            if state.notes.count < Self.noteLimit { state.notes.append(Note(level: level, text: text)) }
        }
    }

    func takeSurplus(_ hash: UInt64) -> Surplus? {
        state.withLock { state in
            defer { state.dropSurplus(hash) }
            return state.surplus[hash]
        }
    }

    func isOutdated(_ hash: UInt64) -> Bool { state.withLock { $0.shelf.isOutdated(hash) } }

    /// Waits until there is something to do, or for so long.
    ///
    /// - Parameter isIdle: whether there is nothing to do, asked once more after it is known that this thread sleeps.
    func sleep(milliseconds: Int32, while isIdle: () -> Bool) {
        isAsleep.store(true, ordering: .sequentiallyConsistent)
        defer { isAsleep.store(false, ordering: .relaxed) }
        guard isIdle() else { return }
        var wait = pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, milliseconds) > 0 else { return }
        var count: UInt64 = 0
        read(wakeDescriptor, &count, 8)
    }

    private func wake() {
        guard isAsleep.exchange(false, ordering: .sequentiallyConsistent) else { return }
        var one: UInt64 = 1
        write(wakeDescriptor, &one, 8)
    }
}

extension CacheDisk.State {
    mutating func dropSurplus(_ hash: UInt64) {
        guard let former = surplus.removeValue(forKey: hash) else { return }
        surplusBytes -= former.cost
    }

    /// Lets go what was not to be written after all.
    mutating func sweep() {
        for hash in surplus.keys where !shelf.isDirty(hash) { dropSurplus(hash) }
    }

    /// Forgets the folder and all that was on its way there. Returns who waited, as the shelf does.
    mutating func close() -> [(hash: UInt64, workers: UInt64)] {
        (surplus, surplusBytes) = ([:], 0)
        return shelf.close()
    }
}
