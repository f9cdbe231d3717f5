import Sketches
import Testing

/// One request of a visitor or of the flood.
struct Ask {
    var method = "GET"
    var target: String
    /// Milliseconds at the origin, before they are scaled to what the origin can take.
    var cost: Float = 10
    var isAsset = false
    var body: Int?
}

/// A kind of site: what its visitors ask for, and what a flood tool aims at it. The flood's shapes follow those of a
/// hacktivist tool of June 2024: 68 % with a random token, the rest as it is, search routes, page numbers, forms; a few
/// templates for a site, and no assets.
struct SiteKind: CustomTestStringConvertible {
    var testDescription: String
    var clients: [(client: Client, share: Double)] = Client.browsers(language: "nl-NL,nl;q=0.9,en;q=0.8")
    /// Parts that a page brings along for a visitor who has none of them yet.
    var assets = 12
    var pages = 1...5
    /// What a crowd comes for: one of the site's own pages or calls.
    var hot = Ask(target: "/nieuws/2024/41/bericht-cb", cost: 6)
    var page: @Sendable (inout SplitMix64) -> Ask
    var flood: @Sendable (inout SplitMix64) -> Ask

    static let all = [statics, search, forms, api, downloads]

    static let statics = SiteKind(testDescription: "static") { random in
        .page(&random, cost: 6)
    } flood: { random in
        switch random.below(5) {
        case 0: Ask(target: "/", cost: 6)
        case 1: Ask(target: "/\(random.token())/", cost: 8)
        case 2: Ask(target: "/nieuws/page/\(random.digits(1...2))/", cost: 8)
        case 3: Ask(target: "/?s=\(random.token())", cost: 12)
        default: Ask(target: "/en/?s=\(random.token())", cost: 12)
        }
    }

    static let search = SiteKind(testDescription: "search") { random in
        switch random.below(10) {
        case 0..<5: Ask(target: "/zoeken?q=\(random.words())", cost: 30)
        case 5: Ask(target: "/documenten?pagina=\(1 + random.below(4))", cost: 20)
        default: .page(&random, cost: 6)
        }
    } flood: { random in
        switch random.below(10) {
        case 0..<4: Ask(target: "/zoeken?q=\(random.token())", cost: 40)
        case 4..<6: Ask(target: "/zoeken?q=\(random.token())&sort_by=datum", cost: 40)
        case 6: Ask(target: "/documenten?pagina=\(random.digits(2...2))", cost: 20)
        case 7: Ask(target: "/nieuws?page=\(random.digits(1...1))", cost: 20)
        case 8: Ask(target: "/documenten?trefwoord=\(random.token())&startdatum=&einddatum=", cost: 40)
        default: Ask(target: "/zoeken", cost: 20)
        }
    }

    static let forms = SiteKind(testDescription: "forms") { random in
        switch random.below(10) {
        case 0..<3: Ask(target: "/formulier/\(random.word())", cost: 10)
        case 3..<5:
            Ask(method: "POST", target: "/formulier/\(random.word())", cost: 30, body: 200 + Int(random.below(3000)))
        default: .page(&random, cost: 6)
        }
    } flood: { random in
        switch random.below(8) {
        case 0..<2: Ask(method: "POST", target: "/contact/contactformulier", cost: 30, body: 4392)
        case 2: Ask(method: "POST", target: "/klacht-indienen/klachtenformulier", cost: 30, body: 1126)
        case 3: Ask(method: "POST", target: "/account/inloggen/", cost: 30, body: 172)
        case 4: Ask(method: "POST", target: "/account/register/", cost: 30, body: 857)
        case 5: Ask(target: "/zoeken?q=\(random.token())", cost: 30)
        case 6: Ask(target: "/nieuws?page=\(random.digits(1...1))&loadmore=1", cost: 10)
        default: Ask(target: "/formulier/\(random.word())", cost: 10)
        }
    }

