import Detection
import Glibc
import Messages
import Mitigations
import Moments
import Synchronization
import Testing
import wasstraat

/// Two organisations, each with a lane of its own, under one office.
@Suite(.serialized) struct LanesTests {
    private func startServing(_ office: RunningOffice) async throws -> pid_t {
        office.configureTwo()
        let process = try office.start()
        try await office.wait("two lanes in force") { inForce(office) == ["oost", "west"] }
        return process
    }

    /// Lanes that said so, in the order of their names.
    private func inForce(_ office: RunningOffice) -> [String] {
        let lines = office.log.split(separator: "\n").filter { $0.contains("\"message\":\"in force\"") }
        return ["oost", "west"].filter { name in lines.contains { $0.contains("\"lane\":\"\(name)\"") } }
    }

    private func scrape(_ office: RunningOffice) -> String {
        (try? RunningOffice.exchange("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", with: office.metrics)) ?? ""
    }

    @Test func `gives each lane its own listener and the sites of its own organisation`() async throws {
        let office = RunningOffice()
        _ = try await startServing(office)
        let (oost, west) = (try office.visit(), try office.visit(office.second))
        #expect(oost.lane != west.lane)
        #expect(office.number(in: "lane-oost.lock") == oost.lane)
        #expect(office.number(in: "lane-west.lock") == west.lane)
        let log = office.read("\(office.state)/access.log")
        #expect(log.contains(#"oost takes ["www.oost.example protect"]"#))
        #expect(log.contains(#"west takes ["www.west.example protect"]"#))
        for file in ["snapshot-oost.bin", "snapshot-west.bin"] {
            #expect(access("\(office.state)/\(file)", F_OK) == 0, "\(file)")
        }
        #expect(!office.read("\(office.state)/snapshot-oost.bin").contains("www.west.example"))
    }

    @Test func `a killed lane comes back, and the other one goes on`() async throws {
        let office = RunningOffice()
        _ = try await startServing(office)
        let (oost, west) = (try office.visit(), try office.visit(office.second))
        kill(oost.lane, SIGKILL)
        #expect(try office.visit(office.second) == west)
        #expect(try office.visit().lane != oost.lane)
        #expect(try office.visit(office.second) == west)
        try await office.wait("the restart in the metrics") {
            scrape(office).contains("\nwasstraat_lane_restarts_total{lane=\"oost\"} 1\n")
        }
        #expect(scrape(office).contains("\nwasstraat_lane_restarts_total{lane=\"west\"} 0\n"))
    }

    @Test func `a new office takes over both lanes of a killed one`() async throws {
        let office = RunningOffice()
        let first = try await startServing(office)
        let (oost, west) = (try office.visit(), try office.visit(office.second))
        kill(first, SIGKILL)
        _ = try await office.exitCode(of: first)
        #expect(try office.visit() == oost)
        #expect(try office.visit(office.second) == west)
        let second = try office.start()
        try await office.wait("both in the next generation") {
            (try? office.visit().generation) == 2 && (try? office.visit(office.second).generation) == 2
        }
        #expect(try office.visit().lane == oost.lane)
        #expect(try office.visit(office.second).lane == west.lane)
        #expect(office.log.split(separator: "\n").count { $0.contains("took over from an earlier office") } == 2)
        kill(west.lane, SIGKILL)
        #expect(try office.visit(office.second).lane != west.lane)
        kill(second, SIGTERM)
        #expect(try await office.exitCode(of: second) == 0)
        for file in ["history-oost.bin", "history-west.bin"] {
            #expect(office.read("\(office.state)/\(file)").hasPrefix("seen"), "\(file)")
        }
    }

    @Test func `a lane that is not configured any more drains under the new office`() async throws {
        let office = RunningOffice()
        let first = try await startServing(office)
        kill(first, SIGKILL)
        _ = try await office.exitCode(of: first)
        office.configure(instance: "one")
        _ = try office.start()
        try await office.wait("the end of the lane") {
            // The lock lives as long as the lane; its process may stay in the table until someone reaps it.
            let file = open("\(office.state)/lane-west.lock", O_RDWR)
            defer { close(file) }
            return office.log.contains("was told to drain") && flock(file, LOCK_EX | LOCK_NB) == 0
        }
        try await office.wait("the new lane alone") { (try? office.visit().instance) == "one" }
    }

