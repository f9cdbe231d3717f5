internal import Packets

/// The short way through the headers that nearly all packets take: Ethernet without tags, IPv4 without options and whole,
/// TCP or UDP. All stands where it always stands, so that nothing is added up and one look at the frame's end is enough.
/// Whatever is not so, or contradicts itself, goes the long way, which finds out what it is: so both say the same.
extension FilterWriter {
    /// As loads give them: the type of IPv4; version 4 with a header of 20 bytes; more or earlier fragments.
    private static let ipv4Type: Int32 = 0x0008
    private static let plainHeader: Int32 = 0x45
    private static let fragmentBits: Int32 = 0xff3f
    /// The port of VXLAN, 4789.
    private static let vxlanPort: Int32 = 0xb512
    /// Where IPv4, what it carries, and the data of UDP begin; and where TCP's data begins at the earliest.
    private static let network = 14
    private static let transport = 34
    private static let datagram = 42
    private static let stream: Int32 = 54

    /// Reads such a packet's facts onto the stack and goes on to `known`; falls through where it is another one.
    mutating func readPlain(known: EBPF.Assembler.Label, sample: (inout FilterWriter) -> Void) {
        let slow = code.label()
        code.move(.r2, .r7)
        code.compute(.add, .r2, Self.stream)
        code.jump(.greater, .r2, .r8, to: slow)
        code.load(.r2, .half, .r7, 12)
        code.jump(.unequal, .r2, Self.ipv4Type, to: slow)
        code.load(.r2, .byte, .r7, Self.network)
        code.jump(.unequal, .r2, Self.plainHeader, to: slow)
        code.load(.r2, .half, .r7, Self.network + 6)
        code.jump(.sharing, .r2, Self.fragmentBits, to: slow)
        code.load(.r1, .half, .r7, Self.network + 2)
        code.fromNetwork(.r1, bits: 16)
        if !isTrusting { refuseUnsound(slow) }
        let udp = code.label()
        let read = code.label()
        code.load(.r3, .byte, .r7, Self.network + 9)
        code.jump(.equal, .r3, Int32(PacketSummary.udp), to: udp)
        code.jump(.unequal, .r3, Int32(PacketSummary.tcp), to: slow)
        readPlainTCP(slow)
        code.jump(to: read)
        code.place(udp)
        readPlainUDP(slow)
        code.place(read)
        storePlain()
        sample(&self)
        code.jump(to: known)
        code.place(slow)
    }

    /// The whole length is in r1: the packet ends within the frame, and its source can be one. r2 and r4 are lost.
    private mutating func refuseUnsound(_ slow: EBPF.Assembler.Label) {
        load(.r2, .frameLength)
        code.compute(.subtract, .r2, Int32(Self.network))
        code.jump(.greater, .r1, .r2, to: slow)
        code.load(.r4, .byte, .r7, Self.network + 12)
        code.jump(.equal, .r4, 127, to: slow)
        code.jump(.atLeast, .r4, 224, to: slow)
        code.load(.r2, .word, .r7, Self.network + 12)
        code.load(.r4, .word, .r7, Self.network + 16)
        code.jump(.equal, .r2, .r4, to: slow)
    }

    /// r2: the flags. r1 and r3 stay.
    private mutating func readPlainTCP(_ slow: EBPF.Assembler.Label) {
        let needsLength = !isTrusting || wanted.contains(.payload)
        if needsLength {
            code.load(.r4, .byte, .r7, Self.transport + 12)
            code.compute(.shiftRight, .r4, 4)
            code.compute(.shiftLeft, .r4, 2)
        }
        code.load(.r2, .byte, .r7, Self.transport + 13)
        if !isTrusting {
            code.jump(.less, .r4, 20, to: slow)
            code.move(.r5, .r4)
            code.compute(.add, .r5, 20)
            code.jump(.greater, .r5, .r1, to: slow)
            for pair: Int32 in [3, 6] {
                code.move(.r5, .r2)
                code.compute(.and, .r5, pair)
                code.jump(.equal, .r5, pair, to: slow)
            }
            code.move(.r5, .r2)
            code.compute(.and, .r5, 0x3f)
            code.jump(.equal, .r5, 0, to: slow)
        }
        guard wanted.contains(.payload) else { return }
        code.move(.r5, .r1)
        code.compute(.subtract, .r5, 20)
        code.compute(.subtract, .r5, .r4)
        store(.payloadLength, .r5)
        code.compute(.add, .r4, Int32(Self.transport))
        store(.payload, .r4)
    }

    /// r2: no flags. r1 and r3 stay.
    private mutating func readPlainUDP(_ slow: EBPF.Assembler.Label) {
        // What is asked for inside of the datagram is found the long way.
        guard !wanted.contains(.dnsType) else {
            code.jump(to: slow)
            return
        }
        if plan.readsTunnels {
            code.load(.r4, .half, .r7, Self.transport + 2)
            code.jump(.equal, .r4, Self.vxlanPort, to: slow)
        }
        if !isTrusting || wanted.contains(.payload) {
            code.load(.r4, .half, .r7, Self.transport + 4)
            code.fromNetwork(.r4, bits: 16)
        }
        if !isTrusting {
            code.jump(.less, .r4, 8, to: slow)
            code.move(.r5, .r4)
            code.compute(.add, .r5, 20)
            code.jump(.greater, .r5, .r1, to: slow)
        }
        if wanted.contains(.payload) {
            code.compute(.subtract, .r4, 8)
            store(.payloadLength, .r4)
            store(.payload, number: Int32(Self.datagram))
        }
        load(.r2, .zero)
    }

    /// r1 has the length, r2 the flags, r3 the protocol; of the rest only what is asked for.
    private mutating func storePlain() {
        if wanted.contains(.transport) {
            store(.length, .r1)
            store(.flags, .r2)
            store(.protocolNumber, .r3)
            for (slot, place) in [(Slot.sourcePort, 0), (.destinationPort, 2)] {
                code.load(.r2, .half, .r7, Self.transport + place)
                code.fromNetwork(.r2, bits: 16)
                store(slot, .r2)
            }
            load(.r1, .zero)
            store(.fragment, .r1)
            for slot in wanted.contains(.control) ? [Slot.icmpType, .icmpCode] : [] { store(slot, .r1) }
            if wanted.contains(.dnsType) { store(.dnsType, number: Self.noType) }
        }
        if wanted.contains(.ttl) {
            code.load(.r2, .byte, .r7, Self.network + 8)
            store(.ttl, .r2)
        }
        guard wanted.contains(.addresses) else { return }
        store(.version, number: 4)
        load(.r1, .zero)
        for area in [Area.source, Area.destination] {
            code.load(.r2, .word, .r7, Self.network + (area == Area.source ? 12 : 16))
            storeIPv4(area)
        }
        guard !isTrusting, plan.hasAllowed || plan.hasNetworks else { return }
        code.load(.r1, .half, .r7, Self.network + 12)
        code.fromNetwork(.r1, bits: 16)
        store(.networkBit, .r1)
    }
}
