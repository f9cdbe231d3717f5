internal import Packets

/// Destinations under a flood of SYN: the kernel's own cookies, given here before a connection costs it anything
/// (bpf_tcp_gen_syncookie for the listener that the SYN is for). Where the kernel gives none (no listener,
/// net.ipv4.tcp_syncookies is 1 and its queue not full), the SYN passes as always. The answer has a segment size and no
/// other option: no window scaling while the flood lasts, which is why it is switched on per destination.
extension FilterWriter {
    private enum Place {
        /// 60 bytes of TCP header; the tuple of a connection, 36 bytes; the socket.
        static let header = -320
        static let tuple = -360
        static let socket = -368
        /// What is answered: the cookie and, 32 bits above, the segment size.
        static let answer = -376
        /// Where it is counted for the site.
        static let counter = -384
    }

    /// TCP_LISTEN, and where a socket has its state.
    private static let listening: Int32 = 10
    private static let stateOffset = 72
    /// BPF_F_CURRENT_NETNS.
    private static let ownNamespace: Int32 = -1
    private static let headerLimit: Int32 = 60
    /// TCP's header with one option.
    private static let answerSize: Int32 = 24

    mutating func readCookies() {
        let none = code.label()
        let isSYN = code.label()
        load(.r2, .protocolNumber)
        code.jump(.unequal, .r2, Int32(PacketSummary.tcp), to: none)
        load(.r2, .fragment)
        code.jump(.unequal, .r2, 0, to: none)
        lookUp(FilterMaps.flooded, at: Area.destination)
        code.jump(.equal, .r0, 0, to: none)
        code.move(.r9, .r0)
        readClock()
        code.load(.r1, .double, .r9, 0)
        code.jump(.atMost, .r1, .r0, to: none)
        code.load(.r1, .double, .r9, 8)
        code.store(.double, .frame, Place.counter, .r1)
        load(.r2, .flags)
        code.compute(.and, .r2, Int32(TCPFlag.syn | TCPFlag.ack | TCPFlag.rst | TCPFlag.fin))
        code.jump(.equal, .r2, Int32(TCPFlag.syn), to: isSYN)
        // What may end a handshake.
        code.compute(.and, .r2, Int32(TCPFlag.syn | TCPFlag.ack | TCPFlag.rst))
        code.jump(.unequal, .r2, Int32(TCPFlag.ack), to: none)
        for version: Int32 in [4, 6] { check(version, none: none) }
        code.jump(to: none)
        code.place(isSYN)
        for version: Int32 in [4, 6] { answer(version, none: none) }
        code.place(none)
    }

    /// r9: the IP header; on to `other` where the packet is not of this version, without extensions or options.
    private mutating func pointToHeaders(_ version: Int32, other: EBPF.Assembler.Label) {
        load(.r2, .version)
        code.jump(.unequal, .r2, version, to: other)
        let size: Int32 = version == 4 ? 20 : 40
        load(.r3, .network)
        load(.r2, .transport)
        code.compute(.subtract, .r2, .r3)
        code.jump(.unequal, .r2, size, to: other)
        code.compute(.and, .r3, Self.offsetMask)
        code.move(.r9, .r7)
        code.compute(.add, .r9, .r3)
        code.move(.r2, .r9)
        code.compute(.add, .r2, size + 20)
        code.jump(.greater, .r2, .r8, to: other)
    }

    /// r0: the listener that the packet is for, kept on the stack; on to `none` where there is none, or it is a
    /// connection already.
    private mutating func findListener(_ version: Int32, none: EBPF.Assembler.Label) {
        let addresses = version == 4 ? (first: 12, words: 2) : (first: 8, words: 8)
        for word in 0...addresses.words {
            // The ports follow the addresses.
            code.load(.r2, .word, .r9, addresses.first + 4 * word)
            code.store(.word, .frame, Place.tuple + 4 * word, .r2)
        }
        code.move(.r1, .r6)
        code.move(.r2, .frame)
        code.compute(.add, .r2, Int32(Place.tuple))
        code.move(.r3, Int32(4 * addresses.words + 4))
        code.move(.r4, Self.ownNamespace)
        code.move(.r5, 0)
        code.call(.lookupTCP)
        code.jump(.equal, .r0, 0, to: none)
        code.store(.double, .frame, Place.socket, .r0)
        let listens = code.label()
        code.load(.r1, .word, .r0, Self.stateOffset)
        code.jump(.equal, .r1, Self.listening, to: listens)
        code.move(.r1, .r0)
        code.call(.release)
        code.jump(to: none)
        code.place(listens)
    }

