/// A moment as clocks in the Netherlands show it: UTC+1 (MET), and UTC+2 (MEST) from the last Sunday of March, 01:00 UTC,
/// to the last Sunday of October, 01:00 UTC (Directive 2000/84/EC).
package struct DutchTime: Sendable {
    package let day: Day
    /// Seconds since midnight.
    package let second: Int64
    package let isSummer: Bool

    package init(_ moment: Moment) {
        let year = moment.day.civil.year
        isSummer = moment >= Self.change(year, month: 3) && moment < Self.change(year, month: 10)
        let local = Moment(seconds: moment.seconds + (isSummer ? 7_200 : 3_600))
        day = local.day
        second = local.seconds - day.number * 86_400
    }

    private static func change(_ year: Int64, month: Int64) -> Moment {
        // March and October have 31 days, and every year from 1970 on has both.
        let last = Day(year: year, month: month, day: 31) ?? Day(number: 0)
        return Moment(seconds: (last.number - Int64(last.weekday)) * 86_400 + 3_600)
    }

    /// "16:43".
    package var clock: String { String(Moment.clock(second).prefix(5)) }

    /// "maandag 23 november 2026".
    package var dutchDate: String { date(Self.dutchDays, Self.dutchMonths) }

    /// "Monday 23 November 2026".
    package var englishDate: String { date(Self.englishDays, Self.englishMonths) }

    private func date(_ days: [String], _ months: [String]) -> String {
        let civil = day.civil
        return "\(days[day.weekday]) \(civil.day) \(months[Int(civil.month) - 1]) \(civil.year)"
    }

    private static let dutchDays = ["zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"]
    private static let englishDays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    private static let dutchMonths = [
        "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november",
        "december",
    ]
    private static let englishMonths = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
}
