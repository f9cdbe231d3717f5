import Filters
import Testing

typealias Instruction = EBPF.Instruction
typealias Code = EBPF.Code

/// A program that ends by passing the packet.
func program(_ write: (inout EBPF.Assembler) -> Void) -> EBPF.Program {
    var assembler = EBPF.Assembler()
    write(&assembler)
    assembler.exit(.pass)
    return assembler.finished()
}

extension EBPF.Fault.Reason {
    /// Without the numbers that go with it.
    var name: String { String("\(self)".prefix { $0 != "(" }) }
}

/// What a program is refused or stopped for.
func fault(_ program: EBPF.Program, _ machine: EBPF.Machine = EBPF.Machine(), frame: [UInt8]? = nil) -> EBPF.Fault? {
    var machine = machine
    var frame = frame ?? Array(repeating: 0, count: 60)
    do throws(EBPF.Fault) { _ = try machine.run(program, on: &frame) } catch { return error }
    return nil
}

func fault(_ write: (inout EBPF.Assembler) -> Void) -> EBPF.Fault? { fault(program(write)) }

func number(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

func bytes(_ number: UInt64, _ count: Int = 8) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}

/// Numbers at which arithmetic goes wrong, if it does, and others.
func operand(_ random: inout Seeded) -> UInt64 {
    let edges: [UInt64] = [0, 1, 31, 32, 63, 64, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 1 << 63, .max]
    return switch random.next() % 4 {
    case 0: edges[Int(random.next() % 12)]
    case 1: edges[Int(random.next() % 12)] &+ random.next() % 3 &- 1
    case 2: random.next() >> (random.next() % 64)
    default: random.next()
    }
}

struct EBPFMachineTests {
    // ---- Arithmetic.

    /// Of a width of bits, in whole numbers of 64 bits: written otherwise than the machine does it.
    private static func expected(
        _ operation: EBPF.Operation, _ first: UInt64, _ second: UInt64, bits: UInt64
    ) -> UInt64 {
        let mask = UInt64.max >> (64 - bits)
        let (a, b) = (first & mask, second & mask)
        return switch operation {
        case .add: a.addingReportingOverflow(b).partialValue & mask
        case .subtract: a.addingReportingOverflow(~b).partialValue.addingReportingOverflow(1).partialValue & mask
        case .multiply: a.multipliedFullWidth(by: b).low & mask
        case .divide: b == 0 ? 0 : a.quotientAndRemainder(dividingBy: b).quotient
        case .or: ~(~a & ~b)
        case .and: ~(~a | ~b)
        case .shiftLeft: (a << (b % bits)) & mask
        case .shiftRight: a >> (b % bits)
        case .remainder: b == 0 ? a : a.quotientAndRemainder(dividingBy: b).remainder
        case .xor: (a | b) & ~(a & b)
        case .move: b
        }
    }

    @Test(arguments: EBPF.Operation.allCases) func `computes like Swift`(operation: EBPF.Operation) throws {
        var machine = EBPF.Machine()
        var random = Seeded(state: UInt64(operation.rawValue))
        for _ in 0..<2_000 {
            let (first, second) = (operand(&random), operand(&random))
            let constant = Int32(truncatingIfNeeded: second)
            var frame = [UInt8](repeating: 0, count: 64)
            _ = try machine.run(
                program { code in
                    code.load(.r7, .word, .r1, 0)
                    code.moveWhole(.r3, second)
                    for (place, form) in ["64", "64 constant", "32", "32 constant"].enumerated() {
                        code.moveWhole(.r2, first)
                        switch form {
                        case "64": code.compute(operation, .r2, .r3)
                        case "64 constant": code.compute(operation, .r2, constant)
                        case "32": code.computeWord(operation, .r2, .r3)
                        default: code.computeWord(operation, .r2, constant)
                        }
                        code.store(.double, .r7, 8 * place, .r2)
                    }
                }, on: &frame)
            let extended = UInt64(bitPattern: Int64(constant))
            #expect(number(frame[0..<8]) == Self.expected(operation, first, second, bits: 64))
            #expect(number(frame[8..<16]) == Self.expected(operation, first, extended, bits: 64))
            #expect(number(frame[16..<24]) == Self.expected(operation, first, second, bits: 32))
            #expect(number(frame[24..<32]) == Self.expected(operation, first, second, bits: 32))
        }
    }

