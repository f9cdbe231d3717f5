/// Writes the kernel's programs in parts. What is read of a packet lies on the stack in places that are no multiple of
/// eight: there the kernel's verifier forgets what it knew of a value, so that the ways through a program join again
/// instead of multiplying. Registers: r6 the context, r7 the frame, r8 its end, r9 whatever a part keeps over calls.
struct FilterWriter {
    var code = EBPF.Assembler()
    let plan: FilterPlan
    /// What is read for the rules; the rest is not stored.
    var wanted = Wanted()
    /// An earlier program of the chain has judged the headers: contradictions are not looked for again.
    var isTrusting = false
    /// Something is dropped: the end for it is written.
    private var hasDrops = false

    // Where everything ends; each is placed once by `finish`.
    let passed: EBPF.Assembler.Label
    let dropped: EBPF.Assembler.Label
    let malformed: EBPF.Assembler.Label
    let other: EBPF.Assembler.Label

    struct Wanted: OptionSet {
        let rawValue: Int
        static let transport = Wanted(rawValue: 1)
        static let payload = Wanted(rawValue: 2)
        static let dnsType = Wanted(rawValue: 4)
        static let addresses = Wanted(rawValue: 8)
        static let ttl = Wanted(rawValue: 16)
        static let control = Wanted(rawValue: 32)
    }

    /// A number of 32 bits on the stack.
    enum Slot: Int {
        case zero = -52
        case protocolNumber = -60
        /// 0 whole, 1 first, 2 later.
        case fragment = -68
        case length = -76
        case ttl = -84
        /// From the frame's first byte: headers, the end of the IP packet, the payload.
        case network = -92
        case transport = -100
        case end = -108
        case payload = -116
        case payloadLength = -124
        case sourcePort = -132
        case destinationPort = -140
        case flags = -148
        case icmpType = -156
        case icmpCode = -164
        /// `noType` where there is none.
        case dnsType = -172
        case frameLength = -180
        /// A key of four bytes for the next look-up.
        case key = -188
        /// 4 or 6.
        case version = -196
        /// The source's bit among networks.
        case networkBit = -204
        /// The source's bit among single addresses.
        case addressBit = -212
    }

    /// More than two bytes can say.
    static let noType: Int32 = -1

    /// Keys of prefixes: a length, then 16 bytes of address; what follows the address is written after it, so that no
    /// word of it is tracked.
    enum Area {
        static let source = -20
        static let destination = -44
        /// Behind both: 16 bytes for a key or a value of 8 or 16 bytes.
        static let value = -232
        /// 16 bytes for a budget's key.
        static let subscriber = -248
        /// 8 bytes: the clock.
        static let now = -256
        /// A sample on its way to the ring.
        static let sample = -400
    }

    /// An offset into the frame, bounded so that the verifier knows it: more than all headers together.
    static let offsetMask: Int32 = 0x7fff

    init(plan: FilterPlan) {
        self.plan = plan
        passed = code.label()
        dropped = code.label()
        malformed = code.label()
        other = code.label()
    }

    // ---- Small parts.

    mutating func load(_ register: EBPF.Register, _ slot: Slot) { code.load(register, .word, .frame, slot.rawValue) }

    mutating func store(_ slot: Slot, _ register: EBPF.Register) {
        code.store(.word, .frame, slot.rawValue, register)
    }

    mutating func store(_ slot: Slot, number: Int32) { code.store(.word, .frame, slot.rawValue, number: number) }

    /// r0: the value of a key on the stack, or 0.
    mutating func lookUp(_ map: EBPF.Map, at offset: Int) {
        code.map(.r1, map)
        code.move(.r2, .frame)
        code.compute(.add, .r2, Int32(offset))
        code.call(.mapLookup)
    }

    /// Adds the packet to the value of packets and bytes that r0 points to, if it does.
    mutating func addPacket() {
        let missing = code.label()
        code.jump(.equal, .r0, 0, to: missing)
        addPacket(to: .r0, 0)
        code.place(missing)
    }

    /// The same of a value that is there, so many bytes behind where the register points.
    mutating func addPacket(to register: EBPF.Register, _ offset: Int) {
        code.load(.r1, .double, register, offset)
        code.compute(.add, .r1, 1)
        code.store(.double, register, offset, .r1)
        code.load(.r1, .double, register, offset + 8)
        load(.r2, .frameLength)
        code.compute(.add, .r1, .r2)
        code.store(.double, register, offset + 8, .r1)
    }

    /// Counts the packet under a reason, and goes on.
    mutating func count(_ reason: FilterReason) {
        store(.key, number: Int32(reason.rawValue))
        lookUp(FilterMaps.counters, at: Slot.key.rawValue)
        addPacket()
    }

    mutating func drop(_ reason: FilterReason) {
        hasDrops = true
        code.move(.r9, Int32(reason.rawValue))
        code.jump(to: dropped)
    }

    mutating func pass(_ reason: FilterReason) {
        code.move(.r9, Int32(reason.rawValue))
        code.jump(to: passed)
    }

    /// Goes on in the program of a slot; where there is none, behind this.
    mutating func goOn(in slot: Int32) {
        code.move(.r1, .r6)
        code.map(.r2, FilterMaps.slots)
        code.move(.r3, slot)
        code.call(.tailCall)
    }

    /// r0: nanoseconds on the monotonic clock, as of the last tick.
    mutating func readClock() {
        guard let clock = plan.clock else { return code.call(.coarseClock) }
        // The kernel puts the count of ticks in place, where the clock itself is called: 1 instead of 20 ns.
        code.call(.ticks)
        if clock.tick != 1 {
            code.moveWhole(.r1, clock.tick)
            code.compute(.multiply, .r0, .r1)
        }
        guard clock.offset != 0 else { return }
        code.moveWhole(.r1, clock.offset)
        code.compute(.add, .r0, .r1)
    }

    // ---- Begin and end.

    /// What all programs begin with: the frame and the zero that the verifier does not see.
    mutating func begin() {
        code.move(.r6, .r1)
        code.load(.r7, .word, .r6, 0)
        code.load(.r8, .word, .r6, 4)
        code.move(.r2, .r8)
        code.compute(.subtract, .r2, .r7)
        store(.frameLength, .r2)
        // The number of an interface is positive.
        code.load(.r2, .word, .r6, 12)
        code.compute(.shiftRight, .r2, 31)
        store(.zero, .r2)
    }

    /// The ends: a packet is counted under its reason, in r9, once.
    consuming func finish() -> EBPF.Program {
        code.place(malformed)
        if isTrusting || plan.malformed == .off {
            code.move(.r9, Int32(FilterReason.passed.rawValue))
        } else if plan.malformed == .dry {
            count(.dryMalformed)
            code.move(.r9, Int32(FilterReason.passed.rawValue))
        } else {
            drop(.malformed)
        }
        if !isTrusting, plan.malformed == .live {
            code.place(other)
            code.move(.r9, Int32(FilterReason.other.rawValue))
            code.place(passed)
        } else {
            code.jump(to: passed)
            code.place(other)
            code.move(.r9, Int32(FilterReason.other.rawValue))
            code.place(passed)
        }
        for action in hasDrops ? [EBPF.Action.pass, .drop] : [.pass] {
            if action == .drop { code.place(dropped) }
            store(.key, .r9)
            lookUp(FilterMaps.counters, at: Slot.key.rawValue)
            addPacket()
            code.exit(action)
        }
        return code.finished()
    }
}
