internal import AsyncHTTPClient
internal import Languages
internal import NIOCore
internal import NIOHTTP1

/// A browser without script: cookies, forms, real sockets.
struct Browser: Sendable {
    let port: Int
    var cookies: [String: String] = [:]
    var language = "en"

    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        return HTTPClient(configuration: configuration)
    }()

    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var text: String

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

    private func request(_ method: HTTPMethod, _ path: String, _ headers: [(String, String)]) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        request.headers.add(name: "Host", value: "console.example")
        request.headers.add(name: "Accept-Language", value: language)
        if !cookies.isEmpty {
            let value = cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            request.headers.add(name: "Cookie", value: value)
        }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        return request
    }

    private mutating func send(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await Self.client.execute(request, timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 4 << 20)
        for cookie in response.headers["Set-Cookie"] {
            let pair = cookie.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            cookies[String(pair[0])] = pair[1].isEmpty ? nil : String(pair[1])
        }
        return Answer(status: Int(response.status.code), headers: response.headers, text: String(buffer: body))
    }

    mutating func get(_ path: String, headers: [(String, String)] = []) async throws -> Answer {
        try await send(request(.GET, path, headers))
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
        var request = request(.POST, path, type + headers)
        request.body = .bytes(raw)
        return try await send(request)
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
        let response = try await Self.client.execute(request(.GET, path, []), timeout: .seconds(60))
        for try await piece in response.body {
            if try await body(String(buffer: piece)) { break }
        }
        return Int(response.status.code)
    }

    static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + digits
        }.joined()
    }
}