    @Test func `division by zero gives zero, and its remainder the number`() throws {
        var machine = EBPF.Machine()
        var frame = [UInt8](repeating: 0xaa, count: 32)
        _ = try machine.run(
            program { code in
                code.load(.r7, .word, .r1, 0)
                code.move(.r3, 0)
                for (place, operation) in [EBPF.Operation.divide, .remainder].enumerated() {
                    code.moveWhole(.r2, 0x1234_5678_9abc_def0)
                    code.compute(operation, .r2, .r3)
                    code.store(.double, .r7, 16 * place, .r2)
                    code.moveWhole(.r2, 0x1234_5678_9abc_def0)
                    code.computeWord(operation, .r2, .r3)
                    code.store(.double, .r7, 16 * place + 8, .r2)
                }
            }, on: &frame)
        #expect(number(frame[0..<8]) == 0 && number(frame[8..<16]) == 0)
        #expect(number(frame[16..<24]) == 0x1234_5678_9abc_def0 && number(frame[24..<32]) == 0x9abc_def0)
    }

    @Test func `turns network order into the machine's`() throws {
        var machine = EBPF.Machine()
        var frame = [UInt8](repeating: 0, count: 24)
        _ = try machine.run(
            program { code in
                code.load(.r7, .word, .r1, 0)
                for (place, bits) in [Int32(16), 32, 64].enumerated() {
                    code.moveWhole(.r2, 0x0102_0304_0506_0708)
                    code.fromNetwork(.r2, bits: bits)
                    code.store(.double, .r7, 8 * place, .r2)
                }
            }, on: &frame)
        #expect(number(frame[0..<8]) == 0x0807 && number(frame[8..<16]) == 0x0807_0605)
        #expect(number(frame[16..<24]) == 0x0807_0605_0403_0201)
    }

    @Test(arguments: EBPF.Comparison.allCases) func `compares like Swift`(comparison: EBPF.Comparison) throws {
        var machine = EBPF.Machine()
        var random = Seeded(state: UInt64(comparison.rawValue))
        func expected(_ a: UInt64, _ b: UInt64) -> Bool {
            switch comparison {
            case .equal: a ^ b == 0
            case .greater: !(a <= b)
            case .atLeast: !(a < b)
            case .sharing: (0..<64).contains { a >> $0 & 1 == 1 && b >> $0 & 1 == 1 }
            case .unequal: a ^ b != 0
            case .less: !(a >= b)
            case .atMost: !(a > b)
            }
        }
        for _ in 0..<2_000 {
            let first = operand(&random)
            let second = random.next() % 4 == 0 ? first : operand(&random)
            let word = UInt32(truncatingIfNeeded: second)
            func isTaken(_ jump: (inout EBPF.Assembler, EBPF.Assembler.Label) -> Void) throws -> Bool {
                try machine.run(
                    program { code in
                        code.moveWhole(.r2, first)
                        code.moveWhole(.r3, second)
                        let label = code.label()
                        jump(&code, label)
                        code.exit(.drop)
                        code.place(label)
                    }, over: [0].span.bytes) == EBPF.Action.pass.rawValue
            }
            let extended = UInt64(bitPattern: Int64(Int32(bitPattern: word)))
            #expect(try isTaken { $0.jump(comparison, .r2, .r3, to: $1) } == expected(first, second))
            #expect(try isTaken { $0.jump(comparison, .r2, Int32(bitPattern: word), to: $1) } == expected(first, extended))
            let lower = first & 0xffff_ffff
            #expect(try isTaken { $0.jumpWord(comparison, .r2, word, to: $1) } == expected(lower, UInt64(word)))
            // The assembler does not write this one.
            var whole = program { code in
                code.moveWhole(.r2, first)
                code.moveWhole(.r3, second)
                let label = code.label()
                code.jump(comparison, .r2, .r3, to: label)
                code.exit(.drop)
                code.place(label)
            }
            whole.instructions[4].code += 1
            #expect((try machine.run(whole, over: [0].span.bytes) == 2) == expected(lower, UInt64(word)))
        }
    }

