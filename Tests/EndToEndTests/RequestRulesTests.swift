import Addresses
import Load
import Synchronization
import TestKit
import Testing

/// Fingerprints of requests with the real programs: found at one site, at work there and at another one.
@Suite(.serialized) struct RequestRulesTests {
    /// Clients that ask one after the other, each time over a new connection from another address of this machine.
    private final class Askers: Sendable {
        private let statuses = Mutex<[Int: Int]>([:])
        private let isOver = Mutex(false)
        private let threads = Mutex<[TestThread]>([])

        /// - Parameter pause: milliseconds between two requests of one of them.
        init(
            _ count: Int, network: UInt32, to endpoint: Endpoint, host: String, fields: [String], pause: Int,
            target: @escaping @Sendable (_ asker: Int, _ number: Int) -> String
        ) throws {
            for asker in 0..<count {
                let thread = try TestThread {
                    var number = 0
                    while !self.isOver.withLock({ $0 }) {
                        number += 1
                        let place = UInt32(asker) << 8 | UInt32(number % 250 + 1)
                        let source = Address(ipv4: 127 << 24 | network << 16 | place)
                        var status = 0
                        if var client = try? RawClient(to: endpoint, from: source) {
                            let answer = try? client.get(
                                target(asker, number), host: host, fields: fields + ["Connection: close"])
                            status = answer?.status ?? 0
                        }
                        self.statuses.withLock { $0[status, default: 0] += 1 }
                        pauseThread(pause)
                    }
                }
                threads.withLock { $0.append(thread) }
            }
        }

        /// Ends them; how many answers of each status came, 0: none.
        func end() -> [Int: Int] {
            isOver.withLock { $0 = true }
            for thread in threads.withLock({ $0 }) { thread.join() }
            return statuses.withLock { $0 }
        }
    }

    private static let words = ["paspoort", "verhuizen", "trouwen", "afval", "parkeren", "rijbewijs"]
    private static let browser = [
        "User-Agent: Mozilla/5.0 (X11)", "Accept: text/html", "Accept-Language: nl", "Accept-Encoding: gzip",
    ]
    private static let tool = ["Accept: */*", "User-Agent: flood/1.0"]

    private func visitors(_ wasstraat: RunningWasstraat, _ host: String, _ network: UInt32) throws -> Askers {
        try Askers(4, network: network, to: wasstraat.clear, host: host, fields: Self.browser, pause: 60) {
            ($0 + $1) % 3 == 0 ? "/zoeken?q=" + Self.words[$1 % Self.words.count] : "/paspoort"
        }
    }

    private func flood(_ wasstraat: RunningWasstraat, _ host: String, _ network: UInt32) throws -> Askers {
        try Askers(40, network: network, to: wasstraat.clear, host: host, fields: Self.tool, pause: 5) {
            asker, number in
            "/zoeken?q=" + String(UInt64(asker * 7_919 + number + 1) &* 0x9e37_79b9_7f4a_7c15, radix: 36)
        }
    }

    /// A figure with this in its labels.
    private func figure(_ wasstraat: RunningWasstraat, _ name: String, _ labels: String...) -> Double {
        let lines = ((try? wasstraat.scrape()) ?? "").split(separator: "\n").filter { line in
            line.hasPrefix(name + "{") && labels.allSatisfy { line.contains($0) }
        }
        return lines.reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? 0) }
    }

    @Test func `what attacks one site is marked there, and at another from the start`() throws {
        let origins = [try MunicipalOrigin(), try MunicipalOrigin()]
        defer { withExtendedLifetime(origins) {} }
        let wasstraat = try RunningWasstraat(at: Address(ipv4: 127 << 24 | 78 << 8 | 21))
        let hosts = ["een.example.nl", "twee.example.nl"]
        try wasstraat.configure(
            zip(hosts, origins).map { RunningWasstraat.Site(host: $0, origin: $1.endpoint) },
            extra: "fingerprints: {history: 600}")
        try wasstraat.start()
        let calm = [try visitors(wasstraat, hosts[0], 81), try visitors(wasstraat, hosts[1], 82)]
        // Three hundred of each site's requests must be kept, and learnt ten seconds later.
        pauseThread(45_000)
        let onset = Clock.now()
        let first = try flood(wasstraat, hosts[0], 83)
        let isLive = eventually(within: 60_000) {
            self.figure(wasstraat, "wasstraat_request_rules", "een.example.nl", "live") > 0
        }
        let seconds = Double(Clock.now() - onset) / 1e9
        try #require(isLive, "no rule marks:\n\(wasstraat.log)")
        #expect(
            eventually(within: 20_000) {
                self.figure(wasstraat, "wasstraat_request_rules", "twee.example.nl", "live") > 0
            })
        pauseThread(3_000)
        let there = first.end()
        let marked = figure(
            wasstraat, "wasstraat_request_rule_hits_total", "een.example.nl", "outcome=\"marked\"")
        // The other site, from its first second on.
        let second = try flood(wasstraat, hosts[1], 84)
        pauseThread(1_000)
        let asked = second.end().values.reduce(0, +)
        pauseThread(2_500)
        let elsewhere = figure(
            wasstraat, "wasstraat_request_rule_hits_total", "twee.example.nl", "outcome=\"marked\"")
        let served = calm.map { $0.end() }
        print(
            "rules on requests: seen to mark after \(seconds) s; marked \(marked) of "
                + "\(there.values.reduce(0, +)); elsewhere, in the first second: \(elsewhere) of \(asked); "
                + "visitors \(served)")
        #expect(marked > 0)
        #expect(elsewhere >= 0.9 * Double(asked))
        // No page of the first site is part of what the second one was told.
        let told = wasstraat.log.split(separator: "\n").filter { $0.contains("rule on requests began") }
        #expect(!told.isEmpty)
        #expect(wasstraat.text("state/access.log").contains("\"rule\":\""))
        // The operator's word, at one site and then at all.
        let line = try wasstraat.scrape().split(separator: "\n").first {
            $0.hasPrefix("wasstraat_request_rule_hits_total{") && $0.contains("twee.example.nl")
        }
        let rule = try #require(line?.split(separator: "rule=\"").dropFirst().first?.prefix(16)).description
        func lives(_ host: String) -> Double {
            self.figure(wasstraat, "wasstraat_request_rules", host, "live")
        }
        let all = (lives("een.example.nl"), lives("twee.example.nl"))
        _ = try wasstraat.ask("access", "rule", rule, "observe", "--site", "twee.example.nl", "--reason", "a doubt")
        #expect(eventually(within: 20_000) { lives("twee.example.nl") == all.1 - 1 })
        #expect(lives("een.example.nl") == all.0)
        _ = try wasstraat.ask("access", "rule", rule, "protect", "--reason", "none any more")
        #expect(eventually(within: 20_000) { lives("twee.example.nl") == all.1 })
        _ = try wasstraat.ask("access", "rule", rule, "undo", "--reason", "it hits our app")
        #expect(eventually(within: 20_000) { (try? wasstraat.scrape().contains(rule)) == false })
        // Kept for the office that comes after.
        #expect(eventually(within: 5_000) { wasstraat.text("state/rules.words").contains("\"order\":\"undo\"") })
        #expect(throws: (any Error).self) {
            try wasstraat.ask("access", "rule", rule, "protect", "--reason", "it is gone")
        }
    }
}
