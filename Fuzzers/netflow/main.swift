import Addresses
import Bytes
import Flows
import FuzzerSupport
import Glibc

// The input is several datagrams for one decoder: each of a byte that chooses exporter and waiting time, two of length,
// and its contents. Whatever they say, the decoder stays within its budget and what it tells keeps its promises.
private let second: Int64 = 1_000_000_000
private let start: Int64 = 1_790_000_000 * second

private func run(_ bytes: RawSpan) {
    var budget = ExporterBudget()
    budget.exporterLimit = 3
    budget.domainLimit = 3
    budget.templateLimit = 6
    budget.fieldTotalLimit = 64
    budget.rateLimit = 4
    budget.keptBytesLimit = 512
    budget.keptSetLimit = 4
    budget.keptTotalLimit = 1024
    var decoder = FlowDecoder(budget: budget)
    var batch = FlowBatch()
    var now = start
    var offset = 0
    var count: UInt64 = 0
    while offset &+ 3 <= bytes.byteCount {
        let choice = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
        let size = Int(UInt16(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset + 1, as: UInt16.self)))
        offset += 3
        let end = min(offset + size, bytes.byteCount)
        now += Int64(choice >> 4) * 10 * second
        let exporter = Exporter(address: Address(ipv4: 0xc000_0200 | UInt32(choice & 7)), port: UInt16(choice))
        let datagram = bytes.extracting(offset..<end)
        offset = end
        count += 1
        let before = batch.flows.count
        let kind = FlowDecoder.recognises(datagram)
        var refused = false
        do throws(Malformed) {
            try decoder.decode(datagram, from: exporter, receivedAt: now, into: &batch)
        } catch {
            refused = true
            require((0...max(datagram.byteCount, 2)).contains(error.offset), "place of the error")
            require(batch.flows.count == before && batch.samples.isEmpty, "refused and told something")
            if let kind { require(kind == .sflow, "recognised and refused") }
        }
        check(batch, from: before, datagram, now, budget)
        if batch.flows.count > 4096 { batch.removeAll() }
        check(decoder, budget, count)
        _ = refused
    }
}

private func check(
    _ batch: FlowBatch, from: Int, _ datagram: RawSpan, _ now: Int64, _ budget: ExporterBudget
) {
    // Kept data have their own time of receipt, at most the budget's seconds ago.
    let earliest = now - (budget.pastSeconds + budget.keptSeconds) * second
    for flow in batch.flows[from...] {
        require(flow.samplingRate >= 1, "rate")
        require(flow.first <= flow.last, "order of times")
        require(flow.first >= earliest && flow.last <= now + budget.futureSeconds * second, "time")
        if flow.protocolNumber == 1 || flow.protocolNumber == 58 {
            require(flow.sourcePort == 0 && flow.destinationPort == 0, "ports of ICMP")
        }
    }
    for sample in batch.samples {
        require(sample.samplingRate >= 1 && sample.length >= 1, "sample")
        require(Int(sample.offset) + Int(sample.length) <= datagram.byteCount, "sample's place")
        require(sample.frameLength >= sample.length, "frame's length")
    }
}

private func check(_ decoder: borrowing FlowDecoder, _ budget: ExporterBudget, _ count: UInt64) {
    let figures = decoder.figures
    require(decoder.counters.datagrams == count, "datagrams")
    require(figures.count <= budget.exporterLimit, "exporters")
    require(Set(figures.map(\.exporter.address)).count == figures.count, "an exporter twice")
    for figure in figures {
        require(figure.domains <= budget.domainLimit, "domains")
        require((0...budget.templateLimit).contains(figure.templates), "templates")
        require((0...budget.keptBytesLimit).contains(figure.keptBytes), "kept bytes")
        require(figure.counters.records <= decoder.counters.records, "records")
    }
    require(figures.reduce(0) { $0 + $1.keptBytes } <= budget.keptTotalLimit, "all kept bytes")
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