    // ---- Memory.

    @Test(arguments: EBPF.Size.allCases) func `loads and stores the lowest byte first`(size: EBPF.Size) throws {
        var machine = EBPF.Machine()
        var random = Seeded(state: 7)
        for _ in 0..<500 {
            let before = (0..<64).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let (from, to) = (Int(random.next() % 32), 32 + Int(random.next() % 16))
            let other = 48 + Int(random.next() % 9)
            let constant = Int32(truncatingIfNeeded: random.next())
            var frame = before
            let result = try machine.run(
                program { code in
                    code.load(.r7, .word, .r1, 0)
                    code.load(.r2, size, .r7, from)
                    code.moveWhole(.r3, .max)
                    code.store(.double, .frame, -16, .r3)
                    code.store(size, .frame, -16, .r2)
                    code.load(.r4, size, .frame, -16)
                    code.store(size, .r7, to, .r4)
                    code.store(size, .r7, other, number: constant)
                    code.load(.r0, .double, .frame, -16)
                    code.compute(.shiftRight, .r0, 32)
                    code.exit()
                }, on: &frame)
            var after = before
            after.replaceSubrange(to..<to + size.count, with: before[from..<from + size.count])
            after.replaceSubrange(
                other..<other + size.count, with: bytes(UInt64(bitPattern: Int64(constant)), size.count))
            #expect(frame == after)
            // What of the stack was not stored to is as it was.
            #expect(result == (size == .double ? UInt32(number(before[from + 4..<from + 8])) : .max))
        }
    }

    @Test func `adds to memory, a word without its neighbour`() throws {
        var machine = EBPF.Machine()
        let map = EBPF.Map("numbers", .array, key: 4, value: 16, entries: 3)
        machine[map, 2] = bytes(0x1_ffff_fff0) + bytes(.max)
        var adding = program { code in
            code.store(.word, .frame, -4, number: 2)
            code.map(.r1, map)
            code.move(.r2, .frame)
            code.compute(.add, .r2, -4)
            code.call(.mapLookup)
            let none = code.label()
            code.jump(.equal, .r0, 0, to: none)
            code.move(.r1, 0x20)
            code.atomicAdd(.r0, 0, .r1)
            code.atomicAdd(.r0, 8, .r1)
            code.store(.double, .frame, -16, number: -1)
            code.atomicAdd(.frame, -16, .r1)
            code.load(.r0, .double, .frame, -16)
            code.exit()
            code.place(none)
        }
        let frame: [UInt8] = [0]
        #expect(try machine.run(adding, over: frame.span.bytes) == 0x1f)
        #expect(machine[map, 2] == bytes(0x2_0000_0010) + bytes(0x1f))
        machine[map, 2] = bytes(0x1_ffff_fff0) + bytes(.max)
        for place in adding.instructions.indices where adding.instructions[place].code == Code.atomicDouble {
            adding.instructions[place].code = Code.atomicWord
        }
        #expect(try machine.run(adding, over: frame.span.bytes) == 0x1f)
        #expect(machine[map, 2] == bytes(0x1_0000_0010) + bytes(0xffff_ffff_0000_001f))
    }

