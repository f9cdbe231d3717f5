internal import FoundationEssentials
internal import Glibc

/// A folder of one test's own, removed with all it holds when the last reference goes.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws(TestKitError) {
        var template = Array(
            "\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/wasstraat-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .system("mkdtemp", errno) }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package func path(_ name: String) -> String { path + "/" + name }

    /// Writes a file and returns its path.
    @discardableResult
    package func write(_ bytes: [UInt8], to name: String, mode: UInt32 = 0o600) throws(TestKitError) -> String {
        let path = path(name)
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard file >= 0 else { throw .system("open \(path)", errno) }
        defer { close(file) }
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { throw .system("write \(path)", errno) }
            start += count
        }
        return path
    }

    @discardableResult
    package func write(_ text: String, to name: String) throws(TestKitError) -> String {
        try write(Array(text.utf8), to: name)
    }

    package func read(_ name: String) throws(TestKitError) -> [UInt8] {
        let path = path(name)
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .system("open \(path)", errno) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            guard count >= 0 else { throw .system("read \(path)", errno) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}
