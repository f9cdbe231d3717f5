internal import Addresses
internal import Fingerprints
internal import Heads
internal import Sketches

/// What one site's samples say: which templates exceed the usual, and which of them are no visitors.
struct SiteJudgement {
    /// Samples, each standing for `weight` requests.
    struct Weighed {
        var sample: RequestSample
        var weight: Double
        var cluster: Int
    }

    /// A template with what its requests do.
    struct Candidate {
        var find: TemplateMiner.Find
        var method: String
        /// Places in `all`.
        var members: [Int]
        var weight = 0.0
        /// Shares of the weight.
        var referers = 0.0
        var followers = 0.0
        /// Neither with a referer nor from a source that takes assets.
        var blanks = 0.0
        var expected = 0.0
        var excess: Double { max(0, weight - expected) }
        var distinctSources = 0
        var example: RequestSample
        /// Part of one agent's only.
        var agent: UInt64?
    }

    /// Requests below which nothing is judged: what a template is cannot be told from fewer.
    private static let leastWeight = 30.0
    private static let leastDigits = 40.0
    private static let leastStatic = 60.0
    /// Candidates that are judged, the heaviest.
    private static let candidateLimit = 512
    /// Share of a site's requests, while they come, from which on what exceeds is an attack.
    private static let attackShare = 0.2
    /// A surge is this much more than the mean before, after this many requests.
    private static let surge = 3.0
    private static let surgeLeast = 300.0
    /// Bins that are looked at together; half of them must be high.
    private static let surgeBins = 6

    let site: LogWatch.Site
    let assets: AssetTakers
    var all: [Weighed] = []
    /// What is usual; empty where nobody knows.
    private(set) var usual: [Weighed] = []
    var usualWeight = 0.0
    var hasBaseline: Bool { usualWeight > 0 }
    private(set) var candidates: [Candidate] = []
    /// Of `candidates`: attacks, and growth that visitors make.
    private(set) var attacks: [Int] = []
    private(set) var growth: [Int] = []

    init(
        _ site: LogWatch.Site, _ clusters: [RequestClusters.Cluster], assets: AssetTakers,
        baseline: [RequestSample]?, timeline: Timeline, skeleton: inout RequestSkeleton
    ) {
        self.site = site
        self.assets = assets
        for (index, cluster) in clusters.enumerated() {
            let weight = Double(cluster.count) / Double(max(1, cluster.samples.count))
            for sample in cluster.samples { all.append(Weighed(sample: sample, weight: weight, cluster: index)) }
        }
        if let baseline {
            usual = baseline.map { Weighed(sample: $0, weight: 1, cluster: -1) }
        } else if let second = Self.surgeStart(site.bins, timeline) {
            usual = all.filter { $0.sample.second < second }
        }
        usualWeight = usual.reduce(0) { $0 + $1.weight }
        let groups = Self.group(all, &skeleton)
        mine(groups)
        expect(groups, &skeleton)
        judge()
    }

    /// Where a log that starts quiet surges: the first bin, with another one soon behind it, that is far above those
    /// before; nil where there is none. Empty bins do not count, for a log may be of some minutes of each hour.
    private static func surgeStart(_ bins: [UInt32], _ timeline: Timeline) -> Int64? {
        var before = 0.0
        var filled = 0.0
        var most = 0.0
        for bin in bins.indices {
            if before >= surgeLeast, bin * 20 >= bins.count {
                let bound = max(surge * before / filled, 1.5 * most)
                let high = bins[bin..<min(bin + surgeBins, bins.count)].count { Double($0) >= bound }
                if Double(bins[bin]) >= bound, high * 2 >= surgeBins, let start = timeline.start {
                    return start + Int64(bin) * timeline.width
                }
            }
            before += Double(bins[bin])
            filled += bins[bin] > 0 ? 1 : 0
            most = max(most, Double(bins[bin]))
        }
        return nil
    }

