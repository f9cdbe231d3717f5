internal import Addresses

extension FlowPlan {
    /// Records that are read together: as many as the processor has at hand.
    static let block = 32

    /// Reads records of a plain plan, one behind the other from `start` on, into the flows of `places`: value by value,
    /// for all records the same one before the next, so that what it is needs one choice. Times are left as they are told,
    /// ICMP's type and code where they belong, whatever the protocol.
    @inline(__always)
    static func readColumns(
        _ operations: Span<Operation>, _ bytes: RawSpan, at start: Int, of length: Int,
        _ flows: inout MutableSpan<FlowRecord>, _ places: Range<Int>
    ) {
        let column = Column(start: start, length: length, places: places)
        for index in operations.indices {
            let operation = operations[index]
            switch operation.target {
            case .source4:
                column.fill(&flows, bytes, operation) { $0.source = Address(high: 0, low: 0xffff_0000_0000 | $1) }
            case .destination4:
                column.fill(&flows, bytes, operation) { $0.destination = Address(high: 0, low: 0xffff_0000_0000 | $1) }
            case .source6: column.fill(&flows, bytes, operation) { $0.source = Address(high: $1, low: $0.source.low) }
            case .source6Low:
                column.fill(&flows, bytes, operation) { $0.source = Address(high: $0.source.high, low: $1) }
            case .destination6:
                column.fill(&flows, bytes, operation) { $0.destination = Address(high: $1, low: $0.destination.low) }
            case .destination6Low:
                column.fill(&flows, bytes, operation) { $0.destination = Address(high: $0.destination.high, low: $1) }
            case .sourcePort: column.fill(&flows, bytes, operation) { $0.sourcePort = UInt16(truncatingIfNeeded: $1) }
            case .destinationPort:
                column.fill(&flows, bytes, operation) { $0.destinationPort = UInt16(truncatingIfNeeded: $1) }
            case .protocolNumber:
                column.fill(&flows, bytes, operation) { $0.protocolNumber = UInt8(truncatingIfNeeded: $1) }
            case .flags: column.fill(&flows, bytes, operation) { $0.flags = UInt8(truncatingIfNeeded: $1) }
            case .typeOfService:
                column.fill(&flows, bytes, operation) { $0.typeOfService = UInt8(truncatingIfNeeded: $1) }
            case .codePoint:
                column.fill(&flows, bytes, operation) { $0.typeOfService = UInt8(truncatingIfNeeded: $1 << 2) }
            case .packets: column.fill(&flows, bytes, operation) { $0.packets = $1 }
            case .bytes: column.fill(&flows, bytes, operation) { $0.bytes = $1 }
            case .input: column.fill(&flows, bytes, operation) { $0.input = UInt32(truncatingIfNeeded: $1) }
            case .output: column.fill(&flows, bytes, operation) { $0.output = UInt32(truncatingIfNeeded: $1) }
            case .sourceAS: column.fill(&flows, bytes, operation) { $0.sourceAS = UInt32(truncatingIfNeeded: $1) }
            case .destinationAS:
                column.fill(&flows, bytes, operation) { $0.destinationAS = UInt32(truncatingIfNeeded: $1) }
            case .sourceMask: column.fill(&flows, bytes, operation) { $0.sourceMask = UInt8(truncatingIfNeeded: $1) }
            case .destinationMask:
                column.fill(&flows, bytes, operation) { $0.destinationMask = UInt8(truncatingIfNeeded: $1) }
            case .first: column.fill(&flows, bytes, operation) { $0.first = Int64(bitPattern: $1) }
            case .last: column.fill(&flows, bytes, operation) { $0.last = Int64(bitPattern: $1) }
            case .icmp4, .icmp6, .icmpCode4, .icmpCode6: column.fill(&flows, bytes, operation) { $0.addICMP($1) }
            case .icmpType4, .icmpType6: column.fill(&flows, bytes, operation) { $0.addICMP($1 << 8) }
            // These are in no plain plan.
            case .ignored, .sampler, .rate, .interval, .space, .sampleSize, .population, .probability, .boot, .duration,
                .durationMicroseconds, .reversePackets, .reverseBytes, .reverseFlags, .reverseFirst, .reverseLast,
                .interface, .template, .section, .frameLength:
                continue
            }
        }
    }

    /// Records of one length that follow one another, and the flows that they become.
    private struct Column {
        let start: Int
        let length: Int
        let places: Range<Int>

        @inline(__always)
        func fill(
            _ flows: inout MutableSpan<FlowRecord>, _ bytes: RawSpan, _ operation: Operation,
            _ set: (inout FlowRecord, UInt64) -> Void
        ) {
            // The eight bytes that end where the first value ends, up to those of the last: bounds are checked here, once
            // for all of them.
            let first = start &+ Int(operation.end) &- 8
            let words = bytes.extracting(first..<first &+ (places.count &- 1) &* length &+ 8)
            var offset = 0
            for place in places {
                // In bounds: it is at most places.count - 1 times the length.
                let word = words.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
                set(&flows[place], UInt64(bigEndian: word) & operation.mask)
                offset &+= length
            }
        }
    }
}

extension FlowRecord {
    /// Type and code in 16 bits, or one of them.
    @inline(__always)
    fileprivate mutating func addICMP(_ both: UInt64) {
        icmpType |= UInt8(truncatingIfNeeded: both >> 8)
        icmpCode |= UInt8(truncatingIfNeeded: both)
    }

    /// Type and code as fields of their own told them; they are taken out.
    @inline(__always)
    mutating func takeICMP() -> UInt16 {
        let both = UInt16(icmpType) << 8 | UInt16(icmpCode)
        icmpType = 0
        icmpCode = 0
        return both
    }
}
