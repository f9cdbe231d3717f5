/// A date of HTTP in its three forms (RFC 9110, section 5.6.7), as seconds since 1970 in UTC.
package enum HTTPDate {
    /// - Parameter now: seconds since 1970, for years of two digits.
    /// - Returns: nil for what is no date; the name of the day is not looked at.
    package static func seconds(_ bytes: Span<UInt8>, _ slice: Slice, now: Int64) -> Int64? {
        let start = Int(slice.start)
        guard slice.count >= 24, slice.count <= 33, slice.range.upperBound <= bytes.count else { return nil }
        // "Sun, 06 Nov 1994 08:49:37 GMT"
        if slice.count == 29, bytes[start + 3] == UInt8(ascii: ",") {
            guard hasSigns(bytes, start, [(4, " "), (7, " "), (11, " "), (16, " ")]), isGMT(bytes, start + 25),
                let year = number(bytes, start + 12, 4)
            else { return nil }
            return moment(bytes, year, month: start + 8, day: number(bytes, start + 5, 2), clock: start + 17)
        }
        // "Sun Nov  6 08:49:37 1994"
        if slice.count == 24 {
            guard hasSigns(bytes, start, [(3, " "), (7, " "), (10, " "), (19, " ")]),
                let year = number(bytes, start + 20, 4)
            else { return nil }
            let hasOneDigit = bytes[start + 8] == Octets.space
            let day = hasOneDigit ? number(bytes, start + 9, 1) : number(bytes, start + 8, 2)
            return moment(bytes, year, month: start + 4, day: day, clock: start + 11)
        }
        // "Sunday, 06-Nov-94 08:49:37 GMT"
        var index = start
        while index < slice.range.upperBound, bytes[index] != UInt8(ascii: ",") { index += 1 }
        guard slice.range.upperBound - index == 24,
            hasSigns(bytes, index, [(1, " "), (4, "-"), (8, "-"), (11, " ")]), isGMT(bytes, index + 20),
            let short = number(bytes, index + 9, 2)
        else { return nil }
        // What would be over 50 years ahead lies in the century before.
        var year = short + 2000
        if year > 1970 + now / 31_556_952 + 50 { year -= 100 }
        return moment(bytes, year, month: index + 5, day: number(bytes, index + 2, 2), clock: index + 12)
    }

    private static func hasSigns(_ bytes: Span<UInt8>, _ start: Int, _ signs: [(Int, UnicodeScalar)]) -> Bool {
        signs.allSatisfy { bytes[start + $0] == UInt8(ascii: $1) }
    }

    private static func isGMT(_ bytes: Span<UInt8>, _ place: Int) -> Bool {
        bytes.holds(" gmt", in: Slice(place, place + 4))
    }

    private static func number(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> Int64? {
        var number: Int64 = 0
        for index in start..<start + count {
            guard Octets.isDigit(bytes[index]) else { return nil }
            number = number * 10 + Int64(bytes[index] - 48)
        }
        return number
    }

    private static func moment(
        _ bytes: Span<UInt8>, _ year: Int64, month place: Int, day: Int64?, clock: Int
    ) -> Int64? {
        guard let day, let month = month(bytes, place), let hour = number(bytes, clock, 2),
            let minute = number(bytes, clock + 3, 2), let second = number(bytes, clock + 6, 2),
            bytes[clock + 2] == Octets.colon, bytes[clock + 5] == Octets.colon, hour < 24, minute < 60, second <= 60,
            year >= 1900, day >= 1, day <= LogTime.days(year, month)
        else { return nil }
        return ((LogTime.dayNumber(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    }

    private static func month(_ bytes: Span<UInt8>, _ place: Int) -> Int64? {
        let names: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
        for month in 0..<12 {
            let name = names.utf8Start + month * 3
            if bytes[place] == name[0], bytes[place + 1] == name[1], bytes[place + 2] == name[2] {
                return Int64(month + 1)
            }
        }
        return nil
    }
}
