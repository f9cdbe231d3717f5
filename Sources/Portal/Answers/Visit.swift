internal import Hummingbird
internal import Incidents
internal import Languages
internal import Mitigations
internal import Moments
internal import PublicStatus

struct ConsoleContext: RequestContext {
    var coreContext: CoreRequestContextStorage

    init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
}

/// A request that may be answered: who asks, in which language, about what, with which fields.
struct Visit {
    var now: Moment
    var language: Language
    /// The path with its query, as asked; begins with "/".
    var place: String
    /// The cookie of this browser: of a session, or for signing in.
    var token: Token?
    var account: Account?
    var form = Form()
    var query: [String: String] = [:]
    var site: SiteNow?
    var incident: Incident?
    var fingerprint: StoredFingerprint?
    var order: ControlBook.Order?
    var rule: RuleNow?

    var wording: Wording { Wording(language: language) }

    /// Whether the account may see what is this organisation's.
    func sees(_ organisation: String) -> Bool {
        guard let account else { return false }
        return account.organisation == nil || account.organisation == organisation
    }

    /// Addresses of sources are of people: those who give orders about them see them, and nobody else.
    var seesSources: Bool { may(.giveOrder) }

    func may(_ action: Route.Action) -> Bool {
        guard let account, let route = Route.all.first(where: { $0.action == action }) else { return false }
        return route.roles.contains(account.role) && (!route.isOfStreet || account.organisation == nil)
    }
}

extension Visit {
    /// What a request says by itself, before anyone looked who it is.
    init(_ request: Request, at now: Moment, cookieName: String) {
        self.now = now
        place = request.uri.string.hasPrefix("/") ? String(request.uri.string.prefix(2_000)) : "/"
        let header = request.headers[values: .cookie].joined(separator: ";")
        let cookies = header.split(separator: ";").map { cookie in cookie.drop { $0 == " " } }
        func cookie(_ name: String) -> Substring? {
            cookies.first { $0.hasPrefix(name + "=") }?.dropFirst(name.count + 1)
        }
        token = cookie(cookieName).flatMap { Token(cookie: $0) }
        language =
            cookie("language").flatMap { Language(rawValue: String($0)) }
            ?? Self.preferred(request.headers[.acceptLanguage] ?? "")
        for pair in (request.uri.query ?? "").split(separator: "&").prefix(16) {
            let halves = pair.split(separator: "=", maxSplits: 1)
            if halves.count == 2, let value = Form.decoded(halves[1].utf8) { query[String(halves[0])] = value }
        }
    }

    /// The first of ours in the list, in the order given; Dutch where there is none.
    private static func preferred(_ accepted: String) -> Language {
        accepted.split(separator: ",").prefix(16).lazy
            .compactMap { Language(rawValue: $0.drop { $0 == " " }.prefix(2).lowercased()) }.first ?? .nl
    }
}
