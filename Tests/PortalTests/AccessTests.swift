internal import Incidents
internal import Moments
internal import Portal
internal import Testing

/// Every route, tried by everyone.
@Suite struct AccessTests {
    /// Who tries: nobody in particular, or a role in an organisation (nil: the street).
    struct Visitor: Sendable {
        var role: Account.Role?
        var organisation: String?

        static let all: [Visitor] =
            [Visitor(role: nil, organisation: nil)]
            + [nil, World.alpha.organisation, World.beta.organisation].flatMap { organisation in
                Account.Role.allCases.map { Visitor(role: $0, organisation: organisation) }
            }

        func sees(_ member: World.Member) -> Bool {
            role != nil && (organisation == nil || organisation == member.organisation)
        }
    }

    static func path(_ route: Route, _ member: World.Member?) -> String {
        route.path.replacing(":site", with: member?.site ?? "no-such-site")
            .replacing(":incident", with: member?.incident ?? "2026-99")
            .replacing(":fingerprint", with: member?.fingerprint ?? "00")
            .replacing(":order", with: member.map { "\($0.order)" } ?? "99")
            .replacing(":rule", with: member?.rule ?? "00").replacing(":language", with: "nl")
    }

    /// Values that the form takes.
    static func fields(_ route: Route, _ member: World.Member) -> [(String, String)] {
        route.fields.map { field in
            let value =
                switch field.name {
                case "fingerprint": member.fingerprint
                case "organisation": member.organisation
                case "site": member.site
                case "source" where field.choices.isEmpty: "198.51.100.99"
                case "name" where route.action == .createAccount: "new-account"
                case "password", "current", "new", "repeat": World.password
                default: field.choices.first ?? "words"
                }
            return (field.name, value)
        }
    }

    static func expected(_ route: Route, _ visitor: Visitor, _ member: World.Member?) -> Set<Int> {
        if route.action == .signInPage { return visitor.role == nil ? [200] : [303] }
        if route.roles.isEmpty {
            return route.action == .signIn ? [303, 403, 429] : route.action == .language ? [303] : [200]
        }
        guard let role = visitor.role else {
            return route.action == .events || route.action == .siteEvents ? [401] : [303]
        }
        guard route.roles.contains(role) else { return [403] }
        if route.isOfStreet, visitor.organisation != nil { return [404] }
        if route.scope != .nothing, member.map({ visitor.sees($0) }) != true { return [404] }
        // No code was asked of an app; and there is none to drop.
        if route.action == .setFactor { return [403] }
        if route.action == .dropFactor { return [409] }
        return [route.isPost ? 303 : 200]
    }

