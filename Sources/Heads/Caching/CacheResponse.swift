/// What a response says of being stored by a shared cache: places in its head's bytes.
package struct CacheResponse: Sendable {
    /// Seconds that a response without a word on it may be held for fresh, and only under pressure.
    package static let heuristicLimit: Int64 = 60
    /// Fields that a response may vary by; beyond them hardly anybody asks the same twice.
    package static let varyLimit = 8

    package var directives = ResponseDirectives()
    package var hasCacheControl = false
    package var age: Slice?
    package var expires: Slice?
    package var date: Slice?
    package var lastModified: Slice?
    package var etag: Slice?
    /// Content-Length; of a response to HEAD too.
    package var length: UInt64?
    package var hasSetCookie = false
    /// It varies by what is in no request line, or by who asks.
    package var variesByPerson = false
    package var hasPragma = false
    /// Names of the request's fields that it varies by: places in the bytes.
    package var vary: [Slice] = []
    /// It varies by these too, whether it says so or not.
    package var hasCoding = false
    package var hasLanguage = false
    package var allowsOrigin = false
    /// Lines of CDN-Cache-Control, joined by commas.
    private var targeted: [UInt8]?

    package init(_ response: ResponseHead, _ bytes: Span<UInt8>) {
        for field in response.fields where !field.isLookalike && field.name.count > 2 {
            switch field.id {
            case .date: date = field.value
            case .setCookie: hasSetCookie = true
            case .contentLength: length = RequestHead.number(bytes, field.value)
            case .other: read(field, bytes)
            default: break
            }
        }
        guard let targeted, let said = ResponseDirectives(targeted: targeted) else { return }
        // From here on the others say nothing (RFC 9213, section 2.2).
        directives = said
        hasCacheControl = true
        expires = nil
    }

    private mutating func read(_ field: Field, _ bytes: Span<UInt8>) {
        let name = field.name
        switch (name.count, Octets.lowered(bytes[Int(name.start)])) {
        case (3, UInt8(ascii: "a")) where bytes.holds("age", in: name): age = age ?? field.value
        case (4, UInt8(ascii: "e")) where bytes.holds("etag", in: name): etag = field.value
        case (4, UInt8(ascii: "v")) where bytes.holds("vary", in: name): readVary(field, bytes)
        case (6, UInt8(ascii: "p")) where bytes.holds("pragma", in: name):
            if bytes.holds("no-cache", in: field.value) { hasPragma = true }
        case (7, UInt8(ascii: "e")) where bytes.holds("expires", in: name):
            // Of two lines neither is believed.
            expires = expires == nil ? field.value : .empty
        case (11, UInt8(ascii: "s")) where bytes.holds("set-cookie2", in: name): hasSetCookie = true
        case (13, UInt8(ascii: "c")) where bytes.holds("cache-control", in: name):
            hasCacheControl = true
            directives.read(bytes, field.value)
        case (13, UInt8(ascii: "l")) where bytes.holds("last-modified", in: name): lastModified = field.value
        case (16, UInt8(ascii: "c")) where bytes.holds("content-encoding", in: name): hasCoding = true
        case (16, UInt8(ascii: "c")) where bytes.holds("content-language", in: name): hasLanguage = true
        case (17, UInt8(ascii: "c")) where bytes.holds("cdn-cache-control", in: name):
            // Beyond the bound no more is read of it, however many lines there are.
            guard targeted.map({ $0.count <= ResponseDirectives.targetedLimit }) ?? true else { break }
            targeted = (targeted.map { $0 + [UInt8(ascii: ",")] } ?? []) + bytes.copy(field.value)
        case (27, UInt8(ascii: "a")) where bytes.holds("access-control-allow-origin", in: name): allowsOrigin = true
        default: break
        }
    }

    private mutating func readVary(_ field: Field, _ bytes: Span<UInt8>) {
        bytes.members(of: field.value) { name in
            // What the lane itself writes of where a visitor comes from is not in his request.
            if bytes.holds("cookie", in: name) || bytes.holds("authorization", in: name) || bytes.holds("*", in: name)
                || bytes.holds("x-forwarded-for", in: name) || bytes.holds("x-real-ip", in: name)
                || bytes.holds("forwarded", in: name) || bytes.holds("via", in: name) || vary.count >= Self.varyLimit
            {
                variesByPerson = true
            }
            vary.append(name)
            return !variesByPerson
        }
    }

    /// The origin says that it is for everybody (RFC 9111, section 3.5; `must-revalidate` alone is not taken for that).
    package var isShared: Bool { directives.isPublic || directives.sharedMaxAge != nil }

    /// Whether a response with this status may be stored at all, whoever asked for it. What is to be asked for anew each
    /// time is not: it could be used by nobody.
    package func mayStore(status: Int) -> Bool {
        // `must-understand` lifts `no-store` for who knows the status (RFC 9111, section 5.2.2.3).
        guard !hasSetCookie, !variesByPerson, !directives.noStore || directives.mustUnderstand, !directives.isPrivate,
            !directives.noCache, !directives.isBroken, !(hasPragma && !hasCacheControl)
        else { return false }
        return isStorable(status, saysHow: saysHowLong)
    }

    private var saysHowLong: Bool { directives.maxAge != nil || directives.sharedMaxAge != nil || expires != nil }

    /// Statuses whose meaning is understood, and that do not say that something is broken. Without a word on how long they
    /// hold, only those that say what is there (RFC 9110, section 15.1, but for errors).
    private func isStorable(_ status: Int, saysHow: Bool) -> Bool {
        switch status {
        case 200, 203, 300, 301, 308: true
        case 204, 302, 303, 307, 404, 410: saysHow || directives.isPublic && status != 204
        default: false
        }
    }

    /// How long it may be used.
    ///
    /// - Parameters:
    ///   - now: when it came, seconds since 1970.
    ///   - delay: seconds between the request and that.
    package func freshness(_ bytes: Span<UInt8>, at now: Int64, delay: Int64) -> Freshness {
        var freshness = Freshness()
        let date = date.flatMap { HTTPDate.seconds(bytes, $0, now: now) } ?? now
        let claimed = Int64(age.flatMap { bytes.firstAge($0) } ?? 0)
        freshness.receivedAt = now
        freshness.initialAge = max(max(0, now - date), claimed + max(0, delay))
        if let lifetime = directives.sharedMaxAge ?? directives.maxAge {
            freshness.lifetime = Int64(lifetime)
        } else if let expires {
            // What is no date has expired, "0" among it (RFC 9111, section 5.3).
            freshness.lifetime = max(0, (HTTPDate.seconds(bytes, expires, now: now) ?? date) - date)
        } else if let lastModified, let changed = HTTPDate.seconds(bytes, lastModified, now: now), changed < date {
            freshness.heuristicLifetime = min(Self.heuristicLimit, (date - changed) / 10)
        }
        freshness.staleWhileRevalidate = Int64(directives.staleWhileRevalidate ?? 0)
        freshness.staleIfError = Int64(directives.staleIfError ?? 0)
        // s-maxage means proxy-revalidate (section 5.2.2.10), unless the origin says in the same breath how stale it may be.
        let allowsStale = directives.staleWhileRevalidate != nil || directives.staleIfError != nil
        freshness.forbidsStale =
            directives.mustRevalidate || directives.proxyRevalidate || directives.sharedMaxAge != nil && !allowsStale
        freshness.isShared = isShared
        return freshness
    }

    /// Whether the response to this request may be stored; `hasCookies`: others than the lane's own came with it.
    package func mayStore(answering request: CacheRequest, hasCookies: Bool) -> Bool {
        guard !request.wants.noStore, !request.hasUnkeyed, !request.hasPrecondition else { return false }
        return isShared || !hasCookies && !request.hasAuthorization
    }

    /// The names that it varies by, lower-case, each followed by a comma; those among them that it should have named.
    package func varyNames(_ bytes: Span<UInt8>) -> [UInt8] {
        var names: [UInt8] = []
        for name in vary {
            for index in name.range { names.append(Octets.lowered(bytes[index])) }
            names.append(UInt8(ascii: ","))
        }
        func add(_ name: StaticString, where isMeant: Bool) {
            guard isMeant, !vary.contains(where: { bytes.holds(name, in: $0) }) else { return }
            name.withUTF8Buffer { names += $0 }
            names.append(UInt8(ascii: ","))
        }
        add("accept-encoding", where: hasCoding)
        add("accept-language", where: hasLanguage)
        add("origin", where: allowsOrigin)
        return names
    }
}

