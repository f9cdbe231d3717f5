import FilterKit
import Filters
import Testing

struct EBPFFaultsTests {
    @Test func `refuses instructions that are none`() {
        let end = [Instruction(0xb7), Instruction(Code.exit)]
        func reason(_ instructions: [Instruction]) -> EBPF.Fault? {
            fault(EBPF.Program(instructions: instructions + end, maps: []))
        }
        var known: Set<UInt8> = [0x18, 0xc3, 0xdb, 0x05, 0x06, 0x85, 0x95, 0xdc]
        for operation in EBPF.Operation.allCases {
            known.formUnion([0x04, 0x07, 0x0c, 0x0f].map { operation.rawValue | $0 })
        }
        for comparison in EBPF.Comparison.allCases {
            known.formUnion([0x05, 0x06, 0x0d, 0x0e].map { comparison.rawValue | $0 })
        }
        for size in EBPF.Size.allCases {
            known.formUnion([0x61 & 0xe7, 0x62 & 0xe7, 0x63 & 0xe7].map { size.rawValue | $0 })
        }
        for code in UInt8.min ... .max where !known.contains(code) {
            #expect(reason([Instruction(code)]) == EBPF.Fault(.unknownInstruction, at: 0), "\(code)")
        }
        // Fields that are not used, registers that there are not, kinds of what we do not have.
        let wrong = [
            Instruction(0x07, .r0, .r1), Instruction(0x0f, .r0, .r1, immediate: 1), Instruction(0x07, offset: 1),
            Instruction(0x61, .r0, .r1, immediate: 1), Instruction(0x62, .r1, .r1),
            Instruction(0x63, .r1, .r1, immediate: 1),
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
        #expect(reason([Instruction(0xb7), Instruction(0x15, offset: -1)]) == EBPF.Fault(.noEnd, at: 1))
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
            #expect(
                reasons(size, -1, stack) == [
                    size == .byte ? "none" : "outside", size == .byte ? "unsetStack" : "outside",
                ])
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
        var codes: [UInt8] = [0x18, 0x18, 0xdb, 0x05, 0x85, 0x85, 0x85, 0xdc]
        for operation in EBPF.Operation.allCases { codes += [0x07, 0x0f, 0x04].map { operation.rawValue | $0 } }
        for comparison in EBPF.Comparison.allCases { codes += [0x05, 0x0e].map { comparison.rawValue | $0 } }
        for size in EBPF.Size.allCases { codes += [0x61, 0x62, 0x63].map { size.rawValue | $0 } }
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
                let (destination, source) = (UInt8(random.next() % 10), UInt8(random.next() % 11))
                one.registers = destination | source << 4
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
                if 1...3 ~= one.code & 7 {
                    one.offset = Int16(random.next() % 4 * 8) - 16
                    // Mostly what points to something.
                    let base = [0, 1, 7, 7, 8, 8, 10, 10][Int(random.next() % 8)] as UInt8
                    let other = UInt8(random.next() % 10)
                    one.registers = one.code & 7 == 1 ? other | base << 4 : base | (one.code & 7 == 3 ? other << 4 : 0)
                }
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
        for name in [
            "outside", "notMemory", "argument", "unset", "jumpOutside", "misaligned", "unsetStack", "stalePacket",
        ] {
            #expect(reasons[name] ?? 0 > 0, "\(reasons)")
        }
    }
}
