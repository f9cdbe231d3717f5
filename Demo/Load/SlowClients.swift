package import Addresses
internal import CLinux
internal import Glibc

/// Clients that hold connections and say next to nothing: what slow attacks and floods of connections do.
///
/// As many stay open as were asked for: what the server closes is opened again, at no more than the bounds' rate.
package final class SlowClients {
    package enum Kind: String, Sendable, CaseIterable {
        /// A head that never ends, a line every two seconds.
        case head
        /// A body that never ends, a byte every two seconds.
        case body
        /// A page asked for and not read.
        case read
        /// A connection without a word.
        case silent
        /// The first bytes of a TLS record, and no more.
        case record
    }

    private struct Client {
        var socket: Int32
        var kind: Kind
        var dueAt: UInt64
        var hasBegun = false
    }

    package private(set) var opened = 0
    /// Ended by the server, by whatever means.
    package private(set) var ended = 0
    /// The most that were open at once.
    package private(set) var peak = 0
    /// When the server ended the first.
    package private(set) var endedAt: UInt64 = 0

    private let target: HomeAddress
    private let addresses: [Address]
    private let kinds: [Kind]
    private let authority: String
    private let wanted: Int
    private var meter: BoundsMeter
    private var clients: [Client] = []
    private var random: Seeded
    private static let pause: UInt64 = 2_000_000_000

    package init(
        _ kinds: [Kind], from addresses: [Address], to target: HomeAddress, authority: String, count: Int,
        bounds: Bounds, seed: UInt64
    ) throws(TargetRefusal) {
        precondition(!kinds.isEmpty && !addresses.isEmpty && count > 0 && count <= bounds.connections)
        for address in addresses where !TargetGuard.allows(source: address, to: target) { throw .source(address) }
        self.kinds = kinds
        self.addresses = addresses
        self.target = target
        self.authority = authority
        wanted = count
        meter = BoundsMeter(bounds)
        random = Seeded(seed)
        signal(SIGPIPE, SIG_IGN)
    }

    deinit { for client in clients { close(client.socket) } }

    /// Holds on until the moment `end`, or the bounds' seconds are over.
    package func run(until end: UInt64) {
        let last = min(end, Clock.now() + UInt64(meter.bounds.seconds) * 1_000_000_000)
        while Clock.now() < last {
            let now = Clock.now()
            for _ in 0..<100 where clients.count < wanted {
                guard meter.take(at: now), open(at: now) else { break }
            }
            peak = max(peak, clients.count)
            var left: [Client] = []
            left.reserveCapacity(clients.count)
            for var client in clients {
                if client.dueAt > now || step(&client, now) {
                    left.append(client)
                } else {
                    close(client.socket)
                    ended += 1
                    if endedAt == 0 { endedAt = now }
                }
            }
            clients = left
            usleep(20_000)
        }
        for client in clients { close(client.socket) }
        clients = []
    }

    private func open(at now: UInt64) -> Bool {
        let socket = target.dial(from: addresses[random.below(addresses.count)])
        guard socket >= 0 else { return false }
        opened += 1
        let kind = kinds[random.below(kinds.count)]
        if kind == .read {
            var room: Int32 = 1_024
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &room, socklen_t(MemoryLayout<Int32>.size))
        }
        clients.append(Client(socket: socket, kind: kind, dueAt: now + 50_000_000))
        return true
    }

    /// The next word of a client; false: the server has ended the connection.
    private func step(_ client: inout Client, _ now: UInt64) -> Bool {
        client.dueAt = now + Self.pause + UInt64(random.below(500_000_000))
        var byte: UInt8 = 0
        // One that does not read looks whether its connection is still there, and takes nothing.
        let count = recv(client.socket, &byte, 1, client.kind == .read ? Int32(MSG_PEEK) : 0)
        if count == 0 { return false }
        if count < 0, errno != EAGAIN, errno != EINTR { return false }
        // A head or body that was answered before its end is over.
        if count > 0, client.kind != .read { return false }
        let words = text(client)
        client.hasBegun = true
        guard !words.isEmpty else { return true }
        let sent = words.withUnsafeBytes { send(client.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        return sent >= 0 || errno == EAGAIN
    }

    private func text(_ client: Client) -> [UInt8] {
        let end = "HTTP/1.1\r\nHost: \(authority)\r\nUser-Agent: Mozilla/5.0\r\n"
        switch (client.kind, client.hasBegun) {
        case (.head, false): return Array("GET / \(end)".utf8)
        case (.head, true): return Array("X-\(random.below(100_000)): a\r\n".utf8)
        case (.body, false): return Array("POST / \(end)Content-Length: 100000\r\n\r\n".utf8)
        case (.body, true): return [97]
        case (.read, false): return Array("GET / \(end)\r\n".utf8)
        case (.record, false): return [22, 3, 1, 2, 0, 1]
        case (.read, true), (.record, true), (.silent, _): return []
        }
    }
}
