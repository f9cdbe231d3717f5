import Addresses
import CLinux
import Glibc
import Synchronization
import TestKit
import Testing

/// A real office with a fake lane, in a folder of its own and on a loopback address of its own.
final class RunningOffice: Sendable {
    let folder: String
    let endpoint: Endpoint
    let metrics: Endpoint
    /// Where the second of two lanes listens.
    var second: Endpoint { Endpoint(endpoint.address, port: endpoint.port + 1) }
    private let offices = Mutex<[pid_t]>([])

    private static let count = Atomic<UInt32>(0)

    /// Where the built programs lie: beside the test's own.
    static let programs: String = {
        var path = [UInt8](repeating: 0, count: 4_096)
        let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: path.prefix(max(0, count)), as: UTF8.self)
        return String(own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex))
    }()

    init() {
        let number = Self.count.wrappingAdd(1, ordering: .relaxed).newValue
        folder = "/tmp/wst-office-\(getpid())-\(number)"
        mkdir(folder, 0o700)
        // Another 127.x.y.z for each test: no two of them meet on a port.
        let address = Address(ipv4: 127 << 24 | UInt32(getpid() & 0x3fff | 0x4000) << 8 | (number & 0x7f) + 1)
        endpoint = Endpoint(address, port: 8_080)
        metrics = Endpoint(address, port: 9_464)
        configure()
    }

    deinit {
        for office in offices.withLock({ $0 }) {
            kill(office, SIGKILL)
            waitpid(office, nil, 0)
        }
        // Lanes, those that finish too, and the filter live on without their office, by design; one that holds the tests'
        // output would keep its reader waiting for ever. All are told of this folder. The brackets: not this shell.
        let name = folder.dropFirst("/tmp/w".utf8.count)
        _ = Self.shell("pkill -KILL -f '/tmp/[w]\(name)/'; rm -rf \(folder)")
    }

    var configuration: String { folder + "/wasstraat.yaml" }
    var state: String { folder + "/state" }

    /// Writes the configuration file.
    func configure(instance: String = "first", port: UInt16? = nil, extra: String = "") {
        write(
            """
            state: \(state)
            instance: \(instance)
            organisations:
              - name: voorbeeld
                sites:
                  - host: www.example.nl
                    origin: http://127.0.0.1:8081
            listeners:
              - listen: \(endpoint.address):\(port ?? endpoint.port)
            metrics:
              listen: \(metrics)
            console: {listen: off}
            prober: {enabled: false}
            limits:
              drain_time: 500 ms
            \(extra)

            """)
    }

    /// Writes a configuration with two organisations, each with a lane of its own.
    func configureTwo(instance: String = "first", extra: String = "") {
        write(
            """
            state: \(state)
            instance: \(instance)
            organisations:
              - name: oost
                sites: [{host: www.oost.example, origin: 'http://127.0.0.1:8081'}]
              - name: west
                sites: [{host: www.west.example, origin: 'http://127.0.0.1:8082'}]
            lanes:
              - {name: oost, listeners: [{listen: '\(endpoint)'}], organisations: [oost], cores: [0]}
              - {name: west, listeners: [{listen: '\(second)'}], organisations: [west], cores: [0]}
            pages: {host: status.example}
            metrics: {listen: '\(metrics)'}
            console: {listen: off}
            prober: {enabled: false}
            limits: {drain_time: 500 ms}
            \(extra)

            """)
    }

    /// Writes something else as the configuration file.
    func write(_ text: String) {
        let file = open(configuration, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    /// Starts an office; its log goes to `log`.
    /// - Parameter prefix: what starts it, with a space behind.
    /// - Parameter gateway: the lane's program; nil: the fake one.
    func start(prefix: String = "", words: String = "", gateway: String? = nil) throws -> pid_t {
        let line = "exec \(prefix)\(Self.programs)/wasstraat run --config \(configuration)"
        let program = gateway ?? "\(Self.programs)/FakeLane"
        let process = Self.spawn("\(line) --gateway \(program) \(words) 2>>\(folder)/log")
        try #require(process > 0)
        offices.withLock { $0.append(process) }
        return process
    }

    var log: String { read("\(folder)/log") }

    func read(_ path: String) -> String {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }

    /// The number that a lock file holds.
    func number(in file: String) -> pid_t? { pid_t(read("\(state)/\(file)").filter(\.isNumber)) }

    /// What a visitor is told: who serves, and with what.
    struct Answer: Equatable {
        var lane: pid_t
        var generation: UInt64
        var instance: String
    }

    /// One visitor: connects, says something, reads the answer. Throws when the connection is refused, and when no answer
    /// comes in 30 s.
    func visit(_ other: Endpoint? = nil) throws -> Answer {
        let words = try Self.exchange("x", with: other ?? endpoint).split(separator: " ")
        try #require(words.count == 3)
        return Answer(
            lane: try #require(pid_t(words[0])), generation: try #require(UInt64(words[1])),
            instance: words[2].filter { $0 != "\n" })
    }

    /// Sends a text and reads until the other side ends.
    static func exchange(_ text: String, with endpoint: Endpoint) throws -> String {
        let socket = linux_connect(Socket.octets(endpoint.address), endpoint.port, nil)
        try #require(socket >= 0)
        defer { close(socket) }
        func wait(_ events: Int32) -> Bool {
            var watched = [pollfd(fd: socket, events: Int16(events), revents: 0)]
            return poll(&watched, 1, 30_000) > 0
        }
        try #require(wait(POLLOUT) && linux_socket_error(socket) == 0, "the connection was refused")
        try #require(Glibc.write(socket, text, text.utf8.count) == text.utf8.count)
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            try #require(wait(POLLIN), "no answer")
            let count = Glibc.read(socket, &chunk, chunk.count)
            try #require(count >= 0)
            if count == 0 { return String(decoding: answer, as: UTF8.self) }
            answer += chunk[..<count]
        }
    }

    /// Waits, 40 s at most, until something holds.
    func wait(_ what: String, until holds: () -> Bool) async throws {
        for _ in 0..<2_000 {
            if holds() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("waited in vain for: \(what)\n\(log)")
        throw CancellationError()
    }

    /// Starts an office and waits until its lane serves.
    func startServing() async throws -> pid_t {
        let office = try start()
        try await wait("a lane in force") { log.contains("\"message\":\"in force\"") }
        return office
    }

    /// Waits for a process of ours to end; its exit code, or 128 and the signal.
    func exitCode(of process: pid_t) async throws -> Int32 {
        var status: Int32 = 0
        try await wait("the end of process \(process)") { waitpid(process, &status, WNOHANG) == process }
        offices.withLock { $0.removeAll { $0 == process } }
        return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f)
    }

    static func spawn(_ line: String) -> pid_t {
        let words: [String] = ["sh", "-c", line]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        return linux_spawn("/bin/sh", arguments, null)
    }

    /// Runs a command line; its output and exit code.
    static func shell(_ line: String) -> (output: String, code: Int32) {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        let words: [String] = ["sh", "-c", "(\(line)) >&3 2>&3"]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let process = linux_spawn("/bin/sh", arguments, ends[1])
        close(ends[1])
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = Glibc.read(ends[0], &chunk, chunk.count), count > 0 { output += chunk[..<count] }
        close(ends[0])
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return (String(decoding: output, as: UTF8.self), status >> 8 & 0xff)
    }
}
