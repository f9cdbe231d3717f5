internal import Incidents
internal import Moments

/// The last ten minutes of a site as drawings: what was admitted, made to wait and refused, stacked; and the origins'
/// time to first byte. The same drawing goes into the page and, second by second, into the live figures.
struct Plot {
    /// Seconds shown, and per step.
    static let window: Int64 = 600
    static let step: Int64 = 5
    static let width = 600.0
    static let height = 160.0

    private struct Bin {
        var seconds = 0.0
        var admitted = 0.0
        var queued = 0.0
        var refused = 0.0
        var slowest: Double?
    }

    private var bins: [Int64: Bin] = [:]
    private(set) var now: Moment

    init(_ points: [SitePoint], at now: Moment) {
        self.now = now
        for point in points { add(point) }
    }

    mutating func add(_ point: SitePoint) {
        now = max(now, point.at)
        let span = Int64(max(1, min(60, point.span)))
        let count = Double(span)
        var second = point.at.seconds
        let end = second &+ span
        // A minute's point is spread evenly over its steps. Those that wait are admitted later or refused: they are
        // shown apart, so what was admitted is shown without them.
        while second < end {
            let index = second / Self.step
            let share = Double(min(end, (index + 1) * Self.step) - second)
            var bin = bins[index] ?? Bin()
            bin.seconds += share
            bin.admitted += Double(point.admitted - min(point.admitted, point.queued)) * share / count
            bin.queued += Double(point.queued) * share / count
            bin.refused += Double(point.refused &+ point.failed) * share / count
            if let p95 = point.p95 { bin.slowest = max(bin.slowest ?? 0, p95) }
            bins[index] = bin
            second = (index + 1) * Self.step
        }
        let oldest = first
        if bins.count > 2 * Int(Self.window / Self.step) { bins = bins.filter { $0.key >= oldest } }
    }

    private var first: Int64 { now.seconds / Self.step - Self.window / Self.step + 1 }
    private var shown: [Bin?] { (first...(now.seconds / Self.step)).map { bins[$0] } }

    /// Paths and labels by the identifier that they have in the page.
    func drawing(_ wording: Wording) -> [(id: String, isPath: Bool, value: String)] {
        let bins = shown
        func rate(_ bin: Bin?, _ part: (Bin) -> Double) -> Double? {
            bin.flatMap { $0.seconds > 0 ? part($0) / $0.seconds : nil }
        }
        let admitted = bins.map { rate($0, \.admitted) }
        let queued = bins.map { rate($0) { $0.admitted + $0.queued } }
        let refused = bins.map { rate($0) { $0.admitted + $0.queued + $0.refused } }
        let top = Self.round(refused.compactMap(\.self).max() ?? 0)
        let slowest = bins.map { $0?.slowest }
        let topTime = Self.round(slowest.compactMap(\.self).max() ?? 0)
        return [
            ("plot-refused", true, Self.area(refused, top)), ("plot-queued", true, Self.area(queued, top)),
            ("plot-admitted", true, Self.area(admitted, top)), ("plot-top", false, wording.number(top)),
            ("plot-latency", true, Self.line(slowest, topTime)),
            ("plot-latency-top", false, wording.number(topTime) + " ms"),
            ("plot-from", false, wording.clock(now + -Double(Self.window))), ("plot-to", false, wording.second(now)),
        ]
    }

    /// The next of 1, 2, 5, 10, 20, 50 and so on; at least 10.
    static func round(_ value: Double) -> Double {
        var power = 10.0
        while power < 1e15 {
            for factor in [1.0, 2, 5] where power * factor >= value { return power * factor }
            power *= 10
        }
        return power
    }

    /// Steps from left to right, closed along the bottom; gaps stay open.
    private static func area(_ values: [Double?], _ top: Double) -> String {
        pieces(values).map { start, piece in
            var path = "M\(x(start, values.count)) \(decimal(height))"
            for (offset, value) in piece.enumerated() {
                path += "V\(y(value, top))H\(x(start + offset + 1, values.count))"
            }
            return path + "V\(decimal(height))Z"
        }.joined()
    }

    private static func line(_ values: [Double?], _ top: Double) -> String {
        pieces(values).map { start, piece in
            var path = ""
            for (offset, value) in piece.enumerated() {
                path += (offset == 0 ? "M\(x(start, values.count)) \(y(value, top))" : "V\(y(value, top))")
                path += "H\(x(start + offset + 1, values.count))"
            }
            return path
        }.joined()
    }

    private static func pieces(_ values: [Double?]) -> [(Int, [Double])] {
        var pieces: [(Int, [Double])] = []
        var isOpen = false
        for (index, value) in values.enumerated() {
            guard let value else {
                isOpen = false
                continue
            }
            if isOpen { pieces[pieces.count - 1].1.append(value) } else { pieces.append((index, [value])) }
            isOpen = true
        }
        return pieces
    }

    private static func x(_ index: Int, _ count: Int) -> String {
        decimal(Double(index) * width / Double(max(1, count)))
    }
    private static func y(_ value: Double, _ top: Double) -> String {
        decimal(height - min(1, max(0, value / top)) * (height - 2))
    }

    /// One digit after the point at most.
    private static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
