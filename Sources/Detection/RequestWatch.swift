package import Fingerprints
package import Moments

/// The requests of one site: learns in calm what they are like, finds what the excess has in common while its origins are
/// under pressure, and keeps the rules that come of it for as long as they are needed.
///
/// A pure machine. *Ignored, because it is fine*: counts of a rule that is gone; a rule that comes again. *Their fault*: an
/// attacker who comes slowly for long enough is learnt, and no rule is made of him.
package struct RequestWatch: Sendable {
    /// What the operator wants of rules.
    package struct Terms: Equatable, Sendable {
        package var isOff = false
        package var isDry = false
        /// Requests that a profile must have learnt where it has no day of them.
        package var history: UInt64 = 100_000

        package init() {}
    }

    /// What is new, for the log and the record.
    package enum Event: Equatable, Sendable {
        case began(LiveRule)
        /// Live from now on, or dry.
        case changed(LiveRule)
        case ended(LiveRule)
    }

    /// Rules at one site.
    package static let ruleLimit = 64
    /// Seconds of calm that must have followed before a request is learnt: the first wave of a flood is not.
    private static let settling = 10.0
    /// Seconds that are looked at together, and requests.
    private static let windowTime = 5.0
    private static let windowLimit = 2_048
    private static let pendingLimit = 1_024
    /// Requests in excess without which there is nothing to find, and as a share of the usual.
    private static let leastExcess = 50.0
    private static let leastShare = 0.25
    /// Share of the excess that the rules may leave before others are looked for.
    private static let leak = 0.03
    /// Seconds between two looks for rules, and between two measurements of one.
    private static let pause = 0.4
    private static let measureTime = 10.0
    private static let otherMeasureTime = 60.0
    /// Seconds in which all lanes of a site have spoken, and those without a request that still count for its rate.
    private static let turnTime = 1.0
    private static let gap = 60.0
    /// Seconds without a word from a lane after which a site counts as calm.
    private static let silence = 2.0
    /// Known visitors' requests that a rule must have matched before it is doubted.
    private static let doubt: UInt64 = 5

    package private(set) var profile: RequestProfile
    package private(set) var rules: [LiveRule] = []
    package private(set) var isUnderPressure = false
    /// When a lane said so last.
    private var pressedAt: Moment?
    /// Until when calm has been told of.
    private var calmUntil: Moment?
    private var pending: [(batch: RequestBatch, seconds: Double, at: Moment)] = []
    private var window: [(batch: RequestBatch, at: Moment)] = []
    private var lookedAt: Moment?
    private var events: [Event] = []

    package init(profile: RequestProfile = RequestProfile()) { self.profile = profile }

    mutating func bound(to samples: Int) { profile.bound(to: samples) }

    /// What was seen until now.
    package mutating func observe(_ batch: RequestBatch, at now: Moment) {
        if batch.isUnderPressure { pressedAt = now }
        // Lanes may serve one site, and speak in turn.
        isUnderPressure = pressedAt.map { now - $0 <= Self.turnTime } ?? false
        for place in rules.indices { rules[place].known &+= batch.known }
        window.append((batch, now))
        window.removeAll { now - $0.at > Self.windowTime }
        var excess = window.reduce(0) { $0 + $1.batch.requests.count } - Self.windowLimit
        while excess > 0, window.count > 1 { excess -= window.removeFirst().batch.requests.count }
        if isUnderPressure {
            pending = []
            calmUntil = now
            return
        }
        let seconds = calmUntil.map { min(Self.gap, max(0, now - $0)) } ?? batch.seconds
        calmUntil = now
        var settled = batch
        let room = Self.pendingLimit - pending.reduce(0) { $0 + $1.batch.requests.count }
        settled.requests = Array(batch.requests.prefix(max(0, room)))
        pending.append((settled, seconds, now))
        while let first = pending.first, now - first.at >= Self.settling {
            pending.removeFirst()
            profile.learn(
                first.batch.requests.map { ($0.features, $0.weight) }, seen: first.batch.seen,
                seconds: first.seconds, at: now)
        }
    }

    /// What a rule matched since the last time.
    package mutating func count(_ id: UInt64, hits: UInt64, known: UInt64, marked: UInt64, at now: Moment) {
        guard let place = rules.firstIndex(where: { $0.id == id }) else { return }
        rules[place].hits &+= hits
        rules[place].knownHits &+= known
        rules[place].marked &+= marked
        if isUnderPressure, hits > known { rules[place].needed = max(rules[place].needed, now) }
    }

    /// The operator's word on a rule.
    /// - Returns: whether there is one.
    package mutating func follow(_ order: LiveRule.Order, of id: UInt64) -> Bool {
        guard let place = rules.firstIndex(where: { $0.id == id && !$0.isUndone }) else { return false }
        rules[place].follow(order)
        return true
    }

    /// The rules of which the operator said something.
    package var words: [LiveRule.Word] { rules.compactMap(\.word) }

    /// Takes up those of an earlier office, where their time is not over: what was undone stays so, and nothing else is
    /// found in what it matches.
    package mutating func recall(_ words: [LiveRule.Word], at now: Moment) {
        for word in words {
            guard rules.count < Self.ruleLimit, let rule = LiveRule(word, at: now),
                !rules.contains(where: { $0.id == rule.id })
            else { continue }
            rules.append(rule)
            if !rule.isUndone { events.append(.began(rule)) }
        }
    }

    /// Takes in what was found elsewhere. It begins to count at once, and marks where this site's profile says that it
    /// may.
    package mutating func take(_ fingerprint: Fingerprint, needed: Moment, at now: Moment) {
        let id = LiveRule.number(of: fingerprint.conditions)
        if let place = rules.firstIndex(where: { $0.id == id }) {
            rules[place].needed = max(rules[place].needed, needed)
            return
        }
        guard var rule = LiveRule(fingerprint, origin: .elsewhere, program: nil, at: now) else { return }
        rule.needed = needed
        add(rule)
    }

    /// Moves the rules along.
    /// - Returns: what is new, the oldest first.
    package mutating func turn(_ terms: Terms, at now: Moment) -> [Event] {
        if terms.isOff {
            for rule in rules { events.append(.ended(rule)) }
            rules = []
        } else {
            // Nobody asks, or nobody tells.
            if let last = window.last, now - last.at > Self.silence { isUnderPressure = false }
            look(at: now)
            for rule in rules where rule.until <= now { events.append(.ended(rule)) }
            rules.removeAll { $0.until <= now }
            for place in rules.indices { judge(place, terms, at: now) }
        }
        defer { events = [] }
        return events
    }

    private mutating func judge(_ place: Int, _ terms: Terms, at now: Moment) {
        let patience = rules[place].origin == .here ? Self.measureTime : Self.otherMeasureTime
        if rules[place].fingerprint.evidence.baseline == nil || now - rules[place].measured >= patience {
            rules[place].measured = now
            rules[place].fingerprint.evidence.collateral = profile.collateral(of: rules[place].rule)
            rules[place].fingerprint.evidence.baselineCount = UInt64(profile.samples.count)
            rules[place].fingerprint.evidence.baseline = "requests in calm"
        }
        let rule = rules[place]
        if rule.knownHits >= Self.doubt, Double(rule.knownHits) > Contrast.bearable * Double(rule.known) {
            rules[place].isSuspended = true
        }
        let collateral = rule.fingerprint.evidence.collateral ?? 1
        let may =
            !terms.isDry && !rules[place].isSuspended && !rule.isUndone && !rule.isHeld
            && collateral <= Contrast.bearable && profile.isEnough(requests: terms.history, at: now)
        guard may != (rule.conduct == .live) else { return }
        rules[place].conduct = may ? .live : .dry
        events.append(.changed(rules[place]))
    }

    // MARK: Finding.

    private mutating func look(at now: Moment) {
        guard isUnderPressure, profile.samples.count >= RequestProfile.least, let first = window.first else { return }
        if let lookedAt, now - lookedAt < Self.pause { return }
        lookedAt = now
        let seconds = max(first.batch.seconds, now - first.at + first.batch.seconds)
        let seen = Double(window.reduce(0) { $0 + $1.batch.seen })
        let expected = min(seen, profile.rate * seconds)
        let excess = seen - expected
        guard excess >= max(Self.leastExcess, Self.leastShare * expected) else { return }
        let rest = window.flatMap(\.batch.requests).filter { one in
            !rules.contains { $0.rule.matches(one.features) }
        }
        let leaking = rest.reduce(0) { $0 + $1.weight } - expected
        guard leaking > Self.leak * excess else { return }
        let miner = RequestMiner(profile: profile, window: rest, excess: excess, expected: expected)
        for find in miner.finds() {
            let evidence = Fingerprint.Evidence(
                coverage: max(0, min(1, find.covered / excess)), collateral: find.collateral,
                attackCount: UInt64(clamping: find.covered), baselineCount: UInt64(profile.samples.count), sources: 0,
                from: first.at + -first.batch.seconds, until: now, isSpoofable: false, baseline: "requests in calm")
            let fingerprint = Fingerprint(
                conditions: find.conditions, kind: "http-flood", evidence: evidence, made: now,
                expires: now + Contrast.lifetime * 86_400)
            guard let rule = LiveRule(fingerprint, origin: .here, program: find.program, at: now) else { continue }
            add(rule)
        }
    }

    private mutating func add(_ rule: LiveRule) {
        guard !rules.contains(where: { $0.id == rule.id }) else { return }
        if rules.count == Self.ruleLimit {
            // The one that was needed least lately gives its place; one that somebody undid keeps it.
            let others = rules.indices.filter { !rules[$0].isUndone }
            guard let place = others.min(by: { rules[$0].needed < rules[$1].needed }),
                rules[place].needed < rule.needed
            else { return }
            events.append(.ended(rules.remove(at: place)))
        }
        rules.append(rule)
        events.append(.began(rule))
    }
}
