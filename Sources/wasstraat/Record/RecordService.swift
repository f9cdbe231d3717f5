internal import Addresses
internal import Exchange
internal import Glibc
internal import Incidents
internal import Logging
internal import Messages
internal import Moments
internal import Portal
internal import Prober
internal import PublicStatus
internal import Register
internal import ServiceLifecycle
internal import Settings
internal import StatusPages
internal import Synchronization

/// The configuration in force, for those who work beside the office's thread.
final class CurrentConfiguration: Sendable {
    private let state: Mutex<(configuration: OfficeConfiguration, version: Int)>

    init(_ configuration: OfficeConfiguration) { state = Mutex((configuration, 0)) }

    func replace(_ configuration: OfficeConfiguration) {
        state.withLock { $0 = (configuration, $0.version + 1) }
    }

    var now: (configuration: OfficeConfiguration, version: Int) { state.withLock { $0 } }
}

/// The record at work: the register, the prober, the public pages and the console. Where it fails, the lanes go on.
struct RecordService: Service {
    /// Seconds between two makings of the public pages, and two looks at what has to be erased.
    static let publishTime = 5.0
    static let retentionTime = 3_600.0

    let feed: OfficeFeed
    let mailbox: Mailbox
    let folder: StateFolder
    let current: CurrentConfiguration
    let report: OfficeReport
    /// The console's listener, bound; nil: no console.
    let console: Descriptor?
    /// Where fingerprints of attacks on the organisations' networks go; nil: there is no filter.
    let rules: FilterRules?
    /// Where it is known what blocked sources went on to send; nil: there is no filter.
    let sources: FilterSources?
    /// Where attacks that samples of the filter show come from; nil: there is no filter.
    let wire: WireFeed?
    /// Where fingerprints of requests go that came from outside.
    let requests: RequestFeed
    /// Who did what by hand.
    let audit: AuditFeed
    let logger = Logger(label: "record")

