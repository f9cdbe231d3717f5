/// One thing that the loopback origin does to answer.
package enum OriginStep: Sendable {
    case send([UInt8])
    case pause(milliseconds: Int)
    /// Sends back whatever comes, until the other side ends.
    case echo
    /// An ordinary end, without waiting for more.
    case close
    case reset
    /// Nothing more is read or sent until the other side ends or a minute has passed.
    case hang

    package static func text(_ text: String) -> OriginStep { .send(Array(text.utf8)) }

    enum Outcome { case goesOn, ends }

    func perform(on socket: Socket, _ reader: inout HTTPReader) throws(TestKitError) -> Outcome {
        switch self {
        case .send(let bytes):
            try socket.send(bytes, within: 60_000)
        case .pause(let milliseconds):
            pauseThread(milliseconds)
        case .echo:
            try socket.send(try reader.readBytes(reader.pending.count))
            while true {
                let bytes = try socket.receive(within: 60_000)
                if bytes.isEmpty { return .ends }
                try socket.send(bytes)
            }
        case .close:
            return .ends
        case .reset:
            socket.resetOnClose()
            return .ends
        case .hang:
            _ = Socket.waitForEnd(socket.descriptor, milliseconds: 60_000)
            return .ends
        }
        return .goesOn
    }
}

/// What the loopback origin answers to a path when no script was given for it.
///
/// - `/fixed/N`: N bytes with Content-Length; HEAD gets the same head.
/// - `/chunked/N/SIZE`: N chunks of SIZE bytes, a chunk extension on the first, and a trailer `X-Chunks: N`.
/// - `/slow/MS`: nothing for MS milliseconds, then 200.
/// - `/stall/MS`: the head and half the body, MS milliseconds of nothing, the other half.
/// - `/close`: ends without a byte; `/reset`: the same with a reset; `/close-early`: announces 1,000 bytes, sends 10, ends;
///   `/close-chunk`: ends within a chunk; `/hang`: never answers.
/// - `/until-close/N`: N bytes without length, ended by the connection's end.
/// - `/hints`: 103 with Link, then 200.
/// - `/status/CODE`: that status; 204 and 304 without content (304 with a Content-Length that means nothing).
/// - `/last`: 200 with "Connection: close"; `/old`: HTTP/1.0.
/// - `/tunnel`: 101 for any Upgrade, then an echo.
/// - `/refuse-body...`: 413 without reading the body, and the end.
/// - `/broken/bare-lf|no-version|two-lengths|length-and-coding|huge-head`: responses that must not be passed on.
/// - all else: 200 with what came: the head as received, then the body (out of its chunks).
enum OriginAnswer {
    static func path(of request: HTTPMessage) -> String {
        String(request.target.prefix { $0 != "?" })
    }

    static func steps(for request: LoopbackOrigin.Request) -> [OriginStep] {
        let message = request.message
        let words = path(of: message).split(separator: "/").map(String.init)
        let number = words.count > 1 ? Int(words[1]) ?? 0 : 0
        switch words.first {
        case "fixed": return [.send(whole(message, body: filler(number)))]
        case "chunked": return chunked(message, count: number, size: words.count > 2 ? Int(words[2]) ?? 0 : 10)
        case "slow": return [.pause(milliseconds: number), .send(whole(message, body: Array("slow\n".utf8)))]
        case "stall":
            let bytes = whole(message, body: filler(1000))
            return [
                .send(Array(bytes.dropLast(500))), .pause(milliseconds: number), .send(Array(bytes.suffix(500))),
            ]
        case "close": return [.close]
        case "reset": return [.reset]
        case "hang": return [.hang]
        case "close-early": return [.send(Array(whole(message, body: filler(1000)).dropLast(990))), .close]
        case "close-chunk": return [.text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf"), .close]
        case "until-close": return [.text("HTTP/1.1 200 OK\r\n\r\n"), .send(filler(number)), .close]
        case "hints":
            return [
                .text("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"),
                .send(whole(message, body: Array("hinted\n".utf8))),
            ]
        case "status": return [.send(plain(message, status: number))]
        case "last": return [.send(whole(message, fields: ["Connection: close"], body: Array("last\n".utf8))), .close]
        case "old": return [.text("HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nold\n"), .close]
        case "tunnel":
            let asked = message["upgrade"] ?? "none"
            return [
                .text("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: \(asked)\r\n\r\n"), .echo,
            ]
        case "refuse-body", "refuse-body-at-once":
            return [.text("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), .close]
        case "broken": return [.text(broken(words.count > 1 ? words[1] : ""))]
        default: return [.send(whole(message, body: message.rawHead + message.body))]
        }
    }

    /// Bytes that tell their place: a lost or doubled piece is seen.
    static func filler(_ count: Int) -> [UInt8] {
        (0..<max(0, count)).map { UInt8(ascii: "a") + UInt8(truncatingIfNeeded: ($0 &* 7 &+ $0 / 26) % 26) }
    }

    private static func whole(
        _ request: HTTPMessage, status: String = "200 OK", fields: [String] = [], body: [UInt8]
    ) -> [UInt8] {
        let lines = ["HTTP/1.1 \(status)", "Content-Type: text/plain", "Content-Length: \(body.count)"] + fields
        let head = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        return request.method == "HEAD" ? head : head + body
    }

    private static func plain(_ request: HTTPMessage, status: Int) -> [UInt8] {
        switch status {
        case 204: Array("HTTP/1.1 204 No Content\r\nX-Kind: none\r\n\r\n".utf8)
        case 304: Array("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 1234\r\n\r\n".utf8)
        default: whole(request, status: "\(status) Asked For", body: Array("status \(status)\n".utf8))
        }
    }

    private static func chunked(_ request: HTTPMessage, count: Int, size: Int) -> [OriginStep] {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Chunks\r\n\r\n"
        guard request.method != "HEAD" else { return [.text(head)] }
        let body = filler(count * size)
        var steps: [OriginStep] = [.text(head)]
        for index in 0..<count {
            let line = String(size, radix: 16) + (index == 0 ? ";first=yes" : "") + "\r\n"
            steps.append(.send(Array(line.utf8) + body[index * size..<(index + 1) * size] + [13, 10]))
        }
        return steps + [.text("0\r\nX-Chunks: \(count)\r\n\r\n")]
    }

    private static func broken(_ kind: String) -> String {
        switch kind {
        case "bare-lf": "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"
        case "no-version": "200 OK\r\nContent-Length: 2\r\n\r\nok"
        case "two-lengths": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!"
        case "length-and-coding":
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        default: "HTTP/1.1 200 OK\r\nX-Huge: " + String(repeating: "h", count: 1 << 20) + "\r\n\r\n"
        }
    }
}
