package import Addresses

/// What the kernel's filter does, in Swift: it judges frames by the same plan, rules and lists, and counts as the maps
/// do. It is what the program is tested against, and what answers for a capture.
///
/// It is written from the filter's meaning, not from the program, and shares with it the order of the patterns alone
/// (``PatternPlace/ordered(_:)``). Three things are not in it. Bits of presence: they spare the program a look into a
/// list, and never change a verdict. The sketch and the samples: they look on. Cookies: they need the kernel's sockets,
/// so that what would end in them ends as passed.
///
/// Not for the way of packets: each rule is asked one by one.
package struct FilterModel: Sendable {
    /// Packets and bytes.
    package typealias Count = RuleCheck.Count

    /// What is asked at all.
    package let plan: FilterPlan
    /// As they were given; judgements name their places.
    package let rules: [KernelRule]
    /// Networks that always pass.
    package var allowed = PrefixList()
    /// Networks whose packets are dropped, or would be.
    package var networks = PrefixList()
    /// Single sources whose packets are dropped, or would be; how many there may be is the caller's.
    package var blocked: [Address: FilterMaps.Entry] = [:]
    /// By subscriber (``Address/subscriber``).
    package private(set) var sourceBudgets = BudgetTable()
    /// By destination.
    package private(set) var destinationBudgets = BudgetTable(limit: Int(FilterMaps.destinationBudgets.entries))
    /// Hits of rules by ``KernelRule/counter``; what has none is not in it.
    package private(set) var ruleHits: [UInt32: Count] = [:]
    /// What entries hit by ``FilterMaps/Entry/counter``; what hit nothing is not in it.
    package private(set) var tallies: [UInt32: Count] = [:]

    /// By the reason's number.
    private var counts: [Count]
    private let order: [PatternPlace]

    /// - Parameter rules: put into their order once, here.
    package init(plan: FilterPlan, rules: [KernelRule] = []) {
        self.plan = plan
        self.rules = rules
        order = PatternPlace.ordered(rules)
        counts = Array(repeating: Count(), count: FilterReason.allCases.count)
    }

    /// Packets that ended in a reason, or met a dry one, and the bytes of their frames.
    package func count(_ reason: FilterReason) -> Count { counts[Int(reason.rawValue)] }

    /// Judges a frame as it comes in.
    ///
    /// - Parameter now: on the monotonic clock, in nanoseconds; it may stand still between frames, and goes back at no
    ///   worse price than a budget that is whole later.
    package mutating func judge(_ frame: RawSpan, at now: UInt64) -> FilterJudgement {
        let facts: FrameFacts
        switch FrameFacts.read(frame, readsTunnels: plan.readsTunnels) {
        case .other: return finish(FilterJudgement(.other), frame)
        case .malformed(let malformation): return judge(malformation, frame)
        case .facts(let read): facts = read
        }
        var judgement = FilterJudgement(.passed, facts: facts)
        if let prefix = allowing(facts.source, at: now) {
            judgement.reason = .allowed
            judgement.cause = .entry(prefix)
            return finish(judgement, frame)
        }
        // Each step says whether the packet's way ends there; where none does, it has passed.
        _ =
            isBlocked(frame, &judgement, facts, at: now) || isOfBlockedNetwork(frame, &judgement, facts, at: now)
            || isOverBudget(frame, &judgement, facts, at: now) || isByRule(frame, &judgement, facts, at: now)
        return finish(judgement, frame)
    }

    /// Nothing else is asked of a packet that cannot be read, even where it passes.
    private mutating func judge(_ malformation: Malformation, _ frame: RawSpan) -> FilterJudgement {
        let cause = FilterJudgement.Cause.malformation(malformation)
        switch plan.malformed {
        case .live: return finish(FilterJudgement(.malformed, cause: cause), frame)
        case .dry:
            var judgement = FilterJudgement(.passed)
            _ = find(.malformed, cause, isDry: true, frame, &judgement)
            return finish(judgement, frame)
        case .off: return finish(FilterJudgement(.passed), frame)
        }
    }

    // MARK: Steps

    private func allowing(_ source: Address, at now: UInt64) -> Prefix? {
        guard plan.hasAllowed, let prefix = allowed.longest(containing: source), let entry = allowed[prefix],
            entry.until > now
        else { return nil }
        return prefix
    }

    private mutating func isBlocked(
        _ frame: RawSpan, _ judgement: inout FilterJudgement, _ facts: FrameFacts, at now: UInt64
    ) -> Bool {
        guard plan.hasBlocked, let entry = blocked[facts.source], entry.until > now else { return false }
        blocked[facts.source]?.add(frame)
        tallies[entry.counter, default: Count()].add(frame)
        let prefix = Prefix(facts.source, length: 128)
        return find(.blockedSource, .entry(prefix), isDry: entry.isDry != 0, frame, &judgement)
    }

    /// The longest network alone: where its time is over, a wider one does not answer in its place.
    private mutating func isOfBlockedNetwork(
        _ frame: RawSpan, _ judgement: inout FilterJudgement, _ facts: FrameFacts, at now: UInt64
    ) -> Bool {
        guard plan.hasNetworks, let prefix = networks.longest(containing: facts.source),
            let entry = networks[prefix], entry.until > now
        else { return false }
        networks.count(frame, of: prefix)
        tallies[entry.counter, default: Count()].add(frame)
        return find(.blockedNetwork, .entry(prefix), isDry: entry.isDry != 0, frame, &judgement)
    }

    private mutating func isOverBudget(
        _ frame: RawSpan, _ judgement: inout FilterJudgement, _ facts: FrameFacts, at now: UInt64
    ) -> Bool {
        let source = facts.source.subscriber
        if let budget = plan.sourceBudget,
            !sourceBudgets.take(frame.byteCount, for: source, from: budget, at: now),
            find(.sourceBudget, .budget(source), isDry: budget.isDry, frame, &judgement)
        {
            return true
        }
        if let budget = plan.destinationBudget,
            !destinationBudgets.take(frame.byteCount, for: facts.destination, from: budget, at: now),
            find(.destinationBudget, .budget(facts.destination), isDry: budget.isDry, frame, &judgement)
        {
            return true
        }
        return false
    }

    private mutating func isByRule(
        _ frame: RawSpan, _ judgement: inout FilterJudgement, _ facts: FrameFacts, at now: UInt64
    ) -> Bool {
        guard plan.hasRules else { return false }
        for place in order {
            let counter = rules[place.rule].counter
            let isDry = rules[place.rule].isDry
            guard rules[place.rule].until > now, rules[place.rule].patterns[place.pattern].holds(for: facts, in: frame),
                rules[place.rule].isFor(facts)
            else { continue }
            ruleHits[counter, default: Count()].add(frame)
            let cause = FilterJudgement.Cause.rule(place.rule, pattern: place.pattern)
            if find(.rule, cause, isDry: isDry, frame, &judgement) { return true }
        }
        return false
    }

    /// Ends a packet's way, or notes what would have ended it.
    private mutating func find(
        _ reason: FilterReason, _ cause: FilterJudgement.Cause, isDry: Bool, _ frame: RawSpan,
        _ judgement: inout FilterJudgement
    ) -> Bool {
        guard isDry, let dry = reason.dry else {
            judgement.reason = reason
            judgement.cause = cause
            return true
        }
        counts[Int(dry.rawValue)].add(frame)
        judgement.dry.append(FilterJudgement.Finding(dry, cause))
        return false
    }

    private mutating func finish(_ judgement: FilterJudgement, _ frame: RawSpan) -> FilterJudgement {
        counts[Int(judgement.reason.rawValue)].add(frame)
        return judgement
    }
}

extension KernelRule {
    /// Whether it hits a frame of which these are the facts, whatever its end.
    package func matches(_ facts: FrameFacts, in frame: RawSpan) -> Bool {
        isFor(facts) && patterns.contains { $0.holds(for: facts, in: frame) }
    }

    /// Whether the packet goes to one of its targets, and comes from one of its networks.
    func isFor(_ facts: FrameFacts) -> Bool {
        (targets.isEmpty || targets.contains { $0.contains(facts.destination) })
            && (sources.isEmpty || sources.contains { $0.contains(facts.source) })
    }
}

extension RuleCheck.Count {
    fileprivate mutating func add(_ frame: RawSpan) {
        packets &+= 1
        bytes &+= UInt64(frame.byteCount)
    }
}
