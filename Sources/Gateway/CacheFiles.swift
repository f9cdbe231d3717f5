internal import Admission
internal import Glibc

/// The files of one lane's cache, in a folder that no other lane has while this one has it. Everything here may wait for
/// the disk.
final class CacheFiles {
    struct Trouble: Error {
        var code: Int32
        var text: String
        /// Another process has the folder.
        var isTaken = false
    }

    struct Found {
        var name: CacheShelf.Name
        var size: Int
        /// Seconds since 1970.
        var usedAt: UInt64
    }

    enum Reading {
        case bytes([UInt8])
        /// There is no file, or no sound one.
        case nothing
        case failed(Int32)
    }

    private static let lockName = "lock"
    private static let draftEnding = ".new"
    /// Names that are looked at; of a folder with more the others are removed.
    private static let listLimit = 4 * CacheShelf.fileLimit

    private let folder: Int32
    private var lock: Int32

    /// Opens `path`/lane-`lane`, and makes both where they are missing.
    init(_ path: String, lane: String) throws(Trouble) {
        let own = "\(path)/lane-\(lane)"
        for part in [path, own] where mkdir(part, 0o700) != 0 && errno != EEXIST {
            throw Self.trouble("cannot be made", part)
        }
        folder = open(own, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { throw Self.trouble("cannot be opened", own) }
        lock = -1
        var status = stat()
        guard fstat(folder, &status) == 0, status.st_uid == geteuid() else {
            close(folder)
            throw Trouble(code: EPERM, text: "the cache's folder \(own) belongs to another user")
        }
        guard status.st_mode & 0o077 == 0 || fchmod(folder, 0o700) == 0 else {
            let trouble = Self.trouble("is open to others", own)
            close(folder)
            throw trouble
        }
        lock = openat(folder, Self.lockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard lock >= 0 else {
            let trouble = Self.trouble("cannot be written", own)
            close(folder)
            throw trouble
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK
            var trouble = Self.trouble("is in use by another lane, or cannot be locked", own)
            trouble.isTaken = isTaken
            close(lock)
            close(folder)
            throw trouble
        }
    }

    deinit {
        if lock >= 0 { close(lock) }
        close(folder)
    }

    private static func trouble(_ what: String, _ path: String) -> Trouble {
        let code = errno
        return Trouble(code: code, text: "the cache's folder \(path) \(what): \(String(cString: strerror(code)))")
    }

    /// Another lane may have the folder from here on; files can still be removed.
    func unlock() {
        if lock >= 0 { close(lock) }
        lock = -1
    }

    /// The folder was removed under our hands.
    var isGone: Bool {
        var status = stat()
        return fstat(folder, &status) != 0 || status.st_nlink == 0
    }

    // MARK: - Reading

    /// All files, those used longest ago first, and how many things that are no files had a name of ours: they are removed.
    /// So are drafts of a lane that ended in the middle of one; what has no name of ours stays.
    ///
    /// - Parameter limit: a larger file is none of ours.
    func list(limit: Int) throws(Trouble) -> (found: [Found], broken: Int) {
        // Another description of the folder: its place is read from the start, and closed with it.
        let copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { throw Self.trouble("cannot be read", Self.lockName) }
        guard let entries = fdopendir(copy) else {
            let trouble = Self.trouble("cannot be read", Self.lockName)
            close(copy)
            throw trouble
        }
        defer { closedir(entries) }
        let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
        var found: [Found] = []
        var broken = 0
        while true {
            errno = 0
            guard let entry = readdir(entries) else { break }
            // Not the field as a value: of the last entry less is there than that has room for.
            let start = UnsafeRawPointer(entry) + nameOffset
            let text = String(cString: start.assumingMemoryBound(to: CChar.self))
            if text.hasSuffix(Self.draftEnding), Self.name(String(text.dropLast(Self.draftEnding.count))) != nil {
                unlinkat(folder, text, 0)
                continue
            }
            guard let name = Self.name(text) else { continue }
            var status = stat()
            guard found.count < Self.listLimit, fstatat(folder, text, &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT == S_IFREG, (0...limit).contains(Int(status.st_size))
            else {
                broken += remove(name) == 0 ? 1 : 0
                continue
            }
            found.append(
                Found(name: name, size: Int(status.st_size), usedAt: UInt64(max(0, status.st_mtim.tv_sec))))
        }
        // A part of them would be taken for all.
        guard errno == 0 else { throw Self.trouble("cannot be read", Self.lockName) }
        return (found.sorted { $0.usedAt < $1.usedAt }, broken)
    }

    func read(_ name: CacheShelf.Name, limit: Int) -> Reading {
        // Neither a link nor a pipe in the place of a file leads anywhere.
        let file = openat(folder, Self.text(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return errno == ENOENT || errno == ELOOP ? .nothing : .failed(errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { return .failed(errno) }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size > 0, Int(status.st_size) <= limit else {
            return .nothing
        }
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { room, count in
            while count < room.count {
                let got = Glibc.read(file, room.baseAddress! + count, room.count - count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { code = errno }
                guard got > 0 else { return }
                count += got
            }
        }
        guard code == 0 else { return .failed(code) }
        // It was used now: so the order in which files go outlives the lane.
        futimens(file, nil)
        return .bytes(bytes)
    }

    // MARK: - Writing

    /// Puts a file in its place in one step. Returns 0, or the error's number.
    func write(_ bytes: [UInt8], to name: CacheShelf.Name) -> Int32 {
        let text = Self.text(name)
        let draft = text + Self.draftEnding
        unlinkat(folder, draft, 0)
        let file = openat(folder, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { return errno }
        var code: Int32 = 0
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + offset, $0.count - offset) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                code = count < 0 ? errno : ENOSPC
                break
            }
            offset += count
        }
        // Not forced to the disk: a file that a crash of the machine tears is told by its seal.
        if close(file) != 0, code == 0 { code = errno }
        if code == 0, renameat(folder, draft, folder, text) != 0 { code = errno }
        if code != 0 { unlinkat(folder, draft, 0) }
        return code
    }

    /// Returns 0, or the error's number. What cannot be removed is emptied where that can be done.
    func remove(_ name: CacheShelf.Name) -> Int32 {
        let text = Self.text(name)
        guard unlinkat(folder, text, 0) != 0, errno != ENOENT else { return 0 }
        let code = errno
        if code == EISDIR { return unlinkat(folder, text, Int32(AT_REMOVEDIR)) == 0 ? 0 : code }
        let file = openat(folder, text, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return code }
        close(file)
        return 0
    }

    /// Waits until the disk has what was removed.
    func sync() { fsync(folder) }

    // MARK: - Names

    private static func text(_ name: CacheShelf.Name) -> String { "\(hex(name.site))-\(hex(name.hash))" }

    private static func hex(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func name(_ text: String) -> CacheShelf.Name? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let site = UInt64(parts[0], radix: 16), let hash = UInt64(parts[1], radix: 16) else {
            return nil
        }
        let name = CacheShelf.Name(site: site, hash: hash)
        // One name has one spelling.
        return self.text(name) == text ? name : nil
    }
}
