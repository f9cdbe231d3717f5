internal import Addresses
internal import Bytes

extension FlowDecoder {
    /// Samples in a datagram: each has 8 bytes or more, and real ones fill no more than a jumbo frame.
    static let sampleLimit = 1024
    /// Flow records of one sample; real ones have fewer than 10.
    static let sampleRecordLimit = 64

    /// Bytes that a link adds at the end of a packet, at most.
    static let strippedLimit: UInt32 = 16

    private enum Format {
        static let flow: UInt32 = 1
        static let expandedFlow: UInt32 = 3
        static let drop: UInt32 = 5
        static let rawHeader: UInt32 = 1
        static let ipv4: UInt32 = 3
        static let ipv6: UInt32 = 4
    }

    /// Reads sFlow version 5. Each sample is one packet: the begin of its header, for a reader of packets, or its
    /// addresses alone. Counters are passed over.
    mutating func decodeSFlow(
        _ datagram: RawSpan, _ exporter: Exporter, _ receivedAt: Int64, _ batch: inout FlowBatch,
        _ counts: inout FlowCounters
    ) throws(Malformed) {
        var reader = ByteReader(datagram)
        try reader.skip(4)
        var key = FlowDomain.Key(kind: .sflow, id: 0)
        switch try reader.readUInt32() {
        case 1: key.agent = Address(ipv4: try reader.readUInt32())
        case 2: key.agent = Address(high: try reader.readUInt64(), low: try reader.readUInt64())
        default: throw reader.malformed(.invalid)
        }
        key.id = try reader.readUInt32()
        let number = try reader.readUInt32()
        let uptime = try reader.readUInt32()
        let count = Int(try reader.readUInt32())
        guard count <= Self.sampleLimit else { throw reader.malformed(.overBudget) }
        var offset = reader.offset
        for _ in 0..<count {
            guard datagram.byteCount &- offset >= 8 else { throw Malformed(.truncated, at: offset) }
            let format = datagram.load32(offset)
            let length = Int(datagram.load32(offset &+ 4))
            offset &+= 8
            guard length <= datagram.byteCount &- offset else { throw Malformed(.truncated, at: offset) }
            let end = offset &+ length
            switch format {
            case Format.flow, Format.expandedFlow, Format.drop:
                try Self.readSample(datagram, offset..<end, format, receivedAt, &batch, &counts)
            default: counts.passedOver &+= 1
            }
            offset = end
        }
        let state = state(of: exporter, &counts)
        let domain = state.domain(key, at: tick, budget: budget, counters: &counts)
        _ = domain.sequence.received(number, advance: 1, uptime: uptime, counters: &counts)
    }

    @inline(__always)
    private static func readSample(
        _ bytes: RawSpan, _ range: Range<Int>, _ format: UInt32, _ receivedAt: Int64, _ batch: inout FlowBatch,
        _ counts: inout FlowCounters
    ) throws(Malformed) {
        var sample = FlowSample()
        sample.time = receivedAt
        let start = range.lowerBound
        let headLength = format == Format.expandedFlow ? 44 : 32
        guard range.count >= headLength else { throw Malformed(.truncated, at: range.upperBound) }
        switch format {
        case Format.flow:
            sample.samplingRate = max(1, bytes.load32(start &+ 8))
            (sample.input, sample.inputKind) = Self.interface(bytes.load32(start &+ 20))
            (sample.output, sample.outputKind) = Self.interface(bytes.load32(start &+ 24))
        case Format.expandedFlow:
            sample.samplingRate = max(1, bytes.load32(start &+ 12))
            (sample.input, sample.inputKind) = Self.interface(
                format: bytes.load32(start &+ 24), value: bytes.load32(start &+ 28))
            (sample.output, sample.outputKind) = Self.interface(
                format: bytes.load32(start &+ 32), value: bytes.load32(start &+ 36))
        default:
            // Each notification is of one packet; nothing was sampled (sFlow drop notification structures).
            (sample.input, sample.inputKind) = Self.interface(format: 0, value: bytes.load32(start &+ 16))
            sample.outputKind = .discarded
        }
        let count = Int(bytes.load32(start &+ headLength &- 4))
        guard count <= sampleRecordLimit else { throw Malformed(.overBudget, at: start &+ headLength) }
        var offset = start &+ headLength
        var hasHeader = false
        var addressesAt = -1
        var addressesFormat: UInt32 = 0
        for _ in 0..<count {
            guard range.upperBound &- offset >= 8 else { throw Malformed(.truncated, at: offset) }
            let format = bytes.load32(offset)
            let length = Int(bytes.load32(offset &+ 4))
            offset &+= 8
            guard length <= range.upperBound &- offset else { throw Malformed(.truncated, at: offset) }
            if format == Format.rawHeader, !hasHeader {
                hasHeader = try Self.readHeader(bytes, offset, length, &sample)
            } else if format == Format.ipv4 || format == Format.ipv6 {
                guard length >= (format == Format.ipv4 ? 32 : 56) else { throw Malformed(.truncated, at: offset) }
                addressesAt = offset
                addressesFormat = format
            }
            offset &+= length
        }
        if hasHeader {
            batch.samples.append(sample)
        } else if addressesAt >= 0 {
            batch.flows.append(Self.flow(bytes, addressesAt, isIPv4: addressesFormat == Format.ipv4, sample))
        } else {
            counts.passedOver &+= 1
        }
    }

