import Heads
import Testing

/// A request's head as the lane reads it: its end is found first, then it is read.
func readRequest(_ text: String, limits: HeadLimits = HeadLimits()) -> (head: RequestHead, refusal: Refusal?) {
    readRequest(Array(text.utf8), limits: limits)
}

func readRequest(_ bytes: [UInt8], limits: HeadLimits = HeadLimits()) -> (head: RequestHead, refusal: Refusal?) {
    var head = RequestHead()
    var scanner = HeadScanner()
    switch scanner.scan(bytes.span, limit: limits.bytes) {
    case .more: return (head, Refusal(.headTooLong, at: -1))
    case .refused(let refusal): return (head, refusal)
    case .head(let start, let end):
        let refusal = head.read(bytes.span.extracting(..<end), from: start, limits: limits)
        return (head, refusal)
    }
}

private func text(_ slice: Slice, of whole: String) -> String { text(slice, of: Array(whole.utf8)) }

func text(_ slice: Slice, of bytes: [UInt8]) -> String { bytes.span.text(slice) }

private func scan(_ scanner: inout HeadScanner, _ bytes: some Collection<UInt8>, limit: Int) -> HeadScanner.Finding {
    let bytes = Array(bytes)
    return scanner.scan(bytes.span, limit: limit)
}

private func hostText(_ head: RequestHead, _ bytes: [UInt8]) -> String { text(head.host(bytes.span), of: bytes) }

private func long(_ byte: Character, _ count: Int) -> String { String(repeating: byte, count: count) }

@Suite struct `A request that is accepted` {
    @Test(arguments: [
        ("GET / HTTP/1.1", "www.example.nl", "/"),
        ("GET /nieuws?jaar=2026&q=%20 HTTP/1.1", "www.example.nl", "/nieuws?jaar=2026&q=%20"),
        ("GET //double/./../x HTTP/1.1", "www.example.nl", "//double/./../x"),
        ("POST http://abs.example.nl/zoek?q=1 HTTP/1.1", "abs.example.nl", "/zoek?q=1"),
        ("GET HTTPS://abs.example.nl:8443/ HTTP/1.1", "abs.example.nl:8443", "/"),
        ("GET http://abs.example.nl HTTP/1.1", "abs.example.nl", ""),
        ("OPTIONS * HTTP/1.1", "www.example.nl", ""),
        ("PROPFIND /dav HTTP/1.1", "www.example.nl", "/dav"),
        ("GET / HTTP/1.0", "www.example.nl", "/"),
    ])
    func `has its authority and its path`(line: String, authority: String, path: String) {
        let whole = "\(line)\r\nHost: www.example.nl\r\n\r\n"
        let (head, refusal) = readRequest(whole)
        #expect(refusal == nil)
        #expect(text(head.authority, of: whole) == authority)
        #expect(text(head.path, of: whole) == path)
        #expect(head.isAsterisk == (line == "OPTIONS * HTTP/1.1"))
    }

