internal import Addresses
internal import Detection
internal import Incidents
internal import Logging
internal import Mitigations
internal import Moments
internal import Settings

/// What the packet filter did against attacks, with rules, blocks and cookies, on its way to the register: looked at each
/// second, filed now and then.
actor FilterRecording {
    /// Seconds back in which a measure that goes on can have begun: a rule that nobody ends lasts a day.
    private static let reach = 7 * 86_400.0

    private let records: any Records
    private let recorder: Recorder
    private let rules: FilterRules
    private let sources: FilterSources
    private let logger = Logger(label: "record")
    private var measures: RuleMeasures
    private var blocks: TallyMeasures
    /// Of this turn, so that each is looked for once.
    private var incidents: [PlaceOfAttack: Int64?] = [:]
    /// Likewise: attacks on record that go on.
    private var open: [AttackRecord]?
    /// Of rules by hand, as they were found last.
    private var handAttacks: [TallyTable.Owner: Moment] = [:]
    /// Named by hand for a site that is not theirs; said once.
    private var strangers: Set<TallyTable.Owner> = []
    private var isFailing = false

    init(
        records: any Records, recorder: Recorder, rules: FilterRules, sources: FilterSources, machine: String,
        now: Moment
    ) async throws {
        self.records = records
        self.recorder = recorder
        self.rules = rules
        self.sources = sources
        let open = try await records.mitigations(scope: nil, in: now + -Self.reach..<now + 1)
        measures = RuleMeasures(machine: machine, resuming: open)
        blocks = TallyMeasures(machine: machine, resuming: open)
    }

    /// Takes in what the filter counts now, and files what is due.
    /// - Parameter isLast: the office ends: everything is filed.
    func turn(_ now: Moment, isLast: Bool = false) async {
        let seen = rules.use { handover in
            (
                rules: handover.rules, gone: handover.takeGone(), isKnown: handover.isKnown,
                interface: handover.interface
            )
        }
        open = nil
        // A rule that both want is one in the filter, and one on record.
        let own = Set(seen.rules.map(\.key))
        let byHand = await againstAttacks(rules.useByHand { $0.rules }.filter { !own.contains($0.key) })
        measures.observe(
            seen.rules + byHand, gone: seen.gone, isKnown: seen.isKnown, interface: seen.interface, at: now)
        do {
            try await look(at: now)
            incidents = [:]
            for var item in isLast ? measures.unfiled : measures.due(at: now) {
                guard let id = try await file(&item, isLast: isLast, at: now) else { continue }
                measures.filed(item, as: id, under: item.incident, at: now)
            }
            for var item in isLast ? blocks.unfiled : blocks.due(at: now) {
                if item.isNobodys {
                    if item.isOver { blocks.filed(item, as: 0, under: nil, at: now) }
                    continue
                }
                guard let id = try await file(&item, isLast: isLast, at: now) else { continue }
                blocks.filed(item, as: id, under: item.incident, at: now)
            }
            isFailing = false
        } catch {
            if Task.isCancelled { return }
            // It is tried again each second; said once.
            if !isFailing {
                logger.error(
                    "what the packet filter dropped is not on record yet", metadata: ["reason": "\(error)"])
            }
            isFailing = true
        }
    }

    /// Takes in what blocks dropped and cookies answered. An attack whose sources are held back goes on, though its
    /// requests do not come any more: the recorder is told.
    private func look(at now: Moment) async throws {
        let said = sources.tallies
        for owner in blocks.unknown(among: said.tallies) {
            let before = try await records.mitigations(scope: owner.site, in: Moment(seconds: 0)..<now + 1)
            blocks.know(owner, last: before.last { $0.kind == owner.cause.kind && $0.tenant == owner.tenant })
        }
        var attacks: [TallyTable.Owner: Moment] = [:]
        for tally in said.tallies where tally.entries > 0 {
            attacks[tally.owner] = try await attack(on: tally.owner)
        }
        let heldBack = blocks.observe(
            said.tallies, attacks: attacks, isKnown: said.isKnown, interface: said.interface, at: now)
        if !heldBack.isEmpty { await recorder.hear(heldBack: heldBack) }
    }

    /// Rules by hand whose attack goes on: what they drop at other times is on no attack's record.
    private func againstAttacks(_ rules: [RuleHandover.Rule]) async -> [RuleHandover.Rule] {
        var attacks: [TallyTable.Owner: Moment] = [:]
        var seen: Set<TallyTable.Owner> = []
        for rule in rules {
            let owner = rule.owner
            guard seen.insert(owner).inserted else { continue }
            // Where the register does not answer, what it said last holds.
            do { attacks[owner] = try await attack(on: owner) } catch { attacks[owner] = handAttacks[owner] }
        }
        handAttacks = attacks
        return rules.compactMap { rule in
            let owner = rule.owner
            var rule = rule
            rule.attack = attacks[owner].map { .init(organisation: owner.tenant, site: owner.site, start: $0) }
            return rule.attack == nil ? nil : rule
        }
    }

    /// When the attack began that goes on at a site, or on a network: of several the one on the very network, then on the
    /// narrowest around it or in it, then the latest.
    private func attack(on owner: TallyTable.Owner) async throws -> Moment? {
        guard Prefix(owner.site) != nil else {
            if owner.cause == .byHand, await !recorder.serves(owner.site, of: owner.tenant),
                strangers.count < TallyTable.limit, strangers.insert(owner).inserted
            {
                logger.warning(
                    "what the packet filter does by hand for a site that the organisation has not is on no record",
                    metadata: ["site": "\(owner.site)", "organisation": "\(owner.tenant)"])
            }
            return await recorder.attack(on: owner.site, of: owner.tenant)
        }
        if open == nil { open = try await records.openAttacks().filter { !$0.attack.isOver } }
        let found = open?.filter { record in
            record.organisation == owner.tenant && Incident.isSame(record.attack.site, owner.site)
                && (owner.cause != .flood || record.attack.isSYNFlood)
        }
        func rank(_ record: AttackRecord) -> (Int, Int, Moment) {
            let site = record.attack.site
            return (site == owner.site ? 1 : 0, Prefix(site)?.length ?? 0, record.attack.start)
        }
        return found?.max { rank($0) < rank($1) }?.attack.start
    }

    /// Files a measure under its attack's incident; nil: that is not on record yet.
    private func file(_ item: inout FiledMeasure, isLast: Bool, at now: Moment) async throws -> Int64? {
        if item.incident == nil, let attack = PlaceOfAttack(item.measure) {
            item.incident = try await incident(of: attack)
        }
        if !isLast, item.waits(at: now) { return nil }
        return try await records.file(item.measure, incident: item.incident)
    }

    private func incident(of attack: PlaceOfAttack) async throws -> Int64? {
        if let known = incidents[attack] { return known }
        let found = try await search(attack)
        incidents[attack] = .some(found)
        return found
    }

    private func search(_ attack: PlaceOfAttack) async throws -> Int64? {
        let around = attack.start + -Self.reach..<attack.start + 86_400
        return try await records.incidents(organisation: attack.organisation, in: around, limit: 1_000).first {
            $0.attacks.contains {
                Incident.isSame($0.attack.site, attack.site) && $0.attack.start == attack.start
            }
        }?.id
    }
}

