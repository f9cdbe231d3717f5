import Addresses
import Bytes
import Flows
import TestKit
import Testing

@Suite struct `An exporter` {
    @Test(arguments: FlowBuilder.Version.allCases, [UInt32(1), 1000])
    func `is understood field by field`(version: FlowBuilder.Version, rate: UInt32) throws {
        var builder = FlowBuilder(version, domain: 7, boot: boot, samplingRate: rate)
        var collector = Collector()
        let flows = madeFlows(90, version, samplingRate: rate)
        for datagram in builder.datagrams(of: flows, at: now) {
            #expect(kind(datagram)?.hashValue != nil)
            try collector.take(datagram)
        }
        #expect(collector.flows == ordered(flows))
        #expect(collector.counters.records == 90)
        #expect(collector.counters.lost == 0)
        #expect(collector.counters.clampedTimes == 0)
        #expect(collector.decoder.figures.map(\.counters) == [collector.counters])
    }

    @Test(arguments: FlowBuilder.Version.allCases)
    func `is recognised, and cut off is not`(version: FlowBuilder.Version) throws {
        var builder = FlowBuilder(version, boot: boot, samplingRate: 10)
        let datagram = builder.datagrams(of: madeFlows(9, version), at: now)[0]
        let expected: FlowDecoder.Kind =
            switch version {
            case .netflow5: .netflow5
            case .netflow9: .netflow9
            case .ipfix: .ipfix
            }
        #expect(kind(datagram) == expected)
        // NetFlow 9 does not say how long it is: where a set ends it may end.
        let ends = Set(collectEnds(datagram))
        for length in 0..<datagram.count where version != .netflow9 || !ends.contains(length) {
            #expect(kind(Array(datagram[..<length])) == nil, "\(length)")
        }
    }

    @Test(arguments: FlowBuilder.Version.allCases)
    func `cut off at any byte is refused whole`(version: FlowBuilder.Version) throws {
        var builder = FlowBuilder(version, boot: boot, samplingRate: 10)
        let datagram = builder.datagrams(of: madeFlows(9, version), at: now)[0]
        let ends = Set(version == .netflow9 ? collectEnds(datagram) : [])
        var collector = Collector()
        for length in 0..<datagram.count where !ends.contains(length) {
            #expect(collector.refusal(Array(datagram[..<length])) != nil, "\(length)")
        }
        #expect(collector.flows.isEmpty)
        #expect(collector.counters.templates == 0)
        #expect(collector.decoder.figures.isEmpty)
        #expect(collector.counters.malformed(.truncated) > 0)
    }

    /// Places where a set of NetFlow 9 ends.
    private func collectEnds(_ datagram: [UInt8]) -> [Int] {
        var ends = [20]
        while let end = ends.last, end + 4 <= datagram.count {
            let length = Int(datagram[end + 2]) << 8 | Int(datagram[end + 3])
            guard length >= 4 else { break }
            ends.append(end + length)
        }
        return ends
    }

    @Test func `other datagrams are not flows`() {
        let dns: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 119, 119, 119, 2, 110, 108, 0, 0, 1, 0, 1]
        #expect(kind(dns) == nil)
        #expect(kind([]) == nil)
        #expect(kind([UInt8](repeating: 0, count: 64)) == nil)
        // Begin like the versions, and are nothing else.
        for start: [UInt8] in [[0, 5], [0, 9], [0, 10], [0, 0, 0, 5]] {
            #expect(kind(start + [UInt8](repeating: 1, count: 60)) == nil)
        }
    }

    @Test func `whose uptime wraps around keeps its times`() throws {
        for version in [FlowBuilder.Version.netflow5, .netflow9] {
            // 49.7 days after the start: the flow began before the wrap, and ended after it.
            var builder = FlowBuilder(version, boot: now - (1 << 32) * 1_000_000 - 5 * second)
            var flow = madeFlows(1, version)[0]
            flow.first = now - 20 * second
            flow.last = now - 2 * second
            var collector = Collector()
            for datagram in builder.datagrams(of: [flow], at: now) { try collector.take(datagram) }
            #expect(collector.flows == [flow])
        }
    }

    @Test(arguments: FlowBuilder.Version.allCases)
    func `whose clock is hours off tells right times all the same`(version: FlowBuilder.Version) throws {
        var builder = FlowBuilder(version, boot: boot)
        let flows = madeFlows(3, version).filter { $0.source.isIPv4 }
        var collector = Collector()
        let late = now + 8 * 3600 * second
        for datagram in builder.datagrams(of: flows, at: now) { try collector.take(datagram, at: late) }
        #expect(collector.flows.map(\.first) == flows.map { $0.first + 8 * 3600 * second })
        #expect(collector.flows.map(\.last) == flows.map { $0.last + 8 * 3600 * second })
        #expect(collector.counters.clockErrors == 1)
    }

    @Test(arguments: FlowBuilder.Version.allCases)
    func `that tells unbelievable times is taken at the time of receipt`(version: FlowBuilder.Version) throws {
        var builder = FlowBuilder(version, boot: boot - 20 * 86_400 * second)
        var flow = madeFlows(1, version)[0]
        flow.first = now - 10 * 86_400 * second
        var collector = Collector()
        for datagram in builder.datagrams(of: [flow], at: now) { try collector.take(datagram) }
        #expect(collector.counters.clampedTimes == 1)
        #expect(collector.flows.allSatisfy { $0.first == $0.last && abs($0.last - now) < second })
    }
}

