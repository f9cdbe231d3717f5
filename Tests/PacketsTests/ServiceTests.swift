import Bytes
import Packets
import TestKit
import Testing

@Suite struct `A service` {
    @Test(arguments: ServiceSample.all) func `is seen in its payload`(sample: ServiceSample) throws {
        for source in [PacketBuilder.source, PacketBuilder.source6] {
            let packet = try #require(try read(sample.frame(from: source)))
            #expect(packet.service == sample.service && packet.role == sample.role && packet.isPayloadSeen)
            #expect(Int(packet.payloadLength) == sample.payload.count)
        }
    }

    @Test(arguments: ServiceSample.all.filter(\.isMarked))
    func `with marks of its own is seen on any port`(sample: ServiceSample) throws {
        let packet = try #require(try read(sample.frame(port: 51_235)))
        #expect(packet.service == sample.service && packet.role == sample.role && packet.isPayloadSeen)
    }

    @Test func `is covered by samples, both sides of it`() {
        // Those that show nothing but their port, or only one side that can be told.
        let poor: Set<Service> = [.none, .qotd, .jenkins, .chargen, .mitel, .sentinel]
        for service in Service.allCases where !poor.contains(service) {
            for role in [Role.request, .response] {
                #expect(ServiceSample.all.contains { $0.service == service && $0.role == role }, "\(service) \(role)")
            }
        }
    }

    @Test(arguments: ServiceSample.all) func `is read from no cut frame wrongly`(sample: ServiceSample) throws {
        let frame = sample.frame()
        let whole = try #require(try read(frame))
        for length in 0..<frame.count {
            let part = Array(frame[..<length])
            // As if it had been sent so: never more than was there.
            #expect(refusal(part)?.reason == .truncated, "\(length)")
            #expect(try #require(refusal(part)).offset <= length)
            // Cut off by the capture: the headers stand as soon as they are there.
            guard let packet = try? read(part, originalLength: frame.count) else {
                #expect(length < (sample.isTCP ? 48 : 40))
                continue
            }
            #expect(packet.source == whole.source && packet.length == whole.length)
            #expect(packet.sourcePort == whole.sourcePort && packet.destinationPort == whole.destinationPort)
            #expect(packet.payloadLength == whole.payloadLength && packet.protocolNumber == whole.protocolNumber)
            if packet.isPayloadSeen, sample.service != .plex, sample.service != .chargen {
                #expect(packet.service == whole.service)
            }
        }
    }

    @Test func `without a sign in the payload is its port's`() throws {
        let noise: [UInt8] = [0xee, 0x11, 0xee, 0x13, 0xee, 0x17, 0xee, 0x19, 0xee, 0x23, 0xee]
        for (port, service) in [(UInt16(53), Service.dns), (123, .ntp), (17, .qotd), (1900, .ssdp), (443, .quic)] {
            let response = try #require(
                try read(PacketBuilder.udpFrame(port, to: PacketBuilder.destination, 51_000, noise)))
            #expect(response.service == service && response.role == .response && !response.isPayloadSeen)
            let request = try #require(
                try read(PacketBuilder.udpFrame(51_000, to: PacketBuilder.destination, port, noise)))
            #expect(request.service == service && request.role == .request && !request.isPayloadSeen)
            let both = try #require(try read(PacketBuilder.udpFrame(port, to: PacketBuilder.destination, port, noise)))
            #expect(both.service == service && both.role == .unknown && !both.isPayloadSeen)
        }
        // A port that clients are given too says nothing against the payload.
        for port: UInt16 in [11_211, 27_015, 47_808, 51_000] {
            let packet = try #require(
                try read(PacketBuilder.udpFrame(port, to: PacketBuilder.destination, 51_000, noise)))
            #expect(packet.service == .none && packet.role == .unknown)
        }
    }

    @Test func `of TCP needs a payload`() throws {
        for flags: UInt8 in [2, 0x12, 0x10, 4] {
            let packet = try #require(
                try read(PacketBuilder.tcpFrame(443, to: PacketBuilder.destination, 51_000, flags: flags)))
            #expect(packet.service == .none && packet.role == .unknown && packet.payloadLength == 0)
        }
        let later = try #require(
            try read(PacketBuilder.tcpFrame(443, to: PacketBuilder.destination, 51_000, [0xee, 0x11])))
        #expect(later.service == .tls && later.role == .response && !later.isPayloadSeen)
    }

    @Test func `of DNS has the name and type that were asked for`() throws {
        for (name, text) in [
            ("WWW.Voorbeeld.NL", "www.voorbeeld.nl"), ("", "."), ("a", "a"), ("x-1._tcp.b", "x-1._tcp.b"),
        ] {
            let frame = PacketBuilder.udpFrame(
                51_000, to: PacketBuilder.destination, 53, PacketBuilder.dns(name, type: 16))
            let packet = try #require(try read(frame))
            #expect(packet.dnsNameHash == DNSName.hash(text) && packet.dnsType == 16)
            #expect(packet.dnsNameOffset == 14 + 20 + 8 + 12)
            let wire = PacketBuilder.dnsName(name)
            #expect(Array(frame[Int(packet.dnsNameOffset)..<Int(packet.dnsNameOffset) + wire.count]) == wire)
        }
        // Names that are none: a pointer, a label of 64 bytes, one without end.
        for wrong: [UInt8] in [
            [0xc0, 12], [64] + Array(repeating: 97, count: 64) + [0], Array(repeating: 1, count: 300),
        ] {
            let message = PacketBuilder.bytes(UInt32(0x1234_0100)) + [0, 1, 0, 0, 0, 0, 0, 0] + wrong + [0, 1, 0, 1]
            let packet = try #require(
                try read(PacketBuilder.udpFrame(51_000, to: PacketBuilder.destination, 53, message)))
            #expect(packet.service == .dns && !packet.isPayloadSeen && packet.dnsNameHash == 0 && packet.dnsType == 0)
        }
    }

    @Test func `is not seen in noise`() throws {
        var state: UInt64 = 0x1234_5678_9abc_def1
        func random() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        var seen = 0
        for _ in 0..<20_000 {
            let payload = (0..<Int(random() % 60)).map { _ in UInt8(truncatingIfNeeded: random() >> 32) }
            let packet = try #require(
                try read(PacketBuilder.udpFrame(50_001, to: PacketBuilder.destination, 50_002, payload)))
            if packet.service != .none { seen += 1 }
        }
        // A handful at most: a few marks are no longer than three bytes.
        #expect(seen <= 5)
    }
}
