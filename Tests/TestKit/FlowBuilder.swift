internal import Addresses
internal import Bytes
package import Flows

/// An exporter that tells flows in NetFlow 5, NetFlow 9 or IPFIX, as a router would: it counts its sequence, repeats
/// its templates and says its sampling rate. For sampled packets see ``SampleBuilder``; for messages with faults see
/// ``FlowMessage``.
package struct FlowBuilder: Sendable {
    package enum Version: UInt16, Sendable, CaseIterable { case netflow5 = 5, netflow9 = 9, ipfix = 10 }

    package var version: Version
    /// Source id of NetFlow 9, observation domain of IPFIX, engine of NetFlow 5 (16 bits).
    package var domain: UInt32
    /// When it was switched on: nanoseconds since 1970; NetFlow's times count from here, in milliseconds.
    package var boot: Int64
    /// Said in the header (NetFlow 5, at most 16,383) or in options data (9, IPFIX); 1 is not said.
    package var samplingRate: UInt32
    /// The number of the next datagram, flow or record, as the version counts.
    package var sequence: UInt32 = 0
    /// Each so many datagrams begins with the templates and the sampling rate; the first does.
    package var templateInterval = 20
    private var datagramsMade = 0

    /// Records in one datagram; 28 of NetFlow 9 or IPFIX and 30 of NetFlow 5 fill an Ethernet frame.
    package static let recordLimit = 28

    package init(_ version: Version, domain: UInt32 = 1, boot: Int64, samplingRate: UInt32 = 1) {
        self.version = version
        self.domain = domain
        self.boot = boot
        self.samplingRate = samplingRate
    }

    package static let template4: UInt16 = 256
    package static let template6: UInt16 = 257
    package static let optionsTemplate: UInt16 = 258

    /// The fields of its templates, 53 bytes for IPv4 in NetFlow 9 and 61 in IPFIX.
    package static func fields(_ version: Version, isIPv4: Bool) -> [TemplateField] {
        let addresses: [TemplateField] = isIPv4 ? [.init(8, 4), .init(12, 4)] : [.init(27, 16), .init(28, 16)]
        let masks: [TemplateField] = isIPv4 ? [.init(9, 1), .init(13, 1)] : [.init(29, 1), .init(30, 1)]
        let times: [TemplateField] = version == .ipfix ? [.init(152, 8), .init(153, 8)] : [.init(22, 4), .init(21, 4)]
        let icmp: [TemplateField] = [.init(isIPv4 ? 32 : 139, 2)]
        return addresses + times
            + [.init(7, 2), .init(11, 2), .init(4, 1), .init(6, 1), .init(5, 1), .init(2, 4), .init(1, 4)]
            + [.init(10, 4), .init(14, 4), .init(16, 4), .init(17, 4)] + masks + icmp
    }

    /// The datagrams that tell these flows at this time (nanoseconds since 1970), in their order as far as the versions
    /// of IP allow; NetFlow 5 leaves IPv6 out. Counts above 32 bits are cut off.
    package mutating func datagrams(of flows: [FlowRecord], at now: Int64) -> [[UInt8]] {
        var made: [[UInt8]] = []
        for isIPv4 in [true, false] where isIPv4 || version != .netflow5 {
            let chosen = flows.filter { $0.source.isIPv4 == isIPv4 }
            for start in stride(from: 0, to: chosen.count, by: Self.recordLimit) {
                let part = Array(chosen[start..<min(chosen.count, start + Self.recordLimit)])
                made.append(version == .netflow5 ? netflow5(part, now) : message(part, isIPv4, now))
            }
        }
        return made
    }

    /// A datagram with the templates and the sampling rate alone (NetFlow 9, IPFIX).
    package mutating func templates(at now: Int64) -> [UInt8] {
        var message = FlowMessage(version, domain: domain, uptime: uptime(now), time: now, sequence: sequence)
        addTemplates(&message)
        sequence &+= version == .netflow9 ? 1 : UInt32(message.dataRecords)
        return message.bytes
    }

    private func uptime(_ time: Int64) -> UInt32 { UInt32(truncatingIfNeeded: (time - boot) / 1_000_000) }

    private func addTemplates(_ message: inout FlowMessage) {
        message.addTemplate(Self.template4, Self.fields(version, isIPv4: true))
        message.addTemplate(Self.template6, Self.fields(version, isIPv4: false))
        guard samplingRate > 1 else { return }
        let scope = version == .ipfix ? TemplateField(144, 4) : TemplateField(1, 4)
        message.addOptionsTemplate(Self.optionsTemplate, scope: [scope], [TemplateField(34, 4)])
        var writer = ByteWriter()
        writer.write(UInt32(0))
        writer.write(samplingRate)
        message.addData(Self.optionsTemplate, [writer.bytes])
    }

    private mutating func message(_ flows: [FlowRecord], _ isIPv4: Bool, _ now: Int64) -> [UInt8] {
        var message = FlowMessage(version, domain: domain, uptime: uptime(now), time: now, sequence: sequence)
        if datagramsMade % max(1, templateInterval) == 0 { addTemplates(&message) }
        datagramsMade += 1
        message.addData(isIPv4 ? Self.template4 : Self.template6, flows.map { record($0, isIPv4) })
        sequence &+= version == .netflow9 ? 1 : UInt32(message.dataRecords)
        return message.bytes
    }

    /// A record of `fields(_:isIPv4:)`.
    package func record(_ flow: FlowRecord, _ isIPv4: Bool) -> [UInt8] {
        var writer = ByteWriter(reserving: 96)
        for address in [flow.source, flow.destination] {
            if !isIPv4 { writer.write(address.high) }
            if isIPv4 { writer.write(address.ipv4) } else { writer.write(address.low) }
        }
        for time in [flow.first, flow.last] {
            if version == .ipfix { writer.write(UInt64(time / 1_000_000)) } else { writer.write(uptime(time)) }
        }
        writer.write(flow.sourcePort)
        writer.write(flow.destinationPort)
        writer.write(flow.protocolNumber)
        writer.write(flow.flags)
        writer.write(flow.typeOfService)
        writer.write(UInt32(truncatingIfNeeded: flow.packets))
        writer.write(UInt32(truncatingIfNeeded: flow.bytes))
        for value in [flow.input, flow.output, flow.sourceAS, flow.destinationAS] { writer.write(value) }
        writer.write(flow.sourceMask)
        writer.write(flow.destinationMask)
        writer.write(UInt16(flow.icmpType) << 8 | UInt16(flow.icmpCode))
        return writer.bytes
    }

    private mutating func netflow5(_ flows: [FlowRecord], _ now: Int64) -> [UInt8] {
        var writer = ByteWriter(reserving: 24 + 48 * flows.count)
        writer.write(UInt16(5))
        writer.write(UInt16(flows.count))
        writer.write(uptime(now))
        writer.write(UInt32(truncatingIfNeeded: now / 1_000_000_000))
        writer.write(UInt32(now % 1_000_000_000))
        writer.write(sequence)
        writer.write(UInt16(truncatingIfNeeded: domain))
        writer.write(samplingRate > 1 ? UInt16(0x4000) | UInt16(min(samplingRate, 0x3fff)) : 0)
        for flow in flows {
            writer.write(flow.source.ipv4)
            writer.write(flow.destination.ipv4)
            writer.write(UInt32(0))
            writer.write(UInt16(truncatingIfNeeded: flow.input))
            writer.write(UInt16(truncatingIfNeeded: flow.output))
            writer.write(UInt32(truncatingIfNeeded: flow.packets))
            writer.write(UInt32(truncatingIfNeeded: flow.bytes))
            writer.write(uptime(flow.first))
            writer.write(uptime(flow.last))
            let isICMP = flow.protocolNumber == 1
            writer.write(flow.sourcePort)
            writer.write(isICMP ? UInt16(flow.icmpType) << 8 | UInt16(flow.icmpCode) : flow.destinationPort)
            writer.write([0, flow.flags, flow.protocolNumber, flow.typeOfService])
            writer.write(UInt16(truncatingIfNeeded: flow.sourceAS))
            writer.write(UInt16(truncatingIfNeeded: flow.destinationAS))
            writer.write([flow.sourceMask, flow.destinationMask, 0, 0])
        }
        sequence &+= UInt32(flows.count)
        return writer.bytes
    }
}

