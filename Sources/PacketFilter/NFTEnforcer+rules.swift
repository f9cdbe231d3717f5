internal import Filters
internal import Fingerprints
internal import Mitigations
internal import Moments

/// A rule of the book in nft's words.
struct NFTRule: Equatable {
    let id: UInt64
    let counter: UInt32
    let isLive: Bool
    /// On the machine's clock.
    let until: UInt64
    /// Any of these.
    let matches: [NFTables.Match]

    /// What nft cannot say is left out as a whole: a rule without one of its conditions would hit more.
    static func make(of rule: FilterRule, at now: FilterTime) -> Result<NFTRule, RuleRefusal> {
        var options = RuleOptions()
        // Whether it may be live was decided when it became so.
        options.acceptsUnmeasured = true
        options.collateralBound = 1
        options.targets = rule.targets
        options.now = now.wall
        return NFTables.matches(of: rule.fingerprint, options: options).map { matches in
            NFTRule(
                id: rule.id, counter: rule.counter, isLive: rule.isLive,
                until: now.clock(at: min(rule.until, rule.fingerprint.expires)), matches: matches)
        }
    }

    static func counterName(_ counter: UInt32) -> String { "rule_\(counter)" }

    /// Seconds that are written at most: the longest that the book lets a rule last.
    private static let longest = UInt64(FilterBook.longestLife)

    /// What a line ends with. Its end is by the wall clock in whole seconds, the only one that nft asks: from then on it
    /// finds nothing, whether or not anybody looks after it. Where that clock is set, lines are written anew.
    func ending(at now: FilterTime) -> String {
        let left = min((until - min(now.clock, until)) / 1_000_000_000, Self.longest)
        // A second for what was rounded off, of both.
        let end = max(0, now.wall.seconds) + Int64(left) + 1
        let reason = isLive ? FilterReason.rule : .dryRule
        return "meta time < \(end) counter name \(Self.counterName(counter)) counter name \(reason.counterName)"
            + (isLive ? " drop" : "")
    }
}

// Rules: which of them nft can say, and which the kernel takes.
extension NFTEnforcer {
    /// Trials that one set of rules may cost, some milliseconds each: enough to find three or four among a thousand.
    private static let trialLimit = 64

    /// The rules that are carried out, and a sentence about each of the others.
    func compile(
        _ book: FilterBook, at now: FilterTime
    ) throws(EnforcerError) -> (rules: [NFTRule], leftOut: [String]) {
        var (rules, leftOut) = ([NFTRule](), [String]())
        var lines = 0
        for rule in book.rules {
            switch NFTRule.make(of: rule, at: now) {
            case .failure(let refusal): leftOut.append(Self.sentence(rule.id, refusal.reason))
            case .success(let made):
                guard lines + made.matches.count <= Self.lineLimit else {
                    leftOut.append(Self.sentence(rule.id, "with those before it more than \(Self.lineLimit) lines"))
                    continue
                }
                lines += made.matches.count
                rules.append(made)
            }
        }
        let ids = Set(rules.map(\.id))
        judged = judged.filter { ids.contains($0.key) }
        var trials = Self.trialLimit
        let unjudged = rules.filter { judged[$0.id] == nil }
        try judge(unjudged[...], at: now, &trials)
        let refused = rules.compactMap { rule in
            judged[rule.id].flatMap { $0.isEmpty ? nil : Self.sentence(rule.id, $0) }
        }
        return (rules.filter { judged[$0.id] == "" }, leftOut + refused)
    }

    private static func sentence(_ id: UInt64, _ reason: String) -> String {
        "Rule \(id) is not carried out: \(reason)."
    }

    /// Tries rules before they are written for good, so that one that this kernel does not know (TCP's payload before
    /// Linux 5.16) takes nothing else with it. A set that is refused is halved until the culprits stand alone.
    private func judge(
        _ rules: ArraySlice<NFTRule>, at now: FilterTime, _ trials: inout Int
    ) throws(EnforcerError) {
        guard !rules.isEmpty else { return }
        guard trials > 0 else {
            for rule in rules { judged[rule.id] = "nft refuses others, and was not asked about this one" }
            return
        }
        trials -= 1
        var script = NFTScript(table: table)
        script.tellFrame(device: interface.name)
        script.tellRules(Array(rules), at: now)
        do throws(NFTProcess.Failure) {
            try process.perform(script.bytes, isTrial: true)
            for rule in rules { judged[rule.id] = "" }
            return
        } catch {
            guard error.isRefusal else {
                throw EnforcerError("The table \(table) cannot be tried: \(error.reason).")
            }
            guard rules.count > 1 else {
                for rule in rules { judged[rule.id] = error.reason }
                return
            }
        }
        let middle = rules.startIndex + rules.count / 2
        try judge(rules[..<middle], at: now, &trials)
        try judge(rules[middle...], at: now, &trials)
    }
}
