import Heads
import Testing

private func read(_ text: String, to method: Method = .get) -> (head: ResponseHead, refusal: Refusal?) {
    let bytes = Array(text.utf8)
    var head = ResponseHead()
    var scanner = HeadScanner()
    switch scanner.scan(bytes.span, limit: 1 << 16) {
    case .more: return (head, Refusal(.headTooLong, at: -1))
    case .refused(let refusal): return (head, refusal)
    case .head(let start, let end):
        let refusal = head.read(bytes.span.extracting(..<end), from: start, method: method)
        return (head, refusal)
    }
}

@Suite struct `A response's head` {
    @Test(arguments: [
        ("HTTP/1.1 200 OK", 200, "OK"), ("HTTP/1.1 200 ", 200, ""), ("HTTP/1.1 200", 200, ""),
        ("HTTP/1.0 404 Not Found Here", 404, "Not Found Here"), ("HTTP/1.1 599 Zoë", 599, "Zoë"),
        ("HTTP/1.1 100 Continue", 100, "Continue"),
    ])
    func `has a status and perhaps a reason`(line: String, status: Int, reason: String) {
        let whole = "\(line)\r\n\r\n"
        let (head, refusal) = read(whole)
        #expect(refusal == nil)
        #expect(head.status == status)
        #expect(text(head.reason, of: Array(whole.utf8)) == reason)
    }

    @Test(arguments: [
        "HTTP/2.0 200 OK", "HTTP/1.2 200 OK", "HTTP/1.1 099 Low", "HTTP/1.1 600 High", "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK", "HTTP/1.1  200 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1\t200 OK", "200 OK", "ICY 200 OK",
        "HTTP/1.1 200OK", "HTTP/1.1 200 \u{0}", "",
    ])
    func `is refused with a status line that is none`(line: String) {
        #expect(read("\(line)\r\nContent-Length: 0\r\n\r\n").refusal != nil)
    }

    @Test(arguments: [
        ("Content-Length: 1\r\nContent-Length: 2", Refusal.Reason.duplicateContentLength),
        ("Content-Length: 1, 1", .badContentLength), ("Content-Length: +1", .badContentLength),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", .lengthAndCoding), ("Transfer-Encoding: gzip", .badCoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .badCoding), ("X: 1\r\n folded", .foldedLine),
        ("X : 1", .badFieldName), ("X: \u{0}", .badFieldValue),
    ])
    func `is refused where its framing is not sure`(fields: String, reason: Refusal.Reason) {
        #expect(read("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n").refusal?.reason == reason)
    }

    @Test(arguments: [
        (Method.get, "200", "Content-Length: 5", Framing.length(5)), (.get, "200", "Content-Length: 0", .none),
        (.get, "200", "Content-Length: 5\r\nContent-Length: 5", .length(5)),
        (.get, "200", "Transfer-Encoding: Chunked", .chunked), (.get, "200", "X: 1", .untilClose),
        (.head, "200", "Content-Length: 5", .none), (.head, "200", "Transfer-Encoding: chunked", .none),
        (.head, "200", "X: 1", .none), (.get, "204", "X: 1", .none), (.get, "304", "Content-Length: 5", .none),
        (.get, "100", "X: 1", .none), (.get, "103", "X: 1", .none), (.post, "404", "Content-Length: 7", .length(7)),
        // A name with an underscore is not the field that a visitor reads.
        (.get, "200", "Content_Length: 5", .untilClose), (.get, "200", "Transfer_Encoding: chunked", .untilClose),
    ])
    func `says how its content ends`(method: Method, status: String, fields: String, framing: Framing) {
        let (head, refusal) = read("HTTP/1.1 \(status) X\r\n\(fields)\r\n\r\n", to: method)
        #expect(refusal == nil)
        #expect(head.framing == framing)
    }

    @Test(arguments: [
        ("1.1", "Content-Length: 0", true), ("1.1", "Content-Length: 0\r\nConnection: close", false),
        ("1.1", "X: no length", false), ("1.0", "Content-Length: 0", false),
        ("1.0", "Content-Length: 0\r\nConnection: keep-alive", true),
    ])
    func `says whether the connection stands`(version: String, fields: String, keeps: Bool) {
        #expect(read("HTTP/\(version) 200 OK\r\n\(fields)\r\n\r\n").head.keepsAlive == keeps)
    }

