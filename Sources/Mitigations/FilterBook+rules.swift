internal import Addresses
internal import Filters
internal import Fingerprints
internal import Moments

// Rules: which fingerprints may drop, and when one stops itself.
extension FilterBook {
    mutating func addRule(
        _ fingerprint: Fingerprint, targets: [Prefix], _ order: FilterOrder, at now: FilterTime
    ) throws(FilterRefusal) -> Added {
        let machine = order.note.author
        if let refusal = Self.refusal(lifetime: order.seconds, machine, isRule: true) { throw refusal }
        guard targets.count <= FilterOrder.targetLimit else {
            throw FilterRefusal(.full, "more than \(FilterOrder.targetLimit) targets in one rule")
        }
        let until = min(now.wall + Double(order.seconds), fingerprint.expires)
        guard until > now.wall else { throw FilterRefusal(.lifetime, "the fingerprint has expired") }
        let targets = targets.sorted { $0.description < $1.description }
        var rule = FilterRule(
            id: nextID, note: order.note, since: now.wall, until: until, fingerprint: fingerprint, targets: targets,
            counter: 0, isDry: order.isDry)
        if case .failure(let refusal) = rule.kernelRule(at: now) {
            throw FilterRefusal(.fingerprint, "the filter cannot say it: \(refusal.reason)")
        }
        let same = rules.firstIndex { $0.fingerprint.conditions == fingerprint.conditions && $0.targets == targets }
        if let same {
            rule = try renewed(rules[same], by: rule)
            if rule.isLive, let refusal = refusalToDrop(rule, replacing: same) { throw refusal }
            guard rule != rules[same] else { return Added(ids: [rule.id]) }
            rules[same] = rule
            revision += 1
            return Added(ids: [rule.id], actions: [.compileRules])
        }
        guard rules.count < Self.ruleLimit else { throw FilterRefusal(.full, "more than \(Self.ruleLimit) rules") }
        if rule.isLive, let refusal = refusalToDrop(rule, replacing: nil) { throw refusal }
        rule.counter = freeCounter()
        rules.append(rule)
        nextID += 1
        revision += 1
        return Added(ids: [rule.id], actions: [.clearHits(rule.counter), .compileRules])
    }

    /// A rule that is said once more: its evidence and end are the new ones. A machine neither shortens it nor changes
    /// how it is carried out, but that a dry one of a machine goes live, unless the operator made it dry; a suspension
    /// stays until the operator lifts it.
    private func renewed(_ old: FilterRule, by new: FilterRule) throws(FilterRefusal) -> FilterRule {
        var rule = old
        if new.note.author.isMachine {
            guard old.note.author.isMachine else { return old }
            rule.until = max(old.until, new.until)
            rule.isDry = old.isHeld || old.isDry && new.isDry
        } else {
            rule.until = new.until
            rule.isDry = new.isDry
            rule.isHeld = false
            rule.note = new.note
        }
        rule.fingerprint = new.fingerprint
        return rule
    }

    /// Why a rule may not drop; nil: it may. What was measured on live samples here counts before the evidence that came
    /// with it.
    private func refusalToDrop(_ rule: FilterRule, replacing place: Int?) -> FilterRefusal? {
        guard let collateral = rule.collateral else {
            return FilterRefusal(
                .collateral, "nobody measured what ordinary traffic it hits: it can be counted (dry), not dropped")
        }
        guard collateral <= Self.collateralBound else {
            return FilterRefusal(
                .collateral,
                "it hits \(Self.percent(collateral)) of ordinary traffic: at most \(Self.percent(Self.collateralBound))"
            )
        }
        let others = rules.enumerated().reduce(0.0) { sum, each in
            each.offset == place || !each.element.isLive ? sum : sum + (each.element.collateral ?? Self.collateralBound)
        }
        guard others + collateral <= Self.togetherBound else {
            return FilterRefusal(
                .collateral, "all rules together would hit more than \(Self.percent(Self.togetherBound))")
        }
        return nil
    }

