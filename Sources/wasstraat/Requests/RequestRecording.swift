internal import Exchange
internal import Fingerprints
internal import Incidents
internal import Logging
internal import Mitigations
internal import Moments

/// Rules on requests on their way to the register, where each is a measure: filed when it begins, when it goes live or
/// back, now and then while it matches, and when it ends.
actor RequestRecording {
    /// A rule as the office's thread for them last told it.
    struct Entry: Equatable, Sendable {
        var site: String
        var rule: UInt64
        /// As it is exchanged.
        var identifier: String
        /// As it was when it was made.
        var fingerprint: Fingerprint
        var isLive: Bool
        var since: Moment
        var until: Moment
        var hits: UInt64
        var marked: UInt64
        var collateral: Double?
    }

    private struct Place: Hashable {
        var site: String
        var rule: UInt64
    }

    private struct Filed {
        var entry: Entry
        var measure: Mitigation
        var incident: Int64?
        /// Marked before this measure began, in an earlier incident.
        var base: UInt64
        var at: Moment
    }

    /// Seconds between two filings of what a rule matched, and until a measure is filed without an incident: the attack is
    /// put on record after the rule is made.
    private static let pause = 30.0
    private static let patience = 60.0

    private let records: any Records
    private let recorder: Recorder
    private let signer: (name: String, key: SigningKey)
    private let logger = Logger(label: "record")
    private var filed: [Place: Filed] = [:]
    private var isFailing = false

    init(records: any Records, recorder: Recorder, signer: (name: String, key: SigningKey)) {
        self.signer = signer
        self.records = records
        self.recorder = recorder
    }

    /// Files what is due. Rules that found nothing to match stay out: every site has those of the others.
    /// - Parameter isLast: the office ends: everything is filed.
    func turn(_ entries: [Entry], organisations: [String: String], now: Moment, isLast: Bool = false) async {
        do {
            var present: Set<Place> = []
            for entry in entries {
                let place = Place(site: entry.site, rule: entry.rule)
                present.insert(place)
                guard entry.hits > 0, let organisation = organisations[entry.site], isDue(entry, place, now, isLast)
                else { continue }
                let incident = await recorder.incident(of: entry.site)
                var base = filed[place]?.base ?? 0
                // Each incident has a measure of its own: what was marked in one is no count of the next.
                if let last = filed[place], let former = last.incident, let incident, former != incident {
                    try await end(place, last, now)
                    base = last.entry.marked
                }
                let isNew = filed[place] == nil
                if isNew, incident == nil, !isLast, now - entry.since < Self.patience { continue }
                if isNew { try await share(entry, organisation, now) }
                var measure = Self.measure(entry, organisation)
                measure.id = filed[place]?.measure.id ?? 0
                measure.marked = entry.marked - min(base, entry.marked)
                measure.id = try await records.file(measure, incident: incident)
                filed[place] = Filed(
                    entry: entry, measure: measure, incident: incident ?? filed[place]?.incident, base: base, at: now)
            }
            for (place, last) in filed where !present.contains(place) { try await end(place, last, now) }
            isFailing = false
        } catch {
            if Task.isCancelled { return }
            // It is tried again each second; said once.
            if !isFailing {
                logger.error("rules on requests are not on record yet", metadata: ["reason": "\(error)"])
            }
            isFailing = true
        }
    }

    private func end(_ place: Place, _ last: Filed, _ now: Moment) async throws {
        var measure = last.measure
        measure.status = .ended
        measure.until = max(measure.since, now)
        _ = try await records.file(measure, incident: nil)
        filed[place] = nil
    }

    /// Puts the fingerprint on file, signed, where it is fit to be shared.
    private func share(_ entry: Entry, _ organisation: String, _ now: Moment) async throws {
        guard try await records.fingerprint(id: entry.identifier) == nil,
            let form = try? entry.fingerprint.export(signedBy: signer.name, with: signer.key)
        else { return }
        try await records.file(
            StoredFingerprint(
                id: entry.identifier, form: form, origin: organisation, isImported: false, isDry: true, filed: now))
    }

    private func isDue(_ entry: Entry, _ place: Place, _ now: Moment, _ isLast: Bool) -> Bool {
        guard let last = filed[place] else { return true }
        if last.entry.isLive != entry.isLive { return true }
        return last.entry.hits != entry.hits && (isLast || now - last.at >= Self.pause)
    }

    private static func measure(_ entry: Entry, _ organisation: String) -> Mitigation {
        let share = entry.collateral.map { "\($0 * 100) % of the usual requests" } ?? "not measured"
        return Mitigation(
            id: 0, tenant: organisation, scope: entry.site, kind: .fingerprint(entry.identifier),
            status: entry.isLive ? .live : .dry, since: entry.since, until: entry.until,
            reason: "rule \(RequestRule.digits(of: entry.rule)): matched \(entry.hits) requests; "
                + "collateral \(share)", marked: entry.marked)
    }
}

extension RecordService {
    /// Seconds between two offers of what was imported, and how many at most: half of the places at a site.
    private static let offerTime = 60.0
    private static let offerLimit = 32

    /// What others sent counts at every site until its own profile says that it may mark.
    private func offerImported(_ records: any Records) async {
        guard let stored = try? await records.fingerprints() else { return }
        var offered = 0
        for one in stored.filter(\.isImported).sorted(by: { $0.filed > $1.filed }) where offered < Self.offerLimit {
            guard let fingerprint = try? ReceivedFingerprint(parsing: one.form).fingerprint,
                !fingerprint.isOfPackets, fingerprint.expires > .now
            else { continue }
            offered += 1
            requests.put(.take(fingerprint, at: .now), size: one.form.count)
        }
    }

    func recordRequests(_ records: any Records, _ recorder: Recorder, _ key: SigningKey) async {
        let recording = RequestRecording(
            records: records, recorder: recorder, signer: (current.now.configuration.instance, key))
        @Sendable func turn(isLast: Bool = false) async {
            let organisations = Dictionary(
                current.now.configuration.checks.map { ($0.site, $0.organisation) }, uniquingKeysWith: { one, _ in one }
            )
            await recording.turn(
                report.current.requests?.entries ?? [], organisations: organisations, now: .now, isLast: isLast)
        }
        var offeredAt = Moment(milliseconds: 0)
        while !Task.isCancelled {
            await turn()
            if .now - offeredAt >= Self.offerTime {
                offeredAt = .now
                await offerImported(records)
            }
            try? await Task.sleep(for: .seconds(1))
        }
        await uncancelled { await turn(isLast: true) }
    }
}