    /// Samples by their skeleton as it is known in the end.
    private static func group(_ all: [Weighed], _ skeleton: inout RequestSkeleton) -> [UInt64: [Int]] {
        var groups: [UInt64: [Int]] = [:]
        for (index, one) in all.enumerated() { groups[key(one.sample, &skeleton), default: []].append(index) }
        return groups
    }

    private static func key(_ sample: RequestSample, _ skeleton: inout RequestSkeleton) -> UInt64 {
        let method = Array(sample.method.utf8)
        let target = sample.target
        return skeleton.key(
            target.span, from: 0, path: target.firstIndex(of: UInt8(ascii: "?")) ?? target.count, to: target.count,
            seed: LogWatch.seed(site: sample.host, method: RequestSummary.hash(method.span, Slice(0, method.count))),
            isCounting: false)
    }

    private mutating func mine(_ groups: [UInt64: [Int]]) {
        func weight(_ members: [Int]) -> Double { members.reduce(0) { $0 + all[$1].weight } }
        let heavy = groups.values.map { ($0, weight($0)) }.filter { $0.1 >= Self.leastWeight }
            .sorted { ($0.1, $1.0[0]) > ($1.1, $0.0[0]) }.prefix(Self.candidateLimit)
        for (members, _) in heavy {
            // Samples of clusters that came together may be many; some thousand tell as much.
            let miner = TemplateMiner(members.prefix(4_096).map { all[$0].sample })
            for find in miner.finds() {
                var candidate = Candidate(
                    find: find, method: miner.samples[find.members[0]].method,
                    members: find.members.map { members[$0] },
                    example: miner.samples[find.members[0]])
                describe(&candidate)
                if candidate.weight >= Self.leastWeight { candidates.append(candidate) }
            }
        }
        candidates.sort { ($0.weight, $1.members[0]) > ($1.weight, $0.members[0]) }
        if candidates.count > Self.candidateLimit { candidates.removeSubrange(Self.candidateLimit...) }
    }

    private func isFollower(_ sample: RequestSample) -> Bool { assets.contains(sample.source) }

    private func describe(_ candidate: inout Candidate) {
        var referers = 0.0
        var followers = 0.0
        var blanks = 0.0
        var weight = 0.0
        var sources: Set<UInt64> = []
        for member in candidate.members {
            let one = all[member]
            weight += one.weight
            if one.sample.hasReferer { referers += one.weight }
            let follows = isFollower(one.sample)
            if follows { followers += one.weight }
            if !one.sample.hasReferer, !follows { blanks += one.weight }
            sources.insert(one.sample.source)
        }
        candidate.weight = weight
        candidate.referers = referers / max(1, weight)
        candidate.followers = followers / max(1, weight)
        candidate.blanks = blanks / max(1, weight)
        candidate.distinctSources = sources.count
    }

    /// How much of each candidate the usual explains: the usual's count, times how much of the usual there is in all.
    private mutating func expect(_ groups: [UInt64: [Int]], _ skeleton: inout RequestSkeleton) {
        guard hasBaseline else { return }
        var counts: [UInt64: Double] = [:]
        for one in usual { counts[Self.key(one.sample, &skeleton), default: 0] += one.weight }
        // The ratio in which skeletons of the usual are seen now; half of the usual is seen less, half more, so that an
        // attack or a crowd on some of it moves nothing.
        let ratios = counts.map { entry in
            ((groups[entry.key] ?? []).reduce(0) { $0 + all[$1].weight } / entry.value, entry.value, entry.key)
        }.sorted { ($0.0, $0.2) < ($1.0, $1.2) }
        var below = 0.0
        var scale = 0.0
        for (ratio, weight, _) in ratios {
            below += weight
            scale = ratio
            if below * 2 >= usualWeight { break }
        }
        for index in candidates.indices {
            candidates[index].expected = scale * weight(of: candidates[index], in: usual)
        }
    }

