package import Addresses
package import Incidents
package import Messages
internal import Settings

/// What a prober needs to check one site: whom to ask for what, and by what to know the answer.
package struct SiteCheck: Equatable, Sendable {
    /// Where a lane takes the site's visitors in.
    package struct Entry: Equatable, Sendable {
        package var lane: String
        /// An address to connect to from this machine.
        package var endpoint: Endpoint
        package var isTLS: Bool
    }

    package var site: String
    package var organisation: String
    package var service: ServiceKind
    /// The name to ask for (Host, SNI) and to verify in the certificate.
    package var host: String
    /// Whether visitors reach the site over TLS.
    package var isTLS: Bool
    /// What the lanes show visitors, PEM; empty without TLS.
    package var certificateChain: [UInt8]
    /// One for each lane that serves the site, as far as it has a listener that a prober can use: one that serves the
    /// site there and does not ask this machine for a PROXY header.
    package var entries: [Entry]
    package var origins: [Snapshot.Origin]
    /// Begins with "/".
    package var path: String
    /// The text that the page must hold; nil: the status alone counts.
    package var word: String?
    package var status: UInt16
}

extension SiteCheck {
    /// - Parameter lanes: the compiled snapshots, of which those that serve the site count.
    init?(_ site: Settings.Site, of organisation: String, lanes: [Settings.Compiled.Lane]) {
        let serving = lanes.compactMap { lane in
            lane.snapshot.sites.first { $0.name == site.name }.map { (lane: lane, site: $0) }
        }
        guard let compiled = serving.first?.site else { return nil }
        let name = site.hosts.first { !$0.hasPrefix("*") }
        self.init(
            site: site.name, organisation: organisation,
            service: site.service == .backOffice ? .backOffice : .publicService,
            // A wildcard covers any label.
            host: name ?? "www" + (site.hosts.first ?? "").dropFirst(),
            isTLS: !compiled.certificateChain.isEmpty, certificateChain: compiled.certificateChain,
            entries: serving.compactMap { Self.entry(of: $0.lane, isTLS: !compiled.certificateChain.isEmpty) },
            origins: compiled.origins, path: site.check.path, word: site.check.word, status: site.check.status)
    }

    private static func entry(of lane: Settings.Compiled.Lane, isTLS: Bool) -> Entry? {
        let usable = lane.snapshot.listeners.compactMap { listener -> Entry? in
            guard isTLS ? listener.isTLS || listener.servesClear : !listener.isTLS else { return nil }
            var endpoint = listener.endpoint
            if endpoint.address == Address(ipv4: 0) { endpoint.address = Address(ipv4: 0x7f00_0001) }
            if endpoint.address == Address(high: 0, low: 0) { endpoint.address = Address(high: 0, low: 1) }
            // Who connects to an address of this machine comes from there.
            guard !listener.proxyPeers.contains(where: { $0.contains(endpoint.address) }) else { return nil }
            return Entry(lane: lane.name, endpoint: endpoint, isTLS: listener.isTLS)
        }
        return usable.first { $0.isTLS == isTLS } ?? usable.first
    }
}
