internal import Glibc

/// The lane's own responses, ready as bytes: refusing copies one and allocates nothing. One set for each worker, which
/// keeps Date and Retry-After right in place.
final class Replies {
    enum Form: Int, CaseIterable {
        /// For programs: one line.
        case text
        case dutch
        case english
    }

    private struct Reply {
        var bytes: UnsafeMutableRawPointer
        var count: Int
        /// Bytes before the body.
        var headCount: Int
        var dateOffset: Int
        var retryOffset: Int?
    }

    private var replies: [Reply] = []
    private let places: [UInt16: Int]
    /// "Sun, 06 Nov 1994 08:49:37 GMT": now.
    private(set) var date = CalendarTime(seconds: 0).httpDate
    private var jitter = 0

    init() {
        var places: [UInt16: Int] = [:]
        for text in ReplyText.all {
            places[text.status] = replies.count
            for form in Form.allCases {
                for closes in [false, true] { replies.append(Self.make(text, form, closes: closes)) }
            }
        }
        self.places = places
    }

    deinit {
        for reply in replies { free(reply.bytes) }
    }

    /// The bytes of a response; without its body in answer to HEAD. Valid until the next call.
    func bytes(_ status: UInt16, _ form: Form, closes: Bool, isHead: Bool) -> UnsafeRawBufferPointer {
        let reply = replies[(places[status] ?? 0) + form.rawValue * 2 + (closes ? 1 : 0)]
        reply.bytes.advanced(by: reply.dateOffset).copyMemory(from: date, byteCount: 29)
        if let offset = reply.retryOffset {
            // Spread over ten seconds, so that those who were refused together do not come back together.
            jitter = (jitter + 7) % 10
            reply.bytes.advanced(by: offset).storeBytes(of: UInt8(48 + jitter), as: UInt8.self)
        }
        return UnsafeRawBufferPointer(start: reply.bytes, count: isHead ? reply.headCount : reply.count)
    }

    func setTime(seconds: UInt64) {
        date = CalendarTime(seconds: seconds).httpDate
    }

    private static func make(_ text: ReplyText, _ form: Form, closes: Bool) -> Reply {
        let body = body(text, form)
        var head = "HTTP/1.1 \(text.status) \(text.reason)\r\nDate: "
        let dateOffset = head.utf8.count
        head += "Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        var retryOffset: Int?
        if let seconds = text.retryAfter {
            head += "Retry-After: \(seconds / 10)"
            retryOffset = head.utf8.count
            head += "0\r\n"
        }
        head += "Cache-Control: no-store\r\n"
        if form == .text {
            head += "Content-Type: text/plain; charset=utf-8\r\n"
        } else {
            head += "Content-Type: text/html; charset=utf-8\r\nContent-Language: \(form == .dutch ? "nl" : "en")\r\n"
            head += "Vary: Accept, Accept-Language\r\nX-Content-Type-Options: nosniff\r\n"
            head += "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
        }
        if text.status == 405 { head += "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n" }
        head += "Content-Length: \(body.count)\r\n\(closes ? "Connection: close\r\n" : "")\r\n"
        let all = Array(head.utf8) + body
        let bytes = malloc(all.count)!
        bytes.copyMemory(from: all, byteCount: all.count)
        return Reply(
            bytes: bytes, count: all.count, headCount: head.utf8.count, dateOffset: dateOffset, retryOffset: retryOffset
        )
    }

    static func body(_ text: ReplyText, _ form: Form) -> [UInt8] {
        switch form {
        case .text: Array("\(text.status) \(text.reason)\n".utf8)
        case .dutch: page("nl", text.status, text.dutch.title, text.dutch.text)
        case .english: page("en", text.status, text.english.title, text.english.text)
        }
    }

    /// One page for all: a heading, a sentence or two, the code in small print. No script, nothing from elsewhere,
    /// readable at 320 px, in light and dark.
    private static func page(_ language: String, _ status: UInt16, _ title: String, _ text: String) -> [UInt8] {
        return Array(
            """
            <!DOCTYPE html>
            <html lang="\(language)"><head><meta charset="utf-8">\
            <meta name="viewport" content="width=device-width, initial-scale=1"><title>\(title)</title>\
            <style>:root{color-scheme:light dark}body{font:1.125rem/1.5 sans-serif;margin:0}\
            main{max-width:36rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.6rem;line-height:1.2}</style></head>\
            <body><main><h1>\(title)</h1><p>\(text)</p><p><small>Code \(status)</small></p></main></body></html>

            """.utf8)
    }
}
