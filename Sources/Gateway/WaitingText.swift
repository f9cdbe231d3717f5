/// What the waiting page says, in Dutch and English.
struct WaitingText {
    var language: String
    var title: String
    var heading: String
    var why: String
    var nobody: StaticString
    var one: StaticString
    var many: (StaticString, StaticString)
    var soon: StaticString
    var minute: StaticString
    var minutes: (StaticString, StaticString)
    var long: StaticString
    /// Around the number of seconds.
    var again: (String, String)
    var keeps: StaticString
    var lacks: StaticString
    /// Around the address of the public pages.
    var news: (String, String)

    static let dutch = WaitingText(
        language: "nl", title: "Even wachten: het is druk", heading: "Het is nu erg druk",
        why: "De website krijgt meer bezoek dan zij aankan. Dat ligt niet aan u.",
        nobody: "U staat vooraan in de rij.", one: "Er is ongeveer 1 bezoeker voor u.",
        many: ("Er zijn ongeveer ", " bezoekers voor u."), soon: " De wachttijd is minder dan een minuut.",
        minute: " De wachttijd is ongeveer een minuut.", minutes: (" De wachttijd is ongeveer ", " minuten."),
        long: " De wachttijd is meer dan een half uur.",
        again: (
            "U hoeft niets te doen. Laat deze pagina open: zij vraagt over ",
            " seconden vanzelf opnieuw om de pagina die u zoekt. Gebeurt dat niet, ververs dan deze pagina."
        ),
        keeps: "Uw plaats in de rij staat in een cookie. Die zegt niets over u en vervalt na een uur.",
        lacks:
            "Uw browser bewaart geen cookies van deze website. Daarom kunnen wij uw plaats in de rij niet onthouden. U komt wel aan de beurt, maar het kan langer duren.",
        news: ("<p>Meer weten? Zie de <a href=\"", "\">stand van zaken</a>.</p>"))

    static let english = WaitingText(
        language: "en", title: "Please wait: it is busy", heading: "It is very busy now",
        why: "The website gets more visits than it can take. It is not your fault.",
        nobody: "You are at the front of the row.", one: "There is about 1 visitor before you.",
        many: ("There are about ", " visitors before you."), soon: " The wait is less than a minute.",
        minute: " The wait is about a minute.", minutes: (" The wait is about ", " minutes."),
        long: " The wait is more than half an hour.",
        again: (
            "You need not do anything. Leave this page open: in ",
            " seconds it asks by itself for the page that you want. If it does not, reload this page."
        ),
        keeps: "Your place in the row is kept in a cookie. It says nothing about you, and ends after an hour.",
        lacks:
            "Your browser keeps no cookies of this website, so we cannot remember your place in the row. You will be served, but it may take longer.",
        news: ("<p>Want to know more? See <a href=\"", "\">how things stand</a>.</p>"))
}
