/// What detection sees of a request: few features, none of which names its sender.
package struct RequestShape: Hashable, Sendable, Codable {
    /// "GET".
    package var method: String
    /// The path without values: runs of digits as "0", at most four segments, then the names of the query's parameters:
    /// "/nieuws/0/0?pagina". At most `routeLimit` bytes.
    package var route: String
    /// The client's TLS fingerprint (JA4); empty in clear.
    package var ja4: String

    /// Longest route in bytes.
    package static let routeLimit = 96

    package init(method: String, route: String, ja4: String) {
        self.method = method
        self.route = route
        self.ja4 = ja4
    }

    /// Empty for what was not seen, nil for what a shape does not say.
    package subscript(feature: Feature) -> String? {
        switch feature {
        case .method: method
        case .route: route
        case .ja4: ja4
        default: nil
        }
    }
}
