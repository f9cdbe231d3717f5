import Addresses
import Bytes
import Flows
import TestKit
import Testing

private let agent = Address(ipv4: 0xc000_0202)

@Suite struct `An agent of sFlow` {
    @Test(arguments: [false, true])
    func `hands on the begin of each packet`(isExpanded: Bool) throws {
        var builder = SampleBuilder(agent: agent, boot: boot, samplingRate: 512)
        let packets = (0..<7).map { [UInt8](repeating: UInt8($0 + 1), count: 61 + $0) }
        for packet in packets {
            builder.addPacket(packet, length: 1518, input: 3, output: 4, isExpanded: isExpanded)
        }
        let datagram = builder.datagram(at: now)
        #expect(kind(datagram) == .sflow)
        var collector = Collector()
        try collector.take(datagram)
        let samples = collector.batch.samples
        #expect(samples.count == 7)
        for (sample, packet) in zip(samples, packets) {
            let start = Int(sample.offset)
            #expect(Array(datagram[start..<start + Int(sample.length)]) == packet)
            // Without the frame check sequence.
            #expect(sample.frameLength == 1514)
            #expect(sample.samplingRate == 512 && sample.input == 3 && sample.output == 4)
            #expect(sample.link == .ethernet && sample.time == now)
        }
        #expect(collector.counters.samples == 7)
    }

    @Test func `tells a packet by its addresses`() throws {
        var builder = SampleBuilder(agent: agent, boot: boot, samplingRate: 100)
        var flows = madeFlows(6, .netflow9, samplingRate: 100)
        for index in flows.indices {
            flows[index].packets = 1
            flows[index].first = now
            flows[index].last = now
            // These are not in the records; of ICMP neither are type and code.
            (flows[index].sourceAS, flows[index].destinationAS) = (0, 0)
            (flows[index].sourceMask, flows[index].destinationMask) = (0, 0)
            (flows[index].icmpType, flows[index].icmpCode) = (0, 0)
            builder.addAddresses(flows[index])
        }
        var collector = Collector()
        try collector.take(builder.datagram(at: now))
        #expect(collector.flows == flows)
        #expect(collector.batch.samples.isEmpty)
    }

    @Test func `has each packet told once`() throws {
        var builder = SampleBuilder(agent: agent, boot: boot, samplingRate: 100)
        let flow = madeFlows(1, .netflow9)[0]
        builder.addSample([builder.addresses(flow), builder.rawHeader([1, 2, 3], length: 64)])
        var collector = Collector()
        try collector.take(builder.datagram(at: now))
        #expect(collector.batch.samples.count == 1)
        #expect(collector.flows.isEmpty)
    }

    @Test func `has counters passed over, and drops told as discarded`() throws {
        var builder = SampleBuilder(agent: agent, boot: boot, samplingRate: 100)
        builder.addCounters()
        builder.addDrop(builder.rawHeader([9, 9, 9], length: 200, link: 11))
        builder.addDrop(builder.addresses(madeFlows(1, .netflow9)[0]))
        var collector = Collector()
        try collector.take(builder.datagram(at: now))
        #expect(collector.counters.passedOver == 1)
        #expect(collector.batch.samples.map(\.outputKind) == [.discarded])
        #expect(collector.batch.samples.map(\.samplingRate) == [1])
        #expect(collector.batch.samples.map(\.link) == [.ipv4])
        #expect(collector.flows.map(\.samplingRate) == [1])
    }

    @Test func `says where packets come from and go to`() throws {
        var builder = SampleBuilder(agent: agent, boot: boot, samplingRate: 1)
        for output: UInt32 in [7, 0x4000_0003, 0x8000_0005, 0x3fff_ffff] {
            builder.addPacket([1], length: 60, output: output)
        }
        var collector = Collector()
        try collector.take(builder.datagram(at: now))
        #expect(collector.batch.samples.map(\.outputKind) == [.index, .discarded, .multiple, .local])
        #expect(collector.batch.samples.map(\.output) == [7, 0, 0, 0])
    }

    @Test func `that counts what it did not sample as stripped is not believed`() throws {
        var builder = SampleBuilder(agent: agent, boot: boot, samplingRate: 1)
        builder.addPacket([UInt8](repeating: 1, count: 128), length: 1390)
        var datagram = builder.datagram(at: now)
        // stripped = 1390 - 128, as one vendor has it.
        let place = datagram.count - 128 - 8
        #expect(Array(datagram[place..<place + 4]) == [0, 0, 0, 4])
        datagram.replaceSubrange(place..<place + 4, with: [0, 0, 0x04, 0xee])
        var collector = Collector()
        try collector.take(datagram)
        #expect(collector.batch.samples.map(\.frameLength) == [1390])
    }

    @Test func `cut off at any byte is refused whole`() throws {
        var builder = SampleBuilder(agent: agent, boot: boot, samplingRate: 512)
        builder.addPacket([UInt8](repeating: 1, count: 64), length: 1518)
        builder.addAddresses(madeFlows(1, .netflow9)[0])
        builder.addCounters()
        builder.addPacket([UInt8](repeating: 1, count: 64), length: 1518, isExpanded: true)
        let datagram = builder.datagram(at: now)
        var collector = Collector()
        for length in 0..<datagram.count {
            #expect(collector.refusal(Array(datagram[..<length]))?.reason == .truncated, "\(length)")
            #expect(kind(Array(datagram[..<length])) == nil)
        }
        #expect(collector.flows.isEmpty && collector.batch.samples.isEmpty)
        #expect(collector.counters.samples == 0)
        #expect(collector.decoder.figures.isEmpty)
    }

    @Test func `has its datagrams counted by agent`() throws {
        var collector = Collector()
        var one = SampleBuilder(agent: agent, boot: boot, samplingRate: 1)
        var other = SampleBuilder(agent: Address(high: 0x2001_0db8 << 32, low: 1), boot: boot, samplingRate: 1)
        other.sequence = 900
        for index in 0..<10 {
            one.addPacket([1], length: 60)
            other.addPacket([2], length: 60)
            try collector.take(one.datagram(at: now))
            let datagram = other.datagram(at: now)
            if index != 5 { try collector.take(datagram) }
        }
        #expect(collector.counters.lost == 1)
        #expect(collector.counters.restarts == 0)
        #expect(collector.decoder.figures.map(\.domains) == [2])
    }
}
