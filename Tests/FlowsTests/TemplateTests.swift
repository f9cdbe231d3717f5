import Addresses
import Bytes
import Flows
import TestKit
import Testing

private let addresses: [TemplateField] = [.init(8, 4), .init(12, 4)]
private let counts: [TemplateField] = [.init(2, 4), .init(1, 4)]
private let basic = addresses + counts

private func basicRecord(_ number: UInt64, packets: UInt64 = 5) -> [UInt8] {
    bytes((0xc000_0200 | number, 4), (0xcb00_7101, 4), (packets, 4), (packets * 100, 4))
}

/// Reads one record by a template.
private func read(
    _ fields: [TemplateField], _ record: [UInt8], _ version: FlowBuilder.Version = .ipfix
) throws -> Collector {
    var made = message(version)
    made.addTemplate(300, fields)
    made.addData(300, [record])
    var collector = Collector()
    try collector.take(made.bytes)
    return collector
}

@Suite struct `A template` {
    @Test(arguments: [FlowBuilder.Version.netflow9, .ipfix])
    func `that comes after its data finds the data kept`(version: FlowBuilder.Version) throws {
        var early = message(version)
        early.addData(300, [basicRecord(1), basicRecord(2)])
        var late = message(version, sequence: version == .ipfix ? 2 : 1)
        late.addTemplate(300, basic)
        var collector = Collector()
        try collector.take(early.bytes)
        #expect(collector.flows.isEmpty)
        #expect(collector.counters.unknownTemplate == 1)
        #expect(collector.decoder.figures[0].keptBytes > 0)
        try collector.take(late.bytes)
        #expect(collector.flows.map(\.source.ipv4) == [0xc000_0201, 0xc000_0202])
        #expect(collector.counters.keptThenDecoded == 1)
        #expect(collector.decoder.figures[0].keptBytes == 0)
    }

    @Test func `that comes too late finds nothing`() throws {
        var early = message(.ipfix)
        early.addData(300, [basicRecord(1)])
        var late = message(.ipfix, sequence: 1)
        late.addTemplate(300, basic)
        var collector = Collector()
        try collector.take(early.bytes)
        try collector.take(late.bytes, at: now + 61 * second)
        #expect(collector.flows.isEmpty)
        #expect(collector.counters.droppedKept == 1)
    }

    @Test(arguments: [FlowBuilder.Version.netflow9, .ipfix])
    func `may stand behind its data in the same message`(version: FlowBuilder.Version) throws {
        var made = message(version)
        made.addData(300, [basicRecord(1)])
        made.addTemplate(300, basic)
        var collector = Collector()
        try collector.take(made.bytes)
        #expect(collector.flows.count == 1)
        #expect(collector.counters.unknownTemplate == 0)
    }

    @Test func `that changes is taken anew, and one domain's is not another's`() throws {
        var collector = Collector()
        var one = message(.ipfix, domain: 1)
        one.addTemplate(300, basic)
        try collector.take(one.bytes)
        var other = message(.ipfix, domain: 2)
        other.addTemplate(300, counts + addresses)
        other.addData(300, [bytes((7, 4), (700, 4), (0xc000_0207, 4), (0xcb00_7101, 4))])
        try collector.take(other.bytes)
        var again = message(.ipfix, domain: 1)
        again.addData(300, [basicRecord(3)])
        try collector.take(again.bytes)
        #expect(collector.flows.map(\.source.ipv4) == [0xc000_0207, 0xc000_0203])
        #expect(collector.flows.map(\.packets) == [7, 5])
        var changed = message(.ipfix, domain: 1, sequence: 1)
        changed.addTemplate(300, counts + addresses)
        changed.addData(300, [bytes((9, 4), (900, 4), (0xc000_0209, 4), (0xcb00_7101, 4))])
        try collector.take(changed.bytes)
        #expect(collector.flows.last?.packets == 9)
        #expect(collector.counters.templates == 3)
    }

    @Test func `has fields of variable length and of enterprises passed over`() throws {
        let long = [UInt8](repeating: 7, count: 300)
        let record =
            bytes((0xc000_0201, 4)) + [3, 1, 2, 3] + bytes((0xcb00_7101, 4)) + [255, 1, 44] + long + [0]
            + bytes((5, 2), (0x1122_3344, 4), (640, 8))
        let fields: [TemplateField] = [
            .init(8, 4), .init(96, 65_535), .init(12, 4), .init(95, 65_535), .init(2000, 65_535), .init(2, 2),
            .init(1, 4, enterprise: 9), .init(1, 8),
        ]
        let collector = try read(fields, record)
        #expect(collector.flows.map(\.packets) == [5])
        #expect(collector.flows.map(\.bytes) == [640])
        #expect(collector.flows.map(\.destination.ipv4) == [0xcb00_7101])
    }

