/// What a record may hold at most.
enum Bounds {
    /// Bytes of one text, in UTF-8.
    static let text = 64 << 10
    /// Bytes of a text in the audit; longer ones are cut, they name things and tell nothing.
    static let audited = 1 << 10
    /// Bytes of a fingerprint's signed form.
    static let form = 64 << 10
    /// Bytes of a learnt profile.
    static let profile = 16 << 20
    /// Bytes of a record as JSON: some texts and what holds them.
    static let record = 1 << 20
    /// Entries of a list in an attack, such as its routes.
    static let list = 1_000

    static func check(_ texts: KeyValuePairs<String, String?>) throws(RegisterError) {
        for (name, text) in texts {
            let size = text?.utf8.count ?? 0
            guard size <= Self.text else {
                throw RegisterError(.tooLong, "\(name) is too long: \(size) bytes, at most \(Self.text)")
            }
        }
    }

    static func check(_ name: String, bytes: Int, limit: Int) throws(RegisterError) {
        guard bytes <= limit else {
            throw RegisterError(.tooLong, "\(name) is too long: \(bytes) bytes, at most \(limit)")
        }
    }

    /// A text that stands in a column of its own: SQLite's texts end at a NUL.
    static func column(_ text: String, _ name: String) throws(RegisterError) {
        guard !text.utf8.contains(0) else {
            throw RegisterError(.invalid, "\(name) holds a text with a NUL character")
        }
        try check(name, bytes: text.utf8.count, limit: record)
    }

    /// Whether a name can be on record at all; what cannot is not looked up.
    static func canBeOnRecord(_ name: String) -> Bool { name.utf8.count <= text && !name.utf8.contains(0) }

    static func audited(_ text: String) -> String {
        var bytes = text.utf8.map { $0 == 0 ? UInt8(ascii: " ") : $0 }
        if bytes.count > audited {
            // Between characters: the first byte that goes is none from within one.
            var end = audited
            while end > 0, bytes[end] & 0xc0 == 0x80 { end -= 1 }
            bytes = Array(bytes.prefix(end)) + Array("…".utf8)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Bounds {
    /// Texts of rows that the chain does not cover.
    static func measured(_ texts: KeyValuePairs<String, String?>) throws(RegisterError) {
        try check(texts)
        for (name, text) in texts { if let text { try column(text, name) } }
    }
}
