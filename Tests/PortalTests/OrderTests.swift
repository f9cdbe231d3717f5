internal import Detection
internal import Incidents
internal import Mitigations
internal import Portal
internal import Testing

/// Orders by hand: what the console shows of them and to whom, and what becomes of its forms.
@Suite struct OrderTests {
    private static let ruleOfAlpha = "/sites/markalpha-www/rules/00000000000000a1"
    private static let addresses = ["198.51.100.7", "198.51.100.64/26", "2001:db8:5::/48"]

    private static func source(
        _ text: String = "192.0.2.9", kind: String = "deny", site: String = "markalpha-www", time: String = "3600",
        reason: String = "scanner"
    ) -> [(String, String)] {
        [("kind", kind), ("source", text), ("site", site), ("time", time), ("reason", reason)]
    }

    private static func mode(
        _ mode: String = "observe", site: String = "markalpha-www", reason: String = "klachten"
    ) -> [(String, String)] {
        [("mode", mode), ("site", site), ("time", "900"), ("reason", reason)]
    }

    private static func word(_ word: String, at place: String = "site", reason: String = "twijfel") -> [(
        String, String
    )] {
        [("word", word), ("where", place), ("reason", reason)]
    }

    @Test func `only operators see addresses, and only those at sites that they see`() async throws {
        try await World().serve { start in
            let expected: [(String, Set<String>)] = [
                ("operator-street", Set(Self.addresses)), ("operator-markalpha", ["198.51.100.7"]),
                ("operator-markbeta", ["198.51.100.64/26"]), ("analyst-street", []), ("auditor-street", []),
                ("auditor-markalpha", []),
            ]
            for (account, seen) in expected {
                var browser = start
                try await browser.signIn(account)
                let text = try await browser.get("/orders").text
                #expect(Set(Self.addresses.filter { text.contains($0) }) == seen, "\(account)")
                #expect(text.contains("beheer (uid 998)"), "\(account)")
                #expect(text.contains("<form method=\"post\" action=\"/orders\"") == account.hasPrefix("operator"))
            }
            // What holds at all sites is told to an organisation as a number, and is not theirs to take back.
            var browser = start
            let key = try await browser.signIn("operator-markalpha").key
            #expect(try await browser.get("/orders").text.contains("hold at all sites: 1."))
            for order in [2, 3, 99] {
                #expect(try await browser.post("/orders/\(order)/expire", [], key: key).status == 404, "\(order)")
            }
        }
    }

