import Bytes
import Glibc
import Packets
import TestKit
import Testing

/// Real captures, cut off at every byte: of the file, and of each of their frames.
@Suite struct `A real capture that is cut off` {
    private static let names = [
        "attacks/amp.TCP.syn.optionallyACK.optionallysamePort.pcapng", "attacks/amp.UDP.isakmp.pcap",
        "attacks/amp.UDP.snmp.src161.pcapng", "attacks/cic2019-webddos.pcap",
        "attacks/netlyzer-dns-amplification.pcap", "attacks/pkt.TCP.DOMINATE.syn.ecn.cwr.pcapng",
        "attacks/pkt.TCP.synflood.spoofed.pcap", "benign/206_example_a.pcap", "benign/NTP_sync.pcap",
        "benign/bro.org.pcap", "benign/fragmented-3.pcap", "benign/http-qinq-0.pcap", "benign/http-vlan-0.pcap",
        "benign/ipv6-fragmented-dns.pcap", "benign/quic_win11_firefox_google.pcap", "benign/snmpwalk-short.pcap",
    ]

    private func file(_ name: String) throws -> [UInt8] {
        try #require(SharedData.path("data/\(name)").flatMap { contents(of: $0) })
    }

    @Test(.needsShared("data/attacks"), arguments: names)
    func `keeps whole frames and loses one at most`(name: String) throws {
        let file = try file(name)
        // The first frames at every byte; the end of the file too.
        let whole = content(of: file)
        #expect(whole.errors.isEmpty && whole.ended == nil)
        let head = Array(file.prefix(6_000))
        let frames = content(of: head).frames
        #expect(frames == Array(whole.frames.prefix(frames.count)))
        for length in 0..<head.count {
            let found = content(of: Array(head[..<length]))
            #expect(found.errors.isEmpty, "\(length)")
            #expect(found.frames == Array(frames.prefix(found.frames.count)), "\(length)")
        }
        for length in file.count - 60..<file.count {
            let found = content(of: Array(file[..<length]))
            #expect(found.errors.isEmpty && found.frames.count <= whole.frames.count, "\(length)")
            #expect(found.frames.count >= whole.frames.count - 2, "\(length)")
        }
    }

    /// Cut off on its way a packet is refused, unless only what Ethernet added behind it is missing; cut off by the capture
    /// it says less, but nothing else of its addresses.
    @Test(.needsShared("data/attacks"), arguments: names)
    func `says nothing else of its frames`(name: String) throws {
        var reader = FrameReader()
        var cut = FrameReader()
        var faults: [String] = []
        var accepted = 0
        for (number, frame) in content(of: try file(name)).frames.enumerated() {
            let bytes = frame.bytes.span.bytes
            guard let whole = try? reader.read(bytes, link: frame.link, originalLength: frame.originalLength, time: 0)
            else { continue }
            for length in 0..<bytes.byteCount {
                for original in [length, frame.originalLength] {
                    let part = bytes.extracting(0..<length)
                    do throws(Malformed) {
                        guard let packet = try cut.read(part, link: frame.link, originalLength: original, time: 0)
                        else { continue }
                        accepted += 1
                        // Inside a tunnel a cut decides what the innermost packet is.
                        guard packet.tunnel == whole.tunnel else { continue }
                        if packet.source != whole.source || packet.destination != whole.destination
                            || packet.protocolNumber != whole.protocolNumber
                        {
                            faults.append("frame \(number) cut at \(length)")
                        }
                    } catch {
                        if !(0...original).contains(error.offset) {
                            faults.append("frame \(number), place of the error")
                        }
                    }
                }
            }
        }
        #expect(faults.isEmpty, "\(faults.count): \(faults.prefix(10))")
        #expect(accepted > 0)
    }
}
