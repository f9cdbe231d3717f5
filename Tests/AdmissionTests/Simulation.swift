import Admission
import Sketches

/// A site, its visitors and a flood in simulated time: the origin has a few slots, and whatever is admitted beyond them
/// queues there. Everything is drawn from a seeded generator, so a run repeats exactly.
struct Simulation {
    struct Route {
        var hash: UInt64
        /// Milliseconds at the origin.
        var cost: Float
        /// Whether it needs one of the slots.
        var needsSlot = true
    }

    struct Outcome {
        var requests = 0
        var served = 0
        /// Milliseconds from the request to its first byte.
        var times: [Float] = []

        var success: Double { requests == 0 ? 1 : Double(served) / Double(requests) }

        func percentile(_ share: Double) -> Float {
            guard !times.isEmpty else { return 0 }
            let all = times.sorted() + Array(repeating: 10_000, count: requests - served)
            return all[min(all.count - 1, Int(Double(all.count) * share))]
        }
    }

    /// A stream of requests at a mean rate (per second) by sources taken at random.
    struct Stream {
        var name: String
        var rate: Double
        var sources: Range<UInt64>
        var sourcesPerNetwork: UInt64 = 1
        var routes: [(route: Route, share: Double)]
        var isKnown = false
        /// Programs that are seen at each source.
        var agents: UInt64 = 1
        var from: Double
        var until: Double
    }

    static let page = Route(hash: 0x1111_0000_0001, cost: 2)
    static let search = Route(hash: 0x2222_0000_0002, cost: 40)
    static let asset = Route(hash: 0x3333_0000_0003, cost: 0.5, needsSlot: false)

    private struct Event {
        enum Kind {
            case arrival(stream: Int)
            case done(slot: Slot, request: Int)
            case tick
        }
        var at: Double
        var kind: Kind
    }

    private struct Request {
        var stream: Int
        var route: Route
        var came: Double
        var source: UInt64 = 0
        var isKnown = false
        var isSuspect = false
    }

    var admission: SiteAdmission
    var originSlots = 4
    var outcomes: [String: Outcome] = [:]
    var learnt: Set<UInt64> = []
    var pressureSeen = false
    var hostile: HostileSources
    /// Sources that were proven hostile, by stream.
    var proven: [String: Set<UInt64>] = [:]
    var limits: [Float] = []
    private var streams: [Stream]
    private var events = EventQueue<Event>()
    private var requests: [Request] = []
    private var atOrigin: [(slot: Slot, request: Int)] = []
    private var busy = 0
    private var random: UInt64

    init(_ streams: [Stream], rules: SiteAdmission.Rules = .init(), seed: UInt64 = 1) {
        self.streams = streams
        random = seed
        admission = SiteAdmission(rules: rules, at: Self.instant(0))
        hostile = HostileSources(at: Self.instant(0))
        for index in streams.indices { push(Event(at: streams[index].from, kind: .arrival(stream: index))) }
        push(Event(at: 0, kind: .tick))
    }

