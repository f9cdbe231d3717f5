extension EBPF {
    /// Why a machine refuses a program, or stopped while it ran: what the kernel's verifier would not have let through,
    /// as far as one run shows it.
    package struct Fault: Error, Equatable, Sendable, CustomStringConvertible {
        /// What was wrong with an instruction.
        package enum Reason: Error, Equatable, Sendable {
            /// A code that ``Assembler`` does not write, or a number where there must be none.
            case unknownInstruction
            case unknownHelper(Int32)
            /// The frame's register is for reading.
            case writesFrame
            /// Beyond the program, or into the second half of an instruction of 64 bits.
            case jumpOutside
            /// Behind the last instruction there is none.
            case noEnd
            /// No instruction, or more than ``EBPF/instructionLimit``.
            case programLength
            /// Of that name: sizes that its kind cannot have, or one map too many.
            case unfitMap(String)
            /// Read before it was written, or after a call.
            case unset(Register)
            /// Bytes of the stack were read before they were written.
            case unsetStack
            /// A number that points to nothing, or to what cannot be read or written in this way.
            case notMemory(UInt64)
            /// Next to what it points into, or beyond its end.
            case outside(UInt64)
            /// On the stack, and where it is atomic, a place is a multiple of its size.
            case misaligned
            /// A pointer into the packet from before its ends moved.
            case stalePacket
            /// The argument, counted from 1, is not what the helper takes.
            case argument(Helper, Int)
            /// A socket was not released.
            case heldSocket
            case stepLimit
            /// More than ``Machine/frameLimit``.
            case frameLength
        }

        /// The instruction, counted from 0; of one of 64 bits the first half.
        package var place: Int
        /// The place of the program among the programs, where it was reached by a tail call.
        package var slot: UInt32?
        package var reason: Reason

        package init(_ reason: Reason, at place: Int, slot: UInt32? = nil) {
            self.reason = reason
            self.place = place
            self.slot = slot
        }

        /// For people.
        package var description: String {
            "instruction \(place)" + (slot.map { " of program \($0)" } ?? "") + ": \(reason)"
        }
    }

    /// An instruction as the machine takes it: checked, its fields told apart, so that a run has little to decide.
    struct Step: Sendable {
        enum Work: Equatable, Sendable {
            case compute(Operation)
            case computeWord(Operation)
            case fromNetwork
            /// A number of 64 bits, or a map; the next step is its second half.
            case moveWhole
            case secondHalf
            case load(Size)
            case store(Size)
            case atomicAdd(Size)
            case jump
            case jumpIf(Comparison)
            case jumpIfWord(Comparison)
            case call(Helper)
            case exit
        }

        var work: Work
        var destination: UInt8
        var source: UInt8
        /// The operand is the source, not the number.
        var isOfRegister = false
        /// Registers that must have been written before, by bit.
        var reads: UInt16 = 0
        /// Registers that are written, by bit.
        var writes: UInt16 = 0
        /// Of memory; of jumps the place that they go to.
        var offset: Int32
        var number: UInt64
    }
}

extension EBPF.Step {
    /// Every step of a program. Like the kernel it refuses what is wrong also where it is never reached.
    static func steps(of program: EBPF.Program, maps: [UInt64]) throws(EBPF.Fault) -> [EBPF.Step] {
        let instructions = program.instructions
        guard 1...EBPF.instructionLimit ~= instructions.count else { throw EBPF.Fault(.programLength, at: 0) }
        var steps: [EBPF.Step] = []
        steps.reserveCapacity(instructions.count)
        while steps.count < instructions.count {
            let place = steps.count
            do throws(EBPF.Fault.Reason) {
                steps.append(try EBPF.Step(instructions[place], at: place))
                guard steps[place].work == .moveWhole else { continue }
                guard place + 1 < instructions.count else { throw .noEnd }
                let second = instructions[place + 1]
                guard second.code == 0, second.registers == 0, second.offset == 0 else { throw .unknownInstruction }
                if steps[place].source == EBPF.Code.mapReference {
                    guard maps.indices.contains(Int(instructions[place].immediate)), second.immediate == 0 else {
                        throw .unknownInstruction
                    }
                    steps[place].number = maps[Int(instructions[place].immediate)]
                } else {
                    steps[place].number &= 0xffff_ffff
                    steps[place].number |= UInt64(UInt32(bitPattern: second.immediate)) << 32
                }
                steps.append(EBPF.Step(work: .secondHalf, destination: 0, source: 0, offset: 0, number: 0))
            } catch {
                throw EBPF.Fault(error, at: place)
            }
        }
        for (place, step) in steps.enumerated() {
            switch step.work {
            case .jump, .jumpIf, .jumpIfWord:
                guard steps.indices.contains(Int(step.offset)), steps[Int(step.offset)].work != .secondHalf else {
                    throw EBPF.Fault(.jumpOutside, at: place)
                }
            default: break
            }
        }
        guard let last = steps.last, last.work == .exit || last.work == .jump else {
            throw EBPF.Fault(.noEnd, at: steps.count - 1)
        }
        return steps
    }

