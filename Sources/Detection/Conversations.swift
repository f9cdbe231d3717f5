internal import Addresses
internal import Sketches

/// Who spoke with whom lately: 2^18 conversations in 4 MiB, in sets of eight. What both sides took part in is kept over
/// what one side alone sent, so that a flood with endless new senders pushes out its own, not the visitors' connections.
///
/// A conversation is found by a keyed hash of which 32 bits are kept: one in some hundred million is taken for another.
struct Conversations: Sendable {
    /// What is known of a packet's conversation, the packet itself included.
    struct Exchange: BitwiseCopyable {
        /// Both sides were seen to speak.
        var isBothWays: Bool
        /// The packet comes from the side that spoke first, or that sent the SYN.
        var isFromInitiator: Bool
        /// The other side has spoken before.
        var isAnswer: Bool
        /// This side alone has sent four packets or more.
        var isLasting: Bool
        /// A connection that waited for this packet to be complete.
        var isCompleting: Bool
    }

    private static let ways = 8
    /// Seconds after which a conversation without packets is no more.
    private static let lifetime: UInt32 = 300

    private struct Entry {
        var tag: UInt32 = 0
        /// Seconds since the start of the stream, and in the low byte the state.
        var time: UInt32 = 0
        var state: UInt8 = 0
        var count: UInt8 = 0
    }

    private static let lowSpoke: UInt8 = 1
    private static let highSpoke: UInt8 = 2
    /// The initiator is the lower endpoint.
    private static let lowBegan: UInt8 = 4
    private static let awaitsAcknowledgement: UInt8 = 8

    private var entries: [Entry]
    private let mask: Int
    private let key: UInt64

    /// - Parameter capacity: conversations kept; a power of two.
    init(capacity: Int = 1 << 18, key: UInt64) {
        entries = Array(repeating: Entry(), count: capacity)
        mask = capacity / Self.ways - 1
        self.key = key
    }

    /// Takes in a packet and says what its conversation is.
    /// - Parameters:
    ///   - ports: both ports; of ICMP echo the identifier does not count, so that all of two hosts is one conversation.
    ///   - isOpening: a TCP SYN without ACK.
    ///   - isAcknowledging: TCP with ACK and without SYN and RST.
    @inline(__always)
    mutating func take(
        from source: Address, _ sourcePort: UInt16, to destination: Address, _ destinationPort: UInt16,
        protocolNumber: UInt8, isOpening: Bool, isAcknowledging: Bool, at second: UInt32
    ) -> Exchange {
        let isLow = Self.isBefore(source, sourcePort, destination, destinationPort)
        let low = isLow ? source : destination
        let high = isLow ? destination : source
        let ports =
            isLow
            ? UInt64(sourcePort) << 16 | UInt64(destinationPort) : UInt64(destinationPort) << 16 | UInt64(sourcePort)
        var hash = Mix.hash(low, high, ports << 8 | UInt64(protocolNumber), key)
        let tag = UInt32(truncatingIfNeeded: hash >> 32) | 1
        hash &= UInt64(mask)
        let first = Int(hash) &* Self.ways
        let mine: UInt8 = isLow ? Self.lowSpoke : Self.highSpoke
        let other: UInt8 = isLow ? Self.highSpoke : Self.lowSpoke
        return entries.withUnsafeMutableBufferPointer { entries in
            // In bounds: `first` is a masked set number times the ways, and the table has so many sets.
            var victim = first
            var least = UInt64.max
            for index in first..<first + Self.ways {
                if entries[index].tag == tag, second &- entries[index].time <= Self.lifetime {
                    var state = entries[index].state
                    let answered = state & other != 0
                    state |= mine
                    // A new SYN begins anew, whoever spoke before.
                    if isOpening {
                        state = state & ~Self.lowBegan | (isLow ? Self.lowBegan : 0) | Self.awaitsAcknowledgement
                    }
                    let fromInitiator = (state & Self.lowBegan != 0) == isLow
                    let isCompleting =
                        isAcknowledging && fromInitiator && state & Self.awaitsAcknowledgement != 0
                    if isCompleting { state &= ~Self.awaitsAcknowledgement }
                    let count = min(254, entries[index].count) &+ 1
                    entries[index].state = state
                    entries[index].count = count
                    entries[index].time = second
                    return Exchange(
                        isBothWays: answered || state & (Self.lowSpoke | Self.highSpoke) == 3,
                        isFromInitiator: fromInitiator, isAnswer: answered, isLasting: count >= 4,
                        isCompleting: isCompleting)
                }
                // The one to give up: dead ones, then one-sided ones, the oldest first.
                let entry = entries[index]
                let isDead = entry.tag == 0 || second &- entry.time > Self.lifetime
                let worth: UInt64 =
                    isDead ? 0 : (entry.state & 3 == 3 ? 1 << 40 : 1 << 36) &+ UInt64(entry.time)
                if worth < least {
                    least = worth
                    victim = index
                }
            }
            // Without a SYN the side with the higher port is taken for the client.
            let fromInitiator = isOpening || sourcePort >= destinationPort
            entries[victim] = Entry(
                tag: tag, time: second,
                state: mine | (fromInitiator == isLow ? Self.lowBegan : 0)
                    | (isOpening ? Self.awaitsAcknowledgement : 0), count: 1)
            return Exchange(
                isBothWays: false, isFromInitiator: fromInitiator, isAnswer: false, isLasting: false,
                isCompleting: false)
        }
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
