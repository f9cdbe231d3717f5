import Addresses
import Filters
import Packets
import TestKit
import Testing

private typealias Build = PacketBuilder

private func read(_ frame: [UInt8], tunnels: Bool = false) -> FrameFacts.Reading {
    FrameFacts.read(frame.span.bytes, readsTunnels: tunnels)
}

private func facts(_ frame: [UInt8], tunnels: Bool = false) -> FrameFacts? {
    if case .facts(let facts) = read(frame, tunnels: tunnels) { facts } else { nil }
}

private func fault(_ frame: [UInt8], tunnels: Bool = false) -> Malformation? {
    if case .malformed(let malformation) = read(frame, tunnels: tunnels) { malformation } else { nil }
}

private func four(_ packet: [UInt8]) -> [UInt8] { Build.ethernet(packet) }
private func six(_ packet: [UInt8]) -> [UInt8] { Build.ethernet(packet, type: 0x86dd) }

private func chain(_ headers: [UInt8], _ last: UInt8 = 17, _ content: [UInt8] = datagram) -> [UInt8] {
    var body = content
    var next = last
    for header in headers.reversed() {
        switch header {
        case 44: body = Build.fragmentHeader(next: next, body)
        case 51: body = Build.authenticationHeader(next: next, body)
        default: body = Build.extensionHeader(next: next, body)
        }
        next = header
    }
    return six(Build.ipv6(next, body))
}

private let payload: [UInt8] = [0xde, 0xad, 0xbe, 0xef, 5]
private let datagram = Build.udp(40_001, 40_002, payload)
private let frame4 = four(Build.ipv4(17, datagram))
private let frame6 = six(Build.ipv6(17, datagram))

@Suite struct `Facts of a frame` {
    @Test func `are those of its headers`() throws {
        let found = try #require(facts(frame4))
        #expect(found.source == Address(Build.source) && found.destination == Address(Build.destination))
        #expect(found.version == 4 && found.protocolNumber == 17 && found.ttl == 64 && found.length == 33)
        #expect(found.sourcePort == 40_001 && found.destinationPort == 40_002 && found.fragment == .whole)
        #expect(found.payloadOffset == 42 && found.payloadLength == 5 && found.hasTransport && !found.isTunnelled)
        let other = try #require(facts(frame6))
        #expect(other.source == Address(Build.source6) && other.destination == Address(Build.destination6))
        #expect(other.version == 6 && other.length == 53 && other.payloadOffset == 62 && other.ttl == 64)
    }

    // MARK: Link

    @Test func `are read behind two tags and no more`() {
        for type: UInt16 in [0x8100, 0x88a8, 0x9100] {
            for count in 0...3 {
                let tags = Array(repeating: (type: type, id: UInt16(5)), count: count)
                let frame = Build.ethernet(Build.ipv4(17, datagram), tags: tags)
                #expect((facts(frame)?.payloadOffset == 42 + 4 * count) == (count < 3))
                #expect((read(frame) == .other) == (count == 3))
            }
        }
    }

    @Test func `are of IP alone`() {
        for type: UInt16 in [0x0806, 0x88cc, 0x8847, 0x8864, 0x6558, 46, 0x0801, 0x86dc, 0x8101] {
            #expect(read(Build.ethernet(Build.ipv4(17, datagram), type: type)) == .other)
        }
        #expect(read([]) == .other)
    }

    // MARK: IPv4

    @Test func `need a sound header of IPv4`() {
        func changed(_ place: Int, _ value: UInt8) -> [UInt8] {
            var frame = frame4
            frame[14 + place] = value
            return frame
        }
        #expect(fault(changed(0, 0x65)) == .wrongVersion)
        #expect(fault(changed(0, 0x55)) == .wrongVersion)
        #expect(fault(changed(0, 0x44)) == .shortHeaderLength)
        #expect(fault(changed(3, 19)) == .shortTotalLength)
        #expect(fault(changed(0, 0x4f)) == .shortTotalLength)
        #expect(fault(changed(3, 34)) == .longerThanCarrier)
        #expect(fault(changed(2, 1)) == .longerThanCarrier)
        // What follows a packet is none of it.
        #expect(facts(frame4 + [1, 2, 3]) == facts(frame4))
        #expect(fault(changed(3, 20)) == .transportCutOff)
        #expect(facts(four(Build.ipv4(17, datagram, options: Array(repeating: 1, count: 40))))?.payloadOffset == 82)
    }

