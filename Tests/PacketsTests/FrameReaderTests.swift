import Addresses
import Bytes
import Packets
import TestKit
import Testing

private typealias Build = PacketBuilder

private let payload: [UInt8] = [0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5]
private let datagram = Build.udp(40_001, 40_002, payload)
private let packet4 = Build.ipv4(17, datagram)
private let packet6 = Build.ipv6(17, datagram)

/// What every wrapping of the two packets has to give.
private func expectInner(
    _ summary: PacketSummary?, _ tunnel: PacketSummary.Tunnel = .none, isSix: Bool = false,
    _ place: SourceLocation = #_sourceLocation
) throws {
    let summary = try #require(summary, sourceLocation: place)
    var expected = PacketSummary()
    expected.source = Address(isSix ? Build.source6 : Build.source)!
    expected.destination = Address(isSix ? Build.destination6 : Build.destination)!
    expected.sourcePort = 40_001
    expected.destinationPort = 40_002
    expected.protocolNumber = 17
    expected.ttl = 64
    expected.length = isSix ? 57 : 37
    expected.identification = isSix ? 0 : 7
    expected.payloadLength = 9
    expected.payloadPrefix = 0xdead_beef_0102_0304
    expected.tunnel = tunnel
    #expect(summary == expected, sourceLocation: place)
}

@Suite struct `A frame` {
    @Test func `is read from every link`() throws {
        for (packet, type, isSix) in [(packet4, UInt16(0x0800), false), (packet6, 0x86dd, true)] {
            let samples: [(LinkType, [UInt8])] = [
                (.ethernet, Build.ethernet(packet, type: type)),
                (.ethernet, Build.ethernet(packet, type: type) + Array(repeating: 0, count: 20)),
                (.cooked, Build.cooked(packet, type: type)),
                (.cooked2, Build.cooked2(packet, type: type)),
                (.raw, packet), (.rawBSD, packet), (.rawOpenBSD, packet),
                (isSix ? .ipv6 : .ipv4, packet),
                (.null, [isSix ? 30 : 2, 0, 0, 0] + packet),
                (.null, [0, 0, 0, isSix ? 24 : 2] + packet),
                (.loop, [0, 0, 0, isSix ? 28 : 2] + packet),
                (.ppp, [0xff, 3, 0, isSix ? 0x57 : 0x21] + packet),
                (.ppp, [isSix ? 0x57 : 0x21] + packet),
                (.hdlc, [0x0f, 0] + Build.bytes(type) + packet),
                (.pppoe, [0x11, 0, 0, 1, 0, 9, 0, isSix ? 0x57 : 0x21] + packet),
                (.ethernet, Build.ethernet([0x11, 0, 0, 1, 0, 9, 0, isSix ? 0x57 : 0x21] + packet, type: 0x8864)),
                (.ethernet, Build.ethernet([0xaa, 0xaa, 3, 0, 0, 0] + Build.bytes(type) + packet, type: 100)),
            ]
            for (link, frame) in samples { try expectInner(try read(frame, link: link), isSix: isSix) }
        }
    }

    @Test func `is read through tags and labels`() throws {
        let tags: [[(type: UInt16, id: UInt16)]] = [
            [(0x8100, 5)], [(0x88a8, 6), (0x8100, 5)], [(0x9100, 6), (0x8100, 5)],
            [(0x8100, 1), (0x8100, 2), (0x8100, 3)],
        ]
        for stack in tags {
            try expectInner(try read(Build.ethernet(packet4, tags: stack)))
            try expectInner(try read(Build.ethernet(packet6, type: 0x86dd, tags: stack)), isSix: true)
        }
        for labels: [UInt32] in [[16], [16, 17], [1, 2, 3, 4]] {
            try expectInner(try read(Build.ethernet(Build.mpls(labels, packet4), type: 0x8847)), .mpls)
            try expectInner(try read(Build.ethernet(Build.mpls(labels, packet6), type: 0x8848)), .mpls, isSix: true)
            let inner = Build.ethernet(packet4)
            try expectInner(try read(Build.ethernet(Build.mpls(labels, [0, 0, 0, 0] + inner), type: 0x8847)), .mpls)
            // A pseudowire without a control word: the first byte is an address's.
            try expectInner(
                try read(Build.ethernet(Build.mpls(labels, [0x20] + inner.dropFirst()), type: 0x8847)), .mpls)
        }
    }

