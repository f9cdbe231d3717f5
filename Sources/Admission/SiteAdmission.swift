internal import Heads
package import Sketches

/// Decides who may go to a site's origins, and when: the limit, the queue, the classes and their shares.
///
/// A pure machine: time comes in, decisions come out, and the caller carries them out. Three impossibles: a slot given
/// back twice is our bug (trapped in debug builds); a request that is refused is the visitor's or the flood's fate (a
/// decision); a ticket that left, expired or was evicted already is fine (ignored: both ends may find out at once).
package struct SiteAdmission: Sendable {
    package struct Rules: Equatable, Sendable {
        /// Decide and count, but admit everything.
        package var isObserving = false
        package var queueLength = 256
        /// Milliseconds that a request may wait.
        package var queueTime: UInt32 = 2000
        package var origins = 1
        /// A fixed limit for each source in requests per second and burst, where the site has one.
        package var sourceRate: Float?
        package var sourceBurst: Float = 0
        /// Requests are judged by what they look like.
        package var isScoring = true
        /// Requests a second that each proven crawler may make here, and our own probers together.
        package var botRates: [Float] = []
        package var probeRate: Float = 10

        package init() {}
    }

    package enum RefusalCause: UInt8, Sendable {
        /// The origins can take no more, and others go first.
        case full
        /// The source asks far more than this site's visitors do, and there is no room for that.
        case suspect
        /// The request is like what comes in excess and unlike this site's visitors', by its score or by a rule, and there
        /// is no room for that.
        case unlike
        /// The source exceeds the site's fixed limit.
        case overLimit
        /// No origin answers.
        case noOrigin
    }

    package enum Decision: Sendable {
        case admit(Slot)
        /// Wait; another request had to give up its place, and is refused.
        case wait(evicted: UInt64?)
        case refuse(RefusalCause)
    }

    /// How the requests of one class fared; in `observe` queued and refused say what would have been done.
    package struct Counts: Sendable {
        package var requests: UInt64 = 0
        package var admitted: UInt64 = 0
        package var queued: UInt64 = 0
        package var refused: UInt64 = 0
        package var abandoned: UInt64 = 0
        package var waitedMicroseconds: UInt64 = 0
    }

    package var rules: Rules {
        didSet {
            adaptOrigins()
            waiting.room = rules.queueLength
            // A reload gave the site its first fixed limit: now sources must be told apart for it.
            if oldValue.sourceRate == nil, rules.sourceRate != nil {
                sourceRates = SpaceSaving(capacity: sourceCapacity, decay: 1, at: startedAt)
            }
        }
    }
    package private(set) var origins: [ConcurrencyLimit]
    package internal(set) var counts = [Counts(), Counts(), Counts()]
    /// Requests that were suspect for their score alone.
    package private(set) var unlike: UInt64 = 0
    package private(set) var standings = StandingCounts()
    package private(set) var isUnderPressure = false
    /// The class of the request that came last, for who asks under the same lock.
    package internal(set) var lastClass = VisitorClass.unknown
    package var novices: Novices
    /// What those get who are refused.
    package internal(set) var ladder: Ladder

    /// Seconds over which demand and need are seen.
    private static let memory: Float = 30
    private static let needMemory: Float = 5
    /// A source is suspect when it asks this many times what all but 1 % of the requests' sources do.
    private static let suspectFactor: Float = 4
    /// A network may ask this many times what a source asks before it waits behind others for it.
    private static let networkFactor: Float = 4
    /// Calm requests seen before anybody can be far above what is usual.
    private static let usualSamples: Float = 300
    /// Seconds without excess after which pressure is over.
    private static let pressureTail: Float = 10
    /// Of the score, in the order; less than one is noise of shares.
    private static let scoreStep: Float = 1
    /// Seconds that requests must have been waiting, one after the other, before it is pressure and not a ripple.
    private static let pressureOnset: Float = 0.2

    var waiting: WaitingRoom
    private var routes = RouteCosts()
    private(set) var sources: SpaceSaving
    private var networks: SpaceSaving
    private var sourceRates: SpaceSaving
    private var pace = StandingPace()
    /// Made with the first request that shows its traits: a site that nobody asks costs nothing.
    private var contrast: TraitContrast?
    /// By which of its contrasts those who wait were judged.
    private var contrasts: UInt64 = 0
    private let key: KeyedHash
    private var usual = DecayedHistogram(memory: CalmProfile.demandMemory)
    private(set) var suspectAbove = Float.infinity
    private var usualAge = 0
    private var inFlight = [0, 0, 0]
    /// Origin time that each class asks for, as requests at once (Erlang), decayed.
    private var need: [Float] = [0, 0, 0]
    private var needAt: Instant
    private var excessSince: Instant?
    private var excessLast: Instant
    private var nextOrigin = 0
    private let startedAt: Instant
    private let sourceCapacity: Int

    /// - Parameters:
    ///   - sources: how many sources are told apart at once.
    ///   - key: secret, so that nobody outside can choose requests that are counted as others.
    package init(rules: Rules, sources: Int = 8192, key: KeyedHash = KeyedHash(key: []), at now: Instant) {
        self.rules = rules
        self.key = key
        origins = (0..<max(1, rules.origins)).map { _ in ConcurrencyLimit(at: now) }
        waiting = WaitingRoom(room: rules.queueLength)
        self.sources = SpaceSaving(capacity: sources, decay: Self.memory, at: now)
        networks = SpaceSaving(capacity: sources / 2, decay: Self.memory, at: now)
        sourceRates = SpaceSaving(capacity: rules.sourceRate == nil ? 64 : sources, decay: 1, at: now)
        novices = Novices(at: now)
        ladder = Ladder(seed: key(now.nanoseconds, 0x6c61), key: key, at: now)
        needAt = now
        excessLast = now
        startedAt = now
        sourceCapacity = sources
    }

    package var waitingCount: Int { waiting.count }
    package var inFlightCount: Int { inFlight[0] + inFlight[1] + inFlight[2] }
    /// Requests that all healthy origins may hold at once.
    package var limit: Float { origins.reduce(0) { $0 + ($1.isHealthy ? $1.limit : 0) } }

    /// A request came. Whatever is decided, its source's demand counts.
    package mutating func arrived(_ arrival: Arrival, at now: Instant) -> Decision {
        let cost = routes.cost(arrival.route)
        let source = sources.add(arrival.source, weight: cost, at: now)
        let network = networks.add(arrival.network, weight: cost, at: now)
        let passes = pace.passes(arrival.standing, rules, &standings, at: now)
        var visitorClass = passes ? .known : classify(source.sure, isKnown: arrival.isKnown)
        if arrival.standing == .impostor { visitorClass = .suspect }
        if visitorClass == .unknown, !arrival.isMarked, sendsRound(arrival, at: now) { return .refuse(.full) }
        // What a monitor or a crawler asks for says nothing of this site's visitors.
        let judgement = passes ? TraitContrast.Judgement() : judge(arrival, at: now)
        let isUnlike = visitorClass == .unknown && (judgement.isBeyond || arrival.isMarked)
        if isUnlike {
            visitorClass = .suspect
            if !arrival.isMarked { unlike += 1 }
        }
        lastClass = visitorClass
        let index = Int(visitorClass.rawValue)
        counts[index].requests += 1
        fadeNeed(at: now)
        need[index] += cost / (1000 * Self.needMemory)
        if !isUnderPressure, !passes { learnUsual(source.sure) }

        if let rate = rules.sourceRate, !passes {
            // A window that fades with a time constant of one second holds `rate` requests at that steady rate.
            // Only what is let through counts, so that a source that slows down is served again at once.
            let amount = sourceRates.estimate(arrival.source, at: now)?.sure ?? 0
            if amount + 1 > rate + rules.sourceBurst {
                counts[index].refused += 1
                if !rules.isObserving { return .refuse(.overLimit) }
            } else {
                _ = sourceRates.add(arrival.source, weight: 1, at: now)
            }
        }
        if passes, isExempt(arrival.standing), let origin = reservedOrigin {
            return .admit(take(origin, visitorClass, arrival.route, waited: 0, at: now))
        }
        guard let origin = freeOrigin(for: visitorClass), waiting.count == 0 || !someoneGoesBefore(visitorClass) else {
            var entry = WaitingRoom.Entry(
                ticket: arrival.ticket, visitorClass: visitorClass,
                score: passes ? .min : Self.steps(judgement.score), isUnlike: isUnlike,
                demand: passes ? 0 : max(source.sure, network.sure / Self.networkFactor), route: arrival.route,
                source: arrival.source,
                isAsset: arrival.traits?.isAsset ?? false, since: now)
            entry.row = judgement.row
            take(arrival.turn, into: &entry, at: now)
            return noSlot(entry, at: now)
        }
        contrast?.admitted(arrival.source, judgement.row, isAsset: arrival.traits?.isAsset ?? false, at: now)
        if let held = arrival.turn, held.isForPage { ladder.served(held.turn.key, at: now) }
        return .admit(take(origin, visitorClass, arrival.route, waited: 0, at: now))
    }

    /// The next request that waits and may go now; call until nil after each `released` and at each tick.
    package mutating func next(at now: Instant) -> (ticket: UInt64, slot: Slot)? {
        guard waiting.count > 0 else { return nil }
        let (known, unknown, suspect) = (hasRoom(for: .known), hasRoom(for: .unknown), hasRoom(for: .suspect))
        guard
            let entry = waiting.takeBest(where: { $0 == .known ? known : $0 == .unknown ? unknown : suspect }),
            let origin = freeOrigin(for: entry.visitorClass)
        else { return nil }
        // Workers read the clock one after the other: the one that asks now may be a little behind the one that queued.
        let waited = now.nanoseconds > entry.since.nanoseconds ? now.nanoseconds - entry.since.nanoseconds : 0
        counts[Int(entry.visitorClass.rawValue)].waitedMicroseconds += waited / 1000
        contrast?.admitted(entry.source, entry.row, isAsset: entry.isAsset, at: now)
        if entry.turn != 0 { ladder.served(entry.turn, at: now) }
        let slot = take(origin, entry.visitorClass, entry.route, waited: UInt32(waited / 1_000_000), at: now)
        return (entry.ticket, slot)
    }

    /// A request that has waited as long as may be, and is refused; call until nil at each tick.
    package mutating func expired(at now: Instant) -> (ticket: UInt64, cause: RefusalCause)? {
        let patience = UInt64(rules.queueTime) * 1_000_000
        guard now.nanoseconds > patience,
            let entry = waiting.takeExpired(before: Instant(nanoseconds: now.nanoseconds - patience))
        else { return nil }
        counts[Int(entry.visitorClass.rawValue)].refused += 1
        return (entry.ticket, limit == 0 ? .noOrigin : Self.cause(entry))
    }

    /// The visitor left while waiting.
    package mutating func left(_ ticket: UInt64) {
        guard let entry = waiting.take(ticket) else { return }
        counts[Int(entry.visitorClass.rawValue)].abandoned += 1
    }

    /// A request was refused before it came here: its site had too much of the lane.
    package mutating func refusedForBudget(isKnown: Bool) {
        let index = Int((isKnown ? VisitorClass.known : .unknown).rawValue)
        counts[index].requests += 1
        counts[index].refused += 1
    }

    /// The origin began its response. The slot stays taken until `released`.
    package mutating func answered(_ slot: Slot, at now: Instant) {
        let time = now.seconds(since: slot.since) * 1000
        let usually = routes.answered(slot.route, after: time, isCalm: slot.isCalm)
        guard Int(slot.origin) < origins.count, let usually else { return }
        origins[Int(slot.origin)].answered(after: time, usually: usually, at: now)
    }

    /// The origin broke off, or did not answer in time. The slot stays taken until `released`.
    package mutating func failed(_ slot: Slot) {
        guard Int(slot.origin) < origins.count else { return }
        origins[Int(slot.origin)].failed()
    }

    /// The request no longer holds its place at the origin.
    package mutating func released(_ slot: Slot) {
        let index = Int(slot.visitorClass.rawValue)
        assert(inFlight[index] > 0, "a slot was given back twice")
        inFlight[index] = max(0, inFlight[index] - 1)
        guard Int(slot.origin) < origins.count else { return }
        origins[Int(slot.origin)].ended()
    }

    /// A request that gave its place back while its body came in is whole, and the origin works on it: it takes a place
    /// again, also where there is none, and those who come wait for it.
    package mutating func resumed(_ slot: Slot, at now: Instant) -> Slot {
        inFlight[Int(slot.visitorClass.rawValue)] += 1
        if Int(slot.origin) < origins.count { origins[Int(slot.origin)].began() }
        var again = slot
        again.since = now
        again.isCalm = false
        return again
    }

    /// The request goes to another origin than it was admitted to, which could not be reached or was taken away.
    package mutating func move(_ slot: Slot, to origin: Int, at now: Instant) -> Slot {
        guard origin < origins.count else { return slot }
        if Int(slot.origin) < origins.count { origins[Int(slot.origin)].ended() }
        origins[origin].began()
        var moved = slot
        moved.origin = UInt8(origin)
        moved.since = now
        moved.isCalm = false
        return moved
    }

    package mutating func setHealth(of origin: Int, to isHealthy: Bool) {
        guard origin < origins.count else { return }
        origins[origin].isHealthy = isHealthy
    }

    /// Moves the state along when nothing happens; call every 100 ms or so. Returns sources to remember.
    package mutating func tick(at now: Instant) -> [UInt64] {
        if isUnderPressure, now.seconds(since: excessLast) > Self.pressureTail { isUnderPressure = false }
        if waiting.count == 0 { excessSince = nil }
        ladder.move(admitted: counts.map(\.admitted), at: now)
        let load = load
        contrast?.step(load, at: now)
        judgeWaiting()
        guard load == .calm else {
            novices.forget(at: now)
            return []
        }
        return novices.settle(at: now)
    }

    // MARK: - What calm taught

    /// For a lane that takes over; nil before there is enough to judge by.
    package var profile: CalmProfile? { contrast?.profile(demands: usual, mark: mark) }

    /// Goes on from what calm taught another lane. False: the profile was made under another key, or enough was learnt here
    /// already.
    package mutating func recall(_ profile: CalmProfile, at now: Instant) -> Bool {
        guard profile.mark == mark else { return false }
        var recalled = contrast ?? TraitContrast(key: key, at: now)
        guard recalled.recall(profile) else { return false }
        contrast = recalled
        usual = profile.demands
        setSuspects()
        return true
    }

    private var mark: UInt64 { key(0x6361_6c6d, 1) }

    // MARK: - Inside

    var load: TraitContrast.Load {
        isUnderPressure ? .pressure : excessSince == nil ? .calm : .excess
    }

    private mutating func judge(_ arrival: Arrival, at now: Instant) -> TraitContrast.Judgement {
        guard rules.isScoring, let traits = arrival.traits else { return TraitContrast.Judgement() }
        if contrast == nil { contrast = TraitContrast(key: key, at: now) }
        let load = load
        let judgement = contrast?.sight(arrival, traits, load, at: now)
        judgeWaiting()
        return judgement ?? TraitContrast.Judgement()
    }

    /// Who waits is judged by the last contrast too: at an onset the room is full before there is one.
    private mutating func judgeWaiting() {
        guard contrast?.contrasts ?? 0 != contrasts, let contrast else { return }
        contrasts = contrast.contrasts
        waiting.judge { Self.steps(contrast.score(of: $0)) }
    }

    private static func steps(_ score: Float) -> Int8 { Int8((score / scoreStep).rounded(.towardZero)) }

    private static func cause(_ entry: WaitingRoom.Entry) -> RefusalCause {
        entry.isUnlike ? .unlike : entry.visitorClass == .suspect ? .suspect : .full
    }

    /// Whoever the operator named waits for nobody; a crawler can come back.
    private func isExempt(_ standing: Standing) -> Bool { standing == .allowed || standing == .probe }

    /// The origin with the most room for a request that does not wait. Such requests may hold a little more than the
    /// limit, so that neither a flood keeps them out nor they overwhelm the origin.
    private var reservedOrigin: Int? {
        let slots = origins.reduce(0) { $0 + ($1.isHealthy ? $1.slots : 0) }
        guard slots > 0, inFlightCount < slots + max(2, slots / 4) else { return nil }
        var best: Int?
        for index in origins.indices where origins[index].isHealthy {
            if let present = best, origins[index].inFlight >= origins[present].inFlight { continue }
            best = index
        }
        return best
    }

    private func classify(_ demand: Float, isKnown: Bool) -> VisitorClass {
        if demand > suspectAbove { return .suspect }
        return isKnown ? .known : .unknown
    }

    /// Keeps in mind what sources usually ask for; every thousand requests the mark of the suspects is set anew.
    private mutating func learnUsual(_ demand: Float) {
        usual.add(demand)
        usualAge += 1
        guard usualAge >= 1000 || suspectAbove == .infinity && usual.total >= Self.usualSamples else { return }
        setSuspects()
    }

    private mutating func setSuspects() {
        usualAge = 0
        if let high = usual.quantile(0.99) { suspectAbove = Self.suspectFactor * high }
    }

    private mutating func fadeNeed(at now: Instant) {
        let elapsed = now.seconds(since: needAt)
        guard elapsed > 0.01 else { return }
        let factor = max(0, 1 - elapsed / Self.needMemory)
        for index in need.indices { need[index] *= factor }
        needAt = now
    }

    /// How many of the slots requests of this class and the worse ones may hold together.
    func share(of visitorClass: VisitorClass, slots: Int) -> Int {
        func reserve(_ need: Float, of slots: Int) -> Int {
            // Enough for the load and for its fluctuation; at most half of what there is.
            need < 0.02 ? 0 : min(slots / 2, Int((need + need.squareRoot()).rounded(.up)))
        }
        switch visitorClass {
        case .known: return slots
        case .unknown: return max(1, slots - reserve(need[0], of: slots))
        case .suspect:
            let left = max(1, slots - reserve(need[0], of: slots))
            return max(1, left - reserve(need[1], of: left))
        }
    }

    private func hasRoom(for visitorClass: VisitorClass) -> Bool {
        let slots = origins.reduce(0) { $0 + $1.slots }
        guard inFlightCount < slots else { return false }
        var held = 0
        for index in Int(visitorClass.rawValue)..<3 { held += inFlight[index] }
        return held < share(of: visitorClass, slots: slots)
    }

    /// The origin with the most room, or nil when this class may not go now.
    func freeOrigin(for visitorClass: VisitorClass) -> Int? {
        guard hasRoom(for: visitorClass) else { return nil }
        var best: Int?
        for index in origins.indices where origins[index].inFlight < origins[index].slots {
            guard let present = best else {
                best = index
                continue
            }
            let room = Float(origins[index].inFlight) / origins[index].limit
            if room < Float(origins[present].inFlight) / origins[present].limit { best = index }
        }
        return best
    }

    /// Whether somebody waits who must go before a newcomer of this class.
    private func someoneGoesBefore(_ visitorClass: VisitorClass) -> Bool {
        for better in VisitorClass.allCases where better.rawValue <= visitorClass.rawValue {
            if waiting.count(of: better) > 0 { return true }
        }
        return false
    }

    mutating func take(
        _ origin: Int, _ visitorClass: VisitorClass, _ route: UInt64, waited: UInt32, isDemand: Bool = true,
        at now: Instant
    ) -> Slot {
        let held = origins[origin].inFlight
        origins[origin].began()
        inFlight[Int(visitorClass.rawValue)] += 1
        if isDemand { counts[Int(visitorClass.rawValue)].admitted += 1 }
        // Calm: a quarter of the limit at most, and two at once in any case (design of ConcurrencyLimit's floor).
        let isCalm = held < 2 || Float(held) < origins[origin].limit * 0.25
        return Slot(
            origin: UInt8(origin), visitorClass: visitorClass, route: route, since: now, isCalm: isCalm, waited: waited)
    }

    private mutating func noSlot(_ entry: WaitingRoom.Entry, at now: Instant) -> Decision {
        let index = Int(entry.visitorClass.rawValue)
        noteExcess(at: now)
        if rules.isObserving {
            counts[index].queued += 1
            contrast?.admitted(entry.source, entry.row, isAsset: entry.isAsset, at: now)
            return .admit(take(leastLoaded, entry.visitorClass, entry.route, waited: 0, at: now))
        }
        guard limit > 0 else {
            counts[index].refused += 1
            return .refuse(.noOrigin)
        }
        let (isIn, evicted) = waiting.add(entry)
        guard isIn else {
            isUnderPressure = true
            if entry.visitorClass == .unknown { ladder.refusedUnknown() }
            counts[index].refused += 1
            return .refuse(Self.cause(entry))
        }
        counts[index].queued += 1
        if let evicted {
            isUnderPressure = true
            counts[Int(evicted.visitorClass.rawValue)].refused += 1
        }
        return .wait(evicted: evicted?.ticket)
    }

    private var leastLoaded: Int {
        origins.indices.min { origins[$0].inFlight < origins[$1].inFlight } ?? 0
    }

    mutating func noteExcess(at now: Instant) {
        excessLast = now
        guard let since = excessSince else {
            excessSince = now
            return
        }
        if now.seconds(since: since) >= Self.pressureOnset { isUnderPressure = true }
    }

    private mutating func adaptOrigins() {
        while origins.count < rules.origins { origins.append(ConcurrencyLimit(at: startedAt)) }
        // Fewer origins: slots of the removed ones are given back to nobody, which `answered` and `released` allow.
        if origins.count > max(1, rules.origins) { origins.removeLast(origins.count - max(1, rules.origins)) }
    }
}
