internal import RawStructuredFieldValues

/// Targeted cache control (RFC 9213): what an origin says to caches that stand before it on its behalf, as this one does.
///
/// The target list is fixed, and has one name: `CDN-Cache-Control`. Where that field is there, is a Dictionary (RFC 9651) and
/// not empty, Cache-Control and Expires say nothing to this cache; else it is as if it were not there. It passes to the
/// visitor as it came, for caches on the way.
extension ResponseDirectives {
    /// Octets of the field that are read; what is sent in earnest has fewer than 200. The library looks for each key among
    /// all before it, so its work grows with the square of their number. What says more is not ignored, for it may forbid:
    /// nothing is kept of that response.
    package static let targetedLimit = 1024

    /// - Parameter field: the field's lines, joined by commas.
    /// - Returns: nil for what is to be ignored: an empty field, or no Dictionary.
    package init?(targeted field: [UInt8]) {
        self.init()
        guard field.count <= Self.targetedLimit else {
            isBroken = true
            return
        }
        var parser = StructuredFieldValueParser(field)
        guard let members = try? parser.parseDictionaryFieldValue(), !members.isEmpty else { return nil }
        for (name, member) in members where !take(name, member) { isBroken = true }
    }

    /// Takes in one member, whose parameters say nothing. False: it would allow something, and its value is of a kind that it
    /// cannot have. Of a response of which that is said nothing is kept.
    private mutating func take(_ name: String, _ member: ItemOrInnerList) -> Bool {
        // What forbids is believed in whatever form, with names of fields too, but for an outright no.
        let isMeant = !member.says(false)
        switch name {
        case "no-store": noStore = isMeant
        case "no-cache": noCache = isMeant
        case "private": isPrivate = isMeant
        case "must-revalidate": mustRevalidate = isMeant
        case "proxy-revalidate": proxyRevalidate = isMeant
        case "must-understand": mustUnderstand = member.says(true)
        case "public": isPublic = member.says(true)
        case "max-age": return Self.set(&maxAge, member)
        case "s-maxage": return Self.set(&sharedMaxAge, member)
        case "stale-while-revalidate": return Self.set(&staleWhileRevalidate, member)
        case "stale-if-error": return Self.set(&staleIfError, member)
        default: break
        }
        return true
    }

    /// Seconds: what is below zero is 0, what is larger than 2^31 is 2^31.
    private static func set(_ place: inout UInt32?, _ member: ItemOrInnerList) -> Bool {
        guard case .item(let item) = member, case .integer(let number) = item.rfc9651BareItem else {
            place = 0
            return false
        }
        place = UInt32(max(0, min(number, 1 << 31)))
        return true
    }
}

extension ItemOrInnerList {
    fileprivate func says(_ answer: Bool) -> Bool {
        guard case .item(let item) = self, case .bool(let said) = item.rfc9651BareItem else { return false }
        return said == answer
    }
}