    @Test func `a source is denied and let in again, and the log says who did it and why`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            browser.language = "nl"
            let key = try await browser.signIn("operator-markalpha").key
            let answer = try await browser.post("/orders", Self.source(" 2001:db8:77::/48 "), key: key)
            #expect(answer.status == 303 && answer.header("Location") == "/orders?done=ordered")
            let page = try await browser.get("/orders?done=ordered").text
            #expect(page.contains("De opdracht geldt.") && page.contains(">2001:db8:77::/48</h3>"))
            #expect(page.contains("<dd>operator-markalpha (console)</dd>") && page.contains("<dd>scanner</dd>"))
            #expect(page.contains("action=\"/orders/4/expire\""))
            // The same block again: the last word counts.
            _ = try await browser.post("/orders", Self.source("2001:db8:77::/48", kind: "allow"), key: key)
            let orders = await world.street.book.orders.filter { $0.site == World.alpha.site }
            #expect(orders.map(\.id) == [1, 5] && orders.last?.act.name == "allow")
            #expect(try await browser.post("/orders/5/expire", [], key: key).status == 303)
            #expect(try await browser.post("/orders/5/expire", [], key: key).status == 404)
            #expect(try await browser.get("/orders").text.contains("2001:db8:77::/48") == false)
        }
        let notes = await world.records.allNotes.filter { $0.actor == "operator-markalpha (console)" }
        #expect(notes.map(\.action) == ["access.deny", "access.allow", "access.expire"])
        #expect(notes.first?.object.hasSuffix("3600 s: scanner") == true)
        #expect(await world.records.allNotes.allSatisfy { !$0.object.contains("2001:db8:77") })
    }

    @Test func `a site is let through and protected again, and its page says so`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            let key = try await browser.signIn("operator-street").key
            #expect(try await browser.get("/orders").text.contains("All sites are protected"))
            _ = try await browser.post("/orders/mode", Self.mode(), key: key)
            let page = try await browser.get("/orders").text
            #expect(page.contains("Lets all through, only counts") && page.contains("The other sites are protected"))
            #expect(try await browser.get("/sites/markalpha-www").text.contains("Protect again"))
            _ = try await browser.post("/orders/mode", Self.mode("protect", reason: "het was er wel een"), key: key)
            #expect(try await browser.get("/sites/markalpha-www").text.contains("Protect again") == false)
            #expect(try await browser.get("/orders").text.contains("het was er wel een"))
        }
        #expect(
            await world.street.orders.map { $0.prefix { $0 != ":" } } == [
                "operator-street (console) access.observe markalpha-www 900 s",
                "operator-street (console) access.protect markalpha-www 900 s",
            ])
    }

    @Test func `what is wrong is said beside its field, and what was typed comes back`() async throws {
        let world = try await World()
        try await world.serve { start in
            let long = String(repeating: "é", count: 101)
            let cases: [(path: String, fields: [(String, String)], id: String, en: String, nl: String)] = [
                (
                    "/orders", Self.source("gisteren"), "source-fault", "no address and no block",
                    "geen adres en geen blok"
                ),
                ("/orders", Self.source(""), "source-fault", "no address and no block", "geen adres en geen blok"),
                ("/orders", Self.source("192.0.2.7/24"), "source-fault", "no address", "geen adres"),
                (
                    "/orders", Self.source("0.0.0.0/0"), "source-fault", "too large: /8 at most",
                    "te groot: ten hoogste /8"
                ),
                ("/orders", Self.source("2000::/3"), "source-fault", "too large: /16", "te groot: ten hoogste /16"),
                ("/orders", Self.source(site: ""), "site-error", "Choose a site", "Kies een site"),
                ("/orders", Self.source(site: "nergens"), "site-error", "Choose a site", "Kies een site"),
                ("/orders", Self.source(reason: ""), "reason-fault", "Say why", "Zeg waarom"),
                ("/orders", Self.source(reason: long), "reason-fault", "too long", "te lang"),
                ("/orders", Self.source(reason: "a\tb"), "reason-fault", "one ordinary line", "één gewone regel"),
                ("/orders/mode", Self.mode(site: ""), "site-error", "Choose a site", "Kies een site"),
                ("/orders/mode", Self.mode(site: "*"), "site-error", "Choose a site", "Kies een site"),
                ("/orders/mode", Self.mode(reason: ""), "mode-fault", "Say why", "Zeg waarom"),
                (Self.ruleOfAlpha, Self.word("undo", reason: ""), "reason-fault", "Say why", "Zeg waarom"),
                (
                    "/sites/markalpha-www/observe", [("time", "900"), ("reason", long)], "reason-fault", "too long",
                    "te lang"
                ),
            ]
            for language in ["nl", "en"] {
                var browser = start
                browser.language = language
                let key = try await browser.signIn("operator-street").key
                for one in cases {
                    let answer = try await browser.post(one.path, one.fields, key: key)
                    let text = answer.text
                    let said = text.firstRange(of: "id=\"\(one.id)\"").map { text[$0.upperBound...].prefix(200) } ?? ""
                    #expect(answer.status == 400, "\(one)")
                    #expect(said.contains(language == "nl" ? one.nl : one.en), "\(one) \(said)")
                    #expect(text.contains("aria-invalid=\"true\"") && text.contains("role=\"alert\""), "\(one)")
                    #expect(text.ranges(of: "id=\"\(one.id)\"").count == 1, "\(one)")
                    for (name, value) in one.fields where ["source", "reason"].contains(name) && !value.isEmpty {
                        #expect(text.contains("value=\"\(value)\""), "\(one)")
                    }
                }
            }
        }
        #expect(await world.street.orders.isEmpty)
    }

    @Test func `another organisation's people have no word, and learn nothing`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            let key = try await browser.signIn("operator-markbeta").key
            let answers = [
                try await browser.post("/orders", Self.source(), key: key),
                try await browser.post("/orders", Self.source(site: "*"), key: key),
                try await browser.post("/orders/mode", Self.mode(), key: key),
                try await browser.post("/orders/1/expire", [], key: key),
                try await browser.post(Self.ruleOfAlpha, Self.word("undo"), key: key),
                try await browser.get(Self.ruleOfAlpha),
                try await browser.post("/sites/markbeta-www/rules/00000000000000a1", Self.word("undo"), key: key),
                try await browser.post(
                    "/sites/markbeta-www/rules/00000000000000b2", Self.word("undo", at: "all"), key: key),
            ]
            #expect(answers.map(\.status) == [400, 400, 400, 404, 404, 404, 404, 403])
            for answer in answers {
                let rest = answer.text.replacing("markalpha-www", with: "")
                #expect(!rest.contains("markalpha") && !rest.contains("198.51.100.7"))
            }
            // A site of another is told like one that is not there.
            func page(_ site: String) async throws -> String {
                let answer = try await browser.post("/orders", Self.source(site: site), key: key)
                return answer.text.replacing(site, with: "")
            }
            #expect(try await page("markalpha-www") == page("no-such-site"))
            for account in ["analyst-street", "auditor-markalpha"] {
                var browser = start
                let key = try await browser.signIn(account).key
                #expect(try await browser.post("/orders", Self.source(), key: key).status == 403)
                #expect(try await browser.post("/orders/1/expire", [], key: key).status == 403)
                #expect(try await browser.post(Self.ruleOfAlpha, Self.word("undo"), key: key).status == 403)
                #expect(
                    try await browser.get(Self.ruleOfAlpha).text.contains("<form method=\"post\" action=\"/sites")
                        == false)
            }
        }
        #expect(await world.street.orders.isEmpty)
        #expect(await world.street.rules.allSatisfy { $0.state == .live })
    }

    @Test func `a rule counts only, marks again and goes by a word of an operator`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            let key = try await browser.signIn("operator-markalpha").key
            let list = try await browser.get("/orders").text
            #expect(list.contains("href=\"\(Self.ruleOfAlpha)\"") && list.contains("<dd>97.3%</dd>"))
            #expect(list.contains("<dd>0.04%</dd>") && list.contains("<dd>181,227</dd>"))
            #expect(!list.contains("00000000000000b2"))
            for (word, state) in [
                ("observe", "Counts only, by hand"), ("protect", "Live"), ("undo", "Taken away"),
            ] {
                let answer = try await browser.post(Self.ruleOfAlpha, Self.word(word), key: key)
                #expect(answer.header("Location") == Self.ruleOfAlpha + "?done=told")
                #expect(try await browser.get(Self.ruleOfAlpha).text.contains(">\(state)</span>"), "\(word)")
            }
            // What is gone has no form.
            #expect(try await browser.get(Self.ruleOfAlpha).text.contains("Your word on this rule") == false)
            var street = start
            let other = try await street.signIn("operator-street").key
            _ = try await street.post(Self.ruleOfAlpha, Self.word("observe", at: "all"), key: other)
        }
        #expect(
            await world.street.orders == [
                "operator-markalpha (console) rule.observe markalpha-www twijfel",
                "operator-markalpha (console) rule.protect markalpha-www twijfel",
                "operator-markalpha (console) rule.undo markalpha-www twijfel",
                "operator-street (console) rule.observe all twijfel",
            ])
    }

    @Test func `an order that the office cannot keep or take is not said to hold`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            let key = try await browser.signIn("operator-street").key
            for cause in [ControlBook.Refusal.Cause.notKept, .notServed] {
                await world.street.refuse(ControlBook.Refusal(cause, "x"))
                for (path, fields) in [
                    ("/orders", Self.source()), ("/orders/mode", Self.mode()), ("/orders/1/expire", []),
                    (Self.ruleOfAlpha, Self.word("undo")),
                ] {
                    let answer = try await browser.post(path, fields, key: key)
                    #expect(answer.status == 503 && answer.text.contains("Nothing was changed"), "\(cause) \(path)")
                }
            }
            for cause in [ControlBook.Refusal.Cause.full, .share] {
                await world.street.refuse(ControlBook.Refusal(cause, "x"))
                let answer = try await browser.post("/orders", Self.source(), key: key)
                #expect(answer.status == 400 && answer.text.contains("Take some back first"))
            }
        }
    }

    @Test func `a long list comes in pages`() async throws {
        let world = try await World()
        for number in 0..<150 {
            try await world.street.seed(
                try ControlBook.Act(.deny, "198.18.0.\(number)"), site: World.alpha.site, reason: "nr. \(number)")
        }
        try await world.serve { start in
            var browser = start
            try await browser.signIn("operator-street")
            let first = try await browser.get("/orders").text
            #expect(first.ranges(of: "/expire\"").count == 100 && first.contains("nr. 149<"))
            let link = try #require(first.firstMatch(of: /\/orders\?before=(\d+)#/))
            let second = try await browser.get("/orders?before=\(link.1)").text
            #expect(second.ranges(of: "/expire\"").count == 53 && second.contains("nr. 0<"))
            #expect(!second.contains("?before="))
        }
    }
}