    static let api = SiteKind(
        testDescription: "api", clients: Client.applications(), assets: 0, pages: 3...20,
        hot: Ask(target: "/api/v1/departures?stop=10001", cost: 8)
    ) { random in
        switch random.below(10) {
        case 0..<5: Ask(target: "/api/v1/departures?stop=\(10_000 + random.below(800))", cost: 8)
        case 5..<7: Ask(target: "/api/v1/locations?query=\(random.word())&types=stop", cost: 15)
        case 7..<9: Ask(target: "/api/v1/journeys/\(random.digits(6...6))", cost: 12)
        default: Ask(method: "POST", target: "/api/v1/positions", cost: 10, body: 80 + Int(random.below(60)))
        }
    } flood: { random in
        switch random.below(6) {
        case 0..<2: Ask(target: "/api/v1/locations?query=\(random.token())&types=stop&types=poi", cost: 20)
        case 2..<4: Ask(target: "/api/v1/locations?query=\(random.token())&types=stop", cost: 20)
        case 4: Ask(target: "/api/v1/stops?inService=true&searchString=\(random.digits(9...9))", cost: 20)
        default: Ask(target: "/api/v1/journeys/96024\(random.digits(9...9))", cost: 12)
        }
    }

    static let downloads = SiteKind(testDescription: "downloads") { random in
        switch random.below(10) {
        case 0..<3: Ask(target: "/downloads/\(random.word())-\(2015 + random.below(10)).pdf", cost: 40)
        case 3: Ask(target: "/documenten?pagina=\(1 + random.below(6))", cost: 15)
        default: .page(&random, cost: 6)
        }
    } flood: { random in
        switch random.below(6) {
        case 0..<2: Ask(target: "/documenten?pagina=\(random.digits(2...2))", cost: 15)
        case 2..<4: Ask(target: "/documenten?trefwoord=\(random.token())&soort=rapport", cost: 30)
        case 4: Ask(target: "/downloads/jaarverslag-2023.pdf", cost: 40)
        default: Ask(target: "/downloads/\(random.token()).pdf", cost: 10)
        }
    }
}

extension Ask {
    /// A page that was not there in calm, by a link as a social network makes them.
    static func shared(_ random: inout SplitMix64) -> Ask {
        Ask(target: "/nieuws/2024/99/ontruiming?fbclid=IwAR\((0..<6).map { _ in random.token() }.joined())", cost: 6)
    }

    /// One of a site's 80 pages, few of them much asked for.
    static func page(_ random: inout SplitMix64, cost: Float) -> Ask {
        let rank = Int(80 * random.unit() * random.unit())
        switch rank {
        case 0..<4: return Ask(target: "/", cost: cost)
        case 4..<40: return Ask(target: "/onderwerp/pagina-\(SplitMix64.letters(rank))", cost: cost)
        default: return Ask(target: "/nieuws/2024/\(rank)/bericht-\(SplitMix64.letters(rank))", cost: cost)
        }
    }
}

extension SplitMix64 {
    static func letters(_ number: Int) -> String {
        String(decoding: [number / 20, number % 20].map { UInt8(97 + $0) }, as: UTF8.self)
    }

    /// The tool's most used token: six to twelve letters of both cases and digits.
    mutating func token() -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8)
        return String(decoding: (0..<6 + below(7)).map { _ in alphabet[Int(below(62))] }, as: UTF8.self)
    }

    mutating func digits(_ length: ClosedRange<UInt32>) -> String {
        let count = length.lowerBound + below(length.upperBound - length.lowerBound + 1)
        return String(decoding: (0..<count).map { _ in UInt8(48 + below(10)) }, as: UTF8.self)
    }

    /// One of 4,000 words, few of them often.
    mutating func word() -> String {
        let rank = UInt64(4000 * unit() * unit() * unit())
        var letters = SplitMix64(seed: rank)
        let syllables = [
            "ba", "ver", "gun", "ning", "af", "val", "straat", "de", "oor", "lo", "ket", "sport", "weg", "huis",
        ]
        return (0..<2 + letters.below(3)).map { _ in syllables[Int(letters.below(14))] }.joined()
    }

    /// What a visitor looks for: a word, two, or now and then a number of a case.
    mutating func words() -> String {
        switch below(20) {
        case 0: "\(word())+\(digits(4...6))"
        case 1..<6: "\(word())+\(word())"
        default: word()
        }
    }
}
