internal import GRDB

/// The tables. Every covered row stands in the chain; the bulk of measurements and the sessions do not.
enum Schema {
    /// "Wast" in the header of the file tells `file` and us whose it is.
    static let applicationID: Int64 = 0x5761_7374
    /// Kept in `user_version`: the number of migrations that made the file.
    static let version: Int64 = 2

    /// Tables whose rows the chain covers.
    enum Covered: String, CaseIterable, Sendable {
        case incident, attack, sealed, post, claim, evidence, sharing, mitigation, fingerprint, day, account
    }

    /// - Parameter enter: what follows in the transaction that brings a register to this version, from none or another.
    static func migrator(enter: @escaping @Sendable (Database, Int64) throws -> Void = { _, _ in }) -> DatabaseMigrator
    {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            for statement in first { try db.execute(sql: statement) }
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
            try db.execute(sql: "PRAGMA user_version = 1")
            try enter(db, 1)
        }
        migrator.registerMigration("2") { db in
            // Empty columns change no digest.
            try db.execute(sql: "ALTER TABLE account ADD COLUMN factor BLOB")
            try db.execute(sql: "PRAGMA user_version = 2")
            try enter(db, 2)
        }
        return migrator
    }

    /// Moments are milliseconds, unsigned counts the same 64 bits signed. A `form` is the record as JSON with sorted keys.
    private static let first =
        [
            """
            CREATE TABLE chain (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
                object TEXT NOT NULL, tbl TEXT NOT NULL, row INTEGER NOT NULL, digest BLOB NOT NULL, hash BLOB NOT NULL) STRICT
            """,
            // Notes for the audit: entries about no row.
            "CREATE INDEX note ON chain (at) WHERE tbl = ''",
            """
            CREATE TABLE incident (id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, year INTEGER NOT NULL,
                n INTEGER NOT NULL, organisation TEXT NOT NULL, opened INTEGER NOT NULL) STRICT
            """,
            "CREATE INDEX incident_year ON incident (year, n)",
            "CREATE INDEX incident_opened ON incident (opened)",
            """
            CREATE TABLE attack (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incident,
                organisation TEXT NOT NULL, service TEXT NOT NULL, site TEXT NOT NULL, start INTEGER NOT NULL,
                finish INTEGER NOT NULL, open INTEGER NOT NULL, form TEXT NOT NULL, judgement TEXT NOT NULL,
                UNIQUE (site, start)) STRICT
            """,
            "CREATE INDEX attack_incident ON attack (incident)",
            "CREATE INDEX attack_finish ON attack (organisation, finish)",
            "CREATE INDEX attack_open ON attack (start) WHERE open = 1",
            "CREATE TABLE sealed (id INTEGER PRIMARY KEY REFERENCES attack, finish INTEGER NOT NULL, box BLOB NOT NULL) STRICT",
        ]
        + ["post", "claim", "evidence", "sharing"].flatMap { table in
            [
                """
                CREATE TABLE \(table) (id INTEGER PRIMARY KEY,
                    incident INTEGER \(table == "sharing" ? "" : "NOT NULL") REFERENCES incident,
                    at INTEGER NOT NULL, form TEXT NOT NULL) STRICT
                """,
                "CREATE INDEX \(table)_incident ON \(table) (incident, at)",
            ]
        } + [
            """
            CREATE TABLE mitigation (id INTEGER PRIMARY KEY, incident INTEGER REFERENCES incident, scope TEXT NOT NULL,
                since INTEGER NOT NULL, until INTEGER, form TEXT NOT NULL) STRICT
            """,
            "CREATE INDEX mitigation_incident ON mitigation (incident)",
            "CREATE INDEX mitigation_scope ON mitigation (scope, since)",
            """
            CREATE TABLE fingerprint (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, form BLOB NOT NULL,
                origin TEXT NOT NULL, imported INTEGER NOT NULL, dry INTEGER NOT NULL, filed INTEGER NOT NULL) STRICT
            """,
            """
            CREATE TABLE day (id INTEGER PRIMARY KEY, site TEXT NOT NULL, day INTEGER NOT NULL, worst TEXT NOT NULL,
                down REAL NOT NULL, known REAL NOT NULL, requests INTEGER NOT NULL, UNIQUE (site, day)) STRICT
            """,
            """
            CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL,
                organisation TEXT, password TEXT NOT NULL) STRICT
            """,
            """
            CREATE TABLE session (key TEXT PRIMARY KEY, account TEXT NOT NULL, expires INTEGER NOT NULL)
                STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE sample (site TEXT NOT NULL, path TEXT NOT NULL, at INTEGER NOT NULL, vantage TEXT NOT NULL,
                network TEXT NOT NULL, result TEXT NOT NULL, first_byte REAL, PRIMARY KEY (site, path, at, vantage))
                STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE point (site TEXT NOT NULL, at INTEGER NOT NULL, span INTEGER NOT NULL,
                requests INTEGER NOT NULL, admitted INTEGER NOT NULL, queued INTEGER NOT NULL, refused INTEGER NOT NULL,
                failed INTEGER NOT NULL, median REAL, p95 REAL, PRIMARY KEY (site, at, span)) STRICT, WITHOUT ROWID
            """,
            "CREATE TABLE profile (id INTEGER PRIMARY KEY, site TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL) STRICT",
        ]

    /// What the tables, indexes and nothing else look like in a sound register: kind, name and statement of each.
    static func shapes(_ db: Database) throws -> [String: String] {
        var shapes: [String: String] = [:]
        let rows = try Row.fetchCursor(db, sql: "SELECT type, name, tbl_name, sql FROM sqlite_schema")
        while let row = try rows.next() {
            let parts = (0..<4).map { String.fromDatabaseValue(row[$0] as DatabaseValue) ?? "" }
            shapes[parts[1], default: ""] += "\(parts[0]) \(parts[2]) \(parts[3])\n"
        }
        return shapes
    }

    /// The shapes that a register of this version has.
    static func expectedShapes(version: Int64) throws -> [String: String] {
        let queue = try DatabaseQueue()
        try migrator().migrate(queue, upTo: "\(version)")
        return try queue.read(shapes)
    }
}
