package import CoreMetrics
internal import Synchronization

/// The program's own metrics behind swift-metrics: each series is a few atomic words, made once and never growing.
///
/// Counters become counters, meters and gauges become gauges, timers (in seconds) and aggregating recorders become
/// histograms with the buckets given at the start. Series over ``seriesLimit``, and a name used for two kinds, are
/// counted in `wasstraat_metrics_dropped_total` and lead nowhere: a label that came from outside cannot fill the memory.
package final class MetricsRegistry: MetricsFactory {
    /// Upper bounds in seconds: from a cache's answer to an origin's timeout.
    package static let defaultBounds: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    /// Series kept in all.
    package let seriesLimit: Int
    private let bounds: [Double]
    private let help: [String: String]
    private let dropped = Atomic<UInt64>(0)
    private let families = Mutex(Families())

    private struct Families {
        var byName: [String: Family] = [:]
        var seriesCount = 0
    }

    private struct Family {
        var kind: MetricsText.Kind
        var series: [[String]: Series] = [:]
    }

    private enum Series {
        case integer(IntegerSeries)
        case gauge(GaugeSeries)
        case histogram(HistogramSeries)
    }

    /// - Parameters:
    ///   - help: one sentence for each family, by its name.
    ///   - bounds: upper bounds of the histograms' buckets, rising.
    package init(
        help: [String: String] = [:], bounds: [Double] = MetricsRegistry.defaultBounds, seriesLimit: Int = 1_024
    ) {
        self.help = help
        self.bounds = bounds
        self.seriesLimit = seriesLimit
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let fresh = IntegerSeries()
        if case .integer(let known) = series(label, .counter, dimensions, .integer(fresh)) { return known }
        return fresh
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return gauge(label, dimensions) }
        return histogram(label, dimensions)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, dimensions)
    }

    // Series live as long as the program: a counter that came back smaller would look like a restart.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeSeries {
        let fresh = GaugeSeries()
        if case .gauge(let known) = series(label, .gauge, dimensions, .gauge(fresh)) { return known }
        return fresh
    }

    private func histogram(_ label: String, _ dimensions: [(String, String)]) -> HistogramSeries {
        let fresh = HistogramSeries(bounds: bounds)
        if case .histogram(let known) = series(label, .histogram, dimensions, .histogram(fresh)) { return known }
        return fresh
    }

    /// The series of that name and those labels, `fresh` where there was none; nil when it is not kept.
    private func series(
        _ label: String, _ kind: MetricsText.Kind, _ dimensions: [(String, String)], _ fresh: Series
    ) -> Series? {
        let name = MetricsText.validName(label)
        let key = dimensions.flatMap { [$0.0, $0.1] }
        let kept: Series? = families.withLock { families in
            var family = families.byName[name] ?? Family(kind: kind)
            guard family.kind == kind else { return nil }
            if let known = family.series[key] { return known }
            guard families.seriesCount < seriesLimit else { return nil }
            family.series[key] = fresh
            families.seriesCount += 1
            families.byName[name] = family
            return fresh
        }
        if kept == nil { dropped.wrappingAdd(1, ordering: .relaxed) }
        return kept
    }

    /// All series as text, sorted by name and labels.
    package func text() -> MetricsText {
        var text = MetricsText()
        let known = families.withLock { $0.byName }
        for (name, family) in known.sorted(by: { $0.key < $1.key }) {
            text.family(name, family.kind, help: help[name] ?? name)
            for (key, series) in family.series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                let labels = stride(from: 0, to: key.count, by: 2).map { (name: key[$0], value: key[$0 + 1]) }
                switch series {
                case .integer(let counter): text.sample(counter.value, labels)
                case .gauge(let gauge): text.sample(gauge.value, labels)
                case .histogram(let histogram): histogram.write(labels, to: &text)
                }
            }
        }
        text.family(
            "wasstraat_metrics_dropped_total", .counter, help: "Series that were not kept: too many, or of two kinds.")
        text.sample(dropped.load(ordering: .relaxed))
        return text
    }
}

private final class IntegerSeries: CounterHandler {
    private let count = Atomic<UInt64>(0)
    var value: UInt64 { count.load(ordering: .relaxed) }

    /// A counter never goes down: what is not above zero is ignored.
    func increment(by amount: Int64) {
        if amount > 0 { count.wrappingAdd(UInt64(amount), ordering: .relaxed) }
    }

    func reset() { count.store(0, ordering: .relaxed) }
}

private final class GaugeSeries: MeterHandler, RecorderHandler {
    private let bits = Atomic<UInt64>(0)
    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func decrement(by amount: Double) { increment(by: -amount) }

    func increment(by amount: Double) {
        bits.add(amount)
    }
}

private final class HistogramSeries: TimerHandler, RecorderHandler {
    private struct State {
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }

    func write(_ labels: [MetricsText.Label], to text: inout MetricsText) {
        let state = state.withLock { $0 }
        text.histogram(labels, bounds: bounds, counts: state.counts, sum: state.sum)
    }
}

extension Atomic<UInt64> {
    /// Adds to a number kept as the bits of a Double.
    fileprivate borrowing func add(_ amount: Double) {
        var old = load(ordering: .relaxed)
        while true {
            let sum = Double(bitPattern: old) + amount
            let (exchanged, original) = compareExchange(
                expected: old, desired: sum.bitPattern, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }
}