    @Test func `the context says where the packet is and whence it came`() throws {
        var machine = EBPF.Machine()
        machine.interface = 77
        machine.queue = 5
        for length in [0, 1, 60, 1_514, 65_535] {
            var frame = [UInt8](repeating: 9, count: length)
            let result = try machine.run(
                program { code in
                    code.load(.r0, .word, .r1, 4)
                    code.load(.r2, .word, .r1, 0)
                    code.load(.r3, .word, .r1, 8)
                    let same = code.label()
                    code.jump(.equal, .r2, .r3, to: same)
                    code.exit(.aborted)
                    code.place(same)
                    code.compute(.subtract, .r0, .r2)
                    code.load(.r3, .word, .r1, 12)
                    code.compute(.multiply, .r3, 100_000)
                    code.compute(.add, .r0, .r3)
                    code.load(.r3, .word, .r1, 16)
                    code.compute(.multiply, .r3, 10_000_000)
                    code.compute(.add, .r0, .r3)
                    code.exit()
                }, on: &frame)
            #expect(result == UInt32(length + 7_700_000 + 50_000_000))
        }
    }

    // ---- Where it goes on.

    @Test func `jumps far, forwards and backwards`() throws {
        var machine = EBPF.Machine()
        func far(_ start: Int32) -> EBPF.Program {
            program { code in
                let (back, end) = (code.label(), code.label())
                code.move(.r2, start)
                code.jump(to: end)
                code.place(back)
                code.exit(.drop)
                for _ in 0..<41_000 { code.compute(.add, .r2, 1) }
                code.place(end)
                // Over a step behind the end.
                code.jump(.equal, .r2, 0, to: back)
            }
        }
        #expect(far(0).instructions.count { $0.code == Code.jumpFar } == 2)
        #expect(try machine.run(far(0), over: [0].span.bytes) == EBPF.Action.drop.rawValue)
        #expect(machine.steps == 6)
        #expect(try machine.run(far(5), over: [0].span.bytes) == EBPF.Action.pass.rawValue)
        #expect(machine.steps == 5)
    }

    @Test func `a run has a last step`() throws {
        var machine = EBPF.Machine()
        let endless = program { code in
            let start = code.placedLabel()
            code.jump(to: start)
        }
        #expect(fault(endless) == EBPF.Fault(.stepLimit, at: 0))
        let counting = program { code in
            code.move(.r2, 10)
            let start = code.placedLabel()
            code.compute(.subtract, .r2, 1)
            code.jump(.unequal, .r2, 0, to: start)
        }
        machine.stepLimit = 23
        #expect(try machine.run(counting, over: [0].span.bytes) == 2)
        #expect(machine.steps == 23)
        machine.stepLimit = 22
        #expect(fault(counting, machine) == EBPF.Fault(.stepLimit, at: 4))
    }

    // ---- Faults.

    @Test func `refuses instructions that are none`() {
        let end = [Instruction(0xb7), Instruction(Code.exit)]
        func reason(_ instructions: [Instruction]) -> EBPF.Fault? {
            fault(EBPF.Program(instructions: instructions + end, maps: []))
        }
        let known = Set(
            EBPF.Operation.allCases.flatMap { [$0.rawValue | 4, $0.rawValue | 7, $0.rawValue | 12, $0.rawValue | 15] }
                + EBPF.Comparison.allCases.flatMap {
                    [$0.rawValue | 5, $0.rawValue | 6, $0.rawValue | 13, $0.rawValue | 14]
                } + EBPF.Size.allCases.flatMap { [$0.rawValue | 0x61, $0.rawValue | 0x62, $0.rawValue | 0x63] }
                + [0x18, 0xc3, 0xdb, 0x05, 0x06, 0x85, 0x95, 0xdc])
        for code in UInt8.min ... .max where !known.contains(code) {
            #expect(reason([Instruction(code)]) == EBPF.Fault(.unknownInstruction, at: 0), "\(code)")
        }
        // Fields that are not used, registers that there are not, kinds of what we do not have.
        let wrong = [
            Instruction(0x07, .r0, .r1), Instruction(0x0f, .r0, .r1, immediate: 1), Instruction(0x07, offset: 1),
            Instruction(0x61, .r0, .r1, immediate: 1), Instruction(0x62, .r1, .r1), Instruction(0x63, .r1, .r1, immediate: 1),
            Instruction(0xdb, .r1, .r1, immediate: 1), Instruction(0xdc, immediate: 24), Instruction(0xdc, .r0, .r1),
            Instruction(0x05, immediate: 1), Instruction(0x06, offset: 1), Instruction(0x85, .r1, immediate: 7),
            Instruction(0x95, immediate: 1), Instruction(0x15, .r0, .r1), Instruction(0x1d, .r0, .r1, immediate: 1),
        ]
        for instruction in wrong {
            #expect(reason([instruction]) == EBPF.Fault(.unknownInstruction, at: 0), "\(instruction)")
        }
        var eleventh = Instruction(0xb7)
        eleventh.registers = 11
        #expect(reason([eleventh]) == EBPF.Fault(.unknownInstruction, at: 0))
        #expect(reason([Instruction(0x18), Instruction(0xb7)]) == EBPF.Fault(.unknownInstruction, at: 0))
        var map = Instruction(0x18)
        map.registers = 0x10
        #expect(reason([map, Instruction(0)]) == EBPF.Fault(.unknownInstruction, at: 0))
        #expect(reason([Instruction(0x85, immediate: 6)]) == EBPF.Fault(.unknownHelper(6), at: 0))
        #expect(reason([Instruction(0xb7, .frame)]) == EBPF.Fault(.writesFrame, at: 0))
        #expect(reason([Instruction(0x61, .frame, .r1)]) == EBPF.Fault(.writesFrame, at: 0))
    }

