internal import Detection
internal import Fingerprints
internal import Heads
internal import Messages
internal import Packets

/// The rules on requests that the office sent, read once, by the sites' names. Never changed; replaced as a whole.
final class RuleTable: Sendable {
    struct Entry: Sendable {
        var id: UInt64
        var rule: RequestRule
        var marks: Bool
        /// On the clock that only goes forward: the office may be gone by then.
        var deadline: UInt64
    }

    let sites: [String: [Entry]]

    /// Rules that cannot be compared here are left out: a newer office may know more.
    init(_ message: RequestRules, at now: UInt64) {
        var sites: [String: [Entry]] = [:]
        for site in message.sites {
            let entries = site.rules.compactMap { rule in
                RequestRule(rule.conditions).map {
                    Entry(
                        id: rule.id, rule: $0, marks: rule.conduct == .live,
                        deadline: now &+ UInt64(rule.seconds) * 1_000_000_000)
                }
            }
            if !entries.isEmpty { sites[site.name] = entries }
        }
        self.sites = sites
    }
}

/// A table as one worker uses it: by the sites' places, with what each rule matched since the last report.
struct SiteRules {
    struct Rules {
        /// In the order of `entries`: those that mark go before those that count.
        var keys: [RequestRule.Key] = []
        var entries: [RuleTable.Entry] = []
        var counts: [RequestSamples.Count] = []
    }

    private(set) var table: RuleTable?
    private(set) var isEmpty = true
    private var sites: [Rules] = []

    /// - Parameter names: of the sites, in their places.
    mutating func set(_ table: RuleTable?, names: [String]) {
        self.table = table
        sites = names.map { name in
            let entries = (table?.sites[name] ?? []).sorted { $0.marks && !$1.marks }
            return Rules(
                keys: entries.map { RequestRule.Key($0.rule) }, entries: entries,
                counts: entries.map { RequestSamples.Count(rule: $0.id) })
        }
        isEmpty = sites.allSatisfy(\.entries.isEmpty)
    }

    /// The first rule that matches: its number where it marks the request, 0 otherwise.
    mutating func match(
        at site: Int, _ head: RequestHead, _ bytes: Span<UInt8>, _ client: RequestRule.Client, isKnown: Bool,
        now: UInt64
    ) -> UInt64 {
        let ja4 = client.ja4?.mixed ?? 0
        for place in sites[site].keys.indices {
            guard sites[site].keys[place].mayMatch(program: client.program, ja4: ja4, http2: client.http2),
                now < sites[site].entries[place].deadline, sites[site].entries[place].rule.matches(head, bytes, client)
            else { continue }
            sites[site].counts[place].hits &+= 1
            if isKnown {
                sites[site].counts[place].known &+= 1
                return 0
            }
            guard sites[site].entries[place].marks else { return 0 }
            sites[site].counts[place].marked &+= 1
            return sites[site].entries[place].id
        }
        return 0
    }

    /// What was matched at a site since the last time.
    mutating func takeCounts(at site: Int) -> [RequestSamples.Count] {
        guard site < sites.count else { return [] }
        var counts: [RequestSamples.Count] = []
        for place in sites[site].counts.indices where sites[site].counts[place].hits > 0 {
            counts.append(sites[site].counts[place])
            sites[site].counts[place] = RequestSamples.Count(rule: sites[site].counts[place].rule)
        }
        return counts
    }
}
