internal import Packets

/// What is read of a frame: link, IP with its extension headers, one tunnel, the transport header. Each header is known to
/// be there before a byte of it is read; the rules are those of ``FrameFacts``.
extension FilterWriter {
    /// IPv6 extension headers that are walked (RFC 8200, section 4).
    static let extensionLimit = 6
    static let tagLimit = 2
    private static let plainExtensions: [UInt32] = [0, 43, 60, 135, 139, 140]
    private static let fragmentHeader: UInt32 = 44
    private static let authenticationHeader: UInt32 = 51
    /// As a load of two bytes gives them.
    private static let ipv4Type: Int32 = 0x0008
    private static let ipv6Type: Int32 = 0xdd86
    private static let tagTypes: [Int32] = [0x0081, 0xa888, 0x0091]

    /// Reads all of the frame.
    /// - Parameters:
    ///   - isShort: most packets take the short way, which does not say where their headers are.
    ///   - sample: what is done once it is known to be IP.
    mutating func readFrame(isShort: Bool = true, sample: (inout FilterWriter) -> Void = { _ in }) {
        let known = code.label()
        if isShort { readPlain(known: known, sample: sample) }
        code.move(.r2, .r7)
        code.compute(.add, .r2, 14)
        code.jump(.greater, .r2, .r8, to: other)
        readAny(sample: sample)
        code.place(known)
    }

    private mutating func readAny(sample: (inout FilterWriter) -> Void) {
        let ipv4 = code.label()
        let ipv6 = code.label()
        let found = code.label()
        readLink(found)
        code.place(found)
        let isIP = code.label()
        code.jump(.equal, .r2, Self.ipv4Type, to: isIP)
        code.jump(.unequal, .r2, Self.ipv6Type, to: other)
        code.place(isIP)
        store(.version, .r2)
        sample(&self)
        load(.r2, .version)
        code.jump(.equal, .r2, Self.ipv6Type, to: ipv6)
        let transport = code.label()
        readPacket(ipv4: ipv4, ipv6: ipv6, isInner: false)
        if plan.readsTunnels {
            let inner4 = code.label()
            let inner6 = code.label()
            enterTunnel(ipv4: inner4, ipv6: inner6, none: transport)
            readPacket(ipv4: inner4, ipv6: inner6, isInner: true)
        }
        code.place(transport)
        readTransport()
    }

    /// The type of what the frame carries in r2, where it begins in its slot.
    private mutating func readLink(_ found: EBPF.Assembler.Label) {
        code.load(.r2, .half, .r7, 12)
        code.move(.r3, 14)
        store(.network, .r3)
        // Most frames are these, and have no tag.
        for type in [Self.ipv4Type, Self.ipv6Type] { code.jump(.equal, .r2, type, to: found) }
        for tag in 0..<Self.tagLimit {
            let isTag = code.label()
            for type in Self.tagTypes { code.jump(.equal, .r2, type, to: isTag) }
            code.jump(to: found)
            code.place(isTag)
            let end = Int32(18 + 4 * tag)
            code.move(.r3, .r7)
            code.compute(.add, .r3, end)
            code.jump(.greater, .r3, .r8, to: other)
            code.load(.r2, .half, .r7, Int(end) - 2)
            code.move(.r3, end)
            store(.network, .r3)
        }
    }

    /// An IP packet at `network`; falls out at its end with all of its facts on the stack.
    private mutating func readPacket(ipv4: EBPF.Assembler.Label, ipv6: EBPF.Assembler.Label, isInner: Bool) {
        let done = code.label()
        code.place(ipv4)
        readIPv4(isInner: isInner)
        code.jump(to: done)
        code.place(ipv6)
        readIPv6(isInner: isInner, done: done)
        code.place(done)
    }

    /// r9: the place of an offset that is in r3, with so many bytes behind it in the frame.
    private mutating func point(to count: Int32) {
        code.compute(.and, .r3, Self.offsetMask)
        code.move(.r9, .r7)
        code.compute(.add, .r9, .r3)
        code.move(.r2, .r9)
        code.compute(.add, .r2, count)
        code.jump(.greater, .r2, .r8, to: malformed)
    }