    @Test func `with a variable field that runs over ends its set`() throws {
        let fields: [TemplateField] = [.init(8, 4), .init(12, 4), .init(2, 4), .init(96, 65_535)]
        let collector = try read(fields, bytes((1, 4), (2, 4), (3, 4)) + [200, 1, 2])
        #expect(collector.flows.isEmpty)
        #expect(collector.counters.truncated == 1)
    }

    @Test func `of both directions tells two flows`() throws {
        let pen: UInt32 = 29_305
        let fields =
            basic + [
                .init(7, 2), .init(11, 2), .init(6, 1), .init(2, 4, enterprise: pen), .init(1, 4, enterprise: pen),
                .init(6, 1, enterprise: pen), .init(152, 8), .init(153, 8), .init(152, 8, enterprise: pen),
            ]
        let start = UInt64(now / 1_000_000) - 5000
        let record =
            basicRecord(1)
            + bytes((5000, 2), (443, 2), (2, 1), (50, 4), (60_000, 4), (0x12, 1))
            + bytes((start, 8), (start + 4000, 8), (start + 10, 8))
        let flows = try read(fields, record).flows
        try #require(flows.count == 2)
        #expect(flows[0].packets == 5 && flows[1].packets == 50 && flows[1].bytes == 60_000)
        #expect(flows[1].source == flows[0].destination && flows[1].destination == flows[0].source)
        #expect(flows[1].sourcePort == 443 && flows[1].destinationPort == 5000)
        #expect(flows[0].flags == 2 && flows[1].flags == 0x12)
        #expect(flows[1].first == flows[0].first + 10_000_000)
        // Nothing came back: one flow.
        let silent =
            basicRecord(1) + bytes((5000, 2), (443, 2), (2, 1), (0, 4), (0, 4), (0, 1))
            + bytes((start, 8), (start, 8), (0, 8))
        #expect(try read(fields, silent).flows.count == 1)
    }

    @Test func `with several counts has one taken`() throws {
        let fields = addresses + [.init(23, 4), .init(24, 4), .init(85, 8), .init(86, 8), .init(1, 4), .init(2, 4)]
        let record = bytes((1, 4), (2, 4), (900, 4), (9, 4), (80_000, 8), (800, 8), (100, 4), (1, 4))
        let flows = try read(fields, record).flows
        #expect(flows.map(\.packets) == [1])
        #expect(flows.map(\.bytes) == [100])
        let totals = addresses + [.init(23, 4), .init(24, 4), .init(85, 8), .init(86, 8)]
        #expect(try read(totals, Array(record.dropLast(8))).flows.map(\.packets) == [800])
        let post = addresses + [.init(23, 4), .init(24, 4)]
        #expect(try read(post, Array(record.dropLast(24))).flows.map(\.bytes) == [900])
    }

    @Test func `of events without counts tells no flow`() throws {
        let fields = addresses + [.init(225, 4), .init(230, 1), .init(323, 8)]
        let collector = try read(fields, bytes((1, 4), (2, 4), (3, 4), (1, 1), (0, 8)), .netflow9)
        #expect(collector.flows.isEmpty)
        #expect(collector.counters.passedOver == 1)
    }

    @Test(arguments: [(32, 1), (139, 58), (11, 1), (11, 58)] as [(UInt16, UInt64)])
    func `has ICMP's type in its own field or as a port`(element: UInt16, number: UInt64) throws {
        let fields = basic + [.init(4, 1), .init(7, 2), .init(element, 2)]
        let flows = try read(fields, basicRecord(1) + bytes((number, 1), (0, 2), (0x0803, 2))).flows
        #expect(flows.map(\.icmpType) == [8])
        #expect(flows.map(\.icmpCode) == [3])
        #expect(flows.map(\.destinationPort) == [0])
    }

