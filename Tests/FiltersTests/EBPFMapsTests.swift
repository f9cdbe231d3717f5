import FilterKit
import Filters
import Testing

let frame60 = [UInt8](repeating: 0, count: 60)

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

/// What r0 holds after an error of this number.
func refusal(_ number: Int32) -> UInt32 { UInt32(bitPattern: -number) }

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
                let found = try machine.run(lookup(map), over: key)
                #expect(found == model[key].map { UInt32(number($0[0..<4])) } ?? .max)
                if model[key] != nil { use(key) }
            case 3...6:
                let flags = Int32(random.next() % 4)
                var expected: UInt32 = 0
                if flags == 3 { expected = refusal(22) }
                if flags == 2, model[key] == nil { expected = refusal(2) }
                if flags == 1, model[key] != nil { expected = refusal(17) }
                if expected == 0, model[key] == nil, model.count == 50 {
                    if kind == .hash { expected = refusal(7) } else { model[order.removeFirst()] = nil }
                }
                #expect(try machine.run(update(map, flags: flags), over: (key + value)) == expected)
                refused += expected == refusal(7) ? 1 : 0
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
            (0..<length).allSatisfy { bit in
                let differences: UInt8 = first[bit / 8] ^ second[bit / 8]
                return differences & (0x80 >> UInt8(bit % 8)) == 0
            }
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
                    update(map), over: (bytes(UInt64(length), 4) + one + bytes(UInt64(value), 4)))
                if let place {
                    model[place].value = value
                } else if model.count < 300 {
                    model.append((length, one, value))
                }
                #expect(result == (place != nil || model.last?.value == value ? 0 : refusal(28)))
            }
            if round % 16 == 7 {
                machine[map, bytes(UInt64(length), 4) + one] = nil
                model.removeAll { $0.length == length && agree($0.address, one, length) }
            }
            let depth = random.next() % 4 == 0 ? Int(random.next() % 129) : 128
            let expected = model.filter { $0.length <= depth && agree($0.address, one, $0.length) }
                .max { $0.length < $1.length }
            let key = bytes(UInt64(depth), 4) + one
            #expect(try machine.run(lookup(map), over: key) == expected?.value ?? .max)
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
        #expect(try machine.run(lookup(map), over: long) == .max)
        #expect(try machine.run(update(map), over: long) == refusal(22))
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
                #expect(try machine.run(update(map), over: (bytes(4, 4) + value)) == 0)
                #expect(machine[map, 4] == value && machine[map, 3] == bytes(0, 12) && machine[map, 5] == nil)
                #expect(try machine.run(lookup(map), over: bytes(4, 4)) == UInt32(processor) + 1)
                #expect(try machine.run(lookup(map), over: bytes(5, 4)) == .max)
            }
            #expect(machine.sums(map, 4) == [map == own ? 261 : 256])
            #expect(machine.sums(map, 0) == [0] && machine.sums(map, 5).isEmpty)
            machine.processor = 3
            #expect(machine[map, 4]?.first == (map == own ? 4 : 0))
            #expect(try machine.run(update(map), over: (bytes(5, 4) + bytes(0, 12))) == refusal(7))
            #expect(try machine.run(update(map, flags: 1), over: (bytes(4, 4) + bytes(0, 12))) == refusal(17))
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
            EBPF.Map("wrong", .array, key: 8, value: 4, entries: 1),
            EBPF.Map("wrong", .hash, key: 0, value: 4, entries: 1),
            EBPF.Map("wrong", .hash, key: 33, value: 4, entries: 1),
            EBPF.Map("wrong", .hash, key: 4, value: 0, entries: 1),
            EBPF.Map("wrong", .hash, key: 4, value: 4, entries: 0),
            EBPF.Map("wrong", .prefixes, key: 4, value: 4, entries: 1),
            EBPF.Map("wrong", .prefixes, key: 21, value: 4, entries: 1),
            EBPF.Map("wrong", .ring, key: 0, value: 0, entries: 5_000),
            EBPF.Map("wrong", .ring, key: 4, value: 0, entries: 4_096),
            EBPF.Map("wrong", .programs, key: 4, value: 8, entries: 1),
            EBPF.Map("wrong", .array, key: 4, value: .max, entries: .max),
            EBPF.Map("wrong", .array, key: 4, value: 1 << 20, entries: 1 << 11),
            EBPF.Map("wrong", .perProcessorArray, key: 4, value: 8, entries: 1 << 20),
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
            let result = try machine.run(output(97), over: bytes(UInt64(round), 4))
            #expect(result == (round < 36 ? 0 : refusal(11)))
            taken += result == 0 ? 1 : 0
        }
        let records = machine.takeRecords(of: ring)
        #expect(records.count == taken && taken == 36)
        for (round, record) in records.enumerated() {
            #expect(record.count == 97 && number(record[0..<8]) == UInt64(round) | 5 << 32 && record[8] == 12)
        }
        #expect(machine.takeRecords(of: ring).isEmpty)
        #expect(try machine.run(output(8, flags: 1), over: frame60) == 0)
        #expect(try machine.run(output(8, flags: 4), over: frame60) == refusal(22))
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
}
