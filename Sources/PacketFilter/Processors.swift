internal import Glibc

/// The processors that this machine can have: the kernel keeps a value for each of them, whether it is there or not.
package enum Processors {
    /// nil where the system does not say. Never guessed: the kernel writes so many values, whatever room there is.
    package static let possible: Int? = Files.text("/sys/devices/system/cpu/possible").flatMap(count)

    /// More than any Linux is built for.
    static let limit = 65_536

    /// Of a list as the kernel writes it: "0-3,8-11".
    package static func count(in list: String) -> Int? {
        var count = 0
        for part in list.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1], (0...last).contains(first),
                last < limit
            else { return nil }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }
}

/// Small files that the kernel writes.
enum Files {
    static let sizeLimit = 16_384

    /// What is in it, up to `sizeLimit` bytes; nil where it cannot be read.
    static func text(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: sizeLimit)
        var count = 0
        while count < bytes.count {
            let more = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress! + count, sizeLimit - count) }
            guard more > 0 else { break }
            count += more
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
