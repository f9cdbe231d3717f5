internal import Addresses
internal import Packets

/// Who spoke with whom lately: 2^18 conversations in 2 MiB, in sets of eight, a set to a cache line. What both sides took
/// part in is kept over what one side alone sent, so that a flood with endless new senders pushes out its own, not the
/// visitors' connections.
///
/// A conversation is found by a keyed hash of which 32 bits are kept: one in some hundred million is taken for another.
struct Conversations: ~Copyable, Sendable {
    /// What is known of a packet's conversation, the packet itself included.
    struct Exchange: BitwiseCopyable {
        /// Both sides were seen to speak.
        var isBothWays = false
        /// The packet comes from the side that spoke first, or that sent the SYN.
        var isFromInitiator = false
        /// The other side has spoken before.
        var isAnswer = false
        /// This side alone has sent four packets or more.
        var isLasting = false
        /// A connection that waited for this packet to be complete.
        var isCompleting = false
        /// It began with a SYN, after which the same side went on: a connection, also where one side alone is seen.
        var isOpened = false
    }

    private static let ways = 8
    /// Seconds after which a conversation without packets is no more.
    private static let lifetime: Int16 = 300
    /// Seconds that a packet may be late.
    private static let lateness: Int16 = 600

    private struct Line: BitwiseCopyable {
        /// 0: free.
        var tags = Tags()
        /// Seconds since 1970, of which 16 bits are kept.
        var times = InlineArray<8, UInt16>(repeating: 0)
        var states = InlineArray<8, UInt8>(repeating: 0)
        var counts = InlineArray<8, UInt8>(repeating: 0)
    }

    private static let lowSpoke: UInt8 = 1
    private static let highSpoke: UInt8 = 2
    /// The initiator is the lower endpoint.
    private static let lowBegan: UInt8 = 4
    private static let awaitsAcknowledgement: UInt8 = 8
    private static let opened: UInt8 = 16

    private var sets: Table<Line>
    private let key: UInt64

    /// - Parameter capacity: conversations kept; a power of two.
    init(capacity: Int = 1 << 18, key: UInt64) {
        sets = Table(capacity / Self.ways, of: Line.self)
        self.key = key
    }

    /// Where a conversation is kept, and which side of it speaks.
    struct Place: BitwiseCopyable {
        fileprivate var set = 0
        fileprivate var tag: UInt32 = 0
        fileprivate var isLow = false

        init() {}

        @inline(__always)
        fileprivate init(
            _ source: Address, _ sourcePort: UInt16, _ destination: Address, _ destinationPort: UInt16,
            _ protocolNumber: UInt8, _ key: UInt64
        ) {
            isLow = Conversations.isBefore(source, sourcePort, destination, destinationPort)
            let (low, high) = isLow ? (source, destination) : (destination, source)
            let (first, second) = isLow ? (sourcePort, destinationPort) : (destinationPort, sourcePort)
            let ports = UInt64(first) << 16 | UInt64(second)
            let hash = Mix.hash(low, high, ports << 8 | UInt64(protocolNumber), key)
            set = Int(truncatingIfNeeded: hash & 0xffff_ffff)
            tag = UInt32(truncatingIfNeeded: hash >> 32) | 1
        }
    }

    /// The place of a conversation; ports of both sides, 0 where the protocol has none.
    @inline(__always)
    func place(
        from source: Address, _ sourcePort: UInt16, to destination: Address, _ destinationPort: UInt16,
        protocolNumber: UInt8
    ) -> Place {
        Place(source, sourcePort, destination, destinationPort, protocolNumber, key)
    }

    /// Asks for a place's memory, so that it is near when it is needed.
    @inline(__always)
    func expect(_ place: Place) { sets.prefetch(place.set) }

    /// Whether both sides of a conversation were seen to speak, as far as it is remembered.
    func isBothWays(_ packet: borrowing PacketSummary) -> Bool {
        let place = place(
            from: packet.source, packet.sourcePort, to: packet.destination, packet.destinationPort,
            protocolNumber: packet.protocolNumber)
        let way = sets[place.set].tags.place(of: place.tag)
        return way < Self.ways && sets[place.set].states[way] & 3 == 3
    }

