/// What the first program asks beside the headers: lists of sources, budgets, the sketch, samples.
extension FilterWriter {
    /// BPF_RB_NO_WAKEUP: whoever reads the samples comes by itself.
    private static let ringFlags: Int32 = 1

    /// One of so many frames, on average, is copied to the ring, as much of it as a sample holds.
    mutating func takeSample() {
        guard plan.sampling > 0 else { return }
        let none = code.label()
        // To draw a number for each packet would cost as much as all lists together: the next sample is drawn.
        load(.r2, .zero)
        store(.key, .r2)
        lookUp(FilterMaps.countdown, at: Slot.key.rawValue)
        code.jump(.equal, .r0, 0, to: none)
        let isDue = code.label()
        code.load(.r1, .double, .r0, 0)
        code.jump(.equal, .r1, 0, to: isDue)
        code.compute(.subtract, .r1, 1)
        code.store(.double, .r0, 0, .r1)
        code.jump(to: none)
        code.place(isDue)
        code.move(.r9, .r0)
        code.call(.randomNumber)
        // From 0 to twice the mean: one in `sampling` on average.
        code.computeWord(.remainder, .r0, Int32(clamping: 2 * Int64(plan.sampling) - 1))
        code.store(.double, .r9, 0, .r0)
        readClock()
        code.store(.double, .frame, Area.sample, .r0)
        load(.r4, .frameLength)
        code.store(.word, .frame, Area.sample + 8, .r4)
        // There are 14 bytes at least; the verifier is told so.
        let isLong = code.label()
        let known = code.label()
        code.jump(.greater, .r4, Int32(FilterMaps.sampleBytes), to: isLong)
        code.jump(.atLeast, .r4, 1, to: known)
        code.place(isLong)
        code.move(.r4, Int32(FilterMaps.sampleBytes))
        code.place(known)
        code.store(.word, .frame, Area.sample + 12, .r4)
        for place in stride(from: 0, to: FilterMaps.sampleBytes, by: 8) {
            code.store(.double, .frame, Area.sample + FilterMaps.sampleHead + place, number: 0)
        }
        code.move(.r1, .r6)
        code.move(.r2, 0)
        code.move(.r3, .frame)
        code.compute(.add, .r3, Int32(Area.sample + FilterMaps.sampleHead))
        code.call(.loadBytes)
        code.map(.r1, FilterMaps.samples)
        code.move(.r2, .frame)
        code.compute(.add, .r2, Int32(Area.sample))
        code.move(.r3, Int32(FilterMaps.sampleHead + FilterMaps.sampleBytes))
        code.move(.r4, Self.ringFlags)
        code.call(.ringOutput)
        code.place(none)
    }

    // ---- Hashes, as ``FilterMaps/hash(_:key:)`` has them.

    /// r0: the hash of the 16 bytes whose halves are in r1 and r2; r3 and r4 are lost.
    private mutating func hash() {
        code.moveWhole(.r3, plan.key)
        code.compute(.xor, .r1, .r3)
        code.moveWhole(.r3, 0x9fb2_1c65_1e98_df25)
        code.compute(.multiply, .r1, .r3)
        code.compute(.xor, .r2, .r1)
        code.compute(.shiftRight, .r1, 32)
        code.compute(.xor, .r2, .r1)
        code.moveWhole(.r4, 0xd6e8_feb8_6659_fd93)
        code.compute(.multiply, .r2, .r4)
        code.move(.r0, .r2)
        code.compute(.shiftRight, .r2, 32)
        code.compute(.xor, .r0, .r2)
        code.compute(.multiply, .r0, .r3)
    }

    /// r1 and r2: the halves of an address as they lie in memory; r3 is lost.
    private mutating func loadHalves(_ area: Int) {
        for (register, place) in [(EBPF.Register.r1, area), (.r2, area + 8)] {
            code.load(register, .word, .frame, place)
            code.load(.r3, .word, .frame, place + 4)
            code.compute(.shiftLeft, .r3, 32)
            code.compute(.or, register, .r3)
        }
    }

