internal import HTTPTypes
internal import Hummingbird
internal import Incidents
internal import Languages
internal import NIOCore
internal import PublicStatus

extension Console {
    /// A whole page: the template's view in the frame that all pages have.
    ///
    /// - Parameter live: where its figures come from, second by second.
    func page(
        _ template: String, _ title: String, _ view: View, _ visit: Visit, status: HTTPResponse.Status = .ok,
        live: String? = nil
    ) -> Response {
        var view = view
        view["formKey"] = visit.token?.formKey ?? ""
        let wording = visit.wording
        var frame: View = [
            "title": title, "body": pages.render(template, view, in: visit.language), "made": wording.view(visit.now),
            "formKey": visit.token?.formKey ?? "",
            "languageLink": "/language/\(visit.language == .nl ? "en" : "nl")?to=\(escaped(visit.place))",
        ]
        frame["live"] = live
        frame["done"] = visit.query["done"].flatMap { Self.done[$0] }?[visit.language]
        if let account = visit.account {
            var who: View = [
                "name": account.name, "role": wording.role(account.role),
                "isHere": visit.place.hasPrefix("/account?")
                    || visit.place == "/account",
            ]
            who["organisation"] = account.organisation
            frame["who"] = who
            frame["hasMenu"] = true
            frame["menu"] = menu(visit)
        }
        var response = Response(
            status: status, headers: [.contentType: "text/html; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: pages.render("layout", frame, in: visit.language))))
        response.headers[.contentLanguage] = visit.language.rawValue
        return response
    }

    private func menu(_ visit: Visit) -> [View] {
        let items: [(Route.Action, String, String)] = [
            (.now, "/", visit.wording.pick("Nu", "Now")),
            (.orders, "/orders", visit.wording.pick("Met de hand", "By hand")),
            (.incidents, "/incidents", visit.wording.pick("Incidenten", "Incidents")),
            (.fingerprints, "/fingerprints", visit.wording.pick("Kenmerken", "Fingerprints")),
            (.notes, "/notes", visit.wording.pick("Logboek", "Audit log")), (.accounts, "/accounts", "Accounts"),
        ]
        let path = visit.place.prefix { $0 != "?" }
        return items.filter { visit.may($0.0) }.map { _, link, name in
            let isRule = path.contains("/rules/")
            let isHere =
                switch link {
                case "/": path == "/" || path.hasPrefix("/sites/") && !isRule
                case "/orders": path.hasPrefix(link) || isRule
                default: path == link || path.hasPrefix(link + "/")
                }
            return ["link": link, "name": name, "isHere": isHere]
        }
    }

    /// What a page says when one comes to it after something was done.
    private static let done: [String: Words] = [
        "observing": Words(nl: "Alles wordt nu doorgelaten.", en: "Everything is let through now."),
        "protecting": Words(nl: "De site wordt weer beschermd.", en: "The site is protected again."),
        "ordered": Words(nl: "De opdracht geldt.", en: "The order holds."),
        "expired": Words(nl: "De opdracht is teruggenomen.", en: "The order has been taken back."),
        "told": Words(nl: "De regel volgt uw woord.", en: "The rule follows your word."),
        "posted": Words(nl: "Het bericht is geplaatst.", en: "The message has been posted."),
        "filed": Words(nl: "Het staat in het register.", en: "It is in the register."),
        "created": Words(nl: "Het account is gemaakt.", en: "The account has been created."),
        "changed": Words(nl: "Uw wachtwoord is gewijzigd.", en: "Your password has been changed."),
        "factor": Words(nl: "Uw tweede factor is ingesteld.", en: "Your second factor has been set up."),
        "dropped": Words(nl: "Uw tweede factor is verwijderd.", en: "Your second factor has been removed."),
        "needed": Words(
            nl: "Hier is een tweede factor nodig. Stel die eerst in.",
            en: "A second factor is needed here. Set one up first."),
    ]

    /// The page for what was not done. It knows the browser, not the account: it must also do when the register fails.
    func refusalPage(_ refusal: Refusal, _ request: Request) -> Response {
        let visit = Visit(request, at: clock(), cookieName: cookieName)
        let title =
            switch refusal.status {
            case 404: visit.wording.pick("Niet gevonden", "Not found")
            case 401, 403: visit.wording.pick("Niet toegestaan", "Not allowed")
            case 429, 503: visit.wording.pick("Even wachten", "One moment")
            default: visit.wording.pick("Dat ging niet", "That did not work")
            }
        var view: View = ["title": title, "reason": refusal.reason[visit.language], "hasWait": refusal.wait != nil]
        view["wait"] = refusal.wait.map { visit.wording.duration(Double($0)) }
        var response = page("refusal", title, view, visit, status: .init(code: refusal.status))
        if let wait = refusal.wait { response.headers[.retryAfter] = String(wait) }
        return response
    }

    func redirect(to place: String) -> Response {
        Response(status: .seeOther, headers: [.location: place])
    }

    func cookie(_ name: String, _ value: String, lasting seconds: Double) -> String {
        "\(name)=\(value); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(Int(seconds))"
            + (configuration.isSecure ? "; Secure" : "")
    }
}
