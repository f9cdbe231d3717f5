import Addresses
import Bytes
import CLinux
import Collector
import Flows
import Glibc
import TestKit
import Testing

/// Exports as a router sends them, to fill nfcapd's files.
private enum Export {
    /// Two flows in NetFlow v5: TCP, then ICMP, sampled 1 in 100.
    static func version5(at seconds: UInt32) -> [UInt8] {
        var writer = ByteWriter()
        let uptime: UInt32 = 1_000_000
        for half: UInt16 in [5, 2] { writer.write(half) }
        for word in [uptime, seconds, 123_000_000, 0] as [UInt32] { writer.write(word) }
        writer.write([0, 0])
        writer.write(UInt16(1 << 14 | 100))
        for (index, protocolNumber) in [UInt8(6), 1].enumerated() {
            for word in [0xc000_0201 + UInt32(index), 0xc633_6407, 0] { writer.write(word) }
            for half: UInt16 in [3, 5] { writer.write(half) }
            for word in [1000, 1_500_000, uptime - 5000, uptime - 1234] { writer.write(word) }
            // An ICMP exporter has no ports, and writes type and code for the second.
            for half: UInt16 in protocolNumber == 1 ? [0, 0x0301] : [53, 40000] { writer.write(half) }
            writer.write([0, protocolNumber == 1 ? 0 : 0xd2, protocolNumber, 8])
            for half: UInt16 in [64500, 64501] { writer.write(half) }
            writer.write([24, 22, 0, 0])
        }
        return writer.bytes
    }

    /// One flow of IPv6 in NetFlow v9 (RFC 3954), its template before it, with counters of 64 bits.
    static func version9(at seconds: UInt32) -> [UInt8] {
        let fields: [(type: UInt16, size: UInt16)] = [
            (27, 16), (28, 16), (4, 1), (7, 2), (11, 2), (6, 1), (5, 1), (2, 8), (1, 8), (22, 4), (21, 4), (10, 4),
            (14, 4), (16, 4), (17, 4), (29, 1), (30, 1),
        ]
        var writer = ByteWriter()
        for half: UInt16 in [9, 2] { writer.write(half) }
        for word in [1_000_000, seconds, 1, 77] as [UInt32] { writer.write(word) }
        for half in [0, UInt16(8 + fields.count * 4), 300, UInt16(fields.count)] { writer.write(half) }
        for field in fields {
            writer.write(field.type)
            writer.write(field.size)
        }
        for half in [300, 4 + fields.reduce(0) { $0 + $1.size }] { writer.write(half) }
        for word in [0x2001_0db8_1111_2222, 0x3333_4444_5555_6666, 0x2001_0db8_0000_0000, 1] as [UInt64] {
            writer.write(word)
        }
        writer.write(UInt8(17))
        for half: UInt16 in [1234, 443] { writer.write(half) }
        writer.write([0, 32])
        for word in [5_000_000_000, 7_000_000_000_000] as [UInt64] { writer.write(word) }
        for word in [900_000, 999_000, 7, 9, 4_200_000_001, 64502] as [UInt32] { writer.write(word) }
        writer.write([48, 64])
        return writer.bytes
    }
}

/// nfcapd at work. A child of TestKit would inherit the signals that a test's thread blocks, and SIGTERM is how it ends.
private final class Collecting {
    private(set) var said = ""
    private let process: Int32
    private var output: Int32 = -1
    private var errors: Int32 = -1
    private var isReaped = false

    init(_ folder: String, port: UInt16, _ options: [String]) throws {
        let program = try #require(Tool.path(of: "nfcapd"))
        let words = ["nfcapd", "-w", folder, "-b", "127.0.0.1", "-p", "\(port)", "-t", "86400"] + options
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        process = linux_spawn_reader(program, &arguments, &environment, -1, &output, &errors)
        guard process > 0 else { throw TestKitError.system("posix_spawn", -process) }
    }

