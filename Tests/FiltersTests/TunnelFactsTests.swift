import Addresses
import Filters
import Packets
import TestKit
import Testing

private typealias Build = PacketBuilder

private func read(_ packet: [UInt8], tunnels: Bool = true, isIPv6: Bool = false) -> FrameFacts.Reading {
    FrameFacts.read(Build.ethernet(packet, type: isIPv6 ? 0x86dd : 0x0800).span.bytes, readsTunnels: tunnels)
}

private func facts(_ packet: [UInt8], tunnels: Bool = true, isIPv6: Bool = false) -> FrameFacts? {
    if case .facts(let facts) = read(packet, tunnels: tunnels, isIPv6: isIPv6) { facts } else { nil }
}

private let inner4 = Build.ipv4(17, Build.udp(1, 2, [7]), from: "203.0.113.5", to: "203.0.113.6")
private let inner6 = Build.ipv6(17, Build.udp(1, 2, [7]), from: "2001:db8:7::1")

private func isInner(_ facts: FrameFacts?, six: Bool = false) -> Bool {
    facts?.source == Address(six ? "2001:db8:7::1" : "203.0.113.5") && facts?.sourcePort == 1
        && facts?.destinationPort == 2 && facts?.payloadLength == 1 && facts?.isTunnelled == true
}

@Suite struct `Facts of a tunnel` {
    @Test func `are of the packet inside, where that is wanted`() throws {
        #expect(isInner(facts(Build.ipv4(4, inner4))))
        #expect(isInner(facts(Build.ipv4(41, inner6)), six: true))
        #expect(isInner(facts(Build.ipv6(4, inner4), isIPv6: true)))
        #expect(isInner(facts(Build.ipv6(60, Build.extensionHeader(next: 41, inner6)), isIPv6: true), six: true))
        let outer = try #require(facts(Build.ipv4(4, inner4), tunnels: false))
        #expect(outer.protocolNumber == 4 && outer.source == Address(Build.source) && !outer.isTunnelled)
    }

    @Test func `are read behind GRE of version 0`() {
        for bits in 0..<8 {
            let packet = Build.gre(
                0x0800, checksum: bits & 1 != 0 ? 1 : nil, key: bits & 2 != 0 ? 2 : nil,
                sequence: bits & 4 != 0 ? 3 : nil, inner4)
            #expect(isInner(facts(Build.ipv4(47, packet))))
        }
        #expect(isInner(facts(Build.ipv4(47, Build.gre(0x86dd, inner6))), six: true))
        #expect(facts(Build.ipv4(47, Build.gre(0x6558, inner4)))?.protocolNumber == 47)
        for bit in 0..<16 {
            let flags = UInt16(1) << UInt16(bit)
            let packet = Build.bytes(flags) + Build.bytes(UInt16(0x0800)) + [0, 0, 0, 0] + inner4
            let isField = [12, 13, 15].contains(bit)
            #expect(facts(Build.ipv4(47, packet))?.isTunnelled == isField)
        }
        // The header is not all there: the packet is what it is, a short GRE.
        for count in 0..<8 {
            let header: [UInt8] = [0x20, 0, 0x08, 0, 0, 0, 0, 1]
            // Nor is it where the frame goes on behind the packet.
            let packet = Build.ipv4(47, Array(header[..<count]))
            #expect(facts(packet)?.isTunnelled == false)
            #expect(facts(packet + header[count...] + inner4)?.isTunnelled == false)
        }
        #expect(read(Build.ipv4(47, [0, 0, 8, 0])) == .malformed(.headerCutOff))
    }

    @Test func `are read behind VXLAN to its port`() throws {
        let whole = Build.udp(50_000, 4789, Build.vxlan(Build.ethernet(inner4)))
        #expect(isInner(facts(Build.ipv4(17, whole))))
        #expect(
            isInner(
                facts(Build.ipv4(17, Build.udp(5, 4789, Build.vxlan(Build.ethernet(inner6, type: 0x86dd))))),
                six: true))
        func changed(_ place: Int, _ value: UInt8) -> FrameFacts? {
            var datagram = whole
            datagram[place] = value
            return facts(Build.ipv4(17, datagram))
        }
        #expect(changed(3, 0)?.isTunnelled == false)
        #expect(changed(8, 0xf7)?.isTunnelled == false)
        #expect(isInner(changed(8, 0xff)))
        #expect(changed(8 + 8 + 12, 0x81)?.isTunnelled == false)
        // Of the datagram's length nothing is believed: what is inside says its own.
        #expect(isInner(changed(5, 1)))
        // Where nothing is inside, it is a datagram like others.
        let short = Build.udp(5, 4789, Build.vxlan([UInt8](repeating: 8, count: 13)))
        #expect(facts(Build.ipv4(17, short))?.destinationPort == 4789)
        #expect(facts(Build.ipv4(17, short) + [0] + inner4)?.destinationPort == 4789)
        let tagged = Build.ethernet(inner4, tags: [(type: 0x8100, id: 1)])
        #expect(facts(Build.ipv4(17, Build.udp(5, 4789, Build.vxlan(tagged))))?.destinationPort == 4789)
        let empty = Build.udp(5, 4789, Build.vxlan(Build.ethernet([])))
        #expect(read(Build.ipv4(17, empty)) == .malformed(.headerCutOff))
    }

    @Test func `end where the packet around ends`() {
        var long = inner4
        long[3] += 1
        #expect(read(Build.ipv4(4, long) + [0, 0, 0, 0]) == .malformed(.longerThanCarrier))
        #expect(isInner(facts(Build.ipv4(4, inner4 + [1, 2, 3]))))
        #expect(read(Build.ipv4(4, inner6)) == .malformed(.wrongVersion))
        let impossible = Build.ipv4(17, Build.udp(1, 2), from: "127.0.0.1")
        #expect(read(Build.ipv4(4, impossible)) == .malformed(.loopbackSource))
        #expect(read(Build.ipv4(4, inner4, from: "127.0.0.1")) == .malformed(.loopbackSource))
        #expect(read(Build.ipv4(4, Build.ipv4(6, [1]))) == .malformed(.transportCutOff))
    }

    @Test func `are not of pieces, nor of tunnels in tunnels`() {
        #expect(facts(Build.ipv4(4, inner4, hasMore: true))?.isTunnelled == false)
        #expect(facts(Build.ipv4(4, inner4, offset: 8))?.isTunnelled == false)
        let twice = facts(Build.ipv4(4, Build.ipv4(4, inner4, from: "10.0.0.1")))
        #expect(twice?.protocolNumber == 4 && twice?.source == Address("10.0.0.1") && twice?.isTunnelled == true)
        // Of the one inside, pieces are as they are.
        #expect(facts(Build.ipv4(4, Build.ipv4(17, [1], offset: 8)))?.fragment == .later)
    }
}