    init(
        feed: OfficeFeed, mailbox: Mailbox, folder: StateFolder, current: CurrentConfiguration, report: OfficeReport,
        console: Descriptor?, rules: FilterRules?, sources: FilterSources?, wire: WireFeed?,
        requests: RequestFeed, audit: AuditFeed
    ) {
        self.requests = requests
        self.feed = feed
        self.mailbox = mailbox
        self.folder = folder
        self.current = current
        self.report = report
        self.console = console
        self.rules = rules
        self.sources = sources
        self.wire = wire
        self.audit = audit
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            do {
                try await work(try await OpenRegister.open(in: folder))
            } catch is CancellationError {
                return
            } catch {
                // Protection goes on without a record: a site must not fall because its register did.
                logger.critical("there is no record: the register is refused", metadata: ["reason": "\(error)"])
                for await _ in feed.bells { _ = feed.take() }
            }
        }
    }

    private func work(_ records: SQLiteRecords) async throws {
        let configuration = current.now.configuration
        let key = try OpenRegister.signingKey(in: folder)
        let recorder = Recorder(
            records: records, folder: folder, signer: (configuration.instance, key), interval: configuration.interval)
        try await recorder.follow(configuration.recordedSites, now: .now)
        let street = OfficeStreet(records: records, recorder: recorder, mailbox: mailbox, report: report)
        logger.notice("the register is open", metadata: ["file": "\(folder.file(OpenRegister.file))"])
        await withTaskGroup { group in
            group.addTask { await listen(recorder) }
            group.addTask { await keepTime(recorder, street) }
            group.addTask { await publish(records, recorder) }
            group.addTask { await erase(records) }
            group.addTask { await probe(recorder) }
            group.addTask { await collect(records, key) }
            group.addTask { await recordFilter(records, recorder) }
            group.addTask { await recordRequests(records, recorder, key) }
            group.addTask { await recordOrders(records) }
            if let console { group.addTask { await serve(console, records, street) } }
            await group.waitForAll()
        }
        await recorder.end()
    }

    private func listen(_ recorder: Recorder) async {
        for await _ in feed.bells {
            let (news, missed) = feed.take()
            if missed > 0 { logger.error("the record is behind: news was missed", metadata: ["missed": "\(missed)"]) }
            await hear(news, recorder)
        }
    }

    private func hear(_ news: [OfficeFeed.News], _ recorder: Recorder) async {
        for item in news {
            switch item {
            case .status(let lane, let status, let at): await recorder.hear(status, of: lane, at: at)
            case .traffic(_, let traffic, _): await recorder.hear(traffic)
            }
        }
    }

    /// Once a second, a little after the second began: what belongs to it has come in by then.
    private func keepTime(_ recorder: Recorder, _ street: OfficeStreet) async {
        var version = 0
        while !Task.isCancelled {
            let now = Moment.now
            let wait = 1_250 - now.milliseconds % 1_000
            try? await Task.sleep(for: .milliseconds(wait > 1_000 ? wait - 1_000 : wait))
            await recorder.tick(.now)
            do {
                try await street.fileModes(.now)
                let (configuration, newest) = current.now
                if newest != version {
                    try await recorder.follow(configuration.recordedSites, now: .now)
                    version = newest
                }
            } catch {
                // A register answers nobody who was told to stop: what is left is filed below.
                if Task.isCancelled { break }
                logger.error("the register does not answer", metadata: ["reason": "\(error)"])
            }
        }
        await uncancelled {
            // What came last, and nobody was there to take.
            await hear(feed.take().news, recorder)
            await recorder.leave(.now)
            await recorder.keepProfiles()
        }
    }

    private func publish(_ records: SQLiteRecords, _ recorder: Recorder) async {
        var publisher = Publisher(records: records, interval: current.now.configuration.interval)
        var written: [String: [UInt8]] = [:]
        while !Task.isCancelled {
            do {
                let configuration = current.now.configuration
                let organisations = configuration.organisations.map {
                    Publisher.Organisation(name: $0.name, title: $0.title)
                }
                let (overall, each) = try await publisher.overviews(
                    of: organisations, sites: configuration.recordedSites, recorder: recorder, now: .now)
                let files = try StatusPages(address: configuration.pagesAddress).files(
                    overall: overall, organisations: each)
                mailbox.send(.pages(Pages(files, made: overall.made)))
                try PagesFolder.write(files, under: folder.file("pages"), unlessIn: &written)
            } catch {
                if Task.isCancelled { return }
                logger.error("the public pages were not made", metadata: ["reason": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(Self.publishTime))
        }
    }

    private func erase(_ records: SQLiteRecords) async {
        while !Task.isCancelled {
            let retention = current.now.configuration.retention
            let now = Moment.now
            do {
                _ = try await records.expire(
                    samplesBefore: now + -Double(retention.samples), pointsBefore: now + -Double(retention.points),
                    sealedBefore: now + -Double(retention.sealed))
            } catch {
                if Task.isCancelled { return }
                logger.error("what has to be erased was not", metadata: ["reason": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(Self.retentionTime))
        }
    }

    /// Checks the services; begins anew when the configuration changes.
    private func probe(_ recorder: Recorder) async {
        while !Task.isCancelled {
            let (configuration, version) = current.now
            await withTaskGroup { group in
                if configuration.prober.isEnabled {
                    group.addTask {
                        do {
                            let prober = try Prober(
                                targets: configuration.probeTargets, configuration: configuration.probing
                            ) { await recorder.take($0) }
                            try await prober.run()
                        } catch is CancellationError {
                            return
                        } catch {
                            logger.error("the prober does not run", metadata: ["reason": "\(error)"])
                        }
                    }
                }
                while !Task.isCancelled, current.now.version == version {
                    try? await Task.sleep(for: .seconds(1))
                }
                group.cancelAll()
            }
        }
    }

    private func serve(_ listener: Descriptor, _ records: SQLiteRecords, _ street: OfficeStreet) async {
        let settings = current.now.configuration.console
        // The portal closes its descriptor itself, so it gets a copy.
        var configuration = PortalConfiguration(
            listener: .bound(fcntl(listener.number, F_DUPFD_CLOEXEC, 0)),
            hosts: ["localhost", "127.0.0.1", "[::1]"])
        configuration.sessionTime = Double(settings.session)
        configuration.needsFactor = settings.needsFactor
        if let endpoint = settings.listen {
            let text = "\(endpoint.address)"
            configuration.hosts.insert(text.contains(":") ? "[\(text)]" : text)
        }
        do {
            let portal = Portal(
                records: records, street: street,
                configuration: configuration, clock: { .now })
            try await portal.run()
        } catch is CancellationError {
            return
        } catch {
            logger.error("the console does not run", metadata: ["reason": "\(error)"])
        }
    }
}
