internal import Detection
internal import Incidents
internal import Logging
internal import Mitigations
internal import Moments

/// What rules against attacks dropped, on its way to the register: looked at each second, filed now and then.
actor RuleRecording {
    /// Seconds back in which a measure that goes on can have begun: a rule that nobody ends lasts a day.
    private static let reach = 7 * 86_400.0

    private let records: any Records
    private let rules: FilterRules
    private let logger = Logger(label: "record")
    private var measures: RuleMeasures
    private var isFailing = false

    init(records: any Records, rules: FilterRules, machine: String, now: Moment) async throws {
        self.records = records
        self.rules = rules
        let open = try await records.mitigations(scope: nil, in: now + -Self.reach..<now + 1)
        measures = RuleMeasures(machine: machine, resuming: open)
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
        measures.observe(seen.rules, gone: seen.gone, isKnown: seen.isKnown, interface: seen.interface, at: now)
        var known: [PlaceOfAttack: Int64] = [:]
        do {
            for item in isLast ? measures.unfiled : measures.due(at: now) {
                var incident = item.incident
                if incident == nil, item.measure.id == 0, let attack = PlaceOfAttack(item.measure) {
                    incident = known[attack]
                    if incident == nil { incident = try await self.incident(of: attack) }
                    known[attack] = incident
                    // The attack is filed after the filter was told of it.
                    if incident == nil, !isLast, now - item.measure.since < RuleMeasures.incidentTime { continue }
                }
                let id = try await records.file(item.measure, incident: incident)
                measures.filed(item, as: id, under: incident, at: now)
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

    private func incident(of attack: PlaceOfAttack) async throws -> Int64? {
        let around = attack.start + -Self.reach..<attack.start + 86_400
        return try await records.incidents(organisation: attack.organisation, in: around, limit: 1_000).first {
            $0.attacks.contains { $0.attack.site == attack.site && $0.attack.start == attack.start }
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

extension RecordService {
    /// Nothing where there is no filter.
    func recordRules(_ records: any Records) async {
        guard let rules else { return }
        let machine = current.now.configuration.instance
        var recording: RuleRecording?
        while !Task.isCancelled {
            do {
                if recording == nil {
                    recording = try await RuleRecording(records: records, rules: rules, machine: machine, now: .now)
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