    @Test func `refuses to leave the program`() {
        func reason(_ instructions: [Instruction]) -> EBPF.Fault? {
            fault(EBPF.Program(instructions: instructions, maps: []))
        }
        let end = [Instruction(0xb7), Instruction(Code.exit)]
        #expect(reason([]) == EBPF.Fault(.programLength, at: 0))
        let many = Array(repeating: Instruction(0xb7), count: EBPF.instructionLimit - 1)
        #expect(reason(many + end) == EBPF.Fault(.programLength, at: 0))
        #expect(reason([Instruction(0xb7)]) == EBPF.Fault(.noEnd, at: 0))
        #expect(reason([Instruction(0xb7), Instruction(0x18)]) == EBPF.Fault(.noEnd, at: 1))
        #expect(reason([Instruction(0xb7), Instruction(0x15)]) == EBPF.Fault(.noEnd, at: 1))
        for jump in [
            Instruction(0x05, offset: 2), Instruction(0x05, offset: -2), Instruction(0x06, immediate: 2),
            Instruction(0x06, immediate: .max), Instruction(0x06, immediate: .min), Instruction(0x15, .r1, offset: 2),
            Instruction(0x16, .r1, offset: -2),
        ] { #expect(reason([jump] + end) == EBPF.Fault(.jumpOutside, at: 0)) }
        #expect(
            reason([Instruction(0x05, offset: 1), Instruction(0x18), Instruction(0)] + end)
                == EBPF.Fault(.jumpOutside, at: 0))
    }

