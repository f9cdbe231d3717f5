import Detection
import Fingerprints
import Moments
import Sketches

/// A made-up site's seconds, from a draw that is the same each time.
struct Street {
    /// Monday 2026-11-23, 08:00 UTC.
    static let morning = Moment(seconds: 1_795_420_800)

    var watch: AttackWatch
    var now: Moment
    var events: [AttackEvent] = []
    private var draw: UInt64

    init(profile: SiteProfile = SiteProfile(), at start: Moment = morning, seed: UInt64 = 1) {
        watch = AttackWatch(site: "gemeente", profile: profile)
        now = start
        draw = seed
    }

    init(_ watch: AttackWatch, at start: Moment) {
        self.watch = watch
        now = start
        draw = 1
    }

    static let visitors: [RequestShape: Double] = [
        RequestShape(method: "GET", route: "/", ja4: "t13d1516h2_8daaf6152771_02713d6af862"): 0.5,
        RequestShape(method: "GET", route: "/nieuws/0", ja4: "t13d1516h2_8daaf6152771_02713d6af862"): 0.2,
        RequestShape(method: "GET", route: "/zoeken?q", ja4: "t13d1715h2_5b57614c22b0_3d5424432f57"): 0.2,
        RequestShape(method: "POST", route: "/aanvraag", ja4: "t13d1516h2_8daaf6152771_02713d6af862"): 0.1,
    ]
    static let flood = RequestShape(method: "GET", route: "/zoeken?q", ja4: "t13d190900_9dc949149365_97f8aa674fd9")

    /// 0..<1.
    mutating func next() -> Double {
        draw &+= 0x9e37_79b9_7f4a_7c15
        var mixed = draw
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return Double((mixed ^ mixed >> 31) >> 11) * 0x1p-53
    }

    /// About Poisson: the sum of twelve draws is nearly normal, with variance 1.
    mutating func count(_ mean: Double) -> UInt64 {
        guard mean > 0 else { return 0 }
        let normal = (0..<12).reduce(-6.0) { sum, _ in sum + next() }
        return UInt64(max(0, (mean + normal * mean.squareRoot()).rounded()))
    }

    mutating func second(visitors: Double, attack: Double = 0, shape: RequestShape = Street.flood) -> SiteSecond {
        var second = SiteSecond(time: now)
        for (shape, share) in Self.visitors.sorted(by: { $0.key.route < $1.key.route }) {
            second.traffic.shapes[shape, default: 0] += count(visitors * share)
        }
        let hostile = count(attack)
        if hostile > 0 { second.traffic.shapes[shape, default: 0] += hostile }
        second.requests = second.traffic.shapes.values.reduce(0, +)
        second.admitted = min(second.requests, 100)
        second.refused = second.requests - second.admitted
        return second
    }

    /// Lets seconds pass.
    mutating func pass(
        _ seconds: Int, visitors: Double = 50, attack: Double = 0, pressure: Bool = false,
        shape: RequestShape = Street.flood, heldBack: UInt64 = 0
    ) {
        for _ in 0..<seconds {
            var second = second(visitors: visitors, attack: attack, shape: shape)
            second.isUnderPressure = pressure
            second.heldBack = heldBack
            if !pressure {
                second.admitted = second.requests
                second.refused = 0
            }
            events += watch.observe(second)
            now = now + 1
        }
    }

    /// Time passes and nothing comes from the lane.
    mutating func silence(_ seconds: Int) { now = now + Double(seconds) }

    var opened: [DetectedAttack] { events.compactMap { if case .opened(let attack) = $0 { attack } else { nil } } }
    var over: [DetectedAttack] { events.compactMap { if case .over(let attack) = $0 { attack } else { nil } } }
}
