internal import Addresses
internal import Fingerprints
package import Heads
internal import Moments

/// Finds attacks in a log of requests: what exceeds the usual, as the few templates that cover it, each measured on the
/// usual. Memory is fixed; time is what the lines say.
///
/// The usual is a given baseline; without one, the part of the log before it surges; without that, what in the log
/// behaves like visitors and programs do, against which machine-drawn values, and requests without referer whose
/// sources take nothing that belongs to a page, stand out.
package struct LogWatch: Sendable {
    /// Sites that are kept apart; the names of further ones are taken for none.
    package static let siteLimit = 256
    /// Agents whose text is known; those seen once are forgotten for others.
    private static let agentLimit = 4_096

    struct Site: Sendable {
        var name: String
        var hash: UInt64
        var requests: UInt64 = 0
        /// With a referer; a log without any says nothing by its absence.
        var referers: UInt64 = 0
        var bins: [UInt32] = []
    }

    var baseline: RequestBaseline?
    var skeleton = RequestSkeleton()
    var clusters = RequestClusters()
    var sites: [Site] = []
    private var siteIndices: [UInt64: Int] = [:]
    var assets = AssetTakers()
    /// Requests with a referer, or from sources that took assets, where there is no baseline.
    var readers = RequestBaseline()
    var agents: [UInt64: (text: String, count: Int)] = [:]
    var timeline = Timeline()
    private(set) var requests: UInt64 = 0
    private(set) var from: Int64?
    private(set) var until: Int64?

    package init(baseline: RequestBaseline? = nil) {
        self.baseline = baseline.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Takes in one request, with the line that it was read from.
    package mutating func observe(_ request: RequestSummary, _ line: Span<UInt8>) {
        requests += 1
        let second = request.time / 1_000_000_000
        from = min(from ?? second, second)
        until = max(until ?? second, second)
        var folds = 0
        let bin = timeline.bin(of: second, folds: &folds)
        for _ in 0..<folds {
            clusters.fold()
            for index in sites.indices { Timeline.fold(&sites[index].bins) }
        }
        let hash = Self.hostHash(request, line)
        let site = site(hash, request, line)
        sites[site].requests += 1
        if request.hasReferer { sites[site].referers += 1 }
        if let bin {
            while sites[site].bins.count <= bin { sites[site].bins.append(0) }
            sites[site].bins[bin] &+= 1
        }
        if RequestSample.isAsset(line, request.path) { assets.insert(RequestSample.source(of: request)) }
        if baseline == nil, request.hasReferer || assets.contains(RequestSample.source(of: request)) {
            readers.observe(request, line)
        }
        let start = Int(request.target.start)
        let key = skeleton.key(
            line, from: start, path: start + Int(request.pathLength), to: request.target.range.upperBound,
            seed: Self.seed(site: sites[site].hash, method: RequestSummary.hash(line, request.methodName)),
            isCounting: true)
        clusters.observe(request, line, key: key, site: site, host: sites[site].hash, bin: bin)
        if request.agentHash != 0 { note(request, line) }
    }

    static func seed(site: UInt64, method: UInt64) -> UInt64 { site &* 31 &+ method }

    /// 0 where the log has no names.
    static func hostHash(_ request: RequestSummary, _ line: Span<UInt8>) -> UInt64 {
        request.host.count == 0 ? 0 : RequestSummary.hash(line, request.host)
    }

    private mutating func site(_ hash: UInt64, _ request: RequestSummary, _ line: Span<UInt8>) -> Int {
        if let index = siteIndices[hash] { return index }
        let isKnown = sites.count < Self.siteLimit
        if !isKnown, let index = siteIndices[0] { return index }
        let name = isKnown ? line.text(request.host) : ""
        sites.append(Site(name: name, hash: isKnown ? hash : 0))
        siteIndices[isKnown ? hash : 0] = sites.count - 1
        return sites.count - 1
    }

    private mutating func note(_ request: RequestSummary, _ line: Span<UInt8>) {
        if agents[request.agentHash] != nil {
            agents[request.agentHash]!.count += 1
            return
        }
        if agents.count >= Self.agentLimit {
            agents = agents.filter { $0.value.count > 1 }
            if agents.count >= Self.agentLimit { return }
        }
        agents[request.agentHash] = (line.text(request.agent), 1)
    }
}

/// Who took a style sheet, a script or an image: a Bloom filter of 2 MiB over hashes of sources. It says "took" wrongly
/// for one in a thousand at a million sources, which spares them.
struct AssetTakers: Sendable {
    private static let bits: UInt64 = 1 << 24
    private var words = [UInt64](repeating: 0, count: Int(bits / 64))

    private static func place(_ hash: UInt64, _ round: UInt64) -> UInt64 {
        RequestSummary.spread(hash &+ round &* 0x9e37_79b9_7f4a_7c15) & (bits - 1)
    }

    mutating func insert(_ hash: UInt64) {
        for round in UInt64(1)...6 {
            let place = Self.place(hash, round)
            words[Int(place >> 6)] |= 1 << (place & 63)
        }
    }

    func contains(_ hash: UInt64) -> Bool {
        for round in UInt64(1)...6 {
            let place = Self.place(hash, round)
            if words[Int(place >> 6)] >> (place & 63) & 1 == 0 { return false }
        }
        return true
    }
}
