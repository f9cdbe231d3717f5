package import Addresses

/// Where a site's own server is reached: scheme, host and port of its URL.
package struct OriginURL: Equatable, Sendable, CustomStringConvertible {
    package enum Host: Hashable, Sendable {
        case address(Address)
        /// In lower case; resolved when a snapshot is made.
        case name(String)
    }

    package var host: Host
    package var port: UInt16
    package var isTLS: Bool

    /// Reads "https://192.0.2.10:8443", "http://[2001:db8::1]" or "https://intern.voorbeeld.example".
    init(_ text: String) throws(Misfit) {
        guard let mark = text.firstRange(of: "://") else {
            throw Misfit("\(shown(text)) has no scheme; write http:// or https:// in front of it")
        }
        switch text[..<mark.lowerBound].lowercased() {
        case "http": isTLS = false
        case "https": isTLS = true
        default: throw Misfit("\(shown(text)): an origin is reached over http:// or https://")
        }
        var rest = text[mark.upperBound...]
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        guard !rest.contains(where: { "/?#".contains($0) }) else {
            throw Misfit("\(shown(text)): only scheme, host and port; the path is the visitor's")
        }
        guard !rest.contains("@") else { throw Misfit("\(shown(text)): no user or password here") }
        var digits: Substring?
        if let end = rest.lastIndex(of: "]") {
            let tail = rest[rest.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw Misfit("\(shown(text)) is not a URL") }
            digits = tail.isEmpty ? nil : tail.dropFirst()
            rest = rest[...end]
        } else if let colon = rest.firstIndex(of: ":") {
            guard !rest.hasPrefix("["), rest.lastIndex(of: ":") == colon else {
                throw Misfit("\(shown(text)): an IPv6 address stands between brackets, like http://[2001:db8::1]:8080")
            }
            digits = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
        }
        port = try digits.map { digits throws(Misfit) in try Self.port(digits, of: text) } ?? (isTLS ? 443 : 80)
        host = try Self.host(rest, of: text)
    }

    private static func port(_ digits: Substring, of text: String) throws(Misfit) -> UInt16 {
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let port = UInt16(digits), port != 0
        else { throw Misfit("\(shown(text)): a port is a number from 1 to 65535") }
        return port
    }

    private static func host(_ rest: Substring, of text: String) throws(Misfit) -> Host {
        var literal: Address?
        if rest.hasPrefix("[") {
            literal = Address(rest.dropFirst().dropLast())
            guard literal.map({ !$0.isIPv4 }) == true else { throw Misfit("\(shown(text)): no IPv6 address") }
        } else {
            literal = Address(rest)
        }
        if let literal {
            guard literal != Address(ipv4: 0), literal != Address(high: 0, low: 0) else {
                throw Misfit("\(shown(text)): the address stands for 'any', it is no place to reach")
            }
            return .address(literal)
        }
        // Names in private networks may have underscores; they are resolved, never asked for by visitors.
        return .name(try HostName.name(String(rest), allowing: "_"))
    }

    package var description: String {
        let name =
            switch host {
            case .address(let address): address.isIPv4 ? "\(address)" : "[\(address)]"
            case .name(let name): name
            }
        return "\(isTLS ? "https" : "http")://\(name):\(port)"
    }
}
