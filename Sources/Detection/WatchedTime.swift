/// The stretches of time that were watched. A clock that jumps, as from one file to the next, begins a new one; what lies
/// between was not watched. Nanoseconds since 1970.
struct WatchedTime: Sendable {
    /// The present stretch; nothing was watched yet while `from` is after `until`.
    private(set) var from = Int64.max
    private(set) var until = Int64.min
    /// The length of those before, and what they lie within.
    private var before = 0.0
    private var earliest = Int64.max
    private var latest = Int64.min

    @inline(__always)
    mutating func reach(_ time: Int64) { until = max(until, time) }

    mutating func reachBack(_ time: Int64) { from = min(from, time) }

    /// Ends the stretch and begins another.
    mutating func jump(to time: Int64) {
        (earliest, latest) = bounds.map { ($0.lowerBound, $0.upperBound) } ?? (.max, .min)
        if from < until { before += Double(until) - Double(from) }
        (from, until) = (time, time)
    }

    /// Seconds watched in all.
    var seconds: Double { (before + (from < until ? Double(until) - Double(from) : 0)) / 1e9 }

    /// From the first time to the last. A stretch without length, of a stray packet, counts only where there is no other.
    var bounds: ClosedRange<Int64>? {
        let isLong = from < until
        let wasLong = before > 0
        if isLong == wasLong {
            let (first, last) = (min(earliest, from), max(latest, until))
            return first <= last ? first...last : nil
        }
        return isLong ? from...until : earliest...latest
    }
}