    static func instant(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64((seconds + 10) * 1e9)) }

    mutating func run(until end: Double) {
        while let event = pop(), event.at < end {
            let now = Self.instant(event.at)
            switch event.kind {
            case .tick: tick(event.at, now)
            case .arrival(let stream): arrive(stream, event.at, now)
            case .done(let slot, let request): finish(slot, request, event.at, now)
            }
        }
    }

    private mutating func tick(_ time: Double, _ now: Instant) {
        learnt.formUnion(admission.tick(at: now))
        while let (ticket, _) = admission.expired(at: now) { turnedAway(Int(ticket), now) }
        admitNext(time, now)
        pressureSeen = pressureSeen || admission.isUnderPressure
        limits.append(admission.limit)
        push(Event(at: time + 0.1, kind: .tick))
    }

    private mutating func arrive(_ index: Int, _ time: Double, _ now: Instant) {
        let stream = streams[index]
        let next = time - log1p(-uniform()) / stream.rate
        if next < stream.until { push(Event(at: next, kind: .arrival(stream: index))) }
        let source = stream.sources.lowerBound + UInt64(uniform() * Double(stream.sources.count))
        var dice = uniform()
        let route =
            stream.routes.first {
                dice -= $0.share; return dice < 0
            }?.route ?? stream.routes[0].route
        requests.append(Request(stream: index, route: route, came: time))
        outcomes[stream.name, default: Outcome()].requests += 1
        let hash = KeyedHash(key: [1])
        let arrival = Arrival(
            ticket: UInt64(requests.count - 1), source: hash(source, 0),
            network: hash(source / stream.sourcesPerNetwork, 1), route: route.hash,
            isKnown: stream.isKnown || learnt.contains(hash(source, 0)))
        if !arrival.isKnown { admission.novices.served(arrival.source) }
        let decision = admission.arrived(arrival, at: now)
        let request = requests.count - 1
        requests[request].source = arrival.source
        requests[request].isKnown = arrival.isKnown
        requests[request].isSuspect = admission.lastClass == .suspect
        var isRefused = false
        if case .refuse = decision { isRefused = true }
        let agent = UInt32(truncatingIfNeeded: source &* 31 &+ UInt64(uniform() * Double(stream.agents)))
        if admission.isUnderPressure { see(request, agent: agent, isRefused: isRefused, now) }
        switch decision {
        case .admit(let slot): send(slot, request, time)
        case .wait(let evicted): if let evicted { turnedAway(Int(evicted), now) }
        case .refuse: break
        }
    }

    /// A request that waited in vain.
    private mutating func turnedAway(_ request: Int, _ now: Instant) {
        if requests[request].isSuspect { see(request, agent: nil, isRefused: true, now) }
    }

    private mutating func see(_ index: Int, agent: UInt32?, isRefused: Bool, _ now: Instant) {
        let request = requests[index]
        let sight = HostileSources.Sight(
            source: request.source, agent: agent, isKnown: request.isKnown, isSuspect: request.isSuspect,
            isRefused: isRefused)
        guard hostile.saw(sight, at: now) != nil else { return }
        proven[streams[request.stream].name, default: []].insert(request.source)
    }

    private mutating func send(_ slot: Slot, _ request: Int, _ time: Double) {
        if requests[request].route.needsSlot {
            guard busy < originSlots else {
                atOrigin.append((slot, request))
                return
            }
            busy += 1
        }
        let jitter = 1 + 0.1 * uniform()
        push(
            Event(
                at: time + Double(requests[request].route.cost) * jitter / 1000,
                kind: .done(slot: slot, request: request)))
    }

    private mutating func finish(_ slot: Slot, _ request: Int, _ time: Double, _ now: Instant) {
        admission.answered(slot, at: now)
        admission.released(slot)
        let stream = streams[requests[request].stream]
        outcomes[stream.name, default: Outcome()].served += 1
        outcomes[stream.name, default: Outcome()].times.append(Float(time - requests[request].came) * 1000)
        if requests[request].route.needsSlot {
            busy -= 1
            if !atOrigin.isEmpty {
                let (slot, request) = atOrigin.removeFirst()
                send(slot, request, time)
            }
        }
        admitNext(time, now)
    }

    private mutating func admitNext(_ time: Double, _ now: Instant) {
        while let (ticket, slot) = admission.next(at: now) { send(slot, Int(ticket), time) }
    }

    private mutating func uniform() -> Double {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(random >> 11) * 0x1p-53
    }

    private func log1p(_ x: Double) -> Double {
        // ln(1 + x) by halving and a series: the tests need no mathematics library for one logarithm.
        var value = 1 + x
        var sum = 0.0
        while value < 0.75 {
            value *= 2
            sum -= 0.693_147_180_559_945_3
        }
        let y = (value - 1) / (value + 1)
        var term = y
        var series = 0.0
        for step in 0..<12 {
            series += term / Double(2 * step + 1)
            term *= y * y
        }
        return sum + 2 * series
    }

    private mutating func push(_ event: Event) { events.push(event, at: event.at) }

    private mutating func pop() -> Event? { events.pop()?.event }
}
