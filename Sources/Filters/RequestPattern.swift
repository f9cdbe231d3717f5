internal import Fingerprints

/// Conditions on requests as regular expressions over bytes, for engines of Perl's kind: anchored at both ends, case as
/// it is, and made of letters, digits, "/", "-", "_", "=", "&" and escapes in hexadecimal alone. No character of a value
/// can end a quoted word, begin a comment or name a variable in a configuration.
enum RequestPattern {
    /// Longest expression, in bytes: a line of HAProxy holds 2,048.
    static let lengthLimit = 1_500

    /// Bytes that stand for themselves.
    static func literal(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            if RuleText.isAlphanumeric(byte) || "/-_=&".utf8.contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "\\x" + RuleText.hexadecimal(byte)
            }
        }
        return text
    }

    static func exactly(_ value: String) throws(RuleRefusal) -> String {
        try bounded("^\(literal(value.utf8))$")
    }

    private static func bounded(_ text: String) throws(RuleRefusal) -> String {
        guard text.utf8.count <= lengthLimit else { throw RuleRefusal("its expression would be too long") }
        return text
    }

    /// Path and query of the requests that have this route (`RouteHash.label` makes them): a "0" for each run of digits,
    /// anything behind the fourth segment, the parameters named with any values.
    static func route(_ route: String) throws(RuleRefusal) -> String {
        let bytes = Array(route.utf8)
        guard bytes.first == UInt8(ascii: "/") else { throw RuleRefusal("a route that does not begin with \"/\"") }
        guard bytes.count < RequestShape.routeLimit else {
            throw RuleRefusal(
                "a route of \(RequestShape.routeLimit) bytes may have been cut off: it names more than one")
        }
        let query = bytes.firstIndex(of: UInt8(ascii: "?"))
        let path = bytes[..<(query ?? bytes.count)]
        var text = "^" + (try digits(path))
        // Behind the fourth segment the route says nothing.
        if path.count(where: { $0 == UInt8(ascii: "/") }) >= 4 { text += "(/[^?]*)?" }
        if let query {
            let names = bytes[(query + 1)...].split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
            guard names.count <= parameterLimit else { throw RuleRefusal("more parameters than a route has") }
            var parts: [String] = []
            for name in names {
                // A part without "=" is a value, of which a route keeps nothing.
                parts.append(name.isEmpty ? "=?[^&=]*" : try digits(name) + "=[^&]*")
            }
            text += "\\x3f" + parts.joined(separator: "&")
            if names.count == parameterLimit { text += "(&.*)?" }
        }
        return try bounded(text + "$")
    }

    /// Parameters that a route names at most.
    private static let parameterLimit = 8

    private static func digits(_ bytes: ArraySlice<UInt8>) throws(RuleRefusal) -> String {
        var text = ""
        for byte in bytes {
            if byte == UInt8(ascii: "0") {
                guard !text.hasSuffix("[0-9]+") else { throw RuleRefusal("two digits that no route has") }
                text += "[0-9]+"
            } else if (49...57).contains(byte) {
                throw RuleRefusal("a digit that no route has")
            } else {
                text += literal(CollectionOfOne(byte))
            }
        }
        return text
    }

    /// A template's values: "trefwoord=[a-z]{5,12}&p=[0-9]{1,3}", of the query; with "/" at its beginning, or "^" before
    /// it, of path and query: "/nieuws/[0-9]{1,4}?p=2". A backslash stands before brackets, braces and itself, and begins
    /// "\\xhh".
    static func parameters(_ template: String) throws(RuleRefusal) -> String {
        let bytes = Array(template.utf8)
        guard let first = bytes.first else { throw RuleRefusal("an empty template") }
        let hasMark = first == UInt8(ascii: "^")
        var text = hasMark || first == UInt8(ascii: "/") ? "^" : "^[^?]*\\x3f"
        var index = hasMark ? 1 : 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "["):
                guard let (expression, end) = try valueClass(bytes, index) else {
                    throw RuleRefusal("a class that the template's grammar does not have")
                }
                text += expression
                index = end
            case UInt8(ascii: "\\"):
                guard let (byte, end) = escaped(bytes, index + 1) else {
                    throw RuleRefusal("an escape that the template's grammar does not have")
                }
                text += literal(CollectionOfOne(byte))
                index = end
            default:
                text += literal(CollectionOfOne(bytes[index]))
                index += 1
            }
        }
        return try bounded(text + "$")
    }

    /// The longest value that an expression may ask for.
    private static let repetitionLimit = 8_192

    /// What a backslash before `start` means.
    private static func escaped(_ bytes: [UInt8], _ start: Int) -> (byte: UInt8, end: Int)? {
        guard start < bytes.count else { return nil }
        guard bytes[start] == UInt8(ascii: "x") else { return (bytes[start], start + 1) }
        guard start + 3 <= bytes.count, bytes[(start + 1)..<(start + 3)].allSatisfy({ RuleText.isAlphanumeric($0) }),
            let byte = UInt8(String(decoding: bytes[(start + 1)..<(start + 3)], as: UTF8.self), radix: 16)
        else { return nil }
        return (byte, start + 3)
    }

    /// "[a-z]{5,12}" from `start` on, written anew; nil for anything else.
    private static func valueClass(
        _ bytes: [UInt8], _ start: Int
    ) throws(RuleRefusal) -> (expression: String, end: Int)? {
        var index = start + 1
        var members = ""
        let everything = Array("\\x00-\\xff]".utf8)
        if bytes[index...].starts(with: everything) {
            members = "\\x00-\\xff"
            index += everything.count - 1
        }
        while index < bytes.count, bytes[index] != UInt8(ascii: "]") {
            var byte = bytes[index]
            if RuleText.isAlphanumeric(byte) {
                // Letters and digits come as ranges alone.
                guard index + 2 < bytes.count, bytes[index + 1] == UInt8(ascii: "-") else { return nil }
                let last = bytes[index + 2]
                guard RuleText.isAlphanumeric(last), byte <= last else { return nil }
                members += literal([byte]) + "-" + literal([last])
                index += 3
                continue
            }
            if byte == UInt8(ascii: "\\") {
                index += 1
                guard index < bytes.count else { return nil }
                byte = bytes[index]
            }
            guard byte > 32, byte < 127 else { return nil }
            members += "\\x" + RuleText.hexadecimal(byte)
            index += 1
        }
        guard !members.isEmpty, index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "{"),
            let close = bytes[index...].firstIndex(of: UInt8(ascii: "}"))
        else { return nil }
        let numbers = bytes[(index + 2)..<close].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        let counts = numbers.compactMap { Numbers(String(decoding: $0, as: UTF8.self))?.ranges.first?.lowerBound }
        guard counts.count == numbers.count, (1...2).contains(counts.count), counts[0] <= counts[counts.count - 1],
            numbers.allSatisfy({ $0.allSatisfy { (48...57).contains($0) } })
        else { return nil }
        guard counts.allSatisfy({ $0 <= UInt32(repetitionLimit) }) else {
            throw RuleRefusal("a value longer than \(repetitionLimit)")
        }
        return ("[\(members)]{\(counts.map(String.init).joined(separator: ","))}", close + 1)
    }
}
