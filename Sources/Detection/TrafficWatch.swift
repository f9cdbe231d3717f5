package import Addresses
internal import Fingerprints
internal import Moments
package import Packets
internal import Sketches

/// Finds attacks in a stream of packets and flow records by itself, in fixed memory: what comes unasked and exceeds what
/// is usual at its target (``TargetCells``), against what ordinary hosts get where a target is new (``TrafficProfile``).
/// Conversations in which both sides speak are no attack, however many: their growth is named as such.
///
/// Time is that of the packets. The three impossibles. Our bug: none that input could bring about. Their fault: a packet
/// whose time is more than an hour ahead or a minute back (a flow's: ten minutes) counts in the present second; eight in
/// a row that agree start the clock anew. Fine: late packets count in the present second; flow records are spread over the
/// seconds that they tell of, as far as those are not settled yet, the rest in the oldest that is not.
package struct TrafficWatch: ~Copyable, Sendable {
    package struct Options: Sendable {
        /// Learn only: name nothing an attack.
        package var isLearning = false
        /// The operator says that there is an attack: what stands out is reported however small.
        package var isAttackKnown = false
        /// Seconds without excess after which an attack is over.
        package var pause: Int32 = 120
        /// No time lies after its receipt: nothing but ``tick(at:)`` puts the clock back, and none is too far ahead.
        package var isLive = false
        /// Samples of what comes in alone: nobody sees what goes out. What cannot be told from an ordinary connection
        /// without its other side (``TrafficClass/ofOneSide(_:in:)``) is no flood.
        package var isOneSided = false
        /// Names of targets that alone are watched; empty: all.
        package var targets: [Prefix] = []

        package init() {}
    }

    /// Attacks and vectors that are followed at once. What exceeds that is counted in `overlooked`.
    static let vectorLimit = 24
    /// Seconds; what is longer is no silence, but another recording, or a clock that is wrong.
    private static let longestStep: Int64 = 3_600
    /// Packets and records that are looked at together.
    static let chunk = 32
    /// Strays in a row that are a clock.
    private static let straysBelieved = 8

    package let options: Options
    package let profile: TrafficProfile
    var conversations: Conversations
    var cells: TargetCells
    var lookback = Lookback()
    var ordinary = DiverseSample()
    /// One in eight flow records of ordinary classes, as the packets that they were made of on average.
    var ordinaryFlows = DiverseSample()
    /// Such records so far.
    var flowRecords: UInt64 = 0
    /// A fair sample of everything, kept only where the operator says that there is an attack.
    var standing = FairSample()
    var vectors: [OpenVector] = []
    /// How many of them are over blocks.
    var blockVectors = 0
    var closed: [TrafficAttack] = []
    var growth: [BenignGrowth] = []
    /// Names asked for in DNS packets that came unasked, by their hash.
    var names: [UInt64: String] = [:]
    package private(set) var overlooked: UInt64 = 0
    package internal(set) var packets: UInt64 = 0
    package internal(set) var bytes: UInt64 = 0
    var watched = WatchedTime()
    let key: UInt64
    var now: Int32 = 0
    /// Seconds since 1970 of second 0.
    var epoch: Int64 = 0
    private var hasBegun = false
    /// Packets in a row whose time was far from the present, and the second of the latest.
    private var strays = 0
    private var stray: Int64 = 0
    private var isNewRecording = false
    /// Packets of each class, by its number.
    var totals = Table(256, of: Double.self)
    var classTotals: [Double] { (0..<TrafficClass.count).map { totals[$0] } }

    /// A vector that is followed, with the cell that it was found in.
    struct OpenVector: Sendable {
        var cell: Int
        var collector: VectorCollector
        var isConfirmed: Bool
        var detected: Int64
        var began: Int32
        var lastExcess: Int32
        var isGrowth: Bool
    }

    /// - Parameter key: drawn at random by the caller, so that nobody can aim at one place of a table.
    package init(profile: TrafficProfile, key: UInt64, options: Options = Options()) {
        self.profile = profile
        self.options = options
        self.key = key
        conversations = Conversations(key: key)
        cells = TargetCells(key: key)
    }

    // ---- What comes in.

    /// Takes in packets, read from these parts of the bytes: names are taken from there.
    ///
    /// Tables are large, and what is asked of them is scattered: what a few packets will need is asked for before the first
    /// of them is counted, so that the waits go together.
    package mutating func observe(_ packets: Span<PacketSummary>, from frames: Span<Range<Int>>, in bytes: RawSpan) {
        var places = InlineArray<32, Conversations.Place>(repeating: Conversations.Place())
        var exchanges = InlineArray<32, Conversations.Exchange>(repeating: Conversations.Exchange())
        var kinds = InlineArray<32, TrafficClass>(repeating: .tcpSyn)
        var hosts = InlineArray<32, TargetCells.Place>(repeating: TargetCells.Place())
        var marks = InlineArray<32, UInt64>(repeating: 0)
        var start = 0
        while start < packets.count {
            let count = min(Self.chunk, packets.count &- start)
            for offset in 0..<count {
                places[offset] = place(of: packets[start &+ offset])
                conversations.expect(places[offset])
            }
            for offset in 0..<count {
                let packet = packets[start &+ offset]
                exchanges[offset] = exchange(packet, places[offset])
                kinds[offset] = kind(of: packet, exchanges[offset])
                hosts[offset] = cells.expect(packet.destination, kinds[offset])
                marks[offset] = ordinary.expect(packet)
            }
            for offset in 0..<count { cells.expect(&hosts[offset]) }
            for offset in 0..<count {
                tally(
                    packets[start &+ offset], kinds[offset], exchanges[offset], hosts[offset], marks[offset],
                    in: bytes.extracting(frames[start &+ offset]))
            }
            start &+= count
        }
    }

    /// Takes in one packet.
    package mutating func observe(_ packet: borrowing PacketSummary, in frame: RawSpan) {
        let exchange = exchange(packet, place(of: packet))
        let kind = kind(of: packet, exchange)
        tally(packet, kind, exchange, cells.expect(packet.destination, kind), ordinary.expect(packet), in: frame)
    }

    @inline(__always)
    private func kind(of packet: borrowing PacketSummary, _ exchange: Conversations.Exchange) -> TrafficClass {
        options.isOneSided ? TrafficClass.ofOneSide(packet, in: exchange) : TrafficClass.of(packet, in: exchange)
    }

    @inline(__always)
    private func place(of packet: borrowing PacketSummary) -> Conversations.Place {
        conversations.place(
            from: packet.source, packet.sourcePort, to: packet.destination, packet.destinationPort,
            protocolNumber: packet.protocolNumber)
    }

    @inline(__always)
    private mutating func exchange(
        _ packet: borrowing PacketSummary, _ place: Conversations.Place
    ) -> Conversations.Exchange {
        conversations.take(
            place, isHigher: packet.sourcePort >= packet.destinationPort,
            isOpening: packet.flags & (TCPFlag.syn | TCPFlag.ack | TCPFlag.rst) == TCPFlag.syn,
            isAcknowledging: packet.flags & (TCPFlag.syn | TCPFlag.ack | TCPFlag.rst) == TCPFlag.ack,
            at: plausible(packet.time / 1_000_000_000))
    }

    /// The second, or the present one where it is hours away.
    @inline(__always)
    func plausible(_ second: Int64) -> Int64 {
        let present = epoch &+ Int64(now)
        return hasBegun && !(-Self.longestStep...Self.longestStep).contains(second &- present) ? present : second
    }

    /// Counts a packet of a class.
    @inline(__always)
    private mutating func tally(
        _ packet: borrowing PacketSummary, _ kind: TrafficClass, _ exchange: Conversations.Exchange,
        _ place: TargetCells.Place, _ mark: UInt64, in frame: RawSpan
    ) {
        let second = clock(packet.time, packet.time / 1_000_000_000)
        if strays > 0 {
            // Its time is wrong: it counts as of now.
            var present = copy packet
            present.time = watched.until
            count(present, kind, exchange, place, mark, in: frame, at: second)
        } else {
            count(packet, kind, exchange, place, mark, in: frame, at: second)
        }
    }

    @inline(__always)
    private mutating func count(
        _ packet: borrowing PacketSummary, _ kind: TrafficClass, _ exchange: Conversations.Exchange,
        _ place: TargetCells.Place, _ mark: UInt64, in frame: RawSpan, at second: Int32
    ) {
        packets &+= UInt64(packet.weight)
        bytes &+= UInt64(packet.weight) &* UInt64(packet.length)
        let count = Float(packet.weight)
        let size = count * Float(packet.length)
        totals[Int(kind.number)] += Double(count)
        let host = cell(of: packet.destination, kind, place, at: second)
        cells.add(host, packets: count, bytes: size, at: second)
        cells.add(host, observed: 1, total: Double(count), source: packet.source)
        if options.isAttackKnown { standing.add(packet, kind) }
        if exchange.isCompleting { complete(packet, at: second, count) }
        let vector = cells.cells[host].vector
        if vector >= 0 { vectors[Int(vector)].collector.add(copy packet) }
        if kind.isOrdinary { return ordinary.add(packet, kind, mark) }
        if lookback.hasRoom() { lookback.add(packet, kind) }
        if packet.dnsNameOffset > 0, packet.service == .dns { note(packet, in: frame) }
        if vector >= 0 { return }
        // The first few of a second may be anybody's; an attack's are taken out again when it is found.
        if cells.cells[host][second] < 30 || isFirstSampled(host) { ordinary.add(packet, kind, mark) }
        if let index = blockVector(of: packet.destination, kind) { vectors[index].collector.add(copy packet) }
    }

    /// The cell of a host and class at this second.
    @inline(__always)
    mutating func cell(
        of host: Address, _ kind: TrafficClass, _ place: TargetCells.Place, at second: Int32
    ) -> Int {
        if let index = cells.present(place, at: second) { return index }
        return newCell(of: host, kind, place, at: second)
    }

    @inline(never)
    private mutating func newCell(
        of host: Address, _ kind: TrafficClass, _ place: TargetCells.Place, at second: Int32
    ) -> Int {
        cells.index(of: place, host, .host, kind, at: second, profile: profile)
    }

    /// Each sampled packet stands for more than the first few; without them no visitor's SYN would be among what is ordinary.
    @inline(__always)
    private func isFirstSampled(_ host: Int) -> Bool { options.isOneSided && cells.cells[host].observed <= 3 }

    /// The vector over a block that takes in what comes for one of its hosts.
    @inline(__always)
    func blockVector(of target: Address, _ kind: TrafficClass) -> Int? {
        guard blockVectors > 0 else { return nil }
        for level in [TargetCells.Level.net, .wide] {
            guard let index = cells.find(level.of(target), level, kind), cells.cells[index].vector >= 0 else {
                continue
            }
            return Int(cells.cells[index].vector)
        }
        return nil
    }

    /// A connection that was opened is used: its SYN was no flood's.
    private mutating func complete(_ packet: borrowing PacketSummary, at second: Int32, _ count: Float) {
        guard let index = cells.find(packet.destination, .host, .tcpSyn) else { return }
        if cells.cells[index].second != second { cells.advance(index, to: second, profile: profile) }
        let place = Int(second & 7)
        // In the second of the SYN, as a rule; what it cannot bear is left.
        cells.cells[index].packets[place] = max(0, cells.cells[index].packets[place] - count)
        cells.cells[index].total -= Double(count)
        let vector = cells.cells[index].vector
        if vector >= 0 {
            vectors[Int(vector)].collector.completed += Double(count)
        } else if let vector = blockVector(of: packet.destination, .tcpSyn) {
            vectors[vector].collector.completed += Double(count)
        }
    }

    // ---- Time.

    /// The second of a time; a new one ends the one before.
    /// - Parameter late: seconds that it may lie back without being a jump.
    @inline(__always)
    private mutating func clock(_ time: Int64, _ second: Int64, late: Int64 = 60) -> Int32 {
        keeps(time, second, late: late) ? now : turn(to: time, late: late, isSure: false)
    }

    /// Notes a time that leaves the clock as it is; false where it may move it.
    @inline(__always)
    mutating func keeps(_ time: Int64, _ second: Int64, late: Int64) -> Bool {
        let ahead = second &- epoch &- Int64(now)
        if ahead == 0 {
            watched.reach(time)
        } else if ahead < 0, ahead >= 0 &- late, hasBegun, !isNewRecording {
            // As most flows are, which are told of when they are over.
            watched.reachBack(time)
        } else {
            return false
        }
        strays = 0
        return true
    }

    @inline(never)
    mutating func turn(to time: Int64, late: Int64, isSure: Bool) -> Int32 {
        guard hasBegun else {
            hasBegun = true
            isNewRecording = false
            epoch = time / 1_000_000_000 &- 1_000
            now = 1_000
            watched.jump(to: time)
            return now
        }
        let ahead = time / 1_000_000_000 &- epoch &- Int64(now)
        // Files that follow one another overlap a little, as far as packets and records are late.
        let isBefore = isSure && ahead < -late || isNewRecording && ahead < -late / 5
        isNewRecording = false
        // A little back is late, and counts now.
        if ahead <= 0, ahead >= -late, !isBefore {
            watched.reachBack(time)
            strays = 0
            return now
        }
        let isJump = ahead < 0 || ahead > Self.longestStep
        // Further ahead or back than a clock runs: a stray packet, which counts now; but several in a row that agree say
        // that it is so.
        if isJump, !isBefore, !isSure, !options.isLive || ahead < 0 {
            let isSame = strays > 0 && (-60...60).contains(time / 1_000_000_000 &- stray)
            strays = isSame ? strays &+ 1 : 1
            stray = time / 1_000_000_000
            guard strays >= Self.straysBelieved, !options.isLive else { return now }
        }
        strays = 0
        settle()
        // Another file, or a clock that was put right, goes on from here: attacks are over.
        now &+= isJump ? options.pause &+ 1 : Int32(ahead)
        epoch = time / 1_000_000_000 &- Int64(now)
        if isJump { watched.jump(to: time) } else { watched.reach(time) }
        // Attacks end by the pause, also when nothing comes for long.
        if !vectors.isEmpty { follow() }
        if now > 1 << 30 { beginAnew(at: time) }
        return now
    }

    /// After 34 years, or as many jumps of the clock as somebody made up: seconds are counted from the start again.
    private mutating func beginAnew(at time: Int64) {
        now &+= options.pause &+ 1
        follow()
        conversations = Conversations(key: key)
        cells = TargetCells(key: key)
        now = 1_000
        epoch = time / 1_000_000_000 &- Int64(now)
    }

    /// Lets time pass where nothing came, as when an exporter is silent; puts the clock back where it was.
    package mutating func tick(at time: Int64) {
        _ = turn(to: time, late: Int64(TargetCells.settling), isSure: true)
    }

    /// Another file begins: what lies before the present then is another recording, not late.
    package mutating func beginRecording() { isNewRecording = true }

    private mutating func note(_ packet: borrowing PacketSummary, in frame: RawSpan) {
        guard names.count < 1_024, names[packet.dnsNameHash] == nil,
            let name = DNSName.text(at: Int(packet.dnsNameOffset), in: frame)
        else { return }
        names[packet.dnsNameHash] = name
    }

    mutating func overlook() { overlooked &+= 1 }
}
