/// How the end of a message's content is known (RFC 9112, section 6).
package enum Framing: Equatable, Sendable {
    case none
    case length(UInt64)
    case chunked
    /// A response without length: it ends with the connection.
    case untilClose
}

package enum Method: UInt8, Sendable, BitwiseCopyable {
    case get, head, post, put, delete, options, patch, trace, connect, other

    /// Such a request asks to change nothing (RFC 9110, section 9.2.1); of other methods nobody knows.
    package var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        default: false
        }
    }

    /// Repeating such a request asks for nothing more than sending it once (RFC 9110, section 9.2.2).
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        default: false
        }
    }
}

/// The bounds within which a request's head is read.
package struct HeadLimits: Sendable {
    /// Bytes of the whole head.
    package var bytes = 16 << 10
    /// Bytes of the request target.
    package var target = 8 << 10
    /// Header fields.
    package var fields = 100

    package init() {}
}

/// A request's head, read strictly (RFC 9112): places in the bytes it was read from, and what follows from them.
///
/// It is made once for a worker and filled again for each request, so that reading allocates nothing.
package struct RequestHead: Sendable {
    package var method = Method.other
    package var methodName = Slice.empty
    /// The target as it was sent.
    package var target = Slice.empty
    /// Path and query in origin form; empty for "*" and for an absolute form without a path, where it means "/".
    package var path = Slice.empty
    /// How many bytes of `path` come before the "?".
    package var pathLength = 0
    /// "OPTIONS *".
    package var isAsterisk = false
    /// Host and port, from the target's absolute form or from Host; empty only in HTTP/1.0.
    package var authority = Slice.empty
    /// 0 or 1.
    package var minorVersion = 1
    package var fields: [Field] = []
    package var framing = Framing.none
    /// Whether the client lets the connection stand afterwards.
    package var keepsAlive = true
    package var expectsContinue = false
    /// The client offers to change the protocol, and named it in Connection too; never for h2c.
    package var upgrade = Slice.empty
    /// Connection names fields beside the usual ones, which must not be passed on.
    package var hasConnectionOptions = false

    package init() {
        fields.reserveCapacity(128)
    }

    /// Reads the head in `bytes`, which begins at `start` and ends right after its empty line. Returns why it was
    /// refused, or nil; after a refusal the other properties mean nothing.
    package mutating func read(_ bytes: Span<UInt8>, from start: Int, limits: HeadLimits) -> Refusal? {
        reset()
        guard let lineEnd = Self.lineEnd(bytes, from: start) else { return Refusal(.badMethod, at: start) }
        if let refusal = readRequestLine(bytes, start, lineEnd, limits) { return refusal }
        var state = FieldState()
        if let refusal = Self.readFields(bytes, from: lineEnd + 2, limit: limits.fields, into: &fields) {
            return refusal
        }
        for field in fields where field.id != .other && !field.isLookalike {
            if let refusal = apply(field, bytes, &state) { return refusal }
        }
        return conclude(bytes, state)
    }

    /// What the fields have said so far.
    private struct FieldState {
        var host: Slice?
        var length: UInt64?
        var isChunked = false
        var upgrade = Slice.empty
        var connectionNamesUpgrade = false
        var connectionClose = false
        var connectionKeepAlive = false
    }

    private mutating func reset() {
        fields.removeAll(keepingCapacity: true)
        path = .empty
        authority = .empty
        upgrade = .empty
        isAsterisk = false
        framing = .none
        keepsAlive = true
        expectsContinue = false
        hasConnectionOptions = false
    }

    /// Where the line's CR is, or nil where there is none before the end.
    static func lineEnd(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        while index + 1 < bytes.count {
            if bytes[index] == Octets.carriageReturn { return bytes[index + 1] == Octets.lineFeed ? index : nil }
            index += 1
        }
        return nil
    }

    private mutating func readRequestLine(
        _ bytes: Span<UInt8>, _ start: Int, _ end: Int, _ limits: HeadLimits
    ) -> Refusal? {
        var index = start
        while index < end, Octets.isToken(bytes[index]) { index += 1 }
        guard index > start, index < end, bytes[index] == Octets.space, index - start <= 32 else {
            return Refusal(.badMethod, at: index)
        }
        methodName = Slice(start, index)
        method = Self.method(bytes, methodName)
        let targetStart = index + 1
        index = targetStart
        // Visible ASCII; a fragment never travels (RFC 9110, section 4.2.5).
        while index < end, bytes[index] > 32, bytes[index] < 127, bytes[index] != UInt8(ascii: "#") { index += 1 }
        guard index > targetStart, index < end, bytes[index] == Octets.space else {
            return Refusal(.badTarget, at: index)
        }
        target = Slice(targetStart, index)
        if index - targetStart > limits.target { return Refusal(.targetTooLong, at: targetStart + limits.target) }
        if let refusal = readVersion(bytes, index + 1, end) { return refusal }
        return readTarget(bytes)
    }

    private mutating func readVersion(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Refusal? {
        guard end - start == 8, bytes.holds("http/", in: Slice(start, start + 5)), bytes[start] == UInt8(ascii: "H"),
            Octets.isDigit(bytes[start + 5]), bytes[start + 6] == UInt8(ascii: "."), Octets.isDigit(bytes[start + 7])
        else { return Refusal(.badVersion, at: start) }
        guard bytes[start + 5] == UInt8(ascii: "1"), bytes[start + 7] <= UInt8(ascii: "1") else {
            return Refusal(.unsupportedVersion, at: start + 5)
        }
        minorVersion = Int(bytes[start + 7] - 48)
        return nil
    }

    static func method(_ bytes: Span<UInt8>, _ name: Slice) -> Method {
        // Methods are case-sensitive (RFC 9110, section 9.1): "get" is some other method.
        func `is`(_ text: StaticString) -> Bool {
            for index in 0..<Int(name.count) where bytes[Int(name.start) + index] != text.utf8Start[index] {
                return false
            }
            return true
        }
        switch (name.count, bytes[Int(name.start)]) {
        case (3, UInt8(ascii: "G")): return `is`("GET") ? .get : .other
        case (3, UInt8(ascii: "P")): return `is`("PUT") ? .put : .other
        case (4, UInt8(ascii: "H")): return `is`("HEAD") ? .head : .other
        case (4, UInt8(ascii: "P")): return `is`("POST") ? .post : .other
        case (5, UInt8(ascii: "P")): return `is`("PATCH") ? .patch : .other
        case (5, UInt8(ascii: "T")): return `is`("TRACE") ? .trace : .other
        case (6, UInt8(ascii: "D")): return `is`("DELETE") ? .delete : .other
        case (7, UInt8(ascii: "O")): return `is`("OPTIONS") ? .options : .other
        case (7, UInt8(ascii: "C")): return `is`("CONNECT") ? .connect : .other
        default: return .other
        }
    }

    /// Origin form, absolute form or asterisk (RFC 9112, section 3.2). CONNECT and TRACE are not for a gateway.
    private mutating func readTarget(_ bytes: Span<UInt8>) -> Refusal? {
        let start = Int(target.start)
        let end = target.range.upperBound
        if method == .connect || method == .trace { return Refusal(.unsupportedMethod, at: 0) }
        if bytes[start] == UInt8(ascii: "/") {
            path = target
        } else if target.count == 1, bytes[start] == UInt8(ascii: "*") {
            guard method == .options else { return Refusal(.badTarget, at: start) }
            isAsterisk = true
        } else {
            var authorityStart = start
            if target.count > 7, bytes.holds("http://", in: Slice(start, start + 7)) { authorityStart += 7 }
            if target.count > 8, bytes.holds("https://", in: Slice(start, start + 8)) { authorityStart += 8 }
            guard authorityStart > start else { return Refusal(.badTarget, at: start) }
            var index = authorityStart
            while index < end, bytes[index] != UInt8(ascii: "/"), bytes[index] != UInt8(ascii: "?") { index += 1 }
            guard index > authorityStart else { return Refusal(.badTarget, at: index) }
            // "http://host?query" has no path to pass on; no browser sends it.
            guard index == end || bytes[index] == UInt8(ascii: "/") else { return Refusal(.badTarget, at: index) }
            authority = Slice(authorityStart, index)
            path = Slice(index, end)
        }
        pathLength = Int(path.count)
        for offset in 0..<Int(path.count) where bytes[Int(path.start) + offset] == UInt8(ascii: "?") {
            pathLength = offset
            break
        }
        return nil
    }

    /// Reads field lines up to the empty line (RFC 9112, section 5).
    static func readFields(
        _ bytes: Span<UInt8>, from start: Int, limit: Int, into fields: inout [Field]
    ) -> Refusal? {
        var index = start
        while true {
            guard index + 1 < bytes.count else { return Refusal(.badFieldName, at: index) }
            if bytes[index] == Octets.carriageReturn { return nil }
            guard fields.count < limit else { return Refusal(.tooManyFields, at: index) }
            let nameStart = index
            if bytes[index] == Octets.space || bytes[index] == Octets.tab { return Refusal(.foldedLine, at: index) }
            var hasUnderscore = false
            while index < bytes.count, Octets.isToken(bytes[index]) {
                if bytes[index] == UInt8(ascii: "_") { hasUnderscore = true }
                index += 1
            }
            guard index > nameStart, index < bytes.count, bytes[index] == Octets.colon else {
                return Refusal(.badFieldName, at: index)
            }
            let name = Slice(nameStart, index)
            index += 1
            let valueStart = index
            while index < bytes.count, Octets.isValue(bytes[index]) { index += 1 }
            guard index + 1 < bytes.count, bytes[index] == Octets.carriageReturn else {
                return Refusal(.badFieldValue, at: index)
            }
            guard bytes[index + 1] == Octets.lineFeed else { return Refusal(.bareCarriageReturn, at: index) }
            let id = FieldName.find(bytes, name)
            fields.append(
                Field(
                    id: id, isLookalike: hasUnderscore && id != .other, name: name,
                    value: bytes.trimmed(valueStart, index)))
            index += 2
        }
    }

    private mutating func apply(_ field: Field, _ bytes: Span<UInt8>, _ state: inout FieldState) -> Refusal? {
        let place = Int(field.value.start)
        switch field.id {
        case .host:
            guard state.host == nil else { return Refusal(.duplicateHost, at: place) }
            state.host = field.value
        case .contentLength:
            guard state.length == nil else { return Refusal(.duplicateContentLength, at: place) }
            guard let length = Self.number(bytes, field.value) else { return Refusal(.badContentLength, at: place) }
            state.length = length
        case .transferEncoding:
            guard !state.isChunked, bytes.holds("chunked", in: field.value) else {
                return Refusal(.badCoding, at: place)
            }
            guard minorVersion == 1 else { return Refusal(.codingInHTTP10, at: place) }
            state.isChunked = true
        case .expect:
            guard bytes.holds("100-continue", in: field.value) else { return Refusal(.badExpectation, at: place) }
            expectsContinue = minorVersion == 1
        case .upgrade:
            state.upgrade = field.value
        case .connection:
            bytes.members(of: field.value) { option in
                if bytes.holds("close", in: option) {
                    state.connectionClose = true
                } else if bytes.holds("keep-alive", in: option) {
                    state.connectionKeepAlive = true
                } else if bytes.holds("upgrade", in: option) {
                    state.connectionNamesUpgrade = true
                } else if !bytes.holds("te", in: option), !bytes.holds("http2-settings", in: option) {
                    hasConnectionOptions = true
                }
                return true
            }
        default:
            break
        }
        return nil
    }

    private mutating func conclude(_ bytes: Span<UInt8>, _ state: FieldState) -> Refusal? {
        if state.isChunked {
            guard state.length == nil else { return Refusal(.lengthAndCoding, at: 0) }
            framing = .chunked
        } else if let length = state.length, length > 0 {
            framing = .length(length)
        }
        if let host = state.host {
            // Host must agree in form even where the absolute form overrules it (RFC 9112, section 3.2.2).
            guard host.count == 0 || Self.isAuthority(bytes, host) else {
                return Refusal(.badHost, at: Int(host.start))
            }
            if authority.count == 0 { authority = host }
        } else if minorVersion == 1 {
            return Refusal(.missingHost, at: 0)
        }
        guard authority.count > 0 ? Self.isAuthority(bytes, authority) : minorVersion == 0 else {
            return Refusal(.badHost, at: Int(authority.start))
        }
        keepsAlive = minorVersion == 1 ? !state.connectionClose : state.connectionKeepAlive && !state.connectionClose
        if minorVersion == 1, state.connectionNamesUpgrade, state.upgrade.count > 0, framing == .none {
            var isForH2C = false
            bytes.members(of: state.upgrade) { member in
                isForH2C = bytes.holds("h2c", in: member)
                return !isForH2C
            }
            if !isForH2C { upgrade = state.upgrade }
        }
        return nil
    }

    /// Digits only, and small enough that sums of lengths cannot overflow.
    static func number(_ bytes: Span<UInt8>, _ slice: Slice) -> UInt64? {
        guard (1...18).contains(slice.count) else { return nil }
        var number: UInt64 = 0
        for index in slice.range {
            guard Octets.isDigit(bytes[index]) else { return nil }
            number = number * 10 + UInt64(bytes[index] - 48)
        }
        return number
    }

    /// A registered name or IPv4 address, or a bracketed IPv6 address, with an optional port; no user information.
    static func isAuthority(_ bytes: Span<UInt8>, _ slice: Slice) -> Bool {
        var index = Int(slice.start)
        let end = slice.range.upperBound
        guard slice.count <= 262, index < end else { return false }
        if bytes[index] == UInt8(ascii: "[") {
            index += 1
            let start = index
            while index < end,
                Octets.hexDigit(bytes[index]) != nil || bytes[index] == Octets.colon
                    || bytes[index] == UInt8(ascii: ".")
            { index += 1 }
            guard index > start, index < end, bytes[index] == UInt8(ascii: "]") else { return false }
            index += 1
        } else {
            let start = index
            while index < end {
                let byte = Octets.lowered(bytes[index])
                guard byte >= 97 && byte <= 122 || Octets.isDigit(byte) || byte == 45 || byte == 46 || byte == 95 else {
                    break
                }
                index += 1
            }
            guard index > start else { return false }
        }
        guard index < end else { return true }
        guard bytes[index] == Octets.colon else { return false }
        index += 1
        guard end - index <= 5 else { return false }
        while index < end {
            guard Octets.isDigit(bytes[index]) else { return false }
            index += 1
        }
        return true
    }

    /// The authority without its port.
    package func host(_ bytes: Span<UInt8>) -> Slice {
        var end = authority.range.upperBound
        let start = Int(authority.start)
        while end > start, Octets.isDigit(bytes[end - 1]) { end -= 1 }
        guard end > start, bytes[end - 1] == Octets.colon else { return authority }
        return Slice(start, end - 1)
    }

    /// The first field of that name, or nil.
    package func first(_ id: FieldName) -> Field? {
        for field in fields where field.id == id && !field.isLookalike { return field }
        return nil
    }

    /// Whether Connection names this field as one that ends here.
    package func connectionNames(_ field: Field, _ bytes: Span<UInt8>) -> Bool {
        guard hasConnectionOptions else { return false }
        return bytes.connection(fields, names: field)
    }
}
