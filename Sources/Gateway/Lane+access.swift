internal import Messages

/// Who may come: what the office says of it beside the snapshot, and what the lane asks the office.
extension Lane {
    func adopt(_ list: AccessList) {
        accessList = list
        renewAccess()
    }

    func adopt(_ verdicts: BotVerdicts) {
        botVerdicts = verdicts
        guard let table, let shared else { return }
        let bots = BotTable(table.snapshot.bots, verdicts)
        for worker in 0..<shared.workerCount { shared.tell(worker, .bots(bots)) }
    }

    /// Makes the lists anew where an entry has ended: that needs no office.
    func endAccess() {
        guard accessEnd <= Clock.wall() / 1_000_000_000 else { return }
        renewAccess()
    }

    private func renewAccess() {
        guard let table, let shared else { return }
        let access = makeAccess(table.snapshot)
        for worker in 0..<shared.workerCount { shared.tell(worker, .access(access)) }
    }

    func makeAccess(_ snapshot: Snapshot) -> AccessTable {
        let access = AccessTable(snapshot, accessList, at: Clock.wall() / 1_000_000_000)
        accessEnd = access.end
        return access
    }

    /// Asks for crawlers; what nobody hears is asked again with the source's next connection, a minute later.
    func sendClaims() {
        guard let shared else { return }
        let claims = shared.bots.take()
        guard !claims.claims.isEmpty else { return }
        send(Frame(.botClaims, body: claims.encoded()))
    }
}
