import Bytes
import Packets
import TestKit
import Testing

private typealias Build = PacketBuilder

private let answer = Build.dns("big.example.nl", type: 46, isResponse: true, padding: 3000)
private let datagram = Build.udp(53, 40_000, answer)
private let second: Int64 = 1_000_000_000

/// The pieces of one packet of IPv4, or of IPv6.
private func pieces(isSix: Bool = false, id: UInt16 = 7, source: String? = nil) -> [[UInt8]] {
    let size = 1448
    return stride(from: 0, to: datagram.count, by: size).map { start in
        let part = Array(datagram[start..<min(start + size, datagram.count)])
        let hasMore = start + size < datagram.count
        guard isSix else {
            return Build.ethernet(
                Build.ipv4(17, part, from: source ?? Build.source, id: id, offset: start, hasMore: hasMore))
        }
        let fragment = Build.fragmentHeader(next: 17, id: UInt32(id), offset: start, hasMore: hasMore, part)
        return Build.ethernet(Build.ipv6(44, fragment, from: source ?? Build.source6), type: 0x86dd)
    }
}

extension FrameReader {
    fileprivate mutating func read(_ frame: [UInt8], _ time: Int64 = 0) throws -> PacketSummary {
        guard
            let packet = try read(frame.span.bytes, link: .ethernet, originalLength: frame.count, time: time)
        else { throw Malformed(.invalid, at: 0) }
        return packet
    }
}

@Suite struct `A fragment` {
    @Test(arguments: [false, true]) func `has what the first one said`(isSix: Bool) throws {
        var reader = FrameReader()
        let packets = try pieces(isSix: isSix).map { try reader.read($0) }
        #expect(packets.map(\.fragment) == [.first, .later, .later])
        #expect(packets.map { Int($0.payloadLength) }.reduce(0, +) == answer.count)
        for packet in packets {
            #expect(packet.sourcePort == 53 && packet.destinationPort == 40_000 && packet.protocolNumber == 17)
            #expect(packet.service == .dns && packet.role == .response && packet.isPayloadSeen)
            #expect(packet.dnsType == 46 && packet.dnsNameHash == DNSName.hash("big.example.nl"))
            #expect(packet.identification == 7)
        }
        #expect(packets[0].dnsNameOffset > 0 && packets[1].dnsNameOffset == 0)
    }

    @Test(arguments: [false, true]) func `without its first one has no ports`(isSix: Bool) throws {
        for frame in pieces(isSix: isSix).dropFirst() {
            var reader = FrameReader()
            let packet = try reader.read(frame)
            #expect(packet.sourcePort == 0 && packet.destinationPort == 0 && packet.service == .none)
            #expect(packet.protocolNumber == 17 && packet.fragment == .later && packet.payloadLength > 0)
        }
    }

    @Test func `belongs to the packet of the same addresses and number only`() throws {
        var reader = FrameReader()
        _ = try reader.read(pieces()[0])
        #expect(try reader.read(pieces(id: 8)[1]).sourcePort == 0)
        #expect(try reader.read(pieces(source: "192.0.2.99")[1]).sourcePort == 0)
        #expect(try reader.read(pieces(isSix: true)[1]).sourcePort == 0)
        #expect(try reader.read(pieces()[1]).sourcePort == 53)
    }

    @Test func `is waited for thirty seconds`() throws {
        for (delay, port) in [(0, UInt16(53)), (30, 53), (-30, 53), (31, 0), (-31, 0)] {
            var reader = FrameReader()
            _ = try reader.read(pieces()[0], 100 * second)
            #expect(try reader.read(pieces()[1], (100 + Int64(delay)) * second).sourcePort == port)
        }
        var reader = FrameReader()
        _ = try reader.read(pieces()[0], .min)
        #expect(try reader.read(pieces()[1], .max).sourcePort == 0)
    }

    @Test func `pushes old ones out, and newer ones stay`() throws {
        var reader = FrameReader()
        for id in 0..<UInt16(60_000) { _ = try reader.read(pieces(id: id)[0], Int64(id) * 1000) }
        let found = try (59_000..<60_000).count {
            try reader.read(pieces(id: UInt16($0))[1], 60_000_000).sourcePort == 53
        }
        // Sets of four hold the newest 1,000 of 8,192 places all but surely.
        #expect(found > 990)
        let old = try (0..<1000).count { try reader.read(pieces(id: UInt16($0))[1], 60_000_000).sourcePort == 53 }
        #expect(old < 10)
    }

    @Test func `behind extension headers is found by what all pieces name`() throws {
        let options = Build.extensionHeader(next: 17, datagram)
        let first = Build.fragmentHeader(next: 60, offset: 0, hasMore: true, Array(options[..<1448]))
        let later = Build.fragmentHeader(next: 60, offset: 1448, hasMore: false, Array(options[1448...]))
        var reader = FrameReader()
        #expect(try reader.read(Build.ethernet(Build.ipv6(44, first), type: 0x86dd)).sourcePort == 53)
        let packet = try reader.read(Build.ethernet(Build.ipv6(44, later), type: 0x86dd))
        #expect(packet.sourcePort == 53 && packet.protocolNumber == 17)
    }

    @Test func `that is alone is a whole packet`() throws {
        let atomic = Build.fragmentHeader(next: 17, datagram)
        var reader = FrameReader()
        let packet = try reader.read(Build.ethernet(Build.ipv6(44, atomic), type: 0x86dd))
        #expect(packet.fragment == .whole && packet.sourcePort == 53 && packet.identification == 9)
    }

    @Test func `too short for its transport header counts with the ports that it has`() throws {
        for number: UInt8 in [6, 17] {
            var reader = FrameReader()
            let head = Array(Build.tcp(1000, 2000).prefix(6))
            let packet = try reader.read(Build.ethernet(Build.ipv4(number, head, hasMore: true)))
            #expect(packet.sourcePort == 1000 && packet.destinationPort == 2000 && packet.fragment == .first)
            #expect(packet.payloadLength == 0 && packet.flags == 0)
            let later = try reader.read(Build.ethernet(Build.ipv4(number, [1, 2, 3], offset: 8)))
            #expect(later.sourcePort == 1000)
            #expect(refusal(Build.ethernet(Build.ipv4(number, head)))?.reason == .truncated)
        }
    }

    @Test func `of a tunnel is not read further`() throws {
        var reader = FrameReader()
        let packet = try reader.read(Build.ethernet(Build.ipv4(4, Build.ipv4(17, datagram), hasMore: true)))
        #expect(packet.protocolNumber == 4 && packet.fragment == .first && packet.tunnel == .none)
    }
}
