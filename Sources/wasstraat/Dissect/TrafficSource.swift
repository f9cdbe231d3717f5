internal import Addresses
internal import Bytes
internal import Collector
internal import Detection
internal import Exchange
internal import Flows
internal import Heads
internal import Packets

/// What takes in the packets, flows and requests of files.
protocol TrafficTaker: ~Copyable {
    /// What comes from now on is of another file.
    mutating func beginFile()
    /// Packets, and the parts of the bytes that they were read from.
    mutating func take(_ packets: Span<PacketSummary>, from frames: Span<Range<Int>>, in bytes: RawSpan)
    mutating func take(_ flows: Span<FlowRecord>)
    mutating func take(_ request: RequestSummary, _ line: Span<UInt8>)
}

/// Reads files of every kind that we know, by their content, to their end: captures, flow exports inside captures, files
/// of nfcapd, web-server logs. What cannot be read is counted by its cause, and reading goes on.
struct TrafficSource: ~Copyable {
    private static let flowsAtOnce = 1_024
    /// Of datagrams fewer, which the processor still has at hand.
    private static let recordsAtOnce = 128
    /// Bytes of Ethernet's checksum: some exporters count it in a frame's length, some do not, and some say the one and do
    /// the other.
    private static let checksumLength = 4
    /// Packets that are read before the first of them is taken.
    private static let packetsAtOnce = 32

    private struct Fault {
        var count: UInt64 = 0
        /// Where it was met first: "at byte 24".
        var place: String?
    }

    private var counts: [String: Fault] = [:]
    private var frames = FrameReader()
    private var flows = FlowDecoder()
    private var batch = FlowBatch()
    private var bar = ProgressBar()
    private var taken: UInt64 = 0
    private var waiting: [PacketSummary] = []
    /// Where their frames lie in the bytes at hand.
    private var framesOfWaiting: [Range<Int>] = []

    /// All causes with the place of the first one, the most frequent first.
    var faults: [ReadFault] {
        counts.sorted { ($0.value.count, $1.key) > ($1.value.count, $0.key) }.map { cause, fault in
            let place = fault.place.map { (fault.count > 1 ? ", first " : ", ") + $0 } ?? ""
            return ReadFault(cause: cause + place, count: fault.count)
        }
    }

    /// Ends the reading; says on standard error what could not be read, for tools that have no place for it in what they
    /// print.
    consuming func finish(complainingOf path: String) {
        let faults = faults
        bar.finish()
        for fault in faults { complain("\(path): not read: \(fault.cause) (\(DissectFigure.count(fault.count)))") }
    }

    consuming func finish() { bar.finish() }

    private mutating func count(_ cause: String, _ number: UInt64 = 1, at place: @autoclosure () -> String? = nil) {
        guard counts[cause] == nil else {
            counts[cause]?.count += number
            return
        }
        // Causes are of closed sets; the limit is for us.
        if counts.count < 256 { counts[cause] = Fault(count: number, place: place()) }
    }

    /// What was read of a file before it broke off stands.
    private mutating func count(_ error: InputError) {
        count(error.reason, at: error.place.map { "at byte \($0) of the file" })
    }

    /// - Parameter allowsProfile: a profile is read and returned; without, it is refused.
    @discardableResult
    mutating func read(
        _ path: String, into taker: inout some TrafficTaker & ~Copyable, allowsProfile: Bool = false
    ) throws(InputError) -> TrafficProfile? {
        var file = try InputFile(opening: path)
        var fault: InputError?
        do {
            while file.count < InputKind.headSize, try file.fill(needing: InputKind.headSize) {}
        } catch {
            // A short file that is cut off still has a beginning.
            guard file.count > 0 else { throw error }
            fault = error
        }
        if ToolFile.isProfile(file.bytes) {
            guard allowsProfile else {
                throw InputError(.unsupported, path, "it is a profile, neither a capture nor a log")
            }
            return try ToolFile.profile(&file)
        }
        taker.beginFile()
        switch InputKind.recognise(file.bytes) {
        case .pcap, .pcapng: try readCapture(&file, into: &taker)
        case .textLog, .jsonLog: readLog(&file, into: &taker)
        case .nfdump:
            guard file.compression == .none else {
                throw InputError(.unsupported, path, "a packed file of nfcapd: nfdump reads it unpacked only")
            }
            try readFlows(path, into: &taker)
        case .jsonDocument:
            throw InputError(.unsupported, path, "it is a JSON document, neither a capture nor a log")
        case .unknown(let reason): throw fault ?? InputError(.unsupported, path, "nothing that can be read: \(reason)")
        }
        return nil
    }

    // ---- Captures.

