internal import Incidents
internal import Messages
internal import Mitigations
internal import Moments

/// What the console may know of the running street, and may tell it.
actor OfficeStreet: Street {
    private let records: any Records
    private let recorder: Recorder
    private let mailbox: Mailbox
    private let report: OfficeReport
    /// Sites that the operator lets through, until when, and the mitigation that says so.
    private var observed: [String: (until: Moment, mitigation: Mitigation)] = [:]

    init(records: any Records, recorder: Recorder, mailbox: Mailbox, report: OfficeReport) {
        self.records = records
        self.recorder = recorder
        self.mailbox = mailbox
        self.report = report
    }

    func now() async -> [SiteNow] {
        let moment = Moment.now
        var sites: [SiteNow] = []
        for (name, ledger) in await recorder.ledgers.sorted(by: { $0.key < $1.key }) {
            let state = ledger.now
            // A register that fails must not hide how the street is doing.
            let day = moment + -86_400..<moment + 1
            let mitigations = (try? await records.mitigations(scope: name, in: day)) ?? []
            sites.append(
                SiteNow(
                    site: name, organisation: ledger.site.organisation, host: ledger.site.host,
                    service: ledger.site.service, state: await recorder.state(of: name, now: moment),
                    isObserving: state.observing, isUnderPressure: state.pressure, limit: state.limit,
                    inFlight: state.inFlight, waiting: state.waiting, healthyOrigins: state.healthy,
                    origins: state.origins, point: ledger.last, incident: await recorder.number(of: name),
                    mitigations: mitigations))
        }
        return sites
    }

    func packetFilter() -> PacketFilterNow { report.current.filter?.now ?? .notConfigured }

    func seconds() async -> AsyncStream<[SitePoint]> { await recorder.seconds() }

    func observe(site: String, until: Moment, by account: String) async throws {
        guard let ledger = await recorder.ledgers[site] else { return }
        let now = Moment.now
        var mitigation = Mitigation(
            id: observed[site]?.mitigation.id ?? 0, tenant: ledger.site.organisation, scope: site, kind: .observe,
            status: .live, since: now, until: until, reason: "\(account) lets everything through")
        mitigation.id = try await records.file(mitigation, incident: await recorder.incident(of: site))
        observed[site] = (until, mitigation)
        mailbox.send(.setMode(site: site, .observe))
    }

    func protect(site: String, by account: String) async throws {
        mailbox.send(.setMode(site: site, nil))
        guard var (_, mitigation) = observed.removeValue(forKey: site) else { return }
        mitigation.status = .undone
        mitigation.until = .now
        mitigation.reason += "; \(account) took it back"
        _ = try await records.file(mitigation, incident: nil)
    }

    /// Ends what has come to its end.
    func expire(_ now: Moment) async throws {
        for (site, entry) in observed where entry.until <= now {
            mailbox.send(.setMode(site: site, nil))
            observed[site] = nil
            var ended = entry.mitigation
            ended.status = .ended
            _ = try await records.file(ended, incident: nil)
        }
    }
}
