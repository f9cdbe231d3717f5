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
    /// A packet that is taken soon: whoever has large tables may ask for their memory.
    mutating func expect(_ packet: borrowing PacketSummary)
    mutating func take(_ packet: borrowing PacketSummary, in frame: RawSpan)
    mutating func take(_ flows: Span<FlowRecord>)
    mutating func take(_ request: RequestSummary, _ line: Span<UInt8>)
}

extension TrafficTaker where Self: ~Copyable {
    mutating func expect(_ packet: borrowing PacketSummary) {}
}

/// Reads files of every kind that we know, by their content, to their end: captures, flow exports inside captures, files
/// of nfcapd, web-server logs. What cannot be read is counted by its cause, and reading goes on.
struct TrafficSource: ~Copyable {
    private static let flowsAtOnce = 1_024
    /// Packets that are read before the first of them is taken.
    private static let packetsAtOnce = 16

    private struct Waiting {
        var packet: PacketSummary
        /// Where its frame lies in the bytes at hand.
        var start: Int
        var length: Int
    }

    private(set) var counts: [String: UInt64] = [:]
    private var frames = FrameReader()
    private let flows = FlowDecoder()
    private var batch = FlowBatch()
    private var bar = ProgressBar()
    private var taken: UInt64 = 0
    private var waiting: [Waiting] = []

    /// All causes, the most frequent first.
    var faults: [ReadFault] {
        counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map { ReadFault(cause: $0.key, count: $0.value) }
    }

    consuming func finish() { bar.finish() }

    private mutating func count(_ cause: String, _ number: UInt64 = 1) {
        // Causes are of closed sets; the limit is for us.
        if counts.count < 256 || counts[cause] != nil { counts[cause, default: 0] += number }
    }

    mutating func read(_ path: String, into taker: inout some TrafficTaker & ~Copyable) throws(InputError) {
        var file = try InputFile(opening: path)
        while file.count < InputKind.headSize, try file.fill(needing: InputKind.headSize) {}
        switch InputKind.recognise(file.bytes) {
        case .pcap, .pcapng: try readCapture(&file, into: &taker)
        case .textLog, .jsonLog: try readLog(&file, into: &taker)
        case .nfdump: try readFlows(path, into: &taker)
        case .jsonDocument:
            throw InputError(.unsupported, path, "it is a JSON document, neither a capture nor a log")
        case .unknown(let reason): throw InputError(.unsupported, path, "nothing that can be read: \(reason)")
        }
    }

    // ---- Captures.

    private mutating func readCapture(_ file: inout InputFile, into taker: inout some TrafficTaker & ~Copyable)
        throws(InputError)
    {
        var capture = CaptureReader()
        while true {
            let (used, needed) = frames(in: file.bytes, &capture, into: &taker)
            file.consume(used)
            bar.show(
                done: file.bytesRead, of: file.fileSize, packets: taken,
                at: MonotonicClock.milliseconds)
            if capture.isLost { return }
            let more: Bool
            do {
                more = try file.fill(needing: needed)
            } catch {
                // What was read before stands.
                count("\(error.code.rawValue): \(error.reason)")
                return
            }
            guard more else { break }
        }
        do { try capture.finish(remaining: file.count) } catch { count("capture: \(error.reason.rawValue)") }
    }

    /// Takes in the whole frames of a chunk; says how many bytes they took, and how many the next one needs.
    private mutating func frames(
        in bytes: RawSpan, _ capture: inout CaptureReader, into taker: inout some TrafficTaker & ~Copyable
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
                count("capture: \(error.reason.rawValue)")
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
            guard
                let packet = try frames.read(
                    frame, link: found.link, originalLength: found.originalLength, time: found.time)
            else { return }
            if packet.protocolNumber == PacketSummary.udp, packet.service == .none || !packet.isPayloadSeen,
                Self.mayExport(packet)
            {
                pass(bytes, to: &taker)
                if readExport(packet, in: frame, found, into: &taker) { return }
            }
            taker.expect(packet)
            waiting.append(Waiting(packet: packet, start: found.start, length: found.length))
            if waiting.count == Self.packetsAtOnce { pass(bytes, to: &taker) }
        } catch {
            count("packet: \(error.reason.rawValue)")
        }
    }

    /// Hands on what waits, in its order.
    private mutating func pass(_ bytes: RawSpan, to taker: inout some TrafficTaker & ~Copyable) {
        for index in waiting.indices {
            let frame = bytes.extracting(waiting[index].start..<waiting[index].start + waiting[index].length)
            taker.take(waiting[index].packet, in: frame)
        }
        waiting.removeAll(keepingCapacity: true)
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
        batch.removeAll()
        do { try flows.decode(datagram, from: exporter, receivedAt: time, into: &batch) } catch {
            count("flow export: \(error.reason.rawValue)")
        }
        taker.take(batch.flows.span)
        for sample in batch.samples {
            let start = Int(sample.offset)
            let frame = datagram.extracting(start..<start + Int(sample.length))
            do {
                let link: LinkType = sample.link == .ethernet ? .ethernet : .raw
                guard
                    var packet = try frames.read(
                        frame, link: link, originalLength: Int(sample.frameLength), time: sample.time)
                else { continue }
                packet.weight = sample.samplingRate
                taker.expect(packet)
                waiting.append(Waiting(packet: packet, start: start, length: frame.byteCount))
            } catch { count("sample: \(error.reason.rawValue)") }
        }
        pass(datagram, to: &taker)
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
            batch.flows.append(flow)
            guard batch.flows.count == Self.flowsAtOnce else { continue }
            taker.take(batch.flows.span)
            batch.removeAll()
        }
        taker.take(batch.flows.span)
        if file.unread > 0 { count("nfdump: lines that could not be read", file.unread) }
        if let warning = file.warning { count("nfdump: \(warning)") }
    }

    private mutating func readLog(_ file: inout InputFile, into taker: inout some TrafficTaker & ~Copyable)
        throws(InputError)
    {
        var lines = LogLines()
        repeat {
            lines.append(file.bytes)
            file.consume(file.count)
            while lines.next() {
                taken &+= 1
                taker.take(lines.summary, lines.text.span)
            }
            bar.show(
                done: file.bytesRead, of: file.fileSize, packets: taken,
                at: MonotonicClock.milliseconds)
        } while try file.fill()
        lines.end()
        while lines.next() { taker.take(lines.summary, lines.text.span) }
        for fault in lines.faults { count("line \(fault.line): \(fault.reason)") }
        if lines.badLines > UInt64(lines.faults.count) {
            count("further lines of the log", lines.badLines - UInt64(lines.faults.count))
        }
    }
}
