internal import GRDB
package import Incidents
internal import Languages
package import Mitigations
package import Moments
internal import PublicStatus

extension SQLiteRecords {
    package func incidents(organisation: String?, in time: Range<Moment>, limit: Int) async throws -> [Incident] {
        if let organisation, !Bounds.canBeOnRecord(organisation) { return [] }
        return try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT id, number, organisation, opened FROM incident
                    WHERE opened >= ? AND opened < ? AND (? IS NULL OR organisation = ?)
                    ORDER BY opened DESC, id DESC LIMIT ?
                    """,
                arguments: [
                    time.lowerBound.milliseconds, time.upperBound.milliseconds, organisation, organisation,
                    max(0, limit),
                ])
            return try rows.map { try Self.incident($0, db) }
        }
    }

    package func incident(number: String) async throws -> Incident? {
        guard Bounds.canBeOnRecord(number) else { return nil }
        return try await read { db in
            try Row.fetchOne(
                db, sql: "SELECT id, number, organisation, opened FROM incident WHERE number = ?", arguments: [number]
            ).map { try Self.incident($0, db) }
        }
    }

    package func openAttacks() async throws -> [AttackRecord] {
        try await read { try Self.attacks($0, "WHERE open = 1 ORDER BY start, id", []) }
    }

    private static func incident(_ row: Row, _ db: Database) throws -> Incident {
        let id: Int64 = try row.value(0)
        func forms<Form: Decodable>(_ table: Schema.Covered) throws -> [Form] {
            try Row.fetchAll(
                db, sql: "SELECT form FROM \(table.rawValue) WHERE incident = ? ORDER BY at, id", arguments: [id]
            ).map { try $0.json(0) }
        }
        return Incident(
            id: id, number: try row.value(1), organisation: try row.value(2),
            opened: Moment(milliseconds: try row.value(3)),
            attacks: try attacks(db, "WHERE incident = ? ORDER BY start, id", [id]), posts: try forms(.post),
            evidence: try forms(.evidence), claims: try forms(.claim),
            mitigations: try mitigations(db, "WHERE incident = ? ORDER BY since, id", [id]),
            sharings: try forms(.sharing))
    }

    private static func attacks(
        _ db: Database, _ condition: String, _ arguments: StatementArguments
    ) throws -> [AttackRecord] {
        try Row.fetchAll(
            db, sql: "SELECT id, incident, organisation, service, form, judgement FROM attack \(condition)",
            arguments: arguments
        ).map { row in
            let form: AttackForm = try row.json(4)
            return AttackRecord(
                id: try row.value(0), incident: try row.value(1), organisation: try row.value(2),
                service: try row.word(3), attack: form.attack, judgement: try row.json(5))
        }
    }

    // MARK: What people add

    package func add(_ post: Post, to incident: Int64) async throws {
        try Bounds.check(["message": post.text.nl, "message (en)": post.text.en, "author": post.author])
        try await add(.post, try post.json(), at: post.at, by: post.author, to: incident)
    }

    package func add(_ claim: Claim, to incident: Int64) async throws {
        try Bounds.check([
            "claimant": claim.claimant, "place": claim.place, "claim": claim.text, "author": claim.author,
        ])
        try await add(.claim, try claim.json(), at: claim.at, by: claim.author, to: incident)
    }

    package func add(_ evidence: Evidence, to incident: Int64) async throws {
        try Bounds.check(["evidence": evidence.text, "source": evidence.source, "author": evidence.author])
        try await add(.evidence, try evidence.json(), at: evidence.at, by: evidence.author, to: incident)
    }

    package func add(_ sharing: Sharing, to incident: Int64?) async throws {
        try Bounds.check(["fingerprint": sharing.fingerprint, "receiver": sharing.with])
        try await add(.sharing, try sharing.json(), at: sharing.at, by: Ledger.system, to: incident)
    }

    private func add(
        _ table: Schema.Covered, _ form: String, at moment: Moment, by author: String, to incident: Int64?
    ) async throws {
        try await write { ledger in
            let number = try Self.number(of: incident, ledger)
            try ledger.put(
                table, id: nil, ["incident": incident, "at": moment.milliseconds, "form": form], actor: author,
                object: number)
        }
    }

    /// The incident's number, empty for none. Throws where it is not on record.
    private static func number(of incident: Int64?, _ ledger: Ledger) throws -> String {
        guard let incident else { return "" }
        let sql = "SELECT number FROM incident WHERE id = ?"
        guard let number = try Row.fetchOne(ledger.db, sql: sql, arguments: [incident]) else {
            throw RegisterError(.unknown, "incident \(incident) is not on record")
        }
        return try number.value(0)
    }

    // MARK: Measures

    /// Files a mitigation; see `Records`. A changed one without an incident stays under the one that it has.
    package func file(_ mitigation: Mitigation, incident: Int64?) async throws -> Int64 {
        try Bounds.check([
            "tenant": mitigation.tenant, "scope": mitigation.scope, "reason": mitigation.reason,
            "machine": mitigation.packets?.machine, "interface": mitigation.packets?.interface,
            "match": mitigation.packets?.match,
        ])
        switch mitigation.kind {
        case .fingerprint(let name), .packetRule(let name): try Bounds.check(["fingerprint": name])
        case .admission, .observe, .blockedSources, .blockedByHand, .synCookies: break
        }
        // The row's own number says which it is: a new one has none yet.
        var plain = mitigation
        plain.id = 0
        let form = try plain.json()
        return try await write { ledger in
            _ = try Self.number(of: incident, ledger)
            var place = incident
            if place == nil, mitigation.id != 0 {
                place = try Row.fetchOne(
                    ledger.db, sql: "SELECT incident FROM mitigation WHERE id = ?", arguments: [mitigation.id])?
                    .optional(0)
            }
            return try ledger.put(
                .mitigation, id: mitigation.id == 0 ? nil : mitigation.id,
                [
                    "incident": place, "scope": mitigation.scope, "since": mitigation.since.milliseconds,
                    "until": mitigation.until?.milliseconds, "form": form,
                ], object: mitigation.scope
            ).id
        }
    }

    /// Those that were at work at some moment of the time given, oldest first.
    /// - Parameter scope: a site; nil: all.
    package func mitigations(scope: String?, in time: Range<Moment>) async throws -> [Mitigation] {
        if let scope, !Bounds.canBeOnRecord(scope) { return [] }
        return try await read { db in
            try Self.mitigations(
                db,
                """
                WHERE (? IS NULL OR scope = ?) AND since < ? AND (until IS NULL OR until > ? OR since >= ?)
                ORDER BY since, id
                """,
                [
                    scope, scope, time.upperBound.milliseconds, time.lowerBound.milliseconds,
                    time.lowerBound.milliseconds,
                ])
        }
    }

    private static func mitigations(
        _ db: Database, _ condition: String, _ arguments: StatementArguments
    ) throws -> [Mitigation] {
        try Row.fetchAll(db, sql: "SELECT id, form FROM mitigation \(condition)", arguments: arguments).map { row in
            var mitigation: Mitigation = try row.json(1)
            mitigation.id = try row.value(0)
            return mitigation
        }
    }
}
