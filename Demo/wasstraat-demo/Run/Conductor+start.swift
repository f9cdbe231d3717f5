internal import Addresses
internal import CLinux
internal import Glibc
internal import Load

/// The beginning: processor cores, the origin and its measure, Wasstraat.
extension Conductor {
    private static let home = Address(ipv4: 127 << 24 | 1)

    /// This process and its children go to the second core; the lane pins itself to the first.
    func prepare() throws {
        if let cores = result.cores {
            _ = linux_pin_thread(Int32(cores.load))
        } else {
            screen.say("Only one processor core here: the lane shares it with all the load.")
        }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    func startOrigin() throws -> Endpoint {
        let endpoint = Endpoint(Self.home, port: try freePort(options.originPort))
        try startWarded("origin", [Self.beside("wasstraat-demo"), "origin", "--listen", endpoint.description])
        for _ in 0..<100 {
            if Self.answers(endpoint) { return endpoint }
            try wait(0.1)
        }
        throw DemoError("the origin does not answer")
    }

    /// Measures what the origin can serve: searches, eight at a time, for two seconds.
    func measureOrigin(_ origin: Endpoint) throws {
        let probe = try ask(origin, path: "/zoeken?q=paspoort", concurrency: 8, seconds: 2)
        guard probe.rate > 0 else { throw DemoError("the origin serves no search") }
        result.origin_searches_per_second = probe.rate
        screen.say("The origin, \(origin), serves \(fixed(probe.rate, 0)) searches a second.")
    }

    /// Waits until a search is served at once again, half a minute at most.
    func awaitIdleOrigin(_ origin: Endpoint) throws {
        let begun = Clock.now()
        screen.say("          pause, until the origin is idle again")
        while Clock.now() < begun + 30_000_000_000 {
            try wait(0.5)
            let asked = Clock.now()
            let probe = try ask(origin, path: "/zoeken?q=paspoort", concurrency: 1, seconds: 0.01)
            if probe.served > 0, Clock.now() - asked < 100_000_000 { return }
        }
    }

    private func ask(_ origin: Endpoint, path: String, concurrency: Int, seconds: Double) throws -> Probe {
        let engine = try Engine(
            target: HomeAddress(checking: origin), tls: nil,
            bounds: Bounds(connections: 16, requests: 5_000, rate: 2_000, seconds: 20))
        let probe = try Probe(
            path: path, authority: "\(Waterdam.host):\(origin.port)", concurrency: concurrency, seconds: seconds,
            on: engine)
        engine.run([probe], until: Clock.now() + UInt64((seconds + 11) * 1e9))
        return probe
    }

    /// Starts Wasstraat, or takes the gateway that the options name.
    func startGateway(origin: Endpoint) throws -> (HomeAddress, TLSClient) {
        if let text = options.gateway, let endpoint = Endpoint(text), let authority = options.authority {
            screen.say("Measuring the gateway at \(endpoint) in place of Wasstraat.")
            return (try HomeAddress(checking: endpoint), try TLSClient(host: Waterdam.host, authority: authority))
        }
        let program = Self.beside("wasstraat")
        guard access(program, X_OK) == 0 else { throw DemoError("\(program) is not built") }
        let listener = Endpoint(Self.home, port: try freePort(options.port))
        let metrics = Endpoint(Self.home, port: try freePort(0))
        console = Endpoint(Self.home, port: try freePort(0))
        try setting.makeCertificate(for: Waterdam.host)
        try setting.writeConfiguration(
            listener: listener, metrics: metrics, console: console, origin: origin, host: Waterdam.host,
            core: result.cores?.lane, isProbing: !options.withoutProber)
        office = try startWarded("wasstraat", [program, "run", "--config", setting.configuration])
        watch = OfficeWatch(path: setting.socket)
        let target = try HomeAddress(checking: listener)
        let tls = try TLSClient(host: Waterdam.host, authority: setting.authority)
        for _ in 0..<60 {
            try wait(0.25)
            let engine = try Engine(
                target: target, tls: tls, bounds: Bounds(connections: 4, requests: 4, rate: 4, seconds: 5))
            let probe = try Probe(
                path: "/wapen.svg", authority: "\(Waterdam.host):\(listener.port)", concurrency: 1, seconds: 0.01,
                on: engine)
            engine.run([probe], until: Clock.now() + 2_000_000_000)
            if probe.served > 0 {
                screen.say("Wasstraat stands in front of it, with TLS, at \(listener).")
                return (target, tls)
            }
        }
        throw DemoError("Wasstraat does not answer; see \(setting.log("wasstraat"))")
    }

    @discardableResult
    private func startWarded(_ name: String, _ words: [String], connection: Int32? = nil) throws -> pid_t {
        try children.start(
            name, [Self.beside("wasstraat-demo"), "ward", "--"] + words, log: setting.log(name),
            connection: connection)
    }

    /// Starts a flood's process, which then waits for the moment to begin.
    func startFlood(_ target: HomeAddress, isTLS: Bool, authority: String, seed: UInt64) throws -> FloodProcess {
        let count = options.floodSources ?? (options.scenario == .many ? 10_000 : 500)
        let bounds = try bounds(rate: options.floodRate)
        let order = FloodOrder(
            target: target.endpoint.description, authority: authority,
            tls: isTLS ? .init(host: Waterdam.host, authority: options.authority ?? setting.authority) : nil,
            shapes: options.shapes, sources: plan.deal(count, perNetwork: 5).map(\.description),
            rate: options.floodRate, seconds: Double(options.seconds), seed: seed,
            bounds: .init(
                connections: bounds.connections, requests: bounds.requests, rate: bounds.rate, seconds: bounds.seconds))
        let flood = try FloodProcess(order) { connection in
            try startWarded("flood", [Self.beside("wasstraat-demo"), "flood"], connection: connection)
        }
        try flood.awaitReady(wait)
        return flood
    }

    /// A program in the folder of this one.
    static func beside(_ name: String) -> String {
        var path = [CChar](repeating: 0, count: 4_096)
        let count = max(0, readlink("/proc/self/exe", &path, path.count - 1))
        let own = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return own.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/" + name
    }

    /// The port asked for, where nobody listens on it, or any free one.
    private func freePort(_ wanted: UInt16) throws -> UInt16 {
        if wanted != 0, !Self.answers(Endpoint(Self.home, port: wanted)) { return wanted }
        let listener = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { bytes in
            Self.home.store(to: bytes)
            return linux_listen(bytes.baseAddress!, 0, 1, 0)
        }
        guard listener >= 0 else { throw DemoError("no free port: error \(-listener)") }
        defer { close(listener) }
        return UInt16(linux_bound_port(listener))
    }

    /// Whether something listens there.
    private static func answers(_ endpoint: Endpoint) -> Bool {
        let socket = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { bytes in
            endpoint.address.store(to: bytes)
            return linux_connect(bytes.baseAddress!, endpoint.port, nil)
        }
        guard socket >= 0 else { return false }
        defer { close(socket) }
        var waited = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        return poll(&waited, 1, 500) == 1 && linux_socket_error(socket) == 0
    }

    /// The shapes from the file named, or from the repository's own.
    static func readShapes(_ path: String?) throws -> Shapes {
        let places = path.map { [$0] } ?? ["Demo/shapes.json", beside("../../../Demo/shapes.json")]
        for place in places {
            guard let text = readFile(place) else { continue }
            do {
                return try Shapes(json: Array(text.utf8))
            } catch {
                throw DemoError("\(place): \(error)")
            }
        }
        throw DemoError("no request shapes: \(places[0]) cannot be read")
    }
}
