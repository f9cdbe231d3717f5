package import Addresses
package import Packets

/// What is normal: for each class how much of it an ordinary host gets in a second, and for the targets that were learnt
/// what is usual there. The shipped one is made by `OrdinaryTraffic` and knows no target.
package struct TrafficProfile: Equatable, Sendable {
    /// What ordinary hosts get of a class.
    package struct Ordinary: Equatable, Sendable {
        /// The most packets in one second at one host, from few sources and from many (16 and more in that second).
        package var peakFromFew: Float
        package var peakFromMany: Float
        /// Packets a second at a host that gets any, on average over the whole time.
        package var mean: Float
        /// Share of all packets, 0...1.
        package var share: Float

        package init(peakFromFew: Float = 0, peakFromMany: Float = 0, mean: Float = 0, share: Float = 0) {
            self.peakFromFew = peakFromFew
            self.peakFromMany = peakFromMany
            self.mean = mean
            self.share = share
        }
    }

    /// A packet, and how many it stands for.
    package struct WeightedPacket: Equatable, Sendable, BitwiseCopyable {
        package var packet: PacketSummary
        package var weight: Float

        package init(packet: PacketSummary, weight: Float) {
            self.packet = packet
            self.weight = weight
        }
    }

    /// What is usual at one target.
    package struct Known: Equatable, Sendable {
        package var target: Prefix
        package var kind: TrafficClass
        /// Packets and bytes in a second.
        package var usual: Float
        package var usualBytes: Float
        /// Seconds learnt from; at most `memory`.
        package var seconds: Int32

        package init(target: Prefix, kind: TrafficClass, usual: Float, usualBytes: Float, seconds: Int32) {
            self.target = target
            self.kind = kind
            self.usual = usual
            self.usualBytes = usualBytes
            self.seconds = seconds
        }
    }

    package struct Key: Hashable, Sendable {
        var target: Prefix
        var kind: TrafficClass
    }

    /// Seconds after which older ones have faded.
    package static let memory: Int32 = 1_800
    /// Targets and classes kept in one profile.
    package static let knownLimit = 16_384
    package static let sampleLimit = 16_384
    /// Times the usual from which on a second is out of the usual; an attack is named at ten times at the latest.
    static let excess: Float = 5
    /// Times what ordinary hosts get at most that a host may get whom nobody knows yet.
    static let strange: Float = 2.5
    /// What a block may get of a class beside one host: its hosts are not busy all at once.
    static let netFactor: Float = 6
    static let wideFactor: Float = 20

    /// "shipped profile", or what the user called it.
    package var name: String
    /// By class number.
    package var ordinary: [Ordinary]
    package var known: [Key: Known]
    /// Seconds that it was learnt from.
    package var seconds: Double
    /// Some of its packets, as different as they were, and how many each stands for: what a fingerprint must not hit.
    package var samples: [WeightedPacket]

    package init(
        name: String, ordinary: [Ordinary], known: [Key: Known] = [:], seconds: Double = 0,
        samples: [WeightedPacket] = []
    ) {
        self.name = name
        self.ordinary = ordinary
        self.known = known
        self.seconds = seconds
        self.samples = samples
    }

    /// Fewer packets in a second than this are no flood of any kind; from fewer than `manySources` sources, a thousand:
    /// that much a scan, a walk through a device's tables or a call brings, too.
    static let leastBound: Float = 120
    static let leastBoundFromFew: Float = 1_000
    /// Of the 64 bits that sources are counted in, how many are set by 16 of them, as a rule.
    static let manySources = 12

    /// Packets in a second above which they are too many for this cell. Of a target that nobody knows that is what
    /// ordinary hosts get at most, with a margin; once its own usual is known, that decides.
    @inline(__always)
    func bound(of cell: borrowing TargetCells.Cell, isSpread: Bool) -> Float {
        let class_ = ordinary[Int(cell.kind.number)]
        if cell.kind.isOrdinary {
            // More of what is asked for is growth, where one knows from what.
            return cell.learnt >= 30 ? max(2_000, Self.excess * cell.usual) : .infinity
        }
        let isKnown = Int32(cell.learnt) >= TargetCells.settling
        let usual = isKnown ? Self.excess * cell.usual + 6 * cell.usual.squareRoot() : 0
        guard isSpread else {
            return max(Self.leastBoundFromFew, Self.strange * class_.peakFromFew, usual)
        }
        if isKnown { return max(Self.leastBound, usual) }
        let floor = max(Self.leastBound, Self.strange * class_.peakFromMany)
        switch cell.level {
        case .host: return floor
        case .net: return floor * Self.netFactor
        case .wide: return floor * Self.wideFactor
        }
    }

    /// From how many packets on a cell is looked at: the lower of its bounds.
    @inline(__always)
    func trigger(of cell: borrowing TargetCells.Cell) -> Float { bound(of: cell, isSpread: true) }

    func known(_ target: Address, _ level: TargetCells.Level, _ kind: TrafficClass) -> Known? {
        guard !known.isEmpty else { return nil }
        return known[Key(target: Prefix(target, length: level.length(of: target)), kind: kind)]
    }

    /// Takes in another profile: of targets that both know, each counts by the seconds that it saw; of ordinary hosts the
    /// higher peak, and the mean by the seconds.
    package mutating func merge(_ other: TrafficProfile) {
        let all = max(seconds + other.seconds, 1)
        for index in ordinary.indices {
            let theirs = other.ordinary[index]
            ordinary[index].peakFromFew = max(ordinary[index].peakFromFew, theirs.peakFromFew)
            ordinary[index].peakFromMany = max(ordinary[index].peakFromMany, theirs.peakFromMany)
            let weight = Float(other.seconds / all)
            ordinary[index].mean += (theirs.mean - ordinary[index].mean) * weight
            ordinary[index].share += (theirs.share - ordinary[index].share) * weight
        }
        for (key, theirs) in other.known {
            guard let ours = known[key] else {
                if known.count < Self.knownLimit { known[key] = theirs }
                continue
            }
            let weight = Float(theirs.seconds) / Float(max(1, ours.seconds &+ theirs.seconds))
            known[key]?.usual += (theirs.usual - ours.usual) * weight
            known[key]?.usualBytes += (theirs.usualBytes - ours.usualBytes) * weight
            known[key]?.seconds = min(Self.memory, ours.seconds &+ theirs.seconds)
        }
        seconds += other.seconds
        samples = Array((samples + other.samples).prefix(Self.sampleLimit))
    }
}
