package import Addresses
internal import CLinux
internal import Glibc

/// Clients that connect, say one thing, and are gone: floods of connections, of ClientHellos and of handshakes, and single
/// requests from ever new addresses.
package final class Callers {
    package enum Errand: Sendable {
        /// Connect and reset.
        case connect
        /// Send these bytes, such as a recorded ClientHello, and be gone.
        case say([UInt8])
        /// A whole TLS handshake.
        case handshake
        /// One request, its answer read.
        case ask([UInt8])
    }

    private struct Call {
        var socket: Int32
        var tls: TLSConnection?
        var sent = 0
        var until: UInt64
    }

    package private(set) var offered = 0
    /// Connections that came about: the server accepted or reset them.
    package private(set) var reached = 0
    /// Handshakes done, or answers by the first digit of their status.
    package private(set) var done = 0
    package private(set) var statuses = Array(repeating: 0, count: 6)
    /// How far the load was behind its rate at the end: calls that were due and not made.
    package private(set) var behind = 0

    private let target: HomeAddress
    private let tls: TLSClient?
    private let errand: Errand
    private let address: (Int) -> Address
    private let concurrent: Int
    private var meter: BoundsMeter
    private var calls: [Call] = []
    private static let patience: UInt64 = 2_000_000_000

    /// - Parameters:
    ///   - address: the source of the n-th call.
    ///   - concurrent: calls under way at once.
    package init(
        _ errand: Errand, to target: HomeAddress, tls: TLSClient?, concurrent: Int, bounds: Bounds,
        address: @escaping (Int) -> Address
    ) {
        precondition((1...bounds.connections).contains(concurrent))
        self.errand = errand
        self.target = target
        self.tls = tls
        self.address = address
        self.concurrent = concurrent
        meter = BoundsMeter(bounds)
        signal(SIGPIPE, SIG_IGN)
    }

    deinit { for call in calls { close(call.socket) } }

    /// Makes `count` calls at most, `rate` a second, from `start` on until `end`.
    package func run(rate: Double, count: Int, start: UInt64, until end: UInt64) throws(TargetRefusal) {
        while Clock.now() < start { usleep(1_000) }
        var made = 0
        var now = Clock.now()
        while now < end, made < count || !calls.isEmpty {
            let due = min(count, Int(Double(now - start) / 1e9 * rate))
            while made < due, calls.count < concurrent, meter.take(at: now) {
                try call(made, at: now)
                made += 1
            }
            offered = due
            let before = calls.count
            advance(now)
            if calls.count == before, made >= due || calls.count >= concurrent { usleep(200) }
            now = Clock.now()
        }
        behind = offered - made
        for call in calls { close(call.socket) }
        calls = []
    }

    private func call(_ index: Int, at now: UInt64) throws(TargetRefusal) {
        let source = address(index)
        guard TargetGuard.allows(source: source, to: target) else { throw .source(source) }
        let socket = target.dial(from: source)
        guard socket >= 0 else {
            if -socket == ECONNREFUSED || -socket == ECONNRESET { reached += 1 }
            return
        }
        if case .ask = errand {} else { linux_reset_on_close(socket) }
        var call = Call(socket: socket, tls: nil, until: now + Self.patience)
        switch errand {
        case .connect:
            // On loopback the handshake is over when connect(2) returns.
            reached += linux_socket_error(socket) == 0 ? 1 : 0
            close(socket)
            return
        case .say: call.until = now + 50_000_000
        case .handshake:
            var none: TLSTicket?
            call.tls = tls?.open(socket: socket, isVisitor: false, ticket: &none)
        case .ask: break
        }
        calls.append(call)
    }

    private func advance(_ now: UInt64) {
        var index = 0
        while index < calls.count {
            if step(&calls[index], now) || calls[index].until <= now {
                calls[index].tls = nil
                close(calls[index].socket)
                calls.swapAt(index, calls.count - 1)
                calls.removeLast()
            } else {
                index += 1
            }
        }
    }

    /// One step of a call; true: it is over.
    private func step(_ call: inout Call, _ now: UInt64) -> Bool {
        switch errand {
        case .connect: return true
        case .handshake:
            guard let tls = call.tls else { return true }
            switch tls.handshake() {
            case .moved:
                reached += 1
                done += 1
                return true
            case .wantsRead, .wantsWrite: return false
            case .ended, .broken, .failed:
                reached += 1
                return true
            }
        case .say(let bytes): return !speak(bytes, &call)
        case .ask(let bytes):
            guard speak(bytes, &call) else { return true }
            guard call.sent == bytes.count else { return false }
            var head = [UInt8](repeating: 0, count: 4_096)
            let count = recv(call.socket, &head, head.count, 0)
            if count < 0 { return errno != EAGAIN && errno != EINTR }
            if count > 12 {
                done += 1
                statuses[min(5, max(0, Int(head[9]) - 48))] += 1
            }
            return true
        }
    }

    /// Sends what is left to say; false: the connection has ended.
    private func speak(_ bytes: [UInt8], _ call: inout Call) -> Bool {
        guard call.sent < bytes.count else { return true }
        let start = call.sent
        let count = bytes.withUnsafeBytes {
            send(call.socket, $0.baseAddress! + start, $0.count - start, Int32(MSG_NOSIGNAL))
        }
        if count < 0 {
            if errno == EAGAIN || errno == ENOTCONN { return true }
            if start == 0 { reached += 1 }
            return false
        }
        if start == 0 { reached += 1 }
        call.sent += count
        return true
    }
}