    @Test func `takes sites over at a reload, and says that another lane needs a restart`() async throws {
        let office = RunningOffice()
        let process = try await startServing(office)
        let west = try office.visit(office.second)
        office.write(
            """
            state: \(office.state)
            instance: second
            organisations:
              - name: oost
                sites: [{host: www.oost.example, origin: 'http://127.0.0.1:8081'}]
            lanes:
              - {name: oost, listeners: [{listen: '\(office.endpoint)'}], cores: [0]}
              - {name: noord, listeners: [{listen: '\(office.second)'}], cores: [0]}
            metrics: {listen: '\(office.metrics)'}
            console: {listen: off}
            prober: {enabled: false}
            """)
        kill(process, SIGHUP)
        try await office.wait("the new configuration") { (try? office.visit().instance) == "second" }
        // The office says it only when the sites are on their way.
        try await office.wait("what needs a restart") { office.log.contains("\"setting\":\"lanes\"") }
        #expect(try office.visit(office.second) == west)
        #expect(!office.log.contains("\"setting\":\"listeners\""))
    }

    @Test func `shows the lanes together in the terminal, and apart in the metrics`() async throws {
        let office = RunningOffice()
        _ = try await startServing(office)
        _ = (try office.visit(), try office.visit(office.second), try office.visit(office.second))
        let top = "\(RunningOffice.programs)/wasstraat top --once --state \(office.state)"
        let shown = RunningOffice.shell(top)
        #expect(shown.output.contains("lanes up 2 of 2"))
        #expect(shown.output.contains("www.oost.example  oost"))
        #expect(shown.output.contains("www.west.example  west"))
        #expect(RunningOffice.shell(top + " --json").output.contains(#""lanes":2,"serving":2"#))
        try await office.wait("both lanes' visitors in the metrics") {
            let text = scrape(office)
            return text.contains("\nwasstraat_connections_total{lane=\"oost\",outcome=\"accepted\"} 1\n")
                && text.contains("\nwasstraat_connections_total{lane=\"west\",outcome=\"accepted\"} 2\n")
        }
    }
}

