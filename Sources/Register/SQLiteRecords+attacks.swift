package import Detection
internal import FoundationEssentials
internal import Fingerprints
internal import GRDB
package import Incidents
internal import Moments

extension SQLiteRecords {
    /// Attacks of one organisation that are closer than this belong to one incident.
    private static let gap: Int64 = 3_600_000

    /// Files an attack; see `Records`. Its source networks go into the sealed part. An attack without networks (as the
    /// register gives it back) leaves there what was filed before.
    package func file(
        _ attack: DetectedAttack, organisation: String, service: ServiceKind, judgement: Judgement
    ) async throws -> AttackRecord {
        try Bounds.check(["site": attack.site, "organisation": organisation])
        let traffic = attack.traffic
        let longest = [
            attack.routes.count, attack.networks.count, traffic?.vectors.count ?? 0, traffic?.points.count ?? 0,
        ]
        guard longest.allSatisfy({ $0 <= Bounds.list }) else {
            throw RegisterError(.tooLong, "an attack lists at most \(Bounds.list) routes, networks, vectors or points")
        }
        for counted in attack.routes + attack.networks { try Bounds.check(["route or network": counted.name]) }
        for condition in attack.fingerprints.flatMap(\.conditions) { try Bounds.check(["condition": condition.value]) }
        let (form, opinion) = (try AttackForm(attack).json(), try judgement.json())
        let (seal, networks) = (seal, attack.networks)
        return try await write { ledger in
            let known = try Row.fetchOne(
                ledger.db, sql: "SELECT id, incident, organisation FROM attack WHERE site = ? AND start = ?",
                arguments: [attack.site, attack.start.milliseconds])
            // An attack stays with the organisation and the incident that it was filed under.
            let owner: String = try known?.value(2) ?? organisation
            let incident: Int64 =
                try known?.value(1) ?? Self.join(attack, organisation: owner, ledger)
                ?? Self.open(attack, owner, ledger)
            let (id, _) = try ledger.put(
                .attack, id: known?.value(0) as Int64?,
                [
                    "incident": incident, "organisation": owner, "service": service.rawValue, "site": attack.site,
                    "start": attack.start.milliseconds, "finish": attack.end.milliseconds,
                    "open": !attack.isOver || judgement.isProvisional, "form": form, "judgement": opinion,
                ], object: attack.site)
            if !networks.isEmpty { try Self.seal(networks, of: attack, id: id, with: seal, ledger) }
            var kept = attack
            kept.networks = []
            return AttackRecord(
                id: id, incident: incident, organisation: owner, service: service, attack: kept, judgement: judgement)
        }
    }

    /// The incident that the attack belongs to; nil where it is the first of one.
    private static func join(_ attack: DetectedAttack, organisation: String, _ ledger: Ledger) throws -> Int64? {
        let row = try Row.fetchOne(
            ledger.db,
            sql: """
                SELECT incident FROM attack WHERE organisation = ? AND finish > ? AND start <= ?
                ORDER BY finish DESC, id DESC LIMIT 1
                """,
            arguments: [
                organisation, attack.start.milliseconds &- gap,
                max(attack.start, attack.end).milliseconds,
            ])
        guard let incident: Int64 = try row?.value(0) else { return nil }
        // One that began earlier, filed later.
        let opened = try Int64.fetchOne(
            ledger.db, sql: "SELECT opened FROM incident WHERE id = ?", arguments: [incident])
        if let opened, attack.start.milliseconds < opened {
            try ledger.put(
                .incident, id: incident, ["opened": attack.start.milliseconds], object: "incident \(incident)")
        }
        return incident
    }

    private static func open(_ attack: DetectedAttack, _ organisation: String, _ ledger: Ledger) throws -> Int64 {
        let year = attack.start.day.civil.year
        let last = try Int64.fetchOne(ledger.db, sql: "SELECT max(n) FROM incident WHERE year = ?", arguments: [year])
        let number = (last ?? 0) + 1
        return try ledger.put(
            .incident, id: nil,
            [
                "number": "\(year)-\(number)", "year": year, "n": number, "organisation": organisation,
                "opened": attack.start.milliseconds,
            ], object: "\(year)-\(number)"
        ).id
    }

    // MARK: The sealed part

    private static func seal(
        _ networks: [DetectedAttack.Counted], of attack: DetectedAttack, id: Int64, with seal: Seal, _ ledger: Ledger
    ) throws {
        let content = Array(try networks.json().utf8)
        let known = try Row.fetchOne(ledger.db, sql: "SELECT box, finish FROM sealed WHERE id = ?", arguments: [id])
        if let known {
            let finish: Int64 = try known.value(1)
            // Each closing gives another box: the content is compared.
            if finish == attack.end.milliseconds, try seal.open(known.bytes(0), of: .attack(id)) == content { return }
        }
        try ledger.put(
            .sealed, id: known == nil ? nil : id,
            [
                "id": id, "finish": attack.end.milliseconds,
                "box": Data(try seal.close(content, of: .attack(id))),
            ], object: attack.site)
    }

    /// The source networks of an attack; that they were read, by whom and why goes on record first.
    ///
    /// - Parameter reason: 1 to 1,000 characters: what they are needed for.
    /// - Returns: heaviest first; empty where there were none, or where their time is over.
    package func unseal(attack: Int64, reason: String, by account: String) async throws -> [DetectedAttack.Counted] {
        guard reason.contains(where: { !$0.isWhitespace }), reason.utf8.count <= 1_000, !account.isEmpty else {
            throw RegisterError(.invalid, "the sealed part is opened for a reason (1 to 1000 bytes), by someone")
        }
        let box: [UInt8]? = try await write { ledger in
            let db = ledger.db
            guard try Row.fetchOne(db, sql: "SELECT id FROM attack WHERE id = ?", arguments: [attack]) != nil else {
                throw RegisterError(.unknown, "attack \(attack) is not on record")
            }
            try ledger.note(actor: account, action: "unseal", object: "attack \(attack): \(reason)", at: ledger.now)
            return try Row.fetchOne(db, sql: "SELECT box FROM sealed WHERE id = ?", arguments: [attack])?.bytes(0)
        }
        guard let box else { return [] }
        return try .read(json: try seal.open(box, of: .attack(attack)))
    }
}
