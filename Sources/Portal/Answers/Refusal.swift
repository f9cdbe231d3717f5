internal import Languages
internal import PublicStatus

/// What the console answers when it does not do what was asked: a page with a status and a clear reason.
struct Refusal: Error {
    var status: Int
    var reason: Words
    /// Seconds after which it may be tried again.
    var wait: Int?

    init(_ status: Int, nl: String, en: String, wait: Int? = nil) {
        self.status = status
        reason = Words(nl: nl, en: en)
        self.wait = wait
    }

    /// The same for what does not exist and for what is another's.
    static let notFound = Refusal(404, nl: "Deze pagina bestaat niet.", en: "There is no such page.")
    static let notAllowed = Refusal(
        403, nl: "Met uw account mag u dit niet doen.", en: "Your account is not allowed to do this.")
    static let signedOut = Refusal(401, nl: "U bent niet aangemeld.", en: "You are not signed in.")
    static let wrongForm = Refusal(
        403, nl: "Dit formulier hoort niet bij uw sessie. Laad de pagina opnieuw en probeer het nog eens.",
        en: "This form does not belong to your session. Load the page again and try once more.")
    static let wrongHost = Refusal(
        421, nl: "De console staat niet op dit adres.", en: "The console is not at this address.")
    static let busy = Refusal(
        503, nl: "Er melden zich nu te veel mensen tegelijk aan. Probeer het zo nog eens.",
        en: "Too many people are signing in at once. Please try again in a moment.", wait: 5)
    static let noRecords = Refusal(
        503, nl: "Het register is nu niet bereikbaar. Er is niets veranderd.",
        en: "The register cannot be reached now. Nothing was changed.", wait: 10)

    static func invalid(_ nl: String, _ en: String) -> Refusal { Refusal(400, nl: nl, en: en) }
}
