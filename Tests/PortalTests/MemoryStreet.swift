internal import Incidents
internal import Moments

/// A washing street that stands still until it is told what a second brings.
actor MemoryStreet: Street {
    private(set) var sites: [SiteNow]
    private var filter = PacketFilterNow.notConfigured
    private(set) var orders: [String] = []
    private var readers: [Int: AsyncStream<[SitePoint]>.Continuation] = [:]
    private var opened = 0
    /// Where set, each reader gets this and then the end.
    private var only: [SitePoint]?

    init(sites: [SiteNow]) { self.sites = sites }

    var readerCount: Int { readers.count }

    func now() -> [SiteNow] { sites }
    func packetFilter() -> PacketFilterNow { filter }

    func seconds() -> AsyncStream<[SitePoint]> {
        let (stream, continuation) = AsyncStream<[SitePoint]>.makeStream(bufferingPolicy: .bufferingNewest(4))
        if let only {
            continuation.yield(only)
            continuation.finish()
            return stream
        }
        opened += 1
        let number = opened
        readers[number] = continuation
        return stream
    }

    func observe(site: String, until: Moment, by account: String) {
        orders.append("observe \(site) \(until.text) \(account)")
        set(site) { $0.isObserving = true }
    }

    func protect(site: String, by account: String) {
        orders.append("protect \(site) \(account)")
        set(site) { $0.isObserving = false }
    }

    private func set(_ site: String, _ change: (inout SiteNow) -> Void) {
        guard let index = sites.firstIndex(where: { $0.site == site }) else { return }
        change(&sites[index])
    }

    /// A second passes.
    func pass(_ points: [SitePoint]) {
        for (number, reader) in readers {
            if case .terminated = reader.yield(points) { readers[number] = nil }
        }
    }

    func end() {
        for reader in readers.values { reader.finish() }
        readers = [:]
    }

    func give(only points: [SitePoint]?) { only = points }
    func empty() { sites = [] }
    func give(filter: PacketFilterNow) { self.filter = filter }
}
