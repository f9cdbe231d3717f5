/// Where a reference in a response leads (RFC 9110, section 4; RFC 3986, section 5.2), as far as it stays at the same origin.
package enum OriginReference {
    /// The path and query that `reference` names; nil: it leads elsewhere, or nowhere.
    ///
    /// - Parameters:
    ///   - path: of the request that it answers, without its query.
    ///   - authority: host and port that were asked.
    package static func target(
        of reference: [UInt8], from path: [UInt8], authority: [UInt8], isTLS: Bool
    ) -> [UInt8]? {
        var rest = reference.prefix { $0 != UInt8(ascii: "#") }
        if let scheme = scheme(of: rest) {
            guard scheme == Array((isTLS ? "https" : "http").utf8) else { return nil }
            rest = rest.dropFirst(scheme.count + 1)
            guard rest.starts(with: "//".utf8) else { return nil }
        }
        if rest.starts(with: "//".utf8) {
            rest = rest.dropFirst(2)
            let other = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
            guard plain(other, isTLS: isTLS) == plain(authority[...], isTLS: isTLS) else { return nil }
            rest = rest.dropFirst(other.count)
            return rest.first == UInt8(ascii: "/") ? withoutDots(rest) : [UInt8(ascii: "/")] + rest
        }
        let base = path.isEmpty ? [UInt8(ascii: "/")] : path
        guard let first = rest.first else { return nil }
        switch first {
        case UInt8(ascii: "/"): return withoutDots(rest)
        case UInt8(ascii: "?"): return base + rest
        default:
            let folder = base.prefix((base.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)
            return withoutDots((folder + rest)[...])
        }
    }

    /// Lower-case; nil: the reference has none.
    private static func scheme(of reference: ArraySlice<UInt8>) -> [UInt8]? {
        let name = reference.prefix { $0 != Octets.colon && !"/?".utf8.contains($0) }
        guard name.count < reference.count, reference[name.endIndex] == Octets.colon else { return nil }
        return name.map(Octets.lowered)
    }

    /// Host and port in lower case, without a port that goes without saying.
    private static func plain(_ authority: ArraySlice<UInt8>, isTLS: Bool) -> [UInt8] {
        var name = authority.map(Octets.lowered)
        let port = Array((isTLS ? ":443" : ":80").utf8)
        if name.count > port.count, name.suffix(port.count).elementsEqual(port) { name.removeLast(port.count) }
        if name.last == Octets.colon { name.removeLast() }
        return name
    }

    /// Takes "." and ".." out of the path, not out of the query behind it.
    private static func withoutDots(_ target: ArraySlice<UInt8>) -> [UInt8] {
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        var kept: [ArraySlice<UInt8>] = []
        let parts = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let isDot = part.elementsEqual(".".utf8)
            let isUp = part.elementsEqual("..".utf8)
            if isUp { _ = kept.popLast() }
            if !isDot, !isUp {
                kept.append(part)
            } else if index == parts.count - 1 {
                kept.append([])
            }
        }
        var whole: [UInt8] = []
        for part in kept {
            whole.append(UInt8(ascii: "/"))
            whole += part
        }
        return whole + target.dropFirst(path.count)
    }
}
