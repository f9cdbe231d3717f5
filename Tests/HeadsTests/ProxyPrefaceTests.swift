import Addresses
import Bytes
import Heads
import Testing

/// Headers as haproxy 2.6 sent them over loopback (send-proxy, send-proxy-v2, crc32c, unique-id), in hex.
private enum Recorded {
    static let clear4 = hex("0d0a0d0a000d0a515549540a2111000c7f0000017f000001bd9046b6")
    static let checked4 = hex("0d0a0d0a000d0a515549540a211100167f0000017f000001a78446b703000481312ed5050000")
    static let checked6 = hex(
        "0d0a0d0a000d0a515549540a2121002e00000000000000000000000000000001"
            + "00000000000000000000000000000001c79646b903000402a954dd050000")
    static let named4 = hex(
        "0d0a0d0a000d0a515549540a211100257f0000017f000001802846bc030004c3870ee005000f7761737374726161742d3133383132")
    static let local = hex("0d0a0d0a000d0a515549540a20000000")
}

private func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count, by: 2).map {
        UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0
    }
}

private func read(_ bytes: [UInt8]) throws(Malformed) -> ProxyPreface.Reading {
    try ProxyPreface.read(bytes.span.bytes)
}

private func read(_ text: String) throws(Malformed) -> ProxyPreface.Reading { try read(Array(text.utf8)) }

private func reason(_ bytes: [UInt8]) -> Malformed.Reason? {
    do {
        _ = try read(bytes)
        return nil
    } catch {
        return error.reason
    }
}

/// A header of version 2 with a right length.
private func binary(command: UInt8 = 0x21, family: UInt8 = 0x11, _ block: [UInt8]) -> [UInt8] {
    Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [command, family, UInt8(block.count >> 8), UInt8(block.count & 255)] + block
}

private let addresses4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 0xc0, 0x00, 0x01, 0xbb]

@Suite struct `PROXY version 1` {
    @Test(arguments: [
        ("PROXY TCP4 192.0.2.1 198.51.100.7 49152 443\r\n", "192.0.2.1:49152", "198.51.100.7:443"),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535",
            "255.255.255.255:65535"
        ),
        ("PROXY TCP4 127.0.0.1 127.0.0.1 51096 18101\r\n", "127.0.0.1:51096", "127.0.0.1:18101"),
        ("PROXY TCP6 ::1 ::1 46740 18104\r\n", "[::1]:46740", "[::1]:18104"),
        ("PROXY TCP6 ::ffff:127.0.0.1 ::ffff:127.0.0.1 60656 18109\r\n", "127.0.0.1:60656", "127.0.0.1:18109"),
        ("PROXY TCP6 2001:DB8::a 2001:db8::b 0 1\r\n", "[2001:db8::a]:0", "[2001:db8::b]:1"),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
        ),
    ])
    func `names the visitor`(line: String, source: String, destination: String) throws {
        let source: Endpoint = try #require(Endpoint(source))
        let destination: Endpoint = try #require(Endpoint(destination))
        let preface = ProxyPreface.Preface(length: line.utf8.count, source: source, destination: destination)
        #expect(try read(line) == .preface(preface))
        #expect(try read(line + "GET / HTTP/1.1\r\n\r\n") == .preface(preface))
    }

    @Test(arguments: [
        "PROXY UNKNOWN\r\n", "PROXY UNKNOWN whatever  stands here\r\n",
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
    ])
    func `names nobody where the sender does not know`(line: String) throws {
        #expect(try read(line) == .preface(ProxyPreface.Preface(length: line.utf8.count)))
    }

    @Test func `asks for more at every place before the end`() throws {
        let line = Array("PROXY TCP4 192.0.2.1 198.51.100.7 49152 443\r\n".utf8)
        for length in 0..<line.count { #expect(try read(Array(line[..<length])) == .more) }
    }

    @Test(arguments: [
        "proxy TCP4 192.0.2.1 198.51.100.7 49152 443\r\n", "PROXX TCP4 ", "GET / HTTP/1.1\r\n", "PROXY\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 49152 443\n", "PROXY TCP4 192.0.2.1 198.51.100.7 49152 443\r\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.7 49152 443\r\n", "PROXY TCP4 192.0.2.1 198.51.100.7 49152 443 \r\n",
        "PROXY  TCP4 192.0.2.1 198.51.100.7 49152 443\r\n", "PROXY TCP4 192.0.2.1\t198.51.100.7 49152 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 49152\r\n", "PROXY TCP4 192.0.2.1 198.51.100.7 49152 443 1\r\n",
        "PROXY TCP4\r\n", "PROXY TCP4 \r\n", "PROXY \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 049152 443\r\n", "PROXY TCP4 192.0.2.1 198.51.100.7 49152 00\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 65536 443\r\n", "PROXY TCP4 192.0.2.1 198.51.100.7 -1 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 +1 443\r\n", "PROXY TCP4 192.0.2.01 198.51.100.7 1 443\r\n",
        "PROXY TCP4 192.0.2 198.51.100.7 1 443\r\n", "PROXY TCP6 [::1] ::1 1 443\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 1 443\0\r\n", "PROXY UNKNOWN \u{7f}\r\n", "PROXY UNKNOWN a\nb\r\n",
    ])
    func `refuses what the grammar does not allow`(line: String) {
        #expect(reason(Array(line.utf8)) == .invalid)
    }

    @Test(arguments: [
        "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 192.0.2.1 ::1 1 2\r\n", "PROXY TCP6 ::1 192.0.2.1 1 2\r\n",
    ])
    func `refuses addresses of another family`(line: String) {
        #expect(reason(Array(line.utf8)) == .contradictory)
    }

    @Test(arguments: [
        "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY UNKNOWNS\r\n",
    ])
    func `refuses other families`(line: String) {
        #expect(reason(Array(line.utf8)) == .unsupported)
    }

    @Test func `takes 107 bytes and no more`() throws {
        let most = "PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n"
        #expect(most.utf8.count == ProxyPreface.lineLimit)
        #expect(try read(most) == .preface(ProxyPreface.Preface(length: 107)))
        let more = Array(("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n").utf8)
        #expect(reason(more) == .overBudget)
        // Refused when it is too long, not when its end comes.
        #expect(reason(Array(more[..<107])) == .overBudget)
        #expect(try read(Array(more[..<106])) == .more)
    }
}