    private mutating func release() {
        code.load(.r1, .double, .frame, Place.socket)
        code.call(.release)
    }

    /// An acknowledgement for a listener is of a cookie, or of nothing.
    private mutating func check(_ version: Int32, none: EBPF.Assembler.Label) {
        let other = code.label()
        pointToHeaders(version, other: other)
        findListener(version, none: none)
        let size: Int32 = version == 4 ? 20 : 40
        code.move(.r1, .r0)
        code.move(.r2, .r9)
        code.move(.r3, size)
        code.move(.r4, .r9)
        code.compute(.add, .r4, size)
        code.move(.r5, 20)
        code.call(.checkSYNCookie)
        code.store(.double, .frame, Place.answer, .r0)
        release()
        code.load(.r0, .double, .frame, Place.answer)
        code.jump(.equal, .r0, 0, to: none)
        tally(plus: 0)
        drop(.cookieRefused)
        code.place(other)
    }

    private mutating func answer(_ version: Int32, none: EBPF.Assembler.Label) {
        let other = code.label()
        let size: Int32 = version == 4 ? 20 : 40
        pointToHeaders(version, other: other)
        findListener(version, none: none)
        // The kernel reads the options of the SYN, so it gets the header whole; on the stack, because its length varies.
        for place in stride(from: 0, to: Int(Self.headerLimit), by: 4) {
            code.store(.word, .frame, Place.header + place, number: 0)
        }
        code.move(.r1, .r6)
        load(.r2, .transport)
        code.move(.r3, .frame)
        code.compute(.add, .r3, Int32(Place.header))
        code.load(.r4, .byte, .r9, Int(size) + 12)
        code.compute(.shiftRight, .r4, 4)
        code.compute(.shiftLeft, .r4, 2)
        let released = code.label()
        code.jump(.less, .r4, 20, to: released)
        store(.payloadLength, .r4)
        code.call(.loadBytes)
        code.jump(.unequal, .r0, 0, to: released)
        code.load(.r1, .double, .frame, Place.socket)
        code.move(.r2, .r9)
        code.move(.r3, size)
        code.move(.r4, .frame)
        code.compute(.add, .r4, Int32(Place.header))
        load(.r5, .payloadLength)
        code.compute(.and, .r5, 63)
        let bounded = code.label()
        code.jump(.atMost, .r5, Self.headerLimit, to: bounded)
        code.place(released)
        release()
        code.jump(to: none)
        code.place(bounded)
        code.jump(.less, .r5, 20, to: released)
        code.call(.generateSYNCookie)
        code.store(.double, .frame, Place.answer, .r0)
        release()
        code.load(.r1, .double, .frame, Place.answer)
        code.move(.r2, .r1)
        code.compute(.shiftRight, .r2, 63)
        code.jump(.unequal, .r2, 0, to: none)
        resize(size, none: none)
        writeEthernet()
        if version == 4 { writeIPv4() } else { writeIPv6() }
        writeTCP(size, version)
        tally(plus: 1)
        store(.key, number: Int32(FilterReason.cookieSent.rawValue))
        lookUp(FilterMaps.counters, at: Slot.key.rawValue)
        addPacket()
        code.exit(.transmit)
        code.place(other)
    }

    private mutating func tally(plus place: Int32) {
        code.load(.r1, .double, .frame, Place.counter)
        code.compute(.add, .r1, place)
        store(.key, .r1)
        lookUp(FilterMaps.tallies, at: Slot.key.rawValue)
        addPacket()
    }

    /// Makes the frame as long as the answer; r7 to r9 are what they were, of the new frame.
    private mutating func resize(_ size: Int32, none: EBPF.Assembler.Label) {
        load(.r2, .network)
        code.compute(.add, .r2, size + Self.answerSize)
        load(.r3, .frameLength)
        code.compute(.subtract, .r2, .r3)
        code.move(.r1, .r6)
        code.call(.adjustTail)
        let failed = code.label()
        let resized = code.label()
        code.load(.r7, .word, .r6, 0)
        code.load(.r8, .word, .r6, 4)
        code.jump(.unequal, .r0, 0, to: failed)
        load(.r3, .network)
        code.compute(.and, .r3, Self.offsetMask)
        code.move(.r9, .r7)
        code.compute(.add, .r9, .r3)
        code.move(.r2, .r9)
        code.compute(.add, .r2, size + Self.answerSize)
        code.jump(.greater, .r2, .r8, to: failed)
        code.move(.r2, .r7)
        code.compute(.add, .r2, 14)
        code.jump(.atMost, .r2, .r8, to: resized)
        code.place(failed)
        code.jump(to: none)
        code.place(resized)
    }