    @Test func `may have 200 fields and no more`() {
        func refusal(_ count: Int) -> Refusal? {
            read("HTTP/1.1 204 X\r\n" + (0..<count).map { "X-\($0): 1\r\n" }.joined() + "\r\n").refusal
        }
        #expect(refusal(200) == nil)
        #expect(refusal(201)?.reason == .tooManyFields)
    }
}

@Suite struct `The number of a route` {
    private func route(_ method: Method, _ path: String) -> UInt64 {
        let bytes = Array("x\(path)".utf8)
        let before = bytes.dropFirst().prefix { $0 != UInt8(ascii: "?") }.count
        return RouteHash.of(bytes.span, method: method, path: Slice(1, bytes.count), pathLength: before)
    }

    @Test(arguments: [
        ("/nieuws/2024/17", "/nieuws/2025/3"), ("/zoek?q=fiets", "/zoek?q=paspoort"), ("/a/b/c/d/e", "/a/b/c/d/f/g"),
        ("/p?page=1&size=10", "/p?page=22&size=5"), ("/foto-1.jpg", "/foto-4711.jpg"),
        ("/p?a=1&b=2&c&d&e&f&g&h&random1", "/p?a=1&b=2&c&d&e&f&g&h&other"),
        ("/?83724687", "/?qwertyuiop"), ("/p?veld1=1", "/p?veld27=1"), ("/p?q=a?b=c", "/p?q=z?y=x"),
    ])
    func `is the same for`(one: String, other: String) {
        #expect(route(.get, one) == route(.get, other))
    }

    @Test(arguments: [
        ("/nieuws", "/zoek"), ("/zoek", "/zoek?q=1"), ("/zoek?q=1", "/zoek?p=1"), ("/a/b", "/a/c"), ("/", "/a"),
        ("/a", "/a/"),
    ])
    func `differs between`(one: String, other: String) {
        #expect(route(.get, one) != route(.get, other))
    }

    private func label(_ path: String, room: Int = 96) -> String {
        let bytes = Array("x\(path)".utf8)
        let before = bytes.dropFirst().prefix { $0 != UInt8(ascii: "?") }.count
        return String(
            decoding: [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                count = RouteHash.label(bytes.span, path: Slice(1, bytes.count), pathLength: before, into: buffer)
            }, as: UTF8.self)
    }

    @Test(arguments: [
        ("/", "/"), ("", "/"), ("/nieuws/2024/17?pagina=3", "/nieuws/0/0?pagina"), ("/a/b/c/d/e?x=1", "/a/b/c/d?x"),
        ("/zoek?q=jan+jansen&p=2&sorteer=", "/zoek?q&p&sorteer"), ("/?geheim", "/?"), ("/?geheim&x=1", "/?&x"),
        ("/p?terug=/a?token=geheim", "/p?terug"), ("/p?a1=2&&b=", "/p?a0&&b"), ("/p?", "/p?"), ("/p?=geheim", "/p?"),
    ])
    func `has a label that holds no value`(path: String, label: String) {
        #expect(self.label(path) == label)
    }

    @Test func `has a label that fits its room`() {
        let long = "/" + String(repeating: "x", count: 200) + "?" + String(repeating: "y", count: 200) + "=1"
        #expect(label(long) == String(long.prefix(96)))
        #expect(label(long, room: 1) == "/")
        #expect(label(long, room: 0).isEmpty)
    }

    @Test func `differs between methods`() {
        #expect(route(.get, "/") != route(.post, "/"))
        #expect(route(.get, "/") != route(.head, "/"))
    }

    @Test func `spreads over both ends of its bits`() {
        let routes = (0..<64).map {
            route(.get, "/\(String(UnicodeScalar(UInt8(65 + $0 % 26))))\(String(repeating: "x", count: $0))")
        }
        #expect(Set(routes.map { $0 & 0xff }).count > 40)
        #expect(Set(routes.map { $0 >> 56 }).count > 40)
    }
}
