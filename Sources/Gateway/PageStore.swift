internal import Messages

/// The public pages in force: all files of one moment, by path. Never changed; replaced as a whole.
final class PageStore: Sendable {
    /// Milliseconds since 1970.
    let made: UInt64
    /// Open addressing over a hash of the path, a third full at most.
    private let entries: [PageFile?]

    /// - Parameter former: the pages before; files that did not change are shared with them.
    init(_ pages: Pages, former: PageStore?) {
        made = pages.made
        var size = 16
        while size < pages.files.count * 3 { size *= 2 }
        var entries = [PageFile?](repeating: nil, count: size)
        for file in pages.files {
            let path = Array(file.path.utf8)
            let known = path.withUnsafeBytes { former?.find($0) }
            let kept = known.flatMap { $0.holds(file) ? $0 : nil } ?? PageFile(file)
            var place = path.withUnsafeBytes { Self.place($0, size) }
            while let present = entries[place], present.path != path { place = (place + 1) % size }
            entries[place] = kept
        }
        self.entries = entries
    }

    func find(_ path: UnsafeRawBufferPointer) -> PageFile? {
        var place = Self.place(path, entries.count)
        while let file = entries[place] {
            if file.path.elementsEqual(path) { return file }
            place = (place + 1) % entries.count
        }
        return nil
    }

    private static func place(_ path: UnsafeRawBufferPointer, _ size: Int) -> Int {
        var hash: UInt32 = 2_166_136_261
        for byte in path { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return Int(hash) % size
    }
}

/// One response of the public pages, ready but for its age: visitors who take it slowly share its bytes.
final class PageFile: Sendable {
    let path: [UInt8]
    /// Status line and fields that are always the same.
    let head: [UInt8]
    let body: [UInt8]
    let marks: [Pages.AgeMark]
    private let contentType: String

    init(_ file: Pages.File) {
        path = Array(file.path.utf8)
        contentType = file.contentType
        body = file.body
        marks = file.ages
        // What could end a field is no content type.
        let isPlain = contentType.utf8.allSatisfy { $0 >= 32 && $0 < 127 }
        head = Self.head(
            "200 OK", contentType: isPlain ? contentType : "application/octet-stream",
            fields: "Cache-Control: max-age=5\r\n")
    }

    /// What is said instead of a file.
    init(_ text: ReplyText, _ form: Replies.Form) {
        path = []
        contentType = form == .text ? "text/plain; charset=utf-8" : "text/html; charset=utf-8"
        body = Replies.body(text, form)
        marks = []
        var fields = text.status == 404 ? "Cache-Control: max-age=5\r\n" : "Cache-Control: no-store\r\n"
        fields += "Vary: Accept, Accept-Language\r\n"
        if form != .text { fields += "Content-Language: \(form == .dutch ? "nl" : "en")\r\n" }
        if text.status == 405 { fields += "Allow: GET, HEAD\r\n" }
        if let seconds = text.retryAfter { fields += "Retry-After: \(seconds)\r\n" }
        head = Self.head("\(text.status) \(text.reason)", contentType: contentType, fields: fields)
    }

    /// Content whose head is written by who sends it.
    init(content: [UInt8]) {
        path = []
        contentType = ""
        body = content
        marks = []
        head = []
    }

    func holds(_ file: Pages.File) -> Bool {
        contentType == file.contentType && marks == file.ages && body == file.body
    }

    private static func head(_ status: String, contentType: String, fields: String) -> [UInt8] {
        var head = "HTTP/1.1 \(status)\r\nContent-Type: \(contentType)\r\n\(fields)"
        head += "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
        if contentType.hasPrefix("text/html") {
            head += "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
            head += "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        }
        return Array(head.utf8)
    }

    // MARK: - With its age

    /// Bytes of the body with the age in it.
    func length(age: UInt64, scratch: Ink) -> Int {
        var length = body.count
        for mark in marks {
            scratch.clear()
            Self.write(age: age, mark.form, to: scratch)
            length += scratch.count
        }
        return length
    }

    /// Writes the body with the age in it, from `offset` on, `limit` bytes at most.
    func write(age: UInt64, from offset: Int, limit: Int, to ink: Ink, scratch: Ink) {
        // How much lies before what is still to be written, and how much may be.
        var skipped = offset
        var room = limit
        func take(_ bytes: UnsafeRawBufferPointer, _ ink: Ink) {
            let before = min(skipped, bytes.count)
            skipped -= before
            let count = min(room, bytes.count - before)
            room -= count
            ink.write(UnsafeRawBufferPointer(rebasing: bytes[before..<before + count]))
        }
        body.withUnsafeBytes { body in
            var done = 0
            for mark in marks where room > 0 {
                let place = max(done, min(Int(mark.offset), body.count))
                take(UnsafeRawBufferPointer(rebasing: body[done..<place]), ink)
                done = place
                scratch.clear()
                Self.write(age: age, mark.form, to: scratch)
                take(scratch.bytes, ink)
            }
            if room > 0 { take(UnsafeRawBufferPointer(rebasing: body[done...]), ink) }
        }
    }

    /// An age in words, in the largest whole unit: "1 seconde", "59 minuten", "2 uur", "3 dagen".
    static func write(age seconds: UInt64, _ form: Pages.AgeForm, to ink: Ink) {
        guard form != .seconds else { return ink.write(decimal: seconds) }
        let units: [(UInt64, dutch: (StaticString, StaticString), english: (StaticString, StaticString))] = [
            (86_400, (" dag", " dagen"), (" day", " days")), (3600, (" uur", " uur"), (" hour", " hours")),
            (60, (" minuut", " minuten"), (" minute", " minutes")),
            (1, (" seconde", " seconden"), (" second", " seconds")),
        ]
        for (size, dutch, english) in units where seconds >= size || size == 1 {
            let count = seconds / size
            let words = form == .dutch ? dutch : english
            ink.write(decimal: count)
            return ink.write(count == 1 ? words.0 : words.1)
        }
    }
}
