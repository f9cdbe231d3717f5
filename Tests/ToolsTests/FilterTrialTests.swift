import Bytes
import Fingerprints
import Foundation
import Mitigations
import Packets
import TestKit
import Testing
import wasstraat

/// `wasstraat filter test`: the filter's own model over captures, without a filter and without rights.
@Suite struct FilterTrialTests {
    let street: ToolStreet

    init() throws { street = try ToolStreet() }

    private func writeFloods() throws {
        let (flood, normal) = (street.reflection(), street.visits())
        try street.folder.write(
            CaptureBuilder.section([.init()], (flood + normal).sorted { $0.time < $1.time }), to: "mixed.pcapng")
        try FilterTestFiles.write(street, "dns.json", [("protocol", "udp"), ("source_port", "53")])
    }

    @Test(.needs(tool: "gzip"), .needs(tool: "zstd"))
    func `rules are tried on captures of every packing`() throws {
        try writeFloods()
        for (before, file) in [
            ("", "mixed.pcapng"), ("", "- <mixed.pcapng"), ("gzip -c mixed.pcapng |", "-"),
            ("zstd -q mixed.pcapng -o z;", "z"),
        ] {
            let outcome = try street.run("filter test --rule dns.json \(file)", before: before)
            #expect(outcome.status == 0 && outcome.errors == "", "\(outcome)")
            #expect(outcome.output.hasPrefix("6,400 packets, "), "\(outcome)")
            for part in [
                "\ndrop rule 4,000 4.3 MB 62.5 %", "\npass nothing against it 2,400 ", "\ndrop dns-reflection 4,000 ",
            ] {
                #expect(outcome.squeezed.contains(part), "\(part): \(outcome.output)")
            }
        }
        // For another target it matches nothing; expired it is tried nevertheless.
        let other = try street.run("filter test --rule dns.json --target 203.0.113.10 mixed.pcapng")
        #expect(other.squeezed.contains("\ndrop dns-reflection 0 "), "\(other)")
        try FilterTestFiles.write(street, "old.json", [("protocol", "udp")], made: 1_700_000_000)
        let old = try street.run("filter test --rule old.json mixed.pcapng")
        #expect(old.squeezed.contains("\ndrop dns-reflection 4,000 "), "\(old)")
    }

