internal import Detection
internal import Fingerprints
internal import Incidents
internal import Messages
internal import Telemetry

extension OfficeReport {
    /// The rules on requests, as they last stood.
    struct Requests: Sendable {
        var rules = RequestRules()
        /// The same for the console, with those that are kept away.
        var standing: [RuleNow] = []
        /// The same for the record.
        var entries: [RequestRecording.Entry] = []
        /// Words of lanes that there was no time for.
        var missed: UInt64 = 0
    }
}

extension MetricsText {
    /// Counters of a rule begin at zero with the office.
    mutating func add(_ requests: OfficeReport.Requests?) {
        guard let requests else { return }
        family("wasstraat_request_samples_missed_total", .counter, help: "Samples of requests that were not looked at.")
        sample(requests.missed)
        family("wasstraat_request_rules", .gauge, help: "Rules on requests, by what they do.")
        for site in requests.rules.sites {
            for conduct in LiveRule.Conduct.allCases {
                sample(
                    UInt64(site.rules.count { $0.conduct == conduct }),
                    [("site", site.name), ("conduct", "\(conduct)")])
            }
        }
        family(
            "wasstraat_request_rule_hits_total", .counter, help: "Requests that a rule matched, by what became of them."
        )
        for site in requests.rules.sites {
            for rule in site.rules {
                let labels = [("site", site.name), ("rule", RequestRule.digits(of: rule.id))]
                sample(rule.marked, labels + [("outcome", "marked")])
                sample(rule.knownHits, labels + [("outcome", "known")])
                let counted = rule.hits &- rule.marked &- rule.knownHits
                sample(counted > rule.hits ? 0 : counted, labels + [("outcome", "counted")])
            }
        }
    }
}
