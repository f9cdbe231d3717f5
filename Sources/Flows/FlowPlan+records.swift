internal import Addresses

/// The values of one record.
struct FlowDraft {
    /// What few templates have.
    struct Rare {
        var rate: UInt64 = 0
        var interval: UInt64 = 0
        var space: UInt64 = 0
        var sampleSize: UInt64 = 0
        var population: UInt64 = 0
        var probability: UInt64 = 0
        var boot: UInt64 = 0
        /// Microseconds.
        var duration: UInt64 = 0
        var reversePackets: UInt64 = 0
        var reverseBytes: UInt64 = 0
        var reverseFirst: UInt64 = 0
        var reverseLast: UInt64 = 0
        var reverseFlags: UInt8 = 0
        var interface: UInt64 = 0
        var template: UInt64 = 0
        var sectionEnd = 0
        var sectionLength = 0
        var frameLength: UInt64 = 0

        /// How many packets one stands for, by the record's own words; 0 where it has none.
        var samplingRate: UInt32 {
            if rate > 0 { return UInt32(clamping: rate) }
            if interval > 0 { return UInt32(clamping: (interval &+ min(space, 1 << 40)) / interval) }
            if sampleSize > 0 { return UInt32(clamping: population / sampleSize) }
            let share = Double(bitPattern: probability)
            return share > 1e-9 && share <= 1 ? UInt32((1 / share).rounded()) : 0
        }
    }

    var record = FlowRecord()
    var first: UInt64 = 0
    var last: UInt64 = 0
    var sampler: UInt64 = 0
    var icmp: UInt16 = 0
    var rare = Rare()

    @inline(__always)
    mutating func clear(isRich: Bool) {
        record = FlowRecord()
        first = 0
        last = 0
        sampler = 0
        icmp = 0
        if isRich { rare = Rare() }
    }
}

extension FlowPlan {
    /// Reads one record of fixed length at `start`. The record must lie within the bytes, with 16 bytes or more before
    /// it: integers are read as the last of eight bytes, so that their length needs no choice.
    @inline(__always)
    static func read(
        _ operations: borrowing Span<Operation>, _ bytes: RawSpan, at start: Int, into draft: inout FlowDraft
    ) {
        for index in operations.indices {
            let operation = operations[index]
            apply(operation.target, bytes, end: start &+ Int(operation.end), mask: operation.mask, into: &draft)
        }
    }

    /// Reads one record with fields of variable length that begins at `start`. Returns where it ends; nil where it does
    /// not end before `limit`.
    func readVariable(_ bytes: RawSpan, at start: Int, limit: Int, into draft: inout FlowDraft) -> Int? {
        var offset = start
        for step in steps {
            var length = Int(step.length)
            if step.length == FlowTemplate.variable {
                guard offset < limit else { return nil }
                length = Int(bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self))
                offset &+= 1
                if length == 255 {
                    guard limit &- offset >= 2 else { return nil }
                    length = Int(UInt16(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)))
                    offset &+= 2
                }
            }
            guard length <= limit &- offset else { return nil }
            offset &+= length
            switch step.target {
            case .ignored: continue
            case .section:
                Self.apply(.section, bytes, end: offset, mask: UInt64(length), into: &draft)
            case .source4, .destination4:
                if length == 4 { Self.apply(step.target, bytes, end: offset, mask: Self.mask(4), into: &draft) }
            case .source6, .destination6:
                if length == 16 { Self.apply(step.target, bytes, end: offset, mask: .max, into: &draft) }
            default:
                guard 1...8 ~= length else { continue }
                Self.apply(step.target, bytes, end: offset, mask: Self.mask(length), into: &draft)
            }
        }
        return offset
    }

    @inline(__always)
    private static func apply(
        _ target: Target, _ bytes: RawSpan, end: Int, mask: UInt64, into draft: inout FlowDraft
    ) {
        // Bounds are checked here, once for each field.
        let word = UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: end &- 8, as: UInt64.self))
        let value = word & mask
        switch target {
        case .source4: draft.record.source = Address(ipv4: UInt32(truncatingIfNeeded: value))
        case .destination4: draft.record.destination = Address(ipv4: UInt32(truncatingIfNeeded: value))
        case .source6, .destination6:
            // Templates for both versions fill one of them with zeros.
            let high = UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: end &- 16, as: UInt64.self))
            guard high | word != 0 else { return }
            if target == .source6 {
                draft.record.source = Address(high: high, low: word)
            } else {
                draft.record.destination = Address(high: high, low: word)
            }
        case .sourcePort: draft.record.sourcePort = UInt16(truncatingIfNeeded: value)
        case .destinationPort: draft.record.destinationPort = UInt16(truncatingIfNeeded: value)
        case .protocolNumber: draft.record.protocolNumber = UInt8(truncatingIfNeeded: value)
        case .flags: draft.record.flags = UInt8(truncatingIfNeeded: value)
        case .typeOfService: draft.record.typeOfService = UInt8(truncatingIfNeeded: value)
        case .codePoint: draft.record.typeOfService = UInt8(truncatingIfNeeded: value << 2)
        case .packets: draft.record.packets = value
        case .bytes: draft.record.bytes = value
        case .input: draft.record.input = UInt32(truncatingIfNeeded: value)
        case .output: draft.record.output = UInt32(truncatingIfNeeded: value)
        case .sourceAS: draft.record.sourceAS = UInt32(truncatingIfNeeded: value)
        case .destinationAS: draft.record.destinationAS = UInt32(truncatingIfNeeded: value)
        case .sourceMask: draft.record.sourceMask = UInt8(truncatingIfNeeded: value)
        case .destinationMask: draft.record.destinationMask = UInt8(truncatingIfNeeded: value)
        case .icmp: draft.icmp |= UInt16(truncatingIfNeeded: value)
        case .icmpType: draft.icmp |= UInt16(truncatingIfNeeded: value << 8)
        case .first: draft.first = value
        case .last: draft.last = value
        case .sampler: draft.sampler = value
        default: applyRare(target, value, end: end, mask: mask, into: &draft.rare)
        }
    }

    @inline(never)
    private static func applyRare(
        _ target: Target, _ value: UInt64, end: Int, mask: UInt64, into rare: inout FlowDraft.Rare
    ) {
        switch target {
        case .rate: rare.rate = value
        case .interval: rare.interval = value
        case .space: rare.space = value
        case .sampleSize: rare.sampleSize = value
        case .population: rare.population = value
        case .probability: rare.probability = value
        case .boot: rare.boot = value
        case .duration: rare.duration = value > 1 << 40 ? 0 : value &* 1000
        case .durationMicroseconds: rare.duration = value
        case .reversePackets: rare.reversePackets = value
        case .reverseBytes: rare.reverseBytes = value
        case .reverseFlags: rare.reverseFlags = UInt8(truncatingIfNeeded: value)
        case .reverseFirst: rare.reverseFirst = value
        case .reverseLast: rare.reverseLast = value
        case .interface: rare.interface = value
        case .template: rare.template = value
        case .frameLength: rare.frameLength = value
        case .section:
            rare.sectionEnd = end
            rare.sectionLength = Int(mask)
        default: break
        }
    }
}
