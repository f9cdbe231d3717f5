package import Fingerprints

/// What one lane saw of one site in a fraction of a second: how many came, and some of them.
package struct RequestBatch: Equatable, Sendable {
    /// One of the requests, with what a fingerprint would say of its program.
    package struct Seen: Equatable, Sendable {
        package var features: RequestFeatures
        /// Names of its fields, as in ``Feature/headers``; empty where the list is too long.
        package var names: String
        /// Its JA4; empty in clear.
        package var ja4: String
        /// Requests that it stands for.
        package var weight: Double

        package init(_ features: RequestFeatures, names: String, ja4: String, weight: Double) {
            self.features = features
            self.names = names
            self.ja4 = ja4
            self.weight = weight
        }

        /// What tells the program; empty where nothing does.
        var client: [Fingerprint.Condition] {
            var conditions: [Fingerprint.Condition] = []
            if !ja4.isEmpty { conditions.append(.init(.ja4, ja4)) }
            if !names.isEmpty { conditions.append(.init(.headers, names)) }
            if features.http2 != 0 { conditions.append(.init(.http2, RequestRule.digits(of: features.http2))) }
            return conditions
        }
    }

    /// All requests, and those of known visitors among them.
    package var seen: UInt64 = 0
    package var known: UInt64 = 0
    /// The time that it is of.
    package var seconds = 0.0
    package var isUnderPressure = false
    package var requests: [Seen] = []

    package init() {}
}