    @Test func `what is blocked is dropped, and what is allowed passes before it`() throws {
        try writeFloods()
        // The first visitor: the source's last byte.
        let visitor = try #require(street.visits().first).frame[29]
        let outcome = try street.run(
            "filter test mixed.pcapng --block 198.18.0.0/15 --block 192.0.2.\(visitor) --allow 198.18.0.0/16 --json")
        let form = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any], "\(outcome)")
        let reasons = try #require(form["reasons"] as? [String: [String: Int]])
        func count(_ reason: String) -> Int { reasons[reason]?["packets"] ?? -1 }
        #expect(form["packets"] as? Int == 6_400)
        #expect(count("allowed") > 1_500 && count("blocked_network") > 1_500, "\(reasons)")
        #expect(count("allowed") + count("blocked_network") == 4_000)
        #expect(count("blocked_source") + count("passed") == 2_400 && count("blocked_source") > 0)
        #expect((form["entries"] as? [[String: Any]])?.count == 3)
        let wide = try street.run("filter test mixed.pcapng --block ::/0")
        #expect(wide.status == 1 && wide.errors.contains("the filter would take it for all of IPv4"), "\(wide)")
    }

    @Test func `each packet has its line, up to a bound`() throws {
        let frames: [[UInt8]] = [
            PacketBuilder.udpFrame(from: "198.51.100.7", 53, to: ToolStreet.victim, 4_242, [1]),
            PacketBuilder.udpFrame(from: "127.0.0.1", 53, to: ToolStreet.victim, 4_242, [1]),
            PacketBuilder.ethernet([1, 2, 3], type: 0x0806),
            PacketBuilder.ethernet(PacketBuilder.ipv6(6, PacketBuilder.tcp(1_000, 443, flags: 2)), type: 0x86dd),
        ]
        let records = frames.enumerated().map {
            CaptureBuilder.Record((street.start * 1_000 + Int64($0.offset)) * 1_000_000, $0.element)
        }
        try street.folder.write(CaptureBuilder.pcap(records), to: "n.pcap")
        let outcome = try street.run("filter test n.pcap --each --block 198.51.100.7")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(
            lines[0].hasPrefix("1  2") && lines[0].contains("UTC  drop  blocked address 198.51.100.7  "), "\(lines)")
        #expect(lines[0].hasSuffix("198.51.100.7:53 > 203.0.113.9:4242 UDP, 43 B"), "\(lines)")
        #expect(lines[1].contains(".001 UTC  drop  malformed: the source is a loopback address, "), "\(lines)")
        #expect(lines[2].contains("pass  no IP, 17 B"), "\(lines)")
        #expect(
            lines[3].contains("pass  nothing against it  [2001:db8") && lines[3].contains("]:443 TCP, "), "\(lines)")
        #expect(lines[4].hasPrefix("4 packets, "), "\(lines)")
        #expect(outcome.squeezed.contains("\nmalformed\nthe source is a loopback address 1 43 B\n"), "\(outcome)")
        let bound = try street.run("filter test n.pcap --each --most 2")
        #expect(bound.output.contains("no line for 2 more packets: --most allows more"), "\(bound)")
        let json = try street.run("filter test n.pcap --each --json").output.split(separator: "\n")
        #expect(json.count == 5)
        for line in json { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        #expect(
            json[1].contains(#""reason":"malformed","why":"malformed: the source is a loopback address""#), "\(json)")
    }

    @Test func `frames that a capture cut off are judged as long as they were, and other links not at all`() throws {
        let frame = PacketBuilder.udpFrame(from: "198.51.100.7", 53, to: ToolStreet.victim, 9, [UInt8](1...200))
        try street.folder.write(
            CaptureBuilder.section(
                [.init(), .init(link: 101)],
                [
                    .init(1_000_000_000, Array(frame.prefix(60)), originalLength: frame.count),
                    .init(2_000_000_000, Array(frame.dropFirst(14)), interface: 1),
                ]), to: "cut.pcapng")
        let outcome = try street.run("filter test cut.pcapng --block 198.51.100.0/24")
        #expect(outcome.status == 0 && outcome.output.hasPrefix("1 packets, 242 B, "), "\(outcome)")
        #expect(outcome.squeezed.contains("\ndrop blocked network 1 "), "\(outcome)")
        #expect(outcome.output.contains("not judged: 1 frames that are not Ethernet"), "\(outcome)")
        #expect(outcome.output.contains("cut off by the capture: 1 frames; what was not kept is read as zeros"))
        // A length that no frame has takes no memory.
        try street.folder.write(
            CaptureBuilder.pcap([.init(1, frame, originalLength: 2_000_000_000)]), to: "huge.pcap")
        let huge = try street.run("filter test huge.pcap")
        #expect(huge.status == 0 && huge.output.hasPrefix("1 packets, 2.0 GB, "), "\(huge)")
    }

    @Test func `malformed packets are dropped, counted or passed, as the filter is told`() throws {
        let packet = PacketBuilder.frame(17, PacketBuilder.udp(53, 9, [1]), from: "127.0.0.1", to: ToolStreet.victim)
        try street.folder.write(CaptureBuilder.pcap([.init(1_000_000_000, packet)]), to: "m.pcap")
        #expect(try street.run("filter test m.pcap").squeezed.contains("\ndrop malformed 1 "))
        let dry = try street.run("filter test m.pcap --malformed dry")
        #expect(dry.squeezed.contains("\nwould drop malformed 1 ") && dry.squeezed.contains("\npass "), "\(dry)")
        let off = try street.run("filter test m.pcap --malformed off")
        #expect(off.squeezed.contains("\npass ") && !off.squeezed.contains("drop malformed"), "\(off)")
    }

    @Test func `inside of a tunnel it is judged when asked for`() throws {
        let inner = PacketBuilder.ipv4(17, PacketBuilder.udp(53, 9, [1]), from: "198.51.100.7", to: ToolStreet.victim)
        let outer = PacketBuilder.frame(4, inner, from: "192.0.2.1", to: "192.0.2.2")
        try street.folder.write(CaptureBuilder.pcap([.init(1_000_000_000, outer)]), to: "t.pcap")
        let out = try street.run("filter test t.pcap --block 198.51.100.7")
        #expect(out.squeezed.contains("\npass nothing against it 1 "), "\(out)")
        let inside = try street.run("filter test t.pcap --block 198.51.100.7 --tunnels --each")
        #expect(inside.output.contains("drop  blocked address 198.51.100.7") && inside.output.contains("in a tunnel"))
    }

    @Test func `what is no capture, is broken off or cannot be said is told`() throws {
        try writeFloods()
        try street.folder.write("nothing", to: "n.txt")
        let text = try street.run("filter test n.txt")
        #expect(text.status == 1 && text.errors.hasPrefix("n.txt: no capture: "), "\(text)")
        try street.folder.write(street.log(isFlooded: false), to: "n.log")
        let log = try street.run("filter test n.log")
        #expect(log.status == 1 && log.errors.contains("whole packets are needed"), "\(log)")
        let missing = try street.run("filter test nowhere.pcap")
        #expect(missing.status == 1 && missing.errors.contains("No such file"), "\(missing)")
        let bytes = try street.folder.read("mixed.pcapng")
        try street.folder.write(Array(bytes.dropLast(7)), to: "cut.pcapng")
        let cut = try street.run("filter test cut.pcapng")
        #expect(cut.status == 0 && cut.output.hasPrefix("6,399 packets"), "\(cut)")
        #expect(cut.output.contains("not read: capture: cut off (1)"), "\(cut)")
        // A second file that cannot be read leaves what the first had.
        let second = try street.run("filter test mixed.pcapng n.txt")
        #expect(second.status == 1 && second.output.hasPrefix("6,400 packets"), "\(second)")
        try FilterTestFiles.write(street, "impossible.json", [("protocol", "icmp"), ("source_port", "53")])
        let rule = try street.run("filter test mixed.pcapng --rule impossible.json")
        #expect(rule.status == 1 && rule.errors.contains("refused: dns-reflection: "), "\(rule)")
        #expect(rule.errors.contains("the filter cannot say 1 of 1 fingerprints"), "\(rule)")
    }

    @Test func `the running filter's lists and rules are tried as they stand there`() throws {
        try writeFloods()
        let filter = try FakeFilter(in: street.folder)
        defer { filter.stop() }
        for line in [
            "add block 198.18.0.0/16 --for 1h --reason x", "add block 198.19.0.0/16 --for 1h --reason x --dry",
            "add rule dns.json", "add allow 192.0.2.0/24 --for 1h --reason x",
        ] { #expect(try street.run("filter \(line) --state .").status == 0) }
        let outcome = try street.run("filter test mixed.pcapng --live --state .")
        #expect(outcome.status == 0, "\(outcome)")
        for part in [
            "\npass allowed source ", "\ndrop blocked network ", "\nwould drop blocked network ", "\nwould drop rule ",
        ] {
            #expect(outcome.squeezed.contains(part), "\(part): \(outcome.output)")
        }
        #expect(outcome.squeezed.contains("\nwould drop 3 dns-reflection "), "\(outcome)")
    }

    // MARK: - Parts

    @Test func `a capture of samples is one that our own reader reads`() throws {
        let clock = SampleClock(wall: 1_795_435_200_000_000_500, monotonic: 9_000)
        var bytes = SampleCapture.head()
        for size in [0, 1, 60, 127, 128] {
            bytes += SampleCapture.packet(
                FilterSample(clock: 8_000, length: 1_500, bytes: [UInt8](repeating: 7, count: size)), at: clock)
        }
        var reader = CaptureReader()
        var offset = 0
        var sizes: [Int] = []
        while case .frame(let frame) = try reader.next(in: bytes.span.bytes, from: &offset) {
            sizes.append(frame.length)
            #expect(frame.time == 1_795_435_199_999_999_500 && frame.originalLength == 1_500 && frame.link == .ethernet)
        }
        #expect(sizes == [0, 1, 60, 127, 128] && offset == bytes.count)
        #expect(clock.time(of: 9_001) == 1_795_435_200_000_000_500)
    }

    @Test(arguments: [("1s", 1), ("90s", 90), ("10m", 600), ("1h", 3_600), ("7d", 604_800), ("2592000s", 2_592_000)])
    func `times are a number and a unit`(text: String, seconds: UInt32) throws {
        #expect(try Lifetime(text).seconds == seconds)
    }
}
