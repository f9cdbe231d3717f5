package import Languages
package import Moments

/// Numbers and times in the words that citizens read.
package enum Phrases {
    /// "3 minuten en 20 seconden" / "3 minutes and 20 seconds"; the two largest units that count.
    package static func duration(_ seconds: Double) -> Words {
        // What comes in may be a sum of anything; a century is beyond all of it.
        let whole = Int64(max(0, min(seconds, 3.2e9)).rounded())
        let parts: [(Int64, Words, Words)] = [
            (whole / 86_400, Words(nl: "dag", en: "day"), Words(nl: "dagen", en: "days")),
            (whole / 3_600 % 24, Words(nl: "uur", en: "hour"), Words(nl: "uur", en: "hours")),
            (whole / 60 % 60, Words(nl: "minuut", en: "minute"), Words(nl: "minuten", en: "minutes")),
            (whole % 60, Words(nl: "seconde", en: "second"), Words(nl: "seconden", en: "seconds")),
        ]
        let first = parts.firstIndex { $0.0 > 0 } ?? parts.count - 1
        let said = parts[first..<min(first + 2, parts.count)].enumerated().filter { $0.offset == 0 || $0.element.0 > 0 }
        func text(_ language: Language, _ and: String) -> String {
            said.map { "\($0.element.0) \(($0.element.0 == 1 ? $0.element.1 : $0.element.2)[language])" }
                .joined(separator: and)
        }
        return Words(nl: text(.nl, " en "), en: text(.en, " and "))
    }

    /// "maandag 23 november 2026 om 16.43 uur" / "Monday 23 November 2026 at 16:43".
    package static func time(_ moment: Moment) -> Words {
        let time = DutchTime(moment)
        let dutchClock = time.clock.split(separator: ":").joined(separator: ".")
        return Words(nl: "\(time.dutchDate) om \(dutchClock) uur", en: "\(time.englishDate) at \(time.clock)")
    }

    /// "1 keer", "2 keer" / "once", "twice", "3 times".
    package static func times(_ count: Int) -> Words {
        Words(nl: "\(count) keer", en: count == 1 ? "once" : count == 2 ? "twice" : "\(count) times")
    }

    /// "97 %": a share in whole per cent, never rounded up to all or down to none.
    package static func percent(_ share: Double) -> String {
        let whole = (share * 100).rounded()
        if whole >= 100, share < 1 { return "99 %" }
        if whole <= 0, share > 0 { return "1 %" }
        return "\(Int(max(0, min(100, whole)))) %"
    }

    /// What a judgement rests on: "Gemeten vanaf 1 plaats, elke 5 seconden."
    package static func basis(_ basis: Judgement.Basis, isProvisional: Bool) -> Words {
        guard basis.samples > 0 else {
            return Words(nl: "Er is niet gemeten.", en: "Nothing was measured.")
        }
        let places = basis.vantages.count
        let every = duration(max(1, basis.interval))
        let provisional = Words(
            nl: " Het oordeel is voorlopig.", en: " The judgement is provisional.")
        return Words(
            nl: "Gemeten vanaf \(places) \(places == 1 ? "plaats" : "plaatsen"), elke \(every.nl)."
                + (isProvisional ? provisional.nl : ""),
            en: "Measured from \(places) \(places == 1 ? "place" : "places"), every \(every.en)."
                + (isProvisional ? provisional.en : ""))
    }

    package static func outcome(_ outcome: Outcome) -> Words {
        switch outcome {
        case .fendedOff: Words(nl: "afgeslagen", en: "fended off")
        case .degraded: Words(nl: "hinder", en: "degraded")
        case .down: Words(nl: "onbereikbaar", en: "down")
        case .unknown: Words(nl: "onbekend", en: "unknown")
        }
    }
}