    /// The same where the bytes must also lie before the IP packet's end, which is in r4 afterwards.
    private mutating func pointInside(_ slot: Slot, _ count: Int32, else label: EBPF.Assembler.Label) {
        load(.r3, slot)
        code.compute(.and, .r3, Self.offsetMask)
        load(.r4, .end)
        code.move(.r2, .r3)
        code.compute(.add, .r2, count)
        code.jump(.greater, .r2, .r4, to: label)
        code.move(.r9, .r7)
        code.compute(.add, .r9, .r3)
        code.move(.r2, .r9)
        code.compute(.add, .r2, count)
        code.jump(.greater, .r2, .r8, to: label)
    }

    private mutating func beginHeader(_ size: Int32, version: Int32, isInner: Bool) {
        if isInner {
            pointInside(.network, size, else: malformed)
        } else {
            load(.r3, .network)
            point(to: size)
        }
        code.load(.r2, .byte, .r9, 0)
        if !isTrusting {
            code.move(.r1, .r2)
            code.compute(.shiftRight, .r1, 4)
            code.jump(.unequal, .r1, version, to: malformed)
        }
        code.move(.r1, version)
        store(.version, .r1)
    }

    /// The packet of the length in r1 ends where it may; its end is stored. r3 is where it begins.
    private mutating func storeEnd(isInner: Bool) {
        store(.length, .r1)
        code.compute(.add, .r1, .r3)
        if !isTrusting {
            load(.r2, isInner ? .end : .frameLength)
            code.jump(.greater, .r1, .r2, to: malformed)
        }
        store(.end, .r1)
    }

    private mutating func readIPv4(isInner: Bool) {
        beginHeader(20, version: 4, isInner: isInner)
        code.compute(.and, .r2, 15)
        if !isTrusting { code.jump(.less, .r2, 5, to: malformed) }
        code.compute(.shiftLeft, .r2, 2)
        code.load(.r1, .half, .r9, 2)
        code.fromNetwork(.r1, bits: 16)
        if !isTrusting { code.jump(.less, .r1, .r2, to: malformed) }
        code.compute(.add, .r2, .r3)
        store(.transport, .r2)
        storeEnd(isInner: isInner)
        if wanted.contains(.ttl) {
            code.load(.r2, .byte, .r9, 8)
            store(.ttl, .r2)
        }
        code.load(.r2, .byte, .r9, 9)
        store(.protocolNumber, .r2)
        code.load(.r2, .half, .r9, 6)
        code.fromNetwork(.r2, bits: 16)
        storeFragment(offset: 0x1fff, more: 0x2000)
        if wanted.contains(.addresses) { load(.r1, .zero) }
        for area in wanted.contains(.addresses) ? [Area.source, Area.destination] : [] {
            code.load(.r2, .word, .r9, area == Area.source ? 12 : 16)
            storeIPv4(area)
        }
        guard !isTrusting else { return }
        if plan.hasAllowed || plan.hasNetworks {
            code.load(.r1, .half, .r9, 12)
            code.fromNetwork(.r1, bits: 16)
            store(.networkBit, .r1)
        }
        code.load(.r1, .byte, .r9, 12)
        code.jump(.equal, .r1, 127, to: malformed)
        code.jump(.atLeast, .r1, 224, to: malformed)
        code.load(.r1, .word, .r9, 12)
        code.load(.r2, .word, .r9, 16)
        code.jump(.equal, .r1, .r2, to: malformed)
    }

    /// The address in r2, with zero in r1.
    mutating func storeIPv4(_ area: Int) {
        code.store(.word, .frame, area, .r1)
        code.store(.word, .frame, area + 4, .r1)
        code.store(.word, .frame, area + 8, number: Int32(bitPattern: 0xffff_0000))
        code.store(.word, .frame, area + 12, .r2)
        code.store(.word, .frame, area + 16, .r1)
    }