    @Test func `is read through every tunnel`() throws {
        let outer = "203.0.113.1"
        func carried(_ number: UInt8, _ content: [UInt8]) -> [[UInt8]] {
            [
                Build.ethernet(Build.ipv4(number, content, from: outer)),
                Build.ethernet(Build.ipv6(number, content, from: "2001:db8:9::9"), type: 0x86dd),
            ]
        }
        for (packet, isSix, type) in [(packet4, false, UInt16(0x0800)), (packet6, true, 0x86dd)] {
            let frame = Build.ethernet(packet, type: type)
            for content in [
                Build.gre(type, packet), Build.gre(type, checksum: 1, packet), Build.gre(type, key: 2, packet),
                Build.gre(type, checksum: 1, key: 2, sequence: 3, packet), Build.gre(0x6558, sequence: 9, frame),
                Build.gre(0x8847, Build.mpls([99], packet)),
            ] {
                for frame in carried(47, content) { try expectInner(try read(frame), .gre, isSix: isSix) }
            }
            for content in [
                Build.gre(0x88be, frame), Build.gre(0x88be, sequence: 1, Array(repeating: 0x10, count: 8) + frame),
                Build.gre(0x22eb, sequence: 1, Array(repeating: 0x10, count: 12) + frame),
                Build.gre(0x22eb, sequence: 1, Array(repeating: 0x11, count: 20) + frame),
                // Mirrored and cut off.
                Build.gre(0x88be, frame.dropLast(3)),
            ] {
                for frame in carried(47, content) {
                    var summary = try read(frame)
                    if content.count == frame.count { summary?.payloadPrefix = 0 }
                    #expect(summary?.tunnel == .erspan && summary?.destinationPort == 40_002)
                    #expect(summary?.length == (isSix ? 57 : 37))
                }
            }
            for frame in carried(isSix ? 41 : 4, packet) { try expectInner(try read(frame), .ipip, isSix: isSix) }
            for frame in carried(17, Build.udp(50_000, 4789, Build.vxlan(frame))) {
                try expectInner(try read(frame), .vxlan, isSix: isSix)
            }
        }
        let origin: [UInt8] = [0, 0, 1, 2, 3, 4, 5, 6]
        let authentication: [UInt8] = [0, 1, 2, 3, 9, 9, 8, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0]
        for head in [[], origin, authentication, authentication + origin] {
            for frame in carried(17, Build.udp(3544, 50_000, head + packet6)) {
                try expectInner(try read(frame), .teredo, isSix: true)
            }
        }
    }

    @Test func `keeps the outermost tunnel's name`() throws {
        let inner = Build.ipv4(47, Build.gre(0x0800, Build.ipv4(4, packet4)))
        try expectInner(try read(Build.ethernet(inner)), .gre)
        try expectInner(try read(Build.ethernet(Build.ipv6(4, inner), type: 0x86dd)), .ipip)
    }

    @Test func `that only looks like a tunnel is the packet that it is`() throws {
        let samples: [[UInt8]] = [
            Build.udpFrame(1, 4789, Array(repeating: 0x41, count: 60)),
            Build.udpFrame(1, 4789, Build.vxlan(Array(repeating: 0x41, count: 60))),
            Build.udpFrame(1, 4789, Build.vxlan(Build.ethernet(Array(repeating: 0, count: 28), type: 0x0806))),
            Build.udpFrame(1, 4789, Build.vxlan(Build.ethernet(packet4.dropLast()))),
            Build.udpFrame(1, 3544, [0x60] + Array(repeating: 0xff, count: 60)),
            Build.udpFrame(1, 3544, []),
        ]
        for frame in samples {
            let summary = try #require(try read(frame))
            #expect(summary.tunnel == .none && summary.sourcePort == 1 && summary.protocolNumber == 17)
            #expect(summary.length == UInt32(frame.count - 14))
        }
        // Protocols in GRE that are not read: the carrier is the packet.
        for type: UInt16 in [0, 0x880b, 0x0806] {
            let summary = try #require(try read(Build.ethernet(Build.ipv4(47, Build.gre(type, [1, 2, 3, 4])))))
            #expect(summary.protocolNumber == 47 && summary.tunnel == .none)
        }
        let bridged = Build.gre(0x6558, Build.ethernet([1, 2, 3], type: 0x88cc))
        #expect(try read(Build.ethernet(Build.ipv4(47, bridged)))?.protocolNumber == 47)
    }

