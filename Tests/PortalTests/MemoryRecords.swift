internal import Detection
internal import Incidents
internal import Mitigations
internal import Moments

/// The register in memory, whole, so that what the console asks and files can be looked at.
actor MemoryRecords: Records {
    private(set) var incidents: [Incident] = []
    private(set) var measures: [(mitigation: Mitigation, incident: Int64?)] = []
    private var allSamples: [Sample] = []
    private var allPoints: [SitePoint] = []
    private var allDays: [DayRecord] = []
    private var allFingerprints: [StoredFingerprint] = []
    private var profiles: [String: [UInt8]] = [:]
    private var people: [String: Account] = [:]
    private(set) var sessions: [String: Session] = [:]
    private(set) var allNotes: [Note] = []
    /// Every call fails from now on, as when the disk is full.
    private var isBroken = false
    /// Writes other than sessions and notes.
    private(set) var changes = 0

    struct Broken: Error {}

    func breakDown() { isBroken = true }

    private func check() throws {
        if isBroken { throw Broken() }
    }

    private func change() throws {
        try check()
        changes += 1
    }

    func seed(_ incident: Incident) { incidents.append(incident) }

    func file(
        _ attack: DetectedAttack, organisation: String, service: ServiceKind, judgement: Judgement
    ) async throws -> AttackRecord {
        try change()
        let id = Int64(incidents.count + 1)
        let record = AttackRecord(
            id: id, incident: id, organisation: organisation, service: service, attack: attack, judgement: judgement)
        incidents.append(
            Incident(
                id: id, number: "\(attack.start.day.civil.year)-\(id)", organisation: organisation,
                opened: attack.start,
                attacks: [record]))
        return record
    }

    func incidents(organisation: String?, in time: Range<Moment>, limit: Int) async throws -> [Incident] {
        try check()
        let own = incidents.filter { (organisation ?? $0.organisation) == $0.organisation && time.contains($0.opened) }
        return Array(own.sorted { $0.opened > $1.opened }.prefix(limit))
    }

    func incident(number: String) async throws -> Incident? {
        try check()
        return incidents.first { $0.number == number }
    }

    func openAttacks() async throws -> [AttackRecord] {
        try check()
        return incidents.flatMap(\.attacks).filter { !$0.attack.isOver || $0.judgement.isProvisional }
    }

    private func update(_ id: Int64, _ change: (inout Incident) -> Void) throws {
        try self.change()
        guard let index = incidents.firstIndex(where: { $0.id == id }) else { throw Broken() }
        change(&incidents[index])
    }

    func add(_ post: Post, to incident: Int64) async throws { try update(incident) { $0.posts.append(post) } }
    func add(_ claim: Claim, to incident: Int64) async throws { try update(incident) { $0.claims.append(claim) } }
    func add(_ evidence: Evidence, to incident: Int64) async throws {
        try update(incident) { $0.evidence.append(evidence) }
    }
    func add(_ sharing: Sharing, to incident: Int64?) async throws {
        guard let incident else { return try change() }
        try update(incident) { $0.sharings.append(sharing) }
    }

    func file(_ mitigation: Mitigation, incident: Int64?) async throws -> Int64 {
        try change()
        var mitigation = mitigation
        if mitigation.id == 0 { mitigation.id = Int64(measures.count + 1) }
        measures.removeAll { $0.mitigation.id == mitigation.id }
        measures.append((mitigation, incident))
        return mitigation.id
    }

    func mitigations(scope: String?, in time: Range<Moment>) async throws -> [Mitigation] {
        try check()
        return measures.map(\.mitigation).filter { (scope ?? $0.scope) == $0.scope && time.contains($0.since) }
    }

    func add(_ samples: [Sample]) async throws {
        try change()
        allSamples += samples
    }
    func samples(site: String, path: Sample.Path, in time: Range<Moment>) async throws -> [Sample] {
        try check()
        return allSamples.filter { $0.site == site && $0.path == path && time.contains($0.at) }
    }
    func add(_ points: [SitePoint]) async throws {
        try change()
        allPoints += points
    }
    func points(site: String, in time: Range<Moment>) async throws -> [SitePoint] {
        try check()
        return allPoints.filter { $0.site == site && time.contains($0.at) }.sorted { $0.at < $1.at }
    }
    func file(_ day: DayRecord) async throws {
        try change()
        allDays.append(day)
    }
    func days(site: String, in days: Range<Day>) async throws -> [DayRecord] {
        try check()
        return allDays.filter { $0.site == site && days.contains($0.day) }
    }

    func file(_ fingerprint: StoredFingerprint) async throws {
        try change()
        if !allFingerprints.contains(where: { $0.id == fingerprint.id }) { allFingerprints.append(fingerprint) }
    }
    func fingerprint(id: String) async throws -> StoredFingerprint? {
        try check()
        return allFingerprints.first { $0.id == id }
    }
    func fingerprints() async throws -> [StoredFingerprint] {
        try check()
        return allFingerprints
    }

    func profile(site: String) async throws -> [UInt8]? { profiles[site] }
    func keep(profile: [UInt8], site: String) async throws { profiles[site] = profile }

    func account(name: String) async throws -> Account? {
        try check()
        return people[name]
    }
    func accounts() async throws -> [Account] {
        try check()
        return Array(people.values)
    }
    func keep(_ account: Account) async throws {
        try change()
        people[account.name] = account
    }
    func keep(_ account: Account, inPlaceOf known: Account?) async throws -> Bool {
        guard people[account.name] == known else { return false }
        try change()
        people[account.name] = account
        return true
    }
    func session(key: String) async throws -> Session? {
        try check()
        return sessions[key]
    }
    func keep(_ session: Session) async throws {
        try check()
        sessions[session.key] = session
    }
    func dropSession(key: String) async throws {
        try check()
        sessions[key] = nil
    }
    func note(actor: String, action: String, object: String, at: Moment) async throws {
        try check()
        allNotes.append(Note(at: at, actor: actor, action: action, object: object))
    }
    func notes(in time: Range<Moment>, limit: Int) async throws -> [Note] {
        try check()
        return Array(allNotes.filter { time.contains($0.at) }.suffix(limit))
    }
}