    @Test func `no register is read before it is written`() {
        for register in EBPF.Register.allCases where register != .r1 && register != .frame {
            let unset = EBPF.Fault.Reason.unset(register)
            #expect(fault { $0.compute(.xor, register, register) }?.reason == unset)
            #expect(fault { $0.compute(.move, .r1, register) }?.reason == unset)
            #expect(fault { $0.fromNetwork(register, bits: 16) }?.reason == unset)
            #expect(fault { $0.load(.r1, .byte, register, 0) }?.reason == unset)
            #expect(fault { $0.store(.byte, .frame, -1, register) }?.reason == unset)
            #expect(fault { $0.store(.byte, register, -1, number: 0) }?.reason == unset)
            #expect(fault { $0.atomicAdd(.frame, -8, register) }?.reason == unset)
            #expect(fault { $0.jump(.equal, register, 0, to: $0.placedLabel()) }?.reason == unset)
            #expect(fault { $0.jump(.equal, .r1, register, to: $0.placedLabel()) }?.reason == unset)
        }
        #expect(fault { $0.exit() } == EBPF.Fault(.unset(.r0), at: 0))
        #expect(fault { $0.call(.mapLookup) } == EBPF.Fault(.unset(.r2), at: 0))
        for register in [EBPF.Register.r1, .r2, .r3, .r4, .r5] {
            let after = fault { code in
                code.move(register, 1)
                code.call(.coarseClock)
                code.move(.r6, register)
            }
            #expect(after == EBPF.Fault(.unset(register), at: 2))
        }
        #expect(
            fault { code in
                code.move(.r6, 1)
                code.call(.processor)
                code.move(.r0, .r6)
            } == nil)
    }

    @Test func `nothing is read or written outside of what there is`() {
        /// A load, a store and the place of either, all of which stop for the same.
        func reasons(_ size: EBPF.Size, _ offset: Int, _ base: (inout EBPF.Assembler) -> Void) -> Set<String> {
            let load = fault { code in
                base(&code)
                code.load(.r0, size, .r7, offset)
            }
            let store = fault { code in
                base(&code)
                code.store(size, .r7, offset, number: 1)
            }
            return Set([load, store].map { $0?.reason.name ?? "none" })
        }
        let packet: (inout EBPF.Assembler) -> Void = { $0.load(.r7, .word, .r1, 0) }
        for size in EBPF.Size.allCases {
            #expect(reasons(size, 0, packet) == ["none"])
            #expect(reasons(size, 60 - size.count, packet) == ["none"])
            #expect(reasons(size, 61 - size.count, packet) == ["outside"])
            #expect(reasons(size, -1, packet) == ["outside"])
            #expect(reasons(size, 60, packet) == ["outside"])
            let stack: (inout EBPF.Assembler) -> Void = { $0.move(.r7, .frame) }
            #expect(reasons(size, 0, stack) == ["outside"])
            #expect(reasons(size, -512, stack) == ["none", "unsetStack"])
            #expect(reasons(size, -512 - size.count, stack) == ["outside"])
            #expect(reasons(size, -1, stack) == [size == .byte ? "none" : "outside", size == .byte ? "unsetStack" : "outside"])
            if size != .byte { #expect(reasons(size, -size.count - 1, stack) == ["misaligned"]) }
            for base in [0, 1, Int32.max, -1] {
                #expect(reasons(size, 0) { $0.move(.r7, base) } == ["notMemory"])
            }
            let context = reasons(size, 20) { $0.move(.r7, .r1) }
            #expect(context == ["outside", "notMemory"])
            if size != .word { #expect(reasons(size, 0) { $0.move(.r7, .r1) } == ["outside", "notMemory"]) }
        }
        let far = fault { code in
            code.load(.r7, .word, .r1, 0)
            code.move(.r2, .r7)
            code.compute(.add, .r7, 60)
            code.load(.r0, .byte, .r7, -1)
            code.load(.r0, .byte, .r7, 0)
        }
        #expect(far?.reason.name == "outside" && far?.place == 4)
        let half = fault { code in
            code.store(.word, .frame, -8, number: 1)
            code.load(.r0, .double, .frame, -8)
        }
        #expect(half == EBPF.Fault(.unsetStack, at: 1))
        let packetAdd = fault { code in
            code.load(.r7, .word, .r1, 0)
            code.atomicAdd(.r7, 0, .r7)
        }
        #expect(packetAdd?.reason.name == "notMemory")
        #expect(fault(program { _ in }, frame: Array(repeating: 0, count: EBPF.Machine.frameLimit + 1)) != nil)
        #expect("\(EBPF.Fault(.stepLimit, at: 3, slot: 2))" == "instruction 3 of program 2: stepLimit")
    }

    @Test func `no program makes it trap`() {
        var random = Seeded(state: 11)
        let maps = [
            EBPF.Map("numbers", .array, key: 4, value: 8, entries: 4),
            EBPF.Map("recent", .recentHash, key: 4, value: 12, entries: 2),
            EBPF.Map("networks", .prefixes, key: 20, value: 8, entries: 2),
            EBPF.Map("ring", .ring, key: 0, value: 0, entries: 4_096),
            EBPF.Map("programs", .programs, key: 4, value: 4, entries: 2),
            EBPF.Map("wrong", .array, key: 8, value: 4, entries: 2),
        ]
        let codes: [UInt8] =
            EBPF.Operation.allCases.flatMap { [$0.rawValue | 0x07, $0.rawValue | 0x0f, $0.rawValue | 0x04] }
            + EBPF.Comparison.allCases.flatMap { [$0.rawValue | 0x05, $0.rawValue | 0x0e] }
            + EBPF.Size.allCases.flatMap { [$0.rawValue | 0x61, $0.rawValue | 0x62, $0.rawValue | 0x63] }
            + [0x18, 0x18, 0xdb, 0x05, 0x85, 0x85, 0x85, 0xdc]
        let numbers: [Int32] = [0, 1, 2, 4, 8, 12, 16, 20, 32, 64, -1, -8, .min, .max]
        var reasons: [String: Int] = [:]
        var machine = EBPF.Machine()
        machine.stepLimit = 100
        machine.cookies.listens = true
        for round in 0..<20_000 {
            // A key on the stack, the packet and the context in registers that are kept.
            var code = program { code in
                for place in 1...8 { code.store(.double, .frame, -8 * place, number: Int32(place)) }
                code.move(.r6, .r1)
                code.load(.r7, .word, .r1, 0)
                code.move(.r8, .frame)
                code.compute(.add, .r8, -64)
                for register in [EBPF.Register.r0, .r2, .r3, .r4, .r5, .r9] { code.move(register, Int32(round % 40)) }
            }.instructions.dropLast(2)
            for _ in 0..<random.next() % 40 {
                var one = Instruction(codes[Int(random.next() % UInt64(codes.count))])
                one.registers = UInt8(random.next() % 10 | random.next() % 11 << 4)
                one.immediate = numbers[Int(random.next() % UInt64(numbers.count))]
                switch one.code {
                case 0x05: (one.registers, one.immediate, one.offset) = (0, 0, Int16(random.next() % 3))
                case 0x85:
                    one = Instruction(0x85, immediate: EBPF.Helper.allCases.randomElement(using: &random)!.rawValue)
                case 0x18:
                    one = Instruction(0x18, .r1, immediate: Int32(random.next() % 5))
                    one.registers |= 0x10
                    code.append(one)
                    one = Instruction(0)
                    code.append(one)
                    one = Instruction(0xbf, .r2, .r8)
                case _ where one.code & 7 == 1: one.immediate = 0
                case _ where one.code & 7 == 2: one.registers &= 0x0f
                case _ where one.code & 7 == 3: one.immediate = 0
                case 0xdc: (one.registers, one.immediate) = (one.registers & 15, 32)
                case _ where one.code & 8 != 0: one.immediate = 0
                default: one.registers &= 0x0f
                }
                if one.code & 7 == 5 || one.code & 7 == 6, one.code != 0x85 { one.offset = Int16(random.next() % 3) }
                if 1...3 ~= one.code & 7 { one.offset = Int16(random.next() % 4 * 8) - 16 }
                code.append(one)
            }
            let end = [Instruction(0xb7), Instruction(0xb7), Instruction(0xb7), Instruction(Code.exit)]
            let whole = EBPF.Program(
                instructions: Array(code) + end, maps: round % 50 == 0 ? maps : Array(maps.dropLast()))
            var frame = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: Int(random.next() % 80))
            do throws(EBPF.Fault) {
                if round % 8 == 0 { try machine.set(whole, at: UInt32(round / 8 % 2), of: maps[4]) }
                _ = try machine.run(whole, on: &frame)
                reasons["end", default: 0] += 1
            } catch {
                reasons[error.reason.name, default: 0] += 1
            }
        }
        #expect(reasons["end", default: 0] > 500 && reasons["unfitMap"] ?? 0 >= 400)
        for name in ["outside", "notMemory", "argument", "unset", "jumpOutside", "heldSocket", "stalePacket"] {
            #expect(reasons[name] ?? 0 > 0, "\(reasons)")
        }
    }
}
