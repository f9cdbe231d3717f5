internal import Addresses
internal import Incidents
internal import Moments
internal import Portal
internal import TestKit
internal import Testing

@Suite struct FactorTests {
    /// RFC 6238, appendix B: the last six of eight digits, for the secret "12345678901234567890".
    @Test(arguments: [
        (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
        (2_000_000_000, "279037"), (20_000_000_000, "353130"),
    ])
    func `a code is what the standard says`(second: Int64, code: String) {
        let secret = Array("12345678901234567890".utf8)
        #expect(OneTimeCode.code(secret, step: second / 30) == code)
        let moment = Moment(seconds: second)
        #expect(OneTimeCode.step(of: code, secret, at: moment) == second / 30)
        #expect(OneTimeCode.step(of: "\(code.prefix(3)) \(code.suffix(3))", secret, at: moment) == second / 30)
        for seconds in [60.0, 90] { #expect(OneTimeCode.step(of: code, secret, at: moment + seconds) == nil) }
        if second > 60 { #expect(OneTimeCode.step(of: code, secret, at: moment + -60) == nil) }
        for wrong in ["", "0", code + "0", "\u{0666}" + code.dropFirst(), String(repeating: " ", count: 16)] {
            #expect(OneTimeCode.step(of: wrong, secret, at: moment) == nil)
        }
    }

    /// RFC 4648, section 10.
    @Test func `a secret is shown in base32`() {
        #expect(OneTimeCode.groups(Array("f".utf8)) == "MY")
        #expect(OneTimeCode.groups(Array("foobar".utf8)) == "MZXW 6YTB OI")
        #expect(OneTimeCode.link(Array("fooba".utf8), account: "anna").hasSuffix("?secret=MZXW6YTB&issuer=Wasstraat"))
    }

    /// What an app has, once the page's key is typed into it.
    private static func secret(_ page: Browser.Answer) throws -> [UInt8] {
        let start = try #require(page.text.firstRange(of: "otpauth://totp/"))
        let link = page.text[start.lowerBound...].prefix { $0 != "\"" }
        let value = try #require(link.firstRange(of: "secret=")).upperBound
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var bytes: [UInt8] = []
        var (held, bits) = (0, 0)
        for letter in link[value...].prefix(while: { $0 != "&" }) {
            held = held << 5 & 0xfff | (try #require(alphabet.firstIndex(of: letter)))
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: held >> bits))
            }
        }
        #expect(bytes.count == OneTimeCode.secretSize)
        return bytes
    }

    private static func signIn(
        _ browser: inout Browser, _ name: String, _ code: String, _ password: String = World.password
    ) async throws -> Int {
        // Who is signed in gets no form.
        browser.cookies = [:]
        let page = try await browser.get("/login")
        let fields = [("name", name), ("password", password), ("code", code)]
        return try await browser.post("/login", fields, key: page.key).status
    }

    @Test func `with a second factor the password is not enough, and each code is good once`() async throws {
        let world = try await World()
        let name = "operator-markalpha"
        try await world.serve { start in
            func code(_ secret: [UInt8], _ steps: Int64 = 0) -> String {
                OneTimeCode.code(secret, step: world.clock.now.milliseconds / 30_000 + steps)
            }
            var browser = start
            var other = start
            try await other.signIn(name)
            let key = try await browser.signIn(name).key
            let secret = try Self.secret(try await browser.get("/account"))
            #expect(try await Self.secret(other.get("/account")) != secret, "each session offers its own")
            let fields = { (code: String) in [("current", World.password), ("code", code)] }
            for wrong in ["000000", code(secret, 3), ""] {
                let answer = try await browser.post("/account/factor", fields(wrong), key: key)
                #expect(answer.status == 403 && answer.text.contains("otpauth:"), "told on the page itself")
            }
            let words = [("current", "not the password"), ("code", code(secret))]
            #expect(try await browser.post("/account/factor", words, key: key).status == 403)
            #expect(try await world.records.account(name: name)?.factor == nil)
            world.clock.pass(60)
            let set = try await browser.post("/account/factor", fields(code(secret)), key: key)
            #expect(set.header("Location") == "/account?done=factor")
            #expect(try await world.records.account(name: name)?.factor == secret)
            let page = try await browser.get("/account")
            #expect(page.status == 200 && !page.text.contains("otpauth:"))
            #expect(try await other.get("/").status == 303, "the other session has ended")

            var later = start
            #expect(try await Self.signIn(&later, name, "") == 403)
            #expect(try await Self.signIn(&later, name, code(secret)) == 403, "it was used")
            world.clock.pass(30)
            #expect(try await Self.signIn(&later, name, code(secret), "not the password") == 403)
            #expect(try await Self.signIn(&later, name, code(secret)) == 303)
            #expect(try await later.get("/").status == 200)
            world.clock.pass(30)
            // A clock that is fast; what was before is spent then.
            #expect(try await Self.signIn(&later, name, code(secret, 1)) == 303)
            #expect(try await Self.signIn(&later, name, code(secret)) == 403)
            #expect(try await Self.signIn(&later, "auditor-street", "") == 303, "who has none needs none")

            world.clock.pass(60)
            #expect(try await Self.signIn(&browser, name, code(secret)) == 303)
            let own = try await browser.get("/account").key
            world.clock.pass(30)
            #expect(try await browser.post("/account/factor", fields(code(secret)), key: own).status == 409)
            world.clock.pass(30)
            // Nor is the password changed, or the factor dropped, without one.
            let new = "nog een lang wachtwoord"
            let change = [("current", World.password), ("new", new), ("repeat", new)]
            #expect(try await browser.post("/account/password", change, key: own).status == 403)
            #expect(try await browser.post("/account/factor/drop", fields("000000"), key: own).status == 403)
            // A slip spends no code.
            let slip = [("current", World.password), ("new", new), ("repeat", new + "x"), ("code", code(secret))]
            #expect(try await browser.post("/account/password", slip, key: own).status == 400)
            let dropped = try await browser.post("/account/factor/drop", fields(code(secret)), key: own)
            #expect(dropped.header("Location") == "/account?done=dropped")
            #expect(try await Self.signIn(&later, name, "") == 303)
        }
        let actions = await world.records.allNotes.map(\.action)
        #expect(actions.contains("set-second-factor") && actions.contains("drop-second-factor"))
    }

    @Test func `guessing codes is slowed down as guessing passwords is`() async throws {
        let world = try await World()
        try await world.records.keep(
            Account(
                name: "anna", role: .operator, organisation: nil,
                password: Password.hash(World.password, cost: World.cheap) ?? "", factor: Array(1...20)))
        let statuses = try await world.serve { start in
            var browser = start
            var statuses: [Int] = []
            for guess in 0..<9 { statuses.append(try await Self.signIn(&browser, "anna", "00000\(guess)")) }
            // The wait for passwords is over, that for codes is not: a right one is no better.
            for _ in 0..<12 {
                world.clock.pass(61)
                _ = try await Self.signIn(&browser, "anna", "000000")
            }
            world.clock.pass(61)
            let right = OneTimeCode.code(Array(1...20), step: world.clock.now.milliseconds / 30_000)
            statuses.append(try await Self.signIn(&browser, "anna", right))
            world.clock.pass(1_000)
            let later = OneTimeCode.code(Array(1...20), step: world.clock.now.milliseconds / 30_000)
            statuses.append(try await Self.signIn(&browser, "anna", later))
            return statuses
        }
        #expect(statuses == [403, 403, 403, 403, 403] + Array(repeating: 429, count: 4) + [403, 303])
        #expect(await world.records.allNotes.filter { $0.action == "wrong-codes" }.count == 1)
    }

    @Test func `a form that was begun before the account changed changes nothing`() async throws {
        let world = try await World()
        let name = "operator-street"
        let known = try #require(try await world.records.account(name: name))
        try await world.serve { start in
            var browser = start
            let key = try await browser.signIn(name).key ?? ""
            let new = "nog een lang wachtwoord".replacing(" ", with: "+")
            let current = World.password.replacing(" ", with: "+")
            let body = "form-key=\(key)&current=\(current)&new=\(new)&repeat=\(new)"
            let cookies = browser.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            let begun = try RawClient(to: Endpoint(Address(ipv4: 0x7f00_0001), port: UInt16(start.port)))
            try begun.send(
                "POST /account/password HTTP/1.1\r\nHost: console.example\r\nCookie: \(cookies)\r\n"
                    + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                    + body.prefix(20))
            // Time to look who asks.
            try await Task.sleep(for: .milliseconds(300))
            var other = known
            other.factor = Array(1...20)
            try await world.records.keep(other)
            try begun.send(String(body.dropFirst(20)))
            var reading = begun
            let answer = try reading.readResponse(to: "POST")
            // At the door, where the head was looked at only after the change.
            #expect(answer.status == 401 || answer["location"] == "/login", "\(answer.status)")
            #expect(try await world.records.account(name: name) == other)
        }
    }

    @Test func `where all must have one, who has none can only set it up`() async throws {
        var world = try await World()
        world.configuration.needsFactor = true
        try await world.serve { [world] start in
            var browser = start
            let key = try await browser.signIn("operator-street").key
            let before = await world.records.changes
            for route in Route.all where !route.roles.isEmpty && !route.path.contains(":") {
                let isOpen = ["/account", "/account/factor", "/account/password", "/logout"].contains(route.path)
                if isOpen { continue }
                let answer =
                    route.isPost
                    ? try await browser.post(route.path, AccessTests.fields(route, World.alpha), key: key)
                    : try await browser.get(route.path)
                if route.action == .events {
                    #expect(answer.status == 401)
                } else {
                    let isSent = answer.status == 303 && answer.header("Location") == "/account?done=needed"
                    #expect(isSent, "\(route.path)")
                }
            }
            for path in ["/sites/markalpha-www", "/incidents/2026-1"] {
                #expect(try await browser.get(path).header("Location") == "/account?done=needed")
            }
            #expect(await world.records.changes == before)
            let secret = try Self.secret(try await browser.get("/account?done=needed"))
            let code = OneTimeCode.code(secret, step: world.clock.now.milliseconds / 30_000)
            let fields = [("current", World.password), ("code", code)]
            #expect(try await browser.post("/account/factor", fields, key: key).status == 303)
            #expect(try await browser.get("/").status == 200)
            #expect(try await !browser.get("/account").text.contains("/account/factor/drop"))
        }
    }
}
