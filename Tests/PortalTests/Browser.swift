internal import Languages
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// A browser without script: cookies, forms, real sockets.
struct Browser: Sendable {
    let port: Int
    var cookies: [String: String] = [:]
    var language = "en"

    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        /// A piece that ends within a letter is read with the next.
        var content = ByteBuffer()

        var text: String { String(buffer: content) }

        func header(_ name: String) -> String? { headers.first(name: name) }

        /// All that it says, headers too.
        var everything: String { text + headers.description }

        /// The form key in the page.
        var key: String? {
            guard let start = text.firstRange(of: "name=\"form-key\" value=\"") else { return nil }
            return String(text[start.upperBound...].prefix { $0 != "\"" })
        }
    }

    init(port: Int) { self.port = port }

    private enum Trouble: Error {
        case noAnswer
    }

    /// Sends one request on a connection of its own, closed after 60 s at the latest, and gives the answer's parts to the
    /// body as they come.
    private func exchange(
        _ method: HTTPMethod, _ path: String, _ headers: [(String, String)], content: [UInt8] = [],
        _ body: (HTTPClientResponsePart) async throws -> Bool
    ) async throws {
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: path)
        head.headers = [
            "Host": "console.example", "Accept-Language": language, "Content-Length": "\(content.count)",
            "Connection": "close",
        ]
        if !cookies.isEmpty {
            let value = cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            head.headers.add(name: "Cookie", value: value)
        }
        for (name, value) in headers { head.headers.replaceOrAdd(name: name, value: value) }
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        let connection = try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHTTPClientHandlers()
                channel.eventLoop.scheduleTask(in: .seconds(60)) { channel.close(promise: nil) }
                return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                    wrappingChannelSynchronously: channel)
            }
        }
        let request: [HTTPClientRequestPart] = [
            .head(head), .body(.byteBuffer(ByteBuffer(bytes: content))), .end(nil),
        ]
        try await connection.executeThenClose { answer, sender in
            try await sender.write(contentsOf: request)
            for try await part in answer where try await body(part) { break }
        }
    }

    private mutating func send(
        _ method: HTTPMethod, _ path: String, _ headers: [(String, String)], content: [UInt8] = []
    ) async throws -> Answer {
        var answer: Answer?
        var isWhole = false
        try await exchange(method, path, headers, content: content) { part in
            switch part {
            case .head(let head): answer = Answer(status: Int(head.status.code), headers: head.headers)
            case .body(let piece): answer?.content.writeImmutableBuffer(piece)
            case .end: isWhole = true
            }
            return isWhole
        }
        guard let answer, isWhole else { throw Trouble.noAnswer }
        for cookie in answer.headers["Set-Cookie"] {
            let pair = cookie.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            cookies[String(pair[0])] = pair[1].isEmpty ? nil : String(pair[1])
        }
        return answer
    }

    mutating func get(_ path: String, headers: [(String, String)] = []) async throws -> Answer {
        try await send(.GET, path, headers)
    }

    /// - Parameter key: goes into the form; nil: none does.
    mutating func post(
        _ path: String, _ fields: [(String, String)], key: String?, headers: [(String, String)] = []
    ) async throws -> Answer {
        var body = fields.map { "\(Self.encoded($0.0))=\(Self.encoded($0.1))" }
        if let key { body.append("form-key=\(key)") }
        return try await post(path, raw: Array(body.joined(separator: "&").utf8), headers: headers)
    }

    mutating func post(_ path: String, raw: [UInt8], headers: [(String, String)] = []) async throws -> Answer {
        let type = [("Content-Type", "application/x-www-form-urlencoded")]
        return try await send(.POST, path, type + headers, content: raw)
    }

    /// Signs in, and gives the form key of the session.
    @discardableResult
    mutating func signIn(_ name: String, _ password: String = World.password) async throws -> (Answer, key: String?) {
        let page = try await get("/login")
        let answer = try await post("/login", [("name", name), ("password", password)], key: page.key)
        guard answer.status == 303 else { return (answer, nil) }
        return (answer, try await get("/account").key)
    }

    /// Reads events as they come, until the body has seen enough (then it gives up the connection) or they end.
    func follow(_ path: String, _ body: (String) async throws -> Bool) async throws -> Int {
        var status = 0
        var isOver = false
        try await exchange(.GET, path, []) { part in
            switch part {
            case .head(let head): status = Int(head.status.code)
            case .body(let piece): isOver = try await body(String(buffer: piece))
            case .end: isOver = true
            }
            return isOver
        }
        guard isOver else { throw Trouble.noAnswer }
        return status
    }

    static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + digits
        }.joined()
    }
}
