internal import Sketches

/// The book of what a lane's cache has on disk: which files there are, and what is to be done with them next. It opens no
/// file; one thread carries out what `next` says, and tells how it went.
///
/// Our bug: telling of a file that nobody was to touch traps in debug builds. Their fault: more than there is room for is
/// left out, and counted. Ignored: giving up what is not there.
package struct CacheShelf: Sendable {
    /// What a file is called by: the site, and the hash of the key.
    package struct Name: Hashable, Sendable {
        package var site: UInt64
        package var hash: UInt64

        package init(site: UInt64, hash: UInt64) {
            self.site = site
            self.hash = hash
        }
    }

    package enum Task: Equatable, Sendable {
        case remove(Name)
        case load(Name)
        case write(Name)
    }

    /// Files at once; the book of each takes about 150 bytes.
    package static let fileLimit = 131_072
    /// New files that wait to be written. A disk that is slower for long is not to be waited for.
    package static let newLimit = 4_096
    /// Files that wait to be read.
    package static let loadLimit = 512
    /// How long a newer response waits for others after it, in nanoseconds: what is asked for anew each second is not
    /// written each second.
    package static let renewalTime: UInt64 = 10_000_000_000
    /// Seconds that a file stays which nobody asks for: as long as a page may be shown in hard times, at most.
    package static let idleTime: UInt64 = 30 * 86_400
    /// Names given up before the folder was read.
    private static let earlyLimit = 65_536

    private struct Entry {
        var site: UInt64 = 0
        var usedAt: UInt64 = 0
        /// Workers with requests that wait for it, a bit for each.
        var waiting: UInt64 = 0
        var isOnDisk = false
        /// What is in memory is newer.
        var isDirty = false
        /// Nobody may get it.
        var isGivenUp = false
        /// What lies there was given up, whatever was kept since: it goes before that is written.
        var isVoid = false
        /// The same of what is being written just now.
        var isVoidOnceWritten = false
        // In which queues it stands: once in each, so that they cannot grow beyond the book.
        var isNew = false
        var isRenewal = false
        var isRemoval = false
        var isLoading = false
    }

    private var order: SegmentedLRU
    /// By the order's slots.
    private var entries: [Entry] = []
    /// Up to where it was looked whom nobody asks for.
    private var walked = 0
    private var removals = Queue<UInt64>()
    private var loads = Queue<UInt64>()
    private var new = Queue<UInt64>()
    private var renewals = Queue<(hash: UInt64, due: UInt64)>()
    private var early: Set<UInt64> = []
    private var hasManyEarly = false
    /// The sites whose files may stay; nil: not said yet.
    private var sites: Set<UInt64>?

    /// The folder was read.
    package private(set) var isOpen = false
    /// Not written, and not read, because too much else was.
    package var omitted: UInt64 = 0

    /// - Parameter room: bytes that the files may take.
    package init(room: Int) { order = SegmentedLRU(room: room) }

    package var count: Int { order.count }
    package var bytes: Int { order.weight }
    package var room: Int {
        get { order.room }
        set { order.room = newValue }
    }
    /// Nothing is there, and nothing on its way: nobody needs to look.
    package var isEmpty: Bool { isOpen && order.count == 0 }
    package var hasRemovals: Bool { !removals.isEmpty }
    /// Something can be done at once.
    package func hasTasks(mayWrite: Bool) -> Bool { hasRemovals || !loads.isEmpty || mayWrite && !new.isEmpty }

    /// What a file takes on disk: whole blocks.
    package static func weight(_ size: Int) -> Int { (size + 4095) / 4096 * 4096 }

    // MARK: - Opening

    /// A file that lies in the folder; those used longest ago first.
    package mutating func found(_ name: Name, size: Int, usedAt: UInt64) {
        assert(!isOpen)
        guard order.slot(of: name.hash) == nil else { return }
        let slot = insert(name, usedAt: usedAt, weight: Self.weight(size))
        entries[slot].isOnDisk = true
        if hasManyEarly { giveUp(slot, name.hash) }
    }

    /// All were found. What was given up meanwhile goes, and what is of no site that may stay.
    package mutating func open() {
        isOpen = true
        for hash in early { giveUp(hash) }
        early = []
        hasManyEarly = false
        if let sites { retain(sites) }
    }

    /// Forgets all: the folder is another one, or gone. What is given up from now on is remembered for when it is opened.
    ///
    /// - Returns: what requests waited for that go on, with their workers, a bit for each.
    @discardableResult
    package mutating func close() -> [(hash: UInt64, workers: UInt64)] {
        let waiting = entries.indices.compactMap { slot in
            entries[slot].waiting == 0 ? nil : (hash: order.key(at: slot), workers: entries[slot].waiting)
        }
        let (room, omitted, sites) = (order.room, omitted, sites)
        self = CacheShelf(room: room)
        (self.omitted, self.sites) = (omitted, sites)
        return waiting
    }

    /// Only these sites' files stay.
    package mutating func retain(_ some: Set<UInt64>) {
        guard isOpen else {
            // Who was among those that do not stay meanwhile does not come back by that.
            sites = sites.map { $0.intersection(some) } ?? some
            return
        }
        sites = some
        for slot in entries.indices where entries[slot].isOnDisk || entries[slot].isDirty {
            if !some.contains(entries[slot].site) { giveUp(slot, order.key(at: slot)) }
        }
    }

    // MARK: - What the workers say

    /// Memory has a response that is newer than what is on disk.
    ///
    /// - Returns: whether there is something to do at once.
    package mutating func kept(_ name: Name, at now: UInt64, _ seconds: UInt64) -> Bool {
        guard isOpen else { return false }
        guard let slot = order.slot(of: name.hash) else {
            guard new.count < Self.newLimit, order.count < Self.fileLimit else {
                omitted += 1
                return false
            }
            let slot = insert(name, usedAt: seconds, weight: 0)
            entries[slot].isDirty = true
            entries[slot].isNew = true
            new.append(name.hash)
            return true
        }
        let isOutdated = entries[slot].isOnDisk && !entries[slot].isGivenUp
        entries[slot].isGivenUp = false
        entries[slot].isDirty = true
        entries[slot].usedAt = seconds
        if isOutdated {
            guard !entries[slot].isRenewal, !entries[slot].isNew else { return false }
            entries[slot].isRenewal = true
            renewals.append((name.hash, now + Self.renewalTime))
            return false
        }
        guard !entries[slot].isNew else { return false }
        entries[slot].isNew = true
        new.append(name.hash)
        return true
    }

    /// What is on disk is not true any more.
    ///
    /// - Returns: whether there is something to do at once.
    @discardableResult
    package mutating func giveUp(_ hash: UInt64) -> Bool {
        guard isOpen else {
            if early.count < Self.earlyLimit { early.insert(hash) } else { hasManyEarly = true }
            return false
        }
        guard let slot = order.slot(of: hash) else { return false }
        giveUp(slot, hash)
        return true
    }

    /// Nobody may get what was read under it: it was given up, or there is something newer.
    package func isOutdated(_ hash: UInt64) -> Bool {
        guard isOpen else { return hasManyEarly || early.contains(hash) }
        guard let slot = order.slot(of: hash) else { return true }
        return entries[slot].isGivenUp || entries[slot].isVoid || entries[slot].isDirty
    }

    /// What lies on disk under it was given up, and is to go.
    package func isVoid(_ hash: UInt64) -> Bool { order.slot(of: hash).map { entries[$0].isVoid } ?? false }

    /// It is to be written.
    package func isDirty(_ hash: UInt64) -> Bool { order.slot(of: hash).map { entries[$0].isDirty } ?? false }

    /// Somebody asks for what memory has not.
    ///
    /// - Parameter worker: whose request waits; nil: nobody's does.
    /// - Returns: whether it will be looked for.
    package mutating func ask(_ hash: UInt64, worker: Int?, at seconds: UInt64) -> Bool {
        guard isOpen, let slot = order.slot(of: hash), entries[slot].isOnDisk, !entries[slot].isDirty,
            !entries[slot].isGivenUp
        else { return false }
        if !entries[slot].isLoading {
            guard loads.count < Self.loadLimit else {
                omitted += 1
                return false
            }
            entries[slot].isLoading = true
            loads.append(hash)
        }
        if let worker { entries[slot].waiting |= 1 << UInt64(worker) }
        entries[slot].usedAt = seconds
        _ = order.asked(hash)
        return true
    }

    // MARK: - What is to be done

    /// What is next: what was given up first, then what is waited for.
    ///
    /// - Parameter mayWrite: the disk takes something now.
    package mutating func next(at now: UInt64, mayWrite: Bool) -> Task? {
        while let hash = removals.popFirst() {
            guard let slot = order.slot(of: hash) else { continue }
            entries[slot].isRemoval = false
            if entries[slot].isVoid { return .remove(name(slot, hash)) }
        }
        while let hash = loads.popFirst() {
            guard let slot = order.slot(of: hash) else { continue }
            // Who waited for what was given up since was told when it went.
            if entries[slot].isOnDisk, !entries[slot].isGivenUp { return .load(name(slot, hash)) }
            entries[slot].isLoading = false
        }
        guard mayWrite else { return nil }
        while let hash = new.popFirst() {
            guard let slot = order.slot(of: hash) else { continue }
            entries[slot].isNew = false
            if let task = write(slot, hash) { return task }
        }
        while let first = renewals.first, first.due <= now {
            _ = renewals.popFirst()
            guard let slot = order.slot(of: first.hash) else { continue }
            entries[slot].isRenewal = false
            if let task = write(slot, first.hash) { return task }
        }
        return nil
    }

    private mutating func write(_ slot: Int, _ hash: UInt64) -> Task? {
        guard entries[slot].isDirty, !entries[slot].isGivenUp else { return nil }
        entries[slot].isDirty = false
        entries[slot].isVoidOnceWritten = false
        return .write(name(slot, hash))
    }

    /// The file is gone.
    ///
    /// - Returns: the workers whose requests go on, a bit for each.
    package mutating func removed(_ hash: UInt64) -> UInt64 {
        guard let slot = order.slot(of: hash) else { return 0 }
        let waiting = entries[slot].waiting
        entries[slot].waiting = 0
        entries[slot].isOnDisk = false
        entries[slot].isVoid = false
        // Kept anew meanwhile: it is written again.
        if entries[slot].isDirty { order.setWeight(0, at: slot) } else { drop(slot) }
        return waiting
    }

    /// A file was written; nil: it was not, and the one before is not to stay.
    package mutating func wrote(_ hash: UInt64, size: Int?) {
        guard let slot = order.slot(of: hash) else { return }
        guard let size else {
            // Where there is a newer one still, that takes its place.
            guard !entries[slot].isDirty else { return }
            return entries[slot].isOnDisk ? giveUp(slot, hash) : drop(slot)
        }
        entries[slot].isOnDisk = true
        entries[slot].isVoid = entries[slot].isVoidOnceWritten
        order.setWeight(Self.weight(size), at: slot)
    }

    /// A file was read.
    ///
    /// - Parameter isSound: it holds what it should.
    /// - Returns: the workers whose requests go on, a bit for each.
    package mutating func loaded(_ hash: UInt64, isSound: Bool) -> UInt64 {
        guard let slot = order.slot(of: hash) else { return 0 }
        let waiting = entries[slot].waiting
        entries[slot].waiting = 0
        entries[slot].isLoading = false
        if !isSound, !entries[slot].isDirty { giveUp(slot, hash) }
        return waiting
    }

    // MARK: - Room

    /// Who goes because there is too much, or because nobody has asked for it for so long; nil: nobody.
    package mutating func victim(at seconds: UInt64) -> Name? {
        // Some places are kept free, or nothing new would ever get one.
        if order.weight > order.room || order.count > Self.fileLimit - Self.newLimit, let slot = order.victim {
            return name(slot, order.key(at: slot))
        }
        // A few at a time: all are come by in less than an hour.
        for _ in 0..<min(64, entries.count) {
            walked = (walked + 1) % entries.count
            guard entries[walked].isOnDisk, !entries[walked].isVoid, entries[walked].usedAt + Self.idleTime < seconds
            else { continue }
            return name(walked, order.key(at: walked))
        }
        return nil
    }

    /// It is in memory, where it is used without a word: it stays for now.
    package mutating func spare(_ hash: UInt64, at seconds: UInt64) {
        guard let slot = order.asked(hash) else { return }
        entries[slot].usedAt = seconds
    }

    /// It goes: nobody gets it any more.
    package mutating func evict(_ hash: UInt64) {
        guard let slot = order.slot(of: hash) else { return }
        void(slot)
    }

    // MARK: - Entries

    private func name(_ slot: Int, _ hash: UInt64) -> Name { Name(site: entries[slot].site, hash: hash) }

    private mutating func insert(_ name: Name, usedAt: UInt64, weight: Int) -> Int {
        let slot = order.insert(name.hash, weight: weight)
        while entries.count <= slot { entries.append(Entry()) }
        entries[slot] = Entry(site: name.site, usedAt: usedAt)
        return slot
    }

    private mutating func void(_ slot: Int) {
        entries[slot].isGivenUp = true
        entries[slot].isVoid = true
        entries[slot].isVoidOnceWritten = true
        entries[slot].isDirty = false
    }

    private mutating func giveUp(_ slot: Int, _ hash: UInt64) {
        void(slot)
        guard !entries[slot].isRemoval else { return }
        entries[slot].isRemoval = true
        removals.append(hash)
    }

    private mutating func drop(_ slot: Int) {
        entries[slot] = Entry()
        order.remove(slot)
    }
}

/// First in, first out, in an array whose spent front is let go when it is the larger part.
private struct Queue<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    private var start = 0

    var count: Int { elements.count - start }
    var isEmpty: Bool { count == 0 }
    var first: Element? { isEmpty ? nil : elements[start] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard let first else { return nil }
        start += 1
        if start == elements.count || start > 1024 && start * 2 > elements.count {
            elements.removeFirst(start)
            start = 0
        }
        return first
    }
}
