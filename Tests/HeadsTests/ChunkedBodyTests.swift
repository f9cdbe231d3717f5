import Heads
import Testing

/// What came out of a chunked body that came in pieces.
private struct Outcome: Equatable {
    var content: [UInt8] = []
    /// Where it ended, from the body's first byte; nil: it goes on.
    var end: Int?
    var refused: Refusal.Reason?
}

private func read(_ pieces: [ArraySlice<UInt8>]) -> Outcome {
    var body = ChunkedBody()
    var outcome = Outcome()
    for piece in pieces {
        let bytes = Array(piece)
        var offset = 0
        reading: while true {
            switch body.next(bytes.span, from: offset) {
            case .data(let range):
                outcome.content += bytes[range]
                offset = range.upperBound
            case .more:
                break reading
            case .end(let place):
                outcome.end = piece.startIndex + place
                return outcome
            case .refused(let refusal):
                outcome.refused = refusal.reason
                return outcome
            }
        }
    }
    return outcome
}

private func read(_ text: String) -> Outcome { read([Array(text.utf8)[...]]) }

/// The same in every cut into two, and byte by byte.
private func readInAllWays(_ text: String) -> [Outcome] {
    let bytes = Array(text.utf8)
    return (0...bytes.count).map { read([bytes[..<$0], bytes[$0...]]) } + [read(bytes.indices.map { bytes[$0...$0] })]
}

@Suite struct `A chunked body` {
    @Test(arguments: [
        ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"), ("1\r\na\r\n2\r\nbc\r\n000\r\n\r\n", "abc"),
        ("00000000000000A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n"),
        ("3;name=value\r\nabc\r\n0;last\r\n\r\n", "abc"), ("3;q=\"a;b\"\r\nabc\r\n0\r\n\r\n", "abc"),
        ("1\r\nx\r\n0\r\nX-Sum: 1\r\nX-Empty:\r\nServer-Timing: a, b\r\n\r\n", "x"),
    ])
    func `gives the same wherever it is split`(text: String, content: String) {
        for outcome in readInAllWays(text + "GET /next") {
            #expect(outcome == Outcome(content: Array(content.utf8), end: text.utf8.count))
        }
    }

    @Test func `says that it has ended`() {
        var body = ChunkedBody()
        let most = Array("0\r\n\r".utf8)
        let last: [UInt8] = [10]
        let before = body.next(most.span, from: 0)
        #expect(before == .more)
        #expect(!body.isEnded)
        let after = body.next(last.span, from: 0)
        #expect(after == .end(1))
        #expect(body.isEnded)
    }

    @Test(arguments: [
        ("+5\r\nhello\r\n", Refusal.Reason.badChunkSize), (" 5\r\nhello\r\n", .badChunkSize),
        ("5 \r\nhello\r\n", .badChunkSize), ("5 ;a\r\nhello\r\n", .badChunkSize), ("-1\r\n", .badChunkSize),
        ("0x5\r\nhello\r\n", .badChunkSize), ("\r\n", .badChunkSize), ("g\r\n", .badChunkSize),
        ("5\nhello\r\n", .badChunkSize), (";a\r\n", .badChunkSize), ("5,5\r\nhello\r\n", .badChunkSize),
        ("1234567890abcdef\r\n", .badChunkSize), ("0000000000000000\r\n", .badChunkSize),
        ("ffffffffffffffffff\r\n", .badChunkSize), ("5\rhello\r\n", .bareCarriageReturn),
        ("5\r\nhelloX\r\n", .badChunkEnd), ("5\r\nhello\n0\r\n\r\n", .badChunkEnd), ("5\r\nhello\rX", .badChunkEnd),
        ("5\r\nhello0\r\n\r\n", .badChunkEnd), ("3\r\nhello\r\n0\r\n\r\n", .badChunkEnd),
        ("5;a\n\r\nhello", .badChunkSize), ("5;a\u{0}\r\nhello", .badChunkSize), ("5;a\rb\r\n", .bareCarriageReturn),
        ("0\r\n\n", .badTrailer), ("0\r\n\rX", .bareCarriageReturn), ("0\r\n folded\r\n\r\n", .badTrailer),
        ("0\r\nX : 1\r\n\r\n", .badTrailer), ("0\r\n: 1\r\n\r\n", .badTrailer), ("0\r\nno colon\r\n\r\n", .badTrailer),
        ("0\r\nX: 1\n\r\n", .badTrailer), ("0\r\nX: 1\rY: 2\r\n\r\n", .bareCarriageReturn),
        ("0\r\nX: \u{0}\r\n\r\n", .badTrailer),
    ])
    func `is refused, wherever it is split`(text: String, reason: Refusal.Reason) {
        for outcome in readInAllWays(text) {
            #expect(outcome.refused == reason)
            #expect(outcome.end == nil)
        }
    }

    @Test(arguments: [
        "Content-Length", "content-length", "TRANSFER-ENCODING", "Host", "Connection", "Trailer", "TE", "Upgrade",
        "Expect", "Cookie", "Set-Cookie", "Authorization", "Proxy-Authorization", "Content-Type", "Content-Encoding",
        "Content-Range", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
    ])
    func `is refused with a trailer that changes framing, routing or rights`(name: String) {
        for outcome in readInAllWays("0\r\nX-Fine: 1\r\n\(name): x\r\n\r\n") {
            #expect(outcome.refused == .badTrailer)
        }
    }

    @Test func `may have extensions up to a bound`() {
        func outcome(_ count: Int) -> Outcome {
            read("1;\(String(repeating: "e", count: count))\r\nx\r\n0\r\n\r\n")
        }
        #expect(outcome(255).end != nil)
        #expect(outcome(256).refused == .chunkExtensionTooLong)
        #expect(outcome(100_000).refused == .chunkExtensionTooLong)
    }

    @Test func `may have trailers up to a bound`() {
        func outcome(_ count: Int) -> Outcome {
            read("0\r\n" + (0..<count).map { "X-\($0 + 100): 12345678\r\n" }.joined() + "\r\n")
        }
        // 17 bytes each, of 4,096 in all.
        #expect(outcome(240).end != nil)
        #expect(outcome(241).refused == .trailersTooLong)
        #expect(Refusal(.trailersTooLong, at: 0).status == 431)
    }

    @Test func `is not ended by what looks like its end inside of a chunk`() {
        let inner = "0\r\n\r\nGET /smuggled HTTP/1.1\r\n"
        let text = "\(String(inner.utf8.count, radix: 16))\r\n\(inner)\r\n0\r\n\r\n"
        #expect(read(text) == Outcome(content: Array(inner.utf8), end: text.utf8.count))
    }
}
