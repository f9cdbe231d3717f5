import Detection
import GRDB
import Glibc
import Incidents
import Moments
import Register
import TestKit
import Testing

struct SealedPartTests {
    private let folder: TemporaryFolder
    private let records: SQLiteRecords
    private let networks = ["203.0.113.0/24", "2001:db8:77::/48"]

    init() async throws {
        folder = try TemporaryFolder()
        records = try await folder.open()
    }

    private func file(_ attack: DetectedAttack) async throws -> Int64 {
        try await records.file(attack, organisation: "gemeente", service: .publicService, judgement: judgement()).id
    }

    @Test func `no file holds a source network in the clear`() async throws {
        _ = try await file(attack(networks: networks))
        try await records.backup(to: folder.path("copy"))
        // While it is open the rows lie in the log; closed, in the file.
        var files = ["register", "register-wal", "register.head", "copy", "copy.head"].map {
            (try? folder.read($0)) ?? []
        }
        #expect(files.allSatisfy { !$0.isEmpty })
        try records.close()
        files.append(try folder.read("register"))
        for bytes in files {
            let text = String(decoding: bytes, as: Unicode.ASCII.self)
            for part in ["203.0.113", "2001:db8:77"] { #expect(!text.contains(part)) }
        }
        // The search finds what is there.
        #expect(files.contains { String(decoding: $0, as: Unicode.ASCII.self).contains("/zoek?q") })
    }

    @Test func `no file holds an account's second factor in the clear, and who changes it is found`() async throws {
        let factor = Array("second-factor-of-20b".utf8)
        for (name, factor) in [("anna", factor), ("bert", nil)] {
            var one = account(name)
            one.factor = factor
            try await records.keep(one)
        }
        // Closed once: what stays as it was is no change.
        var anna = account("anna")
        anna.factor = factor
        try await records.keep(anna)
        try records.close()
        let text = String(decoding: try folder.read("register"), as: Unicode.ASCII.self)
        #expect(text.contains("anna") && !text.contains("second-factor"))
        let queue = try DatabaseQueue(path: folder.path("register"))
        let sql = "SELECT count(*) FROM chain WHERE tbl = 'account'"
        #expect(try await queue.read { try Int.fetchOne($0, sql: sql) } == 2)
        try await queue.write {
            try $0.execute(
                sql: "UPDATE account SET factor = (SELECT factor FROM account WHERE name = 'anna') WHERE name = 'bert'")
        }
        try queue.close()
        #expect(try await folder.refusal().code == .tampered)
    }

    @Test func `opening it is noted first, with the reason`() async throws {
        let id = try await file(attack(networks: networks))
        #expect(
            try await records.unseal(attack: id, reason: "aangifte", by: "anna")
                == networks.map { DetectedAttack.Counted($0, 77) })
        let note = try #require(try await records.notes(in: all, limit: 1).first)
        #expect((note.actor, note.action, note.object) == ("anna", "unseal", "attack \(id): aangifte"))
        for (attack, reason) in [(id, " "), (id, String(repeating: "x", count: 1_001)), (99, "aangifte")] {
            await #expect(throws: RegisterError.self) {
                try await records.unseal(attack: attack, reason: reason, by: "anna")
            }
        }
        #expect(try await records.notes(in: all, limit: 9).count == 1)
    }

    @Test func `filing again without networks keeps them, with others replaces them`() async throws {
        let id = try await file(attack(networks: networks))
        _ = try await file(attack())
        #expect(try await records.unseal(attack: id, reason: "r", by: "a").count == 2)
        _ = try await file(attack(networks: ["192.0.2.0/24"]))
        #expect(try await records.unseal(attack: id, reason: "r", by: "a").map(\.name) == ["192.0.2.0/24"])
    }

    @Test func `every file is for its owner alone`() async throws {
        _ = try await file(attack(networks: networks))
        try await records.backup(to: folder.path("copy"))
        for name in ["register", "register-wal", "register-shm", "register.head", "copy", "copy.head"] {
            var status = stat()
            #expect(stat(folder.path(name), &status) == 0, "\(name)")
            #expect(status.st_mode & 0o777 == 0o600, "\(name)")
        }
    }

    @Test func `expires samples, points and sources, and stays verifiable`() async throws {
        let old = try await file(attack("www", from: 0, to: 600, networks: networks))
        let young = try await file(attack("www", from: 9_000, to: 9_600, networks: networks))
        for site in ["www", "mail"] {
            for second in 0..<100 {
                let at = noon + Double(second)
                try await records.add([
                    Sample(
                        site: site, vantage: "v", network: "n", path: .lane, at: at, result: .success, firstByte: nil),
                    Sample(
                        site: site, vantage: "v", network: "n", path: .origin, at: at, result: .failed, firstByte: nil),
                ])
                try await records.add([
                    SitePoint(
                        site: site, at: at, span: 1, requests: 1, admitted: 1, queued: 0, refused: 0, failed: 0,
                        median: nil, p95: nil)
                ])
            }
        }
        try await records.keep(Session(key: "past", account: "anna", expires: noon))
        try await records.keep(Session(key: "future", account: "anna", expires: SQLiteRecords.now() + 3_600))
        let expired = try await records.expire(
            samplesBefore: noon + 30, pointsBefore: noon + 50, sealedBefore: noon + 1_000)
        #expect((expired.samples, expired.points, expired.sealed, expired.sessions) == (120, 100, 1, 1))
        #expect(try await records.samples(site: "mail", path: .origin, in: all).first?.at == noon + 30)
        #expect(try await records.points(site: "www", in: all).first?.at == noon + 50)
        #expect(try await records.session(key: "future") != nil)
        try records.close()
        let again = try await folder.open()
        #expect(try await again.unseal(attack: old, reason: "r", by: "a") == [])
        #expect(try await again.unseal(attack: young, reason: "r", by: "a").count == 2)
    }
}
