internal import Detection
internal import Fingerprints
internal import Incidents
internal import Languages
internal import Mitigations
internal import Moments

/// A form with an order that was refused: it comes back as it was sent, with the reason beside its field.
struct OrderDraft {
    /// What a form says for all sites.
    static let everywhere = "*"

    var action: Route.Action
    var form: Form
    var refusal: ControlBook.Refusal
}

extension Visit {
    /// Orders on one page, and rules.
    private static let pageLimit = 100

    /// The page of what holds by hand, and the forms to give orders.
    /// - Parameter sites: those that may be seen.
    func ordersView(_ control: ControlNow, _ sites: [SiteNow], _ draft: OrderDraft?) -> View {
        let isOfStreet = account?.organisation == nil
        let hosts = Dictionary(sites.map { ($0.site, $0.host) }, uniquingKeysWith: { one, _ in one })
        let seen = control.orders.filter { isOfStreet || hosts[$0.site] != nil }
        var view: View = ["mayOrder": may(.giveOrder), "isOfStreet": isOfStreet, "seesSources": seesSources]
        modes(control, sites, &view)
        sources(seen.filter { $0.act.prefix != nil }, hosts, &view)
        let elsewhere = control.orders.count { $0.site.isEmpty }
        if !isOfStreet, elsewhere > 0 { view["elsewhere"] = wording.number(UInt64(elsewhere)) }
        rules(control.rules, hosts, &view)
        view["sourceForm"] = form(.giveOrder, sites, draft)
        view["modeForm"] = form(.setMode, sites, draft)
        if let draft { view["refused"] = wording.refusal(draft.refusal.cause) }
        return view
    }

    /// Sites that are treated otherwise than usual as cards, the rest as a list.
    private func modes(_ control: ControlNow, _ sites: [SiteNow], _ view: inout View) {
        let sites = sites.sorted { ($0.host, $0.site) < ($1.host, $1.site) }
        var usual: [View] = []
        var special: [View] = []
        for site in sites {
            let isObserving = control.observing.contains(site.site)
            let order = control.mode(of: site.site)
            guard isObserving || order != nil else {
                usual.append(["host": site.host, "link": site.link])
                continue
            }
            var card: View = [
                "host": site.host, "link": site.link, "organisation": site.organisation,
                "mode": isObserving
                    ? wording.pick("Laat alles door, telt alleen", "Lets all through, only counts")
                    : wording.pick("Beschermt", "Protects"),
                "modeKind": isObserving ? "degraded" : "up",
            ]
            card["order"] = order.map { orderView($0) }
            special.append(card)
        }
        view["special"] = special
        view["hasUsual"] = !usual.isEmpty
        view["usual"] = usual
        view["usualText"] =
            special.isEmpty
            ? wording.pick("Alle sites worden beschermd", "All sites are protected")
            : wording.pick("De andere sites worden beschermd", "The other sites are protected")
    }

    private func sources(_ orders: [ControlBook.Order], _ hosts: [String: String], _ view: inout View) {
        let before = query["before"].flatMap { UInt64($0) } ?? .max
        let newest = orders.filter { $0.id < before }.sorted { $0.id > $1.id }
        view["hasOrders"] = !orders.isEmpty
        view["orders"] = newest.prefix(Self.pageLimit).map { order -> View in
            var row = orderView(order)
            row["kindName"] =
                order.act.name == "allow" ? wording.pick("Toegelaten", "Let in") : wording.pick("Geweigerd", "Denied")
            row["kind"] = order.act.name == "allow" ? "up" : "down"
            row["place"] =
                order.site.isEmpty ? wording.pick("alle sites", "all sites") : hosts[order.site] ?? order.site
            return row
        }
        if newest.count > Self.pageLimit { view["older"] = "\(newest[Self.pageLimit - 1].id)" }
    }

    private func orderView(_ order: ControlBook.Order) -> View {
        var view: View = [
            "id": "\(order.id)", "author": order.author, "why": order.reason, "since": wording.view(order.since),
            "until": wording.view(order.until),
        ]
        if seesSources { view["address"] = order.act.source }
        return view
    }

