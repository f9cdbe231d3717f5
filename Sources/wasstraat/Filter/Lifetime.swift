package import ArgumentParser
internal import Mitigations

/// How long an entry is to last, as an operator writes it: "90s", "10m", "1h", "7d".
package struct Lifetime: Equatable, Sendable {
    package var seconds: UInt32

    package init(seconds: UInt32) { self.seconds = seconds }

    /// Digits of a number: more would be years in every unit.
    private static let digitLimit = 7
    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]

    /// Strict: what may be read in two ways is refused, for an entry that ends at another time than was meant is found
    /// out when it is too late.
    package init(_ text: String) throws(ValidationError) {
        guard let unit = text.last, let worth = Self.units[unit] else {
            throw ValidationError("'\(text)' is no time: write 90s, 10m, 1h or 7d")
        }
        let digits = text.dropLast()
        guard (1...Self.digitLimit).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
            digits.first != "0", let number = Int64(digits)
        else { throw ValidationError("'\(text)' is no time: write a whole number and s, m, h or d, such as 90s") }
        guard number * worth <= FilterBook.longestLife else {
            throw ValidationError("'\(text)' is too long: at most \(FilterBook.longestLife / 86_400)d")
        }
        seconds = UInt32(number * worth)
    }
}
