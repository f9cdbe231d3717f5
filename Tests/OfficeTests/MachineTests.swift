import Addresses
import Glibc
import Messages
import Telemetry
import Testing
import wasstraat

struct LaneSupervisionTests {
    @Test func `starts a lane at once, again at once, and then waits longer each time`() {
        var supervision = LaneSupervision(isLaneAlive: false, at: 0)
        var now: Int64 = 0
        var delays: [Int64] = []
        for process in 1...10 {
            let asked = now
            while supervision.tick(at: now) != .start { now += 10 }
            delays.append(now - asked)
            supervision.started(pid_t(process), at: now)
            now += 100
            supervision.gone(at: now)
        }
        #expect(delays == [0, 0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
        #expect(supervision.restarts == 9)
    }

    @Test func `forgets early deaths once a lane has lived`() {
        var supervision = LaneSupervision(isLaneAlive: false, at: 0)
        for process in 1...4 {
            supervision.started(pid_t(process), at: 0)
            supervision.gone(at: 1)
        }
        supervision.started(5, at: 1_000)
        supervision.connected(5, at: 1_010)
        supervision.disconnected(at: 12_000)
        supervision.gone(at: 12_000)
        #expect(supervision.tick(at: 12_000) == .start)
    }

    @Test func `looks after a lane that lost its connection, without starting another`() {
        var supervision = LaneSupervision(isLaneAlive: false, at: 0)
        supervision.started(7, at: 0)
        supervision.connected(7, at: 10)
        #expect(supervision.tick(at: 20) == nil)
        supervision.disconnected(at: 1_000)
        #expect(supervision.tick(at: 1_000) == .probe)
        #expect(supervision.tick(at: 1_010) == nil)
        #expect(supervision.tick(at: 1_050) == .probe)
        supervision.connected(7, at: 1_250)
        #expect(supervision.isServing)
        #expect(supervision.restarts == 0)
    }

    @Test func `ends a lane that never reports`() {
        var supervision = LaneSupervision(isLaneAlive: false, at: 0)
        supervision.started(7, at: 0)
        #expect(supervision.tick(at: 9_999) == .probe)
        #expect(supervision.tick(at: 10_000) == .kill(7))
        #expect(supervision.tick(at: 10_050) == .probe)
    }

    @Test func `gives up a silent lane of an earlier office`() {
        var supervision = LaneSupervision(isLaneAlive: true, at: 0)
        #expect(supervision.tick(at: 4_999) == .probe)
        #expect(supervision.tick(at: 5_000) == .giveUp)
    }

    @Test func `drains, and ends what does not`() {
        var supervision = LaneSupervision(isLaneAlive: true, at: 0)
        supervision.connected(7, at: 100)
        #expect(supervision.stop(limit: 2_000, at: 1_000) == .drain)
        #expect(supervision.stop(limit: 2_000, at: 1_100) == nil)
        #expect(supervision.tick(at: 2_999) == .probe)
        #expect(supervision.tick(at: 3_000) == .kill(7))
        supervision.gone(at: 3_010)
        #expect(supervision.phase == .ended)
    }

    @Test func `has nothing to drain where there is no lane`() {
        var supervision = LaneSupervision(isLaneAlive: false, at: 0)
        #expect(supervision.stop(limit: 2_000, at: 1_000) == nil)
        #expect(supervision.phase == .ended)
    }
}

struct LaneSuccessionTests {
    @Test func `has the former lane finish once the successor serves`() {
        var succession = LaneSuccession()
        succession.began(8, at: 0)
        #expect(!succession.mayBegin)
        succession.reported(following: 7)
        #expect(succession.serves(limit: 2_000, at: 100) == 7)
        #expect(succession.leaving == [7])
        #expect(succession.mayBegin)
        #expect(succession.tick(at: 2_099) == [])
        #expect(succession.tick(at: 2_100) == [.kill(7)])
        #expect(succession.tick(at: 2_200) == [])
        #expect(succession.tick(at: 3_100) == [.kill(7)])
        succession.gone(7)
        #expect(!succession.isBusy)
    }

