extension EBPF {
    /// Runs programs as the kernel would, over maps of its own; for tests, and for what may not ask the kernel.
    ///
    /// A wrong program is a ``Fault``, never a trap. It proves nothing: it finds what one run shows, and a pointer that
    /// is moved by many megabytes can name another thing that exists. Time, random numbers, the processor and what the
    /// kernel knows of sockets are its fields, so that a run can be repeated.
    package struct Machine: Sendable {
        /// Bytes of the longest frame. Jumbo frames have 9,000.
        package static let frameLimit = 1 << 20
        /// Programs kept as they were checked, so that running one again does not check it again.
        static let checkedLimit = 16
        /// Of one packet (MAX_TAIL_CALL_CNT).
        static let chainLimit = 33
        static let stackSize = 512

        /// Nanoseconds, as ``Helper/coarseClock`` says.
        package var now: UInt64 = 0
        /// The processor that runs: which contents of ``Map/Kind/perProcessorArray`` it sees.
        package var processor: UInt8 = 0
        /// By its number, where the context says that the frame came in (ingress_ifindex).
        package var interface: UInt32 = 1
        /// Of that interface (rx_queue_index).
        package var queue: UInt32 = 0
        /// What helpers say of sockets.
        package var cookies = Cookies()
        /// The most instructions of one run, over all tail calls.
        package var stepLimit = 1_000_000
        /// Instructions of the latest run; those of 64 bits count once.
        package private(set) var steps = 0

        /// State of the random numbers.
        var random: UInt64
        var contents: [Contents] = []
        var indices: [Map: Int] = [:]
        private var checked: [(program: Program, steps: [Step])] = []
        private var latest = 0

        // Of the run that goes on.
        var frame: [UInt8] = []
        /// Bytes that the frame has grown by before its first byte; negative: shrunk.
        var headroom = 0
        /// Raised when packet pointers become void.
        var generation: UInt64 = 0
        var stack = [UInt8](repeating: 0, count: stackSize)
        /// Bytes of the stack that were written, by bit.
        var knownStack = InlineArray<8, UInt64>(repeating: 0)
        /// Sockets that were looked up and not released, by bit.
        var sockets: UInt64 = 0

        /// A machine without map contents; the seed is of its random numbers.
        package init(seed: UInt64 = 1) { random = seed }

        /// Runs a program over a frame, which it can change: what it says of it (``Action``, if it is well made). Maps and
        /// frame keep what was written before a fault.
        package mutating func run(_ program: Program, on frame: inout [UInt8]) throws(Fault) -> UInt32 {
            let steps = try check(program)
            swap(&self.frame, &frame)
            defer { swap(&self.frame, &frame) }
            return try execute(steps)
        }

        /// The same over a copy of the frame; what became of it is lost.
        package mutating func run(_ program: Program, over frame: [UInt8]) throws(Fault) -> UInt32 {
            let steps = try check(program)
            // Into memory that is there already.
            self.frame.removeAll(keepingCapacity: true)
            self.frame.append(contentsOf: frame)
            return try execute(steps)
        }

        /// The program's steps, with its maps made where they are new.
        mutating func check(_ program: Program) throws(Fault) -> [Step] {
            // Equal arrays are found at once where they are the same one, and that is the usual case.
            if latest < checked.count, checked[latest].program == program { return checked[latest].steps }
            if let place = checked.firstIndex(where: { $0.program == program }) {
                latest = place
                return checked[place].steps
            }
            var maps: [UInt64] = []
            for map in program.maps {
                guard let index = index(of: map) else { throw Fault(.unfitMap(map.name), at: 0) }
                maps.append(Pointer.of(.map, slot: index))
            }
            let steps = try Step.steps(of: program, maps: maps)
            if checked.count < Self.checkedLimit {
                latest = checked.count
                checked.append((program, steps))
            } else {
                latest = (latest + 1) % Self.checkedLimit
                checked[latest] = (program, steps)
            }
            return steps
        }
    }
}

// ---- The run.

extension EBPF.Machine {
    /// Eleven are used; sixteen need no check of a number of four bits.
    typealias Registers = InlineArray<16, UInt64>

    /// Registers that a program begins with: context and frame.
    private static let knownAtFirst: UInt16 = 1 << 1 | 1 << 10

