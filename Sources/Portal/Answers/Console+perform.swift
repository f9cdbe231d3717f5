internal import HTTPTypes
internal import Hummingbird
internal import Incidents
internal import Languages
internal import Mitigations
internal import Moments
internal import NIOCore
internal import PublicStatus

/// Does what was asked. Who may, and whether the thing may be seen, has been decided before.
extension Console {
    func perform(
        _ action: Route.Action, _ visit: Visit, _ request: Request, _ parameters: Parameters
    ) async throws -> Response {
        switch action {
        case .style: return asset(Assets.style, "text/css; charset=utf-8")
        case .script: return asset(Assets.script, "text/javascript; charset=utf-8")
        case .language: return try chooseLanguage(parameters.get("language") ?? "", visit)
        case .signInPage: return signInPage(visit)
        case .signIn: return try await signIn(visit)
        case .signOut: return try await signOut(visit)
        case .now:
            let sites = await street.now().filter { visit.sees($0.organisation) }
            let view = visit.nowView(
                sites, attacked: await attackedNetworks(visit), await street.packetFilter())
            return page("now", visit.wording.pick("Nu", "Now"), view, visit, live: "/events")
        case .events: return try live(visit, of: nil)
        case .siteEvents: return try live(visit, of: try site(visit))
        case .site: return try await sitePage(visit, try site(visit))
        case .observe: return try await observe(visit, try site(visit))
        case .protect: return try await protect(visit, try site(visit))
        case .orders: return await ordersPage(visit)
        case .giveOrder: return try await giveOrder(visit)
        case .setMode: return try await setMode(visit)
        case .expireOrder: return try await expireOrder(visit)
        case .rule: return try rulePage(visit)
        case .orderRule: return try await orderRule(visit)
        case .incidents:
            let year = visit.now + -366 * 86_400..<visit.now + 86_400
            let incidents = try await records.incidents(organisation: visit.account?.organisation, in: year, limit: 500)
                .filter { visit.sees($0.organisation) }
            return page(
                "incidents", visit.wording.pick("Incidenten", "Incidents"), visit.incidentsView(incidents), visit)
        case .incident:
            let incident = try incident(visit)
            let view = visit.incidentView(incident, known: try await fingerprints(visit).map(\.id))
            return page("incident", "Incident \(incident.number)", view, visit)
        case .post, .claim, .evidence, .sharing: return try await add(action, visit, to: try incident(visit))
        case .fingerprints: return try await fingerprintsPage(visit)
        case .fingerprint: return try fingerprintFile(visit)
        case .notes: return try await notesPage(visit)
        case .accounts: return try await accountsPage(visit)
        case .createAccount: return try await createAccount(visit)
        case .account: return accountPage(visit)
        case .changePassword: return try await changePassword(visit)
        case .setFactor: return try await setFactor(visit)
        case .dropFactor: return try await dropFactor(visit)
        }
    }

    /// Incidents in which a network is under attack now; none where the register does not answer: this page stands without.
    private func attackedNetworks(_ visit: Visit) async -> [Incident] {
        let week = visit.now + -7 * 86_400..<visit.now + 86_400
        let incidents = try? await records.incidents(organisation: visit.account?.organisation, in: week, limit: 500)
        return (incidents ?? []).filter { visit.sees($0.organisation) && $0.isOnNetwork }
    }

    private func site(_ visit: Visit) throws -> SiteNow {
        guard let site = visit.site else { throw Refusal.notFound }
        return site
    }

    private func incident(_ visit: Visit) throws -> Incident {
        guard let incident = visit.incident else { throw Refusal.notFound }
        return incident
    }

