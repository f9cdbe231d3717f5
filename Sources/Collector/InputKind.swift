/// What a file holds, by the look of its first bytes (decompressed); its name is not asked.
package enum InputKind: Hashable, Sendable {
    /// A capture of tcpdump and its kin, of microseconds or nanoseconds or with Kuznetzov's longer records, in either
    /// byte order.
    case pcap
    /// A capture of Wireshark and its kin (draft-ietf-opsawg-pcapng).
    case pcapng
    /// Flows written by nfcapd, sfcapd or nfpcapd.
    case nfdump
    /// A web server's log in the common or combined form.
    case textLog
    /// A web server's log with one JSON object a line.
    case jsonLog
    /// One JSON value: a fingerprint, a profile, a bundle.
    case jsonDocument
    /// None of these; the reason is for people.
    case unknown(reason: String)

    /// Bytes that are enough for the surest answer: a log's first line is looked at, and what comes after it.
    package static let headSize = 64 << 10

    /// Looks at the first bytes of a file: as many as there are, up to `headSize`.
    package static func recognise(_ first: RawSpan) -> InputKind {
        guard first.byteCount > 0 else { return .unknown(reason: "it is empty") }
        if let kind = byMagic(first) { return kind }
        var scanner = JSONScanner(first)
        if let kind = scanner.kind() { return kind }
        return byFirstLine(first)
    }

    private static func byMagic(_ first: RawSpan) -> InputKind? {
        guard first.byteCount >= 4 else { return nil }
        let magic = UInt32(bigEndian: first.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self))
        switch magic {
        case 0xa1b2_c3d4, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1, 0xa1b2_cd34, 0x34cd_b2a1: return .pcap
        case 0x0a0d_0d0a: return .pcapng
        // The magic 0xa50c, then the version in the same order: 1 up to nfdump 1.6, 2 since.
        case 0x0ca5_0100, 0x0ca5_0200, 0xa50c_0001, 0xa50c_0002: return .nfdump
        default: break
        }
        for (start, name, advice) in foreign where first.hasPrefix(start) {
            return .unknown(reason: "it is \(name), which is not read here: \(advice)")
        }
        return nil
    }

    /// What people try, and what would help them.
    private static let foreign: [(start: [UInt8], name: String, advice: String)] = [
        (Array("BZh".utf8), "compressed with bzip2", "unpack it first"),
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "compressed with xz", "unpack it first"),
        ([0x04, 0x22, 0x4d, 0x18], "compressed with lz4", "unpack it first"),
        ([0x50, 0x4b, 0x03, 0x04], "a zip archive", "unpack it first"),
        ([0x1f, 0x8b], "compressed twice, or by an unknown method", "unpack it first"),
        ([0x28, 0xb5, 0x2f, 0xfd], "compressed twice", "unpack it first"),
        (Array("snoop\0\0\0".utf8), "a snoop capture", "editcap -F pcapng makes a pcapng file of it"),
        (Array("GMBU".utf8), "a Network Monitor capture", "editcap -F pcapng makes a pcapng file of it"),
    ]

    /// The first line of a log in the common or combined form holds [10/Oct/2000:13:55:36 -0700] "GET ….
    private static func byFirstLine(_ first: RawSpan) -> InputKind {
        var end = 0
        var isText = true
        while end < first.byteCount, first[end] != UInt8(ascii: "\n") {
            let byte = first[end]
            // Controls, and what UTF-8 never holds (RFC 3629, section 1).
            if byte < 32 && byte != 9 && byte != 13 || byte == 0xc0 || byte == 0xc1 || byte > 0xf4 { isText = false }
            end += 1
        }
        // The bracket, the date with its zone, the bracket and the quotation mark are 31 bytes.
        var index = 0
        while index + 31 <= end {
            if first[index] == UInt8(ascii: "["), isTime(first, at: index + 1) { return .textLog }
            index += 1
        }
        guard isText else {
            return .unknown(reason: "neither text nor a capture or flow file: it begins with \(hexadecimal(first))")
        }
        if first.hasPrefix(Array("#Fields:".utf8)) || first.hasPrefix(Array("#Software:".utf8)) {
            return .unknown(reason: "a log in the W3C extended form, which is not read here")
        }
        return .unknown(
            reason: "text, but its first line is no web server's log line (common, combined or JSON) and no JSON")
    }

    /// Whether 10/Oct/2000:13:55:36 -0700] " stands at `start`; there must be 30 bytes.
    private static func isTime(_ line: RawSpan, at start: Int) -> Bool {
        let pattern: StaticString = "00/Aaa/0000:00:00:00 +0000] \""
        return pattern.withUTF8Buffer { pattern in
            for (index, expected) in pattern.enumerated() {
                let byte = line[start + index]
                let fits =
                    switch expected {
                    case UInt8(ascii: "0"): byte &- 48 <= 9
                    case UInt8(ascii: "A"), UInt8(ascii: "a"): (byte | 32) &- 97 <= 25
                    case UInt8(ascii: "+"): byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
                    default: byte == expected
                    }
                if !fits { return false }
            }
            return true
        }
    }

    private static func hexadecimal(_ first: RawSpan) -> String {
        var text = ""
        for index in 0..<min(4, first.byteCount) {
            let digits = String(first[index], radix: 16)
            text += (index == 0 ? "" : " ") + (digits.count == 1 ? "0" : "") + digits
        }
        return text
    }
}