@Suite struct `PROXY version 2` {
    @Test(arguments: [
        (Recorded.clear4, "127.0.0.1:48528", "127.0.0.1:18102"),
        (Recorded.checked4, "127.0.0.1:42884", "127.0.0.1:18103"),
        (Recorded.checked6, "[::1]:51094", "[::1]:18105"), (Recorded.named4, "127.0.0.1:32808", "127.0.0.1:18108"),
        (binary(addresses4), "192.0.2.1:49152", "198.51.100.7:443"),
        (binary(family: 0x12, addresses4), "192.0.2.1:49152", "198.51.100.7:443"),
    ])
    func `names the visitor`(header: [UInt8], source: String, destination: String) throws {
        let source: Endpoint = try #require(Endpoint(source))
        let destination: Endpoint = try #require(Endpoint(destination))
        let preface = ProxyPreface.Preface(length: header.count, source: source, destination: destination)
        #expect(try read(header) == .preface(preface))
        #expect(try read(header + [0x16, 3, 1]) == .preface(preface))
        for length in 0..<header.count { #expect(try read(Array(header[..<length])) == .more) }
    }

    @Test(arguments: [
        Recorded.local, binary(command: 0x20, addresses4), binary(command: 0x20, family: 0xff, [1, 2, 3]),
        binary(family: 0x00, []), binary(family: 0x00, [1, 2, 3]),
        binary(family: 0x31, Array(repeating: 0, count: 216)),
    ])
    func `names nobody for a peer's own or an unnamed connection`(header: [UInt8]) throws {
        #expect(try read(header) == .preface(ProxyPreface.Preface(length: header.count)))
    }

    @Test func `refuses a header with any bit of it changed when it has a checksum`() {
        // Byte 28 is the type that makes the field a checksum.
        for bit in (16 * 8)..<(Recorded.checked4.count * 8) where bit / 8 != 28 {
            var header = Recorded.checked4
            header[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(reason(header) != nil, "bit \(bit)")
        }
    }

    @Test func `refuses another signature, at its first wrong byte`() {
        for index in 0..<12 {
            var header = Recorded.clear4
            header[index] ^= 1
            #expect(throws: Malformed(.invalid, at: index)) { try read(Array(header[...index])) }
        }
    }

    @Test(arguments: [
        (binary(command: 0x11, addresses4), Malformed.Reason.unsupported),
        (binary(command: 0x22, addresses4), .unsupported), (binary(command: 0x31, addresses4), .unsupported),
        (binary(family: 0x10, addresses4), .unsupported), (binary(family: 0x13, addresses4), .unsupported),
        (binary(family: 0x41, addresses4), .unsupported), (binary(Array(addresses4.dropLast())), .truncated),
        (binary(family: 0x21, addresses4), .truncated), (binary(family: 0x31, addresses4), .truncated),
        (binary(addresses4 + [1]), .truncated), (binary(addresses4 + [1, 0]), .truncated),
        (binary(addresses4 + [1, 0, 2, 0]), .truncated), (binary(addresses4 + [3, 0, 3, 0, 0, 0]), .invalid),
        (binary(addresses4 + [3, 0, 4, 0, 0, 0, 0]), .contradictory),
    ])
    func `refuses what the form does not allow`(header: [UInt8], expected: Malformed.Reason) {
        #expect(reason(header) == expected)
    }

    @Test func `takes TLVs that it does not know`() throws {
        let header = binary(addresses4 + [4, 0, 0] + [0xe0, 0, 2, 9, 9] + [5, 0, 1, 7])
        #expect(
            try read(header)
                == .preface(
                    .init(
                        length: header.count, source: Endpoint("192.0.2.1:49152"),
                        destination: Endpoint("198.51.100.7:443"))))
    }

    @Test func `refuses a header that is too long as soon as it says so`() throws {
        let longest = binary(addresses4 + [4] + [0x0f, 0xf1] + Array(repeating: 0, count: 4081))
        #expect(longest.count == ProxyPreface.lengthLimit)
        guard case .preface(let preface) = try read(longest) else { return #expect(Bool(false)) }
        #expect(preface.length == ProxyPreface.lengthLimit)
        #expect(reason(Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [0x21, 0x11, 0x10, 0x01]) == .overBudget)
        #expect(reason(Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [0x20, 0x00, 0xff, 0xff]) == .overBudget)
    }

    @Test func `refuses any other first byte at once`() throws {
        #expect(try read([]) == .more)
        for first in UInt8.min...UInt8.max where first != UInt8(ascii: "P") && first != 0x0d {
            #expect(throws: Malformed(.invalid, at: 0)) { try read([first]) }
        }
    }
}
