internal import HTTPTypes
internal import Hummingbird
internal import Incidents
internal import Mitigations
internal import Moments
internal import NIOCore
internal import PublicStatus

/// Answers requests: looks who asks, whether they may, and about what, in this one place; then does it.
struct Console: Sendable {
    let records: any Records
    let street: any Street
    let configuration: PortalConfiguration
    let clock: @Sendable () -> Moment
    let passwords = PasswordQueue()
    let brake = LoginBrake()
    /// Against guessing by who has the password already.
    let codeBrake = LoginBrake(longest: 15 * 60, memory: 24 * 3_600)
    let codes = SpentCodes()
    /// What second factors are offered under: a cookie that leaks later tells nothing of one that was taken.
    let offers = Token(name: "")
    let viewers = Viewers()
    let pages = PageLibrary.shared

    var cookieName: String { configuration.isSecure ? "__Host-wasstraat" : "wasstraat" }

    func router() -> Router<ConsoleContext> {
        let router = Router(context: ConsoleContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: Frame(console: self))
        for route in Route.all {
            router.on(RouterPath(route.path), method: route.isPost ? .post : .get) { request, context in
                try await answer(route, request, context.parameters)
            }
        }
        return router
    }

    private func answer(_ route: Route, _ request: Request, _ parameters: Parameters) async throws -> Response {
        var visit = Visit(request, at: clock(), cookieName: cookieName)
        visit.account = try await account(of: visit)
        guard route.roles.isEmpty || visit.account != nil else {
            guard route.action != .events, route.action != .siteEvents else { throw Refusal.signedOut }
            return redirect(to: "/login")
        }
        guard route.roles.isEmpty || visit.account.map({ route.roles.contains($0.role) }) == true else {
            throw Refusal.notAllowed
        }
        guard !route.isOfStreet || visit.account?.organisation == nil else { throw Refusal.notFound }
        if !route.roles.isEmpty, !route.isForSettingUp, configuration.needsFactor, visit.account?.factor == nil {
            guard route.action != .events, route.action != .siteEvents else { throw Refusal.signedOut }
            return redirect(to: "/account?done=needed")
        }
        if route.isPost {
            visit.form = try await form(route, request, visit)
            // It may have taken a while.
            guard try await account(of: visit) == visit.account else { throw Refusal.signedOut }
        }
        try await resolve(route.scope, parameters, &visit)
        return try await perform(route.action, visit, request, parameters)
    }

    /// The account that the cookie's session belongs to; nil where there is none, or it has ended.
    private func account(of visit: Visit) async throws -> Account? {
        guard let token = visit.token, !token.name.isEmpty, let account = try await records.account(name: token.name),
            let session = try await records.session(key: token.key(account)), session.account == account.name
        else { return nil }
        guard session.expires > visit.now else {
            try await records.dropSession(key: session.key)
            return nil
        }
        return account
    }

