internal import Addresses
internal import Glibc

/// One question to a name server under way, over a socket of its own: its port and its number are chosen by chance, so
/// that nobody who does not see them can answer.
final class DNSExchange {
    /// Milliseconds that one try may take, and tries.
    private static let patience: Int64 = 2_000
    private static let tries = 2

    let query: BotVerifier.Query
    private let servers: [Endpoint]
    private var id: UInt16 = 0
    private var socket: Descriptor?
    private var tried = 0
    private(set) var deadline: Int64 = 0

    init(_ query: BotVerifier.Query, to servers: [Endpoint], at now: Int64) {
        self.query = query
        self.servers = servers
        next(at: now)
    }

    var descriptor: Int32 { socket?.number ?? -1 }

    /// Asks, or asks the next server. False: all was tried.
    @discardableResult
    private func next(at now: Int64) -> Bool {
        socket = nil
        while tried < Self.tries, !servers.isEmpty {
            let server = servers[tried % servers.count]
            tried += 1
            id = .random(in: 0 ... .max)
            guard let opened = DatagramSocket.connect(to: server), let bytes = DNSMessage.query(query.question, id: id),
                send(opened.number, bytes, bytes.count, 0) == bytes.count
            else { continue }
            socket = opened
            deadline = now + Self.patience
            return true
        }
        return false
    }

    /// What has come; nil while nothing has.
    func receive(at now: Int64) -> DNSMessage.Answer? {
        guard let socket else { return .failure }
        // Without EDNS no answer is longer than 512 bytes; one more shows that it is none.
        var bytes = [UInt8](repeating: 0, count: 513)
        while true {
            let count = recv(socket.number, &bytes, bytes.count, 0)
            if count < 0, errno == EINTR { continue }
            // No server listens there: the next one may.
            if count < 0, errno != EAGAIN { return next(at: now) ? nil : .failure }
            guard count >= 0 else { break }
            let answer = bytes.withUnsafeBytes {
                DNSMessage.answer(RawSpan(_unsafeBytes: $0).extracting(0..<count), to: query.question, id: id)
            }
            if let answer { return answer }
        }
        guard now >= deadline else { return nil }
        return next(at: now) ? nil : .failure
    }
}
