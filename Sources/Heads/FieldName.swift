/// The header fields that the gateway itself must understand; all others are `other` and pass untouched.
package enum FieldName: UInt8, Sendable {
    case other
    case host, connection, contentLength, transferEncoding, expect, upgrade, te, trailer, keepAlive, proxyConnection
    case http2Settings, proxyAuthenticate, proxyAuthorization
    case via, forwarded, forwardedFor, forwardedProto, forwardedHost, forwardedPort, realIP
    case cookie, accept, acceptLanguage, userAgent, contentType, server, date, retryAfter, setCookie, referer

    /// Fields that end at this hop (RFC 9110, section 7.6.1) and are never passed on as they came.
    package var isHopByHop: Bool {
        switch self {
        case .connection, .keepAlive, .proxyConnection, .te, .http2Settings, .proxyAuthenticate, .proxyAuthorization,
            .upgrade:
            true
        default: false
        }
    }

    /// Fields by which an intermediary says who the visitor is: ours to write.
    package var tellsSource: Bool {
        switch self {
        case .forwarded, .forwardedFor, .forwardedProto, .forwardedHost, .forwardedPort, .realIP: true
        default: false
        }
    }

    /// Finds the name in `slice`, whatever its case. An underscore counts as a hyphen, for applications behind CGI see
    /// both as the same name; the caller drops such doubles.
    static func find(_ bytes: Span<UInt8>, _ slice: Slice) -> FieldName {
        func `is`(_ text: StaticString) -> Bool {
            let start = Int(slice.start)
            for index in 0..<Int(slice.count) {
                var byte = Octets.lowered(bytes[start + index])
                if byte == UInt8(ascii: "_") { byte = UInt8(ascii: "-") }
                if byte != text.utf8Start[index] { return false }
            }
            return true
        }
        let first = Octets.lowered(bytes[Int(slice.start)])
        switch (slice.count, first) {
        case (2, UInt8(ascii: "t")): return `is`("te") ? .te : .other
        case (3, UInt8(ascii: "v")): return `is`("via") ? .via : .other
        case (4, UInt8(ascii: "h")): return `is`("host") ? .host : .other
        case (4, UInt8(ascii: "d")): return `is`("date") ? .date : .other
        case (6, UInt8(ascii: "c")): return `is`("cookie") ? .cookie : .other
        case (6, UInt8(ascii: "a")): return `is`("accept") ? .accept : .other
        case (6, UInt8(ascii: "e")): return `is`("expect") ? .expect : .other
        case (6, UInt8(ascii: "s")): return `is`("server") ? .server : .other
        case (7, UInt8(ascii: "u")): return `is`("upgrade") ? .upgrade : .other
        case (7, UInt8(ascii: "t")): return `is`("trailer") ? .trailer : .other
        case (7, UInt8(ascii: "r")): return `is`("referer") ? .referer : .other
        case (9, UInt8(ascii: "f")): return `is`("forwarded") ? .forwarded : .other
        case (9, UInt8(ascii: "x")): return `is`("x-real-ip") ? .realIP : .other
        case (10, UInt8(ascii: "c")): return `is`("connection") ? .connection : .other
        case (10, UInt8(ascii: "k")): return `is`("keep-alive") ? .keepAlive : .other
        case (10, UInt8(ascii: "u")): return `is`("user-agent") ? .userAgent : .other
        case (10, UInt8(ascii: "s")): return `is`("set-cookie") ? .setCookie : .other
        case (11, UInt8(ascii: "r")): return `is`("retry-after") ? .retryAfter : .other
        case (12, UInt8(ascii: "c")): return `is`("content-type") ? .contentType : .other
        case (14, UInt8(ascii: "c")): return `is`("content-length") ? .contentLength : .other
        case (14, UInt8(ascii: "h")): return `is`("http2-settings") ? .http2Settings : .other
        case (15, UInt8(ascii: "a")): return `is`("accept-language") ? .acceptLanguage : .other
        case (15, UInt8(ascii: "x")): return `is`("x-forwarded-for") ? .forwardedFor : .other
        case (16, UInt8(ascii: "p")): return `is`("proxy-connection") ? .proxyConnection : .other
        case (16, UInt8(ascii: "x")):
            if `is`("x-forwarded-host") { return .forwardedHost }
            return `is`("x-forwarded-port") ? .forwardedPort : .other
        case (17, UInt8(ascii: "t")): return `is`("transfer-encoding") ? .transferEncoding : .other
        case (17, UInt8(ascii: "x")): return `is`("x-forwarded-proto") ? .forwardedProto : .other
        case (18, UInt8(ascii: "p")): return `is`("proxy-authenticate") ? .proxyAuthenticate : .other
        case (19, UInt8(ascii: "p")): return `is`("proxy-authorization") ? .proxyAuthorization : .other
        default: return .other
        }
    }
}

/// One header field line: where its name and its trimmed value are.
package struct Field: Sendable {
    package var id: FieldName
    /// The name has an underscore where the known name has a hyphen.
    package var isLookalike = false
    package var name: Slice
    package var value: Slice
}

extension Span<UInt8> {
    /// Whether a Connection field among `fields` names `field` as one that ends at this hop.
    func connection(_ fields: [Field], names field: Field) -> Bool {
        for line in fields where line.id == .connection {
            var isNamed = false
            members(of: line.value) { option in
                isNamed = sameName(option, field.name)
                return !isNamed
            }
            if isNamed { return true }
        }
        return false
    }

    /// Whether two slices hold the same name, whatever their case.
    private func sameName(_ one: Slice, _ other: Slice) -> Bool {
        guard one.count == other.count else { return false }
        for index in 0..<Int(one.count)
        where Octets.lowered(self[Int(one.start) + index]) != Octets.lowered(self[Int(other.start) + index]) {
            return false
        }
        return true
    }
}
