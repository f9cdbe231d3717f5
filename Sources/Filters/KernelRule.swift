package import Addresses
package import Fingerprints
package import Moments

/// A fingerprint as the kernel's filter knows it.
package struct KernelRule: Sendable {
    /// Any of which is enough.
    let patterns: [PacketPattern]
    /// Destinations that it is for; empty: all.
    package var targets: [Prefix]
    /// Networks of its sources; empty: any.
    package var sources: [Prefix]
    /// Its place among the counters of rules, below ``FilterMaps/ruleLimit``.
    package var counter: UInt32
    /// It is counted, and drops nothing.
    package var isDry: Bool
    /// On the machine's monotonic clock, in nanoseconds; from then on it matches nothing.
    package var until: UInt64

    init(
        patterns: [PacketPattern], targets: [Prefix] = [], sources: [Prefix] = [], counter: UInt32, isDry: Bool = false,
        until: UInt64 = .max
    ) {
        self.patterns = patterns
        self.targets = targets
        self.sources = sources
        self.counter = counter
        self.isDry = isDry
        self.until = until
    }
}

extension KernelRule {
    /// A rule, and all that it says otherwise than its fingerprint.
    package struct Made: Sendable {
        /// Ready for a plan's set of rules.
        package var rule: KernelRule
        /// Of the fingerprint's conditions (``Rules/id(_:)``).
        package var id: String
        /// What the rule says otherwise, or not at all.
        package var unsaid: [CompiledRules.Unsaid]
        /// The share of normal traffic that it was measured to hit, 0...1; nil where that was accepted unmeasured. The
        /// bound on a set of rules is the caller's: here each is held against it by itself.
        package var collateral: Double?
    }

    /// A rule of a fingerprint, which hits what the fingerprint says and no more, but for what is listed as unsaid. It
    /// ends when the fingerprint does.
    ///
    /// - Parameters:
    ///   - targets: destinations that it is for; empty: all. They stand in place of those of the options.
    ///   - counter: below ``FilterMaps/ruleLimit``.
    ///   - until: on the monotonic clock, in nanoseconds: an end before that of the fingerprint.
    ///   - now: the present on the wall clock, by which fingerprints end; it stands in place of that of the options.
    ///   - clock: the same moment on the monotonic clock, in nanoseconds.
    ///   - options: the bound, what is accepted, whether sources are limited, and whether conditions that cannot be said
    ///     may be left out, as for any language (``RuleOptions``).
    package static func make(
        from fingerprint: Fingerprint, targets: [Prefix] = [], counter: UInt32, isDry: Bool = false,
        until: UInt64 = .max, at now: Moment, clock: UInt64, options: RuleOptions = RuleOptions()
    ) -> Result<Made, RuleRefusal> {
        var options = options
        options.targets = targets
        options.now = now
        guard counter < FilterMaps.ruleLimit else {
            return .failure(RuleRefusal("more than \(FilterMaps.ruleLimit) rules"))
        }
        guard until > clock else { return .failure(RuleRefusal("it would end before it begins")) }
        if let reason = Rules.misuse(options) { return .failure(RuleRefusal(reason)) }
        let draft: RuleDraft
        // What classic BPF can say, the kernel's filter can: both see one packet, and walk a question's name.
        switch RuleDraft.make(fingerprint, language: .bpf, options: options) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let made): draft = made
        }
        if let hit = draft.collateral, hit > options.collateralBound {
            return .failure(
                RuleRefusal(
                    "hits \(RuleText.percent(hit)) of normal traffic: above the bound of "
                        + RuleText.percent(options.collateralBound)))
        }
        let patterns = PacketPattern.patterns(draft.tests)
        guard !patterns.isEmpty else {
            return .failure(RuleRefusal("no single packet can meet its conditions together"))
        }
        let rule = KernelRule(
            patterns: patterns, targets: targets, sources: draft.sources, counter: counter, isDry: isDry,
            until: min(until, end(of: draft.expires, at: now, clock: clock)))
        return .success(Made(rule: rule, id: draft.id, unsaid: draft.unsaid, collateral: draft.collateral))
    }

    /// A moment after `now` on the monotonic clock; one beyond its end is its end.
    private static func end(of moment: Moment, at now: Moment, clock: UInt64) -> UInt64 {
        let (milliseconds, isFar) = moment.milliseconds.subtractingReportingOverflow(now.milliseconds)
        guard !isFar else { return .max }
        let (nanoseconds, isLong) = UInt64(clamping: milliseconds).multipliedReportingOverflow(by: 1_000_000)
        let (end, isLate) = clock.addingReportingOverflow(nanoseconds)
        return isLong || isLate ? .max : end
    }
}
