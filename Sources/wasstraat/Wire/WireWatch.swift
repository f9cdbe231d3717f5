package import Addresses
package import Detection
internal import Fingerprints
package import Messages
internal import Mitigations
package import Moments
internal import Packets

/// Samples of the filter through detection, second by second. It belongs to one thread, and reads no clock.
package struct WireWatch: ~Copyable {
    private var dissection: Dissection
    private var frames = FrameReader()
    package private(set) var ordinary = OrdinarySamples()
    /// Networks that are watched; empty: all.
    private let targets: [Prefix]
    private let readsTunnels: Bool
    /// Samples that were taken in, and frames that are no packet or could not be read.
    package private(set) var samples: UInt64 = 0
    package private(set) var unread: UInt64 = 0
    /// Samples since the last second.
    private var heard = 0

    package init(profile: TrafficProfile, targets: [Prefix], readsTunnels: Bool = false) {
        var options = TrafficWatch.Options()
        options.targets = targets
        options.isLive = true
        options.isOneSided = true
        self.targets = targets
        self.readsTunnels = readsTunnels
        dissection = Dissection(profile: profile, requests: nil, options: options)
    }

    /// Takes samples in, each for as many frames as it stands for.
    package mutating func take(_ came: FilterSamples, at clock: SampleClock) {
        var packets: [PacketSummary] = []
        var ranges: [Range<Int>] = []
        let bytes = came.samples.flatMap(\.bytes)
        var start = 0
        for sample in came.samples {
            let range = start..<start + sample.bytes.count
            start = range.upperBound
            let time = Int64(clamping: clock.time(of: sample.clock))
            samples &+= 1
            do {
                let frame = sample.bytes.span.bytes
                guard
                    var packet = try frames.read(
                        frame, link: .ethernet, originalLength: Int(sample.length), time: time)
                else { continue }
                packet.weight = came.rate
                packets.append(packet)
                ranges.append(range)
                guard isWatched(packet.destination) else { continue }
                ordinary.take(sample, at: Moment(milliseconds: time / 1_000_000), readsTunnels: readsTunnels)
            } catch { unread &+= 1 }
        }
        heard += packets.count
        dissection.take(packets.span, from: ranges.span, in: bytes.span.bytes)
    }

    private func isWatched(_ address: Address) -> Bool {
        targets.isEmpty || targets.contains { $0.contains(address) }
    }

    /// Ends a second: what goes on now.
    package mutating func second(at now: Moment) -> TrafficSecond {
        dissection.tick(at: now.milliseconds &* 1_000_000)
        let attacks = dissection.attacks
        ordinary.believe(
            besides: attacks.compactMap { attack in
                guard case .prefix(let target) = attack.target else { return nil }
                return OrdinarySamples.Attacked(target, since: attack.start)
            }, at: now)
        defer { heard = 0 }
        return TrafficSecond(now: now, attacks: attacks, isHeard: heard > 0)
    }

    /// What rules hit of ordinary samples; to be asked once after each second.
    package mutating func measure(_ rules: [OrdinarySamples.Measured]) -> [FilterRequest.Observed] {
        ordinary.measure(rules)
    }
}

/// A second of one who looks at traffic.
package struct TrafficSecond: Sendable {
    package var now: Moment
    /// What goes on.
    package var attacks: [TrafficAttack]
    /// Something came in it.
    package var isHeard: Bool

    package init(now: Moment, attacks: [TrafficAttack], isHeard: Bool) {
        self.now = now
        self.attacks = attacks
        self.isHeard = isHeard
    }

    /// This one's attacks, and those of another who looks at the same networks that this one does not see. What both see is
    /// one attack.
    package func joined(with other: TrafficSecond?) -> TrafficSecond {
        guard let other else { return self }
        let seen = attacks.filter { $0.state != .suspected && $0.state != .ended }.map(\.target)
        var joined = self
        joined.isHeard = isHeard || other.isHeard
        joined.attacks += other.attacks.filter { attack in !seen.contains { $0.overlaps(attack.target) } }
        return joined
    }
}

extension TrafficTarget {
    fileprivate func overlaps(_ other: TrafficTarget) -> Bool {
        guard case .prefix(let one) = self, case .prefix(let two) = other else { return self == other }
        return one.overlaps(two)
    }
}
