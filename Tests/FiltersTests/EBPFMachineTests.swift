import FilterKit
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
                    }, over: [0]) == EBPF.Action.pass.rawValue
            }
            let extended = UInt64(bitPattern: Int64(Int32(bitPattern: word)))
            #expect(try isTaken { $0.jump(comparison, .r2, .r3, to: $1) } == expected(first, second))
            #expect(
                try isTaken { $0.jump(comparison, .r2, Int32(bitPattern: word), to: $1) } == expected(first, extended))
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
            #expect((try machine.run(whole, over: [0]) == 2) == expected(lower, UInt64(word)))
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
        #expect(try machine.run(adding, over: frame) == 0x1f)
        #expect(machine[map, 2] == bytes(0x2_0000_0010) + bytes(0x1f))
        machine[map, 2] = bytes(0x1_ffff_fff0) + bytes(.max)
        for place in adding.instructions.indices where adding.instructions[place].code == Code.atomicDouble {
            adding.instructions[place].code = Code.atomicWord
        }
        #expect(try machine.run(adding, over: frame) == 0x1f)
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
        #expect(try machine.run(far(0), over: [0]) == EBPF.Action.drop.rawValue)
        #expect(machine.steps == 6)
        #expect(try machine.run(far(5), over: [0]) == EBPF.Action.pass.rawValue)
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
        #expect(try machine.run(counting, over: [0]) == 2)
        #expect(machine.steps == 23)
        machine.stepLimit = 22
        #expect(fault(counting, machine) == EBPF.Fault(.stepLimit, at: 4))
    }
}
