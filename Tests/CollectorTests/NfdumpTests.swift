import Addresses
import CLinux
import Collector
import Flows
import Glibc
import TestKit
import Testing

private func read(_ line: String) -> FlowRecord? { NfdumpLine.read(Array(line.utf8).span.bytes) }

/// A line as nfdump 1.7.1 prints it.
private func line(
    from first: String = "2026-11-23 21:18:00.123", source: String = "192.0.2.1", ports: String = "   53| 40000",
    type: String = "0|     0", protocolNumber: String = "17   ", flags: String = "........", packets: String = "100000",
    mask: String = "24"
) -> String {
    "\(first)|2026-11-23 21:18:03.889|        \(source)|      198.51.100.7|\(ports)|     \(type)|\(protocolNumber)"
        + "|\(flags)|  8|  \(packets)|150000000|     3|     5|4200000001| 64501|   \(mask)|   22"
}

@Suite struct `A line of nfdump` {
    @Test func `gives the flow`() throws {
        var expected = FlowRecord()
        expected.first = 1_795_468_680_123_000_000
        expected.last = 1_795_468_683_889_000_000
        expected.source = Address(ipv4: 0xc000_0201)
        expected.destination = Address(ipv4: 0xc633_6407)
        expected.sourcePort = 53
        expected.destinationPort = 40000
        expected.protocolNumber = 17
        expected.typeOfService = 8
        expected.packets = 100_000
        expected.bytes = 150_000_000
        expected.input = 3
        expected.output = 5
        expected.sourceAS = 4_200_000_001
        expected.destinationAS = 64501
        expected.sourceMask = 24
        expected.destinationMask = 22
        #expect(read(line()) == expected)
        expected.source = try #require(Address("2001:db8:1111:2222:3333:4444:5555:6666"))
        expected.packets = .max
        #expect(read(line(source: "\(expected.source)", packets: "18446744073709551615")) == expected)
    }

    @Test(arguments: [
        ("...A..S.", 0x12), ("CEUAPRSF", 0xff), ("........", 0), (".......F", 1), ("C.......", 0x80),
        ("    0xc2", 0xc2),
        ("0xFf", 0xff),
    ])
    func `gives TCP's flags, and no other protocol's`(text: String, expected: UInt8) {
        #expect(read(line(protocolNumber: "6", flags: text))?.flags == expected)
        #expect(read(line(protocolNumber: "17", flags: text))?.flags == 0)
    }

    @Test func `gives ICMP's type and code, and no port`() throws {
        let flow = try #require(read(line(ports: "0|   3.1", type: "3|     1", protocolNumber: "1")))
        #expect((flow.icmpType, flow.icmpCode) == (3, 1))
        #expect((flow.sourcePort, flow.destinationPort) == (0, 0))
        // Of TCP nfdump prints the port's halves there.
        let other = try #require(read(line(type: "156|    64", protocolNumber: "6")))
        #expect((other.icmpType, other.icmpCode) == (0, 0))
    }

    @Test(arguments: [
        ("1970-01-01 00:00:00.000", 0), ("0000-00-00 00:00:00.000", 0), ("1970-01-01 00:00:00.001", 1_000_000),
        ("2000-02-29 23:59:59.999", 951_868_799_999_000_000), ("2024-03-01 00:00:00.000", 1_709_251_200_000_000_000),
        ("2261-12-31 23:59:60.999", 9_214_646_400_999_000_000),
    ])
    func `gives times in nanoseconds`(text: String, expected: Int64) {
        #expect(read(line(from: text))?.first == expected)
    }

    @Test(arguments: [
        "", "No matching flows", "|", line() + "|1", String(line().dropLast(5)), line(from: "2026-13-23 21:18:00.123"),
        line(from: "2026-00-23 21:18:00.123"), line(from: "2262-01-01 00:00:00.000"),
        line(from: "2026-11-23T21:18:00.123"),
        line(from: "2026-11-23 21:18:00"), line(source: "192.0.2.256"), line(source: "2001:db..5:6666"),
        line(source: ""), line(ports: "65536|1"), line(ports: "1|256.1"), line(ports: "1|.1"), line(ports: "1|1."),
        line(type: "256|0"), line(protocolNumber: "256"), line(protocolNumber: "TCP"), line(flags: "...A..S"),
        line(flags: "0xg1"), line(flags: "...A..9."), line(packets: "18446744073709551616"), line(packets: "1.2 M"),
        line(packets: "-1"), line(mask: "129"), line().replacing("|", with: ","),
    ])
    func `is refused where it is not of the form`(line: String) {
        #expect(read(line) == nil)
    }

