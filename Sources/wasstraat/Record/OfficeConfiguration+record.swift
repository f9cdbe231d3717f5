internal import Addresses
internal import Incidents
internal import Messages
internal import Prober
internal import Settings

extension OfficeConfiguration {
    /// Seconds between two checks of a service.
    var interval: Double { Double(prober.interval) / 1_000 }

    /// The base of the public pages' addresses, without a slash at its end.
    var pagesAddress: String { pages?.address ?? "https://localhost" }

    var recordedSites: [RecordedSite] {
        checks.map { RecordedSite(name: $0.site, organisation: $0.organisation, host: $0.host, service: $0.service) }
    }

    var probing: Prober.Configuration {
        var configuration = Prober.Configuration(vantage: prober.name, network: prober.network)
        configuration.interval = .milliseconds(Int64(prober.interval))
        configuration.timeout = .milliseconds(Int64(prober.timeout))
        configuration.instance = instance
        return configuration
    }

    /// Each service as visitors reach it, and straight at its origins.
    var probeTargets: [ProbeTarget] {
        checks.map { check in
            var ways: [Sample.Path: ProbeTarget.Way] = [:]
            if !check.entries.isEmpty {
                let trusted: ProbeTarget.Authorities =
                    proberAuthorities.isEmpty ? .system : .systemAnd(proberAuthorities)
                ways[.lane] = ProbeTarget.Way(
                    endpoints: check.entries.map(\.endpoint),
                    security: check.entries[0].isTLS ? .verified(by: trusted) : .clear)
            }
            if let first = check.origins.first {
                let trusted: ProbeTarget.Authorities = first.authorities.isEmpty ? .system : .only(first.authorities)
                // Origins of one site are alike; where they are not, those like the first are checked.
                ways[.origin] = ProbeTarget.Way(
                    endpoints: check.origins.filter { $0.isTLS == first.isTLS }.map(\.endpoint),
                    security: first.isTLS ? .verified(name: first.serverName, by: trusted) : .clear)
            }
            return ProbeTarget(
                site: check.site, host: check.host, path: check.path, word: check.word, status: check.status, ways: ways
            )
        }
    }
}