    @Test func `every route answers each account as the table says and shows nothing of another organisation`()
        async throws
    {
        let world = try await World()
        let points = [World.alpha, World.beta].map { World.point($0.site, at: world.clock.now) }
        await world.street.give(only: points)
        await world.street.keepOrders()
        let tries = try await world.serve { start in
            var tries = 0
            for visitor in Visitor.all {
                for route in Route.all {
                    for member in [World.alpha, World.beta, nil]
                    where member?.site == World.alpha.site || route.scope != .nothing {
                        var browser = start
                        var key: String?
                        if let role = visitor.role {
                            key = try await browser.signIn(World.name(role, visitor.organisation)).key
                            #expect(key != nil)
                        } else {
                            key = try await browser.get("/login").key
                        }
                        let path = Self.path(route, member)
                        let before = await world.records.changes
                        let answer: Browser.Answer
                        if route.isPost {
                            let own = visitor.organisation == World.beta.organisation ? World.beta : World.alpha
                            let about = route.scope == .nothing ? own : member ?? own
                            answer = try await browser.post(path, Self.fields(route, about), key: key)
                        } else {
                            answer = try await browser.get(path)
                        }
                        tries += 1
                        #expect(
                            Self.expected(route, visitor, member).contains(answer.status),
                            "\(visitor) \(route.action) \(path): \(answer.status)")
                        if answer.status >= 400 || visitor.role == nil {
                            #expect(await world.records.changes == before, "\(visitor) \(route.action) \(path)")
                        }
                        let everything = answer.everything
                        for other in [World.alpha, World.beta] where !visitor.sees(other) {
                            // What one asked for oneself (the path, in the link to the other language) is no leak.
                            let rest = everything.replacing(path, with: "").replacing(
                                Browser.encoded(path).replacing("%2D", with: "-"), with: "")
                            #expect(
                                !rest.contains(other.mark), "\(visitor) \(route.action) \(path) shows \(other.mark)")
                        }
                        for word in World.sealedWords {
                            #expect(!everything.contains(word), "\(visitor) \(route.action) \(path) shows \(word)")
                        }
                    }
                }
            }
            return tries
        }
        #expect(tries > 300)
        print("routes x accounts x things tried: \(tries)")
    }

    @Test func `the pages of one's own do show what they are about`() async throws {
        try await World().serve { start in
            var browser = start
            try await browser.signIn(World.name(.auditor, World.alpha.organisation))
            for path in ["/", "/sites/markalpha-www", "/incidents", "/incidents/2026-1", "/fingerprints"] {
                let answer = try await browser.get(path)
                #expect(answer.status == 200 && answer.text.contains("markalpha"), "\(path)")
            }
        }
    }

    /// Written by hand, so that a slip in the table shows.
    @Test func `only operators undo and post, only the street has accounts and a log`() async throws {
        let world = try await World()
        try await world.serve { start in
            for role in [Account.Role.analyst, .auditor] {
                var browser = start
                let key = try await browser.signIn(World.name(role, nil)).key
                let observe = try await browser.post(
                    "/sites/markalpha-www/observe", [("time", "900"), ("reason", "x")], key: key)
                let post = try await browser.post("/incidents/2026-1/posts", [("nl", "x"), ("en", "x")], key: key)
                let accounts = try await browser.get("/accounts")
                #expect([observe, post, accounts].map(\.status) == [403, 403, 403])
            }
            var auditor = start
            let key = try await auditor.signIn(World.name(.auditor, nil)).key
            let claim = try await auditor.post(
                "/incidents/2026-1/claims", [("claimant", "x"), ("place", "x"), ("text", "x")], key: key)
            #expect(claim.status == 403)
            #expect(try await auditor.get("/notes").status == 200)
            var own = start
            try await own.signIn(World.name(.operator, World.alpha.organisation))
            #expect(try await own.get("/notes").status == 404)
            #expect(try await own.get("/accounts").status == 404)
        }
        #expect(await world.street.orders.isEmpty)
    }

    @Test func `no state changes without the session's form key or from another site`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            let key = try await browser.signIn("operator-street").key
            var other = start
            let foreign = try await other.signIn("operator-markbeta").key
            for route in Route.all where route.isPost {
                let path = Self.path(route, World.alpha)
                let fields = Self.fields(route, World.alpha)
                let before = await (world.records.changes, world.street.orders.count, world.records.sessions.count)
                var answers = [
                    try await browser.post(path, fields, key: nil),
                    try await browser.post(path, fields, key: foreign),
                    try await browser.post(path, fields, key: ""),
                ]
                for header in [
                    ("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site"),
                    ("Sec-Fetch-Site", "same-site"),
                ] {
                    answers.append(try await browser.post(path, fields, key: key, headers: [header]))
                }
                #expect(answers.allSatisfy { $0.status == 403 }, "\(route.action): \(answers.map(\.status))")
                let after = await (world.records.changes, world.street.orders.count, world.records.sessions.count)
                #expect(before == after, "\(route.action)")
            }
        }
    }

    @Test func `an operator lets everything through and takes it back`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            let key = try await browser.signIn("operator-markalpha").key
            let answer = try await browser.post(
                "/sites/markalpha-www/observe", [("time", "3600"), ("reason", "klachten")], key: key,
                headers: [("Origin", "http://console.example"), ("Sec-Fetch-Site", "same-origin")])
            #expect(answer.header("Location") == "/sites/markalpha-www?done=observing")
            #expect(try await browser.get("/sites/markalpha-www?done=observing").text.contains("Protect again"))
            _ = try await browser.post("/sites/markalpha-www/protect", [], key: key)
        }
        #expect(
            await world.street.orders == [
                "operator-markalpha (console) access.observe markalpha-www 3600 s: klachten",
                "operator-markalpha (console) access.expire markalpha-www observe",
            ])
        #expect(
            await world.records.allNotes.contains { $0.action == "access.observe" && $0.object.hasSuffix("klachten") })
    }
}
