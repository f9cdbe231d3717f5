package import Fingerprints
package import Packets

/// Fingerprints of packets, made ready to be compared with many packets: rows of plain numbers, no text, nothing
/// allocated per packet. It finds what ``PacketTest/holds(for:)`` finds.
package struct PacketMatcher: Sendable {
    /// The most fingerprints: a packet's matches are bits of one number.
    package static let fingerprintLimit = 64

    /// Beside each row what most packets fail, in one comparison; the rows themselves are read for few packets.
    @usableFromInline var gates: [Gate] = []
    @usableFromInline var rows: [Row] = []
    /// Ranges of conditions that have more than one.
    @usableFromInline var ranges: [Range32] = []

    /// Fingerprints that are in it, in the order given; what is not of packets, or not of its grammar, has no row and
    /// matches nothing.
    package let count: Int

    /// nil where there are too many.
    package init?(_ fingerprints: [Fingerprint]) {
        guard fingerprints.count <= Self.fingerprintLimit else { return nil }
        count = fingerprints.count
        for (index, fingerprint) in fingerprints.enumerated() {
            guard let tests = fingerprint.packetTests, !tests.isEmpty else { continue }
            var row = Row(bit: 1 << UInt64(index))
            for test in tests { add(test, to: &row) }
            rows.append(row)
            gates.append(Gate(row))
        }
    }

    /// The fingerprints that the packet matches, the first one the lowest bit.
    @inlinable package func matches(_ packet: PacketSummary) -> UInt64 {
        var found: UInt64 = 0
        let key = Gate.key(packet)
        let gates = gates.span
        for index in gates.indices where key & gates[index].mask == gates[index].value {
            if holds(index, packet) { found |= rows[index].bit }
        }
        return found
    }

    /// The place of the first fingerprint that the packet matches, or -1.
    @inlinable package func first(_ packet: PacketSummary) -> Int {
        let key = Gate.key(packet)
        let gates = gates.span
        for index in gates.indices where key & gates[index].mask == gates[index].value {
            if holds(index, packet) { return rows[index].bit.trailingZeroBitCount }
        }
        return -1
    }

    /// Protocol, service, role and ports side by side, as far as a fingerprint has one value of each.
    @usableFromInline
    struct Gate: Sendable, BitwiseCopyable {
        @usableFromInline var mask: UInt64
        @usableFromInline var value: UInt64

        init(_ row: Row) {
            mask = UInt64(row.protocolMask) | UInt64(row.serviceMask) << 8 | UInt64(row.roleMask) << 16
            value = UInt64(row.protocolNumber) | UInt64(row.service) << 8 | UInt64(row.role) << 16
            for (port, shift) in [(row.sourcePort, UInt64(24)), (row.destinationPort, 40)] where port.low == port.high {
                mask |= 0xffff << shift
                value |= UInt64(port.low) << shift
            }
        }

        @inlinable
        @inline(__always)
        static func key(_ packet: PacketSummary) -> UInt64 {
            UInt64(packet.protocolNumber) | UInt64(packet.service.rawValue) << 8 | UInt64(packet.role.rawValue) << 16
                | UInt64(packet.sourcePort) << 24 | UInt64(packet.destinationPort) << 40
        }
    }

    /// Whether the whole row holds.
    @inlinable
    @inline(never)
    func holds(_ index: Int, _ packet: PacketSummary) -> Bool {
        let row = rows[index]
        // Fields that a row is not about have a mask of 0, or a range of everything.
        guard packet.protocolNumber & row.protocolMask == row.protocolNumber,
            row.sourcePort.contains(UInt32(packet.sourcePort)),
            row.destinationPort.contains(UInt32(packet.destinationPort)), row.length.contains(packet.length),
            row.ttl.contains(UInt32(packet.ttl)), row.icmpType.contains(UInt32(packet.icmpType)),
            row.icmpCode.contains(UInt32(packet.icmpCode)), row.fragments & 1 << packet.fragment.rawValue != 0,
            packet.service.rawValue & row.serviceMask == row.service,
            packet.role.rawValue & row.roleMask == row.role,
            packet.payloadPrefix & row.payloadMask == row.payload, packet.payloadLength >= row.payloadLength,
            packet.dnsNameHash & row.nameMask == row.name
        else { return false }
        return row.isSimple || rest(row, packet)
    }

    /// The conditions of few fingerprints: flags, types, and lists of ranges whose hull the packet is in.
    @inlinable
    @inline(never)
    func rest(_ row: Row, _ packet: PacketSummary) -> Bool {
        if row.hasFlags {
            let word =
                switch packet.flags >> 6 {
                case 0: row.flags.0
                case 1: row.flags.1
                case 2: row.flags.2
                default: row.flags.3
                }
            guard word >> UInt64(packet.flags & 63) & 1 != 0 else { return false }
        }
        if row.hasType {
            guard packet.service == .dns, row.dnsType.contains(UInt32(packet.dnsType)) else { return false }
            guard isInList(row.dnsType, UInt32(packet.dnsType)) else { return false }
        }
        return isInList(row.sourcePort, UInt32(packet.sourcePort))
            && isInList(row.destinationPort, UInt32(packet.destinationPort)) && isInList(row.length, packet.length)
            && isInList(row.ttl, UInt32(packet.ttl)) && isInList(row.icmpType, UInt32(packet.icmpType))
            && isInList(row.icmpCode, UInt32(packet.icmpCode))
    }

    @inlinable func isInList(_ range: Range32, _ number: UInt32) -> Bool {
        guard range.listCount > 0 else { return true }
        let start = Int(range.listStart)
        for index in start..<start + Int(range.listCount)
        where number >= ranges[index].low && number <= ranges[index].high { return true }
        return false
    }

    @usableFromInline
    struct Range32: Sendable, BitwiseCopyable {
        @usableFromInline var low: UInt32 = 0
        @usableFromInline var high: UInt32 = .max
        /// In `ranges`, where it is the hull of several.
        @usableFromInline var listStart: UInt32 = 0
        @usableFromInline var listCount: UInt32 = 0

        init() {}

        /// One comparison: below `low` the difference is huge.
        @inlinable
        @inline(__always)
        func contains(_ number: UInt32) -> Bool { number &- low <= high &- low }
    }

    @usableFromInline
    struct Row: Sendable, BitwiseCopyable {
        @usableFromInline var bit: UInt64
        @usableFromInline var payload: UInt64 = 0
        @usableFromInline var payloadMask: UInt64 = 0
        @usableFromInline var name: UInt64 = 0
        @usableFromInline var nameMask: UInt64 = 0
        @usableFromInline var flags: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        @usableFromInline var sourcePort = Range32()
        @usableFromInline var destinationPort = Range32()
        @usableFromInline var length = Range32()
        @usableFromInline var ttl = Range32()
        @usableFromInline var icmpType = Range32()
        @usableFromInline var icmpCode = Range32()
        @usableFromInline var dnsType = Range32()
        @usableFromInline var payloadLength: UInt16 = 0
        @usableFromInline var protocolNumber: UInt8 = 0
        @usableFromInline var protocolMask: UInt8 = 0
        @usableFromInline var fragments: UInt8 = 7
        @usableFromInline var service: UInt8 = 0
        @usableFromInline var serviceMask: UInt8 = 0
        @usableFromInline var role: UInt8 = 0
        @usableFromInline var roleMask: UInt8 = 0
        @usableFromInline var hasFlags = false
        @usableFromInline var hasType = false
        @usableFromInline var isSimple = true

        init(bit: UInt64) { self.bit = bit }
    }

    private mutating func add(_ test: PacketTest, to row: inout Row) {
        switch test {
        case .protocolNumber(let number): (row.protocolNumber, row.protocolMask) = (number, 255)
        case .sourcePort(let numbers): row.sourcePort = range(numbers, &row)
        case .destinationPort(let numbers): row.destinationPort = range(numbers, &row)
        case .length(let numbers): row.length = range(numbers, &row)
        case .ttl(let numbers): row.ttl = range(numbers, &row)
        case .icmpType(let numbers): row.icmpType = range(numbers, &row)
        case .icmpCode(let numbers): row.icmpCode = range(numbers, &row)
        case .dnsType(let numbers):
            row.dnsType = range(numbers, &row)
            row.hasType = true
            row.isSimple = false
        case .flags(let sets):
            for flags in sets {
                let bit: UInt64 = 1 << UInt64(flags & 63)
                switch flags >> 6 {
                case 0: row.flags.0 |= bit
                case 1: row.flags.1 |= bit
                case 2: row.flags.2 |= bit
                default: row.flags.3 |= bit
                }
            }
            row.hasFlags = true
            row.isSimple = false
        case .fragment(let kinds): row.fragments = kinds.reduce(0) { $0 | 1 << $1.rawValue }
        case .service(let service, let role):
            (row.service, row.serviceMask) = (service.rawValue, 255)
            if role != .unknown { (row.role, row.roleMask) = (role.rawValue, 255) }
        case .dnsName(let name): (row.name, row.nameMask) = (DNSName.hash(name), .max)
        case .payload(let bytes):
            for (index, byte) in bytes.prefix(8).enumerated() {
                row.payload |= UInt64(byte) << UInt64(56 - 8 * index)
                row.payloadMask |= 255 << UInt64(56 - 8 * index)
            }
            row.payloadLength = UInt16(min(bytes.count, 8))
        }
    }

    private mutating func range(_ numbers: Numbers, _ row: inout Row) -> Range32 {
        var hull = Range32()
        hull.low = numbers.ranges.first!.lowerBound
        hull.high = numbers.ranges.last!.upperBound
        guard numbers.ranges.count > 1 else { return hull }
        row.isSimple = false
        hull.listStart = UInt32(ranges.count)
        hull.listCount = UInt32(numbers.ranges.count)
        for range in numbers.ranges {
            var one = Range32()
            (one.low, one.high) = (range.lowerBound, range.upperBound)
            ranges.append(one)
        }
        return hull
    }
}
