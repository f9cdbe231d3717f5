internal import Addresses

/// Counts per target and class, second by second, in fixed memory: 32,768 cells in sets of eight. A target is a host, or
/// a block of two sizes, so that a flood over many hosts is seen where it is: in their block. A new key takes the place of
/// its set's lightest cell that is not under attack; what an attacker makes up pushes out what it made up before.
struct TargetCells: Sendable {
    /// How wide a target is: the host, the IPv4 /24 or IPv6 /64, the IPv4 /20 or IPv6 /48.
    enum Level: UInt8, CaseIterable, Sendable {
        case host, net, wide

        @inline(__always)
        func of(_ address: Address) -> Address {
            switch self {
            case .host: address
            case .net: address.isIPv4 ? address.masked(to: 24) : Address(high: address.high, low: 0)
            case .wide:
                address.isIPv4 ? address.masked(to: 20) : Address(high: address.high & ~0xffff, low: 0)
            }
        }

        func length(of address: Address) -> Int {
            switch self {
            case .host: address.isIPv4 ? 32 : 128
            case .net: address.isIPv4 ? 24 : 64
            case .wide: address.isIPv4 ? 20 : 48
            }
        }
    }

    /// Seconds that are kept apart: flow records come late, and tell of the seconds before.
    static let seconds = 16
    /// Seconds after which a second counts as told: from then on it is learnt, and judged no more.
    static let settling: Int32 = 8
    private static let ways = 8
    static let capacity = 1 << 15

    struct Cell: Sendable {
        var target = Address(high: 0, low: 0)
        var tag: UInt64 = 0
        /// The latest second that its counts are of.
        var second: Int32 = .min
        var level = Level.host
        var kind = TrafficClass.tcpSyn
        var isTaken = false
        /// It is on the list of those to be judged at the end of this second.
        var isHot = false
        /// The vector that takes in its packets; -1: none.
        var vector: Int16 = -1
        /// Packets in one second from which on it is judged.
        var trigger: Float = 0
        /// What is usual in a second, and how many seconds that was learnt from.
        var usual: Float = 0
        var usualBytes: Float = 0
        var learnt: Int32 = 0
        /// Seconds in a row that were above the usual, if not above the bound.
        var elevated: Int32 = 0
        /// Of the latest second: 64 bits each, for the number of different ones (linear counting).
        var sources: UInt64 = 0
        var hosts: UInt64 = 0
        var ports: UInt64 = 0
        /// Packets in its latest second that were truly seen, not multiplied by a sampling rate.
        var observed: Float = 0
        /// Since the cell was taken.
        var total: Double = 0
        var totalBytes: Double = 0
        var since: Int32 = 0
    }

    var cells: [Cell]
    /// `seconds` counts for each cell.
    var packets: [Float]
    var bytes: [Float]
    /// Cells to be judged at the end of the second.
    var hot: [Int32] = []
    /// What hosts got of each class in one second at most, by class number: what a profile is made of.
    var peaks = [TrafficProfile.Ordinary](repeating: TrafficProfile.Ordinary(), count: TrafficClass.count)
    private let key: UInt64
    private let mask: Int

    init(key: UInt64) {
        cells = Array(repeating: Cell(), count: Self.capacity)
        packets = Array(repeating: 0, count: Self.capacity * Self.seconds)
        bytes = packets
        hot.reserveCapacity(4_096)
        mask = Self.capacity / Self.ways - 1
        self.key = key
    }

    @inline(__always)
    private func hash(_ target: Address, _ level: Level, _ kind: TrafficClass) -> UInt64 {
        Mix.hash(target, UInt64(level.rawValue) << 8 | UInt64(kind.number) | 0x5ce1_1000_0000, key)
    }

    /// The cell of a target and class, if there is one.
    func find(_ target: Address, _ level: Level, _ kind: TrafficClass) -> Int? {
        let tag = hash(target, level, kind) | 1
        let first = Int(truncatingIfNeeded: tag >> 40) & mask
        let start = first * Self.ways
        return (start..<start + Self.ways).first { cells[$0].isTaken && cells[$0].tag == tag }
    }

    /// The cell of a target and class at this second: there, or new in the place of the lightest of its set.
    @inline(__always)
    mutating func place(
        _ target: Address, _ level: Level, _ kind: TrafficClass, at second: Int32, profile: borrowing TrafficProfile
    ) -> Int {
        let tag = hash(target, level, kind) | 1
        let start = (Int(truncatingIfNeeded: tag >> 40) & mask) &* Self.ways
        for index in start..<start &+ Self.ways where cells[index].tag == tag && cells[index].isTaken {
            if cells[index].second != second { advance(index, to: second, profile: profile) }
            return index
        }
        return take(start, tag, target, level, kind, at: second, profile: profile)
    }

