/// The 61 fields that every connection's index begins with (RFC 7541, appendix A).
enum HPACKStaticTable {
    static let count = 61
    static let setCookie = 55

    private static let fields: [(StaticString, StaticString)] = [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
        (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
        (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
        ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
        ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""),
        ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""),
        ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""),
        ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""),
        ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
        ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""),
        ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ]

    struct Entry: Sendable {
        nonisolated(unsafe) var name: UnsafeRawBufferPointer  // a constant of the program
        nonisolated(unsafe) var value: UnsafeRawBufferPointer  // a constant of the program
    }

    static let entries: [Entry] = fields.map { name, value in
        Entry(name: bytes(of: name), value: bytes(of: value))
    }

    private static func bytes(of text: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// The first index with this name, whatever its case; 0 where there is none.
    static func index(of name: UnsafeRawBufferPointer) -> Int {
        guard let first = name.first else { return 0 }
        for index in firsts[Int(first & 31)] where matches(entries[index - 1].name, name) { return index }
        return 0
    }

    /// Indices of different names by the low bits of their first letter.
    private static let firsts: [[Int]] = {
        var lists = [[Int]](repeating: [], count: 32)
        for (place, entry) in entries.enumerated()
        where place == 0 || !matches(entries[place - 1].name, entry.name) {
            lists[Int(entry.name[0] & 31)].append(place + 1)
        }
        return lists
    }()

    private static func matches(_ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Bool {
        guard one.count == other.count else { return false }
        for index in 0..<one.count where one[index] != Octets.lowered(other[index]) { return false }
        return true
    }
}
