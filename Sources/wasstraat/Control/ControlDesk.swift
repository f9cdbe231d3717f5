internal import Addresses
internal import CLinux
internal import Detection
internal import Fingerprints
internal import Glibc
internal import Logging
internal import Messages
internal import Mitigations
internal import Moments
internal import Settings

/// What is said by hand, kept and put into force: the book in the state folder, the lanes' lists, the modes of sites.
/// Confined to the office's thread.
final class ControlDesk {
    /// Mode 0600; what has ended is not in it.
    static let file = "access.book"
    /// Bytes: an order is at most some 700.
    private static let fileLimit = 4 << 20

    unowned let office: Office
    private(set) var book = ControlBook()
    private let logger = Logger(label: "control")
    /// What organisations' people gave lately: each order is written to disk, noted for good, and told to every lane.
    private var paces: [String: (minute: Int64, count: Int)] = [:]
    /// Sites whose mode an order has set.
    private var modes: Set<String> = []

    init(of office: Office) {
        self.office = office
        if let bytes = office.folder.read(Self.file, limit: Self.fileLimit) {
            if let kept = try? ControlBook(decoding: bytes.span.bytes) {
                book = kept
            } else {
                logger.error("the book of orders cannot be read; there are none", metadata: ["file": "\(Self.file)"])
            }
        }
    }

    /// Puts what was kept into force, before there is a lane.
    func begin() {
        expire(at: .now)
        follow()
    }

    /// Carries out what was given elsewhere than on the admin socket.
    func carryOut(_ order: HandOrder, by giver: HandOrder.Giver, at now: Moment) throws(ControlBook.Refusal) {
        try keepPace(of: giver, at: now)
        expire(at: now)
        switch order {
        case .hold(let act, let site, let seconds, let reason):
            _ = try hold(act, site: site, seconds: seconds, reason: reason, by: giver, at: now)
        case .expire(let id): _ = try remove(id, by: giver)
        case .rule(let word, let rule, let site, let reason):
            try say(word, of: rule, at: site, reason: reason, by: giver)
        }
    }

    private func keepPace(of giver: HandOrder.Giver, at now: Moment) throws(ControlBook.Refusal) {
        guard let organisation = giver.organisation else { return }
        let minute = now.seconds / 60
        let count = paces[organisation].map { $0.minute == minute ? $0.count : 0 } ?? 0
        guard count < ControlBook.pace else {
            throw ControlBook.Refusal(
                .pace, "the organisation has given \(ControlBook.pace) orders in this minute already")
        }
        paces[organisation] = (minute, count + 1)
    }

    /// Gives an order that holds for a time. This, `remove` and `say` are where orders by hand are checked and noted,
    /// wherever they were given.
    func hold(
        _ act: ControlBook.Act, site: String, seconds: Int64, reason: String, by giver: HandOrder.Giver, at now: Moment
    ) throws(ControlBook.Refusal) -> ControlBook.Order {
        guard site.isEmpty || office.sites.contains(site) else { throw ControlBook.noSite(site) }
        var changed = book
        let order = try changed.add(
            act, site: site, seconds: seconds, reason: reason, author: giver.name, own: sites(of: giver), at: now)
        try keep(changed)
        note(order, "access.\(order.act.name)", by: giver.name, "for \(seconds) s: \(order.reason)")
        // What machines blocked in the kernel would never reach the lane that lets it in. A block there is of all
        // organisations: one's own people leave it to the street's.
        if case .allow(let prefix) = order.act, giver.organisation == nil { office.sources?.letIn(prefix) }
        return order
    }

    /// Takes an order back.
    func remove(_ id: UInt64, by giver: HandOrder.Giver) throws(ControlBook.Refusal) -> ControlBook.Order {
        var changed = book
        guard let order = changed.remove(id), sites(of: giver)?.contains(order.site) != false else {
            throw ControlBook.Refusal(.noOrder, "there is no order of that number; it may have ended")
        }
        try keep(changed)
        note(order, "access.expire", by: giver.name, "taken back: \(order.act.name)")
        return order
    }

    /// Says a word on a rule on requests.
    func say(
        _ word: LiveRule.Order, of rule: UInt64, at site: String?, reason: String, by giver: HandOrder.Giver
    ) throws(ControlBook.Refusal) {
        if let fault = ControlBook.fault(inReason: reason) { throw fault }
        if let own = sites(of: giver) {
            guard let site, own.contains(site) else { throw ControlBook.noSite(site ?? "") }
        }
        guard hasRule(rule, at: site) else {
            throw ControlBook.Refusal(
                .noRule, "there is no rule on requests of that number there; it may have ended")
        }
        office.requests.put(.order(word, rule: rule, site: site), size: 64)
        let object = "\(site ?? "all sites"): rule \(RequestRule.digits(of: rule)): \(reason)"
        note("rule.\(word.rawValue)", by: giver.name, object)
    }