    @Test func `gives up a successor that does not come to serve`() {
        var succession = LaneSuccession()
        succession.began(8, at: 0)
        #expect(succession.serves(limit: 2_000, at: 10) == nil)
        #expect(succession.tick(at: LaneSuccession.timeLimit - 1) == [])
        #expect(succession.tick(at: LaneSuccession.timeLimit) == [.giveUp])
        succession.gaveUp(at: LaneSuccession.timeLimit)
        #expect(succession.successor == nil)
        #expect(succession.leaving == [8])
        succession.gone(8)
        #expect(!succession.isBusy)
    }

    @Test func `lets no more than a few finish at once`() {
        var succession = LaneSuccession()
        for process in 1...4 {
            #expect(succession.mayBegin)
            succession.began(pid_t(process + 1), at: 0)
            succession.reported(following: pid_t(process))
            #expect(succession.serves(limit: 30_000, at: 10) == pid_t(process))
        }
        #expect(!succession.mayBegin)
        succession.gone(2)
        #expect(succession.mayBegin)
    }
}

struct SnapshotLedgerTests {
    private func configuration(_ instance: String) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.instance = instance
        return snapshot
    }

    @Test func `falls back on what was confirmed`() {
        var ledger = SnapshotLedger(generation: 1)
        ledger.offered(configuration("good"), at: 0)
        #expect(ledger.inForce(1) == true)
        ledger.count()
        ledger.offered(configuration("bad"), at: 1_000)
        #expect(ledger.refusal(at: 10_999) == nil)
        let refusal = ledger.refusal(at: 11_000)
        #expect(refusal?.generation == 2)
        #expect(refusal?.fallback?.instance == "good")
        // A fallback that is not confirmed either leads nowhere else.
        ledger.count()
        ledger.offered(configuration("good"), isFallback: true, at: 11_000)
        #expect(ledger.refusal(at: 30_000)?.fallback == nil)
        #expect(ledger.refusal(at: 40_000) == nil)
    }

    @Test func `hears a late confirmation of another generation without being misled`() {
        var ledger = SnapshotLedger(generation: 5)
        ledger.offered(configuration("a"), at: 0)
        #expect(ledger.inForce(4) == false)
        #expect(ledger.inForce(5) == true)
        #expect(ledger.inForce(5) == false)
    }

    @Test func `counts on from a lane that is ahead`() {
        var ledger = SnapshotLedger(generation: 3)
        ledger.saw(7)
        #expect(ledger.generation == 8)
        ledger.saw(2)
        #expect(ledger.generation == 8)
    }
}

struct StoredSecretsTests {
    private let noon = UTCTime(seconds: 20_000 * 86_400 + 43_200)

    @Test func `keeps three ticket keys, the newest first`() {
        var secrets = StoredSecrets(at: noon)
        var seen = [secrets.ticketKeys[0].key]
        for turn in 1...4 {
            #expect(secrets.renew(at: UTCTime(seconds: noon.seconds + Int64(turn) * 8 * 3_600)) == true)
            seen.insert(secrets.ticketKeys[0].key, at: 0)
            #expect(secrets.secrets.ticketKeys == Array(seen.prefix(3)))
        }
        #expect(Set(seen).count == 5)
    }

    @Test func `makes other pseudonyms on another day and nothing else`() {
        var secrets = StoredSecrets(at: UTCTime(seconds: 20_000 * 86_400 + 86_000))
        let before = secrets
        #expect(secrets.renew(at: UTCTime(seconds: 20_000 * 86_400 + 86_399)) == false)
        #expect(secrets.renew(at: UTCTime(seconds: 20_001 * 86_400)) == true)
        #expect(secrets.pseudonymKey != before.pseudonymKey)
        #expect(secrets.historyKey == before.historyKey)
        #expect(secrets.cookieKeys == before.cookieKeys)
        #expect(secrets.ticketKeys == before.ticketKeys)
    }

    @Test func `another cookie key each week, and the one before it for as long as its cookies last`() {
        var secrets = StoredSecrets(at: noon)
        let first = secrets.secrets.cookieKeys
        #expect(first.map(\.count) == [32])
        for day in 1..<7 { _ = secrets.renew(at: UTCTime(seconds: noon.seconds + Int64(day) * 86_400)) }
        #expect(secrets.secrets.cookieKeys == first)
        #expect(secrets.renew(at: UTCTime(seconds: noon.seconds + 7 * 86_400)) == true)
        let second = secrets.secrets.cookieKeys
        #expect(second.count == 2 && second[0] != first[0] && second[1] == first[0])
        #expect(secrets.renew(at: UTCTime(seconds: noon.seconds + 14 * 86_400)) == true)
        #expect(secrets.secrets.cookieKeys.count == 2 && secrets.secrets.cookieKeys[1] == second[0])
    }

