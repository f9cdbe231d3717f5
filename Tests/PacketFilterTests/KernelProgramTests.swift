import Filters
import Glibc
import PacketFilter
import TestKit
import Testing

private let udp = PacketBuilder.udpFrame(1000, 2000, [1, 2, 3])
private let tcp = PacketBuilder.tcpFrame(1000, 2000)
private let udp6 = PacketBuilder.udpFrame(from: PacketBuilder.source6, 1, to: PacketBuilder.destination6, 2)

@Suite(.needsBPF) struct `A program in the kernel` {
    @Test func `judges each frame, and counts it`() throws {
        let maps = try KernelMaps(creating: [counts])
        let program = try KernelProgram(dropping(protocol: 17), name: "by_protocol", maps: maps)
        #expect(try program.actions(on: [udp, tcp, udp6, udp]) == [.drop, .pass, .pass, .drop])
        #expect(try #require(maps[counts]).sums(ofFirst: 2) == [1, 6, 2, 34])
    }

    @Test func `is run as often as it is asked, and gives the frame back`() throws {
        let maps = try KernelMaps(creating: [counts])
        let program = try KernelProgram(dropping(protocol: 6), name: "by_protocol", maps: maps)
        let outcome = try program.run(tcp, repeats: 1_000)
        #expect(outcome.action == .drop)
        #expect(outcome.frame == tcp)
        #expect(try #require(maps[counts]).sums(of: 1) == [1_000, 6_000])
    }

    @Test func `that the verifier refuses says why, with the log's end`() throws {
        let error = try #require(throws: KernelError.self) {
            try KernelProgram(unchecked(), name: "unchecked", maps: KernelMaps())
        }
        #expect(error.code == EACCES)
        #expect(error.operation == .loadProgram)
        #expect(error.reason.hasPrefix("the kernel's verifier refuses it: "))
        #expect(error.log.contains("invalid access to packet"))
        #expect(error.log.contains("r0 = *(u8 *)(r2 +0)"))
        #expect(error.log.utf8.count <= KernelProgram.logTail)
    }

    @Test func `that is refused after a long log has the end of it`() throws {
        var program = unchecked()
        let long = EBPF.Instruction(EBPF.Code.arithmetic64 | EBPF.Operation.move.rawValue, .r6, immediate: 1)
        program.instructions.insert(contentsOf: [EBPF.Instruction](repeating: long, count: 500_000), at: 0)
        let error = try refusal { _ = try KernelProgram(program, name: "long", maps: KernelMaps()) }
        #expect(error.code == EACCES)
        // Kernels before 6.4 keep the log's beginning, and then the reason is theirs.
        #expect(error.log.contains("invalid access to packet") || error.reason == "Permission denied")
        #expect((1...KernelProgram.logTail).contains(error.log.utf8.count))
    }

    @Test func `whose map is missing is not loaded`() throws {
        #expect(
            try refusal { _ = try KernelProgram(dropping(protocol: 6), name: "no_map", maps: KernelMaps()) }.reason
                == "there is no map counts")
    }

    @Test func `sees all of the largest frame, and is not run on what is none`() throws {
        let sizes = KernelProgram.frameSizes
        let program = try KernelProgram(dropping(from: sizes.upperBound), name: "large", maps: KernelMaps())
        #expect(try program.run([UInt8](repeating: 7, count: sizes.lowerBound)).action == .pass)
        #expect(try program.run([UInt8](repeating: 7, count: sizes.upperBound - 1)).action == .pass)
        #expect(try program.run([UInt8](repeating: 7, count: sizes.upperBound)).action == .drop)
        for size in [sizes.lowerBound - 1, sizes.upperBound + 1] {
            let frame = [UInt8](repeating: 7, count: size)
            #expect(try refusal { _ = try program.run(frame) }.code == EMSGSIZE)
            #expect(try refusal { _ = try program.actions(on: [frame]) }.code == EMSGSIZE)
        }
    }

    @Test func `goes on to what stands in a table, at once`() throws {
        let table = EBPF.Map("table", .programs, key: 4, value: 4, entries: 4)
        let maps = try KernelMaps(creating: [table, counts])
        let slots = ProgramTable(try #require(maps[table]))
        let root = try KernelProgram(goingOn(to: 2, of: table), name: "root", maps: maps)
        #expect(try root.run(udp).action == .aborted)
        let (drop, pass) = (
            try KernelProgram(always(.drop, at: 0), name: "drop", maps: maps),
            try KernelProgram(always(.pass, at: 1), name: "pass", maps: maps)
        )
        try slots.place(drop, in: 2)
        #expect(try slots.program(in: 2) == drop.id)
        #expect(try root.run(udp).action == .drop)
        try slots.place(pass, in: 2)
        #expect(try root.run(udp).action == .pass)
        #expect(try slots.clear(2))
        #expect(try !slots.clear(2))
        #expect(try slots.program(in: 2) == nil)
        #expect(try root.run(udp).action == .aborted)
        #expect(throws: KernelError.self) { try slots.place(drop, in: 4) }
    }
}