    private func asset(_ text: String, _ type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    private func chooseLanguage(_ code: String, _ visit: Visit) throws -> Response {
        guard let language = Language(rawValue: code) else { throw Refusal.notFound }
        let place = visit.query["to"] ?? "/"
        // Only to a page of ours: "//host" and "/\host" lead elsewhere.
        let isOurs =
            place.hasPrefix("/") && !place.hasPrefix("//")
            && place.utf8.allSatisfy { (33...126).contains($0) && $0 != 92 }
        var response = redirect(to: isOurs ? place : "/")
        response.headers[.setCookie] = cookie("language", language.rawValue, lasting: 366 * 86_400)
        return response
    }

    // MARK: Sites

    /// - Parameter refusal: why letting everything through was refused, to be said beside its field.
    func sitePage(
        _ visit: Visit, _ site: SiteNow, refusal: ControlBook.Refusal? = nil
    ) async throws -> Response {
        let now = visit.now
        let points = try await records.points(site: site.site, in: now + -Double(Plot.window)..<now + 1)
        let measures = try await records.mitigations(scope: site.site, in: now + -7 * 86_400..<now + 1)
            .filter { visit.sees($0.tenant) }
        let days = try await records.days(
            site: site.site, in: Day(number: now.day.number - 29)..<Day(number: now.day.number + 1))
        var view = visit.siteView(site, points: points, measures: measures, days: days)
        let isByHand = await observing(site) != nil
        view["mayUndo"] = visit.may(.protect) && site.isObserving && isByHand
        view["reason"] = visit.form["reason"]
        view["reasonError"] = refusal.map { visit.wording.refusal($0.cause) }
        return page(
            "site", site.host, view, visit, status: refusal.map { status(of: $0) } ?? .ok,
            live: site.link + "/events")
    }

    // MARK: Incidents

    private func add(_ action: Route.Action, _ visit: Visit, to incident: Incident) async throws -> Response {
        let form = visit.form
        let author = visit.account?.name ?? ""
        switch action {
        case .post:
            let post = Post(at: visit.now, author: author, text: Words(nl: form["nl"], en: form["en"]))
            try await records.add(post, to: incident.id)
        case .claim:
            try await records.add(
                Claim(
                    at: visit.now, claimant: form["claimant"], place: form["place"], text: form["text"], author: author),
                to: incident.id)
        case .evidence:
            guard let kind = Evidence.Kind(rawValue: form["kind"]), let credibility = Int(form["credibility"]) else {
                throw Refusal.invalid("Dit bewijs klopt niet.", "This evidence is not right.")
            }
            try await records.add(
                Evidence(
                    at: visit.now, kind: kind, source: form["source"], credibility: credibility, text: form["text"],
                    author: author), to: incident.id)
        case .sharing:
            guard try await fingerprints(visit).contains(where: { $0.id == form["fingerprint"] }) else {
                throw Refusal.invalid("Dat kenmerk staat niet in het register.", "That fingerprint is not on file.")
            }
            try await records.add(
                Sharing(at: visit.now, fingerprint: form["fingerprint"], with: form["with"], wasReceived: false),
                to: incident.id)
        default: throw Refusal.notFound
        }
        try await note(visit, action.rawValue, "incident \(incident.number)")
        let place = "/incidents/\(escaped(incident.number))"
        return redirect(to: place + (action == .post ? "?done=posted" : "?done=filed"))
    }

    // MARK: Fingerprints and the log

    private func fingerprints(_ visit: Visit) async throws -> [StoredFingerprint] {
        try await records.fingerprints().filter { visit.sees($0.origin) }.sorted { $0.filed > $1.filed }
    }

    private func fingerprintsPage(_ visit: Visit) async throws -> Response {
        let wording = visit.wording
        let rows = try await fingerprints(visit).prefix(500).map { fingerprint -> View in
            [
                "id": escaped(fingerprint.id), "short": String(fingerprint.id.prefix(16)), "origin": fingerprint.origin,
                "isImported": fingerprint.isImported, "filed": wording.view(fingerprint.filed),
                "use": wording.status(fingerprint.isDry ? .dry : .live),
                "useKind": fingerprint.isDry ? "unknown" : "maintenance",
            ]
        }
        let view: View = ["hasFingerprints": !rows.isEmpty, "fingerprints": rows]
        return page("fingerprints", wording.pick("Kenmerken", "Fingerprints"), view, visit)
    }

    private func fingerprintFile(_ visit: Visit) throws -> Response {
        guard let fingerprint = visit.fingerprint else { throw Refusal.notFound }
        let name = fingerprint.id.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/json",
                .contentDisposition: "attachment; filename=\"fingerprint-\(name).json\"",
            ], body: ResponseBody(byteBuffer: ByteBuffer(bytes: fingerprint.form)))
    }

    private func notesPage(_ visit: Visit) async throws -> Response {
        let month = visit.now + -30 * 86_400..<visit.now + 1
        let notes = try await records.notes(in: month, limit: 500).sorted { $0.at > $1.at }
        let view: View = [
            "hasNotes": !notes.isEmpty,
            "notes": notes.map { note -> View in
                [
                    "at": visit.wording.view(note.at), "actor": note.actor, "action": note.action,
                    "object": note.object,
                ]
            },
        ]
        return page("notes", visit.wording.pick("Logboek", "Audit log"), view, visit)
    }
}
