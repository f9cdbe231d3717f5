package import Addresses
package import Incidents
internal import Messages

/// Whose addresses are whose, as the configuration says: what is seen in flow exports is filed for nobody else.
package struct ServedNetworks: Equatable, Sendable {
    package struct Network: Equatable, Sendable {
        package var prefix: Prefix
        package var organisation: String
        /// The organisation's name for people.
        package var title: String

        package init(_ prefix: Prefix, organisation: String, title: String) {
            self.prefix = prefix
            self.organisation = organisation
            self.title = title
        }
    }

    /// A site and the addresses that it is known to stand at: of its lanes' listeners and of its origins.
    package struct Site: Equatable, Sendable {
        package var name: String
        package var organisation: String
        package var service: ServiceKind
        package var addresses: Set<Address>

        package init(_ name: String, organisation: String, service: ServiceKind, addresses: Set<Address>) {
            self.name = name
            self.organisation = organisation
            self.service = service
            self.addresses = addresses
        }
    }

    /// What of a target is one organisation's.
    package struct Part: Equatable, Sendable {
        package var organisation: String
        package var title: String
        /// The target, or where it is wider the organisation's own block in it.
        package var block: Prefix
        /// Short names of its sites there.
        package var sites: [String]
        package var service: ServiceKind
    }

    private let networks: [Network]
    private let sites: [Site]

    package init(_ networks: [Network], sites: [Site]) {
        self.networks = networks
        self.sites = sites
    }

    package var isEmpty: Bool { networks.isEmpty }

    /// What detection has to look at to see attacks on the networks: it knows blocks of these lengths, and names one by
    /// its first address.
    package var watched: [Prefix] {
        var seen: Set<Prefix> = []
        return networks.map { network in
            let address = network.prefix.address
            return Prefix(address, length: min(network.prefix.length, address.isIPv4 ? 20 : 48))
        }.filter { seen.insert($0).inserted }
    }

    /// All that is the organisation's own of a target, each block once.
    package func blocks(of target: Prefix, organisation: String) -> [Prefix] {
        var seen: Set<Prefix> = []
        return networks.filter { $0.organisation == organisation && $0.prefix.overlaps(target) }
            .map { $0.prefix.contains(target) ? target : $0.prefix }.filter { seen.insert($0).inserted }
    }

    /// The organisations on whose networks the target is, each once.
    package func parts(of target: Prefix) -> [Part] {
        var parts: [Part] = []
        for network in networks where network.prefix.overlaps(target) {
            guard !parts.contains(where: { $0.organisation == network.organisation }) else { continue }
            let block = network.prefix.contains(target) ? target : network.prefix
            let own = sites.filter { site in
                site.organisation == network.organisation && site.addresses.contains { target.contains($0) }
            }
            // Of a block without a known site nobody can say that only the staff use it.
            let isBackOffice = !own.isEmpty && own.allSatisfy { $0.service == .backOffice }
            parts.append(
                Part(
                    organisation: network.organisation, title: network.title, block: block,
                    sites: own.map(\.name).sorted(), service: isBackOffice ? .backOffice : .publicService))
        }
        return parts
    }
}

extension OfficeConfiguration {
    var servedNetworks: ServedNetworks {
        ServedNetworks(
            organisations.flatMap { one in
                one.networks.map { ServedNetworks.Network($0, organisation: one.name, title: one.title) }
            },
            sites: checks.map { check in
                ServedNetworks.Site(
                    check.site, organisation: check.organisation, service: check.service,
                    addresses: Set(check.entries.map(\.endpoint.address) + check.origins.map(\.endpoint.address)))
            })
    }
}
