/// What became of visitors' clicks, known and unknown sources apart.
package struct Tally: Sendable {
    package enum Group: Int, Sendable, CaseIterable {
        /// The source had clicked before the flood.
        case known
        case unknown
    }

    /// Why a click failed.
    package enum Failure: Int, Sendable, CaseIterable {
        /// Answered with 503 or 429.
        case refused
        /// Any other status than 200, a page without its word, a broken connection or response.
        case error
        /// Not complete within the time.
        case late
    }

    package struct Click: Sendable {
        /// When it ended, in nanoseconds of `Clock`.
        package var at: UInt64
        package var group: Group
        package var succeeded: Bool
        /// From the click to the whole page with its assets, in microseconds; the whole patience where it failed.
        package var microseconds: UInt32
    }

    package private(set) var clicks: [Click] = []
    package private(set) var failures = Array(repeating: 0, count: Failure.allCases.count)
    private var counts = Array(repeating: (all: 0, succeeded: 0), count: 2)

    package init() {}

    package mutating func succeeded(_ group: Group, microseconds: UInt32, at now: UInt64) {
        counts[group.rawValue].all += 1
        counts[group.rawValue].succeeded += 1
        clicks.append(Click(at: now, group: group, succeeded: true, microseconds: microseconds))
    }

    /// A failed click enters the percentiles as if it had taken all the time that a visitor waits.
    package mutating func failed(_ group: Group, _ failure: Failure, patience: UInt32, at now: UInt64) {
        counts[group.rawValue].all += 1
        failures[failure.rawValue] += 1
        clicks.append(Click(at: now, group: group, succeeded: false, microseconds: patience))
    }

    /// Clicks judged.
    package func count(_ group: Group) -> Int { counts[group.rawValue].all }

    /// The share of clicks that succeeded, 0...1; nil where nobody clicked.
    package func success(_ group: Group) -> Double? {
        let count = counts[group.rawValue]
        return count.all == 0 ? nil : Double(count.succeeded) / Double(count.all)
    }

    /// The share over both groups; nil where nobody clicked.
    package var success: Double? {
        clicks.isEmpty ? nil : Double(counts[0].succeeded + counts[1].succeeded) / Double(clicks.count)
    }

    /// Percentiles over both groups, or one, in milliseconds, by nearest rank; nil where nobody clicked. `since` leaves out
    /// clicks that ended earlier.
    package func percentiles(_ percents: [Double], since: UInt64 = 0, of group: Group? = nil) -> [Double]? {
        // Clicks are in the order of their end.
        let times = clicks.reversed().prefix { $0.at >= since }.filter { group == nil || $0.group == group }
            .map(\.microseconds).sorted()
        guard !times.isEmpty else { return nil }
        return percents.map { percent in
            let rank = (percent / 100 * Double(times.count)).rounded(.up)
            return Double(times[max(0, min(times.count - 1, Int(rank) - 1))]) / 1_000
        }
    }
}
