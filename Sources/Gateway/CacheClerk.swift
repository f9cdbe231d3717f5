internal import Admission
internal import Bytes
internal import Glibc
internal import Heads
internal import Messages
internal import Sketches

/// The one thread of a lane that waits for the disk: carries out what the shelf says is next, and nobody waits for it but
/// requests for what it reads.
final class CacheClerk {
    /// Between two tries to open the folder, and how long nothing is written after the disk refused something; where another
    /// lane has the folder, which is about to end as a rule, it is looked more often. Nanoseconds.
    private static let retryTime: UInt64 = 10_000_000_000
    private static let takenTime: UInt64 = 100_000_000
    /// After so long that is said.
    private static let takenLimit: UInt64 = 5_000_000_000
    /// From the word that the lane finishes until the folder is let go: for what is just being answered; and how long what
    /// is still to be written may take then.
    private static let graceTime: UInt64 = 250_000_000
    private static let leaveTime: UInt64 = 2_000_000_000
    /// Between two times that the disk is waited for because something was removed, which may take long.
    private static let syncTime: UInt64 = 1_000_000_000
    /// Bytes a second that are written at most, over time: visitors' responses do not wear a disk out.
    private static let pace: UInt64 = 8 << 20
    private static let burst: UInt64 = 64 << 20
    /// Files that stay because memory holds them, in one search for somebody who goes.
    private static let spareLimit = 64
    private static let sealSize = 8
    /// A clock that was set back makes no response younger than this many seconds.
    private static let clockSlack: Int64 = 300
    /// A file may take this part of all at most.
    private static let parts = 4
    private static let readLimit =
        CacheRecord.variantLimit * (CacheRecord.contentLimit + 8 * CacheRecord.textLimit) + 4096

    private let disk: CacheDisk
    private let shared: LaneShared
    private var files: CacheFiles?
    private var folder: Snapshot.CacheFolder?
    private var retryAt: UInt64 = 0
    private var takenSince: UInt64 = 0
    private var writesAt: UInt64 = 0
    private var credit = burst
    private var creditAt: UInt64 = 0
    private var isUnsynced = false
    private var syncedAt: UInt64 = 0
    /// What the system would not remove.
    private var stuck: Set<CacheShelf.Name> = []
    private var stuckUntil: UInt64 = 0
    private var leavesAt: UInt64?
    private var hasLeft = false
    /// What was said last: the same trouble is not said again each time.
    private var said = ""

    private init(_ disk: CacheDisk, _ shared: LaneShared) {
        self.disk = disk
        self.shared = shared
    }