/// A field of a template: which information element, and how long it is on the wire (65,535: it says so itself).
package struct TemplateField: Sendable {
    package var element: UInt16
    package var length: UInt16
    /// IPFIX: whose element it is; nil for IANA's.
    package var enterprise: UInt32?

    package init(_ element: UInt16, _ length: UInt16, enterprise: UInt32? = nil) {
        self.element = element
        self.length = length
        self.enterprise = enterprise
    }
}

/// One message of NetFlow 9 (RFC 3954) or IPFIX (RFC 7011), made set by set; what it is told to say it says, true or
/// not.
package struct FlowMessage: Sendable {
    package let version: FlowBuilder.Version
    private var header: [UInt8]
    private var sets: [UInt8] = []
    private var records = 0
    package private(set) var dataRecords = 0

    /// `uptime` is in milliseconds (NetFlow 9 only), `time` in nanoseconds since 1970.
    package init(_ version: FlowBuilder.Version, domain: UInt32, uptime: UInt32, time: Int64, sequence: UInt32) {
        self.version = version
        var writer = ByteWriter()
        writer.write(version.rawValue)
        writer.write(UInt16(0))
        if version == .netflow9 { writer.write(uptime) }
        writer.write(UInt32(truncatingIfNeeded: time / 1_000_000_000))
        writer.write(sequence)
        writer.write(domain)
        header = writer.bytes
    }

    package mutating func addTemplate(_ id: UInt16, _ fields: [TemplateField], count: UInt16? = nil) {
        var writer = ByteWriter()
        writer.write(id)
        writer.write(count ?? UInt16(fields.count))
        write(fields, to: &writer)
        addSet(version == .ipfix ? 2 : 0, writer.bytes)
        records += 1
    }

    package mutating func addOptionsTemplate(_ id: UInt16, scope: [TemplateField], _ fields: [TemplateField]) {
        var writer = ByteWriter()
        writer.write(id)
        if version == .ipfix {
            writer.write(UInt16(scope.count + fields.count))
            writer.write(UInt16(scope.count))
        } else {
            writer.write(UInt16(scope.count * 4))
            writer.write(UInt16(fields.count * 4))
        }
        write(scope + fields, to: &writer)
        addSet(version == .ipfix ? 3 : 1, writer.bytes)
        records += 1
    }

    package mutating func addData(_ id: UInt16, _ data: [[UInt8]]) {
        addSet(id, Array(data.joined()))
        records += data.count
        dataRecords += data.count
    }

    /// A set of any content, padded to four bytes; `length` is what it says of itself, where that is to be a lie.
    package mutating func addSet(_ id: UInt16, _ content: [UInt8], length: UInt16? = nil) {
        var writer = ByteWriter()
        let padding = (4 - content.count % 4) % 4
        writer.write(id)
        writer.write(length ?? UInt16(4 + content.count + padding))
        writer.write(content)
        writer.write([UInt8](repeating: 0, count: padding))
        sets += writer.bytes
    }

    /// The datagram, with the count or length that it has.
    package var bytes: [UInt8] {
        var all = header + sets
        let count = UInt16(truncatingIfNeeded: version == .ipfix ? all.count : records)
        all[2] = UInt8(count >> 8)
        all[3] = UInt8(count & 255)
        return all
    }

    private func write(_ fields: [TemplateField], to writer: inout ByteWriter) {
        for field in fields {
            writer.write(field.element | (field.enterprise == nil ? 0 : 0x8000))
            writer.write(field.length)
            if let enterprise = field.enterprise { writer.write(enterprise) }
        }
    }
}