    @Test(arguments: [
        ("GET", Method.get, true), ("HEAD", .head, true), ("POST", .post, false), ("PUT", .put, true),
        ("DELETE", .delete, true), ("OPTIONS", .options, true), ("PATCH", .patch, false), ("get", .other, false),
        ("GETS", .other, false), ("PROPFIND", .other, false), ("M-SEARCH", .other, false),
    ])
    func `has its method, whose case counts`(name: String, method: Method, isIdempotent: Bool) {
        let (head, refusal) = readRequest("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(refusal == nil)
        #expect(head.method == method)
        #expect(head.method.isIdempotent == isIdempotent)
    }

    @Test(arguments: [
        "www.example.nl", "www.example.nl:8080", "WWW.Example.NL", "www.example.nl.", "192.0.2.1", "192.0.2.1:1",
        "[2001:db8::1]", "[2001:db8::1]:443", "[::ffff:192.0.2.1]", "under_score.example", "a", "a:",
    ])
    func `may have this host`(host: String) {
        let whole = "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        let (head, refusal) = readRequest(whole)
        #expect(refusal == nil)
        #expect(text(head.authority, of: whole) == host)
        let bytes = Array(whole.utf8)
        #expect(!hostText(head, bytes).hasSuffix(":8080"))
    }

    @Test(arguments: [
        ("www.example.nl:8080", "www.example.nl"), ("[2001:db8::1]:443", "[2001:db8::1]"), ("192.0.2.1", "192.0.2.1"),
        ("a:", "a"),
    ])
    func `knows its host without the port`(authority: String, host: String) {
        let whole = Array("GET / HTTP/1.1\r\nHost: \(authority)\r\n\r\n".utf8)
        let (head, _) = readRequest(whole)
        #expect(hostText(head, whole) == host)
    }

    @Test func `may have spaces and tabs around its values, which do not belong to them`() {
        let whole = "GET / HTTP/1.1\r\nHost:\t www.example.nl \t\r\nX-Empty:\r\nX-Inner:  a \t b  \r\n\r\n"
        let (head, refusal) = readRequest(whole)
        #expect(refusal == nil)
        #expect(head.fields.map { text($0.value, of: whole) } == ["www.example.nl", "", "a \t b"])
        #expect(head.fields.map { text($0.name, of: whole) } == ["Host", "X-Empty", "X-Inner"])
    }

    @Test func `may have bytes above 127 in a value`() {
        let (head, refusal) = readRequest("GET / HTTP/1.1\r\nHost: a\r\nX-Name: Zoë\r\n\r\n")
        #expect(refusal == nil)
        #expect(head.fields.count == 2)
    }

    @Test(arguments: [0, 1, 2]) func `may come after a few empty lines`(count: Int) {
        let (head, refusal) = readRequest(
            String(repeating: "\r\n", count: count) + "GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(refusal == nil)
        #expect(Int(head.methodName.start) == 2 * count)
    }

    @Test func `in HTTP 1.0 needs no host`() {
        let (head, refusal) = readRequest("GET / HTTP/1.0\r\n\r\n")
        #expect(refusal == nil)
        #expect(head.minorVersion == 0)
        #expect(head.authority.count == 0)
    }

    @Test(arguments: [
        ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.1", "Connection: x, CLOSE\r\n", false),
        ("1.1", "Connection: keep-alive\r\n", true), ("1.0", "", false), ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
        ("1.1", "Connection: keep-alive\r\nConnection: close\r\n", false),
    ])
    func `says whether the connection stands`(version: String, field: String, keeps: Bool) {
        let (head, refusal) = readRequest("GET / HTTP/\(version)\r\nHost: a\r\n\(field)\r\n")
        #expect(refusal == nil)
        #expect(head.keepsAlive == keeps)
    }

    @Test(arguments: [
        ("", Framing.none), ("Content-Length: 0\r\n", .none), ("Content-Length: 12\r\n", .length(12)),
        ("Content-Length: 000012\r\n", .length(12)), ("Content-Length:  12\t\r\n", .length(12)),
        ("Content-Length: 999999999999999999\r\n", .length(999_999_999_999_999_999)),
        ("Transfer-Encoding: chunked\r\n", .chunked), ("transfer-encoding:CHUNKED\r\n", .chunked),
        // Names with an underscore are other names here, and must not be passed on.
        ("Content_Length: 5\r\n", .none), ("Transfer_Encoding: chunked\r\n", .none),
    ])
    func `says how its content ends`(field: String, framing: Framing) {
        let (head, refusal) = readRequest("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n")
        #expect(refusal == nil)
        #expect(head.framing == framing)
        #expect(head.fields.contains { $0.isLookalike } == field.contains("_"))
    }

    @Test func `may expect 100-continue, which means nothing in HTTP 1.0`() {
        let field = "Host: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n"
        #expect(readRequest("POST / HTTP/1.1\r\n\(field)").head.expectsContinue)
        #expect(!readRequest("POST / HTTP/1.0\r\n\(field)").head.expectsContinue)
        #expect(readRequest("POST / HTTP/1.0\r\n\(field)").refusal == nil)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "websocket"),
        ("GET / HTTP/1.1", "Connection: keep-alive, upgrade\r\nUpgrade: x/1\r\n", "x/1"),
        // Not named in Connection, not HTTP/1.1, with content, or to HTTP/2 in clear: no upgrade.
        ("GET / HTTP/1.1", "Upgrade: websocket\r\n", ""),
        ("GET / HTTP/1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n", ""),
        ("POST / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n", ""),
        ("GET / HTTP/1.1", "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\nUpgrade: h2c\r\n", ""),
        ("GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n", ""),
        ("GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c, x\r\n", ""),
        ("GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2cx\r\n", "h2cx"),
    ])
    func `may ask for another protocol`(line: String, fields: String, upgrade: String) {
        let whole = "\(line)\r\nHost: a\r\n\(fields)\r\n"
        let (head, refusal) = readRequest(whole)
        #expect(refusal == nil)
        #expect(text(head.upgrade, of: whole) == upgrade)
    }

    @Test func `knows the fields that Connection names`() {
        let whole = Array(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-One ,x-two\r\nx-one: 1\r\nX-TWO: 2\r\nX-Three: 3\r\n\r\n"
                .utf8)
        let (head, _) = readRequest(whole)
        let named = head.fields.filter { head.connectionNames($0, whole.span) }
        #expect(named.map { text($0.name, of: whole) } == ["x-one", "X-TWO"])
    }

    @Test func `leaves nothing behind in the next one`() {
        var head = RequestHead()
        let first = Array(
            "POST http://x.nl/p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close, z\r\n\r\n"
                .utf8)
        let second = Array("GET /q HTTP/1.1\r\nHost: b\r\n\r\n".utf8)
        let refusals = [
            head.read(first.span, from: 0, limits: HeadLimits()), head.read(second.span, from: 0, limits: HeadLimits()),
        ]
        #expect(refusals == [nil, nil])
        #expect(head.framing == .none)
        #expect(head.keepsAlive)
        #expect(!head.expectsContinue)
        #expect(!head.hasConnectionOptions)
        #expect(text(head.authority, of: second) == "b")
        #expect(head.fields.count == 1)
    }
}

@Suite struct `A request that is refused` {
    /// The whole head; the reason; the status.
    @Test(arguments: [
        // Framing: what two readers could understand in two ways.
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", Refusal.Reason.lengthAndCoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", .lengthAndCoding),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked", .lengthAndCoding),
        ("Content-Length: 5\r\nContent-Length: 5", .duplicateContentLength),
        ("Content-Length: 5\r\nContent-Length: 6", .duplicateContentLength),
        ("Content-Length: +5", .badContentLength), ("Content-Length: -5", .badContentLength),
        ("Content-Length: 5 5", .badContentLength), ("Content-Length: 5, 5", .badContentLength),
        ("Content-Length: 5,5", .badContentLength), ("Content-Length: 0x5", .badContentLength),
        ("Content-Length: 5;", .badContentLength), ("Content-Length: 1e3", .badContentLength),
        ("Content-Length:", .badContentLength), ("Content-Length: five", .badContentLength),
        ("Content-Length: 1234567890123456789", .badContentLength),
        ("Content-Length: 18446744073709551621", .badContentLength),
        ("Transfer-Encoding: gzip", .badCoding), ("Transfer-Encoding: gzip, chunked", .badCoding),
        ("Transfer-Encoding: chunked, chunked", .badCoding), ("Transfer-Encoding: chunked, identity", .badCoding),
        ("Transfer-Encoding: identity", .badCoding), ("Transfer-Encoding: xchunked", .badCoding),
        ("Transfer-Encoding: chunked;q=1", .badCoding), ("Transfer-Encoding: \"chunked\"", .badCoding),
        ("Transfer-Encoding:", .badCoding), ("Transfer-Encoding: chunked,", .badCoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .badCoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", .badCoding),
        ("Transfer-Encoding:\u{0b}chunked", .badFieldValue), ("Transfer-Encoding: chunked\u{0}", .badFieldValue),
        ("Transfer-Encoding : chunked", .badFieldName), ("Content-Length : 5", .badFieldName),
        ("Content-Length\t: 5", .badFieldName),
        // Lines.
        ("X-A: 1\r\n folded", .foldedLine), ("X-A: 1\r\n\tfolded: 2", .foldedLine),
        ("X-A: 1\rX-B: 2", .bareCarriageReturn), ("X-A: 1\r\r", .bareCarriageReturn), (": empty", .badFieldName),
        ("no colon", .badFieldName), ("nocolon", .badFieldName), ("X(A: 1", .badFieldName), ("X-Ä: 1", .badFieldName),
        ("X-A\u{0}: 1", .badFieldName), ("X-A: \u{0}", .badFieldValue), ("X-A: \u{7f}", .badFieldValue),
        ("X-A: \u{8}", .badFieldValue), ("X-A: \u{1b}[0m", .badFieldValue),
        // Host.
        ("Host: b", .duplicateHost), ("Host: a", .duplicateHost),
        ("Expect: 200-ok", .badExpectation), ("Expect: 100-continue, x", .badExpectation),
    ])
    func `has a field that is not allowed`(fields: String, reason: Refusal.Reason) {
        let refusal = readRequest("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n").refusal
        #expect(refusal?.reason == reason)
        #expect(refusal?.status == (reason == .badExpectation ? 417 : 400))
    }

