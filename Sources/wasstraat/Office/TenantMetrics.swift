internal import Messages
internal import Telemetry

extension MetricsText {
    /// What each site has of the lanes, and what was turned away because it had more than its share.
    mutating func writeTenants(_ sites: [SiteStatus]) {
        func labels(_ site: SiteStatus) -> [Label] { [("organisation", site.organisation), ("site", site.name)] }
        family("wasstraat_tenant_connections", .gauge, help: "Visitors' connections that are the site's now.")
        for site in sites { sample(site.connections, labels(site)) }
        family(
            "wasstraat_tenant_memory_bytes", .gauge,
            help: "Heads, bodies and responses that the lanes hold for the site now.")
        for site in sites { sample(site.memory, labels(site)) }
        family("wasstraat_tenant_processor_seconds_total", .counter, help: "The workers' time that went into the site.")
        for site in sites { sample(Double(site.processorMicroseconds) / 1e6, labels(site)) }
        family(
            "wasstraat_tenant_refused_total", .counter,
            help: "Turned away because the site had more than its share of what was short.")
        for site in sites {
            sample(site.budgetRefused, labels(site) + [("what", "request")])
            sample(site.budgetClosed, labels(site) + [("what", "connection")])
        }
        family(
            "wasstraat_tenant_capped_total", .counter,
            help: "Turned away because the organisation had all that its caps allow.")
        for site in sites {
            sample(site.capRefused, labels(site) + [("what", "request")])
            sample(site.capClosed, labels(site) + [("what", "connection")])
        }
    }
}