    @Test func `reads the file of the version before, whose cookie key goes on to be accepted`() throws {
        func blob(_ count: Int, _ byte: UInt8) -> [UInt8] {
            [0, 0, 0, UInt8(count)] + [UInt8](repeating: byte, count: count)
        }
        let day = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(20_000) >> UInt64(56 - 8 * $0)) }
        let made = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(noon.seconds) >> UInt64(56 - 8 * $0)) }
        let file = [0, 1] + blob(16, 1) + blob(32, 2) + day + blob(16, 3) + [0, 0, 0, 1] + made + blob(48, 4)
        var secrets = try StoredSecrets(decoding: file.span.bytes)
        #expect(secrets.secrets.cookieKeys == [[UInt8](repeating: 2, count: 32)])
        #expect(secrets.renew(at: noon) == true)
        #expect(secrets.secrets.cookieKeys.count == 2)
        #expect(secrets.secrets.cookieKeys[1] == [UInt8](repeating: 2, count: 32))
    }

    @Test func `reads what it wrote, and refuses what is cut off`() throws {
        var secrets = StoredSecrets(at: noon)
        _ = secrets.renew(at: UTCTime(seconds: noon.seconds + 7 * 86_400))
        let bytes = secrets.encoded()
        // A span may not travel through the macro.
        func read(_ part: ArraySlice<UInt8>) -> StoredSecrets? { try? StoredSecrets(decoding: part.span.bytes) }
        #expect(read(bytes[...]) == secrets)
        for length in 0..<bytes.count { #expect(read(bytes[..<length]) == nil) }
    }
}

struct AccessLogTests {
    private let folder: StateFolder

    init() throws {
        var template = Array("/tmp/wst-log-XXXXXX".utf8CString)
        folder = StateFolder(
            path: template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) })
    }

    private func touch(_ name: String, _ text: String = "x") {
        _ = RunningOffice.shell("printf %s '\(text)' >\(folder.file(name))")
    }
    private let day = UTCTime.day(ofDate: "2025-03-01")!

    @Test func `puts a finished day away under its date`() throws {
        defer { _ = RunningOffice.shell("rm -rf \(folder.path)") }
        var log = try AccessLog(in: folder, at: UTCTime(seconds: day * 86_400 + 86_399))
        #expect(try log.rotate(at: UTCTime(seconds: day * 86_400 + 86_399)) == false)
        touch("access.log", "first")
        #expect(try log.rotate(at: UTCTime(seconds: (day + 1) * 86_400)) == true)
        #expect(folder.read("access-2025-03-01.log", limit: 100) == Array("first".utf8))
        #expect(folder.read("access.log", limit: 100) == [])
        // The clock goes back, and the day ends again.
        #expect(try log.rotate(at: UTCTime(seconds: day * 86_400)) == false)
        var again = try AccessLog(in: folder, at: UTCTime(seconds: day * 86_400))
        touch("access.log", "second")
        #expect(try again.rotate(at: UTCTime(seconds: (day + 1) * 86_400)) == true)
        #expect(folder.read("access-2025-03-01-2.log", limit: 100) == Array("second".utf8))
    }

    @Test func `deletes days after their retention, and nothing else`() throws {
        defer { _ = RunningOffice.shell("rm -rf \(folder.path)") }
        let old = ["access-2025-02-20.log", "access-2025-02-21-2.log"]
        let kept = ["access-2025-02-22.log", "access-2025-02-30.log", "access-2025-02-20.log.gz", "notes.txt"]
        for name in old + kept { touch(name) }
        let log = try AccessLog(in: folder, at: UTCTime(seconds: day * 86_400))
        #expect(log.expire(keeping: 7, at: UTCTime(seconds: day * 86_400)) == old)
        #expect(Set(folder.names()).isSuperset(of: kept + ["access.log"]))
    }
}
