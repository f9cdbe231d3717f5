internal import Telemetry

extension OfficeReport {
    /// Detection on the filter's samples, as it last stood.
    struct Wire: Sendable {
        /// Samples can come: the filter answers.
        var isUp = false
        /// Since it was begun, as `unread` and `ordinary`.
        var samples: UInt64 = 0
        var unread: UInt64 = 0
        /// Those that rules were measured on.
        var ordinary: UInt64 = 0
        /// Attacks that go on.
        var attacks = 0
        /// Addresses whose SYN are answered with cookies for a flood.
        var flooded = 0
    }
}

extension MetricsText {
    /// Nothing where samples are not looked at. Its counters begin at zero when it is begun anew.
    mutating func add(_ wire: OfficeReport.Wire?) {
        guard let wire else { return }
        let gauges: [(String, String, UInt64)] = [
            ("up", "1 while samples of the filter can come.", wire.isUp ? 1 : 0),
            ("attacks", "Attacks that samples show now.", UInt64(wire.attacks)),
            ("flooded", "Addresses that a flood of SYN has cookies sent for.", UInt64(wire.flooded)),
        ]
        for (name, help, value) in gauges {
            family("wasstraat_wire_\(name)", .gauge, help: help)
            sample(value)
        }
        let counters: [(String, String, UInt64)] = [
            ("samples", "Samples that detection took.", wire.samples),
            ("unread", "Samples that could not be read.", wire.unread),
            ("ordinary_samples", "Samples of ordinary traffic, on which rules are measured.", wire.ordinary),
        ]
        for (name, help, value) in counters {
            family("wasstraat_wire_\(name)_total", .counter, help: help)
            sample(value)
        }
    }
}
