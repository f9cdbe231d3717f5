import Addresses
import FilterKit
import Filters
import Fingerprints
import Glibc
import Packets
import Testing

struct ClassicBPFTests {
    private static func program(
        _ conditions: [Fingerprint.Condition], link: ClassicBPF.Link = .ethernet, targets: [Prefix] = []
    ) -> ClassicBPF.Program? {
        var options = RuleOptions()
        options.link = link
        options.targets = targets
        let compiled = Rules.compile(
            [fingerprint(conditions.map { ($0.feature, $0.value) })], as: .bpf, options: options)
        return compiled.rules.isEmpty ? nil : ClassicBPF.Program(text: compiled.text)
    }

    /// What a filter can know: names and types are looked for in UDP without a mark of the service.
    private static func expected(_ conditions: [Fingerprint.Condition], _ packet: CraftedPacket) -> Bool {
        conditions.allSatisfy { PacketTest($0)!.holds(for: packet.summary) }
    }

    @Test(arguments: [ClassicBPF.Link.ethernet, .raw])
    func `matches what the conditions hold for`(link: ClassicBPF.Link) throws {
        var random = Seeded(state: 1)
        var hits = 0
        var programs = 0
        for _ in 0..<600 {
            let conditions = randomConditions(&random)
            guard let program = Self.program(conditions, link: link) else { continue }
            programs += 1
            for _ in 0..<60 {
                let packet = CraftedPacket.random(&random)
                let bytes = link == .ethernet ? packet.frame : packet.packet
                let isMatch = program.run(bytes.span.bytes) != 0
                let isExpected = Self.expected(conditions, packet)
                if conditions.contains(where: { $0.feature == .dnsName || $0.feature == .dnsType }) {
                    // Known by port as well: of DNS never more than the conditions say.
                    #expect(!isMatch || isExpected || packet.question == nil, "\(conditions) \(packet)")
                } else {
                    #expect(isMatch == isExpected, "\(conditions) \(packet)")
                }
                hits += isMatch ? 1 : 0
            }
        }
        #expect(programs > 300 && hits > 500)
    }

