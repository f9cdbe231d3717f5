package import Moments
internal import Sketches

/// What is usual at one site: how many requests a second at each hour of the week, and of which shapes. Nobody tells it;
/// it learns from seconds outside attacks (``AttackWatch`` decides which) and forgets slowly.
///
/// At most 66 kB in memory and 60 kB as bytes. It holds no source.
package struct SiteProfile: Equatable, Sendable {
    /// Seconds that it learnt from.
    package internal(set) var secondsLearnt: UInt64 = 0
    /// By hour of the week on Dutch clocks, from Sunday 00:00 on; people live by these, in summer too.
    var hours = [Level](repeating: Level(memory: hourMemory), count: hourCount)
    var week = Level(memory: weekMemory)
    package internal(set) var shapes = ShapeTally()

    static let hourCount = 168
    /// The same hour of the last two to four weeks.
    static let hourMemory: Float = 14_400
    /// The last one to two weeks.
    static let weekMemory: Float = 1_209_600
    static let secondsOfWeek: UInt64 = 604_800

    /// Requests a second that no site has to explain while nothing is known of it.
    package static let floor = 20.0
    /// Seconds after which a profile is believed as much as it is doubted.
    private static let doubt = 300.0
    /// Growth from one week to the next that is no wonder.
    private static let growth = 1.25
    /// Seconds of an hour of the week from which on it stands on its own, once a whole week was seen.
    private static let enough: Float = 1_800

    package init() {}

    /// How many requests a second came, in one hour of the week or all.
    struct Level: Equatable, Sendable {
        var rates: DecayedHistogram
        var mean = 0.0

        init(memory: Float) { rates = DecayedHistogram(memory: memory) }

        mutating func add(_ rate: UInt64) {
            rates.add(Float(rate))
            mean += (Double(rate) - mean) / Double(rates.total)
        }
    }

    /// Whether it has seen enough to be asked: before, excess alone means little.
    package var isKnown: Bool { secondsLearnt >= 10 }

    /// Takes a second as usual. Before a site's first request there is nothing to learn.
    package mutating func learn(_ second: SiteSecond) {
        learn(second.requests, at: second.time)
        shapes.add(second.traffic.shapes)
    }

    mutating func learn(_ requests: UInt64, at moment: Moment) {
        guard secondsLearnt > 0 || requests > 0 else { return }
        hours[Self.hour(of: moment)].add(requests)
        week.add(requests)
        secondsLearnt &+= 1
        if secondsLearnt % Self.secondsOfWeek == 0 { shapes.halve() }
    }

    /// Requests a second that are usual at this time: the mean of the hour and its neighbours, leaning on the whole
    /// week's where little is known of these.
    package func usual(at moment: Moment) -> Double {
        let hour = Self.hour(of: moment)
        var weight = Double(min(week.rates.total, 600))
        var sum = week.mean * weight
        for neighbour in Self.around(hour) {
            let known = Double(hours[neighbour].rates.total)
            sum += hours[neighbour].mean * known
            weight += known
        }
        return weight > 0 ? sum / weight : 0
    }

    /// Requests a second up to which the profile explains what comes: what all but 1 in 1,000 seconds of this hour and
    /// its neighbours stayed under (of the whole week, until a week was seen), room for growth, and four standard
    /// deviations of chance. A young profile explains up to three times as much as it saw, and `floor`.
    package func bound(at moment: Moment) -> Double {
        let newness = Self.doubt / (Self.doubt + Double(secondsLearnt))
        let reach = reach(at: moment) * (Self.growth + 2 * newness)
        return max(Self.floor * newness, reach + 4 * reach.squareRoot())
    }

    private func reach(at moment: Moment) -> Double {
        let hour = Self.hour(of: moment)
        var near = DecayedHistogram(memory: Self.hourMemory)
        for neighbour in Self.around(hour) { near.merge(hours[neighbour].rates) }
        let isOnItsOwn = secondsLearnt >= Self.secondsOfWeek && hours[hour].rates.total >= Self.enough
        // At no hour is it an attack when as much comes as in half of the week's seconds.
        let wide = week.rates.quantile(isOnItsOwn ? 0.5 : 0.999) ?? 0
        return Double(max(near.quantile(0.999) ?? 0, wide))
    }

    static func hour(of moment: Moment) -> Int {
        let time = DutchTime(believable(moment))
        return (time.day.weekday * 24 + Int(time.second / 3_600)) % hourCount
    }

    /// Between 1970 and 9987. A clock that is centuries off is of no use, but does no harm.
    static func believable(_ moment: Moment) -> Moment {
        min(max(moment, Moment(milliseconds: 0)), Moment(seconds: 253_000_000_000))
    }

    private static func around(_ hour: Int) -> [Int] {
        [(hour + hourCount - 1) % hourCount, hour, (hour + 1) % hourCount]
    }
}
