internal import Glibc

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
    package static func date(ofDay day: Int64) -> String {
        // Howard Hinnant's civil-from-days: years begin in March, so that the leap day is the last of a year.
        let shifted = max(0, day) + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfYear - (153 * marchMonth + 2) / 5 + 1, 2))"
    }

    /// The day of a text made by ``date(ofDay:)``, counted from 1970-01-01; nil for anything else.
    package static func day(ofDate text: some StringProtocol) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count == 10, parts.count == 3, let year = Int64(parts[0]), let month = Int64(parts[1]),
            let day = Int64(parts[2]), year >= 1970, (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let count = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        // A date that does not exist (30 February) comes out as another one.
        return date(ofDay: count) == text ? count : nil
    }

    package var date: String { Self.date(ofDay: day) }

    /// "23:59:59".
    package var clock: String {
        let second = seconds % 86_400
        return "\(Self.padded(second / 3_600, 2)):\(Self.padded(second / 60 % 60, 2)):\(Self.padded(second % 60, 2))"
    }

    /// RFC 3339 with milliseconds: "2025-03-01T23:59:59.123Z".
    package var description: String {
        "\(date)T\(clock).\(Self.padded(nanoseconds / 1_000_000 % 1_000, 3))Z"
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
