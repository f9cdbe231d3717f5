/// One pass over a request's fields: what RFC 9113, section 8.2 and 8.3 ask of each, and where those are that the
/// request line is made of.
struct HTTP2RequestReading {
    private let bytes: UnsafeRawBufferPointer
    private var method: Slice?
    private var scheme: Slice?
    private var authority: Slice?
    private var path: Slice?
    private var host: Slice?
    private var length: Slice?
    private var hasRegular = false

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var hasLength: Bool { length != nil }

    /// Takes the next field; false where it makes the request malformed.
    mutating func take(_ entry: HPACKFields.Entry) -> Bool {
        guard isValue(entry.value) else { return false }
        if entry.name.count > 0, bytes[Int(entry.name.start)] == Octets.colon {
            return !hasRegular && takePseudo(entry)
        }
        hasRegular = true
        guard isName(entry.name), isAllowed(entry) else { return false }
        if holds(entry.name, "host") {
            guard host == nil else { return false }
            host = entry.value
        } else if holds(entry.name, "content-length"), length == nil {
            // A second one is for the strict parser to refuse: both are written.
            length = entry.value
        }
        return true
    }

    func takeTrailer(_ entry: HPACKFields.Entry) -> Bool {
        isName(entry.name) && isValue(entry.value) && isAllowed(entry)
    }

    /// What is wrong with the request as a whole; nil where its head can be written.
    func conclude(endsStream: Bool, limits: HeadLimits) -> HTTP2Request.Outcome? {
        guard let method, isToken(method) else { return .malformed }
        if holds(method, "CONNECT") { return .refused(Refusal(.unsupportedMethod, at: 0)) }
        guard let scheme, let path, path.count > 0, let named = authority ?? host, named.count > 0 else {
            return .malformed
        }
        if let authority, let host, !isSame(authority, host) { return .malformed }
        if endsStream, let length, let number = number(length), number > 0 { return .malformed }
        guard span({ $0.holds("http", in: scheme) || $0.holds("https", in: scheme) }), isTarget(path, method) else {
            return .refused(Refusal(.badTarget, at: 0))
        }
        if path.count > limits.target { return .refused(Refusal(.targetTooLong, at: limits.target)) }
        guard span({ RequestHead.isAuthority($0, named) }) else { return .refused(Refusal(.badHost, at: 0)) }
        return nil
    }

    /// Writes the head; only after ``conclude(endsStream:limits:)`` had nothing to say.
    func writeHead(_ entries: [HPACKFields.Entry], isChunked: Bool, to outlet: inout Outlet) {
        guard let method, let path, let named = authority ?? host else { return }
        write(method, to: &outlet)
        outlet.write(" ")
        write(path, to: &outlet)
        outlet.write(" HTTP/1.1\r\nhost: ")
        write(named, to: &outlet)
        outlet.write("\r\n")
        var hasCookies = false
        for entry in entries where bytes[Int(entry.name.start)] != Octets.colon && !holds(entry.name, "host") {
            if !holds(entry.name, "cookie") {
                writeLine(entry, to: &outlet)
            } else if !hasCookies {
                hasCookies = true
                writeCookies(entries, to: &outlet)
            }
        }
        if isChunked { outlet.write("transfer-encoding: chunked\r\n") }
        outlet.write("\r\n")
    }

    func writeLine(_ entry: HPACKFields.Entry, to outlet: inout Outlet) {
        write(entry.name, to: &outlet)
        outlet.write(": ")
        write(entry.value, to: &outlet)
        outlet.write("\r\n")
    }

    /// All crumbs in one line (section 8.2.3).
    private func writeCookies(_ entries: [HPACKFields.Entry], to outlet: inout Outlet) {
        var separator: StaticString = "cookie: "
        for entry in entries where holds(entry.name, "cookie") {
            outlet.write(separator)
            write(entry.value, to: &outlet)
            separator = "; "
        }
        outlet.write("\r\n")
    }

    private func write(_ slice: Slice, to outlet: inout Outlet) {
        outlet.write(UnsafeRawBufferPointer(rebasing: bytes[slice.range]))
    }

    // MARK: - Rules

    /// Each once, and none but these: neither a response's nor an extension's, as we announced none.
    private mutating func takePseudo(_ entry: HPACKFields.Entry) -> Bool {
        func once(_ place: inout Slice?) -> Bool {
            guard place == nil else { return false }
            place = entry.value
            return true
        }
        switch entry.name.count {
        case 5 where holds(entry.name, ":path"): return once(&path)
        case 7 where holds(entry.name, ":method"): return once(&method)
        case 7 where holds(entry.name, ":scheme"): return once(&scheme)
        case 10 where holds(entry.name, ":authority"): return once(&authority)
        default: return false
        }
    }

    /// Fields that belong to a connection have no place here (section 8.2.2).
    private func isAllowed(_ entry: HPACKFields.Entry) -> Bool {
        let name = entry.name
        switch name.count {
        case 2 where holds(name, "te"): return span { $0.holds("trailers", in: entry.value) }
        case 7: return !holds(name, "upgrade")
        case 10: return !holds(name, "connection") && !holds(name, "keep-alive")
        case 16: return !holds(name, "proxy-connection")
        case 17: return !holds(name, "transfer-encoding")
        default: return true
        }
    }

    private func isName(_ slice: Slice) -> Bool {
        guard slice.count > 0 else { return false }
        for index in slice.range where !Octets.isToken(bytes[index]) || (65...90).contains(bytes[index]) {
            return false
        }
        return true
    }

    private func isToken(_ slice: Slice) -> Bool {
        guard slice.count > 0 else { return false }
        for index in slice.range where !Octets.isToken(bytes[index]) { return false }
        return true
    }

    /// No control character, and no space at either end.
    private func isValue(_ slice: Slice) -> Bool {
        guard slice.count > 0 else { return true }
        let ends = (bytes[Int(slice.start)], bytes[slice.range.upperBound - 1])
        if ends.0 == Octets.space || ends.0 == Octets.tab || ends.1 == Octets.space || ends.1 == Octets.tab {
            return false
        }
        for index in slice.range where !Octets.isValue(bytes[index]) { return false }
        return true
    }

    /// A path, or the asterisk of OPTIONS; visible ASCII without a fragment, as the strict parser has it.
    private func isTarget(_ path: Slice, _ method: Slice) -> Bool {
        for index in path.range {
            let byte = bytes[index]
            guard byte > 32, byte < 127, byte != UInt8(ascii: "#") else { return false }
        }
        return bytes[Int(path.start)] == UInt8(ascii: "/") || holds(path, "*") && holds(method, "OPTIONS")
    }

    private func number(_ slice: Slice) -> UInt64? { span { RequestHead.number($0, slice) } }

    /// Whether both name the same host, whose case does not count.
    private func isSame(_ one: Slice, _ other: Slice) -> Bool {
        guard one.count == other.count else { return false }
        for offset in 0..<Int(one.count) {
            let pair = (bytes[Int(one.start) + offset], bytes[Int(other.start) + offset])
            if Octets.lowered(pair.0) != Octets.lowered(pair.1) { return false }
        }
        return true
    }

    /// Whether the slice is exactly this text.
    private func holds(_ slice: Slice, _ text: StaticString) -> Bool {
        guard Int(slice.count) == text.utf8CodeUnitCount else { return false }
        for offset in 0..<Int(slice.count) where bytes[Int(slice.start) + offset] != text.utf8Start[offset] {
            return false
        }
        return true
    }

    private func span<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        bytes.withMemoryRebound(to: UInt8.self) { body($0.span) }
    }
}
