package import Moments

/// One point of a site's series, for plots: a second while an attack goes on, a minute otherwise.
package struct SitePoint: Equatable, Sendable, Codable {
    package var site: String
    package var at: Moment
    /// How many seconds it covers: 1 or 60.
    package var span: Int
    package var requests: UInt64
    package var admitted: UInt64
    package var queued: UInt64
    package var refused: UInt64
    package var failed: UInt64
    /// Milliseconds to the origins' first byte; nil where there was none.
    package var median: Double?
    package var p95: Double?

    package init(
        site: String, at: Moment, span: Int, requests: UInt64, admitted: UInt64, queued: UInt64, refused: UInt64,
        failed: UInt64, median: Double?, p95: Double?
    ) {
        self.site = site
        self.at = at
        self.span = span
        self.requests = requests
        self.admitted = admitted
        self.queued = queued
        self.refused = refused
        self.failed = failed
        self.median = median
        self.p95 = p95
    }
}
