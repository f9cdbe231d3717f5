internal import FoundationEssentials
internal import GRDB
internal import Incidents
package import Moments

/// The register in one SQLite file: WAL, synchronous FULL, mode 0600, with a signed chain over every record and a head
/// file beside it (`PATH.head`).
///
/// What a thief of the file can read: all but the sealed part. What someone can change without the key: nothing that the
/// next opening does not see, but for measurements, learnt profiles and sessions, which the chain does not cover, and but
/// for putting back an older state of both files.
package final class SQLiteRecords: Records {
    let path: String
    let pool: DatabasePool
    let seal: Seal
    let head: HeadFile
    let clock: @Sendable () -> Moment

    /// Opens a register, or makes one where there is none; verifies all of it first.
    ///
    /// - Parameter key: 32 bytes; whoever has them can read the sealed part and forge the chain.
    /// - Parameter clock: when an entry of the chain is made.
    /// - Throws: `RegisterError`, with a reason that names the file, and the table and row where one is to blame.
    package init(path: String, key: [UInt8], clock: @escaping @Sendable () -> Moment = SQLiteRecords.now) async throws {
        let seal = try Seal(key: key)
        self.path = path
        self.seal = seal
        self.clock = clock
        head = HeadFile(register: path)
        do {
            let known = try Self.approach(path, seal: seal)
            if known.seq < 0 { try Self.tellWithoutHead(path, seal: seal, known) }
            pool = try DatabasePool(path: path, configuration: Self.configuration)
            let tip = try await pool.read { db in
                try Self.verify(db, path: path, seal: seal, head: known)
            }
            // GRDB sets NORMAL, with which the last commits can be lost when the machine stops.
            try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            if let tip, known.seq < tip.seq { head.follow(tip) }
            let now = clock()
            let migrator = Schema.migrator { try Ledger($0, seal: seal, now: now).begin(version: $1) }
            // Another program may do the same just now: each step fails once at most, and is done then.
            for step in 0...Schema.version {
                do {
                    try migrator.migrate(pool)
                    break
                } catch let error as DatabaseError {
                    if step == Schema.version { throw error }
                }
            }
            if let last = try await pool.read(Ledger.tip), last != tip { head.follow(last) }
        } catch {
            throw RegisterError.from(error, path: path)
        }
    }

    /// Closes the file, whole without its log. Whatever is asked afterwards fails.
    package func close() throws {
        // Where another program reads just now the log stays, and is read at the next opening.
        _ = try? pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        do { try pool.close() } catch { throw RegisterError.from(error, path: path) }
    }

    /// The wall clock.
    package static func now() -> Moment { Moment(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000)) }

    // MARK: Opening

    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = true
        configuration.label = "register"
        configuration.prepareDatabase { db in
            // A damaged page is refused where it is read; a schema from outside runs nothing.
            try db.execute(sql: "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = FAST")
        }
        return configuration
    }

    /// Looks at the files before SQLite does, and makes what a new register needs.
    /// - Returns: where the chain ends, as the head file says.
    private static func approach(_ path: String, seal: Seal) throws(RegisterError) -> Tip {
        let beginning = Tip(seq: 0, hash: seal.genesis)
        let kind = try Files.kind(path)
        if kind == .other { throw RegisterError(.notARegister, "\(path) is not a file") }
        if kind != .missing, !Files.isAccessible(path) {
            throw RegisterError(.unreadable, "\(path) may not be read and written by the user that this runs as")
        }
        let head = try HeadFile.read(register: path)
        switch (kind, head) {
        case (.missing, nil):
            // The head first: a file without one is refused.
            try Files.replace(HeadFile.path(of: path), with: HeadFile.text(beginning))
            try Files.create(path)
        case (.missing, let head?):
            guard head == beginning else {
                throw RegisterError(
                    .missing, "\(path) is not there, but its head speaks of \(head.seq) entries: restore a backup")
            }
            try Files.create(path)
        case (.file(size: 0), let head) where head != beginning:
            throw RegisterError(.torn, "\(path) is empty: that is no register; restore a backup")
        case (_, nil):
            // Another program's file says so itself, which tells more than that the head is missing.
            return Tip(seq: -1, hash: [])
        default: break
        }
        return head ?? beginning
    }

    /// Throws: says what a file without a head is, without changing it.
    private static func tellWithoutHead(_ path: String, seal: Seal, _ head: Tip) throws {
        var configuration = configuration
        configuration.readonly = true
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        _ = try queue.read { try verify($0, path: path, seal: seal, head: head) }
    }

    /// - Returns: the chain's end; nil where the file is new.
    static func verify(_ db: Database, path: String, seal: Seal, head: Tip) throws -> Tip? {
        let application = try Int64.fetchOne(db, sql: "PRAGMA application_id")
        let version = try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard application == Schema.applicationID else {
            let tables = try Int.fetchOne(
                db, sql: "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'grdb%' AND name NOT LIKE 'sqlite%'")
            if application == 0, tables == 0, head == Tip(seq: 0, hash: seal.genesis) { return nil }
            throw RegisterError(.notARegister, "\(path) is a database of another program")
        }
        guard version <= Schema.version else {
            throw RegisterError(
                .newer, "\(path) was made by a newer version (\(version)) than this one reads (\(Schema.version))")
        }
        guard version >= 1 else {
            throw RegisterError(.torn, "\(path) is damaged: it says version \(version), which never was")
        }
        guard head.seq >= 0 else {
            throw RegisterError(
                .missing,
                "\(HeadFile.path(of: path)) is not there: whether the end of \(path) was cut off cannot be told")
        }
        return try Verification(path: path, seal: seal, head: head).run(db)
    }

    // MARK: Access

    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do { return try await pool.read(body) } catch { throw RegisterError.from(error, path: path) }
    }

    /// One transaction, on disk when it returns; then the head follows, on the writer's own queue and so in order.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Ledger) throws -> Value) async throws -> Value {
        let (seal, head, now) = (seal, head, clock())
        do {
            return try await pool.writeWithoutTransaction { db in
                try head.settle()
                let ledger = Ledger(db, seal: seal, now: now)
                var value: Value?
                try db.inTransaction(.immediate) {
                    value = try body(ledger)
                    return .commit
                }
                if let tip = ledger.tip { head.follow(tip) }
                guard let value else { throw RegisterError(.failed, "a transaction ended without a result") }
                return value
            }
        } catch {
            throw RegisterError.from(error, path: path)
        }
    }
}
