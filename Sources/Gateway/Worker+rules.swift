internal import Fingerprints
internal import Heads
internal import Messages

/// Rules on requests, and the samples that they are made of.
extension Worker {
    /// Compares a request with the site's rules, and counts what matches.
    /// - Returns: whether a rule marks it.
    func compareWithRules(
        _ index: UInt32, _ site: Site, _ traits: RequestTraits, isKnown: Bool, _ bytes: Span<UInt8>
    ) -> Bool {
        guard !rules.isEmpty else { return false }
        let visitor = visitors[index]
        matchedRule = rules.match(
            at: Int(site.index), request, bytes,
            RequestRule.Client(program: traits.fields, ja4: visitor.pointee.ja4, http2: visitor.pointee.agent),
            isKnown: isKnown, now: now)
        return matchedRule != 0
    }

    /// Counts a request, and keeps it where it is its turn.
    func sample(
        _ index: UInt32, _ site: Site, _ traits: RequestTraits, isKnown: Bool, isUnderPressure: Bool,
        _ bytes: Span<UInt8>
    ) {
        let place = Int(site.index)
        guard sampler.counts(at: place, isKnown: isKnown, isUnderPressure: isUnderPressure) else { return }
        let visitor = visitors[index]
        sampler.keep(
            at: place, request, bytes, traits, ja4: visitor.pointee.ja4, http2: visitor.pointee.agent)
    }

    func apply(_ table: RuleTable) {
        handOverSamples(isDue: true)
        rules.set(table, names: siteNames)
    }

    /// Other sites are in force.
    func followSites(_ names: [String]) {
        handOverSamples(isDue: true)
        siteNames = names
        rules.set(rules.table, names: names)
        sampler.follow(sites: names.count)
    }

    /// Tells the control thread what came since the last time.
    func handOverSamples(isDue: Bool = false) {
        let elapsed = now &- sampledAt
        guard isDue || elapsed >= RequestSampler.period else { return }
        sampledAt = now
        let taken = sampler.take(seconds: min(10, Double(elapsed) / 1e9))
        guard !taken.isEmpty else { return }
        shared.handOver(
            taken.map { place, batch in
                RequestSamples.Site(name: siteNames[place], batch: batch, counts: rules.takeCounts(at: place))
            })
    }
}
