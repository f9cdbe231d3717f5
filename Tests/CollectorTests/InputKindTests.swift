import Collector
import TestKit
import Testing

private func kind(_ bytes: [UInt8]) -> InputKind { InputKind.recognise(bytes.span.bytes) }
private func kind(_ text: String) -> InputKind { kind(Array(text.utf8)) }

private func reason(_ kind: InputKind) -> String? {
    guard case .unknown(let reason) = kind else { return nil }
    return reason
}

@Suite struct `What a file holds` {
    @Test(arguments: [
        ([0xa1, 0xb2, 0xc3, 0xd4], InputKind.pcap), ([0xd4, 0xc3, 0xb2, 0xa1], .pcap),
        ([0xa1, 0xb2, 0xcd, 0x34], .pcap), ([0x34, 0xcd, 0xb2, 0xa1], .pcap), ([0xa1, 0xb2, 0x3c, 0x4d], .pcap),
        ([0x4d, 0x3c, 0xb2, 0xa1], .pcap),
        ([0x0a, 0x0d, 0x0d, 0x0a], .pcapng),
        ([0x0c, 0xa5, 2, 0], .nfdump), ([0x0c, 0xa5, 1, 0], .nfdump),
        ([0xa5, 0x0c, 0, 2], .nfdump), ([0xa5, 0x0c, 0, 1], .nfdump),
    ])
    func `is told by its magic number`(magic: [UInt8], expected: InputKind) {
        #expect(kind(magic + [0, 0, 1, 2]) == expected)
        #expect(kind(magic) == expected)
        #expect(reason(kind(Array(magic.dropLast()))) != nil)
    }

    @Test(arguments: [
        #"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5"# + "\n",
        #"2001:db8::1 - karel [01/Jan/2026:00:00:00 +0100] "POST /a HTTP/2.0" 503 0 "-" "curl/8""#,
        #"www.example.nl 192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "\x16\x03" 400 0"# + "\r\n{}",
        #"[x] 192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "-" 408 0"#,
    ])
    func `is a text log by its first line`(text: String) {
        #expect(kind(text) == .textLog)
    }

    @Test(arguments: [
        #"{"time":"2026-01-01","status":200}"# + "\n" + #"{"time":"2026-01-01","status":200}"# + "\n",
        #"{"a":{"b":[1,"}{"]}}"# + "\r\n\r\n" + #"{"a""#,
        #"{"remote_addr":"192.0.2.1","status":"404","request":"GET / HTTP/1.1"}"#,
        #"{"ClientAddr":"192.0.2.1:5","DownstreamStatus":200,"RequestMethod":"GET"}"#,
        #"{"http.response.status_code":200,"url.path":"/"}"#,
        #"  {"request":{"method":"GET","uri":"/"},"status":200}"# + "\n",
        "\u{feff}" + #"{"status":200,"path":"/"}"#,
    ])
    func `is a log of JSON lines`(text: String) {
        #expect(kind(text) == .jsonLog)
    }

    @Test(arguments: [
        "{}", "[]", "{\n  \"format\": 1\n}\n", #"{"format":"fingerprint","target":{"status":1,"method":2}}"#,
        #"[{"a":1},{"a":2}]"#, #"{"a":"{\"status\":1,\"request\":2}"}"#, #"{"status":"open"}"#, #"{"unfinished": ["#,
        "{\n\"status\":200,\"path\":\"/\"}\n{\"status\":200}", "[[1],[2]]",
    ])
    func `is a JSON document`(text: String) {
        #expect(kind(text) == .jsonDocument)
    }

    @Test(arguments: [
        ("", "empty"), ("BZh91AY", "bzip2"), ("PK\u{3}\u{4}", "zip"), ("hello\n", "no web server's log line"),
        ("snoop\0\0\0", "snoop"), ("GMBU\0", "Network Monitor"),
        ("\0\0\0\0", "begins with 0 0 0 0".replacing(" 0", with: " 00")),
        ("#Fields: date time\n", "W3C"), ("{ nothing", "no web server's log line"), ("[error] x\n", "no JSON"),
    ])
    func `is unknown with a reason that helps`(text: String, expected: String) throws {
        let said = try #require(reason(kind(text)))
        #expect(said.contains(expected), "\(said)")
    }

    @Test(arguments: [
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz"), ([0x1f, 0x8b, 8, 0], "twice"), ([0x28, 0xb5, 0x2f, 0xfd], "twice"),
        ([4, 0x22, 0x4d, 0x18], "lz4"), ([0xff], "begins with ff"),
        ([0x0c, 0xa5, 9, 9], "begins with 0c a5 09 09"),
    ])
    func `is unknown by its magic number with a reason`(bytes: [UInt8], expected: String) throws {
        let said = try #require(reason(kind(bytes)))
        #expect(said.contains(expected), "\(said)")
    }

    @Test func `is told of any bytes without a fault`() {
        let alphabet = Array("{}[]\"\\:,\n 019aA/+-".utf8) + [0, 255, 0xa1]
        let noise = sample(60_000)
        for start in stride(from: 0, to: noise.count - 40, by: 13) {
            let bytes = noise[start..<start + Int(noise[start]) % 40].map { alphabet[Int($0) % alphabet.count] }
            let first = kind(bytes)
            #expect(first == kind(bytes))
            _ = kind(Array("{\"".utf8) + bytes)
        }
    }

    @Test(
        .needsShared("data"),
        arguments: [
            ("data/flows/akvorado-netflow/nfv5.pcap", InputKind.pcap), ("data/benign/NTP_sync.pcap", .pcap),
            ("data/EUPL-1.2.txt", .unknown(reason: "")), ("data/shapes/hacktivist-2024-06.json", .jsonDocument),
        ])
    func `is told of real files`(name: String, expected: InputKind) throws {
        var file = try InputFile(opening: try #require(SharedData.path(name)))
        _ = try file.fill(needing: InputKind.headSize)
        let kind = InputKind.recognise(file.bytes)
        #expect(kind == expected || reason(kind) != nil && reason(expected) != nil)
    }
}