/// Where and when an attack that a measure is against stands on record.
private struct PlaceOfAttack: Hashable {
    let organisation: String
    let site: String
    let start: Moment

    init?(_ measure: Mitigation) {
        guard let start = measure.packets?.attack else { return nil }
        organisation = measure.tenant
        site = measure.scope
        self.start = start
    }
}

extension DetectedAttack {
    fileprivate var isSYNFlood: Bool { traffic?.vectors.contains { $0.kind == FloodOrders.kind } ?? false }
}

extension RuleHandover.Rule {
    fileprivate var owner: TallyTable.Owner {
        TallyTable.Owner(tenant: note.tenant, site: note.site, cause: .byHand)
    }
}

extension RecordService {
    /// Nothing where there is no filter.
    func recordFilter(_ records: any Records, _ recorder: Recorder) async {
        guard let rules, let sources else { return }
        let machine = current.now.configuration.instance
        var recording: FilterRecording?
        while !Task.isCancelled {
            do {
                if recording == nil {
                    recording = try await FilterRecording(
                        records: records, recorder: recorder, rules: rules, sources: sources, machine: machine,
                        now: .now)
                }
                await recording?.turn(.now)
            } catch {
                if !Task.isCancelled {
                    logger.error("the register does not answer", metadata: ["reason": "\(error)"])
                }
            }
            try? await Task.sleep(for: .seconds(1))
        }
        guard let recording else { return }
        await uncancelled { await recording.turn(.now, isLast: true) }
    }
}