    private init(_ instruction: EBPF.Instruction, at place: Int) throws(EBPF.Fault.Reason) {
        let code = instruction.code
        work = .secondHalf
        destination = instruction.destination
        source = instruction.source
        offset = Int32(instruction.offset)
        number = UInt64(bitPattern: Int64(instruction.immediate))
        guard max(source, destination) <= EBPF.Register.frame.rawValue else { throw .unknownInstruction }
        let (from, to) = (UInt16(1) << source, UInt16(1) << destination)
        let ofRegister = code & EBPF.Code.ofRegister != 0
        let target = place + 1 + Int(offset)
        // Fields that an instruction does not use are 0, or the kernel refuses it.
        var unused = 0
        switch code & 7 {
        case EBPF.Code.loadMemory & 7, EBPF.Code.storeRegister & 7, EBPF.Code.storeImmediate & 7:
            try setMemory(code, from: from, to: to)
            unused = code & 7 == EBPF.Code.storeImmediate & 7 ? Int(source) : Int(instruction.immediate)
        case _ where code == EBPF.Code.fromNetwork:
            guard number == 16 || number == 32 || number == 64 else { throw .unknownInstruction }
            work = .fromNetwork
            (reads, writes) = (to, to)
            unused = Int(source) | Int(offset)
        case EBPF.Code.arithmetic64, EBPF.Code.arithmetic32:
            guard let operation = EBPF.Operation(rawValue: code & 0xf0) else { throw .unknownInstruction }
            work = code & 7 == EBPF.Code.arithmetic64 ? .compute(operation) : .computeWord(operation)
            isOfRegister = ofRegister
            reads = (operation == .move ? 0 : to) | (ofRegister ? from : 0)
            writes = to
            unused = Int(offset) | (ofRegister ? Int(instruction.immediate) : Int(source))
        case _ where code == EBPF.Code.loadImmediate:
            guard source <= EBPF.Code.mapReference else { throw .unknownInstruction }
            work = .moveWhole
            writes = to
            unused = Int(offset)
        case _ where code == EBPF.Code.exit:
            work = .exit
            reads = 1
            unused = Int(instruction.registers) | Int(offset) | Int(instruction.immediate)
        case _ where code == EBPF.Code.call:
            guard let helper = EBPF.Helper(rawValue: instruction.immediate) else {
                throw .unknownHelper(instruction.immediate)
            }
            work = .call(helper)
            // From r1 on.
            reads = (1 << helper.arguments - 1) << 1
            unused = Int(instruction.registers) | Int(offset)
        case _ where code == EBPF.Code.jump:
            work = .jump
            offset = Int32(target)
            unused = Int(instruction.registers) | Int(instruction.immediate)
        case _ where code == EBPF.Code.jumpFar:
            work = .jump
            unused = Int(instruction.registers) | Int(offset)
            offset = Int32(clamping: place + 1 + Int(instruction.immediate))
        case EBPF.Code.compare64, EBPF.Code.compare32:
            guard let comparison = EBPF.Comparison(rawValue: code & 0xf0) else { throw .unknownInstruction }
            work = code & 7 == EBPF.Code.compare64 ? .jumpIf(comparison) : .jumpIfWord(comparison)
            isOfRegister = ofRegister
            reads = to | (ofRegister ? from : 0)
            offset = Int32(target)
            unused = ofRegister ? Int(instruction.immediate) : Int(source)
        default: throw .unknownInstruction
        }
        guard unused == 0 else { throw .unknownInstruction }
        guard writes & 1 << EBPF.Register.frame.rawValue == 0 else { throw .writesFrame }
    }

    private mutating func setMemory(_ code: UInt8, from: UInt16, to: UInt16) throws(EBPF.Fault.Reason) {
        if code == EBPF.Code.atomicWord || code == EBPF.Code.atomicDouble {
            work = .atomicAdd(code == EBPF.Code.atomicWord ? .word : .double)
            reads = from | to
            return
        }
        // The rest of the modes are none of ours: packets of sockets, signs.
        guard code & 0xe0 == 0x60, let size = EBPF.Size(rawValue: code & 0x18) else { throw .unknownInstruction }
        switch code & 7 {
        case EBPF.Code.loadMemory & 7:
            work = .load(size)
            (reads, writes) = (from, to)
        case EBPF.Code.storeRegister & 7:
            work = .store(size)
            isOfRegister = true
            reads = from | to
        default:
            work = .store(size)
            reads = to
        }
    }
}

extension EBPF.Helper {
    /// How many it takes: those registers must have been written.
    var arguments: UInt16 {
        switch self {
        case .randomNumber, .processor, .coarseClock, .ticks: 0
        case .release: 1
        case .mapLookup, .adjustHead, .adjustTail: 2
        case .tailCall: 3
        case .mapUpdate, .ringOutput, .loadBytes: 4
        case .checksumDifference, .lookupTCP, .checkSYNCookie, .generateSYNCookie: 5
        }
    }
}
