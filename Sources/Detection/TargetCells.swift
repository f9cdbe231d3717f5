internal import Addresses

/// Counts per target and class, second by second, in fixed memory: 32,768 cells for hosts, 16,384 for blocks of two
/// sizes, so that a flood over many hosts is seen where it is: in their block. Blocks are told at the end of a second what
/// their hosts got in it. A new key takes the place of its set's lightest cell that is not under attack; what an attacker
/// makes up pushes out what it made up before. A cell is found by a keyed hash of which 32 bits are kept.
struct TargetCells: ~Copyable, Sendable {
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

    /// Seconds that are kept apart: flow records come late, and tell of the seconds before. What is older counts as told:
    /// it is learnt, and judged no more.
    static let seconds = 8
    static let settling: Int32 = 8
    private static let ways = 8
    private static let hostSets = 1 << 12
    private static let blockSets = 1 << 11
    private static let sets = 1 << 13

    /// The numbers of a target and class; 128 bytes, two lines of the processor's cache.
    struct Cell: BitwiseCopyable, Sendable {
        /// Of the latest eight seconds, by the second's low three bits.
        var packets = InlineArray<8, Float>(repeating: 0)
        var bytes = InlineArray<8, Float>(repeating: 0)
        var target = Address(high: 0, low: 0)
        /// Packets since the cell was taken.
        var total: Double = 0
        /// Of the latest second: bits, for the number of different ones (linear counting); hosts of a block only.
        var sources: UInt64 = 0
        var hosts: UInt32 = 0
        /// Packets in its latest second that were truly seen, not multiplied by a sampling rate.
        var observed: Float = 0
        /// The latest second that its counts are of.
        var second: Int32 = .min
        /// Packets in one second from which on it is judged.
        var trigger: Float = 0
        /// What is usual in a second.
        var usual: Float = 0
        var usualBytes: Float = 0
        /// Seconds that the usual was learnt from.
        var learnt: Int16 = 0
        /// Seconds in a row that were above the usual, if not above the bound.
        var elevated: Int16 = 0
        /// The vector that takes in its packets; -1: none.
        var vector: Int8 = -1
        /// Seconds since it was taken, as far as they matter.
        var age: Int8 = 0
        var level = Level.host
        var kind = TrafficClass.tcpSyn

        @inline(__always)
        subscript(second: Int32) -> Float { packets[Int(second & 7)] }

        /// The first second of which it has a count.
        var since: Int32 { second &- Int32(min(age, Int8(TargetCells.settling) - 1)) }
    }

    private struct Told: BitwiseCopyable, Sendable {
        var packets = InlineArray<8, Float>(repeating: 0)
        var bytes = InlineArray<8, Float>(repeating: 0)
    }

    /// Tags of eight cells each; 0: free. The sets of hosts come first, then those of blocks.
    private var tags = Table(sets, of: Tags.self)
    /// Of those whose tag is 0 nothing is read.
    var cells = Table(sets * ways, of: Cell.self)
    /// What a host's blocks have been told of its seconds.
    private var told = Table(hostSets * ways, of: Told.self)
    /// Hosts that got something unasked in this second.
    private var fresh: [Int32] = []
    private var isFresh = Table(hostSets * ways, of: Bool.self)
    /// Cells to be judged at the end of the second, and whether a cell is among them, a bit each.
    var hot: [Int32] = []
    private var heat = Table(sets, of: UInt8.self)
    /// What hosts got of each class in one second at most, by class number: what a profile is made of.
    var peaks = [TrafficProfile.Ordinary](repeating: TrafficProfile.Ordinary(), count: TrafficClass.count)
    private let key: UInt64

    init(key: UInt64) {
        hot.reserveCapacity(4_096)
        fresh.reserveCapacity(4_096)
        self.key = key ^ 0x6b8b_4567_327b_23c6
    }

