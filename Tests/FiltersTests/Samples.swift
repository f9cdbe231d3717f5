import Addresses
import FilterKit
import Fingerprints
import Packets

/// A packet made twice from the same fields: as a frame, and as the summary that a reader would make of it.
struct CraftedPacket {
    var isIPv4 = true
    var source = Address("192.0.2.1")!
    var destination = Address("198.51.100.2")!
    var protocolNumber: UInt8 = 17
    var sourcePort: UInt16 = 53
    var destinationPort: UInt16 = 4000
    var flags: UInt8 = 0
    var ttl: UInt8 = 64
    var fragment = PacketSummary.Fragment.whole
    var icmpType: UInt8 = 0
    var icmpCode: UInt8 = 0
    /// IPv4 options, or TCP options, in words of four bytes.
    var optionWords = 0
    /// IPv6 extension headers before the transport header.
    var extensions: [UInt8] = []
    var payload: [UInt8] = []
    /// A question, put before the payload.
    var question: (name: String, type: UInt16, isResponse: Bool)?

    private var isTCP: Bool { protocolNumber == 6 }
    private var isICMP: Bool { protocolNumber == 1 || protocolNumber == 58 }

    private static func bytes(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

    private static func bytes(_ address: Address) -> [UInt8] {
        let all = [address.high, address.low].flatMap { half in
            (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) }
        }
        return address.isIPv4 ? Array(all.suffix(4)) : all
    }

    private var content: [UInt8] {
        guard let question else { return payload }
        let labels = question.name == "." ? [] : question.name.split(separator: ".")
        var message: [UInt8] = [0x12, 0x34, question.isResponse ? 0x81 : 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in labels {
            message.append(UInt8(label.utf8.count))
            message += label.utf8
        }
        message.append(0)
        message += Self.bytes(question.type)
        message += [0, 1]
        return message + payload
    }

    private var segment: [UInt8] {
        guard fragment != .later else { return content }
        let ports = Self.bytes(sourcePort) + Self.bytes(destinationPort)
        if isTCP {
            return ports + [0, 0, 0, 1, 0, 0, 0, 2, UInt8(5 + optionWords) << 4, flags, 0xff, 0xff, 0, 0, 0, 0]
                + [UInt8](repeating: 1, count: 4 * optionWords) + content
        }
        if protocolNumber == 17 { return ports + Self.bytes(UInt16(8 + content.count)) + [0, 0] + content }
        if isICMP { return [icmpType, icmpCode, 0, 0, 0, 0, 0, 0] + content }
        return content
    }

    /// From the IP header on.
    var packet: [UInt8] {
        let segment = segment
        if isIPv4 {
            let options = isTCP ? 0 : optionWords
            let length = 20 + 4 * options + segment.count
            let bits: UInt16 = fragment == .whole ? 0x4000 : fragment == .first ? 0x2000 : 0x00b9
            return [0x40 | UInt8(5 + options), 0] + Self.bytes(UInt16(length)) + [0, 7] + Self.bytes(bits)
                + [ttl, protocolNumber, 0, 0] + Self.bytes(source) + Self.bytes(destination)
                + [UInt8](repeating: 1, count: 4 * options) + segment
        }
        var body = segment
        var next = protocolNumber
        if fragment != .whole {
            body = [next, 0] + Self.bytes(fragment == .first ? 1 : 0x05c8) + [0, 0, 0, 9] + body
            next = 44
        }
        for header in extensions.reversed() {
            body = [next, header == 51 ? 2 : 1] + [UInt8](repeating: 0, count: 14) + body
            next = header
        }
        return [0x60, 0, 0, 0] + Self.bytes(UInt16(body.count)) + [next, ttl] + Self.bytes(source)
            + Self.bytes(destination) + body
    }

    var frame: [UInt8] {
        let frame = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1] + (isIPv4 ? [0x08, 0x00] : [0x86, 0xdd]) + packet
        // As Ethernet fills it up, with what is no payload.
        return frame + [UInt8](repeating: 0xab, count: max(0, 60 - frame.count))
    }

