internal import Detection
internal import Fingerprints
internal import Heads
internal import Messages
internal import Packets

/// Keeps some of the requests of one worker for a quarter of a second, for detection: in calm a few, for the site's profile,
/// under pressure more. Which ones, the number of those before decides, so that the first of a flood are among them. Its
/// room is taken once.
struct RequestSampler {
    /// Nanoseconds between two reports.
    static let period: UInt64 = 250_000_000
    /// Requests of one site in a report.
    private static let calmShare: UInt64 = 6
    private static let share: UInt64 = 128
    /// Of all sites.
    private static let limit = 1_024
    private static let textLimit = 256 << 10

    private struct Site {
        var seen: UInt64 = 0
        var known: UInt64 = 0
        /// One in so many is kept; until the next one.
        var stride: UInt64 = 1
        var left: UInt64 = 1
        var kept: UInt64 = 0
        var isUnderPressure = false
    }

    private struct Entry {
        var site: UInt16
        var isCut: Bool
        var traits: RequestTraits
        var ja4: JA4?
        var http2: UInt64
        var agent: UInt64
        /// In `text`: the method, then the target, then the names of the fields.
        var start: Int
        var method: Int
        var target: Int
        var names: Int
    }

    private var sites: [Site] = []
    private var entries: [Entry] = []
    private var text: [UInt8] = []

    init() {
        entries.reserveCapacity(Self.limit)
        text.reserveCapacity(Self.textLimit)
    }

    mutating func follow(sites count: Int) {
        sites = Array(repeating: Site(), count: count)
        entries.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
    }

    /// Counts a request.
    /// - Returns: whether it is one to keep.
    mutating func counts(at site: Int, isKnown: Bool, isUnderPressure: Bool) -> Bool {
        sites[site].seen &+= 1
        if isKnown { sites[site].known &+= 1 }
        sites[site].isUnderPressure = isUnderPressure
        sites[site].left -= 1
        guard sites[site].left == 0 else { return false }
        sites[site].left = sites[site].stride
        return sites[site].kept < Self.share && entries.count < Self.limit
    }

    mutating func keep(
        at site: Int, _ head: RequestHead, _ bytes: Span<UInt8>, _ traits: RequestTraits, ja4: JA4?, http2: UInt64
    ) {
        let method = Int(head.methodName.count)
        let target = min(Int(head.path.count), RequestFeatures.targetLimit)
        guard text.count + method + target + RequestHead.programLimit <= Self.textLimit else { return }
        let start = text.count
        for index in head.methodName.range { text.append(bytes[index]) }
        for index in Int(head.path.start)..<Int(head.path.start) + target { text.append(bytes[index]) }
        let namesStart = text.count
        head.writeProgram(bytes, to: &text)
        let agent = head.first(.userAgent).map { $0.value.count == 0 ? 0 : RequestSummary.hash(bytes, $0.value) } ?? 0
        sites[site].kept += 1
        entries.append(
            Entry(
                site: UInt16(truncatingIfNeeded: site), isCut: Int(head.path.count) > target, traits: traits, ja4: ja4,
                http2: http2, agent: agent, start: start, method: method, target: target,
                names: text.count - namesStart))
    }

    /// What came since the last time, by the sites' places; a site that nobody asked is left out.
    mutating func take(seconds: Double) -> [(site: Int, batch: RequestBatch)] {
        var places: [Int: Int] = [:]
        var taken: [(site: Int, batch: RequestBatch)] = []
        for index in sites.indices where sites[index].seen > 0 {
            var batch = RequestBatch()
            batch.seen = sites[index].seen
            batch.known = sites[index].known
            batch.seconds = seconds
            batch.isUnderPressure = sites[index].isUnderPressure
            places[index] = taken.count
            taken.append((index, batch))
        }
        for entry in entries {
            let site = Int(entry.site)
            guard let place = places[site] else { continue }
            let weight = Double(sites[site].seen) / Double(max(1, sites[site].kept))
            taken[place].batch.requests.append(request(entry, weight: weight))
        }
        for index in sites.indices where sites[index].seen > 0 {
            let wanted = sites[index].isUnderPressure ? Self.share : Self.calmShare
            let isUnderPressure = sites[index].isUnderPressure
            let stride = max(1, sites[index].seen / wanted)
            sites[index] = Site()
            sites[index].stride = stride
            sites[index].left = stride
            sites[index].isUnderPressure = isUnderPressure
        }
        entries.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        return taken
    }

    private func request(_ entry: Entry, weight: Double) -> RequestBatch.Seen {
        let target = entry.start + entry.method
        let names = target + entry.target
        var features = RequestFeatures(
            method: String(decoding: text[entry.start..<target], as: UTF8.self), target: Array(text[target..<names]))
        features.isCut = entry.isCut
        features.program = entry.traits.fields
        features.ja4 = entry.ja4?.mixed ?? 0
        features.http2 = entry.http2
        features.agent = entry.agent
        return RequestBatch.Seen(
            features, names: String(decoding: text[names..<names + entry.names], as: UTF8.self),
            ja4: entry.ja4?.description ?? "", weight: weight)
    }
}

extension RequestSamples {
    /// What several workers saw, of each site together, within the message's bounds.
    init(merging all: [Site]) {
        self.init()
        var places: [String: Int] = [:]
        var left = Self.limit
        for site in all {
            let requests = site.batch.requests.prefix(left)
            left -= requests.count
            guard let place = places[site.name] else {
                places[site.name] = sites.count
                var first = site
                first.batch.requests = Array(requests)
                sites.append(first)
                continue
            }
            sites[place].batch.seen &+= site.batch.seen
            sites[place].batch.known &+= site.batch.known
            // Workers look at the same time, one worker at one time after the other: the longer one is near enough.
            sites[place].batch.seconds = max(sites[place].batch.seconds, site.batch.seconds)
            sites[place].batch.isUnderPressure = site.batch.isUnderPressure
            sites[place].batch.requests += requests
            sites[place].add(site.counts)
        }
    }
}

extension RequestSamples.Site {
    fileprivate mutating func add(_ others: [RequestSamples.Count]) {
        for other in others {
            if let place = counts.firstIndex(where: { $0.rule == other.rule }) {
                counts[place].hits &+= other.hits
                counts[place].known &+= other.known
                counts[place].marked &+= other.marked
            } else if counts.count < RequestWatch.ruleLimit {
                counts.append(other)
            }
        }
    }
}
