internal import Addresses
internal import CLinux
internal import Glibc
internal import Load

/// Leads the demonstration: starts the origin and Wasstraat, sends visitors and floods in their phases, measures, shows,
/// and ends all that it has started.
final class Conductor {
    static let visitorRate = 50.0
    static let known = 500
    static let unknown = 500

    let options: RunCommand
    let shapes: Shapes
    let setting: Setting
    var screen: Screen
    var children = Children()
    var lane = LaneFigures()
    var watch: OfficeWatch?
    var office: pid_t = 0
    var console = Endpoint(Address(ipv4: 0x7f00_0001), port: 0)
    var plan: SourcePlan
    var result: RunResult
    var isComplete = false
    private var lookedAt: UInt64 = 0

    init(_ options: RunCommand) throws {
        Interrupts.hold()
        self.options = options
        var cores = [UInt16](repeating: 0, count: 1_024)
        let usable = linux_cores(&cores, Int32(cores.count))
        shapes = try Self.readShapes(options.shapes)
        screen = Screen(plain: options.plain)
        plan = SourcePlan(seed: options.seed)
        result = RunResult(scenario: options.scenario.rawValue, seconds: options.seconds, origin_searches_per_second: 0)
        if usable > 1 { result.cores = RunResult.Cores(lane: cores[0], load: cores[1]) }
        if let path = options.result { try write("", to: path) }
        setting = try Setting()
    }

    /// Ends everything, in order. The folder stays where something went wrong: the logs are in it.
    func stop() {
        screen.finish()
        watch?.hangUp()
        if office != 0 { lane.look(office: office) }
        children.endAll(within: 4)
        lane.end()
        if isComplete {
            setting.remove()
        } else {
            screen.say("Logs are in \(setting.folder)")
        }
    }

    func perform() throws {
        try prepare()
        let origin = try startOrigin()
        try measureOrigin(origin)
        let (gateway, tls) = try startGateway(origin: origin)
        let authority = "\(Waterdam.host):\(gateway.endpoint.port)"

        let newcomers = options.scenario == .crowd ? crowdSize : Self.unknown
        let knownSources = plan.deal(Self.known, perNetwork: 5)
        let unknownSources = plan.deal(newcomers, perNetwork: 5)
        let engine = try Engine(
            target: gateway, tls: tls, bounds: try bounds(rate: Int(visitorRate)),
            idleSeconds: options.scenario == .crowd ? 8 : 20)
        let people = try People(known: knownSources, unknown: unknownSources, seed: options.seed, on: engine)

        result.quiet = try perform(
            "Quiet time, through Wasstraat", .meeting, people, on: engine, authority: authority, floodSeed: nil)
        if !options.skipDirect {
            let direct = try Engine(
                target: HomeAddress(checking: origin), tls: nil, bounds: try bounds(rate: Int(visitorRate)),
                idleSeconds: options.scenario == .crowd ? 8 : 20)
            let there = try People(known: knownSources, unknown: unknownSources, seed: options.seed + 1, on: direct)
            there.meetAll()
            result.direct = try perform(
                options.scenario == .crowd ? "Crowd straight at the origin" : "Flood straight at the origin",
                crowd, there, on: direct, authority: "\(Waterdam.host):\(origin.port)", floodSeed: options.seed + 2)
        }
        try awaitIdleOrigin(origin)
        result.through = try perform(
            options.scenario == .crowd ? "Crowd through Wasstraat" : "Flood through Wasstraat", crowd, people,
            on: engine, authority: authority, floodSeed: options.seed + 3)
        if office != 0 {
            lane.look(office: office)
            result.gateway = RunResult.Gateway(peak_rss_bytes: lane.peak, cpu_seconds: lane.seconds)
        }
        result.flood = result.through?.flood ?? RunResult.Flood()
        result.void = [result.direct, result.through].contains { $0?.flood?.isVoid == true }
        screen.say(ClosingTable.text(result))
        if office != 0 { result.register = try readRecord() }
        if let path = options.result { try write(try result.json(), to: path) }
        isComplete = true
        if options.keep == .yes { keepUp(authority) }
    }

    // MARK: One phase

    private var crowd: Visitors.Crowd { options.scenario == .crowd ? .flash : .mixed }

    private var visitorRate: Double { options.scenario == .crowd ? 20 * Self.visitorRate : Self.visitorRate }

    /// New people of a flash crowd: each clicks once, which is three requests.
    private var crowdSize: Int { Int(20 * Self.visitorRate / 3 * Double(options.seconds) * 1.2) + 200 }

    /// Of visitors or a flood of `rate` requests a second.
    func bounds(rate: Int) throws -> Bounds {
        let seconds = 60 + 2 * options.seconds + 4 * Self.known * 3 / Int(Self.visitorRate)
        return try Bounds(
            connections: Bounds.caps.connections - 200, requests: min(Bounds.caps.requests, rate * 2 * seconds),
            rate: min(Bounds.caps.rate, rate * 4), seconds: seconds)
    }

