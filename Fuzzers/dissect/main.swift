import Addresses
import Bytes
import Collector
import Detection
import Exchange
import Filters
import Fingerprints
import Flows
import FuzzerSupport
import Glibc
import Heads
import Packets

// The input is a file that somebody gives to `wasstraat dissect`, after two bytes: how often each of its packets, flows
// and lines is taken in (a flood costs an input few bytes), and whether the operator says that there is an attack. What
// is reported keeps its promises, and all that is made of it can be made.
private func run(_ input: RawSpan) {
    guard input.byteCount >= 2 else { return }
    let times = 1 + Int(input.unsafeLoad(fromByteOffset: 0, as: UInt8.self)) * 2
    var options = TrafficWatch.Options()
    options.isAttackKnown = input.unsafeLoad(fromByteOffset: 1, as: UInt8.self) & 1 != 0
    options.isLearning = input.unsafeLoad(fromByteOffset: 1, as: UInt8.self) & 2 != 0
    let file = input.extracting(2..<input.byteCount)
    switch InputKind.recognise(file) {
    case .pcap, .pcapng:
        var watch = TrafficWatch(profile: .shipped, key: 42, options: options)
        readCapture(file, times, into: &watch)
        check(watch.attacks())
        if options.isLearning { _ = watch.learnt(as: "file") }
        check(watch.finish())
    case .textLog, .jsonLog:
        var watch = LogWatch()
        var lines = LogLines()
        lines.append(file)
        lines.end()
        while lines.next() {
            for _ in 0..<times { watch.observe(lines.summary, lines.text.span) }
        }
        check(watch.finish())
    case .nfdump, .jsonDocument, .unknown: break
    }
}

private func readCapture(_ file: RawSpan, _ times: Int, into watch: inout TrafficWatch) {
    var capture = CaptureReader()
    var frames = FrameReader()
    var decoder = FlowDecoder()
    var batch = FlowBatch()
    var offset = 0
    while true {
        do throws(Malformed) {
            guard case .frame(let found) = try capture.next(in: file, from: &offset) else { return }
            let frame = file.extracting(found.start..<found.start + found.length)
            guard
                var packet = try frames.read(
                    frame, link: found.link, originalLength: found.originalLength, time: found.time)
            else { continue }
            let length = Int(packet.payloadLength)
            if packet.protocolNumber == PacketSummary.udp, length <= frame.byteCount,
                case let payload = frame.extracting(frame.byteCount - length..<frame.byteCount),
                FlowDecoder.recognises(payload) != nil
            {
                batch.removeAll()
                let exporter = Exporter(address: packet.source, port: packet.sourcePort)
                try decoder.decode(payload, from: exporter, receivedAt: packet.time, into: &batch)
                for _ in 0..<times { watch.observe(batch.flows.span) }
                for sample in batch.samples {
                    let start = Int(sample.offset)
                    let part = payload.extracting(start..<start + Int(sample.length))
                    guard
                        var packet = try frames.read(
                            part, link: sample.link == .ethernet ? .ethernet : .raw,
                            originalLength: Int(sample.frameLength), time: sample.time)
                    else { continue }
                    packet.weight = sample.samplingRate
                    for _ in 0..<times { watch.observe(packet, in: part) }
                }
                continue
            }
            // Made-up senders, as a flood has them.
            for number in 0..<times {
                packet.source = Address(high: packet.source.high, low: packet.source.low &+ UInt64(number % 64))
                watch.observe(packet, in: frame)
            }
        } catch { if capture.isLost { return } }
    }
}

private func check(_ attacks: [TrafficAttack]) {
    for attack in attacks {
        require(!attack.vectors.isEmpty, "an attack without a vector")
        require(attack.start <= attack.end, "ends before it begins")
    }
}

private func check(_ report: TrafficReport) {
    check(report.attacks)
    require(!report.json().isEmpty, "no report")
    for vector in report.attacks.flatMap(\.vectors) {
        let evidence = vector.fingerprint.evidence
        require(!vector.kind.isEmpty && vector.start <= vector.end, "vector")
        for share in [evidence.coverage, evidence.collateral] { require((0...1).contains(share ?? 0), "share") }
        require(evidence.networks.isEmpty || evidence.isSpoofable == false, "networks of forged sources")
        for language in RuleLanguage.allCases {
            _ = Rules.compile([vector.fingerprint], as: language, options: RuleOptions())
        }
    }
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