    func weight(of candidate: Candidate, in samples: [Weighed]) -> Double {
        samples.reduce(0) { sum, one in
            one.sample.method == candidate.method && (candidate.agent == nil || candidate.agent == one.sample.agent)
                && one.sample.matches(candidate.find.template) ? sum + one.weight : sum
        }
    }

    private mutating func judge() {
        var suspects: [Int] = []
        let pageReferers = Self.pageReferers(hasBaseline ? usual : all)
        for index in candidates.indices {
            let candidate = candidates[index]
            if hasBaseline {
                guard exceeds(candidate) else { continue }
                if isLikeVisitors(candidate, pageReferers) {
                    growth.append(index)
                } else {
                    suspects.append(index)
                }
            } else if isStrange(candidate) {
                suspects.append(index)
            }
        }
        // What is strange but little is no attack.
        guard !suspects.isEmpty else { return }
        let seconds = suspects.flatMap { candidates[$0].members.map { all[$0].sample.second } }.sorted()
        let window = seconds[seconds.count / 20]...seconds[seconds.count - 1 - seconds.count / 20]
        let inWindow = all.reduce(0) { window.contains($1.sample.second) ? $0 + $1.weight : $0 }
        let excess = suspects.reduce(0) { $0 + candidates[$1].excess }
        if excess >= Self.attackShare * inWindow { attacks = suspects }
    }

    private static func pageReferers(_ samples: [Weighed]) -> Double {
        var pages = 0.0
        var referers = 0.0
        for one in samples where !one.sample.isAsset {
            pages += one.weight
            if one.sample.hasReferer { referers += one.weight }
        }
        return referers / max(1, pages)
    }

    private func exceeds(_ candidate: Candidate) -> Bool {
        candidate.excess >= max(Self.leastWeight, 2 * candidate.expected + 3 * candidate.expected.squareRoot())
    }

    /// Many sources, that come from somewhere and take what belongs to the page. A log without referers says only the
    /// latter.
    private func isLikeVisitors(_ candidate: Candidate, _ pageReferers: Double) -> Bool {
        guard !candidate.find.hasRandomLetters, candidate.followers >= 0.3,
            Double(candidate.distinctSources) * 20 >= Double(candidate.members.count)
        else { return false }
        return candidate.example.isAsset || pageReferers < 0.02 || candidate.referers >= pageReferers / 4
    }

    /// Without a baseline: what machines ask, and what nobody who reads pages does.
    private func isStrange(_ candidate: Candidate) -> Bool {
        let hasReferers = site.referers * 50 >= site.requests
        let find = candidate.find
        if find.hasRandomLetters { return candidate.referers <= 0.05 && (hasReferers || candidate.followers <= 0.1) }
        guard !candidate.example.isForPrograms, !candidate.example.isAsset else { return false }
        if find.hasRandomDigits {
            return candidate.weight >= Self.leastDigits && candidate.referers <= 0.02 && candidate.followers <= 0.05
        }
        guard find.isStatic else { return false }
        if candidate.referers <= 0.02, candidate.followers <= 0.05 {
            return candidate.weight >= Self.leastStatic && candidate.distinctSources >= 5
        }
        return candidate.blanks >= 0.7 && candidate.blanks * candidate.weight >= 4 * Self.leastStatic
    }

    /// What rules are measured on where no baseline is: those who read pages, as a sample of their own shows them (each
    /// stands for `weight`), and of all others what no attack's template holds.
    mutating func takeRestForUsual(readers: [RequestSample], weight: Double) {
        guard !hasBaseline else { return }
        usual = all.filter { one in
            let sample = one.sample
            guard !sample.hasReferer, !isFollower(sample) else { return false }
            return !attacks.contains { index in
                candidates[index].method == sample.method && sample.matches(candidates[index].find.template)
            }
        }
        usual += readers.map { Weighed(sample: $0, weight: weight, cluster: -1) }
        usualWeight = usual.reduce(0) { $0 + $1.weight }
    }
}
