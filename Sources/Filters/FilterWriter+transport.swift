internal import Packets

/// The transport header: what it must be to make sense, and what rules ask of it.
extension FilterWriter {
    mutating func readTransport() {
        let done = code.label()
        let tcp = code.label()
        let udp = code.label()
        let icmp = code.label()
        let icmpv6 = code.label()
        if wanted.contains(.transport) {
            load(.r1, .zero)
            for slot in [Slot.sourcePort, .destinationPort, .flags] { store(slot, .r1) }
            for slot in wanted.contains(.control) ? [Slot.icmpType, .icmpCode] : [] { store(slot, .r1) }
            for slot in wanted.contains(.payload) ? [Slot.payloadLength, .payload] : [] { store(slot, .r1) }
            if wanted.contains(.dnsType) { store(.dnsType, number: Self.noType) }
        }
        load(.r2, .fragment)
        code.jump(.equal, .r2, 2, to: done)
        load(.r2, .protocolNumber)
        load(.r3, .transport)
        code.compute(.and, .r3, Self.offsetMask)
        code.move(.r9, .r7)
        code.compute(.add, .r9, .r3)
        load(.r4, .end)
        code.compute(.subtract, .r4, .r3)
        code.jump(.equal, .r2, Int32(PacketSummary.tcp), to: tcp)
        code.jump(.equal, .r2, Int32(PacketSummary.udp), to: udp)
        code.jump(.equal, .r2, Int32(PacketSummary.icmp), to: icmp)
        code.jump(.equal, .r2, Int32(PacketSummary.icmpv6), to: icmpv6)
        code.jump(to: done)

        code.place(tcp)
        require(20)
        code.load(.r2, .byte, .r9, 12)
        code.compute(.shiftRight, .r2, 4)
        code.compute(.shiftLeft, .r2, 2)
        code.load(.r1, .byte, .r9, 13)
        if !isTrusting {
            code.jump(.less, .r2, 20, to: malformed)
            code.jump(.greater, .r2, .r4, to: malformed)
            for pair: Int32 in [3, 6] {
                code.move(.r5, .r1)
                code.compute(.and, .r5, pair)
                code.jump(.equal, .r5, pair, to: malformed)
            }
            code.move(.r5, .r1)
            code.compute(.and, .r5, 0x3f)
            code.jump(.equal, .r5, 0, to: malformed)
        }
        if wanted.contains(.transport) {
            store(.flags, .r1)
            storePorts()
            code.compute(.add, .r3, .r2)
            code.compute(.subtract, .r4, .r2)
            storePayload()
        }
        code.jump(to: done)

        code.place(udp)
        require(8)
        code.load(.r2, .half, .r9, 4)
        code.fromNetwork(.r2, bits: 16)
        if !isTrusting { code.jump(.less, .r2, 8, to: malformed) }
        let fits = code.label()
        code.jump(.atMost, .r2, .r4, to: fits)
        load(.r5, .fragment)
        code.jump(.equal, .r5, 0, to: malformed)
        code.move(.r2, .r4)
        code.place(fits)
        if wanted.contains(.transport) {
            code.move(.r4, .r2)
            code.compute(.subtract, .r4, 8)
            storePorts()
            code.compute(.add, .r3, 8)
            storePayload()
            if wanted.contains(.dnsType) { readType(done) }
        }
        code.jump(to: done)

        code.place(icmp)
        require(8)
        if wanted.contains(.transport) { readControl() }
        code.jump(to: done)
        code.place(icmpv6)
        require(4)
        if wanted.contains(.transport) { readControl() }
        code.place(done)
    }

    /// So many bytes of the transport header are there; r4 says how many there are.
    private mutating func require(_ count: Int32) {
        code.jump(.less, .r4, count, to: malformed)
        code.move(.r5, .r9)
        code.compute(.add, .r5, count)
        code.jump(.greater, .r5, .r8, to: malformed)
    }

    private mutating func storePorts() {
        for (slot, place) in [(Slot.sourcePort, 0), (.destinationPort, 2)] {
            code.load(.r1, .half, .r9, place)
            code.fromNetwork(.r1, bits: 16)
            store(slot, .r1)
        }
    }

    /// Where it begins, in r3, and how long it is, in r4.
    private mutating func storePayload() {
        guard wanted.contains(.payload) else { return }
        store(.payload, .r3)
        store(.payloadLength, .r4)
    }

    private mutating func readControl() {
        if wanted.contains(.control) {
            code.load(.r1, .byte, .r9, 0)
            store(.icmpType, .r1)
            code.load(.r1, .byte, .r9, 1)
            store(.icmpCode, .r1)
        }
        let hasNone = code.label()
        code.jump(.less, .r4, 8, to: hasNone)
        code.compute(.subtract, .r4, 8)
        code.compute(.add, .r3, 8)
        storePayload()
        code.place(hasNone)
    }

    /// Labels of a name that are walked to its end, as ``BPFProgram`` does.
    private static let labelLimit = 16

    /// The type behind a question's name; r3 and r4 are where the payload begins and how long it is.
    private mutating func readType(_ done: EBPF.Assembler.Label) {
        let isEnd = code.label()
        code.jump(.less, .r4, 17, to: done)
        code.compute(.add, .r4, .r3)
        code.compute(.add, .r3, 12)
        store(.dnsType, .r3)
        for step in 0...Self.labelLimit {
            // The place is kept in the slot meanwhile: what the verifier knew of it is forgotten there.
            load(.r3, .dnsType)
            code.compute(.and, .r3, Self.offsetMask)
            code.move(.r2, .r3)
            code.compute(.add, .r2, 3)
            let isInside = code.label()
            let none = code.label()
            code.jump(.atMost, .r2, .r4, to: isInside)
            code.place(none)
            store(.dnsType, number: Self.noType)
            code.jump(to: done)
            code.place(isInside)
            code.move(.r9, .r7)
            code.compute(.add, .r9, .r3)
            code.move(.r2, .r9)
            code.compute(.add, .r2, 3)
            code.jump(.greater, .r2, .r8, to: none)
            code.load(.r2, .byte, .r9, 0)
            code.jump(.equal, .r2, 0, to: isEnd)
            guard step < Self.labelLimit else {
                code.jump(to: none)
                break
            }
            code.jump(.greater, .r2, 63, to: none)
            code.compute(.add, .r3, .r2)
            code.compute(.add, .r3, 1)
            store(.dnsType, .r3)
        }
        code.place(isEnd)
        // r9 points to the name's end with three bytes: each way here has seen to that; once more for the verifier.
        load(.r3, .dnsType)
        code.compute(.and, .r3, Self.offsetMask)
        code.move(.r9, .r7)
        code.compute(.add, .r9, .r3)
        code.move(.r2, .r9)
        code.compute(.add, .r2, 3)
        code.jump(.greater, .r2, .r8, to: done)
        code.load(.r2, .half, .r9, 1)
        code.fromNetwork(.r2, bits: 16)
        store(.dnsType, .r2)
    }
}
