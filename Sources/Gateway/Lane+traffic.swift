internal import Detection
internal import Messages

extension LaneTraffic {
    /// Entries of each kind in one report, over all its sites: some ten megabytes at the very worst.
    private static let entryLimit = 65_536
    /// Sites in one report; the message takes no more.
    private static let siteLimit = 4_096

    /// What all workers counted since the last report.
    init(_ tallies: [LaneShared.NamedTally]) {
        self.init()
        var merged: [String: Traffic] = [:]
        for tally in tallies { merged[tally.site, default: Traffic()].merge(tally.tally.traffic) }
        let limit = max(8, min(Traffic.limit, Self.entryLimit / max(1, merged.count)))
        sites = merged.sorted { $0.key < $1.key }.prefix(Self.siteLimit).map { name, traffic in
            var traffic = traffic
            traffic.networks = Self.heaviest(traffic.networks, limit)
            traffic.shapes = Self.heaviest(traffic.shapes, limit)
            return Site(name: name, traffic: traffic)
        }
    }

    private static func heaviest<Key>(_ counts: [Key: UInt64], _ limit: Int) -> [Key: UInt64] {
        guard counts.count > limit else { return counts }
        return Dictionary(uniqueKeysWithValues: counts.sorted { $0.value > $1.value }.prefix(limit).map { ($0, $1) })
    }
}

/// What is handed over of it.
extension Lane {
    func sendSamples() {
        guard let shared else { return }
        let samples = shared.takeSamples()
        guard isConnected, !samples.sites.isEmpty else { return }
        send(Frame(.requestSamples, body: samples.encoded()))
    }

    func sendTraffic() {
        guard let shared else { return }
        let tallies = shared.takeTallies()
        // What nobody hears of is gone: the office asks how it is, not how it was.
        guard isConnected else { return }
        send(Frame(.traffic, body: LaneTraffic(tallies).encoded()))
    }
}
