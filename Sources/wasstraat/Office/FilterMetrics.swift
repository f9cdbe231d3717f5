internal import Filters
internal import Incidents
internal import Messages
internal import Mitigations
internal import Telemetry

extension OfficeReport {
    /// The filter of packets, as it last said.
    struct Filter: Sendable {
        /// It answers.
        var isUp = false
        var restarts: UInt32 = 0
        /// nil while it does not answer.
        var status: FilterStatus?
        /// When `status` came; milliseconds of the monotonic clock.
        var statusAt: Int64 = 0
        /// Why there is no process.
        var trouble: String?
        /// Rules against attacks that the collector found.
        var handed = Handed()
        /// Sources that lanes have proven hostile.
        var sources = HandedSources()

        struct Handed: Sendable {
            var taken = 0
            var refused = 0
            var undone = 0
            /// Since the start, those that there was no room for.
            var omitted: UInt64 = 0
        }

        /// As a viewer is told of it.
        var reply: FilterReply {
            status.map { .status($0) } ?? .refused(code: "down", reason: reason)
        }

        /// As the console is told of it.
        var now: PacketFilterNow {
            guard let status else { return .unreachable(reason) }
            return .answering(
                PacketFilterNow.Answer(
                    mode: status.conduct.mode, interface: status.interface, rules: status.rules.count,
                    dryRules: status.rules.count { $0.conduct == .dry },
                    suspendedRules: status.rules.count { $0.conduct == .suspended }, missing: status.conduct.missing))
        }

        /// Why there is no status.
        private var reason: String { String((trouble ?? "it does not answer").prefix(200)) }
    }
}

extension FilterReason {
    /// "blocked_source": as figures name it.
    var label: String {
        var text = ""
        for letter in "\(self)" { text += letter.isUppercase ? "_" + letter.lowercased() : String(letter) }
        return text
    }

    fileprivate var outcome: String {
        if isDry { return "would_drop" }
        if self == .cookieSent { return "answered" }
        return isDrop ? "dropped" : "passed"
    }
}

extension MetricsText {
    /// Nothing where no filter is configured. Counters count up from when the filter was first set up, over restarts.
    mutating func add(_ filter: OfficeReport.Filter?) {
        guard let filter else { return }
        family("wasstraat_filter_up", .gauge, help: "1 while the filter's process answers.")
        sample(UInt64(filter.isUp ? 1 : 0))
        family(
            "wasstraat_filter_restarts_total", .counter,
            help: "Processes of the filter started after the first, since the office started.")
        sample(UInt64(filter.restarts))
        family("wasstraat_filter_attack_rules", .gauge, help: "Rules against attacks that go on or have just ended.")
        sample(UInt64(filter.handed.taken), [("state", "taken")])
        sample(UInt64(filter.handed.refused), [("state", "refused")])
        sample(UInt64(filter.handed.undone), [("state", "undone")])
        family("wasstraat_filter_omitted_rules_total", .counter, help: "Such rules that there was no room for.")
        sample(filter.handed.omitted)
        add(filter.sources)
        guard let status = filter.status else { return }
        family("wasstraat_filter_mode", .gauge, help: "1 for the way in which packets are filtered.")
        for mode in EnforcerConduct.Mode.allCases {
            sample(UInt64(mode == status.conduct.mode ? 1 : 0), [("mode", "\(mode)")])
        }
        family("wasstraat_filter_missing", .gauge, help: "Things that the filter says are missing, rights among them.")
        sample(UInt64(status.conduct.missing.count))
        write(counts: status.counts)
        family("wasstraat_filter_entries", .gauge, help: "Entries in a list of the filter.")
        for list in FilterList.allCases where Int(list.rawValue) < status.sizes.count {
            sample(UInt64(status.sizes[Int(list.rawValue)]), [("list", "\(list)")])
        }
        write(rules: status.rules)
        family("wasstraat_filter_samples_total", .counter, help: "Frames that were sampled.")
        sample(status.conduct.samples)
        family("wasstraat_filter_lost_samples_total", .counter, help: "Sampled frames that there was no room for.")
        sample(status.conduct.lost)
    }

    private mutating func add(_ sources: HandedSources) {
        family("wasstraat_filter_sources_total", .counter, help: "Sources that lanes have proven hostile.")
        sample(sources.taken, [("outcome", "taken")])
        sample(sources.refused, [("outcome", "refused")])
        sample(sources.omitted, [("outcome", "omitted")])
        sample(sources.spared, [("outcome", "spared")])
        family("wasstraat_filter_sources_conduct", .gauge, help: "1 for what is done with such sources.")
        for conduct in HandedSources.Conduct.allCases {
            sample(UInt64(conduct == sources.conduct ? 1 : 0), [("conduct", "\(conduct)")])
        }
    }

    /// By reason: what is dry was counted beside the reason that the packet ended in.
    private mutating func write(counts: [FilterCount]) {
        let counted = FilterReason.allCases.filter { Int($0.rawValue) < counts.count }
        func labels(_ reason: FilterReason) -> [Label] {
            [
                ("reason", reason.label),
                ("outcome", reason.outcome),
            ]
        }
        family("wasstraat_filter_packets_total", .counter, help: "Packets by what became of them, and why.")
        for reason in counted { sample(counts[Int(reason.rawValue)].packets, labels(reason)) }
        family("wasstraat_filter_bytes_total", .counter, help: "Their bytes.")
        for reason in counted { sample(counts[Int(reason.rawValue)].bytes, labels(reason)) }
    }

    private mutating func write(rules: [FilterStatus.Rule]) {
        func labels(_ rule: FilterStatus.Rule) -> [Label] {
            [("rule", "\(rule.id)"), ("conduct", "\(rule.conduct)")]
        }
        family("wasstraat_filter_rules", .gauge, help: "Rules of the filter; only live ones drop.")
        for conduct in FilterStatus.Rule.Conduct.allCases {
            sample(UInt64(rules.count { $0.conduct == conduct }), [("conduct", "\(conduct)")])
        }
        family("wasstraat_filter_rule_packets_total", .counter, help: "Packets that a rule matched.")
        for rule in rules { sample(rule.hits.packets, labels(rule)) }
        family("wasstraat_filter_rule_bytes_total", .counter, help: "Their bytes.")
        for rule in rules { sample(rule.hits.bytes, labels(rule)) }
    }
}
