internal import Addresses
internal import Fingerprints
internal import Packets

/// One conjunction that a filter without memory can test: what a fingerprint says, put in terms of header bytes. A
/// fingerprint becomes one or several of these, any of which is enough.
struct PacketPattern: Hashable {
    /// nil: any.
    var protocolNumber: UInt8?
    var sourcePorts: Numbers?
    var destinationPorts: Numbers?
    /// TCP's flags, each exactly; ascending.
    var flags: [UInt8]?
    /// Of the IP packet.
    var length: Numbers?
    var ttl: Numbers?
    var icmpType: Numbers?
    var icmpCode: Numbers?
    var fragments: Set<PacketSummary.Fragment>?
    /// Bytes of the payload by their place, ascending, at most `markLimit`.
    var marks: [Mark] = []
    /// The type after a question's name of any length: only classic BPF walks there.
    var dnsType: Numbers?

    /// A byte of the payload: what `mask` leaves of it is `value`.
    struct Mark: Hashable {
        var offset: Int
        var mask: UInt8
        var value: UInt8
    }

    /// A DNS header, the longest name, type.
    static let markLimit = 12 + 255 + 2

    /// Whether it looks behind the IP header: then later fragments do not match.
    var readsTransport: Bool {
        sourcePorts != nil || destinationPorts != nil || flags != nil || icmpType != nil || icmpCode != nil
            || readsPayload
    }
    var readsPayload: Bool { !marks.isEmpty || dnsType != nil }

    /// Payload bytes that must be there.
    var payloadLength: Int { max(marks.last.map { $0.offset + 1 } ?? 0, dnsType == nil ? 0 : 17) }

    /// Adds a byte; false where it contradicts another.
    mutating func add(_ mark: Mark) -> Bool {
        guard let place = marks.firstIndex(where: { $0.offset >= mark.offset }) else {
            marks.append(mark)
            return true
        }
        guard marks[place].offset == mark.offset else {
            marks.insert(mark, at: place)
            return true
        }
        let both = marks[place].mask & mark.mask
        guard marks[place].value & both == mark.value & both else { return false }
        marks[place].mask |= mark.mask
        marks[place].value |= mark.value
        return true
    }

    /// Sets the protocol; false where it is another already.
    mutating func set(protocolNumber number: UInt8) -> Bool {
        guard protocolNumber == nil || protocolNumber == number else { return false }
        protocolNumber = number
        return true
    }

    /// Narrows a set of numbers; false where nothing is left.
    static func narrow(_ numbers: inout Numbers?, to other: Numbers) -> Bool {
        guard let cut = numbers.map({ $0.intersection(other) }) ?? other else { return false }
        numbers = cut
        return true
    }
}

extension PacketPattern {
    /// The patterns of tests; empty where no packet that a filter without memory sees can pass them. What is made here
    /// matches no packet that the tests do not, but for services, which are known by port and mark.
    static func patterns(_ tests: [PacketTest]) -> [PacketPattern] {
        var base = PacketPattern()
        var service: (Service, Role)?
        var name: String?
        var types: Numbers?
        var isPossible = true
        for test in tests {
            switch test {
            case .protocolNumber(let number): base.protocolNumber = number
            case .sourcePort(let numbers): base.sourcePorts = numbers
            case .destinationPort(let numbers): base.destinationPorts = numbers
            case .flags(let sets): base.flags = sets.sorted()
            case .length(let numbers): base.length = numbers
            case .ttl(let numbers): base.ttl = numbers
            case .fragment(let kinds): base.fragments = kinds
            case .icmpType(let numbers): base.icmpType = numbers
            case .icmpCode(let numbers): base.icmpCode = numbers
            case .service(let wanted, let role): service = (wanted, role)
            case .dnsName(let text): name = text
            case .dnsType(let numbers): types = numbers
            case .payload(let bytes):
                for (offset, byte) in bytes.enumerated() {
                    isPossible = base.add(Mark(offset: offset, mask: 255, value: byte)) && isPossible
                }
            }
        }
        guard isPossible else { return [] }
        var patterns = [base]
        if name != nil || types != nil {
            if service == nil { service = (.dns, .unknown) }
            patterns = patterns.flatMap { $0.asking(name: name, types: types) }
        }
        if let service {
            patterns = patterns.flatMap { pattern in
                ServiceMark.alternatives(of: service.0, role: service.1).compactMap { pattern.adding($0) }
            }
        }
        return patterns.flatMap(\.settled)
    }

