internal import Languages
internal import Moments
internal import PublicStatus

/// One of the two languages: fixed texts, times, lengths and numbers as its readers know them.
struct Voice: Sendable {
    let language: Language

    init(_ language: Language) { self.language = language }

    func say(_ nl: String, _ en: String) -> String { language == .nl ? nl : en }

    /// "/incident/2026-7" in this language.
    func path(_ path: String) -> String { language == .nl ? path : "/en" + path }

    var other: Voice { Voice(language == .nl ? .en : .nl) }

    // MARK: - Times

    /// "maandag 23 november 2026, 16.43 uur (Nederlandse tijd)"
    func time(_ moment: Moment) -> Markup {
        let time = DutchTime(moment)
        return """
            <time datetime="\(moment.text)">\(date(time)), \(clock(time))\(say(" uur (Nederlandse tijd)", " (Dutch time)"))</time>
            """
    }

    /// "16.43", with the day where asked.
    func shortTime(_ moment: Moment, withDay: Bool) -> String {
        let time = DutchTime(moment)
        guard withDay else { return clock(time) }
        return shortDate(time) + " " + clock(time)
    }

    /// "26 augustus"
    func shortDate(_ day: Day) -> String { shortDate(DutchTime(day.start + 43_200)) }

    private func shortDate(_ time: DutchTime) -> String {
        date(time).split(separator: " ")[1...2].joined(separator: " ")
    }

    private func date(_ time: DutchTime) -> String { language == .nl ? time.dutchDate : time.englishDate }

    private func clock(_ time: DutchTime) -> String {
        language == .nl ? String(time.clock.map { $0 == ":" ? "." : $0 }) : time.clock
    }

    /// "2 uur en 13 minuten", "40 seconden": the two largest units.
    func length(_ seconds: Int) -> String {
        let seconds = max(0, seconds)
        let units = [
            count(seconds / 86_400, ("dag", "dagen"), ("day", "days")),
            count(seconds / 3_600 % 24, ("uur", "uur"), ("hour", "hours")),
            count(seconds / 60 % 60, ("minuut", "minuten"), ("minute", "minutes")),
            count(seconds % 60, ("seconde", "seconden"), ("second", "seconds")),
        ]
        guard let first = units.firstIndex(where: { $0 != nil }), let whole = units[first] else {
            return say("0 seconden", "0 seconds")
        }
        // Seconds matter only where there is nothing larger than minutes.
        let next = first + 1
        guard next < units.count, let rest = units[next] else { return whole }
        return whole + say(" en ", " and ") + rest
    }

    private func count(_ value: Int, _ nl: (String, String), _ en: (String, String)) -> String? {
        guard value > 0 else { return nil }
        let words = language == .nl ? nl : en
        return "\(value) \(value == 1 ? words.0 : words.1)"
    }

    func duration(from start: Moment, to end: Moment) -> String { length(Int(end.seconds - start.seconds)) }

    // MARK: - Numbers

    /// "12.345", "12,345"
    func number(_ value: Int) -> String {
        let digits = Array(String(value.magnitude))
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += say(".", ",") }
            text.append(digit)
        }
        return text
    }

    /// "12.000", "1,2 mln": for the scale of a drawing, where there is little room.
    func shortNumber(_ value: Int) -> String {
        guard value >= 1_000_000 else { return number(value) }
        let isBillion = value >= 1_000_000_000
        let tenths = value / (isBillion ? 100_000_000 : 100_000)
        let rest = tenths % 10 == 0 ? "" : say(",", ".") + String(tenths % 10)
        return number(tenths / 10) + rest + (isBillion ? say(" mld", " bn") : say(" mln", " m"))
    }

    /// A share as "99,98 %", rounded down: 100 is said of the whole only.
    func percent(_ share: Double, decimals: Int = 2) -> String {
        guard share.isFinite else { return "?" }
        let scale = decimals == 0 ? 1 : 100
        // The small addition is for shares such as 0.97, which lie just below what they mean.
        let value = Int(max(0, min(1, share)) * 100 * Double(scale) + 1e-6)
        let rest = value % scale
        guard rest > 0 else { return "\(value / scale)\(say(" %", "%"))" }
        let digits = (rest < 10 ? "0" : "") + String(rest)
        return "\(value / scale)\(say(",", "."))\(digits)\(say(" %", "%"))"
    }

    // MARK: - States and outcomes

    func state(_ state: PublicState) -> String {
        switch state {
        case .up: say("bereikbaar", "available")
        case .degraded: say("traag of deels bereikbaar", "slow or partly available")
        case .down: say("niet bereikbaar", "not available")
        case .unknown: say("niet gemeten", "not measured")
        case .maintenance: say("gepland onderhoud", "planned maintenance")
        }
    }

    func outcome(_ outcome: PublicOutcome) -> String {
        switch outcome {
        case .fendedOff: say("afgeslagen", "fended off")
        case .degraded: say("hinder", "hindrance")
        case .down: say("onbereikbaar geweest", "was not available")
        case .unknown: say("niet bekend", "not known")
        }
    }

    /// With "(voorlopig)" where it may still change.
    func outcome(_ incident: PublicIncident) -> String {
        outcome(incident.outcome) + (incident.isProvisional ? say(" (voorlopig)", " (provisional)") : "")
    }

    /// What the outcome of an incident means for a visitor.
    func meaning(_ incident: PublicIncident) -> String {
        guard incident.outcome == .unknown, incident.peakRate == nil, incident.peakPackets != nil else {
            return meaning(incident.outcome)
        }
        guard !incident.isFiltered else {
            return say(
                "Wij hebben een deel van deze aanval tegengehouden. Wij weten niet of iedereen de diensten kon bereiken.",
                "We stopped part of this attack. We do not know whether everyone could reach the services.")
        }
        guard !incident.isAnswered else {
            return say(
                "Wij hebben pogingen om verbinding te maken zo beantwoord dat zij geen plaats innamen. Wij weten niet of "
                    + "iedereen de diensten kon bereiken.",
                "We answered attempts to connect in a way that takes up no room. We do not know whether everyone could "
                    + "reach the services.")
        }
        return say(
            "Wij hebben deze aanval alleen gevolgd. Wij weten niet of iedereen de diensten kon bereiken.",
            "We only watched this attack. We do not know whether everyone could reach the services.")
    }

    func meaning(_ outcome: PublicOutcome) -> String {
        switch outcome {
        case .fendedOff:
            say("De diensten bleven bereikbaar tijdens de aanval.", "The services stayed available during the attack.")
        case .degraded:
            say(
                "De diensten waren traag, of werkten niet bij iedereen.",
                "The services were slow, or did not work for everyone.")
        case .down:
            say(
                "Een of meer diensten waren een tijd niet bereikbaar.",
                "One or more services were not available for a time.")
        case .unknown:
            say(
                "Wij hebben te weinig gemeten. Daarom weten wij niet of de diensten bereikbaar bleven.",
                "We measured too little. So we do not know whether the services stayed available.")
        }
    }
}

extension PublicState {
    /// Order of what a visitor needs to see first; 0 is best.
    var severity: Int {
        switch self {
        case .up: 0
        case .maintenance: 1
        case .unknown: 2
        case .degraded: 3
        case .down: 4
        }
    }
}

extension PublicOutcome {
    /// The state whose shape and colour the outcome is shown with.
    var state: PublicState {
        switch self {
        case .fendedOff: .up
        case .degraded: .degraded
        case .down: .down
        case .unknown: .unknown
        }
    }
}
