internal import Messages
internal import Moments

/// Samples of requests from the lane, and rules for it.
extension LaneDesk {
    /// A lane may speak of its own sites only.
    func hear(_ samples: RequestSamples, size: Int) {
        let names = Set(wanted.sites.map(\.name))
        var own = samples
        own.sites.removeAll { !names.contains($0.name) }
        office.requests.put(.samples(own, at: .now), size: size)
    }

    /// Tells the lane the rules of its sites. An office that has made none yet leaves the lane those that it has.
    func sendRequestRules() {
        guard let all = office.requestRules else { return }
        let names = Set(wanted.sites.map(\.name))
        var own = all
        own.sites.removeAll { !names.contains($0.name) }
        let frame = Frame(.requestRules, body: own.encoded())
        for peer in listening { office.send(frame, to: peer) }
    }
}
