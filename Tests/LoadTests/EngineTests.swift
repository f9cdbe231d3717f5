import Addresses
import Glibc
import Load
import Testing

/// The engine against real servers: the demonstration's own origin, and OpenSSL's test server.
@Suite(.serialized) struct EngineTests {
    static let site = VisitedSite(
        pages: [VisitedSite.Page(path: "/paspoort", word: "Reisdocumentenbalie")], style: "/stijl.css",
        image: "/wapen.svg", search: VisitedSite.Page(path: "/zoeken?q=", word: "Zoekresultaten"),
        searches: ["coördinatie zorg"])

    static func bounds(requests: Int = 1_000, rate: Int = 1_000) throws -> Bounds {
        try Bounds(connections: 200, requests: requests, rate: rate, seconds: 30)
    }

    @Test(arguments: [
        (0, 1, 1, 1), (20_001, 1, 1, 1), (1, 0, 1, 1), (1, 5_000_001, 1, 1), (1, 1, 0, 1), (1, 1, 20_001, 1),
        (1, 1, 1, 0), (1, 1, 1, 3_601), (1, 1, 1, -1),
    ])
    func `has no unbounded load`(connections: Int, requests: Int, rate: Int, seconds: Int) {
        #expect(throws: BoundsRefusal.self) {
            try Bounds(connections: connections, requests: requests, rate: rate, seconds: seconds)
        }
    }

    @Test func `visitors get their pages, assets and searches`() throws {
        let origin = try Origin()
        let engine = try Engine(target: origin.home, tls: nil, bounds: Self.bounds())
        var plan = SourcePlan(seed: 1)
        let people = try People(
            known: plan.deal(20, perNetwork: 5), unknown: plan.deal(20, perNetwork: 5), seed: 1, on: engine)
        let visitors = Visitors(
            .meeting, of: people, to: Self.site, authority: "waterdam.localhost", rate: 60, start: Clock.now(),
            seconds: 1)
        engine.run([visitors], until: Clock.now() + 15_000_000_000)
        #expect(visitors.tally.count(.unknown) == 20)
        #expect(visitors.tally.success == 1)
        // A first click is three requests, a later one is one.
        #expect(visitors.requests == 60 + visitors.tally.count(.known))
        #expect(engine.reached(visitors.place) == visitors.requests)
    }

    @Test func `a page without its word is a failure`() throws {
        let origin = try Origin()
        let engine = try Engine(target: origin.home, tls: nil, bounds: Self.bounds())
        var site = Self.site
        site.pages[0].word = "Staat er niet"
        site.search.word = "Staat er niet"
        var plan = SourcePlan(seed: 1)
        let people = try People(known: plan.deal(5, perNetwork: 5), unknown: [], seed: 1, on: engine)
        let visitors = Visitors(
            .meeting, of: people, to: site, authority: "waterdam.localhost", rate: 60, start: Clock.now(), seconds: 0.1)
        engine.run([visitors], until: Clock.now() + 15_000_000_000)
        #expect(visitors.tally.success == 0)
        #expect(visitors.tally.failures[Tally.Failure.error.rawValue] >= 5)
    }

    @Test func `a flood counts what it offers and what it reaches`() throws {
        let origin = try Origin()
        let engine = try Engine(target: origin.home, tls: nil, bounds: Self.bounds())
        let flood = try Self.flood(on: engine)
        engine.run([flood], until: Clock.now() + 15_000_000_000)
        #expect((60...140).contains(flood.offered))
        #expect(engine.reached(flood.place) == flood.offered)
        #expect(engine.opened <= 40)
    }

    @Test func `a refused connection has reached the server, and nobody is served`() throws {
        let port = try Origin.freePort()
        let home = try HomeAddress(checking: Endpoint(Address(ipv4: 127 << 24 | 1), port: port))
        let engine = try Engine(target: home, tls: nil, bounds: Self.bounds())
        let flood = try Self.flood(on: engine)
        engine.run([flood], until: Clock.now() + 15_000_000_000)
        #expect(flood.offered > 0)
        #expect(engine.reached(flood.place) == flood.offered)
        #expect(flood.statuses[1...].allSatisfy { $0 == 0 })
    }

    @Test func `stops at its bounds`() throws {
        let origin = try Origin()
        let few = try Engine(target: origin.home, tls: nil, bounds: Self.bounds(requests: 10))
        let flood = try Self.flood(on: few)
        few.run([flood], until: Clock.now() + 15_000_000_000)
        #expect(few.requests == 10)
        #expect(few.reached(flood.place) == 10)
        #expect(flood.offered > 10)
        // 100/s are offered for a second, 20/s and half a second's depth may go.
        let slow = try Engine(target: origin.home, tls: nil, bounds: Self.bounds(rate: 20))
        let second = try Self.flood(on: slow)
        slow.run([second], until: Clock.now() + 15_000_000_000)
        #expect(slow.requests <= 35)
    }

    static func flood(on engine: Engine) throws -> Flood {
        let shapes = try Shapes(
            json: Array(
                """
                {"randoms": [], "requests": [{"type": "http", "method": "GET", "path": "/wapen.svg"}]}
                """.utf8))
        var plan = SourcePlan(seed: 9)
        return try Flood(
            shapes, from: plan.deal(20, perNetwork: 5), authority: "waterdam.localhost", rate: 100, start: Clock.now(),
            seconds: 1, seed: 4, on: engine)
    }

    @Test func `a server that gives no answer is waited for no longer than said`() throws {
        // Listens, accepts by the kernel, and never answers.
        let listener = try Origin.listener()
        defer { close(listener.socket) }
        let home = try HomeAddress(checking: Endpoint(Address(ipv4: 127 << 24 | 1), port: listener.port))
        let engine = try Engine(target: home, tls: nil, bounds: Self.bounds())
        let asker = Asker(source: try engine.addSource(nil, isVisitor: true), deadline: 300_000_000)
        engine.run([asker], until: Clock.now() + 10_000_000_000)
        #expect(asker.outcome?.ending == .late)
    }

    @Test func `visitors verify the server and resume their session`() throws {
        let server = try SecureServer()
        let trusted = try TLSClient(host: "waterdam.localhost", authority: server.certificate)
        let engine = try Engine(target: server.home, tls: trusted, bounds: Self.bounds())
        let visitor = try engine.addSource(nil, isVisitor: true)
        for turn in 0..<2 {
            let asker = Asker(source: visitor)
            engine.run([asker], until: Clock.now() + 10_000_000_000)
            #expect(asker.outcome?.status == 200)
            #expect(engine.resumed == turn)
        }
        let wrongName = try TLSClient(host: "elders.localhost", authority: server.certificate)
        let mistaken = try Engine(target: server.home, tls: wrongName, bounds: Self.bounds())
        let asker = Asker(source: try mistaken.addSource(nil, isVisitor: true))
        mistaken.run([asker], until: Clock.now() + 10_000_000_000)
        #expect(asker.outcome?.ending == .untrusted)
        // A flood source does not look.
        let careless = Asker(source: try mistaken.addSource(nil, isVisitor: false))
        mistaken.run([careless], until: Clock.now() + 10_000_000_000)
        #expect(careless.outcome?.status == 200)
    }
}