    @Test func `may tell times in every form`() throws {
        let start = now - 30 * second
        let end = now - 10 * second
        func ntp(_ time: Int64) -> UInt64 { UInt64(time / second + 2_208_988_800) << 32 }
        let forms: [(UInt16, UInt16, UInt64, UInt64, Int)] = [
            (150, 151, UInt64(start / second), UInt64(end / second), 4),
            (152, 153, UInt64(start / 1_000_000), UInt64(end / 1_000_000), 8),
            (154, 155, ntp(start), ntp(end), 8),
            (156, 157, ntp(start), ntp(end), 8),
            (158, 159, 30_000_000, 10_000_000, 4),
            (152, 161, UInt64(start / 1_000_000), 20_000, 8),
            (154, 162, ntp(start), 20_000_000, 8),
        ]
        for (first, last, one, other, size) in forms {
            let fields = basic + [.init(first, UInt16(size)), .init(last, UInt16(size))]
            let flows = try read(fields, basicRecord(1) + bytes((one, size), (other, size))).flows
            #expect(flows.map(\.first) == [start], "\(first)")
            #expect(flows.map(\.last) == [end], "\(last)")
        }
        // From the exporter's start, which IPFIX has in a field of its own.
        let fields = basic + [.init(160, 8), .init(22, 4), .init(21, 4)]
        let record =
            basicRecord(1)
            + bytes((UInt64(boot / 1_000_000), 8), (99_970_000, 4), (99_990_000, 4))
        let flows = try read(fields, record).flows
        #expect(flows.map(\.first) == [start] && flows.map(\.last) == [end])
    }

    @Test func `may hold the begin of a packet`() throws {
        let frame = [UInt8](repeating: 0xab, count: 70)
        var made = message(.ipfix)
        made.addTemplate(300, [.init(34, 4), .init(10, 4), .init(312, 2), .init(315, 65_535)])
        made.addData(300, [bytes((64, 4), (12, 4), (1514, 2)) + [70] + frame])
        var collector = Collector()
        try collector.take(made.bytes)
        let sample = try #require(collector.batch.samples.first)
        let start = Int(sample.offset)
        #expect(Array(made.bytes[start..<start + Int(sample.length)]) == frame)
        #expect(sample.samplingRate == 64 && sample.input == 12 && sample.frameLength == 1514)
        #expect(sample.link == .ethernet)
        var packet = message(.ipfix, sequence: 1)
        packet.addTemplate(301, [.init(313, 40)])
        packet.addData(301, [[0x60] + [UInt8](repeating: 1, count: 39)])
        try collector.take(packet.bytes)
        #expect(collector.batch.samples.map(\.link) == [.ipv6])
        #expect(collector.flows.isEmpty)
    }
}

@Suite struct `A sampling rate` {
    @Test func `holds for its sampler alone`() throws {
        for version in [FlowBuilder.Version.netflow9, .ipfix] {
            let sampler: UInt16 = version == .ipfix ? 302 : 48
            var made = message(version)
            // The data first: what a message tells holds for all of it.
            made.addTemplate(300, basic + [.init(sampler, 2)])
            made.addData(300, (0..<4).map { basicRecord($0) + bytes(($0, 2)) })
            if version == .ipfix {
                made.addOptionsTemplate(301, scope: [.init(302, 2)], [.init(305, 4), .init(306, 4)])
                made.addData(301, [bytes((1, 2), (1, 4), (99, 4)), bytes((2, 2), (10, 4), (1990, 4))])
            } else {
                made.addOptionsTemplate(301, scope: [.init(1, 4)], [.init(48, 2), .init(50, 4)])
                made.addData(301, [bytes((0, 4), (1, 2), (100, 4)), bytes((0, 4), (2, 2), (200, 4))])
            }
            var collector = Collector()
            try collector.take(made.bytes)
            #expect(collector.flows.map(\.samplingRate) == [1, 100, 200, 1])
            #expect(collector.counters.unrated == 1)
            #expect(collector.counters.passedOver == 2)
        }
    }

    @Test func `holds for its interface, its template, its domain, in this order`() throws {
        var made = message(.ipfix)
        made.addTemplate(300, basic + [.init(10, 4)])
        made.addTemplate(310, basic + [.init(14, 4)])
        made.addOptionsTemplate(301, scope: [.init(10, 4)], [.init(34, 4)])
        made.addData(301, [bytes((7, 4), (70, 4))])
        made.addOptionsTemplate(302, scope: [.init(145, 2)], [.init(309, 4), .init(310, 4)])
        made.addData(302, [bytes((300, 2), (2, 4), (60, 4))])
        made.addOptionsTemplate(303, scope: [.init(149, 4)], [.init(311, 8)])
        made.addData(303, [bytes((1, 4), (0.01.bitPattern, 8))])
        made.addData(300, [basicRecord(1) + bytes((7, 4)), basicRecord(2) + bytes((8, 4))])
        made.addData(310, [basicRecord(3) + bytes((8, 4))])
        var collector = Collector()
        try collector.take(made.bytes)
        #expect(collector.flows.map(\.samplingRate) == [70, 30, 100])
    }

    @Test func `in the record itself comes first`() throws {
        let collector = try read(basic + [.init(34, 4), .init(35, 1)], basicRecord(1) + bytes((2048, 4), (2, 1)))
        #expect(collector.flows.map(\.samplingRate) == [2048])
    }
}
