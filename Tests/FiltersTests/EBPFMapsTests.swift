import Filters
import Testing

private let frame60 = [UInt8](repeating: 0, count: 60)

/// Looks up the key that the frame begins with: what the value's first word holds, or 0xffffffff.
private func lookup(_ map: EBPF.Map) -> EBPF.Program {
    program { code in
        let none = code.label()
        code.load(.r2, .word, .r1, 0)
        code.map(.r1, map)
        code.call(.mapLookup)
        code.jump(.equal, .r0, 0, to: none)
        code.load(.r0, .word, .r0, 0)
        code.exit()
        code.place(none)
        code.move(.r0, -1)
        code.exit()
    }
}

/// Updates the key that the frame begins with to the value that comes behind it: what the helper says.
private func update(_ map: EBPF.Map, flags: Int32 = 0) -> EBPF.Program {
    program { code in
        code.load(.r2, .word, .r1, 0)
        code.move(.r3, .r2)
        code.compute(.add, .r3, Int32(map.keySize))
        code.map(.r1, map)
        code.move(.r4, flags)
        code.call(.mapUpdate)
        code.exit()
    }
}

private func error(_ number: Int32) -> UInt32 { UInt32(bitPattern: -number) }

struct EBPFMapsTests {
    // ---- Kinds.

    @Test(arguments: [EBPF.Map.Kind.hash, .recentHash]) func `a hash holds what was put there`(
        kind: EBPF.Map.Kind
    ) throws {
        let map = EBPF.Map("hash", kind, key: 6, value: 9, entries: 50)
        var machine = EBPF.Machine()
        var random = Seeded(state: 21)
        var model: [[UInt8]: [UInt8]] = [:]
        /// Oldest first.
        var order: [[UInt8]] = []
        func use(_ key: [UInt8]) {
            order.removeAll { $0 == key }
            order.append(key)
        }
        var refused = 0
        for _ in 0..<20_000 {
            let key = bytes(random.next() % 80, 6)
            let value = bytes(random.next()) + [7]
            switch random.next() % 8 {
            case 0...2:
                let found = try machine.run(lookup(map), over: key.span.bytes)
                #expect(found == model[key].map { UInt32(number($0[0..<4])) } ?? .max)
                if model[key] != nil { use(key) }
            case 3...6:
                let flags = Int32(random.next() % 4)
                var expected: UInt32 = 0
                if flags == 3 { expected = error(22) }
                if flags == 2, model[key] == nil { expected = error(2) }
                if flags == 1, model[key] != nil { expected = error(17) }
                if expected == 0, model[key] == nil, model.count == 50 {
                    if kind == .hash { expected = error(7) } else { model[order.removeFirst()] = nil }
                }
                #expect(try machine.run(update(map, flags: flags), over: (key + value).span.bytes) == expected)
                refused += expected == error(7) ? 1 : 0
                if expected == 0 {
                    model[key] = value
                    use(key)
                }
            default:
                // Nothing is taken away where the least used one is to be found out by itself.
                if kind == .hash || random.next() % 20 == 0 {
                    machine[map, key] = nil
                    model[key] = nil
                    order.removeAll { $0 == key }
                }
            }
            #expect(machine[map, key] == model[key])
        }
        #expect(machine.entries(of: map).count == model.count)
        for (key, value) in machine.entries(of: map) { #expect(model[key] == value) }
        #expect(kind == .recentHash || refused > 100)
        #expect(kind == .hash || model.count == order.count)
    }

    @Test func `the longest prefix is found`() throws {
        var machine = EBPF.Machine()
        var random = Seeded(state: 22)
        let map = EBPF.Map("networks", .prefixes, key: 20, value: 4, entries: 300)
        var model: [(length: Int, address: [UInt8], value: UInt32)] = []
        func agree(_ first: [UInt8], _ second: [UInt8], _ length: Int) -> Bool {
            (0..<length).allSatisfy { (first[$0 / 8] ^ second[$0 / 8]) & 0x80 >> UInt8($0 % 8) == 0 }
        }
        // Few different bits, so that prefixes lie in each other.
        func address() -> [UInt8] {
            (0..<16).map { _ in random.next() % 6 == 0 ? 1 << UInt8(random.next() % 8) : 0 }
        }
        for round in 0..<4_000 {
            let length = [0, 1, 128, 96 + Int(random.next() % 33), Int(random.next() % 129)][Int(random.next() % 5)]
            let one = address()
            if round % 4 == 0 {
                let place = model.firstIndex { $0.length == length && agree($0.address, one, length) }
                let value = UInt32(round)
                let result = try machine.run(
                    update(map), over: (bytes(UInt64(length), 4) + one + bytes(UInt64(value), 4)).span.bytes)
                if let place {
                    model[place].value = value
                } else if model.count < 300 {
                    model.append((length, one, value))
                }
                #expect(result == (place != nil || model.last?.value == value ? 0 : error(28)))
            }
            if round % 16 == 7 {
                machine[map, bytes(UInt64(length), 4) + one] = nil
                model.removeAll { $0.length == length && agree($0.address, one, length) }
            }
            let depth = random.next() % 4 == 0 ? Int(random.next() % 129) : 128
            let expected = model.filter { $0.length <= depth && agree($0.address, one, $0.length) }
                .max { $0.length < $1.length }
            let key = bytes(UInt64(depth), 4) + one
            #expect(try machine.run(lookup(map), over: key.span.bytes) == expected?.value ?? .max)
            let exact = model.first { $0.length == depth && agree($0.address, one, depth) }
            #expect(machine[map, key].map { UInt32(number($0)) } == exact?.value)
        }
        #expect(model.count > 200)
        let kept = machine.entries(of: map)
        #expect(kept.count == model.count)
        for (key, value) in kept {
            let length = Int(number(key[0..<4]))
            #expect(
                model.contains {
                    $0.length == length && agree($0.address, Array(key[4...]), length)
                        && UInt64($0.value) == number(value)
                })
        }
        let long = bytes(129, 4) + address() + bytes(0, 4)
        #expect(try machine.run(lookup(map), over: long.span.bytes) == .max)
        #expect(try machine.run(update(map), over: long.span.bytes) == error(22))
        #expect(machine[map, Array(long[0..<20])] == nil)
    }