    /// The cells that are in use.
    var taken: [Int] {
        (0..<(Self.hostSets + Self.blockSets) * Self.ways).filter { index in
            let (set, way) = Self.place(of: index)
            return tags[set][way] != 0
        }
    }

    /// The cell of a set's way. Those of one way lie side by side: most sets have one or two in use, which so fill whole pages,
    /// and all of the processor's caches. With the eight ways of a set side by side they would use an eighth of both.
    @inline(__always)
    private static func cell(_ set: Int, _ way: Int) -> Int {
        set < hostSets ? hostCell(set, way) : hostSets &* ways &+ way &* blockSets &+ set &- hostSets
    }

    @inline(__always)
    private static func hostCell(_ set: Int, _ way: Int) -> Int { way &* hostSets &+ set }

    private static func place(of cell: Int) -> (set: Int, way: Int) {
        let block = cell - hostSets * ways
        return block < 0
            ? (cell % hostSets, cell / hostSets) : (hostSets + block % blockSets, block / blockSets)
    }

    /// Takes the list of those to be judged.
    mutating func cool() -> [Int] {
        let all = hot.map(Int.init)
        hot.removeAll(keepingCapacity: true)
        for index in all { heat[Self.place(of: index).set] = 0 }
        return all
    }

    @inline(__always)
    private func hash(_ target: Address, _ level: Level, _ kind: TrafficClass) -> UInt64 {
        Mix.hash(target, UInt64(level.rawValue) << 8 | UInt64(kind.number) | 0x5ce1_1000_0000, key)
    }

    @inline(__always)
    private func set(_ hash: UInt64, _ level: Level) -> Int {
        let low = Int(truncatingIfNeeded: hash & 0xffff)
        return level == .host ? low & (Self.hostSets &- 1) : Self.hostSets &+ low & (Self.blockSets &- 1)
    }

    /// The cell of a target and class, if there is one.
    @inline(__always)
    func find(_ target: Address, _ level: Level, _ kind: TrafficClass) -> Int? {
        let hash = hash(target, level, kind)
        let set = set(hash, level)
        let way = tags[set].place(of: UInt32(truncatingIfNeeded: hash >> 32) | 1)
        return way < Self.ways ? Self.cell(set, way) : nil
    }

    /// Where the cell of a host and class is looked for.
    struct Place: BitwiseCopyable {
        fileprivate var set = 0
        fileprivate var tag: UInt32 = 0
        /// Where it was when its memory was asked for; it may have had to go since.
        fileprivate var way: UInt32 = 0
    }

    /// The place of a host's cell; asks for the memory that tells whether it is there.
    @inline(__always)
    func expect(_ target: Address, _ kind: TrafficClass) -> Place {
        let hash = hash(target, .host, kind)
        let set = set(hash, .host)
        tags.prefetch(set)
        return Place(set: set, tag: UInt32(truncatingIfNeeded: hash >> 32) | 1)
    }

    /// Asks for the cell's memory.
    @inline(__always)
    func expect(_ place: inout Place) {
        let way = tags[place.set].place(of: place.tag) & (Self.ways &- 1)
        cells.prefetchBoth(Self.hostCell(place.set, way))
        place.way = UInt32(truncatingIfNeeded: way)
    }

    /// The cell of a target and class at this second: there, or new in the place of the lightest of its set.
    @inline(__always)
    mutating func place(
        _ target: Address, _ level: Level, _ kind: TrafficClass, at second: Int32, profile: borrowing TrafficProfile
    ) -> Int {
        let hash = hash(target, level, kind)
        return index(
            of: Place(set: set(hash, level), tag: UInt32(truncatingIfNeeded: hash >> 32) | 1), target, level, kind,
            at: second, profile: profile)
    }

    /// The cell at a place where it is as it was expected to be, and has come to this second: most are.
    @inline(__always)
    func present(_ place: Place, at second: Int32) -> Int? {
        let index = Self.hostCell(place.set, Int(place.way))
        return tags.tag(place.set, Int(place.way)) == place.tag && cells[index].second == second ? index : nil
    }

