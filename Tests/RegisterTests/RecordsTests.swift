import Detection
import FoundationEssentials
import Incidents
import Mitigations
import Moments
import PublicStatus
import Register
import TestKit
import Testing

struct RecordsTests {
    private let folder: TemporaryFolder
    private let records: SQLiteRecords

    init() async throws {
        folder = try TemporaryFolder()
        records = try await folder.open()
    }

    private func file(_ attack: DetectedAttack, _ organisation: String = "gemeente") async throws -> AttackRecord {
        try await records.file(attack, organisation: organisation, service: .publicService, judgement: judgement())
    }

    @Test func `gives back an attack as it was filed but for its networks`() async throws {
        let filed = try await file(attack(networks: ["203.0.113.0/24"]))
        #expect(filed.attack == attack())
        let incident = try #require(try await records.incident(number: "2026-1"))
        #expect(incident.attacks == [filed])
        #expect(incident.opened == noon)
        #expect(incident.organisation == "gemeente")
        #expect(try await records.incident(number: "2026-2") == nil)
        #expect(try await records.incident(number: "2026-1\0") == nil)
    }

    @Test func `gives back an attack with packets as it was filed`() async throws {
        var watched = attack("198.51.100.0/24", networks: ["203.0.113.0/24"], isOver: false)
        let mark = try #require(watched.fingerprint)
        watched.fingerprint = nil
        watched.traffic = DetectedTraffic(target: "198.51.100.0/22", sites: ["www"])
        watched.traffic?.packets = .max
        watched.traffic?.vectors = [
            .init(kind: "dns-reflection", packets: 5, bytes: 6, start: noon, end: noon + 9, fingerprint: mark)
        ]
        watched.traffic?.points = [.init(at: noon, packets: 1, bytes: .max)]
        let filed = try await file(watched)
        watched.networks = []
        #expect(filed.attack == watched)
        #expect(try await records.openAttacks() == [filed])
        watched.traffic?.points = (0...1_000).map { .init(at: noon + Double($0), packets: 1, bytes: 1) }
        await #expect(throws: RegisterError.self) { _ = try await file(watched) }
    }

    @Test(arguments: [(599.0, true), (4_199.999, true), (4_200, false), (9_000, false), (-1_000, false), (-700, true)])
    func `joins what overlaps or follows within an hour`(start: Double, joins: Bool) async throws {
        let first = try await file(attack("one", from: 0, to: 600))
        let second = try await file(attack("two", from: start, to: start + 900))
        #expect((first.incident == second.incident) == joins)
    }

    @Test func `opens an incident no later than its first attack began`() async throws {
        _ = try await file(attack("one", from: 0, to: 600))
        _ = try await file(attack("two", from: -300, to: 100))
        let incidents = try await records.incidents(organisation: nil, in: all, limit: 5)
        #expect(incidents.map(\.opened) == [noon + -300])
        #expect(incidents.first?.attacks.map(\.attack.site) == ["two", "one"])
    }

