internal import Fingerprints

extension Numbers {
    /// Numbers in both; nil where there is none. A cut of two sets within the limit may exceed it: then nil as well,
    /// which makes a rule match less.
    func intersection(_ other: Numbers) -> Numbers? {
        var cut: [ClosedRange<UInt32>] = []
        for one in ranges {
            for two in other.ranges where one.overlaps(two) { cut.append(one.clamped(to: two)) }
        }
        return Numbers(cut)
    }

    func isSubset(of other: Numbers) -> Bool {
        ranges.allSatisfy { range in
            other.ranges.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound }
        }
    }

    static func one(_ number: UInt32) -> Numbers { Numbers([number...number])! }

    /// All ports but one.
    static func ports(except port: UInt32) -> Numbers {
        var ranges: [ClosedRange<UInt32>] = []
        if port > 0 { ranges.append(0...port - 1) }
        if port < 65_535 { ranges.append(port + 1...65_535) }
        return Numbers(ranges)!
    }

    /// Each number less `offset`; numbers below it fall away.
    func lowered(by offset: UInt32) -> Numbers? {
        Numbers(
            ranges.compactMap { range in
                range.upperBound < offset
                    ? nil : max(range.lowerBound, offset) - offset...range.upperBound - offset
            })
    }
}
