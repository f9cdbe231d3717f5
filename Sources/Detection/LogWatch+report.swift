internal import Addresses
internal import Fingerprints
internal import Heads
internal import Moments
internal import Sketches

extension LogWatch {
    /// Vectors of one attack, the heaviest.
    private static let vectorLimit = 128
    /// A rule that adds less than this share of what it covers is none.
    private static let leastGain = 0.1
    /// Agents that one template is given as a condition, each in a rule of its own, and their least shares of it: each
    /// one's, and all of theirs.
    private static let agentRules = 4
    private static let agentShare = 0.1
    private static let agentsShare = 0.9
    /// Longest agent in a condition.
    private static let agentTextLimit = 256
    /// Seconds after which an attack has ended.
    private static let calm: Int64 = 30
    private static let pointLimit = 3_600
    /// Requests whose routes are compared before one is a condition.
    private static let exampleLimit = 256

    /// Says what was found so far. More lines may follow.
    package mutating func finish() -> TrafficReport {
        var report = TrafficReport()
        report.packets = requests
        guard let from, let until else { return report }
        report.from = Moment(seconds: from)
        report.until = Moment(seconds: until)
        var bySite: [Int: [RequestClusters.Cluster]] = [:]
        for case let cluster? in clusters.clusters { bySite[cluster.site, default: []].append(cluster) }
        for index in sites.indices {
            guard let clusters = bySite[index] else { continue }
            let site = sites[index]
            let usual = baseline.map { known in
                let own = known.samples.filter { $0.host == site.hash }
                // A baseline without sites' names is every site's.
                return own.isEmpty ? known.samples.filter { $0.host == 0 } : own
            }
            var judgement = SiteJudgement(
                site, clusters, assets: assets, baseline: usual.flatMap { $0.isEmpty ? nil : $0 }, timeline: timeline,
                skeleton: &skeleton)
            judgement.takeRestForUsual(
                readers: readers.samples.filter { $0.host == site.hash },
                weight: Double(readers.requests) / Double(max(1, readers.samples.count)))
            if let attack = attack(judgement, clusters) { report.attacks.append(attack) }
            if let growth = growth(judgement) { report.growth.append(growth) }
        }
        report.attacks.sort { $0.vectors.reduce(0) { $0 + $1.packets } > $1.vectors.reduce(0) { $0 + $1.packets } }
        return report
    }

    // MARK: Rules.

    /// A candidate as a rule, measured.
    private struct Rule {
        var candidate: SiteJudgement.Candidate
        var agent: String?
        var collateral: Double
    }

    private func rules(_ judgement: SiteJudgement) -> [Rule] {
        var rules: [Rule] = []
        var covered: Set<Int> = []
        let heaviest = judgement.attacks.sorted {
            (judgement.candidates[$0].excess, $1) > (judgement.candidates[$1].excess, $0)
        }
        for index in heaviest where rules.count < Self.vectorLimit {
            let candidate = judgement.candidates[index]
            // Greedy: what the rules so far hold already needs no other.
            let new = candidate.members.filter { !covered.contains($0) }
            guard Double(new.count) >= Self.leastGain * Double(candidate.members.count) else { continue }
            covered.formUnion(candidate.members)
            rules += narrowed(candidate, judgement)
        }
        return rules
    }

    private func collateral(_ candidate: SiteJudgement.Candidate, _ judgement: SiteJudgement) -> Double {
        judgement.weight(of: candidate, in: judgement.usual) / max(1, judgement.usualWeight)
    }

    /// The template alone where that hits few visitors; else with its heaviest agents, where these are nearly all of it
    /// and it hits fewer so. Else it stays as it is, with what it would hit.
    private func narrowed(_ candidate: SiteJudgement.Candidate, _ judgement: SiteJudgement) -> [Rule] {
        let alone = Rule(candidate: candidate, agent: nil, collateral: collateral(candidate, judgement))
        guard alone.collateral > Contrast.bearable else { return [alone] }
        var weights: [UInt64: Double] = [:]
        for member in candidate.members {
            weights[judgement.all[member].sample.agent, default: 0] += judgement.all[member].weight
        }
        var rules: [Rule] = []
        var share = 0.0
        let heaviest = weights.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(Self.agentRules)
        for (agent, weight) in heaviest where weight >= Self.agentShare * candidate.weight {
            guard let text = agents[agent]?.text, (1...Self.agentTextLimit).contains(text.utf8.count),
                text.utf8.allSatisfy({ $0 >= 32 && $0 < 127 })
            else { continue }
            var part = candidate
            part.agent = agent
            part.members = candidate.members.filter { judgement.all[$0].sample.agent == agent }
            part.weight = weight
            let usual = judgement.weight(of: part, in: judgement.usual)
            part.expected = candidate.expected * usual / max(1, judgement.weight(of: candidate, in: judgement.usual))
            part.distinctSources = Set(part.members.map { judgement.all[$0].sample.source }).count
            rules.append(Rule(candidate: part, agent: text, collateral: usual / max(1, judgement.usualWeight)))
            share += part.excess / max(1, candidate.excess)
        }
        let sum = rules.reduce(0) { $0 + $1.collateral }
        return share >= Self.agentsShare && sum < alone.collateral / 2 ? rules : [alone]
    }