    @Test func `keeps organisations apart and numbers by the year of the start`() async throws {
        let newYear = Day(year: 2027, month: 1, day: 1)!.start - noon
        for (organisation, start) in [
            ("a", 0.0), ("b", 1), ("a", newYear - 0.001), ("b", newYear), ("a", newYear + 9_000),
        ] {
            _ = try await file(attack(organisation, from: start, to: start + 60), organisation)
        }
        let incidents = try await records.incidents(organisation: nil, in: all, limit: 10)
        #expect(incidents.map(\.number) == ["2027-2", "2027-1", "2026-3", "2026-2", "2026-1"])
        #expect(
            try await records.incidents(organisation: "b", in: all, limit: 10).map(\.number) == ["2027-1", "2026-2"])
        #expect(
            try await records.incidents(organisation: nil, in: all, limit: 2).map(\.number) == ["2027-2", "2027-1"])
        #expect(
            try await records.incidents(organisation: nil, in: noon..<noon + 1, limit: 10).map(\.number) == ["2026-1"])
        #expect(try await records.incidents(organisation: nil, in: all, limit: -1) == [])
    }

    @Test func `rewrites an attack that goes on and tells which are open`() async throws {
        var running = attack(isOver: false)
        let first = try await file(running)
        #expect(try await records.openAttacks() == [first])
        running.end = noon + 900
        running.isOver = true
        let provisional = try await records.file(
            running, organisation: "gemeente", service: .publicService, judgement: judgement(provisional: true))
        #expect(provisional.id == first.id)
        #expect(try await records.openAttacks() == [provisional])
        let last = try await file(running)
        #expect(try await records.openAttacks() == [])
        #expect(try await records.incident(number: "2026-1")?.attacks == [last])
    }

    @Test func `writes nothing where nothing is new`() async throws {
        try await fill(records)
        let head = try folder.read("register.head")
        _ = try await file(attack(networks: ["203.0.113.0/24"]))
        _ = try await file(attack())
        try await records.file(stored("abc"))
        try await records.file(day(20_000))
        try await records.keep(account("anna"))
        var known = mitigation()
        known.id = 1
        _ = try await records.file(known, incident: nil)
        #expect(try folder.read("register.head") == head)
    }

    @Test func `gathers what belongs to an incident, oldest first`() async throws {
        let incident = try await file(attack()).incident
        try await records.add(post("tweede\0", at: 2), to: incident)
        try await records.add(post("eerste \u{1F1F3}\u{1F1F1}", at: 1), to: incident)
        let claim = Claim(at: noon, claimant: "x", place: "y", text: "wij", author: "anna")
        try await records.add(claim, to: incident)
        let evidence = Evidence(at: noon, kind: .statement, source: "A", credibility: 1, text: "z", author: "anna")
        try await records.add(evidence, to: incident)
        let sharing = Sharing(at: noon, fingerprint: "abc", with: "ibd", wasReceived: false)
        try await records.add(sharing, to: incident)
        try await records.add(sharing, to: nil)
        let found = try #require(try await records.incident(number: "2026-1"))
        #expect(found.posts == [post("eerste \u{1F1F3}\u{1F1F1}", at: 1), post("tweede\0", at: 2)])
        #expect(found.claims == [claim])
        #expect(found.evidence == [evidence])
        #expect(found.sharings == [sharing])
        let error = await #expect(throws: RegisterError.self) { try await records.add(claim, to: 99) }
        #expect(error?.code == .unknown)
    }

    @Test func `a measure of before packets were counted reads and writes as it did`() throws {
        let old =
            #"{"dropped":4,"id":0,"kind":{"fingerprint":{"_0":"abc"}},"reason":"too much","scope":"www","#
            + #""since":1772366400000,"status":"live","tenant":"gemeente","until":1772366460000}"#
        let read = try JSONDecoder().decode(Mitigation.self, from: Data(old.utf8))
        #expect(read == mitigation() && read.packets == nil)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        #expect(try String(decoding: encoder.encode(read), as: UTF8.self) == old)
    }

    @Test func `files what the packet filter dropped, up to the greatest count`() async throws {
        var measure = mitigation("198.51.100.7", until: nil)
        measure.kind = .packetRule("abc")
        var tally = PacketTally(
            isLive: true, machine: "wasstraat", interface: "eth0", attack: noon, match: "source_port=53 → 198.51.100.7")
        tally.count(FilterCount(packets: 9, bytes: .max), isLive: true)
        measure.packets = tally
        measure.id = try await records.file(measure, incident: nil)
        #expect(try await records.mitigations(scope: "198.51.100.7", in: all) == [measure])
        measure.packets?.match = String(repeating: "x", count: 70_000)
        await #expect(throws: RegisterError.self) { try await records.file(measure, incident: nil) }
        var blocked = mitigation("waterdam")
        blocked.kind = .blockedSources
        blocked.packets = PacketTally(isLive: true, machine: "wasstraat", interface: "eth0", attack: nil)
        blocked.id = try await records.file(blocked, incident: nil)
        #expect(try await records.mitigations(scope: "waterdam", in: all) == [blocked])
        var answered = mitigation("198.51.100.0/24")
        answered.kind = .synCookies
        answered.packets = PacketTally(isLive: true, machine: "wasstraat", interface: "eth0", attack: noon)
        answered.packets?.count(dropped: FilterCount(), answered: FilterCount(packets: 7, bytes: 420))
        answered.id = try await records.file(answered, incident: nil)
        #expect(try await records.mitigations(scope: "198.51.100.0/24", in: all) == [answered])
    }

    @Test func `files a mitigation and what becomes of it`() async throws {
        let incident = try await file(attack()).incident
        var first = mitigation(until: nil)
        first.id = try await records.file(first, incident: incident)
        #expect(first.id == 1)
        let other = try await records.file(mitigation("mail", since: 100, until: 200), incident: nil)
        first.status = .undone
        first.until = noon + 30
        first.dropped = 9
        #expect(try await records.file(first, incident: nil) == 1)
        #expect(try await records.incident(number: "2026-1")?.mitigations == [first])
        #expect(try await records.mitigations(scope: "www", in: all) == [first])
        #expect(try await records.mitigations(scope: nil, in: noon + 29..<noon + 100) == [first])
        #expect(try await records.mitigations(scope: nil, in: noon + 30..<noon + 101).map(\.id) == [other])
        first.id = 77
        let error = await #expect(throws: RegisterError.self) { try await records.file(first, incident: nil) }
        #expect(error?.code == .unknown)
    }

    @Test func `keeps samples by way and moment`() async throws {
        func sample(_ at: Double, _ path: Sample.Path, _ result: Sample.Result = .success) -> Sample {
            Sample(
                site: "www", vantage: "here", network: "AS1", path: path, at: noon + at, result: result,
                firstByte: result == .success ? 12.25 : nil)
        }
        try await records.add([sample(10, .lane), sample(5, .lane, .timeout), sample(5, .origin)])
        try await records.add([sample(10, .lane, .wrong)])
        #expect(
            try await records.samples(site: "www", path: .lane, in: all)
                == [sample(5, .lane, .timeout), sample(10, .lane, .wrong)])
        #expect(try await records.samples(site: "www", path: .lane, in: noon + 5..<noon + 10).count == 1)
        #expect(try await records.samples(site: "ww", path: .lane, in: all) == [])
    }

    @Test func `tells a minute by its seconds where there are some`() async throws {
        func point(_ at: Double, _ span: Int) -> SitePoint {
            SitePoint(
                site: "www", at: noon + at, span: span, requests: .max, admitted: 4, queued: 3, refused: 2, failed: 1,
                median: 1.5, p95: nil)
        }
        try await records.add([point(60, 60), point(0, 60), point(120, 60), point(119, 1), point(60, 1)])
        #expect(
            try await records.points(site: "www", in: all)
                == [point(0, 60), point(60, 1), point(119, 1), point(120, 60)])
        #expect(try await records.points(site: "www", in: noon + 61..<noon + 120) == [point(119, 1)])
    }

    @Test func `keeps days, fingerprints, profiles`() async throws {
        try await records.file(day(20_001))
        try await records.file(day(20_000))
        var changed = day(20_001)
        changed.worst = .down
        try await records.file(changed)
        let days = Day(number: 20_000)..<Day(number: 20_002)
        #expect(try await records.days(site: "www", in: days) == [day(20_000), changed])

        try await records.file(stored("b"))
        try await records.file(stored("a"))
        var second = stored("a")
        second.isDry = false
        try await records.file(second)
        #expect(try await records.fingerprints() == [stored("b"), stored("a")])
        #expect(try await records.fingerprint(id: "a") == stored("a"))
        #expect(try await records.fingerprint(id: "c") == nil)

        #expect(try await records.profile(site: "www") == nil)
        try await records.keep(profile: [1, 2, 3], site: "www")
        try await records.keep(profile: [0, 255], site: "www")
        #expect(try await records.profile(site: "www") == [0, 255])
    }

    @Test func `keeps accounts and sessions`() async throws {
        try await records.keep(account("bert"))
        try await records.keep(account("anna"))
        var changed = account("bert")
        changed.organisation = nil
        changed.role = .operator
        changed.factor = Array(1...20)
        try await records.keep(changed)
        #expect(try await records.accounts() == [account("anna"), changed])
        #expect(try await records.account(name: "bert") == changed)
        #expect(try await records.account(name: "bert\0x") == nil)
        #expect(try await records.account(name: "x") == nil)
        var other = changed
        other.factor = nil
        for known in [nil, other, account("bert")] {
            #expect(try await records.keep(account("bert"), inPlaceOf: known) == false)
        }
        #expect(try await records.account(name: "bert") == changed)
        #expect(try await records.keep(other, inPlaceOf: changed))
        #expect(try await records.account(name: "bert") == other)
        #expect(try await records.keep(account("carl"), inPlaceOf: nil))

        let session = Session(key: "aa", account: "bert", expires: noon)
        try await records.keep(session)
        #expect(try await records.session(key: "aa") == session)
        #expect(try await records.session(key: "aa\0") == nil)
        try await records.dropSession(key: "aa")
        #expect(try await records.session(key: "aa") == nil)
    }

    @Test func `notes who did what, latest first`() async throws {
        for number in 0..<5 {
            try await records.note(actor: "anna", action: "post", object: "2026-\(number)", at: noon + Double(number))
        }
        try await records.note(actor: "a\0b", action: "x", object: String(repeating: "é", count: 2_000), at: noon + 9)
        let notes = try await records.notes(in: all, limit: 3)
        #expect(notes.map(\.at) == [noon + 9, noon + 4, noon + 3])
        #expect(notes[1] == Note(at: noon + 4, actor: "anna", action: "post", object: "2026-4"))
        #expect(notes[0].actor == "a b")
        #expect(notes[0].object == String(repeating: "é", count: 512) + "…")
        #expect(try await records.notes(in: noon + 1..<noon + 3, limit: 9).map(\.object) == ["2026-2", "2026-1"])
    }

    @Test func `refuses texts over 64 KiB and values that cannot be kept`() async throws {
        let fits = String(repeating: "x", count: 65_536)
        let incident = try await file(attack()).incident
        try await records.add(post(fits.dropLast(4).description), to: incident)
        func code(_ body: () async throws -> Void) async -> RegisterError.Code? {
            do { try await body() } catch { return (error as? RegisterError)?.code }
            return nil
        }
        #expect(await code { try await records.add(post(fits), to: incident) } == .tooLong)
        #expect(await code { _ = try await file(attack(fits + "x")) } == .tooLong)
        #expect(await code { _ = try await file(attack("a\0b")) } == .invalid)
        var wrong = attack()
        wrong.usualRate = .nan
        #expect(await code { _ = try await file(wrong) } == .invalid)
        var broken = day(1)
        broken.known = .nan
        #expect(await code { try await records.file(broken) } == .invalid)
        #expect(
            await code { try await records.keep(profile: .init(repeating: 0, count: 17 << 20), site: "w") } == .tooLong)
        var large = stored("x")
        large.form = .init(repeating: 0, count: 65_537)
        #expect(await code { try await records.file(large) } == .tooLong)
        // What was refused left nothing behind.
        try records.close()
        let again = try await folder.open()
        #expect(try await again.incident(number: "2026-1")?.posts.count == 1)
        #expect(try await again.fingerprints() == [])
    }
}