    @Test func `finds names in any mixture of capitals, and types behind names`() throws {
        let named = try #require(
            Self.program([.init(.dnsName, "Example.nl"), .init(.dnsType, "255")]))
        let typed = try #require(Self.program([.init(.dnsType, "255")]))
        for (name, type, isHit) in [
            ("eXaMpLe.NL", UInt16(255), true), ("example.nl", 1, false), ("example.be", 255, false),
        ] {
            var packet = CraftedPacket()
            packet.question = (name, type, true)
            #expect((named.run(packet.frame.span.bytes) != 0) == isHit)
            #expect((typed.run(packet.frame.span.bytes) != 0) == (type == 255))
        }
    }

    @Test func `every truncation is read to its end`() throws {
        let program = try #require(
            Self.program([.init(.service, "dns response"), .init(.dnsType, "255"), .init(.payload, "1234")]))
        for isIPv4 in [true, false] {
            var packet = CraftedPacket()
            packet.isIPv4 = isIPv4
            packet.extensions = [0, 43, 60]
            if !isIPv4 { (packet.source, packet.destination) = (Address("::1")!, Address("::2")!) }
            packet.question = ("example.nl", 255, true)
            let frame = packet.frame
            #expect(program.run(frame.span.bytes) == ClassicBPF.matched)
            for length in 0..<frame.count {
                let isWhole = length >= 14 + packet.packet.count - 2
                #expect((program.run(Array(frame[..<length]).span.bytes) != 0) == isWhole)
            }
        }
    }

    @Test func `a rule whose bytes are not there does not stop the ones behind it`() throws {
        let compiled = Rules.compile(
            [
                fingerprint([(.payload, "0102030405060708")], coverage: 0.9),
                fingerprint([(.protocol, "udp"), (.destinationPort, "4000")], coverage: 0.8),
            ], as: .bpf)
        let program = try #require(ClassicBPF.Program(text: compiled.text))
        #expect(compiled.rules.count == 2)
        #expect(program.run(CraftedPacket().frame.span.bytes) == ClassicBPF.matched)
    }

    @Test func `targets bound what is matched`() throws {
        let program = try #require(
            Self.program(
                [.init(.protocol, "udp")], targets: [Prefix("198.51.100.0/23")!, Prefix("2001:db8:2::/47")!]))
        for (address, isHit) in [
            ("198.51.101.255", true), ("198.51.102.0", false), ("2001:db8:3::1", true), ("2001:db8:4::1", false),
        ] {
            var packet = CraftedPacket()
            packet.destination = Address(address)!
            packet.isIPv4 = packet.destination.isIPv4
            if !packet.isIPv4 { packet.source = Address("2001:db8::1")! }
            #expect((program.run(packet.frame.span.bytes) != 0) == isHit)
        }
    }

    @Test func `the check refuses what could run off or loop`() {
        typealias Instruction = ClassicBPF.Instruction
        let end = Instruction(ClassicBPF.Code.returnConstant, 0)
        #expect(ClassicBPF.Program(checking: [end]) != nil)
        #expect(ClassicBPF.Program(checking: []) == nil)
        #expect(ClassicBPF.Program(checking: [Instruction(ClassicBPF.Code.load, 1)]) == nil)
        #expect(ClassicBPF.Program(checking: [Instruction(ClassicBPF.Code.jump, 1), end]) == nil)
        #expect(ClassicBPF.Program(checking: [Instruction(ClassicBPF.Code.jump, .max), end]) == nil)
        #expect(ClassicBPF.Program(checking: [Instruction(ClassicBPF.Code.jumpEqual, 0, ifTrue: 1), end]) == nil)
        #expect(ClassicBPF.Program(checking: [Instruction(ClassicBPF.Code.store, 16), end]) == nil)
        #expect(ClassicBPF.Program(checking: [Instruction(0xffff, 0), end]) == nil)
        #expect(ClassicBPF.Program(text: "2\n6 0 0 0\n") == nil)
        #expect(ClassicBPF.Program(text: "1\n6 0 0 x\n") == nil)
    }

    /// A socket filter of the kernel runs over what a Unix datagram carries: no rights are needed to see it decide.
    @Test func `the kernel takes the program and decides as our interpreter`() throws {
        var random = Seeded(state: 2)
        var hits = 0
        for _ in 0..<40 {
            let conditions = randomConditions(&random)
            guard let program = Self.program(conditions) else { continue }
            var ends: [Int32] = [-1, -1]
            try #require(socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &ends) == 0)
            defer { for end in ends { close(end) } }
            try #require(Self.attach(program, to: ends[1]))
            for _ in 0..<25 {
                let frame = CraftedPacket.random(&random).frame
                let isMatch = program.run(frame.span.bytes) != 0
                _ = frame.withUnsafeBytes { send(ends[0], $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = recv(ends[1], &buffer, buffer.count, Int32(MSG_DONTWAIT))
                #expect((count == frame.count) == isMatch, "\(conditions)")
                hits += isMatch ? 1 : 0
            }
        }
        #expect(hits > 50)
    }

    private static func attach(_ program: ClassicBPF.Program, to socket: Int32) -> Bool {
        var code: [UInt8] = []
        for instruction in program.instructions {
            withUnsafeBytes(of: instruction.code) { code += $0 }
            code += [instruction.ifTrue, instruction.ifFalse]
            withUnsafeBytes(of: instruction.constant) { code += $0 }
        }
        // struct sock_fprog: a count, six bytes of nothing, an address (linux/filter.h); SO_ATTACH_FILTER is 26.
        return code.withUnsafeBytes { bytes in
            var filter: (UInt64, UnsafeRawPointer?) = (UInt64(program.instructions.count), bytes.baseAddress)
            return setsockopt(socket, SOL_SOCKET, 26, &filter, 16) == 0
        }
    }
}
