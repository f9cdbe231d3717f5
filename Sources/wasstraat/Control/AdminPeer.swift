internal import Glibc
internal import Heads

/// One connection on the admin socket: a request of HTTP/1.1, an answer, and the end. Confined to the office's thread, and
/// never waited for.
final class AdminPeer {
    /// Connections at once, bytes of a request's head and of its body.
    static let limit = 16
    static let headLimit = 8 << 10
    static let bodyLimit = 16 << 10
    /// Milliseconds for the whole of it.
    static let patience: Int64 = 5_000

    struct Request {
        var method: String
        /// Parts of the path, between its slashes.
        var path: [String]
        var body: [UInt8]
        var author: String
    }

    let socket: Descriptor
    let deadline: Int64
    private let author: String
    private var received: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var offset = 0
    private(set) var isAnswered = false

    /// nil: neither root nor the user that runs the office, whatever the rights of the socket's file say.
    init?(_ socket: Descriptor, at now: Int64) {
        guard let user = PeerUser(of: socket.number), user.number == 0 || user.number == geteuid() else { return nil }
        self.socket = socket
        author = user.description
        deadline = now + Self.patience
    }

    var hasBacklog: Bool { offset < outgoing.count }
    /// All of the answer was taken.
    var isDone: Bool { isAnswered && !hasBacklog }

    /// What a peer sent.
    enum Finding {
        case more
        case request(Request)
        /// It cannot be read, and is answered so.
        case refused(AdminReply)
        case gone
    }

    func receive() -> Finding {
        guard !isAnswered else { return .more }
        var chunk = [UInt8](repeating: 0, count: 8 << 10)
        var isEnded = false
        while !isEnded {
            let count = read(socket.number, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            guard count >= 0 else { return .gone }
            // Who has said all may close his side.
            isEnded = count == 0
            received += chunk[..<count]
            guard received.count <= Self.headLimit + Self.bodyLimit else {
                return .refused(.refusal(413, "too_large", "a request has at most \(Self.bodyLimit) bytes"))
            }
        }
        let finding = look()
        if isEnded, case .more = finding { return .gone }
        return finding
    }

    private func look() -> Finding {
        var scanner = HeadScanner()
        switch scanner.scan(received.span, limit: Self.headLimit) {
        case .more: return .more
        case .refused: return .refused(.refusal(400, "malformed", "this is no HTTP request"))
        case .head(let start, let end): return parse(start, end)
        }
    }

    private func parse(_ start: Int, _ end: Int) -> Finding {
        var head = RequestHead()
        let bytes = Array(received[..<end])
        if head.read(bytes.span, from: start, limits: HeadLimits()) != nil {
            return .refused(.refusal(400, "malformed", "this is no HTTP request"))
        }
        var length = 0
        switch head.framing {
        case .none: break
        case .length(let count) where count <= UInt64(Self.bodyLimit): length = Int(count)
        case .length: return .refused(.refusal(413, "too_large", "a body has at most \(Self.bodyLimit) bytes"))
        case .chunked, .untilClose: return .refused(.refusal(411, "length", "a body needs its Content-Length"))
        }
        guard received.count >= end + length else { return .more }
        let target = bytes[Int(head.path.start)..<Int(head.path.start) + head.pathLength]
        return .request(
            Request(
                method: String(decoding: bytes[head.methodName.range], as: UTF8.self),
                path: target.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) },
                body: Array(received[end..<end + length]), author: author))
    }

    func answer(_ reply: AdminReply) {
        isAnswered = true
        outgoing = reply.encoded()
    }

    /// Sends as far as the socket takes it. False: the peer is gone.
    func flush() -> Bool {
        while hasBacklog {
            let count = outgoing.withUnsafeBytes { raw in
                write(socket.number, raw.baseAddress! + offset, raw.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return true }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }
}

/// The user at the other end of a Unix socket, as the kernel says (SO_PEERCRED): nobody can claim to be another.
struct PeerUser: CustomStringConvertible {
    let number: UInt32

    /// nil: the kernel does not say.
    init?(of socket: Int32) {
        // struct ucred: process, user, group.
        var facts: (Int32, UInt32, UInt32) = (0, .max, .max)
        var length = socklen_t(MemoryLayout.size(ofValue: facts))
        guard getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &facts, &length) == 0, facts.1 != .max else { return nil }
        number = facts.1
    }

    /// "alice (uid 1000)".
    var description: String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var room = [CChar](repeating: 0, count: 4_096)
        guard getpwuid_r(number, &entry, &room, room.count, &found) == 0, found != nil, let name = entry.pw_name else {
            return "uid \(number)"
        }
        return "\(String(cString: name).prefix(64)) (uid \(number))"
    }
}