    @Test func `tell pieces of IPv4 apart`() throws {
        let whole = try #require(facts(four(Build.ipv4(17, datagram))))
        #expect(whole.fragment == .whole)
        #expect(facts(four(Build.ipv4(17, datagram, hasMore: true)))?.fragment == .first)
        for hasMore in [false, true] {
            let later = try #require(facts(four(Build.ipv4(6, [1], offset: 8, hasMore: hasMore))))
            #expect(later.fragment == .later && later.protocolNumber == 6 && !later.hasTransport)
            #expect(later.sourcePort == 0 && later.payloadOffset == 0 && later.payloadLength == 0)
        }
        var highest = frame4
        highest[14 + 6] = 0x10
        #expect(facts(highest)?.fragment == .later)
        var kept = frame4
        // Not to be cut up, and the bit that is of no use.
        kept[14 + 6] = 0xc0
        #expect(facts(kept)?.fragment == .whole)
    }

    // MARK: IPv6

    @Test func `need a sound header of IPv6`() {
        var frame = frame6
        frame[14] = 0x45
        #expect(fault(frame) == .wrongVersion)
        frame = frame6
        frame[14 + 5] += 1
        #expect(fault(frame) == .longerThanCarrier)
        // A jumbogram's length.
        frame[14 + 5] = 0
        #expect(fault(frame) == .transportCutOff)
        #expect(facts(frame6 + [0]) == facts(frame6))
    }

    @Test(arguments: [0, 43, 60, 135, 139, 140, 51, 44] as [UInt8])
    func `are found behind extension headers`(header: UInt8) {
        for count in 0...7 {
            let frame = chain(Array(repeating: header, count: count))
            if count <= 6 {
                let found = facts(frame)
                #expect(found?.sourcePort == 40_001 && found?.protocolNumber == 17 && found?.fragment == .whole)
            } else {
                #expect(fault(frame) == .tooManyExtensions)
            }
        }
        // Six, and then what is none.
        #expect(facts(chain(Array(repeating: header, count: 6), 50, [1]))?.protocolNumber == 50)
    }

    @Test func `are not found behind what is no extension header`() {
        for number: UInt8 in [50, 59, 136, 253] {
            let found = facts(six(Build.ipv6(number, Build.extensionHeader(next: 17, datagram))))
            #expect(found?.protocolNumber == number && found?.hasTransport == false)
        }
    }

    @Test func `end with the packet, also among extension headers`() {
        // One byte of a header, and bytes of the frame behind the packet that would complete it.
        #expect(fault(six(Build.ipv6(60, [17]) + [0, 0, 0, 0, 0, 0, 0])) == .extensionCutOff)
        #expect(fault(six(Build.ipv6(60, [17, 0, 0, 0, 0, 0, 0]) + [0])) == .extensionCutOff)
        #expect(fault(six(Build.ipv6(60, [17, 1] + [UInt8](repeating: 0, count: 13)))) == .extensionCutOff)
        #expect(fault(six(Build.ipv6(44, [17, 0, 0, 0, 0, 0, 0]) + [0])) == .extensionCutOff)
        #expect(fault(six(Build.ipv6(51, [17, 0, 0, 0, 0, 0, 0]) + [0])) == .extensionCutOff)
        #expect(fault(six(Build.ipv6(60, []))) == .extensionCutOff)
        // The least of authentication's is eight bytes: (0 + 2) * 4.
        #expect(facts(six(Build.ipv6(51, [17, 0, 0, 0, 0, 0, 0, 0] + datagram)))?.sourcePort == 40_001)
        #expect(facts(six(Build.ipv6(60, [59, 0, 0, 0, 0, 0, 0, 0])))?.protocolNumber == 59)
        #expect(facts(six(Build.ipv6(43, [17, 255] + [UInt8](repeating: 0, count: 2046) + datagram)))?.ttl == 64)
    }

