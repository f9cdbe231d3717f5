import Glibc
import TestKit
import Testing

/// A real office with a real filter that has no rights, as most who try it out have.
@Suite(.needs(tool: "setpriv")) struct FilterOfficeTests {
    /// As root it may do everything: its rights are taken away.
    private static let powerless = "setpriv --bounding-set -all --inh-caps -all "

    private func office(
        interface: String = "lo", _ keys: String = "", instance: String = "first"
    ) async throws -> (RunningOffice, pid_t) {
        let running = RunningOffice()
        running.configure(instance: instance, extra: "filter: {interface: \(interface)\(keys)}")
        let process = try running.start(prefix: Self.powerless)
        try await running.wait("a lane in force") { running.log.contains("\"message\":\"in force\"") }
        return (running, process)
    }

    private func figures(_ running: RunningOffice) -> String {
        (try? RunningOffice.exchange("GET /metrics HTTP/1.0\r\n\r\n", with: running.metrics)) ?? ""
    }

    private func top(_ running: RunningOffice) -> String {
        RunningOffice.shell("\(RunningOffice.programs)/wasstraat top --once --json --state \(running.state)").output
    }

    private func contents(of path: String) -> String { RunningOffice.shell("cat \(path) 2>/dev/null").output }

    /// Also of one that nobody has reaped.
    private func hasEnded(_ process: pid_t) -> Bool { contents(of: "/proc/\(process)/cmdline").isEmpty }

    private func count(_ text: String, in log: String) -> Int {
        log.split(separator: "\n").count { $0.contains(text) }
    }

    @Test func `sites are served without the filter's rights, and what is missing is said once`() async throws {
        let (running, office) = try await office()
        try await running.wait("the filter's word") { running.log.contains("no packet is filtered") }
        #expect(running.log.contains("CAP_BPF"))
        let lane = try running.visit().lane
        try await running.wait("figures") { figures(running).contains("wasstraat_filter_up 1") }
        let text = figures(running)
        #expect(text.contains("wasstraat_filter_mode{mode=\"none\"} 1"))
        #expect(text.contains("wasstraat_filter_missing ") && !text.contains("wasstraat_filter_missing 0\n"))
        #expect(text.contains("wasstraat_filter_entries{list=\"blocked\"} 0"))
        let shown = top(running)
        #expect(shown.contains("\"filter\":{\"up\":true,\"interface\":\"lo\",\"mode\":\"none\",\"missing\":[\""))
        let filter = try #require(running.number(in: "filter.pid"))
        try await Task.sleep(for: .seconds(3))
        #expect(count("no packet is filtered", in: running.log) == 1)
        #expect(try running.visit().lane == lane)
        // The process ends with its office; the book stays.
        kill(office, SIGTERM)
        #expect(try await running.exitCode(of: office) == 0)
        #expect(hasEnded(filter))
        #expect(!running.read("\(running.state)/filter.book").isEmpty)
    }

    @Test(arguments: ["dry", "live", "off"])
    func `a source that a lane has proven hostile is in the filter's book, and in no log`(conduct: String) async throws
    {
        let (running, office) = try await office(", sources: \(conduct), block_time: 20 min", instance: "proves")
        let isOff = conduct == "off"
        // What is nobody's site's is left out, and added to what the lane left out itself.
        try await running.wait("figures") {
            let text = figures(running)
            return text.contains("wasstraat_filter_sources_total{outcome=\"omitted\"} \(isOff ? 3 : 4)")
                && text.contains("wasstraat_filter_sources_total{outcome=\"taken\"} \(isOff ? 0 : 1)")
                && text.contains("wasstraat_filter_sources_total{outcome=\"spared\"} 5")
                && text.contains("wasstraat_filter_sources_conduct{conduct=\"\(conduct)\"} 1")
        }
        let explained = RunningOffice.shell(
            "\(RunningOffice.programs)/wasstraat filter explain 198.51.100.7 --state \(running.state)"
        ).output
        let reason = "site www.example.nl under pressure: 41 requests refused in 4 s, no sign of a visitor"
        #expect(explained.contains(reason) == !isOff, "\(explained)")
        try await running.wait("top") {
            top(running).contains("\"sources\":{\"conduct\":\"\(conduct)\",\"taken\":\(isOff ? 0 : 1),\"refused\":0,")
        }
        #expect(running.log.contains("were handed to the filter") == !isOff)
        // Let in by the operator the source is not held back in the kernel any more.
        let allowed = RunningOffice.shell(
            "\(RunningOffice.programs)/wasstraat access allow 198.51.100.0/24 --reason monitor --state \(running.state)"
        )
        #expect(allowed.code == 0, "\(allowed)")
        try await running.wait("it is let go") {
            figures(running).contains("wasstraat_filter_entries{list=\"blocked\"} 0")
        }
        kill(office, SIGTERM)
        #expect(try await running.exitCode(of: office) == 0)
        #expect(!running.log.contains("198.51.100"))
    }

    @Test func `a filter that dies is started anew, and one that is missing stops nobody`() async throws {
        let (running, office) = try await office()
        try await running.wait("the filter's word") { running.log.contains("no packet is filtered") }
        let first = try #require(running.number(in: "filter.pid"))
        kill(first, SIGKILL)
        try await running.wait("another one") { figures(running).contains("wasstraat_filter_restarts_total 1") }
        try await running.wait("its answer") { figures(running).contains("wasstraat_filter_up 1") }
        #expect(running.log.contains("the filter's process ended"))
        let second = try #require(running.number(in: "filter.pid"))
        #expect(second != first)
        _ = try running.visit()
        kill(office, SIGKILL)
        _ = try await running.exitCode(of: office)
        // The next office finds what this one left, and ends it.
        let next = try running.start(prefix: Self.powerless)
        try await running.wait("the next office") { running.log.contains("\"started_by\":\"office\"") }
        kill(next, SIGTERM)
        #expect(try await running.exitCode(of: next) == 0)
        #expect(hasEnded(second))
        let other = RunningOffice()
        other.configure(extra: "filter: {interface: lo}")
        let alone = try other.start(words: "--filter /nowhere/wasstraat-filter")
        try await other.wait("a lane in force") { other.log.contains("\"message\":\"in force\"") }
        try await other.wait("its complaint") { other.log.contains("cannot start /nowhere/wasstraat-filter") }
        _ = try other.visit()
        #expect(figures(other).contains("wasstraat_filter_up 0"))
        #expect(top(other).contains("\"filter\":{\"up\":false,\"missing\":[\"cannot start"))
        kill(alone, SIGTERM)
        #expect(try await other.exitCode(of: alone) == 0)
    }

    @Test func `an office that hands over leaves the filter to the next one`() async throws {
        let (running, office) = try await office()
        try await running.wait("the filter's word") { running.log.contains("no packet is filtered") }
        let lane = try running.visit().lane
        let filter = try #require(running.number(in: "filter.pid"))
        kill(office, SIGUSR1)
        #expect(try await running.exitCode(of: office) == 0)
        try await Task.sleep(for: .milliseconds(500))
        #expect(!hasEnded(filter))
        #expect(try running.visit().lane == lane)
        let next = try running.start(prefix: Self.powerless)
        try await running.wait("the next office") { running.log.contains("\"started_by\":\"office\"") }
        try await running.wait("its answer") { figures(running).contains("wasstraat_filter_up 1") }
        #expect(running.number(in: "filter.pid") == filter)
        kill(next, SIGTERM)
        #expect(try await running.exitCode(of: next) == 0)
        #expect(hasEnded(filter))
    }

    @Test func `a filter that someone else runs is used, and left running`() async throws {
        let running = RunningOffice()
        running.configure(extra: "filter: {interface: lo}")
        let words = ["--interface", "lo", "--state", running.state, "--sampling", "77"]
        let unit = try Child(
            Self.powerless.split(separator: " ").map(String.init) + [RunningOffice.programs + "/wasstraat-filter"]
                + words
        )
        _ = try #require(unit.waitForLine(holding: "lo: "))
        let office = try running.start(prefix: Self.powerless)
        try await running.wait("the filter found") { running.log.contains("\"started_by\":\"other\"") }
        try await running.wait("its answer") { figures(running).contains("wasstraat_filter_up 1") }
        #expect(!running.log.contains("the filter was started"))
        // What the configuration says otherwise is told.
        #expect(running.log.contains("it was started with \\\"--sampling 77\\\"; the configuration says"))
        kill(office, SIGTERM)
        #expect(try await running.exitCode(of: office) == 0)
        #expect(kill(unit.process, 0) == 0)
        unit.signal(SIGTERM)
        #expect(unit.wait() == 0)
    }
}
