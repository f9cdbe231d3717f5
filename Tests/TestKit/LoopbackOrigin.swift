package import Addresses
internal import CLinux
internal import Glibc
internal import Synchronization

/// An origin on loopback with real sockets: a thread for each connection, and an answer that the path asks for
/// (`OriginAnswer`). It keeps every request as it came, so that a test sees what was forwarded.
package final class LoopbackOrigin: Sendable {
    package struct Request: Sendable {
        package var message: HTTPMessage
        /// Which connection it came over, from 1.
        package var connection: Int
        /// Which request on that connection, from 1.
        package var sequence: Int
    }

    private struct State {
        var requests: [Request] = []
        var accepted = 0
        var open: [Int: Socket] = [:]
        var threads: [Int: TestThread] = [:]
        var finished: [Int] = []
        var scripts: [String: [OriginStep]] = [:]
        var isStopping = false
    }

    /// Connections open at once; more are closed at once.
    private static let connectionLimit = 1000

    package let endpoint: Endpoint
    /// Held by the accepting thread too: closed when both are done with it, so that its number is not used again early.
    private let listener: Socket
    private let state = Mutex(State())
    private let acceptor = Mutex<TestThread?>(nil)

    /// Listens at 127.0.0.1 or the address given, on a port of the kernel's choice where none is given.
    package init(at address: Address = Address(ipv4: 0x7f00_0001), port: UInt16 = 0) throws(TestKitError) {
        let listener = linux_listen(Socket.octets(address), port, 512, 0)
        guard listener >= 0 else { throw .system("listen", -listener) }
        self.listener = Socket(owning: listener)
        endpoint = Endpoint(address, port: UInt16(linux_bound_port(listener)))
        // The thread does not hold the origin while it waits, so that deinit can end it.
        let thread = try TestThread { [weak self, listener = self.listener] in
            while Socket.wait(listener.descriptor, for: POLLIN, until: .now + 600_000) {
                var peer = [UInt8](repeating: 0, count: 16)
                var port: UInt16 = 0
                let descriptor = linux_accept(listener.descriptor, &peer, &port)
                guard let self else {
                    if descriptor >= 0 { close(descriptor) }
                    return
                }
                if descriptor >= 0 {
                    self.take(Socket(owning: descriptor))
                } else if descriptor != -EAGAIN && descriptor != -ECONNABORTED && descriptor != -EINTR {
                    return
                }
            }
        }
        acceptor.withLock { $0 = thread }
    }

    deinit { listener.end() }

    /// Ends all connections and threads. An origin that is not stopped ends with the process.
    package func stop() {
        listener.end()
        let thread = acceptor.withLock { $0 }
        thread?.join()
        let threads = state.withLock { state in
            state.isStopping = true
            for socket in state.open.values { socket.end() }
            return Array(state.threads.values)
        }
        for thread in threads { thread.join() }
    }

    /// All requests so far, in the order in which they were read.
    package var requests: [Request] { state.withLock { $0.requests } }
    package var accepted: Int { state.withLock { $0.accepted } }
    package var open: Int { state.withLock { $0.open.count } }

    package func forgetRequests() { state.withLock { $0.requests = [] } }

    /// Ends every connection that is open, as an origin does that restarts.
    package func endConnections() {
        state.withLock { state in for socket in state.open.values { socket.end() } }
    }

    /// From now on, answers requests for this path (without query) by these steps.
    package func answer(_ path: String, with steps: [OriginStep]) {
        state.withLock { $0.scripts[path] = steps }
    }

    private func take(_ socket: Socket) {
        let (number, done) = state.withLock { state -> (Int?, [TestThread]) in
            let done = state.finished.compactMap { state.threads.removeValue(forKey: $0) }
            state.finished = []
            guard !state.isStopping, state.open.count < Self.connectionLimit else { return (nil, done) }
            state.accepted += 1
            state.open[state.accepted] = socket
            return (state.accepted, done)
        }
        for thread in done { thread.join() }
        guard let number else { return }
        let thread = try? TestThread { [weak self] in
            self?.serve(socket, number)
            guard let self else { return }
            self.state.withLock { state in
                state.open[number] = nil
                state.finished.append(number)
            }
        }
        state.withLock { state in
            state.threads[number] = thread
            if thread == nil { state.open[number] = nil }
        }
    }

    /// One connection from its first request to its end. Whatever goes wrong ends it: the test looks at the other side.
    private func serve(_ socket: Socket, _ number: Int) {
        var reader = HTTPReader(socket)
        reader.timeout = 60_000
        var sequence = 0
        do {
            while var request = try reader.readHead() {
                let path = OriginAnswer.path(of: request)
                let refusesBody = path.hasPrefix("/refuse-body")
                if !refusesBody {
                    if request["expect"]?.lowercased() == "100-continue" {
                        try socket.send("HTTP/1.1 100 Continue\r\n\r\n")
                    }
                    try reader.readBody(of: &request, untilClose: false)
                }
                sequence += 1
                let received = Request(message: request, connection: number, sequence: sequence)
                let script = state.withLock { state in
                    state.requests.append(received)
                    return state.scripts[path]
                }
                let steps = script ?? OriginAnswer.steps(for: received)
                for step in steps {
                    if try step.perform(on: socket, &reader) == .ends { return }
                }
                if refusesBody || request["connection"]?.lowercased() == "close" { return }
                if request.startLine.hasSuffix("HTTP/1.0"), request["connection"]?.lowercased() != "keep-alive" {
                    return
                }
            }
        } catch {}
    }
}
