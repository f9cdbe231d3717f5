internal import Languages
internal import Moments
internal import PublicStatus

/// The page of one organisation, or of all together.
struct OverviewPage {
    let overview: PublicOverview
    /// Empty on the page of one organisation.
    let organisations: [PublicOverview]
    let site: Site
    let voice: Voice

    var isOverall: Bool { overview.name.isEmpty }
    private var say: (String, String) -> String { voice.say }

    func content(_ detail: Detail) -> Markup {
        """
        \(now(detail))\(organisationList(detail))\(services(detail))\(attacks(detail))\(basis(detail))
        """
    }

    private var ongoing: [PublicIncident] { overview.incidents.filter { $0.end == nil } }

    private func now(_ detail: Detail) -> Markup {
        let worst = overview.services.map(\.state).max { $0.severity < $1.severity } ?? .unknown
        let attacks = ongoing.prefix(5).map { incident -> Markup in
            let text =
                say("Er is nu een aanval op ", "There is an attack now on ")
                + site.title(of: incident.organisation)
                .clipped(detail.letters / 2) + "."
            let link: Markup =
                site.linked.contains(incident.number)
                ? "<a href=\"\(voice.path("/incident/\(incident.number)"))\">\(text)</a>" : "\(text)"
            return "<p class=\"state busy\">\(Icon.busy) <span>\(link)</span></p>\n"
        }
        let rest = ongoing.count - attacks.count
        let more: Markup =
            rest > 0 ? "<p>\(say("En nog \(rest) andere aanvallen.", "And \(rest) other attacks."))</p>\n" : .nothing
        return """
            <section class="now \(worst.rawValue)" aria-labelledby="now">
            <h2 id="now" class="quiet">\(say("Nu", "Now"))</h2>
            <p class="lead state">\(Icon.state(worst)) <span>\(sentence)</span></p>
            \(attacks)\(more)</section>
            \(ongoing.isEmpty ? .nothing : Advice.duringAttack(voice))
            """
    }

    private var sentence: String {
        let services = overview.services
        func count(_ state: PublicState) -> Int { services.count { $0.state == state } }
        if services.isEmpty { return say("Hier staan nog geen diensten.", "There are no services here yet.") }
        if count(.down) > 0 {
            return count(.down) == 1
                ? say("1 dienst is niet bereikbaar.", "1 service is not available.")
                : say("\(count(.down)) diensten zijn niet bereikbaar.", "\(count(.down)) services are not available.")
        }
        if count(.degraded) > 0 {
            return count(.degraded) == 1
                ? say("1 dienst is traag of deels bereikbaar.", "1 service is slow or partly available.")
                : say(
                    "\(count(.degraded)) diensten zijn traag of deels bereikbaar.",
                    "\(count(.degraded)) services are slow or partly available.")
        }
        if count(.unknown) == services.count {
            return say("Wij kunnen nu niet meten.", "We cannot measure at the moment.")
        }
        if count(.unknown) > 0 {
            return say(
                "Wij kunnen nu niet alle diensten meten.", "We cannot measure all services at the moment.")
        }
        if count(.maintenance) > 0 {
            return say("Er is gepland onderhoud.", "There is planned maintenance.")
        }
        return services.count == 1
            ? say("De dienst is bereikbaar.", "The service is available.")
            : say("Alle \(services.count) diensten zijn bereikbaar.", "All \(services.count) services are available.")
    }

    private func organisationList(_ detail: Detail) -> Markup {
        guard !organisations.isEmpty else { return .nothing }
        let shown = organisations.prefix(detail.organisations)
        let rows = shown.map { organisation -> Markup in
            let worst = organisation.services.map(\.state).max { $0.severity < $1.severity }
            let state: Markup =
                worst.map { ServiceCard.state($0, voice) }
                ?? "<p class=\"quiet\">\(say("nog geen diensten", "no services yet"))</p>"
            return """
                <li><a href="\(voice.path("/\(organisation.name)/"))">\(organisation.title.clipped(detail.letters / 2))</a> \
                \(state)</li>

                """
        }
        let rest = organisations.count - shown.count
        let more: Markup =
            rest == 0
            ? .nothing
            : "<p class=\"quiet\">\(say("En nog \(rest) organisaties.", "And \(rest) more organisations."))</p>\n"
        return """
            <h2>\(say("Organisaties", "Organisations"))</h2>
            <div class="card"><ul class="rows">
            \(rows)</ul>
            \(more)</div>

            """
    }