    /// Takes in a packet of the conversation at a place, and says how that stands.
    /// - Parameters:
    ///   - isHigher: the sender's port is not below the other's.
    ///   - isOpening: a TCP SYN without ACK.
    ///   - isAcknowledging: TCP with ACK and without SYN and RST.
    ///   - second: since 1970.
    @inline(__always)
    mutating func take(
        _ place: Place, isHigher: Bool, isOpening: Bool, isAcknowledging: Bool, at second: Int64
    ) -> Exchange {
        let isLow = place.isLow
        let time = UInt16(truncatingIfNeeded: second)
        let way = sets[place.set].tags.place(of: place.tag)
        guard way < Self.ways, Self.isAlive(Self.age(sets[place.set].times[way], at: time)) else {
            // Without a SYN the side with the higher port is taken for the client.
            let fromInitiator = isOpening || isHigher
            remember(
                place, way, time,
                state: (isLow ? Self.lowSpoke : Self.highSpoke) | (fromInitiator == isLow ? Self.lowBegan : 0)
                    | (isOpening ? Self.awaitsAcknowledgement : 0))
            return Exchange(isFromInitiator: fromInitiator)
        }
        var state = sets[place.set].states[way]
        let answered = state & (isLow ? Self.highSpoke : Self.lowSpoke) != 0
        state |= isLow ? Self.lowSpoke : Self.highSpoke
        // A new SYN begins anew, whoever spoke before.
        if isOpening {
            state = state & ~(Self.lowBegan | Self.opened) | (isLow ? Self.lowBegan : 0) | Self.awaitsAcknowledgement
        }
        let fromInitiator = (state & Self.lowBegan != 0) == isLow
        let isCompleting = isAcknowledging && fromInitiator && state & Self.awaitsAcknowledgement != 0
        if isCompleting { state = state & ~Self.awaitsAcknowledgement | Self.opened }
        let count = min(254, sets[place.set].counts[way]) &+ 1
        // A packet that comes late makes nothing older.
        let latest = Self.age(sets[place.set].times[way], at: time) > 0 ? time : sets[place.set].times[way]
        sets[place.set].states[way] = state
        sets[place.set].counts[way] = count
        sets[place.set].times[way] = latest
        return Exchange(
            isBothWays: answered, isFromInitiator: fromInitiator, isAnswer: answered, isLasting: count >= 4,
            isCompleting: isCompleting, isOpened: state & Self.opened != 0)
    }

    /// Seconds since a time, of which 16 bits are kept: one of 72 that are older by hours looks alive.
    @inline(__always)
    private static func age(_ since: UInt16, at time: UInt16) -> Int16 { Int16(bitPattern: time &- since) }

    @inline(__always)
    private static func isAlive(_ age: Int16) -> Bool { age <= lifetime && age >= -lateness }

    /// Begins a conversation: in the place of the dead one it was, else of the one least worth keeping: dead ones, then
    /// one-sided ones, the oldest first.
    @inline(never)
    private mutating func remember(_ place: Place, _ found: Int, _ time: UInt16, state: UInt8) {
        var victim = found
        if victim >= Self.ways {
            var least = UInt32.max
            for way in 0..<Self.ways {
                let age = Self.age(sets[place.set].times[way], at: time)
                let isDead = sets[place.set].tags[way] == 0 || !Self.isAlive(age)
                let worth: UInt32 =
                    isDead ? 0 : (sets[place.set].states[way] & 3 == 3 ? 1 << 18 : 1 << 17) &- UInt32(max(0, age))
                if worth < least {
                    least = worth
                    victim = way
                }
            }
        }
        sets[place.set].tags[victim] = place.tag
        sets[place.set].times[victim] = time
        sets[place.set].states[victim] = state
        sets[place.set].counts[victim] = 1
    }

    @inline(__always)
    private static func isBefore(_ one: Address, _ onePort: UInt16, _ other: Address, _ otherPort: UInt16) -> Bool {
        if one.high != other.high { return one.high < other.high }
        if one.low != other.low { return one.low < other.low }
        return onePort < otherPort
    }
}

/// A keyed mixing of few words, quick rather than proven: two multiplications of 128 bits. Its key is drawn for each
/// run, so that nobody outside can aim at one place of a table.
enum Mix {
    @inline(__always)
    static func fold(_ one: UInt64, _ other: UInt64) -> UInt64 {
        let product = one.multipliedFullWidth(by: other)
        return product.high ^ product.low
    }

    /// Makes each bit depend on all (Stafford's variant 13 of MurmurHash3's end): counting distinct values asks for more than
    /// a place in a table.
    @inline(__always)
    static func spread(_ hash: UInt64) -> UInt64 {
        var hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return hash ^ hash >> 31
    }

    @inline(__always)
    static func hash(_ one: Address, _ other: Address, _ rest: UInt64, _ key: UInt64) -> UInt64 {
        let first = fold(one.high ^ key ^ 0x9e37_79b9_7f4a_7c15, one.low ^ 0xe703_7ed1_a0b4_28db)
        let second = fold(other.high ^ key &+ 0x8ebc_6af0_9c88_c6e3, other.low ^ 0x5899_65cc_7537_4cc3)
        return fold(first ^ rest ^ 0x1d8e_4e27_c47d_124f, second ^ key)
    }

    @inline(__always)
    static func hash(_ one: Address, _ rest: UInt64, _ key: UInt64) -> UInt64 {
        fold(fold(one.high ^ key ^ 0x9e37_79b9_7f4a_7c15, one.low ^ 0xe703_7ed1_a0b4_28db) ^ rest, key | 1)
    }
}
