internal import Addresses
internal import Fingerprints
internal import Packets

/// Compiled fingerprints: a tree over protocol and ports, whose leaves go on to blocks that all share. Order: patterns of
/// few source ports, of few destination ports, of a protocol, the rest (``PacketPattern/rank``).
extension FilterWriter {
    /// A pattern of a rule, in the order in which rules are asked.
    struct Branch {
        var rule: KernelRule
        var pattern: PacketPattern
    }

    mutating func readRules(_ branches: [Branch]) {
        let live = code.label()
        let end = code.label()
        var groups: [UInt8: [Branch]] = [:]
        for branch in branches {
            if let number = branch.pattern.protocolNumber { groups[number, default: []].append(branch) }
        }
        let rest = code.label()
        let numbers = groups.keys.sorted()
        let starts = numbers.map { _ in code.label() }
        load(.r2, .protocolNumber)
        for (number, start) in zip(numbers, starts) { code.jump(.equal, .r2, Int32(number), to: start) }
        code.jump(to: rest)
        for (number, start) in zip(numbers, starts) {
            code.place(start)
            let group = groups[number]!
            let byDestination = code.label()
            let byProtocol = code.label()
            search(group.filter { $0.pattern.rank == 0 }, .sourcePort, \.singleSourcePorts, live, byDestination)
            code.place(byDestination)
            search(
                group.filter { $0.pattern.rank == 1 }, .destinationPort, \.singleDestinationPorts, live, byProtocol)
            code.place(byProtocol)
            ask(group.filter { $0.pattern.rank == 2 }, live)
            code.jump(to: rest)
        }
        code.place(rest)
        ask(branches.filter { $0.pattern.rank == 3 }, live)
        // What nothing leads to the verifier refuses.
        guard branches.contains(where: { !$0.rule.isDry }) else { return code.place(end) }
        code.jump(to: end)
        // What a rule hit: its counter is in r9.
        code.place(live)
        store(.key, .r9)
        lookUp(FilterMaps.ruleHits, at: Slot.key.rawValue)
        addPacket()
        drop(.rule)
        code.place(end)
    }

    // ---- The tree.

    private mutating func search(
        _ branches: [Branch], _ slot: Slot, _ ports: KeyPath<PacketPattern, [UInt16]?>, _ live: EBPF.Assembler.Label,
        _ next: EBPF.Assembler.Label
    ) {
        guard !branches.isEmpty else { return }
        var leaves: [UInt16: [Branch]] = [:]
        for branch in branches {
            for port in branch.pattern[keyPath: ports] ?? [] { leaves[port, default: []].append(branch) }
        }
        let values = leaves.keys.sorted()
        let labels = values.map { _ in code.label() }
        descend(values[...], labels[...], slot, next)
        for (value, label) in zip(values, labels) {
            code.place(label)
            ask(leaves[value]!, live, implied: slot)
            code.jump(to: next)
        }
    }

    private mutating func descend(
        _ values: ArraySlice<UInt16>, _ labels: ArraySlice<EBPF.Assembler.Label>, _ slot: Slot,
        _ next: EBPF.Assembler.Label
    ) {
        guard values.count > 3 else {
            for (value, label) in zip(values, labels) {
                load(.r2, slot)
                code.jump(.equal, .r2, Int32(value), to: label)
            }
            code.jump(to: next)
            return
        }
        let middle = values.startIndex + values.count / 2
        let upper = code.label()
        load(.r2, slot)
        code.jump(.atLeast, .r2, Int32(values[middle]), to: upper)
        descend(values[..<middle], labels[..<middle], slot, next)
        code.place(upper)
        descend(values[middle...], labels[middle...], slot, next)
    }

    // ---- A rule.

    private mutating func ask(_ branches: [Branch], _ live: EBPF.Assembler.Label, implied: Slot? = nil) {
        for branch in branches {
            let miss = code.label()
            requireHeader(branch.pattern, implied: implied, else: miss)
            require(branch.rule.targets, at: Area.destination, else: miss)
            require(branch.rule.sources, at: Area.source, else: miss)
            requirePayload(branch.pattern, else: miss)
            if branch.rule.until != .max {
                readClock()
                code.moveWhole(.r1, branch.rule.until)
                code.jump(.atLeast, .r0, .r1, to: miss)
            }
            if branch.rule.isDry {
                store(.key, number: Int32(branch.rule.counter))
                lookUp(FilterMaps.ruleHits, at: Slot.key.rawValue)
                addPacket()
                count(.dryRule)
            } else {
                // Never taken; without it nothing would lead to what follows a rule that tests nothing, which the
                // verifier refuses.
                load(.r2, .zero)
                code.jump(.unequal, .r2, 0, to: miss)
                code.move(.r9, Int32(branch.rule.counter))
                code.jump(to: live)
            }
            code.place(miss)
        }
    }