    private func services(_ detail: Detail) -> Markup {
        guard !overview.services.isEmpty else { return .nothing }
        // In the given order, but what does not work first where not all can be shown.
        var order = Array(overview.services.indices)
        if order.count > detail.services {
            order.sort {
                let (left, right) = (overview.services[$0].state.severity, overview.services[$1].state.severity)
                return left == right ? $0 < $1 : left > right
            }
        }
        let shown = order.prefix(detail.services)
        let cards = shown.map { index in
            ServiceCard(
                service: overview.services[index],
                organisation: isOverall ? site.title(of: overview.services[index].organisation) : nil, voice: voice,
                id: "s\(index)", detail: detail
            ).markup
        }
        let rest = order.count - shown.count
        let more: Markup =
            rest == 0
            ? .nothing
            : """
            <p class="quiet">\(say(
                "Nog \(voice.number(rest)) diensten staan in de gegevens (JSON).",
                "\(voice.number(rest)) more services are in the data (JSON)."))</p>

            """
        return """
            <h2>\(say("Diensten: nu en de laatste 90 dagen", "Services: now and the last 90 days"))</h2>
            \(Bars.key(voice))<ul class="cards">
            \(cards)</ul>
            \(more)
            """
    }

    private func attacks(_ detail: Detail) -> Markup {
        let incidents = overview.incidents.sorted(by: IncidentList.isLater)
        guard !incidents.isEmpty else {
            return """
                <h2>\(say("Aanvallen", "Attacks"))</h2>
                <p class="card">\(say("Er zijn geen aanvallen vastgelegd.", "No attacks are on record."))</p>

                """
        }
        let list = IncidentList(site: site, voice: voice, detail: detail)
        return """
            <h2>\(say("Aanvallen", "Attacks"))</h2>
            <ul class="cards">
            \(incidents.prefix(detail.incidents).map { list.card($0, namesOrganisation: isOverall) })</ul>
            \(IncidentList.years(of: overview, voice))
            """
    }

    private func basis(_ detail: Detail) -> Markup {
        let text = overview.basis[voice.language]
        return """
            <h2>\(say("Hoe wij meten", "How we measure"))</h2>
            <p>\(text.clipped(detail.letters))</p>
            <p>\(say(
                "Is een deel niet gemeten? Dan telt dat deel niet als bereikbaar.",
                "Was a part not measured? Then that part does not count as available."))</p>

            """
    }
}

/// What a visitor can do, whatever the organisation.
enum Advice {
    static func duringAttack(_ voice: Voice) -> Markup {
        """
        <h2>\(voice.say("Wat kunt u nu doen?", "What can you do now?"))</h2>
        <p>\(voice.say(
            "Lukt het niet? Probeer het later nog een keer. Heeft u haast? Bel de organisatie, of ga langs de balie.",
            "Does it not work? Try again later. Are you in a hurry? Call the organisation, or go to its counter."))</p>
        <p>\(voice.say(
            "Let op: gebruik alleen het adres dat u kent. Vul uw gegevens nergens anders in.",
            "Be careful: use only the address that you know. Do not enter your details anywhere else."))</p>

        """
    }

    static func afterAttack(_ voice: Voice) -> Markup {
        """
        <h2>\(voice.say("Wat kunt u nu doen?", "What can you do now?"))</h2>
        <p>\(voice.say(
            "De aanval is voorbij. U kunt de diensten weer gebruiken zoals u gewend bent.",
            "The attack is over. You can use the services again as you are used to."))</p>
        <p>\(voice.say(
            "Heeft u door de aanval een termijn gemist? Bel de organisatie, of ga langs de balie.",
            "Did you miss a deadline because of the attack? Call the organisation, or go to its counter."))</p>

        """
    }
}
