import Heads
import Testing

private typealias Outcome = HTTP2Request.Outcome

private let usual = [
    PlainField(":method", "GET"), PlainField(":scheme", "https"), PlainField(":authority", "www.example.nl"),
    PlainField(":path", "/zoek?q=1"),
]

/// The head that comes of the fields, or the outcome that is none.
private func write(
    _ fields: [PlainField], endsStream: Bool = true, limits: HeadLimits = .init(), capacity: Int = 32 << 10
) -> (head: [UInt8], outcome: Outcome) {
    let fields = decoded(fields)
    var outcome = Outcome.malformed
    let head = [UInt8](unsafeUninitializedCapacity: capacity) { place, count in
        outcome = HTTP2Request.write(
            fields, endsStream: endsStream, limits: limits, to: UnsafeMutableRawBufferPointer(place))
        if case .head(let length) = outcome { count = length }
    }
    return (head, outcome)
}

private func text(_ fields: [PlainField], endsStream: Bool = true) -> String {
    String(decoding: write(fields, endsStream: endsStream).head, as: UTF8.self)
}

private func with(_ name: String, _ value: String) -> [PlainField] {
    usual.map { $0.name == Array(name.utf8) ? PlainField(name, value) : $0 }
}

private func without(_ name: String) -> [PlainField] { usual.filter { $0.name != Array(name.utf8) } }