    private mutating func readCapture(_ file: inout InputFile, into taker: inout some TrafficTaker & ~Copyable)
        throws(InputError)
    {
        var capture = CaptureReader()
        while true {
            let (used, needed) = frames(in: file.bytes, at: file.position, &capture, into: &taker)
            file.consume(used)
            bar.show(
                done: file.bytesRead, of: file.fileSize, packets: taken,
                at: MonotonicClock.milliseconds)
            if capture.isLost { return }
            let more: Bool
            do {
                more = try file.fill(needing: needed)
            } catch {
                count(error)
                return
            }
            guard more else { break }
        }
        do {
            try capture.finish(remaining: file.count)
        } catch {
            count("capture: \(error.reason.words)", at: "at byte \(file.position)")
        }
    }

    /// Takes in the whole frames of a chunk; says how many bytes they took, and how many the next one needs.
    private mutating func frames(
        in bytes: RawSpan, at position: UInt64, _ capture: inout CaptureReader,
        into taker: inout some TrafficTaker & ~Copyable
    ) -> (used: Int, needed: Int) {
        var offset = 0
        while true {
            do {
                switch try capture.next(in: bytes, from: &offset) {
                case .more(let needed):
                    pass(bytes, to: &taker)
                    return (offset, needed)
                case .frame(let found): read(bytes, found, into: &taker)
                }
            } catch {
                count("capture: \(error.reason.words)", at: "at byte \(position + UInt64(max(0, error.offset)))")
                guard capture.isLost else { continue }
                pass(bytes, to: &taker)
                return (bytes.byteCount, 0)
            }
        }
    }

    private mutating func read(
        _ bytes: RawSpan, _ found: CaptureFrame, into taker: inout some TrafficTaker & ~Copyable
    ) {
        taken &+= 1
        let frame = bytes.extracting(found.start..<found.start + found.length)
        do {
            guard try wait(frame, found.link, found.originalLength, found.time) else { return }
            let last = waiting.count - 1
            if waiting[last].protocolNumber == PacketSummary.udp,
                waiting[last].service == .none || !waiting[last].isPayloadSeen, Self.mayExport(waiting[last])
            {
                let packet = waiting.removeLast()
                pass(bytes, to: &taker)
                if readExport(packet, in: frame, found, into: &taker) { return }
                waiting.append(packet)
            }
            framesOfWaiting.append(found.start..<found.start + found.length)
            if waiting.count == Self.packetsAtOnce { pass(bytes, to: &taker) }
        } catch {
            let number = taken
            count("packet: \(error.reason.words)", at: "in packet \(number)")
        }
    }

    /// Hands on what waits, in its order.
    private mutating func pass(_ bytes: RawSpan, to taker: inout some TrafficTaker & ~Copyable) {
        taker.take(waiting.span, from: framesOfWaiting.span, in: bytes)
        waiting.removeAll(keepingCapacity: true)
        framesOfWaiting.removeAll(keepingCapacity: true)
    }

    /// Reads a frame into a packet behind those that wait; false where it holds none.
    private mutating func wait(
        _ frame: RawSpan, _ link: LinkType, _ originalLength: Int, _ time: Int64
    ) throws(Malformed) -> Bool {
        waiting.append(PacketSummary())
        var isRead = false
        defer { if !isRead { waiting.removeLast() } }
        isRead = try frames.read(
            frame, link: link, originalLength: originalLength, time: time, into: &waiting[waiting.count - 1])
        return isRead
    }

    /// The first bytes of NetFlow 5 and 9, IPFIX and sFlow 5.
    private static func mayExport(_ packet: borrowing PacketSummary) -> Bool {
        switch packet.payloadPrefix >> 48 {
        case 5, 9, 10: true
        case 0: packet.payloadPrefix >> 32 == 5
        default: false
        }
    }

    /// Reads a datagram of an exporter that was captured on its way; false where it is none.
    private mutating func readExport(
        _ packet: borrowing PacketSummary, in frame: RawSpan, _ found: CaptureFrame,
        into taker: inout some TrafficTaker & ~Copyable
    ) -> Bool {
        let length = Int(packet.payloadLength)
        // The payload is what the frame ends with: exports are longer than what Ethernet fills up.
        guard packet.fragment == .whole, found.length == found.originalLength, length <= frame.byteCount else {
            return false
        }
        let payload = frame.extracting(frame.byteCount - length..<frame.byteCount)
        guard FlowDecoder.recognises(payload) != nil else { return false }
        let exporter = Exporter(address: packet.source, port: packet.sourcePort)
        take(payload, from: exporter, at: packet.time, into: &taker)
        return true
    }

    /// Takes in a datagram of flow records or samples.
    mutating func take(
        _ datagram: RawSpan, from exporter: Exporter, at time: Int64, into taker: inout some TrafficTaker & ~Copyable
    ) {
        gather(0..<datagram.byteCount, of: datagram, from: exporter, at: time, into: &taker)
        passAll(datagram, to: &taker)
    }

