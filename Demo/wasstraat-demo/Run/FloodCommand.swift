internal import Addresses
internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Load

/// What a flood is to do; one line of JSON.
struct FloodOrder: Codable {
    /// Address and port, checked where the flood runs.
    var target: String
    /// Host and port as in the address bar.
    var authority: String
    /// The name to ask for and the PEM file of the authority; nil: clear HTTP.
    var tls: TLS?
    var shapes: String?
    var sources: [String]
    var rate: Int
    var seconds: Double
    var seed: UInt64
    var bounds: Limits

    struct TLS: Codable {
        var host: String
        var authority: String
    }

    struct Limits: Codable {
        var connections: Int
        var requests: Int
        var rate: Int
        var seconds: Int
    }

    /// Bytes of the line: 10,000 sources take 200,000.
    static let limit = 1 << 20
}

/// How far a flood has come; one line of JSON.
struct FloodReport: Codable {
    var offered = 0
    var reached = 0
    /// As in `Flood`.
    var statuses = Array(repeating: 0, count: 6)
    var endings = Array(repeating: 0, count: Outcome.Ending.allCases.count)
    /// How late the latest request was sent, in milliseconds.
    var lag = 0.0
    var processorSeconds = 0.0
}

/// The flood, in a process of its own, so that its work does not disturb the clock of the visitors. Not for use by
/// hand: it reads its order and the moment of its start from standard input, and reports on standard output, four times
/// a second, until its input ends.
struct FloodCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "flood", shouldDisplay: false)

    /// Visitors and the origin go first where all share a processor core.
    static let niceness: Int32 = 10

    func run() throws {
        guard let line = readLine(), line.utf8.count <= FloodOrder.limit else { throw DemoError("no order") }
        let order = try JSONDecoder().decode(FloodOrder.self, from: Data(line.utf8))
        guard let endpoint = Endpoint(order.target) else { throw DemoError("no target") }
        // What keeps load at home is checked here, where it is made, whatever the order says.
        let target = try HomeAddress(checking: endpoint)
        let bounds = try Bounds(
            connections: order.bounds.connections, requests: order.bounds.requests, rate: order.bounds.rate,
            seconds: order.bounds.seconds)
        let addresses = order.sources.compactMap { Address($0) }
        guard !addresses.isEmpty, addresses.count == order.sources.count else { throw DemoError("wrong sources") }
        guard (1...bounds.rate).contains(order.rate), order.seconds > 0, order.seconds < Double(bounds.seconds) else {
            throw DemoError("the order is beyond its bounds")
        }
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        let shapes = try Conductor.readShapes(order.shapes)
        let tls = try order.tls.map { try TLSClient(host: $0.host, authority: $0.authority) }
        let engine = try Engine(target: target, tls: tls, bounds: bounds)
        // The order is carried out from a moment that comes when all is ready.
        let prepared = try Flood(
            shapes, from: addresses, authority: order.authority, rate: Double(order.rate), start: .max, seconds: 0,
            seed: order.seed, on: engine)
        try write("ready")
        guard let start = readLine().flatMap({ UInt64($0) }), start < Clock.now() + 60_000_000_000 else { return }
        prepared.begin(at: start, seconds: order.seconds)
        let errand = Errand()
        var reportedAt: UInt64 = 0
        engine.run([prepared, errand], until: .max) { now in
            if Self.inputHasEnded() { errand.isOver = true }
            guard now >= reportedAt + 250_000_000 else { return true }
            reportedAt = now
            return (try? report(prepared, engine)) != nil
        }
        try report(prepared, engine)
    }

    private func report(_ flood: Flood, _ engine: Engine) throws {
        var report = FloodReport()
        report.offered = flood.offered
        report.reached = engine.reached(flood.place)
        report.statuses = flood.statuses
        report.endings = flood.endings
        report.lag = Double(flood.lag) / 1e6
        report.processorSeconds = Load.processorSeconds()
        try write(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
    }

    private func write(_ line: String) throws {
        var rest = Array("\(line)\n".utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else { throw DemoError("nobody listens to the flood: error \(errno)") }
            rest = rest.dropFirst(count)
        }
    }

    private static func inputHasEnded() -> Bool {
        var waited = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&waited, 1, 0) > 0 else { return false }
        var byte: UInt8 = 0
        return read(STDIN_FILENO, &byte, 1) <= 0
    }
}

/// Keeps an engine running after the last request was sent, so that answers come in as long as somebody waits for them.
private final class Errand: Driver {
    var place = 0
    var isOver = false

    func due() -> UInt64? { nil }
    func fire(at now: UInt64, on engine: Engine) {}
    func finished(_ outcome: Outcome, at now: UInt64, on engine: Engine) {}
    func isDone(at now: UInt64) -> Bool { isOver }
}
