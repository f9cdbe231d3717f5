import Addresses
import Bytes
import Glibc
import Packets
import TestKit
import Testing

/// What tshark and we say of a frame, side by side.
private struct Facts: Equatable {
    var time: Int64
    var source = ""
    var destination = ""
    var sourcePort = ""
    var destinationPort = ""
    var number = ""
    var flags = ""
    var ttl = ""
    var length = ""

    /// From the fields below, in their order; nil for a frame without an IP packet. Fields that occur in several layers
    /// come outermost first: the last is the innermost's.
    init?(tshark line: Substring) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map {
            String($0.split(separator: ",").last ?? "")
        }
        guard fields.count == 16 else { return nil }
        let isFour = !fields[1].isEmpty
        guard isFour || !fields[3].isEmpty, !isFour || fields[3].isEmpty else { return nil }
        let seconds = fields[0].split(separator: ".")
        time = Int64(seconds[0])! * 1_000_000_000 + Int64(seconds[1])!
        source = Address(fields[isFour ? 1 : 3])!.description
        destination = Address(fields[isFour ? 2 : 4])!.description
        sourcePort = fields[5] + fields[7]
        destinationPort = fields[6] + fields[8]
        flags = fields[9].isEmpty ? "" : String(Int(fields[9].dropFirst(2), radix: 16)! & 255)
        ttl = fields[isFour ? 10 : 11]
        length = isFour ? fields[12] : String(Int(fields[13])! + 40)
        // IPv6 names the next header; what follows extension headers shows in its ports.
        number = isFour ? fields[14] : ""
    }

    init(_ packet: PacketSummary) {
        time = packet.time
        source = packet.source.description
        destination = packet.destination.description
        let isTCP = packet.protocolNumber == PacketSummary.tcp
        // tshark joins fragments, and shows the ports in the last one only.
        if packet.fragment == .whole, isTCP || packet.protocolNumber == PacketSummary.udp {
            sourcePort = String(packet.sourcePort)
            destinationPort = String(packet.destinationPort)
            if isTCP { flags = String(packet.flags) }
        }
        ttl = String(packet.ttl)
        length = String(packet.length)
        number = packet.source.isIPv4 ? String(packet.protocolNumber) : ""
    }

    static let fields = [
        "frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport",
        "udp.dstport", "tcp.flags", "ip.ttl", "ipv6.hlim", "ip.len", "ipv6.plen", "ip.proto", "icmp.type",
    ]
}

private func bytes(of path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw TestKitError.system("fopen \(path)", errno) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        guard count > 0 else { return bytes }
        bytes += buffer[..<count]
    }
}

/// Reads a capture in small pieces and compares each frame with tshark's words. Returns how many packets were compared.
private func compare(_ path: String, _ file: [UInt8]) throws -> (packets: Int, refused: Int) {
    let output = try Tool.run(
        ["tshark", "-r", path, "-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-T", "fields"]
            + Facts.fields.flatMap { ["-e", $0] })
    let lines = output.split(separator: "\n", omittingEmptySubsequences: true).filter { $0.contains("\t") }
    let content = content(of: file, step: 65_536)
    #expect(content.errors.isEmpty && content.ended == nil)
    #expect(lines.count == content.frames.count)
    var frames = FrameReader()
    var compared = 0
    var refused = 0
    for (line, frame) in zip(lines, content.frames) {
        let packet: PacketSummary?
        do throws(Malformed) {
            packet = try frames.read(
                frame.bytes.span.bytes, link: frame.link, originalLength: frame.originalLength, time: frame.time)
        } catch {
            refused += 1
            continue
        }
        guard let packet else {
            #expect(Facts(tshark: line) == nil, "\(line)")
            continue
        }
        // What an ICMP error quotes, tshark shows as fields of the same names.
        let isError =
            packet.protocolNumber == PacketSummary.icmp && [3, 4, 5, 11, 12].contains(packet.icmpType)
            || packet.protocolNumber == PacketSummary.icmpv6 && packet.icmpType < 128
        guard !isError, var expected = Facts(tshark: line) else { continue }
        if packet.fragment != .whole {
            expected.sourcePort = ""
            expected.destinationPort = ""
            expected.flags = ""
        }
        compared += 1
        let found = Facts(packet)
        // Each expectation costs more than the reading: only differences make one.
        if found != expected { #expect(found == expected) }
    }
    return (compared, refused)
}

@Suite struct `tshark says the same` {
    @Test(
        .needs(tool: "tshark"), .needsShared("data/attacks"), .needsShared("data/benign"),
        arguments: [
            "attacks/amp.TCP.syn.optionallyACK.optionallysamePort.pcapng", "attacks/amp.UDP.isakmp.pcap",
            "attacks/amp.UDP.snmp.src161.pcapng", "attacks/cic2019-webddos.pcap",
            "attacks/netlyzer-dns-amplification.pcap", "attacks/pkt.TCP.DOMINATE.syn.ecn.cwr.pcapng",
            "attacks/pkt.TCP.synflood.spoofed.pcap", "benign/206_example_a.pcap", "benign/NTP_sync.pcap",
            "benign/bro.org.pcap", "benign/fragmented-3.pcap", "benign/http-qinq-0.pcap", "benign/http-vlan-0.pcap",
            "benign/ipv6-fragmented-dns.pcap", "benign/quic_win11_firefox_google.pcap", "benign/snmpwalk-short.pcap",
        ])
    func `of real captures`(name: String) throws {
        let path = try #require(SharedData.path("data/" + name))
        let result = try compare(path, try bytes(of: path))
        #expect(result.packets > 0 && result.refused == 0)
    }

    @Test(.needs(tool: "tshark")) func `of captures that we make`() throws {
        typealias Build = PacketBuilder
        let datagram = Build.udp(40_001, 40_002, [1, 2, 3])
        let four = Build.ipv4(17, datagram, ttl: 9)
        let six = Build.ipv6(17, datagram, hopLimit: 8)
        let frames: [[UInt8]] = [
            Build.ethernet(four), Build.ethernet(six, type: 0x86dd),
            Build.ethernet(four, tags: [(0x88a8, 1), (0x8100, 2)]),
            Build.ethernet(Build.mpls([16, 17], four), type: 0x8847),
            Build.ethernet(Build.ipv4(47, Build.gre(0x0800, key: 1, four))), Build.ethernet(Build.ipv4(4, four)),
            Build.ethernet(Build.ipv4(17, Build.udp(1, 4789, Build.vxlan(Build.ethernet(four))))),
            Build.ethernet(
                Build.ipv6(0, Build.extensionHeader(next: 60, Build.extensionHeader(next: 17, datagram))),
                type: 0x86dd),
            Build.ethernet(Build.ipv4(17, datagram, options: [7, 4, 4, 0])),
            Build.tcpFrame(1, to: Build.destination, 2, flags: 0xc2), Build.ethernet([0, 1, 8, 0], type: 0x0806),
            Build.frame(1, Build.icmp(8)), Build.ethernet(Build.ipv6(41, six), type: 0x86dd),
        ]
        for (index, link) in [UInt32(1), 101].enumerated() {
            let chosen = index == 0 ? frames : [four, six, Build.ipv4(6, Build.tcp(5, 6, flags: 0x12))]
            let records = chosen.enumerated().map {
                CaptureBuilder.Record(1_700_000_000_000_001_000 + Int64($0) * 1000, $1)
            }
            let file = CaptureBuilder.pcap(records, link: link)
            let folder = try TemporaryFolder()
            let result = try compare(try folder.write(file, to: "made.pcap"), file)
            #expect(result.packets >= 3 && result.refused == 0)
        }
    }
}