    @Test func `tell pieces of IPv6 apart`() throws {
        func piece(_ next: UInt8, _ offset: Int, _ hasMore: Bool, _ content: [UInt8] = datagram) -> [UInt8] {
            six(Build.ipv6(44, Build.fragmentHeader(next: next, offset: offset, hasMore: hasMore, content)))
        }
        #expect(facts(piece(17, 0, false))?.fragment == .whole)
        let first = try #require(facts(piece(17, 0, true)))
        #expect(first.fragment == .first && first.sourcePort == 40_001)
        let later = try #require(facts(piece(17, 8, true)))
        #expect(later.fragment == .later && later.protocolNumber == 17 && later.sourcePort == 0)
        // Reading ends there, whatever the header names.
        #expect(facts(piece(60, 8, false, [1]))?.protocolNumber == 60)
        #expect(fault(piece(60, 0, true, [1])) == .extensionCutOff)
        // The first piece stays one behind a header that says nothing.
        let twice = Build.fragmentHeader(next: 44, hasMore: true, Build.fragmentHeader(next: 17, datagram))
        #expect(facts(six(Build.ipv6(44, twice)))?.fragment == .first)
        // Bits that are kept free are not looked at.
        var free = piece(17, 0, false)
        free[14 + 40 + 3] = 0x06
        #expect(facts(free)?.fragment == .whole)
        // As the sixth one, it is the last one.
        var sixth = Build.extensionHeader(next: 44, Build.fragmentHeader(next: 60, offset: 8, []))
        for _ in 0..<4 { sixth = Build.extensionHeader(next: 60, sixth) }
        #expect(facts(six(Build.ipv6(60, sixth)))?.fragment == .later)
    }

    // MARK: Sources