extension RequestHead {
    /// What this request says in the fields that a response varies by (RFC 9111, section 4.1), lines of one name joined:
    /// codings as those that it takes, other "accept" fields without spaces and in lower case, all else as it came. Requests
    /// for which that is the same get the same response.
    ///
    /// - Parameter names: of `CacheResponse.varyNames`.
    package func secondaryKey(_ bytes: Span<UInt8>, names: [UInt8]) -> [UInt8] {
        var key: [UInt8] = []
        var start = 0
        for end in names.indices where names[end] == UInt8(ascii: ",") {
            let name = names[start..<end]
            let isCoding = name.elementsEqual("accept-encoding".utf8)
            let isFolded = name.starts(with: "accept".utf8)
            var codings: UInt8 = 0
            for field in fields where !field.isLookalike && bytes.isName(field.name, names, start, end) {
                if isCoding {
                    codings |= bytes.codings(field.value)
                    continue
                }
                for index in field.value.range {
                    if isFolded, bytes[index] == Octets.space || bytes[index] == Octets.tab { continue }
                    key.append(isFolded ? Octets.lowered(bytes[index]) : bytes[index])
                }
                key.append(UInt8(ascii: ","))
            }
            if isCoding { key.append(codings) }
            key.append(Octets.lineFeed)
            start = end + 1
        }
        return key
    }
}

