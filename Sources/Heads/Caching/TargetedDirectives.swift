/// Targeted cache control (RFC 9213): what an origin says to caches that stand before it on its behalf, as this one does.
///
/// The target list is fixed, and has one name: `CDN-Cache-Control`. Where that field is there, is a Dictionary and not empty,
/// Cache-Control and Expires say nothing to this cache; else it is as if it were not there. It passes to the visitor as it
/// came, for caches on the way.
extension ResponseDirectives {
    /// - Parameter field: the field's lines, joined by commas.
    /// - Returns: nil for what is to be ignored: an empty field, or no Dictionary.
    package init?(targeted field: [UInt8]) {
        self.init()
        var isEmpty = true
        var directives = ResponseDirectives()
        var broken: Set<[UInt8]> = []
        var reader = StructuredFieldReader(field)
        let isWhole = reader.readDictionary { key, value in
            isEmpty = false
            let name = Array(key)
            if directives.take(String(decoding: key, as: UTF8.self), value) {
                broken.remove(name)
            } else {
                broken.insert(name)
            }
        }
        guard isWhole, !isEmpty else { return nil }
        directives.isBroken = !broken.isEmpty
        self = directives
    }

    /// Takes in one member; what was said before under the same name counts no more. False: it would allow something, and
    /// its value is of a kind that it cannot have. Of a response of which that is said nothing is kept.
    private mutating func take(_ name: String, _ value: StructuredValue) -> Bool {
        // What forbids is believed in whatever form, with names of fields too, but for an outright no.
        let isMeant = value != .boolean(false)
        switch name {
        case "no-store": noStore = isMeant
        case "no-cache": noCache = isMeant
        case "private": isPrivate = isMeant
        case "must-revalidate": mustRevalidate = isMeant
        case "proxy-revalidate": proxyRevalidate = isMeant
        case "must-understand": mustUnderstand = value == .boolean(true)
        case "public": isPublic = value == .boolean(true)
        case "max-age": return Self.set(&maxAge, value)
        case "s-maxage": return Self.set(&sharedMaxAge, value)
        case "stale-while-revalidate": return Self.set(&staleWhileRevalidate, value)
        case "stale-if-error": return Self.set(&staleIfError, value)
        default: break
        }
        return true
    }

    /// Seconds: what is below zero is 0, what is larger than 2^31 is 2^31.
    private static func set(_ place: inout UInt32?, _ value: StructuredValue) -> Bool {
        guard case .integer(let number) = value else {
            place = 0
            return false
        }
        place = UInt32(max(0, min(number, 1 << 31)))
        return true
    }
}
