/// The cookies of one visitor for the one site that it visits, kept as a browser keeps them (RFC 6265, section 5),
/// without path, domain and clock: one site, short visits.
package struct CookieJar: Equatable, Sendable {
    /// Cookies that one visitor keeps. Browsers keep at least 50 for a site.
    package static let limit = 50

    private var cookies: [(name: [UInt8], value: [UInt8])] = []
    /// The header field to send, with its line end; empty without cookies.
    package private(set) var field: [UInt8] = []

    package init() {}

    package static func == (left: CookieJar, right: CookieJar) -> Bool { left.field == right.field }

    /// Takes the value of one Set-Cookie field.
    package mutating func take(_ setCookie: [UInt8]) {
        let parts = setCookie.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard let pair = parts.first, let equals = pair.firstIndex(of: UInt8(ascii: "=")), equals > pair.startIndex
        else { return }
        let name = Array(pair[..<equals])
        let isGone = parts.dropFirst().contains { attribute in
            let text = String(decoding: attribute, as: UTF8.self).lowercased()
            return text.drop { $0 == " " } == "max-age=0"
        }
        cookies.removeAll { $0.name == name }
        if !isGone, cookies.count < Self.limit { cookies.append((name, Array(pair[(equals + 1)...]))) }
        field = []
        guard !cookies.isEmpty else { return }
        field += "Cookie: ".utf8
        for (index, cookie) in cookies.enumerated() {
            if index > 0 { field += "; ".utf8 }
            field += cookie.name
            field.append(UInt8(ascii: "="))
            field += cookie.value
        }
        field += [13, 10]
    }
}
