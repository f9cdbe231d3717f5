internal import Addresses

/// Ethernet frames that a filter may get, without end and the same for each seed: about half of them sound ones of all
/// kinds, the others cut off, with bytes changed, with lengths that lie, with values at the edges, or noise.
///
/// Addresses, ports, names and first bytes of payloads are drawn from few (``sources4`` and what follows it), so that
/// rules made of the same hit often. Checksums are zero: no filter reads them. Times: about a microsecond a frame in an
/// optimised build.
package struct HostileFrames: Sendable {
    /// Bytes of a frame, at most.
    package static let longest = 1_600
    /// Tunnels in one another, at most.
    static let tunnelLimit = 2

    private var state: UInt64
    /// The frame that is being written.
    var frame: [UInt8] = []
    /// Where it says how long something is, or what kind of it.
    var fields: [Field] = []
    /// Of an IPv6 packet, while it is written: the numbers of its extension headers.
    var chain: [UInt8] = []
    /// Nothing is wrong with what is written.
    var isSound = false

    /// A field that can be made to lie.
    struct Field: Sendable {
        var place: Int
        /// The bits of its bytes that are its.
        var mask: UInt16
        /// 1 or 2.
        var width: Int
    }

    /// - Parameter seed: any; the same one gives the same frames.
    package init(seed: UInt64) { state = seed }

    /// A frame of 0 to ``longest`` bytes.
    package mutating func next() -> [UInt8] {
        isSound = false
        let kind = below(16)
        if kind == 0 { return noise() }
        write()
        switch kind {
        case 1, 2: cut()
        case 3, 4: flip()
        case 5, 6: lie()
        case 7:
            // Two faults: what hides the first may show the second.
            lie()
            if chance(2) { flip() } else { cut() }
        default: break
        }
        return taken()
    }

    /// A frame that holds a packet without any fault, in one tunnel at most, behind two tags at most. Frames may be longer
    /// than their packets, and datagrams shorter than theirs.
    package mutating func nextSound() -> [UInt8] {
        isSound = true
        write()
        return taken()
    }

    private mutating func write() {
        fields.removeAll(keepingCapacity: true)
        frame = []
        frame.reserveCapacity(Self.longest)
        writeEthernet()
        if frame.count > Self.longest { frame.removeLast(frame.count - Self.longest) }
    }

    private mutating func taken() -> [UInt8] {
        defer { frame = [] }
        return frame
    }

    // MARK: Faults

    private mutating func noise() -> [UInt8] {
        frame = []
        let count = below(4) == 0 ? below(Self.longest + 1) : below(130)
        frame.reserveCapacity(count + 8)
        while frame.count < count { put(draw()) }
        frame.removeLast(frame.count - count)
        // Noise that reaches further in than the first type.
        if count > 14, chance(2) {
            let isIPv4 = chance(2)
            (frame[12], frame[13]) = isIPv4 ? (0x08, 0x00) : (0x86, 0xdd)
            frame[14] = isIPv4 ? 0x45 : 0x60
        }
        return taken()
    }

    /// Anywhere, but more often among the headers than behind them.
    private mutating func cut() {
        let most = chance(2) ? frame.count : min(frame.count, 90)
        frame.removeLast(frame.count - below(most + 1))
    }

    private mutating func flip() {
        guard !frame.isEmpty else { return }
        for _ in 0...below(4) {
            let place = chance(4) ? below(frame.count) : below(min(frame.count, 80))
            switch below(4) {
            case 0: frame[place] ^= 1 << UInt8(below(8))
            case 1: frame[place] = [0, 1, 0x7f, 0x80, 0xff][below(5)]
            case 2: frame[place] = frame[place] &+ (chance(2) ? 1 : 255)
            default: frame[place] = UInt8(truncatingIfNeeded: draw())
            }
        }
    }

    /// One field says what is not so: a little more or less, or a value from the edges.
    private mutating func lie() {
        guard !fields.isEmpty else { return }
        let field = fields[below(fields.count)]
        guard field.place + field.width <= frame.count else { return }
        var old = UInt16(frame[field.place])
        if field.width == 2 { old = old << 8 | UInt16(frame[field.place + 1]) }
        let step = field.mask & (~field.mask &+ 1)
        let value: UInt16
        switch below(4) {
        case 0: value = old &+ step &* UInt16(1 + below(8))
        case 1: value = old &- step &* UInt16(1 + below(8))
        case 2: value = step &* [0, 1, 2, 5, 7, 8, 15, 20, 28, 40, 255, 0xffff][below(12)]
        default: value = UInt16(truncatingIfNeeded: draw())
        }
        let new = old & ~field.mask | value & field.mask
        if field.width == 2 {
            frame[field.place] = UInt8(new >> 8)
            frame[field.place + 1] = UInt8(new & 255)
        } else {
            frame[field.place] = UInt8(new & 255)
        }
    }

    // MARK: Numbers and bytes

    /// SplitMix64.
    mutating func draw() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// 0..<count.
    mutating func below(_ count: Int) -> Int {
        Int(truncatingIfNeeded: draw().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// True once in so many.
    mutating func chance(_ many: Int) -> Bool { below(many) == 0 }

    mutating func put(_ byte: UInt8) { frame.append(byte) }

    mutating func put(_ half: UInt16) {
        frame.append(UInt8(half >> 8))
        frame.append(UInt8(half & 255))
    }

    mutating func put(_ word: UInt32) { withUnsafeBytes(of: word.bigEndian) { frame.append(contentsOf: $0) } }

    mutating func put(_ double: UInt64) { withUnsafeBytes(of: double.bigEndian) { frame.append(contentsOf: $0) } }

    mutating func put(_ byte: UInt8, times: Int) { frame.append(contentsOf: repeatElement(byte, count: times)) }

    mutating func put(_ address: Address) {
        if address.isIPv4 {
            put(address.ipv4)
        } else {
            put(address.high)
            put(address.low)
        }
    }

    mutating func overwrite(_ half: Int, at place: Int) {
        frame[place] = UInt8(truncatingIfNeeded: half >> 8)
        frame[place + 1] = UInt8(truncatingIfNeeded: half)
    }

    /// Remembers where a field is that is written next.
    mutating func mark(_ mask: UInt16, width: Int = 2) {
        fields.append(Field(place: frame.count, mask: mask, width: width))
    }
}
