internal import Messages
internal import Telemetry

extension MetricsText {
    /// Requests by what is known of their source beside its history.
    mutating func writeStandings(of sites: [SiteStatus], _ labels: (SiteStatus) -> [Label]) {
        family(
            "wasstraat_access_requests_total", .counter,
            help: "Requests of named sources, probers and crawlers; all but the denied are among the classes too.")
        for site in sites {
            for standing in TopModel.standings {
                sample(standing.count(site.access), labels(site) + [("standing", standing.name)])
            }
        }
    }

    mutating func add(_ bots: BotVerifier.Counts) {
        family(
            "wasstraat_bot_claims_total", .counter,
            help: "Sources that said they were a crawler, by what was found out.")
        sample(bots.confirmed, [("outcome", "confirmed")])
        sample(bots.refuted, [("outcome", "refuted")])
        sample(bots.unanswered, [("outcome", "unanswered")])
        sample(bots.omitted, [("outcome", "omitted")])
        family("wasstraat_bot_queries_total", .counter, help: "Questions to the name server about crawlers.")
        sample(bots.queries)
    }
}
