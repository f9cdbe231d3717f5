internal import Detection
internal import Incidents
internal import Mitigations

/// Orders by hand and rules on requests in words.
extension Wording {
    /// Why an order was refused, and what is right.
    func refusal(_ cause: ControlBook.Refusal.Cause) -> String {
        switch cause {
        case .form: pick("Dit formulier klopt niet.", "This form is not right.")
        case .source:
            pick(
                "Dit is geen adres en geen blok. Zo kan het: 192.0.2.7, 192.0.2.0/24 of 2001:db8::/48.",
                "This is no address and no block. It can be 192.0.2.7, 192.0.2.0/24 or 2001:db8::/48.")
        case .tooWide(let least):
            pick(
                "Dit blok is te groot: ten hoogste /\(least).", "This block is too large: /\(least) at most.")
        case .site: pick("Kies een site uit de lijst.", "Choose a site from the list.")
        case .time: pick("Kies hoe lang het geldt.", "Choose how long it holds.")
        case .noReason: pick("Zeg waarom: iemand zal het vragen.", "Say why: somebody will ask.")
        case .longReason:
            pick(
                "Dit is te lang: ten hoogste \(ControlBook.reasonLimit) tekens.",
                "This is too long: \(ControlBook.reasonLimit) characters at most.")
        case .reasonOfLines: pick("Dit moet één gewone regel zijn.", "This must be one ordinary line.")
        case .full:
            pick(
                "Er zijn al \(number(UInt64(ControlBook.limit))) opdrachten. Neem er eerst een paar terug.",
                "There are \(number(UInt64(ControlBook.limit))) orders already. Take some back first.")
        case .share:
            pick(
                "Er zijn al \(number(UInt64(ControlBook.shareLimit))) opdrachten bij uw sites. Neem er eerst een paar terug.",
                "There are \(number(UInt64(ControlBook.shareLimit))) orders at your sites already. Take some back first."
            )
        case .pace:
            pick(
                "Uw organisatie heeft deze minuut al veel opdrachten gegeven. Probeer het over een minuut weer.",
                "Your organisation has given many orders in this minute. Try again in a minute.")
        case .noOrder:
            pick("Deze opdracht is er niet meer: haar tijd is om.", "This order is gone: its time is over.")
        case .noRule: pick("Deze regel is er niet meer.", "This rule is gone.")
        case .notKept:
            pick(
                "De opdracht kon niet worden bewaard. Er is niets veranderd.",
                "The order could not be kept. Nothing was changed.")
        case .notServed:
            pick("Het systeem stopt net. Er is niets veranderd.", "The system is stopping. Nothing was changed.")
        }
    }

    /// "15 minuten", of one of the times that a form offers.
    func span(_ seconds: Int) -> String {
        switch seconds {
        case ..<3_600: pick("\(seconds / 60) minuten", "\(seconds / 60) minutes")
        case 3_600: pick("1 uur", "1 hour")
        case ..<86_400: pick("\(seconds / 3_600) uur", "\(seconds / 3_600) hours")
        case 86_400: pick("1 dag", "1 day")
        default: pick("\(seconds / 86_400) dagen", "\(seconds / 86_400) days")
        }
    }

    /// A share that may be small, never shown as less than it is: "0,04 %".
    func share(_ share: Double) -> String {
        guard share.isFinite else { return "–" }
        let hundredths = UInt64(max(0, min(1, share) * 10_000 - 1e-6).rounded(.up))
        let rest = hundredths % 100
        let digits = rest == 0 ? "" : pick(",", ".") + (rest < 10 ? "0" : "") + "\(rest % 10 == 0 ? rest / 10 : rest)"
        return "\(hundredths / 100)\(digits)\(pick(" %", "%"))"
    }

    func name(of state: RuleNow.State) -> String {
        switch state {
        case .live: pick("Actief", "Live")
        case .dry: pick("Proef: telt alleen", "Dry: counts only")
        case .held: pick("Telt alleen, met de hand", "Counts only, by hand")
        case .suspended: pick("Gestopt: raakte vaste bezoekers", "Stopped: it matched known visitors")
        case .undone: pick("Weggehaald", "Taken away")
        }
    }

    func explanation(of state: RuleNow.State) -> String {
        switch state {
        case .live:
            pick(
                "Wat deze regel herkent, komt als laatste aan de beurt wanneer niet alles past. Vaste bezoekers nooit.",
                "What this rule matches goes last when not everything fits. Known visitors never do.")
        case .dry:
            pick(
                "Deze regel telt alleen: hij is nog niet genoeg gemeten, zou te veel gewone verzoeken raken, of mag van de configuratie niet meer.",
                "This rule only counts: it is not measured enough yet, would hit too many usual requests, or may do no more by the configuration."
            )
        case .held:
            pick(
                "Deze regel telt alleen, omdat iemand dat zo heeft gezegd. “Weer gebruiken” maakt dat ongedaan.",
                "This rule only counts, because somebody said so. “Use it again” takes that back.")
        case .suspended:
            pick(
                "Deze regel is vanzelf gestopt en telt alleen: hij herkende ook vaste bezoekers.",
                "This rule stopped by itself and only counts: it matched known visitors too.")
        case .undone:
            pick(
                "Deze regel is weggehaald en komt niet terug zolang de aanval duurt en het systeem niet opnieuw start.",
                "This rule was taken away, and stays away while the attack lasts and the system does not start anew.")
        }
    }

    /// The name of a word on a rule, and what it does.
    func word(_ word: LiveRule.Order) -> (name: String, effect: String) {
        switch word {
        case .observe:
            (
                pick("Alleen tellen", "Only count"),
                pick(
                    "Hij telt, en doet niets, tot u anders zegt.",
                    "It counts, and does nothing, until you say otherwise.")
            )
        case .protect:
            (
                pick("Weer gebruiken", "Use it again"),
                pick("Hij doet weer wat hij mag na zijn metingen.", "It does again what its measurements allow.")
            )
        case .undo:
            (
                pick("Weghalen", "Take it away"),
                pick(
                    "Hij gaat, en komt niet terug zolang de aanval duurt en het systeem niet opnieuw start.",
                    "It goes, and stays away while the attack lasts and the system does not start anew.")
            )
        }
    }
}