@Suite struct `A stream's request` {
    @Test func `becomes the head that HTTP/1 has for it`() {
        let fields =
            usual + [
                PlainField("user-agent", "x y"), PlainField("cookie", "a=1"), PlainField("te", "trailers"),
                PlainField("x-empty", ""), PlainField("cookie", "b=2"), PlainField("cookie", "c=3"),
            ]
        #expect(
            text(fields) == """
                GET /zoek?q=1 HTTP/1.1\r
                host: www.example.nl\r
                user-agent: x y\r
                cookie: a=1; b=2; c=3\r
                te: trailers\r
                x-empty: \r
                \r\n
                """)
    }

    @Test func `says how its content ends where it does not say how long it is`() {
        #expect(text(usual, endsStream: false).hasSuffix("transfer-encoding: chunked\r\n\r\n"))
        #expect(!text(usual + [PlainField("content-length", "5")], endsStream: false).contains("chunked"))
        #expect(write(usual + [PlainField("content-length", "5")]).outcome == .malformed)
        #expect(text(usual + [PlainField("content-length", "0")]).contains("content-length: 0\r\n"))
    }

    @Test func `has its host from one place, and from both only where they agree`() {
        let host = PlainField("host", "www.example.nl")
        #expect(text(usual + [host]).contains("host: www.example.nl\r\n\r\n"))
        #expect(text(usual + [PlainField("host", "WWW.example.NL")]).contains("host: www.example.nl\r\n\r\n"))
        #expect(text(without(":authority") + [host]).contains("host: www.example.nl\r\n\r\n"))
        #expect(write(without(":authority")).outcome == .malformed)
        #expect(write(usual + [PlainField("host", "other.nl")]).outcome == .malformed)
        #expect(write(usual + [host, host]).outcome == .malformed)
        #expect(write(with(":authority", "")).outcome == .malformed)
        #expect(write(with(":authority", "me@www.example.nl")).outcome == .refused(Refusal(.badHost, at: 0)))
    }

    @Test func `is malformed with a pseudo-header field too few, too many or too late`() {
        for field in usual where field.name != Array(":authority".utf8) {
            #expect(write(usual.filter { $0 != field }).outcome == .malformed, "\(field)")
        }
        for field in usual { #expect(write(usual + [field]).outcome == .malformed, "\(field)") }
        for name in [":status", ":protocol", ":", ":Path", ":other"] {
            #expect(write(usual + [PlainField(name, "200")]).outcome == .malformed, "\(name)")
        }
        #expect(write([PlainField("a", "b")] + usual).outcome == .malformed)
        #expect(write([]).outcome == .malformed)
        #expect(write(with(":path", "")).outcome == .malformed)
        #expect(write(with(":method", "")).outcome == .malformed)
    }

    @Test func `may come with its pseudo-header fields in any order, which is told`() {
        for (order, letters) in [([0, 2, 1, 3], "masp"), ([3, 2, 1, 0], "pasm"), ([0, 1, 2, 3], "msap")] {
            let fields = order.map { usual[$0] } + [PlainField("a", "b")]
            #expect(text(fields) == text(usual + [PlainField("a", "b")]))
            #expect(HTTP2Request.pseudoOrder(decoded(fields)) == letters.utf8.reduce(0) { $0 << 8 | UInt32($1) })
        }
    }

    @Test(arguments: [
        ("connection", "close"), ("keep-alive", "1"), ("proxy-connection", "x"), ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"), ("te", "gzip"), ("te", "trailers, gzip"), ("Name", "v"), ("naMe", "v"), ("", "v"),
        ("a b", "v"), ("a:", "v"), ("a\r\nb", "v"), ("a\0", "v"), ("é", "v"), ("a", "v\r\nb: c"), ("a", "v\n"),
        ("a", "\0"),
        ("a", " v"), ("a", "v "), ("a", "\tv"), ("a", "v\t"), ("a", " "), ("a", "\u{7f}"),
    ])
    func `is malformed with a field of HTTP/1's connections, or one that is none`(name: String, value: String) {
        #expect(write(usual + [PlainField(name, value)]).outcome == .malformed)
    }

    @Test func `never reaches another line`() {
        for name in [":method", ":scheme", ":authority", ":path"] {
            for end in ["\r\nx: y", "\n", "\r", "\0", " HTTP/1.1\r\nx: y\r\n\r\n", " HTTP/1.1"] {
                let original = usual.first { $0.name == Array(name.utf8) }!
                let value = String(decoding: original.value, as: UTF8.self) + end
                if case .head(let count) = write(with(name, value)).outcome { Issue.record("\(name) \(end): \(count)") }
            }
        }
    }

    @Test func `is refused in words where it is well formed`() {
        let connect = [PlainField(":method", "CONNECT"), PlainField(":authority", "a.nl:443")]
        #expect(write(connect).outcome == .refused(Refusal(.unsupportedMethod, at: 0)))
        for path in ["http://a.nl/", "zoek", "/a b", "/a#b", "/\u{e9}", "*"] {
            #expect(write(with(":path", path)).outcome == .refused(Refusal(.badTarget, at: 0)), "\(path)")
        }
        #expect(write(with(":scheme", "ftp")).outcome == .refused(Refusal(.badTarget, at: 0)))
        let long = with(":path", "/" + String(repeating: "a", count: 8192))
        #expect(write(long).outcome == .refused(Refusal(.targetTooLong, at: 8192)))
    }

    @Test func `may ask for the whole server`() {
        let fields = [
            PlainField(":method", "OPTIONS"), PlainField(":scheme", "http"), PlainField(":authority", "a.nl"),
            PlainField(":path", "*"),
        ]
        let (head, refusal) = readRequest(write(fields).head)
        #expect(refusal == nil && head.isAsterisk)
    }

    @Test func `keeps within the head's limit and the caller's place`() {
        let field = PlainField("x-long", String(repeating: "v", count: 4000))
        let count = text(usual + [field]).utf8.count
        var limits = HeadLimits()
        for size in [0, 1, 100, count - 1] {
            #expect(write(usual + [field], capacity: size).outcome == .refused(Refusal(.headTooLong, at: size)))
            limits.bytes = size
            #expect(write(usual + [field], limits: limits).outcome == .refused(Refusal(.headTooLong, at: size)))
        }
        #expect(write(usual + [field], capacity: count).outcome == .head(count))
        #expect(write((0..<30).map { _ in field }).outcome == .refused(Refusal(.headTooLong, at: 0)))
        let many = usual + (0..<250).map { PlainField("x-\($0)", "") }
        #expect(write(many).outcome == .refused(Refusal(.tooManyFields, at: 0)))
    }
}

/// Random fields, mostly almost right.
private struct RandomRequest {
    var dice = SplitMix(7)

    mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(dice.next() % UInt64(values.count))] }

    mutating func fields() -> [PlainField] {
        var fields = usual
        for index in fields.indices where pick([0, 1, 2, 3]) == 0 {
            let values = [
                ":method": ["POST", "OPTIONS", "X", "get", ""], ":path": ["/", "*", "//a", "/%0d%0a", "/a?b=c d"],
            ]
            let name = String(decoding: fields[index].name, as: UTF8.self)
            fields[index] = PlainField(
                name, pick(values[name] ?? ["http", "a.nl:80", "[::1]", "a.nl:999999", "b_c.nl"]))
        }
        let names = [
            "host", "cookie", "content-length", "x_y", "accept", "transfer_encoding", "te", "expect", "via", "a",
        ]
        let values = [
            "", "www.example.nl", "a=b", "0", "5", "trailers", "100-continue", "x, y", "\"q\"", "v v", "\u{e9}",
        ]
        for _ in 0..<dice.next() % 6 { fields.append(PlainField(pick(names), pick(values))) }
        if pick([0, 1, 2, 3, 4, 5, 6, 7]) == 0 {
            let index = Int(dice.next() % UInt64(fields.count))
            var value = fields[index].value
            value.insert(UInt8(truncatingIfNeeded: dice.next()), at: Int(dice.next() % UInt64(value.count + 1)))
            fields[index].value = value
        }
        return fields
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

@Suite struct `Whatever a stream's fields are` {
    @Test func `the strict parser reads the same request or refuses`() {
        var random = RandomRequest()
        var accepted = 0
        for _ in 0..<8000 {
            let fields = random.fields()
            let endsStream = random.pick([true, false])
            let (bytes, outcome) = write(fields, endsStream: endsStream)
            guard case .head = outcome else { continue }
            let (head, refusal) = readRequest(bytes)
            if refusal != nil { continue }
            accepted += 1
            func value(_ name: String) -> [UInt8]? { fields.first { $0.name == Array(name.utf8) }?.value }
            #expect(Array(bytes[head.methodName.range]) == value(":method"))
            #expect(Array(bytes[head.target.range]) == value(":path"))
            #expect(Array(bytes[head.authority.range]) == value(":authority") ?? value("host"))
            let read = head.fields.map { PlainField(Array(bytes[$0.name.range]), Array(bytes[$0.value.range])) }
            var expected = [PlainField(Array("host".utf8), Array(bytes[head.authority.range]))]
            expected += fields.filter { !$0.name.starts(with: [58]) && $0.name != Array("host".utf8) }
            let crumbs = expected.filter { $0.name == Array("cookie".utf8) }.map(\.value)
            if let place = expected.firstIndex(where: { $0.name == Array("cookie".utf8) }) {
                expected[place].value = Array(crumbs.joined(separator: Array("; ".utf8)))
                expected = expected[...place] + expected[(place + 1)...].filter { $0.name != Array("cookie".utf8) }
            }
            if !endsStream, value("content-length") == nil {
                expected.append(PlainField("transfer-encoding", "chunked"))
            }
            // The parser takes the space off a last crumb that is empty.
            for index in expected.indices {
                while expected[index].value.last == 32 { expected[index].value.removeLast() }
            }
            #expect(read == expected)
        }
        #expect(accepted > 1500)
    }

    @Test func `its trailers end a chunked body or are malformed`() {
        func trailers(_ list: [PlainField]) -> (String, Outcome) {
            let fields = decoded(list)
            var outcome = Outcome.malformed
            let bytes = [UInt8](unsafeUninitializedCapacity: 8192) { place, count in
                outcome = HTTP2Request.writeTrailers(fields, to: UnsafeMutableRawBufferPointer(place))
                if case .head(let length) = outcome { count = length }
            }
            return (String(decoding: bytes, as: UTF8.self), outcome)
        }
        let list = [PlainField("grpc-status", "0"), PlainField("content-length", "5"), PlainField("x-sum", "a b")]
        let (text, _) = trailers(list)
        #expect(text == "0\r\ngrpc-status: 0\r\nx-sum: a b\r\n\r\n")
        var body = ChunkedBody()
        let event = body.next(Array(text.utf8).span, from: 0)
        #expect(event == .end(text.utf8.count))
        for field in [
            PlainField(":path", "/"), PlainField("A", "b"), PlainField("a", "b\r\n"), PlainField("upgrade", "x"),
        ] {
            #expect(trailers(list + [field]).1 == .malformed)
        }
        let long = PlainField("a", String(repeating: "b", count: 4100))
        #expect(trailers([long]).1 == .refused(Refusal(.trailersTooLong, at: 0)))
    }
}
