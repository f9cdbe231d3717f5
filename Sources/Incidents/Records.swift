package import Detection
package import Mitigations
package import Moments

/// The register, as the rest of the office sees it. A door hands the storage in; everything thrown says that storage failed.
///
/// Writes have reached the disk when they return.
package protocol Records: Sendable {
    // MARK: Attacks and incidents

    /// Files an attack, or what is new of one (same site, same start). An attack joins the organisation's incident whose
    /// last attack overlaps it or ended less than an hour before it began; otherwise it opens one.
    func file(
        _ attack: DetectedAttack, organisation: String, service: ServiceKind, judgement: Judgement
    ) async throws -> AttackRecord
    /// - Parameter organisation: nil: of all.
    /// - Returns: those that began in the time given, latest first, at most `limit`.
    func incidents(organisation: String?, in time: Range<Moment>, limit: Int) async throws -> [Incident]
    func incident(number: String) async throws -> Incident?
    /// Attacks that are not over, or whose judgement is provisional.
    func openAttacks() async throws -> [AttackRecord]

    func add(_ post: Post, to incident: Int64) async throws
    func add(_ claim: Claim, to incident: Int64) async throws
    func add(_ evidence: Evidence, to incident: Int64) async throws
    func add(_ sharing: Sharing, to incident: Int64?) async throws

    // MARK: Measures

    /// Files a mitigation, new (id 0) or changed, under the incident if there is one. Returns its id.
    func file(_ mitigation: Mitigation, incident: Int64?) async throws -> Int64
    func mitigations(scope: String?, in time: Range<Moment>) async throws -> [Mitigation]

    // MARK: Measurements

    func add(_ samples: [Sample]) async throws
    /// Oldest first.
    func samples(site: String, path: Sample.Path, in time: Range<Moment>) async throws -> [Sample]
    func add(_ points: [SitePoint]) async throws
    /// Oldest first; second by second where there are seconds.
    func points(site: String, in time: Range<Moment>) async throws -> [SitePoint]
    /// What a day came to, per site; kept when the samples are gone.
    func file(_ day: DayRecord) async throws
    func days(site: String, in days: Range<Day>) async throws -> [DayRecord]

    // MARK: Fingerprints

    /// Files a fingerprint under its identifier; a second time changes nothing.
    func file(_ fingerprint: StoredFingerprint) async throws
    func fingerprint(id: String) async throws -> StoredFingerprint?
    func fingerprints() async throws -> [StoredFingerprint]

    // MARK: Learnt profiles

    /// The site's profile as bytes; Detection reads them.
    func profile(site: String) async throws -> [UInt8]?
    func keep(profile: [UInt8], site: String) async throws

    // MARK: The console

    func account(name: String) async throws -> Account?
    func accounts() async throws -> [Account]
    func keep(_ account: Account) async throws
    /// Keeps it where the one of that name is still as known (nil: there is none); false where it is not.
    func keep(_ account: Account, inPlaceOf known: Account?) async throws -> Bool
    func session(key: String) async throws -> Session?
    func keep(_ session: Session) async throws
    func dropSession(key: String) async throws
    /// Who did what, for the audit: actor, action, object.
    func note(actor: String, action: String, object: String, at: Moment) async throws
    func notes(in time: Range<Moment>, limit: Int) async throws -> [Note]
}

/// What a day came to at one site, as measured through the lane.
package struct DayRecord: Equatable, Sendable, Codable {
    package var site: String
    package var day: Day
    package var worst: ServiceState
    package var downSeconds: Double
    /// Share of the day that was measured, 0...1.
    package var known: Double
    package var requests: UInt64

    package init(site: String, day: Day, worst: ServiceState, downSeconds: Double, known: Double, requests: UInt64) {
        self.site = site
        self.day = day
        self.worst = worst
        self.downSeconds = downSeconds
        self.known = known
        self.requests = requests
    }
}

/// A fingerprint on file: its signed JSON form as bytes, and what is kept beside it.
package struct StoredFingerprint: Equatable, Sendable {
    /// SHA-256 of the canonical form, hexadecimal.
    package var id: String
    package var form: [UInt8]
    /// The organisation it came from: one of ours, or another's name.
    package var origin: String
    package var isImported: Bool
    /// Dry: counted, not acted on.
    package var isDry: Bool
    package var filed: Moment

    package init(id: String, form: [UInt8], origin: String, isImported: Bool, isDry: Bool, filed: Moment) {
        self.id = id
        self.form = form
        self.origin = origin
        self.isImported = isImported
        self.isDry = isDry
        self.filed = filed
    }
}

package struct Note: Equatable, Sendable {
    package var at: Moment
    package var actor: String
    package var action: String
    package var object: String

    package init(at: Moment, actor: String, action: String, object: String) {
        self.at = at
        self.actor = actor
        self.action = action
        self.object = object
    }
}