    @Test func `without an IP packet is none`() throws {
        for type: UInt16 in [0x0806, 0x88cc, 0x8035, 0x0026, 0x88e5] {
            #expect(try read(Build.ethernet(Array(repeating: 0x42, count: 46), type: type)) == nil)
            #expect(try read(Build.ethernet(Array(repeating: 0x42, count: 46), type: type, tags: [(0x8100, 1)])) == nil)
        }
        #expect(try read([7, 0, 0, 0, 1, 2], link: .null) == nil)
        #expect(refusal(packet4, link: LinkType(rawValue: 147)) == Malformed(.unsupported, at: 0))
    }
}

@Suite struct `A packet` {
    @Test func `shows its TCP flags and payload`() throws {
        for flags in UInt8.min...UInt8.max {
            let summary = try #require(try read(Build.tcpFrame(1000, 2000, flags: flags, payload)))
            #expect(summary.flags == flags && summary.payloadLength == 9)
        }
        let segment = Build.tcp(1, 2, flags: 2, options: [2, 4, 5, 0xb4, 1, 1, 1, 0], [0xaa, 0xbb])
        let summary = try #require(try read(Build.frame(6, segment, ttl: 3)))
        #expect(summary.payloadLength == 2 && summary.payloadPrefix == 0xaabb_0000_0000_0000 && summary.ttl == 3)
    }

