internal import Heads
internal import Sketches

/// The heaviest skeletons of a log, with samples of each: a table of fixed size, in which an attacker's endless new
/// ones push out each other.
struct RequestClusters: Sendable {
    struct Cluster: Sendable {
        var key: UInt64 = 0
        /// Which site.
        var site = 0
        var count: UInt64 = 0
        var samples: [RequestSample] = []
        var sources = HyperLogLog()
        /// Requests by `Timeline`'s bins.
        var bins: [UInt32] = []
    }

    private static let sets = 256
    private static let ways = 8
    /// Samples of one skeleton: lengths and letters of a template that are drawn evenly are among them, all but surely.
    static let sampleLimit = 512
    /// All samples; some 30 MB of usual targets. From here on only skeletons with few samples get more.
    private static let allLimit = 131_072
    private static let fewSamples = 64

    private(set) var clusters: [Cluster?] = Array(repeating: nil, count: sets * ways)
    private var samples = 0
    private var draw = Draw()

    mutating func observe(
        _ request: RequestSummary, _ line: Span<UInt8>, key: UInt64, site: Int, host: UInt64, bin: Int?
    ) {
        let set = Int(truncatingIfNeeded: key >> 20) % Self.sets * Self.ways
        var place = set
        var least = UInt64.max
        for way in set..<set + Self.ways {
            guard let count = known(way, key) else { continue }
            if count == .max {
                place = way
                break
            }
            if count < least {
                least = count
                place = way
            }
        }
        if clusters[place] == nil || clusters[place]!.key != key {
            samples -= clusters[place]?.samples.count ?? 0
            clusters[place] = Cluster(key: key, site: site)
        }
        clusters[place]!.add(request, line, host: host, bin: bin, &draw, &samples)
    }

    /// The count of what is there, 0 for an empty place, the greatest for the key itself.
    private func known(_ place: Int, _ key: UInt64) -> UInt64? {
        guard let key_ = clusters[place]?.key else { return 0 }
        return key_ == key ? .max : clusters[place]!.count
    }

    mutating func fold() {
        for place in clusters.indices where clusters[place] != nil { Timeline.fold(&clusters[place]!.bins) }
    }

    fileprivate static func mayKeep(_ own: Int, _ all: Int) -> Bool {
        own < sampleLimit && (all < allLimit || own < fewSamples)
    }
}

extension RequestClusters.Cluster {
    fileprivate mutating func add(
        _ request: RequestSummary, _ line: Span<UInt8>, host: UInt64, bin: Int?, _ draw: inout Draw, _ all: inout Int
    ) {
        count += 1
        sources.add(RequestSample.source(of: request))
        if let bin {
            while bins.count <= bin { bins.append(0) }
            bins[bin] &+= 1
        }
        if RequestClusters.mayKeep(samples.count, all) {
            var sample = RequestSample()
            sample.set(request, line, host: host)
            samples.append(sample)
            all += 1
        } else if case let place = draw.below(count), place < UInt64(samples.count) {
            samples[Int(place)].set(request, line, host: host)
        }
    }
}

/// Counts by time in a fixed number of bins, whose width doubles where the log is longer.
struct Timeline: Sendable {
    static let bins = 1_200
    /// A line that claims to be further ahead than this of what came before is of a wrong clock.
    private static let jump: Int64 = 400 * 86_400

    private(set) var start: Int64?
    private(set) var width: Int64 = 1
    private var last: Int64 = 0

    /// The bin of a second; `folds` says how often the bins must be folded first. Nil for a wrong clock.
    mutating func bin(of second: Int64, folds: inout Int) -> Int? {
        guard let start else {
            self.start = second
            last = second
            return 0
        }
        guard second - last < Self.jump else { return nil }
        last = max(last, second)
        let since = max(0, second - start)
        while since / width >= Int64(Self.bins) {
            width *= 2
            folds += 1
        }
        return Int(since / width)
    }

    static func fold(_ bins: inout [UInt32]) {
        let count = (bins.count + 1) / 2
        for index in 0..<count {
            bins[index] = bins[2 * index] &+ (2 * index + 1 < bins.count ? bins[2 * index + 1] : 0)
        }
        bins.removeSubrange(count...)
    }
}
