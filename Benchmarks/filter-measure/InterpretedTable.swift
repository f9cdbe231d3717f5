import Filters

/// A table of rules that one program walks, rule by rule, for each packet: how such filters are usually made. It is what
/// compiled rules are measured against, with the same headers read and the same conditions asked.
enum InterpretedTable {
    /// A rule in the table's memory, 64 bytes: what is not asked has the widest range.
    struct Row: BitwiseCopyable {
        /// 0: any.
        var protocolNumber: UInt32 = 0
        /// 256: any.
        var flags: UInt32 = 256
        var sourcePort: (low: UInt32, high: UInt32) = (0, .max)
        var destinationPort: (low: UInt32, high: UInt32) = (0, .max)
        var length: (low: UInt32, high: UInt32) = (0, .max)
        var ttl: (low: UInt32, high: UInt32) = (0, .max)
        /// As they lie in memory.
        var payloadMask: UInt64 = 0
        var payload: UInt64 = 0
        var counter: UInt64 = 0
    }

    static func map(_ rules: Int) -> EBPF.Map {
        EBPF.Map("table", .array, key: 4, value: UInt32(64 * rules), entries: 1)
    }

    private enum Slot {
        static let protocolNumber = -12
        static let flags = -20
        static let sourcePort = -28
        static let destinationPort = -36
        static let length = -44
        static let ttl = -52
        static let key = -60
        static let payload = -72
    }

    /// IPv4 over Ethernet without options, TCP and UDP.
    static func program(rules: Int) -> EBPF.Program {
        var code = EBPF.Assembler()
        let pass = code.label()
        let udp = code.label()
        let known = code.label()
        code.move(.r6, .r1)
        code.load(.r7, .word, .r6, 0)
        code.load(.r8, .word, .r6, 4)
        code.move(.r2, .r7)
        code.compute(.add, .r2, 54)
        code.jump(.greater, .r2, .r8, to: pass)
        code.load(.r2, .half, .r7, 12)
        code.jump(.unequal, .r2, 0x0008, to: pass)
        code.load(.r2, .byte, .r7, 14)
        code.jump(.unequal, .r2, 0x45, to: pass)
        for (place, slot) in [(16, Slot.length), (34, Slot.sourcePort), (36, Slot.destinationPort)] {
            code.load(.r2, .half, .r7, place)
            code.fromNetwork(.r2, bits: 16)
            code.store(.word, .frame, slot, .r2)
        }
        code.load(.r2, .byte, .r7, 22)
        code.store(.word, .frame, Slot.ttl, .r2)
        code.load(.r2, .byte, .r7, 23)
        code.store(.word, .frame, Slot.protocolNumber, .r2)
        code.jump(.equal, .r2, 17, to: udp)
        code.jump(.unequal, .r2, 6, to: pass)
        code.load(.r2, .byte, .r7, 47)
        code.store(.word, .frame, Slot.flags, .r2)
        code.store(.double, .frame, Slot.payload, number: 0)
        code.jump(to: known)
        code.place(udp)
        code.store(.word, .frame, Slot.flags, number: 0)
        code.load(.r2, .double, .r7, 42)
        code.store(.double, .frame, Slot.payload, .r2)
        code.place(known)
        code.store(.word, .frame, Slot.key, number: 0)
        code.map(.r1, map(rules))
        code.move(.r2, .frame)
        code.compute(.add, .r2, Int32(Slot.key))
        code.call(.mapLookup)
        code.jump(.equal, .r0, 0, to: pass)
        code.move(.r9, .r0)
        code.move(.r6, 0)
        let next = code.label()
        let miss = code.label()
        code.place(next)
        code.load(.r1, .word, .r9, 0)
        code.load(.r2, .word, .frame, Slot.protocolNumber)
        let anyProtocol = code.label()
        code.jump(.equal, .r1, 0, to: anyProtocol)
        code.jump(.unequal, .r1, .r2, to: miss)
        code.place(anyProtocol)
        code.load(.r1, .word, .r9, 4)
        code.load(.r2, .word, .frame, Slot.flags)
        let anyFlags = code.label()
        code.jump(.equal, .r1, 256, to: anyFlags)
        code.jump(.unequal, .r1, .r2, to: miss)
        code.place(anyFlags)
        let ranges = [(8, Slot.sourcePort), (16, Slot.destinationPort), (24, Slot.length), (32, Slot.ttl)]
        for (place, slot) in ranges {
            code.load(.r1, .word, .frame, slot)
            code.load(.r2, .word, .r9, place)
            code.jump(.less, .r1, .r2, to: miss)
            code.load(.r2, .word, .r9, place + 4)
            code.jump(.greater, .r1, .r2, to: miss)
        }
        code.load(.r1, .double, .frame, Slot.payload)
        code.load(.r2, .double, .r9, 40)
        code.compute(.and, .r1, .r2)
        code.load(.r2, .double, .r9, 48)
        code.jump(.unequal, .r1, .r2, to: miss)
        code.load(.r1, .double, .r9, 56)
        code.compute(.add, .r1, 1)
        code.store(.double, .r9, 56, .r1)
        code.exit(.drop)
        code.place(miss)
        code.compute(.add, .r9, 64)
        code.compute(.add, .r6, 1)
        code.jump(.less, .r6, Int32(rules), to: next)
        code.place(pass)
        code.exit(.pass)
        return code.finished()
    }
}
