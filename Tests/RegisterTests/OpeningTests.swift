import GRDB
import Glibc
import Incidents
import Register
import TestKit
import Testing

struct OpeningTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func make() async throws -> Everything {
        let records = try await folder.open()
        try await fill(records)
        let everything = try await Everything(records)
        try records.close()
        return everything
    }

    @Test func `finds everything again`() async throws {
        let before = try await make()
        let records = try await folder.open()
        #expect(try await Everything(records) == before)
        #expect(before.incidents.count == 7)
    }

    @Test func `refuses a key that is not the register's`() async throws {
        _ = try await make()
        #expect(try await folder.refusal(key: .init(repeating: 9, count: 32)).code == .key)
        #expect(try await folder.refusal(key: [1, 2, 3]).code == .key)
    }

    @Test func `refuses what is no register and says so`() async throws {
        try folder.write(
            "just a text, longer than the header of a database file, so that it is read as one\n", to: "text")
        #expect(try await folder.refusal("text").code == .notARegister)
        try folder.write([], to: "empty")
        #expect(try await folder.refusal("empty").code == .torn)
        mkdir(folder.path("folder"), 0o700)
        #expect(try await folder.refusal("folder").code == .notARegister)
        let other = try DatabaseQueue(path: folder.path("other"))
        try await other.write { try $0.execute(sql: "CREATE TABLE t (x)") }
        try other.close()
        #expect(try await folder.refusal("other").code == .notARegister)
        #expect(try await folder.refusal("no/such/folder").code == .failed)
        for name in ["text", "empty", "folder", "other"] {
            #expect(try await folder.refusal(name).reason.contains(folder.path(name)))
        }
        // A refusal changes nothing.
        #expect(try folder.read("empty") == [])
    }

    @Test func `refuses a file cut anywhere`() async throws {
        let before = try await make()
        let whole = try folder.read("register")
        var random = Seeded(1)
        for _ in 0..<40 {
            try folder.copy("register", to: "cut")
            try folder.write(Array(whole.prefix(Int.random(in: 0..<whole.count, using: &random))), to: "cut")
            #expect([.torn, .notARegister, .tampered, .failed].contains(try await folder.refusal("cut").code))
            unlink(folder.path("cut-wal"))
            unlink(folder.path("cut-shm"))
        }
        let records = try await folder.open()
        #expect(try await Everything(records) == before)
    }

    @Test func `refuses a register whose file is gone, or whose head is`() async throws {
        _ = try await make()
        try folder.copy("register", to: "one")
        unlink(folder.path("one"))
        let gone = try await folder.refusal("one")
        #expect(gone.code == .missing && gone.reason.contains("restore"))
        try folder.copy("register", to: "two")
        unlink(folder.path("two.head"))
        #expect(try await folder.refusal("two").code == .missing)
        try folder.write("wasstraat register head 1\nmany 00\n", to: "two.head")
        #expect(try await folder.refusal("two").code == .torn)
    }

    @Test func `refuses one that a newer version made`() async throws {
        _ = try await make()
        let queue = try DatabaseQueue(path: folder.path("register"))
        try await queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 3") }
        try queue.close()
        let error = try await folder.refusal()
        #expect(error.code == .newer)
        #expect(error.reason.contains("newer version (3)"))
    }

    @Test func `brings one that an older version made to its own form, with all that is in it`() async throws {
        let before = try await make()
        // As version 1 made it.
        let queue = try DatabaseQueue(path: folder.path("register"))
        try await queue.write { db in
            try db.execute(sql: "ALTER TABLE account DROP COLUMN factor")
            try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = '2'")
            try db.execute(sql: "PRAGMA user_version = 1")
        }
        try queue.close()
        // Two programs that come at once.
        async let first = folder.open()
        async let second = folder.open()
        for records in try await [first, second] { try records.close() }
        for _ in 0..<2 {
            let records = try await folder.open()
            #expect(try await Everything(records) == before)
            var one = try #require(before.accounts.first)
            one.factor = Array(1...20)
            try await records.keep(one)
            #expect(try await records.account(name: one.name) == one)
            one.factor = nil
            try await records.keep(one)
            try records.close()
        }
        let again = try DatabaseQueue(path: folder.path("register"))
        let sql = "SELECT action || ' ' || object FROM chain WHERE tbl = 'register' ORDER BY seq"
        let entries = try await again.read { try String.fetchAll($0, sql: sql) }
        #expect(entries == ["make version 1", "upgrade version 2", "upgrade version 2"])
        try await again.write { try $0.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = '2'") }
        try again.close()
        #expect(try await folder.refusal().code == .tampered)
    }

    @Test(.needsRoot, .needs(tool: "setpriv"))
    func `tells a user who may not read it, and ends`() async throws {
        _ = try await make()
        chmod(folder.path, 0o755)
        try folder.write(try Self.writer(), to: "writer", mode: 0o755)
        let error = #expect(throws: TestKitError.self) {
            try Tool.run([
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", folder.path("writer"),
                folder.path("register"),
            ])
        }
        guard case .tool(_, 1, let output) = try #require(error) else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(output.contains("refused: \(folder.path("register")) may not be read"))
    }

    /// The built program, as bytes: another user may not reach the folder that it lies in.
    private static func writer() throws -> [UInt8] {
        let folder = Programs.folder
        let file = open(folder + "/RegisterWriter", O_RDONLY)
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while case let count = read(file, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
        try #require(!bytes.isEmpty)
        return bytes
    }
}

enum Programs {
    /// Where the built programs lie: beside the test's own.
    static let folder: String = {
        var path = [UInt8](repeating: 0, count: 4_096)
        let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: path.prefix(max(0, count)), as: UTF8.self)
        return String(own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex))
    }()
}
