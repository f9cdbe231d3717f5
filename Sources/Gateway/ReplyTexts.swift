/// What the lane says by itself to visitors, in Dutch and English: plain words, whose fault it is, and what to do.
struct ReplyText {
    var status: UInt16
    var reason: StaticString
    var dutch: (title: String, text: String)
    var english: (title: String, text: String)
    /// Seconds after which trying again makes sense; nil: it does not.
    var retryAfter: Int?

    static let all: [ReplyText] = [
        ReplyText(
            status: 400, reason: "Bad Request",
            dutch: (
                "Dit verzoek klopt niet",
                "Uw browser stuurde een verzoek dat wij niet kunnen lezen. Ga terug en probeer het opnieuw."
            ),
            english: (
                "This request is not valid", "Your browser sent a request that we cannot read. Go back and try again."
            )),
        ReplyText(
            status: 403, reason: "Forbidden",
            dutch: (
                "Geen toegang",
                "De beheerder van deze website laat verzoeken vanaf uw netwerk niet toe. Klopt dat niet? Neem contact op met "
                    + "de organisatie achter deze website."
            ),
            english: (
                "No access",
                "The operator of this website does not accept requests from your network. Is this a mistake? Please contact "
                    + "the organisation behind this website."
            )),
        ReplyText(
            status: 405, reason: "Method Not Allowed",
            dutch: ("Dit kan hier niet", "Deze manier van opvragen is op deze website niet mogelijk."),
            english: ("Not possible here", "This way of asking is not possible on this website.")),
        ReplyText(
            status: 408, reason: "Request Timeout",
            dutch: (
                "Het duurde te lang",
                "Uw verzoek kwam niet op tijd compleet binnen. Controleer uw verbinding en probeer het opnieuw."
            ),
            english: ("It took too long", "Your request did not arrive in time. Check your connection and try again.")),
        ReplyText(
            status: 413, reason: "Content Too Large",
            dutch: ("Te groot", "Wat u wilt versturen is te groot voor deze website. Probeer een kleiner bestand."),
            english: ("Too large", "What you want to send is too large for this website. Try a smaller file.")),
        ReplyText(
            status: 414, reason: "URI Too Long",
            dutch: ("Het adres is te lang", "Het webadres is te lang. Controleer het adres en probeer het opnieuw."),
            english: ("The address is too long", "The web address is too long. Check the address and try again.")),
        ReplyText(
            status: 417, reason: "Expectation Failed",
            dutch: ("Dit kan hier niet", "Uw programma verwacht iets dat deze website niet biedt."),
            english: ("Not possible here", "Your program expects something that this website does not offer.")),
        ReplyText(
            status: 421, reason: "Misdirected Request",
            dutch: (
                "Deze website is hier niet", "Dit adres hoort niet bij een website op deze plek. Controleer het adres."
            ),
            english: (
                "This website is not here",
                "This address does not belong to a website at this place. Check the address."
            )),
        ReplyText(
            status: 429, reason: "Too Many Requests",
            dutch: (
                "Te veel verzoeken",
                "Vanaf uw verbinding komen nu veel meer verzoeken dan gebruikelijk, en het is druk. Wacht even en probeer het dan opnieuw."
            ),
            english: (
                "Too many requests",
                "Far more requests than usual come from your connection, and it is busy. Wait a moment, then try again."
            ), retryAfter: 20),
        ReplyText(
            status: 431, reason: "Request Header Fields Too Large",
            dutch: (
                "Dit verzoek is te groot",
                "Uw browser stuurde te veel gegevens mee. Verwijder de cookies van deze website en probeer het opnieuw."
            ),
            english: (
                "This request is too large",
                "Your browser sent too much data along. Remove this website's cookies and try again."
            )),
        ReplyText(
            status: 502, reason: "Bad Gateway",
            dutch: (
                "De website antwoordt niet",
                "Er is een storing bij de website. Dat ligt niet aan u. Probeer het over een paar minuten opnieuw."
            ),
            english: (
                "The website does not answer",
                "There is a fault at the website. It is not your fault. Try again in a few minutes."
            ), retryAfter: 30),
        ReplyText(
            status: 503, reason: "Service Unavailable",
            dutch: (
                "Het is nu erg druk",
                "De website krijgt meer bezoek dan zij aankan. Dat ligt niet aan u. Probeer het over een halve minuut opnieuw."
            ),
            english: (
                "It is very busy now",
                "The website gets more visits than it can take. It is not your fault. Try again in half a minute."
            ), retryAfter: 20),
        ReplyText(
            status: 504, reason: "Gateway Timeout",
            dutch: (
                "De website antwoordt te laat",
                "De website deed er te lang over. Dat ligt niet aan u. Probeer het over een paar minuten opnieuw."
            ),
            english: (
                "The website answers too late",
                "The website took too long. It is not your fault. Try again in a few minutes."
            ), retryAfter: 30),
        ReplyText(
            status: 505, reason: "HTTP Version Not Supported",
            dutch: ("Dit kan hier niet", "Uw programma spreekt een versie van HTTP die wij niet kennen."),
            english: ("Not possible here", "Your program speaks a version of HTTP that we do not know.")),
        ReplyText(
            status: 508, reason: "Loop Detected",
            dutch: ("De website is verkeerd ingesteld", "Dit verzoek loopt in een kring. Dat ligt niet aan u."),
            english: ("The website is set up wrongly", "This request runs in a circle. It is not your fault.")),
    ]

    /// What the host of the public pages says instead of a file.
    static let pages: [ReplyText] = [
        ReplyText(
            status: 404, reason: "Not Found",
            dutch: ("Deze pagina is er niet", "Controleer het adres, of begin op de <a href=\"/\">voorpagina</a>."),
            english: ("This page does not exist", "Check the address, or start at the <a href=\"/\">front page</a>.")),
        ReplyText(
            status: 405, reason: "Method Not Allowed",
            dutch: ("Dit kan hier niet", "Deze pagina\u{2019}s kunt u alleen lezen."),
            english: ("Not possible here", "These pages can only be read.")),
        ReplyText(
            status: 503, reason: "Service Unavailable",
            dutch: (
                "Deze pagina is er zo", "De gegevens worden net verzameld. Probeer het over een paar seconden opnieuw."
            ),
            english: (
                "This page is nearly there", "The data is just being gathered. Try again in a few seconds."
            ), retryAfter: 5),
    ]
}
