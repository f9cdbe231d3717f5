import CLinux
import Glibc
import Messages
import Testing

/// Real processes, real sockets: the office as an operator meets it.
@Suite(.serialized) struct OfficeTests {
    @Test func `starts a lane that gets its sockets, its configuration and a log`() async throws {
        let office = RunningOffice()
        _ = try await office.startServing()
        let answer = try office.visit()
        #expect(answer.generation == 1)
        #expect(answer.instance == "first")
        try await office.wait("the access log") {
            office.read("\(office.state)/access.log").contains("\(answer.lane) 1 first")
        }
        for (file, mode) in [("", 0o700), ("secrets.bin", 0o600), ("snapshot.bin", 0o600), ("access.log", 0o600)] {
            var status = stat()
            #expect(stat("\(office.state)/\(file)", &status) == 0)
            #expect(status.st_mode & 0o777 == UInt32(mode), "\(file)")
        }
    }

    @Test func `replaces a killed lane, and the listeners never refuse`() async throws {
        let office = RunningOffice()
        _ = try await office.startServing()
        let first = try office.visit().lane
        kill(first, SIGKILL)
        // Each of these connects while there is no lane, or right after: none may be refused, all are answered.
        var lanes: Set<pid_t> = []
        for _ in 0..<20 { lanes.insert(try office.visit().lane) }
        #expect(lanes.count == 1)
        #expect(!lanes.contains(first))
        #expect(office.log.contains("\"restarts\":\"1\""))
        #expect(office.log.contains("\"signal\":\"9\""))
    }

