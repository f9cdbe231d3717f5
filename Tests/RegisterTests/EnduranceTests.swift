import Detection
import Glibc
import Incidents
import Languages
import Moments
import PublicStatus
import Register
import TestKit
import Testing

/// Killed writers, many tasks, a quarter of a year.
@Suite(.serialized)
struct EnduranceTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(.timeLimit(.minutes(5))) func `a killed writer loses nothing that it had written`() async throws {
        var random = Seeded(4)
        var printed: Set<Int64> = []
        var first: Int64 = 0
        for _ in 0..<100 {
            let writer = try Child([Programs.folder + "/RegisterWriter", folder.path("register"), "\(first)"])
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...200, using: &random)))
            writer.signal(SIGKILL)
            let lines = writer.readOutput().split(separator: "\n")
            #expect(writer.wait() == -SIGKILL, "\(lines.last ?? "")")
            printed.formUnion(lines.compactMap { Int64($0) })
            first = (printed.max() ?? -2) + 2
            let stored = try await stored()
            #expect(printed.isSubset(of: stored))
            #expect(stored.count <= printed.count + 100)
        }
        #expect(printed.count > 200)
    }

    private func stored() async throws -> Set<Int64> {
        let records = try await folder.open()
        let incidents = try await records.incidents(organisation: nil, in: all, limit: 1_000)
        try records.close()
        let posts = incidents.flatMap(\.posts).compactMap { Int64($0.text.nl) }
        let attacks = incidents.flatMap(\.attacks).compactMap { Int64($0.attack.site.dropFirst(5)) }
        return Set(posts + attacks)
    }

    @Test func `many tasks at once get each their record and one chain`() async throws {
        let records = try await folder.open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<40 {
                group.addTask {
                    let organisation = "organisation-\(task % 20)"
                    for round in 0..<5 {
                        let start = Double(round) * 86_400
                        let site = "site-\(task)"
                        let filed = try await records.file(
                            attack(site, from: start, to: start + 60, networks: ["192.0.2.0/24"]),
                            organisation: organisation, service: .publicService, judgement: judgement())
                        try await records.add(post("\(task) \(round)"), to: filed.incident)
                        try await records.keep(profile: [UInt8(task)], site: site)
                        try await records.note(actor: "t", action: "\(task)", object: "\(round)", at: noon)
                        _ = try await records.incidents(organisation: organisation, in: all, limit: 5)
                    }
                }
            }
            try await group.waitForAll()
        }
        try records.close()
        let again = try await folder.open()
        let incidents = try await again.incidents(organisation: nil, in: all, limit: 1_000)
        // Two sites of an organisation at the same moment are one incident.
        #expect(Set(incidents.map(\.number)) == Set((1...100).map { "2026-\($0)" }))
        #expect(incidents.allSatisfy { $0.attacks.count == 2 && $0.posts.count == 2 })
        #expect(try await again.notes(in: all, limit: 1_000).count == 200)
    }

    @Test func `holds ninety days of minutes of twenty sites`() async throws {
        let records = try await folder.open()
        let minutes = 90 * 1_440
        for site in 0..<20 {
            for start in stride(from: 0, to: minutes, by: 14_400) {
                try await records.add(
                    (start..<start + 14_400).map { minute in
                        SitePoint(
                            site: "site-\(site)", at: noon + Double(minute) * 60, span: 60, requests: UInt64(minute),
                            admitted: 1, queued: 0, refused: 0, failed: 0, median: 12.5, p95: 40)
                    })
            }
        }
        try records.close()
        let again = try await folder.open()
        let points = try await again.points(site: "site-7", in: all)
        #expect(points.map(\.requests) == (0..<UInt64(minutes)).map { $0 })
        #expect(try await again.points(site: "site-19", in: noon + 86_400..<noon + 2 * 86_400).count == 1_440)
        let expired = try await again.expire(
            samplesBefore: noon, pointsBefore: noon + 86_400, sealedBefore: noon)
        #expect(expired.points == 20 * 1_440)
    }
}
