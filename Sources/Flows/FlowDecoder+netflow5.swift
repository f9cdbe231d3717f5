internal import Addresses
internal import Bytes

extension FlowDecoder {
    static let header5 = 24
    static let record5 = 48
    /// Records in a datagram of NetFlow 5: Cisco's limit.
    static let limit5 = 30

    /// Reads Cisco's NetFlow version 5: a header, and records whose fields never change.
    mutating func decodeNetFlow5(
        _ datagram: RawSpan, _ exporter: Exporter, _ receivedAt: Int64, _ batch: inout FlowBatch,
        _ counts: inout FlowCounters
    ) throws(Malformed) {
        var reader = ByteReader(datagram)
        try reader.skip(2)
        let count = Int(try reader.readUInt16())
        guard 1...Self.limit5 ~= count else { throw Malformed(.invalid, at: 2) }
        let uptime = try reader.readUInt32()
        let seconds = try reader.readUInt32()
        let nanoseconds = try reader.readUInt32()
        let number = try reader.readUInt32()
        let engine = try reader.readUInt16()
        let sampling = try reader.readUInt16()
        let length = Self.header5 + count * Self.record5
        guard datagram.byteCount >= length else { throw Malformed(.truncated, at: datagram.byteCount) }
        guard datagram.byteCount == length else { throw Malformed(.contradictory, at: length) }
        let state = state(of: exporter, &counts)
        let key = FlowDomain.Key(kind: .netflow5, id: UInt32(engine))
        let domain = state.domain(key, at: tick, budget: budget, counters: &counts)
        _ = domain.sequence.received(number, advance: UInt32(count), uptime: uptime, counters: &counts)

        let exported = Int64(seconds) * 1_000_000_000 + Int64(min(nanoseconds, 999_999_999))
        let clock = FlowClock(receivedAt: receivedAt, exportTime: exported, uptime: uptime, budget: budget)
        if clock.isCorrected { counts.clockErrors &+= 1 }
        // Two bits of mode, which some leave at 0, and the interval.
        let rate = max(1, UInt32(sampling & 0x3fff))
        // Each record is written where it stays: a copy right behind its writing waits for each field.
        let before = batch.flows.count
        batch.flows.append(contentsOf: repeatElement(FlowRecord(), count: count))
        var flows = batch.flows.mutableSpan
        for index in 0..<count {
            let start = Self.header5 &+ index &* Self.record5
            Self.readRecord5(datagram, at: start, rate, clock, into: &flows[before &+ index], &counts)
        }
    }

    @inline(__always)
    private static func readRecord5(
        _ datagram: RawSpan, at start: Int, _ rate: UInt32, _ clock: FlowClock, into record: inout FlowRecord,
        _ counts: inout FlowCounters
    ) {
        record.source = Address(ipv4: datagram.load32(start))
        record.destination = Address(ipv4: datagram.load32(start &+ 4))
        let interfaces = datagram.load32(start &+ 12)
        record.input = interfaces >> 16
        record.output = interfaces & 0xffff
        record.packets = UInt64(datagram.load32(start &+ 16))
        record.bytes = UInt64(datagram.load32(start &+ 20))
        let ports = datagram.load32(start &+ 32)
        record.sourcePort = UInt16(truncatingIfNeeded: ports >> 16)
        record.destinationPort = UInt16(truncatingIfNeeded: ports)
        let kinds = datagram.load32(start &+ 36)
        record.flags = UInt8(truncatingIfNeeded: kinds >> 16)
        record.protocolNumber = UInt8(truncatingIfNeeded: kinds >> 8)
        record.typeOfService = UInt8(truncatingIfNeeded: kinds)
        let systems = datagram.load32(start &+ 40)
        record.sourceAS = systems >> 16
        record.destinationAS = systems & 0xffff
        let masks = datagram.load32(start &+ 44)
        record.sourceMask = UInt8(truncatingIfNeeded: masks >> 24)
        record.destinationMask = UInt8(truncatingIfNeeded: masks >> 16)
        record.samplingRate = rate
        record.moveICMP(0)
        let first = clock.time(UInt64(datagram.load32(start &+ 24)), .uptime)
        let last = clock.time(UInt64(datagram.load32(start &+ 28)), .uptime)
        if !record.setTimes(first: first, last: last, clock) { counts.clampedTimes &+= 1 }
    }
}

extension RawSpan {
    /// An integer in network byte order; bounds are checked.
    @inline(__always)
    func load32(_ offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inline(__always)
    func load16(_ offset: Int) -> UInt16 {
        UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inline(__always)
    func load64(_ offset: Int) -> UInt64 {
        UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

extension FlowRecord {
    /// ICMP has no ports: its type and code come in an element of their own, or as the destination port.
    @inline(__always)
    mutating func moveICMP(_ own: UInt16) {
        guard protocolNumber == 1 || protocolNumber == 58 else { return }
        let both = own != 0 ? own : destinationPort
        icmpType = UInt8(truncatingIfNeeded: both >> 8)
        icmpCode = UInt8(truncatingIfNeeded: both)
        sourcePort = 0
        destinationPort = 0
    }

    /// Sets the times that are told (`Int64.min`: not told), or what is believed of them. Returns whether all is
    /// believed.
    @inline(__always)
    mutating func setTimes(first: Int64, last: Int64, _ clock: FlowClock) -> Bool {
        if first <= last, first >= clock.earliest, last <= clock.latest {
            self.first = first
            self.last = last
            return true
        }
        return setDoubtfulTimes(first: first, last: last, clock)
    }

    @inline(never)
    private mutating func setDoubtfulTimes(first: Int64, last: Int64, _ clock: FlowClock) -> Bool {
        // One of them stands for both; with neither the flow is taken for as old as its message.
        var first = first
        var last = last
        if first == .min, last == .min {
            self.first = clock.receivedAt
            self.last = clock.receivedAt
            return true
        }
        if first == .min { first = last }
        if last == .min { last = first }
        var isBelieved = true
        if !clock.isBelieved(first) || !clock.isBelieved(last) || first > last { isBelieved = false }
        if !clock.isBelieved(last) { last = clock.receivedAt }
        if !clock.isBelieved(first) { first = clock.receivedAt }
        self.first = min(first, last)
        self.last = last
        return isBelieved
    }
}
