package import Fingerprints
package import Moments

/// The requests of all sites, and what one of them learns for the others: which programs attack, and nothing else.
/// Organisations are walls: what crosses has no address, no page and no word in it, and is measured anew where it comes.
package struct RequestStreet: Sendable {
    package private(set) var sites: [String: RequestWatch] = [:]
    package var terms = RequestWatch.Terms()
    /// What crossed, by site and program, and when it was said last.
    private var spread: [String: [UInt64: Moment]] = [:]
    /// Seconds after which the others hear again that a rule is needed.
    private static let renewal = 10.0

    /// Requests that are kept of all sites together: some 200 MiB at the most.
    private static let sampleLimit = 1 << 20

    package init() {}

    /// Takes up a site, with what is known of it; one that is here already stays as it is.
    package mutating func follow(_ site: String, profile: RequestProfile?) {
        if sites[site] == nil { sites[site] = RequestWatch(profile: profile ?? RequestProfile()) }
    }

    package mutating func keep(only names: Set<String>) {
        for name in sites.keys where !names.contains(name) { sites[name] = nil }
        let share = Self.sampleLimit / max(1, sites.count)
        for name in sites.keys { sites[name]?.bound(to: share) }
    }

    package mutating func observe(_ batch: RequestBatch, at site: String, now: Moment) {
        sites[site]?.observe(batch, at: now)
    }

    package mutating func count(
        _ id: UInt64, at site: String, hits: UInt64, known: UInt64, marked: UInt64, now: Moment
    ) {
        sites[site]?.count(id, hits: hits, known: known, marked: marked, at: now)
    }

    /// The operator's word on a rule, at one site or at all.
    /// - Returns: whether there was such a rule anywhere.
    package mutating func follow(_ order: LiveRule.Order, of id: UInt64, at site: String?) -> Bool {
        var isFound = false
        for name in sites.keys where site == nil || site == name {
            if sites[name]?.follow(order, of: id) == true { isFound = true }
        }
        return isFound
    }

    /// Takes up the rules of an earlier office of which the operator said something, at sites that are followed.
    package mutating func recall(_ words: [String: [LiveRule.Word]], at now: Moment) {
        for (name, said) in words { sites[name]?.recall(said, at: now) }
    }

    /// A fingerprint that came from outside, for all sites: it counts until each site's own profile says that it may mark.
    package mutating func take(_ fingerprint: Fingerprint, now: Moment) {
        for name in sites.keys.sorted() { sites[name]?.take(fingerprint, needed: now, at: now) }
    }

    /// - Returns: what is new, by site.
    package mutating func turn(_ now: Moment) -> [(site: String, event: RequestWatch.Event)] {
        var news: [(site: String, event: RequestWatch.Event)] = []
        let names = sites.keys.sorted()
        for name in names { for event in sites[name]?.turn(terms, at: now) ?? [] { news.append((name, event)) } }
        guard !terms.isOff else { return news }
        spread(names, at: now)
        for name in names { for event in sites[name]?.turn(terms, at: now) ?? [] { news.append((name, event)) } }
        return news
    }

    private mutating func spread(_ names: [String], at now: Moment) {
        for name in names {
            for rule in sites[name]?.rules ?? [] where rule.origin == .here && !rule.isUndone && !rule.isSuspended {
                guard let program = rule.program else { continue }
                if let last = spread[name]?[rule.id], rule.needed - last < Self.renewal { continue }
                spread[name, default: [:]][rule.id] = rule.needed
                var fingerprint = rule.fingerprint
                fingerprint.conditions = program
                // What it is worth there, that site's own profile says.
                fingerprint.evidence.collateral = nil
                fingerprint.evidence.baseline = nil
                for other in names where other != name {
                    sites[other]?.take(fingerprint, needed: rule.needed, at: now)
                }
            }
        }
        for name in spread.keys {
            guard let rules = sites[name]?.rules else {
                spread[name] = nil
                continue
            }
            spread[name] = spread[name]?.filter { said in rules.contains { $0.id == said.key } }
        }
    }
}
