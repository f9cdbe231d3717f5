internal import Detection
internal import Fingerprints
package import Messages
internal import Sketches

/// What is asked for most over the last seconds, out of what the lanes say every second. Bounded: of each second the
/// busiest sites alone are kept, with the heaviest entries of each.
package struct BusiestLedger: Sendable {
    /// Seconds that are added up.
    package static let window = 10

    private var seconds: [[String: Traffic]] = []
    private var present: [String: Traffic] = [:]

    package init() {}

    /// What one lane counted in a second.
    package mutating func hear(_ traffic: LaneTraffic) {
        for site in traffic.sites where !site.traffic.shapes.isEmpty || !site.traffic.networks.isEmpty {
            present[site.name, default: Traffic()].merge(site.traffic)
        }
    }

    /// A second is over.
    package mutating func next() -> BusiestTraffic {
        seconds.append(Self.busiest(present))
        present = [:]
        seconds.removeFirst(max(0, seconds.count - Self.window))
        var all: [String: Traffic] = [:]
        for second in seconds { all.merge(second) { $0.merged(with: $1) } }
        let sites = Self.busiest(all).sorted { Self.requests($0.value) > Self.requests($1.value) }
        return BusiestTraffic(
            seconds: UInt32(seconds.count),
            sites: sites.map { name, traffic in
                BusiestTraffic.Site(
                    name: name, sources: UInt64(max(0, traffic.sources.count)),
                    routes: Self.lines(traffic.shapes) { "\($0.method) \($0.route)" },
                    networks: Self.lines(traffic.networks) { $0 },
                    programs: Self.lines(traffic.shapes, Self.program))
            })
    }

    /// How a program shows on its connections; nil where it does not.
    private static func program(_ shape: RequestShape) -> String? {
        let words = [shape.ja4, shape.http2.isEmpty ? "" : "h2 \(shape.http2)"].filter { !$0.isEmpty }
        return words.isEmpty ? nil : words.joined(separator: " ")
    }

    private static func busiest(_ sites: [String: Traffic]) -> [String: Traffic] {
        guard sites.count > BusiestTraffic.siteLimit else { return sites }
        let kept = sites.sorted { requests($0.value) > requests($1.value) }.prefix(BusiestTraffic.siteLimit)
        return Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }

    private static func requests(_ traffic: Traffic) -> UInt64 { traffic.networks.values.reduce(0, &+) }

    /// The heaviest first. Shapes that differ in the program alone are one route, and those of one program one program.
    private static func lines<Key>(_ counts: [Key: UInt64], _ text: (Key) -> String?) -> [BusiestTraffic.Line] {
        var texts: [String: UInt64] = [:]
        for (key, count) in counts { if let text = text(key) { texts[text, default: 0] &+= count } }
        let sorted = texts.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }
        return sorted.prefix(BusiestTraffic.lineLimit).map { BusiestTraffic.Line($0.key, requests: $0.value) }
    }
}

extension Traffic {
    fileprivate func merged(with other: Traffic) -> Traffic {
        var all = self
        all.merge(other)
        return all
    }
}