    private mutating func execute(_ first: [EBPF.Step]) throws(EBPF.Fault) -> UInt32 {
        var code = first
        var slot: UInt32?
        var chain = 0
        var place = 0
        var left = stepLimit
        defer { steps = stepLimit - left }
        var registers = Registers(repeating: 0)
        var known = begin(&registers)
        headroom = 0
        generation = 0
        sockets = 0
        do throws(EBPF.Fault.Reason) {
            guard frame.count <= Self.frameLimit else { throw .frameLength }
            while true {
                guard left > 0 else { throw .stepLimit }
                left -= 1
                let step = code[place]
                guard step.reads & ~known == 0 else { throw .unset(Self.lowest(step.reads & ~known)) }
                known |= step.writes
                let destination = Int(step.destination & 15)
                let source = Int(step.source & 15)
                let operand = step.isOfRegister ? registers[source] : step.number
                var next = place + 1
                switch step.work {
                case .compute(let operation):
                    registers[destination] = Self.compute(operation, registers[destination], operand)
                case .computeWord(let operation):
                    registers[destination] = UInt64(
                        Self.compute(
                            operation, UInt32(truncatingIfNeeded: registers[destination]),
                            UInt32(truncatingIfNeeded: operand)))
                case .fromNetwork:
                    registers[destination] = registers[destination].byteSwapped >> (64 - step.number)
                case .moveWhole:
                    registers[destination] = step.number
                    next += 1
                case .load(let size):
                    registers[destination] = try load(Self.move(registers[source], step.offset), size.count)
                case .store(let size):
                    try store(operand, Self.move(registers[destination], step.offset), size.count)
                case .atomicAdd(let size):
                    try add(registers[source], Self.move(registers[destination], step.offset), size.count)
                case .jump:
                    next = Int(step.offset)
                case .jumpIf(let comparison):
                    if Self.compare(comparison, registers[destination], operand) { next = Int(step.offset) }
                case .jumpIfWord(let comparison):
                    if Self.compare(
                        comparison, UInt32(truncatingIfNeeded: registers[destination]),
                        UInt32(truncatingIfNeeded: operand))
                    {
                        next = Int(step.offset)
                    }
                case .call(.tailCall):
                    let target = try tailCall(registers)
                    if chain < Self.chainLimit, let steps = target.steps {
                        chain += 1
                        slot = target.slot
                        code = steps
                        known = begin(&registers)
                        next = 0
                    } else {
                        // Whatever r0 holds: the verifier takes the call for one without result.
                        known &= ~0x3f
                    }
                case .call(let helper):
                    registers[0] = try call(helper, registers)
                    known = known & ~0x3f | 1
                case .exit:
                    guard sockets == 0 else { throw .heldSocket }
                    return UInt32(truncatingIfNeeded: registers[0])
                case .secondHalf:
                    // Our bug: no jump leads here, and the first half steps over it.
                    throw .unknownInstruction
                }
                place = next
            }
        } catch {
            throw EBPF.Fault(error, at: place, slot: slot)
        }
    }

    /// Sets the registers as a program finds them, and forgets the stack.
    private mutating func begin(_ registers: inout Registers) -> UInt16 {
        registers[1] = Pointer.of(.context)
        registers[10] = Pointer.of(.stack) + UInt64(Self.stackSize)
        knownStack = InlineArray(repeating: 0)
        return Self.knownAtFirst
    }

    private static func lowest(_ registers: UInt16) -> EBPF.Register {
        EBPF.Register(rawValue: UInt8(registers.trailingZeroBitCount)) ?? .frame
    }

    @inline(__always)
    private static func move(_ pointer: UInt64, _ offset: Int32) -> UInt64 {
        pointer &+ UInt64(bitPattern: Int64(offset))
    }

    @inline(__always)
    private static func compute<Number: FixedWidthInteger & UnsignedInteger>(
        _ operation: EBPF.Operation, _ first: Number, _ second: Number
    ) -> Number {
        switch operation {
        case .add: first &+ second
        case .subtract: first &- second
        case .multiply: first &* second
        case .divide: second == 0 ? 0 : first / second
        case .or: first | second
        case .and: first & second
        case .shiftLeft: first &<< second
        case .shiftRight: first &>> second
        case .remainder: second == 0 ? first : first % second
        case .xor: first ^ second
        case .move: second
        }
    }

    @inline(__always)
    private static func compare<Number: FixedWidthInteger & UnsignedInteger>(
        _ comparison: EBPF.Comparison, _ first: Number, _ second: Number
    ) -> Bool {
        switch comparison {
        case .equal: first == second
        case .greater: first > second
        case .atLeast: first >= second
        case .sharing: first & second != 0
        case .unequal: first != second
        case .less: first < second
        case .atMost: first <= second
        }
    }
}