    /// Of the fields in r2; r1 is lost.
    private mutating func storeFragment(offset: Int32, more: Int32) {
        let known = code.label()
        code.move(.r1, 2)
        code.jump(.sharing, .r2, offset, to: known)
        code.move(.r1, 1)
        code.jump(.sharing, .r2, more, to: known)
        load(.r1, .zero)
        code.place(known)
        store(.fragment, .r1)
    }

    private mutating func readIPv6(isInner: Bool, done: EBPF.Assembler.Label) {
        beginHeader(40, version: 6, isInner: isInner)
        code.load(.r1, .half, .r9, 4)
        code.fromNetwork(.r1, bits: 16)
        code.compute(.add, .r1, 40)
        storeEnd(isInner: isInner)
        code.compute(.add, .r3, 40)
        store(.transport, .r3)
        if wanted.contains(.ttl) {
            code.load(.r2, .byte, .r9, 7)
            store(.ttl, .r2)
        }
        code.load(.r2, .byte, .r9, 6)
        store(.protocolNumber, .r2)
        load(.r1, .zero)
        store(.fragment, .r1)
        for (area, place) in wanted.contains(.addresses) ? [(Area.source, 8), (Area.destination, 24)] : [] {
            for word in 0..<4 {
                code.load(.r2, .word, .r9, place + 4 * word)
                code.store(.word, .frame, area + 4 * word, .r2)
            }
            code.store(.word, .frame, area + 16, .r1)
        }
        if !isTrusting {
            if plan.hasAllowed || plan.hasNetworks {
                code.load(.r1, .word, .r9, 8)
                code.fromNetwork(.r1, bits: 32)
                code.move(.r2, .r1)
                code.compute(.shiftRight, .r2, 16)
                code.compute(.xor, .r1, .r2)
                code.compute(.and, .r1, 0xffff)
                store(.networkBit, .r1)
            }
            refuseSourceIPv6()
        }
        for _ in 0..<Self.extensionLimit { readExtension(done) }
        load(.r2, .protocolNumber)
        for number in Self.plainExtensions + [Self.fragmentHeader, Self.authenticationHeader] {
            code.jumpWord(.equal, .r2, number, to: malformed)
        }
    }

    /// ff00::/8, ::1, and the destination's own address are no sources; ::ffff:0:0/96 is neither source nor destination.
    private mutating func refuseSourceIPv6() {
        code.load(.r1, .byte, .r9, 8)
        code.jump(.equal, .r1, 255, to: malformed)
        code.load(.r1, .double, .r9, 8)
        code.load(.r2, .double, .r9, 16)
        let isOther = code.label()
        code.jump(.unequal, .r1, 0, to: isOther)
        code.moveWhole(.r3, 1 << 56)
        code.jump(.equal, .r2, .r3, to: malformed)
        code.load(.r3, .word, .r9, 16)
        code.jumpWord(.equal, .r3, 0xffff_0000, to: malformed)
        code.place(isOther)
        let isWide = code.label()
        code.load(.r3, .double, .r9, 24)
        code.jump(.unequal, .r3, 0, to: isWide)
        code.load(.r3, .word, .r9, 32)
        code.jumpWord(.equal, .r3, 0xffff_0000, to: malformed)
        code.place(isWide)
        let differs = code.label()
        code.load(.r3, .double, .r9, 24)
        code.jump(.unequal, .r1, .r3, to: differs)
        code.load(.r3, .double, .r9, 32)
        code.jump(.equal, .r2, .r3, to: malformed)
        code.place(differs)
    }

