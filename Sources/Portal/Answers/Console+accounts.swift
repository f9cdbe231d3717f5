internal import HTTPTypes
internal import Hummingbird
internal import Incidents
internal import Languages
internal import Moments
internal import PublicStatus

/// Signing in and out, accounts and passwords.
extension Console {
    /// The page carries a form key too: the cookie for it comes with the page.
    func signInPage(_ visit: Visit, reason: Refusal? = nil) -> Response {
        var visit = visit
        if visit.account != nil { return redirect(to: "/") }
        let isNew = visit.token?.name.isEmpty != true
        if isNew { visit.token = Token(name: "") }
        var view: View = [:]
        view["reason"] = reason?.reason[visit.language]
        var response = page(
            "login", visit.wording.pick("Aanmelden", "Sign in"), view, visit,
            status: .init(code: reason?.status ?? 200))
        if isNew, let token = visit.token {
            response.headers[.setCookie] = cookie(cookieName, token.cookie, lasting: configuration.sessionTime)
        }
        if let wait = reason?.wait { response.headers[.retryAfter] = String(wait) }
        return response
    }

    func signIn(_ visit: Visit) async throws -> Response {
        let name = visit.form["name"]
        guard Token.isName(name) else { return signInPage(visit, reason: Self.wrongPassword) }
        if let wait = brake.attempt(name, at: visit.now) { return signInPage(visit, reason: Self.tooOften(wait)) }
        let account = try await records.account(name: name)
        // A name without an account takes the same time.
        let stored = account?.password ?? Password.nobody(configuration.passwordCost)
        let password = visit.form["password"]
        guard try await passwords.run({ Password.verify(password, against: stored) }), let account else {
            if brake.hasGripped(name), account != nil {
                try await records.note(actor: name, action: "wrong-passwords", object: "console", at: visit.now)
            }
            return signInPage(visit, reason: Self.wrongPassword)
        }
        // Who has only the password does not learn from the answer that he has that.
        guard try await hasCode(account, visit, as: name) else {
            return signInPage(visit, reason: Self.wrongPassword)
        }
        brake.succeeded(name)
        try await records.note(actor: name, action: "sign-in", object: "console", at: visit.now)
        return try await beginSession(account, visit, at: "/")
    }

    /// Whether the form holds a code of the account's second factor, or it has none. Asked only with the right password.
    ///
    /// - Parameter guesser: whom wrong codes slow down.
    private func hasCode(_ account: Account, _ visit: Visit, as guesser: String) async throws -> Bool {
        guard let factor = account.factor else { return true }
        guard codeBrake.attempt(guesser, at: visit.now) == nil else { return false }
        if codes.admit(visit.form["code"], factor, of: account.name, at: visit.now) {
            codeBrake.succeeded(guesser)
            return true
        }
        if codeBrake.hasGripped(guesser) {
            try await records.note(actor: account.name, action: "wrong-codes", object: "console", at: visit.now)
        }
        return false
    }

    private static func tooOften(_ wait: Double) -> Refusal {
        let seconds = Int(wait.rounded(.up))
        return Refusal(
            429, nl: "Te vaak een verkeerd wachtwoord of een verkeerde code. Wacht \(seconds) seconden.",
            en: "Too many wrong passwords or codes. Wait \(seconds) seconds.", wait: seconds)
    }

    private static let wrongPassword = Refusal(
        403, nl: "Naam, wachtwoord of code klopt niet. Een code kan één keer gebruikt worden.",
        en: "The name, the password or the code is wrong. A code can be used once.")

    /// A new token at each sign-in; the one before is worth nothing any more.
    private func beginSession(_ account: Account, _ visit: Visit, at place: String) async throws -> Response {
        if let old = visit.token, let before = visit.account { try await records.dropSession(key: old.key(before)) }
        let token = Token(name: account.name)
        try await records.keep(
            Session(key: token.key(account), account: account.name, expires: visit.now + configuration.sessionTime))
        var response = redirect(to: place)
        response.headers[.setCookie] = cookie(cookieName, token.cookie, lasting: configuration.sessionTime)
        return response
    }

    func signOut(_ visit: Visit) async throws -> Response {
        if let token = visit.token, let account = visit.account {
            try await records.dropSession(key: token.key(account))
            try await note(visit, "sign-out", "console")
        }
        var response = redirect(to: "/login")
        response.headers[.setCookie] = cookie(cookieName, "", lasting: 0)
        return response
    }

    func accountsPage(_ visit: Visit) async throws -> Response {
        let wording = visit.wording
        let accounts = try await records.accounts().sorted { $0.name < $1.name }
        let view: View = [
            "accounts": accounts.map { account -> View in
                [
                    "account": account.name, "accountRole": wording.role(account.role),
                    "sees": account.organisation ?? wording.pick("de hele straat", "the whole street"),
                    "hasFactor": account.factor != nil,
                ]
            },
            "roles": Account.Role.allCases.map { ["value": $0.rawValue, "shown": wording.role($0)] as View },
            "organisations": await organisations(),
        ]
        return page("accounts", "Accounts", view, visit)
    }

    private func organisations() async -> [String] { Set(await street.now().map(\.organisation)).sorted() }

