/// What a response's Cache-Control says to a shared cache (RFC 9111, section 5.2.2; RFC 5861).
///
/// Where a line can be read in two ways the stricter one holds: of two numbers the smaller, a number that is none is 0,
/// a line that breaks the grammar forbids storing. Directives that nobody knows are passed over.
package struct ResponseDirectives: Equatable, Sendable {
    package var noStore = false
    /// With field names too: who asks again each time is never wrong.
    package var noCache = false
    /// With field names too.
    package var isPrivate = false
    package var isPublic = false
    package var mustRevalidate = false
    package var proxyRevalidate = false
    /// Store only what has a status that is understood, and then in spite of `noStore`.
    package var mustUnderstand = false
    package var maxAge: UInt32?
    package var sharedMaxAge: UInt32?
    package var staleWhileRevalidate: UInt32?
    package var staleIfError: UInt32?
    /// There was a line that is no list of directives.
    package var isBroken = false

    package init() {}

    /// Takes in one line of the field.
    package mutating func read(_ bytes: Span<UInt8>, _ line: Slice) {
        let isWhole = bytes.directives(of: line) { name, argument in
            switch name.count {
            case 6 where bytes.holds("public", in: name): isPublic = true
            case 7 where bytes.holds("private", in: name): isPrivate = true
            case 7 where bytes.holds("max-age", in: name): Self.least(&maxAge, bytes.seconds(argument))
            case 8 where bytes.holds("no-store", in: name): noStore = true
            case 8 where bytes.holds("no-cache", in: name): noCache = true
            case 8 where bytes.holds("s-maxage", in: name): Self.least(&sharedMaxAge, bytes.seconds(argument))
            case 14 where bytes.holds("stale-if-error", in: name): Self.least(&staleIfError, bytes.seconds(argument))
            case 15 where bytes.holds("must-revalidate", in: name): mustRevalidate = true
            case 15 where bytes.holds("must-understand", in: name): mustUnderstand = true
            case 16 where bytes.holds("proxy-revalidate", in: name): proxyRevalidate = true
            case 22 where bytes.holds("stale-while-revalidate", in: name):
                Self.least(&staleWhileRevalidate, bytes.seconds(argument))
            default: break
            }
        }
        if !isWhole { isBroken = true }
    }

    private static func least(_ kept: inout UInt32?, _ found: UInt32?) {
        kept = min(kept ?? .max, found ?? 0)
    }
}

/// What a request's Cache-Control asks for (RFC 9111, section 5.2.1).
package struct RequestDirectives: Equatable, Sendable {
    package var noCache = false
    package var noStore = false
    package var onlyIfCached = false
    package var maxAge: UInt32?
    package var minFresh: UInt32?
    /// How stale a response may be; the largest number: however stale.
    package var maxStale: UInt32?

    package init() {}

    /// Takes in one line of the field. What is no list of directives asks for a response from the origin.
    package mutating func read(_ bytes: Span<UInt8>, _ line: Slice) {
        let isWhole = bytes.directives(of: line) { name, argument in
            switch name.count {
            case 7 where bytes.holds("max-age", in: name): maxAge = min(maxAge ?? .max, bytes.seconds(argument) ?? 0)
            case 8 where bytes.holds("no-cache", in: name): noCache = true
            case 8 where bytes.holds("no-store", in: name): noStore = true
            case 9 where bytes.holds("min-fresh", in: name):
                minFresh = max(minFresh ?? 0, bytes.seconds(argument) ?? .max)
            case 9 where bytes.holds("max-stale", in: name):
                let limit = argument.count == 0 ? .max : bytes.seconds(argument) ?? 0
                maxStale = min(maxStale ?? .max, limit)
            case 14 where bytes.holds("only-if-cached", in: name): onlyIfCached = true
            default: break
            }
        }
        if !isWhole { noCache = true }
    }
}

extension Span<UInt8> {
    /// Calls `body` with name and argument of each directive in a line: `token [ "=" ( token / quoted-string ) ]`, set apart
    /// by commas. The argument comes without its quotes. Returns false where the line is something else.
    func directives(of line: Slice, _ body: (_ name: Slice, _ argument: Slice) -> Void) -> Bool {
        var index = Int(line.start)
        let end = Swift.min(line.range.upperBound, count)
        while true {
            while index < end, isGap(self[index]) || self[index] == UInt8(ascii: ",") { index += 1 }
            guard index < end else { return true }
            let start = index
            while index < end, Octets.isToken(self[index]) { index += 1 }
            guard index > start else { return false }
            let name = Slice(start, index)
            var argument = Slice(index, index)
            if index < end, self[index] == UInt8(ascii: "=") {
                index += 1
                guard let found = directiveArgument(&index, end) else { return false }
                argument = found
            }
            while index < end, isGap(self[index]) { index += 1 }
            guard index == end || self[index] == UInt8(ascii: ",") else { return false }
            body(name, argument)
        }
    }

    private func isGap(_ byte: UInt8) -> Bool { byte == Octets.space || byte == Octets.tab }

    private func directiveArgument(_ index: inout Int, _ end: Int) -> Slice? {
        guard index < end, self[index] == UInt8(ascii: "\"") else {
            let start = index
            while index < end, Octets.isToken(self[index]) { index += 1 }
            return Slice(start, index)
        }
        index += 1
        let start = index
        while index < end, self[index] != UInt8(ascii: "\"") {
            // A quoted pair; what it hides is no number.
            if self[index] == UInt8(ascii: "\\") { index += 1 }
            index += 1
        }
        guard index < end else { return nil }
        defer { index += 1 }
        return Slice(start, index)
    }

    /// Delta-seconds (RFC 9111, section 1.2.2): what is larger than 2^31 is 2^31.
    func seconds(_ slice: Slice) -> UInt32? {
        guard slice.count > 0, slice.range.upperBound <= count else { return nil }
        var number: UInt64 = 0
        for index in slice.range {
            guard Octets.isDigit(self[index]) else { return nil }
            number = Swift.min(number * 10 + UInt64(self[index] - 48), 1 << 31)
        }
        return UInt32(number)
    }
}
