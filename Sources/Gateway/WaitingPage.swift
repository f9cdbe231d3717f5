internal import Addresses
internal import Admission
internal import Messages

/// The page of those who wait, ready but for its numbers: they are written between its pieces, and nothing is allocated.
///
/// Plain HTML that asks again by itself. No script, nothing to solve, nothing from elsewhere; it reads as one text from
/// top to bottom, in light and dark, at 320 px.
final class WaitingPage: Sendable {
    private struct Pieces: Sendable {
        /// Up to the seconds of its refresh, and from there to the place in the row.
        var start: [UInt8]
        var middle: [UInt8]
        /// Nobody, one, and a number of visitors between two pieces.
        var nobody: StaticString
        var one: StaticString
        var many: (StaticString, StaticString)
        var soon: StaticString
        var minute: StaticString
        var minutes: (StaticString, StaticString)
        var long: StaticString
        /// From the waiting time to the seconds of its refresh, and on.
        var after: [UInt8]
        var rest: [UInt8]
        var keeps: StaticString
        var lacks: StaticString
        var end: [UInt8]
    }

    private let dutch: Pieces
    private let english: Pieces

    /// - Parameter news: address of the public pages, where there are any.
    init(news: String?) {
        dutch = Self.make(.dutch, news: news)
        english = Self.make(.english, news: news)
    }

    /// - Parameter form: for a text there is no such page; it is Dutch then.
    func write(_ page: Ladder.Page, _ form: Replies.Form, to ink: Ink) {
        let pieces = form == .english ? english : dutch
        ink.write(pieces.start)
        ink.write(decimal: UInt64(page.again))
        ink.write(pieces.middle)
        switch Self.rounded(page.ahead) {
        case 0: ink.write(pieces.nobody)
        case 1: ink.write(pieces.one)
        case let count:
            ink.write(pieces.many.0)
            ink.write(decimal: UInt64(count))
            ink.write(pieces.many.1)
        }
        switch (page.wait + 30) / 60 {
        case 0: ink.write(pieces.soon)
        case 1: ink.write(pieces.minute)
        case 2...30:
            ink.write(pieces.minutes.0)
            ink.write(decimal: UInt64((page.wait + 30) / 60))
            ink.write(pieces.minutes.1)
        default: ink.write(pieces.long)
        }
        ink.write(pieces.after)
        ink.write(decimal: UInt64(page.again))
        ink.write(pieces.rest)
        ink.write(page.lacksCookie ? pieces.lacks : pieces.keeps)
        ink.write(pieces.end)
    }

    /// Two digits are all that is known of it.
    private static func rounded(_ count: UInt32) -> UInt32 {
        var unit: UInt32 = 1
        while count / unit >= 100 { unit *= 10 }
        return (count + unit / 2) / unit * unit
    }

    private static func make(_ text: WaitingText, news: String?) -> Pieces {
        let link = news.map { text.news.0 + $0 + text.news.1 } ?? ""
        return Pieces(
            start: Array(
                """
                <!DOCTYPE html>
                <html lang="\(text.language)"><head><meta charset="utf-8">\
                <meta name="viewport" content="width=device-width, initial-scale=1"><title>\(text.title)</title>\
                <link rel="icon" href="data:,"><meta http-equiv="refresh" content="
                """.utf8),
            middle: Array(
                """
                "><style>:root{color-scheme:light dark}body{font:1.125rem/1.5 sans-serif;margin:0}\
                main{max-width:36rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.6rem;line-height:1.2}\
                a{color:inherit}.row{border-left:.3rem solid;padding-left:1rem;font-weight:bold}</style></head>\
                <body><main><h1>\(text.heading)</h1><p>\(text.why)</p><p class="row" role="status">
                """.utf8),
            nobody: text.nobody, one: text.one, many: text.many, soon: text.soon, minute: text.minute,
            minutes: text.minutes, long: text.long, after: Array("</p><p>\(text.again.0)".utf8),
            rest: Array("\(text.again.1)</p><p>".utf8), keeps: text.keeps, lacks: text.lacks,
            end: Array("</p>\(link)<p><small>Code 503</small></p></main></body></html>\n".utf8))
    }

    /// Where the public pages are, as browsers find them; nil where there are none.
    static func news(_ snapshot: Snapshot) -> String? {
        guard let pages = snapshot.pages, let host = pages.hosts.first(where: { !$0.hasPrefix("*") }) else {
            return nil
        }
        let isSecure = !pages.certificateChain.isEmpty
        let port = snapshot.listeners.first { $0.isTLS == isSecure }?.endpoint.port ?? 0
        let isUsual = port == 0 || port == (isSecure ? 443 : 80)
        return "\(isSecure ? "https" : "http")://\(host)\(isUsual ? "" : ":\(port)")/"
    }
}
