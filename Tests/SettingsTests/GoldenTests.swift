import Addresses
import Foundation
import Messages
import Settings
import Testing

/// Each file in Golden is a configuration, a line "=====", and what comes of it: the effective configuration with its
/// warnings, or the complaints. WASSTRAAT_RECORD=1 writes the second half anew; read the difference before a commit.
struct GoldenTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    static let names: [String] = {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
        return found.filter { $0.hasSuffix(".txt") }.sorted()
    }()

    @Test func `there are golden files`() {
        #expect(Self.names.count >= 20)
    }

    @Test(arguments: names) func `comes to what the golden file says`(name: String) throws {
        let file = Self.folder.appending(path: name)
        let (input, expected) = try Self.halves(name)
        let outcome = Self.outcome(input)
        if ProcessInfo.processInfo.environment["WASSTRAAT_RECORD"] != nil {
            try (input + "=====\n" + outcome).write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(outcome == expected)
        }
    }

    static func halves(_ name: String) throws -> (input: String, expected: String) {
        let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        let halves = text.split(separator: "=====\n", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(halves[0]), halves.count == 2 ? String(halves[1]) : "")
    }

    private static func outcome(_ text: String) -> String {
        do throws(Complaints) {
            let settings = try Settings.parse(text: text)
            return settings.warnings.map { "\($0)\n" }.joined() + settings.effective
        } catch {
            return "\(error)\n"
        }
    }
}

extension Settings {
    /// The settings in words; the limits only where they differ from the usual ones.
    fileprivate var effective: String {
        var lines = ["state \(state), instance \(instance), metrics \(metrics.map { "\($0)" } ?? "off")"]
        lines.append(
            "console \(console.listen.map { "\($0)" } ?? "off") \(console.session) s"
                + (console.needsFactor ? " with a second factor" : "") + ", prober "
                + (prober.isEnabled
                    ? "\(prober.name) in \(prober.network), \(prober.interval) of \(prober.timeout) ms" : "off"))
        lines.append(
            "retention: access log \(retention.accessLog) s, history \(retention.history) s, samples "
                + "\(retention.samples) s, points \(retention.points) s, sealed \(retention.sealed) s")
        if let pages {
            lines.append("pages \(pages.hosts) at \(pages.address) certificate \(pages.certificate?.chain ?? "none")")
        }
        if let diskCache { lines.append("disk cache \(diskCache.folder) of \(diskCache.size) bytes") }
        if let collector { lines.append("collector \(collector.listen), baseline \(collector.baseline ?? "shipped")") }
        if let filter {
            lines.append(
                "filter \(filter.interface), sampling \(filter.sampling), tunnels \(filter.tunnels), malformed \(filter.malformed), "
                    + "rules \(filter.rules), sources \(filter.sources), block time \(filter.blockTime) s, "
                    + "detection \(filter.detection), cookies \(filter.cookies)")
            for (name, budget) in [("source", filter.sourceBudget), ("destination", filter.destinationBudget)] {
                guard let budget else { continue }
                lines.append("  a \(name)'s \(budget.packets) packets, \(budget.bytes) bytes, dry \(budget.isDry)")
            }
        }
        if fingerprints != Settings.Fingerprints() {
            lines.append("fingerprints \(fingerprints.rules), history \(fingerprints.history)")
        }
        for lane in lanes { lines += lane.effective }
        if !trustedPeers.isEmpty { lines.append("trusted \(trustedPeers)") }
        let (usual, limits) = (Mirror(reflecting: Snapshot.Limits()).children, Mirror(reflecting: limits).children)
        for (one, other) in zip(usual, limits) where "\(one.value)" != "\(other.value)" {
            lines.append("limit \(other.label ?? "") \(other.value)")
        }
        for organisation in organisations {
            lines.append("organisation \(organisation.name) '\(organisation.title)'")
            let caps = organisation.caps
            if caps != Snapshot.Caps() {
                let numbers = [caps.connections, caps.queue, caps.processor].map { $0.map { "\($0)" } ?? "no" }
                let memory = caps.memory.map { "\($0)" } ?? "no"
                lines.append(
                    "  caps \(numbers[0]) connections, \(numbers[1]) in the queue, \(memory) bytes, \(numbers[2]) %")
            }
            if !organisation.networks.isEmpty { lines.append("  networks \(organisation.networks)") }
            lines += organisation.sites.map(\.effective)
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Settings.Lane {
    fileprivate var effective: [String] {
        ["lane \(name), cores \(cores), organisations \(organisations)"]
            + listeners.map {
                "  listener \($0.endpoint) \($0.isTLS ? "tls" : $0.servesClear ? "serve" : "redirect")\($0.speaksHTTP2 ? "" : " http1")"
                    + ($0.proxyPeers.isEmpty ? "" : " proxy \($0.proxyPeers)")
            }
    }
}

extension Settings.Site {
    fileprivate var effective: String {
        var text = "  site \(name) \(hosts) \(mode) \(service) body \(bodyLimit)"
        if let sourceLimit { text += " limit \(sourceLimit.rate)/\(sourceLimit.burst)" }
        if !isScored { text += " unscored" }
        if let certificate { text += "\n    certificate \(certificate.chain) key \(certificate.key ?? "beside")" }
        text += "\n    check \(check.path) for \(check.status) and \(check.word.map { "'\($0)'" } ?? "no word")"
        for origin in origins {
            text += "\n    origin \(origin.url) name '\(origin.serverName)' authority \(origin.authority ?? "system")"
        }
        return text
    }
}