    static func start(_ disk: CacheDisk, _ shared: LaneShared) {
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<CacheClerk>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(CacheClerk(disk, shared)).toOpaque())
        precondition(status == 0, "the kernel gives no thread")
        pthread_detach(thread)
    }

    private func run() {
        // This thread alone: workers go first.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
        while true {
            let now = Clock.monotonic()
            let (wanted, isLeaving) = disk.with { ($0.folder, $0.isLeaving) }
            if wanted?.path != folder?.path || wanted?.lane != folder?.lane { change(to: wanted) }
            if let folder, files == nil, !isLeaving, now >= retryAt { open(folder, at: now) }
            if isLeaving, leavesAt == nil { leavesAt = now + Self.graceTime }
            if let leavesAt, now >= leavesAt { leave() } else { work(until: .max, at: { Clock.monotonic() }) }
            let mayWrite = mayWrite(at: Clock.monotonic())
            let isSoon = folder != nil && (files == nil || !mayWrite) || isLeaving && !hasLeft
            disk.sleep(milliseconds: isSoon ? 100 : 1_000) {
                disk.with { state in
                    guard state.isLeaving == isLeaving, state.folder == wanted else { return false }
                    return files == nil || !state.shelf.hasTasks(mayWrite: mayWrite && !hasLeft)
                }
            }
        }
    }

    // MARK: - The folder

    private func change(to wanted: Snapshot.CacheFolder?) {
        // What is given up from now on would stay there, for a lane that is given this folder again one day.
        if let files, let list = try? files.list(limit: Self.readLimit) {
            for file in list.found { _ = files.remove(file.name) }
        }
        files = nil
        stuck = []
        for (hash, workers) in disk.with({ $0.close() }) { wake(workers, hash) }
        folder = wanted
        (retryAt, takenSince) = (0, 0)
    }

    private func open(_ folder: Snapshot.CacheFolder, at now: UInt64) {
        defer { disk.with { $0.hasTried = true } }
        do throws(CacheFiles.Trouble) {
            let files = try CacheFiles(folder.path, lane: folder.lane)
            let (found, broken) = try files.list(limit: Self.readLimit)
            var rest = found[...]
            while !rest.isEmpty {
                // Workers get their turn in between.
                let some = Array(rest.prefix(512))
                rest = rest.dropFirst(some.count)
                disk.with { state in
                    for file in some { state.shelf.found(file.name, size: file.size, usedAt: file.usedAt) }
                }
            }
            let keepers = disk.with { state in
                state.shelf.open()
                state.status.broken += UInt64(broken)
                return Array(state.keepers.values)
            }
            self.files = files
            (takenSince, said) = (0, "")
            let size = found.reduce(0) { $0 + $1.size }
            disk.note(6, "the cache's folder \(folder.path) is open: \(found.count) files, \(size >> 20) MiB")
            // What came before the folder was open is written too.
            for keeper in keepers { for name in keeper.cache.names { disk.kept(name) } }
        } catch {
            if takenSince == 0 { takenSince = now }
            let isShort = error.isTaken && now - takenSince < Self.takenLimit
            retryAt = now + (isShort ? Self.takenTime : Self.retryTime)
            guard !isShort else { return }
            fail(error.text)
        }
    }

    private func fail(_ text: String) {
        disk.with { $0.status.failed += 1 }
        guard text != said else { return }
        said = text
        disk.note(4, text + "; the lane goes on without it")
    }

    /// The lane finishes: all that is new is written, and another lane gets the folder. What is given up after that is
    /// removed all the same.
    private func leave() {
        if !hasLeft {
            let end = Clock.monotonic() + Self.leaveTime
            // Renewals are due now.
            work(until: end, at: { .max })
            files?.unlock()
            hasLeft = true
        } else {
            work(until: .max, at: { 0 })
        }
        sync(at: .max)
        disk.with { $0.hasLeft = true }
    }

    // MARK: - Work

    private func work(until end: UInt64, at time: () -> UInt64) {
        guard files != nil else { return }
        retryStuck(at: Clock.monotonic())
        while Clock.monotonic() < end {
            let now = time()
            let mayWrite = !hasLeft && (now == .max || mayWrite(at: now))
            guard let task = disk.with({ $0.shelf.next(at: now, mayWrite: mayWrite) }) else { break }
            switch task {
            case .remove(let name): remove(name)
            case .load(let name): load(name)
            case .write(let name): write(name)
            }
            guard files != nil else { return }
            sync(at: Clock.monotonic())
        }
        guard !hasLeft else { return }
        makeRoom()
        sync(at: Clock.monotonic())
        disk.with { $0.sweep() }
    }

    /// What was given up does not come back with a crash of the machine either, but for the last second.
    private func sync(at now: UInt64) {
        guard isUnsynced, now - syncedAt >= Self.syncTime else { return }
        files?.sync()
        (isUnsynced, syncedAt) = (false, now == .max ? 0 : now)
    }

    private func mayWrite(at now: UInt64) -> Bool {
        let passed = creditAt == 0 ? 0 : min(1_000_000_000, now - creditAt)
        let grown = passed / 1_000 * Self.pace / 1_000_000
        if grown > 0 || creditAt == 0 {
            credit = min(Self.burst, credit + grown)
            creditAt = now
        }
        return credit > 0 && now >= writesAt
    }

    private func remove(_ name: CacheShelf.Name, forRoom isForRoom: Bool = false) {
        guard let files else { return }
        let code = files.remove(name)
        guard code == 0 else {
            if stuck.isEmpty { stuckUntil = Clock.monotonic() + Self.retryTime }
            stuck.insert(name)
            return fail("a file of the cache cannot be removed: \(String(cString: strerror(code)))")
        }
        if !isForRoom { isUnsynced = true }
        wake(disk.with { $0.shelf.removed(name.hash) }, name.hash)
    }

    private func retryStuck(at now: UInt64) {
        guard !stuck.isEmpty, now >= stuckUntil else { return }
        let again = stuck
        stuck = []
        for name in again where disk.with({ $0.shelf.isVoid(name.hash) }) { remove(name) }
    }

    private func makeRoom() {
        var spared = 0
        let seconds = Clock.wall() / 1_000_000_000
        // What cannot be removed would be found again at once.
        while files != nil, stuck.isEmpty, let victim = disk.with({ $0.shelf.victim(at: seconds) }) {
            let keeper = disk.with { $0.keepers[victim.site] }
            if spared < Self.spareLimit, let keeper, keeper.cache.holds(victim.hash) {
                spared += 1
                disk.with { $0.shelf.spare(victim.hash, at: seconds) }
                continue
            }
            disk.with { state in
                state.shelf.evict(victim.hash)
                state.status.evicted += 1
            }
            remove(victim, forRoom: true)
        }
    }

    private func wake(_ workers: UInt64, _ hash: UInt64) {
        var workers = workers
        while workers != 0 {
            shared.tell(workers.trailingZeroBitCount, .landed(hash))
            workers &= workers - 1
        }
    }

    // MARK: - Reading

    private func load(_ name: CacheShelf.Name) {
        guard let files else { return }
        let (keeper, seal) = disk.with { ($0.keepers[name.site], $0.seal) }
        var (isRead, isUseless) = (false, true)
        switch files.read(name, limit: Self.readLimit) {
        case .bytes(let bytes):
            guard let keeper else { break }
            guard let record = record(bytes, name, seal), record.site == keeper.name else { break }
            let variants = record.variants.map { StoredResponse($0) }
            switch keeper.cache.restore(name.hash, record.key, variants, unless: { disk.isOutdated(name.hash) }) {
            case .taken: (isRead, isUseless) = (true, false)
            case .crowded: isUseless = false
            case .tooLarge: break
            }
        case .nothing: break
        case .failed(let code):
            // Of the file that says nothing.
            isUseless = false
            fail("a file of the cache cannot be read: \(String(cString: strerror(code)))")
        }
        let waiting = disk.with { state in
            if isRead { state.status.loaded += 1 }
            if isUseless, keeper != nil { state.status.broken += 1 }
            return state.shelf.loaded(name.hash, isSound: !isUseless)
        }
        wake(waiting, name.hash)
    }

    /// nil: not as it was written, or not by us.
    private func record(_ bytes: [UInt8], _ name: CacheShelf.Name, _ seal: KeyedHash) -> CacheRecord? {
        guard bytes.count > Self.sealSize else { return nil }
        let count = bytes.count - Self.sealSize
        let body = bytes.span.bytes.extracting(0..<count)
        let last = bytes.span.bytes.unsafeLoadUnaligned(fromByteOffset: count, as: UInt64.self)
        guard UInt64(littleEndian: last) == seal.seal(name.site, name.hash, body),
            let record = try? CacheRecord(decoding: body)
        else { return nil }
        let latest = Int64(Clock.wall() / 1_000_000_000) + Self.clockSlack
        return record.variants.allSatisfy { $0.freshness.receivedAt <= latest } ? record : nil
    }

    // MARK: - Writing

    /// What is to be written: all that memory has, or what it had no room for, beside what lies there already.
    private func content(of name: CacheShelf.Name, _ keeper: CacheDisk.Keeper, _ seal: KeyedHash) -> CacheRecord? {
        let surplus = disk.takeSurplus(name.hash)
        if let kept = keeper.cache.kept(name.hash) {
            return CacheRecord(site: keeper.name, key: kept.key, variants: kept.variants.map(\.record))
        }
        guard let surplus, let files else { return nil }
        let new = surplus.response.record
        var record = CacheRecord(site: keeper.name, key: surplus.key, variants: [new])
        if !disk.with({ $0.shelf.isVoid(name.hash) }), case .bytes(let bytes) = files.read(name, limit: Self.readLimit),
            let before = self.record(bytes, name, seal), before.site == record.site, before.key == record.key
        {
            let others = before.variants.filter { $0.varyNames == new.varyNames && $0.varyKey != new.varyKey }
            record.variants = others.suffix(CacheRecord.variantLimit - 1) + [new]
        }
        return record
    }

    private func write(_ name: CacheShelf.Name) {
        guard let files else { return }
        let (keeper, seal, room) = disk.with { ($0.keepers[name.site], $0.seal, $0.shelf.room) }
        // What memory has given away meanwhile cannot be written; an older one on disk would not be true.
        guard let keeper, let record = content(of: name, keeper, seal), var bytes = record.encoded(),
            bytes.count + Self.sealSize <= room / Self.parts
        else { return disk.with { $0.shelf.wrote(name.hash, size: nil) } }
        let sum = seal.seal(name.site, name.hash, bytes.span.bytes)
        withUnsafeBytes(of: sum.littleEndian) { bytes.append(contentsOf: $0) }
        let code = files.write(bytes, to: name)
        disk.with { state in
            if code == 0 { state.status.written += 1 }
            state.shelf.wrote(name.hash, size: code == 0 ? bytes.count : nil)
        }
        // A small file wears a disk out like a block, and its name like another.
        credit -= min(credit, UInt64(CacheShelf.weight(bytes.count) + CacheShelf.weight(1)))
        guard code != 0 else {
            said = ""
            return makeRoom()
        }
        writesAt = Clock.monotonic() + Self.retryTime
        fail("the cache's folder cannot be written: \(String(cString: strerror(code)))")
        if files.isGone {
            self.files = nil
            retryAt = writesAt
            for (hash, workers) in disk.with({ $0.close() }) { wake(workers, hash) }
        }
    }
}

extension StoredResponse {
    /// The same for a file.
    fileprivate var record: CacheRecord.Variant {
        var record = CacheRecord.Variant()
        record.status = head.status
        record.reason = head.reason
        record.fields = head.fields
        record.shortFields = head.shortFields
        record.freshness = head.freshness
        record.validators = head.validators
        record.varyNames = head.varyNames
        record.varyKey = head.varyKey
        record.isPage = head.isPage
        record.content = content.body
        return record
    }

    fileprivate convenience init(_ record: CacheRecord.Variant) {
        self.init(
            Head(
                status: record.status, reason: record.reason, fields: record.fields, shortFields: record.shortFields,
                freshness: record.freshness, validators: record.validators, varyNames: record.varyNames,
                varyKey: record.varyKey, isPage: record.isPage), PageFile(content: record.content))
    }
}
