internal import FoundationEssentials
internal import GRDB

/// The proof that a register is whole and as it was written.
struct Verification {
    let path: String
    let seal: Seal
    /// What the file beside the database says; read before the database, so that it cannot be ahead of an honest one.
    let head: Tip

    /// - Returns: the chain's end.
    func run(_ db: Database) throws -> Tip {
        try checkPages(db)
        try checkShapes(db)
        try checkMigrations(db)
        let (tip, rows) = try checkChain(db)
        for table in Schema.Covered.allCases { try check(table, db, rows[table] ?? [:]) }
        return tip
    }

    private func checkPages(_ db: Database) throws {
        // Indexes of covered tables too: a damaged one hides rows from a search.
        let covered = Schema.Covered.allCases.map { "integrity_check(\($0.rawValue))" }
        for check in ["quick_check(1)"] + covered + ["integrity_check(chain)"] {
            let answer = try String.fetchOne(db, sql: "PRAGMA \(check)") ?? "no answer"
            guard answer == "ok" else {
                let line = answer.split(whereSeparator: \.isNewline).first ?? ""
                throw RegisterError(.torn, "\(path) is damaged: \(line)")
            }
        }
    }

    private func checkShapes(_ db: Database) throws {
        let version = try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let (found, expected) = (try Schema.shapes(db), try Schema.expectedShapes(version: version))
        for name in Set(found.keys).union(expected.keys).sorted() where found[name] != expected[name] {
            let what =
                expected[name] == nil ? "was added to" : found[name] == nil ? "is gone from" : "has another shape in"
            throw RegisterError(.tampered, "\(path) was changed from outside: '\(name)' \(what) the database")
        }
    }

    /// The migrations that are said to be done are those that made this version.
    private func checkMigrations(_ db: Database) throws {
        let version = try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let done = try String.fetchAll(db, sql: "SELECT identifier FROM grdb_migrations ORDER BY identifier")
        guard done == (1...max(1, version)).map({ "\($0)" }).sorted() else {
            let what = "'grdb_migrations' is not of version \(version)"
            throw RegisterError(.tampered, "\(path) was changed from outside: \(what)")
        }
    }

    /// Each row that was ever entered, with its latest digest.
    private func checkChain(_ db: Database) throws -> (Tip, [Schema.Covered: [Int64: [UInt8]]]) {
        var tip = Tip(seq: 0, hash: seal.genesis)
        var rows: [Schema.Covered: [Int64: [UInt8]]] = [:]
        var hasMetHead = head == tip
        let entries = try Row.fetchCursor(
            db, sql: "SELECT seq, at, actor, action, object, tbl, row, digest, hash FROM chain ORDER BY seq")
        while let row = try entries.next() {
            let entry = Entry(
                seq: try row.value(0), at: try row.value(1), actor: try row.value(2), action: try row.value(3),
                object: try row.value(4), table: try row.value(5), row: try row.value(6), digest: try row.bytes(7))
            guard entry.seq == tip.seq + 1 else { throw tampered("entry \(tip.seq + 1) of the chain is gone") }
            let hash = try row.bytes(8)
            guard seal.sign(entry.message(after: tip.hash)) == hash else {
                if entry.seq == 1 {
                    throw RegisterError(
                        .key, "the key is not the one that \(path) was made with (or its first entry was changed)")
                }
                throw tampered("entry \(entry.seq) of the chain does not fit the one before it")
            }
            tip = Tip(seq: entry.seq, hash: hash)
            if head.seq == tip.seq { hasMetHead = head == tip }
            if let table = Schema.Covered(rawValue: entry.table) { rows[table, default: [:]][entry.row] = entry.digest }
        }
        guard head.seq <= tip.seq else {
            throw tampered("its chain ends at entry \(tip.seq), but it had \(head.seq): the youngest were cut off")
        }
        guard hasMetHead else { throw tampered("its chain is not the one that \(HeadFile.path(of: path)) follows") }
        return (tip, rows)
    }

    private func check(_ table: Schema.Covered, _ db: Database, _ digests: [Int64: [UInt8]]) throws {
        var missing = digests.filter { !$0.value.isEmpty }
        let rows = try Row.fetchCursor(db, sql: "SELECT * FROM \(table.rawValue)")
        while let row = try rows.next() {
            let id: Int64 = try row.value(0)
            guard let digest = missing.removeValue(forKey: id) else {
                throw tampered("row \(id) of table \(table.rawValue) was added")
            }
            guard Ledger.digest(of: row) == digest else {
                throw tampered("row \(id) of table \(table.rawValue) was changed")
            }
        }
        if let id = missing.keys.min() { throw tampered("row \(id) of table \(table.rawValue) was deleted") }
    }

    private func tampered(_ what: String) -> RegisterError {
        RegisterError(.tampered, "\(path) was changed from outside: \(what)")
    }
}
