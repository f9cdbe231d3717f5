internal import ArgumentParser
internal import Glibc
internal import Logging
internal import Messages
internal import ServiceLifecycle
internal import Settings
internal import Telemetry
internal import UnixSignals

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the office, which starts and supervises the lanes.",
        discussion: """
            SIGHUP reads the configuration again; one with faults changes nothing. SIGUSR2 has new lanes \
            take the place of those that serve, without a request lost: after an update. SIGUSR1 ends the office alone, \
            once every lane serves: lanes and filter go on, and the next office takes them over. SIGTERM and SIGINT let the \
            lane finish its requests and stop. Exit codes: 78 the configuration has faults, 75 another office or a silent lane is in \
            the way, 71 the system refused something.
            """)

    @Option(help: "The configuration file (YAML).")
    var config: String

    @Option(help: "The lane's program; by default the wasstraat-gateway beside this program.")
    var gateway: String?

    @Option(help: "The filter's program; by default the wasstraat-filter beside this program.")
    var filter: String?

    @Option(help: "Least severe log lines to write: trace, debug, info, notice, warning, error or critical.")
    var logLevel = "info"

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("'\(logLevel)' is no log level")
        }
    }

    func run() async throws {
        // A viewer or a journal that goes away must not end the office.
        signal(SIGPIPE, SIG_IGN)
        // Until they are waited for, they must not end the office either.
        signal(SIGUSR1, SIG_IGN)
        signal(SIGUSR2, SIG_IGN)
        let level = Logger.Level(rawValue: logLevel) ?? .info
        LoggingSystem.bootstrap { JSONLogHandler(label: $0, level: level) }
        do {
            var (start, metrics) = try prepare()
            let current = CurrentConfiguration(start.configuration)
            let console = try start.configuration.console.listen.map { try BoundListeners.bind($0, deferSeconds: 0) }
            let bell = try start.configuration.filter.map { _ in try FilterBell() }
            let rules = bell.map { FilterRules(bell: $0, current) }
            start.sources = bell.map { FilterSources(bell: $0, current) }
            let wire = rules.map { _ in WireFeed() }
            // The first is the last to be told to stop: the record hears what the lanes say until they have ended.
            var services: [any Service] = [
                RecordService(
                    feed: start.feed, mailbox: start.mailbox, folder: start.folder, current: current,
                    report: start.report, console: console, rules: rules, sources: start.sources, wire: wire,
                    requests: start.requests, audit: start.audit)
            ]
            services.append(
                RequestService(
                    feed: start.requests, mailbox: start.mailbox, folder: start.folder, current: current,
                    report: start.report))
            // One that cannot be started is reported; that is no reason to serve nobody.
            if let settings = start.configuration.filter, let rules, let sources = start.sources {
                start.report.update { $0.filter = OfficeReport.Filter() }
                services.append(
                    FilterService(
                        settings: settings, program: filter ?? Self.program("wasstraat-filter"), folder: start.folder,
                        report: start.report, rules: rules, sources: sources, ending: start.ending))
                if let wire {
                    services.append(
                        SampleService(
                            folder: start.folder, current: current, report: start.report, feed: wire,
                            bell: try FilterBell()))
                }
            }
            services += [
                BotService(inquiries: start.bots, current: current, report: start.report, mailbox: start.mailbox),
                OfficeService(start: start),
                ReloadService(file: config, mailbox: start.mailbox, current: current, metrics: start.metrics),
                SuccessionService(mailbox: start.mailbox),
            ]
            if let metrics { services.append(MetricsService(server: metrics)) }
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: services.map(Self.configured), gracefulShutdownSignals: [.sigterm, .sigint],
                    logger: Logger(label: "services")))
            try await group.run()
        } catch let error as OfficeError {
            complain(error.reason)
            throw ExitCode(error.code.rawValue)
        }
    }

    /// An office that hands over ends by itself, and the others after it, in the order in which they would at a stop.
    private static func configured(_ service: any Service) -> ServiceGroupConfiguration.ServiceConfiguration {
        ServiceGroupConfiguration.ServiceConfiguration(
            service: service,
            successTerminationBehavior: service is OfficeService ? .gracefullyShutdownGroup : .cancelGroup)
    }

    /// Checks, locks and binds, before anything runs.
    private func prepare() throws -> (OfficeStart, MetricsServer?) {
        let loaded = LoadedConfiguration(file: config)
        for complaint in loaded.complaints { complain(complaint.text) }
        guard let configuration = loaded.configuration else {
            throw OfficeError(.configuration, "\(config) has faults; nothing was started")
        }
        let program = try gatewayProgram()
        let start = try OfficeStart(configuration, gateway: program)
        var server: MetricsServer?
        if let endpoint = configuration.metrics {
            // The server closes this descriptor itself, so it gets a copy.
            let listener = try BoundListeners.bind(endpoint, deferSeconds: 0)
            let (report, registry) = (start.report, start.registry)
            server = MetricsServer(listener: fcntl(listener.number, F_DUPFD_CLOEXEC, 0)) {
                let state = report.current
                var text = MetricsText(lanes: state, at: Clock.monotonic, version: Version.number)
                text.add(state.bots)
                text.add(state.collector)
                text.add(state.filter)
                text.add(state.wire)
                text.add(state.requests)
                text.append(registry.text())
                return text
            }
        }
        let logger = Logger(label: "office")
        logger.notice("starting", metadata: ["version": "\(Version.number)", "configured": "\(loaded.summary)"])
        for lane in start.lanes {
            for listener in lane.listeners?.listeners ?? [] {
                logger.notice(
                    "listening",
                    metadata: [
                        "lane": "\(lane.name)", "endpoint": "\(listener.endpoint)", "tls": "\(listener.isTLS)",
                    ])
            }
        }
        return (start, server)
    }

    private func gatewayProgram() throws(OfficeError) -> String {
        let program = gateway ?? Self.program("wasstraat-gateway")
        guard access(program, X_OK) == 0 else {
            throw OfficeError(.system, "cannot run the lane's program \(program): \(OfficeError.text(errno))")
        }
        return program
    }

    /// A program beside this one.
    private static func program(_ name: String) -> String {
        var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: path.prefix(max(0, count)), as: UTF8.self)
        return own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex) + "/" + name
    }
}

/// One line for people, on standard error.
func complain(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = write(2, line, line.count)
}
