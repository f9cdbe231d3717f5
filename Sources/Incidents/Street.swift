package import Mitigations
package import Moments

/// The washing street as it runs now, and what it can be told. A door hands it to the console.
package protocol Street: Sendable {
    /// Every site, as of the last second.
    func now() async -> [SiteNow]
    /// The filter of packets, as of the last second.
    func packetFilter() async -> PacketFilterNow
    /// Points of all sites, second by second, from now on; ends when the office does. A reader that does not keep up
    /// misses some.
    func seconds() async -> AsyncStream<[SitePoint]>
    /// Lets everything through at a site until then, and counts what would have been done: the undo of all that the
    /// system does there.
    func observe(site: String, until: Moment, by account: String) async throws
    /// Takes that back.
    func protect(site: String, by account: String) async throws
}

package struct SiteNow: Equatable, Sendable {
    package var site: String
    package var organisation: String
    package var host: String
    package var service: ServiceKind
    package var state: ServiceState
    package var isObserving: Bool
    package var isUnderPressure: Bool
    /// Requests that the origins may hold at once, those they hold, those that wait.
    package var limit: Double
    package var inFlight: Int
    package var waiting: Int
    package var healthyOrigins: Int
    package var origins: Int
    /// Of the last second.
    package var point: SitePoint?
    /// The number of the incident that goes on there.
    package var incident: String?
    package var mitigations: [Mitigation]

    package init(
        site: String, organisation: String, host: String, service: ServiceKind, state: ServiceState, isObserving: Bool,
        isUnderPressure: Bool, limit: Double, inFlight: Int, waiting: Int, healthyOrigins: Int, origins: Int,
        point: SitePoint?, incident: String?, mitigations: [Mitigation]
    ) {
        self.site = site
        self.organisation = organisation
        self.host = host
        self.service = service
        self.state = state
        self.isObserving = isObserving
        self.isUnderPressure = isUnderPressure
        self.limit = limit
        self.inFlight = inFlight
        self.waiting = waiting
        self.healthyOrigins = healthyOrigins
        self.origins = origins
        self.point = point
        self.incident = incident
        self.mitigations = mitigations
    }
}
