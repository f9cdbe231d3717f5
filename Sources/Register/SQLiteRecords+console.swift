internal import FoundationEssentials
internal import GRDB
package import Incidents
package import Moments

extension SQLiteRecords {
    // MARK: Fingerprints

    package func file(_ fingerprint: StoredFingerprint) async throws {
        try Bounds.check(["fingerprint": fingerprint.id, "origin": fingerprint.origin])
        try Bounds.check("fingerprint", bytes: fingerprint.form.count, limit: Bounds.form)
        try await write { ledger in
            let sql = "SELECT id FROM fingerprint WHERE name = ?"
            guard try Row.fetchOne(ledger.db, sql: sql, arguments: [fingerprint.id]) == nil else { return }
            try ledger.put(
                .fingerprint, id: nil,
                [
                    "name": fingerprint.id, "form": Data(fingerprint.form), "origin": fingerprint.origin,
                    "imported": fingerprint.isImported, "dry": fingerprint.isDry,
                    "filed": fingerprint.filed.milliseconds,
                ], object: fingerprint.id)
        }
    }

    package func fingerprint(id: String) async throws -> StoredFingerprint? {
        guard Bounds.canBeOnRecord(id) else { return nil }
        return try await read { try Self.fingerprints($0, "WHERE name = ?", [id]).first }
    }

    /// All, as they were filed.
    package func fingerprints() async throws -> [StoredFingerprint] {
        try await read { try Self.fingerprints($0, "ORDER BY id", []) }
    }

    private static func fingerprints(
        _ db: Database, _ condition: String, _ arguments: StatementArguments
    ) throws -> [StoredFingerprint] {
        try Row.fetchAll(
            db, sql: "SELECT name, form, origin, imported, dry, filed FROM fingerprint \(condition)",
            arguments: arguments
        ).map { row in
            StoredFingerprint(
                id: try row.value(0), form: try row.bytes(1), origin: try row.value(2), isImported: try row.value(3),
                isDry: try row.value(4), filed: Moment(milliseconds: try row.value(5)))
        }
    }

    // MARK: Accounts

    package func account(name: String) async throws -> Account? {
        guard Bounds.canBeOnRecord(name) else { return nil }
        let seal = seal
        return try await read { try Self.accounts($0, seal, "WHERE name = ?", [name]).first }
    }

    /// By name.
    package func accounts() async throws -> [Account] {
        let seal = seal
        return try await read { try Self.accounts($0, seal, "ORDER BY name", []) }
    }

    private static func accounts(
        _ db: Database, _ seal: Seal, _ condition: String, _ arguments: StatementArguments
    ) throws -> [Account] {
        try Row.fetchAll(
            db, sql: "SELECT name, role, organisation, password, factor FROM account \(condition)", arguments: arguments
        ).map { row in
            let name: String = try row.value(0)
            let box: Data? = try row.optional(4)
            return Account(
                name: name, role: try row.word(1), organisation: try row.optional(2), password: try row.value(3),
                factor: try box.map { try seal.open(Array($0), of: .account(name)) })
        }
    }

    package func keep(_ account: Account) async throws { _ = try await keep(account) { _ in true } }

    package func keep(_ account: Account, inPlaceOf known: Account?) async throws -> Bool {
        try await keep(account) { $0 == known }
    }

    /// - Parameter condition: what must be true of the account of that name.
    private func keep(_ account: Account, where condition: @escaping @Sendable (Account?) -> Bool) async throws -> Bool
    {
        try Bounds.check([
            "account": account.name, "organisation": account.organisation, "password hash": account.password,
        ])
        let seal = seal
        return try await write { ledger in
            let known = try Self.accounts(ledger.db, seal, "WHERE name = ?", [account.name]).first
            guard condition(known) else { return false }
            let row = try Row.fetchOne(
                ledger.db, sql: "SELECT id, factor FROM account WHERE name = ?", arguments: [account.name])
            // Closed once: each box is another one, and would be a change.
            var box: Data? = try row?.optional(1)
            if known?.factor != account.factor {
                box = try account.factor.map { Data(try seal.close($0, of: .account(account.name))) }
            }
            try ledger.put(
                .account, id: row?.value(0) as Int64?,
                [
                    "name": account.name, "role": account.role.rawValue, "organisation": account.organisation,
                    "password": account.password, "factor": box,
                ], object: account.name)
            return true
        }
    }

    // MARK: Sessions

    package func session(key: String) async throws -> Session? {
        guard Bounds.canBeOnRecord(key) else { return nil }
        return try await read { db in
            let sql = "SELECT account, expires FROM session WHERE key = ?"
            return try Row.fetchOne(db, sql: sql, arguments: [key]).map { row in
                Session(key: key, account: try row.value(0), expires: Moment(milliseconds: try row.value(1)))
            }
        }
    }

    package func keep(_ session: Session) async throws {
        try Bounds.measured(["session": session.key, "account": session.account])
        try await write { ledger in
            try ledger.db.execute(
                sql: "INSERT OR REPLACE INTO session VALUES (?, ?, ?)",
                arguments: [session.key, session.account, session.expires.milliseconds])
        }
    }

    package func dropSession(key: String) async throws {
        guard Bounds.canBeOnRecord(key) else { return }
        try await write { try $0.db.execute(sql: "DELETE FROM session WHERE key = ?", arguments: [key]) }
    }

    // MARK: The audit

    /// Texts over 1 KiB are cut; a NUL becomes a space.
    package func note(actor: String, action: String, object: String, at moment: Moment) async throws {
        try await write { try $0.note(actor: actor, action: action, object: object, at: moment) }
    }

    /// What was noted, read from the chain itself; latest first.
    package func notes(in time: Range<Moment>, limit: Int) async throws -> [Note] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT at, actor, action, object FROM chain WHERE tbl = '' AND at >= ? AND at < ?
                    ORDER BY at DESC, seq DESC LIMIT ?
                    """,
                arguments: [time.lowerBound.milliseconds, time.upperBound.milliseconds, max(0, limit)]
            ).map { row in
                Note(
                    at: Moment(milliseconds: try row.value(0)), actor: try row.value(1), action: try row.value(2),
                    object: try row.value(3))
            }
        }
    }
}
