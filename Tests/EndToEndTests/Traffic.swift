import Addresses
import Load
import Synchronization
import TestKit
import Testing

/// Visitors of a site, and a flood where one is asked for, on a thread of their own: first a quiet time in which the
/// known visitors make their acquaintance, then `seconds` of both.
final class Traffic: Sendable {
    struct Figures: Sendable {
        var visitors: Tally
        /// How late the load itself was at worst, in milliseconds.
        var lag: Double
        var offered = 0
        var reached = 0

        /// For the test's output.
        var text: String {
            let times = visitors.percentiles([50, 95, 99]) ?? []
            let failed = Tally.Failure.allCases.map { "\(visitors.failures[$0.rawValue]) \($0)" }.joined(
                separator: ", ")
            let shares = [visitors.success(.known), visitors.success(.unknown)].map { $0.map { "\($0)" } ?? "-" }
            return
                "clicks \(visitors.clicks.count), known \(shares[0]), unknown \(shares[1]), failed: \(failed); "
                + "p50, p95, p99 in ms: \(times); "
                + "flood offered \(offered), reached \(reached); load late by at most \(lag) ms"
        }

        var failed: Int { visitors.failures.reduce(0, +) }
    }

    struct Plan: Sendable {
        /// Where the site's own pages are described.
        var site = Traffic.municipality
        var host: String
        var target: Endpoint
        /// The PEM file of the authority, for HTTPS.
        var authority: String?
        var known = 60
        var unknown = 0
        /// Requests a second.
        var visitorRate = 30.0
        var floodRate = 0.0
        var floodSources = 100
        var seconds: Double
        var seed: UInt64 = 7
    }

    private let state = Mutex<(isMixed: Bool, figures: Figures?, error: String?)>((false, nil, nil))
    private let thread = Mutex<TestThread?>(nil)

    init(_ plan: Plan) throws {
        let thread = try TestThread { [weak self] in
            let result = Result { try Self.run(plan) { self?.state.withLock { $0.isMixed = true } } }
            self?.state.withLock { state in
                switch result {
                case .success(let figures): state.figures = figures
                case .failure(let error): state.error = "\(error)"
                }
            }
        }
        self.thread.withLock { $0 = thread }
    }

    /// Waits until the known visitors have made their acquaintance and the flood begins.
    func waitUntilMixed() throws {
        guard eventually(within: 60_000, { state.withLock { $0.isMixed || $0.error != nil } }) else {
            throw NotReady("the visitors did not come through the quiet time")
        }
        if let error = state.withLock({ $0.error }) { throw NotReady(error) }
    }

    /// Waits for the end, and for the last click's outcome.
    func figures() throws -> Figures {
        thread.withLock { $0 }?.join()
        let (_, figures, error) = state.withLock { $0 }
        guard let figures else { throw NotReady(error ?? "no figures") }
        return figures
    }

    private static func run(_ plan: Plan, mixed: () -> Void) throws -> Figures {
        let rate = Int(plan.visitorRate + plan.floodRate) + 10
        let bounds = try Bounds(connections: 4_000, requests: rate * 200, rate: rate * 4, seconds: 120)
        let tls = try plan.authority.map { authority throws(TLSClient.Failure) in
            try TLSClient(host: plan.host, authority: authority)
        }
        let engine = try Engine(target: HomeAddress(checking: plan.target), tls: tls, bounds: bounds)
        var sources = SourcePlan(seed: plan.seed)
        let people = try People(
            known: sources.deal(plan.known, perNetwork: 5), unknown: sources.deal(plan.unknown, perNetwork: 5),
            seed: plan.seed, on: engine)
        let authority = "\(plan.host):\(plan.target.port)"
        let quiet = Visitors(
            .meeting, of: people, to: plan.site, authority: authority, rate: plan.visitorRate, start: Clock.now(),
            seconds: 1)
        engine.run([quiet], until: Clock.now() + 60_000_000_000)
        guard quiet.tally.success == 1 else {
            throw NotReady("visitors failed in the quiet time: \(quiet.tally.failures)")
        }
        mixed()
        let start = Clock.now()
        let visitors = Visitors(
            .mixed, of: people, to: plan.site, authority: authority, rate: plan.visitorRate, start: start,
            seconds: plan.seconds)
        var flood: Flood?
        if plan.floodRate > 0 {
            guard let text = readFile(Package.file("Demo/shapes.json")) else { throw NotReady("no shapes") }
            flood = try Flood(
                Shapes(json: Array(text.utf8)), from: sources.deal(plan.floodSources, perNetwork: 5),
                authority: authority, rate: plan.floodRate, start: start, seconds: plan.seconds, seed: plan.seed,
                on: engine)
        }
        var drivers: [any Driver] = [visitors]
        if let flood { drivers.append(flood) }
        engine.run(drivers, until: start + UInt64((plan.seconds + 15) * 1e9))
        return Figures(
            visitors: visitors.tally, lag: Double(visitors.lag) / 1e6, offered: flood?.offered ?? 0,
            reached: flood.map { engine.reached($0.place) } ?? 0)
    }

