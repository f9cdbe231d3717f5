internal import Logging
internal import Messages
internal import Mitigations
internal import Moments
internal import Settings

/// What the filter is told of attacks that the collector found.
extension FilterDesk {
    /// Orders of one turn, so that the status is asked for in time.
    private static let orderLimit = 16
    /// Milliseconds between two looks at what the operator says of rules.
    private static let listingTime: Int64 = 30_000

    func handOver() {
        let now = Moment.now
        let isOff = service.rules.conduct == .off
        if isOff { service.rules.use { $0.withdraw(at: now) } }
        guard isListed || list() else { return }
        for _ in 0..<Self.orderLimit {
            guard let (key, action) = service.rules.use({ $0.next(at: now) }), carryOut(action, key) else { break }
        }
        report()
    }

    /// Learns which rules the filter has already.
    /// - Returns: whether it answered.
    private func list() -> Bool {
        guard let found = FilterLine.rules(ask) else { return false }
        service.rules.useByHand { $0.found(found) }
        service.rules.use { $0.found(found, at: .now) }
        isListed = true
        return true
    }

    /// - Returns: whether the filter answered.
    private func carryOut(_ action: RuleHandover.Action, _ key: RuleHandover.Key) -> Bool {
        let reply: FilterReply?
        switch action {
        case .add(let order): reply = ask(.add(order))
        case .conduct(let id, let isDry):
            reply = askOfOurs(id, key, .conduct(rule: id, isDry: isDry, by: .detection))
        case .remove(let id): reply = askOfOurs(id, key, .remove(id: id))
        }
        switch reply {
        case .done(let ids, _, let trouble):
            let id = ids.first ?? 0
            service.rules.use { $0.done(key, action, id: id, at: .now) }
            say(action, id: id, trouble)
        case .refused(let code, let reason):
            guard service.rules.use({ $0.refused(key, action, code: code, reason: reason, at: .now) }) else { break }
            logger.warning("the filter refused a rule", metadata: ["code": "\(code)", "reason": "\(reason)"])
        case .status, .entries, .lines, .rates, .tallies, nil: return false
        }
        return true
    }

    /// Asks something of a rule, where it still is ours: another book may call another rule so, and the operator may have
    /// made it theirs. The last that it counted before goes on record.
    private func askOfOurs(_ id: UInt64, _ key: RuleHandover.Key, _ request: FilterRequest) -> FilterReply? {
        guard case .entries(let entries) = ask(.list(.rule, from: id, count: 1)) else { return nil }
        guard let entry = entries.first, entry.id == id, RuleHandover.isOurs(entry, key) else {
            return .refused(code: FilterRefusal.Code.unknown.rawValue, reason: "it is gone, or the operator's")
        }
        askStatus()
        guard link != nil else { return nil }
        return ask(request)
    }

    private func say(_ action: RuleHandover.Action, id: UInt64, _ trouble: String) {
        var metadata: Logger.Metadata = ["rule": "\(id)"]
        if !trouble.isEmpty { metadata["reason"] = "\(trouble)" }
        switch action {
        case .add(let order):
            metadata["conduct"] = order.isDry ? "dry" : "live"
            metadata["organisation"] = "\(order.note.tenant)"
            metadata["against"] = "\(order.note.reason)"
            logger.notice("the filter has a rule", metadata: metadata)
        case .conduct: logger.warning("a rule counts only: it was measured anew", metadata: metadata)
        case .remove: logger.notice("a rule was taken away", metadata: metadata)
        }
    }

    /// What the filter counts now.
    func saw(_ status: FilterStatus) {
        let counts = status.rules.map { (id: $0.id, isLive: $0.isLive, hits: $0.hits) }
        let stopped = Set(status.rules.filter { $0.conduct == .suspended }.map(\.id))
        for id in stopped.subtracting(suspended).sorted() {
            logger.warning(
                "a rule stopped by itself: it hit too much ordinary traffic", metadata: ["rule": "\(id)"])
        }
        suspended = stopped
        let gone = service.rules.use { $0.saw(counts, at: status.interface, now: .now) }
        // One that the operator has just added; and now and then, for one that is said again keeps its number.
        let isDue = Clock.monotonic >= nextListing
        if isDue || service.rules.useByHand({ $0.isNews(counts.map(\.id)) }), let found = FilterLine.rules(ask) {
            nextListing = Clock.monotonic + Self.listingTime
            service.rules.useByHand { $0.found(found) }
        }
        service.rules.useByHand { $0.saw(counts) }
        for rule in gone {
            logger.notice(
                "a rule is gone from the filter; it is not said again while the attack lasts",
                metadata: ["rule": "\(rule.id ?? 0)", "against": "\(rule.note.reason)"])
        }
    }

    private func report() {
        let handed = service.rules.use { rules in
            OfficeReport.Filter.Handed(
                taken: rules.rules.count { $0.id != nil && !$0.isUndone },
                refused: rules.rules.count { $0.refusal != nil }, undone: rules.rules.count { $0.isUndone },
                omitted: rules.omitted)
        }
        service.report.update { $0.filter?.handed = handed }
    }
}
