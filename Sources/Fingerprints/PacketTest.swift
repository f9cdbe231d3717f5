package import Packets

/// A condition on packets, read once from its text: what rules are compiled from, and what packets are compared with.
package enum PacketTest: Hashable, Sendable {
    case protocolNumber(UInt8)
    case sourcePort(Numbers)
    case destinationPort(Numbers)
    /// Any of these, each exactly.
    case flags(Set<UInt8>)
    case length(Numbers)
    case ttl(Numbers)
    case fragment(Set<PacketSummary.Fragment>)
    case icmpType(Numbers)
    case icmpCode(Numbers)
    /// The role, where one is named.
    case service(Service, Role)
    case dnsName(String)
    case dnsType(Numbers)
    case payload([UInt8])

    /// Reads a condition; nil where it is not about packets, or not of its feature's grammar.
    package init?(_ condition: Fingerprint.Condition) {
        let text = condition.value
        let numbers = Numbers(text)
        func bounded(_ most: UInt32) -> Numbers? { numbers.flatMap { $0.ranges.last!.upperBound <= most ? $0 : nil } }
        switch condition.feature {
        case .protocol:
            guard let number = Self.protocolNumber(text) else { return nil }
            self = .protocolNumber(number)
        case .sourcePort:
            guard let numbers = bounded(65_535) else { return nil }
            self = .sourcePort(numbers)
        case .destinationPort:
            guard let numbers = bounded(65_535) else { return nil }
            self = .destinationPort(numbers)
        case .length:
            guard let numbers = bounded(1 << 24) else { return nil }
            self = .length(numbers)
        case .ttl:
            guard let numbers = bounded(255) else { return nil }
            self = .ttl(numbers)
        case .icmpType:
            guard let numbers = bounded(255) else { return nil }
            self = .icmpType(numbers)
        case .icmpCode:
            guard let numbers = bounded(255) else { return nil }
            self = .icmpCode(numbers)
        case .dnsType:
            guard let numbers = bounded(65_535) else { return nil }
            self = .dnsType(numbers)
        case .flags:
            let sets = text.split(separator: ",", omittingEmptySubsequences: false).map { TCPFlag.flags($0) }
            guard !sets.isEmpty, !sets.contains(nil), Set(sets).count == sets.count else { return nil }
            self = .flags(Set(sets.compactMap(\.self)))
        case .fragment:
            let kinds = text.split(separator: ",", omittingEmptySubsequences: false).map { name in
                PacketSummary.Fragment.allCases.first { "\($0)" == name }
            }
            guard !kinds.isEmpty, !kinds.contains(nil), Set(kinds).count == kinds.count else { return nil }
            self = .fragment(Set(kinds.compactMap(\.self)))
        case .service:
            let words = text.split(separator: " ", omittingEmptySubsequences: false)
            guard (1...2).contains(words.count), let service = Service(name: words[0]), service != .none else {
                return nil
            }
            guard words.count == 2 else {
                self = .service(service, .unknown)
                return
            }
            switch words[1] {
            case "request": self = .service(service, .request)
            case "response": self = .service(service, .response)
            default: return nil
            }
        case .dnsName:
            guard (1...253).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
            self = .dnsName(text)
        case .payload:
            let digits = Array(text.utf8)
            guard (2...16).contains(digits.count), digits.count % 2 == 0,
                digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
            else { return nil }
            self = .payload(
                stride(from: 0, to: digits.count, by: 2).map { index in
                    UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)!
                })
        default: return nil
        }
    }

    package static func protocolNumber(_ text: String) -> UInt8? {
        switch text {
        case "tcp": PacketSummary.tcp
        case "udp": PacketSummary.udp
        case "icmp": PacketSummary.icmp
        case "icmpv6": PacketSummary.icmpv6
        default:
            Numbers(text).flatMap { numbers in
                guard numbers.ranges.count == 1, numbers.ranges[0].count == 1 else { return nil }
                let number = numbers.ranges[0].lowerBound
                return number < 256 && ![1, 6, 17, 58].contains(number) ? UInt8(number) : nil
            }
        }
    }

    package static func protocolName(_ number: UInt8) -> String {
        switch number {
        case PacketSummary.tcp: "tcp"
        case PacketSummary.udp: "udp"
        case PacketSummary.icmp: "icmp"
        case PacketSummary.icmpv6: "icmpv6"
        default: "\(number)"
        }
    }

    package func holds(for packet: PacketSummary) -> Bool {
        switch self {
        case .protocolNumber(let number): packet.protocolNumber == number
        case .sourcePort(let numbers): numbers.contains(UInt32(packet.sourcePort))
        case .destinationPort(let numbers): numbers.contains(UInt32(packet.destinationPort))
        case .flags(let sets): sets.contains(packet.flags)
        case .length(let numbers): numbers.contains(packet.length)
        case .ttl(let numbers): numbers.contains(UInt32(packet.ttl))
        case .fragment(let kinds): kinds.contains(packet.fragment)
        case .icmpType(let numbers): numbers.contains(UInt32(packet.icmpType))
        case .icmpCode(let numbers): numbers.contains(UInt32(packet.icmpCode))
        case .service(let service, let role): packet.service == service && (role == .unknown || packet.role == role)
        case .dnsName(let name): packet.dnsNameHash == DNSName.hash(name)
        case .dnsType(let numbers): packet.service == .dns && numbers.contains(UInt32(packet.dnsType))
        case .payload(let bytes):
            Int(packet.payloadLength) >= bytes.count
                && bytes.enumerated().allSatisfy { index, byte in
                    UInt8(truncatingIfNeeded: packet.payloadPrefix >> UInt64(56 - 8 * index)) == byte
                }
        }
    }
}

extension Fingerprint {
    /// The conditions as tests on packets; nil where one is not, or is not of its feature's grammar.
    package var packetTests: [PacketTest]? {
        let tests = conditions.map { PacketTest($0) }
        return tests.contains(nil) ? nil : tests.compactMap(\.self)
    }
}