/// Tells a log of JSON lines from one JSON value, without reading the values.
private struct JSONScanner: ~Escapable {
    private let bytes: RawSpan
    private var index = 0
    /// Of the members of the first object itself: says it what a web server says of a request?
    private var hasStatus = false
    private var hasRequest = false

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) {
        self.bytes = bytes
        if bytes.hasPrefix([0xef, 0xbb, 0xbf]) { index = 3 }
    }

    /// nil: this is no JSON object or array.
    mutating func kind() -> InputKind? {
        skipSpace()
        guard index < bytes.byteCount else { return nil }
        let opening = bytes[index]
        guard opening == UInt8(ascii: "{") || opening == UInt8(ascii: "[") else { return nil }
        let start = index
        index += 1
        skipSpace()
        // A text log may begin with a bracket too; JSON goes on with one of these.
        guard index < bytes.byteCount, isExpected(bytes[index], after: opening) else { return nil }
        index = start
        let isOneLine = skipValue()
        guard opening == UInt8(ascii: "{"), isOneLine else { return .jsonDocument }
        skipSpace()
        let isFollowed = index < bytes.byteCount && bytes[index] == UInt8(ascii: "{")
        return isFollowed || hasStatus && hasRequest ? .jsonLog : .jsonDocument
    }

    private func isExpected(_ byte: UInt8, after opening: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""): true
        case UInt8(ascii: "}"): opening == UInt8(ascii: "{")
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "]"): opening == UInt8(ascii: "[")
        default: false
        }
    }

    private mutating func skipSpace() {
        while index < bytes.byteCount, [9, 10, 13, 32].contains(bytes[index]) { index += 1 }
    }

    /// Passes over the object or array that begins here. Whether it ends within what is at hand, and on its first line.
    private mutating func skipValue() -> Bool {
        var depth = 0
        var isOneLine = true
        while index < bytes.byteCount {
            switch bytes[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 {
                    index += 1
                    return isOneLine
                }
            case UInt8(ascii: "\n"): isOneLine = false
            case UInt8(ascii: "\""): skipString(isMember: depth == 1)
            default: break
            }
            index += 1
        }
        return false
    }

    /// Passes to the string's last quotation mark, and notes a member's name that tells a log.
    private mutating func skipString(isMember: Bool) {
        let start = index + 1
        index = start
        while index < bytes.byteCount, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard isMember, index + 1 < bytes.byteCount, bytes[index + 1] == UInt8(ascii: ":") else { return }
        let name = bytes.extracting(start..<index)
        hasStatus = hasStatus || Self.statusNames.contains { name.isName($0) }
        hasRequest = hasRequest || Self.requestNames.contains { name.isName($0) }
    }

    // As servers call them, in lower case and without what joins the words: nginx's own choice, Caddy's, Traefik's.
    private static let statusNames = [
        "status", "statuscode", "downstreamstatus", "httpstatus", "responsestatus", "responsecode",
        "httpresponsestatuscode",
    ].map { Array($0.utf8) }
    private static let requestNames = [
        "request", "requestline", "method", "requestmethod", "httpmethod", "httprequestmethod", "uri", "requesturi",
        "path", "requestpath", "url", "urlpath",
    ].map { Array($0.utf8) }
}

extension RawSpan {
    /// The byte at a place, which is checked.
    fileprivate subscript(_ place: Int) -> UInt8 { unsafeLoad(fromByteOffset: place, as: UInt8.self) }

    fileprivate func hasPrefix(_ start: [UInt8]) -> Bool {
        guard byteCount >= start.count else { return false }
        for index in start.indices where self[index] != start[index] { return false }
        return true
    }

    /// Whether it is this name, in any case and with any of "-", "_", "." and "@" in it.
    fileprivate func isName(_ name: [UInt8]) -> Bool {
        var found = 0
        for index in 0..<byteCount {
            let byte = self[index]
            if [45, 46, 64, 95].contains(byte) { continue }
            guard found < name.count, byte | 32 == name[found] else { return false }
            found += 1
        }
        return found == name.count
    }
}
