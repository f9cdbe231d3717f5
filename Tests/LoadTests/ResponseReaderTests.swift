import Load
import Testing

@Suite struct ResponseReaderTests {
    func read(_ text: String, isHead: Bool = false, ends: Bool = false) -> (ResponseReader.Progress, ResponseReader) {
        var reader = ResponseReader()
        reader.begin(isHead: isHead, keepsBody: true, keepsCookies: true)
        var progress = Array(text.utf8).withUnsafeBytes { reader.feed($0) }
        if ends { progress = reader.end() }
        return (progress, reader)
    }

    /// The same, a byte at a time.
    func readSlowly(_ text: String) -> (ResponseReader.Progress, ResponseReader) {
        var reader = ResponseReader()
        reader.begin(isHead: false, keepsBody: true, keepsCookies: true)
        var progress = ResponseReader.Progress.unfinished
        for byte in text.utf8 {
            guard progress == .unfinished else { break }
            progress = [byte].withUnsafeBytes { reader.feed($0) }
        }
        return (progress, reader)
    }

    static let whole = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhallo", 200, "hallo"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal\r\n2;x=y\r\nlo\r\n0\r\n\r\n", 200, "hallo"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n", 200,
            "0123456789"
        ),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 \r\nContent-Length:0\r\n\r\n", 503, ""),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, ""),
    ]

    @Test(arguments: whole) func `reads whole responses, however they are cut`(text: String, status: Int, body: String)
    {
        for (progress, reader) in [read(text), readSlowly(text)] {
            #expect(progress == .complete)
            #expect(reader.status == status)
            #expect(String(decoding: reader.body, as: UTF8.self) == body)
            #expect(reader.keepsAlive)
        }
    }

    @Test func `knows that a cut response is not whole`() {
        for (text, _, _) in Self.whole {
            for length in 0..<text.utf8.count {
                let part = String(decoding: text.utf8.prefix(length), as: UTF8.self)
                #expect(read(part).0 == .unfinished)
                #expect(read(part, ends: true).0 == .malformed)
            }
        }
    }

    @Test(arguments: [
        "HTTP/2 200 OK\r\n\r\n", "nonsense at the very start\r\n\r\n", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ])
    func `calls a response malformed that is`(text: String) {
        #expect(read(text).0 == .malformed)
    }

    @Test func `takes a body to the end of the connection`() {
        let (progress, reader) = read("HTTP/1.0 200 OK\r\n\r\nalles", ends: true)
        #expect(progress == .complete)
        #expect(reader.body == Array("alles".utf8))
        #expect(!reader.keepsAlive)
    }

    @Test func `hears that a connection will be closed`() {
        #expect(!read("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n").1.keepsAlive)
    }

    @Test func `bounds a head`() {
        let endless = "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: ResponseReader.headLimit)
        #expect(read(endless).0 == .malformed)
    }

    @Test func `keeps cookies as a browser does`() {
        var jar = CookieJar()
        for cookie in ["a=1; Path=/; HttpOnly", "b=2", "a=3; Secure", "nonsense", "=x"] { jar.take(Array(cookie.utf8)) }
        #expect(jar.field == Array("Cookie: b=2; a=3\r\n".utf8))
        jar.take(Array("b=; Max-Age=0".utf8))
        #expect(jar.field == Array("Cookie: a=3\r\n".utf8))
        jar.take(Array("a=; max-age=0".utf8))
        #expect(jar.field.isEmpty)
        for index in 0..<200 { jar.take(Array("c\(index)=1".utf8)) }
        #expect(jar.field.count < 1_000)
    }
}
