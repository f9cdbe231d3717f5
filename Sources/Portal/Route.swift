internal import Detection
package import Incidents
internal import Mitigations

/// One thing that the console can be asked: who may, about what, with which fields. The router is made from this table,
/// and so is the test that tries every route with every account.
package struct Route: Sendable {
    package var action: Action
    package var isPost: Bool
    /// "/sites/:site": a segment that begins with ":" stands for any.
    package var path: String
    /// Who may; empty: everyone, also without signing in.
    package var roles: Set<Account.Role>
    /// Only for accounts that see the whole street; for others the route does not exist.
    package var isOfStreet: Bool
    package var scope: Scope
    package var fields: [Field]

    package enum Action: String, CaseIterable, Sendable {
        case style, script, language, signInPage, signIn, signOut
        case now, events, site, siteEvents, observe, protect
        case orders, giveOrder, setMode, expireOrder, rule, orderRule
        case incidents, incident, post, claim, evidence, sharing
        case fingerprints, fingerprint, notes, accounts, createAccount, account, changePassword, setFactor, dropFactor
    }

    /// Who must have a second factor first may use it without.
    var isForSettingUp: Bool { [.account, .setFactor, .changePassword, .signOut].contains(action) }

    /// What the path names; a thing of another organisation is as one that does not exist.
    package enum Scope: Sendable {
        case nothing, site, order, rule, incident, fingerprint
    }

    private init(
        _ action: Action, get path: String, _ roles: Set<Account.Role>, isOfStreet: Bool = false,
        _ scope: Scope = .nothing
    ) {
        self.action = action
        isPost = false
        self.path = path
        self.roles = roles
        self.isOfStreet = isOfStreet
        self.scope = scope
        fields = []
    }

    private init(
        _ action: Action, post path: String, _ roles: Set<Account.Role>, isOfStreet: Bool = false,
        _ scope: Scope = .nothing, fields: [Field]
    ) {
        self.action = action
        isPost = true
        self.path = path
        self.roles = roles
        self.isOfStreet = isOfStreet
        self.scope = scope
        self.fields = fields
    }

    private static let anyone: Set<Account.Role> = []
    private static let members = Set(Account.Role.allCases)
    private static let filers: Set<Account.Role> = [.operator, .analyst]
    private static let operators: Set<Account.Role> = [.operator]
    private static let overseers: Set<Account.Role> = [.operator, .auditor]

    private static let password = Field("password", Password.lengths.upperBound)
    private static let current = Field("current", Password.lengths.upperBound)
    /// Six digits, and the space that some apps show in the middle.
    private static let code = Field("code", 16, isOptional: true)
    /// Seconds that observing may last, and an order by hand.
    static let spans = [900, 3_600, 28_800]
    static let orderSpans = spans + [86_400, 604_800, 2_592_000]
    /// Long enough for what is too long to be told beside its field.
    private static let reason = Field("reason", 2_000, isOptional: true)

    package static let all: [Route] = [
        Route(.style, get: "/assets/console.css", anyone),
        Route(.script, get: "/assets/live.js", anyone),
        Route(.language, get: "/language/:language", anyone),
        Route(.signInPage, get: "/login", anyone),
        Route(.signIn, post: "/login", anyone, fields: [Field("name", 64), password, code]),
        Route(.signOut, post: "/logout", members, fields: []),

        Route(.now, get: "/", members),
        Route(.events, get: "/events", members),
        Route(.site, get: "/sites/:site", members, .site),
        Route(.siteEvents, get: "/sites/:site/events", members, .site),
        Route(
            .observe, post: "/sites/:site/observe", operators, .site,
            fields: [Field("time", 5, choices: spans.map { String($0) }), reason]),
        Route(.protect, post: "/sites/:site/protect", operators, .site, fields: []),

        Route(.orders, get: "/orders", members),
        Route(
            .giveOrder, post: "/orders", operators,
            fields: [
                Field("kind", 5, choices: ControlBook.Act.Source.allCases.map(\.rawValue)),
                Field("source", 500, isOptional: true), Field("site", 500, isOptional: true),
                Field("time", 7, choices: orderSpans.map { String($0) }), reason,
            ]),
        Route(
            .setMode, post: "/orders/mode", operators,
            fields: [
                Field("mode", 7, choices: ControlBook.Act.Mode.allCases.map(\.rawValue)),
                Field("site", 500, isOptional: true), Field("time", 7, choices: orderSpans.map { String($0) }), reason,
            ]),
        Route(.expireOrder, post: "/orders/:order/expire", operators, .order, fields: []),
        Route(.rule, get: "/sites/:site/rules/:rule", members, .rule),
        Route(
            .orderRule, post: "/sites/:site/rules/:rule", operators, .rule,
            fields: [
                Field("word", 7, choices: LiveRule.Order.allCases.map(\.rawValue)),
                Field("where", 4, choices: ["site", "all"]), reason,
            ]),

        Route(.incidents, get: "/incidents", members),
        Route(.incident, get: "/incidents/:incident", members, .incident),
        Route(
            .post, post: "/incidents/:incident/posts", operators, .incident,
            fields: [Field("nl", 4_000, hasLines: true), Field("en", 4_000, hasLines: true)]),
        Route(
            .claim, post: "/incidents/:incident/claims", filers, .incident,
            fields: [Field("claimant", 200), Field("place", 500), Field("text", 4_000, hasLines: true)]),
        Route(
            .evidence, post: "/incidents/:incident/evidence", filers, .incident,
            fields: [
                Field("kind", 20, choices: Evidence.Kind.allCases.map(\.rawValue)),
                Field("source", 1, choices: ["A", "B", "C", "D", "E", "F"]),
                Field("credibility", 1, choices: ["1", "2", "3", "4", "5", "6"]),
                Field("text", 4_000, hasLines: true),
            ]),
        Route(
            .sharing, post: "/incidents/:incident/sharings", operators, .incident,
            fields: [Field("fingerprint", 64), Field("with", 200)]),

        Route(.fingerprints, get: "/fingerprints", members),
        Route(.fingerprint, get: "/fingerprints/:fingerprint", members, .fingerprint),
        Route(.notes, get: "/notes", overseers, isOfStreet: true),
        Route(.accounts, get: "/accounts", operators, isOfStreet: true),
        Route(
            .createAccount, post: "/accounts", operators, isOfStreet: true,
            fields: [
                Field("name", 64), Field("role", 8, choices: Account.Role.allCases.map(\.rawValue)),
                Field("organisation", 200, isOptional: true), password,
            ]),
        Route(.account, get: "/account", members),
        Route(
            .changePassword, post: "/account/password", members,
            fields: [
                current, code, Field("new", Password.lengths.upperBound), Field("repeat", Password.lengths.upperBound),
            ]),
        Route(.setFactor, post: "/account/factor", members, fields: [current, code]),
        Route(.dropFactor, post: "/account/factor/drop", members, fields: [current, code]),
    ]
}