    private func perform(
        _ title: String, _ crowd: Visitors.Crowd, _ people: People, on engine: Engine, authority: String,
        floodSeed: UInt64?
    ) throws -> RunResult.Phase {
        let seconds = Double(options.seconds)
        var flood: FloodProcess?
        if let floodSeed, options.scenario != .crowd {
            flood = try startFlood(engine.target, isTLS: engine.usesTLS, authority: authority, seed: floodSeed)
        }
        let start = Clock.now() + 200_000_000
        try flood?.begin(at: start)
        let isMeeting = floodSeed == nil
        let visitors = Visitors(
            crowd, of: people, to: Waterdam.visited, authority: authority,
            rate: isMeeting ? Self.visitorRate : visitorRate, start: start, seconds: seconds)
        let wallStart = Clock.wall() + (start - Clock.now())
        screen.say("\(clockTime(wallStart, whole: false))  \(title)")
        if let flood {
            screen.say("          the flood starts: \(options.floodRate) requests/s from \(flood.sources) sources")
        }
        // The meeting takes three clicks of four for a new face; 5 s more than that needs, and 10 s for the last click.
        let length = isMeeting ? max(seconds, Double(Self.known) * (3 + 1.0 / 3) / Self.visitorRate) : seconds
        let hardEnd = start + UInt64((length * 1.5 + 20) * 1e9)
        var failure: DemoError?
        let used = processorSeconds()
        engine.run([visitors], until: hardEnd) { now in
            failure = self.look(at: now)
            flood?.look()
            let gone = now > start ? Double(now - start) / 1e9 : 0
            self.screen.show(
                Screen.Frame(
                    title: title, gone: gone, length: length, tally: visitors.tally, awaited: visitors.awaited,
                    visitorRequests: visitors.requests,
                    flood: flood.map { ($0.report.offered, $0.report.reached, $0.sources) }, watch: self.watch),
                at: now)
            return failure == nil
        }
        screen.finish()
        if let failure { throw failure }
        if let flood {
            flood.finish()
            children.end(flood.process)
        }
        let figures = flood.map {
            RunResult.Flood(
                offered: $0.report.offered, reached: $0.report.reached, sources: $0.sources,
                start: clockTime(wallStart, whole: true),
                end: clockTime(wallStart + UInt64(seconds * 1e9), whole: true), lag_ms: $0.report.lag)
        }
        var phase = RunResult.Phase(visitors.tally, sent: visitors.requests, seconds: length, flood: figures)
        phase.load_cpu_seconds = processorSeconds() - used + (flood?.report.processorSeconds ?? 0)
        phase.load_lag_ms = Double(visitors.lag) / 1e6
        phase.start = clockTime(wallStart, whole: true)
        phase.end = clockTime(wallStart + UInt64((length + 10) * 1e9), whole: true)
        var line = "          known \(percent(phase.known.success)) of \(phase.known.requests), "
        line += "unknown \(percent(phase.unknown.success)) of \(phase.unknown.requests) clicks, "
        line += "p95 \(time(phase.p95_ms))"
        screen.say(line)
        if let flood { screen.say("          the flood was answered: \(Self.answers(flood.report))") }
        if phase.load_lag_ms > 250 {
            screen.say("          the load tool itself was up to \(time(phase.load_lag_ms)) late: a busy machine")
        }
        if let lag = figures?.lag_ms, lag > 250 {
            screen.say("          the flood was up to \(time(lag)) late, and came in gusts: a busy machine")
        }
        return phase
    }

    private static func answers(_ flood: FloodReport) -> String {
        var parts: [String] = []
        for digit in 2...5 where flood.statuses[digit] > 0 { parts.append("\(flood.statuses[digit]) with \(digit)xx") }
        for (index, ending) in Outcome.Ending.allCases.enumerated() where ending != .complete {
            if flood.endings[index] > 0 { parts.append("\(flood.endings[index]) \(ending.rawValue)") }
        }
        return parts.joined(separator: ", ")
    }

    /// What is looked at while a phase runs; says why it must stop.
    private func look(at now: UInt64) -> DemoError? {
        if Interrupts.came() { return DemoError("stopped by hand") }
        watch?.look(at: now)
        guard now > lookedAt + 1_000_000_000 else { return nil }
        lookedAt = now
        if office != 0 { lane.look(office: office) }
        return children.ended().map { DemoError("\($0) has ended by itself; see \(setting.log($0))") }
    }

    /// Waits, with an eye on the children and on Ctrl-C.
    func wait(_ seconds: Double) throws {
        let end = Clock.now() + UInt64(seconds * 1e9)
        while Clock.now() < end {
            if let failure = look(at: Clock.now()) { throw failure }
            usleep(20_000)
        }
    }

    private func keepUp(_ authority: String) {
        var lines = [" Wasstraat stays up: https://\(authority)/"]
        if office != 0 {
            let port = authority.split(separator: ":").last ?? ""
            lines.append(" What the public sees: https://\(Setting.statusHost):\(port)/")
            if let account = try? makeAccount() {
                lines.append(" The console:          http://\(console)/ (\(account.name), \(account.password))")
            }
        }
        lines.append(" Your browser does not know the throw-away certificate. Ctrl-C ends it all.")
        screen.say(lines.joined(separator: "\n"))
        while !Interrupts.came() {
            if let name = children.ended() { return screen.say("\(name) has ended by itself.") }
            usleep(100_000)
        }
    }
}
