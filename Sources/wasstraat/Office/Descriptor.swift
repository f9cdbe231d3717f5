internal import Glibc

/// A file descriptor that is closed when its last holder lets go of it.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }
}

/// Why the office cannot start or go on, with the exit code that says so (sysexits.h).
package struct OfficeError: Error, CustomStringConvertible {
    package enum Code: Int32 {
        /// EX_OSERR: the system refused what the office needs.
        case system = 71
        /// EX_TEMPFAIL: try again later; another office or a silent lane is in the way.
        case busy = 75
        /// EX_CONFIG.
        case configuration = 78
    }

    package var code: Code
    package var reason: String

    init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { reason }

    /// What errno, or the -errno of a call, means.
    static func text(_ error: Int32) -> String { String(cString: strerror(abs(error))) }
}

/// Clocks of the office, in milliseconds.
enum Clock {
    /// Counts on while the wall clock is set; for waits and ages.
    static var monotonic: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
