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