    deinit {
        if !isReaped {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        close(output)
        close(errors)
    }

    /// Waits until it has said this.
    func reads(_ text: String, within seconds: Int = 60) -> Bool {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(seconds)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !said.contains(text), clock.now < deadline {
            guard linux_wait_readable(output, errors, 1000) > 0 else { continue }
            for descriptor in [output, errors] {
                let count = read(descriptor, &buffer, buffer.count)
                if count > 0 { said += String(decoding: buffer[..<count], as: UTF8.self) }
            }
        }
        return said.contains(text)
    }

    /// Ends it as systemd would: it closes its file.
    func end() -> Int32 {
        // One that comes just before it begins to wait for a datagram wakes nobody.
        for _ in 0..<15 {
            kill(process, SIGTERM)
            if reads("Terminating nfcapd", within: 4) { break }
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        isReaped = true
        return status
    }
}

@Suite(.needs(tool: "nfcapd"), .needs(tool: "nfdump")) struct `A file of nfcapd` {
    /// What nfcapd writes of the exports, in the folder.
    private static func capture(_ options: [String], in folder: TemporaryFolder, at seconds: UInt32) throws -> String {
        let sender = try Sender()
        let port = try FlowSocket(binding: Endpoint(Address(ipv4: 0x7f00_0001), port: 0)).endpoint.port
        let collector = try Collecting(folder.path, port: port, options)
        try #require(collector.reads("Startup nfcapd"))
        sender.send(Export.version5(at: seconds), to: port)
        sender.send(Export.version9(at: seconds), to: port)
        // It says when it has met an exporter; then it has the datagram.
        try #require(collector.reads("New v9 exporter"))
        try #require(collector.end() == 0, "\(collector.said)")
        let names = try Tool.run(["ls", folder.path]).split(separator: "\n").filter { !$0.contains("current") }
        return folder.path(String(try #require(names.first)))
    }

    @Test(arguments: [[], ["-z"], ["-j"], ["-y"]])
    func `is read whole, however it is compressed`(options: [String]) throws {
        let folder = try TemporaryFolder()
        let seconds: UInt32 = 1_795_468_684
        let path = try Self.capture(options, in: folder, at: seconds)
        var input = try InputFile(opening: path)
        _ = try input.fill()
        #expect(InputKind.recognise(input.bytes) == .nfdump)
        var file = try NfdumpFile(opening: path)
        var flows: [FlowRecord] = []
        while let flow = try file.next() { flows.append(flow) }
        #expect(file.unread == 0 && file.warning == nil && file.records == 3)
        try #require(flows.count == 3)
        let now = Int64(seconds) * 1_000_000_000
        let tcp = flows[0]
        #expect((tcp.source, tcp.destination) == (Address(ipv4: 0xc000_0201), Address(ipv4: 0xc633_6407)))
        #expect((tcp.sourcePort, tcp.destinationPort, tcp.protocolNumber, tcp.flags) == (53, 40000, 6, 0xd2))
        // nfcapd multiplies by the sampling rate itself.
        #expect((tcp.packets, tcp.bytes, tcp.samplingRate) == (100_000, 150_000_000, 1))
        #expect((tcp.first, tcp.last) == (now + 123_000_000 - 5_000_000_000, now + 123_000_000 - 1_234_000_000))
        #expect((tcp.typeOfService, tcp.input, tcp.output, tcp.sourceAS, tcp.destinationAS) == (8, 3, 5, 64500, 64501))
        let icmp = flows[1]
        #expect((icmp.protocolNumber, icmp.icmpType, icmp.icmpCode, icmp.destinationPort) == (1, 3, 1, 0))
        let six = flows[2]
        #expect(six.source == Address("2001:db8:1111:2222:3333:4444:5555:6666"))
        #expect(six.destination == Address("2001:db8::1"))
        #expect((six.packets, six.bytes) == (5_000_000_000, 7_000_000_000_000))
        #expect((six.sourcePort, six.destinationPort, six.protocolNumber) == (1234, 443, 17))
        #expect((six.sourceAS, six.sourceMask, six.destinationMask) == (4_200_000_001, 48, 64))
        #expect((six.first, six.last) == (now - 100_000_000_000, now - 1_000_000_000))
        // A folder of such files is read as one.
        var all = try NfdumpFile(opening: folder.path)
        while try all.next() != nil {}
        #expect(all.records == 3)
    }

    @Test func `is refused where it is cut off or none at all`() throws {
        let folder = try TemporaryFolder()
        let path = try Self.capture([], in: folder, at: 1_795_468_684)
        let name = String(path.split(separator: "/").last ?? "")
        let whole = try folder.read(name)
        for bytes in [Array(whole[..<(whole.count / 2)]), Array(whole[..<100]), Array("nothing\n".utf8), []] {
            let broken = try folder.write(bytes, to: "broken")
            var file = try NfdumpFile(opening: broken)
            var error: InputError?
            do throws(InputError) { while try file.next() != nil {} } catch let refusal { error = refusal }
            #expect(error?.code == .programFailed)
            #expect(error?.reason.hasPrefix("nfdump ") == true)
        }
    }
}
