internal import Messages
internal import Telemetry

extension MetricsText {
    /// What became of TLS handshakes, by cause, and what they cost.
    mutating func writeHandshakes(_ lanes: [(name: String, tls: TLSStatus)]) {
        let causes: [(String, (TLSStatus) -> UInt64)] = [
            ("malformed", { $0.malformed }), ("unknown_name", { $0.unknownNames }), ("unsupported", { $0.unsupported }),
            ("timed_out", { $0.timedOut }), ("abandoned", { $0.abandoned }),
        ]
        family(
            "wasstraat_tls_unfinished_total", .counter,
            help: "TLS handshakes that came to nothing, where the cause is known.")
        for lane in lanes {
            for (cause, count) in causes { sample(count(lane.tls), [("lane", lane.name), ("cause", cause)]) }
        }
        family(
            "wasstraat_tls_refused_known_total", .counter,
            help: "TLS handshakes refused before the key exchange whose visitor was known.")
        for lane in lanes { sample(lane.tls.refusedKnown, [("lane", lane.name)]) }
        family("wasstraat_tls_waited_total", .counter, help: "TLS handshakes that waited for their key exchange.")
        for lane in lanes { sample(lane.tls.waited, [("lane", lane.name)]) }
        family("wasstraat_tls_waited_seconds_total", .counter, help: "Time that they waited.")
        for lane in lanes { sample(Double(lane.tls.waitedMicroseconds) / 1e6, [("lane", lane.name)]) }
        family("wasstraat_tls_busy_seconds_total", .counter, help: "Time that workers spent in key exchanges.")
        for lane in lanes { sample(Double(lane.tls.busyNanoseconds) / 1e9, [("lane", lane.name)]) }
        family(
            "wasstraat_tls_cut_total", .counter,
            help: "TLS connections ended because their records cost more than they held.")
        for lane in lanes { sample(lane.tls.cut, [("lane", lane.name)]) }
        family("wasstraat_tls_waiting", .gauge, help: "TLS handshakes that wait for their key exchange now.")
        for lane in lanes { sample(lane.tls.waiting, [("lane", lane.name)]) }
        family(
            "wasstraat_tls_pressure", .gauge,
            help: "Workers of which more key exchanges are asked than they have time for.")
        for lane in lanes { sample(lane.tls.pressed, [("lane", lane.name)]) }
    }
}
