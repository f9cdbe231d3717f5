import Addresses
import Heads
import TestKit
import Testing

@Suite struct LogLinesTests {
    static let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:27.0)"
    /// 2015-05-17T10:05:03Z.
    static let time: Int64 = 1_431_857_103_000_000_000

    private func read(_ bytes: [UInt8], _ slice: Slice) -> String { bytes.span.text(slice) }

    private func read(_ text: String, piece: Int = .max) -> (LogLines, [(RequestSummary, [UInt8])]) {
        var lines = LogLines()
        var found: [(RequestSummary, [UInt8])] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(piece))
            rest = rest.dropFirst(part.count)
            lines.append(part.span.bytes)
            while lines.next() { found.append((lines.summary, lines.text)) }
        }
        lines.end()
        while lines.next() { found.append((lines.summary, lines.text)) }
        return (lines, found)
    }

    @Test(arguments: [
        "192.0.2.7 - - [17/May/2015:12:05:03 +0200] \"GET /a/b?c=d HTTP/1.1\" 200 203 \"http://x/\" \"\(agent)\"",
        "192.0.2.7 - jan jansen [17/May/2015:10:05:03 +0000] \"GET /a/b?c=d HTTP/1.1\" 200 203 \"http://x/\" "
            + "\"\(agent)\" \"-\" 3",
        "www.example.nl:443 192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /a/b?c=d HTTP/1.1\" 200 203 \"r\" "
            + "\"\(agent)\"",
        """
        {"time":"2015-05-17T10:05:03Z","remote_addr":"192.0.2.7","request":"GET /a/b?c=d HTTP/1.1","status":"200",\
        "body_bytes_sent":"203","http_referer":"http://x/","http_user_agent":"\(agent)","http_host":"www.example.nl"}
        """,
        """
        {"level":"info","ts":1431857103,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":\
        "198.51.100.9","remote_port":"4","client_ip":"192.0.2.7","proto":"HTTP/1.1","method":"GET",\
        "host":"www.example.nl",\
        "uri":"/a/b?c=d","headers":{"User-Agent":["\(agent)"],"Referer":["http://x/"]}},"bytes_read":0,"size":203,\
        "status":200,"resp_headers":{"Server":["Caddy"]}}
        """,
        """
        {"ClientAddr":"192.0.2.7:5000","ClientHost":"192.0.2.7","DownstreamContentSize":203,"DownstreamStatus":200,\
        "RequestHost":"www.example.nl","RequestMethod":"GET","RequestPath":"/a/b?c=d","RequestProtocol":"HTTP/1.1",\
        "StartUTC":"2015-05-17T10:05:03.000000000Z","request_Referer":"http://x/","request_User-Agent":"\(agent)",\
        "time":"2015-05-17T12:05:04+02:00"}
        """,
        """
        {"@timestamp":"2015-05-17T12:05:03+02:00","source":{"address":"192.0.2.7"},"http":{"request":{"method":"GET",\
        "referrer":"http://x/"},"response":{"status_code":200,"body":{"bytes":203}},"version":"1.1"},\
        "url":{"original":"/a/b?c=d","domain":"www.example.nl"},"user_agent":{"original":"\(agent)"}}
        """,
    ])
    func `the same request is read from every format`(line: String) throws {
        let (lines, found) = read(line + "\r\n")
        #expect(lines.faults.isEmpty && lines.lines == 1)
        let (summary, text) = try #require(found.first)
        #expect(summary.time == Self.time)
        #expect(summary.source == Address("192.0.2.7") && !summary.isPseudonym)
        #expect(summary.method == .get && read(text, summary.methodName) == "GET")
        #expect(read(text, summary.target) == "/a/b?c=d" && summary.pathLength == 4)
        #expect(read(text, summary.query) == "c=d" && read(text, summary.path) == "/a/b")
        #expect(summary.status == 200 && summary.bytes == 203 && summary.hasReferer && summary.version == 11)
        #expect(read(text, summary.agent) == Self.agent)
        let hash = RequestSummary.hash(text.span, summary.agent)
        #expect(summary.agentHash == hash)
        #expect(["", "www.example.nl"].contains(read(text, summary.host)))
    }

    @Test func `the common format has neither agent nor referer`() throws {
        let (lines, found) = read("2001:db8::1 - - [17/May/2015:10:05:03 +0000] \"POST / HTTP/2.0\" 304 -\n")
        let summary = try #require(found.first).0
        #expect(summary.source == Address("2001:db8::1") && summary.method == .post && summary.version == 20)
        #expect(summary.bytes == 0 && summary.status == 304 && summary.agentHash == 0 && !summary.hasReferer)
        #expect(lines.format == .common(hasHost: false))
    }

    @Test func `our own log is read, with a pseudonym for the source`() throws {
        let line = """
            {"time":"2015-05-17T10:05:03.250Z","site":"gemeente","source":"00ff12ab34cd56ef","tls":true,"ja4":"t13d",\
            "method":"GET","path":"/zoeken/\\u00e9","query_length":17,"status":503,"bytes_in":120,"bytes_out":900,\
            "class":"unknown","decision":"queued","waited_ms":3,"first_byte_us":0,"total_us":0}
            """
        let (_, found) = read(line + "\n" + line.replacing("00ff12ab", with: "00ff12ac"))
        #expect(found.count == 2)
        let (summary, text) = found[0]
        #expect(summary.time == Self.time + 250_000_000)
        #expect(summary.isPseudonym && summary.source.high != found[1].0.source.high)
        #expect(summary.hiddenQueryLength == 17 && summary.bytes == 900 && summary.status == 503)
        #expect(Array(text[summary.target.range]) == Array("/zoeken/".utf8) + [0xe9])
        #expect(read(text, summary.host) == "gemeente")
    }

    @Test func `escapes are resolved, absolute forms lose their host, and odd targets stay`() throws {
        let lines = [
            "192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /\\x41\\\"b\\\\c HTTP/1.1\" 200 1 \"-\" \"a \\\"b\\\"\"",
            "192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET http://a.nl:80/x?y HTTP/1.1\" 200 1 \"-\" \"-\"",
            "192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /a /b c HTTP/1.1\" 400 1 \"-\" \"-\"",
            "192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET relative\" 400 1 \"-\" \"-\"",
        ]
        let found = read(lines.joined(separator: "\n")).1
        let targets = found.map { read($0.1, $0.0.target) }
        #expect(targets == ["/A\"b\\c", "/x?y", "/a /b c", "relative"])
        #expect(read(found[0].1, found[0].0.agent) == "a \"b\"")
        #expect(read(found[1].1, found[1].0.host) == "a.nl" && found[1].0.agentHash == 0)
        #expect(!found[1].0.hasReferer)
    }

    @Test(arguments: [
        ("x", LogFault.badAddress), ("192.0.2.1 - - [x] \"GET / HTTP/1.1\" 200 1", .badTime),
        ("192.0.2.1 - - [31/Feb/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1", .badTime),
        ("192.0.2.1 - - [17/May/2015:24:05:03 +0000] \"GET / HTTP/1.1\" 200 1", .badTime),
        ("192.0.2.1 - - [17/May/2015:10:05:03 +00] \"GET / HTTP/1.1\" 200 1", .badTime),
        ("192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"-\" 408 -", .badRequest),
        ("192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"\\x16\\x03\" 400 1", .badRequest),
        ("192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1", .unterminated),
        ("192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" x 1", .badStatus),
        ("192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"x", .unterminated),
    ])
    func `a bad line is told with its number and reason, and stops nothing`(line: String, fault: LogFault) {
        let good = "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"x\""
        let (lines, found) = read([good, "", line, good].joined(separator: "\n"))
        #expect(found.count == 2 && lines.lines == 4 && lines.badLines == 1)
        #expect(lines.faults == [.init(line: 3, reason: fault)])
        #expect(lines.faultCounts[Int(fault.rawValue)] == 1)
    }

    private static let nested = String(repeating: "{\"a\":", count: 9) + "1" + String(repeating: "}", count: 9)
    private static let long = "{\"a\":[" + String(repeating: "1,", count: 600) + "1]}"

    @Test(arguments: [
        ("{", LogFault.badJSON), ("{}", .badAddress), ("{\"a\":1}x", .badJSON), ("{\"a\":\"\\q\"}", .badJSON),
        ("{\"source\":\"192.0.2.1\"}", .badTime), ("{\"source\":\"192.0.2.1\",\"ts\":1}", .badRequest),
        (nested, .overBudget), (long, .overBudget),
        ("{\"source\":\"192.0.2.1\",\"ts\":99999999999999999999,\"request\":\"GET / HTTP/1.1\"}", .badTime),
    ])
    func `a bad object is told too`(line: String, fault: LogFault) {
        let (lines, found) = read(line + "\n")
        #expect(found.isEmpty && lines.faults == [.init(line: 1, reason: fault)])
    }

    @Test func `a line without end costs one line's memory`() {
        let long = String(repeating: "x", count: 200_000)
        let good = "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1"
        for piece in [1_000, 65_536, Int.max] {
            let (lines, found) = read(long + "\n" + good + "\n", piece: piece)
            #expect(found.count == 1 && lines.lines == 2)
            #expect(lines.faults == [.init(line: 1, reason: .tooLong)])
        }
    }

    @Test func `a first bad line does not spoil the format`() {
        let good = "a.nl 192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1"
        let (lines, found) = read("# a comment\n" + good + "\n")
        #expect(found.count == 1 && lines.format == .common(hasHost: true))
        #expect(lines.faults == [.init(line: 1, reason: .unknownFormat)])
    }

    @Test(arguments: 0..<4) func `pieces of any size and truncation at any byte change nothing else`(format: Int) {
        let line = [
            "192.0.2.7 - - [17/May/2015:12:05:03 +0200] \"GET /a\\x41?c=d HTTP/1.1\" 200 203 \"http://x/\" \"a\"",
            "b.nl:80 192.0.2.7 - - [17/May/2015:12:05:03 +0200] \"GET http://c/ HTTP/1.1\" 200 203",
            "{\"ts\":1431857103.25,\"ip\":\"::1\",\"method\":\"GET\",\"uri\":\"/\\u0041\\n\",\"x\":[{},[]]}",
            "{\"time\":\"2015-05-17 10:05:03,5+0200\",\"client\":\"h\",\"request\":\"HEAD /\",\"status\":null}",
        ][format]
        let whole = read(line + "\n" + line).1
        #expect(whole.count == 2)
        for piece in 1..<7 {
            #expect(read(line + "\n" + line, piece: piece).1.elementsEqual(whole) { $0.0 == $1.0 && $0.1 == $1.1 })
        }
        for length in 0..<line.utf8.count {
            let (lines, found) = read(String(line.prefix(length)))
            #expect(found.count + Int(lines.badLines) == (length == 0 ? 0 : 1))
        }
    }

    @Test(.needsShared("data/weblogs/elastic-apache-first5000.log"))
    func `five thousand real lines are all read`() throws {
        let path = try #require(SharedData.path("data/weblogs/elastic-apache-first5000.log"))
        let bytes = try #require(contents(of: path))
        readAll(bytes, 5_000)
    }

    @Test(.needsShared("data/weblogs/elastic-apache-first5000.log"))
    func `real lines cut off at any byte are read or counted`() throws {
        let path = try #require(SharedData.path("data/weblogs/elastic-apache-first5000.log"))
        // Every tenth line; the format is known from the one before.
        for (number, line) in try #require(contents(of: path)).split(separator: 10).enumerated() where number % 10 == 0
        {
            var lines = LogLines(format: .common(hasHost: false))
            for length in 1..<line.count {
                lines.append((Array(line.prefix(length)) + [10]).span.bytes)
                while lines.next() {
                    #expect(lines.summary.target.range.upperBound <= length && lines.summary.time > 0)
                }
            }
            lines.end()
            #expect(!lines.next() && lines.lines == UInt64(line.count - 1))
            #expect(lines.badLines > 0 && lines.badLines < lines.lines)
        }
    }

    @Test func `made-up lines are all read`() {
        var text = ""
        for number in 0..<5_000 {
            text += """
                192.0.2.\(number % 256) - - [17/May/2015:10:05:\(10 + number % 50) +0000] "GET \
                /nieuws/\(number)?p=\(number) \
                HTTP/1.1" 200 \(number) "https://www.example.nl/a/long/referer" "\(Self.agent) Gecko/20100101 \
                Firefox/27.0 and a good deal more that agents say of themselves"

                """
        }
        readAll(Array(text.utf8), 5_000)
    }

    private func readAll(_ bytes: [UInt8], _ count: UInt64) {
        var lines = LogLines()
        lines.append(bytes.span.bytes)
        var number: UInt64 = 0
        while lines.next() { number += 1 }
        #expect(number == count && lines.lines == count && lines.badLines == 0, "\(lines.faults)")
    }
}