    @Test func `may have options and extension headers`() throws {
        let options = try #require(
            try read(Build.ethernet(Build.ipv4(17, datagram, options: [7, 4, 4, 0, 0, 0, 0, 0]))))
        #expect(options.sourcePort == 40_001 && options.length == 45)
        var chain = Build.authenticationHeader(next: 17, datagram)
        chain = Build.extensionHeader(next: 51, units: 3, chain)
        chain = Build.extensionHeader(next: 60, chain)
        chain = Build.extensionHeader(next: 43, units: 2, chain)
        let summary = try #require(try read(Build.ethernet(Build.ipv6(0, chain), type: 0x86dd)))
        #expect(summary.sourcePort == 40_001 && summary.protocolNumber == 17 && summary.payloadLength == 9)
        #expect(summary.length == UInt32(40 + chain.count))
        for (next, expected) in [(UInt8(50), UInt8(50)), (59, 59), (89, 89), (132, 132)] {
            let other = try #require(
                try read(Build.ethernet(Build.ipv6(next, Array(repeating: 5, count: 24)), type: 0x86dd)))
            #expect(other.protocolNumber == expected && (other.sourcePort == 0x0505) == (next == 132))
        }
    }

    @Test func `of ICMP does not count what it quotes`() throws {
        let error = try #require(try read(Build.frame(1, Build.icmp(3, 3, packet4))))
        #expect(error.icmpType == 3 && error.icmpCode == 3 && error.protocolNumber == 1)
        #expect(error.sourcePort == 0 && error.source == Address(Build.source)! && error.tunnel == .none)
        #expect(error.payloadLength == UInt16(packet4.count) && error.service == .none)
        let six = Build.ipv6(58, Build.icmp(1, 4, packet6))
        let summary = try #require(try read(Build.ethernet(six, type: 0x86dd)))
        #expect(summary.icmpType == 1 && summary.icmpCode == 4 && summary.sourcePort == 0)
        #expect(try read(Build.frame(1, [8, 0, 0, 0]))?.payloadLength == 0)
    }

    @Test func `that a card was to cut up has the frame's length`() throws {
        var large = Build.ipv4(6, Build.tcp(1, 443, Array(repeating: 7, count: 70_000)))
        large[2] = 0
        large[3] = 0
        let summary = try #require(try read(Build.ethernet(large)))
        #expect(summary.length == 70_040 && summary.payloadLength == 65_535)
    }

    @Test func `with lengths that contradict each other is refused`() {
        func changed(_ frame: [UInt8], _ changes: [(Int, UInt8)]) -> [UInt8] {
            var frame = frame
            for (index, value) in changes { frame[index] = value }
            return frame
        }
        let frame = Build.ethernet(packet4)
        let tcp = Build.tcpFrame(1, 2, payload)
        let six = Build.ethernet(packet6, type: 0x86dd)
        #expect(refusal(changed(frame, [(14, 0x55)])) == Malformed(.invalid, at: 14))
        #expect(refusal(changed(frame, [(14, 0x44)])) == Malformed(.invalid, at: 14))
        #expect(refusal(changed(frame, [(17, 19)])) == Malformed(.contradictory, at: 16))
        #expect(refusal(changed(frame, [(16, 9)])) == Malformed(.truncated, at: 16))
        #expect(refusal(changed(frame, [(17, 27)])) == Malformed(.truncated, at: 34))
        #expect(refusal(changed(frame, [(39, 7)])) == Malformed(.contradictory, at: 38))
        #expect(refusal(changed(frame, [(39, 18)])) == Malformed(.truncated, at: 38))
        #expect(refusal(changed(tcp, [(46, 0x40)])) == Malformed(.invalid, at: 46))
        #expect(refusal(changed(tcp, [(46, 0xf0)])) == Malformed(.contradictory, at: 46))
        #expect(refusal(changed(six, [(14, 0x40)])) == Malformed(.invalid, at: 14))
        #expect(refusal(changed(six, [(18, 1)])) == Malformed(.truncated, at: 18))
        #expect(refusal(changed(six, [(20, 0), (55, 200)])) == Malformed(.truncated, at: 54))
        #expect(refusal([0x50] + packet4.dropFirst(), link: .raw) == Malformed(.invalid, at: 0))
        // A frame that was cut off when captured has its headers all the same.
        #expect(refusal(Array(frame.prefix(42)), originalLength: frame.count) == nil)
        #expect(refusal(Array(frame.prefix(42))) == Malformed(.truncated, at: 16))
    }

    @Test func `wrapped without end is refused`() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Build.ethernet((0..<depth).reduce(packet4) { inner, _ in Build.ipv4(4, inner) })
        }
        try expectInner(try read(nested(FrameReader.tunnelLimit)), .ipip)
        #expect(refusal(nested(FrameReader.tunnelLimit + 1))?.reason == .overBudget)
        #expect(refusal(nested(1000))?.reason == .overBudget)
        let labels = Array(repeating: UInt32(17), count: FrameReader.headerLimit)
        #expect(refusal(Build.ethernet(Build.mpls(labels, packet4), type: 0x8847))?.reason == .overBudget)
        let tags = Array(repeating: (type: UInt16(0x8100), id: UInt16(1)), count: FrameReader.headerLimit)
        #expect(refusal(Build.ethernet(packet4, tags: tags))?.reason == .overBudget)
        let chain = (0..<FrameReader.headerLimit).reduce(Build.extensionHeader(next: 17, datagram)) { rest, _ in
            Build.extensionHeader(next: 60, rest)
        }
        #expect(refusal(Build.ethernet(Build.ipv6(60, chain), type: 0x86dd))?.reason == .overBudget)
        // Guessed tunnels in one another: the last that could be read.
        let vxlan = (0..<9).reduce(Build.ethernet(packet4)) { inner, _ in Build.udpFrame(1, 4789, Build.vxlan(inner)) }
        #expect(try read(vxlan)?.destinationPort == 4789)
    }
}
