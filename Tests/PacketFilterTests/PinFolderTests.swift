import Filters
import Glibc
import PacketFilter
import TestKit
import Testing

private let hash = EBPF.Map("hash", .hash, key: 4, value: 8, entries: 8)

@Suite(.needsBPF, .needsRoot) struct `A folder of pins` {
    @Test func `is made where it is not, and again`() throws {
        let own = try OwnPins(interface: "eth0.100")
        #expect(own.pins.path == own.root + "/wasstraat/eth0%2e100")
        #expect(access(own.pins.path, F_OK) == 0)
        try own.pins.prepare()
        #expect(own.pins.names == [])
        let other = PinFolder(interface: "eth0", root: own.root)
        try other.prepare()
        try KernelMap(creating: hash).pin(at: other.path("hash"))
        #expect(own.pins.names == [] && other.names == ["hash"])
    }

    @Test func `that cannot be made says why`() throws {
        #expect(
            try refusal { try PinFolder(interface: "near", root: "/proc/no-such-folder").prepare() }.reason
                == "there is no folder /proc/no-such-folder")
    }

    @Test func `is listed, and its pins are removed one by one or all`() throws {
        let own = try OwnPins()
        for name in ["b", "a", "c"] { try KernelMap(creating: hash).pin(at: own.pins.path(name)) }
        #expect(own.pins.names == ["a", "b", "c"])
        #expect(try refusal { try KernelMap(creating: hash).pin(at: own.pins.path("a")) }.code == EEXIST)
        #expect(try own.pins.remove("b"))
        #expect(try !own.pins.remove("b"))
        #expect(own.pins.names == ["a", "c"])
        try own.pins.removeAll()
        #expect(access(own.pins.path, F_OK) != 0)
        try own.pins.removeAll()
    }

    @Test func `keeps maps and what is in them`() throws {
        let own = try OwnPins()
        do {
            let maps = try KernelMaps(keeping: [hash, counts], in: own.pins)
            try #require(maps[hash]).set(UInt64(9), of: UInt32(3))
        }
        let maps = try KernelMaps(keeping: [hash, counts], in: own.pins)
        #expect(try #require(maps[hash]).value(of: UInt32(3)) == UInt64(9))
        #expect(try #require(maps[counts]).sums(of: 0) == [0, 0])
    }

    @Test func `gives no map of another shape, and keeps a new one in its place`() throws {
        let own = try OwnPins()
        let old = try KernelMaps(keeping: [hash], in: own.pins)
        var shapes = [hash, hash, hash]
        shapes[0].entries = 9
        shapes[1].valueSize = 16
        shapes[2].kind = .recentHash
        for shape in shapes {
            #expect(
                try refusal { _ = try KernelMap(opening: own.pins.path("hash"), as: shape) }.reason
                    == "the map that is pinned there has another shape")
        }
        let new = try KernelMaps(keeping: [shapes[0]], in: own.pins)
        #expect(try #require(new[shapes[0]]).id != #require(old[hash]).id)
        #expect(try KernelMap(opening: own.pins.path("hash"), as: shapes[0]).id == #require(new[shapes[0]]).id)
    }

    @Test func `keeps the programs of a table, which are gone with a table that nobody holds`() throws {
        let own = try OwnPins()
        let table = EBPF.Map("table", .programs, key: 4, value: 4, entries: 4)
        let frame = PacketBuilder.udpFrame(1, 2)
        func root(_ maps: KernelMaps) throws -> KernelProgram {
            let program = try KernelProgram(always(.drop, at: 0), name: "drop", maps: KernelMaps(creating: [counts]))
            try ProgramTable(#require(maps[table])).place(program, in: 1)
            let root = try KernelProgram(goingOn(to: 1, of: table), name: "root", maps: maps)
            #expect(try root.run(frame).action == .drop)
            return root
        }
        let pinned = try root(KernelMaps(keeping: [table], in: own.pins))
        let loose = try root(KernelMaps(creating: [table]))
        #expect(try pinned.run(frame).action == .drop)
        // The kernel empties the table when it gets to it.
        #expect(eventually { (try? loose.run(frame).action) == .aborted })
        let again = try KernelProgram(
            goingOn(to: 1, of: table), name: "root", maps: KernelMaps(keeping: [table], in: own.pins))
        #expect(try again.run(frame).action == .drop)
    }

    @Test func `tells maps from what is none`() throws {
        let own = try OwnPins()
        // Its kind has the number that links of XDP have.
        try KernelMap(creating: counts).pin(at: own.pins.path("counts"))
        #expect(counts.kind.rawValue == 6)
        #expect(
            try refusal { _ = try Attachment(opening: own.pins.path("counts")) }.reason
                == "what is pinned there is no XDP attachment")
        #expect(try refusal { _ = try Attachment(opening: own.pins.path("nothing")) }.code == ENOENT)
    }
}
