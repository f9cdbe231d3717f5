import Addresses
import Bytes
import Flows
import TestKit
import Testing

let second: Int64 = 1_000_000_000
/// 2026-09-21T13:46:40Z
let now: Int64 = 1_790_000_000 * second
let boot: Int64 = now - 100_000 * second
let router = Exporter(address: Address(ipv4: 0xc000_0201), port: 2055)

/// A collector and what it was told.
struct Collector: ~Copyable {
    private(set) var decoder: FlowDecoder
    var batch = FlowBatch()

    init(budget: ExporterBudget = ExporterBudget()) {
        decoder = FlowDecoder(budget: budget)
    }

    var flows: [FlowRecord] { batch.flows }
    var counters: FlowCounters { decoder.counters }

    mutating func take(
        _ datagram: [UInt8], from exporter: Exporter = router, at time: Int64 = now
    ) throws(Malformed) {
        try decoder.decode(datagram.span.bytes, from: exporter, receivedAt: time, into: &batch)
    }

    /// The reason why a datagram is refused; nil where it is not.
    mutating func refusal(_ datagram: [UInt8], from exporter: Exporter = router) -> Malformed? {
        do throws(Malformed) {
            try take(datagram, from: exporter)
            return nil
        } catch {
            return error
        }
    }
}

func kind(_ datagram: [UInt8]) -> FlowDecoder.Kind? { FlowDecoder.recognises(datagram.span.bytes) }

/// Flows of all kinds, as a version can tell them.
func madeFlows(_ count: Int, _ version: FlowBuilder.Version, samplingRate: UInt32 = 1) -> [FlowRecord] {
    let isOld = version == .netflow5
    return (0..<count).map { index in
        var flow = FlowRecord()
        let isIPv4 = isOld || index % 3 != 2
        let number = UInt32(index)
        flow.source =
            isIPv4 ? Address(ipv4: 0xc000_0200 | number) : Address(high: 0x2001_0db8 << 32, low: UInt64(number))
        flow.destination = isIPv4 ? Address(ipv4: 0xcb00_7101) : Address(high: 0x2001_0db8 << 32 | 7, low: 9)
        flow.protocolNumber = index % 5 == 4 ? (isIPv4 ? 1 : 58) : index % 2 == 0 ? 6 : 17
        if index % 5 == 4 {
            flow.icmpType = 3
            flow.icmpCode = UInt8(index % 4)
        } else {
            flow.sourcePort = UInt16(1024 + index)
            flow.destinationPort = 443
        }
        flow.flags = flow.protocolNumber == 6 ? 0x12 : 0
        flow.typeOfService = UInt8(index)
        flow.packets = UInt64(1 + index)
        flow.bytes = UInt64(64 * (1 + index))
        flow.first = now - Int64(60 + index) * second + 7_000_000
        flow.last = now - Int64(index % 3) * second - 13_000_000
        flow.input = number + 1
        flow.output = 65_535 - number
        flow.sourceAS = isOld ? 64_500 : 4_200_000_000 + number
        flow.destinationAS = 64_501
        flow.sourceMask = isIPv4 ? 24 : 48
        flow.destinationMask = isIPv4 ? 22 : 64
        flow.samplingRate = samplingRate
        return flow
    }
}

/// As they come from an exporter that tells IPv4 first.
func ordered(_ flows: [FlowRecord]) -> [FlowRecord] {
    flows.filter { $0.source.isIPv4 } + flows.filter { !$0.source.isIPv4 }
}

/// Integers in network byte order, of the bytes that each is to have.
func bytes(_ values: (UInt64, Int)...) -> [UInt8] {
    values.flatMap { value, size in
        (0..<size).reversed().map { UInt8(truncatingIfNeeded: $0 < 8 ? value >> UInt64($0 * 8) : 0) }
    }
}

func message(_ version: FlowBuilder.Version, domain: UInt32 = 1, sequence: UInt32 = 0) -> FlowMessage {
    FlowMessage(
        version, domain: domain, uptime: UInt32(truncatingIfNeeded: (now - boot) / 1_000_000), time: now,
        sequence: sequence)
}
