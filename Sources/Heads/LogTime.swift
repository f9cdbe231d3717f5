/// Reads the times that access logs write, into nanoseconds since 1970-01-01T00:00:00Z. Years 1970-2200; a second of 60
/// counts as the next minute's first.
enum LogTime {
    private static let second: Int64 = 1_000_000_000

    /// "17/May/2015:10:05:03 +0200", with or without a fraction of the second; what follows is the caller's. Returns
    /// nil for anything else.
    static func common(_ line: [UInt8], _ start: Int, _ end: Int) -> Int64? {
        guard end - start >= 20, end <= line.count, start >= 0, line[start + 2] == UInt8(ascii: "/"),
            line[start + 6] == UInt8(ascii: "/"), line[start + 11] == UInt8(ascii: ":"),
            line[start + 14] == UInt8(ascii: ":"), line[start + 17] == UInt8(ascii: ":"),
            let day = number(line, start, 2), let month = month(line, start + 3), let year = number(line, start + 7, 4)
        else { return nil }
        return moment(line, year, month, day, clock: start + 12, end)
    }

    /// "2015-05-17T10:05:03.123+02:00" (RFC 3339; a space for the "T", an offset without ":" or none at all, which
    /// means UTC, are taken too).
    static func international(_ line: [UInt8], _ start: Int, _ end: Int) -> Int64? {
        guard end - start >= 19, end <= line.count, start >= 0, line[start + 4] == UInt8(ascii: "-"),
            line[start + 7] == UInt8(ascii: "-"),
            line[start + 10] == UInt8(ascii: "T") || line[start + 10] == UInt8(ascii: " "),
            line[start + 13] == UInt8(ascii: ":"), line[start + 16] == UInt8(ascii: ":"),
            let year = number(line, start, 4), let month = number(line, start + 5, 2),
            let day = number(line, start + 8, 2)
        else { return nil }
        return moment(line, year, month, day, clock: start + 11, end)
    }

    /// Seconds since 1970, with or without a fraction; numbers too great for seconds are milli-, micro- or nanoseconds.
    static func epoch(_ line: [UInt8], _ start: Int, _ end: Int) -> Int64? {
        var index = start
        var whole: Int64 = 0
        while index < end, Octets.isDigit(line[index]) {
            guard index - start < 19 else { return nil }
            whole = whole &* 10 &+ Int64(line[index] - 48)
            index += 1
        }
        guard index > start, whole >= 0 else { return nil }
        let unit: Int64 =
            switch whole {
            case ..<100_000_000_000: second
            case ..<100_000_000_000_000: 1_000_000
            case ..<100_000_000_000_000_000: 1_000
            default: 1
            }
        var time = whole.multipliedReportingOverflow(by: unit)
        guard !time.overflow else { return nil }
        if index < end, line[index] == UInt8(ascii: ".") {
            var worth = unit / 10
            index += 1
            while index < end, Octets.isDigit(line[index]) {
                time = time.partialValue.addingReportingOverflow(Int64(line[index] - 48) &* worth)
                worth /= 10
                index += 1
            }
        }
        guard index == end, !time.overflow, time.partialValue < yearLimit else { return nil }
        return time.partialValue
    }

    /// The year 2200: far from the end of what nanoseconds can count.
    private static let yearLimit: Int64 = 84_006 * 86_400 * second

    private static func moment(
        _ line: [UInt8], _ year: Int64, _ month: Int64, _ day: Int64, clock: Int, _ end: Int
    ) -> Int64? {
        guard let hour = number(line, clock, 2), let minute = number(line, clock + 3, 2),
            let seconds = number(line, clock + 6, 2), hour < 24, minute < 60, seconds <= 60,
            (1970..<2200).contains(year), (1...12).contains(month), day >= 1, day <= days(year, month)
        else { return nil }
        var index = clock + 8
        var fraction: Int64 = 0
        if index < end, line[index] == UInt8(ascii: ".") || line[index] == UInt8(ascii: ",") {
            var worth = second / 10
            index += 1
            let first = index
            while index < end, Octets.isDigit(line[index]) {
                fraction &+= Int64(line[index] - 48) &* worth
                worth /= 10
                index += 1
            }
            guard index > first else { return nil }
        }
        guard let offset = offset(line, index, end) else { return nil }
        let time = ((dayNumber(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + seconds
        return time * second + fraction
    }

    /// Minutes east of UTC, of "Z", "+0200", " +02:00"; 0 where nothing is written.
    private static func offset(_ line: [UInt8], _ start: Int, _ end: Int) -> Int64? {
        var index = start
        if index < end, line[index] == Octets.space { index += 1 }
        guard index < end else { return 0 }
        if end - index == 1, line[index] == UInt8(ascii: "Z") || line[index] == UInt8(ascii: "z") { return 0 }
        let sign = line[index]
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), end - index == 5 || end - index == 6 else {
            return nil
        }
        if end - index == 6, line[index + 3] != UInt8(ascii: ":") { return nil }
        guard let hours = number(line, index + 1, 2), let minutes = number(line, end - 2, 2), hours < 24, minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -1 : 1)
    }

    /// `count` digits from `start`, which the caller knows to be in the line or which fail here.
    private static func number(_ line: [UInt8], _ start: Int, _ count: Int) -> Int64? {
        guard start + count <= line.count else { return nil }
        var value: Int64 = 0
        for index in start..<start + count {
            guard Octets.isDigit(line[index]) else { return nil }
            value = value * 10 + Int64(line[index] - 48)
        }
        return value
    }

    private static func month(_ line: [UInt8], _ start: Int) -> Int64? {
        let name = UInt32(line[start] | 32) << 16 | UInt32(line[start + 1] | 32) << 8 | UInt32(line[start + 2] | 32)
        switch name {
        case 0x6a_616e: return 1
        case 0x66_6562: return 2
        case 0x6d_6172: return 3
        case 0x61_7072: return 4
        case 0x6d_6179: return 5
        case 0x6a_756e: return 6
        case 0x6a_756c: return 7
        case 0x61_7567: return 8
        case 0x73_6570: return 9
        case 0x6f_6374: return 10
        case 0x6e_6f76: return 11
        case 0x64_6563: return 12
        default: return nil
        }
    }

    static func days(_ year: Int64, _ month: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970; years begin in March, so that the leap day is the last of a year.
    static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