    /// The demonstration's site, some of its pages.
    static let municipality = VisitedSite(
        pages: [
            VisitedSite.Page(path: "/paspoort", word: "Reisdocumentenbalie"),
            VisitedSite.Page(path: "/rijbewijs", word: "Rijbewijsloket"),
            VisitedSite.Page(path: "/afval", word: "Afvalkalender"),
        ], style: "/stijl.css", image: "/wapen.svg",
        search: VisitedSite.Page(path: "/zoeken?q=", word: "Zoekresultaten"),
        searches: ["verhuizen", "trouwen", "milieustraat"])

    /// The loopback origin as a site: it sends the request back, so that each page holds its own path.
    static let echo = VisitedSite(
        pages: [
            VisitedSite.Page(path: "/nieuws", word: "GET /nieuws"),
            VisitedSite.Page(path: "/kaart", word: "GET /kaart"),
        ], style: "/fixed/2000", image: "/fixed/4000",
        search: VisitedSite.Page(path: "/zoeken?q=", word: "GET /zoeken"), searches: ["verhuizen", "trouwen"])
}

/// The demonstration's origin as a process: four slots for searches, about 100 a second.
final class MunicipalOrigin: Sendable {
    let endpoint: Endpoint
    private let program: Child

    init() throws {
        let free = try LoopbackOrigin()
        endpoint = free.endpoint
        free.stop()
        let endpoint = self.endpoint
        program = try Child([try Package.program("wasstraat-demo"), "origin", "--listen", "\(endpoint)"])
        guard eventually(within: 5_000, { (try? Socket(to: endpoint)) != nil }) else {
            throw NotReady("the origin does not answer")
        }
    }
}

/// People who open a new connection each, one after the other, from addresses of their own.
final class NewConnections: Sendable {
    enum End: Sendable, Equatable {
        /// A status came.
        case answered(Int)
        /// Nobody listens there.
        case refused
        /// Broken later, or no answer in 5 s.
        case failed(String)
    }

    struct Visit: Sendable {
        var began: UInt64
        var ended: UInt64
        var end: End
    }

    private let visits = Mutex<[Visit]>([])
    private let isOver = Mutex(false)
    private let threads = Mutex<[TestThread]>([])

    init(to endpoint: Endpoint, host: String, people: Int = 4) throws {
        for number in 0..<people {
            let source = Address(ipv4: 127 << 24 | 200 << 16 | UInt32(number) << 8 | 1)
            let thread = try TestThread {
                while !self.isOver.withLock({ $0 }) {
                    let began = Clock.now()
                    let end = Self.visit(endpoint, host, from: source)
                    self.visits.withLock { $0.append(Visit(began: began, ended: Clock.now(), end: end)) }
                    pauseThread(20)
                }
            }
            threads.withLock { $0.append(thread) }
        }
    }

    private static func visit(_ endpoint: Endpoint, _ host: String, from source: Address) -> End {
        do throws(TestKitError) {
            var client = try RawClient(to: endpoint, from: source)
            return .answered(try client.get("/wapen.svg", host: host, fields: ["Connection: close"]).status)
        } catch .system("connect", let number) where number == 111 {  // ECONNREFUSED
            return .refused
        } catch {
            return .failed("\(error)")
        }
    }

    /// Ends them; all visits so far.
    func end() -> [Visit] {
        isOver.withLock { $0 = true }
        for thread in threads.withLock({ $0 }) { thread.join() }
        return visits.withLock { $0 }
    }
}
