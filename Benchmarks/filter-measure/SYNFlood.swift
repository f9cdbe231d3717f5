import Addresses
import Filters
import Glibc
import Load
import PacketFilter

/// A flood of SYN from forged sources of 198.18.0.0/15, made by a program of the kernel and sent out of an interface of a
/// network namespace without a way out; what comes back is counted there.
enum SYNFlood {
    static let target = Endpoint(Address(ipv4: 0x0a63_0701), port: 8_080)
    private static let counts = EBPF.Map("flood", .perProcessorArray, key: 4, value: 8, entries: 1)
    private static let chunk = 100_000

    /// Sends so many, and says how many SYN-ACK came back, over how many seconds.
    /// - Parameters:
    ///   - hardware: of the interface that they go to.
    ///   - marks: files of this name, with ".begun" and ".over", say how far it is. Between veth interfaces a program's
    ///     answer arrives only while a program stands at the other end: it stays a while longer, for those under way.
    static func send(
        _ count: Int, from name: String, to hardware: [UInt8], marks: String
    ) throws -> (answered: UInt64, seconds: Double) {
        // Throws where this is no place for load.
        let target = try HomeAddress(checking: target).endpoint
        let maps = try KernelMaps(creating: [counts])
        let interface = try NetworkInterface(named: name)
        let attachment = try Attachment(KernelProgram(counting, name: "count", maps: maps), to: interface)
        let generator = try KernelProgram(
            generating(target, hardware), name: "flood", maps: KernelMaps(creating: [counts]))
        let frame = [UInt8](repeating: 0, count: 60)
        try File.write("", to: marks + ".begun")
        usleep(200_000)
        let begin = Clock.nanoseconds
        var left = count
        while left > 0 {
            try generator.inject(frame, repeats: min(left, chunk), at: interface)
            left -= chunk
        }
        // What is on its way still counts.
        let seconds = Double(Clock.nanoseconds - begin) / 1_000_000_000
        let answered = try maps[counts]!.sums(of: 0)[0]
        withExtendedLifetime(generator) {}
        try File.write("", to: marks + ".over")
        sleep(6)
        try attachment.detach()
        return (answered, seconds)
    }

    /// Counts what is answered to the forged sources, and takes it in; all else passes.
    private static var counting: EBPF.Program {
        var code = EBPF.Assembler()
        let pass = code.label()
        code.load(.r7, .word, .r1, 0)
        code.load(.r8, .word, .r1, 4)
        code.move(.r2, .r7)
        code.compute(.add, .r2, 54)
        code.jump(.greater, .r2, .r8, to: pass)
        code.load(.r2, .half, .r7, 12)
        code.jump(.unequal, .r2, 0x0008, to: pass)
        code.load(.r2, .byte, .r7, 23)
        code.jump(.unequal, .r2, 6, to: pass)
        code.load(.r2, .half, .r7, 30)
        // 198.18 or 198.19, as it lies in memory.
        code.compute(.and, .r2, 0xfeff)
        code.jump(.unequal, .r2, 0x12c6, to: pass)
        code.load(.r2, .byte, .r7, 47)
        code.jump(.unequal, .r2, 0x12, to: pass)
        code.store(.word, .frame, -4, number: 0)
        code.map(.r1, counts)
        code.move(.r2, .frame)
        code.compute(.add, .r2, -4)
        code.call(.mapLookup)
        code.jump(.equal, .r0, 0, to: pass)
        code.load(.r1, .double, .r0, 0)
        code.compute(.add, .r1, 1)
        code.store(.double, .r0, 0, .r1)
        code.exit(.drop)
        code.place(pass)
        code.exit(.pass)
        return code.finished()
    }

    /// Writes the whole frame anew each time: its memory is what the receiver of the one before has left.
    private static func generating(_ target: Endpoint, _ hardware: [UInt8]) -> EBPF.Program {
        var code = EBPF.Assembler()
        let end = code.label()
        code.move(.r6, .r1)
        code.load(.r7, .word, .r6, 0)
        code.load(.r8, .word, .r6, 4)
        code.move(.r2, .r7)
        code.compute(.add, .r2, 54)
        code.jump(.greater, .r2, .r8, to: end)
        let head: [UInt8] = hardware + [2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0]
        for (place, byte) in head.enumerated() { code.store(.byte, .r7, place, number: Int32(byte)) }
        // 17 random bits behind 198.18; a random port and number.
        code.call(.randomNumber)
        code.compute(.and, .r0, 0x1ffff)
        code.moveWhole(.r1, 0xc612_0000)
        code.compute(.or, .r0, .r1)
        code.fromNetwork(.r0, bits: 32)
        code.store(.word, .r7, 26, .r0)
        code.store(.word, .r7, 30, number: Int32(bitPattern: target.address.ipv4.byteSwapped))
        code.call(.randomNumber)
        code.compute(.or, .r0, 0x0004)
        code.store(.half, .r7, 34, .r0)
        code.store(.half, .r7, 36, number: Int32(target.port.byteSwapped))
        code.store(.word, .r7, 38, .r0)
        code.store(.word, .r7, 42, number: 0)
        // Twenty bytes of header, SYN, a window; no checksum yet.
        code.store(.word, .r7, 46, number: Int32(bitPattern: 0xffff_0250))
        code.store(.word, .r7, 50, number: 0)
        sum(&code, at: 14, count: 20, seed: 0)
        code.store(.half, .r7, 24, .r0)
        code.move(.r5, Int32(6 + 20) << 8)
        difference(&code, at: 26, count: 8)
        code.move(.r5, .r0)
        difference(&code, at: 34, count: 20)
        fold(&code)
        code.store(.half, .r7, 50, .r0)
        code.exit(.transmit)
        code.place(end)
        code.exit(.drop)
        return code.finished()
    }

    private static func sum(_ code: inout EBPF.Assembler, at place: Int, count: Int32, seed: Int32) {
        code.move(.r5, seed)
        difference(&code, at: place, count: count)
        fold(&code)
    }

    private static func difference(_ code: inout EBPF.Assembler, at place: Int, count: Int32) {
        code.move(.r1, 0)
        code.move(.r2, 0)
        code.move(.r3, .r7)
        code.compute(.add, .r3, Int32(place))
        code.move(.r4, count)
        code.call(.checksumDifference)
    }

    private static func fold(_ code: inout EBPF.Assembler) {
        for _ in 0..<2 {
            code.move(.r1, .r0)
            code.compute(.shiftRight, .r1, 16)
            code.compute(.and, .r0, 0xffff)
            code.compute(.add, .r0, .r1)
        }
        code.compute(.xor, .r0, 0xffff)
    }
}