    /// Lets a rule drop, or only count. To let a suspended one drop again lifts the suspension and measures anew. What the
    /// operator said of it a machine does not change.
    package mutating func conduct(
        rule id: UInt64, isDry: Bool, by author: FilterNote.Author = .operator, at now: FilterTime
    ) throws(FilterRefusal) -> [FilterAction] {
        guard let place = rules.firstIndex(where: { $0.id == id }) else {
            throw FilterRefusal(.unknown, "there is no rule \(id)")
        }
        var rule = rules[place]
        if author.isMachine {
            guard rule.note.author.isMachine, isDry || !rule.isHeld else {
                throw FilterRefusal(.author, "the operator said how rule \(id) is carried out")
            }
        } else {
            rule.isHeld = isDry
        }
        rule.isDry = isDry
        if !isDry {
            rule.suspension = nil
            if let refusal = refusalToDrop(rule, replacing: place) { throw refusal }
            if rules[place].suspension != nil { rule.observed = FilterRule.Observation() }
        }
        guard rule != rules[place] else { return [] }
        let wasLive = rules[place].isLive
        rules[place] = rule
        revision += 1
        return wasLive == rule.isLive ? [] : [.compileRules]
    }

    /// Live samples that are ordinary traffic, and how many of them the rule hit. A live rule that surely hits more than
    /// the bound stops to drop; and where all live ones together surely hit more than theirs, the one that hits most.
    /// - Returns: what is to be done; ids that are gone are ignored: they ended meanwhile.
    package mutating func observed(
        rule id: UInt64, hits: UInt64, of samples: UInt64, at now: FilterTime
    ) -> [FilterAction] {
        guard let place = rules.firstIndex(where: { $0.id == id }), samples > 0 else { return [] }
        rules[place].observed.add(hits: hits, of: samples)
        let observed = rules[place].observed
        revision += 1
        guard rules[place].isLive, observed.isEnough else { return [] }
        if observed.bounds.lowerBound > Self.collateralBound {
            suspend(place, "surely more than \(Self.percent(Self.collateralBound))", at: now)
            return [.compileRules]
        }
        let measured = rules.indices.filter { rules[$0].isLive && rules[$0].observed.isEnough }
        func least(_ place: Int) -> Double { rules[place].observed.bounds.lowerBound }
        guard measured.reduce(0, { $0 + least($1) }) > Self.togetherBound,
            let worst = measured.max(by: { least($0) < least($1) })
        else { return [] }
        suspend(worst, "and all rules together surely more than \(Self.percent(Self.togetherBound))", at: now)
        return [.compileRules]
    }

    /// Rules that stopped to drop by themselves.
    package var suspendedRules: Set<UInt64> { Set(rules.lazy.filter { $0.suspension != nil }.map(\.id)) }

    private mutating func suspend(_ place: Int, _ why: String, at now: FilterTime) {
        let observed = rules[place].observed
        rules[place].suspension =
            "hit \(Self.percent(observed.share)) of \(observed.samples) ordinary samples by \(now.wall.text), \(why)"
    }

    /// A place among the kernel's counters that no rule has. There are more places than rules.
    func freeCounter() -> UInt32 {
        let used = Set(rules.map(\.counter))
        // The next one after the last: what somebody reads of a rule that has just gone is not another's.
        let last = rules.last?.counter ?? 0
        let all = FilterMaps.ruleLimit
        return (1...all).lazy.map { (last + $0) % all }.first { !used.contains($0) } ?? 0
    }

    /// "0.1 %", with three digits after the point at most.
    static func percent(_ share: Double) -> String {
        let parts = Int((min(max(share, 0), 1) * 100_000).rounded())
        var text = "\(parts / 1_000)"
        let rest = parts % 1_000
        if rest > 0 {
            var digits = String(String(rest + 1_000).dropFirst())
            while digits.hasSuffix("0") { digits.removeLast() }
            text += ".\(digits)"
        }
        return text + " %"
    }
}