    /// Loads before each comparison: a register that was compared is known, and what is known multiplies the ways.
    private mutating func require(_ slot: Slot, _ numbers: Numbers, else miss: EBPF.Assembler.Label) {
        let fits = code.label()
        for (place, range) in numbers.ranges.enumerated() {
            let isLast = place == numbers.ranges.count - 1
            load(.r2, slot)
            if range.count == 1, isLast {
                code.jumpWord(.unequal, .r2, range.lowerBound, to: miss)
                break
            }
            if range.lowerBound > 0 { code.jumpWord(.less, .r2, range.lowerBound, to: miss) }
            if isLast {
                if range.upperBound < .max { code.jumpWord(.greater, .r2, range.upperBound, to: miss) }
            } else {
                code.jumpWord(.atMost, .r2, range.upperBound, to: fits)
            }
        }
        code.place(fits)
    }

    private mutating func requireHeader(
        _ pattern: PacketPattern, implied: Slot?, else miss: EBPF.Assembler.Label
    ) {
        let ports = [(Slot.sourcePort, pattern.sourcePorts), (.destinationPort, pattern.destinationPorts)]
        for (slot, numbers) in ports where slot != implied {
            if let numbers { require(slot, numbers, else: miss) }
        }
        let flags = pattern.flags.flatMap { Numbers($0.map { UInt32($0)...UInt32($0) }) }
        if let flags { require(.flags, flags, else: miss) }
        if let numbers = pattern.length { require(.length, numbers, else: miss) }
        if let numbers = pattern.ttl { require(.ttl, numbers, else: miss) }
        if let numbers = pattern.icmpType { require(.icmpType, numbers, else: miss) }
        if let numbers = pattern.icmpCode { require(.icmpCode, numbers, else: miss) }
        let kinds = pattern.fragments.flatMap { Numbers($0.map { UInt32($0.rawValue)...UInt32($0.rawValue) }) }
        if let kinds { require(.fragment, kinds, else: miss) }
        // A later fragment has zeros where its ports would be.
        if pattern.readsTransport, pattern.fragments?.contains(.later) ?? true {
            load(.r2, .fragment)
            code.jump(.equal, .r2, 2, to: miss)
        }
        if let types = pattern.dnsType { require(.dnsType, types, else: miss) }
    }

    /// One of the prefixes has the address; none: any address does.
    private mutating func require(_ prefixes: [Prefix], at area: Int, else miss: EBPF.Assembler.Label) {
        guard !prefixes.isEmpty else { return }
        let fits = code.label()
        for prefix in prefixes {
            let differs = code.label()
            load(.r2, .version)
            code.jump(.unequal, .r2, prefix.address.isIPv4 ? 4 : 6, to: differs)
            let bits = prefix.address.isIPv4 ? prefix.length + 96 : prefix.length
            for word in (prefix.address.isIPv4 ? 3 : 0)..<4 where bits > 32 * word {
                let mask: UInt32 = bits >= 32 * (word + 1) ? .max : ~(.max >> UInt32(bits - 32 * word))
                let half = word < 2 ? prefix.address.high : prefix.address.low
                let value = UInt32(truncatingIfNeeded: word % 2 == 0 ? half >> 32 : half)
                code.load(.r2, .word, .frame, area + 4 * word)
                if mask != .max { code.computeWord(.and, .r2, Int32(bitPattern: mask.byteSwapped)) }
                code.jumpWord(.unequal, .r2, (value & mask).byteSwapped, to: differs)
            }
            code.jump(to: fits)
            code.place(differs)
        }
        code.jump(to: miss)
        code.place(fits)
    }

    private mutating func requirePayload(_ pattern: PacketPattern, else miss: EBPF.Assembler.Label) {
        guard pattern.readsPayload else { return }
        load(.r2, .payloadLength)
        code.jump(.less, .r2, Int32(pattern.payloadLength), to: miss)
        guard !pattern.marks.isEmpty else { return }
        load(.r3, .payload)
        code.compute(.and, .r3, Self.offsetMask)
        code.move(.r1, .r7)
        code.compute(.add, .r1, .r3)
        code.move(.r2, .r1)
        code.compute(.add, .r2, Int32(pattern.payloadLength))
        code.jump(.greater, .r2, .r8, to: miss)
        var index = 0
        while index < pattern.marks.count {
            let first = pattern.marks[index].offset
            var count = 1
            while count < 4, index + count < pattern.marks.count, pattern.marks[index + count].offset == first + count {
                count += 1
            }
            if count == 3 { count = 2 }
            var mask: UInt32 = 0
            var value: UInt32 = 0
            for (place, mark) in pattern.marks[index..<index + count].enumerated() {
                mask |= UInt32(mark.mask) << UInt32(8 * place)
                value |= UInt32(mark.value & mark.mask) << UInt32(8 * place)
            }
            code.load(.r2, count == 4 ? .word : count == 2 ? .half : .byte, .r1, first)
            if mask != .max >> UInt32(32 - 8 * count) { code.computeWord(.and, .r2, Int32(bitPattern: mask)) }
            code.jumpWord(.unequal, .r2, value, to: miss)
            index += count
        }
    }
}
