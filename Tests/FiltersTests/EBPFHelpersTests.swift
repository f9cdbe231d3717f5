import FilterKit
import Filters
import Testing

struct EBPFHelpersTests {
    // ---- Other programs.

    @Test func `a tail call goes to another program, at most 33 times`() throws {
        let slots = EBPF.Map("slots", .programs, key: 4, value: 4, entries: 4)
        var machine = EBPF.Machine()
        func calling(_ slot: Int32, else action: EBPF.Action) -> EBPF.Program {
            program { code in
                code.load(.r7, .word, .r1, 0)
                code.load(.r2, .byte, .r7, 0)
                code.compute(.add, .r2, 1)
                code.store(.byte, .r7, 0, .r2)
                code.map(.r2, slots)
                code.move(.r3, slot)
                code.call(.tailCall)
                code.exit(action)
            }
        }
        var frame = frame60
        // Empty, and beyond the end.
        for slot in [Int32(2), 4, -1] {
            #expect(try machine.run(calling(slot, else: .transmit), on: &frame) == EBPF.Action.transmit.rawValue)
        }
        #expect(frame[0] == 3)
        try machine.set(calling(2, else: .drop), at: 2, of: slots)
        frame[0] = 0
        #expect(try machine.run(calling(2, else: .pass), on: &frame) == EBPF.Action.drop.rawValue)
        #expect(frame[0] == 34 && machine.steps == 34 * 7 + 2)
        try machine.set(program { $0.move(.r0, .r7) }, at: 1, of: slots)
        #expect(fault(calling(1, else: .pass), machine) == EBPF.Fault(.unset(.r7), at: 0, slot: 1))
        try machine.set(program { $0.load(.r0, .byte, .frame, -1) }, at: 1, of: slots)
        let stack = program { code in
            code.store(.byte, .frame, -1, number: 1)
            code.map(.r2, slots)
            code.move(.r3, 1)
            code.call(.tailCall)
        }
        #expect(fault(stack, machine) == EBPF.Fault(.unsetStack, at: 0, slot: 1))
        try machine.set(nil, at: 1, of: slots)
        #expect(fault(stack, machine) == nil)
        let result = program { code in
            code.map(.r2, slots)
            code.move(.r3, 3)
            code.call(.tailCall)
            code.exit()
        }
        #expect(fault(result) == EBPF.Fault(.unset(.r0), at: 4))
        #expect(throws: EBPF.Fault(.noEnd, at: 0)) {
            try machine.set(EBPF.Program(instructions: [Instruction(0xb7)], maps: []), at: 0, of: slots)
        }
    }

    @Test func `runs many programs by turns`() throws {
        var machine = EBPF.Machine()
        let programs = (0..<50).map { number in
            program { code in
                code.move(.r0, Int32(number))
                code.exit()
            }
        }
        for round in 0..<500 {
            let place = round * 7 % 50
            #expect(try machine.run(programs[place], over: frame60) == UInt32(place))
        }
    }

    // ---- Helpers.

    @Test func `time, chance and processor are the machine's`() throws {
        func result(_ helper: EBPF.Helper, _ machine: inout EBPF.Machine) throws -> UInt64 {
            var frame = frame60
            _ = try machine.run(
                program { code in
                    code.load(.r7, .word, .r1, 0)
                    code.call(helper)
                    code.store(.double, .r7, 0, .r0)
                }, on: &frame)
            return number(frame[0..<8])
        }
        var (machine, other) = (EBPF.Machine(seed: 5), EBPF.Machine(seed: 5))
        machine.now = 0x1234_5678_9abc
        machine.processor = 9
        #expect(try result(.coarseClock, &machine) == 0x1234_5678_9abc && result(.processor, &machine) == 9)
        let numbers = try (0..<1_000).map { _ in try result(.randomNumber, &machine) }
        #expect(try numbers == (0..<1_000).map { _ in try result(.randomNumber, &other) })
        #expect(Set(numbers).count > 990 && numbers.allSatisfy { $0 >> 32 == 0 })
        #expect(abs(numbers.count { $0 & 1 == 1 } - 500) < 100 && abs(numbers.count { $0 >> 31 == 1 } - 500) < 100)
    }

    @Test func `sums differences of checksums`() throws {
        var machine = EBPF.Machine()
        var random = Seeded(state: 24)
        func folded(_ bytes: [UInt8]) -> UInt64 {
            stride(from: 0, to: bytes.count, by: 2).reduce(0) { $0 + UInt64(bytes[$1]) + UInt64(bytes[$1 + 1]) << 8 }
        }
        for _ in 0..<1_000 {
            let (old, new) = (Int(random.next() % 6) * 4, Int(random.next() % 6) * 4)
            var frame = (0..<60).map { _ in UInt8(truncatingIfNeeded: random.next() % 5 == 0 ? .max : random.next()) }
            let before = frame
            let seed = UInt32(truncatingIfNeeded: random.next())
            _ = try machine.run(
                program { code in
                    code.load(.r7, .word, .r1, 0)
                    code.move(.r1, .r7)
                    if old == 0 { code.move(.r1, 0) }
                    code.move(.r2, Int32(old))
                    code.move(.r3, .r7)
                    code.compute(.add, .r3, 24)
                    code.move(.r4, Int32(new))
                    code.moveWhole(.r5, UInt64(seed))
                    code.call(.checksumDifference)
                    code.store(.double, .r7, 52, .r0)
                }, on: &frame)
            let sum = number(frame[52..<60])
            let expected =
                folded(before[0..<old].map { ~$0 }) + folded(Array(before[24..<24 + new])) + UInt64(seed)
            #expect(sum >> 32 == 0 && sum % 65_535 == expected % 65_535)
        }
        let odd = program { code in
            code.move(.r1, .frame)
            code.move(.r2, 3)
            code.move(.r3, .frame)
            code.move(.r4, 0)
            code.move(.r5, 0)
            code.call(.checksumDifference)
            code.exit()
        }
        #expect(try machine.run(odd, over: frame60) == refusal(22))
    }

    @Test func `moves the frame's ends`() throws {
        var machine = EBPF.Machine()
        func adjust(_ helper: EBPF.Helper, _ deltas: [Int32]) -> EBPF.Program {
            program { code in
                code.move(.r6, .r1)
                for delta in deltas {
                    code.move(.r1, .r6)
                    code.move(.r2, delta)
                    code.call(helper)
                    let isGood = code.label()
                    code.jump(.equal, .r0, 0, to: isGood)
                    code.exit()
                    code.place(isGood)
                }
            }
        }
        let start = (0..<60).map { UInt8($0) }
        let cases: [(EBPF.Helper, [Int32], [UInt8]?)] = [
            (.adjustHead, [4], Array(start[4...])), (.adjustHead, [-4], [0, 0, 0, 0] + start),
            (.adjustHead, [46], Array(start[46...])), (.adjustHead, [47], nil), (.adjustHead, [-217], nil),
            (.adjustHead, [-216], Array(repeating: 0, count: 216) + start), (.adjustHead, [-200, -17], nil),
            (.adjustHead, [40, -40], Array(repeating: 0, count: 40) + start[40...]), (.adjustHead, [.min], nil),
            (.adjustHead, [40, -257], nil), (.adjustHead, [.max], nil), (.adjustHead, [0], start),
            (.adjustTail, [-46], Array(start[..<14])), (.adjustTail, [-47], nil), (.adjustTail, [.min], nil),
            (.adjustTail, [3], start + [0, 0, 0]),
            (.adjustTail, [-8, 8], start[..<52] + Array(repeating: 0, count: 8)),
            (.adjustTail, [3_460], start + Array(repeating: 0, count: 3_460)), (.adjustTail, [3_461], nil),
            (.adjustTail, [.max], nil), (.adjustTail, [0], start),
        ]
        for (helper, deltas, expected) in cases {
            var frame = start
            let result = try machine.run(adjust(helper, deltas), on: &frame)
            #expect(result == (expected == nil ? refusal(22) : 2), "\(helper) \(deltas)")
            if let expected { #expect(frame == expected, "\(helper) \(deltas)") }
        }
        for helper in [EBPF.Helper.adjustHead, .adjustTail] {
            for delta in [Int32(1), 1_000_000] {
                let old = fault { code in
                    code.load(.r6, .word, .r1, 0)
                    code.move(.r2, delta)
                    code.call(helper)
                    code.load(.r0, .byte, .r6, 0)
                }
                #expect(old == EBPF.Fault(.stalePacket, at: 3))
            }
            let fresh = fault { code in
                code.move(.r6, .r1)
                code.move(.r2, -1)
                code.call(helper)
                code.load(.r7, .word, .r6, 0)
                code.load(.r0, .byte, .r7, 0)
            }
            #expect(fresh == nil)
            #expect(
                fault {
                    $0.move(.r1, 1); $0.move(.r2, 1); $0.call(helper)
                }?.reason == .argument(helper, 1))
        }
    }

    @Test func `sockets are held and released, and make cookies`() throws {
        var machine = EBPF.Machine()
        /// Looks a socket up, does something with it in r6, and says what came of it.
        func looking(_ size: Int32 = 12, _ then: @escaping (inout EBPF.Assembler) -> Void) -> EBPF.Program {
            program { code in
                let none = code.label()
                code.load(.r7, .word, .r1, 0)
                code.move(.r2, .r7)
                code.move(.r3, size)
                code.move(.r4, -1)
                code.move(.r5, 0)
                code.call(.lookupTCP)
                code.jump(.equal, .r0, 0, to: none)
                code.move(.r6, .r0)
                then(&code)
                code.exit()
                code.place(none)
            }
        }
        func release(_ code: inout EBPF.Assembler) {
            code.move(.r1, .r6)
            code.call(.release)
            code.move(.r0, .r8)
        }
        let plain = looking { code in
            code.load(.r8, .word, .r6, 72)
            release(&code)
        }
        #expect(try machine.run(plain, over: frame60) == 2)
        machine.cookies.listens = true
        #expect(try machine.run(plain, over: frame60) == 10)
        let odd = looking(13) { _ in }
        #expect(try machine.run(odd, over: frame60) == 2)
        #expect(fault(looking { $0.move(.r0, 1) }, machine)?.reason == .heldSocket)
        let twice = looking { code in
            code.move(.r8, 0)
            release(&code)
            release(&code)
        }
        #expect(fault(twice, machine)?.reason == .argument(.release, 1))
        let late = looking { code in
            code.move(.r8, 0)
            release(&code)
            code.load(.r0, .word, .r6, 72)
        }
        #expect(fault(late, machine)?.reason.name == "notMemory")
        #expect(fault(looking { $0.load(.r0, .word, .r6, 76) }, machine)?.reason.name == "outside")

        /// A header of 20 bytes at 20 with these flags, as the helper is told.
        func asking(_ helper: EBPF.Helper, flags: UInt8, size: Int32 = 20) throws -> UInt64 {
            var frame = frame60
            frame[32] = 0x50
            frame[33] = flags
            _ = try machine.run(
                looking { code in
                    code.move(.r1, .r6)
                    code.move(.r2, .r7)
                    code.move(.r3, 20)
                    code.move(.r4, .r7)
                    code.compute(.add, .r4, 20)
                    code.move(.r5, size)
                    code.call(helper)
                    code.store(.double, .r7, 52, .r0)
                    code.move(.r8, 0)
                    release(&code)
                }, on: &frame)
            return number(frame[52..<60])
        }
        machine.cookies.cookie = 0xdead_beef
        let invalid = UInt64(bitPattern: -22)
        #expect(try asking(.generateSYNCookie, flags: 0x02) == 0xdead_beef | 1_460 << 32)
        #expect(try asking(.generateSYNCookie, flags: 0x12) == invalid)
        #expect(try asking(.generateSYNCookie, flags: 0x02, size: 24) == invalid)
        #expect(try asking(.checkSYNCookie, flags: 0x10) == UInt64(bitPattern: -2))
        machine.cookies.accepts = true
        #expect(try asking(.checkSYNCookie, flags: 0x10) == 0)
        #expect(try asking(.checkSYNCookie, flags: 0x12) == UInt64(bitPattern: -2))
        #expect(try asking(.checkSYNCookie, flags: 0x10, size: 16) == invalid)
        machine.cookies.segment = 0
        #expect(try asking(.generateSYNCookie, flags: 0x02) == UInt64(bitPattern: -2))
        machine.cookies.state = 1
        #expect(try asking(.checkSYNCookie, flags: 0x10) == invalid)
    }
}
