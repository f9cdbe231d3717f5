package import Languages
package import Moments

/// Messages on the course of an incident, ready to be posted: plain language (B1), "u", one thing per sentence, no name
/// of who claims it. The console and the command line offer them; an operator may change every word before posting.
package enum PreparedText: String, CaseIterable, Sendable, Codable {
    /// It has begun.
    case started
    /// What visitors notice.
    case effect
    /// It goes on.
    case ongoing
    /// It has ended.
    case over
    /// What it was, looking back.
    case evaluation

    /// What a prepared text tells.
    package struct Values: Sendable {
        /// The host name that visitors know.
        package var service: String
        package var start: Moment
        /// nil: it goes on.
        package var end: Moment?
        package var outcome: Outcome
        /// Seconds; nil: not measured.
        package var downtime: Double?
        /// When the next message comes, if that is known.
        package var next: Moment?
        /// It was seen from aside, in flow exports: nothing is said of measures, nor of what was not measured.
        package var isWatched = false

        package init(
            service: String, start: Moment, end: Moment?, outcome: Outcome, downtime: Double?, next: Moment? = nil,
            isWatched: Bool = false
        ) {
            self.isWatched = isWatched
            self.service = service
            self.start = start
            self.end = end
            self.outcome = outcome
            self.downtime = downtime
            self.next = next
        }
    }

    /// What to call it in a list.
    package var title: Words {
        switch self {
        case .started: Words(nl: "Begonnen", en: "Started")
        case .effect: Words(nl: "Wat u merkt", en: "What you notice")
        case .ongoing: Words(nl: "Het duurt nog", en: "Still going on")
        case .over: Words(nl: "Voorbij", en: "Over")
        case .evaluation: Words(nl: "Terugblik", en: "Looking back")
        }
    }

    package func words(_ values: Values) -> Words {
        let sentences = sentences(values) + (self == .over || self == .evaluation ? [] : next(values))
        return Words(nl: sentences.map(\.nl).joined(separator: " "), en: sentences.map(\.en).joined(separator: " "))
    }

    private func sentences(_ values: Values) -> [Words] {
        let clock = DutchTime(values.start).clock
        switch self {
        case .started where values.isWatched:
            return [
                Words(
                    nl: "Sinds \(clock) uur komt er veel ongevraagd verkeer op het netwerk van \(values.service).",
                    en: "Since \(clock) much unasked-for traffic has been coming to the network of \(values.service)."),
                Words(nl: "Het lijkt een aanval.", en: "It looks like an attack."),
                Words(nl: "Wij volgen wat er gebeurt.", en: "We are watching what happens."),
                Words(
                    nl: "Uw gegevens zijn niet het doel van zo’n aanval.", en: "Such an attack is not after your data."),
            ]
        case .over where values.isWatched:
            return [
                Words(
                    nl: "De aanval op het netwerk van \(values.service) is voorbij\(Self.at(values.end).nl).",
                    en: "The attack on the network of \(values.service) is over\(Self.at(values.end).en).")
            ] + Self.outcome(values)
        case .evaluation where values.isWatched:
            let start = DutchTime(values.start)
            return [
                Words(
                    nl: "Op \(start.dutchDate) om \(clock) uur begon een aanval op het netwerk van \(values.service).",
                    en: "On \(start.englishDate) at \(clock) an attack on the network of \(values.service) began.")
            ] + Self.outcome(values) + [Words(nl: "Wij weten niet wie dit deed.", en: "We do not know who did this.")]
        case .started:
            return [
                Words(
                    nl: "Sinds \(clock) uur krijgt \(values.service) veel meer verkeer dan normaal.",
                    en: "Since \(clock) \(values.service) has been getting much more traffic than normal."),
                Words(
                    nl: "Het lijkt een aanval om de website onbereikbaar te maken.",
                    en: "It looks like an attack to make the website unreachable."),
                Words(nl: "Wij houden verkeerd verkeer tegen.", en: "We are stopping harmful traffic."),
                Words(
                    nl: "Uw gegevens zijn niet het doel van zo’n aanval.", en: "Such an attack is not after your data."),
            ]
        case .effect:
            return Self.effect(values)
        case .ongoing:
            return [
                Words(
                    nl: "De aanval op \(values.service) duurt nog.",
                    en: "The attack on \(values.service) is still going on.")
            ] + Self.effect(values) + [
                Words(
                    nl: "Kan iets niet wachten? Bel ons of kom naar de balie.",
                    en: "Can something not wait? Call us or come to our desk.")
            ]
        case .over:
            return [
                Words(
                    nl: "De aanval op \(values.service) is voorbij\(Self.at(values.end).nl).",
                    en: "The attack on \(values.service) is over\(Self.at(values.end).en)."),
                Words(nl: "U kunt de website weer gewoon gebruiken.", en: "You can use the website as usual."),
                Words(nl: "Lukte iets niet? Probeer het dan opnieuw.", en: "Did something fail? Please try again."),
            ]
        case .evaluation:
            let start = DutchTime(values.start)
            return [
                Words(
                    nl: "Op \(start.dutchDate) om \(clock) uur begon een aanval op \(values.service).",
                    en: "On \(start.englishDate) at \(clock) an attack on \(values.service) began.")
            ] + Self.outcome(values) + [
                Words(nl: "Wij weten niet wie dit deed.", en: "We do not know who did this."),
                Words(
                    nl: "Wij gebruiken wat wij leerden om de website beter te beschermen.",
                    en: "We use what we learnt to protect the website better."),
            ]
        }
    }

    private static func effect(_ values: Values) -> [Words] {
        switch values.outcome {
        case .down:
            [
                Words(nl: "U kunt \(values.service) nu niet bereiken.", en: "You cannot reach \(values.service) now."),
                Words(nl: "Wij werken aan een oplossing.", en: "We are working on a solution."),
            ]
        case .degraded:
            [
                Words(
                    nl: "\(values.service) is nu trager dan u gewend bent.",
                    en: "\(values.service) is slower now than you are used to."),
                Words(
                    nl: "Soms moet u even wachten of het nog eens proberen.",
                    en: "Sometimes you have to wait, or try again."),
            ]
        case .fendedOff:
            [
                Words(nl: "U kunt \(values.service) gewoon gebruiken.", en: "You can use \(values.service) as usual."),
                Words(nl: "Heel soms moet u even wachten.", en: "Very rarely you have to wait."),
            ]
        case .unknown:
            [
                Words(
                    nl: "Wij weten nog niet wat u ervan merkt op \(values.service).",
                    en: "We do not know yet what you notice of it on \(values.service).")
            ]
        }
    }

    private static func outcome(_ values: Values) -> [Words] {
        switch values.outcome {
        case .fendedOff:
            [Words(nl: "De website bleef bereikbaar.", en: "The website stayed reachable.")]
        case .degraded:
            [Words(nl: "De website was trager dan normaal.", en: "The website was slower than normal.")]
        case .down:
            if let seconds = values.downtime {
                [
                    Words(
                        nl: "De website was \(Self.minutes(seconds).nl) niet bereikbaar.",
                        en: "The website was unreachable for \(Self.minutes(seconds).en).")
                ]
            } else {
                [Words(nl: "De website was een tijd niet bereikbaar.", en: "The website was unreachable for a time.")]
            }
        case .unknown where values.isWatched:
            [
                Words(
                    nl: "Wij weten niet of bezoekers er iets van merkten.",
                    en: "We do not know whether visitors noticed anything of it.")
            ]
        case .unknown:
            [
                Words(
                    nl: "Wij hebben te weinig gemeten om te zeggen wat bezoekers merkten.",
                    en: "We measured too little to say what visitors noticed.")
            ]
        }
    }

    private static func minutes(_ seconds: Double) -> Words {
        guard seconds >= 90 else { return Words(nl: "ongeveer een minuut", en: "about a minute") }
        let minutes = Int((min(seconds, 6_000_000) / 60).rounded())
        return Words(nl: "ongeveer \(minutes) minuten", en: "about \(minutes) minutes")
    }

    private static func at(_ end: Moment?) -> Words {
        guard let end else { return Words(nl: "", en: "") }
        let clock = DutchTime(end).clock
        return Words(nl: " sinds \(clock) uur", en: " since \(clock)")
    }

    private func next(_ values: Values) -> [Words] {
        guard let next = values.next else { return [] }
        let clock = DutchTime(next).clock
        return [Words(nl: "Om \(clock) uur leest u hier meer.", en: "At \(clock) you can read more here.")]
    }
}