/// The office inside the test, for what has no command: pages, modes, the feed.
@Suite(.serialized) struct OfficeThreadTests {
    @Test func `hands pages and modes to the lanes, and their news to the feed`() async throws {
        signal(SIGPIPE, SIG_IGN)
        let folder = RunningOffice()
        folder.configureTwo()
        let configuration = try #require(LoadedConfiguration(file: folder.configuration).configuration)
        let start = try OfficeStart(configuration, gateway: "\(RunningOffice.programs)/FakeLane")
        async let end: Void = onOwnThread { try Office(start).run() }
        func log() -> String { folder.read("\(folder.state)/access.log") }

        var seen: Set<String> = []
        for await _ in start.feed.bells {
            for news in start.feed.take().news {
                switch news {
                case .status(let lane, let status, let at):
                    #expect(at.milliseconds > 1_600_000_000_000)
                    for site in status.sites { seen.insert("\(lane) \(site.name)") }
                case .traffic(let lane, _, _): seen.insert("\(lane) traffic")
                }
            }
            if seen.count == 4 { break }
        }
        #expect(seen == ["oost www.oost.example", "oost traffic", "west www.west.example", "west traffic"])

        let pages = Pages(made: 4_711, files: [Pages.File(path: "/", contentType: "text/html", body: [60])])
        start.mailbox.send(.pages(pages))
        try await folder.wait("pages in both lanes") {
            log().contains(#"oost pages 4711 ["/"]"#) && log().contains(#"west pages 4711 ["/"]"#)
        }
        kill(try folder.visit().lane, SIGKILL)
        try await folder.wait("pages in the lane that came later") {
            log().ranges(of: #"oost pages 4711 ["/"]"#).count == 2
        }

        let answers = Answers()
        func say(_ order: HandOrder, as organisation: String?) {
            start.mailbox.send(
                .order(order, by: HandOrder.Giver(name: "x", organisation: organisation)) { answers.take($0) })
        }
        func observe(_ site: String, as organisation: String?) {
            say(.hold(.observe, site: site, seconds: 600, reason: "a test"), as: organisation)
        }
        // One organisation's people have no word at another's site, nor at all of them.
        observe("www.oost.example", as: "west")
        say(.hold(try ControlBook.Act(.deny, "192.0.2.7"), site: "", seconds: 600, reason: "a test"), as: "west")
        observe("www.west.example", as: "west")
        try await folder.wait("the other mode") { log().contains(#"west takes ["www.west.example observe"]"#) }
        start.mailbox.send(.reload(configuration))
        try await folder.wait("the mode after a reload") {
            log().ranges(of: #"west takes ["www.west.example observe"]"#).count == 2
        }
        say(.expire(1), as: "oost")
        say(.expire(1), as: "west")
        try await folder.wait("the configured mode") {
            log().ranges(of: #"west takes ["www.west.example protect"]"#).count == 2
        }
        #expect(!log().contains("www.oost.example observe"))
        #expect(answers.refusals == [.site, .site, nil, .noOrder, nil])
        // So many that more than may be fall in one minute, wherever it ends.
        for _ in 0...2 * ControlBook.pace { say(.expire(4_711), as: "oost") }
        try await folder.wait("all answers") { answers.refusals.count == 6 + 2 * ControlBook.pace }
        #expect(answers.refusals.contains(.pace))
        start.mailbox.send(.stop)
        try await end
        // Whoever comes too late is told so, and does not wait for ever.
        start.mailbox.close()
        observe("www.west.example", as: "west")
        #expect(answers.refusals.count == 7 + 2 * ControlBook.pace && answers.refusals.last == .notServed)
    }

    /// What became of orders, in the order of the answers; nil: it was done.
    private final class Answers: Sendable {
        private let state = Mutex<[ControlBook.Refusal.Cause?]>([])

        var refusals: [ControlBook.Refusal.Cause?] { state.withLock { $0 } }

        func take(_ answer: Result<Void, ControlBook.Refusal>) {
            state.withLock { state in
                switch answer {
                case .success: state.append(nil)
                case .failure(let refusal): state.append(refusal.cause)
                }
            }
        }
    }
}

struct OfficeFeedTests {
    @Test func `keeps the newest news and counts what was missed`() async {
        let feed = OfficeFeed()
        for number in 0..<OfficeFeed.limit + 3 {
            var status = LaneStatus()
            status.generation = UInt64(number)
            feed.put(.status(lane: "a", status, at: Moment(milliseconds: 0)), size: 100)
        }
        let (news, missed) = feed.take()
        #expect(news.count == OfficeFeed.limit && missed == 3)
        guard case .status(_, let status, _) = news.first else { return #expect(Bool(false), "no status") }
        #expect(status.generation == 3)
        #expect(feed.take().news.isEmpty)
        feed.end()
        var bells = 0
        for await _ in feed.bells { bells += 1 }
        #expect(bells == 1)
    }

    @Test func `bounds the bytes that wait, also by one message alone`() {
        let feed = OfficeFeed()
        for _ in 0..<3 {
            feed.put(.traffic(lane: "a", LaneTraffic(), at: Moment(milliseconds: 0)), size: OfficeFeed.byteLimit / 2)
        }
        #expect(feed.take().news.count == 2)
        feed.put(.traffic(lane: "a", LaneTraffic(), at: Moment(milliseconds: 0)), size: OfficeFeed.byteLimit + 1)
        let (news, missed) = feed.take()
        #expect(news.isEmpty && missed == 1)
    }
}

struct RequestFeedTests {
    @Test func `what an operator said is the last that a slow reader misses`() {
        let feed = RequestFeed()
        func put(_ orders: Range<UInt64>) {
            for rule in orders { feed.put(.order(.undo, rule: rule, site: nil), size: 64) }
        }
        func orders(_ news: [RequestFeed.News]) -> [UInt64] {
            news.compactMap { if case .order(_, let rule, _) = $0 { rule } else { nil } }
        }
        put(0..<2)
        for _ in 0..<RequestFeed.limit + 3 {
            feed.put(.samples(RequestSamples(), at: Moment(milliseconds: 0)), size: 100)
        }
        let (news, missed) = feed.take()
        #expect(news.count == RequestFeed.limit && missed == 5 && orders(news) == [0, 1])
        // Bounded all the same.
        put(0..<UInt64(RequestFeed.limit) + 1)
        #expect(orders(feed.take().news) == Array(1...UInt64(RequestFeed.limit)))
    }
}

struct MergedStatusTests {
    private func site(_ name: String, requests: UInt64, limit: UInt64, healthy: UInt64) -> SiteStatus {
        var site = SiteStatus()
        site.name = name
        site.classes[1].requests = requests
        site.firstByte[2] = requests
        site.limit = limit
        site.origins = 2
        site.healthyOrigins = healthy
        site.isUnderPressure = healthy < 2
        return site
    }

    @Test func `sums a site over its lanes and leaves the others as they are`() {
        var (one, other) = (LaneStatus(), LaneStatus())
        (one.started, other.started) = (5, 9)
        (one.connections.open, other.connections.open) = (3, 4)
        one.sites = [site("a", requests: 10, limit: 400, healthy: 2), site("b", requests: 1, limit: 100, healthy: 2)]
        other.sites = [site("a", requests: 5, limit: 300, healthy: 1)]
        let merged = LaneStatus(merging: [one, other])
        #expect(merged.started == 9 && merged.connections.open == 7)
        #expect(merged.sites == [site("a", requests: 15, limit: 700, healthy: 1), one.sites[1]])
        #expect(LaneStatus(merging: [one]) == one)
    }
}
