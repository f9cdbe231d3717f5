internal import Glibc

/// The few things that the register does with files itself; SQLite does the rest.
enum Files {
    enum Kind: Equatable {
        case missing
        case file(size: Int64)
        case other
    }

    static func kind(_ path: String) throws(RegisterError) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return .missing }
            throw trouble(path, "looked at")
        }
        return status.st_mode & S_IFMT == S_IFREG ? .file(size: Int64(status.st_size)) : .other
    }

    static func isAccessible(_ path: String) -> Bool { access(path, R_OK | W_OK) == 0 }

    /// The first `limit` bytes; nil where there is no such file.
    static func read(_ path: String, limit: Int) throws(RegisterError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw trouble(path, "read")
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = Glibc.read(file, &bytes, limit)
        guard count >= 0 else { throw trouble(path, "read") }
        return Array(bytes.prefix(count))
    }

    /// Makes an empty file, mode 0600.
    static func create(_ path: String) throws(RegisterError) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            if errno == EEXIST { throw RegisterError(.exists, "\(path) is there already") }
            throw trouble(path, "made")
        }
        close(file)
    }

    /// Puts a whole new file, mode 0600, in the place of what was there: after a crash it is either the old or the new.
    static func replace(_ path: String, with bytes: [UInt8]) throws(RegisterError) {
        // Of this process alone: another one that has the register open writes its own.
        let new = "\(path).\(getpid())"
        let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw trouble(new, "written") }
        let isWritten = write(file, bytes, bytes.count) == bytes.count && fsync(file) == 0
        close(file)
        guard isWritten else { throw trouble(new, "written") }
        try rename(new, to: path)
    }

    static func rename(_ from: String, to: String) throws(RegisterError) {
        guard Glibc.rename(from, to) == 0 else { throw trouble(to, "put in place") }
    }

    /// Copies a file to a new one, mode 0600, and brings it to disk.
    static func copy(_ from: String, to: String) throws(RegisterError) {
        let source = open(from, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw trouble(from, "read") }
        defer { close(source) }
        let target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard target >= 0 else { throw trouble(to, "written") }
        defer { close(target) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = Glibc.read(source, &buffer, buffer.count)
            guard count >= 0 else { throw trouble(from, "read") }
            if count == 0 { break }
            var start = 0
            while start < count {
                let written = buffer[start..<count].withUnsafeBytes { write(target, $0.baseAddress, $0.count) }
                guard written > 0 else { throw trouble(to, "written") }
                start += written
            }
        }
        guard fsync(target) == 0 else { throw trouble(to, "written") }
    }

    /// Brings a file, or a folder's list of names, to disk.
    static func sync(_ path: String) throws(RegisterError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw trouble(path, "opened") }
        defer { close(file) }
        guard fsync(file) == 0 else { throw trouble(path, "brought to disk") }
    }

    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func remove(_ paths: String...) { for path in paths { unlink(path) } }

    private static func trouble(_ path: String, _ verb: String) -> RegisterError {
        let code = errno
        return RegisterError(
            code == EACCES || code == EPERM ? .unreadable : .failed,
            "\(path) could not be \(verb): \(String(cString: strerror(code)))")
    }
}
