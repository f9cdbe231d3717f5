/// A moment on the wall clock: milliseconds since 1970-01-01T00:00:00Z. Leap seconds do not exist here, as in POSIX time.
///
/// What goes on record has one; the rooms that decide never read a clock, they are told.
package struct Moment: Comparable, Hashable, Sendable, Codable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package init(seconds: Int64) {
        self.init(milliseconds: seconds.multipliedReportingOverflow(by: 1_000).partialValue)
    }

    package init(from decoder: any Decoder) throws {
        self.init(milliseconds: try decoder.singleValueContainer().decode(Int64.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }

    /// Whole seconds since 1970, rounded down.
    package var seconds: Int64 { milliseconds >= 0 ? milliseconds / 1_000 : (milliseconds - 999) / 1_000 }

    /// The day in UTC.
    package var day: Day { Day(number: seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400) }

    package static func < (left: Moment, right: Moment) -> Bool { left.milliseconds < right.milliseconds }

    package static func + (left: Moment, seconds: Double) -> Moment {
        Moment(milliseconds: left.milliseconds + Int64(seconds * 1_000))
    }

    /// Seconds from `right` to `left`; negative where `left` is earlier.
    package static func - (left: Moment, right: Moment) -> Double {
        Double(left.milliseconds - right.milliseconds) / 1_000
    }

    /// RFC 3339 in UTC: "2026-11-23T16:43:48Z"; with milliseconds only where there are some.
    package var text: String {
        let rest = milliseconds - seconds * 1_000
        return "\(day.text)T\(Self.clock(seconds - day.number * 86_400))\(rest == 0 ? "" : "." + padded(rest, 3))Z"
    }

    /// "16:43:48", of a second of the day.
    package static func clock(_ second: Int64) -> String {
        "\(padded(second / 3_600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
    }

    /// Reads RFC 3339 in UTC ("…Z", with or without a fraction of which milliseconds are kept); nil for anything else.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 30, bytes[10] == UInt8(ascii: "T"), bytes.last == UInt8(ascii: "Z"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let day = Day(String(decoding: bytes[..<10], as: UTF8.self)),
            let hour = Self.number(bytes[11..<13]), hour < 24, let minute = Self.number(bytes[14..<16]), minute < 60,
            let second = Self.number(bytes[17..<19]), second < 60
        else { return nil }
        var milliseconds: Int64 = 0
        if bytes.count > 20 {
            guard bytes[19] == UInt8(ascii: "."), bytes.count > 21,
                let fraction = Self.number(bytes[20..<bytes.count - 1])
            else { return nil }
            let digits = bytes.count - 21
            milliseconds = digits <= 3 ? fraction * [0, 100, 10, 1][digits] : fraction / Self.power(digits - 3)
        }
        self.init(milliseconds: ((day.number * 24 + hour) * 60 + minute) * 60_000 + second * 1_000 + milliseconds)
    }

    private static func power(_ exponent: Int) -> Int64 { (0..<exponent).reduce(1) { value, _ in value * 10 } }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - 48) }
    }
}

/// "007", of 7 and 3.
func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}
