/// What a request says to a cache in front of its origin: places in its head's bytes.
package struct CacheRequest: Sendable {
    package var wants = RequestDirectives()
    package var hasAuthorization = false
    /// If-Match or If-Unmodified-Since: the origin's to judge.
    package var hasPrecondition = false
    package var hasIfNoneMatch = false
    package var ifModifiedSince: Slice?
    package var range: Slice?
    package var ifRange: Slice?
    /// It carries fields that are in no key and are not among those that browsers send to everybody: what the origin says to
    /// it may be for whoever knows a secret in one of them, or made from what another one claims.
    package var hasUnkeyed = false

    /// The visitor has a copy of its own, and asks whether it still holds.
    package var isConditional: Bool { hasIfNoneMatch || ifModifiedSince != nil }

    /// It asks for the whole of what everybody gets.
    package var isPlain: Bool { !isConditional && range == nil && !hasPrecondition && !hasUnkeyed }

    package init(_ request: RequestHead, _ bytes: Span<UInt8>) {
        var hasCacheControl = false
        var hasPragma = false
        for field in request.fields where field.id == .other && field.name.count > 0 {
            let first = Octets.lowered(bytes[Int(field.name.start)])
            switch (field.name.count, first) {
            case (5, UInt8(ascii: "r")) where bytes.holds("range", in: field.name):
                // Of two lines neither is believed.
                range = range == nil ? field.value : .empty
            case (6, UInt8(ascii: "p")) where bytes.holds("pragma", in: field.name):
                if bytes.holds("no-cache", in: field.value) { hasPragma = true }
            case (8, UInt8(ascii: "i")) where bytes.holds("if-match", in: field.name): hasPrecondition = true
            case (8, UInt8(ascii: "i")) where bytes.holds("if-range", in: field.name): ifRange = field.value
            case (13, UInt8(ascii: "c")) where bytes.holds("cache-control", in: field.name):
                hasCacheControl = true
                wants.read(bytes, field.value)
            case (13, UInt8(ascii: "i")) where bytes.holds("if-none-match", in: field.name): hasIfNoneMatch = true
            case (13, UInt8(ascii: "a")) where bytes.holds("authorization", in: field.name): hasAuthorization = true
            case (17, UInt8(ascii: "i")) where bytes.holds("if-modified-since", in: field.name):
                ifModifiedSince = field.value
            case (19, UInt8(ascii: "i")) where bytes.holds("if-unmodified-since", in: field.name):
                hasPrecondition = true
            default:
                if !bytes.isUsual(field.name) { hasUnkeyed = true }
            }
        }
        // The origin is not shown the fields that Connection names, by which its response seems to differ.
        if request.hasConnectionOptions { hasUnkeyed = true }
        // Of an age in which there was no Cache-Control (RFC 9111, section 5.4).
        if hasPragma, !hasCacheControl { wants.noCache = true }
    }
}

extension Span<UInt8> {
    /// A field that browsers and proxies send with any request, and from which no application tells who asks. A deny-list of
    /// names would always lack one: applications have their own for keys and tokens.
    fileprivate func isUsual(_ name: Slice) -> Bool {
        let start = Int(name.start)
        if name.count > 4, holds("sec-", in: Slice(start, start + 4)) { return true }
        switch name.count {
        case 2: return holds("te", in: name)
        case 3: return holds("dnt", in: name)
        case 6: return holds("origin", in: name)
        case 7: return holds("purpose", in: name)
        case 8: return holds("priority", in: name) || holds("alt-used", in: name)
        case 9: return holds("save-data", in: name)
        case 10: return holds("keep-alive", in: name) || holds("tracestate", in: name)
        case 11: return holds("traceparent", in: name)
        case 12: return holds("x-request-id", in: name)
        case 14: return holds("accept-charset", in: name)
        case 15: return holds("accept-encoding", in: name) || holds("x-amzn-trace-id", in: name)
        case 16: return holds("x-correlation-id", in: name)
        case 25: return holds("upgrade-insecure-requests", in: name)
        default: return false
        }
    }
}
