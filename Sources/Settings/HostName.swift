internal import Addresses

/// Checks of names from the configuration. Each returns the name as it is used, in lower case.
enum HostName {
    /// A name that visitors ask for: a host name, an IPv4 address, or a wildcard for one more label.
    static func pattern(_ text: String) throws(Misfit) -> String {
        guard text.hasPrefix("*") else { return try name(text) }
        guard text.hasPrefix("*."), !text.dropFirst(2).isEmpty else {
            throw Misfit("a wildcard is written as *.example.nl, not \(shown(text))")
        }
        let rest = try name(String(text.dropFirst(2)))
        guard !isAddress(rest) else { throw Misfit("a wildcard stands before a name, not before an address") }
        return "*." + rest
    }

    /// RFC 952 and RFC 1123, section 2.1: labels of letters, digits and hyphens.
    static func name(_ text: String, allowing extra: String = "") throws(Misfit) -> String {
        if text.contains("/") {
            throw Misfit("\(shown(text)) is not a host name; write it without 'https://' and path")
        }
        if text.hasPrefix("[") { throw Misfit("\(shown(text)) is an IPv6 address; a site is found by its host name") }
        if text.contains(":") { throw Misfit("\(shown(text)) is not a host name; write it without port") }
        if text.contains("*") {
            throw Misfit("\(shown(text)): a wildcard can only stand for the whole first label, like *.example.nl")
        }
        if text.utf8.contains(where: { $0 >= 0x80 }) {
            throw Misfit("\(shown(text)): write an internationalised name in its ASCII form, which begins with xn--")
        }
        let lower = text.lowercased()
        guard (1...253).contains(lower.utf8.count) else { throw Misfit("a host name has 1 to 253 characters") }
        let labels = lower.split(separator: ".", omittingEmptySubsequences: false)
        for label in labels {
            guard !label.isEmpty else { throw Misfit("\(shown(text)) has a dot too many") }
            guard label.utf8.count <= 63 else { throw Misfit("\(shown(text)): a label has at most 63 characters") }
            let isClean = label.allSatisfy { isLetterOrDigit($0) || $0 == "-" || extra.contains($0) }
            guard isClean, !label.hasPrefix("-"), !label.hasSuffix("-") else {
                throw Misfit("\(shown(text)) is not a host name: letters, digits, and hyphens within")
            }
        }
        // What ends in a number is an address to every client, or nothing at all.
        if let last = labels.last, last.allSatisfy(\.isNumber), !isAddress(lower) {
            throw Misfit("\(shown(text)) is neither a host name nor an address")
        }
        return lower
    }

    static func isAddress(_ text: String) -> Bool { Address(text) != nil }

    /// 1-64 of a-z, 0-9, "-" and ".".
    static func identifier(_ text: String) throws(Misfit) -> String {
        guard (1...64).contains(text.utf8.count), text.allSatisfy({ isLetterOrDigit($0) || $0 == "-" || $0 == "." })
        else { throw Misfit("\(shown(text)): a name has 1 to 64 of a-z, 0-9, '-' and '.'") }
        return text
    }

    private static func isLetterOrDigit(_ character: Character) -> Bool {
        // By byte: a range of characters also holds letters with combining marks.
        switch character.asciiValue {
        case .some(97...122), .some(48...57): true
        default: false
        }
    }
}
