internal import Addresses
internal import FoundationEssentials
internal import Glibc
internal import Load

struct SiegeError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// What the program is to do: one JSON object on standard input. Keys are in snake case.
struct LoadOrder: Decodable {
    struct Limits: Decodable {
        var connections: Int
        var requests: Int
        var rate: Int
        var seconds: Int
    }

    /// Sources dealt to others of the same run before ours: all deal from one plan, so that no two share a /24.
    struct Dealt: Decodable {
        var count: Int
        var perNetwork: Int
    }

    struct Phase: Decodable {
        var name: String
        var crowd: String
        var rate: Double
        var start: UInt64
        var seconds: Double
        /// Which of the unknown come: from the first number up to the second; all where it is absent.
        var newcomers: [Int]?
    }

    struct Site: Decodable {
        struct Page: Decodable {
            var path: String
            var word: String
        }
        var pages: [Page]
        var style: String
        var image: String
        var search: Page
        var searches: [String]
        var searchShare: Double
        var form: Page?
        var formShare: Double?
        var file: Page?
        var fileShare: Double?
    }

    var kind: String
    var target: String = ""
    var authority: String?
    var host: String?
    /// PEM file of the authority; without it the load is in clear.
    var ca: String?
    /// File of recorded browsers.
    var browsers: String?
    var seed: UInt64?
    var bounds: Limits?
    var dealt: [Dealt]?
    var start: UInt64?
    var seconds: Double?
    var rate: Double?
    var sources: Int?
    var perNetwork: Int?
    // Visitors.
    var site: Site?
    var known: Int?
    var unknown: Int?
    /// All people come from so many addresses; without it each has its own.
    var shared: Int?
    var phases: [Phase]?
    var isProgram: Bool?
    // Floods.
    var shapes: String?
    var browserShare: Double?
    var framedShare: Double?
    var releaseSeconds: Double?
    var releasePath: String?
    // Slow clients and callers.
    var kinds: [String]?
    var count: Int?
    var concurrent: Int?
    var path: String?
    // Origin.
    var origin: OriginOrder?

    static func read() throws -> LoadOrder {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < 4 << 20 {
            let count = Glibc.read(STDIN_FILENO, &part, part.count)
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(LoadOrder.self, from: Data(bytes))
    }

    /// Checked where the load is made, whatever the order says.
    func home() throws -> HomeAddress {
        guard let endpoint = Endpoint(target) else { throw SiegeError("no target: \(target)") }
        return try HomeAddress(checking: endpoint)
    }

    func limits() throws -> Bounds {
        guard let bounds else { throw SiegeError("load without bounds") }
        return try Bounds(
            connections: bounds.connections, requests: bounds.requests, rate: bounds.rate, seconds: bounds.seconds)
    }

    func recorded() throws -> [RecordedBrowser] {
        guard let browsers else { return [] }
        struct File: Decodable { var browsers: [RecordedBrowser] }
        guard let text = readFile(browsers) else { throw SiegeError("\(browsers) cannot be read") }
        return try JSONDecoder().decode(File.self, from: Data(text.utf8)).browsers
    }

    func client(_ recorded: [RecordedBrowser]) throws -> TLSClient? {
        guard let ca else { return nil }
        guard let host else { throw SiegeError("TLS without a host") }
        return try TLSClient(host: host, authority: ca, browsers: recorded)
    }

    func plan() -> SourcePlan {
        var plan = SourcePlan(seed: seed ?? 1)
        for group in dealt ?? [] { _ = plan.deal(group.count, perNetwork: group.perNetwork) }
        return plan
    }

    func name() throws -> String {
        guard let authority else { throw SiegeError("no authority") }
        return authority
    }

    var begin: UInt64 { start ?? Clock.now() }
    var end: UInt64 { begin + UInt64((seconds ?? 10) * 1e9) }
}

/// Puts one JSON object on standard output.
func say(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
    fflush(nil)
}