    @Test func `an array has all of its entries, each processor its own`() throws {
        var machine = EBPF.Machine()
        let shared = EBPF.Map("shared", .array, key: 4, value: 12, entries: 5)
        let own = EBPF.Map("own", .perProcessorArray, key: 4, value: 12, entries: 5)
        for map in [shared, own] {
            for processor in [UInt8(0), 3, 255] {
                machine.processor = processor
                let value = bytes(UInt64(processor) + 1) + bytes(9, 4)
                #expect(try machine.run(update(map), over: (bytes(4, 4) + value).span.bytes) == 0)
                #expect(machine[map, 4] == value && machine[map, 3] == bytes(0, 12) && machine[map, 5] == nil)
                #expect(try machine.run(lookup(map), over: bytes(4, 4).span.bytes) == UInt32(processor) + 1)
                #expect(try machine.run(lookup(map), over: bytes(5, 4).span.bytes) == .max)
            }
            #expect(machine.sums(map, 4) == [map == own ? 261 : 256])
            #expect(machine.sums(map, 0) == [0] && machine.sums(map, 5).isEmpty)
            machine.processor = 3
            #expect(machine[map, 4]?.first == (map == own ? 4 : 0))
            #expect(try machine.run(update(map), over: (bytes(5, 4) + bytes(0, 12)).span.bytes) == error(7))
            #expect(try machine.run(update(map, flags: 1), over: (bytes(4, 4) + bytes(0, 12)).span.bytes) == error(17))
            machine[map, 4] = nil
            #expect(machine.sums(map, 4) == [map == own ? 257 : 0])
        }
        #expect(machine[EBPF.Map("new", .array, key: 4, value: 2, entries: 1), 0] == [0, 0])
        #expect(machine.sums(EBPF.Map("new", .array, key: 4, value: 16, entries: 1), 0) == [0, 0])
    }