/// Asks once.
final class Asker: Driver {
    var place = 0
    private(set) var outcome: Outcome?
    private let source: Int
    private let patience: UInt64
    private var hasAsked = false

    init(source: Int, deadline: UInt64 = 5_000_000_000) {
        self.source = source
        patience = deadline
    }

    func due() -> UInt64? { hasAsked ? nil : 0 }
    func isDone(at now: UInt64) -> Bool { outcome != nil }

    func fire(at now: UInt64, on engine: Engine) {
        hasAsked = true
        let head = Array("GET / HTTP/1.1\r\nHost: waterdam.localhost\r\n".utf8)
        engine.send(Order(source: source, job: 0, head: head, deadline: now + patience), of: self)
    }

    func finished(_ outcome: Outcome, at now: UInt64, on engine: Engine) { self.outcome = outcome }
}

/// The demonstration's origin, as a process of its own.
final class Origin {
    let home: HomeAddress
    private let program: Program

    init() throws {
        let endpoint = Endpoint(Address(ipv4: 127 << 24 | 1), port: try Self.freePort())
        home = try HomeAddress(checking: endpoint)
        program = try Program([Program.built("wasstraat-demo"), "origin", "--listen", endpoint.description])
        try Self.await(endpoint.port)
    }

    struct Silence: Error {}

    static func await(_ port: UInt16) throws {
        for _ in 0..<200 {
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(socket) }
            var address = loopback(port)
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if result == 0 { return }
            usleep(25_000)
        }
        throw Silence()
    }

    static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(127 << 24 | 1).bigEndian
        return address
    }

    /// A listening socket on a port that the kernel chose.
    static func listener() throws -> (socket: Int32, port: UInt16) {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { at in
                bind(socket, at, length) == 0 && listen(socket, 16) == 0 && getsockname(socket, at, &length) == 0
            }
        }
        guard result else { throw Silence() }
        return (socket, UInt16(bigEndian: address.sin_port))
    }

    static func freePort() throws -> UInt16 {
        let (socket, port) = try listener()
        close(socket)
        return port
    }
}

/// OpenSSL's test server with a certificate for waterdam.localhost; answers one page on each connection.
final class SecureServer {
    let home: HomeAddress
    let certificate: String
    private let folder: String
    private let program: Program

    init() throws {
        var template = Array("/tmp/wasstraat-load-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Origin.Silence() }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        certificate = "\(folder)/site.pem"
        let key = "\(folder)/site.key"
        try Program.complete([
            "openssl", "req", "-x509", "-days", "2", "-subj", "/CN=waterdam.localhost", "-addext",
            "subjectAltName=DNS:waterdam.localhost", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", certificate,
        ])
        let port = try Origin.freePort()
        home = try HomeAddress(checking: Endpoint(Address(ipv4: 127 << 24 | 1), port: port))
        program = try Program([
            "openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-key", key, "-www",
        ])
        try Origin.await(port)
    }

    deinit {
        for name in ["site.pem", "site.key"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }
}