    /// One extension header, if the next one is that; else on to `done`.
    private mutating func readExtension(_ done: EBPF.Assembler.Label) {
        let plain = code.label()
        let authentication = code.label()
        let fragment = code.label()
        let next = code.label()
        load(.r2, .protocolNumber)
        for number in Self.plainExtensions { code.jumpWord(.equal, .r2, number, to: plain) }
        code.jumpWord(.equal, .r2, Self.fragmentHeader, to: fragment)
        code.jumpWord(.equal, .r2, Self.authenticationHeader, to: authentication)
        code.jump(to: done)
        code.place(plain)
        pointInside(.transport, 2, else: malformed)
        code.load(.r2, .byte, .r9, 1)
        code.compute(.add, .r2, 1)
        code.compute(.shiftLeft, .r2, 3)
        code.jump(to: next)
        code.place(authentication)
        pointInside(.transport, 2, else: malformed)
        code.load(.r2, .byte, .r9, 1)
        code.compute(.add, .r2, 2)
        code.compute(.shiftLeft, .r2, 2)
        code.jump(to: next)
        code.place(fragment)
        pointInside(.transport, 8, else: malformed)
        code.load(.r2, .half, .r9, 2)
        code.fromNetwork(.r2, bits: 16)
        let isPart = code.label()
        // A fragment that is the whole changes nothing (RFC 6946).
        code.jump(.sharing, .r2, 0xfff9, to: isPart)
        code.move(.r2, 8)
        code.jump(to: next)
        code.place(isPart)
        storeFragment(offset: 0xfff8, more: 1)
        load(.r1, .fragment)
        code.move(.r2, 8)
        code.jump(.unequal, .r1, 2, to: next)
        code.load(.r2, .byte, .r9, 0)
        store(.protocolNumber, .r2)
        code.jump(to: done)
        code.place(next)
        code.compute(.add, .r3, .r2)
        code.jump(.greater, .r3, .r4, to: malformed)
        store(.transport, .r3)
        code.load(.r2, .byte, .r9, 0)
        store(.protocolNumber, .r2)
    }

    /// To the packet inside of IP in IP, GRE (RFC 2784, RFC 2890) or VXLAN (RFC 7348); else to `none`.
    private mutating func enterTunnel(
        ipv4: EBPF.Assembler.Label, ipv6: EBPF.Assembler.Label, none: EBPF.Assembler.Label
    ) {
        let gre = code.label()
        let udp = code.label()
        let typed = code.label()
        load(.r2, .fragment)
        code.jump(.unequal, .r2, 0, to: none)
        load(.r3, .transport)
        store(.network, .r3)
        load(.r2, .protocolNumber)
        code.jump(.equal, .r2, 4, to: ipv4)
        code.jump(.equal, .r2, 41, to: ipv6)
        code.jump(.equal, .r2, 47, to: gre)
        code.jump(.equal, .r2, Int32(PacketSummary.udp), to: udp)
        code.jump(to: none)

        code.place(gre)
        pointInside(.transport, 4, else: none)
        code.load(.r2, .half, .r9, 0)
        code.fromNetwork(.r2, bits: 16)
        code.jump(.sharing, .r2, 0x4fff, to: none)
        code.load(.r5, .half, .r9, 2)
        code.compute(.add, .r3, 4)
        for flag: Int32 in [0x8000, 0x2000, 0x1000] {
            let isAbsent = code.label()
            let isThere = code.label()
            code.jump(.sharing, .r2, flag, to: isThere)
            code.jump(to: isAbsent)
            code.place(isThere)
            code.compute(.add, .r3, 4)
            code.place(isAbsent)
        }
        code.jump(.greater, .r3, .r4, to: none)
        code.jump(to: typed)

        code.place(udp)
        pointInside(.transport, 30, else: none)
        code.load(.r2, .half, .r9, 2)
        // 4789.
        code.jump(.unequal, .r2, 0xb512, to: none)
        code.load(.r2, .byte, .r9, 8)
        code.compute(.and, .r2, 8)
        code.jump(.equal, .r2, 0, to: none)
        code.load(.r5, .half, .r9, 28)
        code.compute(.add, .r3, 30)
        code.place(typed)
        store(.network, .r3)
        code.jump(.equal, .r5, Self.ipv4Type, to: ipv4)
        code.jump(.equal, .r5, Self.ipv6Type, to: ipv6)
        code.jump(to: none)
    }
}
