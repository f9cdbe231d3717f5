internal import Flows
internal import Telemetry

extension OfficeReport {
    /// The collector of flow exports, as it last said.
    struct Collector: Sendable {
        var isUp = false
        /// How often it ended by itself or could not begin.
        var failures: UInt64 = 0
        /// Since it was last begun, as all below.
        var figures = CollectorFigures()
        var filed: UInt64 = 0
        var strangers: UInt64 = 0
    }
}

extension MetricsText {
    /// Nothing where no collector is configured. Its counters begin at zero when it is begun anew.
    mutating func add(_ collector: OfficeReport.Collector?) {
        guard let collector else { return }
        family("wasstraat_collector_up", .gauge, help: "1 while the collector receives flow exports.")
        sample(UInt64(collector.isUp ? 1 : 0))
        let figures = collector.figures
        let flows = figures.flows
        let counters: [(String, String, UInt64)] = [
            ("failures", "Times that the collector could not begin, or ended by itself.", collector.failures),
            ("datagrams", "Datagrams of flow exporters.", flows.datagrams),
            ("records", "Flow records that detection took.", flows.records),
            ("samples", "Sampled packets that detection took.", flows.samples),
            ("lost", "Missing in the exporters' sequences: flows, records or datagrams.", flows.lost),
            ("dropped", "Datagrams that the kernel dropped because nobody took them in time.", figures.dropped),
            ("cut", "Datagrams that were longer than the collector takes.", figures.truncated),
            ("faults", "Datagrams, sets and samples that could not be read, by all causes.", figures.faults),
            ("without_template", "Sets of data that came before their template.", flows.unknownTemplate),
            ("templates", "Templates learnt.", flows.templates),
            ("refused_templates", "Templates that were refused.", flows.refusedTemplates),
            ("attacks", "Attacks filed.", collector.filed),
            ("strangers", "Attacks on no organisation's network, which are not filed.", collector.strangers),
        ]
        for (name, help, value) in counters {
            family("wasstraat_collector_\(name)_total", .counter, help: help)
            sample(value)
        }
    }
}
