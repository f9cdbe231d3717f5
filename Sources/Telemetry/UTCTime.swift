internal import Glibc
internal import Moments

/// A moment in UTC, as log lines and file names show it. Leap seconds do not exist here, as in POSIX time.
package struct UTCTime: Equatable, Sendable, CustomStringConvertible {
    /// Nanoseconds since 1970; what lies before is clamped to 1970.
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = max(0, nanoseconds)
    }

    package init(seconds: Int64) {
        self.init(nanoseconds: seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue)
    }

    /// The wall clock.
    package static var now: UTCTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UTCTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    package var seconds: Int64 { nanoseconds / 1_000_000_000 }

    /// Days since 1970-01-01.
    package var day: Int64 { seconds / 86_400 }

    /// "2025-03-01", of a day counted from 1970-01-01.
    package static func date(ofDay day: Int64) -> String { Day(number: max(0, day)).text }

    /// The day of a text made by ``date(ofDay:)``, counted from 1970-01-01; nil for anything else.
    package static func day(ofDate text: some StringProtocol) -> Int64? { Day(text)?.number }

    package var date: String { Self.date(ofDay: day) }

    /// "23:59:59".
    package var clock: String { Moment.clock(seconds % 86_400) }

    /// RFC 3339 with milliseconds: "2025-03-01T23:59:59.123Z".
    package var description: String {
        let fraction = String(1_000 + nanoseconds / 1_000_000 % 1_000).dropFirst()
        return "\(date)T\(clock).\(fraction)Z"
    }
}