    private func hasRule(_ id: UInt64, at site: String?) -> Bool {
        office.requestRules?.sites.contains { one in
            (site == nil || site == one.name) && one.rules.contains { $0.id == id }
        } ?? false
    }

    /// The sites at which somebody may give orders; nil: all.
    private func sites(of giver: HandOrder.Giver) -> Set<String>? {
        giver.organisation.map { name in
            Set(office.configuration.organisations.first { $0.name == name }?.sites ?? [])
        }
    }

    /// Who gives an order, and on whose behalf as they say: cut and cleaned, for an odd name is no reason to refuse it.
    func giver(_ author: String, for by: String) -> HandOrder.Giver {
        let behalf = String(
            String.UnicodeScalarView(by.unicodeScalars.filter { (33...126).contains($0.value) }.prefix(32)))
        return HandOrder.Giver(name: behalf.isEmpty ? author : "\(author) for \(behalf)")
    }

    /// Ends what has come to its end.
    func expire(at now: Moment) {
        guard book.orders.contains(where: { $0.until <= now }) else { return }
        var changed = book
        let ended = changed.expire(at: now)
        // Where the disk refuses the former file, it is read again at the next start, and ends then.
        do throws(ControlBook.Refusal) { try keep(changed) } catch { book = changed }
        follow()
        for order in ended { note(order, "access.ended", by: "wasstraat", "its time is over: \(order.act.name)") }
    }

    /// On disk before it is in force: what an operator was told must outlive the office.
    private func keep(_ changed: ControlBook) throws(ControlBook.Refusal) {
        do throws(OfficeError) {
            try office.folder.write(changed.encoded(), to: Self.file)
        } catch {
            office.stateFailed(error)
            throw ControlBook.Refusal(.notKept, "the order cannot be kept: \(error)")
        }
        book = changed
        follow()
    }

    /// Puts the orders in force as they are, also at sites that a reload brought.
    func follow() {
        var wanted: [String: Snapshot.Mode] = [:]
        for order in book.orders where order.act.prefix == nil {
            wanted[order.site] = order.act == .observe ? .observe : .protect
        }
        for site in modes where wanted[site] == nil { office.setMode(nil, of: site) }
        for (site, mode) in wanted { office.setMode(mode, of: site) }
        modes = Set(wanted.keys)
        for desk in office.desks { desk.sendAccess() }
        let configured = office.desks.flatMap { $0.wanted.sites }.filter { $0.mode == .observe }.map(\.name)
        let observing = Set(configured).union(wanted.keys).filter { (wanted[$0] ?? .observe) == .observe }
        let control = OfficeReport.Control(orders: book.orders, observing: observing)
        office.report.update { $0.control = control }
    }

    /// The lists for one lane: what was said by hand, and where our prober comes from.
    func list(for desk: LaneDesk) -> AccessList {
        var entries = probes(of: desk)
        for order in book.orders {
            guard let prefix = order.act.prefix else { continue }
            let kind: AccessList.Kind = order.act.name == "allow" ? .allow : .deny
            entries.append(
                AccessList.Entry(kind, prefix, site: order.site, until: UInt64(max(0, order.until.seconds))))
        }
        return AccessList(entries)
    }

    /// Where the prober's connections to the lane come from, as the kernel chooses. Where a load balancer stands there its
    /// visitors would come from it too: then nobody is taken for the prober.
    private func probes(of desk: LaneDesk) -> [AccessList.Entry] {
        guard office.configuration.prober.isEnabled else { return [] }
        let entries = office.configuration.checks.flatMap(\.entries).filter { $0.lane == desk.name }
        let sources = Set(Set(entries.map(\.endpoint)).compactMap { DatagramSocket.source(towards: $0) })
        let balancers = desk.wanted.trustedPeers + desk.wanted.listeners.flatMap(\.proxyPeers)
        return sources.filter { source in !balancers.contains { $0.contains(source) } }.map { source in
            AccessList.Entry(.probe, Prefix(source, length: source.isIPv4 ? 32 : 128), site: "", until: .max)
        }
    }

    private func note(_ order: ControlBook.Order, _ action: String, by actor: String, _ words: String) {
        note(action, by: actor, "\(order.site.isEmpty ? "all sites" : order.site): order \(order.id) \(words)")
    }

    /// In the log too: the audit log's feed is bounded.
    private func note(_ action: String, by actor: String, _ object: String) {
        office.audit.put(AuditFeed.Entry(at: .now, actor: actor, action: action, object: object))
        logger.notice(
            "an order by hand", metadata: ["actor": "\(actor)", "action": "\(action)", "object": "\(object)"])
    }
}