    /// The form, proven to come from a page of this session.
    private func form(_ route: Route, _ request: Request, _ visit: Visit) async throws -> Form {
        let site = request.headers[.secFetchSite]
        guard site == nil || site == "same-origin", isOwn(origin: request.headers[.origin], request) else {
            throw Refusal.wrongForm
        }
        let type = request.headers[.contentType]?.split(separator: ";").first?.lowercased()
        guard type == "application/x-www-form-urlencoded" else {
            throw Refusal(415, nl: "Dit is geen formulier.", en: "This is not a form.")
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Form.limit)
        } catch is NIOTooManyBytesError {
            throw Refusal(413, nl: "Het formulier is te groot.", en: "The form is too large.")
        } catch {
            throw Refusal.invalid("Het formulier is niet goed verzonden.", "The form was not sent correctly.")
        }
        let form = try Form(Array(body.readableBytesView), fields: route.fields)
        guard let token = visit.token, Password.areEqual(form[Form.keyField].utf8, token.formKey.utf8) else {
            throw Refusal.wrongForm
        }
        return form
    }

    /// Old browsers send no Origin with a form of the same site; one that is sent must be ours.
    private func isOwn(origin: String?, _ request: Request) -> Bool {
        guard let origin else { return true }
        return ["http://", "https://"].contains { origin == $0 + (request.head.authority ?? "") }
    }

    private func resolve(_ scope: Route.Scope, _ parameters: Parameters, _ visit: inout Visit) async throws {
        switch scope {
        case .nothing: return
        case .site: visit.site = try await site(parameters, visit)
        case .order:
            guard let id = parameters.get("order").flatMap({ UInt64($0) }),
                let order = await street.control().orders.first(where: { $0.id == id })
            else { throw Refusal.notFound }
            // What holds at all sites, or at one that is gone, is the street's.
            if visit.account?.organisation != nil { _ = try await site(named: order.site, visit) }
            visit.order = order
        case .rule:
            let site = try await site(parameters, visit)
            guard let number = parameters.get("rule"),
                let rule = await street.control().rules.first(where: { $0.site == site.site && $0.number == number })
            else { throw Refusal.notFound }
            visit.site = site
            visit.rule = rule
        case .incident:
            guard let number = parameters.get("incident"), number.utf8.count <= 20,
                let incident = try await records.incident(number: number), visit.sees(incident.organisation)
            else { throw Refusal.notFound }
            visit.incident = incident
        case .fingerprint:
            guard let id = parameters.get("fingerprint"), id.utf8.count <= 64,
                let fingerprint = try await records.fingerprint(id: id), visit.sees(fingerprint.origin)
            else { throw Refusal.notFound }
            visit.fingerprint = fingerprint
        }
    }

    private func site(_ parameters: Parameters, _ visit: Visit) async throws -> SiteNow {
        try await site(named: parameters.get("site").flatMap { Form.decoded($0.utf8) }, visit)
    }

    private func site(named name: String?, _ visit: Visit) async throws -> SiteNow {
        guard let site = await street.now().first(where: { $0.site == name }), visit.sees(site.organisation) else {
            throw Refusal.notFound
        }
        return site
    }

    func note(_ visit: Visit, _ action: String, _ object: String) async throws {
        try await records.note(
            actor: visit.account?.name ?? "", action: action, object: String(object.prefix(500)), at: visit.now)
    }
}

extension HTTPField.Name {
    static var secFetchSite: Self { Self("sec-fetch-site")! }  // a constant that is a valid name
    static var referrerPolicy: Self { Self("referrer-policy")! }  // a constant that is a valid name
    static var openerPolicy: Self { Self("cross-origin-opener-policy")! }  // a constant that is a valid name
    static var resourcePolicy: Self { Self("cross-origin-resource-policy")! }  // a constant that is a valid name
}

/// Around every answer: the host asked for, a page for whatever goes wrong, and the headers that all have.
struct Frame: RouterMiddleware {
    typealias Context = ConsoleContext

    let console: Console

    @concurrent func handle(
        _ request: Request, context: ConsoleContext,
        next: @concurrent (Request, ConsoleContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            guard isOurs(request.head.authority) else { throw Refusal.wrongHost }
            response = try await next(request, context)
        } catch let refusal as Refusal {
            response = console.refusalPage(refusal, request)
        } catch let error as HTTPError where error.status == .notFound {
            response = console.refusalPage(.notFound, request)
        } catch let error as HTTPError where (400..<500).contains(error.status.code) {
            response = console.refusalPage(
                Refusal(error.status.code, nl: "Dit verzoek klopt niet.", en: "This request is not right."), request)
        } catch {
            response = console.refusalPage(.noRecords, request)
        }
        // With no-referrer browsers say "Origin: null" of a form of ours too (Fetch, section 3.2), and none would be taken.
        let headers: [(HTTPField.Name, String)] = [
            (
                .contentSecurityPolicy,
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
                    + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            (.xContentTypeOptions, "nosniff"), (.referrerPolicy, "same-origin"), (.cacheControl, "no-store"),
            (.openerPolicy, "same-origin"), (.resourcePolicy, "same-origin"),
        ]
        for (name, value) in headers { response.headers[name] = value }
        return response
    }

    private func isOurs(_ authority: String?) -> Bool {
        guard let authority else { return false }
        if console.configuration.hosts.contains(authority.lowercased()) { return true }
        guard let colon = authority.lastIndex(of: ":"),
            authority[authority.index(after: colon)...].utf8.allSatisfy({ (48...57).contains($0) })
        else { return false }
        return console.configuration.hosts.contains(authority[..<colon].lowercased())
    }
}
