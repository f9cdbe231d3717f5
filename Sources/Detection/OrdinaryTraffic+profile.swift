internal import Packets

/// The shipped profile, made of made traffic.
extension OrdinaryTraffic {
    /// Packets of each scenario that the profile is learnt from; a minute of the busy ones, hours of the quiet ones.
    private static let length = 400_000
    private static let longest: Int64 = 3_600_000_000_000

    /// Learns the profile: every scenario, seen from both sides and from outside only. Takes a few seconds; what is shipped
    /// was made by this with seed 1, and a test makes it again.
    package static func profile(seed: UInt64) -> TrafficProfile {
        var whole = TrafficProfile(
            name: "shipped profile", ordinary: Array(repeating: .init(), count: TrafficClass.count))
        var options = TrafficWatch.Options()
        options.isLearning = true
        var appearances = [Float](repeating: 0, count: TrafficClass.count)
        for (_, scenario) in Scenario.all {
            for view in [View.both, .inbound] {
                var traffic = OrdinaryTraffic(seed: seed, scenario: scenario.viewed(view), start: 0)
                var watch = TrafficWatch(profile: whole, key: seed, options: options)
                for _ in 0..<length {
                    let packet = traffic.next()
                    guard packet.time < longest else { break }
                    watch.observe(packet, in: RawSpan())
                }
                let learnt = watch.learnt(as: "")
                for number in whole.ordinary.indices {
                    let theirs = learnt.ordinary[number]
                    let most = whole.ordinary[number]
                    whole.ordinary[number].peakFromFew = max(most.peakFromFew, theirs.peakFromFew)
                    whole.ordinary[number].peakFromMany = max(most.peakFromMany, theirs.peakFromMany)
                    // From outside only every answer looks unasked: what is unasked is told by both sides.
                    guard view == .both, theirs.share > 0 else { continue }
                    appearances[number] += 1
                    whole.ordinary[number].mean += (theirs.mean - most.mean) / appearances[number]
                    whole.ordinary[number].share += (theirs.share - most.share) / appearances[number]
                }
            }
        }
        return whole
    }

    /// Packets of all scenarios, as different as they come: what the fingerprint of an attack on an unknown target must
    /// not hit.
    package static let samples: [TrafficProfile.WeightedPacket] = {
        var sample = DiverseSample()
        for (_, scenario) in Scenario.all {
            var traffic = OrdinaryTraffic(seed: 1, scenario: scenario, start: 0)
            for _ in 0..<2_000 { sample.add(traffic.next(), .tcpSyn) }
        }
        return sample.packets
    }()
}

extension TrafficProfile {
    /// What fingerprints are measured against: its own packets, or those of made ordinary traffic.
    var spared: [WeightedPacket] { samples.isEmpty ? OrdinaryTraffic.samples : samples }
}
