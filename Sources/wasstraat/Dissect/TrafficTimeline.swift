internal import Moments

/// The course of all that was read, in fixed memory: as many bins as a plot has columns, each twice as wide whenever
/// there is no more room. Packets (of a log: requests) and bytes.
package struct TrafficTimeline: Sendable {
    package static let binLimit = 240

    /// Nanoseconds: an eighth of a second at first, for short captures.
    private(set) var width: Int64 = 125_000_000
    /// The first bin's number, counted in widths from 1970.
    private var first: Int64 = 0
    private(set) var bins: [(count: Double, bytes: Double)] = []
    /// The last bin that was added to, for what follows lies mostly in the same one.
    private var from = Int64.max
    private var until = Int64.min
    private var place = 0

    package init() {}

    /// Of what is timed in whole seconds.
    package mutating func addSecond(_ count: Double, at time: Int64) {
        while width < 1_000_000_000 { fold() }
        add(count, 0, at: time)
    }

    /// - Parameter time: nanoseconds since 1970.
    package mutating func add(_ count: Double, _ bytes: Double, at time: Int64) {
        if time < from || time >= until { seek(time) }
        bins[place].count += count
        bins[place].bytes += bytes
    }

    /// Adds what lasted, evenly.
    package mutating func add(_ count: Double, _ bytes: Double, from start: Int64, to end: Int64) {
        // No flow lasts longer than a day; a clock that says so is wrong.
        let end = Self.possible(end)
        let start = max(Self.possible(min(start, end)), end - 86_400_000_000_000)
        while width < 1_000_000_000 { fold() }
        seek(start)
        seek(end)
        let parts = Int(min(Int64(Self.binLimit), (end - start) / width + 1))
        for part in 0..<parts {
            let time = start + (end - start) / Int64(parts) * Int64(part)
            add(count / Double(parts), bytes / Double(parts), at: time)
        }
    }

    /// From 1970 to 2116: further no sum of times runs over.
    private static func possible(_ time: Int64) -> Int64 { max(0, min(time, 1 << 62)) }

    private mutating func seek(_ time: Int64) {
        let time = Self.possible(time)
        if bins.isEmpty {
            first = time / width
            bins = [(0, 0)]
        }
        while max(time / width, first + Int64(bins.count) - 1) - min(time / width, first) >= Int64(Self.binLimit) {
            fold()
        }
        let number = time / width
        if number < first {
            bins.insert(contentsOf: repeatElement((count: 0, bytes: 0), count: Int(first - number)), at: 0)
            first = number
        }
        while number - first >= Int64(bins.count) { bins.append((0, 0)) }
        place = Int(number - first)
        from = number * width
        until = from + width
    }

    /// Puts bins together in pairs.
    private mutating func fold() {
        var folded: [(count: Double, bytes: Double)] = []
        for (index, bin) in bins.enumerated() {
            let number = (first + Int64(index)) / 2
            if folded.isEmpty || number - first / 2 >= Int64(folded.count) { folded.append((0, 0)) }
            folded[folded.count - 1].count += bin.count
            folded[folded.count - 1].bytes += bin.bytes
        }
        bins = folded
        first /= 2
        width *= 2
        from = .max
        until = .min
    }

    /// For a drawing: in whole seconds, where that leaves enough of them.
    func drawable() -> TrafficTimeline {
        var drawn = self
        while drawn.width < 1_000_000_000, drawn.bins.count > 40 { drawn.fold() }
        return drawn
    }

    /// All that was added.
    package var total: Double { bins.reduce(0) { $0 + $1.count } }
    package var binCount: Int { bins.count }

    /// Begin of a bin.
    func time(of bin: Int) -> Moment { Moment(milliseconds: (first + Int64(bin)) * width / 1_000_000) }
}
