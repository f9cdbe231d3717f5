package import Detection
internal import Exchange
package import Fingerprints
internal import Incidents
internal import Logging
package import Messages
package import Moments
package import Settings

/// The rules on requests: takes what the lanes saw, and says which rules there are now. It knows no file, no socket and no
/// clock.
package struct RequestDesk {
    private let logger = Logger(label: "requests")
    package private(set) var street = RequestStreet()
    private var told: [String: [Told]] = [:]
    private var toldAt = Moment(milliseconds: 0)
    /// Seconds after which lanes are told again: they end rules by their own clock.
    private static let renewal = 300.0
    private var names: [UInt64: (identifier: String, fingerprint: Fingerprint)] = [:]
    private static let nameLimit = 4_096

    /// What a lane must know of a rule.
    private struct Told: Equatable {
        var id: UInt64
        var conduct: LiveRule.Conduct
    }

    package init() {}

    package mutating func follow(
        _ names: [String], _ settings: Settings.Fingerprints, profile: (String) -> RequestProfile?
    ) {
        street.terms.isOff = settings.rules == .off
        street.terms.isDry = settings.rules == .dry
        street.terms.history = settings.history
        for name in names where street.sites[name] == nil { street.follow(name, profile: profile(name)) }
        street.keep(only: Set(names))
    }

    package mutating func recall(_ words: [String: [LiveRule.Word]], at moment: Moment) {
        street.recall(words, at: moment)
    }

    package mutating func take(_ samples: RequestSamples, at moment: Moment) {
        for site in samples.sites {
            street.observe(site.batch, at: site.name, now: moment)
            for count in site.counts {
                street.count(
                    count.rule, at: site.name, hits: count.hits, known: count.known, marked: count.marked, now: moment)
            }
        }
    }

    package mutating func take(_ fingerprint: Fingerprint, at moment: Moment) {
        street.take(fingerprint, now: moment)
    }

    package mutating func follow(_ order: LiveRule.Order, of rule: UInt64, at site: String?) {
        guard street.follow(order, of: rule, at: site) else { return }
        logger.notice(
            "a rule on requests follows an order by hand",
            metadata: [
                "order": "\(order)", "rule": "\(RequestRule.digits(of: rule))", "site": "\(site ?? "all")",
            ])
    }

    /// Moves the rules along.
    /// - Returns: all rules, where lanes must hear of them.
    package mutating func turn(_ now: Moment) -> RequestRules? {
        for (site, event) in street.turn(now) { log(event, of: site) }
        let present = street.sites.compactMapValues { watch in
            let rules = watch.rules.filter { !$0.isUndone }.map { Told(id: $0.id, conduct: $0.conduct) }
            return rules.isEmpty ? nil : rules
        }
        guard present != told || !present.isEmpty && now - toldAt >= Self.renewal else { return nil }
        told = present
        toldAt = now
        return rules(now)
    }

    /// All rules, with what they matched.
    package func rules(_ now: Moment) -> RequestRules {
        var message = RequestRules()
        for (name, watch) in street.sites.sorted(by: { $0.key < $1.key }) where !watch.rules.isEmpty {
            let rules = watch.rules.filter { !$0.isUndone }.map { rule in
                var entry = RequestRules.Rule(
                    id: rule.id, conditions: rule.fingerprint.conditions, conduct: rule.conduct,
                    isFromElsewhere: rule.origin == .elsewhere, seconds: UInt32(max(0, min(86_400, rule.until - now))),
                    collateral: rule.fingerprint.evidence.collateral)
                (entry.hits, entry.knownHits, entry.marked) = (rule.hits, rule.knownHits, rule.marked)
                return entry
            }
            message.sites.append(RequestRules.Site(name: name, rules: rules))
        }
        return message
    }

    /// Every rule as it stands, by site.
    var standing: [RuleNow] {
        street.sites.sorted { $0.key < $1.key }.flatMap { name, watch in
            watch.rules.map { RuleNow($0, at: name) }
        }
    }

    /// The same for the record.
    var entries: [RequestRecording.Entry] {
        street.sites.flatMap { name, watch in
            watch.rules.filter { !$0.isUndone && $0.hits > 0 }.compactMap { rule in
                names[rule.id].map { named in
                    RequestRecording.Entry(
                        site: name, rule: rule.id, identifier: named.identifier, fingerprint: named.fingerprint,
                        isLive: rule.conduct == .live, since: rule.fingerprint.made, until: rule.until,
                        hits: rule.hits, marked: rule.marked, collateral: rule.fingerprint.evidence.collateral)
                }
            }
        }
    }

    /// The name of a rule's fingerprint as it is exchanged, of what it was when it was first made.
    private mutating func identifier(of rule: LiveRule) -> String {
        if let named = names[rule.id] { return named.identifier }
        if names.count >= Self.nameLimit {
            let present = Set(street.sites.values.flatMap { $0.rules.map(\.id) })
            names = names.filter { present.contains($0.key) }
        }
        let identifier = rule.fingerprint.identifier
        names[rule.id] = (identifier, rule.fingerprint)
        return identifier
    }

    private mutating func log(_ event: RequestWatch.Event, of site: String) {
        let rule: LiveRule
        let text: String
        switch event {
        case .began(let begun): (rule, text) = (begun, "a rule on requests began to count")
        case .changed(let changed):
            rule = changed
            text =
                changed.conduct == .live
                ? "a rule on requests marks from now on"
                : changed.isSuspended
                    ? "a rule on requests matched known visitors; it only counts from now on"
                    : "a rule on requests only counts from now on"
        case .ended(let ended): (rule, text) = (ended, "a rule on requests ended")
        }
        var metadata: Logger.Metadata = [
            "site": "\(site)", "rule": "\(RequestRule.digits(of: rule.id))", "from": "\(rule.origin)",
            "fingerprint": "\(identifier(of: rule))", "hits": "\(rule.hits)", "marked": "\(rule.marked)",
        ]
        if let collateral = rule.fingerprint.evidence.collateral { metadata["collateral"] = "\(collateral)" }
        if case .began = event {
            metadata["conditions"] = .array(
                rule.fingerprint.conditions.map { "\($0.feature.rawValue) \($0.value)" })
        }
        // Of each site that hears of another's, one line would be a flood of its own.
        logger.log(level: rule.origin == .here ? .notice : .debug, "\(text)", metadata: metadata)
    }
}
