/// What detection sees of a request: few features, none of which names its sender.
package struct RequestShape: Hashable, Sendable, Codable {
    /// "GET".
    package var method: String
    /// The path without values: runs of digits as "0", at most four segments, then the names of the query's parameters:
    /// "/nieuws/0/0?pagina". At most `routeLimit` bytes.
    package var route: String
    /// The client's TLS fingerprint (JA4); empty in clear.
    package var ja4: String
    /// The lane's number for how the client speaks HTTP/2, in 16 digits (`Feature.http2`); empty where it does not.
    package var http2: String

    /// Longest route in bytes.
    package static let routeLimit = 96

    package init(method: String, route: String, ja4: String, http2: String = "") {
        self.method = method
        self.route = route
        self.ja4 = ja4
        self.http2 = http2
    }

    /// Empty for what was not seen, nil for what a shape does not say.
    package subscript(feature: Feature) -> String? {
        switch feature {
        case .method: method
        case .route: route
        case .ja4: ja4
        case .http2: http2
        default: nil
        }
    }
}
