package import Moments

/// Turns checks of one service into states over time and downtime with its bounds.
///
/// A vantage point sees a service down in a run of at least two failed checks, from the midpoint between the last good
/// and the first bad check to the midpoint back; a single failed check, or a slow one, is a degraded moment. The service
/// is down where at least two thirds of the vantage points that measure see it down, degraded where at least a third
/// see it fail, up otherwise, and unknown where nobody measured. Each check speaks for one interval before and after it.
package struct Availability: Sendable {
    /// A check whose first byte took longer than this many milliseconds shows a degraded service.
    package static let slow = 4_000.0

    /// A time with one state.
    package struct Span: Equatable, Sendable {
        package var from: Moment
        package var until: Moment
        package var state: ServiceState

        package var seconds: Double { until - from }
    }

    /// In order and without gaps, from the start of the window to its end; neighbours differ.
    package let spans: [Span]
    package let downtime: Judgement.Downtime
    /// Share of the window that was measured, 0...1.
    package let known: Double
    package let basis: Judgement.Basis

    /// - Parameters:
    ///   - samples: of one service on one path, in any order; those outside the window help to see where runs begin.
    ///   - interval: seconds between two checks of a vantage point.
    package init(_ samples: [Sample], in window: Range<Moment>, interval: Double) {
        let useful = samples.filter { $0.result != .void }.sorted { $0.at < $1.at }
        let places = Dictionary(grouping: useful, by: \.vantage).values.map { Vantage($0, interval: interval) }
        let drawn = Self.draw(places, \.middle, in: window)
        spans = drawn
        let length = window.upperBound - window.lowerBound
        let unknown = drawn.filter { $0.state == .unknown }.reduce(0) { $0 + $1.seconds }
        known = length > 0 ? 1 - unknown / length : 0
        downtime = Judgement.Downtime(
            seconds: Self.down(drawn), shortest: Self.down(Self.draw(places, \.inner, in: window)),
            longest: Self.down(Self.draw(places, \.outer, in: window)))
        let inside = useful.filter { window.contains($0.at) }
        basis = Judgement.Basis(
            vantages: Set(inside.map(\.vantage)).sorted(), networks: Set(inside.map(\.network)).count,
            interval: interval, samples: inside.count)
    }

    package func seconds(_ state: ServiceState) -> Double {
        spans.filter { $0.state == state }.reduce(0) { $0 + $1.seconds }
    }

    /// The state at the window's end, and since when.
    package var latest: (state: ServiceState, since: Moment)? { spans.last.map { ($0.state, $0.from) } }

    private static func down(_ spans: [Span]) -> Double {
        spans.filter { $0.state == .down }.reduce(0) { $0 + $1.seconds }
    }

    private static func draw(
        _ places: [Vantage], _ form: KeyPath<Vantage.Run, Range<Moment>>, in window: Range<Moment>
    ) -> [Span] {
        guard !window.isEmpty else { return [] }
        var turns: [Turn] = []
        for place in places {
            for span in place.measured { turns += Turn.pair(span, \.measuring) }
            for run in place.runs {
                turns += Turn.pair(run[keyPath: form], \.failing)
                if run.isDown { turns += Turn.pair(run[keyPath: form], \.down) }
            }
        }
        turns.sort { $0.at < $1.at }
        var count = Turn.Count()
        var spans: [Span] = []
        var from = window.lowerBound
        func add(until: Moment) {
            let end = min(until, window.upperBound)
            guard end > from else { return }
            if let last = spans.last, last.state == count.state {
                spans[spans.count - 1].until = end
            } else {
                spans.append(Span(from: from, until: end, state: count.state))
            }
            from = end
        }
        for turn in turns {
            add(until: turn.at)
            count[keyPath: turn.what] += turn.change
        }
        add(until: window.upperBound)
        return spans
    }
}

/// A moment at which one more vantage point begins or ceases to measure, to see failures, or to see the service down.
private struct Turn {
    struct Count {
        var measuring = 0
        var failing = 0
        var down = 0

        var state: ServiceState {
            if measuring <= 0 { return .unknown }
            if 3 * down >= 2 * measuring { return .down }
            return 3 * failing >= measuring ? .degraded : .up
        }
    }

    var at: Moment
    var what: any WritableKeyPath<Count, Int> & Sendable
    var change: Int

