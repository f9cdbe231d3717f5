internal import Detection
internal import Incidents
internal import Mitigations
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

    private(set) var book = ControlBook()
    private(set) var rules: [RuleNow] = []
    /// Orders that are taken back stay.
    private var isStill = false
    /// Every order is refused with this.
    private var refusal: ControlBook.Refusal?
    private let records: MemoryRecords
    private let clock: TestClock

    init(sites: [SiteNow], records: MemoryRecords, clock: TestClock) {
        self.sites = sites
        self.records = records
        self.clock = clock
    }

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

    func control() -> ControlNow {
        ControlNow(orders: book.orders, rules: rules, observing: Set(sites.filter(\.isObserving).map(\.site)))
    }

    /// As the office does: checked, carried out, noted without the address.
    func give(_ order: HandOrder, by giver: HandOrder.Giver) async throws(ControlBook.Refusal) {
        if let refusal { throw refusal }
        let own = giver.organisation.map { name in Set(sites.filter { $0.organisation == name }.map(\.site)) }
        switch order {
        case .hold(let act, let site, let seconds, let reason):
            guard site.isEmpty || sites.contains(where: { $0.site == site }) else { throw ControlBook.noSite(site) }
            _ = try book.add(
                act, site: site, seconds: seconds, reason: reason, author: giver.name, own: own, at: clock.now)
            if act.prefix == nil { set(site) { $0.isObserving = act == .observe } }
            await did(giver, "access.\(act.name)", "\(site) \(seconds) s: \(reason)")
        case .expire(let id):
            guard let order = book.orders.first(where: { $0.id == id }), own?.contains(order.site) != false else {
                throw ControlBook.Refusal(.noOrder, "no order")
            }
            if !isStill { _ = book.remove(id) }
            if order.act == .observe { set(order.site) { $0.isObserving = false } }
            await did(giver, "access.expire", "\(order.site) \(order.act.name)")
        case .rule(let word, let id, let site, let reason):
            if let fault = ControlBook.fault(inReason: reason) { throw fault }
            for place in rules.indices where rules[place].id == id && (site ?? rules[place].site) == rules[place].site {
                rules[place].state = word == .observe ? .held : word == .undo ? .undone : .live
            }
            await did(giver, "rule.\(word.rawValue)", "\(site ?? "all") \(reason)")
        }
    }

    private func did(_ giver: HandOrder.Giver, _ action: String, _ object: String) async {
        orders.append("\(giver.name) \(action) \(object)")
        try? await records.note(actor: giver.name, action: action, object: object, at: clock.now)
    }

    func seed(_ act: ControlBook.Act, site: String, reason: String) throws {
        _ = try book.add(
            act, site: site, seconds: 3_600, reason: reason, author: "beheer (uid 998)", at: clock.now + -60)
    }

    func seed(_ rule: RuleNow) { rules.append(rule) }
    func keepOrders() { isStill = true }
    func refuse(_ refusal: ControlBook.Refusal?) { self.refusal = refusal }

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
