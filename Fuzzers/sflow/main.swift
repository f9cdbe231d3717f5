import Addresses
import Bytes
import Flows
import FuzzerSupport
import Glibc

// The input is one datagram. It is told whole or not at all, its samples lie in it, and cutting off its end never tells
// more than it told whole.
private let now: Int64 = 1_790_000_000_000_000_000

private func read(_ bytes: RawSpan, _ decoder: inout FlowDecoder) -> (batch: FlowBatch, refused: Malformed?) {
    var batch = FlowBatch()
    let exporter = Exporter(address: Address(ipv4: 0xc000_0201), port: 6343)
    do throws(Malformed) {
        try decoder.decode(bytes, from: exporter, receivedAt: now, into: &batch)
        return (batch, nil)
    } catch {
        require(batch.flows.isEmpty && batch.samples.isEmpty, "refused and told something")
        return (batch, error)
    }
}

private func run(_ bytes: RawSpan) {
    // Other versions are the other fuzzer's.
    guard bytes.byteCount < 2 || bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt16.self) == 0 else { return }
    var decoder = FlowDecoder()
    let (batch, refused) = read(bytes, &decoder)
    if let refused { require((0...bytes.byteCount).contains(refused.offset), "place of the error") }
    require(batch.flows.count + batch.samples.count <= bytes.byteCount / 40, "more told than there is room for")
    for sample in batch.samples {
        require(sample.samplingRate >= 1 && sample.length >= 1, "sample")
        require(Int(sample.offset) + Int(sample.length) <= bytes.byteCount, "sample's place")
        require(sample.frameLength >= sample.length, "frame's length")
        require(sample.inputKind == .index || sample.input == 0, "input")
        require(sample.outputKind == .index || sample.output == 0, "output")
    }
    for flow in batch.flows {
        require(flow.samplingRate >= 1 && flow.packets == 1, "packet")
        require(flow.first == now && flow.last == now, "time")
    }
    require(decoder.figures.isEmpty == (refused != nil), "known by what was refused")
    // The same again is the same.
    let (again, _) = read(bytes, &decoder)
    require(again.flows == batch.flows && again.samples == batch.samples, "another reading")
    guard refused == nil else { return }
    let length = Digest.of(Array(bytes)).place(in: bytes.byteCount)
    let (part, _) = read(bytes.extracting(0..<length), &decoder)
    require(part.flows.count <= batch.flows.count && part.samples.count <= batch.samples.count, "cut off")
    require(part.samples.isEmpty || part.samples == batch.samples, "samples of what was cut off")
}

extension Array where Element == UInt8 {
    fileprivate init(_ bytes: RawSpan) { self = bytes.withUnsafeBytes { [UInt8]($0) } }
}

extension Digest {
    fileprivate static func of(_ bytes: [UInt8]) -> Digest { of(bytes.span) }
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
