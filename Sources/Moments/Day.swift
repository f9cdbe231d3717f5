/// A day of the calendar, counted from 1970-01-01.
package struct Day: Comparable, Hashable, Sendable, Codable {
    package var number: Int64

    package init(number: Int64) { self.number = number }

    /// A year (1970-9999), a month (1-12) and a day (1-31); nil for a date that does not exist.
    package init?(year: Int64, month: Int64, day: Int64) {
        guard (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        self.init(number: era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468)
        // A date that does not exist (30 February) comes out as another one.
        guard civil == (year, month, day) else { return nil }
    }

    /// "2026-11-23"; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.map(\.utf8.count) == [4, 2, 2], let year = Int64(parts[0]),
            let month = Int64(parts[1]), let day = Int64(parts[2])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    /// Year, month (1-12) and day (1-31). Howard Hinnant's civil-from-days: years begin in March, so that the leap day is
    /// the last of a year.
    package var civil: (year: Int64, month: Int64, day: Int64) {
        let shifted = max(0, number) + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    /// 0: Sunday … 6: Saturday.
    package var weekday: Int { Int((number % 7 + 11) % 7) }

    /// Midnight, UTC.
    package var start: Moment { Moment(seconds: number * 86_400) }

    package var text: String {
        let civil = civil
        return "\(padded(civil.year, 4))-\(padded(civil.month, 2))-\(padded(civil.day, 2))"
    }

    package static func + (left: Day, days: Int64) -> Day { Day(number: left.number + days) }

    package static func < (left: Day, right: Day) -> Bool { left.number < right.number }
}
