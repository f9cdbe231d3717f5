import Filters

// Small programs for these tests; what the service's own programs mean is tested with the room that writes them.

typealias Assembler = EBPF.Assembler

let counts = EBPF.Map("counts", .perProcessorArray, key: 4, value: 16, entries: 8)

/// Passes what is not IPv4, drops IPv4 of one protocol and passes the rest, and counts what it drops at 1 and what it
/// passes at 0: packets and the protocols' numbers added up.
func dropping(protocol number: Int32, counting counts: EBPF.Map = counts) -> EBPF.Program {
    var code = Assembler()
    let pass = code.label()
    let count = code.label()
    let end = code.label()
    code.move(.r7, Int32(EBPF.Action.pass.rawValue))
    code.load(.r2, .word, .r1, 0)
    code.load(.r3, .word, .r1, 4)
    code.move(.r4, .r2)
    code.compute(.add, .r4, 34)
    code.jump(.greater, .r4, .r3, to: end)
    code.load(.r4, .half, .r2, 12)
    code.fromNetwork(.r4, bits: 16)
    code.jump(.unequal, .r4, 0x0800, to: end)
    code.load(.r6, .byte, .r2, 23)
    code.jump(.unequal, .r6, number, to: pass)
    code.move(.r7, Int32(EBPF.Action.drop.rawValue))
    code.store(.word, .frame, -4, number: 1)
    code.jump(to: count)
    code.place(pass)
    code.store(.word, .frame, -4, number: 0)
    code.place(count)
    code.addOne(to: counts, adding: .r6)
    code.place(end)
    code.move(.r0, .r7)
    code.exit()
    return code.finished()
}

/// Gives each packet the same end, and counts it at an index.
func always(_ action: EBPF.Action, at index: Int32, counting counts: EBPF.Map = counts) -> EBPF.Program {
    var code = Assembler()
    code.store(.word, .frame, -4, number: index)
    code.move(.r6, 1)
    code.addOne(to: counts, adding: .r6)
    code.exit(action)
    return code.finished()
}

/// Drops where the map has an entry for the 16 bytes behind the Ethernet header (with a length before them, in a map of
/// prefixes), passes otherwise.
func droppingListed(in map: EBPF.Map) -> EBPF.Program {
    var code = Assembler()
    let pass = code.label()
    code.load(.r2, .word, .r1, 0)
    code.load(.r3, .word, .r1, 4)
    code.move(.r4, .r2)
    code.compute(.add, .r4, 30)
    code.jump(.greater, .r4, .r3, to: pass)
    for word in 0..<4 {
        code.load(.r4, .word, .r2, 14 + 4 * word)
        code.store(.word, .frame, -16 + 4 * word, .r4)
    }
    code.store(.word, .frame, -20, number: 128)
    code.map(.r1, map)
    code.move(.r2, .frame)
    code.compute(.add, .r2, map.kind == .prefixes ? -20 : -16)
    code.call(.mapLookup)
    code.jump(.equal, .r0, 0, to: pass)
    code.exit(.drop)
    code.place(pass)
    code.exit(.pass)
    return code.finished()
}

/// Goes on to the program in a slot, and aborts where there is none.
func goingOn(to slot: Int32, of table: EBPF.Map) -> EBPF.Program {
    var code = Assembler()
    code.map(.r2, table)
    code.move(.r3, slot)
    code.call(.tailCall)
    code.exit(.aborted)
    return code.finished()
}

/// Puts the first 14 bytes of each frame and a number of 16 bits (how many frames it has seen; kept in an array) into a
/// ring.
func sampling(into ring: EBPF.Map, numbering numbers: EBPF.Map) -> EBPF.Program {
    var code = Assembler()
    let end = code.label()
    code.load(.r6, .word, .r1, 0)
    code.load(.r3, .word, .r1, 4)
    code.move(.r4, .r6)
    code.compute(.add, .r4, 14)
    code.jump(.greater, .r4, .r3, to: end)
    for (offset, size) in [(0, EBPF.Size.double), (8, .word), (12, .half)] {
        code.load(.r4, size, .r6, offset)
        code.store(size, .frame, -16 + offset, .r4)
    }
    code.store(.word, .frame, -20, number: 0)
    code.map(.r1, numbers)
    code.move(.r2, .frame)
    code.compute(.add, .r2, -20)
    code.call(.mapLookup)
    code.jump(.equal, .r0, 0, to: end)
    code.load(.r4, .double, .r0, 0)
    code.store(.half, .frame, -2, .r4)
    code.compute(.add, .r4, 1)
    code.store(.double, .r0, 0, .r4)
    code.map(.r1, ring)
    code.move(.r2, .frame)
    code.compute(.add, .r2, -16)
    code.move(.r3, 16)
    code.move(.r4, 0)
    code.call(.ringOutput)
    code.place(end)
    code.exit(.pass)
    return code.finished()
}

/// Drops frames of so many bytes and more, all in one piece.
func dropping(from size: Int) -> EBPF.Program {
    var code = Assembler()
    let pass = code.label()
    code.load(.r2, .word, .r1, 0)
    code.load(.r3, .word, .r1, 4)
    code.compute(.add, .r2, Int32(size))
    code.jump(.greater, .r2, .r3, to: pass)
    code.exit(.drop)
    code.place(pass)
    code.exit(.pass)
    return code.finished()
}

/// Reads beyond what it has checked: no verifier lets it in.
func unchecked() -> EBPF.Program {
    var code = Assembler()
    code.load(.r2, .word, .r1, 0)
    code.load(.r0, .byte, .r2, 0)
    code.exit()
    return code.finished()
}

extension EBPF.Assembler {
    /// Adds one and a register to the two numbers at the index that lies at -4. Leaves r6 to r9.
    mutating func addOne(to counts: EBPF.Map, adding register: EBPF.Register) {
        let absent = label()
        map(.r1, counts)
        move(.r2, .frame)
        compute(.add, .r2, -4)
        call(.mapLookup)
        jump(.equal, .r0, 0, to: absent)
        load(.r1, .double, .r0, 0)
        compute(.add, .r1, 1)
        store(.double, .r0, 0, .r1)
        load(.r1, .double, .r0, 8)
        compute(.add, .r1, register)
        store(.double, .r0, 8, .r1)
        place(absent)
    }
}

/// Counts IPv4's UDP at an index and drops it; passes all else.
func droppingUDP(at index: Int32) -> EBPF.Program {
    var code = Assembler()
    let pass = code.label()
    code.load(.r2, .word, .r1, 0)
    code.load(.r3, .word, .r1, 4)
    code.move(.r4, .r2)
    code.compute(.add, .r4, 34)
    code.jump(.greater, .r4, .r3, to: pass)
    code.load(.r4, .half, .r2, 12)
    code.fromNetwork(.r4, bits: 16)
    code.jump(.unequal, .r4, 0x0800, to: pass)
    code.load(.r6, .byte, .r2, 23)
    code.jump(.unequal, .r6, 17, to: pass)
    code.store(.word, .frame, -4, number: index)
    code.addOne(to: counts, adding: .r6)
    code.exit(.drop)
    code.place(pass)
    code.exit(.pass)
    return code.finished()
}

/// Reserves 16 bytes of a ring, and takes them back: two functions that our own programs do not call.
func takingBack(from ring: EBPF.Map) -> EBPF.Program {
    var code = Assembler()
    let end = code.label()
    code.map(.r1, ring)
    code.move(.r2, 16)
    code.move(.r3, 0)
    let reserve = code.count
    code.call(.ringOutput)
    code.jump(.equal, .r0, 0, to: end)
    code.move(.r1, .r0)
    code.move(.r2, 0)
    let discard = code.count
    code.call(.ringOutput)
    code.place(end)
    code.exit(.pass)
    var program = code.finished()
    program.instructions[reserve].immediate = 131
    program.instructions[discard].immediate = 133
    return program
}

/// Writes the clock into an array's first entry.
func timing(into numbers: EBPF.Map) -> EBPF.Program {
    var code = Assembler()
    let end = code.label()
    code.store(.word, .frame, -4, number: 0)
    code.map(.r1, numbers)
    code.move(.r2, .frame)
    code.compute(.add, .r2, -4)
    code.call(.mapLookup)
    code.jump(.equal, .r0, 0, to: end)
    code.move(.r6, .r0)
    code.call(.coarseClock)
    code.store(.double, .r6, 0, .r0)
    code.place(end)
    code.exit(.pass)
    return code.finished()
}