    // ---- The sketch.

    /// Counts the destination and the source's network.
    mutating func countInSketch() {
        guard plan.hasSketch else { return }
        let none = code.label()
        code.call(.processor)
        store(.key, .r0)
        lookUp(FilterMaps.sketch, at: Slot.key.rawValue)
        code.jump(.equal, .r0, 0, to: none)
        code.move(.r9, .r0)
        loadHalves(Area.destination)
        hash()
        addToRows(table: 0)
        loadHalves(Area.source)
        // The network: an IPv4 /24, an IPv6 /48.
        let isIPv6 = code.label()
        let cut = code.label()
        load(.r3, .version)
        code.jump(.equal, .r3, 6, to: isIPv6)
        code.compute(.shiftLeft, .r2, 8)
        code.compute(.shiftRight, .r2, 8)
        code.jump(to: cut)
        code.place(isIPv6)
        code.compute(.shiftLeft, .r1, 16)
        code.compute(.shiftRight, .r1, 16)
        code.move(.r2, 0)
        code.place(cut)
        hash()
        addToRows(table: 1)
        code.place(none)
    }

    /// By the hash in r0, in the memory at r9.
    private mutating func addToRows(table: Int) {
        for row in 0..<FilterMaps.Sketch.rows {
            code.move(.r1, .r0)
            code.compute(.shiftRight, .r1, Int32(12 * row + 16))
            code.compute(.and, .r1, Int32(FilterMaps.Sketch.columns - 1))
            code.compute(.shiftLeft, .r1, 2)
            code.move(.r2, .r9)
            code.compute(.add, .r2, .r1)
            let place = table * FilterMaps.Sketch.tableSize + row * FilterMaps.Sketch.columns * 4
            code.compute(.add, .r2, Int32(place))
            code.load(.r1, .word, .r2, 0)
            code.compute(.add, .r1, 1)
            code.store(.word, .r2, 0, .r1)
        }
    }

    // ---- Lists.

    /// On to `absent` where the list has nothing for the bit in its slot.
    private mutating func askPresence(_ list: FilterMaps.Presence, _ bit: Slot, absent: EBPF.Assembler.Label) {
        load(.r1, bit)
        code.compute(.shiftRight, .r1, 6)
        code.compute(.add, .r1, list.rawValue * Int32(FilterMaps.Presence.bits / 64))
        store(.key, .r1)
        lookUp(FilterMaps.presence, at: Slot.key.rawValue)
        code.jump(.equal, .r0, 0, to: absent)
        code.load(.r0, .double, .r0, 0)
        load(.r1, bit)
        code.compute(.and, .r1, 63)
        code.compute(.shiftRight, .r0, .r1)
        code.compute(.and, .r0, 1)
        code.jump(.equal, .r0, 0, to: absent)
    }

    /// On to `absent` where the entry in r0 is none, or over; else r9 points to it.
    private mutating func requireEntry(absent: EBPF.Assembler.Label) {
        code.jump(.equal, .r0, 0, to: absent)
        code.move(.r9, .r0)
        readClock()
        code.load(.r1, .double, .r9, 0)
        code.jump(.atMost, .r1, .r0, to: absent)
    }

    mutating func askAllowed() {
        guard plan.hasAllowed else { return }
        let absent = code.label()
        askPresence(.allowed, .networkBit, absent: absent)
        code.store(.word, .frame, Area.source - 4, number: 128)
        lookUp(FilterMaps.allowed, at: Area.source - 4)
        requireEntry(absent: absent)
        pass(.allowed)
        code.place(absent)
    }

    mutating func askBlocked() {
        guard plan.hasBlocked else { return }
        loadHalves(Area.source)
        hash()
        code.compute(.shiftRight, .r0, 48)
        store(.addressBit, .r0)
        ask(.blocked, .addressBit, FilterMaps.blocked, at: Area.source, .blockedSource)
    }

