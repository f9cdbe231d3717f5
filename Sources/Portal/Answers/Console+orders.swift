internal import Detection
internal import HTTPTypes
internal import Hummingbird
internal import Incidents
internal import Languages
internal import Mitigations

/// Orders by hand. They are checked where those of the admin socket are; here they are only said, and what is refused is
/// said beside its field.
extension Console {
    func ordersPage(_ visit: Visit, _ draft: OrderDraft? = nil) async -> Response {
        let sites = await street.now().filter { visit.sees($0.organisation) }
        let view = visit.ordersView(await street.control(), sites, draft)
        return page(
            "orders", visit.wording.pick("Met de hand", "By hand"), view, visit,
            status: draft.map { status(of: $0.refusal) } ?? .ok)
    }

    func giveOrder(_ visit: Visit) async throws -> Response {
        let form = visit.form
        guard let source = ControlBook.Act.Source(rawValue: form["kind"]), let seconds = Int64(form["time"]) else {
            throw Refusal.notFound
        }
        return try await answering(visit, .giveOrder) { () throws(ControlBook.Refusal) in
            .hold(
                try ControlBook.Act(source, form["source"]), site: try Self.place(form["site"]), seconds: seconds,
                reason: form["reason"])
        }
    }

    func setMode(_ visit: Visit) async throws -> Response {
        let form = visit.form
        guard let mode = ControlBook.Act.Mode(rawValue: form["mode"]), let seconds = Int64(form["time"]) else {
            throw Refusal.notFound
        }
        return try await answering(visit, .setMode) { () throws(ControlBook.Refusal) in
            .hold(
                ControlBook.Act(mode), site: try Self.place(form["site"]), seconds: seconds, reason: form["reason"])
        }
    }

    /// The form's word for all sites is its own: one that was left empty must not mean so much.
    private static func place(_ site: String) throws(ControlBook.Refusal) -> String {
        if site.isEmpty { throw ControlBook.noSite(site) }
        return site == OrderDraft.everywhere ? "" : site
    }

    private func answering(
        _ visit: Visit, _ action: Route.Action, _ order: () throws(ControlBook.Refusal) -> HandOrder
    ) async throws -> Response {
        do throws(ControlBook.Refusal) {
            try await street.give(try order(), by: giver(visit))
        } catch {
            return await ordersPage(visit, OrderDraft(action: action, form: visit.form, refusal: error))
        }
        return redirect(to: "/orders?done=ordered")
    }

    func expireOrder(_ visit: Visit) async throws -> Response {
        guard let order = visit.order else { throw Refusal.notFound }
        try await give(.expire(order.id), visit)
        return redirect(to: "/orders?done=expired")
    }

    // MARK: Rules on requests

    func rulePage(_ visit: Visit, _ refusal: ControlBook.Refusal? = nil) throws -> Response {
        guard let site = visit.site, let rule = visit.rule else { throw Refusal.notFound }
        let view = visit.ruleView(rule, at: site, refusal)
        return page(
            "rule", visit.wording.pick("Regel", "Rule") + " " + rule.number, view, visit,
            status: refusal.map { status(of: $0) } ?? .ok)
    }

    func orderRule(_ visit: Visit) async throws -> Response {
        guard let site = visit.site, let rule = visit.rule, let word = LiveRule.Order(rawValue: visit.form["word"])
        else { throw Refusal.notFound }
        let isEverywhere = visit.form["where"] == "all"
        guard !isEverywhere || visit.account?.organisation == nil else { throw Refusal.notAllowed }
        do throws(ControlBook.Refusal) {
            try await street.give(
                .rule(word, of: rule.id, site: isEverywhere ? nil : site.site, reason: visit.form["reason"]),
                by: giver(visit))
        } catch {
            return try rulePage(visit, error)
        }
        return redirect(to: site.link + "/rules/\(rule.number)?done=told")
    }

    // MARK: One site, from its own page

    func observe(_ visit: Visit, _ site: SiteNow) async throws -> Response {
        guard let seconds = Int64(visit.form["time"]) else { throw Refusal.notFound }
        do throws(ControlBook.Refusal) {
            try await street.give(
                .hold(.observe, site: site.site, seconds: seconds, reason: visit.form["reason"]), by: giver(visit))
        } catch {
            return try await sitePage(visit, site, refusal: error)
        }
        return redirect(to: site.link + "?done=observing")
    }

    /// Takes back what lets everything through by hand; what the configuration says stays.
    func protect(_ visit: Visit, _ site: SiteNow) async throws -> Response {
        guard let order = await observing(site) else { return redirect(to: site.link) }
        try await give(.expire(order.id), visit)
        return redirect(to: site.link + "?done=protecting")
    }

    /// The order by which everything is let through at a site.
    func observing(_ site: SiteNow) async -> ControlBook.Order? {
        await street.control().mode(of: site.site).flatMap { $0.act == .observe ? $0 : nil }
    }

    // MARK: Together

    private func giver(_ visit: Visit) -> HandOrder.Giver {
        // Who has an account here may have another name on the machine.
        HandOrder.Giver(name: "\(visit.account?.name ?? "") (console)", organisation: visit.account?.organisation)
    }

    /// What has no field beside which a refusal could stand.
    private func give(_ order: HandOrder, _ visit: Visit) async throws {
        do throws(ControlBook.Refusal) {
            try await street.give(order, by: giver(visit))
        } catch {
            let (dutch, english) = (Wording(language: .nl), Wording(language: .en))
            throw Refusal(
                status(of: error).code, nl: dutch.refusal(error.cause), en: english.refusal(error.cause))
        }
    }

    func status(of refusal: ControlBook.Refusal) -> HTTPResponse.Status {
        switch refusal.cause {
        case .noOrder, .noRule: .notFound
        case .pace: .tooManyRequests
        case .notKept, .notServed: .serviceUnavailable
        default: .badRequest
        }
    }
}
