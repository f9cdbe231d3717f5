internal import Glibc

/// The files of this machine.
package struct SystemFiles: Files {
    package init() {}

    package func read(_ path: String, limit: Int) throws(FileTrouble) -> FileContents {
        // Without waiting: a pipe in the place of a file must not hold up the check.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw trouble(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw trouble(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
        // One byte more than allowed shows that there is more, whatever the length was a moment ago.
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw trouble(errno) }
            if got == 0 { break }
            count += got
        }
        guard count <= limit else { throw .tooLong(limit: limit) }
        bytes.removeLast(bytes.count - count)
        return FileContents(bytes, isReadableByAll: status.st_mode & S_IROTH != 0)
    }

    package func folderTrouble(_ path: String, size: UInt64) -> String? {
        var path = path
        var status = stat()
        if stat(path, &status) != 0 {
            guard errno == ENOENT else { return "the folder \(shownPath(path)) cannot be used: \(systemReason(errno))" }
            let parts = path.split(separator: "/", omittingEmptySubsequences: true)
            let parent = (path.hasPrefix("/") ? "/" : "") + parts.dropLast().joined(separator: "/")
            path = parent.isEmpty ? "." : parent
            guard stat(path, &status) == 0 else {
                return "the folder \(shownPath(path)), where it would be made, cannot be used: \(systemReason(errno))"
            }
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return "\(shownPath(path)) is not a folder" }
        guard access(path, R_OK | W_OK | X_OK) == 0 else {
            return "the folder \(shownPath(path)) may not be written by the user that this runs as"
        }
        var disk = statvfs()
        guard statvfs(path, &disk) == 0 else { return nil }
        let whole = UInt64(disk.f_blocks).multipliedReportingOverflow(by: UInt64(disk.f_frsize))
        guard !whole.overflow, whole.partialValue > 0, whole.partialValue < size else { return nil }
        let room = Units.size.text(whole.partialValue & ~0xf_ffff)
        return "the disk of \(shownPath(path)) has \(room) in all, less than 'size'"
    }

    private func trouble(_ code: Int32) -> FileTrouble {
        switch code {
        case ENOENT, ENOTDIR: .missing
        case EACCES, EPERM: .notAllowed
        case EISDIR: .notAFile
        default: .failed(code)
        }
    }
}

/// An error of the system in words.
func systemReason(_ code: Int32) -> String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }
