internal import Glibc

/// The folder that outlives the office: secrets, snapshot, history, access log, locks and the control socket. Mode 0700.
package struct StateFolder: Sendable {
    /// Longest path of a Unix socket (sun_path is 108 bytes with its ending zero).
    static let socketPathLimit = 107

    package let path: String

    package init(path: String) { self.path = path }

    var socket: String { file("office.sock") }
    /// Where orders by hand come in, as HTTP.
    var adminSocket: String { file("admin.sock") }

    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Makes the folder where it is missing, and takes everyone else's rights away.
    package func prepare() throws(OfficeError) {
        guard socket.utf8.count <= Self.socketPathLimit else {
            throw OfficeError(.configuration, "the state folder's path is too long for a socket in it: \(path)")
        }
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/\(part)"
            if mkdir(made, 0o755) != 0, errno != EEXIST {
                throw OfficeError(.system, "cannot make \(made): \(OfficeError.text(errno))")
            }
        }
        guard chmod(path, 0o700) == 0 else {
            throw OfficeError(.system, "cannot set the rights of \(path): \(OfficeError.text(errno))")
        }
    }

    /// The file's bytes; nil when there is none, or it holds more than `limit` bytes.
    package func read(_ name: String, limit: Int) -> [UInt8]? {
        let opened = open(file(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard opened >= 0 else { return nil }
        let descriptor = Descriptor(opened)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor.number, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0, bytes.count + count <= limit else { return nil }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    /// Replaces the file in one step, mode 0600: a reader sees the old or the new one, whole.
    /// - Parameter isDurable: wait until the disk has it.
    func write(_ bytes: [UInt8], to name: String, isDurable: Bool = true) throws(OfficeError) {
        let draft = file(".\(name).new")
        unlink(draft)
        let opened = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw failure("write", name) }
        let descriptor = Descriptor(opened)
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Glibc.write(descriptor.number, raw.baseAddress! + offset, raw.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", name) }
            offset += count
        }
        if isDurable, fsync(descriptor.number) != 0 { throw failure("write", name) }
        guard rename(draft, file(name)) == 0 else { throw failure("replace", name) }
        if isDurable {
            let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if folder >= 0 {
                fsync(folder)
                close(folder)
            }
        }
    }

    func remove(_ name: String) { unlink(file(name)) }

    /// Takes the exclusive lock of a file for as long as the descriptor, or a copy of it, stays open; nil when someone
    /// else has it.
    func lock(_ name: String) throws(OfficeError) -> Descriptor? {
        let opened = open(file(name), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw failure("open", name) }
        let descriptor = Descriptor(opened)
        if flock(opened, LOCK_EX | LOCK_NB) == 0 { return descriptor }
        guard errno == EWOULDBLOCK else { throw failure("lock", name) }
        return nil
    }

    /// Writes who holds a lock into its file, for people; the lock itself needs it not.
    func note(_ process: pid_t, in lock: Descriptor) {
        let text = Array("\(process)\n".utf8)
        ftruncate(lock.number, 0)
        pwrite(lock.number, text, text.count, 0)
    }

    /// What ``note(_:in:)`` wrote; "unknown" otherwise.
    func holder(of name: String) -> String {
        let digits = (read(name, limit: 32) ?? []).filter { (48...57).contains($0) }
        return digits.isEmpty ? "unknown" : String(decoding: digits, as: UTF8.self)
    }

    /// Names of files in the folder.
    package func names() -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafePointer(to: entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }

    private func failure(_ verb: String, _ name: String) -> OfficeError {
        OfficeError(.system, "cannot \(verb) \(file(name)): \(OfficeError.text(errno))")
    }
}
