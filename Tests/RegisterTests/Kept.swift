internal import Languages

import Detection
import Fingerprints
import Glibc
import Incidents
import Mitigations
import Moments
import PublicStatus
import Register
import TestKit
import Testing

/// SplitMix64: the same content for the same seed, so that a failure can be repeated.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

let key = (0..<32).map { UInt8($0) }
let all = Moment(milliseconds: .min)..<Moment(milliseconds: .max)
/// 2026-03-01T12:00:00Z.
let noon = Moment(seconds: 1_772_366_400)

extension TemporaryFolder {
    func open(_ name: String = "register", key: [UInt8] = key) async throws -> SQLiteRecords {
        try await SQLiteRecords(path: path(name), key: key)
    }

    /// Why the register does not open; a test fails where it does.
    func refusal(_ name: String = "register", key: [UInt8] = key) async throws -> RegisterError {
        let error = await #expect(throws: RegisterError.self) {
            let records = try await open(name, key: key)
            try records.close()
        }
        return try #require(error)
    }

    /// A copy of a closed register, or of one that nobody writes to.
    func copy(_ name: String, to other: String) throws {
        for part in ["", ".head", "-wal"] where access(path(name + part), F_OK) == 0 {
            try write(read(name + part), to: other + part)
        }
    }

    /// Flips some bits of one byte.
    func flip(_ name: String, using random: inout Seeded) throws {
        var bytes = try read(name)
        bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
        try write(bytes, to: name)
    }
}

func attack(
    _ site: String = "www", from start: Double = 0, to end: Double = 600, networks: [String] = [], isOver: Bool = true
) -> DetectedAttack {
    var attack = DetectedAttack(site: site, start: noon + start, detected: noon + start + 3)
    attack.end = noon + end
    attack.isOver = isOver
    attack.peakRate = 1_234
    attack.usualRate = 51.25
    attack.requests = .max
    attack.sources = 500
    attack.networks = networks.map { .init($0, 77) }
    attack.routes = [.init("/zoek?q", 9_000), .init("/", 1)]
    attack.fingerprint = Fingerprint(
        conditions: [.init(.method, "GET"), .init(.route, "/zoek?q")],
        evidence: .init(
            coverage: 0.9, collateral: nil, attackCount: 5, baselineCount: 6, sources: 7, from: noon, until: noon),
        made: noon, expires: noon + 3_600)
    return attack
}

func judgement(_ outcome: Outcome = .fendedOff, provisional: Bool = false) -> Judgement {
    Judgement(
        outcome: outcome, isProvisional: provisional, downtime: .init(seconds: 0.1, shortest: 0, longest: 10),
        known: 0.97,
        basis: .init(vantages: ["here"], networks: 1, interval: 5, samples: 120))
}

func post(_ text: String, at seconds: Double = 0) -> Post {
    Post(at: noon + seconds, author: "anna", text: Words(nl: text, en: "en: " + text))
}

func mitigation(_ scope: String = "www", since: Double = 0, until: Double? = 60) -> Mitigation {
    Mitigation(
        id: 0, tenant: "gemeente", scope: scope, kind: .fingerprint("abc"), status: .live, since: noon + since,
        until: until.map { noon + $0 }, reason: "too much", dropped: 4)
}

func day(_ number: Int64, site: String = "www") -> DayRecord {
    DayRecord(site: site, day: Day(number: number), worst: .degraded, downSeconds: 12.5, known: 0.99, requests: .max)
}

func stored(_ id: String) -> StoredFingerprint {
    StoredFingerprint(id: id, form: [0, 1, 255], origin: "elsewhere", isImported: true, isDry: true, filed: noon)
}

func account(_ name: String) -> Account {
    Account(name: name, role: .analyst, organisation: "gemeente", password: "scrypt$hash")
}

/// All that the chain covers, as it is read.
struct Everything: Equatable {
    var incidents: [Incident]
    var open: [AttackRecord]
    var mitigations: [Mitigation]
    var fingerprints: [StoredFingerprint]
    var accounts: [Account]
    var days: [DayRecord]
    var notes: [Note]

    init(_ records: SQLiteRecords) async throws {
        incidents = try await records.incidents(organisation: nil, in: all, limit: 10_000)
        open = try await records.openAttacks()
        mitigations = try await records.mitigations(scope: nil, in: all)
        fingerprints = try await records.fingerprints()
        accounts = try await records.accounts()
        days = try await records.days(site: "www", in: Day(number: 0)..<Day(number: 1_000_000))
        notes = try await records.notes(in: all, limit: 10_000)
    }
}

/// Files some of everything; each covered table gets a row 1.
func fill(_ records: SQLiteRecords) async throws {
    let filed = try await records.file(
        attack(networks: ["203.0.113.0/24"]), organisation: "gemeente", service: .publicService, judgement: judgement())
    for hour in 2..<8 {
        let start = Double(hour) * 7_200
        _ = try await records.file(
            attack("www", from: start, to: start + 60, networks: ["198.51.100.0/24"], isOver: hour < 7),
            organisation: "gemeente", service: .backOffice, judgement: judgement(.down, provisional: true))
        try await records.add(post("bericht \(hour)"), to: filed.incident)
    }
    let claim = Claim(at: noon, claimant: "x", place: "y", text: "wij", author: "anna")
    try await records.add(claim, to: filed.incident)
    let evidence = Evidence(at: noon, kind: .tool, source: "B", credibility: 3, text: "z", author: "anna")
    try await records.add(evidence, to: filed.incident)
    try await records.add(Sharing(at: noon, fingerprint: "abc", with: "ibd", wasReceived: false), to: filed.incident)
    try await records.add(Sharing(at: noon, fingerprint: "def", with: "ibd", wasReceived: true), to: nil)
    _ = try await records.file(mitigation(), incident: filed.incident)
    try await records.file(stored("abc"))
    try await records.file(day(20_000))
    try await records.keep(account("anna"))
    try await records.note(actor: "anna", action: "log in", object: "console", at: noon)
}