    /// Method, route and parameters as a fingerprint says them: the route where it says all of the path, and the
    /// query's template; else the whole target's.
    static func conditions(
        method: String, template: RequestTemplate, examples: [[UInt8]], agent: String?
    ) -> [Fingerprint.Condition] {
        var conditions: [Fingerprint.Condition] = [.init(.method, method)]
        let example = examples[0]
        let route = RequestShape.route(of: example)
        let isOneRoute = examples.allSatisfy { RequestShape.route(of: $0) == route }
        let pathEnd = example.firstIndex(of: UInt8(ascii: "?")) ?? example.count
        let path = example[..<pathEnd]
        // The route says the path where nothing in it is left out or taken for something else.
        let isPlain =
            path.count > 0 && path.filter { $0 == UInt8(ascii: "/") }.count <= 4
            && path.allSatisfy { $0 > 32 && $0 < 127 && !($0 >= 48 && $0 <= 57) }
            && route.utf8.count < RequestShape.routeLimit
        var query: RequestTemplate?
        var hasFixedPath = false
        if isPlain, isOneRoute, case .literal(let first) = template.parts[0], first.starts(with: path),
            first.count == path.count || first.count > path.count && first[path.count] == UInt8(ascii: "?")
        {
            hasFixedPath = first.count > path.count || pathEnd == example.count && template.parts.count == 1
            let rest = Array(first.dropFirst(path.count + 1))
            query = RequestTemplate(scope: .query, parts: [.literal(rest)] + template.parts.dropFirst())
        }
        if hasFixedPath {
            conditions.append(.init(.route, route))
            if pathEnd < example.count, let query { conditions.append(.init(.parameters, query.text)) }
        } else {
            if isOneRoute, isSameRoute(template, route, pathEnd, example) { conditions.append(.init(.route, route)) }
            conditions.append(.init(.parameters, template.text))
        }
        if let agent { conditions.append(.init(.agent, agent)) }
        return conditions
    }

    /// Whether all that a template holds has the example's route: where only digits vary, of which each run has one at
    /// least, and beside which no other digits stand or fall.
    private static func isSameRoute(
        _ template: RequestTemplate, _ route: String, _ pathEnd: Int, _ example: [UInt8]
    ) -> Bool {
        guard route.utf8.count < RequestShape.routeLimit, route.hasPrefix("/") else { return false }
        for part in template.parts {
            // In the query, only names count; those are fixed.
            if case .literal(let text) = part, text.contains(UInt8(ascii: "?")) { return true }
            if case .run(let alphabet, let lengths) = part,
                !alphabet.isSubset(of: .digits) || lengths.lowerBound == 0
            {
                return false
            }
        }
        return true
    }

    // MARK: Results.

    private func attack(_ judgement: SiteJudgement, _ clusters: [RequestClusters.Cluster]) -> TrafficAttack? {
        let rules = rules(judgement)
        guard !rules.isEmpty, let until else { return nil }
        let all = rules.reduce(0) { $0 + $1.candidate.excess }
        var vectors: [TrafficVector] = []
        for rule in rules { vectors.append(vector(rule, judgement, clusters, all: all, until: until)) }
        vectors.sort { $0.packets > $1.packets }
        let start = vectors.map(\.start).min()!
        let end = vectors.map(\.end).max()!
        var attack = TrafficAttack(
            target: .host(judgement.site.name),
            state: end + Double(Self.calm) < Moment(seconds: until) ? .ended : .confirmed,
            start: start, end: end, detected: Moment(seconds: until), vectors: vectors)
        attack.pointSeconds = Int(timeline.width)
        attack.points = points(rules, judgement, clusters, start: start, end: end)
        return attack
    }

    private func vector(
        _ rule: Rule, _ judgement: SiteJudgement, _ clusters: [RequestClusters.Cluster], all: Double, until: Int64
    ) -> TrafficVector {
        let candidate = rule.candidate
        let seconds = candidate.members.map { judgement.all[$0].sample.second }
        let busy = Self.busy(seconds)
        let start = Moment(seconds: busy?.lowerBound ?? until)
        let end = Moment(seconds: busy?.upperBound ?? until)
        var sources = HyperLogLog()
        for cluster in Set(candidate.members.map { judgement.all[$0].cluster }) {
            sources.merge(clusters[cluster].sources)
        }
        let made = Moment(seconds: until)
        var evidence = Fingerprint.Evidence(
            coverage: candidate.excess / max(1, all), collateral: judgement.usual.isEmpty ? nil : rule.collateral,
            attackCount: UInt64(clamping: candidate.excess.rounded()),
            baselineCount: UInt64(clamping: judgement.usualWeight.rounded()),
            sources: UInt64(
                clamping: max(Double(candidate.distinctSources), min(sources.count, candidate.weight)).rounded()),
            from: start, until: end)
        evidence.isSpoofable = false
        evidence.baseline = judgement.usual.isEmpty ? nil : baseline == nil ? "requests of the log itself" : "baseline"
        evidence.networks = networks(candidate, judgement)
        let conditions = Self.conditions(
            method: candidate.method, template: candidate.find.template,
            examples: candidate.members.prefix(Self.exampleLimit).map { judgement.all[$0].sample.target },
            agent: rule.agent)
        let fingerprint = Fingerprint(
            conditions: conditions, kind: "http-flood", evidence: evidence, made: made,
            expires: made + Contrast.lifetime * 86_400)
        var vector = TrafficVector(
            kind: "http-flood", fingerprint: fingerprint, packets: UInt64(clamping: candidate.excess.rounded()),
            bytes: 0,
            start: start, end: end)
        vector.shares = agentShares(candidate, judgement)
        return vector
    }