    @Test(arguments: [
        ("", Refusal.Reason.missingHost), ("Host:\r\n", .badHost), ("Host: \t\r\n", .badHost),
        ("Host: user@a\r\n", .badHost),
        ("Host: user:secret@a\r\n", .badHost), ("Host: a b\r\n", .badHost), ("Host: a, b\r\n", .badHost),
        ("Host: a,b\r\n", .badHost), ("Host: a/b\r\n", .badHost), ("Host: a?b\r\n", .badHost),
        ("Host: a:http\r\n", .badHost), ("Host: a:123456\r\n", .badHost), ("Host: a:1:2\r\n", .badHost),
        ("Host: :80\r\n", .badHost), ("Host: [::1\r\n", .badHost), ("Host: []\r\n", .badHost),
        ("Host: [::1]x\r\n", .badHost), ("Host: [fe80::1%25eth0]\r\n", .badHost), ("Host: ::1\r\n", .badHost),
        ("Host: %61\r\n", .badHost), ("Host: a#b\r\n", .badHost), ("Host: zoë.nl\r\n", .badHost),
        ("Host: http://a\r\n", .badHost),
    ])
    func `has no host that can be one`(field: String, reason: Refusal.Reason) {
        let refusal = readRequest("GET / HTTP/1.1\r\n\(field)\r\n").refusal
        #expect(refusal?.reason == reason)
        #expect(refusal?.status == 400)
    }

