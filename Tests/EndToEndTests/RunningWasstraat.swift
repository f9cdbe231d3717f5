import Addresses
import Glibc
import Synchronization
import TestKit
import Testing

/// What stops a test that cannot begin.
struct NotReady: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Programs and files of this package.
enum Package {
    /// A program that was built with the tests: it lies beside their own.
    static func program(_ name: String) throws -> String {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = bytes.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        let path = own.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/" + name
        guard access(path, X_OK) == 0 else { throw NotReady("\(path) is not built") }
        return path
    }

    /// A file of the package's own folder.
    static func file(_ name: String) -> String {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        return folder.joined(separator: "/") + "/" + name
    }
}

/// The real office with its real lane, started as an operator starts it, in a folder of its own.
final class RunningWasstraat: Sendable {
    /// A site as the configuration file has it.
    struct Site {
        var host: String
        var origin: Endpoint
        var certificate: TestAuthority.Certificate?
    }

    let folder: TemporaryFolder
    /// HTTP in clear, HTTPS, and the figures.
    let clear: Endpoint
    let secure: Endpoint
    let metrics: Endpoint
    private let alsoIPv6: Bool
    private let offices = Mutex<[Child]>([])

    /// - Parameter address: where it listens; on 127.0.0.1 also on ::1, where the machine has it, for programs that
    ///   find either under the name "localhost".
    /// - Parameter port: where it listens for HTTP; nil: anywhere.
    init(at address: Address = Address(ipv4: 127 << 24 | 1), port: UInt16? = nil) throws {
        folder = try TemporaryFolder()
        clear = Endpoint(address, port: try port ?? Self.freePort())
        secure = Endpoint(address, port: try Self.freePort())
        metrics = Endpoint(address, port: try Self.freePort())
        alsoIPv6 = address == Address(ipv4: 127 << 24 | 1) && access("/proc/net/if_inet6", F_OK) == 0
    }

    deinit {
        let last = lane
        offices.withLock { $0.removeAll() }
        // An office that is killed leaves its lane.
        if let last, isRunning(last) { kill(last, SIGKILL) }
    }

    private static func freePort() throws -> UInt16 {
        let origin = try LoopbackOrigin()
        defer { origin.stop() }
        return origin.endpoint.port
    }

    var state: String { folder.path("state") }
    var log: String { text("log") }

    func text(_ name: String) -> String {
        guard let bytes = try? folder.read(name) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - Parameter record: what the record needs: pages, prober, console.
    func configure(
        _ sites: [Site], extra: String = "", record: [String] = ["console: {listen: off}", "prober: {enabled: false}"]
    ) throws {
        var lines = ["state: \(state)", "listeners:"]
        for (endpoint, tls) in [(clear, false), (secure, true)] {
            for address in ["\(endpoint)"] + (alsoIPv6 ? ["[::1]:\(endpoint.port)"] : []) {
                lines += ["  - listen: \"\(address)\"", "    tls: \(tls)"]
            }
        }
        lines +=
            ["metrics:", "  listen: \(metrics)"] + record + ["organisations:", "  - name: voorbeeld", "    sites:"]
        for site in sites {
            lines += ["      - host: \(site.host)", "        origin: http://\(site.origin)"]
            guard let certificate = site.certificate else { continue }
            lines += ["        certificate: \(certificate.chainPath)", "        key: \(certificate.keyPath)"]
        }
        try folder.write(lines.joined(separator: "\n") + "\n" + extra + "\n", to: "wasstraat.yaml")
    }

    /// Starts an office; a test ends it by its process number.
    @discardableResult
    func startOffice() throws -> Child {
        let line = "exec \(try Package.program("wasstraat")) run --config \(folder.path("wasstraat.yaml"))"
        let office = try Child(["sh", "-c", "\(line) >>\(folder.path("log")) 2>&1"])
        offices.withLock { $0.append(office) }
        return office
    }

    /// Starts an office and waits until its lane serves.
    @discardableResult
    func start() throws -> Child {
        let office = try startOffice()
        guard eventually(within: 15_000, { log.contains("\"message\":\"in force\"") }) else {
            throw NotReady("the lane does not come up:\n\(log)")
        }
        return office
    }

    /// The process that carries the traffic.
    var lane: pid_t? { pid_t(text("state/lane.lock").filter(\.isNumber)) }

    /// Whether the process runs and is a lane.
    func isRunning(_ process: pid_t) -> Bool {
        guard let file = fopen("/proc/\(process)/cmdline", "r") else { return false }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self).contains("wasstraat-gateway")
    }

    /// What the office says of lanes that ended by a signal that no test sent.
    var crashes: [Substring] {
        log.split(separator: "\n").filter { $0.contains("\"signal\":") && !$0.contains("\"signal\":\"9\"") }
    }

    /// What `wasstraat WORDS --config …` prints.
    func ask(_ words: String..., input: String = "") throws -> String {
        try Tool.run(
            [try Package.program("wasstraat")] + words + ["--config", folder.path("wasstraat.yaml")],
            input: Array(input.utf8))
    }

    /// The text of /metrics.
    func scrape() throws -> String {
        var client = try RawClient(to: metrics)
        return try client.get("/metrics", host: "localhost", fields: ["Connection: close"]).bodyText
    }

    /// The sum over all samples of one figure.
    func figure(_ name: String) throws -> Double {
        var sum = 0.0
        for line in try scrape().split(separator: "\n") where line.hasPrefix(name + " ") || line.hasPrefix(name + "{") {
            sum += Double(line.split(separator: " ").last ?? "") ?? 0
        }
        return sum
    }
}
