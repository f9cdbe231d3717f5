internal import Addresses
package import Messages

/// Finds out whether a source that says it is a crawler is one: the address has a name in the crawler's domain, and that
/// name has the address. It asks nobody itself, and reads no clock; times are milliseconds.
///
/// *Our bug* (ignored): an answer to what was not asked. *Their fault*: a forged name is a false claim; a flood of claims
/// fills the list of those that wait, and is asked for at the pace of the rules. *Ignored, because it is fine*: a claim that
/// is under way or decided already.
package struct BotVerifier: Sendable {
    package struct Rules: Sendable {
        /// Questions under way at once, and in a second: what a name server does not notice.
        package var underWay = 32
        package var perSecond = 20.0
        /// Claims that wait; a lane asks again for what is dropped, a minute later.
        package var waiting = 512
        /// Of one network, waiting or under way.
        package var together = 4
        /// Milliseconds for which a proof, a refutation, and silence of the name server count.
        package var trueTime: Int64 = 86_400_000
        package var falseTime: Int64 = 3_600_000
        package var silentTime: Int64 = 300_000
        /// Claims held for true, for false, and unanswered ones. Neither kind can push out another.
        package var truths = 4_096
        package var falsehoods = 8_192
        package var silences = 8_192
        /// Names of an address that are looked at.
        package var names = 2

        package init() {}
    }

    package struct Query: Equatable, Sendable {
        package var id: UInt64
        package var question: DNSMessage.Question
    }

    package struct Counts: Equatable, Sendable {
        package var confirmed: UInt64 = 0
        package var refuted: UInt64 = 0
        /// The name server did not say.
        package var unanswered: UInt64 = 0
        /// Never asked for: too many at once.
        package var omitted: UInt64 = 0
        package var queries: UInt64 = 0
    }

    private struct Case: Sendable {
        var claim: BotClaims.Claim
        /// Names still to be asked for, the one under way first; nil: the address's names are being asked for.
        var names: [String]?
    }

    private struct Verdict: Sendable {
        var bot: String
        var until: Int64
    }

    private let rules: Rules
    /// Domains by the crawler's name. Verdicts that rest on others than these are forgotten.
    package var domains: [String: [String]] = [:] {
        didSet {
            let changed = Set(oldValue.keys).union(domains.keys).filter { oldValue[$0] != domains[$0] }
            guard !changed.isEmpty else { return }
            truths = truths.filter { !changed.contains($0.value.bot) }
            falsehoods = falsehoods.filter { !changed.contains($0.value.bot) }
            hasNews = true
        }
    }
    package private(set) var counts = Counts()
    /// What is held for true or false has changed since it was last taken.
    package private(set) var hasNews = false

    private var waiting: [BotClaims.Claim] = []
    /// To be asked next, before anything that waits.
    private var going: [Query] = []
    private var cases: [UInt64: Case] = [:]
    private var busy: Set<Address> = []
    /// How many of those are of one network: one that has addresses without number does not take all places.
    private var together: [Address: Int] = [:]
    private var truths: [Address: Verdict] = [:]
    private var falsehoods: [Address: Verdict] = [:]
    private var silences: [Address: Int64] = [:]
    private var tokens: Double
    private var filledAt: Int64?
    private var nextID: UInt64 = 1

    package init(rules: Rules = Rules()) {
        self.rules = rules
        tokens = rules.perSecond
    }

    package mutating func take(_ claim: BotClaims.Claim, at now: Int64) {
        guard domains[claim.bot] != nil, !busy.contains(claim.address), (silences[claim.address] ?? 0) <= now,
            !holds(truths, claim, at: now), !holds(falsehoods, claim, at: now)
        else { return }
        let network = claim.address.network
        guard waiting.count < rules.waiting, together[network, default: 0] < rules.together else {
            return counts.omitted += 1
        }
        busy.insert(claim.address)
        together[network, default: 0] += 1
        waiting.append(claim)
    }

    private func holds(_ verdicts: [Address: Verdict], _ claim: BotClaims.Claim, at now: Int64) -> Bool {
        verdicts[claim.address].map { $0.bot == claim.bot && $0.until > now } ?? false
    }

    /// Something is to be asked for, now or when its turn comes.
    package var isWaiting: Bool { !waiting.isEmpty || !going.isEmpty }

    /// What is to be asked now; nil: nothing. Each is to be followed by its answer.
    package mutating func next(at now: Int64) -> Query? {
        let elapsed = Double(max(0, now - (filledAt ?? now))) / 1_000
        filledAt = now
        tokens = min(rules.perSecond * 2, tokens + elapsed * rules.perSecond)
        guard tokens >= 1, cases.count - going.count < rules.underWay else { return nil }
        if going.isEmpty, !waiting.isEmpty {
            let claim = waiting.removeFirst()
            begin(Case(claim: claim), .names(of: claim.address))
        }
        guard !going.isEmpty else { return nil }
        tokens -= 1
        counts.queries += 1
        return going.removeFirst()
    }

    private mutating func begin(_ one: Case, _ question: DNSMessage.Question) {
        cases[nextID] = one
        going.append(Query(id: nextID, question: question))
        nextID += 1
    }

    /// The answer to a query.
    package mutating func answered(_ id: UInt64, _ answer: DNSMessage.Answer, at now: Int64) {
        guard let one = cases.removeValue(forKey: id) else { return }
        guard let names = one.names else { return named(one.claim, answer, at: now) }
        switch answer {
        case .failure: silent(one.claim, at: now)
        case .addresses(let addresses) where addresses.contains(one.claim.address): confirm(one.claim, at: now)
        case .addresses, .names, .nothing: ask(for: Array(names.dropFirst()), of: one.claim, at: now)
        }
    }

    private mutating func named(_ claim: BotClaims.Claim, _ answer: DNSMessage.Answer, at now: Int64) {
        switch answer {
        case .failure: silent(claim, at: now)
        case .names(let names):
            let domains = domains[claim.bot] ?? []
            let fitting = names.filter { name in domains.contains { Self.lies(name, in: $0) } }
            ask(for: Array(fitting.prefix(rules.names)), of: claim, at: now)
        case .addresses, .nothing: refute(claim, at: now)
        }
    }

    private mutating func ask(for names: [String], of claim: BotClaims.Claim, at now: Int64) {
        guard let first = names.first else { return refute(claim, at: now) }
        begin(Case(claim: claim, names: names), .addresses(of: first, isIPv4: claim.address.isIPv4))
    }

    /// Whether a name is in a domain, or is it: "evilgooglebot.com" is not in "googlebot.com".
    private static func lies(_ name: String, in domain: String) -> Bool {
        name == domain || name.hasSuffix("." + domain)
    }

    private mutating func confirm(_ claim: BotClaims.Claim, at now: Int64) {
        counts.confirmed += 1
        falsehoods[claim.address] = nil
        Self.keep(claim, until: now + rules.trueTime, in: &truths, limit: rules.truths, at: now)
        settle(claim)
    }

    private mutating func refute(_ claim: BotClaims.Claim, at now: Int64) {
        counts.refuted += 1
        // Proven to be one crawler, it may say that it is another without becoming hostile for it.
        if truths[claim.address].map({ $0.until > now }) != true {
            Self.keep(claim, until: now + rules.falseTime, in: &falsehoods, limit: rules.falsehoods, at: now)
        }
        settle(claim)
    }

    private mutating func settle(_ claim: BotClaims.Claim) {
        leave(claim)
        hasNews = true
    }

    private mutating func leave(_ claim: BotClaims.Claim) {
        busy.remove(claim.address)
        let network = claim.address.network
        let others = together[network, default: 1] - 1
        together[network] = others > 0 ? others : nil
    }

    private mutating func silent(_ claim: BotClaims.Claim, at now: Int64) {
        counts.unanswered += 1
        leave(claim)
        if silences.count >= rules.silences { silences = silences.filter { $0.value > now } }
        if silences.count < rules.silences { silences[claim.address] = now + rules.silentTime }
    }

    /// Where all are of late the newest is not kept: it is asked for again.
    private static func keep(
        _ claim: BotClaims.Claim, until: Int64, in verdicts: inout [Address: Verdict], limit: Int, at now: Int64
    ) {
        if verdicts.count >= limit { verdicts = verdicts.filter { $0.value.until > now } }
        guard verdicts.count < limit || verdicts[claim.address] != nil else { return }
        verdicts[claim.address] = Verdict(bot: claim.bot, until: until)
    }

    /// All that is held for true or false, for the lanes.
    /// - Parameter wall: the same moment in seconds since 1970.
    package mutating func takeVerdicts(at now: Int64, wall: UInt64) -> BotVerdicts {
        hasNews = false
        truths = truths.filter { $0.value.until > now }
        falsehoods = falsehoods.filter { $0.value.until > now }
        func all(_ verdicts: [Address: Verdict], isTrue: Bool) -> [BotVerdicts.Verdict] {
            verdicts.map { address, verdict in
                BotVerdicts.Verdict(
                    BotClaims.Claim(address, bot: verdict.bot), isTrue: isTrue,
                    until: wall + UInt64((verdict.until - now) / 1_000))
            }
        }
        return BotVerdicts(all(truths, isTrue: true) + all(falsehoods, isTrue: false))
    }
}