    mutating func askNetworks() {
        guard plan.hasNetworks else { return }
        code.store(.word, .frame, Area.source - 4, number: 128)
        ask(.networks, .networkBit, FilterMaps.networks, at: Area.source - 4, .blockedNetwork)
    }

    private mutating func ask(
        _ list: FilterMaps.Presence, _ bit: Slot, _ map: EBPF.Map, at key: Int, _ reason: FilterReason
    ) {
        let absent = code.label()
        let isDry = code.label()
        askPresence(list, bit, absent: absent)
        lookUp(map, at: key)
        requireEntry(absent: absent)
        addPacket(to: .r9, 8)
        code.load(.r1, .word, .r9, 28)
        store(.key, .r1)
        lookUp(FilterMaps.tallies, at: Slot.key.rawValue)
        addPacket()
        code.load(.r1, .word, .r9, 24)
        code.jump(.unequal, .r1, 0, to: isDry)
        drop(reason)
        code.place(isDry)
        count(reason.dry ?? reason)
        code.place(absent)
    }

    // ---- Budgets.

    mutating func askBudgets() {
        guard plan.sourceBudget != nil || plan.destinationBudget != nil else { return }
        readClock()
        code.store(.double, .frame, Area.now, .r0)
        if let budget = plan.sourceBudget {
            let isIPv4 = code.label()
            loadHalves(Area.source)
            load(.r3, .version)
            code.jump(.equal, .r3, 4, to: isIPv4)
            code.move(.r2, 0)
            code.place(isIPv4)
            ask(budget, FilterMaps.sourceBudgets, .sourceBudget)
        }
        if let budget = plan.destinationBudget {
            loadHalves(Area.destination)
            ask(budget, FilterMaps.destinationBudgets, .destinationBudget)
        }
    }

    /// Of the key whose halves are in r1 and r2: the generic cell rate algorithm (ITU-T I.371), once for packets and once
    /// for bytes.
    private mutating func ask(_ budget: FilterPlan.Budget, _ map: EBPF.Map, _ reason: FilterReason) {
        let known = code.label()
        let over = code.label()
        let done = code.label()
        code.store(.double, .frame, Area.subscriber, .r1)
        code.store(.double, .frame, Area.subscriber + 8, .r2)
        lookUp(map, at: Area.subscriber)
        code.jump(.unequal, .r0, 0, to: known)
        code.store(.double, .frame, Area.value, number: 0)
        code.store(.double, .frame, Area.value + 8, number: 0)
        code.map(.r1, map)
        code.move(.r2, .frame)
        code.compute(.add, .r2, Int32(Area.subscriber))
        code.move(.r3, .frame)
        code.compute(.add, .r3, Int32(Area.value))
        // BPF_NOEXIST: another processor may have been quicker.
        code.move(.r4, 1)
        code.call(.mapUpdate)
        lookUp(map, at: Area.subscriber)
        code.jump(.equal, .r0, 0, to: done)
        code.place(known)
        code.load(.r5, .double, .frame, Area.now)
        for (register, place) in [(EBPF.Register.r1, 0), (.r2, 8)] {
            let isLater = code.label()
            code.load(register, .double, .r0, place)
            code.jump(.atLeast, register, .r5, to: isLater)
            code.move(register, .r5)
            code.place(isLater)
        }
        code.compute(.add, .r1, Int32(clamping: budget.packetCost))
        load(.r3, .frameLength)
        code.moveWhole(.r4, budget.byteCost)
        code.compute(.multiply, .r3, .r4)
        code.compute(.shiftRight, .r3, 16)
        code.compute(.add, .r2, .r3)
        code.moveWhole(.r4, budget.burstCost)
        code.compute(.add, .r5, .r4)
        code.jump(.greater, .r1, .r5, to: over)
        code.jump(.greater, .r2, .r5, to: over)
        code.store(.double, .r0, 0, .r1)
        code.store(.double, .r0, 8, .r2)
        code.jump(to: done)
        code.place(over)
        if budget.isDry { count(reason.dry ?? reason) } else { drop(reason) }
        code.place(done)
    }
}
