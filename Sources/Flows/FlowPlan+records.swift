internal import Addresses
internal import Bytes

/// The values of one record, by what they are; what a plan has no field for is 0.
struct FlowDraft {
    private var values = InlineArray<64, UInt64>(repeating: 0)
    var sectionEnd = 0
    var sectionLength = 0

    @inline(__always)
    subscript(target: FlowPlan.Target) -> UInt64 {
        get { values[Int(target.rawValue & 63)] }
        set { values[Int(target.rawValue & 63)] = newValue }
    }

    /// What every flow has, but for its times, its rate and what ICMP says.
    @inline(__always)
    func fill(_ record: inout FlowRecord, _ plan: borrowing FlowPlan) {
        record.source = address(plan.source4, .source4, .source6, .source6Low)
        record.destination = address(plan.destination4, .destination4, .destination6, .destination6Low)
        record.sourcePort = UInt16(truncatingIfNeeded: self[.sourcePort])
        record.destinationPort = UInt16(truncatingIfNeeded: self[.destinationPort])
        record.protocolNumber = UInt8(truncatingIfNeeded: self[.protocolNumber])
        record.flags = UInt8(truncatingIfNeeded: self[.flags])
        record.typeOfService = UInt8(truncatingIfNeeded: self[.typeOfService] | self[.codePoint] << 2)
        record.packets = self[.packets]
        record.bytes = self[.bytes]
        record.input = UInt32(truncatingIfNeeded: self[.input])
        record.output = UInt32(truncatingIfNeeded: self[.output])
        record.sourceAS = UInt32(truncatingIfNeeded: self[.sourceAS])
        record.destinationAS = UInt32(truncatingIfNeeded: self[.destinationAS])
        record.sourceMask = UInt8(truncatingIfNeeded: self[.sourceMask])
        record.destinationMask = UInt8(truncatingIfNeeded: self[.destinationMask])
    }

    /// Templates for both versions fill one of them with zeros.
    @inline(__always)
    private func address(
        _ base: UInt64, _ four: FlowPlan.Target, _ high: FlowPlan.Target, _ low: FlowPlan.Target
    ) -> Address {
        let (upper, lower) = (self[high], self[low])
        return upper | lower != 0 ? Address(high: upper, low: lower) : Address(high: 0, low: base | self[four])
    }

    /// ICMP's type and code as fields of their own say them.
    @inline(__always)
    var icmp: UInt16 {
        UInt16(
            truncatingIfNeeded: self[.icmp4] | self[.icmp6] | self[.icmpCode4] | self[.icmpCode6]
                | (self[.icmpType4] | self[.icmpType6]) << 8)
    }

    /// How many packets one stands for, by the record's own words; 0 where it has none.
    var samplingRate: UInt32 {
        if self[.rate] > 0 { return UInt32(clamping: self[.rate]) }
        let interval = self[.interval]
        if interval > 0 { return UInt32(clamping: (interval &+ min(self[.space], 1 << 40)) / interval) }
        if self[.sampleSize] > 0 { return UInt32(clamping: self[.population] / self[.sampleSize]) }
        let share = Double(bitPattern: self[.probability])
        return share > 1e-9 && share <= 1 ? UInt32((1 / share).rounded()) : 0
    }

    /// Microseconds; 0 where none is told, or none that can be.
    var duration: UInt64 {
        let limit: UInt64 = 1 << 40
        if self[.durationMicroseconds] > 0 {
            return self[.durationMicroseconds] < limit ? self[.durationMicroseconds] : 0
        }
        return self[.duration] < limit / 1000 ? self[.duration] * 1000 : 0
    }
}

extension FlowPlan {
    /// Reads one record of fixed length at `start`. The record must lie within the bytes, with 16 bytes or more before
    /// it: integers are read as the last of eight bytes, so that their length needs no choice. All records of a plan write
    /// the same values of the draft.
    @inline(__always)
    func read(_ operations: borrowing Span<Operation>, _ bytes: RawSpan, at start: Int, into draft: inout FlowDraft) {
        for index in operations.indices {
            let operation = operations[index]
            draft[operation.target] = Self.word(bytes, start &+ Int(operation.end)) & operation.mask
        }
        draft.sectionEnd = start &+ sectionEnd
        draft.sectionLength = sectionLength
    }

    /// The eight bytes before an offset. Bounds are checked here, once for each value.
    @inline(__always)
    static func word(_ bytes: RawSpan, _ end: Int) -> UInt64 {
        UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: end &- 8, as: UInt64.self))
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
            case .section: (draft.sectionEnd, draft.sectionLength) = (offset, length)
            case .source4, .destination4:
                draft[step.target] = length == 4 ? Self.word(bytes, offset) & Self.mask(4) : 0
            case .source6, .destination6:
                draft[step.target] = length == 16 ? Self.word(bytes, offset &- 8) : 0
                if let low = step.target.lowHalf { draft[low] = length == 16 ? Self.word(bytes, offset) : 0 }
            default:
                draft[step.target] = 1...8 ~= length ? Self.word(bytes, offset) & Self.mask(length) : 0
            }
        }
        return offset
    }
}