    /// With the question's name and type where DNS over UDP has them.
    private func asking(name: String?, types: Numbers?) -> [PacketPattern] {
        var pattern = self
        guard pattern.set(protocolNumber: PacketSummary.udp) else { return [] }
        guard let name else {
            pattern.dnsType = types
            return [pattern]
        }
        guard let wire = Self.wire(name) else { return [] }
        for (index, byte) in wire.enumerated() {
            // Resolvers ask in a mixture of capitals and small letters to make forged answers harder to guess.
            let mask: UInt8 = byte.isLetter ? 0xdf : 0xff
            guard pattern.add(Mark(offset: 12 + index, mask: mask, value: byte.value & mask)) else { return [] }
        }
        guard let types else { return [pattern] }
        // Each type is two bytes of its own: few types, few patterns.
        return types.ranges.flatMap { Array($0.prefix(Self.typeLimit + 1)) }.prefix(Self.typeLimit).compactMap { type in
            var one = pattern
            let place = 12 + wire.count
            return one.add(Mark(offset: place, mask: 255, value: UInt8(type >> 8)))
                && one.add(Mark(offset: place + 1, mask: 255, value: UInt8(type & 255))) ? one : nil
        }
    }

    /// Types beside a name that are said; more are refused (``Rules``).
    static let typeLimit = 8

    /// A name as a question holds it (RFC 1035, section 3.1); nil where it cannot be one.
    private static func wire(_ name: String) -> [(value: UInt8, isLetter: Bool)]? {
        guard name != "." else { return [(0, false)] }
        var wire: [(value: UInt8, isLetter: Bool)] = []
        for label in name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count) else { return nil }
            wire.append((UInt8(label.count), false))
            for byte in label { wire.append((byte, (97...122).contains(byte | 0x20))) }
        }
        wire.append((0, false))
        return wire.count <= 255 ? wire : nil
    }

    /// With a service's mark; nil where they contradict each other.
    private func adding(_ mark: ServiceMark) -> PacketPattern? {
        var pattern = self
        guard pattern.set(protocolNumber: PacketSummary.udp) else { return nil }
        if let ports = mark.sourcePorts {
            guard Self.narrow(&pattern.sourcePorts, to: ports) else { return nil }
        }
        if let ports = mark.destinationPorts {
            guard Self.narrow(&pattern.destinationPorts, to: ports) else { return nil }
        }
        for byte in mark.bytes {
            guard pattern.add(byte) else { return nil }
        }
        return pattern
    }

    /// One pattern per protocol that it needs, without the conditions that a protocol makes true by itself: a summary
    /// has port 0, flags 0 and ICMP type 0 where there is none.
    private var settled: [PacketPattern] {
        var protocols: [UInt8?] = [protocolNumber]
        if protocolNumber == nil {
            if flags != nil {
                protocols = [PacketSummary.tcp]
            } else if icmpType != nil || icmpCode != nil {
                protocols = [PacketSummary.icmp, PacketSummary.icmpv6]
            } else if sourcePorts != nil || destinationPorts != nil {
                protocols = [PacketSummary.tcp, PacketSummary.udp]
            } else if readsPayload {
                protocols = [PacketSummary.tcp, PacketSummary.udp, PacketSummary.icmp, PacketSummary.icmpv6]
            }
        }
        return protocols.compactMap { number in
            var pattern = self
            pattern.protocolNumber = number
            guard let number else { return pattern }
            let isTCP = number == PacketSummary.tcp
            let hasPorts = isTCP || number == PacketSummary.udp
            let isICMP = number == PacketSummary.icmp || number == PacketSummary.icmpv6
            if !hasPorts {
                guard Self.dropZero(&pattern.sourcePorts), Self.dropZero(&pattern.destinationPorts) else { return nil }
            }
            if !isICMP {
                guard Self.dropZero(&pattern.icmpType), Self.dropZero(&pattern.icmpCode) else { return nil }
            }
            if !isTCP, let flags = pattern.flags {
                guard flags.contains(0) else { return nil }
                pattern.flags = nil
            }
            guard !pattern.readsPayload || hasPorts || isICMP else { return nil }
            if pattern.readsTransport, var kinds = pattern.fragments {
                kinds.remove(.later)
                guard !kinds.isEmpty else { return nil }
                pattern.fragments = kinds
            }
            return pattern
        }
    }

    /// Takes a condition away that holds for 0; false where it does not.
    private static func dropZero(_ numbers: inout Numbers?) -> Bool {
        guard let wanted = numbers else { return true }
        numbers = nil
        return wanted.contains(0)
    }
}