    private mutating func swap(_ size: EBPF.Size, _ base: EBPF.Register, _ one: Int, _ other: Int) {
        code.load(.r1, size, base, one)
        code.load(.r2, size, base, other)
        code.store(size, base, one, .r2)
        code.store(size, base, other, .r1)
    }

    private mutating func writeEthernet() {
        for place in stride(from: 0, to: 6, by: 2) { swap(.half, .r7, place, place + 6) }
    }

    private mutating func writeIPv4() {
        // No type of service, one length, no identification, not to be fragmented, 64 hops.
        code.store(.byte, .r9, 1, number: 0)
        code.store(.half, .r9, 2, number: (20 + Self.answerSize) << 8)
        code.store(.half, .r9, 4, number: 0)
        code.store(.half, .r9, 6, number: 0x0040)
        code.store(.byte, .r9, 8, number: 64)
        code.store(.half, .r9, 10, number: 0)
        swap(.word, .r9, 12, 16)
        code.move(.r5, 0)
        sum(at: 0, count: 20)
        fold()
        code.store(.half, .r9, 10, .r0)
    }

    private mutating func writeIPv6() {
        code.store(.half, .r9, 4, number: Self.answerSize << 8)
        code.store(.byte, .r9, 7, number: 64)
        for place in stride(from: 8, to: 24, by: 8) { swap(.double, .r9, place, place + 16) }
    }

    /// Of a frame whose IP header is written.
    private mutating func writeTCP(_ size: Int32, _ version: Int32) {
        let tcp = Int(size)
        swap(.half, .r9, tcp, tcp + 2)
        // The acknowledgement of the SYN; the cookie as our number.
        code.load(.r1, .word, .r9, tcp + 4)
        code.fromNetwork(.r1, bits: 32)
        code.compute(.add, .r1, 1)
        code.fromNetwork(.r1, bits: 32)
        code.store(.word, .r9, tcp + 8, .r1)
        code.load(.r1, .double, .frame, Place.answer)
        code.move(.r2, .r1)
        code.compute(.shiftRight, .r2, 32)
        code.fromNetwork(.r1, bits: 32)
        code.store(.word, .r9, tcp + 4, .r1)
        code.store(.byte, .r9, tcp + 12, number: Self.answerSize << 2)
        code.store(.byte, .r9, tcp + 13, number: Int32(TCPFlag.syn | TCPFlag.ack))
        code.store(.half, .r9, tcp + 14, number: 0xffff)
        code.store(.word, .r9, tcp + 16, number: 0)
        // The option: its kind, its length, the segment size (RFC 9293, section 3.7.1).
        code.store(.half, .r9, tcp + 20, number: 0x0402)
        code.fromNetwork(.r2, bits: 16)
        code.store(.half, .r9, tcp + 22, .r2)
        // Over the addresses, protocol and length, the header.
        code.move(.r5, (Int32(PacketSummary.tcp) + Self.answerSize) << 8)
        sum(at: version == 4 ? 12 : 8, count: version == 4 ? 8 : 32)
        code.move(.r5, .r0)
        sum(at: tcp, count: Self.answerSize)
        fold()
        code.store(.half, .r9, tcp + 16, .r0)
    }

    /// r0: the sum of so many bytes behind r9 and of what is in r5.
    private mutating func sum(at place: Int, count: Int32) {
        code.move(.r1, 0)
        code.move(.r2, 0)
        code.move(.r3, .r9)
        code.compute(.add, .r3, Int32(place))
        code.move(.r4, count)
        code.call(.checksumDifference)
    }

    /// The sum in r0 as a checksum (RFC 1071).
    private mutating func fold() {
        for _ in 0..<2 {
            code.move(.r1, .r0)
            code.compute(.shiftRight, .r1, 16)
            code.compute(.and, .r0, 0xffff)
            code.compute(.add, .r0, .r1)
        }
        code.compute(.xor, .r0, 0xffff)
    }
}