    /// From the first to the last second of the time in which most of it came: a visitor's request of the same shape hours
    /// before is no beginning. Tens of seconds count that have a tenth of what the fullest has.
    private static func busy(_ seconds: [Int64]) -> ClosedRange<Int64>? {
        var counts: [Int64: Int] = [:]
        for second in seconds { counts[second / 10, default: 0] += 1 }
        let most = counts.values.max() ?? 0
        let inside = seconds.filter { counts[$0 / 10, default: 0] * 10 >= most }
        guard let first = inside.min(), let last = inside.max() else { return nil }
        return first...last
    }

    private func networks(
        _ candidate: SiteJudgement.Candidate, _ judgement: SiteJudgement
    ) -> [Fingerprint.Evidence.Network] {
        var weights: [Address: Int] = [:]
        for member in candidate.members {
            if let network = judgement.all[member].sample.network { weights[network, default: 0] += 1 }
        }
        let heaviest = weights.sorted { ($0.value, "\($1.key)") > ($1.value, "\($0.key)") }
            .prefix(Fingerprint.Evidence.networkLimit)
        return heaviest.map { address, count in
            .init(
                prefix: "\(address)/\(address.isIPv4 ? 24 : 48)", share: Double(count) / Double(candidate.members.count)
            )
        }
    }

    private func agentShares(
        _ candidate: SiteJudgement.Candidate, _ judgement: SiteJudgement
    ) -> [TrafficVector.Share] {
        var counts: [UInt64: Int] = [:]
        for member in candidate.members { counts[judgement.all[member].sample.agent, default: 0] += 1 }
        let heaviest = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(5)
        let values = heaviest.compactMap { hash, count in
            (hash == 0 ? "" : agents[hash]?.text).map {
                (value: $0, share: Double(count) / Double(candidate.members.count))
            }
        }
        return values.isEmpty ? [] : [.init(feature: .agent, values: values)]
    }

    /// By the timeline's bins: of each cluster the share that is the attack's.
    private func points(
        _ rules: [Rule], _ judgement: SiteJudgement, _ clusters: [RequestClusters.Cluster], start: Moment, end: Moment
    ) -> [TrafficAttack.Point] {
        guard let origin = timeline.start else { return [] }
        var shares = [Double](repeating: 0, count: clusters.count)
        for rule in rules {
            let part = rule.candidate.excess / max(1, rule.candidate.weight)
            for member in rule.candidate.members {
                let cluster = judgement.all[member].cluster
                shares[cluster] += part / Double(max(1, clusters[cluster].samples.count))
            }
        }
        let first = max(0, (start.seconds - origin) / timeline.width)
        let last = min(Int64(judgement.site.bins.count) - 1, (end.seconds - origin) / timeline.width)
        guard first <= last else { return [] }
        return (first...last).prefix(Self.pointLimit).map { bin in
            var attack = 0.0
            for (index, cluster) in clusters.enumerated() where shares[index] > 0 && Int(bin) < cluster.bins.count {
                attack += min(1, shares[index]) * Double(cluster.bins[Int(bin)])
            }
            return TrafficAttack.Point(
                time: Moment(seconds: origin + bin * timeline.width), attackPackets: attack, attackBytes: 0,
                allPackets: Double(judgement.site.bins[Int(bin)]), allBytes: 0)
        }
    }

    /// Visitors that come in numbers: pages that grew, with what belongs to them.
    private func growth(_ judgement: SiteJudgement) -> BenignGrowth? {
        let pages = judgement.growth.filter { !judgement.candidates[$0].example.isAsset }
        let excess = judgement.growth.reduce(0) { $0 + judgement.candidates[$1].excess }
        guard !pages.isEmpty, excess >= 100, excess * 20 >= Double(judgement.site.requests) else { return nil }
        let seconds = pages.flatMap { judgement.candidates[$0].members.map { judgement.all[$0].sample.second } }
        guard let first = seconds.min(), let last = seconds.max() else { return nil }
        return BenignGrowth(
            target: .host(judgement.site.name), kind: "flash-crowd", start: Moment(seconds: first),
            end: Moment(seconds: last), packets: UInt64(clamping: excess.rounded()), bytes: 0)
    }
}
