import Admission
import Heads
import Sketches

/// One site under load in simulated time, with whole request heads: visitors who open a page, its parts, and after a while
/// the next one; a flood whose many sources each ask little; an origin that saturates at 400 visitors' requests a second.
struct SiteSimulation {
    /// Who asks.
    enum Party: Int, CaseIterable {
        case known, new, flood, crowd
    }

    /// How a crowd differs from the site's visitors: in what it comes for alone; or it comes for a new page, by a link that
    /// is marked anew for each, three in ten of them in an application's own browser, that
    /// two in a hundred visitors use.
    enum Crowd {
        case asVisitors, fromElsewhere
    }

    struct Outcome {
        var requests = 0
        var served = 0
        /// At once or from the queue, without a refusal.
        var servedFirst = 0
        var suspects = 0
        /// Waiting pages.
        var pages = 0
        /// With a browser that the site knew in calm.
        var usualSuspects = 0
        var times: [Float] = []

        var success: Double { requests == 0 ? 1 : Double(served) / Double(requests) }
        var firstSuccess: Double { requests == 0 ? 1 : Double(servedFirst) / Double(requests) }

        func percentile(_ share: Double) -> Float {
            let all = times.sorted()
            return all.isEmpty ? 0 : all[min(all.count - 1, Int(Double(all.count) * share))]
        }
    }

    /// An outcome for each party.
    struct Outcomes {
        private var all = [Outcome](repeating: Outcome(), count: Party.allCases.count)

        subscript(party: Party) -> Outcome {
            get { all[party.rawValue] }
            set { all[party.rawValue] = newValue }
        }
    }

    private struct Visit {
        var party: Party
        var source: UInt64
        var client: Client
        var cookie: Bool
        var pagesLeft: Int
        var isWarm: Bool
        var hot: Bool
    }

    private struct Request {
        var party: Party
        var visit: Int
        var source: UInt64
        var client: Client
        var cookie: Bool
        var referer: Bool
        var ask: Ask
        var came: Double
        var tries = 0
        /// It was sent round for its cookie, and comes back.
        var wasSent = false

        /// A browser asks for a page.
        var isForPage: Bool { !ask.isAsset && ask.method == "GET" && client.acceptsPages }
    }

    private enum Event {
        case visit(Party)
        case page(visit: Int)
        case ask(request: Int)
        case flood
        case done(slot: Slot, request: Int)
        case tick
    }

    static let slots = 6
    static let capacity = 400.0
    /// Seconds: calm, then the flood or the crowd, then the end.
    static let onset = 150.0

    let kind: SiteKind
    let floodFactor: Double
    let crowdFactor: Double
    let end: Double
    let crowdComes: Crowd
    /// Whether admission is shown the requests' traits.
    var admission: SiteAdmission
    /// From the onset on.
    var outcomes = Outcomes()
    var quiet = Outcomes()
    /// Share of the origin's time that was worked, from the onset to the end.
    var busyShare: Double { worked / (end - Self.onset) / Double(Self.slots) }
    /// Seconds after the onset at which more than half of the flood's requests of a quarter of a second were suspect.
    var firstEffect: Double?

    private var events = EventQueue<Event>()
    private var visits: [Visit] = []
    private var requests: [Request] = []
    private var atOrigin: [(slot: Slot, request: Int)] = []
    private var firstAtOrigin = 0
    private var busy = 0
    private var worked = 0.0
    private var random: SplitMix64
    private var head = RequestHead()
    private var costFactor: Float = 1
    private var requestsPerVisit = 1.0
    /// The turns in people's browsers, and in those of the flood that keep cookies, by source.
    private var turns: [UInt64: Turn] = [:]
    private var turnsGiven: UInt32 = 0
    private var newSources: UInt64 = 1 << 32
    private var window = (flood: 0, suspect: 0, at: 0.0)
    private let flooders = Client.flooders()
    private let foreign = Client.browsers(language: "en-US,en;q=0.9")
    private let hash = KeyedHash(key: [7])

