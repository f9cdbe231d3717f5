internal import FoundationEssentials
internal import GRDB
internal import Incidents
package import Moments

extension SQLiteRecords {
    /// What a retention run removed.
    package struct Expired: Equatable, Sendable {
        package var samples: Int
        package var points: Int
        /// Attacks whose source networks are gone.
        package var sealed: Int
        package var sessions: Int
    }

    /// Removes what is past its term: samples and points before a moment, the sealed part of attacks that ended before
    /// one, and sessions that are over. Site by site, so that writes get their turn.
    package func expire(
        samplesBefore: Moment, pointsBefore: Moment, sealedBefore: Moment
    ) async throws -> Expired {
        var expired = Expired(samples: 0, points: 0, sealed: 0, sessions: 0)
        for site in try await sites(of: "sample") {
            for path in Sample.Path.allCases {
                expired.samples += try await delete(
                    "sample WHERE site = ? AND path = ? AND at < ?", [site, path.rawValue, samplesBefore.milliseconds])
            }
        }
        for site in try await sites(of: "point") {
            expired.points += try await delete("point WHERE site = ? AND at < ?", [site, pointsBefore.milliseconds])
        }
        expired.sessions = try await delete("session WHERE expires <= ?", [clock().milliseconds])
        expired.sealed = try await write { ledger in
            let rows = try Row.fetchAll(
                ledger.db, sql: "SELECT id FROM sealed WHERE finish < ?", arguments: [sealedBefore.milliseconds])
            for row in rows {
                let id: Int64 = try row.value(0)
                try ledger.remove(.sealed, id: id, object: "attack \(id)")
            }
            return rows.count
        }
        return expired
    }

    private func delete(_ what: String, _ arguments: StatementArguments) async throws -> Int {
        try await write { ledger in
            try ledger.db.execute(sql: "DELETE FROM \(what)", arguments: arguments)
            return ledger.db.changesCount
        }
    }

    /// The sites that the table knows, found by jumps along its key.
    private func sites(of table: String) async throws -> [String] {
        try await read { db in
            var sites: [String] = []
            var last = ""
            let sql = "SELECT min(site) FROM \(table) WHERE site > ?"
            while let row = try Row.fetchOne(db, sql: sql, arguments: [last]), let site: String = try row.optional(0) {
                sites.append(site)
                last = site
            }
            return sites
        }
    }

    // MARK: Backup

    /// Copies the register to a new file, with its head beside it, while others read and write.
    /// - Throws: `RegisterError`; `.exists` where a file of that name is there.
    package func backup(to path: String) async throws {
        guard try Files.kind(path) == .missing, try Files.kind(HeadFile.path(of: path)) == .missing else {
            throw RegisterError(.exists, "\(path) is there already: a backup overwrites nothing")
        }
        // Under another name until it is whole.
        let part = path + ".part"
        Files.remove(part, part + "-journal", part + "-wal", part + "-shm")
        do {
            try Files.create(part)
            let tip = try await pool.unsafeRead { source in
                let queue = try DatabaseQueue(path: part)
                defer { try? queue.close() }
                return try queue.writeWithoutTransaction { target in
                    try source.backup(to: target)
                    // One file, that can be read where nothing can be written.
                    try target.execute(sql: "PRAGMA journal_mode = DELETE")
                    return try Ledger.tip(target)
                }
            }
            guard let tip else { throw RegisterError(.failed, "the copy at \(part) has no entries") }
            try Files.sync(part)
            try Files.replace(HeadFile.path(of: path), with: HeadFile.text(tip))
            try Files.rename(part, to: path)
            try Files.sync(Files.folder(of: path))
        } catch {
            Files.remove(part, part + "-journal", part + "-wal", part + "-shm")
            throw RegisterError.from(error, path: path)
        }
    }

    /// Puts a backup in the place of a register, after proving that it is whole. Run it with the office stopped.
    ///
    /// - Parameter force: replaces a register that is there; one that a running program has open is never replaced.
    /// - Throws: `RegisterError`; then nothing was changed.
    package static func restore(from backup: String, to path: String, key: [UInt8], force: Bool = false) throws {
        let seal = try Seal(key: key)
        guard case .file(let size) = try Files.kind(backup) else {
            throw RegisterError(.missing, "there is no backup at \(backup)")
        }
        guard size > 0 else { throw RegisterError(.torn, "\(backup) is empty: that is no backup") }
        guard let head = try HeadFile.read(register: backup) else {
            throw RegisterError(.missing, "\(HeadFile.path(of: backup)) is not there: it belongs to the backup")
        }
        try clear(path, force: force)
        let new = path + ".restoring"
        let newHead = HeadFile.path(of: new)
        defer { Files.remove(new, new + "-wal", new + "-shm", new + "-journal", newHead) }
        let tip: Tip
        do {
            try Files.copy(backup, to: new)
            let queue = try DatabaseQueue(path: new, configuration: configuration)
            defer { try? queue.close() }
            guard let end = try queue.read({ try verify($0, path: backup, seal: seal, head: head) }) else {
                throw RegisterError(.notARegister, "\(backup) holds no register")
            }
            tip = end
        } catch {
            throw RegisterError.from(error, path: backup)
        }
        try Files.replace(newHead, with: HeadFile.text(tip))
        // The old log first: it belongs to the old file. A crash from here on leaves a pair that does not fit, which is
        // refused at opening; then this is run again.
        Files.remove(path + "-wal", path + "-shm")
        try Files.rename(new, to: path)
        try Files.rename(newHead, to: HeadFile.path(of: path))
        try Files.sync(Files.folder(of: path))
    }

    private static func clear(_ path: String, force: Bool) throws {
        let kind = try Files.kind(path)
        guard kind != .other else { throw RegisterError(.exists, "\(path) is there already and is not a file") }
        if kind == .missing, try Files.kind(HeadFile.path(of: path)) == .missing { return }
        guard force else {
            throw RegisterError(.exists, "there is a register at \(path) already; only --force replaces it")
        }
        guard kind != .missing else { return }
        do {
            // SQLite gives the whole file to one connection only when no other has it open.
            let queue = try DatabaseQueue(path: path)
            defer { try? queue.close() }
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
            }
        } catch let error as DatabaseError where [.SQLITE_BUSY, .SQLITE_LOCKED].contains(error.resultCode) {
            throw RegisterError(.inUse, "\(path) is open in a running program: stop the office first")
        } catch is DatabaseError {
            // Damaged: that is what a backup is for.
        }
    }
}
