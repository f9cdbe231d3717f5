import Addresses
import Bytes
import Flows
import TestKit
import Testing

private let netflow = "data/flows/akvorado-netflow"
private let sflow = "data/flows/akvorado-sflow"

/// Flow by flow and field by field what tshark reads in recordings of real routers. `FlowBuilder`'s exporters are the
/// twins of these on a machine that has none of them.
@Suite(.needs(tool: "tshark")) struct `Recorded exporters` {
    /// Believes all times, so that what is compared is what was sent.
    private var credulous: ExporterBudget {
        var budget = ExporterBudget()
        budget.pastSeconds = 40 * 365 * 86_400
        budget.futureSeconds = budget.pastSeconds
        budget.clockErrorSeconds = budget.pastSeconds
        budget.keptSeconds = budget.pastSeconds
        return budget
    }

    /// Files, and how many flows and samples are in them.
    @Test(
        .needsShared(netflow),
        arguments: [
            (["data+templates"], 21, 0), (["options-template", "options-data", "template", "data"], 4, 0),
            (["icmp-template", "icmp-data"], 4, 0), (["ipfix-srv6-template", "ipfix-srv6-data"], 0, 1),
            (["ipfixprobe-templates", "ipfixprobe-data"], 6, 0),
            (["juniper-cpid-template", "juniper-cpid-data"], 0, 1), (["mpls"], 2, 0),
            (
                [
                    "multiplesamplingrates-options-template", "multiplesamplingrates-options-data",
                    "multiplesamplingrates-template", "multiplesamplingrates-data",
                ], 12, 0
            ), (["nat"], 0, 0), (["nfv5"], 29, 0), (["physicalinterfaces"], 8, 0),
            (["samplingrate-template", "samplingrate-data"], 6, 0),
        ])
    func `of flows are read as tshark reads them`(names: [String], flows: Int, samples: Int) throws {
        let folder = try #require(SharedData.path(netflow))
        let recording = try Recording(names.map { "\(folder)/\($0).pcap" })
        // Twice, and looked at the second time: tshark does not read data before their template in the same message.
        let twice = try Recording((names + names).map { "\(folder)/\($0).pcap" })
        let groups = try Dissection(twice, protocol: "cflow") {
            $0.hasPrefix("Flow ") && !$0.contains("Status") || $0.hasPrefix("pdu ")
        }.groups.filter { $0.packet >= recording.datagrams.count }
        var collector = Collector(budget: credulous)
        var sampled: [(sample: FlowSample, packet: Int)] = []
        for (packet, datagram) in recording.datagrams.enumerated() {
            #expect(kind(datagram.payload) != nil)
            try collector.take(datagram.payload, at: datagram.time)
            sampled += collector.batch.samples.map { ($0, packet) }
        }
        let told = Told(groups)
        #expect(collector.flows == told.flows)
        #expect(collector.flows.count == flows)
        #expect(sampled.count == samples)
        #expect(collector.counters.refusedTemplates == 0)
        #expect(collector.counters.unrated == 0)
        for (one, group) in zip(sampled, told.sections) {
            let place = Int(one.sample.offset) + recording.datagrams[one.packet].offset
            #expect(place == group.places["cflow.data_link_frame_section"])
            #expect(UInt64(one.sample.frameLength) == group.number("cflow.data_link_frame_size"))
            #expect(UInt64(one.sample.input) == group.number("cflow.inputint"))
        }
        #expect(sampled.count == told.sections.count)
    }

    @Test(
        .needsShared(sflow),
        arguments: [
            "data-1140", "data-discard-interface", "data-encap-vxlan", "data-icmpv4", "data-icmpv6",
            "data-local-interface", "data-multiple-interfaces", "data-qinq", "data-sflow-expanded-sample",
            "data-sflow-ipv4-data", "data-sflow-raw-ipv4",
        ])
    func `of samples are read as tshark reads them`(name: String) throws {
        let folder = try #require(SharedData.path(sflow))
        let recording = try Recording(["\(folder)/\(name).pcap"])
        // What tshark finds in the sampled packets follows as protocols of their own, which Dissection leaves out.
        let groups = try Dissection(recording, protocol: "sflow") { $0.contains("low sample, seq") }.groups
            .filter { $0.values["sflow.flow_sample.sampling_rate"] != nil }
        var collector = Collector()
        try #require(recording.datagrams.count == 1)
        #expect(kind(recording.datagrams[0].payload) == .sflow)
        try collector.take(recording.datagrams[0].payload, at: recording.datagrams[0].time)
        #expect(collector.batch.samples.count == groups.count)
        #expect(!groups.isEmpty)
        for (sample, group) in zip(collector.batch.samples, groups) {
            #expect(UInt64(sample.samplingRate) == group.number("sflow.flow_sample.sampling_rate"))
            #expect(UInt64(sample.length) == group.number("sflow_245.header.sampled_header_length"))
            #expect(UInt64(sample.link.rawValue) == group.number("sflow_245.header_protocol"))
            let place = Int(sample.offset) + recording.datagrams[0].offset
            #expect(place == group.places["sflow_245.header"])
            let length = try #require(group.number("sflow_245.header.frame_length"))
            let stripped = try #require(group.number("sflow_245.header.payload_stripped"))
            #expect(UInt64(sample.frameLength) == length - (stripped <= 16 ? stripped : 0))
            let input =
                group.number("sflow.flow_sample.input_interface")
                ?? group.number("sflow.flow_sample.input_interface_value")
            #expect(UInt64(sample.input) == (sample.inputKind == .index ? input : 0))
            let output =
                group.number("sflow.flow_sample.output_interface")
                ?? group.number("sflow.flow_sample.output_interface_value")
            if sample.outputKind == .index { #expect(UInt64(sample.output) == output) }
            let isLocal = output.map { $0 & 0x3fff_ffff == 0x3fff_ffff } ?? false
            let format = (output ?? 0) >> 30
            if group.title.hasPrefix("Flow") {
                #expect(sample.outputKind == [isLocal ? .local : .index, .discarded, .multiple, .index][Int(format)])
            }
        }
    }
}

/// What tshark's fields mean, told once more and apart from the decoder.
private struct Told {
    var flows: [FlowRecord] = []
    var sections: [Dissection.Group] = []
    private var header = Dissection.Group(title: "", packet: -1)
    private var samplers: [UInt64: UInt64] = [:]
    private var templates: [UInt64: UInt64] = [:]
    private var common: UInt64 = 1

    init(_ groups: [Dissection.Group]) {
        // Rates first: what a message tells holds for all of it, and each recording has one set of them.
        for group in groups { note(group) }
        for group in groups {
            if group.title.isEmpty { header = group }
            if group.values["cflow.data_link_frame_section"] != nil { sections.append(group) }
            guard group.title.isEmpty == false, group.values["cflow.packets"] != nil else { continue }
            let flow = flow(group)
            flows.append(flow)
            if let packets = group.number("reverse.cflow.packets"), packets > 0 { flows.append(reverse(flow, group)) }
        }
    }

    private mutating func note(_ group: Dissection.Group) {
        guard !group.title.isEmpty, group.values["cflow.packets"] == nil else { return }
        var rate = group.number("cflow.sampler_random_interval") ?? group.number("cflow.sampling_interval") ?? 0
        if let interval = group.number("cflow.sampling_packet_interval"),
            let space = group.number("cflow.sampling_packet_space")
        {
            rate = (interval + space) / interval
        }
        guard rate > 0 else { return }
        if let sampler = group.number("cflow.sampler_id") {
            samplers[sampler] = rate
        } else if let template = group.number("cflow.template_id") {
            templates[template] = rate
        } else {
            common = rate
        }
    }

    private func flow(_ group: Dissection.Group) -> FlowRecord {
        func number(_ names: String...) -> UInt64 { names.lazy.compactMap { group.number("cflow." + $0) }.first ?? 0 }
        var flow = FlowRecord()
        flow.source = address(group.values["cflow.srcaddr"], group.values["cflow.srcaddrv6"])
        flow.destination = address(group.values["cflow.dstaddr"], group.values["cflow.dstaddrv6"])
        flow.protocolNumber = UInt8(number("protocol"))
        flow.flags = UInt8(truncatingIfNeeded: number("tcpflags"))
        flow.typeOfService = UInt8(number("tos"))
        if flow.protocolNumber == 1 || flow.protocolNumber == 58 {
            let both = number("icmp_type_code_ipv4") != 0 ? number("icmp_type_code_ipv4") : number("dstport")
            (flow.icmpType, flow.icmpCode) = (UInt8(both >> 8), UInt8(both & 255))
        } else {
            (flow.sourcePort, flow.destinationPort) = (UInt16(number("srcport")), UInt16(number("dstport")))
        }
        (flow.packets, flow.bytes) = (number("packets"), number("octets"))
        flow.input = UInt32(number("inputint", "ingress_physical_interface"))
        flow.output = UInt32(number("outputint", "egress_physical_interface"))
        (flow.sourceAS, flow.destinationAS) = (UInt32(number("srcas")), UInt32(number("dstas")))
        flow.sourceMask = UInt8(number("srcmask", "srcmaskv6"))
        flow.destinationMask = UInt8(number("dstmask", "dstmaskv6"))
        let own = group.number("cflow.sampling_interval")
        let sampler = group.number("cflow.sampler_id").flatMap { samplers[$0] }
        flow.samplingRate = UInt32(own ?? sampler ?? templates.values.first ?? common)
        flow.first = time(group, "timestart", "abstimestart")
        flow.last = time(group, "timeend", "abstimeend")
        return flow
    }

    private func reverse(_ flow: FlowRecord, _ group: Dissection.Group) -> FlowRecord {
        var other = flow
        (other.source, other.destination) = (flow.destination, flow.source)
        (other.sourcePort, other.destinationPort) = (flow.destinationPort, flow.sourcePort)
        (other.input, other.output) = (flow.output, flow.input)
        other.packets = group.number("reverse.cflow.packets") ?? 0
        other.bytes = group.number("reverse.cflow.octets") ?? 0
        other.flags = UInt8(truncatingIfNeeded: group.number("reverse.cflow.tcpflags") ?? 0)
        return other
    }

    private func time(_ group: Dissection.Group, _ uptime: String, _ absolute: String) -> Int64 {
        let seconds = Int64(header.number("cflow.unix_secs") ?? 0) * second
        if let value = group.number("cflow." + uptime), let now = header.number("cflow.sysuptime") {
            return seconds - (Int64(now) - Int64(value)) * 1_000_000
        }
        guard let value = group.number("cflow." + absolute) else { return 0 }
        // Milliseconds, or NTP's seconds and fraction, told apart by size.
        guard value >> 48 != 0 else { return Int64(value) * 1_000_000 }
        let fraction = (Double(value & 0xffff_ffff) / 4_294_967_296 * 1e9).rounded()
        return (Int64(value >> 32) - 2_208_988_800) * second + Int64(fraction)
    }

    private func address(_ ipv4: String?, _ ipv6: String?) -> Address {
        if let ipv6, ipv6.contains(where: { $0 != "0" }) || ipv4 == nil {
            return Address(high: UInt64(ipv6.prefix(16), radix: 16) ?? 0, low: UInt64(ipv6.suffix(16), radix: 16) ?? 0)
        }
        return Address(ipv4: ipv4.flatMap { UInt32($0, radix: 16) } ?? 0)
    }
}