    static func pair(_ span: Range<Moment>, _ what: any WritableKeyPath<Count, Int> & Sendable) -> [Turn] {
        span.isEmpty
            ? []
            : [Turn(at: span.lowerBound, what: what, change: 1), Turn(at: span.upperBound, what: what, change: -1)]
    }
}

/// What one vantage point saw.
private struct Vantage {
    struct Run {
        /// At least two failed checks in a row; otherwise one failed, or slow ones.
        var isDown: Bool
        /// From midpoint to midpoint; between its own checks; between the good checks around it.
        var middle: Range<Moment>
        var inner: Range<Moment>
        var outer: Range<Moment>
    }

    private enum Sight {
        case good
        case slow
        case bad
    }

    /// When it measured.
    private(set) var measured: [Range<Moment>] = []
    private(set) var runs: [Run] = []

    /// - Parameter samples: in order of time, not empty.
    init(_ samples: [Sample], interval: Double) {
        for sample in samples {
            let span = sample.at + -interval..<sample.at + interval
            if let last = measured.last, span.lowerBound <= last.upperBound {
                measured[measured.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
            } else {
                measured.append(span)
            }
        }
        var first = 0
        while first < samples.count {
            let sight = Self.sight(samples[first])
            var last = first
            while last + 1 < samples.count, Self.sight(samples[last + 1]) == sight,
                samples[last + 1].at - samples[last].at <= 2 * interval
            { last += 1 }
            if sight != .good { runs.append(Self.run(samples, first...last, sight, interval)) }
            first = last + 1
        }
    }

    private static func sight(_ sample: Sample) -> Sight {
        guard sample.result == .success else { return .bad }
        return (sample.firstByte ?? 0) > Availability.slow ? .slow : .good
    }

    private static func run(_ samples: [Sample], _ range: ClosedRange<Int>, _ sight: Sight, _ interval: Double) -> Run {
        let first = samples[range.lowerBound].at
        let last = samples[range.upperBound].at
        // A neighbour further away than two intervals says nothing about the time between.
        var before = first + -interval
        var hasBefore = false
        if range.lowerBound > 0, first - samples[range.lowerBound - 1].at <= 2 * interval {
            before = samples[range.lowerBound - 1].at
            hasBefore = true
        }
        var after = last + interval
        var hasAfter = false
        if range.upperBound + 1 < samples.count, samples[range.upperBound + 1].at - last <= 2 * interval {
            after = samples[range.upperBound + 1].at
            hasAfter = true
        }
        // Where no good check stands on a side, nothing says that it was good there: all that is known is bad.
        let begin = hasBefore ? before + (first - before) / 2 : before
        let end = hasAfter ? last + (after - last) / 2 : after
        return Run(
            isDown: sight == .bad && range.count > 1, middle: begin..<end, inner: first..<last, outer: before..<after)
    }
}

extension Judgement {
    /// Attacks end for their judgement this many seconds after their last second of excess.
    package static let aftermath = 600.0
    /// Least share of the time that must be measured before anything but `unknown` is said.
    package static let knownLimit = 0.8
    /// Networks to measure from before a judgement is final.
    package static let networkLimit = 3

    /// Judges an attack by the checks made through the washing street.
    /// - Parameters:
    ///   - start: the attack's first second.
    ///   - end: the end of its last second so far.
    ///   - isOver: it will not go on.
    ///   - now: what lies ahead cannot have been measured.
    package init(
        of samples: [Sample], start: Moment, end: Moment, isOver: Bool, interval: Double, now: Moment
    ) {
        let settled = end + Self.aftermath
        let window = start..<max(start, min(settled, now))
        // What was seen before the attack says nothing of it: trouble that ended just then is not its effect.
        let availability = Availability(samples.filter { $0.at >= start }, in: window, interval: interval)
        let outcome: Outcome
        if availability.known < Self.knownLimit {
            outcome = .unknown
        } else if availability.seconds(.down) > 0 {
            outcome = .down
        } else if availability.seconds(.degraded) > 0 {
            outcome = .degraded
        } else {
            outcome = .fendedOff
        }
        self.init(
            outcome: outcome,
            isProvisional: !isOver || now < settled || availability.basis.networks < Self.networkLimit,
            downtime: outcome == .unknown ? nil : availability.downtime, known: availability.known,
            basis: availability.basis)
    }
}