    /// Reads a sampled header. Returns whether it is of a link that packets are read from.
    @inline(__always)
    private static func readHeader(
        _ bytes: RawSpan, _ offset: Int, _ length: Int, _ sample: inout FlowSample
    ) throws(Malformed) -> Bool {
        guard length >= 16 else { throw Malformed(.truncated, at: offset) }
        let size = bytes.load32(offset &+ 12)
        guard Int(size) <= length &- 16 else { throw Malformed(.contradictory, at: offset &+ 12) }
        let number = bytes.load32(offset)
        guard size > 0, number < 256,
            let link = FlowSample.Link(rawValue: UInt8(truncatingIfNeeded: number))
        else { return false }
        let frame = bytes.load32(offset &+ 4)
        let stripped = bytes.load32(offset &+ 8)
        sample.link = link
        sample.offset = UInt32(truncatingIfNeeded: offset &+ 16)
        sample.length = size
        // What is stripped is the frame's own end (FCS); some count what was not sampled too, which was on the wire.
        let end = stripped <= strippedLimit ? stripped : 0
        sample.frameLength = max(size, frame &- min(frame, end))
        return true
    }

    /// sampled_ipv4 or sampled_ipv6: the fields of one packet, each of 32 bits but for the addresses.
    private static func flow(_ bytes: RawSpan, _ offset: Int, isIPv4: Bool, _ sample: FlowSample) -> FlowRecord {
        var record = FlowRecord()
        record.bytes = UInt64(bytes.load32(offset))
        record.packets = 1
        record.samplingRate = sample.samplingRate
        record.protocolNumber = UInt8(truncatingIfNeeded: bytes.load32(offset &+ 4))
        if isIPv4 {
            record.source = Address(ipv4: bytes.load32(offset &+ 8))
            record.destination = Address(ipv4: bytes.load32(offset &+ 12))
        } else {
            record.source = Address(high: bytes.load64(offset &+ 8), low: bytes.load64(offset &+ 16))
            record.destination = Address(high: bytes.load64(offset &+ 24), low: bytes.load64(offset &+ 32))
        }
        let rest = offset &+ (isIPv4 ? 16 : 40)
        record.sourcePort = UInt16(truncatingIfNeeded: bytes.load32(rest))
        record.destinationPort = UInt16(truncatingIfNeeded: bytes.load32(rest &+ 4))
        record.flags = UInt8(truncatingIfNeeded: bytes.load32(rest &+ 8))
        record.typeOfService = UInt8(truncatingIfNeeded: bytes.load32(rest &+ 12))
        record.input = sample.input
        record.output = sample.output
        record.first = sample.time
        record.last = sample.time
        record.moveICMP(0)
        return record
    }

    /// An interface in 32 bits: two say what the others are (sFlow version 5, section 5.3).
    @inline(__always)
    private static func interface(_ value: UInt32) -> (UInt32, FlowSample.Interface) {
        interface(format: value >> 30, value: value & 0x3fff_ffff)
    }

    @inline(__always)
    private static func interface(format: UInt32, value: UInt32) -> (UInt32, FlowSample.Interface) {
        switch format {
        case 0: value == 0x3fff_ffff ? (0, .local) : (value, .index)
        case 1: (0, .discarded)
        case 2: (0, .multiple)
        default: (0, .index)
        }
    }
}
