package import Addresses
internal import Bytes
package import Flows

/// An agent of sFlow 5 that samples packets (sFlow version 5, sflow.org, July 2004). It counts its datagrams.
package struct SampleBuilder: Sendable {
    package var agent: Address
    package var subAgent: UInt32
    /// When it was switched on: nanoseconds since 1970.
    package var boot: Int64
    package var samplingRate: UInt32
    /// The number of the next datagram.
    package var sequence: UInt32 = 1
    private var samples: [[UInt8]] = []
    private var sampleSequence: UInt32 = 0

    package init(agent: Address, subAgent: UInt32 = 0, boot: Int64, samplingRate: UInt32) {
        self.agent = agent
        self.subAgent = subAgent
        self.boot = boot
        self.samplingRate = samplingRate
    }

    /// Adds the first bytes of a sampled packet; `link` is sFlow's header protocol: 1 Ethernet, 11 IPv4, 12 IPv6.
    package mutating func addPacket(
        _ header: [UInt8], length: Int, link: UInt32 = 1, input: UInt32 = 1, output: UInt32 = 2,
        isExpanded: Bool = false
    ) {
        addSample(
            [rawHeader(header, length: length, link: link)], input: input, output: output, isExpanded: isExpanded)
    }

    /// Adds a flow's one packet as sampled IPv4 or IPv6 data, without its header; it is of `bytes` bytes.
    package mutating func addAddresses(_ flow: FlowRecord) {
        addSample([addresses(flow)], input: flow.input, output: flow.output)
    }

    /// Adds a flow sample with these records, each of which has its format and length.
    package mutating func addSample(
        _ records: [[UInt8]], input: UInt32 = 1, output: UInt32 = 2, isExpanded: Bool = false
    ) {
        var writer = ByteWriter()
        sampleSequence &+= 1
        writer.write(sampleSequence)
        if isExpanded { writer.write(UInt32(0)) }
        for value in [1, samplingRate, sampleSequence &* samplingRate, 0] { writer.write(value) }
        if isExpanded { writer.write(UInt32(0)) }
        writer.write(input)
        if isExpanded { writer.write(UInt32(0)) }
        writer.write(output)
        writer.write(UInt32(records.count))
        for record in records { writer.write(record) }
        samples.append(Self.structure(isExpanded ? 3 : 1, writer.bytes))
    }

    /// Adds a packet that the agent's device dropped (sFlow drop notification, sflow.org, 2020).
    package mutating func addDrop(_ record: [UInt8], reason: UInt32 = 0, input: UInt32 = 1) {
        var writer = ByteWriter()
        sampleSequence &+= 1
        for value in [sampleSequence, 0, 1, 0, input, 0, reason, 1] { writer.write(value) }
        writer.write(record)
        samples.append(Self.structure(5, writer.bytes))
    }

    /// Adds counters of an interface (88 bytes of zeros): flows have nothing in them.
    package mutating func addCounters() {
        var writer = ByteWriter()
        for value: UInt32 in [1, 1, 1] { writer.write(value) }
        writer.write(Self.structure(1, [UInt8](repeating: 0, count: 88)))
        samples.append(Self.structure(2, writer.bytes))
    }

    package func rawHeader(_ header: [UInt8], length: Int, link: UInt32 = 1) -> [UInt8] {
        var writer = ByteWriter()
        for value in [link, UInt32(length), link == 1 ? 4 : 0, UInt32(header.count)] { writer.write(value) }
        writer.write(header)
        writer.write([UInt8](repeating: 0, count: (4 - header.count % 4) % 4))
        return Self.structure(1, writer.bytes)
    }

    package func addresses(_ flow: FlowRecord) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt32(truncatingIfNeeded: flow.bytes))
        writer.write(UInt32(flow.protocolNumber))
        for address in [flow.source, flow.destination] {
            if flow.source.isIPv4 {
                writer.write(address.ipv4)
            } else {
                writer.write(address.high)
                writer.write(address.low)
            }
        }
        for value in [flow.sourcePort, flow.destinationPort] { writer.write(UInt32(value)) }
        for value in [flow.flags, flow.typeOfService] { writer.write(UInt32(value)) }
        return Self.structure(flow.source.isIPv4 ? 3 : 4, writer.bytes)
    }

    /// A structure with its format and length before it.
    package static func structure(_ format: UInt32, _ content: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(format)
        writer.write(UInt32(content.count))
        writer.write(content)
        return writer.bytes
    }

    /// How many samples wait for `datagram`; seven of 128 bytes fill an Ethernet frame.
    package var sampleCount: Int { samples.count }

    /// The datagram with the samples added since the last one.
    package mutating func datagram(at now: Int64) -> [UInt8] {
        var writer = ByteWriter(reserving: 1500)
        writer.write(UInt32(5))
        writer.write(UInt32(agent.isIPv4 ? 1 : 2))
        if agent.isIPv4 {
            writer.write(agent.ipv4)
        } else {
            writer.write(agent.high)
            writer.write(agent.low)
        }
        writer.write(subAgent)
        writer.write(sequence)
        writer.write(UInt32(truncatingIfNeeded: (now - boot) / 1_000_000))
        writer.write(UInt32(samples.count))
        for sample in samples { writer.write(sample) }
        sequence &+= 1
        samples.removeAll(keepingCapacity: true)
        return writer.bytes
    }
}
