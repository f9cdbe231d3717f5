internal import Admission
internal import Messages
internal import Synchronization

/// How many requests may wait for one organisation's sites together, as one of them sees it. There is no common count that
/// could drift: each site says how many wait for it, and who asks adds the others up.
///
/// Each site can always have half of its even part: what others have not taken of theirs is kept free for them.
struct QueueCap: Sendable {
    let cap: Int
    let reserve: Int
    let others: [SiteState]

    /// By site; empty where no organisation has a cap.
    static func all(_ sites: [Site]) -> [QueueCap?] {
        guard sites.contains(where: { $0.settings.caps.queue != nil }) else { return [] }
        let together = Dictionary(grouping: sites) { $0.settings.organisation }
        return sites.map { site in
            guard let cap = site.settings.caps.queue else { return nil }
            let all = together[site.settings.organisation] ?? []
            return QueueCap(
                cap: Int(cap), reserve: Int(cap) / (2 * max(1, all.count)),
                others: all.map(\.state).filter { $0 !== site.state })
        }
    }

    /// What the others leave.
    var quota: Int {
        var left = cap
        for other in others { left -= max(reserve, other.waiting.load(ordering: .sequentiallyConsistent)) }
        return max(0, left)
    }
}

extension SiteTable {
    /// One worker's part of what each organisation may have at most.
    func caps(of worker: Int, among workers: Int) -> TenantCaps {
        func part<Number: BinaryInteger>(_ cap: Number) -> Int {
            let cap = Int(clamping: cap)
            return cap / workers + (worker < cap % workers ? 1 : 0)
        }
        return TenantCaps(
            connections: tenants.together(sites.map { $0.settings.caps.connections.map(part) }),
            memory: tenants.together(sites.map { $0.settings.caps.memory.map(part) }),
            processor: tenants.together(sites.map { $0.settings.caps.processor.map(Int.init) }))
    }
}

extension Worker {
    /// Asks a site's admission for a request.
    func ask(_ site: Site, _ arrival: Arrival) -> (SiteAdmission.Decision, isUnderPressure: Bool, VisitorClass) {
        let cap = table.queueCaps.isEmpty ? nil : table.queueCaps[Int(site.index)]
        let (time, state) = (instant, site.state)
        return state.queueing { admission in
            if cap != nil {
                // Said before the others are asked: of two that come at the same moment each sees the other, and none is
                // one too many.
                state.waiting.store(admission.waitingCount + 1, ordering: .sequentiallyConsistent)
            }
            // Said each time: a cap that a reload took away leaves nothing behind.
            admission.queueQuota = cap?.quota ?? .max
            return (admission.arrived(arrival, at: time), admission.isUnderPressure, admission.lastClass)
        }
    }
}
