import Glibc
import Testing

/// A new lane takes the place of one that serves, and no visitor is turned away over it.
@Suite(.serialized) struct SuccessionTests {
    /// Visits until another lane answers; each of them must be answered by one of the two.
    private func visit(_ office: RunningOffice, until isOver: (pid_t) -> Bool) throws -> pid_t {
        for _ in 0..<4_000 {
            let lane = try office.visit().lane
            if isOver(lane) { return lane }
            usleep(2_000)
        }
        Issue.record("waited in vain for another lane\n\(office.log)")
        throw CancellationError()
    }

    @Test func `at SIGUSR2 another lane serves, and the former one ends`() async throws {
        let office = RunningOffice()
        let process = try await office.startServing()
        var lanes = [try office.visit().lane]
        for _ in 0..<3 {
            kill(process, SIGUSR2)
            lanes.append(try visit(office) { !lanes.contains($0) })
            let next = lanes.last
            try await office.wait("the end of the former lane") { kill(lanes[lanes.count - 2], 0) != 0 }
            #expect(office.number(in: "lane.lock") == next)
            for _ in 0..<10 { #expect(try office.visit().lane == next) }
        }
        #expect(Set(lanes).count == 4)
        // That was no death.
        #expect(!office.log.contains("\"restarts\":\"1\""))
        #expect(try office.visit().generation == 1)

        // The office looks after the last one as after the first.
        office.configure(instance: "second")
        kill(process, SIGHUP)
        try await office.wait("the new configuration") { (try? office.visit().instance) == "second" }
        kill(try office.visit().lane, SIGKILL)
        #expect(!lanes.contains(try office.visit().lane))
        kill(process, SIGTERM)
        #expect(try await office.exitCode(of: process) == 0)
        #expect(office.read("\(office.state)/history.bin").hasPrefix("seen"))
    }

    @Test func `a new office finds the lane that serves, whoever was before it`() async throws {
        let office = RunningOffice()
        let first = try await office.startServing()
        let before = try office.visit().lane
        kill(first, SIGUSR2)
        let lane = try visit(office) { $0 != before }
        kill(first, SIGKILL)
        _ = try await office.exitCode(of: first)
        let second = try office.start()
        try await office.wait("the take-over") { office.log.contains("took over from an earlier office") }
        #expect(try office.visit().lane == lane)
        // And that one is followed too, though another office started it.
        kill(second, SIGUSR2)
        #expect(try visit(office) { $0 != lane } != before)
        try await office.wait("the end of the former lane") {
            office.log.contains("the lane that was followed has ended")
        }
    }

    /// What is left where an office dies while a successor loads: a lane that nobody knows, and that has not got the lock.
    @Test func `a lane that is not the one with the lock is told to finish`() async throws {
        let office = RunningOffice()
        _ = try await office.startServing()
        let lane = try office.visit().lane
        let other = RunningOffice.spawn(
            "exec \(RunningOffice.programs)/FakeLane --control \(office.state)/office.sock --name lane")
        try #require(other > 0)
        #expect(try await office.exitCode(of: other) == 0)
        #expect(try office.visit().lane == lane)
        #expect(office.log.contains("a lane is told to finish"))
    }

    @Test func `a lane that does not finish is ended`() async throws {
        let office = RunningOffice()
        office.configure(instance: "deaf")
        let process = try await office.startServing()
        kill(process, SIGUSR2)
        try await office.wait("the end") { office.log.contains("a lane does not finish; it is ended") }
        try await office.wait("its end") { office.log.contains("the lane that was followed has ended") }
        #expect(try office.visit().lane == office.number(in: "lane.lock"))
    }

    /// What a faulty update brings: a program that ends at once, one that says nothing, and none.
    @Test(arguments: ["/bin/false", ""]) func `where the new program does not serve, the former lane goes on`(
        program: String
    ) async throws {
        let office = RunningOffice()
        let gateway = "\(office.folder)/gateway"
        symlink("\(RunningOffice.programs)/FakeLane", gateway)
        let process = try office.start(gateway: gateway)
        try await office.wait("a lane in force") { office.log.contains("\"message\":\"in force\"") }
        let before = try office.visit()
        unlink(gateway)
        if !program.isEmpty { symlink(program, gateway) }
        kill(process, SIGUSR2)
        let complaint = program.isEmpty ? "no lane could be started to follow" : "the former one goes on"
        try await office.wait("the complaint") { office.log.contains(complaint) }
        #expect(try office.visit() == before)

        unlink(gateway)
        symlink("\(RunningOffice.programs)/FakeLane", gateway)
        try await office.wait("another lane") {
            kill(process, SIGUSR2)
            return (try? office.visit().lane) != before.lane
        }
    }
}
