import GRDB
import Glibc
import Incidents
import Register
import TestKit
import Testing

struct TamperTests {
    private let folder: TemporaryFolder
    private let everything: Everything

    init() async throws {
        folder = try TemporaryFolder()
        let records = try await folder.open()
        try await fill(records)
        everything = try await Everything(records)
        try records.close()
    }

    /// Does it without the key, as someone who can write the file.
    private func change(_ sql: String, in name: String = "register") throws {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: folder.path(name), configuration: configuration)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }

    struct Table: CustomTestStringConvertible, Sendable {
        var name: String
        var change: String
        var columns: String
        var added: String
        var testDescription: String { name }
    }

    static let tables = [
        Table(
            name: "incident", change: "organisation = 'x'", columns: "number, year, n, organisation, opened",
            added: "'2026-99', 2026, 99, 'x', 0"),
        Table(
            name: "attack", change: "judgement = replace(judgement, 'fended-off', 'down')",
            columns: "incident, organisation, service, site, start, finish, open, form, judgement",
            added: "1, 'x', 'public', 'x', 0, 0, 0, '{}', '{}'"),
        Table(name: "sealed", change: "box = zeroblob(60)", columns: "id, finish, box", added: "88, 0, zeroblob(60)"),
        Table(
            name: "post", change: "form = replace(form, 'bericht', 'gelogen')", columns: "incident, at, form",
            added: "1, 0, '{}'"),
        Table(name: "claim", change: "at = at + 1", columns: "incident, at, form", added: "1, 0, '{}'"),
        Table(name: "evidence", change: "form = '{}'", columns: "incident, at, form", added: "1, 0, '{}'"),
        Table(name: "sharing", change: "incident = NULL", columns: "incident, at, form", added: "NULL, 0, '{}'"),
        Table(
            name: "mitigation", change: "until = NULL", columns: "incident, scope, since, form",
            added: "1, 'x', 0, '{}'"),
        Table(
            name: "fingerprint", change: "dry = 0", columns: "name, form, origin, imported, dry, filed",
            added: "'x', zeroblob(2), 'x', 0, 0, 0"),
        Table(
            name: "day", change: "down = 0", columns: "site, day, worst, down, known, requests",
            added: "'x', 1, 'up', 0, 1, 1"),
        Table(
            name: "account", change: "role = 'operator'", columns: "name, role, password",
            added: "'eve', 'operator', 'x'"),
    ]

    @Test(arguments: tables)
    func `refuses a changed, a deleted and an added row, and names it`(table: Table) async throws {
        let ways = [
            ("UPDATE \(table.name) SET \(table.change) WHERE id = 1", "row 1 of table \(table.name) was changed"),
            ("DELETE FROM \(table.name) WHERE id = 1", "row 1 of table \(table.name) was deleted"),
            (
                "INSERT INTO \(table.name) (\(table.columns)) VALUES (\(table.added))",
                "of table \(table.name) was added"
            ),
        ]
        for (number, way) in ways.enumerated() {
            try folder.copy("register", to: "copy\(number)")
            try change(way.0, in: "copy\(number)")
            let error = try await folder.refusal("copy\(number)")
            #expect(error.code == .tampered)
            #expect(error.reason.contains(way.1), "\(error.reason)")
        }
    }

    @Test(arguments: [
        ("DELETE FROM chain WHERE seq = 5", "entry 5 of the chain is gone"),
        ("UPDATE chain SET actor = 'bert' WHERE seq = 5", "entry 5 of the chain"),
        ("UPDATE chain SET at = at + 1 WHERE tbl = ''", "of the chain does not fit"),
        ("UPDATE chain SET digest = zeroblob(32) WHERE seq = 7", "entry 7 of the chain"),
        ("UPDATE chain SET object = 'x', hash = zeroblob(32) WHERE seq = 7", "entry 7 of the chain"),
        ("DELETE FROM chain WHERE seq = (SELECT max(seq) FROM chain)", "the youngest were cut off"),
        (
            "DELETE FROM account; DELETE FROM chain WHERE seq >= (SELECT seq FROM chain WHERE tbl = 'account')",
            "the youngest were cut off"
        ),
        ("CREATE TRIGGER liar AFTER INSERT ON post BEGIN DELETE FROM post; END", "'liar' was added"),
        ("CREATE TABLE extra (x)", "'extra' was added"),
        ("DROP INDEX attack_open", "'attack_open' is gone"),
        ("ALTER TABLE session ADD COLUMN x TEXT", "'session' has another shape"),
    ])
    func `refuses a changed chain and a changed shape`(sql: String, reason: String) async throws {
        try change(sql)
        let error = try await folder.refusal()
        #expect(error.code == .tampered)
        #expect(error.reason.contains(reason), "\(error.reason)")
    }

    @Test func `takes a head that lags behind and brings it up to date`() async throws {
        let old = try folder.read("register.head")
        let records = try await folder.open()
        try await records.note(actor: "anna", action: "look", object: "around", at: noon)
        try records.close()
        let young = try folder.read("register.head")
        #expect(old != young)
        try folder.write(old, to: "register.head")
        try await folder.open().close()
        #expect(try folder.read("register.head") == young)
    }

    @Test func `refuses a head of another chain`() async throws {
        let records = try await folder.open("other")
        try await records.note(actor: "anna", action: "look", object: "around", at: noon)
        try records.close()
        try folder.write(try folder.read("other.head"), to: "register.head")
        let error = try await folder.refusal()
        #expect(error.code == .tampered)
        #expect(error.reason.contains("register.head"))
    }

    @Test func `a flipped byte in the file is refused, or changes nothing`() async throws {
        var random = Seeded(2)
        var refused = 0
        for _ in 0..<150 {
            try folder.copy("register", to: "flipped")
            try folder.flip("flipped", using: &random)
            refused += try await isRefused("flipped") ? 1 : 0
        }
        #expect(refused > 5)
    }

    @Test func `a flipped byte in the log is refused, or changes nothing`() async throws {
        let records = try await folder.open("open")
        try await fill(records)
        var random = Seeded(3)
        var refused = 0
        for _ in 0..<60 {
            try folder.copy("open", to: "flipped")
            try folder.flip("flipped-wal", using: &random)
            refused += try await isRefused("flipped") ? 1 : 0
        }
        #expect(refused > 5)
    }

    private func isRefused(_ name: String) async throws -> Bool {
        defer {
            unlink(folder.path(name + "-wal"))
            unlink(folder.path(name + "-shm"))
        }
        do {
            let records = try await folder.open(name)
            let found = try await Everything(records)
            #expect(found == everything)
            // Measurements may have changed unseen; they are read, or refused, without a crash.
            _ = try? await records.points(site: "www", in: all)
            try records.close()
            return false
        } catch let error as RegisterError {
            #expect(
                [.torn, .tampered, .notARegister, .newer, .key, .failed, .missing, .unreadable].contains(error.code))
            #expect(!error.reason.isEmpty)
            return true
        }
    }
}