    @inline(never)
    private mutating func take(
        _ start: Int, _ tag: UInt64, _ target: Address, _ level: Level, _ kind: TrafficClass, at second: Int32,
        profile: borrowing TrafficProfile
    ) -> Int {
        var victim = -1
        var least = Double.infinity
        for index in start..<start + Self.ways {
            guard cells[index].isTaken else {
                victim = index
                break
            }
            guard cells[index].vector < 0, !cells[index].isHot else { continue }
            // What was learnt is worth keeping for a while, but not for ever.
            let age = Double(second &- cells[index].second)
            let worth = (cells[index].total + Double(cells[index].learnt)) / (1 + max(0, age))
            if worth < least {
                least = worth
                victim = index
            }
        }
        // All eight are under attack: then one more goes uncounted in the last of them, which changes nothing for it.
        if victim < 0 { victim = start }
        var cell = Cell()
        cell.target = target
        cell.tag = tag
        cell.level = level
        cell.kind = kind
        cell.isTaken = true
        cell.second = second
        cell.since = second
        if let known = profile.known(target, level, kind) {
            cell.usual = known.usual
            cell.usualBytes = known.usualBytes
            cell.learnt = known.seconds
        }
        cell.trigger = profile.trigger(of: cell)
        cells[victim] = cell
        for index in victim * Self.seconds..<(victim + 1) * Self.seconds {
            packets[index] = 0
            bytes[index] = 0
        }
        return victim
    }

    /// Moves a cell on to a later second: what leaves the settling time is learnt, the seconds between are empty.
    mutating func advance(_ index: Int, to second: Int32, profile: borrowing TrafficProfile) {
        let from = cells[index].second
        guard second > from else { return }
        notePeak(index)
        let steps = min(second &- from, Int32(2 * Self.seconds))
        for step in 1...steps {
            let now = second &- steps &+ step
            // Learnt when it has had its time to be told of.
            let settled = now &- Self.settling
            if settled >= cells[index].since { learn(index, slot(index, settled), profile: profile) }
            let next = slot(index, now)
            packets[next] = 0
            bytes[next] = 0
        }
        // A long silence is learnt as such, without walking through it.
        let silent = second &- from &- steps
        if silent > 0, cells[index].vector < 0, cells[index].learnt > 0 {
            let weight = min(1, Float(silent) / Float(TrafficProfile.memory))
            cells[index].usual *= 1 - weight
            cells[index].usualBytes *= 1 - weight
            cells[index].elevated = 0
        }
        cells[index].second = second
        cells[index].observed = 0
        cells[index].sources = 0
        cells[index].hosts = 0
        cells[index].ports = 0
        cells[index].trigger = profile.trigger(of: cells[index])
    }

    /// Takes the cell's latest second into the peaks of its class.
    mutating func notePeak(_ index: Int) {
        guard cells[index].level == .host else { return }
        let count = packets[slot(index, cells[index].second)]
        let number = Int(cells[index].kind.number)
        if cells[index].sources.nonzeroBitCount >= TrafficProfile.manySources {
            peaks[number].peakFromMany = max(peaks[number].peakFromMany, count)
        } else {
            peaks[number].peakFromFew = max(peaks[number].peakFromFew, count)
        }
    }

    @inline(__always)
    func slot(_ index: Int, _ second: Int32) -> Int { index &* Self.seconds &+ Int(second & 15) }

    private mutating func learn(_ index: Int, _ slot: Int, profile: borrowing TrafficProfile) {
        guard cells[index].vector < 0 else { return }
        let count = packets[slot]
        let usual = cells[index].usual
        if cells[index].learnt >= Self.settling, count > 2.5 * usual + 3 * usual.squareRoot() + 30 {
            // It may be the beginning of an attack that grows slowly: it becomes usual only after it has lasted as long
            // as all that was known, or a quarter of an hour.
            cells[index].elevated &+= 1
            guard cells[index].elevated > min(900, cells[index].learnt) else { return }
        } else {
            cells[index].elevated = 0
            // What nobody would call ordinary is not learnt as such from the start either.
            let bound = profile.bound(of: cells[index], isSpread: true)
            guard count <= bound || cells[index].level != .host else { return }
        }
        let learnt = min(cells[index].learnt &+ 1, TrafficProfile.memory)
        cells[index].learnt = learnt
        cells[index].usual += (count - usual) / Float(learnt)
        cells[index].usualBytes += (bytes[slot] - cells[index].usualBytes) / Float(learnt)
    }

    /// Counts packets of a second, at most `settling` before the cell's present one; true where the cell is to be judged.
    @inline(__always)
    mutating func add(
        _ index: Int, packets count: Float, bytes size: Float, observed: Float, at second: Int32, sourceBit: UInt64,
        hostBit: UInt64, portBit: UInt64
    ) {
        let slot = slot(index, second)
        packets[slot] += count
        bytes[slot] += size
        cells[index].total += Double(count)
        cells[index].totalBytes += Double(size)
        cells[index].observed += observed
        cells[index].sources |= sourceBit
        cells[index].hosts |= hostBit
        cells[index].ports |= portBit
        if packets[slot] >= cells[index].trigger, !cells[index].isHot {
            cells[index].isHot = true
            hot.append(Int32(index))
        }
    }
}