    @Test func `backs off from a lane that keeps dying, and says so`() async throws {
        let office = RunningOffice()
        office.configure(instance: "fatal")
        _ = try office.start()
        try await office.wait("the fourth start") { office.log.contains("\"restarts\":\"3\"") }
        // 0, 100 and 200 ms lay between the four starts: the log has few lines.
        #expect(office.log.split(separator: "\n").count < 60)
        office.configure(instance: "second")
        kill(try #require(office.number(in: "office.lock")), SIGHUP)
        try await office.wait("a lane in force") { office.log.contains("\"message\":\"in force\"") }
        #expect(try office.visit().instance == "second")
    }

    @Test func `a new office takes over the lane of a killed one`() async throws {
        let office = RunningOffice()
        let first = try await office.startServing()
        let before = try office.visit()
        kill(first, SIGKILL)
        #expect(try await office.exitCode(of: first) == 128 + SIGKILL)
        #expect(try office.visit() == before)

        _ = try office.start()
        try await office.wait("the take-over") { office.log.contains("took over from an earlier office") }
        try await office.wait("the next generation") { (try? office.visit().generation) == before.generation + 1 }
        #expect(try office.visit().lane == before.lane)

        // The new office has the listeners as well: they outlive the lane.
        kill(before.lane, SIGKILL)
        let after = try office.visit()
        #expect(after.lane != before.lane)
        #expect(after.generation == before.generation + 1)
        // And the history that the first lane had written into.
        let second = try #require(office.number(in: "office.lock"))
        kill(second, SIGTERM)
        #expect(try await office.exitCode(of: second) == 0)
        #expect(office.read("\(office.state)/history.bin").hasPrefix("seen"))
    }

    @Test func `keeps what a lane learnt of its sites for the next one`() async throws {
        let office = RunningOffice()
        office.configure(instance: "learns")
        _ = try await office.startServing()
        let file = "\(office.state)/learnt~www.example.nl.bin"
        try await office.wait("what was learnt") { access(file, F_OK) == 0 }
        #expect(access("\(office.state)/learnt~nobody.bin", F_OK) != 0)
        kill(try office.visit().lane, SIGKILL)
        try await office.wait("the next lane's memory") {
            office.read("\(office.state)/access.log").contains("lane recalls www.example.nl [1, 2, 3]")
        }
    }

    @Test func `a second office in the same folder is sent away`() async throws {
        let office = RunningOffice()
        let first = try await office.startServing()
        let second = try office.start()
        #expect(try await office.exitCode(of: second) == 75)
        #expect(office.log.contains("another office (process \(first)) works in \(office.state)"))
        #expect(try office.visit().generation == 1)
    }

    @Test func `a lane that holds its lock and is silent stops a new office with a reason`() async throws {
        let office = RunningOffice()
        let first = try await office.startServing()
        let lane = try office.visit().lane
        kill(first, SIGKILL)
        _ = try await office.exitCode(of: first)
        // Only now: a stopped process whose group is orphaned is woken by the kernel.
        kill(lane, SIGSTOP)
        let second = try office.start()
        #expect(try await office.exitCode(of: second) == 75)
        #expect(office.log.contains("process \(lane) holds"))
    }

    @Test func `refuses a configuration with faults, all of them with their line`() async throws {
        let office = RunningOffice()
        office.write("nope: 1\nstate: 2\n")
        #expect(try await office.exitCode(of: try office.start()) == 78)
        #expect(office.log.contains("wasstraat.yaml:1: "))
        #expect(office.log.contains("'nope'"))
        #expect(office.log.contains("organisations"))
    }

    @Test func `keeps the old configuration when the new one has faults`() async throws {
        let office = RunningOffice()
        let process = try await office.startServing()
        office.write("organisations: 7\n")
        kill(process, SIGHUP)
        try await office.wait("the complaint") { office.log.contains("the former one stays in force") }
        #expect(office.log.contains("wasstraat.yaml:1: "))
        #expect(try office.visit() == office.visit())
        #expect(try office.visit().instance == "first")

        office.configure(instance: "second")
        kill(process, SIGHUP)
        try await office.wait("the new configuration") { (try? office.visit().instance) == "second" }
        #expect(try office.visit().generation == 2)
    }

    @Test func `says which changes need a restart, and goes on without them`() async throws {
        let office = RunningOffice()
        let process = try await office.startServing()
        office.configure(instance: "second", port: 8_081, extra: "lane:\n  cores: [0]")
        kill(process, SIGHUP)
        try await office.wait("the new configuration") { (try? office.visit().instance) == "second" }
        #expect(office.log.contains("\"setting\":\"listeners\""))
        #expect(office.log.contains("\"setting\":\"lane.cores\""))
        #expect(!office.log.contains("\"setting\":\"state\""))
    }

    @Test(arguments: ["refused", "fatal"]) func `goes back when the lane cannot take a configuration`(
        instance: String
    ) async throws {
        let office = RunningOffice()
        let process = try await office.startServing()
        office.configure(instance: instance)
        kill(process, SIGHUP)
        try await office.wait("the way back") { office.log.contains("the former one stays") }
        if instance == "refused" {
            #expect(office.log.contains(#""reason":"the certificate of site \"x\" is broken""#))
        }
        try await office.wait("the former configuration as generation 3") {
            (try? office.visit()).map { $0.generation == 3 && $0.instance == "first" } ?? false
        }
    }

    @Test func `lets the lane drain, saves the history and ends`() async throws {
        let office = RunningOffice()
        let process = try await office.startServing()
        kill(process, SIGTERM)
        #expect(try await office.exitCode(of: process) == 0)
        #expect(office.log.contains("\"message\":\"the lane ended\",\"exit\":\"0\""))
        #expect(office.read("\(office.state)/history.bin").utf8.count > 12 << 20)
        #expect(access("\(office.state)/office.sock", F_OK) != 0)
    }

    @Test func `ends a lane that does not drain`() async throws {
        let office = RunningOffice()
        office.configure(instance: "deaf")
        let process = try await office.startServing()
        kill(process, SIGTERM)
        #expect(try await office.exitCode(of: process) == 0)
        #expect(office.log.contains("the lane does not react"))
        #expect(office.log.contains("\"signal\":\"9\""))
    }

    @Test func `serves metrics of the lane and of itself`() async throws {
        let office = RunningOffice()
        _ = try await office.startServing()
        _ = try office.visit()
        func scrape() throws -> String {
            try RunningOffice.exchange("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", with: office.metrics)
        }
        let known = #"wasstraat_requests_total{organisation="voorbeeld",site="www.example.nl",class="known",outcome="#
        try await office.wait("the visitor in the metrics") {
            (try? scrape())?.contains(known + "\"received\"} 1\n") ?? false
        }
        let text = try scrape()
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        for line in ["up} 1", "restarts_total} 0", "generation} 1"].map({
            "wasstraat_lane_" + $0.replacing("}", with: "{lane=\"lane\"}")
        }) {
            #expect(text.contains("\n\(line)\n"))
        }
        #expect(text.contains("# TYPE wasstraat_process_start_time_seconds gauge\n"))
        // Every family once, every sample a name, labels and a number.
        let body = text.split(separator: "\r\n\r\n", maxSplits: 1)[1]
        var families: Set<Substring> = []
        for line in body.split(separator: "\n") {
            if line.hasPrefix("# TYPE ") { #expect(families.insert(line).inserted, "\(line)") }
            guard !line.hasPrefix("#") else { continue }
            #expect(line.wholeMatch(of: /[a-z_][a-z0-9_]*(\{([a-z_]+="[^"]*",?)+\})? [0-9.e+-]+/) != nil, "\(line)")
        }
    }

    @Test func `shows the lane in the terminal and to machines`() async throws {
        let office = RunningOffice()
        let top = "\(RunningOffice.programs)/wasstraat top --once --state \(office.state)"
        let gone = RunningOffice.shell(top)
        #expect(gone.code == 1)
        #expect(gone.output.contains("no office answers"))
        _ = try await office.startServing()
        let shown = RunningOffice.shell(top)
        #expect(shown.code == 0)
        #expect(shown.output.contains("lane up"))
        #expect(shown.output.contains("www.example.nl  voorbeeld"))
        #expect(!shown.output.contains("\u{1b}"))
        let json = RunningOffice.shell(top + " --json")
        #expect(json.output.hasPrefix("{\"version\":1,\"time\":"))
        #expect(json.output.contains(#""lane":{"up":true,"restarts":0"#))
    }

    @Test func `cuts off a viewer that does not read, and goes on`() async throws {
        let office = RunningOffice()
        // So many sites that one status is more than a socket holds.
        let sites = (0..<1_000).map { "      - {host: w\($0).example.nl, origin: 'http://127.0.0.1:8081'}\n" }.joined()
        office.write(
            """
            state: \(office.state)
            listeners: [{listen: '\(office.endpoint)'}]
            metrics: {listen: '\(office.metrics)'}
            console: {listen: off}
            prober: {enabled: false}
            organisations:
              - name: voorbeeld
                sites:
            \(sites)
            """)
        _ = try await office.startServing()
        let viewer = linux_unix_connect("\(office.state)/office.sock")
        try #require(viewer >= 0)
        defer { close(viewer) }
        let watch = Frame(.watch).encoded()
        #expect(write(viewer, watch, watch.count) == watch.count)
        try await office.wait("the end of the viewer") {
            let text = try? RunningOffice.exchange("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", with: office.metrics)
            return text?.contains("\nwasstraat_viewers_dropped_total 1\n") ?? false
        }
        #expect(try office.visit().instance == "wasstraat")
    }

    @Test func `checks a file and names what is configured`() {
        let office = RunningOffice()
        let check = "\(RunningOffice.programs)/wasstraat check \(office.configuration)"
        let good = RunningOffice.shell(check)
        #expect(good.code == 0)
        #expect(good.output.contains("1 organisation, 1 site, 1 host name, 1 origin, 1 listener: \(office.endpoint)"))
        office.write("nope: 1\n")
        let bad = RunningOffice.shell(check)
        #expect(bad.code == 1)
        #expect(bad.output.contains("\(office.configuration):1: "))
    }
}