extension Span<UInt8> {
    /// The first member of an Age; what is no number is none (RFC 9111, section 5.1).
    fileprivate func firstAge(_ value: Slice) -> UInt32? {
        var first: UInt32?
        members(of: value) { member in
            first = seconds(member)
            return false
        }
        return first
    }

    /// The codings in use that a value of Accept-Encoding takes, a bit for each; 128: any other.
    fileprivate func codings(_ value: Slice) -> UInt8 {
        var codings: UInt8 = 0
        members(of: value) { member in
            var end = Int(member.start)
            while end < member.range.upperBound, self[end] != UInt8(ascii: ";"), self[end] != Octets.space { end += 1 }
            let name = Slice(Int(member.start), end)
            // "q=0", with any number of noughts, takes it back.
            var isTaken = end == member.range.upperBound
            for index in end..<member.range.upperBound where (49...57).contains(self[index]) { isTaken = true }
            guard isTaken else { return true }
            switch name.count {
            case 2 where holds("br", in: name): codings |= 1
            case 4 where holds("gzip", in: name): codings |= 2
            case 4 where holds("zstd", in: name): codings |= 4
            case 7 where holds("deflate", in: name): codings |= 8
            case 8 where holds("identity", in: name): break
            default: codings |= 128
            }
            return true
        }
        return codings
    }

    fileprivate func isName(_ name: Slice, _ names: [UInt8], _ start: Int, _ end: Int) -> Bool {
        guard Int(name.count) == end - start else { return false }
        for offset in 0..<Int(name.count) where Octets.lowered(self[Int(name.start) + offset]) != names[start + offset]
        {
            return false
        }
        return true
    }
}
