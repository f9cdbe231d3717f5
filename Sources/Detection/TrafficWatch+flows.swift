internal import Addresses
package import Flows
internal import Packets

// Flow records: each tells of many packets, when they are over.
extension TrafficWatch {
    /// Seconds by which records in one file lie apart: collectors write what they got in five minutes as it came.
    private static let lateFlow: Int64 = 600
    /// Records after which the tags of a cell, asked for, are there and say which it is.
    private static let lag = 8

    /// What is found out about a record on its way, while the memory that it needs comes near.
    private struct Note: BitwiseCopyable {
        var conversation = Conversations.Place()
        var host = TargetCells.Place()
        /// The mark in the sample of those that may be kept there; else 0.
        var mark: UInt64 = 0
        /// In which it ended.
        var second: Int32 = 0
        var kind = TrafficClass.tcpSyn
    }

    /// Takes in flow records: of each its packets and bytes, times its sampling rate, spread over the seconds from its
    /// first to its last packet.
    ///
    /// What is copied counts here: a record or the watch that is handed to a function is, where the compiler does not put
    /// that in place. So the walks over a few records are functions, which get all of them, and not their steps.
    package mutating func observe(_ flows: Span<FlowRecord>) {
        var notes = InlineArray<32, Note>(repeating: Note())
        var next = 0..<min(Self.chunk, flows.count)
        tally(flows.extracting(0..<0), before: flows.extracting(next), &notes)
        while !next.isEmpty {
            let few = flows.extracting(next)
            let start = next.lowerBound &+ classify(few, &notes)
            let done = start &- next.lowerBound
            next = start..<min(flows.count, start &+ Self.chunk)
            tally(few.extracting(0..<done), before: flows.extracting(next), &notes)
        }
    }

    /// Tells what records are; returns how many until one moves the clock, at least one: what came before a second ends is
    /// counted before it does.
    @inline(never)
    private mutating func classify(_ flows: Span<FlowRecord>, _ notes: inout InlineArray<32, Note>) -> Int {
        var ordinary = flowRecords
        for index in flows.indices {
            let flow = flows[index]
            let second = flow.last / 1_000_000_000
            var told = second
            if !keeps(flow.last, second, late: Self.lateFlow) {
                if index > 0 { return index }  // Cells not asked for are waited for.
                _ = turn(to: flow.last, late: Self.lateFlow, isSure: false)
                told = plausible(second)
            }
            guard flow.packets > 0 else { continue }
            notes[index].second = min(now, Int32(clamping: second &- epoch))
            let exchange = conversations.take(
                notes[index].conversation, isHigher: flow.sourcePort >= flow.destinationPort,
                isOpening: flow.flags & (TCPFlag.syn | TCPFlag.ack) == TCPFlag.syn, isAcknowledging: false, at: told)
            let kind = TrafficClass.of(
                flow.protocolNumber, flow.flags, flow.sourcePort, flow.destinationPort, flow.icmpType,
                packets: flow.packets, duration: flow.last &- flow.first, isAlone: !exchange.isBothWays)
            notes[index].kind = kind
            notes[index].host = cells.expect(flow.destination, kind)
            if kind.isOrdinary { ordinary &+= 1 }
            notes[index].mark = kind.isOrdinary && Self.isSampled(ordinary) ? mark(flows, index) : 0
            if index >= Self.lag { cells.expect(&notes[index &- Self.lag].host) }
        }
        for index in max(0, flows.count &- Self.lag)..<flows.count { cells.expect(&notes[index].host) }
        return flows.count
    }