    @Test func `a value ends where the next begins`() {
        let map = EBPF.Map("numbers", .array, key: 4, value: 12, entries: 4)
        func reason(_ offset: Int, _ size: EBPF.Size, index: Int32 = 1) -> String? {
            fault { code in
                code.store(.word, .frame, -4, number: index)
                code.move(.r2, .frame)
                code.compute(.add, .r2, -4)
                code.map(.r1, map)
                code.call(.mapLookup)
                code.store(size, .r0, offset, number: 1)
            }?.reason.name
        }
        #expect(reason(0, .double) == nil && reason(8, .word) == nil && reason(11, .byte) == nil)
        #expect(reason(5, .double) == "outside" && reason(12, .byte) == "outside" && reason(16, .byte) == "outside")
        #expect(reason(-1, .byte) == "outside" && reason(-16, .double) == "outside")
        #expect(reason(0, .byte, index: 4) == "notMemory")
    }

    @Test func `maps that cannot be are refused, and so are keys that are not there`() throws {
        let wrong = [
            EBPF.Map("wrong", .array, key: 8, value: 4, entries: 1), EBPF.Map("wrong", .hash, key: 0, value: 4, entries: 1),
            EBPF.Map("wrong", .hash, key: 33, value: 4, entries: 1), EBPF.Map("wrong", .hash, key: 4, value: 0, entries: 1),
            EBPF.Map("wrong", .hash, key: 4, value: 4, entries: 0), EBPF.Map("wrong", .prefixes, key: 4, value: 4, entries: 1),
            EBPF.Map("wrong", .prefixes, key: 21, value: 4, entries: 1),
            EBPF.Map("wrong", .ring, key: 0, value: 0, entries: 5_000), EBPF.Map("wrong", .ring, key: 4, value: 0, entries: 4_096),
            EBPF.Map("wrong", .programs, key: 4, value: 8, entries: 1),
            EBPF.Map("wrong", .array, key: 4, value: .max, entries: .max),
        ]
        for map in wrong { #expect(fault { $0.map(.r1, map) } == EBPF.Fault(.unfitMap("wrong"), at: 0), "\(map)") }
        let hash = EBPF.Map("hash", .hash, key: 16, value: 8, entries: 9)
        #expect(fault(lookup(hash), frame: Array(repeating: 0, count: 16)) == nil)
        let short = fault(lookup(hash), frame: Array(repeating: 0, count: 15))
        #expect(short?.reason.name == "outside" && short?.place == 3)
        #expect(fault(update(hash), frame: Array(repeating: 0, count: 23))?.reason.name == "outside")
        let unset = fault { code in
            code.store(.double, .frame, -16, number: 0)
            code.store(.word, .frame, -8, number: 0)
            code.move(.r2, .frame)
            code.compute(.add, .r2, -16)
            code.map(.r1, hash)
            code.call(.mapLookup)
        }
        #expect(unset == EBPF.Fault(.unsetStack, at: 6))
        let number = fault { code in
            code.move(.r2, .r1)
            code.call(.mapLookup)
        }
        #expect(number == EBPF.Fault(.argument(.mapLookup, 1), at: 1))
        let ring = EBPF.Map("ring", .ring, key: 0, value: 0, entries: 4_096)
        #expect(fault(lookup(ring)) == EBPF.Fault(.argument(.mapLookup, 1), at: 3))
        #expect(fault(update(ring)) == EBPF.Fault(.argument(.mapUpdate, 1), at: 6))
        let whole = fault { code in
            code.map(.r1, hash)
            code.load(.r0, .word, .r1, 0)
        }
        #expect(whole?.reason.name == "notMemory")
    }

    @Test func `a ring takes records until it is full`() throws {
        let ring = EBPF.Map("ring", .ring, key: 0, value: 0, entries: 4_096)
        var machine = EBPF.Machine()
        func output(_ size: Int32, flags: Int32 = 0) -> EBPF.Program {
            program { code in
                code.load(.r6, .word, .r1, 0)
                code.load(.r7, .word, .r6, 0)
                code.store(.word, .frame, -104, .r7)
                for place in 1...12 { code.store(.double, .frame, -8 * place, number: Int32(place)) }
                code.store(.word, .frame, -100, number: 5)
                code.move(.r2, .frame)
                code.compute(.add, .r2, -104)
                code.map(.r1, ring)
                code.move(.r3, size)
                code.move(.r4, flags)
                code.call(.ringOutput)
                code.exit()
            }
        }
        // 105 bytes with what stands before them: 112.
        var taken = 0
        for round in 0..<100 {
            let result = try machine.run(output(97), over: bytes(UInt64(round), 4).span.bytes)
            #expect(result == (round < 36 ? 0 : error(11)))
            taken += result == 0 ? 1 : 0
        }
        let records = machine.takeRecords(of: ring)
        #expect(records.count == taken && taken == 36)
        for (round, record) in records.enumerated() {
            #expect(record.count == 97 && number(record[0..<8]) == UInt64(round) | 5 << 32 && record[8] == 12)
        }
        #expect(machine.takeRecords(of: ring).isEmpty)
        #expect(try machine.run(output(8, flags: 1), over: frame60.span.bytes) == 0)
        #expect(try machine.run(output(8, flags: 4), over: frame60.span.bytes) == error(22))
        #expect(machine.takeRecords(of: ring).count == 1)
        #expect(fault(output(105))?.reason.name == "outside")
        #expect(fault(output(-1))?.reason == .argument(.ringOutput, 3))
        let ofPacket = fault { code in
            code.load(.r2, .word, .r1, 0)
            code.map(.r1, ring)
            code.move(.r3, 8)
            code.move(.r4, 0)
            code.call(.ringOutput)
        }
        #expect(ofPacket?.reason == .argument(.ringOutput, 2))
    }

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
        #expect(frame[0] == 34 && machine.steps == 34 * 8 + 2)
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
            #expect(try machine.run(programs[place], over: frame60.span.bytes) == UInt32(place))
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
                    code.move(.r1, old == 0 ? 0 : .r7)
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
        #expect(try machine.run(odd, over: frame60.span.bytes) == error(22))
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
            (.adjustHead, [46], Array(start[46...])), (.adjustHead, [47], nil), (.adjustHead, [-257], nil),
            (.adjustHead, [-256], Array(repeating: 0, count: 256) + start), (.adjustHead, [-200, -57], nil),
            (.adjustHead, [40, -40], Array(repeating: 0, count: 40) + start[40...]), (.adjustHead, [.min], nil),
            (.adjustHead, [40, -297], nil), (.adjustHead, [.max], nil), (.adjustHead, [0], start),
            (.adjustTail, [-46], Array(start[..<14])), (.adjustTail, [-47], nil), (.adjustTail, [.min], nil),
            (.adjustTail, [3], start + [0, 0, 0]), (.adjustTail, [-8, 8], start[..<52] + Array(repeating: 0, count: 8)),
            (.adjustTail, [3_460], start + Array(repeating: 0, count: 3_460)), (.adjustTail, [3_461], nil),
            (.adjustTail, [.max], nil), (.adjustTail, [0], start),
        ]
        for (helper, deltas, expected) in cases {
            var frame = start
            let result = try machine.run(adjust(helper, deltas), on: &frame)
            #expect(result == (expected == nil ? error(22) : 2), "\(helper) \(deltas)")
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
            #expect(fault { $0.move(.r1, 1); $0.move(.r2, 1); $0.call(helper) }?.reason == .argument(helper, 1))
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
        #expect(try machine.run(plain, over: frame60.span.bytes) == 2)
        machine.cookies.listens = true
        #expect(try machine.run(plain, over: frame60.span.bytes) == 10)
        let odd = looking(13) { _ in }
        #expect(try machine.run(odd, over: frame60.span.bytes) == 2)
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