    @Test func `has a host that is too long`() {
        #expect(readRequest("GET / HTTP/1.1\r\nHost: \(long("a", 263))\r\n\r\n").refusal?.reason == .badHost)
    }

    @Test func `has a bad host although its target overrules it`() {
        #expect(readRequest("GET http://a/ HTTP/1.1\r\nHost: b@c\r\n\r\n").refusal?.reason == .badHost)
    }

    @Test(arguments: [
        ("GET / HTTP/0.9", Refusal.Reason.unsupportedVersion, 505), ("GET / HTTP/2.0", .unsupportedVersion, 505),
        ("GET / HTTP/1.2", .unsupportedVersion, 505), ("GET / HTTP/3.0", .unsupportedVersion, 505),
        ("PRI * HTTP/2.0", .unsupportedVersion, 505),
        ("GET / http/1.1", .badVersion, 400), ("GET / HTTP/1.10", .badVersion, 400),
        ("GET / HTTP/11", .badVersion, 400),
        ("GET / HTTP/1,1", .badVersion, 400), ("GET / HTTP/1.1 ", .badVersion, 400),
        ("GET / HTTP /1.1", .badVersion, 400), ("GET / HTTPS/1.1", .badVersion, 400),
        ("GET /", .badTarget, 400), ("GET", .badMethod, 400), ("GET\t/ HTTP/1.1", .badMethod, 400),
        (" GET / HTTP/1.1", .badMethod, 400), ("G(T / HTTP/1.1", .badMethod, 400), ("GÉT / HTTP/1.1", .badMethod, 400),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1", .badMethod, 400),
        ("GET  / HTTP/1.1", .badTarget, 400), ("GET /a b HTTP/1.1", .badVersion, 400),
        ("GET /a\u{0}b HTTP/1.1", .badTarget, 400), ("GET /a\tb HTTP/1.1", .badTarget, 400),
        ("GET /ä HTTP/1.1", .badTarget, 400), ("GET /a#b HTTP/1.1", .badTarget, 400),
        ("GET * HTTP/1.1", .badTarget, 400), ("GET a/b HTTP/1.1", .badTarget, 400),
        ("GET www.example.nl:80 HTTP/1.1", .badTarget, 400), ("GET ftp://a/ HTTP/1.1", .badTarget, 400),
        ("GET http:// HTTP/1.1", .badTarget, 400), ("GET http:///x HTTP/1.1", .badTarget, 400),
        ("GET http://a?x HTTP/1.1", .badTarget, 400), ("GET http://user@a/ HTTP/1.1", .badHost, 400),
        ("GET http://a:b/ HTTP/1.1", .badHost, 400), ("GET /a\rb HTTP/1.1", .badMethod, 400),
        ("CONNECT a:443 HTTP/1.1", .unsupportedMethod, 405), ("TRACE / HTTP/1.1", .unsupportedMethod, 405),
    ])
    func `has a request line that is not allowed`(line: String, reason: Refusal.Reason, status: Int) {
        let refusal = readRequest("\(line)\r\nHost: a\r\n\r\n").refusal
        #expect(refusal?.reason == reason)
        #expect(refusal?.status == status)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\nHost: a\r\n\r\n", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n",
    ])
    func `has a line that ends with a bare line feed`(head: String) {
        #expect(readRequest(head).refusal?.reason == .bareLineFeed)
    }

