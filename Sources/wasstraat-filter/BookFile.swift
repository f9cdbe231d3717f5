internal import Bytes
internal import Glibc
internal import Messages
internal import Mitigations

/// Files of the state folder. They hold source addresses: mode 0600, and what is erased in the book is not in the next
/// file.
struct BookFile {
    static let name = "filter.book"
    /// Longest path of a Unix socket (sun_path is 108 bytes with its ending zero).
    static let socketPathLimit = 107

    let folder: String

    var path: String { folder + "/" + Self.name }
    var socket: String { folder + "/filter.sock" }

    /// A sentence that says what failed.
    struct Failure: Error { var reason: String }

    private static func failure(_ what: String) -> Failure {
        Failure(reason: "cannot \(what): \(String(cString: strerror(errno)))")
    }

    /// Makes the folder where it is missing.
    func prepare() throws(Failure) {
        guard socket.utf8.count <= Self.socketPathLimit else {
            throw Failure(reason: "the state folder's path is too long for a socket in it: \(folder)")
        }
        if mkdir(folder, 0o700) != 0, errno != EEXIST { throw Self.failure("make \(folder)") }
    }

    /// One process at a time holds the book; the lock goes with the descriptor. nil: another has it.
    func lock() throws(Failure) -> Int32? {
        let path = folder + "/filter.lock"
        var lock = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if lock >= 0 {
            // Made by root in another user's folder (--detach), it is that user's, who has to open it too. Only what was
            // made here is given away: a name that was there may be a link to anything.
            var facts = stat()
            if geteuid() == 0, stat(folder, &facts) == 0, facts.st_uid != 0 {
                fchown(lock, facts.st_uid, facts.st_gid)
            }
        } else if errno == EEXIST {
            lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        }
        guard lock >= 0 else { throw Self.failure("open \(path)") }
        if flock(lock, LOCK_EX | LOCK_NB) == 0 { return lock }
        close(lock)
        return nil
    }

    /// The book as it was saved; nil: there is none. Throws where it cannot be read.
    func load() throws(Failure) -> StoredBook? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw Self.failure("open \(path)")
        }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_size <= StoredBook.sizeLimit else {
            throw Failure(reason: "\(path) is longer than any book")
        }
        var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
        var place = 0
        while place < bytes.count {
            let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress! + place, $0.count - place) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("read \(path)") }
            place += count
        }
        do throws(Malformed) {
            return try StoredBook(decoding: bytes.span.bytes)
        } catch { throw Failure(reason: "\(path) is no book of ours: \(error)") }
    }

    /// Replaces the file in one step: whoever reads it sees the old or the new one, whole.
    func save(_ book: StoredBook) throws(Failure) {
        let draft = folder + "/.\(Self.name).new"
        unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.failure("write \(draft)") }
        defer { close(file) }
        let bytes = book.encoded()
        var place = 0
        while place < bytes.count {
            let count = bytes.withUnsafeBytes { write(file, $0.baseAddress! + place, $0.count - place) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("write \(draft)") }
            place += count
        }
        guard fsync(file) == 0 else { throw Self.failure("write \(draft)") }
        guard rename(draft, path) == 0 else { throw Self.failure("replace \(path)") }
        let folder = open(self.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    func remove() {
        unlink(path)
        unlink(aside)
    }

    /// Where a book lies that could not be read. It holds addresses as the book does, and is the operator's to erase.
    var aside: String { path + ".unreadable" }

    /// Keeps what could not be read from being written over.
    func putAside() -> Bool { rename(path, aside) == 0 }
}