    /// Counts records whose classes are known, and asks meanwhile for the conversations of the next.
    @inline(never)
    private mutating func tally(
        _ flows: Span<FlowRecord>, before next: Span<FlowRecord>, _ notes: inout InlineArray<32, Note>
    ) {
        for index in 0..<max(flows.count, next.count) {
            defer { if index < next.count { expect(next, index, &notes[index]) } }
            guard index < flows.count else { continue }
            let flow = flows[index]
            guard flow.packets > 0 else { continue }
            let kind = notes[index].kind
            let scale = Float(flow.samplingRate)
            let count = Float(flow.packets) * scale
            let size = Float(flow.bytes) * scale
            packets &+= flow.packets &* UInt64(flow.samplingRate)
            bytes &+= flow.bytes &* UInt64(flow.samplingRate)
            totals[Int(kind.number)] += Double(count)
            let host = cell(of: flow.destination, kind, notes[index].host, at: now)
            // From its first second on; what is settled counts in the oldest second that is not.
            let oldest = now &- TargetCells.settling &+ 1
            let last = max(notes[index].second, oldest)
            let length = flow.last &- max(flow.first, flow.last &- 86_400_000_000_000)
            var share: Float = 1
            if length < 1_000_000_000 {
                cells.add(host, packets: count, bytes: size, at: last)
            } else {
                let whole = length / 1_000_000_000
                share = 1 / Float(whole + 1)
                let first = max(Int32(clamping: Int64(notes[index].second) - whole), oldest)
                for second in min(first, last)...last {
                    cells.add(host, packets: count * share, bytes: size * share, at: second)
                }
            }
            cells.add(host, observed: Float(flow.packets) * share, total: Double(count), source: flow.source)
            if cells.cells[host].vector < 0, kind.isOrdinary {
                flowRecords &+= 1
                if Self.isSampled(flowRecords) { sample(flows, index, notes[index].mark, kind) }
            } else {
                keep(flows, index, kind, cells.cells[host].vector)
            }
        }
    }

    @inline(__always)
    private mutating func expect(_ flows: Span<FlowRecord>, _ index: Int, _ note: inout Note) {
        let flow = flows[index]
        note.conversation = conversations.place(
            from: flow.source, flow.sourcePort, to: flow.destination, flow.destinationPort,
            protocolNumber: flow.protocolNumber)
        conversations.expect(note.conversation)
    }

    /// Keeps a flow for the vector that it belongs to, or for one that may be found.
    @inline(never)
    private mutating func keep(_ flows: Span<FlowRecord>, _ index: Int, _ kind: TrafficClass, _ vector: Int8) {
        if vector >= 0 {
            vectors[Int(vector)].collector.add(Self.packet(of: flows[index], in: watched))
        } else if let block = blockVector(of: flows[index].destination, kind) {
            vectors[block].collector.add(Self.packet(of: flows[index], in: watched))
        } else if lookback.hasRoom() {
            lookback.add(Self.packet(of: flows[index], in: watched), kind)
        }
    }

    // ---- The sample of ordinary flows.

    /// Whether so manieth a record of ordinary classes is one of the eighth that is kept.
    @inline(__always)
    private static func isSampled(_ number: UInt64) -> Bool { number & 7 == 0 }

    /// The mark of a flow, whose memory is asked for. Changes nothing, and says otherwise so that no watch is copied.
    @inline(never)
    private mutating func mark(_ flows: Span<FlowRecord>, _ index: Int) -> UInt64 {
        ordinaryFlows.expect(Self.packet(of: flows[index], in: watched))
    }

    @inline(never)
    private mutating func sample(_ flows: Span<FlowRecord>, _ index: Int, _ mark: UInt64, _ kind: TrafficClass) {
        // One was not marked if those before it turned out to be a vector's.
        let mark = mark != 0 ? mark : self.mark(flows, index)
        guard let place = ordinaryFlows.count(mark, kind, weight: Self.weight(of: flows[index])) else { return }
        ordinaryFlows.set(place, Self.packet(of: flows[index], in: watched))
    }

    @inline(__always)
    private static func weight(of flow: FlowRecord) -> UInt32 {
        UInt32(clamping: flow.packets &* UInt64(flow.samplingRate))
    }

    /// A flow as the one kind of packet that it was made of on average, standing for all of them.
    private static func packet(of flow: FlowRecord, in watched: borrowing WatchedTime) -> PacketSummary {
        var packet = PacketSummary()
        packet.time = min(max(flow.last, watched.from), watched.until)
        packet.source = flow.source
        packet.destination = flow.destination
        packet.sourcePort = flow.sourcePort
        packet.destinationPort = flow.destinationPort
        packet.protocolNumber = flow.protocolNumber
        packet.flags = flow.flags
        packet.icmpType = flow.icmpType
        packet.icmpCode = flow.icmpCode
        packet.isAverage = true
        packet.length = UInt32(clamping: flow.bytes / max(1, flow.packets))
        packet.weight = weight(of: flow)
        packet.service = Service.ofReflector(port: flow.sourcePort)
        return packet
    }
}
