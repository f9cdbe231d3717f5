/// The grammar of conditions on numbers: numbers and ranges, ascending, apart, separated by commas: "53", "80,443",
/// "1024-65535".
package struct Numbers: Hashable, Sendable {
    /// Ascending, with at least one number between two of them; at least one, at most `limit`.
    package let ranges: [ClosedRange<UInt32>]

    package static let limit = 64

    /// Puts ranges in order and joins those that touch; nil where there is none, or more than the limit.
    package init?(_ ranges: [ClosedRange<UInt32>]) {
        var joined: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, UInt64(range.lowerBound) <= UInt64(last.upperBound) + 1 {
                joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        guard (1...Self.limit).contains(joined.count) else { return nil }
        self.ranges = joined
    }

    /// Reads the grammar; nil for anything else: signs, leading zeros, ranges that touch or overlap.
    package init?(_ text: some StringProtocol) {
        var ranges: [ClosedRange<UInt32>] = []
        for part in text.split(separator: ",", maxSplits: Self.limit, omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count), let first = Self.number(ends[0]),
                let last = ends.count == 2 ? Self.number(ends[1]) : first,
                ends.count == 1 ? true : first < last
            else { return nil }
            if let before = ranges.last, UInt64(first) <= UInt64(before.upperBound) + 1 { return nil }
            ranges.append(first...last)
        }
        guard (1...Self.limit).contains(ranges.count) else { return nil }
        self.ranges = ranges
    }

    private static func number(_ digits: some StringProtocol) -> UInt32? {
        guard (1...10).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
            digits.utf8.first != 48 || digits.utf8.count == 1
        else { return nil }
        return UInt32(digits)
    }

    package func contains(_ number: UInt32) -> Bool { ranges.contains { $0.contains(number) } }

    package var text: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}