    /// Those of other sites that found nothing here are counted only: each site has them.
    private func rules(_ rules: [RuleNow], _ hosts: [String: String], _ view: inout View) {
        let own = rules.filter { hosts[$0.site] != nil }
        let shown = own.filter { !$0.isFromElsewhere || $0.hits > 0 || $0.state == .held || $0.state == .undone }
            .sorted { ($0.marked, $0.hits, $1.id) > ($1.marked, $1.hits, $0.id) }
        view["hasRules"] = !shown.isEmpty
        view["rules"] = shown.prefix(Self.pageLimit).map { rule -> View in
            var row = ruleView(rule)
            row["ruleHost"] = hosts[rule.site]
            row["ruleLink"] = "/sites/\(escaped(rule.site))/rules/\(rule.number)"
            return row
        }
        let rest = own.count - min(shown.count, Self.pageLimit)
        if rest > 0 { view["moreRules"] = wording.number(UInt64(rest)) }
    }

    // MARK: One rule

    func ruleView(_ rule: RuleNow, at site: SiteNow, _ refusal: ControlBook.Refusal?) -> View {
        var view = ruleView(rule)
        view["host"] = site.host
        view["link"] = site.link
        view["action"] = "\(site.link)/rules/\(rule.number)"
        view["mayOrder"] = may(.orderRule) && rule.state != .undone
        view["isOfStreet"] = account?.organisation == nil
        view["stateText"] = wording.explanation(of: rule.state)
        view["reason"] = form["reason"]
        view["isEverywhere"] = form["where"] == "all"
        let chosen = form["word"].isEmpty ? (rule.state == .held ? "protect" : "observe") : form["word"]
        view["words"] = LiveRule.Order.allCases.map { word -> View in
            let (name, effect) = wording.word(word)
            return ["value": word.rawValue, "name": name, "effect": effect, "isChosen": word.rawValue == chosen]
        }
        view["reasonError"] = refusal.map { wording.refusal($0.cause) }
        return view
    }

    private func ruleView(_ rule: RuleNow) -> View {
        let kinds: [RuleNow.State: String] = [.live: "maintenance", .suspended: "degraded", .undone: "degraded"]
        return [
            "number": rule.number, "isFromElsewhere": rule.isFromElsewhere,
            "stateName": wording.name(of: rule.state), "stateKind": kinds[rule.state] ?? "unknown",
            "conditions": rule.conditions.map { ["feature": $0.feature.rawValue, "value": $0.value] as View },
            "coverage": wording.percent(rule.coverage),
            "collateral": rule.collateral.map { wording.share($0) } ?? wording.pick("niet gemeten", "not measured"),
            "hits": wording.number(rule.hits), "known": wording.number(rule.knownHits),
            "marked": wording.number(rule.marked), "until": wording.view(rule.until),
        ]
    }

    // MARK: Forms

    /// The form of one kind of order, with what was sent where that was refused.
    private func form(_ action: Route.Action, _ sites: [SiteNow], _ draft: OrderDraft?) -> View {
        let own = draft.flatMap { $0.action == action ? $0 : nil }
        let sent = own?.form ?? Form()
        var view: View = ["isOpen": own != nil, "reason": sent["reason"], "typed": sent["source"]]
        if let refusal = own?.refusal {
            view[refusal.cause.field.map { $0 + "Error" } ?? "formError"] = wording.refusal(refusal.cause)
        }
        for kind in ControlBook.Act.Source.allCases { view["is-\(kind)"] = sent["kind"] == kind.rawValue }
        for mode in ControlBook.Act.Mode.allCases { view["is-\(mode)"] = sent["mode"] == mode.rawValue }
        let time = sent["time"].isEmpty ? "3600" : sent["time"]
        view["times"] = Route.orderSpans.map { seconds -> View in
            ["value": "\(seconds)", "shown": wording.span(seconds), "isChosen": "\(seconds)" == time]
        }
        let site = sites.count == 1 && sent["site"].isEmpty ? sites[0].site : sent["site"]
        view["places"] = sites.sorted { ($0.host, $0.site) < ($1.host, $1.site) }.map { one -> View in
            ["value": one.site, "shown": one.host, "isChosen": one.site == site]
        }
        view["isEverywhere"] = site == OrderDraft.everywhere
        return view
    }
}

extension ControlBook.Refusal.Cause {
    /// The field of the form that it is about; nil: of none.
    fileprivate var field: String? {
        switch self {
        case .source, .tooWide: "source"
        case .site: "site"
        case .time: "time"
        case .noReason, .longReason, .reasonOfLines: "reason"
        case .form, .full, .share, .pace, .noOrder, .noRule, .notKept, .notServed: nil
        }
    }
}
