import Glibc
import Testing

/// An office ends alone, as at an update, and the next one goes on with what it left.
struct HandOverTests {
    private static let takeOver = "took over from an earlier office"

    private func count(_ text: String, in log: String) -> Int {
        log.split(separator: "\n").count { $0.contains(text) }
    }

    @Test func `at SIGUSR1 the office ends, the lane serves on, and the next office has it`() async throws {
        let office = RunningOffice()
        var process = try await office.startServing()
        var before = try office.visit()
        for round in 1...2 {
            kill(process, SIGUSR1)
            #expect(try await office.exitCode(of: process) == 0)
            // Nobody is there, and everybody is served.
            for _ in 0..<20 { #expect(try office.visit() == before) }
            #expect(office.number(in: "lane.lock") == before.lane)
            #expect(office.read("\(office.state)/history.bin").hasPrefix("seen"))
            #expect(!office.read("\(office.state)/record.remainder.json").isEmpty)
            process = try office.start()
            try await office.wait("the take-over") { count(Self.takeOver, in: office.log) == round }
            try await office.wait("its snapshot") { (try? office.visit()) != before }
            let after = try office.visit()
            #expect(after.lane == before.lane && after.generation == before.generation + 1)
            try await office.wait("the register") { office.read("\(office.state)/record.remainder.json").isEmpty }
            before = after
        }
        #expect(!office.log.contains("the lane drains") && count("the lane was started", in: office.log) == 1)
        // The last office has what the first one had: the listeners, and the lane to look after.
        kill(before.lane, SIGKILL)
        let after = try office.visit()
        #expect(after.lane != before.lane)
        kill(process, SIGTERM)
        #expect(try await office.exitCode(of: process) == 0)
        #expect(kill(after.lane, 0) != 0)
    }

    @Test func `several lanes are left, all or none`() async throws {
        let office = RunningOffice()
        office.configureTwo()
        let process = try office.start()
        try await office.wait("both lanes in force") { count("\"message\":\"in force\"", in: office.log) == 2 }
        let lanes = [try office.visit().lane, try office.visit(office.second).lane]
        kill(process, SIGUSR1)
        #expect(try await office.exitCode(of: process) == 0)
        #expect([try office.visit().lane, try office.visit(office.second).lane] == lanes)
        let next = try office.start()
        try await office.wait("the take-over") { count(Self.takeOver, in: office.log) == 2 }
        // One that has not said yet by what it serves is waited for.
        kill(lanes[0], SIGSTOP)
        office.configureTwo(instance: "second")
        kill(next, SIGHUP)
        try await office.wait("the other lane's word") { (try? office.visit(office.second).instance) == "second" }
        kill(next, SIGUSR1)
        try await Task.sleep(for: .seconds(1))
        #expect(waitpid(next, nil, WNOHANG) == 0)
        kill(lanes[0], SIGCONT)
        #expect(try await office.exitCode(of: next) == 0)
        let left = try office.visit()
        #expect(left.instance == "second" && left.lane == lanes[0])
    }

    @Test func `an office without a lane that serves goes on, and says so`() async throws {
        let office = RunningOffice()
        let process = try office.start(gateway: "/bin/false")
        try await office.wait("a dead lane") { office.log.contains("the lane ended") }
        kill(process, SIGUSR1)
        try await office.wait("its word") { office.log.contains("this office goes on") }
        #expect(waitpid(process, nil, WNOHANG) == 0)
        kill(process, SIGTERM)
        #expect(try await office.exitCode(of: process) == 0)
    }
}