    @Test func `is refused at every truncation`() {
        let whole = Array(line().utf8)
        // One digit less is still a number: the last field's.
        for length in 0..<whole.count - 1 { #expect(NfdumpLine.read(Array(whole[..<length]).span.bytes) == nil) }
    }
}

/// A program of this name in a folder of its own, which does what the test says.
private struct Pretender {
    let folder: TemporaryFolder

    init(_ script: String) throws {
        folder = try TemporaryFolder()
        try folder.write(Array("#!/bin/sh\n\(script)\n".utf8), to: "nfdump", mode: 0o700)
        try folder.write([0x0c, 0xa5, 2, 0], to: "flows")
    }

    func open() throws(InputError) -> NfdumpFile {
        try NfdumpFile(opening: folder.path("flows"), searching: folder.path)
    }

    /// All flows, or why not.
    func read() -> (flows: [FlowRecord], unread: UInt64, error: InputError?, warning: String?) {
        var flows: [FlowRecord] = []
        do throws(InputError) {
            var file = try open()
            do throws(InputError) {
                while let flow = try file.next() { flows.append(flow) }
                #expect(try file.next() == nil)
                return (flows, file.unread, nil, file.warning)
            } catch {
                return (flows, file.unread, error, file.warning)
            }
        } catch {
            return (flows, 0, error, nil)
        }
    }
}

@Suite struct `A file of nfdump` {
    @Test func `is asked for in the form that is read, in UTC`() throws {
        let program = try Pretender(#"echo "$@" > "${0%/*}/asked"; echo "$TZ" >> "${0%/*}/asked"; pwd >/dev/null"#)
        let result = program.read()
        #expect(result.error == nil && result.flows.isEmpty)
        let asked = String(decoding: try program.folder.read("asked"), as: UTF8.self)
        #expect(asked == "-C none -r \(program.folder.path("flows")) -q -N -6 -o \(NfdumpLine.form)\nUTC0\n")
    }

    @Test func `gives each line's flow, and counts what is none`() throws {
        let program = try Pretender(
            "i=0; while [ $i -lt 3000 ]; do echo '\(line())'; i=$((i+1)); done; echo Summary; echo; echo No matching flows"
        )
        let result = program.read()
        #expect(result.flows.count == 3000)
        #expect(Set(result.flows.map(\.packets)) == [100_000])
        #expect(result.unread == 1)
        #expect(result.error == nil)
    }

    @Test func `passes over a line that is too long`() throws {
        let program = try Pretender("head -c 600000 /dev/zero | tr '\\0' x; echo; echo '\(line())'")
        let result = program.read()
        #expect(result.flows.count == 1)
        #expect(result.unread == 1)
    }

    @Test func `fails with the program, and says what it said`() throws {
        let failed = try Pretender("echo '\(line())'; echo 'Unknown extension' >&2; exit 255").read()
        #expect(failed.flows.count == 1)
        #expect(failed.error?.code == .programFailed)
        #expect(failed.error?.reason == "nfdump ended with status 255 after 1 flows: Unknown extension")
        // The real one ends with 0 where it cannot read a file at all.
        let silent = try Pretender("echo 'No matching flows'; echo 'Short read' >&2; echo 'GetNextFile' >&2").read()
        #expect(silent.error?.reason == "nfdump failed: Short read; GetNextFile")
        let ended = try Pretender("kill -9 $$").read()
        #expect(ended.error?.reason == "nfdump was ended by signal 9")
        let warned = try Pretender("echo '\(line())'; echo 'odd' >&2").read()
        #expect(warned.error == nil)
        #expect(warned.warning == "odd")
    }

    @Test func `takes endless complaints without waiting or keeping them`() throws {
        let program = try Pretender("head -c 1000000 /dev/zero | tr '\\0' e >&2; echo '\(line())'; echo end >&2")
        let result = program.read()
        #expect(result.flows.count == 1)
        #expect(result.warning?.utf8.count == NfdumpFile.complaintLimit)
    }

    @Test func `ends the program when it is let go`() throws {
        let program = try Pretender(#"echo $$ > "${0%/*}/pid"; while :; do echo '\#(line())'; done"#)
        do {
            var file = try program.open()
            #expect(try file.next() != nil)
        }
        let text = String(decoding: try program.folder.read("pid"), as: UTF8.self)
        let process = try #require(Int32(text.filter(\.isNumber)))
        #expect(kill(process, 0) == -1 && errno == ESRCH)
    }

    @Test func `says which package is missing, and which file`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([1], to: "flows")
        var error: InputError?
        do throws(InputError) { _ = try NfdumpFile(opening: path, searching: folder.path) } catch let refusal {
            error = refusal
        }
        #expect(error?.code == .programMissing)
        #expect(error?.reason.contains("install the package nfdump") == true)
        error = nil
        do throws(InputError) { _ = try NfdumpFile(opening: folder.path("none")) } catch let refusal { error = refusal }
        #expect(error?.code == .cannotOpen)
    }
}
