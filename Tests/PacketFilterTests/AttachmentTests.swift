import Filters
import Glibc
import PacketFilter
import Synchronization
import TestKit
import Testing

/// Counts UDP at an index, and drops it; what else is on the wire passes, uncounted.
private func program(at index: Int32, _ maps: KernelMaps, name: String = "udp") throws -> KernelProgram {
    try KernelProgram(droppingUDP(at: index), name: name, maps: maps)
}

/// Packets counted at an index; less than any where they cannot be read.
private func counted(_ maps: KernelMaps, at index: UInt32) -> Int {
    guard let sums = try? maps[counts]?.sums(of: index) else { return .min }
    return Int(sums[0])
}

@Suite(.needsBPF, .needsRoot, .needs(tool: "ip")) struct `An attachment` {
    @Test func `is native where the driver can, and judges what comes in`() throws {
        try OwnNetwork.run { near, far in
            let maps = try KernelMaps(creating: [counts])
            let program = try program(at: 1, maps)
            #expect(try Occupant(of: near) == nil)
            let attachment = try Attachment(program, to: near)
            #expect(attachment.mode == .native && attachment.nativeRefusal == nil)
            let occupant = try #require(try Occupant(of: near))
            #expect(try occupant == Occupant(of: NetworkInterface(named: "near")))
            #expect(try occupant.program == program.id && occupant.name == "udp" && occupant.mode == .native)
            #expect(try Occupant(of: far) == nil)
            let facts = try attachment.facts
            #expect(try facts.program == program.id && facts.interface == near.index)
            #expect(try OwnNetwork.send(50) == 50)
            #expect(eventually { counted(maps, at: 1) == 50 })
        }
    }

    @Test func `is generic where the driver cannot, and says why`() throws {
        try OwnNetwork.run { _, _ in
            try Tool.run(["ip", "address", "add", "10.99.1.1/32", "dev", "lo"])
            let maps = try KernelMaps(creating: [counts])
            let loopback = try NetworkInterface(named: "lo")
            let attachment = try Attachment(program(at: 1, maps), to: loopback)
            #expect(attachment.mode == .generic)
            #expect(attachment.nativeRefusal?.code == EOPNOTSUPP)
            #expect(try Occupant(of: loopback)?.mode == .generic)
            #expect(try OwnNetwork.send(50, to: "10.99.1.1") == 50)
            #expect(eventually { counted(maps, at: 1) == 50 })
            #expect(
                try refusal { _ = try Attachment(program(at: 1, maps), to: loopback, modes: [.native]) }.operation
                    == .attach)
        }
    }

    @Test func `is refused where another is, and says which`() throws {
        try OwnNetwork.run { near, _ in
            let maps = try KernelMaps(creating: [counts])
            let first = try Attachment(program(at: 1, maps, name: "the_first"), to: near)
            let error = try refusal { _ = try Attachment(program(at: 2, maps), to: near) }
            #expect(error.code == EBUSY && error.operation == .attach && error.subject == "near")
            #expect(error.reason.hasPrefix("the XDP program the_first (number "))
            #expect(error.reason.hasSuffix(", native) is attached already"))
            let generic = try refusal { _ = try Attachment(program(at: 2, maps), to: near, modes: [.generic]) }
            #expect([EBUSY, EEXIST].contains(generic.code))
            #expect(first.mode == .native)
        }
    }

    @Test func `ends with its owner, where nothing has pinned it`() throws {
        try OwnNetwork.run { near, _ in
            let maps = try KernelMaps(creating: [counts])
            do {
                let attachment = try Attachment(program(at: 1, maps), to: near)
                #expect(try attachment.facts.interface == near.index)
                #expect(try Occupant(of: near) != nil)
            }
            #expect(try Occupant(of: near) == nil)
        }
    }

    @Test func `has its program replaced while packets come, and none is missed`() throws {
        try OwnNetwork.run { near, _ in
            let maps = try KernelMaps(creating: [counts])
            let programs = [try program(at: 0, maps), try program(at: 1, maps)]
            let attachment = try Attachment(programs[0], to: near)
            // Started from here, so that it is in the same network.
            let sent = Mutex(0)
            let isOver = Mutex(false)
            let sender = try TestThread {
                while !isOver.withLock({ $0 }) {
                    let count = (try? OwnNetwork.send(20)) ?? 0
                    sent.withLock { $0 += count }
                    usleep(200)
                }
            }
            for round in 1...20 {
                let before = counted(maps, at: UInt32(round % 2))
                try attachment.replace(with: programs[round % 2])
                #expect(eventually { counted(maps, at: UInt32(round % 2)) > before })
            }
            isOver.withLock { $0 = true }
            sender.join()
            let all = sent.withLock { $0 }
            #expect(all > 400)
            #expect(eventually { counted(maps, at: 0) + counted(maps, at: 1) == all })
        }
    }

    @Test func `outlives its process where it is pinned, and the next one goes on`() throws {
        let own = try OwnPins()
        let pins = own.pins
        try OwnNetwork.run { near, _ in
            let first: UInt32
            do {
                let maps = try KernelMaps(keeping: [counts], in: pins)
                let program = try program(at: 1, maps)
                first = try program.id
                try Attachment(program, to: near).pin(at: pins.path("link"))
            }
            // Nothing of ours holds any of it now.
            #expect(pins.names == ["counts", "link"])
            #expect(try Occupant(of: near)?.program == first)
            #expect(try OwnNetwork.send(30) == 30)

            let maps = try KernelMaps(keeping: [counts], in: pins)
            #expect(eventually { counted(maps, at: 1) == 30 })
            let attachment = try Attachment(opening: pins.path("link"))
            #expect(attachment.mode == .native)
            #expect(try attachment.facts.program == first)
            do {
                // Another takes it over, and goes: it stays.
                let other = try Attachment(opening: pins.path("link"))
                try other.replace(with: program(at: 2, maps))
                #expect(try other.facts.link == attachment.facts.link)
            }
            #expect(try attachment.facts.program != first)
            #expect(try OwnNetwork.send(30) == 30)
            #expect(eventually { counted(maps, at: 2) == 30 })

            try attachment.detach()
            #expect(try Occupant(of: near) == nil)
            let left = try Attachment(opening: pins.path("link"))
            #expect(left.mode == nil)
            #expect(try left.facts.interface == nil)
            #expect(try refusal { try left.replace(with: program(at: 1, maps)) }.code == ENOLINK)
            try pins.removeAll()
            #expect(pins.names == [])
            #expect(counted(maps, at: 1) == 30)
        }
    }

    @Test func `knows no mode in another network, where its number is of another interface`() throws {
        let own = try OwnPins()
        try OwnNetwork.run { near, _ in
            let maps = try KernelMaps(creating: [counts])
            try Attachment(program(at: 1, maps), to: near).pin(at: own.pins.path("link"))
            try OwnNetwork.run { other, _ in
                try #require(other.index == near.index)
                let there = try Attachment(program(at: 2, maps), to: other, modes: [.generic])
                #expect(there.mode == .generic && there.nativeRefusal == nil)
                #expect(try Attachment(opening: own.pins.path("link")).mode == nil)
            }
            #expect(try Attachment(opening: own.pins.path("link")).mode == .native)
            #expect(
                try refusal { _ = try KernelMap(opening: own.pins.path("link"), as: counts) }.reason
                    == "what is pinned there is no map")
        }
    }

    @Test func `to an interface that is not there is refused`() throws {
        try OwnNetwork.run { near, far in
            let maps = try KernelMaps(creating: [counts])
            let nothing = NetworkInterface(name: "nothing", index: near.index + far.index + 100)
            #expect(try refusal { _ = try Attachment(program(at: 1, maps), to: nothing) }.code == ENODEV)
            #expect(
                try refusal { _ = try NetworkInterface(named: "nothing") }.description.hasPrefix(
                    "cannot find the interface nothing: "))
            #expect(try refusal { _ = try Occupant(of: nothing) }.code == ENODEV)
        }
    }

    @Test func `gets live frames from a program that sends them`() throws {
        try OwnNetwork.run { near, far in
            let maps = try KernelMaps(creating: [counts])
            let attachment = try Attachment(program(at: 3, maps), to: far)
            // What XDP sends over this kind of wire only another XDP program takes.
            let nearby = try Attachment(always(.pass, maps), to: near)
            let frame = PacketBuilder.udpFrame(from: "10.99.0.5", 9, to: "10.99.0.6", 9, [1])
            try always(.transmit, maps).inject(frame, repeats: 200, at: near)
            #expect(eventually { counted(maps, at: 3) == 200 })
            #expect(attachment.mode == .native && nearby.mode == .native)
        }
    }

    private func always(_ action: EBPF.Action, _ maps: KernelMaps) throws -> KernelProgram {
        try KernelProgram(PacketFilterTests.always(action, at: 7), name: "always", maps: maps)
    }
}