    @Test(
        arguments: [
            ("0.0.0.0", nil), ("126.255.255.255", nil), ("127.0.0.0", .loopbackSource),
            ("127.255.255.255", .loopbackSource), ("128.0.0.0", nil), ("223.255.255.255", nil),
            ("224.0.0.0", .multicastSource), ("240.0.0.1", .multicastSource), ("255.255.255.255", .multicastSource),
            ("198.51.100.2", .sourceIsDestination), ("::", nil), ("::1", .loopbackSource), ("::2", nil),
            ("0:0:0:1::1", nil), ("feff:ffff::", nil), ("ff00::", .multicastSource), ("ffff::1", .multicastSource),
            ("2001:db8:2::2", .sourceIsDestination),
        ] as [(String, Malformation?)])
    func `name a source that can be`(source: String, expected: Malformation?) {
        let isIPv4 = source.utf8.contains(UInt8(ascii: "."))
        let frame = Build.frame(
            17, datagram, from: source, to: isIPv4 ? Build.destination : Build.destination6)
        #expect(fault(frame) == expected)
        // Before anything of the transport, and of pieces too.
        let later = four(Build.ipv4(17, [], from: source, offset: 8))
        if isIPv4 { #expect(fault(later) == expected) }
    }

    // MARK: Transport

    @Test func `need a sound header of TCP`() throws {
        func segment(_ change: (inout [UInt8]) -> Void = { _ in }, hasMore: Bool = false) -> [UInt8] {
            var segment = Build.tcp(80, 443, options: [1, 1, 1, 1], payload)
            change(&segment)
            return four(Build.ipv4(6, segment, hasMore: hasMore))
        }
        let found = try #require(facts(segment()))
        #expect(found.sourcePort == 80 && found.destinationPort == 443 && found.flags == 0x10)
        #expect(found.payloadOffset == 14 + 20 + 24 && found.payloadLength == 5)
        for hasMore in [false, true] {
            #expect(fault(segment({ $0[12] = 0x40 }, hasMore: hasMore)) == .shortDataOffset)
            #expect(fault(segment({ $0[12] = 0x80 }, hasMore: hasMore)) == .longDataOffset)
            #expect(facts(segment({ $0[12] = 0x7f }, hasMore: hasMore))?.payloadLength == 1)
            #expect(fault(segment({ $0.removeLast($0.count - 19) }, hasMore: hasMore)) == .transportCutOff)
        }
        for flags in UInt8.min...UInt8.max {
            let expected: Malformation? =
                flags & 3 == 3 ? .synAndFin : flags & 6 == 6 ? .synAndReset : flags & 0x3f == 0 ? .noFlags : nil
            #expect(fault(segment({ $0[13] = flags })) == expected)
            if expected == nil { #expect(facts(segment { $0[13] = flags })?.flags == flags) }
        }
    }

    @Test func `need a sound header of UDP`() {
        func sent(_ length: UInt8, hasMore: Bool = false) -> [UInt8] {
            var changed = datagram
            changed[5] = length
            return four(Build.ipv4(17, changed, hasMore: hasMore) + [9, 9, 9])
        }
        #expect(fault(sent(0)) == .shortDatagram)
        #expect(fault(sent(7)) == .shortDatagram)
        #expect(fault(sent(7, hasMore: true)) == .shortDatagram)
        #expect(facts(sent(8))?.payloadLength == 0)
        #expect(facts(sent(12))?.payloadLength == 4)
        #expect(fault(sent(14)) == .longDatagram)
        // The first piece has the length of the whole.
        #expect(facts(sent(14, hasMore: true))?.payloadLength == 5)
        #expect(fault(four(Build.ipv4(17, Array(datagram[..<7]), hasMore: true))) == .transportCutOff)
    }

    @Test func `go by the protocol's number, whatever the version`() {
        for (number, least) in [(UInt8(1), 8), (58, 4)] {
            for isIPv4 in [true, false] {
                for count in 0...10 {
                    let message = Array(([3, 4] + [UInt8](repeating: 7, count: 8))[..<count])
                    let frame = isIPv4 ? four(Build.ipv4(number, message)) : six(Build.ipv6(number, message))
                    if count < least {
                        #expect(fault(frame) == .transportCutOff)
                    } else {
                        let found = facts(frame)
                        #expect(found?.icmpType == 3 && found?.icmpCode == 4 && found?.sourcePort == 0)
                        #expect(found?.payloadLength == max(0, count - 8) && found?.hasTransport == true)
                    }
                }
            }
        }
        let other = facts(four(Build.ipv4(132, datagram)))
        #expect(other?.hasTransport == false && other?.sourcePort == 0 && other?.payloadLength == 0)
        #expect(facts(four(Build.ipv4(132, [])))?.length == 20)
    }

    // MARK: Names

    @Test func `have the type behind a question's name`() {
        func type(_ name: [UInt8], _ rest: [UInt8] = [0, 255, 0, 1]) -> UInt16? {
            facts(four(Build.ipv4(17, Build.udp(1, 53, [UInt8](repeating: 0, count: 12) + name + rest))))?.dnsType
        }
        #expect(type([0]) == 255)
        #expect(type(Build.dnsName("example.nl")) == 255)
        #expect(type([63] + [UInt8](repeating: 97, count: 63) + [0]) == 255)
        #expect(type([64] + [UInt8](repeating: 97, count: 64) + [0]) == nil)
        #expect(type([0xc0, 12]) == nil)
        func labels(_ count: Int) -> [UInt8] { Array(repeating: [1, 97], count: count).flatMap(\.self) }
        #expect(type(labels(16) + [0]) == 255)
        #expect(type(labels(17) + [0]) == nil)
        // The type itself has to be there, and a payload that short is no question.
        #expect(type(labels(2) + [0], [0, 255]) == 255)
        #expect(type(labels(2) + [0], [0]) == nil)
        #expect(type([0], [0, 255]) == nil)
        #expect(type([0], [0, 255, 0]) == nil)
        #expect(type([9, 1, 2, 3, 4, 5]) == nil)
        #expect(facts(four(Build.ipv4(6, Build.tcp(1, 53, Build.dns("example.nl")))))?.dnsType == nil)
    }

    @Test func `end with the datagram where the packet is longer`() {
        var cut = Build.udp(1, 53, Build.dns("example.nl", type: 16))
        cut[5] -= 3
        #expect(facts(four(Build.ipv4(17, cut)))?.dnsType == nil)
        cut[5] += 1
        #expect(facts(four(Build.ipv4(17, cut)))?.dnsType == 16)
    }
}