@Suite struct `A sequence` {
    /// What a version counts: flows, datagrams, or data records.
    private func datagrams(_ version: FlowBuilder.Version, _ count: Int) -> [[UInt8]] {
        var builder = FlowBuilder(version, boot: boot)
        builder.templateInterval = 1
        return (0..<count).flatMap { index in
            var flows = madeFlows(2, version)
            flows[0].sourcePort = UInt16(index)
            return builder.datagrams(of: flows, at: now + Int64(index) * second)
        }
    }

    @Test(arguments: FlowBuilder.Version.allCases)
    func `with a gap counts what is lost`(version: FlowBuilder.Version) throws {
        var collector = Collector()
        for (index, datagram) in datagrams(version, 10).enumerated() where index != 4 && index != 5 {
            try collector.take(datagram)
        }
        #expect(collector.counters.lost == (version == .netflow9 ? 2 : 4))
        #expect(collector.counters.restarts == 0)
    }

    @Test(arguments: FlowBuilder.Version.allCases)
    func `out of order loses nothing`(version: FlowBuilder.Version) throws {
        var collector = Collector()
        var all = datagrams(version, 10)
        all.swapAt(4, 5)
        for datagram in all { try collector.take(datagram) }
        #expect(collector.counters.lost == 0)
        #expect(collector.counters.late == 1)
        #expect(collector.counters.records == 20)
    }

    @Test(arguments: FlowBuilder.Version.allCases)
    func `that begins anew is a restart, no loss`(version: FlowBuilder.Version) throws {
        var collector = Collector()
        var builder = FlowBuilder(version, boot: boot)
        builder.sequence = 3_000_000_000
        for datagram in builder.datagrams(of: madeFlows(2, version), at: now) { try collector.take(datagram) }
        var again = FlowBuilder(version, boot: now)
        for datagram in again.datagrams(of: madeFlows(2, version), at: now + 60 * second) {
            try collector.take(datagram)
        }
        #expect(collector.counters.lost == 0)
        #expect(collector.counters.restarts == 1)
    }
}

@Suite struct `A device` {
    private let basic: [TemplateField] = [.init(8, 4), .init(12, 4), .init(2, 4), .init(1, 4)]
    private let record = bytes((1, 4), (2, 4), (3, 4), (300, 4))

    private func told(_ uptimes: [UInt32], _ numbers: [UInt32]) throws -> FlowCounters {
        var collector = Collector()
        for (index, (uptime, number)) in zip(uptimes, numbers).enumerated() {
            var made = FlowMessage(.netflow9, domain: 1, uptime: uptime, time: now, sequence: number)
            if index == 0 { made.addTemplate(300, basic) }
            made.addData(300, [record])
            try collector.take(made.bytes)
        }
        return collector.counters
    }

    @Test func `whose line cards have uptimes of their own keeps its templates`() throws {
        let counters = try told([90_000_000, 89_800_000, 90_001_000, 89_801_000], [70, 72, 71, 73])
        #expect(counters.records == 4)
        #expect(counters.restarts == 0 && counters.lost == 0 && counters.late == 1)
    }

    @Test func `that was switched on anew has its templates forgotten`() throws {
        let counters = try told([90_000_000, 9000], [7000, 1])
        #expect(counters.records == 1)
        #expect(counters.unknownTemplate == 1)
        #expect(counters.restarts == 1 && counters.lost == 0)
    }
}