    init(
        _ kind: SiteKind, flood: Double = 0, crowd: Double = 0, seconds: Double = 40, isScored: Bool = true,
        crowdComes: Crowd = .asVisitors,
        seed: UInt64
    ) {
        self.kind = kind
        floodFactor = flood
        crowdFactor = crowd
        end = Self.onset + seconds
        self.crowdComes = crowdComes
        random = SplitMix64(seed: seed)
        var rules = SiteAdmission.Rules()
        rules.isScoring = isScored
        admission = SiteAdmission(rules: rules, key: KeyedHash(key: [3]), at: Self.instant(0))
        measure()
        events.push(.visit(.known), at: 0)
        events.push(.visit(.new), at: 0)
        if flood > 0 { events.push(.flood, at: Self.onset) }
        if crowd > 0 { events.push(.visit(.crowd), at: Self.onset) }
        events.push(.tick, at: 0)
    }

    static func instant(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64((seconds + 10) * 1e9)) }

    /// The mean cost of a visitor's request makes the origin's size, and the requests of a visit the rate of visits.
    private mutating func measure() {
        var (cost, count): (Float, Int) = (0, 0)
        for _ in 0..<2000 {
            let pages = 1 + Int(random.below(UInt32(kind.pages.count))) + kind.pages.lowerBound - 1
            for page in 0..<pages {
                cost += kind.page(&random).cost
                let parts = assets(isWarm: page > 0)
                cost += Float(parts) * 2
                count += 1 + parts
            }
        }
        costFactor = Float(Self.slots) * 1000 / Float(Self.capacity) / (cost / Float(count))
        requestsPerVisit = Double(count) / 2000
    }

    private mutating func assets(isWarm: Bool) -> Int {
        kind.assets == 0 ? 0 : isWarm ? Int(random.below(3)) : kind.assets
    }

    mutating func run() {
        while let (at, event) = events.pop(), at < end + 70 {
            switch event {
            case .visit(let party): startVisit(party, at)
            case .page(let visit): openPage(visit, at)
            case .ask(let request): arrive(request, at)
            case .flood: flood(at)
            case .done(let slot, let request): finish(slot, request, at)
            case .tick: tick(at)
            }
        }
    }

    private mutating func exponential(_ mean: Double) -> Double {
        // The mean of many uniform ones is near enough to a think time; arrivals are spread evenly around their mean.
        mean * 2 * random.unit()
    }

    private mutating func pick(_ clients: [(client: Client, share: Double)]) -> Client {
        var dice = random.unit()
        for (client, share) in clients {
            dice -= share
            if dice < 0 { return client }
        }
        return clients[0].client
    }

    private mutating func startVisit(_ party: Party, _ time: Double) {
        let rate = party == .crowd ? 200 * crowdFactor : 100
        let next = time + exponential(requestsPerVisit / rate)
        if next < end { events.push(.visit(party), at: next) }
        let source: UInt64
        if party == .known {
            source = UInt64(random.below(5000))
        } else {
            newSources += 1
            source = newSources
        }
        // A source has one program.
        var own = SplitMix64(seed: source)
        swap(&own, &random)
        var client = pick(kind.clients)
        if crowdComes == .fromElsewhere, random.unit() < (party == .crowd ? 0.3 : 0.02) { client = .inApplication }
        swap(&own, &random)
        let pages = kind.pages.lowerBound + Int(random.below(UInt32(kind.pages.count)))
        visits.append(
            Visit(
                party: party, source: source, client: client, cookie: party == .known, pagesLeft: pages,
                isWarm: party == .known && random.unit() < 0.6, hot: party == .crowd))
        openPage(visits.count - 1, time)
    }

    private mutating func openPage(_ index: Int, _ time: Double) {
        let visit = visits[index]
        var ask = kind.page(&random)
        // What the crowd came for is one of the site's pages.
        if visit.hot, random.unit() < 0.8 { ask = crowdComes == .fromElsewhere ? .shared(&random) : kind.hot }
        visits[index].hot = false
        visits[index].pagesLeft -= 1
        let referer = visit.party == .crowd || random.unit() < 0.6
        send(visit, index, ask, referer: referer, cookie: visit.cookie, time)
    }

    /// A page came: it brings a cookie, its parts are asked for, and after a while the next one.
    private mutating func read(_ index: Int, _ time: Double) {
        let visit = visits[index]
        let parts = assets(isWarm: visit.isWarm)
        visits[index].isWarm = true
        visits[index].cookie = true
        for part in 0..<parts {
            let target =
                part % 3 == 0 ? "/media/foto-\(random.below(60)).jpg" : "/thema/\(SplitMix64.letters(part)).css"
            let asset = Ask(target: target, cost: 2, isAsset: true)
            send(visit, index, asset, referer: true, cookie: true, time + 0.1 + 0.3 * random.unit())
        }
        if visits[index].pagesLeft > 0 { events.push(.page(visit: index), at: time + 2 + exponential(5)) }
    }

    private mutating func send(
        _ visit: Visit, _ index: Int, _ ask: Ask, referer: Bool, cookie: Bool, _ time: Double
    ) {
        requests.append(
            Request(
                party: visit.party, visit: index, source: visit.source, client: visit.client, cookie: cookie,
                referer: referer, ask: ask, came: time))
        events.push(.ask(request: requests.count - 1), at: time)
    }

    private mutating func flood(_ time: Double) {
        let next = time + exponential(1 / (200 * floodFactor))
        if next < end { events.push(.flood, at: next) }
        let source = (1 << 40) + UInt64(random.below(10_000))
        var own = SplitMix64(seed: source)
        let isBrowser = own.unit() < 0.3
        swap(&own, &random)
        let client = isBrowser ? pick(random.unit() < 0.5 ? foreign : kind.clients) : pick(flooders)
        swap(&own, &random)
        requests.append(
            Request(
                party: .flood, visit: -1, source: source, client: client, cookie: isBrowser, referer: isBrowser,
                ask: kind.flood(&random), came: time))
        arrive(requests.count - 1, time)
    }

    /// Networks: visitors come from 60 wider ones, some of them from few; the flood from 150, a tenth of them the same.
    private func place(_ request: Request) -> (network: UInt64, region: UInt64) {
        var own = SplitMix64(seed: request.source ^ 0x6e65)
        let network: UInt64
        if request.party == .flood {
            network = (request.source - 1 << 40) / 5
            var region = SplitMix64(seed: network)
            let number = UInt64(region.below(150))
            return (hash(network, 1 << 20), hash(number < 15 ? number : 1000 + number, 2))
        }
        let region = UInt64(60 * own.unit() * own.unit())
        network = region << 8 | UInt64(own.below(250))
        return (hash(network, 1), hash(region, 2))
    }

    private mutating func arrive(_ index: Int, _ time: Double) {
        let request = requests[index]
        var bytes = Array("\(request.ask.method) \(request.ask.target) HTTP/1.1\r\n".utf8)
        bytes += request.ask.isAsset ? request.client.asset : request.client.page
        if request.referer { bytes += Array("Referer: https://www.example.nl/\r\n".utf8) }
        if request.cookie { bytes += Array("Cookie: sessie=\(request.source)\r\n".utf8) }
        if let body = request.ask.body {
            bytes += Array("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: \(body)\r\n".utf8)
        }
        bytes += [13, 10]
        let refusal = head.read(bytes.span, from: 0, limits: HeadLimits())
        precondition(refusal == nil, "the simulation makes well-formed requests")
        let route = RouteHash.of(bytes.span, method: head.method, path: head.path, pathLength: head.pathLength)
        var traits = head.traits(bytes.span, route: route)
        traits.client = request.client.ja4
        let (network, region) = place(request)
        var arrival = Arrival(
            ticket: UInt64(index), source: hash(request.source, 0), network: network, region: region, route: route,
            isKnown: request.party == .known, traits: traits)
        arrival.turn = held(request, time)
        arrival.mayBeSent = request.isForPage && !request.wasSent
        let unlike = admission.unlike
        let decision = admission.arrived(arrival, at: Self.instant(time))
        note(index, request, isSuspect: admission.unlike > unlike, time)
        switch decision {
        case .admit(let slot): begin(slot, index, time)
        case .wait(let evicted): if let evicted { refused(Int(evicted), .full, time) }
        case .refuse(let cause): refused(index, cause, time)
        }
    }

    private mutating func note(_ index: Int, _ request: Request, isSuspect: Bool, _ time: Double) {
        let party = request.party
        if request.tries == 0, !request.wasSent {
            if time >= Self.onset, time < end { outcomes[party].requests += 1 }
            if time < Self.onset { quiet[party].requests += 1 }
        }
        if isSuspect {
            outcomes[party].suspects += 1
            if request.client.ja4 != Client.inApplication.ja4 { outcomes[party].usualSuspects += 1 }
        }
        guard request.party == .flood, firstEffect == nil else { return }
        if time - window.at > 0.25 { window = (0, 0, time) }
        window.flood += 1
        if isSuspect { window.suspect += 1 }
        if window.flood > 50, window.suspect * 2 > window.flood { firstEffect = time - Self.onset }
    }

    /// The turn that the request's source brings. A second of the simulation is one of the calendar.
    private func held(_ request: Request, _ time: Double) -> HeldTurn? {
        turns[request.source].map {
            HeldTurn($0, age: UInt32(time) - min(UInt32(time), $0.since), isForPage: request.isForPage)
        }
    }

    /// A browser does what the page or the redirect says, with the turn in its cookies; for anything else a visitor comes
    /// again when Retry-After says. Three times at most; then it is gone. The flood has other requests to make: those of
    /// its programs that keep cookies bring the turn along.
    private mutating func refused(_ index: Int, _ cause: SiteAdmission.RefusalCause, _ time: Double) {
        let request = requests[index]
        let isKnown = request.party == .known
        let visitorClass: VisitorClass =
            cause == .suspect || cause == .unlike ? .suspect : isKnown ? .known : .unknown
        let answer = admission.answer(
            Ladder.Question(
                cause: cause, visitorClass: visitorClass, isKnown: isKnown, source: hash(request.source, 0),
                turn: held(request, time), isForPage: request.isForPage, mayBeSent: request.isForPage,
                wasSent: request.wasSent), at: Self.instant(time))
        var again = 20 + 10 * random.unit()
        switch answer {
        case .plain: break
        case .proof:
            giveTurn(to: request, time)
            requests[index].wasSent = true
            again = 0.05
        case .page(let page):
            if page.givesTurn { giveTurn(to: request, time) }
            again = Double(page.again)
            outcomes[request.party].pages += 1
        }
        guard request.party != .flood else { return }
        if answer != .proof {
            guard request.tries < 3 else { return }
            requests[index].tries += 1
        }
        events.push(.ask(request: index), at: time + again)
    }

    private mutating func giveTurn(to request: Request, _ time: Double) {
        guard request.party != .flood || request.cookie else { return }
        turnsGiven += 1
        turns[request.source] = Turn(since: UInt32(time), serial: turnsGiven)
    }

    private mutating func begin(_ slot: Slot, _ index: Int, _ time: Double) {
        guard busy < Self.slots else {
            atOrigin.append((slot, index))
            return
        }
        busy += 1
        let cost = Double(requests[index].ask.cost * costFactor) * (0.9 + 0.2 * random.unit())
        if time >= Self.onset, time < end { worked += cost / 1000 }
        events.push(.done(slot: slot, request: index), at: time + cost / 1000)
    }

    private mutating func finish(_ slot: Slot, _ index: Int, _ time: Double) {
        let now = Self.instant(time)
        admission.answered(slot, at: now)
        admission.released(slot)
        busy -= 1
        if firstAtOrigin < atOrigin.count {
            let (slot, request) = atOrigin[firstAtOrigin]
            firstAtOrigin += 1
            begin(slot, request, time)
        }
        let request = requests[index]
        let taken = Float(time - request.came) * 1000
        if request.came >= Self.onset, request.came < end {
            outcomes[request.party].served += 1
            if request.tries == 0 { outcomes[request.party].servedFirst += 1 }
            outcomes[request.party].times.append(taken)
        } else if request.came < Self.onset {
            quiet[request.party].served += 1
            quiet[request.party].times.append(taken)
        }
        if request.visit >= 0, !request.ask.isAsset { read(request.visit, time) }
        admitNext(time, now)
    }

    private mutating func tick(_ time: Double) {
        let now = Self.instant(time)
        _ = admission.tick(at: now)
        while let (ticket, cause) = admission.expired(at: now) { refused(Int(ticket), cause, time) }
        admitNext(time, now)
        events.push(.tick, at: time + 0.1)
    }

    private mutating func admitNext(_ time: Double, _ now: Instant) {
        while let (ticket, slot) = admission.next(at: now) { begin(slot, Int(ticket), time) }
    }
}
