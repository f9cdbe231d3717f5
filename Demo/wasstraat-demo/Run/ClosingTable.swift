/// The end of a run in words and figures, for people.
enum ClosingTable {
    static func text(_ result: RunResult) -> String {
        let phases = [("quiet", result.quiet), ("direct", result.direct), ("through", result.through)]
            .compactMap { name, phase in phase.map { (name, $0) } }
        func row(_ name: String, _ value: (RunResult.Phase) -> String) -> String {
            " " + padded(name, 26) + phases.map { padded(value($0.1), 16, right: true) }.joined()
        }
        let load = result.scenario == "crowd" ? "crowd" : "flood"
        let titles = ["quiet": "quiet", "direct": "\(load), direct", "through": "\(load), through"]
        var lines = [
            "", " " + padded("", 26) + phases.map { padded(titles[$0.0] ?? $0.0, 16, right: true) }.joined(),
            row("visitors served, known") { percent($0.known.success) },
            row("visitors served, unknown") { percent($0.unknown.success) },
            row("clicks") { "\($0.known.requests + $0.unknown.requests)" },
            row("refused / error / late") { "\($0.refused) / \($0.errors) / \($0.late)" },
            row("time to page, p50") { time($0.p50_ms) }, row("  p95") { time($0.p95_ms) },
            row("  p99") { time($0.p99_ms) }, row("flood, offered") { $0.flood.map { "\($0.offered)" } ?? "-" },
            row("flood, reached") { $0.flood.map { "\($0.reached)" } ?? "-" },
        ]
        if let gateway = result.gateway {
            lines.append(
                " Wasstraat's lane: \(fixed(gateway.cpu_seconds, 1)) s of processor time, "
                    + "\(fixed(Double(gateway.peak_rss_bytes) / 1_048_576, 1)) MiB of memory at its peak")
        }
        lines += [""] + wrapped(sentence(result)) + [""]
        return lines.joined(separator: "\n")
    }

    /// What the run shows, good or bad.
    private static func sentence(_ result: RunResult) -> String {
        if result.void {
            return "VOID: the load tool reached less than 90 % of what it offered, so this run proves nothing."
        }
        guard let quiet = result.quiet, let through = result.through else { return "The run was broken off." }
        let ratio = (through.p95_ms ?? 0) / max(0.001, quiet.p95_ms ?? 0)
        var text = ""
        if let direct = result.direct, let flood = direct.flood {
            text = "Straight at the origin, \(flood.offered) requests from \(flood.sources) sources left visitors "
            text += "\(percent(share(direct))) of their clicks; "
        }
        if result.scenario == "crowd" {
            return text + (text.isEmpty ? "Of" : "of")
                + " \(through.unknown.requests) new visitors \(through.refused) were refused, and "
                + "\(percent(through.unknown.success)) got their page."
        }
        text += text.isEmpty ? "Through" : "through"
        text += " Wasstraat known visitors got \(percent(through.known.success)), unknown ones "
        text += "\(percent(through.unknown.success)), at \(fixed(ratio, 1)) times the quiet p95."
        let isKept = (through.known.success ?? 1) >= 0.999 && (through.unknown.success ?? 1) >= 0.95 && ratio <= 2
        return isKept ? text : text + " That is less than Wasstraat promises (99.9 %, 95 %, 2 times)."
    }

    /// Lines of at most 78 characters.
    private static func wrapped(_ text: String) -> [String] {
        var lines = [""]
        for word in text.split(separator: " ") {
            if lines[lines.count - 1].count + word.count > 77 { lines.append("") }
            lines[lines.count - 1] += " " + word
        }
        return lines
    }

    private static func share(_ phase: RunResult.Phase) -> Double? {
        let all = phase.known.requests + phase.unknown.requests
        guard all > 0 else { return nil }
        let known = (phase.known.success ?? 0) * Double(phase.known.requests)
        return (known + (phase.unknown.success ?? 0) * Double(phase.unknown.requests)) / Double(all)
    }
}
