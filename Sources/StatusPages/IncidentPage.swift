internal import Languages
internal import Moments
internal import PublicStatus

/// The page of one incident.
struct IncidentPage {
    let incident: PublicIncident
    let hasPlot: Bool
    let site: Site
    let voice: Voice

    private var say: (String, String) -> String { voice.say }

    func content(_ detail: Detail) -> Markup {
        """
        \(outcome)\(incident.end == nil ? Advice.duringAttack(voice) : Advice.afterAttack(voice))\
        \(happened(detail))\(plot(detail))\(measures(detail))\(timeline(detail))
        """
    }

    private var outcome: Markup {
        let state = incident.end == nil ? "busy" : incident.outcome.state.rawValue
        let lead: Markup =
            incident.end == nil
            ? "\(Icon.busy) <span>\(say("De aanval is nu bezig.", "The attack is going on now."))</span>"
            : "\(Icon.state(incident.outcome.state)) <span>\(say("Uitkomst: ", "Outcome: "))\(voice.outcome(incident))</span>"
        let soFar =
            incident.end == nil && incident.outcome != .unknown
            ? say("Tot nu toe: ", "So far: ") + voice.outcome(incident.outcome) + "." : voice.meaning(incident)
        let provisional =
            incident.isProvisional
            ? say(
                "Dit oordeel is voorlopig. Het kan nog veranderen.",
                "This judgement is provisional. It may still change.")
            : say("Dit oordeel is definitief.", "This judgement is final.")
        return """
            <section class="now \(state)" aria-labelledby="outcome">
            <h2 id="outcome" class="quiet">\(say("In het kort", "In short"))</h2>
            <p class="lead state">\(lead)</p>
            <p>\(soFar) \(provisional)</p>
            <p class="quiet">\(say("Waarop dit rust: ", "What this rests on: "))\
            \(incident.basis[voice.language].clipped(400))</p>
            </section>

            """
    }

    private func happened(_ detail: Detail) -> Markup {
        let services = incident.services.prefix(detail.services).map {
            "<li>\($0.clipped(detail.letters / 2))</li>" as Markup
        }
        let rest = incident.services.count - services.count
        let others: Markup =
            rest > 0 ? "<li>\(say("en nog \(rest) diensten", "and \(rest) more services"))</li>" : .nothing
        let hit: Markup =
            services.isEmpty
            ? .nothing : fact(say("Diensten", "Services"), "<ul class=\"plain\">\(services)\(others)</ul>")
        let end: Markup =
            incident.end.map { end in
                fact(say("Voorbij", "Over"), voice.time(end))
                    + fact(say("Duur", "Length"), "\(voice.duration(from: incident.start, to: end))")
            } ?? .nothing
        return """
            <h2>\(say("Wat is er gebeurd?", "What happened?"))</h2>
            <p>\(way)</p>
            <p>\(say(
                "Een aanval van deze soort maakt een site traag. Het is geen inbraak in uw gegevens.",
                "An attack of this kind makes a site slow. It is not a break-in to your data."))</p>
            <div class="card"><dl>
            \(hit)\(fact(say("Begonnen", "Began"), voice.time(incident.start)))\(end)\
            \(fact(say("Niet bereikbaar", "Not available"), "\(down)"))\
            \(rates.map { fact(say("Hoogste aantal", "Highest number"), "\($0)") } ?? .nothing)\
            \(packets.map { fact(say("Op het netwerk", "On the network"), "\($0)") } ?? .nothing)\
            \(fact(say("Medewerkers", "Staff"), "\(backOffice)"))\
            \(fact(say("Wie deed het?", "Who did it?"), "\(incident.attribution[voice.language].clipped(detail.letters))"))</dl></div>

            """
    }

    private func fact(_ term: String, _ text: Markup) -> Markup { "<dt>\(term)</dt><dd>\(text)</dd>\n" }

