import Addresses
import Bytes
import Flows
import TestKit
import Testing

private let basic: [TemplateField] = [.init(8, 4), .init(12, 4), .init(2, 4), .init(1, 4)]
private let record = bytes((0xc000_0201, 4), (0xcb00_7101, 4), (5, 4), (500, 4))
private func address(_ number: Int) -> Exporter {
    Exporter(address: Address(ipv4: 0x0a00_0000 | UInt32(number)), port: 9)
}

@Suite struct `A hostile exporter` {
    @Test(arguments: [FlowBuilder.Version.netflow9, .ipfix])
    func `has templates that lie refused, and the others taken`(version: FlowBuilder.Version) throws {
        var collector = Collector()
        var made = message(version)
        // A field of no length; fields of no length alone; too many; more than the set holds; an id of a set.
        made.addTemplate(300, [.init(8, 4), .init(1, 0)])
        made.addTemplate(301, [.init(1, 0)])
        made.addTemplate(302, (0..<257).map { .init(UInt16(1000 + $0), 1) })
        made.addTemplate(303, basic, count: 200)
        made.addTemplate(255, basic)
        made.addTemplate(304, [.init(8, 40_000), .init(12, 40_000)])
        made.addTemplate(305, [], count: 0)
        made.addTemplate(306, basic)
        made.addData(306, [record])
        try collector.take(made.bytes)
        #expect(collector.counters.refusedTemplates == 7)
        #expect(collector.counters.templates == 1)
        #expect(collector.flows.count == 1)
        #expect(collector.counters.invalid == 4)
        #expect(collector.counters.overBudget == 1)
        #expect(collector.counters.truncated == 1)
        #expect(collector.counters.contradictory == 1)
    }

    @Test func `whose sets lie about their length is refused whole`() throws {
        for version in [FlowBuilder.Version.netflow9, .ipfix] {
            for length: UInt16 in [0, 3, 400, 65_535] {
                var made = message(version)
                made.addTemplate(300, basic)
                made.addSet(300, record, length: length)
                var collector = Collector()
                #expect(collector.refusal(made.bytes) != nil)
                #expect(collector.flows.isEmpty && collector.counters.templates == 0)
            }
        }
    }

    @Test func `whose records do not fit their template costs itself only`() throws {
        var collector = Collector()
        var made = message(.ipfix)
        made.addTemplate(300, basic)
        made.addData(300, [Array(record.dropLast(5))])
        made.addData(300, [record])
        try collector.take(made.bytes)
        #expect(collector.flows.count == 1)
        #expect(collector.counters.truncated == 1)
    }

    @Test func `fills its own table of templates only`() throws {
        var collector = Collector()
        var honest = message(.ipfix)
        honest.addTemplate(300, basic)
        try collector.take(honest.bytes)
        var fields = basic
        for round in 0..<300 {
            fields[0].element = UInt16(2000 + round)
            var flood = message(.ipfix, domain: UInt32(round))
            for id in 0..<40 { flood.addTemplate(UInt16(256 + id), fields) }
            try collector.take(flood.bytes, from: address(1))
        }
        let figures = try #require(collector.decoder.figures.first { $0.exporter == address(1) })
        #expect(figures.templates <= collector.decoder.budget.templateLimit)
        #expect(figures.domains <= collector.decoder.budget.domainLimit)
        #expect(figures.counters.evictions > 10_000)
        var data = message(.ipfix)
        data.addData(300, [record])
        try collector.take(data.bytes)
        #expect(collector.flows.count == 1)
    }

    @Test func `under many names does not drive out who tells flows`() throws {
        var collector = Collector()
        var honest = message(.ipfix)
        honest.addTemplate(300, basic)
        honest.addData(300, [record])
        try collector.take(honest.bytes)
        for number in 0..<3000 {
            var flood = message(.ipfix, domain: UInt32(number))
            flood.addTemplate(300, basic)
            flood.addData(999, [record])
            try collector.take(flood.bytes, from: address(number))
        }
        #expect(collector.decoder.figures.count == collector.decoder.budget.exporterLimit)
        #expect(collector.counters.evictions == 3001 - 512)
        var data = message(.ipfix, sequence: 1)
        data.addData(300, [record])
        try collector.take(data.bytes)
        #expect(collector.flows.count == 2)
    }

    @Test func `has bounded bytes kept for templates that never come`() throws {
        var collector = Collector()
        let budget = collector.decoder.budget
        for number in 0..<400 {
            var flood = message(.netflow9, sequence: UInt32(number))
            flood.addData(UInt16(256 + number), [[UInt8](repeating: 1, count: 1400)])
            try collector.take(flood.bytes, from: address(number % 2))
        }
        for figures in collector.decoder.figures {
            #expect(figures.keptBytes <= budget.keptBytesLimit && figures.keptBytes > budget.keptBytesLimit / 2)
        }
        #expect(collector.counters.droppedKept > 300)
        // What waits for others still finds its place.
        var early = message(.netflow9)
        early.addData(300, [record])
        try collector.take(early.bytes)
        var late = message(.netflow9, sequence: 1)
        late.addTemplate(300, basic)
        try collector.take(late.bytes)
        #expect(collector.flows.count == 1)
    }

    @Test func `may number as it likes`() throws {
        var collector = Collector()
        var number: UInt32 = 1
        for round in 0..<2000 {
            number = number &* 1_664_525 &+ 1_013_904_223
            var made = FlowMessage(
                round % 2 == 0 ? .netflow9 : .ipfix, domain: number >> 30, uptime: number, time: Int64(number) * second,
                sequence: number)
            made.addTemplate(300, basic + [.init(22, 4), .init(21, 4)])
            made.addData(300, [record + bytes((UInt64(number), 4), (UInt64(~number), 4))])
            try collector.take(made.bytes, from: address(1))
        }
        #expect(collector.counters.records == 2000)
        #expect(collector.flows.allSatisfy { $0.first <= $0.last && abs($0.last - now) <= 86_400 * second })
        #expect(collector.counters.lost <= 2000 << 24)
        #expect(collector.counters.restarts > 1000)
    }

    @Test func `may send any bytes`() {
        var collector = Collector()
        var state: UInt64 = 42
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        var samples = SampleBuilder(agent: Address(ipv4: 1), boot: boot, samplingRate: 9)
        for _ in 0..<3 { samples.addPacket([UInt8](repeating: 3, count: 40), length: 60) }
        var seeds = [samples.datagram(at: now)]
        for version in FlowBuilder.Version.allCases {
            var builder = FlowBuilder(version, boot: boot, samplingRate: 10)
            seeds += builder.datagrams(of: madeFlows(9, version), at: now)
        }
        for round in 0..<40_000 {
            var datagram = seeds[Int(next()) % seeds.count]
            for _ in 0..<1 + next() % 4 { datagram[Int(next()) % datagram.count] = UInt8(next() & 255) }
            if round % 3 == 0 { datagram.removeLast(Int(next()) % datagram.count) }
            collector.batch.removeAll()
            let refused = collector.refusal(datagram, from: address(round % 7)) != nil
            if refused { #expect(collector.flows.isEmpty) }
            for sample in collector.batch.samples {
                #expect(Int(sample.offset) + Int(sample.length) <= datagram.count)
            }
        }
        #expect(collector.counters.datagrams == 40_000)
        #expect(collector.counters.records > 0 && collector.counters.truncated > 0)
    }
}
