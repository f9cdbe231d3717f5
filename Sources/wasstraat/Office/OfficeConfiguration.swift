package import Addresses
internal import Messages
package import Settings

/// What the office needs of a configuration file that has no faults.
package struct OfficeConfiguration: Sendable {
    package struct Organisation: Equatable, Sendable {
        package var name: String
        /// The name for people.
        package var title: String
        /// Its own address blocks.
        package var networks: [Prefix] = []
        /// Names of its sites, in the order of the file.
        package var sites: [String]
    }

    /// Compiled for each lane; generation and secrets are still the office's to fill in.
    package var lanes: [Settings.Compiled.Lane]
    package var organisations: [Organisation]
    /// One for each site.
    package var checks: [SiteCheck]
    package var prober: Settings.Prober
    /// Where flow exports come in; nil: nowhere.
    package var collector: Settings.Collector?
    /// The filter of packets in the kernel; nil: none.
    package var filter: Settings.Filter?
    /// What becomes of fingerprints of requests.
    package var fingerprints: Settings.Fingerprints
    /// Authorities that the prober trusts beside the system's, PEM; empty: none.
    package var proberAuthorities: [UInt8]
    /// This installation's name in `Via`, and under what it signs.
    package var instance: String
    /// The public pages' host; nil: the pages are written to the state folder only.
    package var pages: Settings.Pages?
    package var console: Settings.Console
    package var retention: Settings.Retention
    /// Crawlers that may be proven, and the name server that is asked for them; nil: the system's.
    package var bots: [Settings.Bot]
    package var nameServer: Endpoint?
    /// The state folder.
    package var state: String
    /// Where `/metrics` is served; nil: nowhere.
    package var metrics: Endpoint?
    /// Days that a finished access log is kept. One that ended at midnight has lived a day already when it is put away.
    package var accessLogDays: Int { Int(max(1, retention.accessLog / 86_400)) }

    package init(_ settings: Settings, _ compiled: Settings.Compiled) {
        lanes = compiled.lanes
        organisations = settings.organisations.map {
            Organisation(name: $0.name, title: $0.title, networks: $0.networks, sites: $0.sites.map(\.name))
        }
        checks = settings.organisations.flatMap { organisation in
            organisation.sites.compactMap { SiteCheck($0, of: organisation.name, lanes: compiled.lanes) }
        }
        prober = settings.prober
        collector = settings.collector
        filter = settings.filter
        fingerprints = settings.fingerprints
        proberAuthorities = compiled.proberAuthorities
        instance = settings.instance
        pages = settings.pages
        console = settings.console
        retention = settings.retention
        bots = settings.bots
        nameServer = settings.nameServer
        state = settings.state
        metrics = settings.metrics
    }

    /// What differs from `running` and needs a restart of the office, for people; listeners and cores are compared where
    /// they are bound.
    func changesThatNeedARestart(since running: OfficeConfiguration) -> [String] {
        var names: [String] = []
        if state != running.state { names.append("state") }
        if metrics != running.metrics { names.append("metrics") }
        if console != running.console { names.append("console") }
        if needsAnotherFilter(than: running) { names.append("filter") }
        if Set(lanes.map(\.name)) != Set(running.lanes.map(\.name)) { names.append("lanes") }
        return names
    }

    /// What is done with fingerprints, sources and samples is asked for anew each time; all else is said to the process at
    /// its start.
    private func needsAnotherFilter(than running: OfficeConfiguration) -> Bool {
        guard var one = filter, let other = running.filter else { return filter != running.filter }
        (one.rules, one.sources, one.blockTime) = (other.rules, other.sources, other.blockTime)
        (one.detection, one.cookies) = (other.detection, other.cookies)
        return one != other
    }
}
