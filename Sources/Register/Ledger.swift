internal import Crypto
internal import FoundationEssentials
internal import GRDB
internal import Incidents
internal import Moments

/// The register within one transaction: every row that it writes to a covered table gets its entry in the chain.
///
/// digest = SHA-256 of the row's canonical content (`digest(of:)`); hash = HMAC-SHA256 of the previous hash and all of
/// the entry's fields. Who has no key cannot make an entry, and each hash covers all before it.
final class Ledger {
    /// Who is said to act where no person is named.
    static let system = "wasstraat"

    let db: Database
    let now: Moment
    private let seal: Seal
    /// The last entry that this transaction made.
    private(set) var tip: Tip?

    init(_ db: Database, seal: Seal, now: Moment) {
        self.db = db
        self.seal = seal
        self.now = now
    }

    /// Adds a row, or brings the row `id` to these columns; where nothing is new, nothing is written.
    /// - Returns: the row's number, and whether something was written.
    @discardableResult
    func put(
        _ table: Schema.Covered, id: Int64?, _ columns: KeyValuePairs<String, (any DatabaseValueConvertible)?>,
        actor: String = Ledger.system, object: String
    ) throws -> (id: Int64, isNew: Bool) {
        let values = columns.map { $0.value?.databaseValue ?? .null }
        for value in values {
            if case .string(let text) = value.storage { try Bounds.column(text, "\(table.rawValue)") }
        }
        if let id {
            let names = columns.map(\.key)
            guard
                let old = try Row.fetchOne(
                    db, sql: "SELECT \(names.joined(separator: ", ")) FROM \(table.rawValue) WHERE id = ?",
                    arguments: [id])
            else { throw RegisterError(.unknown, "\(table.rawValue) \(id) is not on record") }
            if Array(old.databaseValues) == values { return (id, false) }
            let assignments = names.map { "\($0) = ?" }.joined(separator: ", ")
            try db.execute(
                sql: "UPDATE \(table.rawValue) SET \(assignments) WHERE id = ?",
                arguments: StatementArguments(values + [id.databaseValue]))
            try enter(actor: actor, action: "change", object: object, table: table, row: id)
            return (id, true)
        }
        let names = columns.map(\.key).joined(separator: ", ")
        let places = Array(repeating: "?", count: values.count).joined(separator: ", ")
        try db.execute(
            sql: "INSERT INTO \(table.rawValue) (\(names)) VALUES (\(places))", arguments: StatementArguments(values))
        let id = db.lastInsertedRowID
        try enter(actor: actor, action: "add", object: object, table: table, row: id)
        return (id, true)
    }

    func remove(_ table: Schema.Covered, id: Int64, object: String) throws {
        try db.execute(sql: "DELETE FROM \(table.rawValue) WHERE id = ?", arguments: [id])
        try enter(actor: Self.system, action: "remove", object: object, table: table, row: id)
    }

    /// An entry about no row: something that someone did.
    func note(actor: String, action: String, object: String, at: Moment) throws {
        try append(
            Entry(
                seq: 0, at: at.milliseconds, actor: actor, action: action, object: object, table: "", row: 0, digest: []
            ))
    }

    /// The register has the form of this version now: its first entry, or a later one.
    func begin(version: Int64) throws {
        try append(
            Entry(
                seq: 0, at: now.milliseconds, actor: Self.system, action: version == 1 ? "make" : "upgrade",
                object: "version \(version)", table: "register", row: 0, digest: []))
    }

    private func enter(actor: String, action: String, object: String, table: Schema.Covered, row: Int64) throws {
        let content = try Row.fetchOne(db, sql: "SELECT * FROM \(table.rawValue) WHERE id = ?", arguments: [row])
        try append(
            Entry(
                seq: 0, at: now.milliseconds, actor: actor, action: action, object: object, table: table.rawValue,
                row: row, digest: content.map(Self.digest) ?? []))
    }

    private func append(_ draft: Entry) throws {
        let previous = try tip ?? Self.tip(db) ?? Tip(seq: 0, hash: seal.genesis)
        var entry = draft
        entry.seq = previous.seq + 1
        // SQLite's texts end at a NUL; what people typed into a name must not stop the audit.
        entry.actor = Bounds.audited(entry.actor)
        entry.action = Bounds.audited(entry.action)
        entry.object = Bounds.audited(entry.object)
        let hash = seal.sign(entry.message(after: previous.hash))
        try db.execute(
            sql: """
                INSERT INTO chain (seq, at, actor, action, object, tbl, row, digest, hash)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                entry.seq, entry.at, entry.actor, entry.action, entry.object, entry.table, entry.row,
                Data(entry.digest), Data(hash),
            ])
        tip = Tip(seq: entry.seq, hash: hash)
    }

    /// The chain's last entry; nil where it has none.
    static func tip(_ db: Database) throws -> Tip? {
        guard let row = try Row.fetchOne(db, sql: "SELECT seq, hash FROM chain ORDER BY seq DESC LIMIT 1") else {
            return nil
        }
        return Tip(seq: try row.value(0), hash: try row.bytes(1))
    }

    /// SHA-256 over the columns that hold something: name, type and value of each, with lengths. A column that a later
    /// version adds empty changes no digest.
    static func digest(of row: Row) -> [UInt8] {
        var content: [UInt8] = []
        for (name, value) in row {
            let (type, bytes): (UInt8, [UInt8]) =
                switch value.storage {
                case .null: (0, [])
                case .int64(let number): (1, bigEndian(UInt64(bitPattern: number)))
                case .double(let number): (2, bigEndian(number.bitPattern))
                case .string(let text): (3, Array(text.utf8))
                case .blob(let data): (4, Array(data))
                }
            if type == 0 { continue }
            content += bigEndian(UInt64(name.utf8.count)) + Array(name.utf8) + [type]
            content += bigEndian(UInt64(bytes.count)) + bytes
        }
        return Array(SHA256.hash(data: content))
    }
}

/// An entry of the chain, but for its hash.
struct Entry {
    var seq: Int64
    var at: Int64
    var actor: String
    var action: String
    var object: String
    /// Empty for a note.
    var table: String
    var row: Int64
    /// Empty where the row was removed, and for a note.
    var digest: [UInt8]

    /// What is signed: every field with its length, after the previous hash.
    func message(after previous: [UInt8]) -> [UInt8] {
        var bytes = previous
        bytes += bigEndian(UInt64(bitPattern: seq)) + bigEndian(UInt64(bitPattern: at))
        for field in [actor, action, object, table] {
            bytes += bigEndian(UInt64(field.utf8.count))
            bytes += Array(field.utf8)
        }
        bytes += bigEndian(UInt64(bitPattern: row))
        bytes += bigEndian(UInt64(digest.count))
        return bytes + digest
    }
}

func bigEndian(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
