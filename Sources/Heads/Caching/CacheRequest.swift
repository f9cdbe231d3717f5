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
    /// It carries fields that are in no key and that applications are known to believe, "X-Host" and the like: what the
    /// origin says to it may not be what it says to others.
    package var hasUnkeyed = false

    /// The visitor has a copy of its own, and asks whether it still holds.
    package var isConditional: Bool { hasIfNoneMatch || ifModifiedSince != nil }

    package init(_ request: RequestHead, _ bytes: Span<UInt8>) {
        var hasCacheControl = false
        var hasPragma = false
        for field in request.fields where field.id == .other && field.name.count > 1 {
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
                if bytes.isUnkeyed(field.name) { hasUnkeyed = true }
            }
        }
        // Of an age in which there was no Cache-Control (RFC 9111, section 5.4).
        if hasPragma, !hasCacheControl { wants.noCache = true }
    }
}

extension Span<UInt8> {
    /// A name that begins with "X-", as fields do by which applications learn of hosts, schemes, paths and methods from
    /// proxies; or one with an underscore, which applications behind CGI take for a hyphen.
    fileprivate func isUnkeyed(_ name: Slice) -> Bool {
        let start = Int(name.start)
        if Octets.lowered(self[start]) == UInt8(ascii: "x"), self[start + 1] == UInt8(ascii: "-") {
            return !isTrace(name)
        }
        for index in name.range where self[index] == UInt8(ascii: "_") { return true }
        return false
    }

    /// Numbers that proxies give to requests, from which no application makes a page.
    private func isTrace(_ name: Slice) -> Bool {
        switch name.count {
        case 12: holds("x-request-id", in: name)
        case 15: holds("x-amzn-trace-id", in: name)
        case 16: holds("x-correlation-id", in: name)
        default: false
        }
    }
}
