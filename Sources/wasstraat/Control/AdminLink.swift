internal import CLinux
internal import Exchange
internal import Glibc
internal import Heads

/// Why the office could not be told something, or why it refuses: one line, for people.
struct AdminLinkError: Error {
    var reason: String
}

/// A command's way to the running office: one request on the admin socket.
struct AdminLink {
    /// Milliseconds that the office may take; it waits for its disk.
    private static let patience: Int64 = 10_000
    /// Bytes of an answer: all orders there can be, at their longest.
    private static let answerLimit = 8 << 20

    let path: String

    init(_ folder: StateFolder) { path = folder.adminSocket }

    /// Asks, and reads the answer's JSON. A refusal is an error with the office's own words.
    func ask(_ method: String, _ target: String, _ body: JSONValue? = nil) throws -> JSONValue {
        guard path.utf8.count <= StateFolder.socketPathLimit else {
            throw AdminLinkError(reason: "the path is too long for a socket: \(path)")
        }
        let opened = linux_unix_connect(path)
        guard opened >= 0 else { throw AdminLinkError(reason: Self.advice(-opened, path)) }
        let socket = Descriptor(opened)
        let content = body?.canonical ?? []
        let head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(content.count)\r\n\r\n"
        try Self.send(Array(head.utf8) + content, to: socket)
        return try Self.read(try Self.receive(from: socket))
    }

    private static func advice(_ error: Int32, _ path: String) -> String {
        switch error {
        case ENOENT, ECONNREFUSED:
            "no office answers at \(path): start it, or name its state folder with --state or --config"
        case EACCES, EPERM: "you may not ask the office: run this as the user that runs it, or as root (sudo)"
        default: "no office answers at \(path): \(OfficeError.text(error))"
        }
    }

    private static func send(_ bytes: [UInt8], to socket: Descriptor) throws {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { write(socket.number, $0.baseAddress! + offset, $0.count - offset) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw AdminLinkError(reason: "the office sent this user away") }
            offset += count
        }
    }

    private static func receive(from socket: Descriptor) throws -> [UInt8] {
        let deadline = Clock.monotonic + patience
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < answerLimit {
            var watched = [pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)]
            let left = deadline - Clock.monotonic
            guard left > 0, poll(&watched, 1, Int32(clamping: left)) >= 0 else {
                throw AdminLinkError(reason: "the office does not answer")
            }
            guard watched[0].revents != 0 else { continue }
            let count = Glibc.read(socket.number, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
        throw AdminLinkError(reason: "the office's answer is too long")
    }

    private static func read(_ bytes: [UInt8]) throws -> JSONValue {
        var scanner = HeadScanner()
        guard case .head(_, let end) = scanner.scan(bytes.span, limit: AdminPeer.headLimit), bytes.count > 12,
            let status = Int(String(decoding: bytes[9..<12], as: UTF8.self))
        else { throw AdminLinkError(reason: "the office sent this user away") }
        let limits = JSONReader.Limits(depth: 8, members: 64, elements: 8_192)
        let value = try JSONReader.read(Array(bytes[end...]), within: limits)
        guard (200..<300).contains(status) else {
            throw AdminLinkError(reason: value.text("reason") ?? "the office answered with \(status)")
        }
        return value
    }
}

extension JSONValue {
    subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// A text, or a number as it stands.
    func text(_ key: String) -> String? {
        switch self[key] {
        case .string(let text), .number(let text): text
        default: nil
        }
    }
}