    /// The cell of a target and class at this second, of a place that is known.
    mutating func index(
        of place: Place, _ target: Address, _ level: Level, _ kind: TrafficClass, at second: Int32,
        profile: borrowing TrafficProfile
    ) -> Int {
        let way = tags[place.set].place(of: place.tag)
        guard way < Self.ways else {
            return take(place.set, place.tag, target, level, kind, at: second, profile: profile)
        }
        let index = Self.cell(place.set, way)
        if cells[index].second != second { advance(index, to: second, profile: profile) }
        return index
    }

    @inline(never)
    private mutating func take(
        _ set: Int, _ tag: UInt32, _ target: Address, _ level: Level, _ kind: TrafficClass, at second: Int32,
        profile: borrowing TrafficProfile
    ) -> Int {
        // All eight under attack: then one more goes uncounted in the first of them, which changes nothing for it.
        var victim = 0
        var least = Double.infinity
        for way in 0..<Self.ways {
            guard tags[set][way] != 0 else {
                victim = way
                break
            }
            let cell = cells[Self.cell(set, way)]
            guard cell.vector < 0, heat[set] & (1 << UInt8(way)) == 0 else { continue }
            // What was learnt is worth keeping for a while, but not for ever.
            let worth = (cell.total + Double(cell.learnt)) / (1 + max(0, Double(second &- cell.second)))
            if worth < least {
                least = worth
                victim = way
            }
        }
        var cell = Cell()
        cell.target = target
        cell.level = level
        cell.kind = kind
        cell.second = second
        if let known = profile.known(target, level, kind) {
            cell.usual = known.usual
            cell.usualBytes = known.usualBytes
            cell.learnt = Int16(clamping: known.seconds)
        }
        cell.trigger = profile.trigger(of: cell)
        let index = Self.cell(set, victim)
        if tags[set][victim] != 0 {
            guard cells[index].vector < 0 else { return index }
            tell(index, profile: profile)
        }
        tags[set][victim] = tag
        cells[index] = cell
        if level == .host {
            told[index] = Told()
            if !kind.isOrdinary { refresh(index) }
        }
        return index
    }

    /// Tells the blocks what their hosts got in the second that ends.
    mutating func tellBlocks(profile: borrowing TrafficProfile) {
        for index in fresh {
            isFresh[Int(index)] = false
            tell(Int(index), profile: profile)
        }
        fresh.removeAll(keepingCapacity: true)
    }

    /// Notes a host whose blocks are to be told, once.
    private mutating func refresh(_ index: Int) {
        guard !isFresh[index] else { return }
        isFresh[index] = true
        fresh.append(Int32(index))
    }

    /// Tells the blocks of a host what they do not know yet of its latest seconds.
    private mutating func tell(_ index: Int, profile: borrowing TrafficProfile) {
        let cell = cells[index]
        guard cell.level == .host, !cell.kind.isOrdinary else { return }
        for level in [Level.net, .wide] {
            let block = place(level.of(cell.target), level, cell.kind, at: cell.second, profile: profile)
            guard cells[block].second >= cell.second else { continue }
            for second in cell.since...cell.second {
                let place = Int(second & 7)
                let count = cell.packets[place] - told[index].packets[place]
                // A host's SYN are taken back where they were answered after all.
                if count != 0 {
                    add(block, packets: count, bytes: cell.bytes[place] - told[index].bytes[place], at: second)
                    cells[block].total += Double(count)
                }
            }
            if cells[block].second == cell.second { cells[block].observed += cell.observed }
            cells[block].sources |= cell.sources
            cells[block].hosts |= 1 << UInt32(truncatingIfNeeded: hash(cell.target, .host, cell.kind) >> 59)
        }
        told[index].packets = cell.packets
        told[index].bytes = cell.bytes
    }

