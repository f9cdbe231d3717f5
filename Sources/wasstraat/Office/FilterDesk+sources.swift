internal import Logging
internal import Messages
internal import Mitigations
internal import Moments
internal import Settings

/// What the filter is told of sources that lanes have proven hostile.
extension FilterDesk {
    /// Orders of one turn, so that rules and the status have theirs.
    private static let orderLimit = 64
    /// Milliseconds between two lines of the log, and between two looks at what is remembered.
    private static let lineTime: Int64 = 10_000

    func handOverSources() {
        guard letGo() else { return }
        for _ in 0..<Self.orderLimit {
            let (conduct, blockTime) = service.sources.conduct
            guard let order = service.sources.use({ $0.next(conduct, blockTime: blockTime, at: .now) }) else { break }
            switch ask(.add(order)) {
            case .done(let ids, _, _): service.sources.use { $0.done(ids: ids, at: .now) }
            case .refused(let code, let reason):
                service.sources.use { $0.refused() }
                sourceTrouble = "\(code): \(reason)"
            case .status, .entries, .lines, .rates, .tallies, nil:
                service.sources.use { $0.unanswered() }
                return
            }
        }
        reportSources()
    }

    /// Has the filter let go what the operator lets in.
    /// - Returns: whether it answered.
    private func letGo() -> Bool {
        for _ in 0..<Self.orderLimit {
            guard let prefix = service.sources.use({ $0.nextLetIn }) else { break }
            switch ask(.letIn(prefix)) {
            case .done(let ids, _, _) where !ids.isEmpty:
                logger.notice(
                    "blocks of sources that the operator lets in are away", metadata: ["blocks": "\(ids.count)"])
            case .done, .refused: service.sources.use { $0.isLetIn(prefix) }
            case .status, .entries, .lines, .rates, .tallies, nil: return false
            }
        }
        return true
    }

    /// Figures, and now and then a line; no address is in either.
    private func reportSources() {
        var counts = service.sources.use { $0.counts }
        counts.conduct = service.sources.conduct.rules.handed
        service.report.update { $0.filter?.sources = counts }
        let now = Clock.monotonic
        guard now >= nextSourceLine else { return }
        nextSourceLine = now + Self.lineTime
        service.sources.use { $0.forget(at: .now) }
        let (taken, refused) = (counts.taken - toldSources.taken, counts.refused - toldSources.refused)
        toldSources = counts
        guard taken + refused > 0 else { return }
        var metadata: Logger.Metadata = [
            "taken": "\(taken)", "refused": "\(refused)", "conduct": "\(counts.conduct)",
        ]
        if let sourceTrouble { metadata["reason"] = "\(sourceTrouble)" }
        sourceTrouble = nil
        logger.notice("sources that lanes have proven hostile were handed to the filter", metadata: metadata)
    }
}

extension Settings.Filter.Rules {
    fileprivate var handed: HandedSources.Conduct {
        switch self {
        case .off: .off
        case .dry: .dry
        case .live: .live
        }
    }
}
