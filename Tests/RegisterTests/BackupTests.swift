import Glibc
import Incidents
import Register
import Synchronization
import TestKit
import Testing

/// Posts that are on disk.
private final class Tally: Sendable {
    let written = Atomic<Int>(0)
}

struct BackupTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func restore(_ backup: String, to name: String, force: Bool = false) -> RegisterError.Code? {
        do {
            try SQLiteRecords.restore(from: folder.path(backup), to: folder.path(name), key: key, force: force)
            return nil
        } catch {
            return (error as? RegisterError)?.code
        }
    }

    @Test func `a backup under constant writes is whole, and holds all that was written before it`() async throws {
        let records = try await folder.open()
        let incident = try await records.file(
            attack(), organisation: "gemeente", service: .publicService, judgement: judgement()
        ).incident
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<2 {
                group.addTask {
                    var number = 0
                    while !Task.isCancelled {
                        try await records.add(post("\(writer) \(number)"), to: incident)
                        number += 1
                        tally.written.add(1, ordering: .sequentiallyConsistent)
                    }
                }
            }
            for round in 0..<10 {
                while tally.written.load(ordering: .sequentiallyConsistent) < round * 20 {
                    try await Task.sleep(for: .milliseconds(1))
                }
                let before = tally.written.load(ordering: .sequentiallyConsistent)
                try await records.backup(to: folder.path("copy\(round)"))
                #expect(restore("copy\(round)", to: "back\(round)") == nil)
                let back = try await folder.open("back\(round)")
                let count = try await back.incident(number: "2026-1")?.posts.count ?? 0
                #expect(count >= before)
                try back.close()
            }
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError {}
        }
        try records.close()
        let again = try await folder.open()
        #expect(try await again.incident(number: "2026-1")!.posts.count >= tally.written.load(ordering: .relaxed))
    }

    @Test func `overwrites nothing unless told to, and nothing that is open`() async throws {
        let records = try await folder.open()
        try await fill(records)
        let before = try await Everything(records)
        try await records.backup(to: folder.path("copy"))
        let error = await #expect(throws: RegisterError.self) { try await records.backup(to: folder.path("copy")) }
        #expect(error?.code == .exists)
        try await records.keep(account("later"))
        #expect(restore("copy", to: "register") == .exists)
        #expect(restore("copy", to: "register", force: true) == .inUse)
        #expect(try await records.accounts().count == 2)
        try records.close()
        #expect(restore("copy", to: "register") == .exists)
        #expect(restore("copy", to: "register", force: true) == nil)
        let again = try await folder.open()
        #expect(try await Everything(again) == before)
        try await again.keep(account("other"))
    }

    @Test func `puts a backup in the place of a damaged register`() async throws {
        let records = try await folder.open()
        try await fill(records)
        let before = try await Everything(records)
        try await records.backup(to: folder.path("copy"))
        try records.close()
        try folder.write("torn", to: "register")
        _ = try await folder.refusal()
        #expect(restore("copy", to: "register", force: true) == nil)
        let again = try await folder.open()
        #expect(try await Everything(again) == before)
    }

    @Test func `refuses a backup that is not whole, and changes nothing`() async throws {
        let records = try await folder.open()
        try await fill(records)
        try await records.backup(to: folder.path("copy"))
        try records.close()
        let bytes = try folder.read("register")
        #expect(restore("none", to: "new") == .missing)
        var damaged = try folder.read("copy")
        damaged.removeLast(4_096)
        try folder.write(damaged, to: "short")
        try folder.write(try folder.read("copy.head"), to: "short.head")
        #expect([.torn, .tampered].contains(restore("short", to: "new")))
        try folder.write(try folder.read("copy"), to: "headless")
        #expect(restore("headless", to: "new") == .missing)
        #expect(restore("short", to: "register", force: true) != nil)
        #expect(try folder.read("register") == bytes)
        for name in ["new", "new.head", "new.restoring", "register.restoring"] {
            #expect(access(folder.path(name), F_OK) != 0, "\(name)")
        }
        #expect(throws: RegisterError.self) {
            try SQLiteRecords.restore(
                from: folder.path("copy"), to: folder.path("new"), key: .init(repeating: 1, count: 32))
        }
        let other = try await folder.open()
        let error = await #expect(throws: RegisterError.self) {
            try await other.backup(to: folder.path("no/such/folder"))
        }
        #expect(error?.code == .failed)
    }
}
