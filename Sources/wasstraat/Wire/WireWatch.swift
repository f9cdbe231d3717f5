package import Addresses
package import Detection
internal import Filters
internal import Fingerprints
package import Messages
internal import Mitigations
package import Moments
internal import Packets

/// Samples of the filter through detection, second by second. It belongs to one thread, and reads no clock.
package struct WireWatch: ~Copyable {
    private var dissection: Dissection
    private var reader = FrameReader()
    package private(set) var ordinary = OrdinarySamples()
    /// Networks that are watched; empty: all.
    private let targets: [Prefix]
    private let readsTunnels: Bool
    /// Samples that were taken in, and frames that are no packet or could not be read.
    package private(set) var samples: UInt64 = 0
    package private(set) var unread: UInt64 = 0
    /// What came since the last second, so that the sketch can say how much it stands for; where each one's bytes lie.
    private var packets: [PacketSummary] = []
    private var frames: [Range<Int>] = []
    private var bytes: [UInt8] = []
    /// A part of the second's was taken in already: what was counted in all of it says nothing of the rest.
    private var isPart = false
    /// Something came since then.
    private var isHeard = false

    /// Samples that wait for the end of the second, 4 MiB of them; more are taken in before it, by the rate alone.
    static let waitingLimit = 32_768

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
        for sample in came.samples {
            let time = Int64(clamping: clock.time(of: sample.clock))
            samples &+= 1
            do {
                guard
                    var packet = try reader.read(
                        sample.bytes.span.bytes, link: .ethernet, originalLength: Int(sample.length), time: time)
                else { continue }
                packet.weight = came.rate
                packets.append(packet)
                frames.append(bytes.count..<bytes.count + sample.bytes.count)
                bytes += sample.bytes
                guard isWatched(packet.destination) else { continue }
                ordinary.take(sample, at: Moment(milliseconds: time / 1_000_000), readsTunnels: readsTunnels)
            } catch { unread &+= 1 }
        }
        guard packets.count >= Self.waitingLimit else { return }
        pass()
        isPart = true
    }

    /// Gives detection what waits.
    private mutating func pass() {
        let (packets, frames, bytes) = (packets, frames, bytes)
        (self.packets, self.frames, self.bytes) = ([], [], [])
        isHeard = isHeard || !packets.isEmpty
        dissection.take(packets.span, from: frames.span, in: bytes.span.bytes)
    }

    /// Destinations and sources of what waits, those with the most samples first: what the sketch is to be asked for.
    package func busiest(_ count: Int) -> (targets: [Address], sources: [Address]) {
        var targets: [Address: Int] = [:]
        var networks: [Prefix: Int] = [:]
        for packet in packets where isWatched(packet.destination) {
            targets[packet.destination, default: 0] += 1
            networks[FilterMaps.Sketch.network(of: packet.source), default: 0] += 1
        }
        func first<Key>(_ counts: [Key: Int], _ address: (Key) -> Address) -> [Address] {
            counts.map { (address($0.key), $0.value) }
                .sorted { ($1.1, $0.0.high, $0.0.low) < ($0.1, $1.0.high, $1.0.low) }
                .prefix(count).map(\.0)
        }
        return (first(targets) { $0 }, first(networks) { $0.address })
    }

    /// Lets the samples of a destination stand for what came to it, and those of a network that sent much for what came
    /// from it: by chance a rate alone is off by a tenth where there are a hundred samples, and by more where some were lost.
    ///
    /// - Parameters:
    ///   - counts: packets to destinations.
    ///   - networks: packets from networks of sources, by their first address.
    package mutating func weigh(_ counts: [Address: UInt32], from networks: [Address: UInt32] = [:]) {
        guard !isPart else { return }
        var places: [Address: [Int]] = [:]
        for place in packets.indices where counts[packets[place].destination] != nil {
            places[packets[place].destination, default: []].append(place)
        }
        let rates = rates(from: networks)
        for (destination, members) in places {
            let count = counts[destination] ?? 0
            // Fewer than were seen: it was read too early, or begun anew.
            guard count >= UInt32(clamping: members.count) else { continue }
            let shares = Self.shares(
                of: members.map { rates[FilterMaps.Sketch.network(of: packets[$0].source)] }, in: count)
            var sum = 0.0
            for (place, share) in zip(members, shares) {
                // Whole numbers whose sum is the count.
                packets[place].weight = UInt32((sum + share).rounded()) - UInt32(sum.rounded())
                sum += share
            }
        }
    }

    /// Samples from which on a network's own count is taken: it would have been seen whatever chance had drawn. What is seen
    /// once stands for the many like it that were not.
    private static let leastOfNetwork = 16

    /// Packets for each sample of a network.
    private func rates(from networks: [Address: UInt32]) -> [Prefix: Double] {
        var samples: [Prefix: Int] = [:]
        for packet in packets { samples[FilterMaps.Sketch.network(of: packet.source), default: 0] += 1 }
        // Of sources from everywhere some meet in every column: what a network is counted then is in part others'.
        let sum = packets.reduce(0) { $0 + Double($1.weight) }
        let others = samples.count < FilterMaps.Sketch.columns ? 0 : sum / Double(FilterMaps.Sketch.columns)
        return samples.reduce(into: [:]) { rates, found in
            guard found.value >= Self.leastOfNetwork, let count = networks[found.key.address] else { return }
            let own = Double(count) - others
            if own >= Double(found.value) { rates[found.key] = own / Double(found.value) }
        }
    }

    /// What each of some samples stands for, at least 1 and `count` in all: what is known of its network, or an equal part of
    /// what that leaves.
    private static func shares(of known: [Double?], in count: UInt32) -> [Double] {
        let sum = known.reduce(0) { $0 + ($1 ?? 0) }
        let others = Double(known.count { $0 == nil })
        let shares =
            others > 0
            ? known.map { $0 ?? (Double(count) - sum) / others } : known.map { ($0 ?? 0) * Double(count) / sum }
        // Networks that sent to other destinations too may leave nothing for these.
        return shares.allSatisfy { $0 >= 1 } ? shares : known.map { _ in Double(count) / Double(known.count) }
    }

    private func isWatched(_ address: Address) -> Bool {
        targets.isEmpty || targets.contains { $0.contains(address) }
    }

    /// Ends a second: what goes on now.
    package mutating func second(at now: Moment) -> TrafficSecond {
        pass()
        dissection.tick(at: now.milliseconds &* 1_000_000)
        let attacks = dissection.attacks
        ordinary.believe(
            besides: attacks.compactMap { attack in
                guard case .prefix(let target) = attack.target else { return nil }
                return OrdinarySamples.Attacked(target, since: attack.start)
            }, at: now)
        defer { (isHeard, isPart) = (false, false) }
        return TrafficSecond(now: now, attacks: attacks, isHeard: isHeard)
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
