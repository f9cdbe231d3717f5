internal import FoundationEssentials
internal import GRDB
package import Incidents
package import Moments

extension SQLiteRecords {
    /// Files samples; one that is there already (same site, way, moment and vantage point) is replaced.
    package func add(_ samples: [Sample]) async throws {
        for sample in samples {
            try Bounds.measured(["site": sample.site, "vantage": sample.vantage, "network": sample.network])
        }
        try await write { ledger in
            let statement = try ledger.db.cachedStatement(
                sql: "INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?, ?, ?, ?)")
            for sample in samples {
                try statement.execute(arguments: [
                    sample.site, sample.path.rawValue, sample.at.milliseconds, sample.vantage, sample.network,
                    sample.result.rawValue, sample.firstByte,
                ])
            }
        }
    }

    package func samples(site: String, path: Sample.Path, in time: Range<Moment>) async throws -> [Sample] {
        guard Bounds.canBeOnRecord(site) else { return [] }
        return try await read { db in
            var samples: [Sample] = []
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT vantage, network, at, result, first_byte FROM sample
                    WHERE site = ? AND path = ? AND at >= ? AND at < ? ORDER BY at, vantage
                    """,
                arguments: [site, path.rawValue, time.lowerBound.milliseconds, time.upperBound.milliseconds])
            while let row = try rows.next() {
                samples.append(
                    Sample(
                        site: site, vantage: try row.value(0), network: try row.value(1), path: path,
                        at: Moment(milliseconds: try row.value(2)), result: try row.word(3),
                        firstByte: try row.optional(4)))
            }
            return samples
        }
    }

    /// Files points; one that is there already (same site, moment and span) is replaced.
    package func add(_ points: [SitePoint]) async throws {
        for point in points { try Bounds.measured(["site": point.site]) }
        try await write { ledger in
            let statement = try ledger.db.cachedStatement(
                sql: "INSERT OR REPLACE INTO point VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            for point in points {
                let counts = [point.requests, point.admitted, point.queued, point.refused, point.failed]
                let values: [(any DatabaseValueConvertible)?] =
                    [point.site, point.at.milliseconds, point.span] + counts.map { Int64(bitPattern: $0) }
                    + [point.median, point.p95]
                try statement.execute(arguments: StatementArguments(values))
            }
        }
    }

    /// See `Records`. A minute of which there is a second is told by its seconds alone: nothing is told twice.
    package func points(site: String, in time: Range<Moment>) async throws -> [SitePoint] {
        guard Bounds.canBeOnRecord(site) else { return [] }
        return try await read { db in
            var points: [SitePoint] = []
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT at, span, requests, admitted, queued, refused, failed, median, p95 FROM point
                    WHERE site = ? AND at >= ? AND at < ? AND (span = 1 OR NOT EXISTS (SELECT 1 FROM point AS second
                        WHERE second.site = point.site AND second.at >= point.at
                        AND second.at < point.at + point.span * 1000 AND second.span = 1))
                    ORDER BY at, span
                    """,
                arguments: [site, time.lowerBound.milliseconds, time.upperBound.milliseconds])
            while let row = try rows.next() {
                points.append(
                    SitePoint(
                        site: site, at: Moment(milliseconds: try row.value(0)), span: try row.value(1),
                        requests: try row.unsigned(2), admitted: try row.unsigned(3), queued: try row.unsigned(4),
                        refused: try row.unsigned(5), failed: try row.unsigned(6), median: try row.optional(7),
                        p95: try row.optional(8)))
            }
            return points
        }
    }

    /// Files a day, or what is new of one; each change makes an entry of the chain, so not every minute.
    package func file(_ day: DayRecord) async throws {
        try Bounds.check(["site": day.site])
        try await write { ledger in
            let known = try Row.fetchOne(
                ledger.db, sql: "SELECT id FROM day WHERE site = ? AND day = ?", arguments: [day.site, day.day.number])
            try ledger.put(
                .day, id: known?.value(0) as Int64?,
                [
                    "site": day.site, "day": day.day.number, "worst": day.worst.rawValue, "down": day.downSeconds,
                    "known": day.known, "requests": Int64(bitPattern: day.requests),
                ], object: day.site)
        }
    }

    package func days(site: String, in days: Range<Day>) async throws -> [DayRecord] {
        guard Bounds.canBeOnRecord(site) else { return [] }
        return try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT day, worst, down, known, requests FROM day WHERE site = ? AND day >= ? AND day < ? ORDER BY day
                    """,
                arguments: [site, days.lowerBound.number, days.upperBound.number]
            ).map { row in
                DayRecord(
                    site: site, day: Day(number: try row.value(0)), worst: try row.word(1),
                    downSeconds: try row.value(2),
                    known: try row.value(3), requests: try row.unsigned(4))
            }
        }
    }

    // MARK: Learnt profiles

    package func profile(site: String) async throws -> [UInt8]? {
        guard Bounds.canBeOnRecord(site) else { return nil }
        return try await read { db in
            try Row.fetchOne(db, sql: "SELECT bytes FROM profile WHERE site = ?", arguments: [site])?.bytes(0)
        }
    }

    package func keep(profile: [UInt8], site: String) async throws {
        try Bounds.measured(["site": site])
        try Bounds.check("profile", bytes: profile.count, limit: Bounds.profile)
        try await write { ledger in
            try ledger.db.execute(
                sql: """
                    INSERT INTO profile (site, bytes) VALUES (?, ?)
                    ON CONFLICT (site) DO UPDATE SET bytes = excluded.bytes
                    """,
                arguments: [site, Data(profile)])
        }
    }
}
