package import Mitigations

/// The washing street as it runs now, and what it can be told. A door hands it to the console.
package protocol Street: Sendable {
    /// Every site, as of the last second.
    func now() async -> [SiteNow]
    /// The filter of packets, as of the last second.
    func packetFilter() async -> PacketFilterNow
    /// Points of all sites, second by second, from now on; ends when the office does. A reader that does not keep up
    /// misses some.
    func seconds() async -> AsyncStream<[SitePoint]>
    /// What holds by hand, and the rules on requests.
    func control() async -> ControlNow
    /// Gives an order by hand: it is checked, carried out and noted as any other, wherever it comes from.
    func give(_ order: HandOrder, by giver: HandOrder.Giver) async throws(ControlBook.Refusal)
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
