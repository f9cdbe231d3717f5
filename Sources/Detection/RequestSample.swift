internal import Addresses
internal import Fingerprints
internal import Heads

/// A request that was kept out of many: what templates are mined from and measured on.
package struct RequestSample: Equatable, Sendable {
    /// Longest target that is kept; longer ones are cut.
    package static let targetLimit = 1_024

    var target: [UInt8] = []
    var isCut = false
    var method = ""
    /// The site's name, hashed; 0 where the log has none.
    var host: UInt64 = 0
    /// The agent and the source, hashed.
    var agent: UInt64 = 0
    var source: UInt64 = 0
    /// The network of the source; nil where the log keeps no addresses.
    var network: Address?
    /// Since 1970.
    var second: Int64 = 0
    var hasReferer = false

    /// Takes a request over the one that is here, whose memory it takes over too.
    mutating func set(_ request: RequestSummary, _ line: Span<UInt8>, host: UInt64) {
        target.removeAll(keepingCapacity: true)
        let range = request.target.range
        let end = min(range.lowerBound + Self.targetLimit, range.upperBound, line.count)
        var index = range.lowerBound
        while index < end {
            target.append(line[index])
            index += 1
        }
        isCut = range.count > Self.targetLimit
        method = line.text(request.methodName)
        self.host = host
        agent = request.agentHash
        source = Self.source(of: request)
        network = request.isPseudonym ? nil : request.source.network
        second = request.time / 1_000_000_000
        hasReferer = request.hasReferer
    }

    static func source(of request: RequestSummary) -> UInt64 {
        let subscriber = request.source.subscriber
        return RequestSummary.spread(subscriber.high ^ subscriber.low &* 0x9e37_79b9_7f4a_7c15)
    }

    func matches(_ template: RequestTemplate) -> Bool { template.matches(target.span, 0, target.count) }

    /// Whether a target is a part of a page that a browser fetches by itself.
    static func isAsset(_ bytes: Span<UInt8>, _ path: Slice) -> Bool {
        let end = min(path.range.upperBound, bytes.count)
        var dot = end
        while dot > Int(path.start), end - dot < 7 {
            dot -= 1
            if bytes[dot] == UInt8(ascii: ".") { break }
        }
        guard end - dot > 1, end - dot <= 6, bytes[dot] == UInt8(ascii: ".") else { return false }
        let name = Slice(dot + 1, end)
        return bytes.holds("css", in: name) || bytes.holds("js", in: name) || bytes.holds("png", in: name)
            || bytes.holds("jpg", in: name) || bytes.holds("jpeg", in: name) || bytes.holds("gif", in: name)
            || bytes.holds("ico", in: name) || bytes.holds("svg", in: name) || bytes.holds("woff", in: name)
            || bytes.holds("woff2", in: name) || bytes.holds("webp", in: name) || bytes.holds("avif", in: name)
            || bytes.holds("ttf", in: name)
    }

    var isAsset: Bool {
        let pathLength = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        return Self.isAsset(target.span, Slice(0, pathLength))
    }

    /// Whether programs ask for it that are no browsers, on every site, all the time: robots' rules, feeds, site maps.
    var isForPrograms: Bool {
        let text = target.map { $0 >= 65 && $0 <= 90 ? $0 | 32 : $0 }
        let marks = ["robots.txt", "sitemap", "rss", "atom", "feed", "/.well-known/", "favicon"]
        return marks.contains { mark in
            let mark = Array(mark.utf8)
            guard text.count >= mark.count else { return false }
            return (0...text.count - mark.count).contains { place in
                let end = place + mark.count
                // A word of its own: not "feedback", not "atomic".
                return text[place..<end].elementsEqual(mark)
                    && (place == 0 || !Self.isLetter(text[place - 1]) || !Self.isLetter(mark[0]))
                    && (end == text.count || !Self.isLetter(text[end]) || !Self.isLetter(mark[mark.count - 1]))
            }
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { byte | 32 >= 97 && byte | 32 <= 122 }
}

/// The same random numbers on every machine and in every run (SplitMix64): which requests are kept must not differ.
struct Draw: Equatable, Sendable {
    private var state: UInt64 = 0x5761_7373_7472_6161

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    /// 0..<bound; the bound is at least 1.
    mutating func below(_ bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }
}