    private var way: String {
        // What came to a network may be forged, and nobody counted computers.
        incident.peakRate == nil && incident.peakPackets != nil
            ? say(
                "Er kwam heel veel ongevraagd verkeer op het netwerk. Zo wil iemand diensten onbereikbaar maken.",
                "Very much unasked-for traffic came to the network. In this way someone wants to make services unavailable."
            )
            : say(
                "Computers stuurden heel veel verzoeken tegelijk. Zo wil iemand een site onbereikbaar maken.",
                "Computers sent very many requests at once. In this way someone wants to make a site unavailable.")
    }

    private var down: String {
        guard let down = incident.downSeconds else {
            return incident.peakPackets == nil ? say("niet gemeten", "not measured") : say("onbekend", "unknown")
        }
        return down > 0 ? voice.length(down) : say("geen moment gemeten", "no moment measured")
    }

    private var rates: String? {
        guard let most = incident.peakRate else { return nil }
        let peak = voice.number(max(0, most))
        guard let least = incident.usualRate else {
            return say("\(peak) verzoeken per seconde.", "\(peak) requests a second.")
        }
        let usual = voice.number(max(0, least))
        return say(
            "\(peak) verzoeken per seconde. Gewoonlijk zijn dat er ongeveer \(usual).",
            "\(peak) requests a second. Usually there are about \(usual).")
    }

    /// Packets are no requests, and what was only watched was not stopped.
    private var packets: String? {
        guard let most = incident.peakPackets else { return nil }
        let peak = voice.number(max(0, most))
        let megabits = voice.number(max(0, incident.peakBits ?? 0) / 1_000_000)
        let rates = say(
            "\(peak) pakketten per seconde, \(megabits) megabit per seconde.",
            "\(peak) packets a second, \(megabits) megabits a second.")
        return rates
            + (incident.isFiltered
                ? say(" Een deel ervan hebben wij tegengehouden.", " We stopped part of it.")
                : incident.isAnswered
                    ? say(
                        " Pogingen om verbinding te maken hebben wij zo beantwoord dat zij geen plaats innamen.",
                        " We answered attempts to connect in a way that takes up no room.")
                    : say(
                        " Wij hebben dit alleen gevolgd, niet tegengehouden.",
                        " We only watched this, and did not stop it."))
    }

    private var backOffice: String {
        switch incident.touchedBackOffice {
        case true?: say("Ook systemen van medewerkers hadden hinder.", "Systems of the staff were hindered too.")
        case false?: say("Systemen van medewerkers hadden geen hinder.", "Systems of the staff were not hindered.")
        case nil:
            say(
                "Wij hebben niet gemeten of medewerkers hinder hadden.",
                "We did not measure whether the staff were hindered.")
        }
    }

    private func plot(_ detail: Detail) -> Markup {
        guard hasPlot, detail.hasPlot,
            let plot = incident.plot.flatMap({ PlotFigure($0, usual: incident.usualRate ?? 0, voice) })
        else { return .nothing }
        return "<h2>\(say("De aanval in beeld", "The attack in a picture"))</h2>\n\(plot.markup)"
    }

    private func measures(_ detail: Detail) -> Markup {
        let items = incident.actions.prefix(detail.entries).map {
            "<li>\($0[voice.language].clipped(detail.letters))</li>\n" as Markup
        }
        let list: Markup =
            items.isEmpty
            ? "<p>\(say("Er zijn geen maatregelen vastgelegd.", "No measures are on record."))</p>"
            : "<ul>\n\(items)</ul>"
        return "<h2>\(say("Wat is er gedaan?", "What was done?"))</h2>\n\(list)\n"
    }

    private func timeline(_ detail: Detail) -> Markup {
        guard !incident.timeline.isEmpty else { return .nothing }
        return """
            <h2>\(say("Berichten", "Messages"))</h2>
            \(Timeline.markup(incident.timeline, voice, detail))
            """
    }
}
