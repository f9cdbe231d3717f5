internal import FoundationEssentials
internal import Glibc
internal import Load

/// The process of one flood, seen from the one that has ordered it.
final class FloodProcess {
    let process: pid_t
    let sources: Int
    /// The latest that it told.
    private(set) var report = FloodReport()
    private let socket: Int32
    private var pending: [UInt8] = []
    private var isReady = false
    private var hasEnded = false

    /// Starts it with `start`, which gets the descriptor for the process's input and output, and hands over the order.
    init(_ order: FloodOrder, start: (Int32) throws -> pid_t) throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw DemoError("no connection for the flood: error \(errno)")
        }
        socket = ends[0]
        sources = order.sources.count
        defer { close(ends[1]) }
        do {
            process = try start(ends[1])
        } catch {
            close(ends[0])
            throw error
        }
        try tell(try JSONEncoder().encode(order) + [10])
    }

    deinit { close(socket) }

    /// Waits until it can start at once; `wait` waits a while, and throws where that makes no sense any more.
    func awaitReady(_ wait: (Double) throws -> Void) throws {
        for _ in 0..<1_000 where !isReady {
            try wait(0.01)
            look()
        }
        guard isReady else { throw DemoError("the flood does not begin") }
    }

    func begin(at start: UInt64) throws { try tell(Data("\(start)\n".utf8)) }

    /// Takes what it has told since.
    func look() {
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        while !hasEnded {
            let count = recv(socket, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EAGAIN || errno == EINTR { break }
            guard count > 0 else {
                hasEnded = true
                break
            }
            pending += bytes[..<count]
        }
        while let end = pending.firstIndex(of: 10) {
            let line = Data(pending[..<end])
            pending.removeSubrange(...end)
            if line == Data("ready".utf8) {
                isReady = true
            } else if let report = try? JSONDecoder().decode(FloodReport.self, from: line) {
                self.report = report
            }
        }
    }

    /// Tells it to end, and waits for its last report, five seconds at most.
    func finish() {
        shutdown(socket, Int32(SHUT_WR))
        for _ in 0..<500 where !hasEnded {
            usleep(10_000)
            look()
        }
    }

    private func tell(_ data: Data) throws {
        var rest = Array(data)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw DemoError("the flood does not take its order: error \(errno)") }
            rest = rest.dropFirst(count)
        }
    }
}
