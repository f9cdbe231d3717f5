internal import Addresses
internal import Detection
internal import Incidents
internal import Logging
internal import Moments

/// Attacks seen in flow exports.
extension Recorder {
    /// Takes up what an earlier collector left: attacks that were going on, those whose judgement may still change, and
    /// those that the register did not take.
    /// - Returns: a ledger that goes on with the first.
    func resume(_ networks: ServedNetworks, now: Moment) async throws -> TrafficLedger {
        var open: [AttackRecord] = []
        for record in try await records.openAttacks() where record.attack.traffic != nil {
            open.append(record)
            if try await isSettled(record, now: now) { continue }
            let part = Prefix(record.attack.site).flatMap { block in
                networks.parts(of: block).first { $0.organisation == record.organisation }
            }
            cases[Self.key(record.attack)] = Case(
                attack: record.attack, organisation: record.organisation, service: record.service,
                title: part?.title ?? record.organisation, judgement: record.judgement, record: record, isFiled: true)
        }
        for attack in spool.take() {
            guard let part = Prefix(attack.site).flatMap({ networks.parts(of: $0).first }) else {
                logger.error(
                    "an attack that the register had not taken is on no organisation's network any more",
                    metadata: ["site": "\(attack.site)", "start": "\(attack.start.text)"])
                continue
            }
            let key = Self.key(attack)
            var record = AttackRecord(
                id: 0, incident: 0, organisation: part.organisation, service: part.service, attack: attack,
                judgement: Judgement(
                    of: [], start: attack.start, end: attack.end, isOver: false, interval: interval, now: attack.end))
            if let place = open.firstIndex(where: { Self.key($0.attack) == key }) {
                guard open[place].attack.end <= attack.end else { continue }
                record.organisation = open[place].organisation
                record.service = open[place].service
                open.remove(at: place)
            }
            open.append(record)
            note(
                .changed(attack), organisation: record.organisation, service: record.service, title: part.title)
            isFailing = true
        }
        return TrafficLedger(networks, resuming: open, at: now)
    }

    /// Nothing more is to be said of it: what was said is on the timeline, and its checks may be gone by now.
    private func isSettled(_ record: AttackRecord, now: Moment) async throws -> Bool {
        let settled = record.attack.end + Judgement.aftermath
        guard record.attack.isOver, now > settled else { return false }
        guard record.service == .publicService else { return now > settled + Judgement.aftermath }
        let around = record.attack.start + -86_400..<record.attack.start + 86_400
        let incidents = try await records.incidents(organisation: record.organisation, in: around, limit: 1_000)
        let posts = incidents.first { $0.id == record.incident }?.posts ?? []
        return posts.contains { $0.author == Self.author && $0.at == settled }
    }

    func take(_ findings: [TrafficFinding]) {
        for finding in findings {
            note(
                finding.event, organisation: finding.organisation, service: finding.service, title: finding.title)
            guard !finding.joined.isEmpty else { continue }
            logger.warning(
                "an attack changed: a vector joined",
                metadata: [
                    "site": "\(finding.event.attack.site)", "vectors": "\(finding.joined.joined(separator: ", "))",
                ])
        }
    }

    /// Files what is left, at the end.
    func finish(_ now: Moment) async {
        do {
            try await store(now)
            if isFailing { spool.clear() }
        } catch {
            logger.error("the register does not take records; they are kept", metadata: ["reason": "\(error)"])
            spool.keep(cases.values.filter { !$0.isFiled }.map(\.attack))
        }
    }
}

/// Work that has to come to its end although the task that it is done for was cancelled: a register writes nothing for a
/// cancelled task. The caller waits for it.
func uncancelled<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) async -> Value {
    // Not loose: it is waited for, and a child task would be cancelled with its parent.
    await Task { await work() }.value
}
