package import Moments

/// One check of a service by a prober.
package struct Sample: Equatable, Sendable, Codable {
    package var site: String
    /// Where it was measured from: the name of the prober. Each vantage point stands in one network.
    package var vantage: String
    package var network: String
    package var path: Path
    package var at: Moment
    package var result: Result
    /// Milliseconds to the first byte; nil where none came.
    package var firstByte: Double?

    package init(
        site: String, vantage: String, network: String, path: Path, at: Moment, result: Result, firstByte: Double?
    ) {
        self.site = site
        self.vantage = vantage
        self.network = network
        self.path = path
        self.at = at
        self.result = result
        self.firstByte = firstByte
    }

    /// Which way the check went.
    package enum Path: String, CaseIterable, Sendable, Codable {
        /// As visitors come: through the washing street.
        case lane
        /// Straight at the origin.
        case origin
    }

    package enum Result: String, CaseIterable, Sendable, Codable {
        /// The known word, over verified TLS where the service has TLS, in time.
        case success
        /// A page of ours (refusal, challenge, waiting) instead of the service's: a failure for citizens, counted apart.
        case refused
        /// Another status, or the known word missing.
        case wrong
        /// The certificate could not be verified.
        case untrusted
        /// No connection, broken off.
        case failed
        case timeout
        /// The prober itself could not measure: it says nothing about the service.
        case void
    }
}