    var summary: PacketSummary {
        var summary = PacketSummary()
        (summary.source, summary.destination, summary.protocolNumber) = (source, destination, protocolNumber)
        (summary.ttl, summary.fragment) = (ttl, fragment)
        summary.length = UInt32(packet.count)
        guard fragment != .later else { return summary }
        if isTCP || protocolNumber == 17 {
            (summary.sourcePort, summary.destinationPort) = (sourcePort, destinationPort)
        }
        if isTCP { summary.flags = flags }
        if isICMP { (summary.icmpType, summary.icmpCode) = (icmpType, icmpCode) }
        guard isTCP || isICMP || protocolNumber == 17 else { return summary }
        summary.payloadLength = UInt16(content.count)
        for (index, byte) in content.prefix(8).enumerated() {
            summary.payloadPrefix |= UInt64(byte) << UInt64(56 - 8 * index)
        }
        if let question, protocolNumber == 17 {
            summary.service = .dns
            summary.role = question.isResponse ? .response : .request
            summary.dnsType = question.type
            summary.dnsNameHash = DNSName.hash(question.name)
        }
        return summary
    }

    /// Of few values per field, so that tests meet them.
    static func random(_ random: inout Seeded) -> CraftedPacket {
        var packet = CraftedPacket()
        packet.isIPv4 = Bool.random(using: &random)
        if !packet.isIPv4 {
            packet.source = Address("2001:db8::1")!
            packet.destination = Address("2001:db8:2::2")!
            let kinds: [UInt8] = [0, 43, 60, 51, 135]
            packet.extensions = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                kinds.randomElement(using: &random)!
            }
        }
        packet.protocolNumber = [6, 17, 17, packet.isIPv4 ? 1 : 58, 50].randomElement(using: &random)!
        packet.sourcePort = [1, 53, 80, 123, 443, 5000].randomElement(using: &random)!
        packet.destinationPort = [2, 53, 80, 443, 1024, 65_535].randomElement(using: &random)!
        packet.flags = [2, 16, 18, 4, 0, 0xc2].randomElement(using: &random)!
        packet.ttl = [1, 32, 63, 64, 128, 255].randomElement(using: &random)!
        packet.fragment = [.whole, .whole, .whole, .first, .later].randomElement(using: &random)!
        packet.icmpType = [0, 3, 8, 128, 129].randomElement(using: &random)!
        packet.icmpCode = [0, 1, 4].randomElement(using: &random)!
        packet.optionWords = [0, 0, 1, 3].randomElement(using: &random)!
        packet.payload = (0..<Int.random(in: 0...40, using: &random)).map { _ in
            [0x00, 0x01, 0x47, 0xff].randomElement(using: &random)!
        }
        if packet.protocolNumber == 17, Bool.random(using: &random) {
            packet.question = (
                ["example.nl", "EXAMPLE.nl", "a.b.c.d.e.example.org", "."].randomElement(using: &random)!,
                [1, 16, 28, 255].randomElement(using: &random)!, Bool.random(using: &random)
            )
        }
        return packet
    }
}

/// Conditions that the crafted packets meet now and then; none on port 0, which a rule cannot tell from no port.
func randomConditions(_ random: inout Seeded) -> [Fingerprint.Condition] {
    let values: [(Feature, [String])] = [
        (.protocol, ["tcp", "udp", "icmp", "icmpv6", "50"]),
        (.sourcePort, ["53", "53,123", "1-100", "1,53,80-200"]),
        (.destinationPort, ["443", "80-443", "1024-65535", "2,53,1024"]),
        (.flags, ["S", "S,SA", "A", "SEC"]),
        (.length, ["28", "20-60", "40,48,52-90", "1-65535"]),
        (.ttl, ["64", "32-64", "1,128,255"]),
        (.fragment, ["whole", "first", "later", "whole,first", "first,later", "whole,later"]),
        (.icmpType, ["8", "3,128", "3-8"]),
        (.icmpCode, ["1", "1,4"]),
        (.dnsName, ["example.nl", ".", "a.b.c.d.e.example.org"]),
        (.dnsType, ["1", "16,255", "1-28"]),
        (.payload, ["00", "0147", "ff01", "12340100000100"]),
    ]
    let count = Int.random(in: 1...3, using: &random)
    let chosen = values.indices.shuffled(using: &random).prefix(count).sorted()
    return chosen.map { Fingerprint.Condition(values[$0].0, values[$0].1.randomElement(using: &random)!) }
}
