internal import Moments
internal import Testing

struct MomentTests {
    @Test(arguments: [
        ("2026-11-23T16:43:48Z", 1_795_452_228_000), ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T23:59:59.007Z", 1_709_251_199_007),
    ]) func `reads and writes RFC 3339`(text: String, milliseconds: Int64) {
        #expect(Moment(text) == Moment(milliseconds: milliseconds))
        #expect(Moment(milliseconds: milliseconds).text == text)
    }

    @Test(arguments: [
        "", "2026-11-23", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T16:43:48",
        "2026-11-23T16:43:48.Z",
        "2026-11-23T16:43:48+01:00", "2026-11-23T16-43-48Z", "26-11-23T16:43:48.000Z",
    ]) func `refuses everything else`(text: String) {
        #expect(Moment(text) == nil)
    }

    @Test func `clocks change on the last Sundays of March and October at 01.00 UTC`() throws {
        let before = try #require(Moment("2026-03-29T00:59:59Z"))
        #expect(DutchTime(before).clock == "01:59" && !DutchTime(before).isSummer)
        #expect(DutchTime(before + 1).clock == "03:00")
        let autumn = try #require(Moment("2026-10-25T00:59:59Z"))
        #expect(DutchTime(autumn).clock == "02:59" && DutchTime(autumn + 1).clock == "02:00")
        let evening = try #require(Moment("2026-11-23T23:30:00Z"))
        #expect(DutchTime(evening).dutchDate == "dinsdag 24 november 2026")
        #expect(DutchTime(evening).englishDate == "Tuesday 24 November 2026")
    }

    @Test func `every day of two centuries has its own date and weekday`() {
        for number in Int64(0)..<73_000 {
            let day = Day(number: number)
            #expect(Day(day.text) == day)
            #expect(day.weekday == Int((number + 4) % 7))
        }
    }
}
