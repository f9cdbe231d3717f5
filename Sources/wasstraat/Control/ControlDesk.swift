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

    func add(_ form: OrderForm, author: String, at now: Moment) throws(ControlBook.Refusal) -> ControlBook.Order {
        guard form.site.isEmpty || office.sites.contains(form.site) else {
            throw ControlBook.Refusal("there is no site '\(form.site)'")
        }
        let said = self.author(author, form.by)
        var changed = book
        let order = try changed.add(
            form.act, site: form.site, seconds: form.seconds, reason: form.reason, author: said, at: now)
        try keep(changed)
        note(order, "access.\(order.act.name)", by: said, "for \(form.seconds) s: \(order.reason)")
        // What machines blocked in the kernel would never reach the lane that lets it in.
        if case .allow(let prefix) = order.act { office.sources?.letIn(prefix) }
        return order
    }

    /// Who gave an order, and on whose behalf as they say: cut and cleaned, for an odd name is no reason to refuse it.
    func author(_ author: String, _ by: String) -> String {
        let behalf = String(
            String.UnicodeScalarView(by.unicodeScalars.filter { (33...126).contains($0.value) }.prefix(32)))
        return behalf.isEmpty ? author : "\(author) for \(behalf)"
    }

    /// Of a rule on requests.
    func note(_ order: LiveRule.Order, of rule: UInt64, at site: String?, _ reason: String, by actor: String) {
        let object = "\(site ?? "all sites"): rule \(RequestRule.digits(of: rule)): \(reason)"
        office.audit.put(AuditFeed.Entry(at: .now, actor: actor, action: "rule.\(order.rawValue)", object: object))
    }

    /// - Returns: nil where there is no such order.
    func remove(_ id: UInt64, author: String) throws(ControlBook.Refusal) -> ControlBook.Order? {
        var changed = book
        guard let order = changed.remove(id) else { return nil }
        try keep(changed)
        note(order, "access.expire", by: author, "taken back: \(order.act.name)")
        return order
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
            throw ControlBook.Refusal("the order cannot be kept: \(error)")
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
        let object = "\(order.site.isEmpty ? "all sites" : order.site): order \(order.id) \(words)"
        office.audit.put(AuditFeed.Entry(at: .now, actor: actor, action: action, object: object))
        logger.notice(
            "an order by hand", metadata: ["actor": "\(actor)", "action": "\(action)", "object": "\(object)"])
    }
}
