internal import Detection
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
    /// The measures of sites that are let through by hand, by the numbers of the orders; nil: none was filed yet.
    private var observed: [UInt64: Mitigation]?

    init(records: any Records, recorder: Recorder, mailbox: Mailbox, report: OfficeReport) {
        self.records = records
        self.recorder = recorder
        self.mailbox = mailbox
        self.report = report
    }

    func now() async -> [SiteNow] {
        let moment = Moment.now
        let observing = report.current.control?.observing
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
                    isObserving: observing?.contains(name) ?? state.observing, isUnderPressure: state.pressure,
                    limit: state.limit,
                    inFlight: state.inFlight, waiting: state.waiting, healthyOrigins: state.healthy,
                    origins: state.origins, point: ledger.last, incident: await recorder.number(of: name),
                    mitigations: mitigations))
        }
        return sites
    }

    func packetFilter() -> PacketFilterNow { report.current.filter?.now ?? .notConfigured }

    func seconds() async -> AsyncStream<[SitePoint]> { await recorder.seconds() }

    func control() -> ControlNow {
        let state = report.current
        return ControlNow(
            orders: state.control?.orders ?? [], rules: state.requests?.standing ?? [],
            observing: state.control?.observing ?? [])
    }

    func give(_ order: HandOrder, by giver: HandOrder.Giver) async throws(ControlBook.Refusal) {
        let answer = await withCheckedContinuation { waiting in
            mailbox.send(.order(order, by: giver) { waiting.resume(returning: $0) })
        }
        try answer.get()
        if case .rule(let word, let rule, let site, _) = order { await follow(word, of: rule, at: site) }
    }

    /// Another task looks after rules: who gave an order waits for a moment, so that he sees what it did.
    private func follow(_ word: LiveRule.Order, of rule: UInt64, at site: String?) async {
        for _ in 0..<50 {
            let told = report.current.requests?.standing.filter { $0.id == rule && (site ?? $0.site) == $0.site } ?? []
            let isFollowed = told.allSatisfy { one in
                switch word {
                case .observe: one.state == .held || one.state == .undone
                case .protect: one.state != .held
                case .undo: one.state == .undone
                }
            }
            if isFollowed { return }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Files what lets everything through at a site by hand as a measure, wherever it was said, and its end. Called by one,
    /// again and again.
    func fileModes(_ now: Moment) async throws {
        guard let orders = report.current.control?.orders.filter({ $0.act == .observe }) else { return }
        var filed = observed ?? [:]
        // Of an office before this one: those that hold still are gone on with, the others have ended meanwhile.
        if observed == nil {
            let life = Double(ControlBook.longestLife) + 1
            let known = try await records.mitigations(scope: nil, in: now + -life..<now + 1)
            for measure in known where measure.kind == .observe && measure.status == .live {
                let order = orders.first { $0.site == measure.scope && $0.since == measure.since }
                guard let order else {
                    try await end(measure, now)
                    continue
                }
                filed[order.id] = measure
            }
            observed = filed
        }
        for order in orders where filed[order.id] == nil {
            guard let ledger = await recorder.ledgers[order.site] else { continue }
            var measure = Mitigation(
                id: 0, tenant: ledger.site.organisation, scope: order.site, kind: .observe, status: .live,
                since: order.since, until: order.until, reason: "\(order.author): \(order.reason)")
            measure.id = try await records.file(measure, incident: await recorder.incident(of: order.site))
            observed?[order.id] = measure
        }
        for (id, measure) in filed where !orders.contains(where: { $0.id == id }) {
            try await end(measure, now)
            observed?[id] = nil
        }
    }

    private func end(_ measure: Mitigation, _ now: Moment) async throws {
        var ended = measure
        let until = measure.until ?? now
        ended.status = until <= now ? .ended : .undone
        ended.until = min(until, now)
        _ = try await records.file(ended, incident: nil)
    }
}
