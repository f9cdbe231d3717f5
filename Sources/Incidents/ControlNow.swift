package import Detection
package import Fingerprints
package import Mitigations
package import Moments

/// What holds by hand now, and the rules on requests. It has addresses in it: of it is shown only what may be seen.
package struct ControlNow: Equatable, Sendable {
    /// By their numbers.
    package var orders: [ControlBook.Order]
    package var rules: [RuleNow]
    /// Names of the sites that let everything through and only count, by hand or by the configuration.
    package var observing: Set<String>

    package init(orders: [ControlBook.Order], rules: [RuleNow], observing: Set<String>) {
        self.orders = orders
        self.rules = rules
        self.observing = observing
    }

    /// The order that sets a site's mode.
    package func mode(of site: String) -> ControlBook.Order? {
        orders.first { $0.site == site && $0.act.prefix == nil }
    }
}

/// A rule on requests at one site, as it stands.
package struct RuleNow: Equatable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        /// Marks what it matches, so that it goes last.
        case live
        /// Counts: it was not measured enough, would hit too many, or the configuration says so.
        case dry
        /// Counts, because the operator says so.
        case held
        /// Counts, because it matched known visitors.
        case suspended
        /// Gone by the operator's word, and kept from coming back.
        case undone
    }

    package var site: String
    package var id: UInt64
    package var conditions: [Fingerprint.Condition]
    package var state: State
    /// The share of the attack that it covered when it was made, and of the usual requests that it would hit; nil: not
    /// measured.
    package var coverage: Double
    package var collateral: Double?
    package var isFromElsewhere: Bool
    /// Requests that it matched, those of known visitors among them, and those that it marked.
    package var hits: UInt64
    package var knownHits: UInt64
    package var marked: UInt64
    package var until: Moment

    package init(_ rule: LiveRule, at site: String) {
        self.site = site
        id = rule.id
        conditions = rule.fingerprint.conditions
        state =
            rule.isUndone
            ? .undone : rule.isHeld ? .held : rule.isSuspended ? .suspended : rule.conduct == .live ? .live : .dry
        coverage = rule.fingerprint.evidence.coverage
        collateral = rule.fingerprint.evidence.collateral
        isFromElsewhere = rule.origin == .elsewhere
        (hits, knownHits, marked) = (rule.hits, rule.knownHits, rule.marked)
        until = rule.until
    }

    package init(
        site: String, id: UInt64, conditions: [Fingerprint.Condition], state: State, coverage: Double,
        collateral: Double?, isFromElsewhere: Bool = false, hits: UInt64 = 0, knownHits: UInt64 = 0,
        marked: UInt64 = 0, until: Moment
    ) {
        self.site = site
        self.id = id
        self.conditions = conditions
        self.state = state
        self.coverage = coverage
        self.collateral = collateral
        self.isFromElsewhere = isFromElsewhere
        self.hits = hits
        self.knownHits = knownHits
        self.marked = marked
        self.until = until
    }

    /// Its number as people write it.
    package var number: String { RequestRule.digits(of: id) }
}
