internal import Incidents
internal import Moments
internal import Portal
internal import Testing

@Suite struct PasswordTests {
    @Test func `a password is verified against its hash and no other is`() throws {
        let hash = try #require(Password.hash("correct horse battery"))
        #expect(hash.hasPrefix("$scrypt$ln=15,r=8,p=3$"))
        #expect(Password.verify("correct horse battery", against: hash))
        #expect(!Password.verify("correct horse batterY", against: hash))
        #expect(!Password.verify("", against: hash))
        #expect(
            Password.hash("correct horse battery", cost: World.cheap)
                != Password.hash("correct horse battery", cost: World.cheap))
    }

    /// RFC 7914, section 12, the third vector: N = 16384, r = 8, p = 1, the first 32 bytes of 64.
    @Test func `it is scrypt as the standard has it`() {
        // The vector's password is "pleaseletmein", its salt "SodiumChloride".
        let hash = "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"
        let other = hash.replacing("cCO9", with: "cCO8")
        #expect(Password.verify("pleaseletmein", against: hash))
        #expect(!Password.verify("pleaseletmein", against: other))
    }

    /// What a name without an account is checked against: the same work, so the time tells nothing. That such names are
    /// checked at all shows where too many of them are sent away.
    @Test func `a name without an account costs as much as one with it`() throws {
        let (nobody, somebody) = (Password.nobody(World.cheap), try #require(Password.hash("x", cost: World.cheap)))
        #expect(nobody.utf8.count == somebody.utf8.count)
        #expect(nobody.split(separator: "$").prefix(2) == somebody.split(separator: "$").prefix(2))
        #expect(!Password.verify("x", against: nobody))
    }

    @Test(arguments: [
        "", "$", "$scrypt$", "$scrypt$ln=15,r=8,p=3$$", "$scrypt$ln=40,r=8,p=3$AAAA$AAAA",
        "$scrypt$ln=15,r=8$AAAA$AAAA",
        "$scrypt$ln=-1,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=15,r=99999,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$ln=15,r=8,p=1$AAAA$AAAA", "$scrypt$ln=4,r=8,p=1$????$AAAA", String(repeating: "$", count: 5_000),
    ])
    func `a hash that we did not make is nobody's`(stored: String) { #expect(!Password.verify("x", against: stored)) }
}

@Suite struct AccountTests {
    @Test func `wrong passwords slow an account down, and only that one`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            var statuses: [Int] = []
            for _ in 0..<12 {
                statuses.append(try await browser.signIn("operator-street", "wrong wrong wrong").0.status)
            }
            #expect(statuses == [403, 403, 403, 403, 403] + Array(repeating: 429, count: 7))
            #expect(try await browser.signIn("operator-street").0.status == 429, "not even with the right one")
            #expect(try await browser.signIn("auditor-street").0.status == 303)
            var guesser = start
            world.clock.pass(3)
            #expect(try await guesser.signIn("operator-street", "wrong wrong wrong").0.status == 403)
            #expect(try await guesser.signIn("operator-street").0.status == 429, "the wait has doubled")
            world.clock.pass(61)
            #expect(try await guesser.signIn("operator-street").0.status == 303)
        }
        #expect(await world.records.allNotes.filter { $0.action == "wrong-passwords" }.count == 1)
    }

    @Test func `guessing 200 times in a minute tries a handful`() async throws {
        let world = try await World()
        let tried = try await world.serve { start in
            var browser = start
            var tried = 0
            for guess in 0..<200 {
                if try await browser.signIn("operator-street", "guess number \(guess)").0.status == 403 { tried += 1 }
                world.clock.pass(0.3)
            }
            return tried
        }
        #expect(tried >= 5 && tried <= 10, "\(tried)")
    }

    @Test func `too many at once are sent away, the others are answered`() async throws {
        let world = try await World(cost: .init(logRounds: 15, blockSize: 8, parallelism: 3))
        let statuses = try await world.serve { start in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        var browser = start
                        return try await browser.signIn("nobody-\(index)", "wrong wrong wrong").0.status
                    }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
        }
        // Names without an account wait for a hash like any other, or none would be sent away.
        #expect(Set(statuses) == [403, 503])
        #expect(statuses.filter { $0 == 403 }.count >= 18)
    }

    @Test func `a session ends in time, at signing out, and with a new password`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            try await browser.signIn("operator-markalpha")
            world.clock.pass(8 * 3_600 - 1)
            #expect(try await browser.get("/").status == 200)
            world.clock.pass(2)
            #expect(try await browser.get("/").status == 303)
            #expect(await world.records.sessions.isEmpty)

            let key = try await browser.signIn("operator-markalpha").key
            let stolen = browser
            _ = try await browser.post("/logout", [], key: key)
            var thief = stolen
            #expect(try await thief.get("/").status == 303)

            var first = start
            var second = start
            try await first.signIn("operator-markalpha")
            let own = try await second.signIn("operator-markalpha").key
            let new = "nog een lang wachtwoord"
            let changed = try await second.post(
                "/account/password", [("current", World.password), ("new", new), ("repeat", new)], key: own)
            #expect(changed.header("Location") == "/account?done=changed")
            #expect(try await second.get("/").status == 200)
            #expect(try await first.get("/").status == 303, "the other session has ended")
            var later = start
            #expect(try await later.signIn("operator-markalpha").0.status == 403)
            #expect(try await later.signIn("operator-markalpha", new).0.status == 303)
        }
    }

    @Test func `the register holds no token, and each sign-in has a new one`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            _ = try await browser.get("/login")
            let before = browser.cookies["wasstraat"]
            try await browser.signIn("auditor-street")
            let first = try #require(browser.cookies["wasstraat"])
            try await browser.signIn("auditor-street")
            let sessions = await world.records.sessions
            #expect(first != before && sessions.count == 1)
            let secret = first.split(separator: ".").last ?? ""
            #expect(secret.count == 64 && !sessions.keys.contains { $0.contains(secret) })
            for wrong in [
                "x", "auditor-street.", "auditor-street." + String(repeating: "0", count: 64), "../.." + first, "",
            ] {
                var other = start
                other.cookies["wasstraat"] = wrong
                #expect(try await other.get("/").status == 303, "\(wrong)")
            }
        }
    }

    @Test func `cookies are for this host, over TLS where there is TLS, and never for script`() async throws {
        for isSecure in [false, true] {
            var world = try await World()
            world.configuration.isSecure = isSecure
            try await world.serve { start in
                var browser = start
                let cookie = try await browser.get("/login").header("Set-Cookie") ?? ""
                #expect(cookie.hasPrefix(isSecure ? "__Host-wasstraat=" : "wasstraat="))
                for part in ["Path=/", "HttpOnly", "SameSite=Strict"] + (isSecure ? ["Secure"] : []) {
                    #expect(cookie.contains(part))
                }
                #expect(try await browser.signIn("auditor-street").0.status == 303)
            }
        }
    }

    @Test func `an operator of the street makes an account that can sign in`() async throws {
        try await World().serve { start in
            var browser = start
            let key = try await browser.signIn("operator-street").key
            func create(_ name: String, _ organisation: String, _ password: String) async throws -> Int {
                let fields = [
                    ("name", name), ("role", "analyst"), ("organisation", organisation), ("password", password),
                ]
                return try await browser.post("/accounts", fields, key: key).status
            }
            #expect(try await create("nieuw", World.alpha.organisation, "twaalf tekens") == 303)
            #expect(try await create("nieuw", World.alpha.organisation, "twaalf tekens") == 409)
            #expect(try await create("Nieuw!", "", "twaalf tekens") == 400)
            #expect(try await create("ander", "Waterschap X", "twaalf tekens") == 400)
            #expect(try await create("ander", "", "te kort") == 400)
            var new = start
            #expect(try await new.signIn("nieuw", "twaalf tekens").0.status == 303)
            #expect(try await new.get("/sites/markbeta-www").status == 404)
        }
    }
}