    /// Moves a cell on to a later second: what leaves the settling time is learnt, the seconds between are empty.
    @inline(never)
    mutating func advance(_ index: Int, to second: Int32, profile: borrowing TrafficProfile) {
        let from = cells[index].second
        guard second > from else { return }
        notePeak(index)
        let isHost = cells[index].level == .host
        if isHost, !cells[index].kind.isOrdinary { refresh(index) }
        let steps = min(second &- from, 2 * Self.settling)
        for now in (second &- steps &+ 1)...second {
            // Learnt when it has had its time to be told of; its place is the new second's.
            let place = Int(now & 7)
            if cells[index].age >= Int8(Self.settling) - 1 { learn(index, place, profile: profile) }
            cells[index].age = min(100, cells[index].age + 1)
            cells[index].packets[place] = 0
            cells[index].bytes[place] = 0
            if isHost {
                told[index].packets[place] = 0
                told[index].bytes[place] = 0
            }
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
        cells[index].trigger = profile.trigger(of: cells[index])
    }

    /// Takes the cell's latest second into the peaks of its class.
    mutating func notePeak(_ index: Int) {
        let cell = cells[index]
        guard cell.level == .host else { return }
        let count = cell[cell.second]
        let number = Int(cell.kind.number)
        if cell.sources.nonzeroBitCount >= TrafficProfile.manySources {
            peaks[number].peakFromMany = max(peaks[number].peakFromMany, count)
        } else {
            peaks[number].peakFromFew = max(peaks[number].peakFromFew, count)
        }
    }

    private mutating func learn(_ index: Int, _ place: Int, profile: borrowing TrafficProfile) {
        guard cells[index].vector < 0 else { return }
        let count = cells[index].packets[place]
        let usual = cells[index].usual
        if Int32(cells[index].learnt) >= Self.settling, count > 2.5 * usual + 3 * usual.squareRoot() + 30 {
            // It may be the beginning of an attack that grows slowly: it becomes usual only after it has lasted as long
            // as all that was known, or a quarter of an hour.
            cells[index].elevated = min(cells[index].elevated, .max - 1) + 1
            guard cells[index].elevated > min(900, cells[index].learnt) else { return }
        } else {
            cells[index].elevated = 0
            // What nobody would call ordinary is not learnt as such from the start either.
            let bound = profile.bound(of: cells[index], isSpread: true)
            guard count <= bound || cells[index].level != .host else { return }
        }
        let learnt = min(cells[index].learnt + 1, Int16(TrafficProfile.memory))
        cells[index].learnt = learnt
        cells[index].usual += (count - usual) / Float(learnt)
        cells[index].usualBytes += (cells[index].bytes[place] - cells[index].usualBytes) / Float(learnt)
    }

    /// Counts packets of a second, at most `settling` before the cell's present one; where they are too many the cell is
    /// to be judged.
    @inline(__always)
    mutating func add(_ index: Int, packets count: Float, bytes size: Float, at second: Int32) {
        let place = Int(second & 7)
        cells[index].packets[place] += count
        cells[index].bytes[place] += size
        if cells[index].packets[place] >= cells[index].trigger { warm(index) }
    }

    /// Counts who sent the packets of the present second.
    @inline(__always)
    mutating func add(_ index: Int, observed: Float, total: Double, source: Address) {
        cells[index].observed += observed
        cells[index].total += total
        cells[index].sources |=
            1 << (Mix.fold(source.low ^ 0x9e37_79b9_7f4a_7c15, source.high ^ 0xe703_7ed1_a0b4_28db) >> 58)
    }

    @inline(never)
    private mutating func warm(_ index: Int) {
        let (set, way) = Self.place(of: index)
        let bit = UInt8(1) << UInt8(way)
        guard heat[set] & bit == 0 else { return }
        heat[set] |= bit
        hot.append(Int32(index))
    }
}