    func createAccount(_ visit: Visit) async throws -> Response {
        let (name, organisation) = (visit.form["name"], visit.form["organisation"])
        guard Token.isName(name) else {
            throw Refusal.invalid(
                "Een naam heeft 1 tot 64 tekens: a-z, 0-9, punt, streepje.",
                "A name has 1 to 64 characters: a-z, 0-9, dot, hyphen.")
        }
        let isKnown = await organisations().contains(organisation)
        guard organisation.isEmpty || isKnown, let role = Account.Role(rawValue: visit.form["role"]) else {
            throw Refusal.invalid("Die organisatie bestaat niet.", "There is no such organisation.")
        }
        let hash = try await hash(visit.form["password"])
        let account = Account(
            name: name, role: role, organisation: organisation.isEmpty ? nil : organisation, password: hash)
        guard try await records.keep(account, inPlaceOf: nil) else {
            throw Refusal(409, nl: "Die naam is al in gebruik.", en: "That name is already in use.")
        }
        try await note(
            visit, "create-account", "\(name), \(role.rawValue), \(organisation.isEmpty ? "street" : organisation)")
        return redirect(to: "/accounts?done=created")
    }

    func accountPage(_ visit: Visit, reason: Refusal? = nil) -> Response {
        let wording = visit.wording
        var view: View = [:]
        view["reason"] = reason?.reason[visit.language]
        if let account = visit.account {
            view["account"] = account.name
            view["accountRole"] = wording.role(account.role)
            view["sees"] = account.organisation ?? wording.pick("de hele straat", "the whole street")
            view["hasFactor"] = account.factor != nil
            view["mayDrop"] = account.factor != nil && !configuration.needsFactor
            if account.factor == nil, let offered = visit.token?.offeredFactor(offers) {
                view["offered"] = OneTimeCode.groups(offered)
                view["link"] = OneTimeCode.link(offered, account: account.name)
            }
        }
        var response = page(
            "account", wording.pick("Uw account", "Your account"), view, visit,
            status: .init(code: reason?.status ?? 200))
        if let wait = reason?.wait { response.headers[.retryAfter] = String(wait) }
        return response
    }

    func changePassword(_ visit: Visit) async throws -> Response {
        let new = visit.form["new"]
        // No code is spent for these.
        guard new == visit.form["repeat"] else {
            return accountPage(
                visit, reason: .invalid("De nieuwe wachtwoorden zijn niet gelijk.", "The new passwords differ."))
        }
        guard Password.lengths.contains(new.count) else { return accountPage(visit, reason: Self.wrongLength) }
        return try await change(visit, "change-password", at: "/account?done=changed") { account in
            account.password = try await hash(new)
        }
    }

    /// Takes the secret that this session offered, once a code shows that the app has it.
    func setFactor(_ visit: Visit) async throws -> Response {
        try await change(visit, "set-second-factor", at: "/account?done=factor") { account in
            guard account.factor == nil, let offered = visit.token?.offeredFactor(offers) else {
                throw Refusal(409, nl: "U hebt al een tweede factor.", en: "You have a second factor already.")
            }
            guard codes.admit(visit.form["code"], offered, of: account.name, at: visit.now) else {
                throw Refusal(
                    403, nl: "De code klopt niet. Wacht op de volgende, en kijk of de klok van uw telefoon goed staat.",
                    en: "The code is wrong. Wait for the next one, and see whether your phone's clock is right.")
            }
            account.factor = offered
        }
    }

    func dropFactor(_ visit: Visit) async throws -> Response {
        try await change(visit, "drop-second-factor", at: "/account?done=dropped") { account in
            guard account.factor != nil else {
                throw Refusal(409, nl: "U hebt geen tweede factor.", en: "You have no second factor.")
            }
            guard !configuration.needsFactor else {
                throw Refusal(
                    409, nl: "Hier is een tweede factor nodig.", en: "A second factor is needed here.")
            }
            account.factor = nil
        }
    }

    /// Changes the account of who proves to be its owner, by his password and, where he has one, his second factor. What
    /// is not right is said on the page.
    private func change(
        _ visit: Visit, _ action: String, at place: String, _ body: (inout Account) async throws -> Void
    ) async throws -> Response {
        guard let account = visit.account, let token = visit.token else { throw Refusal.signedOut }
        // Who guesses at the door does not keep out who is inside.
        let guesser = token.key(account)
        do {
            if let wait = brake.attempt(guesser, at: visit.now) { throw Self.tooOften(wait) }
            let (stored, password) = (account.password, visit.form["current"])
            guard try await passwords.run({ Password.verify(password, against: stored) }) else {
                if brake.hasGripped(guesser) { try await note(visit, "wrong-passwords", account.name) }
                throw Refusal(403, nl: "Uw wachtwoord van nu klopt niet.", en: "Your current password is wrong.")
            }
            guard try await hasCode(account, visit, as: guesser) else {
                throw Refusal(
                    403, nl: "De code klopt niet, of is al gebruikt. Wacht op de volgende.",
                    en: "The code is wrong, or was used already. Wait for the next one.")
            }
            brake.succeeded(guesser)
            var changed = account
            try await body(&changed)
            guard try await records.keep(changed, inPlaceOf: account) else {
                throw Refusal(
                    409, nl: "Uw account is net ergens anders gewijzigd.",
                    en: "Your account was just changed elsewhere.")
            }
            try await note(visit, action, account.name)
            // Every session's key holds the old secrets: all of them have ended now, and this browser gets a new one.
            return try await beginSession(changed, visit, at: place)
        } catch let refusal as Refusal {
            return accountPage(visit, reason: refusal)
        }
    }

    private static let wrongLength = Refusal.invalid(
        "Een wachtwoord heeft minstens \(Password.lengths.lowerBound) tekens.",
        "A password has at least \(Password.lengths.lowerBound) characters.")

    private func hash(_ password: String) async throws -> String {
        guard Password.lengths.contains(password.count) else { throw Self.wrongLength }
        let cost = configuration.passwordCost
        guard let hash = try await passwords.run({ Password.hash(password, cost: cost) }) else {
            throw Refusal.noRecords
        }
        return hash
    }
}