    @Test func `has too many empty lines before it`() {
        #expect(readRequest("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").refusal?.reason == .badMethod)
    }

    @Test func `has a coding in HTTP 1.0`() {
        let refusal = readRequest("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").refusal
        #expect(refusal?.reason == .codingInHTTP10)
        #expect(refusal?.status == 400)
    }

    @Test func `has a target of one byte too many`() {
        var limits = HeadLimits()
        limits.target = 20
        func refusal(_ count: Int) -> Refusal? {
            readRequest("GET /\(long("x", count - 1)) HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits).refusal
        }
        #expect(refusal(20) == nil)
        #expect(refusal(21)?.reason == .targetTooLong)
        #expect(refusal(21)?.status == 414)
    }

    @Test func `is too long, whole or not`() {
        var limits = HeadLimits()
        limits.bytes = 100
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let fits = start + long("x", 99 - start.utf8.count - 4) + "\r\n\r\n"
        #expect(fits.utf8.count == 99)
        #expect(readRequest(fits, limits: limits).refusal == nil)
        for count in [101, 150, 10_000] {
            let refusal = readRequest(start + long("x", count - start.utf8.count - 4) + "\r\n\r\n", limits: limits)
                .refusal
            #expect(refusal?.reason == .headTooLong)
            #expect(refusal?.status == 431)
        }
    }

    @Test func `has one field too many`() {
        func refusal(_ count: Int) -> Refusal? {
            let fields = (1..<count).map { "X-\($0): \($0)\r\n" }.joined()
            return readRequest("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n").refusal
        }
        #expect(refusal(100) == nil)
        #expect(refusal(101)?.reason == .tooManyFields)
        #expect(refusal(101)?.status == 431)
    }
}

@Suite struct `The end of a head` {
    private static let head = Array("\r\nGET /x HTTP/1.1\r\nHost: a\r\nX-Long: some value\r\n\r\n".utf8)

    @Test func `is the same wherever the bytes are split`() {
        let rest = Array("body\r\n\r\n".utf8)
        let whole = Self.head + rest
        for split in 0..<whole.count {
            var scanner = HeadScanner()
            var finding = scan(&scanner, whole[..<split], limit: 1000)
            if finding == .more { finding = scan(&scanner, whole, limit: 1000) }
            #expect(finding == .head(start: 2, end: Self.head.count), "split at \(split)")
        }
    }

    @Test func `is found byte by byte, and not before it is there`() {
        var scanner = HeadScanner()
        for count in 1..<Self.head.count {
            #expect(scan(&scanner, Self.head[..<count], limit: 1000) == .more)
            #expect(scanner.scanned == count)
        }
        #expect(scan(&scanner, Self.head, limit: 1000) == .head(start: 2, end: Self.head.count))
    }

    @Test func `is refused at the first bare line feed, not at the end`() {
        let bytes = Array("GET / HTTP/1.1\nHo".utf8)
        var scanner = HeadScanner()
        #expect(scan(&scanner, bytes, limit: 1000) == .refused(Refusal(.bareLineFeed, at: 14)))
    }

    @Test func `is not waited for beyond the limit`() {
        let bytes = [UInt8](repeating: UInt8(ascii: "A"), count: 64)
        var scanner = HeadScanner()
        #expect(scan(&scanner, bytes[..<63], limit: 64) == .more)
        #expect(scan(&scanner, bytes, limit: 64) == .refused(Refusal(.headTooLong, at: 64)))
    }
}

@Suite struct `Every reason to refuse` {
    @Test func `has a status of its own kind`() {
        for reason in Refusal.Reason.allCases {
            #expect([400, 405, 414, 417, 431, 505].contains(Refusal(reason, at: 0).status))
        }
    }
}