    /// Reads a datagram, which lies in these bytes, and hands on what it tells when enough has gathered: the bytes must
    /// stay until ``passAll(_:to:)``. Tables are asked for what many records need at once; a datagram has few.
    mutating func gather(
        _ range: Range<Int>, of bytes: RawSpan, from exporter: Exporter, at time: Int64,
        into taker: inout some TrafficTaker & ~Copyable
    ) {
        let datagram = bytes.extracting(range)
        let known = batch.flows.count
        do { try flows.decode(datagram, from: exporter, receivedAt: time, into: &batch) } catch {
            count("flow export: \(error.reason.words)")
        }
        // Nothing can be told before it was: a clock that runs ahead would leave the others behind.
        var records = batch.flows.mutableSpan
        for index in known..<records.count where records[index].last > time {
            records[index].first = min(records[index].first, time)
            records[index].last = time
        }
        if records.count >= Self.recordsAtOnce { passFlows(to: &taker) }
        for sample in batch.samples {
            let start = range.lowerBound + Int(sample.offset)
            let frame = bytes.extracting(start..<start + Int(sample.length))
            do {
                // To compare would be a call into another room, here a hundred thousand times a second.
                let link: LinkType = if case .ethernet = sample.link { .ethernet } else { .raw }
                let length = Int(sample.frameLength) + Self.checksumLength
                guard try wait(frame, link, length, min(sample.time, time)) else { continue }
                waiting[waiting.count - 1].weight = sample.samplingRate
                framesOfWaiting.append(start..<start + frame.byteCount)
                if waiting.count == Self.packetsAtOnce { pass(bytes, to: &taker) }
            } catch { count("sample: \(error.reason.words)") }
        }
    }

    /// Hands on all that waits.
    mutating func passAll(_ bytes: RawSpan, to taker: inout some TrafficTaker & ~Copyable) {
        if !batch.flows.isEmpty { passFlows(to: &taker) }
        if !waiting.isEmpty { pass(bytes, to: &taker) }
    }

    private mutating func passFlows(to taker: inout some TrafficTaker & ~Copyable) {
        taker.take(batch.flows.span)
        batch.flows.removeAll(keepingCapacity: true)
    }

    /// What the flow decoder counted.
    var flowCounters: FlowCounters { flows.counters }

    // ---- Files of nfcapd, and logs.

    private mutating func readFlows(_ path: String, into taker: inout some TrafficTaker & ~Copyable) throws(InputError)
    {
        var file = try NfdumpFile(opening: path)
        batch.removeAll()
        while let flow = try file.next() {
            taken &+= 1
            if taken & 0xfff == 0 {
                bar.show(done: 0, of: nil, packets: taken, at: MonotonicClock.milliseconds, unit: "flows")
            }
            batch.flows.append(flow)
            guard batch.flows.count == Self.flowsAtOnce else { continue }
            taker.take(batch.flows.span)
            batch.removeAll()
        }
        taker.take(batch.flows.span)
        if file.unread > 0 { count("nfdump: lines that could not be read", file.unread) }
        if let warning = file.warning { count("nfdump: \(warning)") }
    }

    private mutating func readLog(_ file: inout InputFile, into taker: inout some TrafficTaker & ~Copyable) {
        var lines = LogLines()
        var isMore = true
        while isMore {
            lines.append(file.bytes)
            file.consume(file.count)
            take(&lines, into: &taker)
            bar.show(
                done: file.bytesRead, of: file.fileSize, packets: taken, at: MonotonicClock.milliseconds,
                unit: "requests")
            do {
                isMore = try file.fill()
            } catch {
                count(error)
                isMore = false
            }
        }
        lines.end()
        take(&lines, into: &taker)
        for fault in lines.faults { count("line \(fault.line): \(fault.reason.words)") }
        if lines.badLines > UInt64(lines.faults.count) {
            count("further lines of the log", lines.badLines - UInt64(lines.faults.count))
        }
    }

    private mutating func take(_ lines: inout LogLines, into taker: inout some TrafficTaker & ~Copyable) {
        while lines.next() {
            taken &+= 1
            taker.take(lines.summary, lines.text.span)
        }
    }
}

extension Malformed.Reason {
    /// For people.
    var words: String {
        switch self {
        case .truncated: "cut off"
        case .invalid: "not as the format has it"
        case .overBudget: "longer or more than anything real"
        case .unsupported: "of a kind that is not read"
        case .contradictory: "contradicts itself"
        }
    }
}

extension LogFault {
    /// For people.
    var words: String {
        switch self {
        case .empty: "empty"
        case .tooLong: "too long"
        case .unknownFormat: "in no known format"
        case .badAddress: "no address"
        case .badTime: "no time"
        case .badRequest: "no request"
        case .badStatus: "no status"
        case .unterminated: "a quoted text without its end"
        case .badJSON: "no JSON"
        case .overBudget: "more than a line of a log has"
        }
    }
}
