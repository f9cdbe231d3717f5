internal import Glibc
internal import Sketches

/// The kernel's clocks, read where the worker decides, never in the rooms below.
enum Clock {
    /// Nanoseconds on the clock that only goes forward.
    static func monotonic() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// Nanoseconds since 1970.
    static func wall() -> UInt64 { read(CLOCK_REALTIME) }

    /// Nanoseconds that this thread has used of the processor.
    static func thread() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// A moment of the calendar in UTC, from seconds since 1970 (Hinnant 2013, "chrono-compatible low-level date
/// algorithms"; the lane has no Foundation).
struct CalendarTime {
    var year: Int
    var month: Int
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int
    /// 0 is Sunday.
    var weekday: Int

    init(seconds: UInt64) {
        let days = Int(seconds / 86_400)
        let rest = Int(seconds % 86_400)
        (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
        weekday = (days + 4) % 7
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7), 29 bytes.
    var httpDate: [UInt8] {
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let date = "\(days[weekday]), \(Self.two(day)) \(months[month - 1]) \(year)"
        return Array("\(date) \(Self.two(hour)):\(Self.two(minute)):\(Self.two(second)) GMT".utf8)
    }

    /// "1994-11-06T08:49:37" (RFC 3339 without fraction and zone), 19 bytes.
    var stamp: [UInt8] {
        let date = "\(year)-\(Self.two(month))-\(Self.two(day))"
        return Array("\(date)T\(Self.two(hour)):\(Self.two(minute)):\(Self.two(second))".utf8)
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
